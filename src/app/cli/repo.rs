//! `rwenv repo`: the Flux repositories that are kept on this machine.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::shared::{Output, known, selected};
use super::{out, prompt};
use rwenv_flux::catalog::generate;
use rwenv_flux::operate::follow_the_cluster;
use rwenv_flux::repos::{
    self, CloneState, CloneWish, FluxRepository, GitProgress, RepoError, RepositoryStatus,
};
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::facts::config;

/// Repositories that are synced at the same time.
const AT_ONCE: usize = 4;

#[derive(Debug, Args)]
pub(super) struct Repo {
    #[command(subcommand)]
    command: RepoCommand,
}

#[derive(Debug, Subcommand)]
enum RepoCommand {
    /// List the Flux repositories of all rwenvs and the state of their clones
    List(Output),
    /// Print the path of the clone, creating the clone if necessary
    #[command(after_help = "Examples:\n  cd \"$(rwenv repo path)\"\n  rwenv repo path prod")]
    Path(Which),
    /// Compare a clone with the remote, as of the last sync
    Status(Which),
    /// Fetch, and fast-forward the clone if no local change is in the way
    #[command(
        after_help = "The clone is only ever fast-forwarded. Uncommitted changes, local commits and a rewritten history are \
                      reported and left alone.\n\nExamples:\n  rwenv repo sync\n  rwenv repo sync --all\n  \
                      rwenv repo sync prod --reset    (your commits stay under refs/rwenv/backup/)\n\n\
                      Exit status: 0 the clone matches what Flux follows, 1 it does not."
    )]
    Sync(Sync),
    /// Remove mirror and clone; refuses if work would be lost
    Clean(RepoCleanArgs),
}

#[derive(Debug, Args)]
struct Which {
    /// Name of the rwenv [default: the selected one]
    name: Option<String>,
    /// Act on all rwenvs that have a Flux repository
    #[arg(long, conflicts_with = "name")]
    all: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Sync {
    #[command(flatten)]
    which: Which,
    /// Reset the clone to the remote; local commits are kept under refs/rwenv/backup/
    #[arg(long, conflicts_with = "all")]
    reset: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
struct RepoCleanArgs {
    #[command(flatten)]
    which: Which,
    /// Remove even if commits or changes would be lost
    #[arg(long)]
    force: bool,
}

pub(super) fn repo(args: &Repo, environment: &Environment) -> anyhow::Result<u8> {
    match &args.command {
        RepoCommand::List(output) => list(output, environment),
        RepoCommand::Path(which) => path(which, environment),
        RepoCommand::Status(which) => status(which, environment),
        RepoCommand::Sync(args) => sync(args, environment),
        RepoCommand::Clean(args) => clean(args, environment),
    }
}

/// The repositories that are meant.
fn chosen(which: &Which, environment: &Environment) -> anyhow::Result<Vec<FluxRepository>> {
    let rwenvs = config::load(&environment.config_dir)?.rwenvs;
    if which.all {
        let all = rwenvs.all.iter().filter(|rwenv| rwenv.flux_git_repo.is_some());
        return Ok(all.map(|rwenv| FluxRepository::of(rwenv, environment)).collect::<Result<_, _>>()?);
    }
    let name = match &which.name {
        Some(name) => name.clone(),
        None => selected(environment)?,
    };
    let rwenv = known(&rwenvs, &name)?;
    Ok(vec![FluxRepository::of(rwenv, environment)?])
}

fn list(output: &Output, environment: &Environment) -> anyhow::Result<u8> {
    let all = Which { name: None, all: true, output: Output { json: output.json, printed: output.printed } };
    status(&all, environment)
}

fn status(which: &Which, environment: &Environment) -> anyhow::Result<u8> {
    let chosen = chosen(which, environment)?;
    let all: Vec<RepositoryStatus> = chosen.iter().map(repos::status).collect::<Result<_, _>>()?;
    match all.as_slice() {
        [one] if !which.all && which.output.json => out::json(one)?,
        _ if which.output.json => out::json(&all)?,
        [] => out::note("no rwenv has a Flux repository; rwenv edit NAME --flux-repo URL gives it one"),
        [one] if !which.all => tell(one),
        _ => table(&all),
    }
    Ok(0)
}

fn path(which: &Which, environment: &Environment) -> anyhow::Result<u8> {
    let mut paths = Vec::new();
    for flux in chosen(which, environment)? {
        let clone = flux.clone_dir();
        if !clone.join(".git").exists() {
            synced(&[(flux, CloneWish::Forward)], environment)
                .pop()
                .unwrap_or_else(|| bail!("nothing was synced"))?;
        }
        paths.push(clone);
    }
    match paths.as_slice() {
        [one] if which.output.json && !which.all => out::json(&serde_json::json!({ "path": one }))?,
        all if which.output.json => out::json(&all)?,
        all => all.iter().for_each(|path| out::line(&path.display().to_string())),
    }
    Ok(0)
}

fn clean(args: &RepoCleanArgs, environment: &Environment) -> anyhow::Result<u8> {
    #[derive(Serialize)]
    struct Gone {
        rwenv: String,
        path: PathBuf,
        #[serde(skip_serializing_if = "Option::is_none")]
        kept: Option<PathBuf>,
    }
    let mut gone = Vec::new();
    for flux in chosen(&args.which, environment)? {
        let kept = repos::clean(&flux, args.force).map_err(|error| match error {
            RepoError::InTheWay { .. } => anyhow::anyhow!("{error}; --force moves it aside and goes on"),
            other => other.into(),
        })?;
        if let Some(kept) = &kept {
            let kept = kept.display();
            out::note(&format!(
                "{}: what was only there lies in {kept}; when it is of no use: rm -rf {kept}",
                flux.name
            ));
        }
        gone.push(Gone { rwenv: flux.name.to_string(), path: flux.clone_dir(), kept });
    }
    if args.which.output.json {
        out::json(&gone)?;
    } else {
        gone.iter().for_each(|g| out::line(&format!("{}: {} is removed", g.rwenv, g.path.display())));
    }
    Ok(0)
}

fn sync(args: &Sync, environment: &Environment) -> anyhow::Result<u8> {
    let chosen = chosen(&args.which, environment)?;
    for host in chosen.iter().filter_map(FluxRepository::own_certificate) {
        out::note(&format!(
            "{host}: its certificate is accepted as it is (fluxGitRepoType gitea); no other host's is"
        ));
    }
    let wish = if args.reset { CloneWish::Reset } else { CloneWish::Forward };
    let wishes: Vec<(FluxRepository, CloneWish)> = chosen.into_iter().map(|flux| (flux, wish)).collect();
    let mut all = Vec::new();
    let before: Vec<Vec<String>> = wishes.iter().map(|(flux, _)| repos::backups(flux)).collect();
    let results = synced(&wishes, environment);
    for ((flux, _), before) in wishes.iter().zip(before) {
        for backup in repos::backups(flux).into_iter().filter(|name| !before.contains(name)) {
            let dir = flux.clone_dir();
            out::note(&format!(
                "{}: the commits it had are kept: git -C {} log {backup}",
                flux.name,
                dir.display()
            ));
        }
    }
    for (flux, _) in wishes.iter().filter(|(flux, _)| flux.mirror().join("shallow").exists()) {
        out::note(&format!(
            "{}: the remote's history is cut off, so all files are fetched, large ones too",
            flux.name
        ));
    }
    for ((flux, _), result) in wishes.iter().zip(results) {
        match result {
            Ok(status) if in_the_way(&status) && proceed(&status, args.yes)? => {
                let again = [(flux.clone(), CloneWish::ForwardWithChanges)];
                all.extend(synced(&again, environment).into_iter().collect::<anyhow::Result<Vec<_>>>()?);
            }
            Ok(status) => all.push(status),
            Err(error) if wishes.len() == 1 => return Err(error),
            Err(error) => {
                out::error(&error.context(format!("rwenv '{}'", flux.name)));
                all.push(repos::status(flux)?);
            }
        }
    }
    match all.as_slice() {
        [one] if !args.which.all && args.which.output.json => out::json(one)?,
        _ if args.which.output.json => out::json(&all)?,
        [one] if !args.which.all => tell(one),
        _ => table(&all),
    }
    Ok(u8::from(!all.iter().all(is_current)))
}

/// True where changes that are not committed keep a clone from moving forward.
fn in_the_way(status: &RepositoryStatus) -> bool {
    matches!(status.state, CloneState::Dirty { .. }) && status.behind > 0 && status.ahead == 0
}

/// Whether to go on over a clone with changes: git moves it only where it can leave them as they are.
fn proceed(status: &RepositoryStatus, yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !prompt::is_possible() {
        out::note(&format!(
            "{}: Flux repo has uncommitted changes; it was not moved (--yes goes on)",
            status.rwenv
        ));
        return Ok(false);
    }
    prompt::yes("Flux repo has uncommitted changes. Proceed?", false)
}

/// True where the clone has all that the other side has.
fn is_current(status: &RepositoryStatus) -> bool {
    status.error.is_none()
        && match status.state {
            CloneState::Empty | CloneState::UpToDate | CloneState::Ahead => true,
            CloneState::Dirty { .. } | CloneState::Detached => status.behind == 0,
            _ => false,
        }
}

/// Syncs these, some at a time, with a bar for each on a terminal.
fn synced(
    wishes: &[(FluxRepository, CloneWish)],
    environment: &Environment,
) -> Vec<anyhow::Result<RepositoryStatus>> {
    let bars = MultiProgress::new();
    if !out::progresses() {
        bars.set_draw_target(ProgressDrawTarget::hidden());
    }
    let results: Mutex<Vec<Option<anyhow::Result<RepositoryStatus>>>> =
        Mutex::new(wishes.iter().map(|_| None).collect());
    let next = Mutex::new(wishes.iter().enumerate());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(wishes.len()) {
            scope.spawn(|| {
                loop {
                    let Some((at, (flux, wish))) = next.lock().ok().and_then(|mut next| next.next()) else {
                        return;
                    };
                    let bar = bars.add(bar(flux.name.as_str()));
                    let mut step = |step: GitProgress| show(&bar, &step);
                    let done = one(flux, *wish, environment, &mut step);
                    bar.set_message("reading");
                    let known = done.as_ref().ok().map(|_| generate::regenerate(flux, environment));
                    bar.finish_and_clear();
                    if let Some(Err(error)) = known {
                        out::error(&anyhow::Error::new(error).context("the catalog was not rebuilt"));
                    }
                    if let Some(slot) = results.lock().ok().as_mut().and_then(|all| all.get_mut(at)) {
                        *slot = Some(done.map_err(anyhow::Error::from));
                    }
                }
            });
        }
    });
    let all = results.into_inner().unwrap_or_default();
    all.into_iter().map(|result| result.unwrap_or_else(|| bail!("the sync ended without a result"))).collect()
}

/// Syncs one. Where the branch to follow is not there, the cluster is asked which one it follows.
fn one(
    flux: &FluxRepository,
    wish: CloneWish,
    environment: &Environment,
    step: &mut dyn FnMut(GitProgress),
) -> Result<RepositoryStatus, RepoError> {
    repos::sync(flux, wish, environment, step)?;
    if repos::missing_branch(flux).is_some_and(|missing| !missing.configured) {
        let rwenvs = config::load(&environment.config_dir).ok();
        let rwenv = rwenvs.and_then(|known| known.rwenvs.get(flux.name.as_str()).cloned());
        match rwenv.map(|rwenv| follow_the_cluster(flux, &rwenv, environment)) {
            Some(Ok(true)) => {
                repos::sync(flux, wish, environment, step)?;
            }
            Some(Err(error)) => {
                out::note(&format!("{}: the cluster was asked which branch it follows: {error}", flux.name))
            }
            _ => {}
        }
    }
    repos::status(flux)
}

fn bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::new(100);
    if let Ok(style) = ProgressStyle::with_template("{prefix:16} {msg:24} {bar:30} {percent:>3}%") {
        bar.set_style(style);
    }
    bar.set_prefix(name.to_owned());
    bar.set_message("asking");
    bar
}

fn show(bar: &ProgressBar, step: &GitProgress) {
    bar.set_message(step.what.clone());
    bar.set_position(step.percent.into());
}

/// What a state means, in words.
fn words(status: &RepositoryStatus) -> String {
    let commits = |number: usize| out::count(number, "commit");
    let behind =
        if status.behind > 0 { format!(", {} behind", commits(status.behind)) } else { String::new() };
    match &status.state {
        CloneState::Absent => "not cloned yet".to_owned(),
        CloneState::Empty => "empty on the remote".to_owned(),
        CloneState::UpToDate => "up to date".to_owned(),
        CloneState::Behind => format!("{} behind", commits(status.behind)),
        CloneState::Ahead => format!("{} not pushed", commits(status.ahead)),
        CloneState::Diverged => format!("diverged: {} of its own{behind}", commits(status.ahead)),
        CloneState::Rewritten => {
            format!("the remote's history was rewritten: {} only here{behind}", commits(status.ahead))
        }
        CloneState::BranchGone { branch } => format!("branch '{branch}' is gone on the remote"),
        CloneState::DefaultBranchRenamed { from, to } => {
            format!("default branch is now '{to}'; the clone is on '{from}'")
        }
        CloneState::Dirty { files } => {
            format!("uncommitted changes ({}){behind}", out::count(*files, "file"))
        }
        CloneState::Detached => format!("on no branch{behind}"),
        CloneState::NoBranch { why } => why.clone(),
        CloneState::Busy { what } => format!("in use: {what}"),
    }
}

/// What to do where a state does not mend itself.
fn remedy(status: &RepositoryStatus) -> Option<String> {
    let name = &status.rwenv;
    Some(match &status.state {
        CloneState::Absent => format!("rwenv repo sync {name}"),
        CloneState::Diverged => {
            format!("rebase and push your commits, or: rwenv repo sync {name} --reset (keeps a backup ref)")
        }
        CloneState::Rewritten => format!("rwenv repo sync {name} --reset (keeps a backup ref)"),
        CloneState::NoBranch { .. } => format!("rwenv edit {name} --flux-branch BRANCH"),
        CloneState::BranchGone { .. } => format!(
            "switch the clone to a branch that exists, or set one: rwenv edit {name} --flux-branch BRANCH"
        ),
        CloneState::DefaultBranchRenamed { to, .. } => {
            format!("git -C {} switch {to}", status.path.display())
        }
        CloneState::Dirty { .. } if status.behind > 0 => {
            "commit or stash your changes, then sync again".to_owned()
        }
        _ => return None,
    })
}

fn age(status: &RepositoryStatus) -> String {
    status.synced.map_or("never".to_owned(), |then| out::ago(Duration::from_secs(then)))
}

fn tell(status: &RepositoryStatus) {
    let at = status.commit.as_deref().and_then(|c| c.get(..8)).unwrap_or("-");
    let branch = status.branch.as_deref().unwrap_or("-");
    out::line(&format!("{}: {} ({branch} {at}, synced {})", status.rwenv, words(status), age(status)));
    out::line(&format!("  {} from {}", status.path.display(), status.url));
    if let Some(error) = &status.error {
        out::line(&format!("  last sync failed: {error}"));
    }
    if let Some(remedy) = remedy(status) {
        out::line(&format!("  next: {remedy}"));
    }
}

fn table(all: &[RepositoryStatus]) {
    let mut table = out::table(&["RWENV", "STATE", "BRANCH", "SYNCED", "CLONE"]);
    for status in all {
        let mut state = words(status);
        if let Some(error) = &status.error {
            state = format!("{state}; last sync failed: {error}");
        }
        let branch = status.branch.as_deref().unwrap_or("-").to_owned();
        let path = environment::under_home(&status.path);
        table.add_row([status.rwenv.clone(), state, branch, age(status), path]);
    }
    out::print(&table);
}
