//! Why a text is not edited.

use rwenv_core::manifest::yaml::At;

/// Why a text is not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct EditError {
    /// Where.
    pub at: At,
    /// Why not.
    pub why: String,
}

impl EditError {
    pub(super) fn at(at: At, why: impl Into<String>) -> Self {
        Self { at, why: why.into() }
    }
}
