//! Where the secrets of a file are gathered.

use super::stand_in::{is_value, names_secret};
use crate::manifest::finding::Finding;
use crate::manifest::yaml::{At, Node};

/// How sure a name has to be of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// What stands under a name is its value: objects, values, configuration.
    Values,
    /// It may be a text about one: other documents, scripts, comments.
    Texts,
}

/// What looks through a document: how sure its names are, and how many texts stand around it.
pub(super) type LookThrough = fn(&Node, Trust, usize, &mut SecretSink<'_>);

/// The secrets of one file.
pub(super) struct SecretSink<'p> {
    /// The file.
    pub(super) path: &'p str,
    /// What was found.
    pub(super) found: Vec<Option<Finding>>,
    /// The one place of all that is found, for what stands in no line of its own.
    pub(super) fixed: Option<At>,
    /// For documents that stand in texts.
    pub(super) document: LookThrough,
}

impl<'p> SecretSink<'p> {
    pub(super) fn new(path: &'p str, document: LookThrough) -> Self {
        Self { path, found: Vec::new(), fixed: None, document }
    }

    /// Does something for which everything that is found is found at one place.
    pub(super) fn at<T>(&mut self, at: At, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.fixed;
        self.fixed = before.or(Some(at));
        let done = work(self);
        self.fixed = before;
        done
    }

    /// Adds a finding about a value.
    pub(super) fn add(&mut self, rule: &str, at: At, message: String, value: &str) {
        let at = self.fixed.unwrap_or(at);
        self.found.push(Finding::new(rule, self.path, at, message).map(|f| f.about(value)));
    }

    /// Adds what a name says is a secret, where it is one.
    pub(super) fn named(&mut self, name: &str, value: &str, at: At, trust: Trust) {
        if names_secret(name) && is_value(name, value) && (trust == Trust::Values || is_mixed(value)) {
            self.add("secret.hard-coded", at, format!("the value of '{name}' is in plaintext"), value);
        }
    }
}

/// True for what no word and no code is: letters beside digits or signs.
fn is_mixed(value: &str) -> bool {
    let has = |test: fn(char) -> bool| value.chars().any(test);
    value.len() >= 6
        && has(char::is_alphabetic)
        && (has(|c| c.is_ascii_digit()) || has(|c| "!#%^&*+?~".contains(c)))
        && !has(|c| "()[]{}<>$|\\`".contains(c))
}
