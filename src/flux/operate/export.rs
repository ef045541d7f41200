//! Objects as they would stand in a repository: without their status and what the server adds.

use serde_json::{Map, Value};

use super::object::REQUESTED;
use super::{Flux, FluxError, LiveObject};

/// Annotations that say what was asked of an object, and nothing of what it is.
const PASSING: [&str; 2] = [REQUESTED, "kubectl.kubernetes.io/last-applied-configuration"];

/// An object as the server has it.
pub(super) async fn whole(flux: &Flux, object: &LiveObject) -> Result<Value, FluxError> {
    let none = || FluxError::NotFound { what: object.label(), near: String::new() };
    let api = flux.api(object.kind, Some(&object.namespace)).ok_or_else(none)?;
    let found = flux.cluster.answer(&format!("get {}", object.label()), api.get_opt(&object.name)).await?;
    let found = found.ok_or_else(none)?;
    serde_json::to_value(&found).map_err(|error| FluxError::Failed {
        object: object.label(),
        message: error.to_string(),
        events: Vec::new(),
    })
}

/// A manifest that makes the object: version, kind, name, namespace, labels, annotations, and its specification (flux2, `flux export`).
///
/// # Errors
/// Where the cluster does not answer.
pub async fn export(flux: &Flux, object: &LiveObject) -> Result<Value, FluxError> {
    let mut whole = whole(flux, object).await?;
    let mut take = |path: &str| whole.pointer_mut(path).map(Value::take).unwrap_or_default();
    let mut metadata = Map::new();
    for key in ["name", "namespace", "labels", "annotations"] {
        let mut value = take(&format!("/metadata/{key}"));
        if let Some(fields) = value.as_object_mut() {
            PASSING.iter().for_each(|passing| drop(fields.remove(*passing)));
        }
        if value.as_object().is_none_or(|fields| !fields.is_empty()) && !value.is_null() {
            metadata.insert(key.to_owned(), value);
        }
    }
    let mut out = Map::new();
    out.insert("apiVersion".to_owned(), take("/apiVersion"));
    out.insert("kind".to_owned(), take("/kind"));
    out.insert("metadata".to_owned(), Value::Object(metadata));
    out.insert("spec".to_owned(), take("/spec"));
    Ok(Value::Object(out))
}
