//! Policy rules as data: which operations get which decision, why, and what to do instead.

use std::borrow::Cow;

use super::{Decision, Effect, Reach};

/// A text of a rule: built in, or read from a file and gone with it.
pub type Text = Cow<'static, str>;
/// A list of a rule, in the same way.
pub type List<T> = Cow<'static, [T]>;

/// A property of the rwenv that a rule may require.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum FlagName {
    /// `readOnly` is true, or the target belongs to no rwenv.
    #[serde(rename = "readOnly")]
    ReadOnly,
    /// `gitOpsOnly` is true.
    #[serde(rename = "gitOpsOnly")]
    GitOpsOnly,
    /// `readOnly` is not true.
    #[serde(rename = "writable")]
    Writable,
    /// `autonomy` is `manual`.
    #[serde(rename = "manual")]
    Manual,
    /// `autonomy` is `prompted`.
    #[serde(rename = "prompted")]
    Prompted,
    /// `directPush` is not set.
    #[serde(rename = "noDirectPush")]
    NoDirectPush,
    /// `type` is `k3s`.
    #[serde(rename = "k3s")]
    K3s,
    /// `execReads` is not `allow`.
    #[serde(rename = "askExecReads")]
    AskExecReads,
}

/// Which repository an operation has to be on for a rule to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repository {
    /// The rwenv's Flux repository, in the cache or elsewhere.
    Flux,
    /// Any other repository.
    Other,
}

/// Which refs a push has to change for a rule to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refs {
    /// A protected branch, or a destination that is not known.
    Protected,
    /// A tag.
    Tag,
    /// A branch whose history is rewritten, or that is removed: a protected one, or the one Flux follows.
    Rewritten,
}

/// When a rule matches: every list that is not empty has to contain what the operation has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// All of these have to hold for the rwenv.
    pub flags: List<FlagName>,
    /// One of these effects.
    pub effects: List<Effect>,
    /// Touching one of these.
    pub reach: List<Reach>,
    /// One of these tools.
    pub tools: List<Text>,
    /// One of these verb paths, or a path that starts with one of them.
    pub verbs: List<Text>,
    /// All of these traits.
    pub traits: List<Text>,
    /// None of these traits.
    pub without: List<Text>,
    /// On this kind of repository.
    pub repository: Option<Repository>,
    /// Changing one of these refs.
    pub refs: Option<Refs>,
    /// Changing files of one of these classes.
    pub paths: List<Text>,
    /// In a namespace that is named and matches one of these patterns.
    pub namespaces: List<Text>,
    /// In the name of a rwenv that matches one of these patterns.
    pub rwenvs: List<Text>,
}

/// Files that are alike in what a change of them does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathClass {
    /// Its name in rules.
    pub name: Text,
    /// Patterns of paths from the root of the repository; `*` stands for anything.
    pub patterns: List<Text>,
}

/// One rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Unique, `policy.name`.
    pub id: Text,
    /// What it decides.
    pub decision: Decision,
    /// When it matches.
    pub when: When,
    /// Why, with `{subject}`, `{tool}`, `{verb}`, `{context}`, `{target}`, `{refs}`, `{note}`,
    /// `{paths}`, `{push}` and `{repository}` filled in.
    pub reason: Text,
    /// What to do instead, with the same names filled in.
    pub instead: Text,
    /// The policy a rwenv has to name for the rule to count; none: it counts for all.
    pub only: Option<Text>,
    /// Classes of files of its own policy.
    pub classes: List<PathClass>,
    /// It catches what no other rule foresees: its words are left out where another decides as much, its decision never is.
    pub floor: bool,
}
