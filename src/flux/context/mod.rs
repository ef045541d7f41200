//! Knowledge of Flux for an agent's session: what this project is, what the documentation says about the matter at hand, and
//! how far loading it has come. A session is a file; what was loaded before it was interrupted is not loaded again.

mod load;
mod project;
mod session;
mod topics;

pub use load::{Loading, load};
pub use project::{Project, analyse};
pub use session::{Document, Failed, Session, Sources, State};
pub use topics::{Topic, chosen, topics};

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
