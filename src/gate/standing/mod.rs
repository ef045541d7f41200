//! Whether the guard stands: what of it is off, each in one sentence with what mends it, and the line that a prompt or an agent shows.
//! It reads files and opens sockets of this machine, starts nothing, and is fast enough for every prompt.

mod claude;
mod doors;
mod lapse;
mod line;
mod others;

pub use claude::{Registered, registered};
pub use doors::hooks_elsewhere;
pub use lapse::Lapse;
pub use line::{prompt, statusline};
pub use others::{SwitchedOff, switched_off};

use std::path::{Path, PathBuf};

use crate::base::environment::Environment;

/// What of the guard is off for a directory, the worst first. Empty where rwenv was never installed: nothing is off that was never on.
#[must_use]
pub fn lapses(dir: &Path, environment: &Environment) -> Vec<Lapse> {
    let mut all = reached(dir, environment);
    all.extend(doors::order(environment));
    all.extend(doors::daemon(dir, environment));
    all
}

/// The same without the daemon and the order of this process's `PATH`: what the daemon itself can tell.
#[must_use]
pub fn reached(dir: &Path, environment: &Environment) -> Vec<Lapse> {
    let mut all = claude::lapses(dir, environment);
    all.extend(others::lapses(environment));
    let off = switched_off(dir, environment);
    all.extend(off.iter().map(SwitchedOff::lapse));
    all.extend(doors::shims(environment));
    all.extend(doors::git_hooks(environment));
    all.extend(doors::ground(environment));
    all
}

/// The files and folders that say whether the doors are reached: agents' settings, those of these projects, shims, git's hooks.
#[must_use]
pub fn files(dirs: &[PathBuf], environment: &Environment) -> Vec<PathBuf> {
    let mut all = claude::files(environment);
    all.extend(others::files(dirs, environment));
    all.extend(doors::files(environment));
    all.sort_unstable();
    all.dedup();
    all
}
