//! The guard put into place and taken away as a whole: Claude Code's hook and the shims; at the end also what was put
//! among other agents' hooks and git's. How each is registered is in `claude`, `agents` and `everywhere`.

use std::path::{Path, PathBuf};

use anyhow::bail;

use super::claude::WantedLine;
use super::handout::{self, Handout};
use super::leave::{self, Leaving};
use super::{agents, claude, everywhere};
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::setup::{agents as places, shims};

/// What is there now, and what is no longer.
#[derive(Debug)]
pub struct Installed {
    /// Claude Code's settings.
    pub settings: PathBuf,
    /// They were changed.
    pub changed: bool,
    /// Where the old ones are kept.
    pub backup: Option<PathBuf>,
    /// Where the shims are.
    pub shims_dir: PathBuf,
    /// Those that were made now.
    pub shims: Vec<&'static str>,
    /// Settings of other agents that had the hook.
    pub other_settings: Vec<PathBuf>,
    /// Folders of git's hooks that had ours.
    pub git_hooks: Vec<PathBuf>,
    /// What a person has set otherwise, and what stays so.
    pub kept: Vec<String>,
    /// What Claude Code is given to read.
    pub handout: Handout,
    /// What went beside the hooks.
    pub leaving: Leaving,
}

/// The hook program: the one that is given, or that beside this program.
///
/// # Errors
/// If there is none.
pub fn hook_program(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = match given {
        Some(path) => environment::current_dir().join(path),
        None => std::env::current_exe()?.with_file_name("rwenv-hook"),
    };
    if !path.is_file() {
        bail!(
            "{}: there is no hook program; build and place it with ./install.sh, or name it with --hook",
            path.display()
        );
    }
    Ok(path)
}

/// Registers the hook and the status line with Claude Code, and makes the shims; sets its sandbox, where that is wanted or was set before.
///
/// # Errors
/// If the settings cannot be read or written, or something else has the name of a shim.
pub fn install(
    hook: &Path,
    line: WantedLine,
    sandboxed: bool,
    environment: &Environment,
) -> anyhow::Result<Installed> {
    let pending = claude::PendingSettings::of(Some(hook), line, sandboxed, environment)?;
    let shims = shims::install(hook, environment)?;
    let installed = written(&pending, shims, environment)?;
    places::note(places::CLAUDE, true, environment)?;
    let handout = handout::hand_out(places::CLAUDE, true, environment)?;
    Ok(Installed { handout, ..installed })
}

/// Takes everything out again that `install` and its like have put in, with the daemon and copies of credentials; with `purge` all but
/// what a person wrote.
///
/// # Errors
/// If settings cannot be read or written, or git's hooks cannot be changed.
pub fn uninstall(purge: bool, environment: &Environment) -> anyhow::Result<Installed> {
    let pending = claude::PendingSettings::of(None, WantedLine::Never, false, environment)?;
    shims::remove(environment)?;
    let handout = Handout { removed: handout::take_back(environment)?, ..Handout::default() };
    let other_settings = agents::remove_all(environment)?;
    let git_hooks = everywhere::remove_all(environment)?;
    let installed = written(&pending, Vec::new(), environment)?;
    places::note(places::CLAUDE, false, environment)?;
    let mut leaving = leave::leave(environment)?;
    if purge {
        leave::purge(&mut leaving, environment)?;
    }
    Ok(Installed { other_settings, git_hooks, handout, leaving, ..installed })
}

fn written(
    pending: &claude::PendingSettings,
    shims: Vec<&'static str>,
    environment: &Environment,
) -> anyhow::Result<Installed> {
    Ok(Installed {
        backup: pending.write(environment)?,
        kept: pending.kept.clone(),
        settings: pending.settings.clone(),
        changed: pending.changes,
        shims_dir: shims::folder(environment),
        shims,
        other_settings: Vec::new(),
        git_hooks: Vec::new(),
        handout: Handout::default(),
        leaving: Leaving::default(),
    })
}
