//! What can go wrong with a repository.

use std::path::PathBuf;

use rwenv_core::model::RwenvName;
use rwenv_gate::base::files::FileError;

/// Why a repository could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// There is none to keep.
    #[error(
        "No fluxGitRepo configured for rwenv '{name}'. Add it to envs.json: \"fluxGitRepo\" of rwenvs.{name} in {}, or rwenv edit {name} --flux-repo URL",
        file.display()
    )]
    NotConfigured {
        /// The rwenv.
        name: RwenvName,
        /// The configuration.
        file: PathBuf,
    },
    /// The URL is not one git is given.
    #[error("'{0}' is not a supported repository URL; use https://, ssh://, host:path or a path")]
    Url(String),
    /// The first copy failed; nothing of it is left.
    #[error(
        "Failed to clone {url}: {why}; check fluxGitRepo and your access to it, then: rwenv repo sync {name}"
    )]
    Clone {
        /// The rwenv.
        name: RwenvName,
        /// The URL, without a password.
        url: String,
        /// What git said.
        why: String,
    },
    /// A git command failed.
    #[error("git: {0}")]
    Git(String),
    /// It took too long.
    #[error("git took longer than {0} seconds and was stopped")]
    TooSlow(u64),
    /// This process is about to end.
    #[error("git was stopped because rwenv is exiting; the next run starts over")]
    Cancelled,
    /// There is no git.
    #[error("git is not on PATH; install it")]
    NoGit,
    /// The clone belongs to something else.
    #[error("{}: {why}; nothing was changed", path.display())]
    InTheWay {
        /// The clone.
        path: PathBuf,
        /// What is in the way.
        why: String,
    },
    /// git2 said no.
    #[error("{}: {source}", path.display())]
    Inspect {
        /// The repository.
        path: PathBuf,
        /// What it said.
        source: git2::Error,
    },
    /// The system said no.
    #[error(transparent)]
    File(#[from] FileError),
}
