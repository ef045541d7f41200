//! `rwenv hooks`: git's hooks, in one repository or in all of them, beside those that are there already.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::args::Output;
use super::envs::directory;
use super::out;
use crate::enforce::push::{self, Push};
use crate::host::environment::Environment;
use crate::host::files;
use crate::host::githooks::{before, install, is_ours, list, put, remember, uninstall};
use crate::host::objects::{Budget, Repository};
use crate::host::program;

/// Every hook git knows (githooks(5)): a folder for all repositories takes the place of their own, so that it has to hand
/// each of these on.
const ALL: [&str; 26] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "pre-receive",
    "update",
    "proc-receive",
    "post-receive",
    "post-update",
    "reference-transaction",
    "push-to-checkout",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
    "fsmonitor-watchman",
    "p4-changelist",
    "p4-prepare-changelist",
    "post-index-change",
];

#[derive(Debug, Args)]
pub(super) struct Hooks {
    #[command(subcommand)]
    pub(super) command: HooksCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum HooksCommand {
    /// Have git ask before it pushes
    #[command(
        after_help = "A hook that is there already keeps running, after ours and with the same input.\n\nExamples:\n  \
                            rwenv hooks install\n  rwenv hooks install ~/src/flux\n  rwenv hooks install --global"
    )]
    Install(Place),
    /// Take our hook out, and put back what was there before
    Uninstall(Place),
    /// Say which hook git would run here
    Status(Place),
}

#[derive(Debug, Args)]
pub(super) struct Place {
    /// Repository [default: the one around this directory]
    dir: Option<PathBuf>,
    /// For all repositories of this user (core.hooksPath)
    #[arg(long, conflicts_with = "dir")]
    global: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct State {
    hook: PathBuf,
    installed: bool,
    /// The hook that runs after ours.
    chained: Option<PathBuf>,
}

pub(super) fn hooks(command: &HooksCommand, environment: &Environment) -> anyhow::Result<u8> {
    let (HooksCommand::Install(place) | HooksCommand::Uninstall(place) | HooksCommand::Status(place)) =
        command;
    let dir = directory(place.dir.as_deref());
    let repository = Repository::at(&dir, environment, Budget::ample())?;
    match command {
        HooksCommand::Install(_) if place.global => everywhere(&repository, environment)?,
        HooksCommand::Uninstall(_) if place.global => nowhere(&repository, environment)?,
        HooksCommand::Install(_) => {
            let hooks = folder(&repository)?;
            install(&hooks, &std::env::current_exe()?)?;
            remember(&hooks, environment)?;
        }
        HooksCommand::Uninstall(_) => uninstall(&folder(&repository)?)?,
        HooksCommand::Status(_) => {}
    }
    let hooks = if place.global { global(environment) } else { folder(&repository)? };
    let state = state(&hooks);
    if place.output.json {
        out::json(&state)?;
    } else {
        let what = if state.installed { "judges what is pushed" } else { "is not ours, or not there" };
        let after = state.chained.as_ref().map(|path| format!("; then runs {}", path.display()));
        out::line(&format!("{} {what}{}", state.hook.display(), after.unwrap_or_default()));
    }
    let wanted = !matches!(command, HooksCommand::Uninstall(_));
    Ok(u8::from(state.installed != wanted))
}

fn state(folder: &Path) -> State {
    let hook = folder.join("pre-push");
    let before = before(&hook);
    State { installed: is_ours(&hook), chained: before.exists().then_some(before), hook }
}

/// The folder git takes hooks from here.
fn folder(repository: &Repository) -> anyhow::Result<PathBuf> {
    let path = repository.text(&["rev-parse", "--path-format=absolute", "--git-path", "hooks"]);
    Ok(PathBuf::from(path.context("this is no git repository; name one, or use --global")?))
}

fn global(environment: &Environment) -> PathBuf {
    environment.config_dir.join("git-hooks")
}

/// In how many places git asks us before it pushes, and those it no longer does in.
pub(super) fn known(environment: &Environment) -> (usize, Vec<PathBuf>) {
    let text = files::read(&list(environment)).ok().flatten().unwrap_or_default();
    let listed = text.lines().map(PathBuf::from).filter(|hooks| hooks.is_dir());
    let (ours, lost): (Vec<_>, Vec<_>) =
        listed.map(|hooks| hooks.join("pre-push")).partition(|hook| is_ours(hook));
    let everywhere = usize::from(is_ours(&global(environment).join("pre-push")));
    (ours.len() + everywhere, lost)
}

/// Takes our hooks out of every repository they were put in, and out of git's own configuration. Says out of which folders.
pub(super) fn remove_all(environment: &Environment) -> anyhow::Result<Vec<PathBuf>> {
    let known = files::read(&list(environment))?.unwrap_or_default();
    let mut gone = Vec::new();
    for hooks in known.lines().map(PathBuf::from).filter(|hooks| is_ours(&hooks.join("pre-push"))) {
        uninstall(&hooks)?;
        gone.push(hooks);
    }
    let _ = fs::remove_file(list(environment));
    if global(environment).is_dir() {
        nowhere(&Repository::at(Path::new("/"), environment, Budget::ample())?, environment)?;
        gone.push(global(environment));
    }
    Ok(gone)
}

/// Where the folder of hooks is remembered that was set before ours.
fn previous(environment: &Environment) -> PathBuf {
    global(environment).join("previous")
}

fn everywhere(repository: &Repository, environment: &Environment) -> anyhow::Result<()> {
    let folder = global(environment);
    files::make_private_dir(&folder)?;
    let own = folder.to_str().context("the path of the hooks is no text")?;
    let set = repository.text(&["config", "--global", "--get", "core.hooksPath"]).unwrap_or_default();
    if !set.is_empty() && set != own {
        files::write(&previous(environment), &format!("{set}\n"), 0o600)?;
    }
    let rwenv = std::env::current_exe()?;
    for name in ALL {
        put(&folder.join(name), &rwenv)?;
    }
    repository.run(&["config", "--global", "core.hooksPath", own])?;
    Ok(())
}

fn nowhere(repository: &Repository, environment: &Environment) -> anyhow::Result<()> {
    let folder = global(environment);
    let set = repository.text(&["config", "--global", "--get", "core.hooksPath"]).unwrap_or_default();
    if Path::new(&set) == folder {
        match files::read(&previous(environment))? {
            Some(before) => repository.run(&["config", "--global", "core.hooksPath", before.trim()])?,
            None => repository.run(&["config", "--global", "--unset", "core.hooksPath"])?,
        };
    }
    for name in ALL.iter().map(|name| folder.join(name)).chain([previous(environment)]) {
        let _ = fs::remove_file(name);
    }
    let _ = fs::remove_dir(&folder);
    Ok(())
}

#[derive(Debug, Args)]
pub(super) struct GitHook {
    /// The hook script git started
    #[arg(long)]
    script: PathBuf,
    /// The hook's name
    name: String,
    /// What git gave it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Hooks that git gives something to read.
const READING: [&str; 6] =
    ["pre-push", "pre-receive", "post-receive", "post-rewrite", "reference-transaction", "proc-receive"];

/// Git's hook: judges a push, then hands on to the hooks that were there before.
pub(super) fn git_hook(args: &GitHook, environment: &Environment) -> anyhow::Result<u8> {
    let mut stdin = None;
    if READING.contains(&args.name.as_str()) {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        stdin = Some(bytes);
    }
    if args.name == "pre-push" {
        let [_, url] = args.arguments.as_slice() else {
            bail!("git gives a pre-push hook a remote and a URL")
        };
        let text = String::from_utf8_lossy(stdin.as_deref().unwrap_or_default()).into_owned();
        let code = push::before_push(Push { url, stdin: &text }, environment);
        if code != 0 {
            return Ok(code);
        }
    }
    let codes = next(args, environment)
        .into_iter()
        .map(|hook| push::chained(&hook, &args.arguments, stdin.as_deref()));
    Ok(codes.into_iter().find(|code| *code != 0).unwrap_or(0))
}

/// The hooks that would have run without ours.
fn next(args: &GitHook, environment: &Environment) -> Vec<PathBuf> {
    let mut all = vec![before(&args.script)];
    if args.script.parent() == Some(&global(environment)) {
        let own = Repository::at(&crate::host::environment::current_dir(), environment, Budget::ample())
            .and_then(|r| r.text(&["rev-parse", "--path-format=absolute", "--git-common-dir"]));
        all.extend(own.map(|dir| Path::new(&dir).join("hooks").join(&args.name)));
        let set = files::read(&previous(environment)).ok().flatten();
        all.extend(set.map(|folder| match folder.trim().strip_prefix("~/") {
            Some(rest) => environment.home.join(rest).join(&args.name),
            None => Path::new(folder.trim()).join(&args.name),
        }));
    }
    all.retain(|hook| program::runs(hook) && !is_ours(hook));
    all
}
