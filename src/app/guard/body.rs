//! Bodies of patches: whether all they change is what reconciles, suspends or resumes.

use serde_json::Value;

use rwenv_core::classify;

/// Annotations that ask Flux to reconcile (fluxcd/pkg/apis/meta, helm-controller/api/v2).
const REQUESTS: [&str; 3] =
    ["reconcile.fluxcd.io/requestedAt", "reconcile.fluxcd.io/forceAt", "reconcile.fluxcd.io/resetAt"];

/// The annotation that has the External Secrets Operator read its provider again; any change of it does (its FAQ).
const FORCE_SYNC: &str = "force-sync";

/// What a patch changes, and nothing beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatchChange {
    /// It asks Flux for a reconciliation.
    Reconcile,
    /// It asks the External Secrets Operator to read its provider again.
    ForceSync,
    /// It sets `spec.suspend`.
    Suspend,
    /// It takes `spec.suspend` away.
    Resume,
    /// It has Argo CD sync what Git says, or compare with it anew.
    Sync,
    /// Something else.
    Other,
}

/// What a patch changes, and the same patch written anew: of a key that stands in it twice one counts here and another
/// there. None where it is no patch in JSON.
pub(super) fn change(content_type: &str, body: &[u8]) -> Option<(PatchChange, Vec<u8>)> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let change = match content_type.split(';').next().unwrap_or_default().trim() {
        "application/merge-patch+json" | "application/strategic-merge-patch+json" if value.is_object() => {
            merged(&value)
        }
        "application/json-patch+json" if value.is_array() => listed(&value),
        _ => return None,
    };
    let change = if change == PatchChange::Other && classify::only_syncs(&value).is_ok() {
        PatchChange::Sync
    } else {
        change
    };
    Some((change, serde_json::to_vec(&value).ok()?))
}

/// The only entry of an object.
fn single(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(key, value)| (key.as_str(), value))
}

fn merged(patch: &Value) -> PatchChange {
    match single(patch) {
        Some(("metadata", metadata)) => {
            let annotations = metadata.as_object().and_then(|object| {
                let others = object.keys().filter(|key| *key != "annotations");
                let plain = others.into_iter().all(|key| key == "resourceVersion");
                plain.then(|| object.get("annotations")).flatten()
            });
            match annotations.and_then(Value::as_object) {
                Some(all) => alike(all.iter().map(|(key, value)| annotated(key, value))),
                None => PatchChange::Other,
            }
        }
        Some(("spec", spec)) => match single(spec) {
            Some(("suspend", value)) => suspended(value),
            _ => PatchChange::Other,
        },
        _ => PatchChange::Other,
    }
}

fn annotated(key: &str, value: &Value) -> PatchChange {
    match key {
        _ if !value.is_string() => PatchChange::Other,
        FORCE_SYNC => PatchChange::ForceSync,
        _ if REQUESTS.contains(&key) => PatchChange::Reconcile,
        _ => PatchChange::Other,
    }
}

/// What all of these change, where it is one thing.
fn alike(mut all: impl Iterator<Item = PatchChange>) -> PatchChange {
    let Some(first) = all.next() else { return PatchChange::Other };
    if all.all(|change| change == first) { first } else { PatchChange::Other }
}

fn suspended(value: &Value) -> PatchChange {
    match value {
        Value::Bool(true) => PatchChange::Suspend,
        Value::Bool(false) | Value::Null => PatchChange::Resume,
        _ => PatchChange::Other,
    }
}

/// A list of operations, all of which are of one sort (RFC 6902).
fn listed(patch: &Value) -> PatchChange {
    let one = |operation: &Value| {
        let text = |key: &str| operation.get(key).and_then(Value::as_str);
        let value = operation.get("value").unwrap_or(&Value::Null);
        let path = text("path").unwrap_or_default();
        let annotation = path.strip_prefix("/metadata/annotations/").map(|key| key.replace("~1", "/"));
        match (text("op"), path, annotation) {
            (Some("add" | "replace"), "/spec/suspend", _) => suspended(value),
            (Some("remove"), "/spec/suspend", _) => PatchChange::Resume,
            (Some("add" | "replace"), _, Some(key)) => annotated(&key, value),
            _ => PatchChange::Other,
        }
    };
    alike(patch.as_array().into_iter().flatten().map(one))
}
