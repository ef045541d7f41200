//! Command line → invocations: what bash would run, word by word, without running it.

use crate::model::{Context, Invocation, Opaque};

/// What a text would run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// The simple commands, in source order.
    pub invocations: Vec<Invocation>,
    /// What stayed unknown.
    pub opaque: Vec<Opaque>,
}

/// Analyses a command line.
#[must_use]
pub fn analyze(_source: &str, _context: &Context) -> Analysis {
    Analysis::default()
}
