//! `rwenv init`: from a machine with kubeconfigs and agents to one that is guarded, tried at each step.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum as _};
use comfy_table::Cell;
use serde::Serialize;

use super::install::{AgentName, InstallArgs, install};
use super::shared::Output;
use super::{out, prompt};
use crate::ops::rwenvs;
use crate::ops::setup::{self, FoundFlux, ProposedMode, ProposedRwenv};
use crate::ops::{clusters, install as installing};
use rwenv_core::decide::{self, quoted, text};
use rwenv_core::model::{Decision, RwenvName};
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::facts::{self, identity, kubeconfig};
use rwenv_gate::judge::{self, KnownPlan, Lift};

#[derive(Debug, Args)]
pub(super) struct Init {
    /// Only this context; may be repeated [default: all that no rwenv has]
    #[arg(long, value_name = "CONTEXT")]
    context: Vec<String>,
    /// Take everything as it is proposed, without asking
    #[arg(long, short)]
    yes: bool,
    /// Register the hook with no agent
    #[arg(long)]
    no_install: bool,
    /// Path of the hook program [default: rwenv-hook beside rwenv]
    #[arg(long, value_name = "FILE")]
    hook: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct InitView {
    added: Vec<AddedView>,
    agents: Vec<String>,
    /// A change that was judged, not run, and what was decided.
    denied: Option<String>,
}

#[derive(Debug, Serialize)]
struct AddedView {
    name: String,
    context: String,
    mode: &'static str,
    /// Namespaces that were read from its cluster; none where it was not reached.
    namespaces: Option<usize>,
}

pub(super) fn init(args: &Init, environment: &Environment) -> anyhow::Result<u8> {
    if !args.yes && !prompt::is_possible() {
        bail!(
            "nobody can be asked here; --yes takes everything as it is proposed, --context CONTEXT only that"
        );
    }
    let mut all = setup::proposals(environment)?;
    for wanted in &args.context {
        if !all.iter().any(|one| one.context == *wanted) {
            let there: Vec<&str> = all.iter().map(|one| one.context.as_str()).collect();
            bail!(
                "there is no context '{}' without a rwenv; there are: {}",
                wanted.escape_debug(),
                there.join(", ")
            );
        }
    }
    all.retain(|one| args.context.is_empty() || args.context.contains(&one.context));
    if all.is_empty() {
        out::note(if identity::contexts(&kubeconfig::usual(environment)).is_empty() {
            "your kubeconfig has no context; add a rwenv by hand: rwenv add NAME --kubeconfig FILE --context CONTEXT"
        } else {
            "every context of your kubeconfig has a rwenv already; rwenv list shows them"
        });
    } else if !args.output.json {
        show(&all);
    }
    let mut done = InitView::default();
    let mut added = Vec::new();
    for one in all {
        let Some(one) = settled(args, one)? else { continue };
        rwenvs::add(&environment.config_dir, &one.name, one.fields())?;
        clusters::note(one.name.as_str(), environment)?;
        done.added.push(AddedView {
            name: one.name.to_string(),
            context: one.context.clone(),
            mode: one.mode.as_str(),
            namespaces: one.tried.as_ref().ok().map(|tried| tried.namespaces),
        });
        added.push(one);
    }
    if !args.no_install {
        done.agents = registered(args, environment)?;
    }
    done.denied = proved(args, &added, environment);
    if args.output.json {
        out::json(&done)?;
    } else {
        out::line("Next: rwenv set NAME in a project; rwenv doctor shows what is left to do.");
    }
    Ok(0)
}

fn show(all: &[ProposedRwenv]) {
    let mut table = out::table(&["NAME", "MODE", "BECAUSE", "CONTEXT", "CLUSTER", "FLUX REPOSITORY"]);
    for one in all {
        let (cluster, flux) = match &one.tried {
            Ok(tried) => {
                let flux = tried.flux.as_ref();
                (
                    format!("reached, {}", out::count(tried.namespaces, "namespace")),
                    flux.map(told).unwrap_or_default(),
                )
            }
            Err(why) => (format!("not reached: {why}"), String::new()),
        };
        let row = [
            one.name.to_string(),
            one.mode.as_str().to_owned(),
            one.why.to_owned(),
            one.context.clone(),
            cluster,
            flux,
        ];
        table.add_row(row.map(Cell::new));
    }
    out::print(&table);
}

fn told(flux: &FoundFlux) -> String {
    let path = flux.path.as_ref().map(|path| format!(", {path}")).unwrap_or_default();
    format!("{}{path}", flux.url)
}

/// A proposal as the person wants it; none where they do not.
fn settled(args: &Init, mut one: ProposedRwenv) -> anyhow::Result<Option<ProposedRwenv>> {
    if args.yes {
        return Ok(Some(one));
    }
    if !prompt::yes(&format!("Add context '{}' as a rwenv", one.context), true)? {
        return Ok(None);
    }
    loop {
        let name = prompt::line("  name", one.name.as_str())?;
        match RwenvName::new(&name) {
            Ok(name) => break one.name = name,
            Err(error) => out::note(&error.to_string()),
        }
    }
    loop {
        let word = prompt::line("  mode (read-only, gitops-only, writable)", one.mode.as_str())?;
        match ProposedMode::of(&word) {
            Some(mode) => break one.mode = mode,
            None => out::note("write read-only, gitops-only or writable"),
        }
    }
    Ok(Some(one))
}

/// Registers the hook with the agents that are here.
fn registered(args: &Init, environment: &Environment) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    for name in setup::agents_here(environment) {
        let Ok(agent) = AgentName::from_str(name, true) else { continue };
        if !args.yes && !prompt::yes(&format!("Register the hook with {name}"), true)? {
            continue;
        }
        if args.output.json {
            // What registering says is for people.
            let hook = installing::hook_program(args.hook.as_deref())?;
            super::install::quietly(agent, &hook, environment)?;
        } else {
            install(&InstallArgs::of(agent, args.hook.clone()), environment)?;
        }
        all.push(name.to_owned());
    }
    if all.is_empty() && !args.output.json {
        out::note("no agent was found here; register one later: rwenv install --agent NAME");
    }
    Ok(all)
}

/// Shows that it holds: a change that is judged and not run, and what was read from the cluster.
fn proved(args: &Init, added: &[ProposedRwenv], environment: &Environment) -> Option<String> {
    let guarded = || added.iter().filter(|one| one.mode != ProposedMode::Writable);
    let one = guarded().find(|one| one.tried.is_ok()).or_else(|| guarded().next())?;
    let line = format!("kubectl --context {} delete namespace default", quoted(&one.context));
    let here = environment::current_dir();
    let observed =
        facts::observe(decide::plan(&line, &facts::context(here.to_str(), environment)), environment);
    let verdict = judge::weigh(KnownPlan::of(&observed), Vec::new(), &Lift::Line, environment);
    let denied = verdict.decision() == Decision::Deny;
    if !args.output.json {
        out::line(&format!("\nAn agent that runs this now is told (nothing is run here):\n  $ {line}"));
        for told in text::reasons_text(&verdict).lines() {
            out::line(&format!("  {told}"));
        }
        if !denied {
            out::note(&format!(
                "warning: this is not denied; look at rwenv doctor and rwenv check -- {line}"
            ));
        }
        if let Ok(tried) = &one.tried {
            let count = out::count(tried.namespaces, "namespace");
            out::line(&format!("Reads go on: {count} of {} were read just now.\n", tried.server));
        }
    }
    denied.then_some(line)
}
