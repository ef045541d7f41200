//! The rules of a policy: which operations get which decision, why, and what to do instead. `policies/rules/*.toml`, and policies
//! beside them. Built in they are constants; read from a file they are gone with whoever holds them.

use std::borrow::Cow;

use databake::{Bake, BakeSize, CrateEnv, TokenStream, quote};
use serde::{Deserialize, Serialize};

use super::{Decision, Effect, FlagName, Reach, Refs, Repository, Trait};

/// A text of a rule.
pub type RuleText = Cow<'static, str>;
/// A list of a rule.
pub type RuleList<T> = Cow<'static, [T]>;

/// A policy's file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// What the policy is for, in one sentence.
    pub about: String,
    /// It counts only for rwenvs that name it.
    #[serde(default)]
    pub optional: bool,
    /// Classes of files that its rules name.
    #[serde(default, rename = "class")]
    pub classes: Vec<PathClass>,
    /// Its rules.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
}

/// Files that are alike in what a change of them does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct PathClass {
    /// Its name in rules.
    pub name: RuleText,
    /// Patterns of paths from the root of the repository; `*` stands for anything.
    pub patterns: RuleList<RuleText>,
}

/// When a rule matches: every list that is not empty has to contain what the operation has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// All of these have to hold for the rwenv.
    pub flags: RuleList<FlagName>,
    /// One of these effects.
    pub effects: RuleList<Effect>,
    /// Touching one of these.
    pub reach: RuleList<Reach>,
    /// One of these tools.
    pub tools: RuleList<RuleText>,
    /// One of these verb paths, or a path that starts with one of them.
    pub verbs: RuleList<RuleText>,
    /// All of these traits.
    pub traits: RuleList<Trait>,
    /// None of these traits.
    pub without: RuleList<Trait>,
    /// On this kind of repository.
    pub repository: Option<Repository>,
    /// Changing one of these refs.
    pub refs: Option<Refs>,
    /// Changing files of one of these classes.
    pub paths: RuleList<RuleText>,
    /// In a namespace that is named and matches one of these patterns.
    pub namespaces: RuleList<RuleText>,
    /// In the name of a rwenv that matches one of these patterns.
    pub rwenvs: RuleList<RuleText>,
}

/// One rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Unique, `policy.name`.
    pub id: RuleText,
    /// What it decides.
    pub decision: Decision,
    /// When it matches.
    pub when: When,
    /// Why, with the words of `FILLED_IN` filled in: `{subject}`, `{tool}`, `{verb}`, `{context}`, `{target}`, `{refs}`, `{note}`,
    /// `{paths}`, `{push}`, `{impact}`, `{repository}`, `{count}`, `{removed}`, `{lasting}` and `{limit}`.
    pub reason: RuleText,
    /// What to do instead, with the same names filled in.
    #[serde(default)]
    pub instead: RuleText,
    /// The policy a rwenv has to name for the rule to count; none: it counts for all.
    #[serde(skip)]
    pub only: Option<RuleText>,
    /// Classes of files of its own policy.
    #[serde(skip)]
    pub classes: RuleList<PathClass>,
    /// It catches what no other rule foresees: its words are left out where another decides as much, its decision never is.
    #[serde(default)]
    pub floor: bool,
    /// What shows it: at least one example that matches, and one that does not.
    #[serde(default, rename = "example", skip_serializing)]
    pub examples: RuleExamples,
}

/// Examples of a rule. They are read from its file by those who run them, and are not in the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct RuleExamples(pub Vec<RuleExample>);

impl RuleExamples {
    /// None, as in the program.
    #[must_use]
    pub const fn nothing() -> Self {
        Self(Vec::new())
    }
}

impl Bake for RuleExamples {
    fn bake(&self, ctx: &CrateEnv) -> TokenStream {
        ctx.insert("rwenv_core");
        quote! { rwenv_core::table::RuleExamples::nothing() }
    }
}

impl BakeSize for RuleExamples {
    fn borrows_size(&self) -> usize {
        0
    }
}

/// An example of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// Objects that a push in it removes from the cluster, such as `apps/StatefulSet shop/db`; `?`: that cannot be determined.
    #[serde(default)]
    pub removes: Vec<String>,
    /// What git says of the files it applies: `pushed`, `aside` (on another branch of the remote) or `generated`; none: they are in no commit.
    #[serde(default)]
    pub git: Option<String>,
    /// Whether the rule says something about it.
    pub matches: bool,
    /// `read-only` (the default), `gitops-only`, `writable`, `manual` or `prompted`.
    #[serde(default)]
    pub rwenv: Option<String>,
    /// What the rwenv is called, where the rule names some by a pattern.
    #[serde(default)]
    pub name: Option<String>,
}

/// The words that stand in braces in a rule's `reason` and `instead`, and are filled in.
pub const FILLED_IN: [&str; 15] = [
    "subject",
    "tool",
    "verb",
    "context",
    "target",
    "refs",
    "note",
    "paths",
    "push",
    "impact",
    "repository",
    "count",
    "removed",
    "lasting",
    "limit",
];

/// The first word in braces that nothing fills in. Braces around more than letters (`{.items}`) are the text's own.
#[must_use]
pub fn never_filled_in(text: &str) -> Option<&str> {
    let words = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(word, _)| word);
    words
        .filter(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic()))
        .find(|word| !FILLED_IN.contains(word))
}
