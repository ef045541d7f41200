//! `rwenv hooks`: git's hooks, in one repository or in all of them, beside those that are there already.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::out;
use super::shared::{Output, directory};
use crate::ops::everywhere::{Everywhere, ReachedRepositories};
use crate::ops::githooks::{HookState, Hooks};
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
                            rwenv hooks install\n  rwenv hooks install ~/src/flux\n  rwenv hooks install --global\n  rwenv hooks install --global ~/src"
    )]
    Install(HookPlaceArgs),
    /// Remove the hook and restore the previous one
    Uninstall(HookPlaceArgs),
    /// Show which hook git would run here
    Status(HookPlaceArgs),
}

#[derive(Debug, Args)]
pub(super) struct HookPlaceArgs {
    /// Repository [default: the one containing the current directory]; with --global, where to look for repositories [default: ~]
    dir: Option<PathBuf>,
    /// Apply to all repositories of this user
    #[arg(long)]
    global: bool,
    #[command(flatten)]
    output: Output,
}

/// What was done, and how it is now.
struct Done {
    state: HookState,
    reached: ReachedRepositories,
    /// Hooks of others that stay where they are kept.
    kept: Vec<PathBuf>,
    needs_lfs: bool,
}

fn in_all(command: &HooksCommand, dir: Option<&Path>, environment: &Environment) -> anyhow::Result<Done> {
    let hooks = Everywhere::below(dir, environment)?;
    let (mut kept, mut reached) = (Vec::new(), ReachedRepositories::default());
    match command {
        HooksCommand::Install(_) => {
            if hooks.goes_into_each() {
                out::note(CHANGES);
            }
            reached = hooks.install()?;
        }
        HooksCommand::Uninstall(_) => kept = hooks.uninstall()?,
        HooksCommand::Status(_) => {}
    }
    Ok(Done { state: hooks.state(), reached, kept, needs_lfs: false })
}

fn in_one(command: &HooksCommand, dir: &Path, environment: &Environment) -> anyhow::Result<Done> {
    let hooks = Hooks::of(dir, environment)?;
    let mut kept = Vec::new();
    match command {
        HooksCommand::Install(_) => hooks.install()?,
        HooksCommand::Uninstall(_) => kept = hooks.uninstall()?,
        HooksCommand::Status(_) => {}
    }
    Ok(Done {
        state: hooks.state(),
        reached: ReachedRepositories::default(),
        kept,
        needs_lfs: hooks.needs_lfs(),
    })
}

pub(super) fn hooks(command: &HooksCommand, environment: &Environment) -> anyhow::Result<u8> {
    let (HooksCommand::Install(place) | HooksCommand::Uninstall(place) | HooksCommand::Status(place)) =
        command;
    let dir = directory(place.dir.as_deref());
    let Done { state, reached, kept, needs_lfs } = if place.global {
        in_all(command, place.dir.is_some().then_some(dir.as_path()), environment)?
    } else {
        in_one(command, &dir, environment)?
    };
    let wanted = !matches!(command, HooksCommand::Uninstall(_));
    if place.output.json {
        out::json(&ToldHooks { state: &state, reached: &reached })?;
    } else {
        out::line(&said(&state, wanted));
        reached.hooks.iter().for_each(|hook| out::line(&format!("{} checks pushes", hook.display())));
    }
    for why in &reached.refused {
        out::note(why.lines().next().unwrap_or_default());
    }
    if !wanted && needs_lfs {
        out::note(WITHOUT_LFS);
    }
    for hook in kept {
        out::note(&format!("{} is an earlier hook and stays there: git runs only one hook", hook.display()));
    }
    Ok(u8::from(state.installed != wanted))
}

/// A state as JSON, with the repositories that got a hook where all are meant.
#[derive(Serialize)]
struct ToldHooks<'s> {
    #[serde(flatten)]
    state: &'s HookState,
    #[serde(flatten)]
    reached: &'s ReachedRepositories,
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

/// What `--global` changes where git is too old to start hooks from its configuration, for whoever asks for it.
const CHANGES: &str = "\
This git is older than 2.54, so each repository gets a hook of its own:
  new clones by git's template (init.templateDir), the repositories below your home, or the folder you name, now; an existing hook keeps running, after rwenv's
  a folder of hooks that git tracks is left alone; rwenv hooks uninstall --global takes all of it back";

#[derive(Debug, Args)]
pub(super) struct GitHook {
    /// The hook script git started; none where git's configuration names rwenv
    #[arg(long)]
    script: Option<PathBuf>,
    /// The hook's name
    #[arg(value_parser = [PRE_PUSH])]
    name: String,
    /// What git gave it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Git's hook: judges a push, then hands on to the hooks that were there before.
pub(super) fn git_hook(args: &GitHook, environment: &Environment) -> anyhow::Result<u8> {
    let [remote, url] = args.arguments.as_slice() else {
        bail!("git gives a pre-push hook a remote and a URL")
    };
    let mut stdin = Vec::new();
    std::io::stdin().read_to_end(&mut stdin)?;
    let text = String::from_utf8_lossy(&stdin);
    let code = push::before_push(Push { remote, url, stdin: &text }, environment);
    // git starts the other hooks itself where its configuration names ours.
    let Some(script) = args.script.as_deref().filter(|_| code == 0) else { return Ok(code) };
    let started = Started { script, arguments: &args.arguments, stdin: &stdin, tips: &push::tips(&text) };
    Ok(chain::go_on(started, environment))
}
