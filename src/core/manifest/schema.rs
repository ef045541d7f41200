//! The shape of `policies/lint/*.toml`, for the build script and for the runner of the examples.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A file of rules about content.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintFile {
    /// Its rules.
    pub rule: Vec<LintRow>,
}

/// A rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintRow {
    /// `group.name`.
    pub id: String,
    /// `error` or `warning`.
    pub level: String,
    /// What it finds.
    pub about: String,
    /// What to do instead.
    pub instead: String,
    /// A pattern over the text.
    pub pattern: Option<String>,
    /// Texts of which one has to be there.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Examples; at least one it finds something in and one it does not.
    #[serde(default)]
    pub example: Vec<LintExample>,
}

/// A small repository.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintExample {
    /// Whether the rule finds something in it.
    pub matches: bool,
    /// Text by path.
    pub files: BTreeMap<String, String>,
    /// URLs of the repository.
    #[serde(default)]
    pub remotes: Vec<String>,
}
