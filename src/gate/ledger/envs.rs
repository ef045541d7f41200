//! `envs.json`, changed without losing a byte that is not ours; and the last good one, kept for the day it is broken.

use std::path::Path;

use serde_json::{Map, Value};

use crate::base::files;
use crate::facts::config::{Config, ConfigError, last_good, load, parse, path};

/// The schema of the file, for editors.
const SCHEMA: &str = include_str!("../../../schemas/envs.schema.json");
/// Its name beside the file.
const SCHEMA_FILE: &str = "envs.schema.json";

/// Reads and checks the file, and keeps it as the last good one.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn keep(config_dir: &Path) -> Result<Config, ConfigError> {
    let path = path(config_dir);
    let config = load(config_dir)?;
    let (text, kept) = (files::read_trusted(&path)?, last_good(config_dir));
    if let Some(text) = text.filter(|text| files::read(&kept).ok().flatten().as_ref() != Some(text)) {
        parse(&text, &path, config_dir)?;
        files::make_private_dir(&config_dir.join("run"))?;
        files::write(&kept, &text, 0o600)?;
    }
    Ok(config)
}

/// Changes the file under its lock: read, checked, changed, checked again, written whole. Whatever the change does
/// not touch stays as it is, in its order.
///
/// # Errors
/// Where the file is broken before or would be after the change, or the change itself says no; the file is as it
/// was then.
pub fn update<E: From<ConfigError>>(
    config_dir: &Path,
    change: impl FnOnce(&mut Map<String, Value>) -> Result<(), E>,
) -> Result<(), E> {
    files::make_private_dir(config_dir).map_err(ConfigError::from)?;
    let _lock = files::lock(config_dir).map_err(ConfigError::from)?;
    let path = path(config_dir);
    let text = files::read_trusted(&path).map_err(ConfigError::from)?;
    let mut object = match &text {
        None => Map::from_iter([
            ("$schema".to_owned(), Value::from(format!("./{SCHEMA_FILE}"))),
            ("version".to_owned(), Value::from("1.0")),
            ("rwenvs".to_owned(), Map::new().into()),
        ]),
        Some(text) => {
            parse(text, &path, config_dir)?;
            let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
            serde_json::from_str(bare).unwrap_or_default()
        }
    };
    change(&mut object)?;
    let mut text = serde_json::to_string_pretty(&object).unwrap_or_default();
    text.push('\n');
    parse(&text, &path, config_dir)?;
    files::write(&path, &text, 0o600).map_err(ConfigError::from)?;
    let schema = config_dir.join(SCHEMA_FILE);
    if files::read(&schema).ok().flatten().as_deref() != Some(SCHEMA) {
        files::write(&schema, SCHEMA, 0o600).map_err(ConfigError::from)?;
    }
    keep(config_dir)?;
    Ok(())
}
