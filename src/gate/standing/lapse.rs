//! One way in which the guard is off, as a value.

/// A way in which the guard is off here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lapse {
    /// What is off, the same in every run: `hook`, `agent`, `project`, `shims`, `git-hooks`, `daemon`, `guard`, `config` or `audit`.
    pub id: &'static str,
    /// What is off, in one sentence.
    pub says: String,
    /// What mends it: a command, or what to do.
    pub fix: String,
}

impl Lapse {
    /// One.
    #[must_use]
    pub fn new(id: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id, says: says.into(), fix: fix.into() }
    }
}
