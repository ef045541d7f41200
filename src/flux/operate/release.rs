//! What a HelmRelease would make of its cluster: its chart rendered by helm with the values it would have, then the server's dry run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::debug::{ValuesReference, data_of, parsed};
use super::difference::{Compared, Difference, ObjectFate, fields, hide};
use super::dry_run::{Kinds, document};
use super::export::whole;
use super::object::ObjectReference;
use super::scratch::Scratch;
use super::{Flux, FluxError, LiveObject, cascade, kind_of};
use rwenv_core::manifest::yaml;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::{files, process, program};

/// Who applies, for the server (helm-controller).
const MANAGER: &str = "helm-controller";
/// Longest time helm may take: it may fetch a chart.
const HELM: Duration = Duration::from_secs(120);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReleaseFields {
    spec: ReleaseSpec,
}

/// What of a release's spec changes what its chart makes (helm.toolkit.fluxcd.io/v2).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReleaseSpec {
    chart: Option<ChartTemplate>,
    chart_ref: ObjectReference,
    release_name: String,
    target_namespace: String,
    values: Value,
    values_from: Vec<ValuesReference>,
    post_renderers: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChartTemplate {
    spec: ChartSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ChartSpec {
    chart: String,
    version: String,
    source_ref: ObjectReference,
    values_files: Vec<String>,
}

/// What helm is given to find a chart.
struct ChartArguments(Vec<String>);

/// Compares a release as it would be (`after`) with what is in the cluster. Without helm, or where it cannot have the chart, only the
/// release's own fields are compared, and it is said why.
///
/// # Errors
/// Where the cluster does not answer, or the chart cannot be rendered with these values.
pub(super) async fn compared(
    flux: &Flux,
    object: &LiveObject,
    after: &Value,
    folder: &Path,
    environment: &Environment,
) -> Result<Compared, FluxError> {
    let before = whole(flux, object).await?;
    let mut out = Compared::default();
    let changed = fields(object.kind.name, &before, after);
    if changed.is_empty() {
        out.same = 1;
    } else {
        out.differences.push(difference(object, ObjectFate::Changed, changed));
    }
    let ReleaseFields { spec } =
        serde_json::from_value(after.clone()).map_err(|error| failed(object, &error.to_string()))?;
    let chart = match (program::find("helm", environment), chart(flux, object, &spec, folder).await?) {
        (None, _) => Err("there is no helm on PATH to render its chart with".to_owned()),
        (_, Err(why)) => Err(why),
        (Some(_), Ok(_)) if !spec.post_renderers.is_empty() => Err("it has post-renderers".to_owned()),
        (Some(helm), Ok(chart)) => Ok((helm, chart)),
    };
    let (helm, chart) = match chart {
        Ok(known) => known,
        Err(why) => {
            let mut unknown = difference(object, ObjectFate::Unknown, Vec::new());
            unknown.why = Some(format!("what its chart makes is not known: {why}"));
            out.differences.push(unknown);
            return Ok(out);
        }
    };
    let (text, hidden) = templated(flux, object, &spec, (&helm, &chart), environment).await?;
    let namespace = if spec.target_namespace.is_empty() { &object.namespace } else { &spec.target_namespace };
    let (mut kinds, mut ids) = (Kinds::default(), BTreeSet::new());
    for text in text.split("\n---\n").filter(|text| !is_hook(text)) {
        let Some(told) = document(flux, text, (namespace, MANAGER), &mut kinds).await? else { continue };
        ids.insert(told.id);
        match told.difference {
            Some(difference) => out.differences.push(difference),
            None => out.same += 1,
        }
    }
    out.differences.extend(cascade::pruned(flux, object, &ids, &mut kinds).await?);
    for difference in &mut out.differences {
        difference.fields.iter_mut().for_each(|field| hide(field, &hidden));
    }
    Ok(out)
}

fn failed(object: &LiveObject, message: &str) -> FluxError {
    FluxError::Failed { object: object.label(), message: message.to_owned(), events: Vec::new() }
}

fn difference(object: &LiveObject, fate: ObjectFate, fields: Vec<super::Field>) -> Difference {
    let [namespace, name] = [&object.namespace, &object.name].map(Clone::clone);
    Difference { fate, kind: object.kind.name.to_owned(), namespace, name, fields, why: None, with: None }
}

/// True for what helm runs beside the release, and does not keep in it.
fn is_hook(text: &str) -> bool {
    let documents = yaml::parse(text).documents;
    let annotation = ["metadata", "annotations", "helm.sh/hook"];
    documents.first().is_some_and(|root| root.str(&annotation).is_some())
}

/// Where helm finds the chart; why it cannot.
async fn chart(
    flux: &Flux,
    object: &LiveObject,
    spec: &ReleaseSpec,
    folder: &Path,
) -> Result<Result<ChartArguments, String>, FluxError> {
    let referenced = ChartSpec { source_ref: spec.chart_ref.clone(), ..ChartSpec::default() };
    let of = spec.chart.as_ref().map_or(&referenced, |template| &template.spec);
    let (kind, name) = (of.source_ref.kind.as_str(), of.source_ref.name.as_str());
    if kind == "GitRepository" {
        return Ok(in_folder(of, folder));
    }
    let Some(known) = kind_of(kind) else { return Ok(Err(format!("its chart is from a {kind}"))) };
    let source = flux.get(known, of.source_ref.place(&object.namespace), name).await?;
    let source = whole(flux, &source).await?;
    let of_source = |key: &str| source.get("spec").and_then(|spec| spec.get(key));
    if ["secretRef", "certSecretRef", "serviceAccountName"].iter().any(|key| of_source(key).is_some()) {
        return Ok(Err(format!("the {kind} {name} takes credentials of the cluster's")));
    }
    let url = of_source("url").and_then(Value::as_str).unwrap_or_default().trim_end_matches('/').to_owned();
    let of_oci =
        |key: &str| of_source("ref").and_then(|of| of.get(key)?.as_str()).unwrap_or_default().to_owned();
    let mut given = match kind {
        "HelmRepository" if url.starts_with("oci://") => vec![format!("{url}/{}", of.chart)],
        "HelmRepository" => vec![of.chart.clone(), "--repo".to_owned(), url],
        "OCIRepository" => vec![url],
        _ => return Ok(Err(format!("its chart is from a {kind}"))),
    };
    let version = match kind {
        "OCIRepository" => [of_oci("semver"), of_oci("tag")].into_iter().find(|version| !version.is_empty()),
        _ => Some(of.version.clone()).filter(|version| !version.is_empty() && version != "*"),
    };
    given.extend(version.into_iter().flat_map(|version| ["--version".to_owned(), version]));
    Ok(if of.values_files.is_empty() {
        Ok(ChartArguments(given))
    } else {
        Err("it names values files of its chart".to_owned())
    })
}

/// A chart in the folder, with the values files that are named.
fn in_folder(of: &ChartSpec, folder: &Path) -> Result<ChartArguments, String> {
    let root = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    let inside = |path: &str| {
        let path = root.join(path.trim_start_matches("./").trim_start_matches('/')).canonicalize().ok();
        path.filter(|path| path.starts_with(&root))
    };
    let chart = inside(&of.chart).filter(|path| path.join("Chart.yaml").is_file());
    let chart = chart.ok_or_else(|| format!("there is no chart {} in {}", of.chart, root.display()))?;
    let mut given = vec![chart.display().to_string()];
    for file in &of.values_files {
        let file = inside(file).ok_or_else(|| format!("there is no {file} in {}", root.display()))?;
        given.extend(["--values".to_owned(), file.display().to_string()]);
    }
    Ok(ChartArguments(given))
}

/// What helm makes of a chart; and what Secrets hold, which is not shown.
async fn templated(
    flux: &Flux,
    object: &LiveObject,
    spec: &ReleaseSpec,
    (helm, chart): (&Path, &ChartArguments),
    environment: &Environment,
) -> Result<(String, Vec<String>), FluxError> {
    let wrong = |message: &str| failed(object, message);
    let scratch = Scratch::make("release", environment).map_err(|error| wrong(&error.to_string()))?;
    let mut hidden = Vec::new();
    let name = if spec.release_name.is_empty() { &object.name } else { &spec.release_name };
    let namespace = if spec.target_namespace.is_empty() { &object.namespace } else { &spec.target_namespace };
    let mut command = Command::new(helm);
    command.args(["template", name, "--namespace", namespace, "--no-hooks", "--include-crds"]).args(&chart.0);
    let mut number = 0;
    let mut file = |text: &str| -> Result<PathBuf, FluxError> {
        number += 1;
        let path = scratch.path().join(format!("{number}.yaml"));
        files::write(&path, text, 0o600).map_err(|error| wrong(&error.to_string()))?;
        Ok(path)
    };
    for reference in &spec.values_from {
        let Some(data) = data_of(flux, object, reference).await? else { continue };
        let key = reference.values_key.as_deref().unwrap_or("values.yaml");
        let Some(text) = data.get(key) else { continue };
        if reference.kind == "Secret" {
            secrets(&parsed(text), &mut hidden);
            hidden.push(text.clone());
        }
        let path = file(text)?;
        match &reference.target_path {
            // In a file, so that no list of processes shows it.
            Some(at) => command.arg("--set-file").arg(format!("{at}={}", path.display())),
            None => command.arg("--values").arg(path),
        };
    }
    if spec.values.is_object() {
        command.arg("--values").arg(file(&spec.values.to_string())?);
    }
    command.env("PATH", &environment.path).env("HOME", &environment.home);
    let said = process::output(&mut command, b"", HELM)
        .ok_or_else(|| wrong(&format!("helm template did not end within {} s", HELM.as_secs())))?;
    if said.success { Ok((said.stdout, hidden)) } else { Err(wrong(said.stderr.trim())) }
}

/// The texts in values.
fn secrets(values: &Value, out: &mut Vec<String>) {
    match values {
        Value::Object(fields) => fields.values().for_each(|value| secrets(value, out)),
        Value::Array(items) => items.iter().for_each(|value| secrets(value, out)),
        Value::String(text) => out.push(text.clone()),
        _ => {}
    }
}

/// A manifest of a release among others.
pub(super) fn manifest_of(documents: &[String], object: &LiveObject) -> Option<String> {
    let is = |text: &&String| {
        let parsed = yaml::parse(text);
        let Some(root) = parsed.documents.first() else { return false };
        let namespace = root.string(&["metadata", "namespace"]).unwrap_or_default();
        root.str(&["kind"]) == Some(object.kind.name)
            && root.str(&["metadata", "name"]) == Some(object.name.as_str())
            && (namespace.is_empty() || namespace == object.namespace)
    };
    documents.iter().find(is).cloned()
}

/// What becomes of a release that is in no manifest any more.
pub(super) fn gone(object: &LiveObject) -> Difference {
    difference(object, ObjectFate::Pruned, Vec::new())
}
