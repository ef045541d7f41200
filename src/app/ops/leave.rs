//! Leaving: what is taken away with the guard, and what is kept. Copies of credentials always go; what a person wrote always stays.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{claude, process, service};
use rwenv_flux::repos::{self, FluxRepository};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::{agent, config};

/// Folders with copies of credentials: sessions' kubeconfigs, and the API guard's key and tokens.
const CREDENTIALS: [&str; 3] = ["kube", "guard", "agents"];
/// What else is ours, and is not what a person wrote (docs/configuration.md has the table). The clones are looked at one by one.
const OURS: [&str; 11] = [
    "audit",
    "shims",
    "session.sh",
    "zsh",
    "git-template",
    "catalog",
    "deploys",
    "context",
    "logs",
    "envs.schema.json",
    "run",
];

/// What went, and what stays although it was to go.
#[derive(Debug, Default)]
pub struct Leaving {
    /// The daemon ran, and has ended.
    pub daemon: bool,
    /// The file of the service that was removed.
    pub service: Option<PathBuf>,
    /// Files and folders that were removed.
    pub removed: Vec<PathBuf>,
    /// What stays, and why.
    pub kept: Vec<String>,
}

/// Ends the daemon, takes its service out, and removes the copies of credentials.
///
/// # Errors
/// A daemon that does not end, or what the system says.
pub fn leave(environment: &Environment) -> anyhow::Result<Leaving> {
    let service = service::uninstall(environment)?;
    let mut leaving = Leaving {
        service: service.done.then_some(service.file),
        daemon: process::stop(environment)?,
        ..Leaving::default()
    };
    for name in CREDENTIALS {
        remove(&environment.config_dir.join(name), &mut leaving)?;
    }
    Ok(leaving)
}

/// Removes all but what a person wrote: `envs.json`, what was confirmed and accepted, selections, policies, and clones with work that is
/// nowhere else.
///
/// # Errors
/// What the system says.
pub fn purge(leaving: &mut Leaving, environment: &Environment) -> anyhow::Result<()> {
    clones(leaving, environment)?;
    for name in OURS {
        remove(&environment.config_dir.join(name), leaving)?;
    }
    for copy in claude::backups(&agent::claude_settings(environment)) {
        remove(&copy, leaving)?;
    }
    if let Some(runtime) = &environment.runtime_dir {
        remove(&runtime.join("rwenv"), leaving)?;
    }
    // Only an empty one goes.
    let _ = fs::remove_dir(&environment.config_dir);
    Ok(())
}

/// Mirrors go; of the clones those that hold nothing of a person's.
fn clones(leaving: &mut Leaving, environment: &Environment) -> anyhow::Result<()> {
    let config = config::load(&environment.config_dir).unwrap_or_default();
    for flux in config.rwenvs.all.iter().filter_map(|rwenv| FluxRepository::of(rwenv, environment).ok()) {
        let folder = flux.clone_dir();
        if !folder.exists() {
            continue;
        }
        match repos::clean(&flux, false) {
            Ok(_) => leaving.removed.push(folder),
            Err(error) => leaving.kept.push(error.to_string()),
        }
    }
    remove(&environment.config_dir.join("mirrors"), leaving)?;
    let all = environment.config_dir.join("flux-repos");
    for entry in fs::read_dir(&all).into_iter().flatten().flatten() {
        if fs::remove_dir(entry.path()).is_err()
            && !leaving.kept.iter().any(|kept| kept.contains(&entry.path().display().to_string()))
        {
            leaving.kept.push(format!("{}: it holds files that may be yours", entry.path().display()));
        }
    }
    let _ = fs::remove_dir(&all);
    Ok(())
}

fn remove(path: &Path, leaving: &mut Leaving) -> anyhow::Result<()> {
    let Ok(meta) = path.symlink_metadata() else { return Ok(()) };
    let removed = if meta.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.with_context(|| path.display().to_string())?;
    leaving.removed.push(path.to_owned());
    Ok(())
}
