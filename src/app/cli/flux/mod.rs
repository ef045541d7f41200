//! `rwenv flux`: operations of Flux on the cluster of a rwenv, each under its policy.

mod act;
mod args;
mod diff;
mod look;
mod session;
mod show;

pub(super) use args::FluxArgs;
pub(super) use diff::{LiveDifferences, live};
pub(super) use look::show_tree;

use std::io::Write as _;

use anyhow::bail;

use super::permit;
use args::FluxCommand;
use rwenv_flux::operate::{ClusterEvent, Compared, FluxError};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::judge::Permit;
use rwenv_gate::wire::daemon::FluxRow;

pub(super) fn flux(args: &FluxArgs, environment: &Environment) -> anyhow::Result<u8> {
    // A name that nobody has is a slip, and nothing to judge.
    args.cluster().named(environment)?;
    let done = permit::under(environment, |permit| run(args, &permit, environment));
    done.inspect_err(|error| {
        // What was said of the object last comes before the reason: that is what one looks for.
        if let Some(FluxError::Failed { events, .. } | FluxError::TimedOut { events, .. }) =
            error.downcast_ref()
        {
            tell(events);
        }
    })
}

/// What a verb that looks has seen.
pub(super) enum FluxReading {
    /// The state of objects.
    Status(Vec<FluxRow>),
    /// What happened to objects.
    Events(Vec<ClusterEvent>),
    /// What would change in the cluster.
    Diff(Compared),
}

/// Looks, under a verdict that allows it.
pub(super) fn look(args: &FluxArgs, _: &Permit, environment: &Environment) -> anyhow::Result<FluxReading> {
    match &args.command {
        FluxCommand::Status(args) => Ok(FluxReading::Status(show::rows(args, environment)?)),
        FluxCommand::Events(args) => Ok(FluxReading::Events(show::happened(args, environment)?)),
        FluxCommand::Diff(args) => {
            let one = diff::compared(args, environment)?.into_iter().next();
            Ok(FluxReading::Diff(one.map(|(_, compared)| compared).unwrap_or_default()))
        }
        _ => bail!("this verb of rwenv flux is not one that only looks"),
    }
}

fn run(args: &FluxArgs, permit: &Permit, environment: &Environment) -> anyhow::Result<u8> {
    match &args.command {
        FluxCommand::Reconcile(args) => act::reconcile(&args.named, args.with_source, permit, environment),
        FluxCommand::ReconcileSource(args) => act::reconcile_source(args, permit, environment),
        FluxCommand::Suspend(args) => act::suspend(args, permit, environment),
        FluxCommand::Resume(args) => act::resume(&args.named, args.wait, permit, environment),
        FluxCommand::SuspendAll(args) => act::all(args, true, permit, environment),
        FluxCommand::ResumeAll(args) => act::all(args, false, permit, environment),
        FluxCommand::Status(args) => show::status(args, environment),
        FluxCommand::Events(args) => show::events(args, environment),
        FluxCommand::Logs(args) => show::logs(args, environment),
        FluxCommand::Diff(args) => diff::diff(args, environment),
        FluxCommand::Check(args) => show::check(args, environment),
        FluxCommand::Tree(args) => look::tree(args, environment),
        FluxCommand::Get(args) => look::get(args, environment),
        FluxCommand::Export(args) => look::export(args, environment),
        FluxCommand::Debug(args) => look::debug(args, environment),
        FluxCommand::Trace(args) => show::trace(args, environment),
        FluxCommand::Alerts(args) => show::alerts(args, environment),
    }
}

fn tell(events: &[ClusterEvent]) {
    for event in events {
        let _ = writeln!(
            std::io::stderr(),
            "  {} {} {}: {}",
            event.time,
            event.kind,
            event.reason,
            event.message
        );
    }
}
