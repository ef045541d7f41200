//! What is another between an object as it is and as it would be.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Fields the server changes by itself.
const NOISE: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"];
/// What is shown in the place of a secret value.
pub(super) const HIDDEN: &str = "***";

/// One field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Field {
    /// Where it is.
    pub path: String,
    /// What it is; none where it is not there.
    pub before: Option<Value>,
    /// What it would be; none where it would be gone.
    pub after: Option<Value>,
}

/// What would happen to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectFate {
    /// It would be made.
    Created,
    /// It would be changed.
    Changed,
    /// It would be taken away.
    Pruned,
    /// It cannot be told.
    Unknown,
}

/// An object that would not stay as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// What would happen to it.
    pub fate: ObjectFate,
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for what is in none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What would be another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Why it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What it is taken away with, where it is not pruned for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
}

/// A comparison.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Compared {
    /// What would be another.
    pub differences: Vec<Difference>,
    /// Objects that would stay as they are.
    pub same: usize,
    /// Variables that have no value.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unresolved: BTreeSet<String>,
}

/// The fields that would be another, without those the server changes by itself; of Secrets not what they hold.
pub(super) fn fields(kind: &str, before: &Value, after: &Value) -> Vec<Field> {
    let clean = |object: &Value| {
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
            if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
                NOISE.iter().for_each(|key| drop(metadata.remove(*key)));
                if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
                }
            }
        }
        object
    };
    let mut out = Vec::new();
    walk("", Some(&clean(before)), Some(&clean(after)), &mut out);
    if kind == "Secret" {
        for field in out
            .iter_mut()
            .filter(|field| field.path.starts_with("data") || field.path.starts_with("stringData"))
        {
            let hide = |value: &mut Option<Value>| *value = value.take().map(|_| Value::from(HIDDEN));
            hide(&mut field.before);
            hide(&mut field.after);
        }
    }
    out
}

/// What tells the items of a list apart.
fn key(item: &Value) -> Option<String> {
    ["name", "containerPort", "mountPath"].iter().find_map(|key| {
        let value = item.get(*key)?;
        Some(format!("{key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    })
}

fn walk(path: &str, before: Option<&Value>, after: Option<&Value>, out: &mut Vec<Field>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let dotted = if key.contains(['.', '/']) { format!("[{key}]") } else { format!(".{key}") };
                let below = format!("{path}{dotted}");
                walk(below.trim_start_matches('.'), old.get(key), new.get(key), out);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            let keyed = |items: &[Value]| -> Option<BTreeMap<String, Value>> {
                let all: Option<BTreeMap<String, Value>> =
                    items.iter().map(|item| Some((key(item)?, item.clone()))).collect();
                all.filter(|all| all.len() == items.len())
            };
            let numbered = |items: &[Value]| {
                items.iter().enumerate().map(|(number, item)| (number.to_string(), item.clone())).collect()
            };
            let (old, new) = match (keyed(old), keyed(new)) {
                (Some(old), Some(new)) => (old, new),
                _ => (numbered(old), numbered(new)),
            };
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                walk(&format!("{path}[{key}]"), old.get(key), new.get(key), out);
            }
        }
        _ => out.push(Field { path: path.to_owned(), before: before.cloned(), after: after.cloned() }),
    }
}

/// Takes values of Secrets out of what is shown, wherever they were filled in.
pub(super) fn hide(field: &mut Field, hidden: &[String]) {
    for value in [&mut field.before, &mut field.after].into_iter().flatten() {
        let text = value.to_string();
        if hidden.iter().any(|secret| secret.len() > 3 && text.contains(secret.as_str())) {
            *value = Value::from(HIDDEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(kind: &str, before: &Value, after: &Value) -> Vec<String> {
        let text = |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let all = fields(kind, before, after);
        all.iter()
            .map(|field| format!("{}: {} > {}", field.path, text(&field.before), text(&field.after)))
            .collect()
    }

    #[test]
    fn what_changes_is_named_and_what_the_server_changes_is_not() {
        let before = json!({ "metadata": { "name": "w", "generation": 1, "labels": { "a.b/c": "1" } }, "status": { "x": 1 },
            "spec": { "replicas": 1, "containers": [{ "name": "w", "image": "w:1" }, { "name": "s", "image": "s:1" }], "args": ["a"] } });
        let after = json!({ "metadata": { "name": "w", "generation": 2, "managedFields": [], "labels": { "a.b/c": "2" } }, "status": { "x": 2 },
            "spec": { "replicas": 1, "containers": [{ "name": "s", "image": "s:1" }, { "name": "w", "image": "w:2" }], "args": ["a", "b"] } });
        let wanted = [
            "metadata.labels[a.b/c]: \"1\" > \"2\"",
            "spec.args[1]: - > \"b\"",
            "spec.containers[name=w].image: \"w:1\" > \"w:2\"",
        ];
        assert_eq!(shown("Deployment", &before, &after), wanted);
        assert_eq!(shown("Deployment", &before, &before), Vec::<String>::new());
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let (before, after) =
            (json!({ "data": { "p": "b25l" } }), json!({ "data": { "p": "dHdv", "q": "eA==" } }));
        assert_eq!(shown("Secret", &before, &after), ["data.p: \"***\" > \"***\"", "data.q: - > \"***\""]);
        let mut field =
            Field { path: "spec.url".into(), before: None, after: Some(json!("https://u:hunter2@h")) };
        hide(&mut field, &["hunter2".to_owned()]);
        assert_eq!(field.after, Some(json!(HIDDEN)));
    }
}
