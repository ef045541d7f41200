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
    /// The program that makes the credentials is not there.
    #[error(
        "no credentials for context '{context}': the program '{program}' that makes them is not on PATH here; name it by its whole path in \
         the kubeconfig, or start rwenv (rwenv daemon restart) where PATH has it"
    )]
    Plugin {
        /// The context.
        context: String,
        /// The program, as the kubeconfig names it.
        program: String,
    },
    /// The client certificate is of a version that is not taken here.
    #[error(
        "the client certificate of context '{0}' has X.509 version 1: kubectl takes it, rwenv's own TLS does not; have it issued as version 3 \
         (openssl x509 -req -extfile FILE), until then only clients beside the API guard reach the cluster"
    )]
    OldCertificate(String),
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
