//! The template git copies into each repository that it makes or clones (git-init(1), "TEMPLATE DIRECTORY"), where the
//! person has none of their own.

use std::path::{Path, PathBuf};

use crate::base::environment::Environment;

/// What git's own template holds; everything else in a new repository git makes itself.
pub const PARTS: [&str; 4] = ["branches", "description", "hooks", "info"];

/// Our template.
#[must_use]
pub fn path(environment: &Environment) -> PathBuf {
    environment.config_dir.join("git-template")
}

/// A path from git's configuration: `~/` is the person's home. None for one that is relative to each repository.
#[must_use]
pub fn absolute(value: &str, environment: &Environment) -> Option<PathBuf> {
    let path = match value.strip_prefix("~/") {
        Some(rest) => environment.home.join(rest),
        None => PathBuf::from(value),
    };
    Some(path).filter(|path| path.is_absolute())
}

/// True where this is our template.
#[must_use]
pub fn is_ours(template: &Path, environment: &Environment) -> bool {
    template == path(environment)
}
