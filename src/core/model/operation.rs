//! What an invocation would do: tool, verb, effect and target.

use super::{Dir, Effect, Invocation, Reach, Span, TargetKind, Texts, Trait, Word};

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
    /// What earlier commands of the line do to what contexts mean; filled by `decide`.
    pub changed: Option<ContextChange>,
}

/// Something that a line does to kubeconfigs before it uses them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ContextChange {
    /// It makes this context the current one.
    Current(String),
    /// It changes what is in them; the command that does, or the file.
    Content(String),
}

/// One ref a push changes on the remote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefUpdate {
    /// The branch or tag on the remote, without `refs/heads/`; none where it is not known. `…` stands for what is computed
    /// behind a known beginning.
    pub destination: Option<String>,
    /// History of the destination may be rewritten.
    pub force: bool,
    /// The destination is removed.
    pub delete: bool,
}

impl RefUpdate {
    /// True where it changes this branch, or may.
    #[must_use]
    pub fn may_be(&self, branch: &str) -> bool {
        let Some(destination) = &self.destination else { return true };
        let name = submitted(destination).unwrap_or(destination);
        let name = name.strip_prefix("refs/heads/").unwrap_or(name);
        match name.split_once(COMPUTED) {
            Some((start, _)) => branch.starts_with(start),
            None => name == branch,
        }
    }
}

/// The branch that Gerrit puts a change into at once (`refs/for/main%topic=x,submit`), without a review.
fn submitted(destination: &str) -> Option<&str> {
    let (branch, options) = destination.strip_prefix("refs/for/")?.split_once('%')?;
    let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
    options.split(',').any(|option| option == "submit").then_some(branch)
}

/// Stands in the name of a ref for what is computed at run time.
pub const COMPUTED: char = '…';

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
    /// The working tree that the call adds: its folder, and the branch it is on, where that is said.
    pub worktree: Option<(Word, Option<Word>)>,
    /// The tag that the call makes.
    pub tag: Option<Word>,
    /// The revisions that the call sends, where that is known; an empty one stands for the working tree.
    pub tips: Vec<String>,
    /// Objects that would be gone from the cluster of the rwenv in whose name it is judged; filled by `decide`.
    pub removed: Vec<String>,
    /// Those of them that a revert does not bring back as they were.
    pub lasting: Vec<String>,
    /// Where the call moves HEAD.
    pub head: Option<HeadMove>,
    /// The pull request that the call merges, where it tells.
    pub merges: Option<MergedRequest>,
}

/// Which pull request a call merges.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MergedRequest {
    /// That of the branch that is checked out.
    Here,
    /// The one of this number, branch or page.
    Named(Word),
}

/// A call that moves HEAD to another branch, or may.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeadMove {
    /// The branch.
    pub to: Word,
    /// Where the call succeeds, HEAD is there; else the word may also be a path or a commit.
    pub surely: bool,
}

/// A server, an account, a project or a host that a call is for, as far as its own words say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of its row")]
pub struct ServiceTarget {
    /// What it is.
    pub kind: TargetKind,
    /// What names it: values of flags, or of variables that the line sets.
    pub names: Vec<Word>,
    /// What names parts of it, beside what is in use.
    pub parts: Vec<Word>,
    /// Paths and names of which a part may be a rwenv's name.
    pub hints: Vec<Word>,
    /// The folder it runs in may be called as a rwenv is.
    pub folder: bool,
    /// Variables that name it where the line does not.
    pub variables: Texts,
    /// The tool keeps in a file which one is in use.
    pub config: bool,
    /// The file, where the call names one.
    pub file: Option<Word>,
    /// Variables that name the file where the line does not.
    pub file_variables: Texts,
    /// Whoever owns it judges alone.
    pub alone: bool,
    /// The call does nothing there: it chooses what later calls of the tool use.
    pub chooses: bool,
}

/// What an operation is aimed at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Target {
    /// The cluster, for operations that reach one.
    pub cluster: ClusterTarget,
    /// The repository, for operations on one.
    pub repository: RepositoryTarget,
    /// The servers, accounts, projects and hosts that it may be for.
    pub services: Vec<ServiceTarget>,
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
    /// The program's own name (`oc`, `helmfile`), where it is known and differs from the tool's.
    pub program: Option<String>,
    /// Its verb path (`rollout restart`); empty where there is none.
    pub verb: String,
    /// What it does.
    pub effect: Effect,
    /// What it touches.
    pub reach: Reach,
    /// Finer properties that rules may name (`inner-read`, `copy-out`, `dry-run`).
    pub traits: Vec<Trait>,
    /// What it is aimed at.
    pub target: Target,
    /// Why the effect is what it is, where that is not plain from the verb.
    pub note: Option<String>,
    /// Where it stands in the top-level source.
    pub span: Span,
    /// The directories it may run in.
    pub cwd: Vec<Dir>,
}

impl Operation {
    /// What an invocation of a tool does with a verb; nothing more is known of it.
    #[must_use]
    pub fn new(by: &Invocation, tool: &'static str, verb: &str, effect: Effect, reach: Reach) -> Self {
        Self {
            tool,
            program: None,
            verb: verb.to_owned(),
            effect,
            reach,
            traits: Vec::new(),
            target: Target::default(),
            note: None,
            span: by.span,
            cwd: by.cwd.clone(),
        }
    }

    /// What people call it: the program they typed, else the tool.
    #[must_use]
    pub fn called(&self) -> &str {
        self.program.as_deref().unwrap_or(self.tool)
    }

    /// True where an agent changes something beyond this machine.
    #[must_use]
    pub fn changes_elsewhere(&self) -> bool {
        self.effect >= Effect::GitPublish
            && !matches!(self.effect, Effect::Tunnel | Effect::Tamper)
            && self.reach != Reach::Local
            && !self.traits.contains(&Trait::ByPerson)
    }
}
