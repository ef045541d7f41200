//! Which rwenv a directory has: `$RWENV`, the nearest `.claude/rwenv`, `env-consumers.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::base::environment::{self, Environment};
use crate::base::files::{self, FileError};
use rwenv_core::model::{Bound, RwenvName};

/// A selection and where it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// What is selected.
    pub bound: Bound,
    /// The file, or none for `$RWENV`.
    pub source: Option<PathBuf>,
}

/// What is selected for a directory.
#[must_use]
pub fn bindings_for_dir(dir: &str, environment: &Environment) -> Vec<Bound> {
    let mut all: Vec<Bound> = selection(Path::new(dir), environment).map(|s| s.bound).into_iter().collect();
    if environment.both_selections && environment.rwenv.is_some() {
        let quiet = Environment { rwenv: None, ..environment.clone() };
        all.extend(selection(Path::new(dir), &quiet).map(|s| s.bound));
    }
    all
}

/// What is selected for a directory, and by what. None where nothing is.
#[must_use]
pub fn selection(dir: &Path, environment: &Environment) -> Option<Selection> {
    if let Some(name) = &environment.rwenv {
        return Some(Selection { bound: named(name, "$RWENV"), source: None });
    }
    let real = physical(dir);
    let logical = || if real == dir { None } else { by_file(dir, environment) };
    by_file(&real, environment).or_else(logical).or_else(|| by_consumers(dir, &real, environment))
}

/// The directory without links: of one that is not there yet, what of it is.
fn physical(dir: &Path) -> PathBuf {
    // An agent starts its hook where it works, and that directory the system knows without links.
    if dir == environment::current_dir() {
        return dir.to_owned();
    }
    // Mostly there is none, and looking is cheaper than resolving.
    if dir.ancestors().all(|a| !fs::symlink_metadata(a).is_ok_and(|meta| meta.is_symlink())) {
        return dir.to_owned();
    }
    for ancestor in dir.ancestors() {
        if let Ok(real) = fs::canonicalize(ancestor) {
            return match dir.strip_prefix(ancestor) {
                Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                _ => real,
            };
        }
    }
    dir.to_owned()
}

/// The nearest `.claude/rwenv` upwards; for a linked worktree that has none, its main worktree's.
fn by_file(dir: &Path, environment: &Environment) -> Option<Selection> {
    for ancestor in dir.ancestors() {
        if let Some(found) = file_in(ancestor, environment) {
            return Some(found);
        }
        if let Some(main) = main_worktree(ancestor)
            && let Some(found) = main.ancestors().find_map(|a| file_in(a, environment))
        {
            return Some(found);
        }
    }
    None
}

fn file_in(dir: &Path, environment: &Environment) -> Option<Selection> {
    let path = dir.join(".claude/rwenv");
    if path == environment.config_dir {
        return None;
    }
    let bound = match files::read_trusted(&path) {
        Err(FileError::Unfit { .. }) if path.is_dir() => return None,
        Ok(None) => return None,
        Ok(Some(text)) => named(text.trim_start_matches('\u{feff}').trim(), &path.display().to_string()),
        Err(error) => Bound::Invalid(error.to_string()),
    };
    Some(Selection { bound, source: Some(path) })
}

/// The main worktree of a linked one: its `.git` is a file that names a folder below the main one's.
fn main_worktree(dir: &Path) -> Option<PathBuf> {
    let path = dir.join(".git");
    if !path.is_file() {
        return None;
    }
    let text = files::read(&path).ok()??;
    let target = dir.join(text.strip_prefix("gitdir:")?.trim());
    let worktrees = target.parent().filter(|p| p.ends_with(".git/worktrees"))?;
    worktrees.parent()?.parent().map(Path::to_owned)
}

fn named(name: &str, source: &str) -> Bound {
    match RwenvName::new(name) {
        Ok(name) => Bound::Rwenv(name.to_string()),
        Err(error) => Bound::Invalid(format!("{source} does not name a rwenv: {error}")),
    }
}

/// The directories that `env-consumers.json` names.
#[must_use]
pub fn consumers(environment: &Environment) -> Vec<PathBuf> {
    let text = files::read_trusted(&environment.config_dir.join("env-consumers.json")).ok().flatten();
    let all: Option<BTreeMap<String, String>> = text.and_then(|text| serde_json::from_str(&text).ok());
    all.into_iter().flatten().map(|(dir, _)| PathBuf::from(dir)).filter(|dir| dir.is_absolute()).collect()
}

/// `env-consumers.json`: the longest directory that holds this one.
fn by_consumers(dir: &Path, real: &Path, environment: &Environment) -> Option<Selection> {
    let path = environment.config_dir.join("env-consumers.json");
    let text = match files::read_trusted(&path) {
        Ok(text) => text?,
        Err(error) => {
            return Some(Selection { bound: Bound::Invalid(error.to_string()), source: Some(path) });
        }
    };
    let bound = match serde_json::from_str::<BTreeMap<String, String>>(&text) {
        Ok(all) => {
            let holds = |key: &str| dir.starts_with(key) || real.starts_with(key);
            let (_, name) = all
                .iter()
                .filter(|(key, _)| key.starts_with('/') && holds(key))
                .max_by_key(|(key, _)| key.len())?;
            named(name, &path.display().to_string())
        }
        Err(e) => Bound::Invalid(format!(
            "{}:{}:{}: {e}; correct the JSON there",
            path.display(),
            e.line(),
            e.column()
        )),
    };
    Some(Selection { bound, source: Some(path) })
}

/// Selects a rwenv for a directory: writes its `.claude/rwenv`, or, where that is the configuration's own folder (the
/// home directory), its entry in `env-consumers.json`. Says which file.
///
/// # Errors
/// Where the system says no, or the list is no JSON object of names; nothing is changed then.
pub fn select(dir: &Path, name: &RwenvName, environment: &Environment) -> Result<PathBuf, FileError> {
    let folder = dir.join(".claude");
    let path = folder.join("rwenv");
    if path.is_dir() {
        return list(dir, name, environment);
    }
    fs::create_dir_all(&folder).map_err(|e| FileError::io(&folder, e))?;
    files::write(&path, &format!("{name}\n"), 0o600)?;
    Ok(path)
}

fn list(dir: &Path, name: &RwenvName, environment: &Environment) -> Result<PathBuf, FileError> {
    let _lock = files::lock(&environment.config_dir)?;
    let path = environment.config_dir.join("env-consumers.json");
    let text = files::read_trusted(&path)?.unwrap_or_else(|| "{}".to_owned());
    let mut all: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).map_err(|e| FileError::io(&path, e.into()))?;
    all.insert(dir.display().to_string(), name.as_str().into());
    let text = serde_json::to_string_pretty(&all).map_err(|e| FileError::io(&path, e.into()))?;
    files::write(&path, &format!("{text}\n"), 0o600)?;
    Ok(path)
}
