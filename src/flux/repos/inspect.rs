//! The state of a clone, read with git2: nothing is changed by it, no index is refreshed, no program runs.

use std::path::PathBuf;

use git2::{BranchType, Repository, RepositoryState, StatusOptions};
use serde::Serialize;

use super::record::{RepositoryRecord, followed, missing_branch, record};
use super::{FluxRepository, RepoError};

/// How a clone stands to what Flux follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum CloneState {
    /// There is none yet.
    Absent,
    /// The other side has no commit.
    Empty,
    /// The same.
    UpToDate,
    /// It lacks commits.
    Behind,
    /// It has commits that the other side lacks.
    Ahead,
    /// Both have commits of their own.
    Diverged,
    /// The other side's history was rewritten.
    Rewritten,
    /// The branch is gone on the other side.
    BranchGone {
        /// The branch; beside the one the clone is on, which has that name in a document.
        #[serde(rename = "gone")]
        branch: String,
    },
    /// The other side's default branch has another name now.
    DefaultBranchRenamed {
        /// The branch the clone is on.
        from: String,
        /// The other side's.
        to: String,
    },
    /// Files are changed and not committed.
    Dirty {
        /// How many.
        files: usize,
    },
    /// The branch to follow is not there, so that it has no files.
    NoBranch {
        /// Which one, and which there are.
        why: String,
    },
    /// It is on no branch.
    Detached,
    /// git is in the middle of something.
    Busy {
        /// Of what.
        what: String,
    },
}

/// What is known of a rwenv's repository without asking the other side.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryStatus {
    /// The rwenv.
    pub rwenv: String,
    /// Where it comes from.
    pub url: String,
    /// The clone.
    pub path: PathBuf,
    /// How it stands.
    #[serde(flatten)]
    pub state: CloneState,
    /// The branch it is on.
    pub branch: Option<String>,
    /// The commit it is at.
    pub commit: Option<String>,
    /// Commits of its own.
    pub ahead: usize,
    /// Commits it lacks.
    pub behind: usize,
    /// When the other side was last asked with success, as seconds since 1970.
    pub synced: Option<u64>,
    /// What went wrong since.
    pub error: Option<String>,
}

/// Reads the state of a rwenv's clone.
///
/// # Errors
/// Where there is something in its place that is no repository.
pub fn status(flux: &FluxRepository) -> Result<RepositoryStatus, RepoError> {
    let path = flux.clone_dir();
    let record = record(flux);
    let mut status = RepositoryStatus {
        rwenv: flux.name.to_string(),
        url: flux.shown_url(),
        state: CloneState::Absent,
        branch: None,
        commit: None,
        ahead: 0,
        behind: 0,
        synced: record.synced,
        error: record.error.clone(),
        path,
    };
    if !status.path.join(".git").exists() {
        if record.empty {
            status.state = CloneState::Empty;
        }
        return Ok(status);
    }
    let inspect = |source| RepoError::Inspect { path: flux.clone_dir(), source };
    let repository = Repository::open(&status.path).map_err(inspect)?;
    read(&repository, flux, &record, &mut status).map_err(inspect)?;
    Ok(status)
}

/// The commit a clone is at.
#[must_use]
pub fn commit(flux: &FluxRepository) -> Option<String> {
    let repository = Repository::open(flux.clone_dir()).ok()?;
    let head = repository.head().ok()?;
    head.target().map(|id| id.to_string())
}

/// The commit that the branch Flux follows was at when it was last fetched: by the mirror, which nobody works in.
#[must_use]
pub fn followed_commit(flux: &FluxRepository) -> Option<String> {
    let mirror = Repository::open_bare(flux.mirror()).ok()?;
    let branch = flux.branch.clone().or_else(|| followed(flux))?;
    let reference = mirror.find_reference(&format!("refs/heads/{branch}")).ok()?;
    reference.target().map(|id| id.to_string())
}

fn read(
    repository: &Repository,
    flux: &FluxRepository,
    record: &RepositoryRecord,
    status: &mut RepositoryStatus,
) -> Result<(), git2::Error> {
    let head = repository.head();
    status.commit = head.as_ref().ok().and_then(git2::Reference::target).map(|id| id.to_string());
    status.branch = match &head {
        Ok(head) if head.is_branch() => head.shorthand().ok().map(str::to_owned),
        _ => None,
    };
    let changed = changed(repository)?;
    if repository.state() != RepositoryState::Clean || status.path.join(".git/index.lock").exists() {
        let what = match repository.state() {
            RepositoryState::Clean => "another git command".to_owned(),
            state => format!("{state:?}").to_lowercase(),
        };
        status.state = CloneState::Busy { what };
        return Ok(());
    }
    if status.commit.is_none()
        && let Some(missing) = missing_branch(flux)
    {
        status.state = CloneState::NoBranch { why: missing.to_string() };
        return Ok(());
    }
    let Some(branch) = status.branch.clone() else {
        status.state = if changed > 0 { CloneState::Dirty { files: changed } } else { CloneState::Detached };
        return Ok(());
    };
    let followed = record.followed(flux);
    let theirs = repository.find_branch(&format!("origin/{branch}"), BranchType::Remote);
    let theirs = theirs.ok().and_then(|b| b.get().target());
    let ours = repository.head()?.target();
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        (status.ahead, status.behind) = repository.graph_ahead_behind(ours, theirs)?;
    }
    status.state = match (theirs, followed) {
        _ if changed > 0 => CloneState::Dirty { files: changed },
        (None, Some(to)) if record.heads.contains(&to) && flux.branch.is_none() => {
            CloneState::DefaultBranchRenamed { from: branch, to }
        }
        (None, _) => CloneState::BranchGone { branch },
        _ if status.behind > 0 && record.rewritten => CloneState::Rewritten,
        _ if status.ahead > 0 && status.behind > 0 => CloneState::Diverged,
        _ if status.ahead > 0 => CloneState::Ahead,
        _ if status.behind > 0 => CloneState::Behind,
        _ => CloneState::UpToDate,
    };
    Ok(())
}

/// How many files are changed or new.
fn changed(repository: &Repository) -> Result<usize, git2::Error> {
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(false)
        .exclude_submodules(true)
        .update_index(false);
    Ok(repository.statuses(Some(&mut options))?.len())
}
