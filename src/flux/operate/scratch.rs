//! Folders for what kubectl and helm read while they render.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::{self, FileError};

/// A folder that only its owner can read. It is removed when the value is dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one below `~/.claude/rwenv/run`. `what` is a part of its name.
    pub(super) fn make(what: &str, environment: &Environment) -> Result<Self, FileError> {
        /// One process may render several objects at once.
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{what}-{}-{number}", std::process::id());
        let folder = environment.config_dir.join("run").join(name);
        files::make_private_dir(&folder)?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
