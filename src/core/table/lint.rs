//! Rules about content. `policies/lint/*.toml`.

use std::collections::BTreeMap;

use databake::Bake;
use serde::Deserialize;

use super::{Level, Rows, Shown, Text, Texts};

/// A file of rules about content.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LintFile {
    /// Its rules.
    #[serde(rename = "rule")]
    pub rules: Rows<LintRule>,
    /// Versions of the API that are no longer served.
    #[serde(default)]
    pub removed: Rows<RemovedVersion>,
}

/// A version of the API that a release no longer serves.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct RemovedVersion {
    /// `apiVersion`.
    pub version: Text,
    /// The kinds that it had.
    pub kinds: Texts,
    /// The first release without it: `Kubernetes 1.25`.
    pub by: Text,
    /// The `apiVersion` that takes its place, if there is one.
    #[serde(default)]
    pub instead: Option<Text>,
}

/// A rule about content.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct LintRule {
    /// Its identity in findings, messages and logs: `group.name`.
    pub id: Text,
    /// How bad it is.
    pub level: Level,
    /// What it finds.
    pub about: Text,
    /// What to do instead.
    pub instead: Text,
    /// A pattern over the text, for rules that need nothing else.
    #[serde(default)]
    pub pattern: Option<Text>,
    /// Texts of which one has to be there for the pattern to match.
    #[serde(default)]
    pub keywords: Texts,
    /// Examples; at least one it finds something in and one it does not.
    #[serde(default, rename = "example")]
    pub examples: Shown<LintExample>,
}

/// A small repository.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
