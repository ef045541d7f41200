//! What a door answers its host with.

use crate::wire::claude::BLOCK;

/// What a door answers its host with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// For its standard output.
    pub stdout: String,
    /// For its standard error.
    pub stderr: String,
    /// The exit status.
    pub code: u8,
}

impl Reply {
    /// No opinion: the agent goes on as it would without us.
    pub(super) fn silent() -> Self {
        Self { stdout: String::new(), stderr: String::new(), code: 0 }
    }

    /// What the agent sent is not understood.
    pub(super) fn unfit(why: &str) -> Self {
        Self::block(&unfit(why))
    }

    /// It does not run; the agent's model reads why.
    pub(super) fn block(why: &str) -> Self {
        Self { stdout: String::new(), stderr: format!("{}\n", why.trim_end()), code: BLOCK }
    }
}

/// Why a call that is not understood does not run.
pub(super) fn unfit(why: &str) -> String {
    format!(
        "rwenv: this call cannot be judged, so it does not run: {why}.\n  instead: Write it in a plainer form, or tell a person what to run."
    )
}
