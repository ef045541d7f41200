//! Knowledge of Flux for an agent's session: what this project is, what the documentation says about the matter at hand, and
//! how far loading it has come. A session is a file; what was loaded before it was interrupted is not loaded again.

mod error;
mod load;
mod project;
mod session;
mod topics;

pub use error::ContextError;
pub use load::{Loading, load};
pub use project::{Project, analyse};
pub use session::{Document, Failed, Session, SessionState, Sources};
pub use topics::{Topic, chosen, topics};
