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
    /// The default branch that the other side names and does not have.
    pub(super) missing: Option<String>,
    /// The branch that the cluster follows, where the other side names none that is there.
    pub(super) cluster: Option<String>,
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

impl RepositoryRecord {
    /// The branch that is followed: the configuration's, else the other side's, else the cluster's.
    pub(super) fn followed(&self, flux: &FluxRepository) -> Option<String> {
        flux.branch.clone().or_else(|| self.head.clone()).or_else(|| self.cluster.clone())
    }
}

/// The branch to follow where the configuration names none, as of the last sync: the other side's default branch, or the cluster's.
#[must_use]
pub fn followed(flux: &FluxRepository) -> Option<String> {
    let record = record(flux);
    record.head.or(record.cluster)
}

/// A branch that should be followed, and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingBranch {
    /// Its name.
    pub name: String,
    /// The configuration names it (`fluxBranch`), not the other side.
    pub configured: bool,
    /// Those there are.
    pub branches: Vec<String>,
}

impl std::fmt::Display for MissingBranch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let who = if self.configured { "fluxBranch names" } else { "the remote's HEAD names" };
        write!(f, "{who} the branch '{}', which the remote does not have; it has ", self.name)?;
        match self.branches.as_slice() {
            [] => write!(f, "none"),
            some if some.len() <= SHOWN => write!(f, "{}", some.join(", ")),
            some => write!(
                f,
                "{} and {} more",
                some.get(..SHOWN).unwrap_or_default().join(", "),
                some.len() - SHOWN
            ),
        }
    }
}

/// Most branches that are named.
const SHOWN: usize = 5;

/// The branch that is missing, as of the last sync; none where the followed one is there.
#[must_use]
pub fn missing_branch(flux: &FluxRepository) -> Option<MissingBranch> {
    let record = record(flux);
    let followed = record.followed(flux);
    if record.empty || followed.as_ref().is_some_and(|branch| record.heads.contains(branch)) {
        return None;
    }
    let name = followed.or(record.missing)?;
    Some(MissingBranch {
        name,
        configured: flux.branch.is_some(),
        branches: record.heads.into_iter().collect(),
    })
}

/// Remembers the branch that the cluster follows, for a repository whose other side names none that is there. True where that is news.
///
/// # Errors
/// Where it cannot be written.
pub fn follow(flux: &FluxRepository, branch: Option<String>) -> Result<bool, RepoError> {
    let before = record(flux);
    if before.cluster == branch {
        return Ok(false);
    }
    let now = RepositoryRecord { cluster: branch, ..before.clone() };
    remember(flux, &before, &now)?;
    Ok(true)
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
