//! The clusters of rwenvs as a person saw them last: what a context meant when it was chosen. Written by `ledger::noted`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::files::{self, FileError};
use rwenv_core::model::ClusterIdentity;

/// A context, and where it led.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NotedContext {
    /// Its name.
    pub context: String,
    /// Where it led.
    #[serde(flatten)]
    pub cluster: ClusterIdentity,
}

/// What is noted, by rwenv.
pub type NotedRwenvs = BTreeMap<String, Vec<NotedContext>>;

/// The file, as it is written.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct NotedFile {
    /// What is noted.
    #[serde(default)]
    pub rwenvs: NotedRwenvs,
}

/// Path of the file.
#[must_use]
pub fn path(config_dir: &Path) -> PathBuf {
    config_dir.join("clusters.json")
}

/// What is noted; nothing where nobody has confirmed anything yet.
///
/// # Errors
/// Where the file cannot be read, or is not to be trusted.
pub fn read(config_dir: &Path) -> Result<NotedRwenvs, FileError> {
    let path = path(config_dir);
    let Some(text) = files::read_trusted(&path)? else { return Ok(NotedRwenvs::new()) };
    let file: NotedFile = serde_json::from_str(&text).map_err(|error| FileError::io(&path, error.into()))?;
    Ok(file.rwenvs)
}
