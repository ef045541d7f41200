//! Why an operation could not be done.

use super::told::ClusterEvent;
use crate::cluster::ClusterError;

/// Why an operation could not be done.
#[derive(Debug, thiserror::Error)]
pub enum FluxError {
    /// The cluster cannot be asked.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// There are no kinds of Flux.
    #[error("Flux is not installed in the cluster at {0}: none of its kinds exist")]
    NotInstalled(String),
    /// No such object.
    #[error("there is no {what}{near}")]
    NotFound {
        /// What was looked for.
        what: String,
        /// What may be meant.
        near: String,
    },
    /// More than one object has the name.
    #[error("'{name}' is ambiguous: {}; name one, as in {}", all.join(", "), all.first().map_or("", String::as_str))]
    Several {
        /// What was looked for.
        name: String,
        /// What there is, as `kind/name -n namespace`.
        all: Vec<String>,
    },
    /// It is suspended.
    #[error("{0} is suspended; rwenv flux resume starts it again")]
    Suspended(String),
    /// Nothing reconciles it.
    #[error("{0} is never reconciled: it only holds configuration for others")]
    Static(String),
    /// It failed.
    #[error("{object} is not ready: {message}")]
    Failed {
        /// The object.
        object: String,
        /// The condition's words.
        message: String,
        /// What was said of it last.
        events: Vec<ClusterEvent>,
    },
    /// It took too long.
    #[error("{object} is not ready after {seconds} s: {message}")]
    TimedOut {
        /// The object.
        object: String,
        /// How long it was waited for.
        seconds: u64,
        /// How far it has come.
        message: String,
        /// What was said of it last.
        events: Vec<ClusterEvent>,
    },
}
