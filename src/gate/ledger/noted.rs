//! Notes which cluster a rwenv's contexts lead to, at the moment a person says so.

use std::path::Path;

use crate::base::environment::Environment;
use crate::base::files::{self, FileError};
use crate::facts::identity;
use crate::facts::noted::{NotedContext, NotedFile, NotedRwenvs, path, read};
use rwenv_core::model::{Rwenv, SeenContext};

/// Where the contexts of a rwenv lead now, those of them that can be seen from here.
#[must_use]
pub fn now(rwenv: &Rwenv, environment: &Environment) -> Vec<NotedContext> {
    let found = identity::of_rwenv(rwenv, environment).into_iter();
    let seen = found.filter_map(|(context, seen)| match seen {
        SeenContext::Cluster(cluster) => Some(NotedContext { context, cluster }),
        _ => None,
    });
    seen.collect()
}

/// Notes where a rwenv's contexts lead; nothing is noted of a rwenv whose contexts lead nowhere.
///
/// # Errors
/// Where it cannot be written.
pub fn note(rwenv: &str, contexts: Vec<NotedContext>, environment: &Environment) -> Result<(), FileError> {
    change(&environment.config_dir, |all| {
        if contexts.is_empty() {
            all.remove(rwenv);
        } else {
            all.insert(rwenv.to_owned(), contexts);
        }
    })
}

/// Forgets rwenvs that are no more.
///
/// # Errors
/// Where it cannot be written.
pub fn retain(known: impl Fn(&str) -> bool, environment: &Environment) -> Result<(), FileError> {
    change(&environment.config_dir, |all| all.retain(|name, _| known(name)))
}

fn change(config_dir: &Path, change: impl FnOnce(&mut NotedRwenvs)) -> Result<(), FileError> {
    files::make_private_dir(config_dir)?;
    let _lock = files::lock(config_dir)?;
    let before = read(config_dir)?;
    let mut rwenvs = before.clone();
    change(&mut rwenvs);
    if rwenvs == before {
        return Ok(());
    }
    let path = path(config_dir);
    let text = serde_json::to_string_pretty(&NotedFile { rwenvs })
        .map_err(|error| FileError::io(&path, error.into()))?;
    files::write(&path, &(text + "\n"), 0o600)
}
