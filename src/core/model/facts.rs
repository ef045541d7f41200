//! Questions a command line raises about the outside, and the answers it was judged by.

use std::sync::Arc;

use super::{
    Brought, ClusterIdentity, Dir, Reached, Reaching, Rule, SeenContext, TargetKind, Texts, TreeChange,
};

/// Something that has to be known of the outside before a command line can be judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// Which rwenv is selected for this directory?
    Binding(Dir),
    /// Which context would a bare call use?
    CurrentContext,
    /// Where does a context lead?
    Cluster {
        /// The kubeconfig, or several as `$KUBECONFIG` has them; none: the one a bare call would use.
        kubeconfig: Option<String>,
        /// The context; none: the current one.
        context: Option<String>,
    },
    /// What else is a target called, or which one is in use?
    Target(AskedTarget),
    /// Which program that we know is this file, or this name on `PATH`?
    Program(String),
    /// Where does this path lead, and what of the guard's lies there?
    Leads(String),
    /// Which of the guard's files does git change in this working tree?
    Brings(TreeChange),
    /// What is the text of this file, if it is a script?
    Script(String),
    /// What does the agent's shell define under this name?
    Defined(String),
    /// Is all this file holds an Application of Argo CD that Git has, in a place where a rwenv has them?
    Application(String),
    /// Is what this file or folder holds committed, and the commit on a remote?
    Pushed(String),
    /// Was the plan in this file made from what Git has around this directory?
    Plan {
        /// The file.
        file: String,
        /// The directory it is applied in.
        dir: String,
    },
    /// Does this change, made earlier in the line, touch what Git has of this file or folder?
    Drift {
        /// The change.
        change: Change,
        /// The file or folder that is applied.
        applied: String,
    },
    /// What are branch, remotes and push configuration of the repository around this directory?
    GitRepository(String),
    /// Which rwenvs' clusters would apply something else if this revision came to the branch they follow, and what would be gone from
    /// there?
    Reached {
        /// A directory in the repository.
        dir: String,
        /// The revision; empty for the files as they lie there.
        tip: String,
    },
}

/// A target that a question is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AskedTarget {
    /// What it is.
    pub kind: TargetKind,
    /// Its name; none: the one in use.
    pub name: Option<String>,
    /// Variables that say which is in use, before the tool's own file does.
    pub variables: Texts,
    /// The tool keeps that in a file.
    pub config: bool,
    /// Another file than the usual one.
    pub file: Option<String>,
    /// Variables that name such a file.
    pub file_variables: Texts,
    /// The directory the tool runs in.
    pub dir: Option<String>,
}

/// What a command does to files, as far as its words say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// This file is written, or made. `…` stands for a name that is not known.
    Written(String),
    /// What is there of these files is changed or taken away, with all below it; `*` stands for any characters.
    Changed(String),
    /// Files arrive below this folder.
    Filled(String),
    /// The working tree around this folder, or where HEAD is in it, is moved.
    WorkTree(String),
}

impl Change {
    /// Where it happens.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::Written(path) | Self::Changed(path) | Self::Filled(path) | Self::WorkTree(path) => path,
        }
    }

    /// True where it may touch what lies at this path, as far as the two paths say.
    #[must_use]
    pub fn may_touch(&self, applied: &str) -> bool {
        let place = self.place().split('*').next().unwrap_or_default().trim_end_matches('/');
        let below = |path: &str, folder: &str| {
            path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        below(place, applied) || (!matches!(self, Self::Written(_)) && below(applied, place))
    }
}

/// What is selected for a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    /// Nothing.
    #[default]
    None,
    /// The rwenv of this name.
    Rwenv(String),
    /// Something that cannot be followed; why.
    Invalid(String),
}

/// Where a path leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lead {
    /// Something is there.
    pub exists: bool,
    /// Other names of the same file: without links, and those under which the guard knows it.
    pub names: Vec<String>,
    /// What the guard's tables know of below it, by this path.
    pub holds: Vec<String>,
    /// It is a start file of a shell that puts the shims on `PATH`.
    pub carries: bool,
}

/// Whether a remote has what lies here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It is committed, and the commit is on the branch that is deployed from; on some branch of a remote, where it cannot be told
    /// which one that is.
    Yes,
    /// It is committed, and the commit is on other branches of a remote only.
    Aside {
        /// Branches that have it.
        on: Vec<String>,
        /// Branches one of which is deployed from.
        followed: Vec<String>,
    },
    /// It is not, or cannot be said; why.
    No(String),
    /// Git is told to ignore it, and has all of the folder it lies in.
    Generated,
}

/// What a file is that may be a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// There is none, or it is no script.
    Absent,
    /// Its text.
    Text(String),
    /// It is there and cannot be read; why.
    Unreadable(String),
}

/// What is known of a repository without running anything it brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitRepository {
    /// The current branch; none when detached.
    pub branch: Option<String>,
    /// All local branches.
    pub branches: Vec<String>,
    /// All tags.
    pub tags: Vec<String>,
    /// Configuration as git reads it: lower-case section and key, in order; later ones win.
    pub config: Vec<(String, String)>,
    /// Why a push from here would not be judged by the pre-push hook that was installed; none where it would, or
    /// where none was.
    pub skipped_hooks: Option<String>,
}

impl GitRepository {
    /// The last value of a configuration key (compared without regard to case).
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.config.iter().rev().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v.as_str())
    }
}

/// A kubeconfig and a context, as a question names them.
pub type AskedContext = (Option<String>, Option<String>);

/// The answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Selected rwenv by directory; a directory that is not here has none.
    pub bindings: Vec<(Dir, Bound)>,
    /// The context a bare call would use.
    pub current_context: Option<String>,
    /// Where contexts lead, by kubeconfig and context.
    pub clusters: Vec<(AskedContext, SeenContext)>,
    /// The clusters of rwenvs as a person confirmed them, by rwenv.
    pub noted: Vec<(String, ClusterIdentity)>,
    /// What targets are called, beside what they were asked by.
    pub targets: Vec<(AskedTarget, Vec<String>)>,
    /// The context that is current in other kubeconfigs.
    pub currents: Vec<(String, String)>,
    /// Rwenvs whose context is in none of their kubeconfigs: the context, and the names that are there.
    pub missing: Vec<(String, String, Vec<String>)>,
    /// The names of the contexts a bare call could use, where its rwenv names none.
    pub contexts: Vec<String>,
    /// The kubeconfigs a bare call would use.
    pub kubeconfigs: Vec<String>,
    /// Programs by path or name; none where it is none that we know.
    pub programs: Vec<(String, Option<&'static str>)>,
    /// Where paths lead.
    pub leads: Vec<(String, Lead)>,
    /// Files that are Applications which Git has.
    pub applications: Vec<String>,
    /// What git changes of the guard's files.
    pub brought: Vec<(TreeChange, Brought)>,
    /// Scripts by path.
    pub scripts: Vec<(String, Script)>,
    /// What the agent's shell defines, by name: the text of an alias or a function, with all it uses; none where it defines nothing.
    pub defined: Vec<(String, Option<String>)>,
    /// What is pushed, by path.
    pub pushed: Vec<(String, Pushed)>,
    /// Whether plans are of what is pushed, by file and directory.
    pub plans: Vec<((String, String), Pushed)>,
    /// Whether changes touch what is applied.
    pub drifts: Vec<((Change, String), bool)>,
    /// Rules beside the built-in ones.
    pub rules: Arc<[Rule]>,
    /// Why it is not known what these rules are.
    pub rules_unknown: Option<String>,
    /// Repositories by directory; none where there is no repository.
    pub repositories: Vec<(String, Option<GitRepository>)>,
    /// The rwenvs that a revision reaches, by directory and revision; why that cannot be told, where it should be possible.
    pub reached: Vec<((String, String), Reaching)>,
}

impl Facts {
    /// What is selected for a directory: mostly one, `Bound::None` where nothing is.
    #[must_use]
    pub fn binding(&self, dir: &Dir) -> Vec<&Bound> {
        let all: Vec<&Bound> = self.bindings.iter().filter(|(d, _)| d == dir).map(|(_, b)| b).collect();
        if all.is_empty() { vec![&Bound::None] } else { all }
    }

    /// The rwenvs that a revision reaches, or why that cannot be told; none where nobody has looked.
    #[must_use]
    pub fn reached(&self, dir: &str, tip: &str) -> Option<Result<&[Reached], &str>> {
        let found = self.reached.iter().find(|((d, t), _)| d == dir && t == tip);
        found.map(|(_, found)| found.as_deref().map_err(String::as_str))
    }

    /// Where a context leads; none where nobody has looked.
    #[must_use]
    pub fn cluster(&self, kubeconfig: Option<&str>, context: Option<&str>) -> Option<&SeenContext> {
        let is =
            |(k, c): &(Option<String>, Option<String>)| (k.as_deref(), c.as_deref()) == (kubeconfig, context);
        self.clusters.iter().find(|(asked, _)| is(asked)).map(|(_, seen)| seen)
    }

    /// What a target is called beside its name.
    #[must_use]
    pub fn target(&self, asked: &AskedTarget) -> &[String] {
        self.targets.iter().find(|(known, _)| known == asked).map_or(&[], |(_, names)| names.as_slice())
    }

    /// What is known of a program; none where nobody has looked.
    #[must_use]
    pub fn program(&self, path: &str) -> Option<Option<&'static str>> {
        self.programs.iter().find(|(p, _)| p == path).map(|(_, name)| *name)
    }

    /// Where a path leads; none where nobody has looked.
    #[must_use]
    pub fn lead(&self, path: &str) -> Option<&Lead> {
        self.leads.iter().find(|(p, _)| p == path).map(|(_, lead)| lead)
    }

    /// Which of the guard's files git changes; none where nobody has looked.
    #[must_use]
    pub fn brought(&self, change: &TreeChange) -> Option<&Brought> {
        self.brought.iter().find(|(c, _)| c == change).map(|(_, brought)| brought)
    }

    /// What is known of a file that may be a script; none where nobody has looked.
    #[must_use]
    pub fn script(&self, path: &str) -> Option<&Script> {
        self.scripts.iter().find(|(p, _)| p == path).map(|(_, script)| script)
    }

    /// What the agent's shell defines under a name; none where nobody has looked.
    #[must_use]
    pub fn defined(&self, name: &str) -> Option<Option<&str>> {
        self.defined.iter().find(|(n, _)| n == name).map(|(_, text)| text.as_deref())
    }

    /// Whether a remote has what lies at a path.
    #[must_use]
    pub fn pushed(&self, path: &str) -> Option<&Pushed> {
        self.pushed.iter().find(|(p, _)| p == path).map(|(_, pushed)| pushed)
    }

    /// Whether a plan was made of what Git has.
    #[must_use]
    pub fn plan(&self, file: &str, dir: &str) -> Option<&Pushed> {
        self.plans.iter().find(|((f, d), _)| f == file && d == dir).map(|(_, pushed)| pushed)
    }

    /// Whether a change touches what is applied; by the paths alone where nobody has looked.
    #[must_use]
    pub fn drifts(&self, change: &Change, applied: &str) -> bool {
        let known = self.drifts.iter().find(|((c, a), _)| c == change && a == applied);
        known.map_or_else(|| change.may_touch(applied), |(_, touches)| *touches)
    }

    /// The repository around a directory.
    #[must_use]
    pub fn repository(&self, dir: &str) -> Option<&GitRepository> {
        self.repositories.iter().find(|(d, _)| d == dir).and_then(|(_, r)| r.as_ref())
    }
}
