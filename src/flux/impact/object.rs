//! What an object comes to: its content as the cluster is given it, everything in place that kustomizations put there.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::catalog::knowledge::{AppliedObject, Knowledge, Unit};
use crate::catalog::substitute::substitute;
use crate::catalog::uses::{HELM, is_workload};
use rwenv_core::manifest::kustomize::render::json;
use rwenv_core::manifest::yaml::Node;

/// Names of generated ConfigMaps and Secrets, by kind and the name they are referred to with.
pub(super) type GeneratedNames = HashMap<(String, String), String>;

/// The objects of a unit whose names have a hash of their content.
pub(super) fn generated(known: &Knowledge<'_>, objects: &[usize]) -> GeneratedNames {
    let mut all = GeneratedNames::new();
    for resource in
        objects.iter().filter_map(|number| known.objects.get(*number)).map(|found| &found.resource)
    {
        for previous in resource.previous.iter().filter(|_| resource.hashed) {
            all.insert((resource.kind.to_string(), previous.name.clone()), resource.name.to_string());
        }
    }
    all
}

/// An object as it is applied.
pub(super) fn applied(known: &Knowledge<'_>, found: &AppliedObject<'_>, names: &GeneratedNames) -> Value {
    let resource = &found.resource;
    let mut value = json(&known.content(found));
    let unit = known.units.get(found.unit);
    let text = |text: &str| filled(text, unit);
    set(&mut value, &["metadata", "name"], resource.name.as_ref().into());
    if let Some(namespace) = resource.namespace() {
        set(&mut value, &["metadata", "namespace"], namespace.into());
    }
    let common = |field| {
        let entries = unit.and_then(|unit| unit.spec.path(&["commonMetadata", field])).map(Node::entries);
        let entries = entries.unwrap_or_default().iter();
        entries.filter_map(|(key, value)| Some((key.text()?.to_owned(), value.text()?.to_owned())))
    };
    let own = |pairs: &[std::sync::Arc<(String, String)>]| -> Vec<(String, String)> {
        pairs.iter().map(|pair| (pair.0.clone(), text(&pair.1))).collect()
    };
    let annotations = own(&resource.annotations);
    let labels = own(&resource.labels).into_iter().chain(common("labels")).collect::<Vec<_>>();
    mark(&mut value, &["metadata", "labels"], labels);
    mark(&mut value, &["metadata", "annotations"], annotations.iter().cloned().chain(common("annotations")));
    if let Some(path) = template(&resource.kind).filter(|path| value.pointer(&pointer(path)).is_some()) {
        mark(&mut value, &[path, &["metadata", "labels"]].concat(), own(&resource.pod_labels));
        mark(&mut value, &[path, &["metadata", "annotations"]].concat(), annotations);
    }
    if let Some(count) = resource.replicas.as_ref().and_then(|count| count.parse::<i64>().ok()) {
        set(&mut value, &["spec", "replicas"], count.into());
    }
    if resource.group == HELM && resource.kind == "HelmRelease" {
        values_from(&mut value, names);
    } else if !names.is_empty() && (template(&resource.kind).is_some() || is_referring(&resource.kind)) {
        refer(&mut value, names);
    }
    value
}

/// The pods a workload would make, and nothing else of it; none for what is no workload.
pub(super) fn pods<'v>(group: &str, kind: &str, value: &'v Value) -> Option<&'v Value> {
    // Its pods stay as they are until somebody deletes them.
    let by_hand = value.pointer("/spec/updateStrategy/type").and_then(Value::as_str) == Some("OnDelete");
    value.pointer("/spec/template").filter(|_| is_workload(group, kind) && !by_hand)
}

/// The text of a field; empty where it is missing.
pub(super) fn text_at<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The paths of the fields in which two objects differ.
pub(super) fn fields(before: &Value, after: &Value) -> Vec<String> {
    let mut all = Vec::new();
    differ(before, after, String::new(), &mut all);
    all
}

fn differ(before: &Value, after: &Value, path: String, into: &mut Vec<String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (before, after) {
        _ if before == after => {}
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let null = &Value::Null;
                differ(a.get(key).unwrap_or(null), b.get(key).unwrap_or(null), below(key), into);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (number, (a, b)) in a.iter().zip(b).enumerate() {
                differ(a, b, below(&number.to_string()), into);
            }
        }
        _ => into.push(path),
    }
}

/// Where a kind has the template of its pods (kustomize, `defaultconfig/commonlabels.go`).
fn template(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "ReplicationController" | "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" | "Job" => {
            Some(&["spec", "template"])
        }
        "CronJob" => Some(&["spec", "jobTemplate", "spec", "template"]),
        _ => None,
    }
}

/// Other kinds in which kustomize puts the new names of ConfigMaps and Secrets (kustomize, `defaultconfig/namereference.go`).
fn is_referring(kind: &str) -> bool {
    matches!(kind, "Pod" | "PodTemplate" | "ServiceAccount" | "Ingress")
}

fn pointer(path: &[&str]) -> String {
    path.iter().map(|part| format!("/{part}")).collect()
}

/// Sets a field; the mappings above it are made where they are not there.
fn set(value: &mut Value, path: &[&str], new: Value) {
    let Some((first, rest)) = path.split_first() else {
        *value = new;
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Value::Object(map) = value {
        set(map.entry((*first).to_owned()).or_insert(Value::Null), rest, new);
    }
}

fn mark(value: &mut Value, path: &[&str], pairs: impl IntoIterator<Item = (String, String)>) {
    for (key, text) in pairs {
        set(value, &[path, &[key.as_str()]].concat(), Value::String(text));
    }
}

fn filled(text: &str, unit: Option<&Unit>) -> String {
    let values = unit.filter(|unit| unit.substitutes).map(|unit| &unit.values);
    let new = values.and_then(|values| substitute(text, values, &mut BTreeSet::new()).ok());
    new.map_or_else(|| text.to_owned(), std::borrow::Cow::into_owned)
}

fn rename(value: Option<&mut Value>, kind: &str, names: &GeneratedNames) {
    let Some(value) = value else { return };
    let new = value.as_str().and_then(|name| names.get(&(kind.to_owned(), name.to_owned())));
    if let Some(new) = new {
        *value = Value::String(new.clone());
    }
}

/// Puts the new names of generated objects where pods refer to them.
fn refer(value: &mut Value, names: &GeneratedNames) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, names)),
        Value::Object(map) => {
            for (key, inner) in map {
                match key.as_str() {
                    "configMapRef" | "configMapKeyRef" | "configMap" => {
                        rename(inner.get_mut("name"), "ConfigMap", names);
                    }
                    "secretRef" | "secretKeyRef" => rename(inner.get_mut("name"), "Secret", names),
                    "secret" => {
                        rename(inner.get_mut("secretName"), "Secret", names);
                        rename(inner.get_mut("name"), "Secret", names);
                    }
                    "imagePullSecrets" | "secrets" => {
                        let items = inner.as_array_mut().into_iter().flatten();
                        items.for_each(|item| rename(item.get_mut("name"), "Secret", names));
                    }
                    "tls" => {
                        let items = inner.as_array_mut().into_iter().flatten();
                        items.for_each(|item| rename(item.get_mut("secretName"), "Secret", names));
                    }
                    _ => refer(inner, names),
                }
            }
        }
        _ => {}
    }
}

/// The same for the values of a release: kustomize is told of these by `configurations`, and a release without would name nothing.
fn values_from(value: &mut Value, names: &GeneratedNames) {
    let items = value.pointer_mut("/spec/valuesFrom").and_then(Value::as_array_mut).into_iter().flatten();
    for item in items {
        let kind = item.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        rename(item.get_mut("name"), &kind, names);
    }
}
