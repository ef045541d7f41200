//! Flux repositories, kept on this machine: a bare mirror of our own that nothing is checked out of and nothing runs in, and
//! a clone with files beside it for people and agents to look at. The mirror follows the other side; the clone is the
//! user's, moved forward only where nothing of theirs is in the way.

mod branch;
mod error;
mod flux;
mod history;
mod inspect;
mod mirror;
mod network;
mod record;
mod work;

pub use branch::{Base, Work, base, holds, tip};
pub use error::RepoError;
pub use flux::{FluxRepository, WantedRoot};
pub use history::{ClonedCommit, commits_since};
pub use inspect::{CloneState, RepositoryStatus, commit, followed_commit, status};
pub use mirror::pull_request;
pub use network::{GitProgress, cancel, end_with_this_process};
pub use record::{MissingBranch, follow, followed, missing_branch};
pub use work::{CloneWish, backups, clean, sync};
