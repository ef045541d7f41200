//! What runs after a hook of ours: those that would have run without it, and git-lfs where it has no hook of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::base::environment::{Environment, current_dir};
use crate::base::program;
use crate::facts::objects::{Budget, ObjectRepository};
use crate::setup::githooks::{self, PRE_PUSH};

/// Exit status where a hook could not be run, or may not be left out.
const REFUSED: u8 = 1;
/// How hooks start git-lfs.
pub const LFS: [&str; 2] = ["git lfs", "git-lfs"];

/// What git started our pre-push with.
#[derive(Clone, Copy, Debug)]
pub struct Started<'a> {
    /// The script.
    pub script: &'a Path,
    /// What git gave it.
    pub arguments: &'a [String],
    /// What git wrote to its standard input.
    pub stdin: &'a [u8],
    /// The commits that the push sends.
    pub tips: &'a [String],
}

/// Runs what comes after, one by one, until one says no; gives the exit status for git.
pub fn go_on(started: Started<'_>, environment: &Environment) -> u8 {
    let folder = started.script.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
    if let Some(folder) = &folder {
        githooks::refresh(folder);
        // A template of git's may have brought it here.
        let _ = githooks::remember(folder, environment);
    }
    let mut hooks = started.script.parent().map(githooks::earlier).unwrap_or_default();
    hooks.retain(|hook| program::runs(hook) && !githooks::is_ours(hook));
    let refused = hooks.iter().map(|hook| run(&mut Command::new(hook), started)).find(|code| *code != 0);
    // What it uploads is of no use where the push is stopped.
    refused.unwrap_or_else(|| lfs(started, &hooks, environment))
}

/// Starts git-lfs where the repository keeps files in it and no hook would: it leaves ours alone where it would have put its
/// own, and what it keeps would never reach the other side.
fn lfs(started: Started<'_>, hooks: &[PathBuf], environment: &Environment) -> u8 {
    let own = || {
        hooks
            .iter()
            .map(PathBuf::as_path)
            .chain([started.script])
            .any(|hook| githooks::script_contains(hook, &LFS))
    };
    if started.tips.is_empty() || own() {
        return 0;
    }
    let Ok(repository) = ObjectRepository::at(&current_dir(), environment, Budget::ample()) else { return 0 };
    if !keeps(&repository, started.tips) {
        return 0;
    }
    if program::find("git-lfs", environment).is_some() {
        let git = program::find("git", environment).unwrap_or_else(|| PathBuf::from("git"));
        return run(Command::new(git).args(["lfs", PRE_PUSH]), started);
    }
    if !declares(&repository, started.tips) {
        return 0;
    }
    let _ = std::io::stderr().write_all(
        b"rwenv: this push is not sent: the repository keeps files in Git LFS, and git-lfs is not on PATH; their content would be missing \
          on the remote\nrwenv:   instead: install git-lfs, then push again\n",
    );
    REFUSED
}

/// True where git-lfs is set up for a repository that has files kept by it, here or in one of these commits.
#[must_use]
pub fn keeps(repository: &ObjectRepository, tips: &[String]) -> bool {
    repository.run(&["config", "--get-regexp", r"^filter\.lfs\.(clean|process)$"]).is_ok()
        && (holds(repository) || declares(repository, tips))
}

/// The folder that all work trees of a repository share.
fn common(repository: &ObjectRepository) -> Option<PathBuf> {
    repository.text(&["rev-parse", "--path-format=absolute", "--git-common-dir"]).ok().map(PathBuf::from)
}

/// True where git-lfs has kept something here.
fn holds(repository: &ObjectRepository) -> bool {
    common(repository).is_some_and(|dir| dir.join("lfs/objects").is_dir())
}

/// True where one of these commits has files kept by git-lfs.
fn declares(repository: &ObjectRepository, tips: &[String]) -> bool {
    tips.iter().any(|tip| {
        let search = ["grep", "--quiet", "--fixed-strings", "-e", "filter=lfs", tip, "--"];
        repository.run(&[&search[..], &[":(top,glob)**/.gitattributes"]].concat()).is_ok()
    })
}

/// Runs a program with what git gave our hook; gives its exit status.
fn run(command: &mut Command, started: Started<'_>) -> u8 {
    let run = command.args(started.arguments).stdin(Stdio::piped()).spawn().and_then(|mut child| {
        // A hook that does not read its input closes it.
        let _ = child.stdin.take().map(|mut pipe| pipe.write_all(started.stdin));
        child.wait()
    });
    match run {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(REFUSED),
        Err(error) => {
            let program = command.get_program().to_string_lossy();
            let _ = writeln!(std::io::stderr(), "rwenv: {program}: {error}");
            REFUSED
        }
    }
}
