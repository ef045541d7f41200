//! What a Kustomization makes of a folder: `kubectl kustomize` with what its spec adds, then its substitutions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::debug::{PostBuild, data_of};
use super::scratch::Scratch;
use super::{Flux, FluxError, LiveObject};
use crate::catalog::substitute::{Substitutions, substitute};
use rwenv_core::manifest::tree::{KUSTOMIZATION, Tree};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::process;
use rwenv_gate::base::program;

/// Longest time kubectl may take.
const KUBECTL: Duration = Duration::from_secs(120);

/// What of a Kustomization's spec changes what it makes (kustomize.toolkit.fluxcd.io/v1).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct KustomizationSpec {
    path: String,
    target_namespace: String,
    name_prefix: String,
    name_suffix: String,
    patches: Vec<Value>,
    images: Vec<Value>,
    components: Vec<String>,
    common_metadata: CommonMetadata,
    post_build: Option<PostBuild>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CommonMetadata {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct KustomizationFields {
    spec: KustomizationSpec,
}

/// What was made.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    /// The manifests.
    pub(super) documents: Vec<String>,
    /// Values of Secrets that were filled in, which are not shown.
    pub(super) hidden: Vec<String>,
    /// Variables that have no value.
    pub(super) unresolved: BTreeSet<String>,
}

fn failed(object: &LiveObject, message: String) -> FluxError {
    FluxError::Failed { object: object.label(), message, events: Vec::new() }
}

/// Renders what an object, as the server has or would have it, would apply of a folder that holds its source.
pub(super) async fn render(
    flux: &Flux,
    object: &LiveObject,
    whole: &Value,
    folder: &Path,
    environment: &Environment,
) -> Result<Rendered, FluxError> {
    let KustomizationFields { spec } = serde_json::from_value(whole.clone())
        .map_err(|error| failed(object, format!("its spec is invalid: {error}")))?;
    let text = kustomized(object, &spec, folder, environment)?;
    let mut out = Rendered::default();
    let values = values(flux, object, &spec, &mut out.hidden).await?;
    for document in text.split("\n---\n").filter(|document| !document.trim().is_empty()) {
        let fixed = document.contains("kustomize.toolkit.fluxcd.io/substitute: disabled");
        let document = match &values {
            Some(values) if !fixed => substitute(document, values, &mut out.unresolved)
                .map_err(|bad| failed(object, bad.to_string()))?
                .into_owned(),
            _ => document.to_owned(),
        };
        out.documents.push(document);
    }
    Ok(out)
}

/// The values that are filled in; none where nothing is.
async fn values(
    flux: &Flux,
    object: &LiveObject,
    spec: &KustomizationSpec,
    hidden: &mut Vec<String>,
) -> Result<Option<Substitutions>, FluxError> {
    let Some(build) = &spec.post_build else { return Ok(None) };
    let mut values = Substitutions::new();
    for from in &build.substitute_from {
        let Some(data) = data_of(flux, object, from).await? else { continue };
        if from.kind == "Secret" {
            hidden.extend(data.values().cloned());
        }
        values.extend(data.into_iter().map(|(key, value)| (key, value.replace('\n', ""))));
    }
    for (key, value) in &build.substitute {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        values.insert(key.clone(), text.replace('\n', ""));
    }
    Ok(Some(values))
}

/// What kubectl makes of the folder and of what the spec adds to it. The folder itself is left as it is: what is added stands in
/// a kustomization of its own above it.
fn kustomized(
    object: &LiveObject,
    spec: &KustomizationSpec,
    folder: &Path,
    environment: &Environment,
) -> Result<String, FluxError> {
    let wrong = |message: String| failed(object, message);
    let root = folder.canonicalize().map_err(|error| wrong(format!("{}: {error}", folder.display())))?;
    let path = root.join(spec.path.trim_start_matches("./").trim_start_matches('/'));
    let path = path.canonicalize().ok().filter(|path| path.starts_with(&root) && path.is_dir());
    let path =
        path.ok_or_else(|| wrong(format!("there is no folder {} in {}", spec.path, root.display())))?;
    let scratch = Scratch::make("render", environment).map_err(|error| wrong(error.to_string()))?;
    let own = scratch.path().canonicalize().map_err(|error| wrong(error.to_string()))?;
    let up = "../".repeat(own.components().count().saturating_sub(1));
    let seen = |path: &Path| format!("{up}{}", path.display().to_string().trim_start_matches('/'));
    let resources: Vec<String> = resources(&path).iter().map(|path| seen(path)).collect();
    let components: Vec<String> =
        spec.components.iter().map(|component| seen(&normal(&path.join(component)))).collect();
    let kustomization = added(object, spec, &resources, &components);
    let file = own.join("kustomization.yaml");
    fs::write(&file, kustomization.to_string()).map_err(|error| wrong(error.to_string()))?;
    let kubectl = program::find("kubectl", environment)
        .ok_or_else(|| wrong("there is no kubectl on PATH to render it with".to_owned()))?;
    let mut command = Command::new(kubectl);
    command.args(["kustomize", "--load-restrictor=LoadRestrictionsNone"]).arg(&own);
    command.env("PATH", &environment.path).env("HOME", &environment.home);
    let said = process::output(&mut command, b"", KUBECTL)
        .ok_or_else(|| wrong(format!("kubectl kustomize did not end within {} s", KUBECTL.as_secs())))?;
    if said.success { Ok(said.stdout) } else { Err(wrong(said.stderr.trim().to_owned())) }
}

/// The path without `..`; whether it is there is kubectl's to say.
fn normal(path: &Path) -> PathBuf {
    PathBuf::from(rwenv_core::model::normalize(&path.display().to_string()))
}

/// What a folder brings: itself, where it has a kustomization; else every manifest below it, as kustomize-controller lists them
/// (fluxcd/pkg/kustomize, `scanManifests`).
fn resources(folder: &Path) -> Vec<PathBuf> {
    if KUSTOMIZATION.iter().any(|name| folder.join(name).is_file()) {
        return vec![folder.to_owned()];
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let mut out = Vec::new();
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != ".git" {
            out.extend(resources(&path));
        } else if path.is_file() && Tree::is_yaml(name) {
            out.push(path);
        }
    }
    out
}

/// The kustomization above the folder: what the spec adds, and the labels of the controller.
fn added(
    object: &LiveObject,
    spec: &KustomizationSpec,
    resources: &[String],
    components: &[String],
) -> Value {
    let mut labels = vec![json!({ "pairs": {
        "kustomize.toolkit.fluxcd.io/name": object.name,
        "kustomize.toolkit.fluxcd.io/namespace": object.namespace,
    }})];
    if !spec.common_metadata.labels.is_empty() {
        labels.push(json!({ "pairs": spec.common_metadata.labels }));
    }
    let mut patches = spec.patches.clone();
    if !spec.common_metadata.annotations.is_empty() {
        let metadata = json!({ "name": "any", "annotations": spec.common_metadata.annotations });
        let patch = json!({ "apiVersion": "v1", "kind": "Any", "metadata": metadata });
        patches.push(json!({ "target": { "kind": ".*" }, "patch": patch.to_string() }));
    }
    let mut all = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
        "components": components,
        "patches": patches,
        "images": spec.images,
        "labels": labels,
    });
    for (key, value) in [
        ("namespace", &spec.target_namespace),
        ("namePrefix", &spec.name_prefix),
        ("nameSuffix", &spec.name_suffix),
    ] {
        if let (false, Some(all)) = (value.is_empty(), all.as_object_mut()) {
            all.insert(key.to_owned(), json!(value));
        }
    }
    all
}
