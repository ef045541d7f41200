//! The verbs that change something.

use anyhow::bail;
use serde::Serialize;

use super::args::{All, ObjectArgs};
use super::session::FluxSession;
use crate::cli::shared::period;
use crate::cli::{out, prompt};
use rwenv_flux::operate::{self, FluxError, LiveObject, SOURCES, Waiting, kind_of};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::judge::Permit;

/// Kinds that a bare name stands for: what applies something first; where there is none, what it comes from.
const APPLY: [&str; 2] = ["ks", "hr"];

/// What was done with an object.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActedObject<'o> {
    kind: &'o str,
    namespace: &'o str,
    name: &'o str,
    ready: &'o str,
    revision: &'o str,
    message: &'o str,
}

fn done(object: &LiveObject) -> ActedObject<'_> {
    ActedObject {
        kind: object.kind.name,
        namespace: &object.namespace,
        name: &object.name,
        ready: object.ready(),
        revision: &object.revision,
        message: object.message(),
    }
}

impl FluxSession {
    /// The object that is meant: one that applies something, or, where there is none of the name, one of any kind.
    pub(super) fn meant(&self, named: &ObjectArgs) -> anyhow::Result<LiveObject> {
        match self.one(named, &APPLY) {
            Err(error) if matches!(error.downcast_ref(), Some(FluxError::NotFound { .. })) => {
                let all: Vec<&str> = operate::KINDS.iter().map(|kind| kind.plural).collect();
                self.one(named, &all).map_err(|_| error)
            }
            other => other,
        }
    }
}

pub(super) fn reconcile(
    named: &ObjectArgs,
    with_source: bool,
    permit: &Permit,
    environment: &Environment,
) -> anyhow::Result<u8> {
    let session = FluxSession::open(&named.cluster, environment)?;
    let object = session.meant(named)?;
    reconciled(&session, &object, with_source, named, permit)
}

fn reconciled(
    session: &FluxSession,
    object: &LiveObject,
    with_source: bool,
    named: &ObjectArgs,
    permit: &Permit,
) -> anyhow::Result<u8> {
    let limit = named.limit()?;
    let ready = out::with_progress(|tell| {
        session.run(operate::reconcile(
            &session.flux,
            object,
            with_source,
            &mut Waiting { limit, tell },
            permit,
        ))
    })?;
    if named.output.json {
        out::json(&done(&ready))?;
    }
    Ok(0)
}

pub(super) fn reconcile_source(
    named: &ObjectArgs,
    permit: &Permit,
    environment: &Environment,
) -> anyhow::Result<u8> {
    let session = FluxSession::open(&named.cluster, environment)?;
    let object = session.one(named, &SOURCES)?;
    if !SOURCES.contains(&object.kind.name) {
        bail!("{} is not a source; reconcile it with rwenv flux reconcile", object.label());
    }
    reconciled(&session, &object, false, named, permit)
}

pub(super) fn suspend(named: &ObjectArgs, permit: &Permit, environment: &Environment) -> anyhow::Result<u8> {
    let session = FluxSession::open(&named.cluster, environment)?;
    let object = session.meant(named)?;
    let changed = session.run(operate::suspend(&session.flux, &object, permit))?;
    told(&object, changed, "suspended", named)
}

fn told(object: &LiveObject, changed: bool, what: &str, named: &ObjectArgs) -> anyhow::Result<u8> {
    if named.output.json {
        out::json(
            &serde_json::json!({ "kind": object.kind.name, "namespace": object.namespace, "name": object.name, what: true, "changed": changed }),
        )?;
    } else {
        let already = if changed { "" } else { ", as it was" };
        out::line(&format!("{} is {what}{already}", object.label()));
    }
    Ok(0)
}

pub(super) fn resume(
    named: &ObjectArgs,
    wait: bool,
    permit: &Permit,
    environment: &Environment,
) -> anyhow::Result<u8> {
    let session = FluxSession::open(&named.cluster, environment)?;
    let object = session.meant(named)?;
    let limit = named.limit()?;
    let changed = out::with_progress(|tell| {
        let mut waiting = Waiting { limit, tell };
        session.run(operate::resume(&session.flux, &object, wait.then_some(&mut waiting), permit))
    })?;
    told(&object, changed, "resumed", named)
}

/// Suspends or resumes all Kustomizations, after a question.
pub(super) fn all(
    args: &All,
    suspends: bool,
    permit: &Permit,
    environment: &Environment,
) -> anyhow::Result<u8> {
    let limit = period(&args.timeout)?;
    let session = FluxSession::open(&args.cluster, environment)?;
    let Some(kind) = kind_of("ks") else { bail!("there are no Kustomizations") };
    let all = session.run(session.flux.list(kind, args.namespace.as_deref(), None))?;
    let meant: Vec<&LiveObject> = all.iter().filter(|object| object.suspended != suspends).collect();
    if meant.is_empty() {
        out::line(&format!(
            "all {} Kustomizations are {} already",
            all.len(),
            if suspends { "suspended" } else { "running" }
        ));
        return Ok(0);
    }
    let place = args
        .namespace
        .as_ref()
        .map_or_else(|| "all namespaces".to_owned(), |name| format!("namespace {name}"));
    let server = session.flux.cluster().server();
    let question = if suspends {
        format!(
            "This stops ALL reconciliation: {} Kustomizations of {place} at {server}. Are you sure?",
            meant.len()
        )
    } else {
        format!("This resumes {} Kustomizations of {place} at {server}. Go on?", meant.len())
    };
    if (suspends || prompt::is_possible()) && !prompt::confirm(&question, args.yes)? {
        bail!("nothing was changed");
    }
    let mut failed = 0;
    for object in &meant {
        let result = out::with_progress(|tell| {
            let mut waiting = Waiting { limit, tell };
            session.run(async {
                if suspends {
                    operate::suspend(&session.flux, object, permit).await
                } else {
                    operate::resume(&session.flux, object, args.wait.then_some(&mut waiting), permit).await
                }
            })
        });
        match result {
            Ok(_) => out::line(&format!(
                "{} is {}",
                object.label(),
                if suspends { "suspended" } else { "resumed" }
            )),
            Err(error) => {
                failed += 1;
                out::error(&error);
            }
        }
    }
    if failed > 0 {
        bail!(
            "{failed} of {} Kustomizations could not be {}",
            meant.len(),
            if suspends { "suspended" } else { "resumed" }
        );
    }
    Ok(0)
}
