//! Whether a change of files that a line makes touches what Git has of what it applies then.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::environment::Environment;
use crate::facts::git::run;
use crate::facts::pushed::is_output;
use rwenv_core::model::Change;

/// True where a change touches what git sees of a file or folder. What git is told to ignore, and has not, does not matter.
pub(super) fn touches(change: &Change, applied: &str, environment: &Environment) -> bool {
    let real = real(Path::new(applied));
    let (folder, file) =
        if real.is_dir() { (real.as_path(), None) } else { (parent(&real), real.file_name()) };
    let Some(dir) = folder.to_str() else { return true };
    let inside = |path: &Path| if file.is_some() { path == real } else { path.starts_with(&real) };
    match change {
        Change::Written(path) => {
            let at = resolved(path);
            // What a state says of a file that git ignores counts as long as neither is written.
            let itself = file.is_some() && at == real;
            let state = file.is_some() && path.ends_with(".tfstate") && ignored(&real, environment);
            !at.is_dir()
                && (itself
                    || state
                    || ((inside(&at) || inside(&named(path)))
                        && !ignored(&at, environment)
                        && !is_new_output(&at, environment)))
        }
        Change::Filled(path) => {
            let at = resolved(path);
            real.starts_with(&at) || (inside(&at) && !ignored(&at, environment))
        }
        Change::Changed(path) => {
            let at = named(path);
            real.starts_with(&at)
                || real.starts_with(resolved(path))
                || has(dir, &at, file.and_then(|f| f.to_str()), environment)
        }
        Change::WorkTree(path) => {
            let top = |dir: &str| run(dir, &["rev-parse", "--show-toplevel"], environment);
            Path::new(path).is_dir() && top(path).is_some_and(|tree| top(dir).is_none_or(|own| own == tree))
        }
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Where a path leads, as far as it is there.
fn real(path: &Path) -> PathBuf {
    match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Ok(real), ..) => real,
        (Err(_), Some(folder), Some(name)) => real(folder).join(name),
        (Err(_), ..) => path.to_owned(),
    }
}

fn resolved(path: &str) -> PathBuf {
    real(Path::new(path))
}

/// The name itself, of which only the folder is followed.
fn named(path: &str) -> PathBuf {
    let path = Path::new(path);
    path.file_name().map_or_else(|| real(path), |name| real(parent(path)).join(name))
}

/// True for a file that git has not, by a name that output has and nothing reads.
fn is_new_output(path: &Path, environment: &Environment) -> bool {
    let (Some(dir), Some(name)) = (parent(path).to_str(), path.file_name().and_then(|name| name.to_str()))
    else {
        return false;
    };
    is_output(name) && run(dir, &["ls-files", "--error-unmatch", "--", name], environment).is_none()
}

fn ignored(path: &Path, environment: &Environment) -> bool {
    let there = path.ancestors().skip(1).find(|folder| folder.is_dir());
    let Some((dir, name)) =
        there.and_then(|dir| Some((dir.to_str()?, path.strip_prefix(dir).ok()?.to_str()?)))
    else {
        return false;
    };
    run(dir, &["check-ignore", "-q", "--", name], environment).is_some()
}

/// True where git has files of this pattern in a folder; of this name, where one is given.
fn has(dir: &str, pattern: &Path, name: Option<&str>, environment: &Environment) -> bool {
    let Some(pattern) = pattern.to_str() else { return true };
    let found = run(dir, &["ls-files", "-z", "--", pattern], environment).unwrap_or_default();
    found.split('\0').filter(|file| !file.is_empty()).any(|file| match name {
        Some(name) => file == name,
        None => !file.starts_with("../"),
    })
}
