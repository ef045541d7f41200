//! What an invocation would do: tool, verb, effect and target.

use super::{Dir, Span, Word};

/// What a call does to the world. Ordered: what cannot be classified is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Looks at something.
    Read,
    /// Prints secret values, or mints a credential and prints it.
    ReadSecret,
    /// Writes files on this machine.
    LocalWrite,
    /// Changes what later commands mean: contexts, credentials, plugin and preference files.
    SessionChange,
    /// Changes a local repository.
    GitWrite,
    /// Changes a remote repository.
    GitPublish,
    /// Makes a controller apply what the source already says.
    Reconcile,
    /// Opens a way into a cluster for other programs.
    Tunnel,
    /// Runs a program in a cluster or on this machine that is not analysed further.
    Exec,
    /// Changes objects of a cluster.
    ClusterWrite,
    /// Creates or changes machines and infrastructure.
    Provision,
    /// Changes a cloud account, a registry or another hosted service.
    CloudWrite,
    /// Changes data in a database.
    DataWrite,
    /// Attacks the guard itself.
    Tamper,
    /// Not known; never harmless.
    Unknown,
}

impl Effect {
    /// All effects, in order.
    pub const ALL: [Self; 15] = [
        Self::Read,
        Self::ReadSecret,
        Self::LocalWrite,
        Self::SessionChange,
        Self::GitWrite,
        Self::GitPublish,
        Self::Reconcile,
        Self::Tunnel,
        Self::Exec,
        Self::ClusterWrite,
        Self::Provision,
        Self::CloudWrite,
        Self::DataWrite,
        Self::Tamper,
        Self::Unknown,
    ];

    /// The word used in policies, logs and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadSecret => "read-secret",
            Self::LocalWrite => "local-write",
            Self::SessionChange => "session-change",
            Self::GitWrite => "git-write",
            Self::GitPublish => "git-publish",
            Self::Reconcile => "reconcile",
            Self::Tunnel => "tunnel",
            Self::Exec => "exec",
            Self::ClusterWrite => "cluster-write",
            Self::Provision => "provision",
            Self::CloudWrite => "cloud-write",
            Self::DataWrite => "data-write",
            Self::Tamper => "tamper",
            Self::Unknown => "unknown",
        }
    }
}

/// What an operation touches, apart from the machine it runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Only this machine.
    Local,
    /// A git repository.
    Repository,
    /// A cloud, a forge, a registry, a database: what is no cluster of a kubeconfig.
    Service,
    /// A cluster.
    Cluster,
}

/// Which cluster a call goes to, as far as its own words say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClusterTarget {
    /// The context named by flag or environment.
    pub context: Option<Word>,
    /// The kubeconfig named by flag or environment.
    pub kubeconfig: Option<Word>,
    /// A flag or variable that sends the call elsewhere or makes it someone else (`--server`, `--token`, `--as`).
    pub redirect: Option<String>,
    /// The host or container the call runs on, whose configuration is not known here.
    pub remote: Option<String>,
}

/// One ref a push changes on the remote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefUpdate {
    /// The branch or tag on the remote, without `refs/heads/`; none where it is not known.
    pub destination: Option<String>,
    /// History of the destination may be rewritten.
    pub force: bool,
    /// The destination is removed.
    pub delete: bool,
}

/// What a git call says about the repository it works on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RepositoryTarget {
    /// The directories it may work in (after `-C`, `--git-dir`, `--work-tree`).
    pub dirs: Vec<Dir>,
    /// The remote or URL pushed to, if named.
    pub remote: Option<Word>,
    /// Refspecs of a push as written; empty where configuration decides.
    pub refspecs: Vec<Word>,
    /// What kind of push the flags make it (`--all`, `--mirror`, `--tags`, `--delete`, `--force`).
    pub push_flags: Vec<&'static str>,
    /// Configuration given for this call alone (`-c key=value`, `GIT_CONFIG_*`), lower-case key first.
    pub config: Vec<(String, Word)>,
    /// URLs that the call gives to remotes, each behind its key (`remote.origin.url`).
    pub sets: Vec<(String, Word)>,
    /// What the push changes, once configuration is known; filled by `decide`.
    pub updates: Vec<RefUpdate>,
    /// Paths of the files that a push changes; filled where what is sent is known.
    pub changed: Vec<String>,
    /// The URL and the folder of a clone that the call makes.
    pub clones: Option<(Word, Word)>,
    /// The tag that the call makes.
    pub tag: Option<Word>,
    /// Where the call moves HEAD.
    pub head: Option<HeadMove>,
}

/// A call that moves HEAD to another branch, or may.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeadMove {
    /// The branch.
    pub to: Word,
    /// Where the call succeeds, HEAD is there; else the word may also be a path or a commit.
    pub surely: bool,
}

/// What an operation is aimed at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Target {
    /// The cluster, for operations that reach one.
    pub cluster: ClusterTarget,
    /// The repository, for operations on one.
    pub repository: RepositoryTarget,
    /// The namespace, where it is named.
    pub namespace: Option<String>,
    /// Resource kinds as written, lower case.
    pub kinds: Vec<String>,
    /// Object names as written.
    pub names: Vec<String>,
    /// Files that say what is applied.
    pub files: Vec<Word>,
    /// The file that holds a plan: the one that is applied, or the one that is written.
    pub plan: Option<Word>,
}

/// What one invocation would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The tool's name in the policies (`kubectl`).
    pub tool: &'static str,
    /// Its verb path (`rollout restart`); empty where there is none.
    pub verb: String,
    /// What it does.
    pub effect: Effect,
    /// What it touches.
    pub reach: Reach,
    /// Finer properties that rules may name (`inner-read`, `copy-out`, `dry-run`).
    pub traits: Vec<&'static str>,
    /// What it is aimed at.
    pub target: Target,
    /// Why the effect is what it is, where that is not plain from the verb.
    pub note: Option<String>,
    /// Where it stands in the top-level source.
    pub span: Span,
    /// The directories it may run in.
    pub cwd: Vec<Dir>,
}
