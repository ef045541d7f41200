//! The command line of `rwenv`.

use std::path::PathBuf;

use super::audit::Audit;
use super::context::Context;
use super::daemon::Daemon;
use super::db::Db;
use super::deploy::Deploy;
use super::doctor::Doctor;
use super::flux::FluxArgs;
use super::hooks::{GitHook, Hooks};
use super::knowledge::{GraphArgs, Guide, Services, Where};
use super::kubeconfig::Kubeconfig;
use super::lint::{Lint, PreReceive};
use super::repo::Repo;
use super::rollout::Rollout;
use super::taskfiles::Taskfiles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Lets AI agents work on real GitOps environments without being able to hurt them.
#[derive(Debug, Parser)]
#[command(
    name = "rwenv",
    version,
    propagate_version = true,
    after_help = "Examples:\n  rwenv add prod --context prod --read-only --flux-repo https://github.com/acme/flux\n  \
                  rwenv set prod\n  rwenv check -- 'kubectl delete pod web-0'\n\nExit status: 0 done, 1 failed, 64 wrong usage; \
                  rwenv check: 0 allow, 1 ask, 2 deny, 70 no verdict."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the rwenvs; the one selected here is marked
    List(Output),
    /// Show the rwenv selected for this directory, and what selects it
    Cur(InDir),
    /// Select a rwenv for this directory
    #[command(
        after_help = "Writes .claude/rwenv, and has git ignore it (.git/info/exclude).\n\nExamples:\n  rwenv set prod\n  rwenv set dev --yes"
    )]
    Set(Set),
    /// Add a rwenv; on a terminal, without flags, it asks for the rest
    #[command(
        after_help = "Examples:\n  rwenv add\n  rwenv add prod --type k3s --kubeconfig ~/.kube/config --context prod --read-only"
    )]
    Add(Add),
    /// Change fields of a rwenv
    #[command(
        after_help = "Examples:\n  rwenv edit prod --read-only=false\n  rwenv edit prod --unset services --description 'the real one'"
    )]
    Edit(Edit),
    /// Remove a rwenv from the configuration
    Remove(Remove),
    /// Print rwenvs as JSON that import reads
    #[command(after_help = "Examples:\n  rwenv export > all.json\n  rwenv export prod --output prod.json")]
    Export(Export),
    /// Add the rwenvs of an exported file
    #[command(
        after_help = "Examples:\n  rwenv import prod.json\n  rwenv export prod | ssh host rwenv import -"
    )]
    Import(Import),
    /// Say whether commands run on this machine or in the dev container
    LocalMode(LocalMode),
    /// Say what would be decided about a command, part by part
    #[command(
        alias = "explain",
        after_help = "One argument is a whole command line as an agent would write it; several are one command.\n\nExamples:\n  \
                      rwenv check -- kubectl delete pod web-0\n  rwenv check --json -- 'cd /tmp && flux suspend ks apps'\n\n\
                      Exit status: 0 allow, 1 ask, 2 deny, 70 no verdict, 64 wrong usage."
    )]
    Check(Check),
    /// Keep rwenvd running: it watches the configuration and fetches Flux repositories
    Daemon(Daemon),
    /// Check that the guard stands, and what read-only really means here
    #[command(
        after_help = "Custody says what read-only guarantees:\n  C0  the agent can read credentials that may write: hook, shims and pre-push are a guardrail\n  \
                      C1  the agent's sandbox hides them\n  C2  another user holds them\n  C3  the identity may only read: the cluster itself guarantees it\n\
                      G0/G1  the git host does not protect the branch Flux follows, or it does\n\n\
                      Examples:\n  rwenv doctor\n  rwenv doctor --json --offline\n  rwenv doctor --bundle\n\nExit status: 0 it stands, 1 something failed."
    )]
    Doctor(Doctor),
    /// Show what was decided; check that the log is as it was written
    #[command(
        after_help = "Examples:\n  rwenv audit --denied --since 2h\n  rwenv audit --follow --env prod\n  rwenv audit verify\n  rwenv audit stats --since 7d"
    )]
    Audit(Audit),
    /// Keep the Flux repositories on this machine fresh
    Repo(Repo),
    /// Say what runs where, and which files define it
    #[command(
        after_help = "Read from the clone of the rwenv's Flux repository, or from any folder.\n\nExamples:\n  rwenv services list\n  \
                      rwenv services namespace papi\n  rwenv services where frontend\n  rwenv services list --dir . --json"
    )]
    Services(Services),
    /// Show and regenerate the guide to the infrastructure: Flux resources, secrets, configuration
    #[command(
        after_help = "Examples:\n  rwenv guide regenerate\n  rwenv guide show flux\n  rwenv guide show secrets --json"
    )]
    Guide(Guide),
    /// Say which file and line of the Flux repository defines an object
    #[command(
        after_help = "Examples:\n  rwenv where deployment/web -n shop\n  rwenv where hr\n  rwenv where configmap/cluster-vars --key domain\n  \
                      rwenv where podinfo"
    )]
    Where(Where),
    /// Draw what applies what, and what waits for what
    #[command(
        after_help = "Examples:\n  rwenv graph\n  rwenv graph --format svg --output flux.svg\n  rwenv graph --format dot | dot -Tpng > flux.png"
    )]
    Graph(GraphArgs),
    /// Deploy a service's new image or values: commit, pull request, applied revision
    #[command(
        after_help = "The change is made in a worktree of its own, checked, committed on deploy/<service>-<time>, pushed and proposed; with \
                      directPush it goes to the branch Flux follows. Your clone stays as it is.\n\n\
                      Examples:\n  rwenv deploy papi --image-tag v2.3.0 --dry-run\n  rwenv deploy papi --image-tag v2.3.0\n  \
                      rwenv deploy web --set spec.replicas=3 --wait\n  rwenv deploy --continue\n  rwenv deploy --revert\n\n\
                      Exit status: 0 done, 1 it stopped (and says how to go on), 2 the policy says no."
    )]
    Deploy(Box<Deploy>),
    /// Load what there is to know of Flux and of this project
    Context(Context),
    /// Look into the databases of a rwenv: statements that read
    Db(Db),
    /// Deploy what the pipeline of a pull request has built: image tag pr-<number>-<commit>
    #[command(
        after_help = "Run in the repository of the service, on the branch of the pull request.\n\nExamples:\n  rwenv rollout papi\n  \
                      rwenv rollout papi worker --pr 17 --dry-run\n  rwenv rollout papi --tag pr-17-0a1b2c3"
    )]
    Rollout(Box<Rollout>),
    /// Operate Flux in the cluster of a rwenv: reconcile, suspend, resume, status, events, logs, diff, and more
    Flux(FluxArgs),
    /// Tasks for everyday operations of Flux, for repositories that use Task (taskfile.dev)
    Taskfiles(Taskfiles),
    /// Write the kubeconfig that leads through the API guard: what uses it is held to the rwenv's policy
    #[command(
        after_help = "Examples:\n  rwenv kubeconfig prod\n  KUBECONFIG=$(rwenv kubeconfig prod) k9s\n  rwenv kubeconfig prod --output -"
    )]
    Kubeconfig(Kubeconfig),
    /// Check the content of a repository: secrets, broken YAML, references that point nowhere
    #[command(
        after_help = "Examples:\n  rwenv lint\n  rwenv lint clusters/prod --json\n  rwenv lint --staged\n  rwenv lint --range origin/main..HEAD --github\n  \
                      rwenv lint --sarif > rwenv.sarif\n\nExit status: 0 nothing wrong, 1 something is."
    )]
    Lint(Lint),
    /// Have git ask before it pushes
    Hooks(Hooks),
    /// Git's hook itself
    #[command(hide = true)]
    GitHook(GitHook),
    /// Judge what a git server is about to receive; for a pre-receive hook there
    #[command(
        after_help = "In hooks/pre-receive of a bare repository, or of Gitea (hooks/pre-receive.d/rwenv):\n\n  #!/bin/sh\n  exec rwenv pre-receive"
    )]
    PreReceive(PreReceive),
    /// Look at the rules and run their examples
    Policy(Policy),
    /// Let agents run one command for a short time, although a rule is against it
    #[command(
        after_help = "Asked at a terminal, of a person; an agent cannot. What guards the guard itself is not lifted.\n\nExamples:\n  \
                      rwenv grant -- kubectl rollout restart deploy/web\n  rwenv grant --for 5m 'kubectl exec web-0 -- sh -c \"kill 1\"'\n  rwenv grant --list\n  rwenv grant --revoke all"
    )]
    Grant(Grant),
    /// Register the hook with Claude Code, or take it out again
    #[command(
        after_help = "Merges into ~/.claude/settings.json (a copy of the old file is kept beside it), or the settings of another agent; twice is as good \
                      as once.\n\nExamples:\n  rwenv install\n  rwenv install --agent codex\n  rwenv install --agent cursor --uninstall"
    )]
    Install(Install),
    /// Print what puts the shims first on PATH, for a shell to evaluate
    #[command(
        after_help = "The shims judge kubectl, git and the other tools at the moment they run, whoever starts them.\n\nExamples:\n  \
                      eval \"$(rwenv shellenv)\"           in ~/.bashrc or ~/.zshrc\n  rwenv shellenv --shell fish | source"
    )]
    Shellenv {
        /// For which shell
        #[arg(long, value_enum, default_value_t = Dialect::Posix)]
        shell: Dialect,
    },
    /// Print completions for a shell
    #[command(
        after_help = "Example: rwenv completions bash > ~/.local/share/bash-completion/completions/rwenv"
    )]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page, or write all of them into a folder
    Man {
        /// Folder to write into
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Judge recorded calls with the real hook and show the verdicts
    #[command(hide = true)]
    Demo(Demo),
}

/// How a shell writes things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Dialect {
    /// sh, bash, zsh
    #[value(aliases = ["sh", "bash", "zsh"])]
    Posix,
    /// fish
    Fish,
}

#[derive(Debug, Args)]
pub(super) struct Output {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct InDir {
    #[command(flatten)]
    pub(super) output: Output,
    /// Directory it is about [default: this one]
    #[arg(long)]
    pub(super) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// Name of the rwenv; on a terminal it may be left out
    pub(super) name: Option<String>,
    #[command(flatten)]
    pub(super) at: InDir,
    /// Do not ask before another selection is replaced
    #[arg(long, short)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Name of the rwenv
    pub(super) name: Option<String>,
    #[command(flatten)]
    pub(super) fields: Fields,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Edit {
    /// Name of the rwenv
    pub(super) name: String,
    #[command(flatten)]
    pub(super) fields: Fields,
    /// Take a field out, by its name in envs.json
    #[arg(long, value_name = "FIELD")]
    pub(super) unset: Vec<String>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Fields of a rwenv, as flags.
#[derive(Debug, Default, Args)]
pub(super) struct Fields {
    /// What it is
    #[arg(long)]
    pub(super) description: Option<String>,
    /// k3s, gke, or another word
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) kind: Option<String>,
    /// Path of the kubeconfig
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<String>,
    /// Name of the Kubernetes context
    #[arg(long)]
    pub(super) context: Option<String>,
    /// Google Cloud project
    #[arg(long, value_name = "PROJECT")]
    pub(super) gcp_project: Option<String>,
    /// Nothing may be changed
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) read_only: Option<bool>,
    /// Changes go through Git only
    #[arg(long = "gitops-only", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) git_ops_only: Option<bool>,
    /// The Flux branch may be pushed to
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) direct_push: Option<bool>,
    /// URL of the Flux repository
    #[arg(long, value_name = "URL")]
    pub(super) flux_repo: Option<String>,
    /// Where that repository lives
    #[arg(long, value_name = "HOST", value_parser = ["github", "gitea"])]
    pub(super) flux_repo_type: Option<String>,
    /// Branch Flux follows
    #[arg(long, value_name = "BRANCH")]
    pub(super) flux_branch: Option<String>,
    /// Branch an agent does not push to; may be given several times
    #[arg(long = "protected-branch", value_name = "BRANCH")]
    pub(super) protected_branches: Vec<String>,
    /// Plain reads in pods of a read-only rwenv
    #[arg(long, value_name = "DECISION", value_parser = ["ask", "allow"])]
    pub(super) exec_reads: Option<String>,
    /// A service and its URL; may be given several times
    #[arg(long = "service", value_name = "NAME=URL")]
    pub(super) services: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// Name of the rwenv
    pub(super) name: String,
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Names of the rwenvs [default: all]
    pub(super) names: Vec<String>,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Print JSON; it always does
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// File written by export, or - for standard input
    pub(super) file: PathBuf,
    /// Replace rwenvs that are there already
    #[arg(long)]
    pub(super) replace: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct LocalMode {
    /// on: this machine; off: the dev container; none: say which
    #[arg(value_enum)]
    pub(super) switch: Option<Switch>,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    pub(super) at: InDir,
    /// Judge as if this rwenv were selected
    #[arg(long, value_name = "NAME")]
    pub(super) rwenv: Option<String>,
    /// Show how the verdict came about: programs, facts, and for each rule why it did not match
    #[arg(long)]
    pub(super) trace: bool,
    /// The command line
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub(super) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    pub(super) command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// List the rules
    List {
        #[command(flatten)]
        output: Output,
        /// Print the Markdown of policies/README.md
        #[arg(long, conflicts_with = "json", hide = true)]
        markdown: bool,
    },
    /// Show one rule, or all rules of a policy, with examples
    Show {
        /// Rule or policy (read-only.exec, read-only)
        id: String,
        #[command(flatten)]
        output: Output,
    },
    /// Run the examples of all policies and tool tables
    Test(Output),
    /// Check policies of your own, with the place of everything that is wrong
    #[command(
        after_help = "Without a file: those of the organisation (/etc/rwenv/policies), yours (~/.claude/rwenv/policies) and the project's \
                            (.claude/rwenv-policies).\n\nExample: rwenv policy lint ~/.claude/rwenv/policies/payments.toml"
    )]
    Lint {
        /// Files to check
        files: Vec<PathBuf>,
        #[command(flatten)]
        at: InDir,
    },
    /// Write a policy of your own to begin with
    #[command(after_help = "Example: rwenv policy new payments")]
    New {
        /// Its name
        name: String,
    },
    /// Check the policies and keep what they say where the hook reads it
    #[command(hide = true)]
    Keep(InDir),
}

#[derive(Debug, Args)]
pub(super) struct Grant {
    /// How long it counts, at most an hour
    #[arg(long = "for", default_value = "10m", value_name = "TIME")]
    pub(super) time: String,
    /// What for; kept with it
    #[arg(long)]
    pub(super) reason: Option<String>,
    /// List what is granted now
    #[arg(long, conflicts_with_all = ["revoke", "command"])]
    pub(super) list: bool,
    /// Take one back, or all
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "all", conflicts_with = "command")]
    pub(super) revoke: Option<String>,
    #[command(flatten)]
    pub(super) at: InDir,
    /// The command line
    #[arg(trailing_var_arg = true)]
    pub(super) command: Vec<String>,
}

/// The agents the hook program speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum AgentName {
    Claude,
    Codex,
    Gemini,
    Cursor,
    Copilot,
    Opencode,
}

#[derive(Debug, Args)]
pub(super) struct Install {
    /// For which agent
    #[arg(long, value_enum, default_value_t = AgentName::Claude, value_name = "NAME")]
    pub(super) agent: AgentName,
    /// Take the hook out of the settings
    #[arg(long)]
    pub(super) uninstall: bool,
    /// The hook program [default: rwenv-hook beside rwenv]
    #[arg(long, value_name = "FILE")]
    pub(super) hook: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The hook program
    #[arg(long)]
    pub(super) hook: PathBuf,
    /// Recorded calls, one JSON per line
    #[arg(long)]
    pub(super) calls: PathBuf,
    /// What `@PROJECT@` and `@HOME@` in them stand for
    #[arg(long)]
    pub(super) home: PathBuf,
    #[command(flatten)]
    pub(super) output: Output,
}
