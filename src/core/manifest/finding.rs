//! A finding: what is wrong, where, by which rule, and what to do about it.

use std::hash::{Hash as _, Hasher as _};

use super::yaml::At;

/// The rules, compiled from `policies/lint/*.toml`.
mod table {
    include!(concat!(env!("OUT_DIR"), "/lint.rs"));
}

pub use table::{REMOVED, RULES};

pub use crate::table::{Level, LintRule};

/// Something found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// The file, from the root of the repository.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The rule.
    pub rule: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is wrong; never a secret's value.
    pub message: String,
    /// What to do instead.
    pub instead: &'static str,
    /// Tells two secrets of the same name apart; says nothing of either.
    #[serde(skip)]
    pub mark: u64,
}

impl Finding {
    /// True for the same thing wrong, wherever in a file.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        (self.rule, &self.message, self.mark) == (other.rule, &other.message, other.mark)
    }

    /// The same finding about a text that is not told.
    pub(super) fn about(mut self, text: &str) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        text.hash(&mut hasher);
        self.mark = hasher.finish();
        self
    }

    /// A finding of a rule.
    pub(super) fn new(rule: &str, path: &str, at: At, message: String) -> Option<Self> {
        let rule = RULES.iter().find(|known| known.id == rule)?;
        Some(Self {
            path: path.to_owned(),
            line: at.line,
            column: at.column,
            rule: rule.id.as_str(),
            level: rule.level,
            message,
            instead: rule.instead.as_str(),
            mark: 0,
        })
    }
}
