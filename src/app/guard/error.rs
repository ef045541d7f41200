//! Why the guard cannot do its work.

/// Why the guard cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// What makes it known to its clients is not to be had.
    #[error("the API guard's identity cannot be used: {0}")]
    Identity(String),
    /// It cannot listen.
    #[error("the API guard cannot listen on 127.0.0.1: {0}")]
    Listen(String),
}
