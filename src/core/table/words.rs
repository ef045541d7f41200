//! The words that tables and rules are written in. Each is spelled once: here. What a word means is its own documentation, which
//! `policies/README.md` lists.

/// The known word that another is nearest to, if it is near at all.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, near) = known.map(|one| (strsim::damerau_levenshtein(one, word), one)).min()?;
    (distance <= near.len().max(3) / 3).then_some(near)
}

/// Most words that are listed where one of them is nearly the word.
const LISTED: usize = 20;

/// Says that a word is none of those that are known, and which of them it is nearest to. Many words are listed only if none is near.
pub fn is_none_of<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let count = known.clone().count();
    let all = || known.clone().collect::<Vec<_>>().join(", ");
    match nearest(word, known.clone()) {
        Some(one) if count > LISTED => {
            format!("'{word}' is not one of the {count} known words; did you mean '{one}'?")
        }
        Some(one) => format!("'{word}' is not one of: {}; did you mean '{one}'?", all()),
        None => format!("'{word}' is not one of: {}", all()),
    }
}

/// An enumeration whose values are words: as they are written, and what they mean.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $Name:ident { $($(#[doc = $doc:literal])+ $Value:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, databake::Bake)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[databake(path = rwenv_core::table)]
        pub enum $Name {
            $($(#[doc = $doc])+ #[serde(rename = $word)] $Value,)+
        }

        impl $Name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$Value),+];

            /// The word, as it is written in tables, policies, logs and JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Value => $word,)+
                }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub fn about(self) -> &'static str {
                let about = match self {
                    $(Self::$Value => concat!($($doc),+),)+
                };
                about.trim_start()
            }

            /// The one that is written so.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                Self::from_word(&word).ok_or_else(|| {
                    serde::de::Error::custom(is_none_of(&word, Self::ALL.iter().map(|one| one.as_str())))
                })
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// What a call does to the world. Ordered: what cannot be classified is the greatest.
    pub enum Effect {
        /// Looks at something.
        Read = "read",
        /// Prints secret values, or mints a credential and prints it.
        ReadSecret = "read-secret",
        /// Writes files on this machine.
        LocalWrite = "local-write",
        /// Changes what later commands mean: contexts, credentials, plugin and preference files.
        SessionChange = "session-change",
        /// Changes a local repository.
        GitWrite = "git-write",
        /// Changes a remote repository.
        GitPublish = "git-publish",
        /// Makes a controller apply what the source already says.
        Reconcile = "reconcile",
        /// Opens a way into a cluster for other programs.
        Tunnel = "tunnel",
        /// Runs a program in a cluster or on this machine that is not analysed further.
        Exec = "exec",
        /// Changes objects of a cluster.
        ClusterWrite = "cluster-write",
        /// Creates or changes machines and infrastructure.
        Provision = "provision",
        /// Changes a cloud account, a registry or another hosted service.
        CloudWrite = "cloud-write",
        /// Changes data in a database.
        DataWrite = "data-write",
        /// Attacks the guard itself.
        Tamper = "tamper",
        /// Not known; never harmless.
        Unknown = "unknown",
    }
}

words! {
    /// What an operation touches, apart from the machine it runs on.
    pub enum Reach {
        /// Only this machine.
        Local = "local",
        /// A git repository.
        Repository = "repository",
        /// A cloud, a forge, a registry, a database: what is no cluster of a kubeconfig.
        Service = "service",
        /// A cluster.
        Cluster = "cluster",
    }
}

words! {
    /// A kind of target beside clusters and repositories, which belongs to a rwenv if its `targets` name it.
    pub enum TargetKind {
        /// Servers of Argo CD, and contexts of its command line.
        ArgoCd = "argocd",
        /// Contexts, nodes and endpoints of Talos.
        Talos = "talos",
        /// Addresses of Vault and OpenBao, and paths in them.
        Vault = "vault",
        /// Workspaces and backends of Terraform, stacks of Pulumi.
        Terraform = "terraform",
        /// Projects and configurations of Google Cloud.
        Gcp = "gcp",
        /// Profiles and accounts of AWS.
        Aws = "aws",
        /// Subscriptions of Azure.
        Azure = "azure",
        /// Contexts and hosts of Docker.
        Docker = "docker",
        /// Hosts of databases.
        Database = "database",
    }
}

words! {
    /// A finer property of an operation, which rules may test. Tables set most of them, code sets the rest.
    pub enum Trait {
        /// Targets the settings of an agent.
        AgentSettings = "agent-settings",
        /// A verb that may be an alias.
        Alias = "alias",
        /// Applies what files describe.
        Applies = "applies",
        /// Reaches into a running container.
        Attach = "attach",
        /// Sets again where a state is kept.
        Backend = "backend",
        /// Registers an Application with Argo CD whose file is in Git, in a folder where the rwenv keeps them.
        Bootstrap = "bootstrap",
        /// Run by a person, not by an agent.
        ByPerson = "by-person",
        /// Moves the working tree.
        Checkout = "checkout",
        /// Makes a commit.
        Commit = "commit",
        /// No word of the command is known.
        Computed = "computed",
        /// Copies between a pod and this machine.
        Copy = "copy",
        /// Writes files into a pod.
        CopyIn = "copy-in",
        /// Reads files from a pod.
        CopyOut = "copy-out",
        /// Adds a container, or runs on a node.
        Debug = "debug",
        /// Removes what is described, or the record of it.
        Destroys = "destroys",
        /// Changes a branch on the server, or starts something that does.
        Direct = "direct",
        /// Shows what would be done.
        DryRun = "dry-run",
        /// Stops, changes or replaces containers.
        EndsContainer = "ends-container",
        /// Does so to all there are, or to all that do not run.
        EndsEveryContainer = "ends-every-container",
        /// Runs a program in a container.
        Enters = "enters",
        /// Seen by git itself, just before it happens.
        Exact = "exact",
        /// Moves forward to commits that are already there.
        FastForward = "fast-forward",
        /// Fetches what is there.
        Fetch = "fetch",
        /// Applies a file that Git ignores, in a folder that Git has.
        Generated = "generated",
        /// Changes git's configuration.
        GitConfig = "git-config",
        /// Targets a git hook.
        GitHook = "git-hook",
        /// Targets the whole clone of a Flux repository that rwenv keeps, with what a person has in it.
        FluxClone = "flux-clone",
        /// May reach the guard's files; what it writes is not known.
        GuardUnsure = "guard-unsure",
        /// Publishes an image or a chart.
        Image = "image",
        /// Runs code in a container; that code is judged separately.
        InnerCarried = "inner-carried",
        /// What it runs in a pod only reads.
        InnerRead = "inner-read",
        /// An interactive shell in a pod or container.
        InnerShell = "inner-shell",
        /// Gets values, or a state, that are in no file.
        Inputs = "inputs",
        /// Stores a kubeconfig in a ConfigMap or Secret.
        Kubeconfig = "kubeconfig",
        /// Writes a context into the kubeconfig that other commands use.
        MakesKubeconfig = "makes-kubeconfig",
        /// Merges a proposal.
        Merge = "merge",
        /// Applies files that the same line may have changed first.
        Moved = "moved",
        /// Changes which cluster a context leads to, or as whom.
        MovesContext = "moves-context",
        /// Makes git look for its hooks elsewhere, in this push or in every repository.
        MovesHooks = "moves-hooks",
        /// Names the forge repository that it is about.
        Named = "named",
        /// Names its repository in a way that only the forge can resolve.
        Numbered = "numbered",
        /// Pushes by other means; where to is not read.
        OtherPush = "other-push",
        /// Targets the guard's own files, programs or daemon.
        Own = "own",
        /// Approves a proposal, which may then be merged.
        Approves = "approves",
        /// Applies a part of what its files say.
        Partial = "partial",
        /// Only files, and no flag that does more than the files say.
        Plain = "plain",
        /// Shows what would be done, by running providers.
        Plan = "plan",
        /// Applies a plan file.
        PlanFile = "plan-file",
        /// Works on the internals of a repository.
        Plumbing = "plumbing",
        /// Opens one port.
        PortForward = "port-forward",
        /// Is in no list of a tool whose verbs are all known.
        Plugin = "plugin",
        /// Makes or changes a pull request, or the branch of one.
        Proposal = "proposal",
        /// Opens the whole API.
        Proxy = "proxy",
        /// Applies what is committed and on a remote.
        Pushed = "pushed",
        /// Makes the controller read Git again.
        Refresh = "refresh",
        /// Changes remotes.
        Remotes = "remotes",
        /// Removes from the cluster what a revert does not bring back: data, a namespace, a kind.
        RemovesLasting = "removes-lasting",
        /// Removes more objects from the cluster than the rwenv's `impactLimit`.
        RemovesMany = "removes-many",
        /// What it removes from the cluster cannot be determined.
        RemovesUnknown = "removes-unknown",
        /// Destroys something and creates it again.
        Replaces = "replaces",
        /// Lets a controller continue.
        Resume = "resume",
        /// Asks what the caller itself may do.
        SelfReview = "self-review",
        /// Bypasses git's hooks.
        SkipHooks = "skip-hooks",
        /// Rewrites a state by hand.
        State = "state",
        /// Only prepares: touches the index, or puts changes aside.
        Stages = "stages",
        /// Leaves HEAD and the files of the working tree unchanged.
        Stays = "stays",
        /// Stops a controller.
        Suspend = "suspend",
        /// Makes or removes a tag in the local repository.
        Tag = "tag",
        /// Makes or removes a tag on the server.
        Tags = "tags",
        /// Comments, labels and the like.
        Talk = "talk",
        /// Reaches a cluster through a client that rwenv knows less about.
        ToCluster = "to-cluster",
        /// Leaves what Git says as it is: what was changed comes back, runs once, or is a copy.
        Transient = "transient",
        /// Applies to the whole folder it runs in.
        Tree = "tree",
        /// Breaks a lock.
        Unlocks = "unlocks",
        /// Applies a commit that is on a remote, but not on the branch that is deployed from.
        Unmerged = "unmerged",
        /// Applies something that is on no remote.
        Unpushed = "unpushed",
        /// Uploads files.
        Upload = "upload",
        /// Prints values that may be secret.
        Values = "values",
        /// Looks like a request to a receiver.
        Webhook = "webhook",
    }
}

words! {
    /// What happens to a command. Ordered: the strictest wins.
    pub enum Decision {
        /// Nothing is said against it.
        Allow = "allow",
        /// A person has to say yes.
        Ask = "ask",
        /// It does not run.
        Deny = "deny",
    }
}

#[expect(clippy::derivable_impls, reason = "the words have no place for the mark that a derive wants")]
impl Default for Decision {
    fn default() -> Self {
        Self::Allow
    }
}

words! {
    /// A property of the rwenv that a rule may require.
    pub enum FlagName {
        /// `readOnly` is true, or the target belongs to no rwenv.
        ReadOnly = "readOnly",
        /// `gitOpsOnly` is true.
        GitOpsOnly = "gitOpsOnly",
        /// `readOnly` is not true.
        Writable = "writable",
        /// `protectCommits` is true.
        ProtectCommits = "protectCommits",
        /// `autonomy` is `manual`.
        Manual = "manual",
        /// `autonomy` is `prompted`.
        Prompted = "prompted",
        /// `directPush` is not set.
        NoDirectPush = "noDirectPush",
        /// `type` is `k3s`.
        K3s = "k3s",
        /// `execReads` is not `allow`.
        AskExecReads = "askExecReads",
    }
}

words! {
    /// Which repository an operation has to be on for a rule to match.
    pub enum Repository {
        /// The rwenv's Flux repository, in the cache or elsewhere.
        Flux = "flux",
        /// Any other repository.
        Other = "other",
    }
}

words! {
    /// Which refs a push has to change for a rule to match.
    pub enum Refs {
        /// A protected branch, or a destination that is not known.
        Protected = "protected",
        /// A tag.
        Tag = "tag",
        /// A branch whose history is rewritten, or that is removed: a protected one, or the one Flux follows.
        Rewritten = "rewritten",
        /// What is neither a branch nor a tag, nor handed to a review (`refs/for/BRANCH`).
        Other = "other",
    }
}

words! {
    /// How bad a finding is.
    pub enum Level {
        /// It says what was not checked, and why.
        Note = "note",
        /// It may be right where something is known that is not in the repository.
        Warning = "warning",
        /// It is wrong.
        Error = "error",
    }
}

words! {
    /// How a program reads its arguments.
    pub enum Grammar {
        /// Go's pflag and cobra: flags anywhere before `--`, no abbreviations.
        Pflag = "pflag",
        /// git: options before the verb, then each verb's own, long ones abbreviated.
        Git = "git",
        /// Go's flag package: `-name` and `--name` are one, none are written together.
        Goflag = "goflag",
        /// A method and URLs.
        Http = "http",
    }
}

words! {
    /// How a text or argv is handed on to be run.
    pub enum CarryKind {
        /// The value is shell code.
        Shell = "shell",
        /// The value is a program's name.
        Program = "program",
        /// The arguments from here on are a program and its arguments.
        Argv = "argv",
        /// As `argv`, run somewhere else.
        RemoteArgv = "remote-argv",
        /// The arguments from here on, joined, are shell code.
        Words = "words",
    }
}

words! {
    /// How a wrapper is told what to run.
    pub enum WrapperStyle {
        /// The rest of its arguments.
        Argv = "argv",
        /// The rest of its arguments, run somewhere else.
        RemoteArgv = "remote-argv",
        /// The rest of its arguments, joined, is shell code.
        Words = "words",
        /// The same, run somewhere else.
        RemoteWords = "remote-words",
        /// It is a shell: `-c` code, standard input or a file.
        Shell = "shell",
        /// It runs what it reads on standard input (`batch`).
        Stdin = "stdin",
        /// `find`: behind `-exec`.
        Find = "find",
        /// Arguments are read from standard input and appended.
        Xargs = "xargs",
        /// A command for each argument behind `:::`, in a file or on standard input.
        Parallel = "parallel",
        /// Only options hold what is run; `--option=word` in their list wants a value that begins with `word=`.
        Options = "options",
    }
}

words! {
    /// Where a program finds its code, if no option gives it.
    pub enum CodePlace {
        /// The first operand is code.
        First = "first",
        /// The first operand is a file of code.
        Script = "script",
        /// Standard input is code where there is no operand.
        Stdin = "stdin",
    }
}

words! {
    /// The format of a file of targets.
    pub enum TargetFormat {
        /// A Makefile.
        Make = "make",
        /// A justfile.
        Just = "just",
        /// A Taskfile.
        Task = "task",
        /// The scripts of a `package.json`.
        Npm = "npm",
        /// A compose file: a service is the `docker run` that it is like.
        Compose = "compose",
        /// Any other text: of command lines in it is asked.
        Text = "text",
        /// None that is read: what a target is called says what it may do.
        Named = "named",
    }
}
