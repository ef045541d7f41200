//! Why a cluster could not be asked.

use std::path::PathBuf;

/// Why a cluster could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The rwenv names no context.
    #[error("rwenv '{0}' names no context; rwenv edit {0} --context CONTEXT gives it one")]
    NoContext(String),
    /// The kubeconfig, or what it names, is not there or not usable.
    #[error("the kubeconfig {} cannot be used: {why}", .path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The credentials could not be had.
    #[error(
        "no credentials for context '{context}': {why}; sign in again, then try kubectl --context {context} get ns"
    )]
    Credentials {
        /// The context.
        context: String,
        /// What is wrong.
        why: String,
    },
    /// Nobody answers.
    #[error("{server} does not answer: {why}")]
    Unreachable {
        /// The server's URL.
        server: String,
        /// What is wrong.
        why: String,
    },
    /// The server says no.
    #[error("{server} refuses to {what}: {why}")]
    Refused {
        /// The server's URL.
        server: String,
        /// What was asked for.
        what: String,
        /// The server's words.
        why: String,
    },
}
