//! How the hook is registered with agents: the files of `hooks/`, filled in, and the settings they go into. Which agent
//! keeps them where does not belong here.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value};

use super::layout;
use rwenv_gate::base::files;

/// An object of JSON, in the order of its file.
pub type JsonObject = Map<String, Value>;

/// What stands for the hook program in the files of `hooks/`.
pub(super) const HOOK: &str = "@RWENV_HOOK@";

/// What is said to somebody whose settings would have been changed.
pub(super) const UNCHANGED: &str = "; correct the JSON there, nothing was changed";

/// Settings as they are in the file: its text, and what it says.
///
/// # Errors
/// If the file cannot be read, or is not an object of JSON; `advice` ends the message then.
pub(super) fn settings(path: &Path, advice: &str) -> anyhow::Result<(Option<String>, JsonObject)> {
    let text = files::read(path)?;
    let bare = text.as_deref().unwrap_or_default().trim_start_matches('\u{feff}');
    if bare.trim().is_empty() {
        return Ok((text, Map::new()));
    }
    let object = serde_json::from_str(bare)
        .map_err(|e| anyhow::anyhow!("{}:{}:{}: {e}{advice}", path.display(), e.line(), e.column()))?;
    Ok((text, object))
}

/// Settings as text: as they were laid out before, as far as they are the same.
///
/// # Errors
/// Never for an object of JSON.
pub(super) fn laid_out(old: Option<&str>, new: &JsonObject) -> anyhow::Result<String> {
    let value = Value::Object(new.clone());
    match old.and_then(|old| layout::changed(old, &value)) {
        Some(text) => Ok(text),
        None => Ok(format!("{}\n", serde_json::to_string_pretty(&value)?)),
    }
}

/// Writes a file of our own, or takes it away; says whether that changed anything.
pub(super) fn place(path: &Path, wanted: Option<&str>) -> anyhow::Result<bool> {
    let there = files::read(path)?;
    if there.as_deref() == wanted {
        return Ok(false);
    }
    match wanted {
        Some(text) => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            }
            files::write(path, text, 0o600)?;
        }
        None => std::fs::remove_file(path).with_context(|| path.display().to_string())?,
    }
    Ok(true)
}

/// A registration with the program filled in.
///
/// # Errors
/// Never for the files of `hooks/`, which a test reads.
pub(super) fn filled(registration: &str, program: &str) -> anyhow::Result<JsonObject> {
    let mut object: JsonObject = serde_json::from_str(registration).context("a registration is not JSON")?;
    object.values_mut().for_each(|value| fill(value, program));
    Ok(object)
}

fn fill(value: &mut Value, program: &str) {
    match value {
        Value::String(text) => *text = text.replace(HOOK, program),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, program)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill(field, program)),
        _ => {}
    }
}

/// The events of a registration, each with its entries.
pub(super) fn events(registration: &JsonObject) -> impl Iterator<Item = (&String, &Vec<Value>)> {
    let hooks = registration.get("hooks").and_then(Value::as_object);
    hooks.into_iter().flatten().filter_map(|(event, entries)| Some((event, entries.as_array()?)))
}
