//! The decision point: `plan` says what a command line would do and what has to be known, `conclude` decides.

use crate::model::{Context, Facts, Question, Rwenvs, Verdict};

/// A command line, analysed, waiting for the answers to its questions.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What has to be known before it can be decided.
    pub questions: Vec<Question>,
}

/// Analyses a command line.
#[must_use]
pub fn plan(_line: &str, _context: &Context, _rwenvs: &Rwenvs) -> Plan {
    Plan::default()
}

/// Decides.
pub fn conclude(_plan: &Plan, _facts: &Facts, _rwenvs: &Rwenvs) -> Verdict {
    Verdict::default()
}
