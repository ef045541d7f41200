//! What somebody changed in an object by hand: the fields that a client took over, as the server keeps them (`managedFields`).

use kube::api::{Api, DynamicObject};
use serde_json::Value;

use super::{Cluster, ClusterError};
use rwenv_core::model::{FieldStep, WantedField};

/// Parts of the names of those who are no person: controllers, and what a cluster is made of.
const PROGRAMS: [&str; 7] =
    ["controller", "kube-scheduler", "kubelet", "kube-apiserver", "flux", "cluster-autoscaler", "argocd"];
/// Annotations that clients and controllers keep for themselves.
const OWN: [&str; 3] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "reconcile.fluxcd.io/requestedAt",
];

/// What was changed by hand in an object.
#[derive(Clone, Debug, Default)]
pub struct HandChanges {
    /// The clients that did.
    pub by: Vec<String>,
    /// The fields, with the values they have now.
    pub fields: Vec<WantedField>,
    /// Fields whose values are more than one text, or are not copied: their paths.
    pub others: Vec<String>,
}

/// The fields that were changed by hand since a time (RFC 3339 in UTC) and are still so; none where the object is not there.
///
/// # Errors
/// Where the cluster does not answer, or refuses to.
pub async fn by_hand(
    cluster: &Cluster,
    kind: &str,
    (namespace, name): (Option<&str>, &str),
    since: &str,
) -> Result<Option<HandChanges>, ClusterError> {
    let Some((resource, namespaced)) = cluster.resource(kind).await? else { return Ok(None) };
    let client = cluster.client();
    let api: Api<DynamicObject> = if namespaced {
        Api::namespaced_with(client, namespace.unwrap_or(cluster.namespace()), &resource)
    } else {
        Api::all_with(client, &resource)
    };
    let found = cluster.answer(&format!("get {} {name}", resource.plural), api.get_opt(name)).await?;
    let Some(object) = found.and_then(|object| serde_json::to_value(object).ok()) else { return Ok(None) };
    Ok(Some(changes(&object, since)))
}

fn changes(object: &Value, since: &str) -> HandChanges {
    let mut out = HandChanges::default();
    let managers = object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    for entry in managers {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let manager = text("manager");
        // To the second, as the server writes it; of what `scale` sets it writes none.
        let late = text("time").is_empty() || text("time").get(..19) >= since.get(..19);
        if !late || text("subresource") == "status" || PROGRAMS.iter().any(|part| manager.contains(part)) {
            continue;
        }
        let before = out.fields.len() + out.others.len();
        walk(entry.get("fieldsV1").unwrap_or(&Value::Null), Some(object), &mut Vec::new(), &mut out);
        if out.fields.len() + out.others.len() > before {
            out.by.push(manager.to_owned());
        }
    }
    if object.get("kind").and_then(Value::as_str) == Some("Secret") {
        let hidden = out.fields.drain(..).map(|field| field.title());
        out.others.extend(hidden);
    }
    out
}

/// Follows a set of fields (structured-merge-diff, `fieldpath`: `f:` a key, `k:` an item by its keys) beside the object.
fn walk(set: &Value, live: Option<&Value>, path: &mut Vec<FieldStep>, out: &mut HandChanges) {
    for (key, below) in set.as_object().into_iter().flatten() {
        let (step, value) = match key.split_once(':') {
            Some(("f", name)) => (FieldStep::Key(name.to_owned()), live.and_then(|live| live.get(name))),
            Some(("k", keys)) => {
                let Some(found) = item(keys, live) else { continue };
                found
            }
            // The entry itself.
            _ if key == "." => continue,
            _ => {
                out.others.push(title(path));
                continue;
            }
        };
        path.push(step);
        let is_leaf = below.as_object().is_none_or(serde_json::Map::is_empty);
        if !is_leaf {
            walk(below, value, path, out);
        } else if !is_own(path) {
            leaf(value, path, out);
        }
        path.pop();
    }
}

/// The item that has these keys: by its name, or its place.
fn item<'v>(keys: &str, live: Option<&'v Value>) -> Option<(FieldStep, Option<&'v Value>)> {
    let keys: serde_json::Map<String, Value> = serde_json::from_str(keys).ok()?;
    let items = live?.as_array()?;
    let at = items.iter().position(|item| keys.iter().all(|(key, value)| item.get(key) == Some(value)))?;
    let step = match keys.get("name").and_then(Value::as_str) {
        Some(name) if keys.len() == 1 => FieldStep::Named(name.to_owned()),
        _ => FieldStep::Item(at),
    };
    Some((step, items.get(at)))
}

fn leaf(value: Option<&Value>, path: &[FieldStep], out: &mut HandChanges) {
    let (value, is_text) = match value {
        Some(Value::String(text)) => (text.clone(), true),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => (value.to_string(), false),
        // What is gone since, or empty.
        None | Some(Value::Null) => return,
        Some(_) => {
            out.others.push(title(path));
            return;
        }
    };
    out.fields.push(WantedField { path: path.to_vec(), value, is_text });
}

/// True for the name of an item that is found by its name, and for what others keep.
fn is_own(path: &[FieldStep]) -> bool {
    match path {
        [.., FieldStep::Named(_), FieldStep::Key(last)] => last == "name",
        [FieldStep::Key(first), .., FieldStep::Key(last)] => {
            first == "status" || OWN.contains(&last.as_str())
        }
        _ => false,
    }
}

fn title(path: &[FieldStep]) -> String {
    WantedField { path: path.to_vec(), value: String::new(), is_text: true }.title()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_a_person_took_over_since_then_counts() {
        let entry = |manager: &str, time: &str, fields: Value| json!({"manager": manager, "time": time, "fieldsV1": fields});
        let containers = |fields: Value| json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": fields}}}}});
        let object = json!({
            "kind": "Deployment",
            "metadata": {"annotations": {"a.b/c": "x", "deployment.kubernetes.io/revision": "2"}, "managedFields": [
                entry("kustomize-controller", "2026-01-02T00:00:00Z", json!({"f:spec": {"f:paused": {}}})),
                entry("kubectl-edit", "2026-01-01T00:00:00Z", json!({"f:spec": {"f:minReadySeconds": {}}})),
                json!({"manager": "kubectl", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}}),
                entry("kubectl-annotate", "2026-01-02T00:00:00Z", json!({"f:metadata": {"f:annotations": {".": {}, "f:a.b/c": {}, "f:deployment.kubernetes.io/revision": {}, "f:gone": {}}}})),
                entry("kubectl-set", "2026-01-02T00:00:00Z", containers(json!({"f:image": {}, "f:args": {}, "f:env": {".": {}, "k:{\"name\":\"LOG\"}": {".": {}, "f:name": {}, "f:value": {}}}}))),
            ]},
            "spec": {"replicas": 5, "paused": true, "minReadySeconds": 3, "template": {"spec": {"containers": [
                {"name": "side"}, {"name": "web", "image": "web:2", "args": ["a"], "env": [{"name": "LOG", "value": "debug"}]}]}}},
        });
        let found = changes(&object, "2026-01-01T12:00:00.000Z");
        let mut fields: Vec<String> =
            found.fields.iter().map(|field| format!("{}={}", field.title(), field.value)).collect();
        fields.sort();
        let containers = "spec.template.spec.containers[web]";
        let wanted = [
            "metadata.annotations[a.b/c]=x".to_owned(),
            "spec.replicas=5".to_owned(),
            format!("{containers}.env[LOG].value=debug"),
            format!("{containers}.image=web:2"),
        ];
        assert_eq!(fields, wanted);
        assert_eq!(found.others, [format!("{containers}.args")]);
        assert_eq!(found.by, ["kubectl", "kubectl-annotate", "kubectl-set"]);
    }
}
