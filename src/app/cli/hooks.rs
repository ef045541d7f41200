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
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::doors::chain::{self, Started};
use rwenv_gate::doors::push::{self, Push};
use rwenv_gate::facts::objects::{Budget, Repository};
use rwenv_gate::setup::githooks::{
    PRE_PUSH, asks, earlier, forget, global, install, is_ours, list, remember, uninstall,
};

#[derive(Debug, Args)]
pub(super) struct Hooks {
    #[command(subcommand)]
    pub(super) command: HooksCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum HooksCommand {
    /// Install the pre-push hook
    #[command(
        after_help = "An existing hook keeps running, after rwenv's and with the same input.\n\nExamples:\n  \
                            rwenv hooks install\n  rwenv hooks install ~/src/flux\n  rwenv hooks install --global"
    )]
    Install(Place),
    /// Remove the hook and restore the previous one
    Uninstall(Place),
    /// Show which hook git would run here
    Status(Place),
}

#[derive(Debug, Args)]
pub(super) struct Place {
    /// Repository [default: the one containing the current directory]
    dir: Option<PathBuf>,
    /// Apply to all repositories of this user (core.hooksPath)
    #[arg(long, conflicts_with = "dir")]
    global: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct State {
    hook: PathBuf,
    installed: bool,
    /// The hooks that run after ours.
    chained: Vec<PathBuf>,
}

pub(super) fn hooks(command: &HooksCommand, environment: &Environment) -> anyhow::Result<u8> {
    let (HooksCommand::Install(place) | HooksCommand::Uninstall(place) | HooksCommand::Status(place)) =
        command;
    let dir = directory(place.dir.as_deref());
    let repository = Repository::at(&dir, environment, Budget::ample())?;
    let hooks = if place.global { global::folder(environment) } else { folder(&repository)? };
    let mut kept = Vec::new();
    match command {
        HooksCommand::Install(_) if place.global => everywhere(&repository, environment)?,
        HooksCommand::Uninstall(_) if place.global => nowhere(&repository, environment)?,
        HooksCommand::Install(_) => {
            shared(&hooks, &repository, environment)?;
            install(&hooks, &std::env::current_exe()?)?;
            remember(&hooks, environment)?;
        }
        HooksCommand::Uninstall(_) => {
            kept = uninstall(&hooks)?;
            forget(&hooks, environment)?;
        }
        HooksCommand::Status(_) => {}
    }
    let state = state(&hooks);
    let wanted = !matches!(command, HooksCommand::Uninstall(_));
    if place.output.json {
        out::json(&state)?;
    } else {
        out::line(&said(&state, wanted));
    }
    for hook in kept {
        out::note(&format!("{} is an earlier hook and stays there: git runs only one hook", hook.display()));
    }
    Ok(u8::from(state.installed != wanted))
}

/// A state in words, to somebody who wants the hook there, or gone.
fn said(state: &State, wanted: bool) -> String {
    let (hook, there) = (state.hook.display(), state.hook.symlink_metadata().is_ok());
    let after: String = state.chained.iter().map(|path| format!("; then runs {}", path.display())).collect();
    match (state.installed, wanted) {
        (true, true) => format!("{hook} checks pushes{after}"),
        (true, false) => format!("{hook} is not rwenv's but calls rwenv; remove those lines by hand"),
        (false, true) => format!("{hook} is missing or not rwenv's; install it with rwenv hooks install"),
        (false, false) if there => format!("{hook} is not rwenv's; rwenv does not check pushes"),
        (false, false) => format!("{hook} is removed; rwenv does not check pushes"),
    }
}

fn state(folder: &Path) -> State {
    let hook = folder.join(PRE_PUSH);
    let chained = if is_ours(&hook) { earlier(folder) } else { Vec::new() };
    State { installed: asks(&hook), chained, hook }
}

/// The folder git takes hooks from here.
fn folder(repository: &Repository) -> anyhow::Result<PathBuf> {
    let path = repository.text(&["rev-parse", "--path-format=absolute", "--git-path", "hooks"]);
    Ok(PathBuf::from(path.context("this is not a git repository; name one, or use --global")?))
}

/// How a hook that a team shares asks rwenv: a script of ours has a path of this machine in it.
const ASKING: &str = r#"if command -v rwenv >/dev/null; then
  refs=$(cat)
  printf '%s\n' "$refs" | rwenv git-hook --script "$0" pre-push "$@" || exit 1
  exec </dev/null
  [ -z "$refs" ] || exec <<REFS
$refs
REFS
fi"#;

/// Refuses a folder whose files are committed, or would be: nothing of this machine is written there.
fn shared(hooks: &Path, repository: &Repository, environment: &Environment) -> anyhow::Result<()> {
    let hook = hooks.join(PRE_PUSH);
    let Some(there) = hooks.ancestors().find_map(|dir| fs::canonicalize(dir).ok()) else { return Ok(()) };
    let below = |option: &str| {
        let top = repository.text(&["rev-parse", "--path-format=absolute", option]).ok();
        top.and_then(|top| fs::canonicalize(top).ok()).is_some_and(|top| there.starts_with(top))
    };
    if asks(&hook) || below("--git-common-dir") {
        return Ok(());
    }
    let around = Repository::at(&there, environment, Budget::ample())?;
    let tracks = || around.text(&["ls-files", "--", "."]).is_ok_and(|files| !files.is_empty());
    let real = fs::canonicalize(hooks).unwrap_or_else(|_| hooks.to_owned());
    let ignored = || {
        let path = real.join(PRE_PUSH);
        path.to_str().is_some_and(|path| around.run(&["check-ignore", "-q", "--", path]).is_ok())
    };
    let why = if real == there && tracks() {
        "git tracks files in this folder, and others get them"
    } else if below("--show-toplevel") && !ignored() {
        "it is in the working tree, and others get it with the next commit"
    } else {
        return Ok(());
    };
    let what = if hook.exists() {
        "add these lines to it, below the first"
    } else {
        "make it, executable: a first line of #!/bin/sh, then these"
    };
    bail!(
        "{}: {why}. Nothing was written, so rwenv is not asked before a push\n  instead: {what}; they ask rwenv where there \
         is one\n\n{ASKING}",
        hook.display()
    )
}

/// In how many places git asks us before it pushes, and those it no longer does in.
pub(super) fn known(environment: &Environment) -> (usize, Vec<PathBuf>) {
    let text = files::read(&list(environment)).ok().flatten().unwrap_or_default();
    let listed = text.lines().map(PathBuf::from).filter(|hooks| hooks.is_dir());
    let (ours, lost): (Vec<_>, Vec<_>) =
        listed.map(|hooks| hooks.join(PRE_PUSH)).partition(|hook| asks(hook));
    let everywhere = usize::from(asks(&global::folder(environment).join(PRE_PUSH)));
    (ours.len() + everywhere, lost)
}

/// Takes our hooks out of every repository they were put in, and out of git's own configuration. Says out of which folders.
pub(super) fn remove_all(environment: &Environment) -> anyhow::Result<Vec<PathBuf>> {
    let known = files::read(&list(environment))?.unwrap_or_default();
    let mut gone = Vec::new();
    for hooks in known.lines().map(PathBuf::from).filter(|hooks| hooks.is_dir()) {
        let ours = is_ours(&hooks.join(PRE_PUSH));
        uninstall(&hooks)?;
        gone.extend(ours.then_some(hooks));
    }
    let _ = fs::remove_file(list(environment));
    let everywhere = global::folder(environment);
    if everywhere.is_dir() {
        nowhere(&Repository::at(Path::new("/"), environment, Budget::ample())?, environment)?;
        gone.push(everywhere);
    }
    Ok(gone)
}

/// What a folder of hooks for all repositories changes, for whoever sets it.
const CHANGES: &str = "\
This sets core.hooksPath for all repositories of yours: git looks for hooks in our folder alone, and from there each that a repository has is started.
  pre-commit, prek and lefthook refuse to install where it is set; instead: GIT_CONFIG_GLOBAL=/dev/null pre-commit install
  a repository's own push-to-checkout, proc-receive, reference-transaction and post-index-change do not run
  neither is so with rwenv hooks install in a repository; rwenv hooks uninstall --global takes it back";

fn everywhere(repository: &Repository, environment: &Environment) -> anyhow::Result<()> {
    let folder = global::folder(environment);
    let own = folder.to_str().context("the path of the hooks is not valid UTF-8")?;
    let set = setting(repository);
    if set != own {
        out::note(CHANGES);
    }
    files::make_private_dir(&folder)?;
    if !set.is_empty() && set != own {
        files::write(&global::previous(environment), &format!("{set}\n"), 0o600)?;
    }
    let placed = global::write(&std::env::current_exe()?, environment)
        .map_err(anyhow::Error::from)
        .and_then(|()| Ok(repository.run(&["config", "--global", "core.hooksPath", own])?));
    if set != own && placed.is_err() {
        global::remove_all(environment)?;
    }
    placed.map(drop)
}

fn nowhere(repository: &Repository, environment: &Environment) -> anyhow::Result<()> {
    let folder = global::folder(environment);
    if Path::new(&setting(repository)) == folder {
        match files::read(&global::previous(environment))? {
            Some(before) => repository.run(&["config", "--global", "core.hooksPath", before.trim()])?,
            None => repository.run(&["config", "--global", "--unset", "core.hooksPath"])?,
        };
    }
    if folder.is_dir() {
        global::remove_all(environment)?;
    }
    Ok(())
}

/// The folder of hooks the user has set for all repositories; empty where there is none.
fn setting(repository: &Repository) -> String {
    repository.text(&["config", "--global", "--get", "core.hooksPath"]).unwrap_or_default()
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
    let mut tips = vec!["HEAD".to_owned()];
    if args.name == PRE_PUSH {
        let [_, url] = args.arguments.as_slice() else {
            bail!("git gives a pre-push hook a remote and a URL")
        };
        let text = String::from_utf8_lossy(stdin.as_deref().unwrap_or_default()).into_owned();
        let code = push::before_push(Push { url, stdin: &text }, environment);
        if code != 0 {
            return Ok(code);
        }
        tips = push::tips(&text);
    }
    let (script, name, arguments) = (args.script.as_path(), args.name.as_str(), args.arguments.as_slice());
    let started = Started { script, name, arguments, stdin: stdin.as_deref(), tips: &tips };
    Ok(chain::go_on(started, environment))
}
