//! One line of the doctor's, as a value. What is looked at is in `machine` and `custody`.

use serde::Serialize;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Warn,
    /// The guard does not stand here.
    Fail,
}

/// One line of the doctor's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is looked at, the same in every run.
    pub id: &'static str,
    /// The rwenv it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rwenv: Option<String>,
    /// How it ended.
    pub state: CheckState,
    /// What was found.
    pub says: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// What read-only means here (C0 to C3), where that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<&'static str>,
}

impl Check {
    pub(super) fn ok(id: &'static str, says: impl Into<String>) -> Self {
        Self { id, rwenv: None, state: CheckState::Ok, says: says.into(), fix: None, level: None }
    }

    pub(super) fn warn(id: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: CheckState::Warn, fix: Some(fix.into()), ..Self::ok(id, says) }
    }

    pub(super) fn fail(id: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: CheckState::Fail, fix: Some(fix.into()), ..Self::ok(id, says) }
    }

    pub(super) fn about(self, rwenv: &str) -> Self {
        Self { rwenv: Some(rwenv.to_owned()), ..self }
    }
}
