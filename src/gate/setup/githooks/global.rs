//! Our folder of hooks for all repositories of a user (`core.hooksPath`). It takes the place of each repository's own, so
//! that every hook has a script in it that hands on.

use std::fs;
use std::path::{Path, PathBuf};

use super::{FileError, PRE_PUSH, is_ours, judging, put, remove, shell_word};
use crate::base::environment::Environment;
use crate::base::files;

/// The hooks that are handed on (githooks(5)). That push-to-checkout, proc-receive, reference-transaction or
/// post-index-change is there changes what git does, and what it costs, where there is nothing to hand on to as well: those
/// are left out. fsmonitor-watchman is named by its path and never looked for in the folder.
const NAMES: [&str; 21] = [
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
    "post-receive",
    "post-update",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
    "p4-changelist",
    "p4-prepare-changelist",
];

/// The hooks git-lfs has besides pre-push: they keep files that want a lock read-only.
pub const OF_LFS: [&str; 3] = ["post-checkout", "post-commit", "post-merge"];

/// The script of each hook that only hands on.
const HANDING_ON: &str = include_str!("../../../../hooks/git/any");
/// What takes git back to each repository's own hooks.
const WAY_OUT: &str = "git config --global --unset core.hooksPath";

/// The folder.
#[must_use]
pub fn folder(environment: &Environment) -> PathBuf {
    environment.config_dir.join("git-hooks")
}

/// Where the setting is remembered that was there before ours.
#[must_use]
pub fn previous(environment: &Environment) -> PathBuf {
    folder(environment).join("previous")
}

/// The folder of hooks that was set before ours. A relative one is each repository's own.
#[must_use]
pub fn previous_folder(environment: &Environment) -> Option<PathBuf> {
    let set = files::read(&previous(environment)).ok().flatten()?;
    Some(match set.trim().strip_prefix("~/") {
        Some(rest) => environment.home.join(rest),
        None => PathBuf::from(set.trim()),
    })
}

/// Writes a script for every hook, and removes those that were ours and are no longer.
///
/// # Errors
/// Where the system says no.
pub fn write(rwenv: &Path, environment: &Environment) -> Result<(), FileError> {
    let folder = folder(environment);
    let previous = previous_folder(environment);
    clear(environment, |name| NAMES.contains(&name))?;
    for name in NAMES {
        let text = match name {
            PRE_PUSH => judging(rwenv, WAY_OUT)?,
            _ => handing_on(name, rwenv, previous.as_deref())?,
        };
        put(&folder.join(name), &text)?;
    }
    Ok(())
}

/// Removes all of it.
///
/// # Errors
/// Where the system says no.
pub fn remove_all(environment: &Environment) -> Result<(), FileError> {
    clear(environment, |_| false)?;
    let _ = fs::remove_file(previous(environment));
    let _ = fs::remove_dir(folder(environment));
    Ok(())
}

fn clear(environment: &Environment, stays: impl Fn(&str) -> bool) -> Result<(), FileError> {
    let folder = folder(environment);
    let entries = fs::read_dir(&folder).map_err(|e| FileError::io(&folder, e))?;
    let ours = entries.flatten().filter(|entry| !entry.file_name().to_str().is_some_and(&stays));
    ours.map(|entry| entry.path()).filter(|path| is_ours(path)).try_for_each(|path| remove(&path))
}

/// A script that costs nothing where there is nothing to hand on to, and hands on by itself where rwenv is gone.
pub(super) fn handing_on(name: &str, rwenv: &Path, previous: Option<&Path>) -> Result<String, FileError> {
    let rwenv = shell_word(rwenv)?;
    let previous = previous.map(|folder| shell_word(&folder.join(name))).transpose()?.unwrap_or_default();
    let lfs = if OF_LFS.contains(&name) { "lfs" } else { "" };
    let text = HANDING_ON.replace("@NAME@", name).replace("@LFS@", lfs).replace("@WAY_OUT@", WAY_OUT);
    // Paths come last: in them, such a word stands for itself.
    Ok(text.replace("@PREVIOUS@", &previous).replace("@RWENV@", &rwenv))
}
