//! What is remembered of the last sync.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{FluxRepository, RepoError};
use rwenv_gate::base::files::{self, FileError};

/// What is remembered of a repository between runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RepositoryRecord {
    /// Where the mirror is from.
    pub(super) url: String,
    /// Last success, seconds since 1970.
    pub(super) synced: Option<u64>,
    /// What went wrong since.
    pub(super) error: Option<String>,
    /// The other side's default branch.
    pub(super) head: Option<String>,
    /// The other side's branches.
    pub(super) heads: BTreeSet<String>,
    /// The followed branch no longer holds what it held.
    pub(super) rewritten: bool,
    /// The other side has no commit.
    pub(super) empty: bool,
}

/// The record of a repository; an empty one where there is none that can be read.
pub(super) fn record(flux: &FluxRepository) -> RepositoryRecord {
    let text = files::read(&flux.record()).ok().flatten().unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// The other side's default branch, as of the last sync.
#[must_use]
pub fn followed(flux: &FluxRepository) -> Option<String> {
    record(flux).head
}

/// Writes what is to be remembered from now on.
pub(super) fn remember(
    flux: &FluxRepository,
    before: &RepositoryRecord,
    record: &RepositoryRecord,
) -> Result<(), RepoError> {
    let path = flux.record();
    let text = serde_json::to_string_pretty(record).map_err(|e| FileError::io(&path, e.into()))?;
    // The time alone is not worth waiting for the disk.
    let same = RepositoryRecord { synced: before.synced, ..record.clone() } == *before;
    let write = if same { files::replace } else { files::write };
    Ok(write(&path, &format!("{text}\n"), 0o600)?)
}
