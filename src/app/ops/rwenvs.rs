//! Changes of `envs.json` that a person asks for: a rwenv more, another, one less, and where commands run.

use std::path::Path;

use serde_json::{Map, Value};

use rwenv_core::model::RwenvName;
use rwenv_flux::catalog::lookup;
use rwenv_gate::facts::config::ConfigError;
use rwenv_gate::ledger::envs::update;

/// An object of the configuration file.
pub type ConfigObject = Map<String, Value>;

/// A change that was not made, and why.
#[derive(Debug, thiserror::Error)]
pub enum RwenvEditError {
    /// The configuration is broken, or cannot be written.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What was asked for makes no sense there.
    #[error("{0}")]
    Refused(String),
}

/// The rwenvs of the file, made where they are missing.
fn rwenvs(file: &mut ConfigObject) -> Result<&mut ConfigObject, RwenvEditError> {
    let entry = file.entry("rwenvs").or_insert_with(|| Value::Object(Map::new()));
    entry.as_object_mut().ok_or_else(|| RwenvEditError::Refused("\"rwenvs\" is not an object".to_owned()))
}

fn rwenv<'a>(file: &'a mut ConfigObject, name: &str) -> Result<&'a mut ConfigObject, RwenvEditError> {
    let all = rwenvs(file)?;
    let missing = unknown(name, all.keys().map(String::as_str));
    all.get_mut(name).and_then(Value::as_object_mut).ok_or(RwenvEditError::Refused(missing))
}

/// What to say of a name that no rwenv has: the nearest, and those there are.
#[must_use]
pub fn unknown<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    let near = lookup::proposal(&lookup::near(&name.to_lowercase(), known.clone()));
    let all: Vec<&str> = known.collect();
    let all = if all.is_empty() { "none yet; add one: rwenv add".to_owned() } else { all.join(", ") };
    format!("there is no rwenv '{}'.{near} There are: {all}", name.escape_debug())
}

/// Adds a rwenv with these fields.
///
/// # Errors
/// A rwenv of this name, or [`update`]'s.
pub fn add(config_dir: &Path, name: &RwenvName, values: ConfigObject) -> Result<(), RwenvEditError> {
    update(config_dir, |file| {
        let use_container = file.get("useDevContainer").and_then(Value::as_bool);
        let all = rwenvs(file)?;
        if all.contains_key(name.as_str()) {
            return Err(RwenvEditError::Refused(format!(
                "rwenv '{name}' is there already; change it with rwenv edit {name}"
            )));
        }
        let mut entry = Map::new();
        apply(&mut entry, values, use_container);
        all.insert(name.to_string(), Value::Object(entry));
        Ok(())
    })
}

/// Removes fields of a rwenv, and sets others.
///
/// # Errors
/// No such rwenv, no such field, or [`update`]'s.
pub fn change(
    config_dir: &Path,
    name: &str,
    unset: &[String],
    values: ConfigObject,
) -> Result<(), RwenvEditError> {
    update(config_dir, |file| {
        let use_container = file.get("useDevContainer").and_then(Value::as_bool);
        let entry = rwenv(file, name)?;
        for field in unset {
            if entry.shift_remove(field).is_none() {
                return Err(RwenvEditError::Refused(format!(
                    "rwenv '{name}' has no field '{}'",
                    field.escape_debug()
                )));
            }
        }
        apply(entry, values, use_container);
        Ok(())
    })
}

/// Removes a rwenv.
///
/// # Errors
/// No such rwenv, or [`update`]'s.
pub fn remove(config_dir: &Path, name: &str) -> Result<(), RwenvEditError> {
    update(config_dir, |file| {
        rwenv(file, name)?;
        rwenvs(file)?.shift_remove(name);
        Ok(())
    })
}

/// Takes rwenvs in from elsewhere.
///
/// # Errors
/// One that is there already and is not to be replaced, or [`update`]'s.
pub fn import(config_dir: &Path, given: &ConfigObject, replace: bool) -> Result<(), RwenvEditError> {
    update(config_dir, |file| {
        let all = rwenvs(file)?;
        if let Some(there) = given.keys().find(|name| all.contains_key(name.as_str())).filter(|_| !replace) {
            return Err(RwenvEditError::Refused(format!(
                "rwenv '{there}' is there already; say --replace to replace it"
            )));
        }
        all.extend(given.clone());
        Ok(())
    })
}

/// Says whether commands run in the dev container.
///
/// # Errors
/// No dev container that is named, or [`update`]'s.
pub fn use_dev_container(config_dir: &Path, on: bool) -> Result<(), RwenvEditError> {
    update(config_dir, |file| {
        let container = file.get("devContainer").and_then(Value::as_str).is_some_and(|c| !c.is_empty());
        if on && !container {
            return Err(RwenvEditError::Refused(
                "no \"devContainer\" is named in envs.json; add its name there first".to_owned(),
            ));
        }
        file.insert("useDevContainer".to_owned(), Value::from(on));
        Ok(())
    })
}

/// Puts fields into an entry; kubeconfig and context go where this entry keeps them.
fn apply(entry: &mut ConfigObject, values: ConfigObject, use_container: Option<bool>) {
    let nested = if use_container == Some(false) { ["local", "container"] } else { ["container", "local"] };
    let place = nested.into_iter().find(|p| entry.get(*p).is_some_and(Value::is_object));
    for (name, value) in values {
        let place = place.filter(|_| matches!(name.as_str(), "kubeconfigPath" | "kubernetesContext"));
        match (place.and_then(|place| entry.get_mut(place)).and_then(Value::as_object_mut), value) {
            (Some(access), value) => {
                access.insert(name, value);
            }
            (None, Value::Object(new)) if nested.contains(&name.as_str()) || name == "custody" => {
                match entry.get_mut(&name).and_then(Value::as_object_mut) {
                    Some(there) => there.extend(new),
                    None => drop(entry.insert(name, new.into())),
                }
            }
            (None, value) => drop(entry.insert(name, value)),
        }
    }
}
