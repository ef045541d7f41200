//! Which value wins, and where it is from: the values of a HelmRelease, the variables of a Kustomization. What a Secret holds is never shown.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::Api;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::difference::HIDDEN;
use super::{Flux, FluxError, LiveObject};
use rwenv_core::manifest::kustomize::render::json;
use rwenv_core::manifest::yaml;

/// A value, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourcedValue {
    /// Its path, or the name of a variable.
    pub name: String,
    /// What it is; hidden where a Secret holds it.
    pub value: Value,
    /// The field or the object it is from.
    pub from: String,
}

/// A reference to values, as HelmReleases and Kustomizations have it (fluxcd/pkg/apis/meta, `ValuesReference`; `SubstituteReference`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ValuesReference {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) values_key: Option<String>,
    pub(super) target_path: Option<String>,
    pub(super) optional: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DebuggedSpec {
    values: Option<Value>,
    values_from: Vec<ValuesReference>,
    post_build: PostBuild,
}

/// What a Kustomization fills in behind its build.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PostBuild {
    pub(super) substitute: BTreeMap<String, Value>,
    pub(super) substitute_from: Vec<ValuesReference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DebuggedFields {
    spec: DebuggedSpec,
}

/// The values that count, by their paths; those that a later source takes the place of are gone.
///
/// # Errors
/// Where the cluster does not answer, or something that is named and not optional is not there.
pub async fn debug(flux: &Flux, object: &LiveObject) -> Result<Vec<SourcedValue>, FluxError> {
    let whole = super::export::whole(flux, object).await?;
    let DebuggedFields { spec } =
        serde_json::from_value(whole).map_err(|error| failed(object, &error.to_string()))?;
    let mut leaves = Leaves::default();
    for reference in spec.values_from.iter().chain(&spec.post_build.substitute_from) {
        let from = format!("{} {}/{}", reference.kind, object.namespace, reference.name);
        let hides = reference.kind == "Secret";
        let Some(data) = data_of(flux, object, reference).await? else { continue };
        if object.kind.name == "Kustomization" {
            data.into_iter().for_each(|(name, value)| leaves.add(&name, &Value::from(value), &from, hides));
            continue;
        }
        let key = reference.values_key.as_deref().unwrap_or("values.yaml");
        let Some(text) = data.get(key) else {
            let why = format!("{from} has no key {key}");
            if reference.optional { continue } else { return Err(failed(object, &why)) }
        };
        match &reference.target_path {
            Some(path) => leaves.add(path, &Value::from(text.as_str()), &from, hides),
            None => leaves.add("", &parsed(text), &from, hides),
        }
    }
    if let Some(values) = &spec.values {
        leaves.add("", values, "spec.values", false);
    }
    for (name, value) in &spec.post_build.substitute {
        leaves.add(name, value, "spec.postBuild.substitute", false);
    }
    Ok(leaves.0.into_values().collect())
}

fn failed(object: &LiveObject, message: &str) -> FluxError {
    FluxError::Failed { object: object.label(), message: message.to_owned(), events: Vec::new() }
}

/// A text of YAML as values; empty where it is none.
pub(super) fn parsed(text: &str) -> Value {
    let documents = yaml::parse(text).documents;
    documents.first().and_then(yaml::Node::expanded).map_or(Value::Null, |node| json(&node))
}

/// What a ConfigMap or a Secret holds; none where it is optional and not there.
pub(super) async fn data_of(
    flux: &Flux,
    object: &LiveObject,
    reference: &ValuesReference,
) -> Result<Option<BTreeMap<String, String>>, FluxError> {
    let what = format!("get {} {}", reference.kind, reference.name);
    let (client, namespace) = (flux.cluster.client(), object.namespace.as_str());
    let data: Option<BTreeMap<String, String>> = if reference.kind == "Secret" {
        let api: Api<Secret> = Api::namespaced(client, namespace);
        let secret = flux.cluster.answer(&what, api.get_opt(&reference.name)).await?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        secret.map(|secret| {
            secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, text(value.0))).collect()
        })
    } else {
        let api: Api<ConfigMap> = Api::namespaced(client, namespace);
        let found = flux.cluster.answer(&what, api.get_opt(&reference.name)).await?;
        found.map(|config| config.data.unwrap_or_default())
    };
    if data.is_none() && !reference.optional {
        let why = format!(
            "{} {namespace}/{}, which it takes values from, is not there",
            reference.kind, reference.name
        );
        return Err(failed(object, &why));
    }
    Ok(data)
}

/// Single values by their paths.
#[derive(Default)]
struct Leaves(BTreeMap<String, SourcedValue>);

impl Leaves {
    /// Adds a value, which takes the place of what is at its path, below it, and of a single value above it. A list is one value.
    fn add(&mut self, path: &str, value: &Value, from: &str, hides: bool) {
        if let Value::Object(fields) = value
            && !fields.is_empty()
        {
            for (key, value) in fields {
                let key = if key.contains('.') { format!("[{key}]") } else { key.clone() };
                let below = if path.is_empty() { key } else { format!("{path}.{key}") };
                self.add(&below, value, from, hides);
            }
            return;
        }
        if path.is_empty() {
            return;
        }
        let below = format!("{path}.");
        self.0.retain(|known, _| {
            known != path && !known.starts_with(&below) && !path.starts_with(&format!("{known}."))
        });
        // A value that is null takes another away (Helm).
        if !value.is_null() {
            let value = if hides { Value::from(HIDDEN) } else { value.clone() };
            let (name, from) = (path.to_owned(), from.to_owned());
            self.0.insert(path.to_owned(), SourcedValue { name, value, from });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Leaves;

    #[test]
    fn a_later_value_takes_the_place_of_an_earlier_one_and_secrets_are_hidden() {
        let mut leaves = Leaves::default();
        leaves.add(
            "",
            &json!({ "a": { "b": 1, "c": [1] }, "d": "x", "p": "s", "n": { "m": 1 } }),
            "one",
            false,
        );
        leaves.add("", &json!({ "a": { "b": 2 }, "d": { "e": true }, "n": null }), "two", false);
        leaves.add("p", &json!("hunter2"), "Secret app/s", true);
        let all: Vec<(String, String, String)> =
            (leaves.0.into_values()).map(|leaf| (leaf.name, leaf.value.to_string(), leaf.from)).collect();
        let wanted = [
            ("a.b", "2", "two"),
            ("a.c", "[1]", "one"),
            ("d.e", "true", "two"),
            ("p", "\"***\"", "Secret app/s"),
        ];
        let wanted = wanted.map(|(name, value, from)| (name.to_owned(), value.to_owned(), from.to_owned()));
        assert_eq!(all, wanted);
    }
}
