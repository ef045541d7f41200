//! What `rwenv flux` takes.

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::args::Output;

#[derive(Debug, Args)]
pub(in crate::cli) struct FluxArgs {
    #[command(subcommand)]
    pub(super) command: FluxCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum FluxCommand {
    /// Have an object reconciled now, and wait until it is ready
    #[command(
        after_help = "Examples:\n  rwenv flux reconcile apps --with-source\n  rwenv flux reconcile hr/web -n app\n  rwenv flux reconcile source git flux-system\n\n\
                      Exit status: 0 it is ready, 1 it failed or took too long, 2 the policy says no."
    )]
    Reconcile(Reconcile),
    /// Have a source fetched now, and wait until it is ready
    #[command(
        after_help = "Examples:\n  rwenv flux reconcile-source flux-system\n  rwenv flux reconcile-source oci/app -n app"
    )]
    ReconcileSource(Named),
    /// Stop the reconciliation of objects until they are resumed
    #[command(after_help = "Examples:\n  rwenv flux suspend hr/web -n app\n  rwenv flux suspend ks apps")]
    Suspend(Named),
    /// Start the reconciliation of objects again
    #[command(after_help = "Examples:\n  rwenv flux resume hr/web -n app --wait")]
    Resume(Resume),
    /// Stop all Kustomizations: an emergency stop
    #[command(after_help = "Examples:\n  rwenv flux suspend-all --cluster prod")]
    SuspendAll(All),
    /// Start all Kustomizations again
    ResumeAll(All),
    /// Show how all objects are
    #[command(
        after_help = "Examples:\n  rwenv flux status\n  rwenv flux status --type hr --watch\n  rwenv flux status --json\n\nExit status: 0 all is ready, 1 something is not."
    )]
    Status(Status),
    /// Show what happened to objects of Flux
    #[command(after_help = "Examples:\n  rwenv flux events --for ks/apps\n  rwenv flux events --watch")]
    Events(Events),
    /// Show what the controllers write
    #[command(
        after_help = "Examples:\n  rwenv flux logs --level error --follow\n  rwenv flux logs --controller helm-controller --since 10m"
    )]
    Logs(Logs),
    /// Show what the cluster would become: renders, asks the server for a dry run, compares
    #[command(
        after_help = "Examples:\n  rwenv flux diff apps\n  rwenv flux diff apps --ref origin/deploy/web\n  rwenv flux diff apps --dir .\n  rwenv flux diff apps --pr 17\n\n\
                      Exit status: 0 nothing would change, 1 something would, 2 it cannot be told."
    )]
    Diff(Diff),
    /// Say whether Flux is installed and well
    Check(Check),
    /// Show what a Kustomization has applied
    #[command(after_help = "Examples:\n  rwenv flux tree flux-system")]
    Tree(Named),
    /// Follow an object to the source it comes from
    #[command(
        after_help = "Examples:\n  rwenv flux trace deploy/web -n app\n  rwenv flux trace hr/web -n app"
    )]
    Trace(Named),
    /// Show alerts, and the warnings there were
    Alerts(Alerts),
}

/// Which cluster.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Cluster {
    /// The rwenv whose cluster it is [default: the one selected here]
    #[arg(long, value_name = "RWENV")]
    pub(super) cluster: Option<String>,
}

/// An object by its name.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// NAME, KIND/NAME, or KIND NAME; the kind is found where only one object has the name
    #[arg(required = true, num_args = 1..=3, value_name = "OBJECT")]
    pub(super) object: Vec<String>,
    /// The namespace [default: found]
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    /// Wait no longer than this
    #[arg(long, default_value = "5m", value_name = "TIME")]
    pub(super) timeout: String,
    #[command(flatten)]
    pub(super) cluster: Cluster,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Reconcile {
    #[command(flatten)]
    pub(super) named: Named,
    /// Have its source fetched first
    #[arg(long)]
    pub(super) with_source: bool,
}

#[derive(Debug, Args)]
pub(super) struct Resume {
    #[command(flatten)]
    pub(super) named: Named,
    /// Wait until it is ready
    #[arg(long)]
    pub(super) wait: bool,
}

#[derive(Debug, Args)]
pub(super) struct All {
    /// Only those of this namespace
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Wait until they are ready, after resuming
    #[arg(long)]
    pub(super) wait: bool,
    /// Wait no longer than this
    #[arg(long, default_value = "5m", value_name = "TIME")]
    pub(super) timeout: String,
    #[command(flatten)]
    pub(super) cluster: Cluster,
}

/// Which objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Type {
    /// All of them
    All,
    /// Kustomizations
    Ks,
    /// HelmReleases
    Hr,
    /// Sources
    Source,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// Which objects
    #[arg(long, value_enum, default_value = "all")]
    pub(super) r#type: Type,
    /// Only those of this namespace
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    /// Only those that are not ready
    #[arg(long)]
    pub(super) failing: bool,
    /// Ask the cluster even where the daemon knows
    #[arg(long)]
    pub(super) live: bool,
    /// Go on with what changes
    #[arg(long, short)]
    pub(super) watch: bool,
    #[command(flatten)]
    pub(super) cluster: Cluster,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Events {
    /// Only of this object: KIND/NAME
    #[arg(long, value_name = "OBJECT")]
    pub(super) r#for: Option<String>,
    /// Only those of this namespace
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    /// Go on with what comes
    #[arg(long, short)]
    pub(super) watch: bool,
    #[command(flatten)]
    pub(super) cluster: Cluster,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Logs {
    /// Only lines of this level
    #[arg(long, value_parser = ["debug", "info", "error"])]
    pub(super) level: Option<String>,
    /// Only of this controller
    #[arg(long)]
    pub(super) controller: Option<String>,
    /// Only about objects of this kind
    #[arg(long)]
    pub(super) kind: Option<String>,
    /// Only about this object
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Go on with what comes
    #[arg(long, short)]
    pub(super) follow: bool,
    /// No older than this
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// This many of the last lines of each controller
    #[arg(long, value_name = "N")]
    pub(super) tail: Option<u64>,
    /// Where Flux is
    #[arg(long, default_value = "flux-system", value_name = "NAMESPACE")]
    pub(super) flux_namespace: String,
    #[command(flatten)]
    pub(super) cluster: Cluster,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    pub(super) named: Named,
    /// Render this folder, as it is on disk [default: the clone]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["reference", "pr"])]
    pub(super) dir: Option<std::path::PathBuf>,
    /// Render this commit of the clone
    #[arg(long = "ref", value_name = "REV")]
    pub(super) reference: Option<String>,
    /// Render the branch of this pull request
    #[arg(long, value_name = "NUMBER", conflicts_with = "reference")]
    pub(super) pr: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Where Flux is
    #[arg(long, default_value = "flux-system", value_name = "NAMESPACE")]
    pub(super) flux_namespace: String,
    #[command(flatten)]
    pub(super) cluster: Cluster,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Alerts {
    /// Only those of this namespace
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    #[command(flatten)]
    pub(super) cluster: Cluster,
    #[command(flatten)]
    pub(super) output: Output,
}
