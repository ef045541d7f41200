//! Why no context is loaded.

use rwenv_gate::base::files::FileError;
use rwenv_gate::facts::content::ContentError;

/// Why no context is loaded.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// Not a name of a session.
    #[error("'{0}' is not a valid session name: use letters, digits, '.', '_' and '-', at most 64")]
    Name(String),
    /// Nobody knows this focus.
    #[error("unknown topic '{focus}'; topics: {all}")]
    Focus {
        /// What was asked for.
        focus: String,
        /// What there is.
        all: String,
    },
    /// Another run loads the same session.
    #[error("another run is loading session {0}; wait for it, or start a new session")]
    Busy(String),
    /// From content.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// From files.
    #[error(transparent)]
    File(#[from] FileError),
}
