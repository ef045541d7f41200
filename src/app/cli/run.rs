//! `rwenv run`: a program without the person's credentials.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use comfy_table::Cell;
use serde::Serialize;

use super::shared::{directory, known};
use super::{out, report};
use crate::confine::{
    self, BeforeSession, BrokerDesk, ConfinementPlan, CustodyWish, Means, MeansFound, MountStep, OutsideList,
    RunWish, SessionFolder,
};
use crate::guard::{Identity, Listening};
use rwenv_core::model::{Bound, GitReach, Rwenv, Rwenvs};
use rwenv_gate::base::environment::{Environment, under_home};
use rwenv_gate::base::files;
use rwenv_gate::base::redact::redact;
use rwenv_gate::facts::objects::{Budget, ObjectRepository};
use rwenv_gate::facts::{binding, config, content, guarded, kubeconfig};
use rwenv_gate::ledger::audit;

/// Files that a session left, named at its end at most.
const LEFT: usize = 8;
/// Heading of the options about git.
const GIT: &str = "Remotes of git";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of a command line")]
pub(super) struct RunArgs {
    /// Rwenv whose cluster is reached, through the API guard [default: the selected rwenv]
    #[arg(long, value_name = "RWENV")]
    env: Option<String>,
    /// Leave this file or folder as it is
    #[arg(long, value_name = "PATH")]
    allow: Vec<PathBuf>,
    /// Hide this file or folder as well
    #[arg(long, value_name = "PATH")]
    hide: Vec<PathBuf>,
    /// By what git's remotes are reached: by the session itself, or by the broker outside, which keeps the credentials [default: what the rwenv
    /// says, else pass]
    #[arg(long, value_enum, value_name = "WAY", help_heading = GIT)]
    git: Option<GitBy>,
    /// Remote that the broker reaches with your credentials, beside those of the rwenv; repeatable
    #[arg(long, value_name = "URL", help_heading = GIT)]
    remote: Vec<String>,
    /// Confine by this means alone [default: the strongest that works here]
    #[arg(long, value_enum)]
    means: Option<ByMeans>,
    /// Show what would be hidden, read-only, or in place of something, and run nothing
    #[arg(long, group = "shown")]
    dry_run: bool,
    /// Try from inside what is hidden, sockets and API servers, and show what came of it
    #[arg(long, group = "shown", conflicts_with_all = ["program", "best_effort"])]
    probe: bool,
    /// Run the program unconfined if nothing here can confine it
    #[arg(long)]
    best_effort: bool,
    /// Print JSON (with --dry-run or --probe)
    #[arg(long, requires = "shown")]
    json: bool,
    /// Program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

/// The words of `--git`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GitBy {
    Pass,
    Broker,
}

/// The words of `--means`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ByMeans {
    Bubblewrap,
    Namespaces,
    Landlock,
    Seatbelt,
}

impl ByMeans {
    fn means(self) -> Means {
        match self {
            Self::Bubblewrap => Means::Bubblewrap,
            Self::Namespaces => Means::Namespaces,
            Self::Landlock => Means::Landlock,
            Self::Seatbelt => Means::Seatbelt,
        }
    }
}

pub(super) fn run(args: &RunArgs, environment: &Environment) -> anyhow::Result<u8> {
    if args.program.is_empty() && !args.dry_run && !args.probe {
        bail!("name the program: rwenv run -- claude");
    }
    #[cfg(target_os = "linux")]
    confine::close_inherited();
    files::make_private_dir(&audit::folder(environment))?;
    files::make_private_dir(&confine::broker_folder(environment))?;
    let rwenvs = config::load(&environment.config_dir)?.rwenvs;
    let cwd = directory(None);
    let rwenv = chosen(args.env.as_deref(), &rwenvs, environment)?;
    let session = SessionFolder::make(environment)?;
    let broker = broker(args, rwenv.as_ref(), (&session.path, &cwd), environment)?;
    let wish = RunWish {
        custody: custody(args, &cwd, rwenv.as_ref(), &rwenvs, environment)?,
        named: args.env.is_some(),
        rwenv,
        cwd: cwd.clone(),
        broker: broker.as_ref().map(|desk| desk.furnish(&session.path)).transpose()?.unwrap_or_default(),
    };
    if let Some(rwenv) = wish.rwenv.as_ref().filter(|_| !args.dry_run) {
        prepare(rwenv, &rwenvs, environment)?;
    }
    let plan = ConfinementPlan::make(&wish, &session.path, &rwenvs, environment)?;
    let found = confine::find_means(args.means.map(ByMeans::means), environment);
    if args.dry_run {
        return show(&plan, &found, args.json);
    }
    plan.notes.iter().for_each(|note| out::note(&format!("rwenv: {note}")));
    match found {
        Ok(found) => {
            for lack in found.means.lacks() {
                out::note(&format!("rwenv: {} does not hold: {lack}", found.means.as_str()));
            }
            started(&found, &wish, environment)?;
            if args.probe {
                OutsideList::gather(&rwenvs.all, environment).leave(&session)?;
            }
            let before = BeforeSession::look(environment);
            let ended = confine::run(&plan, &found, (&session, broker), &program(args)?, environment);
            tell_what_is_left(&before, environment);
            ended
        }
        Err(why) if args.best_effort => {
            out::note(&format!(
                "rwenv: nothing here can confine a program ({}); it runs unconfined",
                why.join("; ")
            ));
            unconfined(&args.program)
        }
        Err(why) => bail!(
            "nothing here can confine a program ({}); install bubblewrap, or run it unconfined with --best-effort",
            why.join("; ")
        ),
    }
}

/// What is started: the program, or ourselves, to look around.
fn program(args: &RunArgs) -> anyhow::Result<Vec<OsString>> {
    if !args.probe {
        return Ok(args.program.clone());
    }
    let words = ["confined", report::WORD, if args.json { "--json" } else { "" }];
    let words = words.into_iter().filter(|word| !word.is_empty()).map(OsString::from);
    Ok(std::iter::once(std::env::current_exe()?.into_os_string()).chain(words).collect())
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// By what git's remotes are reached: as the option says, or the rwenv.
fn reach(args: &RunArgs, rwenv: Option<&Rwenv>) -> GitReach {
    match args.git {
        Some(GitBy::Pass) => GitReach::Pass,
        Some(GitBy::Broker) => GitReach::Broker,
        None => rwenv.map_or(GitReach::Pass, |rwenv| rwenv.custody.git),
    }
}

/// The broker of the session, where it reaches the remotes.
fn broker(
    args: &RunArgs,
    rwenv: Option<&Rwenv>,
    session: (&Path, &Path),
    environment: &Environment,
) -> anyhow::Result<Option<BrokerDesk>> {
    if reach(args, rwenv) == GitReach::Pass {
        if !args.remote.is_empty() {
            bail!("--remote names what the git broker reaches; say --git broker as well");
        }
        return Ok(None);
    }
    let desk = BrokerDesk::new(rwenv, &args.remote, session, environment)?;
    tell_of_remotes(&desk, session.1, rwenv, environment);
    Ok(Some(desk))
}

/// Says which remotes of the project nobody has confirmed: any program could have written them into its configuration.
fn tell_of_remotes(desk: &BrokerDesk, cwd: &Path, rwenv: Option<&Rwenv>, environment: &Environment) {
    let repository = ObjectRepository::at(cwd, environment, Budget::ample());
    let mut remotes = repository.map(|repository| content::remotes(&repository)).unwrap_or_default();
    remotes.retain(|url| !url.starts_with(['/', '.']) && !url.starts_with("file:") && !desk.reaches(url));
    remotes.dedup();
    for url in remotes.iter().take(LEFT).map(|url| redact(url)) {
        let confirm = match rwenv {
            Some(rwenv) => {
                format!("rwenv edit {} --custody-remote {url}, or --remote {url} for one session", rwenv.name)
            }
            None => format!("--remote {url}"),
        };
        out::note(&format!(
            "rwenv: the git broker does not reach {url}: nobody has confirmed it; if it is yours: {confirm}"
        ));
    }
}

/// What the options say, and `custody` in `envs.json`: of this rwenv what stays, of every rwenv what is hidden.
fn custody(
    args: &RunArgs,
    cwd: &Path,
    rwenv: Option<&Rwenv>,
    rwenvs: &Rwenvs,
    environment: &Environment,
) -> anyhow::Result<CustodyWish> {
    let whole = |paths: &[PathBuf]| paths.iter().map(|path| real(&cwd.join(path))).collect();
    let git = reach(args, rwenv);
    let mut wish = CustodyWish { allow: whole(&args.allow), hide: whole(&args.hide), git };
    let written = |rwenv: &Rwenv, path: &str| {
        let full = kubeconfig::full(path, environment);
        if full.is_absolute() {
            return Ok(real(&full));
        }
        let name = &rwenv.name;
        bail!(
            "custody of rwenv '{name}' in envs.json: '{path}' is neither absolute nor below ~/; correct it with rwenv edit {name}"
        )
    };
    if let Some(rwenv) = rwenv {
        for path in &rwenv.custody.allow {
            wish.allow.push(written(rwenv, path)?);
        }
    }
    for rwenv in &rwenvs.all {
        for path in &rwenv.custody.hide {
            wish.hide.push(written(rwenv, path)?);
        }
    }
    Ok(wish)
}

/// The rwenv that is named, or selected here.
fn chosen(named: Option<&str>, rwenvs: &Rwenvs, environment: &Environment) -> anyhow::Result<Option<Rwenv>> {
    if let Some(name) = named {
        return known(rwenvs, name).map(|rwenv| Some(rwenv.clone()));
    }
    match binding::selection(&directory(None), environment).map(|selection| selection.bound) {
        Some(Bound::Rwenv(name)) => known(rwenvs, &name).map(|rwenv| Some(rwenv.clone())),
        Some(Bound::Invalid(why)) => bail!("{why}; select one that exists: rwenv set <name>"),
        _ => Ok(None),
    }
}

/// Has the guard's kubeconfig be there, which stands in the place of the person's.
fn prepare(rwenv: &Rwenv, rwenvs: &Rwenvs, environment: &Environment) -> anyhow::Result<()> {
    let mut identity = Identity::of(rwenvs, environment)?;
    if identity.port() == 0 {
        // Found free and kept, for the daemon to take.
        drop(Listening::at(&mut identity)?);
    }
    identity.write_kubeconfigs(rwenvs, environment)?;
    if guarded::listener(identity.port()).is_none() {
        out::note(&format!(
            "rwenv: the API guard is not running, so '{}' cannot be reached from inside: rwenv daemon start",
            rwenv.name
        ));
    }
    Ok(())
}

/// Puts on record that a session began.
fn started(found: &MeansFound, wish: &RunWish, environment: &Environment) -> anyhow::Result<()> {
    let rwenv = wish.rwenv.as_ref().map_or("no rwenv", |rwenv| rwenv.name.as_str());
    let detail = format!("session {} by {} in {rwenv}", std::process::id(), found.means.as_str());
    Ok(audit::happened("run", "confined", &detail, environment)?)
}

/// Says what runs outside later because of the session, and puts it on record.
fn tell_what_is_left(before: &BeforeSession, environment: &Environment) {
    let left: Vec<String> = before.left().iter().map(|path| under_home(path)).collect();
    if left.is_empty() {
        return;
    }
    let shown = left.iter().take(LEFT).cloned().collect::<Vec<_>>().join(", ");
    let more = left.len().saturating_sub(LEFT);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    out::note(&format!(
        "rwenv: the session left what runs outside later: {shown}{more}; look at it, and remove what you do not know"
    ));
    let detail = format!("session {}: {}", std::process::id(), left.join(", "));
    // The program has ended: its exit status is what the caller gets.
    if let Err(why) = audit::happened("run", "left", &detail, environment) {
        out::note(&format!("rwenv: this is not on record: {why}"));
    }
}

/// The program as it is, in this process's place.
fn unconfined(program: &[OsString]) -> anyhow::Result<u8> {
    use std::os::unix::process::CommandExt as _;
    let (first, rest) = program.split_first().context("name the program: rwenv run -- claude")?;
    let error = std::process::Command::new(first).args(rest).exec();
    Err(error).with_context(|| first.display().to_string())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRun<'p> {
    means: Option<Means>,
    lacks: Vec<&'static str>,
    unavailable: &'p [String],
    #[serde(flatten)]
    plan: &'p ConfinementPlan,
}

fn show(plan: &ConfinementPlan, found: &Result<MeansFound, Vec<String>>, json: bool) -> anyhow::Result<u8> {
    let means = found.as_ref().ok().map(|found| found.means);
    let unavailable = found.as_ref().err().map_or(&[][..], Vec::as_slice);
    let lacks = means.map_or(&[][..], Means::lacks).to_vec();
    if json {
        out::json(&ShownRun { means, lacks, unavailable, plan })?;
        return Ok(0);
    }
    let mut table = out::table(&["WHAT", "WHERE", "HOLDS"]);
    for planned in &plan.steps {
        let what = match planned.step {
            MountStep::Shown => "as it is",
            MountStep::ReadOnly => "read-only",
            MountStep::EmptyFolder(_) | MountStep::SealedFolder | MountStep::EmptyFile => "hidden",
            MountStep::InPlace(_) => "replaced",
        };
        table.add_row([what, &under_home(&planned.path), &planned.about].map(Cell::new));
    }
    for name in &plan.removed {
        table.add_row(["removed", &format!("${name}"), ""].map(Cell::new));
    }
    for (name, value) in &plan.set {
        table.add_row(["set", &format!("${name}"), value].map(Cell::new));
    }
    out::print(&table);
    match means {
        Some(means) => out::note(&format!("confined by {}", means.as_str())),
        None => out::note(&format!("nothing here can confine a program: {}", unavailable.join("; "))),
    }
    lacks.iter().for_each(|lack| out::note(&format!("does not hold: {lack}")));
    plan.notes.iter().for_each(|note| out::note(note));
    Ok(0)
}

/// The inner side of a session, which `rwenv run` starts.
#[derive(Debug, Args)]
pub(super) struct ConfinedArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

pub(super) fn confined(args: &ConfinedArgs, environment: &Environment) -> anyhow::Result<u8> {
    if args.words.first().is_some_and(|word| word == report::WORD) {
        return report::report(args.words.iter().any(|word| word == "--json"), environment);
    }
    if let Some(code) = confine::broker_client(&args.words) {
        return Ok(code);
    }
    #[cfg(target_os = "linux")]
    return confine::inside(&args.words)
        .map_err(|why| anyhow::anyhow!("the session could not be confined: {why}; nothing was run"));
    #[cfg(not(target_os = "linux"))]
    bail!("{:?}: only Linux has this", args.words)
}
