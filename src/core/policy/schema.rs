//! The shape of `policies/rules/*.toml`, for the build script and for the runner of the examples.

use serde::{Deserialize, Serialize};

/// A policy's file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// What the policy is for, in one sentence.
    pub about: String,
    /// It counts only for rwenvs that name it.
    #[serde(default)]
    pub optional: bool,
    /// Classes of files that its rules name.
    #[serde(default)]
    pub class: Vec<ClassRow>,
    /// Its rules.
    pub rule: Vec<RuleRow>,
}

/// Files that are alike in what a change of them does.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClassRow {
    /// Its name.
    pub name: String,
    /// Patterns of paths.
    pub patterns: Vec<String>,
}

/// A rule.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RuleRow {
    /// `policy.name`.
    pub id: String,
    /// `allow`, `ask`, `deny`.
    pub decision: String,
    /// When it matches.
    pub when: WhenRow,
    /// Why.
    pub reason: String,
    /// What to do instead.
    #[serde(default)]
    pub instead: String,
    /// It is said only where no other rule says as much.
    #[serde(default)]
    pub floor: bool,
    /// Examples; at least one that matches and one that does not.
    #[serde(default)]
    pub example: Vec<RuleExample>,
}

/// When a rule matches.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct WhenRow {
    /// Properties of the rwenv.
    pub flags: Vec<String>,
    /// Effects.
    pub effects: Vec<String>,
    /// What is touched.
    pub reach: Vec<String>,
    /// Tools.
    pub tools: Vec<String>,
    /// Verbs.
    pub verbs: Vec<String>,
    /// Properties of the operation.
    pub traits: Vec<String>,
    /// Properties it may not have.
    pub without: Vec<String>,
    /// `flux` or `other`.
    pub repository: Option<String>,
    /// `protected`, `rewritten` or `tag`.
    pub refs: Option<String>,
    /// Classes of files that are changed.
    pub paths: Vec<String>,
    /// Patterns of namespaces that are named.
    pub namespaces: Vec<String>,
    /// Patterns of rwenvs.
    pub rwenvs: Vec<String>,
}

/// An example of a rule.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RuleExample {
    /// The command line.
    #[serde(default)]
    pub command: String,
    /// In its place: server, tool and arguments of a call behind an MCP server.
    #[serde(default)]
    pub mcp: String,
    /// Paths that a push in it changes.
    #[serde(default)]
    pub changes: Vec<String>,
    /// What git says of the files it applies: `pushed` or `generated`; none: they are in no commit.
    #[serde(default)]
    pub git: Option<String>,
    /// Whether the rule says something about it.
    pub matches: bool,
    /// `read-only` (the default), `gitops-only`, `writable`, `manual` or `prompted`.
    #[serde(default)]
    pub rwenv: Option<String>,
}
