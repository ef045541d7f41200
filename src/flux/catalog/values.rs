//! Values of charts, with the places they are written at: those of a HelmRelease and of the ConfigMaps it names, and those of an Argo CD
//! Application.

use super::knowledge::{AppliedObject, Applier, Knowledge};
use super::uses::HELM;
use rwenv_core::manifest::tree::{File, folder_of, join};
use rwenv_core::manifest::yaml::{At, Node, parse_from, start_of};
use rwenv_core::model::same_repository;

/// The key values are under where a reference names none (helm-controller, `ValuesReference`).
const KEY: &str = "values.yaml";
/// Group of Applications.
const ARGO: &str = super::walk::ARGO;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As a mapping, or a text that is one.
    Tree,
    /// The same, and a whole file.
    File,
    /// As Argo CD's list of names and values.
    Parameters,
}

/// Values of one place.
#[derive(Clone, Debug)]
pub struct Values {
    /// The values; every node stands where its file has it.
    pub node: Node,
    /// What stands before a path of them for yq.
    pub yq: String,
    /// How they are written.
    pub form: Form,
    /// The source they are for, where an Application has several charts: `sources[1]`.
    pub within: String,
}

impl Values {
    fn of(node: Node, form: Form, yq: String) -> Self {
        Self { node, yq, form, within: String::new() }
    }
}

/// The values of a HelmRelease, or of the charts of an Argo CD Application, those that count over others first.
#[must_use]
pub fn values_of(known: &Knowledge<'_>, found: &AppliedObject<'_>) -> Vec<Values> {
    let resource = &found.resource;
    if resource.group == HELM && resource.kind == "HelmRelease" {
        let own = resource.content.path(&["spec", "values"]).filter(|values| !values.is_null());
        let own = own.map(|node| Values::of(node.clone(), Form::Tree, ".spec.values".to_owned()));
        let chart = local_chart(known, found).and_then(|folder| chart_values(known, &folder));
        return own.into_iter().chain(values_from(known, found)).chain(chart).collect();
    }
    if resource.group == ARGO && resource.kind == "Application" {
        let all = chart_sources(&resource.content);
        let within = |source: &ChartSource<'_>| {
            if all.len() > 1 { source.yq.replacen(".spec.", "", 1) } else { String::new() }
        };
        let of = |source| {
            let layers = of_source(known, found, source).into_iter();
            layers.map(|layer| Values { within: within(source), ..layer }).collect::<Vec<_>>()
        };
        let chart = local_chart(known, found).and_then(|folder| chart_values(known, &folder));
        return all.iter().flat_map(of).chain(chart).collect();
    }
    Vec::new()
}

/// The folder of the chart that a HelmRelease or an Application is made of, where that lies in this repository.
#[must_use]
pub fn local_chart(known: &Knowledge<'_>, found: &AppliedObject<'_>) -> Option<String> {
    let content = &found.resource.content;
    let cluster = known.clusters.get(known.cluster_of(found));
    let prefix = cluster.map_or("", |cluster| cluster.prefix.as_str());
    let written = if found.resource.group == HELM {
        let spec = content.path(&["spec", "chart", "spec"])?;
        (spec.str(&["sourceRef", "kind"]) == Some("GitRepository")).then(|| spec.str(&["chart"]))??
    } else {
        super::walk::argo_source(content.get("spec")?)?.str(&["path"])?
    };
    let folder = join(prefix, written)?;
    join(&folder, "Chart.yaml").filter(|chart| known.tree.has_file(chart)).map(|_| folder)
}

/// What a chart of the repository says itself, which counts last.
fn chart_values(known: &Knowledge<'_>, folder: &str) -> Option<Values> {
    let node = known.tree.files.get(&join(folder, "values.yaml")?)?.documents.first()?.clone();
    Some(Values::of(node, Form::File, String::new()))
}

/// The values of ConfigMaps, those that count over others first.
fn values_from(known: &Knowledge<'_>, found: &AppliedObject<'_>) -> Vec<Values> {
    let items = found.resource.content.path(&["spec", "valuesFrom"]).map(Node::items).unwrap_or_default();
    items.iter().rev().filter_map(|item| referenced(known, found, item)).collect()
}

/// A source of an Application that is, or may be, a chart.
#[derive(Clone, Debug)]
pub struct ChartSource<'n> {
    /// It.
    pub node: &'n Node,
    /// Its path for yq.
    pub yq: String,
}

/// The sources of an Application that charts are made of (`sources` counts over `source`).
#[must_use]
pub fn chart_sources(application: &Node) -> Vec<ChartSource<'_>> {
    let many = application.path(&["spec", "sources"]).map(Node::items).unwrap_or_default();
    let is_chart =
        |source: &ChartSource<'_>| ["chart", "helm"].iter().any(|key| source.node.get(key).is_some());
    let numbered = |(at, node)| ChartSource { node, yq: format!(".spec.sources[{at}]") };
    let one = application.path(&["spec", "source"]).filter(|_| many.is_empty());
    let one = one.map(|node| ChartSource { node, yq: ".spec.source".to_owned() });
    many.iter().enumerate().map(numbered).chain(one).filter(is_chart).collect()
}

/// What a source says of its chart's values: parameters count over `valuesObject`, which stands in the place of `values`, and
/// files come last (Argo CD, "Helm", "Values").
fn of_source(known: &Knowledge<'_>, found: &AppliedObject<'_>, source: &ChartSource<'_>) -> Vec<Values> {
    let Some(helm) = source.node.get("helm") else { return Vec::new() };
    let yq = |key: &str| format!("{}.helm.{key}", source.yq);
    let field = |key: &str, form| {
        let node = helm.get(key).filter(|node| !node.is_null()).cloned();
        node.map(|node| Values::of(node, form, yq(key)))
    };
    let text = || {
        let value = helm.get("values")?;
        let file = known.tree.files.get(known.tree.file_of(value.at))?;
        in_text(file, value, value.text()?, format!("{} | from_yaml | ", yq("values")))
    };
    let files = helm.get("valueFiles").map(Node::items).unwrap_or_default();
    let files = files.iter().rev().filter_map(|file| value_file(known, found, file.text()?));
    // What a set's template says, it says for all that it makes.
    if found.resource.generated {
        return files.collect();
    }
    let own = field("valuesObject", Form::Tree).or_else(text);
    field("parameters", Form::Parameters).into_iter().chain(own).chain(files).collect()
}

/// A values file of another source that is this repository: `$name/path`.
fn value_file(known: &Knowledge<'_>, found: &AppliedObject<'_>, written: &str) -> Option<Values> {
    let Some(named) = written.strip_prefix('$') else {
        // Seen from the chart.
        let path = join(&local_chart(known, found)?, written)?;
        let node = known.tree.files.get(&path)?.documents.first()?.clone();
        return Some(Values::of(node, Form::File, String::new()));
    };
    let (name, path) = named.split_once('/')?;
    let many = found.resource.content.path(&["spec", "sources"]).map(Node::items)?;
    let url = many.iter().find(|source| source.str(&["ref"]) == Some(name))?.str(&["repoURL"])?;
    // This repository, by a remote of it, or because another Application has a folder of it that is here.
    let applied = known.units.iter().filter(|unit| unit.applier == Applier::Argo && unit.folder.is_some());
    let urls = applied.filter_map(|unit| super::walk::argo_source(&unit.spec)?.str(&["repoURL"]));
    let mut here = known.tree.remotes.iter().map(String::as_str).chain(urls);
    if !here.any(|own| same_repository(own, url)) {
        return None;
    }
    let node = known.tree.files.get(&join("", path)?)?.documents.first()?.clone();
    Some(Values::of(node, Form::File, String::new()))
}

fn referenced(known: &Knowledge<'_>, found: &AppliedObject<'_>, item: &Node) -> Option<Values> {
    // A single value put at a path is no place others can be read from.
    if item.str(&["kind"]) != Some("ConfigMap") || item.get("targetPath").is_some() {
        return None;
    }
    let namespace = found.resource.namespace().unwrap_or_default();
    let map = known.resolve(known.cluster_of(found), "ConfigMap", namespace, item.str(&["name"])?)?;
    let map = known.objects.get(map)?;
    let key = item.str(&["valuesKey"]).unwrap_or(KEY);
    let value = map.resource.content.path(&["data", key])?;
    let text = value.text()?;
    let file = known.tree.files.get(known.tree.file_of(value.at))?;
    if let Some(whole) = source_of(known, file, value.at).filter(|whole| whole.text.as_deref() == Some(text))
    {
        let node = whole.documents.first()?.clone();
        return Some(Values::of(node, Form::File, String::new()));
    }
    in_text(file, value, text, format!(".data[\"{key}\"] | from_yaml | "))
}

/// Values in a text of a file.
fn in_text(file: &File, value: &Node, text: &str, yq: String) -> Option<Values> {
    let node = parse_from(text, block(file, value.at, text)?).documents.into_iter().next()?;
    Some(Values::of(node, Form::Tree, yq))
}

/// The file that an entry of a generator's `files` names.
fn source_of<'k>(known: &'k Knowledge<'_>, kustomization: &File, at: At) -> Option<&'k File> {
    let entry = kustomization
        .documents
        .iter()
        .filter_map(|document| document.get("configMapGenerator"))
        .flat_map(Node::items)
        .filter_map(|generator| generator.get("files"))
        .flat_map(Node::items)
        .find(|entry| entry.at == at)?
        .text()?;
    let path = entry.split_once('=').map_or(entry, |(_, path)| path);
    known.tree.files.get(&join(folder_of(&kustomization.path), path)?)
}

/// Where the text of a literal block (`|`) begins; none for a text that is written otherwise.
fn block(file: &File, at: At, text: &str) -> Option<At> {
    let start = start_of(text, at);
    let depth = usize::try_from(start.column).ok()?;
    let mut source = file.text.as_deref()?.lines().skip(usize::try_from(start.line).ok()?);
    let same = |line: &str| source.next().is_some_and(|own| own.get(depth..).unwrap_or_default() == line);
    text.lines().all(same).then_some(start)
}
