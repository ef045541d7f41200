//! The command line of `rwenv`.

use std::path::PathBuf;

use super::argo::ArgoArgs;
use super::audit::Audit;
use super::check::CheckArgs;
use super::confirm::Confirm;
use super::context::ContextArgs;
use super::daemon::Daemon;
use super::db::Db;
use super::demo::Demo;
use super::deploy::Deploy;
use super::doctor::Doctor;
use super::edit::{Add, EditArgs, ExportArgs, Import, LocalMode, Remove};
use super::envs::Set;
use super::flux::FluxArgs;
use super::grant::GrantArgs;
use super::hooks::{GitHook, HooksArgs};
use super::identity::IdentityArgs;
use super::impact::RadiusArgs;
use super::init::Init;
use super::install::{InstallArgs, ShellDialect};
use super::knowledge::{CompareArgs, GraphArgs, Guide, ServicesArgs, WhereArgs};
use super::kubeconfig::Kubeconfig;
use super::line::PromptArgs;
use super::lint::{Lint, PreReceive};
use super::policy::Policy;
use super::propose::Propose;
use super::repo::Repo;
use super::rollout::Rollout;
use super::run::{ConfinedArgs, RunArgs};
use super::shared::{InDir, Output};
use super::summary::ReportArgs;
use super::taskfiles::Taskfiles;
use super::top::TopArgs;
use clap::{Parser, Subcommand};
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
    pub(super) command: CliCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum CliCommand {
    /// List the rwenvs and mark the one selected for this directory
    List(Output),
    /// Show the rwenv selected for this directory and what selects it
    #[command(aliases = ["current", "status"])]
    Cur(InDir),
    /// Select a rwenv for this directory
    #[command(
        alias = "use",
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
    Edit(EditArgs),
    /// Remove a rwenv from the configuration
    Remove(Remove),
    /// Export rwenvs as JSON for rwenv import
    #[command(after_help = "Examples:\n  rwenv export > all.json\n  rwenv export prod --output prod.json")]
    Export(ExportArgs),
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
    Check(CheckArgs),
    /// Manage rwenvd, which watches the configuration and fetches Flux repositories
    Daemon(Daemon),
    /// Check that enforcement works and how strong read-only is on this machine
    #[command(
        after_help = "Custody levels (what read-only guarantees):\n  C0  the agent can read credentials with write access: hook, shims and pre-push are only a guardrail\n  \
                      C1  the agent's sandbox hides the credentials\n  C2  another user holds the credentials\n  C3  the credentials are read-only: the cluster enforces it\n\
                      Branch protection on the Git host, for the branch Flux follows:\n  G0  not protected\n  G1  protected\n\n\
                      Examples:\n  rwenv doctor\n  rwenv doctor --json --offline\n  rwenv doctor --all\n  rwenv doctor --bundle\n\nExit status: 0 all checks passed or warned, 1 a check failed."
    )]
    Doctor(Doctor),
    /// Show recorded decisions and verify the integrity of the audit log
    #[command(
        after_help = "Examples:\n  rwenv audit --denied --since 2h\n  rwenv audit --follow --env prod\n  rwenv audit verify\n  rwenv audit stats --since 7d\n  \
                      rwenv audit wrong 4711 --reason 'only reads'"
    )]
    Audit(Audit),
    /// Report what agents wanted and did not get, and what to do about it
    #[command(
        after_help = "Reads the audit log, looks at this machine and the clones, and asks clusters and Git hosts unless --offline. The HTML page is one \
                      file without scripts; it loads nothing. It holds command lines: send it to whom you would show the log.\n\nExamples:\n  \
                      rwenv report\n  rwenv report --since 7d --html monday.html\n  rwenv report --md --env prod --offline\n  \
                      rwenv report --of /srv/rwenv-logs --html fleet.html"
    )]
    Report(ReportArgs),
    /// Watch environments, verdicts and grants as they come
    #[command(
        after_help = "Keys: Tab or 1-3 another list, arrows or j and k within it, Enter details, a only what was stopped or asked, q quit.\nWhat is not \
                      ready in a cluster is told by the daemon.\n\nExamples:\n  rwenv top\n  rwenv top --env prod\n  rwenv top --once"
    )]
    Top(TopArgs),
    /// Manage the local clones of Flux repositories
    Repo(Repo),
    /// Show which services run where and which files define them
    #[command(
        after_help = "Reads the clone of the rwenv's Flux repository, or any folder with --dir.\n\nExamples:\n  rwenv services list\n  \
                      rwenv services namespace papi\n  rwenv services where frontend\n  rwenv services list --dir . --json"
    )]
    Services(ServicesArgs),
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
    Where(WhereArgs),
    /// Draw the graph of what applies what and what depends on what
    #[command(
        after_help = "Examples:\n  rwenv graph\n  rwenv graph papi --format svg --output papi.svg\n  rwenv graph --format svg --output flux.svg\n  rwenv graph --format dot | dot -Tpng > flux.png"
    )]
    Graph(GraphArgs),
    /// Set up this machine: offers your contexts as rwenvs, tries each, registers the agents, shows a denial
    #[command(
        after_help = "Proposes read-only for what looks like production, writable for throw-away clusters of this machine, and finds the Flux \
                      repository in the cluster. Sends only reads.\n\nExamples:\n  rwenv init\n  rwenv init --yes --context kind-dev\n  \
                      rwenv init --yes --no-install --json"
    )]
    Init(Init),
    /// Deploy a service's new image or values: commit, pull request, applied revision
    #[command(
        after_help = "Makes the change in a separate worktree, checks it, commits it on deploy/<service>-<time>, pushes it and opens a pull \
                      request. With directPush it pushes to the branch Flux follows instead. Your clone is not touched.\n\n\
                      Examples:\n  rwenv deploy papi --image-tag v2.3.0 --dry-run\n  rwenv deploy papi --image-tag v2.3.0\n  rwenv deploy cert-manager --chart-version v1.21.0\n  \
                      rwenv deploy web --set spec.replicas=3 --wait\n  rwenv deploy --continue\n  rwenv deploy --revert\n\n\
                      Exit status: 0 done, 1 stopped (the message says how to continue), 2 denied by policy."
    )]
    Deploy(Box<Deploy>),
    /// Make a kubectl change in the Flux repository instead: the same fields as a commit and pull request
    #[command(
        after_help = "Finds the file that sets the field, and goes on as rwenv deploy does. Knows scale, set image, set env, annotate, label, \
                      patch of simple fields, and rollout restart (as the annotation that kubectl sets).\n\n\
                      Examples:\n  rwenv propose -- kubectl -n shop scale deploy/web --replicas 5\n  \
                      rwenv propose --dry-run -- kubectl set image deploy/web web=acme/web:1.5\n\n\
                      Exit status: 0 done, 1 stopped (the message says how to continue), 2 denied by policy."
    )]
    Propose(Box<Propose>),
    /// Load Flux documentation and facts about this project for an agent
    Context(ContextArgs),
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
    /// Look at Argo CD's Applications: list, get, diff, tree, history
    #[command(after_help = "Examples:\n  rwenv argo list\n  rwenv argo diff web\n  rwenv argo tree root")]
    Argo(ArgoArgs),
    /// Compare two rwenvs side by side: versions, values, missing services
    #[command(
        after_help = "Reads the clones of their repositories, and contacts no cluster. Namespaces are no difference.\n\nExamples:\n  rwenv compare staging prod\n  \
                      rwenv compare staging prod --service cart --no-values\n\nExit status: 0 nothing differs, 1 something does."
    )]
    Compare(CompareArgs),
    /// Install tasks for everyday Flux operations in a repository that uses Task (taskfile.dev)
    Taskfiles(Taskfiles),
    /// Write a kubeconfig that goes through the API guard, which enforces the rwenv's policy
    #[command(
        after_help = "Examples:\n  rwenv kubeconfig prod\n  KUBECONFIG=$(rwenv kubeconfig prod) k9s\n  rwenv kubeconfig prod --output -\n  rwenv kubeconfig prod --container"
    )]
    Kubeconfig(Kubeconfig),
    /// Give agents an identity of their own in the cluster, which RBAC holds to read-only
    #[command(
        after_help = "Examples:\n  rwenv identity create --env prod\n  rwenv identity kubeconfig prod\n  rwenv identity rotate prod --revoke"
    )]
    Identity(IdentityArgs),
    /// Check the content of a repository: secrets, invalid YAML, dangling references
    #[command(
        after_help = "Examples:\n  rwenv lint\n  rwenv lint clusters/prod --json\n  rwenv lint --staged\n  rwenv lint --range origin/main..HEAD --github\n  \
                      rwenv lint --sarif > rwenv.sarif\n\nExit status: 0 no errors, 1 errors found."
    )]
    Lint(Lint),
    /// Show what a change of a Flux repository would change in clusters, without contacting one
    #[command(
        after_help = "Builds the repository before and after the change, and compares what each root applies.\n\nExamples:\n  rwenv impact\n  \
                      rwenv impact --staged\n  rwenv impact --range origin/main..HEAD\n  rwenv impact --range origin/main..HEAD --md > impact.md\n  \
                      rwenv impact --json | jq '.roots[].rwenvs'\n\nExit status: 0 done, 1 failed; what changes does not matter."
    )]
    Impact(RadiusArgs),
    /// Manage the Git hooks that check pushes
    Hooks(HooksArgs),
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
    /// Let agents do what a rule denies for a limited time: one command, or a part of a rwenv
    #[command(
        after_help = "Only a person at a terminal can grant; an agent cannot. Rules that protect rwenv itself cannot be lifted.\n\nExamples:\n  \
                      rwenv grant -- kubectl rollout restart deploy/web\n  rwenv grant --for 5m 'kubectl exec web-0 -- sh -c \"kill 1\"'\n  \
                      rwenv grant --env prod -n shop --for 30m --reason 'INC-4711 shop is down'\n  rwenv grant --list\n  rwenv grant --revoke all"
    )]
    Grant(GrantArgs),
    /// Confirm that a rwenv's context leads to the right cluster
    #[command(
        after_help = "A context is a name; what it leads to is its server. rwenv notes the server when you add or edit a rwenv. Where the context leads \
                      to another server later, changes are denied until you confirm it here. Only a person at a terminal can confirm.\n\n\
                      Examples:\n  rwenv confirm dev\n  rwenv confirm           # every rwenv that is not confirmed"
    )]
    Confirm(Confirm),
    /// Run an agent, or any program, without your credentials for clusters and clouds
    #[command(
        after_help = "Inside, the API guard's kubeconfig replaces yours. Credentials, sockets that lead out, and the processes outside are \
                      not there; what the doors need may only be read. The project is as it is.\n\nExamples:\n  rwenv run -- claude\n  \
                      rwenv run --env prod -- bash\n  rwenv run --git broker --remote git@github.com:acme/shop.git -- claude\n  rwenv run --dry-run\n\nExit status: the program's own; 125 it could not be confined."
    )]
    Run(RunArgs),
    /// The inner side of a session
    #[command(hide = true)]
    Confined(ConfinedArgs),
    /// Register or remove the hook in Claude Code or another agent
    #[command(
        after_help = "Merges into ~/.claude/settings.json, or the settings of another agent, and keeps a copy of the old file beside it. Running it \
                      again changes nothing.\n\nExamples:\n  rwenv install\n  rwenv install --agent codex\n  rwenv install --agent cursor --uninstall"
    )]
    Install(InstallArgs),
    /// Print the shell code that puts the shims first on PATH
    #[command(
        after_help = "The shims check kubectl, git and the other tools when they run, whoever starts them.\n\nExamples:\n  \
                      eval \"$(rwenv shellenv)\"           # in ~/.bashrc or ~/.zshrc\n  rwenv shellenv --shell fish | source"
    )]
    Shellenv {
        /// Shell to write for
        #[arg(long, value_enum, default_value_t = ShellDialect::Posix)]
        shell: ShellDialect,
    },
    /// Show the rwenv, its mode and what is off in a shell's prompt
    #[command(
        after_help = "Prints nothing where no rwenv is selected. The code of --init starts rwenv-hook, which takes a few milliseconds.\n\n\
                      Examples:\n  eval \"$(rwenv prompt --init bash)\"           # in ~/.bashrc\n  \
                      eval \"$(rwenv prompt --init zsh)\"            # in ~/.zshrc\n  rwenv prompt --init fish | source\n  \
                      rwenv prompt --init starship >> ~/.config/starship.toml"
    )]
    Prompt(PromptArgs),
    /// Print the status line of an agent: the rwenv, its mode, what is off
    #[command(
        after_help = "Reads Claude Code's JSON on standard input, if there is any. rwenv install registers it where you have no status line.\n\n\
                      Examples:\n  rwenv statusline < /dev/null\n  echo '{\"cwd\":\"/srv/shop\"}' | rwenv statusline"
    )]
    Statusline,
    /// Serve environments, knowledge and verdicts to an agent as MCP tools
    #[command(
        after_help = "Speaks the Model Context Protocol on standard input and output; an agent starts it. Every tool only looks. Each stands for a \
                      command of rwenv, is judged and recorded as that command, and answers with its JSON.\n\nExamples:\n  \
                      claude mcp add rwenv -- rwenv mcp\n  codex mcp add rwenv -- rwenv mcp"
    )]
    Mcp,
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
