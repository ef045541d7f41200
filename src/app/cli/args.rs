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

/// Lets AI agents work in real GitOps environments without being able to damage them.
#[derive(Debug, Parser)]
#[command(
    name = "rwenv",
    version,
    propagate_version = true,
    after_help = "Examples:\n  rwenv add prod --context prod --read-only --flux-repo https://github.com/acme/flux\n  \
                  rwenv set prod\n  rwenv check -- 'kubectl delete pod web-0'\n\nExit status: 0 done, 1 failed, 64 usage error; \
                  rwenv check: 0 allow, 1 ask, 2 deny, 70 no verdict."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the rwenvs and mark the one selected for this directory
    List(Output),
    /// Show the rwenv selected for this directory and what selects it
    Cur(InDir),
    /// Select a rwenv for this directory
    #[command(
        after_help = "Writes .claude/rwenv and adds it to .git/info/exclude.\n\nExamples:\n  rwenv set prod\n  rwenv set dev --yes"
    )]
    Set(Set),
    /// Add a rwenv; without flags, prompts for each field on a terminal
    #[command(
        after_help = "Examples:\n  rwenv add\n  rwenv add prod --type k3s --kubeconfig ~/.kube/config --context prod --read-only"
    )]
    Add(Add),
    /// Change fields of a rwenv
    #[command(
        after_help = "Examples:\n  rwenv edit prod --read-only=false\n  rwenv edit prod --unset services --description 'production cluster'"
    )]
    Edit(Edit),
    /// Remove a rwenv from the configuration
    Remove(Remove),
    /// Export rwenvs as JSON for rwenv import
    #[command(after_help = "Examples:\n  rwenv export > all.json\n  rwenv export prod --output prod.json")]
    Export(Export),
    /// Import rwenvs from an exported file
    #[command(
        after_help = "Examples:\n  rwenv import prod.json\n  rwenv export prod | ssh host rwenv import -"
    )]
    Import(Import),
    /// Show or set where commands run: on this machine or in the dev container
    LocalMode(LocalMode),
    /// Show the verdict on a command, part by part, without running it
    #[command(
        alias = "explain",
        after_help = "A single argument is a whole command line; several arguments are the words of one command.\n\nExamples:\n  \
                      rwenv check -- kubectl delete pod web-0\n  rwenv check --json -- 'cd /tmp && flux suspend ks apps'\n\n\
                      Exit status: 0 allow, 1 ask, 2 deny, 64 usage error, 70 no verdict."
    )]
    Check(Check),
    /// Manage rwenvd, which watches the configuration and fetches Flux repositories
    Daemon(Daemon),
    /// Check that enforcement works and how strong read-only is on this machine
    #[command(
        after_help = "Custody levels (what read-only guarantees):\n  C0  the agent can read credentials with write access: hook, shims and pre-push are only a guardrail\n  \
                      C1  the agent's sandbox hides the credentials\n  C2  another user holds the credentials\n  C3  the credentials are read-only: the cluster enforces it\n\
                      Branch protection on the Git host, for the branch Flux follows:\n  G0  not protected\n  G1  protected\n\n\
                      Examples:\n  rwenv doctor\n  rwenv doctor --json --offline\n  rwenv doctor --bundle\n\nExit status: 0 all checks passed or warned, 1 a check failed."
    )]
    Doctor(Doctor),
    /// Show recorded decisions and verify the integrity of the audit log
    #[command(
        after_help = "Examples:\n  rwenv audit --denied --since 2h\n  rwenv audit --follow --env prod\n  rwenv audit verify\n  rwenv audit stats --since 7d"
    )]
    Audit(Audit),
    /// Manage the local clones of Flux repositories
    Repo(Repo),
    /// Show which services run where and which files define them
    #[command(
        after_help = "Reads the clone of the rwenv's Flux repository, or any folder with --dir.\n\nExamples:\n  rwenv services list\n  \
                      rwenv services namespace papi\n  rwenv services where frontend\n  rwenv services list --dir . --json"
    )]
    Services(Services),
    /// Show or regenerate the infrastructure guide: Flux resources, secrets, configuration
    #[command(
        after_help = "Examples:\n  rwenv guide regenerate\n  rwenv guide show flux\n  rwenv guide show secrets --json"
    )]
    Guide(Guide),
    /// Show the file and line of the Flux repository that define an object
    #[command(
        after_help = "Examples:\n  rwenv where deployment/web -n shop\n  rwenv where hr\n  rwenv where configmap/cluster-vars --key domain\n  \
                      rwenv where podinfo"
    )]
    Where(Where),
    /// Draw the graph of what applies what and what depends on what
    #[command(
        after_help = "Examples:\n  rwenv graph\n  rwenv graph --format svg --output flux.svg\n  rwenv graph --format dot | dot -Tpng > flux.png"
    )]
    Graph(GraphArgs),
    /// Deploy a service's new image or values: commit, pull request, applied revision
    #[command(
        after_help = "Makes the change in a separate worktree, checks it, commits it on deploy/<service>-<time>, pushes it and opens a pull \
                      request. With directPush it pushes to the branch Flux follows instead. Your clone is not touched.\n\n\
                      Examples:\n  rwenv deploy papi --image-tag v2.3.0 --dry-run\n  rwenv deploy papi --image-tag v2.3.0\n  \
                      rwenv deploy web --set spec.replicas=3 --wait\n  rwenv deploy --continue\n  rwenv deploy --revert\n\n\
                      Exit status: 0 done, 1 stopped (the message says how to continue), 2 denied by policy."
    )]
    Deploy(Box<Deploy>),
    /// Load Flux documentation and facts about this project for an agent
    Context(Context),
    /// Query the databases of a rwenv, read-only
    Db(Db),
    /// Deploy the image built by a pull request's pipeline: tag pr-<number>-<commit>
    #[command(
        after_help = "Run it in the service's repository, on the branch of the pull request.\n\nExamples:\n  rwenv rollout papi\n  \
                      rwenv rollout papi worker --pr 17 --dry-run\n  rwenv rollout papi --tag pr-17-0a1b2c3"
    )]
    Rollout(Box<Rollout>),
    /// Operate Flux in the cluster of a rwenv: reconcile, suspend, resume, status, events, logs, diff and more
    Flux(FluxArgs),
    /// Install tasks for everyday Flux operations in a repository that uses Task (taskfile.dev)
    Taskfiles(Taskfiles),
    /// Write a kubeconfig that goes through the API guard, which enforces the rwenv's policy
    #[command(
        after_help = "Examples:\n  rwenv kubeconfig prod\n  KUBECONFIG=$(rwenv kubeconfig prod) k9s\n  rwenv kubeconfig prod --output -"
    )]
    Kubeconfig(Kubeconfig),
    /// Check the content of a repository: secrets, invalid YAML, dangling references
    #[command(
        after_help = "Examples:\n  rwenv lint\n  rwenv lint clusters/prod --json\n  rwenv lint --staged\n  rwenv lint --range origin/main..HEAD --github\n  \
                      rwenv lint --sarif > rwenv.sarif\n\nExit status: 0 no errors, 1 errors found."
    )]
    Lint(Lint),
    /// Manage the Git hooks that check pushes
    Hooks(Hooks),
    /// Run as a Git hook
    #[command(hide = true)]
    GitHook(GitHook),
    /// Check what a Git server is about to receive, in its pre-receive hook
    #[command(
        after_help = "Put this in hooks/pre-receive of a bare repository, or in hooks/pre-receive.d/rwenv with Gitea:\n\n  #!/bin/sh\n  exec rwenv pre-receive"
    )]
    PreReceive(PreReceive),
    /// Show, check and test the policy rules
    Policy(Policy),
    /// Let agents run one command for a limited time despite a rule against it
    #[command(
        after_help = "Only a person at a terminal can grant; an agent cannot. Rules that protect rwenv itself cannot be lifted.\n\nExamples:\n  \
                      rwenv grant -- kubectl rollout restart deploy/web\n  rwenv grant --for 5m 'kubectl exec web-0 -- sh -c \"kill 1\"'\n  rwenv grant --list\n  rwenv grant --revoke all"
    )]
    Grant(Grant),
    /// Register or remove the hook in Claude Code or another agent
    #[command(
        after_help = "Merges into ~/.claude/settings.json, or the settings of another agent, and keeps a copy of the old file beside it. Running it \
                      again changes nothing.\n\nExamples:\n  rwenv install\n  rwenv install --agent codex\n  rwenv install --agent cursor --uninstall"
    )]
    Install(Install),
    /// Print the shell code that puts the shims first on PATH
    #[command(
        after_help = "The shims check kubectl, git and the other tools when they run, whoever starts them.\n\nExamples:\n  \
                      eval \"$(rwenv shellenv)\"           # in ~/.bashrc or ~/.zshrc\n  rwenv shellenv --shell fish | source"
    )]
    Shellenv {
        /// Shell to write for
        #[arg(long, value_enum, default_value_t = Dialect::Posix)]
        shell: Dialect,
    },
    /// Print completions for a shell
    #[command(
        after_help = "Example: rwenv completions bash > ~/.local/share/bash-completion/completions/rwenv"
    )]
    Completions {
        /// Shell
        shell: Shell,
    },
    /// Print the manual page, or write all manual pages into a folder
    Man {
        /// Folder to write the pages to
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Replay recorded calls through the hook and show the verdicts
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
    /// Directory [default: the current one]
    #[arg(long)]
    pub(super) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// Name of the rwenv; prompts for it on a terminal when omitted
    pub(super) name: Option<String>,
    #[command(flatten)]
    pub(super) at: InDir,
    /// Replace another selection without asking
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
    /// Remove a field, by its name in envs.json
    #[arg(long, value_name = "FIELD")]
    pub(super) unset: Vec<String>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Fields of a rwenv, as flags.
#[derive(Debug, Default, Args)]
pub(super) struct Fields {
    /// Description of the rwenv
    #[arg(long)]
    pub(super) description: Option<String>,
    /// Type of cluster: k3s, gke or any other word
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
    /// Deny every change
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) read_only: Option<bool>,
    /// Allow changes through Git only
    #[arg(long = "gitops-only", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) git_ops_only: Option<bool>,
    /// Allow pushes to the Flux branch
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) direct_push: Option<bool>,
    /// URL of the Flux repository
    #[arg(long, value_name = "URL")]
    pub(super) flux_repo: Option<String>,
    /// Host of the Flux repository
    #[arg(long, value_name = "HOST", value_parser = ["github", "gitea"])]
    pub(super) flux_repo_type: Option<String>,
    /// Branch that Flux follows
    #[arg(long, value_name = "BRANCH")]
    pub(super) flux_branch: Option<String>,
    /// Branch that agents may not push to; repeatable
    #[arg(long = "protected-branch", value_name = "BRANCH")]
    pub(super) protected_branches: Vec<String>,
    /// Decision on plain reads in pods of a read-only rwenv
    #[arg(long, value_name = "DECISION", value_parser = ["ask", "allow"])]
    pub(super) exec_reads: Option<String>,
    /// Service and its URL; repeatable
    #[arg(long = "service", value_name = "NAME=URL")]
    pub(super) services: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// Name of the rwenv
    pub(super) name: String,
    /// Do not ask for confirmation
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
    /// Print JSON (always on)
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// File written by export, or - for standard input
    pub(super) file: PathBuf,
    /// Replace rwenvs that already exist
    #[arg(long)]
    pub(super) replace: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct LocalMode {
    /// on: this machine; off: the dev container; omitted: show the current mode
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
    /// Check as if this rwenv were selected
    #[arg(long, value_name = "NAME")]
    pub(super) rwenv: Option<String>,
    /// Explain the verdict: programs, facts and, for each rule, why it did not match
    #[arg(long)]
    pub(super) trace: bool,
    /// Command line
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
    /// Check custom policies and report the file and line of each problem
    #[command(
        after_help = "Without a file, checks the policies of the organisation (/etc/rwenv/policies), the user (~/.claude/rwenv/policies) and \
                            the project (.claude/rwenv-policies).\n\nExample: rwenv policy lint ~/.claude/rwenv/policies/payments.toml"
    )]
    Lint {
        /// Files to check
        files: Vec<PathBuf>,
        #[command(flatten)]
        at: InDir,
    },
    /// Create a custom policy from a template
    #[command(after_help = "Example: rwenv policy new payments")]
    New {
        /// Name of the policy
        name: String,
    },
    /// Check the policies and store the compiled result for the hook
    #[command(hide = true)]
    Keep(InDir),
}

#[derive(Debug, Args)]
pub(super) struct Grant {
    /// How long the grant lasts, at most one hour
    #[arg(long = "for", default_value = "10m", value_name = "TIME")]
    pub(super) time: String,
    /// Reason, recorded with the grant
    #[arg(long)]
    pub(super) reason: Option<String>,
    /// List the current grants
    #[arg(long, conflicts_with_all = ["revoke", "command"])]
    pub(super) list: bool,
    /// Revoke one grant, or all
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "all", conflicts_with = "command")]
    pub(super) revoke: Option<String>,
    #[command(flatten)]
    pub(super) at: InDir,
    /// Command line
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
    /// Agent to install for
    #[arg(long, value_enum, default_value_t = AgentName::Claude, value_name = "NAME")]
    pub(super) agent: AgentName,
    /// Remove the hook from the settings
    #[arg(long)]
    pub(super) uninstall: bool,
    /// Path of the hook program [default: rwenv-hook beside rwenv]
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
