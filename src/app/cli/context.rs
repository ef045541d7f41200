//! `rwenv context`: what an agent should know of Flux and of this project before it works on it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::out;
use super::shared::{Output, directory, known, period, selected};
use rwenv_core::decide::text::escape_and_cut;
use rwenv_flux::context::{self, Loading, Session, SessionState, Topic};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;

/// Where the documentation's repository is served.
const MIRROR: &str = "https://raw.githubusercontent.com/fluxcd/website/main";
/// Sessions that were not touched for as long are taken away by the next load.
const UNUSED: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Debug, Args)]
pub(super) struct ContextArgs {
    #[command(subcommand)]
    command: ContextCommand,
}

#[derive(Debug, Subcommand)]
enum ContextCommand {
    /// Inspect this project and load context, for everything or one topic
    #[command(
        after_help = "Resume an interrupted session with --session. Without a network, load uses pages of earlier sessions and a built-in \
                      digest.\n\n\
                      Examples:\n  rwenv context load\n  rwenv context load security\n  rwenv context load multi-cluster --offline\n  \
                      rwenv context load --session 1763600000000000000"
    )]
    Load(ContextLoadArgs),
    /// List the sessions and their progress
    List(Output),
    /// Remove unused sessions
    Clean(ContextCleanArgs),
}

#[derive(Debug, Args)]
struct ContextLoadArgs {
    /// Topic: security, multi-cluster, image-automation, troubleshooting, … [default: the essentials]
    focus: Option<String>,
    /// Session to resume, or a name for a new one [default: a new one]
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Project folder [default: the current one]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// State that the agent has loaded the Flux documentation through Context7
    #[arg(long)]
    context7: bool,
    /// Do not use the network
    #[arg(long)]
    offline: bool,
    /// Fetch the documentation from this copy of github.com/fluxcd/website
    #[arg(long, value_name = "URL", default_value = MIRROR, conflicts_with = "offline", hide_default_value = true)]
    docs: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct ContextCleanArgs {
    /// Only sessions unused for this long
    #[arg(long, value_name = "TIME", default_value = "0s")]
    older_than: String,
}

pub(super) fn context(args: &ContextArgs, environment: &Environment) -> anyhow::Result<u8> {
    match &args.command {
        ContextCommand::Load(args) => load(args, environment),
        ContextCommand::List(output) => list(output, environment),
        ContextCommand::Clean(args) => {
            let removed = Session::clean(period(&args.older_than)?, environment)?;
            out::line(&format!(
                "{removed} {} removed",
                if removed == 1 { "session is" } else { "sessions are" }
            ));
            Ok(0)
        }
    }
}

fn load(args: &ContextLoadArgs, environment: &Environment) -> anyhow::Result<u8> {
    let topics = context::chosen(args.focus.as_deref())?;
    Session::clean(UNUSED, environment)?;
    let session = Session::open(args.session.as_deref(), environment)?;
    let rwenvs = config::load(&environment.config_dir)?.rwenvs;
    let rwenv = selected(environment).ok().and_then(|name| known(&rwenvs, &name).ok().cloned());
    let loading = Loading {
        dir: directory(args.dir.as_deref()),
        rwenv: rwenv.as_ref(),
        focus: args.focus.clone(),
        topics,
        context7: args.context7,
        mirror: (!args.offline).then(|| args.docs.clone()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let state = out::with_progress(|tell| {
        let mut told = |text: &str| tell(rwenv_flux::operate::WaitProgress::Waiting(text.to_owned()));
        anyhow::Ok(runtime.block_on(context::load(&session, &loading, environment, &mut told))?)
    })?;
    if args.output.json {
        out::json(&state)?;
    } else {
        print(&state, &loading.topics, &session);
    }
    Ok(0)
}

/// The summary, for an agent to read.
fn print(state: &SessionState, topics: &[Topic], session: &Session) {
    let project = &state.project_context;
    out::line("# Flux context\n");
    out::line(&format!("Session {}, state in {}\n", state.session_id, session.file().display()));
    out::line("## This project\n");
    let yes = |value: bool| if value { "yes" } else { "no" };
    out::line(&format!(
        "- manifests: {}, layout of GitOps: {} {}",
        project.manifests,
        yes(project.gitops_structure_detected),
        listed(&project.structure)
    ));
    let kinds =
        project.flux_resources.iter().map(|(kind, count)| format!("{count} {}", escape_and_cut(kind, 63)));
    let kinds: Vec<String> = kinds.collect();
    out::line(&format!(
        "- resources of Flux: {}",
        if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }
    ));
    out::line(&format!(
        "- clusters: {}; Helm charts: {}",
        or_none(&project.clusters),
        or_none(&project.helm_charts)
    ));
    out::line(&format!(
        "- cluster answers: {}; Flux installed there: {}",
        yes(project.cluster_access),
        yes(project.flux_installed)
    ));
    project.notes.iter().for_each(|note| out::line(&format!("- {}", escape_and_cut(note, 300))));
    let sources = &state.context_sources;
    let pages: Vec<_> = sources
        .loaded_docs
        .iter()
        .chain(&sources.fallback_sources)
        .filter_map(|d| Some((d, d.path.as_ref()?)))
        .collect();
    out::line("\n## Documentation\n");
    if pages.is_empty() {
        out::line(
            "No page could be had; the digest below is what there is. Read https://fluxcd.io/flux/ where more is needed.",
        );
    }
    for (document, path) in pages {
        out::line(&format!(
            "- {} ({}): {}",
            document.focus_areas.join(", "),
            document.status,
            path.display()
        ));
    }
    let failed: Vec<&str> = sources
        .failed_sources
        .iter()
        .map(|failed| failed.source.as_str())
        .filter(|s| *s != "context7")
        .collect();
    if let Some(reason) =
        sources.failed_sources.iter().find(|failed| failed.source != "context7").map(|f| &f.reason)
    {
        out::line(&format!("- not loaded: {} ({reason})", failed.len()));
    }
    for topic in topics {
        out::line(&format!("\n## {}\n\n{}", topic.title, topic.digest.trim()));
    }
}

fn listed(all: &[String]) -> String {
    if all.is_empty() { String::new() } else { format!("({})", all.join(", ")) }
}

fn or_none(all: &[String]) -> String {
    let all: Vec<String> = all.iter().map(|one| escape_and_cut(one, 120)).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

fn list(output: &Output, environment: &Environment) -> anyhow::Result<u8> {
    let all = Session::all(environment);
    if output.json {
        out::json(&all)?;
        return Ok(0);
    }
    if all.is_empty() {
        out::note("there are no sessions; rwenv context load begins one");
        return Ok(0);
    }
    let mut table = out::table(&["SESSION", "FOCUS", "CHECKPOINT", "WRITTEN"]);
    for state in &all {
        let focus = state.focus.as_deref().unwrap_or("-");
        table.add_row([&state.session_id, focus, &state.checkpoints.last_checkpoint, &state.timestamp]);
    }
    out::print(&table);
    Ok(0)
}
