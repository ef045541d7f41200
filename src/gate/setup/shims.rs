//! The shims: links to the hook program under the names of the tools, in a folder that stands first on an agent's `PATH`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::base::environment::Environment;
use crate::base::files::{FileError, make_private_dir};
use crate::base::program;
use rwenv_core::classify;

/// Most links that are followed from the name a shim is called by.
const MOST_LINKS: usize = 16;

/// The folder of the shims.
#[must_use]
pub fn folder(environment: &Environment) -> PathBuf {
    environment.config_dir.join("shims")
}

/// The names shims have.
#[must_use]
pub fn names() -> Vec<&'static str> {
    classify::tools().shims().collect()
}

/// The shim a path is, or leads to by links.
#[must_use]
pub fn shim_at(path: &str) -> Option<&'static str> {
    let mut path = PathBuf::from(path);
    for _ in 0..MOST_LINKS {
        let name = path.file_name()?.to_str()?;
        if let Some(shim) = classify::tools().shim(name) {
            return Some(shim);
        }
        path = path.with_file_name(fs::read_link(&path).ok()?);
    }
    None
}

/// The names of those that have a tool here to stand before: a shim without one would say that it is there.
#[must_use]
pub fn wanted(environment: &Environment) -> Vec<&'static str> {
    names().into_iter().filter(|name| program::find(name, environment).is_some()).collect()
}

/// Makes the folder hold exactly the shims of the tools that are here, as links to this hook program. Says which were not there,
/// or led elsewhere.
///
/// # Errors
/// Where the system says no, or something that is no link of ours has a shim's name.
pub fn install(hook: &Path, environment: &Environment) -> Result<Vec<&'static str>, FileError> {
    let folder = folder(environment);
    make_private_dir(&folder)?;
    let mut made = Vec::new();
    let wanted = wanted(environment);
    for name in names().into_iter().filter(|name| !wanted.contains(name)) {
        take_away(&folder.join(name))?;
    }
    for name in wanted {
        let path = folder.join(name);
        if fs::read_link(&path).is_ok_and(|target| target == hook) {
            continue;
        }
        let new = folder.join(format!(".{name}.{}.new", std::process::id()));
        let placed = symlink(hook, &new).and_then(|()| fs::rename(&new, &path));
        placed.map_err(|error| FileError::io(&path, error))?;
        made.push(name);
    }
    Ok(made)
}

/// Takes a link of ours away; anything else that has its name stays.
fn take_away(path: &Path) -> Result<(), FileError> {
    if fs::read_link(path).is_ok_and(|target| target.ends_with("rwenv-hook")) {
        fs::remove_file(path).map_err(|error| FileError::io(path, error))?;
    }
    Ok(())
}

/// Takes the shims away, and their folder if nothing else is in it.
///
/// # Errors
/// Where the system says no.
pub fn remove(environment: &Environment) -> Result<(), FileError> {
    let folder = folder(environment);
    for name in names() {
        take_away(&folder.join(name))?;
    }
    let _ = fs::remove_dir(&folder);
    Ok(())
}
