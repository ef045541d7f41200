//! What the cluster would become: every manifest as a dry run of the server's, compared with what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hyper::Request;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::object::Applied;
use super::render::render;
use super::{Flux, FluxError, LiveObject};
use rwenv_core::manifest::yaml;
use rwenv_gate::base::environment::Environment;

/// Who applies, for the server (kustomize-controller).
const MANAGER: &str = "kustomize-controller";
/// Fields the server changes by itself.
const NOISE: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"];
/// What is shown in the place of a secret value.
const HIDDEN: &str = "***";

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

/// A manifest by what it names.
struct NamedManifest<'d> {
    version: String,
    kind: String,
    namespace: String,
    name: String,
    text: &'d str,
    encrypted: bool,
}

impl<'d> NamedManifest<'d> {
    fn of(text: &'d str) -> Option<Self> {
        let parsed = yaml::parse(text);
        let root = parsed.documents.first()?;
        Some(Self {
            version: root.string(&["apiVersion"])?,
            kind: root.string(&["kind"])?,
            namespace: root.string(&["metadata", "namespace"]).unwrap_or_default(),
            name: root.string(&["metadata", "name"])?,
            text,
            encrypted: root.get("sops").is_some(),
        })
    }

    fn difference(&self, fate: ObjectFate, fields: Vec<Field>, why: Option<String>) -> Difference {
        let [kind, namespace, name] = [&self.kind, &self.namespace, &self.name].map(Clone::clone);
        Difference { fate, kind, namespace, name, fields, why }
    }

    /// Its identity in an inventory (cli-utils, `object.ObjMetadata.String`).
    fn id(&self) -> String {
        let group = self.version.split_once('/').map_or("", |(group, _)| group);
        format!("{}_{}_{group}_{}", self.namespace, self.name.replace(':', "__"), self.kind)
    }
}

/// Compares what a Kustomization would apply of a folder with what is in the cluster.
///
/// # Errors
/// Where it cannot be rendered, or the cluster does not answer.
pub async fn diff(
    flux: &Flux,
    object: &LiveObject,
    folder: &Path,
    environment: &Environment,
) -> Result<Compared, FluxError> {
    let rendered = render(flux, object, folder, environment).await?;
    let mut out = Compared { unresolved: rendered.unresolved, ..Compared::default() };
    let mut kinds = Kinds::default();
    let mut ids = BTreeSet::new();
    for text in &rendered.documents {
        let Some(mut named) = NamedManifest::of(text) else { continue };
        let known = kinds.find(flux, &named.version, &named.kind).await?;
        if known.as_ref().is_some_and(|(_, namespaced)| *namespaced) && named.namespace.is_empty() {
            named.namespace.clone_from(&object.namespace);
        }
        ids.insert(named.id());
        let why = match (&known, named.encrypted) {
            (_, true) => Some("it is encrypted, and only the controller can read it".to_owned()),
            (None, _) => Some(format!("the cluster has no {} {} yet", named.version, named.kind)),
            _ => None,
        };
        let difference = match (why, known) {
            (None, Some((plural, _))) => compared(flux, &named, &plural).await?,
            (why, _) => Some(named.difference(ObjectFate::Unknown, Vec::new(), why)),
        };
        match difference {
            Some(difference) => out.differences.push(difference),
            None => out.same += 1,
        }
    }
    if object.prune {
        let gone = object.inventory.iter().filter(|entry| !ids.contains(&entry.id));
        out.differences.extend(gone.filter_map(pruned));
    }
    for difference in &mut out.differences {
        difference.fields.iter_mut().for_each(|field| hide(field, &rendered.hidden));
    }
    Ok(out)
}

fn pruned(entry: &Applied) -> Option<Difference> {
    let branch = super::view::parsed(entry)?;
    let (kind, namespace, name) = (branch.kind, branch.namespace, branch.name);
    Some(Difference { fate: ObjectFate::Pruned, kind, namespace, name, fields: Vec::new(), why: None })
}

/// Kinds that were asked for: plural and whether they are in namespaces, by version and kind.
#[derive(Default)]
struct Kinds {
    all: BTreeMap<String, Vec<(String, String, bool)>>,
}

impl Kinds {
    async fn find(
        &mut self,
        flux: &Flux,
        version: &str,
        kind: &str,
    ) -> Result<Option<(String, bool)>, FluxError> {
        if !self.all.contains_key(version) {
            let resources = flux.cluster.resources(version).await?.into_iter();
            let all = resources.map(|resource| (resource.kind, resource.name, resource.namespaced)).collect();
            self.all.insert(version.to_owned(), all);
        }
        let found = self.all.get(version).into_iter().flatten().find(|(known, _, _)| known == kind);
        Ok(found.map(|(_, plural, namespaced)| (plural.clone(), *namespaced)))
    }
}

/// What would happen to one object; none where it would stay as it is.
async fn compared(
    flux: &Flux,
    named: &NamedManifest<'_>,
    plural: &str,
) -> Result<Option<Difference>, FluxError> {
    let root = if named.version.contains('/') { "apis" } else { "api" };
    let place =
        if named.namespace.is_empty() { String::new() } else { format!("namespaces/{}/", named.namespace) };
    let path = format!("/{root}/{}/{place}{plural}/{}", named.version, named.name);
    let applied = format!("{path}?dryRun=All&force=true&fieldManager={MANAGER}");
    let request = Request::patch(applied).header("content-type", "application/apply-patch+yaml");
    let before = ask(flux, Request::get(&path), Vec::new()).await?;
    let after = ask(flux, request, named.text.as_bytes().to_vec()).await?;
    let difference = match (before, after) {
        (Ok(before), Ok(after)) => {
            let fields = fields(&named.kind, &before, &after);
            (!fields.is_empty()).then(|| named.difference(ObjectFate::Changed, fields, None))
        }
        (Err(404), Ok(_)) => Some(named.difference(ObjectFate::Created, Vec::new(), None)),
        // Its namespace is made by the same Kustomization.
        (Err(404), Err(404)) => Some(named.difference(ObjectFate::Created, Vec::new(), None)),
        (_, Err(code)) | (Err(code), _) => {
            let why = format!("the server answered {code} to the dry run");
            Some(named.difference(ObjectFate::Unknown, Vec::new(), Some(why)))
        }
    };
    Ok(difference)
}

/// The object, or the status the server answers.
async fn ask(
    flux: &Flux,
    request: hyper::http::request::Builder,
    body: Vec<u8>,
) -> Result<Result<Value, u16>, FluxError> {
    let asked = async {
        let request = request.body(body).map_err(kube::Error::HttpError)?;
        match flux.cluster.client().request::<Value>(request).await {
            Ok(object) => Ok(Ok(object)),
            Err(kube::Error::Api(status)) if !matches!(status.code, 401 | 403) => Ok(Err(status.code)),
            Err(error) => Err(error),
        }
    };
    Ok(flux.cluster.answer("try a change (dry run)", asked).await?)
}

/// The fields that would be another, without those the server changes by itself; of Secrets not what they hold.
fn fields(kind: &str, before: &Value, after: &Value) -> Vec<Field> {
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
fn hide(field: &mut Field, hidden: &[String]) {
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
