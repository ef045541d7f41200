//! `rwenv hooks`: git's hooks, in one repository or in all of them, beside those that are there already.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::out;
use super::shared::{Output, directory};
use crate::ops::githooks::{self, HookState};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::doors::chain::{self, Started};
use rwenv_gate::doors::push::{self, Push};
use rwenv_gate::setup::githooks::PRE_PUSH;

#[derive(Debug, Args)]
pub(super) struct HooksArgs {
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
    Install(HookPlaceArgs),
    /// Remove the hook and restore the previous one
    Uninstall(HookPlaceArgs),
    /// Show which hook git would run here
    Status(HookPlaceArgs),
}

#[derive(Debug, Args)]
pub(super) struct HookPlaceArgs {
    /// Repository [default: the one containing the current directory]
    dir: Option<PathBuf>,
    /// Apply to all repositories of this user (core.hooksPath)
    #[arg(long, conflicts_with = "dir")]
    global: bool,
    #[command(flatten)]
    output: Output,
}

pub(super) fn hooks(command: &HooksCommand, environment: &Environment) -> anyhow::Result<u8> {
    let (HooksCommand::Install(place) | HooksCommand::Uninstall(place) | HooksCommand::Status(place)) =
        command;
    let dir = directory(place.dir.as_deref());
    let hooks = githooks::Hooks::of(&dir, place.global, environment)?;
    let mut kept = Vec::new();
    match command {
        HooksCommand::Install(_) => {
            if hooks.would_be_set() {
                out::note(CHANGES);
            }
            hooks.install()?;
        }
        HooksCommand::Uninstall(_) => kept = hooks.uninstall()?,
        HooksCommand::Status(_) => {}
    }
    let state = hooks.state();
    let wanted = !matches!(command, HooksCommand::Uninstall(_));
    if place.output.json {
        out::json(&state)?;
    } else {
        out::line(&said(&state, wanted));
    }
    if !wanted && hooks.needs_lfs() {
        out::note(WITHOUT_LFS);
    }
    for hook in kept {
        out::note(&format!("{} is an earlier hook and stays there: git runs only one hook", hook.display()));
    }
    Ok(u8::from(state.installed != wanted))
}

/// What git-lfs lacks where ours was there first.
const WITHOUT_LFS: &str =
    "This repository keeps files in Git LFS, and no hook uploads them now; next: git lfs install --local";

/// A state in words, to somebody who wants the hook there, or gone.
fn said(state: &HookState, wanted: bool) -> String {
    let (hook, there) = (state.hook.display(), state.hook.symlink_metadata().is_ok());
    let after: String = state.chained.iter().map(|path| format!("; then runs {}", path.display())).collect();
    match (state.installed, wanted) {
        (true, true) if state.configured => {
            format!("{hook} has git ask rwenv before it pushes, beside every other hook")
        }
        (false, true) if state.configured => format!(
            "{hook} names rwenv's hook, but this git is older than 2.54; install it again with rwenv hooks install"
        ),
        (true, true) => format!("{hook} checks pushes{after}"),
        (true, false) => format!("{hook} is not rwenv's but calls rwenv; remove those lines by hand"),
        (false, true) => format!("{hook} is missing or not rwenv's; install it with rwenv hooks install"),
        (false, false) if there => format!("{hook} is not rwenv's; rwenv does not check pushes"),
        (false, false) => format!("{hook} is removed; rwenv does not check pushes"),
    }
}

/// What a folder of hooks for all repositories changes, for whoever sets it.
const CHANGES: &str = "\
This sets core.hooksPath for all repositories of yours: git looks for hooks in our folder alone, and from there each that a repository has is started.
  pre-commit, prek and lefthook refuse to install where it is set; instead: GIT_CONFIG_GLOBAL=/dev/null pre-commit install
  a repository's own push-to-checkout, proc-receive, reference-transaction and post-index-change do not run
  neither is so with rwenv hooks install in a repository; rwenv hooks uninstall --global takes it back";

#[derive(Debug, Args)]
pub(super) struct GitHook {
    /// The hook script git started; none where git's configuration names rwenv
    #[arg(long)]
    script: Option<PathBuf>,
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
        let [remote, url] = args.arguments.as_slice() else {
            bail!("git gives a pre-push hook a remote and a URL")
        };
        let text = String::from_utf8_lossy(stdin.as_deref().unwrap_or_default()).into_owned();
        let code = push::before_push(Push { remote, url, stdin: &text }, environment);
        if code != 0 {
            return Ok(code);
        }
        tips = push::tips(&text);
    }
    // git starts the other hooks itself.
    let Some(script) = args.script.as_deref() else { return Ok(0) };
    let (name, arguments) = (args.name.as_str(), args.arguments.as_slice());
    let started = Started { script, name, arguments, stdin: stdin.as_deref(), tips: &tips };
    Ok(chain::go_on(started, environment))
}
