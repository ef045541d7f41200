//! What `rwenv flux` takes.

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::shared::{ClusterArgs, Output};

#[derive(Debug, Args)]
pub(in crate::cli) struct FluxArgs {
    #[command(subcommand)]
    pub(super) command: FluxCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum FluxCommand {
    /// Reconcile an object now and wait until it is ready
    #[command(
        after_help = "Examples:\n  rwenv flux reconcile apps --with-source\n  rwenv flux reconcile hr/web -n app\n  rwenv flux reconcile source git flux-system\n\n\
                      Exit status: 0 ready, 1 failed or timed out, 2 denied by policy."
    )]
    Reconcile(Reconcile),
    /// Fetch a source now and wait until it is ready
    #[command(
        after_help = "Examples:\n  rwenv flux reconcile-source flux-system\n  rwenv flux reconcile-source oci/app -n app"
    )]
    ReconcileSource(ObjectArgs),
    /// Suspend the reconciliation of an object
    #[command(after_help = "Examples:\n  rwenv flux suspend hr/web -n app\n  rwenv flux suspend ks apps")]
    Suspend(ObjectArgs),
    /// Resume the reconciliation of an object
    #[command(after_help = "Examples:\n  rwenv flux resume hr/web -n app --wait")]
    Resume(Resume),
    /// Suspend all Kustomizations: an emergency stop
    #[command(after_help = "Examples:\n  rwenv flux suspend-all --cluster prod")]
    SuspendAll(All),
    /// Resume all Kustomizations
    ResumeAll(All),
    /// Show the status of Flux objects
    #[command(
        after_help = "Examples:\n  rwenv flux status\n  rwenv flux status --type hr --watch\n  rwenv flux status --json\n\nExit status: 0 everything is ready, 1 something is not."
    )]
    Status(StatusArgs),
    /// Show the events of Flux objects
    #[command(after_help = "Examples:\n  rwenv flux events --for ks/apps\n  rwenv flux events --watch")]
    Events(Events),
    /// Show the logs of the Flux controllers
    #[command(
        after_help = "Examples:\n  rwenv flux logs --level error --follow\n  rwenv flux logs --controller helm-controller --since 10m"
    )]
    Logs(Logs),
    /// Show what would change in the cluster: render, server-side dry run, compare
    #[command(
        after_help = "Examples:\n  rwenv flux diff apps\n  rwenv flux diff apps --ref origin/deploy/web\n  rwenv flux diff apps --dir .\n  rwenv flux diff apps --pr 17\n  \
                      rwenv flux diff flux-system --recursive\n  rwenv flux diff hr/web    (renders its chart, where helm is installed)\n\n\
                      Exit status: 0 nothing would change, 1 something would, 2 undetermined."
    )]
    Diff(Diff),
    /// Check that Flux is installed and healthy
    Check(FluxCheckArgs),
    /// Show what an object has applied, through Kustomizations and releases
    #[command(
        after_help = "Examples:\n  rwenv flux tree flux-system\n  rwenv flux tree hr/web\n  rwenv flux tree apps --dependencies"
    )]
    Tree(TreeArgs),
    /// Show the objects of a kind, or one of them
    #[command(
        after_help = "Examples:\n  rwenv flux get ks\n  rwenv flux get source git flux-system\n  rwenv flux get alerts -n flux-system\n  rwenv flux get all"
    )]
    Get(Get),
    /// Print objects as they would stand in a repository
    #[command(
        after_help = "Examples:\n  rwenv flux export ks/apps\n  rwenv flux export hr --all -n app -o json"
    )]
    Export(Export),
    /// Show which values of a release or variables of a Kustomization count, and where they are from
    #[command(
        after_help = "What a Secret holds is shown as ***.\n\nExamples:\n  rwenv flux debug hr/web\n  rwenv flux debug ks apps --json"
    )]
    Debug(ObjectArgs),
    /// Trace an object to the source it comes from
    #[command(
        after_help = "Examples:\n  rwenv flux trace deploy/web -n app\n  rwenv flux trace hr/web -n app"
    )]
    Trace(ObjectArgs),
    /// Show alerts and recent warnings
    Alerts(Alerts),
}

impl FluxArgs {
    /// The cluster that is meant.
    pub(super) fn cluster(&self) -> &ClusterArgs {
        match &self.command {
            FluxCommand::Reconcile(args) => &args.named.cluster,
            FluxCommand::ReconcileSource(args)
            | FluxCommand::Suspend(args)
            | FluxCommand::Debug(args)
            | FluxCommand::Trace(args) => &args.cluster,
            FluxCommand::Tree(args) => &args.named.cluster,
            FluxCommand::Get(args) => &args.cluster,
            FluxCommand::Export(args) => &args.named.cluster,
            FluxCommand::Resume(args) => &args.named.cluster,
            FluxCommand::SuspendAll(args) | FluxCommand::ResumeAll(args) => &args.cluster,
            FluxCommand::Status(args) => &args.cluster,
            FluxCommand::Events(args) => &args.cluster,
            FluxCommand::Logs(args) => &args.cluster,
            FluxCommand::Diff(args) => &args.named.cluster,
            FluxCommand::Check(args) => &args.cluster,
            FluxCommand::Alerts(args) => &args.cluster,
        }
    }
}

/// An object by its name.
#[derive(Debug, Args)]
pub(super) struct ObjectArgs {
    /// NAME, KIND/NAME or KIND NAME; the kind may be omitted when the name is unique
    #[arg(required = true, num_args = 1..=3, value_name = "OBJECT")]
    pub(super) object: Vec<String>,
    /// Namespace [default: looked up]
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    /// Wait no longer than this
    #[arg(long, default_value = "5m", value_name = "TIME")]
    pub(super) timeout: String,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Reconcile {
    #[command(flatten)]
    pub(super) named: ObjectArgs,
    /// Fetch its source first
    #[arg(long)]
    pub(super) with_source: bool,
}

#[derive(Debug, Args)]
pub(super) struct TreeArgs {
    #[command(flatten)]
    pub(super) named: ObjectArgs,
    /// Show what it waits for, and what waits for it, instead
    #[arg(long)]
    pub(super) dependencies: bool,
}

#[derive(Debug, Args)]
pub(super) struct Get {
    /// KIND, KIND NAME or KIND/NAME; all for objects of every kind
    #[arg(required = true, num_args = 1..=3, value_name = "KIND")]
    pub(super) what: Vec<String>,
    /// Only objects in this namespace
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    pub(super) named: ObjectArgs,
    /// All objects of the kind that is named in place of an object
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Debug, Args)]
pub(super) struct Resume {
    #[command(flatten)]
    pub(super) named: ObjectArgs,
    /// Wait until it is ready
    #[arg(long)]
    pub(super) wait: bool,
}

#[derive(Debug, Args)]
pub(super) struct All {
    /// Only objects in this namespace
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Wait until they are ready after resuming
    #[arg(long)]
    pub(super) wait: bool,
    /// Wait no longer than this
    #[arg(long, default_value = "5m", value_name = "TIME")]
    pub(super) timeout: String,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

/// Objects to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Type {
    /// All objects
    All,
    /// Kustomizations
    Ks,
    /// HelmReleases
    Hr,
    /// Sources
    Source,
    /// Image repositories, policies and automations
    Image,
    /// Alerts, their providers, and receivers
    Notification,
    /// Instances and resource sets of the Flux Operator
    Operator,
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Objects to show
    #[arg(long, value_enum, default_value = "all")]
    pub(super) r#type: Type,
    /// Only objects in this namespace
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    /// Only objects that are not ready
    #[arg(long)]
    pub(super) failing: bool,
    /// Ask the cluster even if the daemon has the status
    #[arg(long)]
    pub(super) live: bool,
    /// Keep watching for changes
    #[arg(long, short)]
    pub(super) watch: bool,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Events {
    /// Only events of this object: KIND/NAME
    #[arg(long, value_name = "OBJECT")]
    pub(super) r#for: Option<String>,
    /// Only objects in this namespace
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    /// Keep watching for new events
    #[arg(long, short)]
    pub(super) watch: bool,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Heading of options.
const LINES: &str = "Which lines";

#[derive(Debug, Args)]
pub(super) struct Logs {
    /// Only lines of this level
    #[arg(long, value_parser = ["debug", "info", "error"], help_heading = LINES)]
    pub(super) level: Option<String>,
    /// Only lines of this controller
    #[arg(long, help_heading = LINES)]
    pub(super) controller: Option<String>,
    /// Only lines about objects of this kind
    #[arg(long, help_heading = LINES)]
    pub(super) kind: Option<String>,
    /// Only lines about this object
    #[arg(long, help_heading = LINES)]
    pub(super) name: Option<String>,
    /// Only lines about objects in this namespace
    #[arg(long, short, help_heading = LINES)]
    pub(super) namespace: Option<String>,
    /// Keep printing new lines
    #[arg(long, short)]
    pub(super) follow: bool,
    /// Only lines newer than this
    #[arg(long, value_name = "TIME", help_heading = LINES)]
    pub(super) since: Option<String>,
    /// Show the last N lines of each controller
    #[arg(long, value_name = "N", help_heading = LINES)]
    pub(super) tail: Option<u64>,
    /// Namespace of Flux
    #[arg(long, default_value = "flux-system", value_name = "NAMESPACE")]
    pub(super) flux_namespace: String,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Heading of options.
const RENDERED: &str = "What is rendered";

#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    pub(super) named: ObjectArgs,
    /// Render this folder as it is on disk [default: the clone]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["reference", "pr"], help_heading = RENDERED)]
    pub(super) dir: Option<std::path::PathBuf>,
    /// Render this commit of the clone
    #[arg(long = "ref", value_name = "REV", help_heading = RENDERED)]
    pub(super) reference: Option<String>,
    /// Render the branch of this pull request
    #[arg(long, value_name = "NUMBER", conflicts_with = "reference", help_heading = RENDERED)]
    pub(super) pr: Option<u64>,
    /// Compare the Kustomizations that it applies as well, as they would become
    #[arg(long, short, help_heading = RENDERED)]
    pub(super) recursive: bool,
}

#[derive(Debug, Args)]
pub(super) struct FluxCheckArgs {
    /// Namespace of Flux
    #[arg(long, default_value = "flux-system", value_name = "NAMESPACE")]
    pub(super) flux_namespace: String,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Alerts {
    /// Only objects in this namespace
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) output: Output,
}
