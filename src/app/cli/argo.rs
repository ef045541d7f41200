//! `rwenv argo`: Argo CD's Applications, by what the cluster has of them. It only looks, and needs no login.

use clap::{Args, Subcommand};
use comfy_table::{Cell, Color};

use super::shared::{ClusterArgs, Output};
use super::{out, permit};
use rwenv_flux::operate::{ApplicationResource, ArgoCd, Branch, FluxError, LiveApplication};
use rwenv_gate::base::environment::Environment;

#[derive(Debug, Args)]
pub(super) struct ArgoArgs {
    #[command(subcommand)]
    command: ArgoCommand,
}

#[derive(Debug, Subcommand)]
enum ArgoCommand {
    /// List the Applications: synced or not, healthy or not
    #[command(
        after_help = "Examples:\n  rwenv argo list\n  rwenv argo list -n argocd --json\n\nExit status: 0 all are synced and healthy, 1 one is not."
    )]
    List(ListArgs),
    /// Show an Application: its source, its state, what is wrong
    #[command(after_help = "Examples:\n  rwenv argo get web\n  rwenv argo get web -n argocd -o yaml")]
    Get(OneApplication),
    /// Show the objects of an Application that are not as its repository has them
    #[command(
        after_help = "It is Argo CD's own comparison, as of its last refresh.\n\nExamples:\n  rwenv argo diff web\n\nExit status: 0 everything is synced, 1 something is not."
    )]
    Diff(OneApplication),
    /// Show what an Application has applied, through Applications of Applications
    #[command(after_help = "Examples:\n  rwenv argo tree root\n  rwenv argo tree root --json")]
    Tree(OneApplication),
    /// Show what was synced, the latest last
    #[command(after_help = "Examples:\n  rwenv argo history web\n  rwenv argo history web --json")]
    History(OneApplication),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only Applications in this namespace
    #[arg(long, short)]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct OneApplication {
    /// Name of the Application
    name: String,
    /// Namespace [default: looked up]
    #[arg(long, short)]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    output: Output,
}

impl ArgoArgs {
    fn cluster(&self) -> &ClusterArgs {
        match &self.command {
            ArgoCommand::List(args) => &args.cluster,
            ArgoCommand::Get(args)
            | ArgoCommand::Diff(args)
            | ArgoCommand::Tree(args)
            | ArgoCommand::History(args) => &args.cluster,
        }
    }
}

pub(super) fn argo(args: &ArgoArgs, environment: &Environment) -> anyhow::Result<u8> {
    // A name that nobody has is a slip, and nothing to judge.
    args.cluster().named(environment)?;
    permit::under(environment, |_| match &args.command {
        ArgoCommand::List(args) => list(args, environment),
        ArgoCommand::Get(args) => get(args, environment),
        ArgoCommand::Diff(args) => diff(args, environment),
        ArgoCommand::Tree(args) => tree(args, environment),
        ArgoCommand::History(args) => history(args, environment),
    })
}

/// The Argo CD of a cluster, and what its questions run on.
struct ArgoSession {
    runtime: tokio::runtime::Runtime,
    argo: ArgoCd,
}

impl ArgoSession {
    fn open(cluster: &ClusterArgs, environment: &Environment) -> anyhow::Result<Self> {
        let rwenv = cluster.rwenv(environment)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let argo = runtime.block_on(ArgoCd::open(&rwenv, environment))?;
        Ok(Self { runtime, argo })
    }

    fn run<T>(&self, what: impl Future<Output = Result<T, FluxError>>) -> anyhow::Result<T> {
        Ok(self.runtime.block_on(what)?)
    }

    fn one(args: &OneApplication, environment: &Environment) -> anyhow::Result<(Self, LiveApplication)> {
        let session = Self::open(&args.cluster, environment)?;
        let one = session.run(session.argo.one(&args.name, args.namespace.as_deref()))?;
        Ok((session, one))
    }
}

fn coloured(text: &str) -> Cell {
    let colour = match text {
        "Synced" | "Healthy" => Color::DarkGreen,
        "OutOfSync" | "Degraded" | "Missing" => Color::DarkRed,
        _ => Color::DarkYellow,
    };
    Cell::new(text).fg(colour)
}

/// A revision as people read it: the beginning of a commit.
fn short(revision: &str) -> &str {
    let is_commit = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit { revision.get(..8).unwrap_or(revision) } else { revision }
}

fn revision(application: &LiveApplication) -> String {
    let sync = &application.status.sync;
    let all = std::iter::once(&sync.revision).chain(&sync.revisions).filter(|one| !one.is_empty());
    all.map(|one| short(one)).collect::<Vec<_>>().join(", ")
}

/// The first thing that is said of what is wrong.
fn message(application: &LiveApplication) -> String {
    let status = &application.status;
    let condition = status.conditions.first().map(|one| format!("{}: {}", one.kind, one.message));
    let failed = status.operation_state.iter().find(|last| matches!(last.phase.as_str(), "Failed" | "Error"));
    let failed = failed.map(|last| format!("last sync {}: {}", last.phase.to_lowercase(), last.message));
    let health = Some(status.health.message.clone()).filter(|message| !message.is_empty());
    condition.or(failed).or(health).unwrap_or_default()
}

fn list(args: &ListArgs, environment: &Environment) -> anyhow::Result<u8> {
    let session = ArgoSession::open(&args.cluster, environment)?;
    let all = session.run(session.argo.list(args.namespace.as_deref(), None))?;
    if args.output.json {
        let rows: Vec<_> = all.iter().map(row).collect();
        out::json(&rows)?;
    } else {
        let mut table =
            out::table(&["NAMESPACE", "NAME", "PROJECT", "SYNC", "HEALTH", "REVISION", "MESSAGE"]);
        for one in &all {
            let cells = [&one.namespace, &one.name].map(Cell::new).into_iter();
            let (sync, health) = (&one.status.sync.status, &one.status.health.status);
            let cells = cells.chain([Cell::new(one.project()), coloured(sync), coloured(health)]);
            table.add_row(cells.chain([Cell::new(revision(one)), Cell::new(message(one))]));
        }
        out::print(&table);
        if all.is_empty() {
            out::note("no Applications");
        }
    }
    Ok(u8::from(!all.iter().all(LiveApplication::is_well)))
}

/// An Application in a row, for programs.
fn row(one: &LiveApplication) -> serde_json::Value {
    serde_json::json!({
        "namespace": one.namespace, "name": one.name, "project": one.project(),
        "sync": one.status.sync.status, "health": one.status.health.status,
        "revision": one.status.sync.revision, "sources": one.sources().collect::<Vec<_>>(),
        "destination": one.destination(), "message": message(one),
    })
}

fn get(args: &OneApplication, environment: &Environment) -> anyhow::Result<u8> {
    let (_, one) = ArgoSession::one(args, environment)?;
    if args.output.json {
        let mut value = row(&one);
        if let Some(fields) = value.as_object_mut() {
            let status = &one.status;
            fields.insert("resources".to_owned(), serde_json::to_value(&status.resources)?);
            fields.insert("conditions".to_owned(), serde_json::to_value(&status.conditions)?);
            fields.insert("operation".to_owned(), serde_json::to_value(&status.operation_state)?);
        }
        out::json(&value)?;
        return Ok(0);
    }
    let detail = |name: &str, value: &str| {
        if !value.is_empty() {
            out::line(&format!("{:16} {value}", format!("{name}:")));
        }
    };
    detail("Application", &format!("{}/{}", one.namespace, one.name));
    detail("Project", one.project());
    for source in one.sources() {
        let what = if source.chart.is_empty() { &source.path } else { &source.chart };
        detail("Source", &format!("{} {what} {}", source.repo_url, source.target_revision));
    }
    let to = one.destination();
    let server = if to.name.is_empty() { &to.server } else { &to.name };
    detail("Destination", format!("{server} {}", to.namespace).trim());
    detail("Sync", format!("{} {}", one.status.sync.status, revision(&one)).trim());
    detail("Health", format!("{} {}", one.status.health.status, one.status.health.message).trim());
    if let Some(last) = &one.status.operation_state {
        detail("Last sync", format!("{} {}", last.phase, last.message).trim());
    }
    for condition in &one.status.conditions {
        detail("Condition", &format!("{}: {}", condition.kind, condition.message));
    }
    resources(&one.status.resources.iter().collect::<Vec<_>>());
    Ok(0)
}

fn resources(all: &[&ApplicationResource]) {
    let mut table = out::table(&["KIND", "NAMESPACE", "NAME", "SYNC", "HEALTH"]);
    for one in all {
        let cells = [&one.kind, &one.namespace, &one.name].map(Cell::new).into_iter();
        let pruned =
            if one.requires_pruning { format!("{} (to be pruned)", one.status) } else { one.status.clone() };
        let health = one.health.as_ref().map_or("", |health| health.status.as_str());
        table.add_row(cells.chain([coloured(&pruned), coloured(health)]));
    }
    if !all.is_empty() {
        out::line("");
        out::print(&table);
    }
}

fn diff(args: &OneApplication, environment: &Environment) -> anyhow::Result<u8> {
    let (_, one) = ArgoSession::one(args, environment)?;
    let all: Vec<&ApplicationResource> = one.out_of_sync().collect();
    let synced = one.status.sync.status == "Synced";
    if args.output.json {
        out::json(&serde_json::json!({ "sync": one.status.sync, "resources": all }))?;
    } else {
        for one in &all {
            let place = if one.namespace.is_empty() { String::new() } else { format!("{}/", one.namespace) };
            let missing = one.health.as_ref().is_some_and(|health| health.status == "Missing");
            let sign = if one.requires_pruning {
                "-"
            } else if missing {
                "+"
            } else {
                "~"
            };
            out::line(&format!("{sign} {} {place}{}", one.kind, one.name));
        }
        let note = if synced { "is synced" } else { "is not synced" };
        out::note(&format!("{} {note} with {}", one.label(), revision(&one)));
    }
    Ok(u8::from(!synced || !all.is_empty()))
}

fn tree(args: &OneApplication, environment: &Environment) -> anyhow::Result<u8> {
    let (session, one) = ArgoSession::one(args, environment)?;
    let tree: Branch = session.run(session.argo.tree(&one))?;
    if args.output.json {
        out::json(&tree)?;
    } else {
        super::flux::show_tree(&tree);
    }
    Ok(0)
}

fn history(args: &OneApplication, environment: &Environment) -> anyhow::Result<u8> {
    let (_, one) = ArgoSession::one(args, environment)?;
    if args.output.json {
        out::json(&one.status.history)?;
        return Ok(0);
    }
    let mut table = out::table(&["ID", "WHEN", "REVISION", "BY"]);
    for synced in &one.status.history {
        let by = if synced.initiated_by.automated { "automated" } else { &synced.initiated_by.username };
        table.add_row([&synced.id.to_string(), &synced.deployed_at, short(&synced.revision), by]);
    }
    out::print(&table);
    if one.status.history.is_empty() {
        out::note(&format!("{} was never synced", one.label()));
    }
    Ok(0)
}
