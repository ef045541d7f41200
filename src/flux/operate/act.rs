//! What changes something: asking for a reconciliation, suspending, resuming; and waiting for what comes of it.

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::object::REQUESTED;
use super::{Flux, FluxError, LiveObject, events_of, kind_of};
use rwenv_gate::base::clock;
use rwenv_gate::judge::Permit;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Events that are told of what failed.
const EVENTS: usize = 5;

/// What is told while it is waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitProgress {
    /// Something was done.
    Done(String),
    /// Something is waited for; how far it has come.
    Waiting(String),
}

/// How one waits.
pub struct Waiting<'p> {
    /// No longer than this.
    pub limit: Duration,
    /// Who is told.
    pub tell: &'p mut dyn FnMut(WaitProgress),
}

/// How an object is after what was asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ObjectState {
    /// Its controller is not done.
    Working(String),
    /// It is ready.
    Ready,
    /// It is not, and will not be by itself.
    Failed(String),
}

/// How an object is, once a request that is not `before` was handled. A controller that tries again says so, and still has
/// failed (reason `ProgressingWithRetry`, fluxcd/pkg/apis/meta).
fn state(object: &LiveObject, before: Option<&Option<String>>) -> ObjectState {
    let message = object.message().to_owned();
    if before.is_some_and(|before| object.handled == *before) || !object.observed {
        return ObjectState::Working(if message.is_empty() {
            "waiting for its controller".to_owned()
        } else {
            message
        });
    }
    let is = |kind: &str| object.condition(kind).filter(|condition| condition.status == "True");
    if is("Stalled").is_some() {
        return ObjectState::Failed(message);
    }
    let working = is("Reconciling").filter(|condition| condition.reason != "ProgressingWithRetry");
    match object.condition("Ready") {
        _ if working.is_some() => ObjectState::Working(working.map_or(message, |c| c.message.clone())),
        Some(ready) if ready.status == "True" => ObjectState::Ready,
        Some(ready) if ready.status == "False" => ObjectState::Failed(message),
        _ => ObjectState::Working(message),
    }
}

/// Merges a patch into an object, as the flux program does (`client.MergeFrom`).
async fn merge(
    flux: &Flux,
    object: &LiveObject,
    patch: serde_json::Value,
    _: &Permit,
) -> Result<(), FluxError> {
    let none = || FluxError::NotFound { what: object.label(), near: String::new() };
    let api = flux.api(object.kind, Some(&object.namespace)).ok_or_else(none)?;
    let what = format!("patch {} {}", object.kind.plural, object.name);
    let (parameters, patch) = (PatchParams::default(), Patch::Merge(&patch));
    let patched = api.patch(&object.name, &parameters, &patch);
    flux.cluster.answer(&what, patched).await?;
    Ok(())
}

/// Has an object reconciled now, its source first where that is wished, and waits until it is ready.
///
/// # Errors
/// Where it is suspended, fails, or takes too long.
pub async fn reconcile(
    flux: &Flux,
    object: &LiveObject,
    with_source: bool,
    waiting: &mut Waiting<'_>,
    permit: &Permit,
) -> Result<LiveObject, FluxError> {
    if !object.kind.reconciles {
        return Err(FluxError::Static(object.label()));
    }
    if object.suspended {
        return Err(FluxError::Suspended(object.label()));
    }
    if with_source && let Some(source) = source_of(flux, object).await? {
        Box::pin(reconcile(flux, &source, source.kind.name == "HelmChart", waiting, permit)).await?;
    }
    let now = clock::rfc3339(clock::now());
    let patch = json!({ "metadata": { "annotations": { REQUESTED: now } } });
    merge(flux, object, patch, permit).await?;
    (waiting.tell)(WaitProgress::Done(format!("{} annotated", object.label())));
    let ready = settled(flux, object, Some(&object.handled), waiting).await?;
    (waiting.tell)(WaitProgress::Done(format!("{} is ready at {}", ready.label(), shown(&ready.revision))));
    Ok(ready)
}

fn shown(revision: &str) -> &str {
    if revision.is_empty() { "its revision" } else { revision }
}

/// What has to be reconciled before an object, for it to see what is new: its source; of a release whose chart is made from a
/// template, the chart.
async fn source_of(flux: &Flux, object: &LiveObject) -> Result<Option<LiveObject>, FluxError> {
    let Some(source) = &object.source else { return Ok(None) };
    let templated = object.kind.name == "HelmRelease"
        && !matches!(source.kind.as_str(), "HelmChart" | "OCIRepository" | "ExternalArtifact");
    let (kind, name) = if templated {
        ("HelmChart".to_owned(), format!("{}-{}", object.namespace, object.name))
    } else {
        (source.kind.clone(), source.name.clone())
    };
    match kind_of(&kind) {
        Some(kind) => flux.get(kind, &source.namespace, &name).await.map(Some),
        None => Ok(None),
    }
}

/// Waits until an object is ready.
async fn settled(
    flux: &Flux,
    object: &LiveObject,
    before: Option<&Option<String>>,
    waiting: &mut Waiting<'_>,
) -> Result<LiveObject, FluxError> {
    let start = clock::monotonic();
    let mut told = String::new();
    loop {
        let now = flux.get(object.kind, &object.namespace, &object.name).await?;
        let message = match state(&now, before) {
            ObjectState::Ready => return Ok(now),
            ObjectState::Failed(message) => {
                let events = last(flux, object).await;
                return Err(FluxError::Failed { object: object.label(), message, events });
            }
            ObjectState::Working(message) => message,
        };
        if told != message {
            (waiting.tell)(WaitProgress::Waiting(format!("{}: {message}", object.label())));
            told.clone_from(&message);
        }
        if clock::monotonic().saturating_sub(start) >= waiting.limit {
            let (events, seconds) = (last(flux, object).await, waiting.limit.as_secs());
            return Err(FluxError::TimedOut { object: object.label(), seconds, message, events });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What was said of an object last; nothing where that cannot be had.
async fn last(flux: &Flux, object: &LiveObject) -> Vec<super::ClusterEvent> {
    let mut all = events_of(flux, object).await.unwrap_or_default();
    all.split_off(all.len().saturating_sub(EVENTS))
}

/// Stops the reconciliation of an object. False where it was stopped already.
///
/// # Errors
/// Where the cluster says no, or the kind cannot be suspended.
pub async fn suspend(flux: &Flux, object: &LiveObject, permit: &Permit) -> Result<bool, FluxError> {
    if !object.kind.suspends {
        return Err(FluxError::Static(object.label()));
    }
    if object.suspended {
        return Ok(false);
    }
    merge(flux, object, json!({ "spec": { "suspend": true } }), permit).await?;
    Ok(true)
}

/// Starts it again, and waits until it is ready where that is wished. False where it was not stopped.
///
/// # Errors
/// Where the cluster says no, it fails, or takes too long.
pub async fn resume(
    flux: &Flux,
    object: &LiveObject,
    waiting: Option<&mut Waiting<'_>>,
    permit: &Permit,
) -> Result<bool, FluxError> {
    if !object.kind.suspends {
        return Err(FluxError::Static(object.label()));
    }
    if object.suspended {
        // A field that is false is not written at all, so that the flux program's patch takes it away.
        merge(flux, object, json!({ "spec": { "suspend": null } }), permit).await?;
    }
    if let Some(waiting) = waiting.filter(|_| object.kind.reconciles) {
        let ready = settled(flux, object, None, waiting).await?;
        (waiting.tell)(WaitProgress::Done(format!(
            "{} is ready at {}",
            ready.label(),
            shown(&ready.revision)
        )));
    }
    Ok(object.suspended)
}

#[cfg(test)]
mod tests {
    use kube::api::DynamicObject;
    use serde_json::{Value, json};

    use super::*;

    fn object(status: Value) -> LiveObject {
        let whole = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "apps", "namespace": "flux-system", "generation": 2 },
            "status": status,
        });
        let object: DynamicObject = serde_json::from_value(whole).unwrap();
        LiveObject::of(kind_of("ks").unwrap(), object)
    }

    #[test]
    fn a_request_is_waited_for_until_it_was_handled_and_observed() {
        let before = Some("then".to_owned());
        let of = |handled: &str, generation: i64, conditions: Value| {
            let status = json!({ "lastHandledReconcileAt": handled, "observedGeneration": generation, "conditions": conditions });
            state(&object(status), Some(&before))
        };
        let ready = |status: &str| json!([{ "type": "Ready", "status": status, "message": "m" }]);
        assert_eq!(of("then", 2, ready("True")), ObjectState::Working("m".into()), "not handled");
        assert_eq!(of("now", 1, ready("True")), ObjectState::Working("m".into()), "an older generation");
        assert_eq!(of("now", 2, ready("True")), ObjectState::Ready);
        assert_eq!(of("now", 2, ready("False")), ObjectState::Failed("m".into()));
        assert_eq!(of("now", 2, ready("Unknown")), ObjectState::Working("m".into()));
        let with = |reason: &str, ready: &str| {
            json!([
                { "type": "Reconciling", "status": "True", "reason": reason, "message": "r" },
                { "type": "Ready", "status": ready, "message": "m" },
            ])
        };
        assert_eq!(of("now", 2, with("Progressing", "False")), ObjectState::Working("r".into()));
        assert_eq!(of("now", 2, with("ProgressingWithRetry", "False")), ObjectState::Failed("m".into()));
        let stalled = json!([{ "type": "Stalled", "status": "True", "message": "s" }, { "type": "Ready", "status": "False", "message": "m" }]);
        assert_eq!(of("now", 2, stalled), ObjectState::Failed("s".into()));
        let seen = json!([
            { "type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry", "message": "r", "observedGeneration": 2 },
            { "type": "Ready", "status": "False", "message": "m", "observedGeneration": 2 },
        ]);
        assert_eq!(of("now", 1, seen), ObjectState::Failed("m".into()), "a failure is not called observed");
    }

    #[test]
    fn what_has_no_status_yet_is_waited_for() {
        assert!(matches!(state(&object(json!({})), None), ObjectState::Working(_)));
        assert!(matches!(state(&object(json!({ "conditions": "odd" })), None), ObjectState::Working(_)));
    }
}
