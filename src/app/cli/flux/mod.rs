//! `rwenv flux`: operations of Flux on the cluster of a rwenv, each under its policy.

mod act;
mod args;
mod diff;
mod show;

pub(super) use args::FluxArgs;

use std::future::Future;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::runtime::Runtime;

use super::envs::selected;
use super::{out, permit, prompt, repo};
pub(super) use args::Cluster;
use args::{FluxCommand, Named};
use rwenv_core::model::Rwenv;
use rwenv_flux::operate::{Flux, FluxError, Kind, Object, SOURCES, Told, kind_of};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;
use rwenv_gate::judge::Permit;

pub(super) fn flux(args: &FluxArgs, environment: &Environment) -> anyhow::Result<u8> {
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
        FluxCommand::Tree(args) => show::tree(args, environment),
        FluxCommand::Trace(args) => show::trace(args, environment),
        FluxCommand::Alerts(args) => show::alerts(args, environment),
    }
}

/// The rwenv that is meant.
pub(super) fn rwenv(cluster: &Cluster, environment: &Environment) -> anyhow::Result<Rwenv> {
    let rwenvs = config::load(&environment.config_dir)?.rwenvs;
    let name = match &cluster.cluster {
        Some(name) => name.clone(),
        None => {
            selected(environment).context("No rwenv configured. Use /rwenv-set to select an environment.")?
        }
    };
    Ok(repo::known(&rwenvs, &name)?.clone())
}

/// A runtime, and the Flux of the cluster that is meant.
struct Session {
    runtime: Runtime,
    flux: Flux,
}

impl Session {
    fn open(cluster: &Cluster, environment: &Environment) -> anyhow::Result<Self> {
        let rwenv = rwenv(cluster, environment)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let flux = runtime.block_on(Flux::open(&rwenv, environment))?;
        Ok(Self { runtime, flux })
    }

    fn run<T>(&self, what: impl Future<Output = Result<T, FluxError>>) -> anyhow::Result<T> {
        Ok(self.runtime.block_on(what)?)
    }

    /// The one object that is meant, among kinds where none is named. A person is asked where several are.
    fn one(&self, named: &Named, kinds: &[&'static str]) -> anyhow::Result<Object> {
        let (kind, name) = named.parts()?;
        let kinds: Vec<&'static Kind> = match kind {
            Some(kind) => vec![kind],
            None => kinds.iter().filter_map(|kind| kind_of(kind)).collect(),
        };
        let mut found = self.run(self.flux.find(&kinds, name, named.namespace.as_deref()))?;
        if found.len() > 1 {
            found = vec![chosen(name, found)?];
        }
        found.pop().with_context(|| format!("there is no '{name}'"))
    }
}

fn chosen(name: &str, mut found: Vec<Object>) -> anyhow::Result<Object> {
    let all: Vec<String> = found.iter().map(Object::argument).collect();
    if !prompt::is_possible() {
        bail!(FluxError::Several { name: name.to_owned(), all });
    }
    for (number, object) in found.iter().enumerate() {
        out::note(&format!("  {} {}", number + 1, object.named()));
    }
    let answer = prompt::line(&format!("'{name}' is ambiguous; which"), "")?;
    let number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    match number.filter(|number| *number < found.len()) {
        Some(number) => Ok(found.swap_remove(number)),
        None => bail!(FluxError::Several { name: name.to_owned(), all }),
    }
}

impl Named {
    /// The kind, where one is named, and the name.
    fn parts(&self) -> anyhow::Result<(Option<&'static Kind>, &str)> {
        let known = |word: &str| {
            kind_of(word).with_context(|| {
                format!("'{word}' is not a Flux kind; use ks, hr, git, oci, helmrepo, chart or bucket, for example")
            })
        };
        let words: Vec<&str> = self.object.iter().map(String::as_str).collect();
        Ok(match words.as_slice() {
            [one] => match one.split_once('/') {
                Some((kind, name)) => (Some(known(kind)?), name),
                None => (None, one),
            },
            [kind, name] => (Some(known(kind)?), name),
            [first, second, name] => (Some(known(&format!("{first} {second}"))?), name),
            _ => bail!("name one object"),
        })
    }

    fn limit(&self) -> anyhow::Result<Duration> {
        period(&self.timeout)
    }
}

pub(super) fn period(text: &str) -> anyhow::Result<Duration> {
    clock::period(text).with_context(|| format!("'{text}' is not a duration; write it like 30s, 5m or 1h"))
}

fn is_source(object: &Object) -> bool {
    SOURCES.contains(&object.kind.name)
}

fn tell(events: &[Told]) {
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
