//! What is known, as `flux-resources.json` has it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::keys::Names;
use super::super::{Metadata, Place, Services, View, keyed};
use super::{
    Application, Finding, FluxResources, HelmRelease, ImageObject, Kustomization, OneOrMany, Orphan, Project,
    Source,
};
use crate::catalog::knowledge::{Applier, Found, Unit};
use crate::catalog::uses::HELM;
use crate::manifest::yaml::{At, Node};

/// Group of GitRepositories and their like.
const SOURCE: &str = "source.toolkit.fluxcd.io";
/// Group of ImagePolicies.
const IMAGE: &str = "image.toolkit.fluxcd.io";

pub(in super::super) fn resources(
    view: &View<'_, '_>,
    services: &Services,
    metadata: Metadata,
) -> FluxResources {
    let known = view.known;
    let units =
        |applier: Applier| known.units.iter().enumerate().filter(move |(_, unit)| unit.applier == applier);
    let manages = manages(view, services);
    let of =
        |number: usize| manages.get(&number).cloned().unwrap_or_default().into_iter().collect::<Vec<_>>();
    let kustomizations = units(Applier::Flux)
        .map(|(number, unit)| (unit_names(view, unit), kustomization(view, unit, of(number))));
    let applications = units(Applier::Argo)
        .filter(|(_, unit)| unit.spec.get("generators").is_none())
        .map(|(number, unit)| (unit_names(view, unit), application(view, unit, of(number))));
    let releases = known
        .of_kind(HELM, "HelmRelease")
        .map(|(_, found)| (view.names(found, &view.namespace(found)), release(view, found)));
    let sources = known
        .objects
        .iter()
        .filter(|found| found.resource.group == SOURCE && found.resource.kind != "HelmChart")
        .map(|found| (view.names(found, &view.namespace(found)), source(view, found)));
    let images = known
        .objects
        .iter()
        .filter(|found| found.resource.group == IMAGE)
        .map(|found| (view.names(found, &view.namespace(found)), image(view, found)));
    let projects = known
        .of_kind("argoproj.io", "AppProject")
        .map(|(_, found)| (view.names(found, &view.namespace(found)), project(view, found)));
    let place = |at: At| {
        let (file, line) = known.place(at);
        Place { cluster: None, file, line }
    };
    FluxResources {
        kustomizations: keyed(kustomizations.collect(), |entry, name| entry.name = Some(name)),
        helm_releases: keyed(releases.collect(), |entry, name| entry.name = Some(name)),
        sources: keyed(sources.collect(), |entry, name| entry.name = Some(name)),
        image_automation: keyed(images.collect(), |entry, name| entry.name = Some(name)),
        applications: keyed(applications.collect(), |entry, name| entry.name = Some(name)),
        projects: keyed(projects.collect(), |entry, name| entry.name = Some(name)),
        orphans: known
            .orphans
            .iter()
            .map(|o| Orphan {
                kind: o.kind.clone(),
                name: o.name.clone(),
                namespace: o.namespace.clone(),
                place: place(o.at),
            })
            .collect(),
        findings: known
            .problems
            .iter()
            .map(|problem| {
                let (file, line) = known.place(problem.at);
                Finding { file, line, message: problem.message.clone() }
            })
            .collect(),
        metadata,
    }
}

fn unit_names(view: &View<'_, '_>, unit: &Unit) -> Names {
    let (file, line) = view.known.place(unit.at);
    Names {
        name: unit.name.clone(),
        namespace: unit.namespace.clone(),
        cluster: view.cluster(unit.cluster).unwrap_or_default(),
        rest: format!("{file}:{line}"),
    }
}

/// What each unit applies: services, and units in their turn.
fn manages(view: &View<'_, '_>, services: &Services) -> BTreeMap<usize, BTreeSet<String>> {
    let known = view.known;
    let mut all: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    let places: BTreeMap<(&str, u32, Option<&String>), &String> = services
        .services
        .iter()
        .map(|(key, service)| {
            (
                (service.place.file.as_str(), service.place.line, service.place.cluster.as_ref()),
                service.name.as_ref().unwrap_or(key),
            )
        })
        .collect();
    for found in &known.objects {
        let place = view.place_of(found);
        let service = places.get(&(place.file.as_str(), place.line, place.cluster.as_ref()));
        if service.is_some() {
            all.entry(found.unit).or_default().insert(found.resource.name.to_string());
        }
    }
    for unit in &known.units {
        if let Some(above) = unit.above {
            all.entry(above).or_default().insert(unit.name.clone());
        }
    }
    all
}

/// Names under `dependsOn`, with the namespace where it is another one.
fn depends_on(spec: &Node, own: &str) -> Vec<String> {
    let items = spec.get("dependsOn").map(Node::items).unwrap_or_default();
    let names = items.iter().filter_map(|item| {
        let name = item.str(&["name"])?;
        let namespace = item.str(&["namespace"]).filter(|namespace| *namespace != own);
        Some(namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}")))
    });
    names.collect()
}

fn text(node: &Node, path: &[&str]) -> Option<String> {
    node.str(path).map(str::to_owned)
}

fn is_true(node: &Node, path: &[&str]) -> bool {
    node.str(path) == Some("true")
}

fn kustomization(view: &View<'_, '_>, unit: &Unit, manages: Vec<String>) -> Kustomization {
    let spec = &unit.spec;
    let from = spec.path(&["postBuild", "substituteFrom"]).map(Node::items).unwrap_or_default();
    let above = unit.above.and_then(|above| view.known.units.get(above));
    let root = view.known.clusters.get(unit.cluster).filter(|_| spec.entries().is_empty());
    let root_source = root.and_then(|cluster| cluster.source.clone());
    let root_path = root.map(|cluster| format!("./{}", cluster.folder)).unwrap_or_default();
    Kustomization {
        namespace: unit.namespace.clone(),
        path: text(spec, &["path"]).unwrap_or(root_path),
        source_ref: text(spec, &["sourceRef", "name"])
            .or_else(|| root_source.clone().map(|(_, name)| name))
            .unwrap_or_default(),
        source_kind: text(spec, &["sourceRef", "kind"])
            .or_else(|| root_source.map(|(kind, _)| kind))
            .unwrap_or_else(|| "GitRepository".to_owned()),
        depends_on: depends_on(spec, &unit.namespace),
        interval: text(spec, &["interval"]),
        prune: is_true(spec, &["prune"]),
        suspend: is_true(spec, &["suspend"]),
        target_namespace: text(spec, &["targetNamespace"]),
        substitute_from: OneOrMany::of(from.iter().filter_map(|item| text(item, &["name"])).collect()),
        unresolved_vars: unit.unresolved.iter().cloned().collect(),
        manages,
        managed_by: above.map(|above| above.name.clone()),
        folder: unit.folder.clone(),
        name: None,
        place: view.place(unit.cluster, unit.at),
    }
}

fn release(view: &View<'_, '_>, found: &Found<'_>) -> HelmRelease {
    let content = view.known.content(found);
    let namespace = view.namespace(found);
    let empty = Node { at: found.resource.at, value: crate::manifest::yaml::Value::Map(Vec::new()) };
    let spec = content.get("spec").unwrap_or(&empty);
    let target = text(spec, &["targetNamespace"]).filter(|target| *target != namespace);
    let name = found.resource.name.to_string();
    let composed = || target.as_ref().map_or_else(|| name.clone(), |target| format!("{target}-{name}"));
    let values = spec.get("valuesFrom").map(Node::items).unwrap_or_default();
    let (chart, chart_source, chart_source_kind) = chart(view, found, spec, &namespace);
    HelmRelease {
        version: text(spec, &["chart", "spec", "version"]),
        interval: text(spec, &["interval"]),
        release_name: text(spec, &["releaseName"]).unwrap_or_else(composed),
        depends_on: depends_on(spec, &namespace),
        values_from: values
            .iter()
            .filter_map(|item| Some(format!("{}/{}", item.str(&["kind"])?, item.str(&["name"])?)))
            .collect(),
        suspend: is_true(spec, &["suspend"]),
        kustomization: view
            .unit(found)
            .filter(|unit| unit.applier != Applier::Folder)
            .map(|unit| unit.name.clone()),
        name: None,
        place: view.place_of(found),
        target_namespace: target,
        namespace,
        chart,
        chart_source,
        chart_source_kind,
    }
}

/// Chart, name of its source and that one's kind. A reference to an artifact has the chart's name in its URL only.
fn chart(view: &View<'_, '_>, found: &Found<'_>, spec: &Node, own: &str) -> (String, String, String) {
    let known = view.known;
    let Some(reference) = spec.get("chartRef") else {
        let chart = text(spec, &["chart", "spec", "chart"]).unwrap_or_default();
        let name = text(spec, &["chart", "spec", "sourceRef", "name"]).unwrap_or_default();
        return (chart, name, text(spec, &["chart", "spec", "sourceRef", "kind"]).unwrap_or_default());
    };
    let (kind, name) =
        (text(reference, &["kind"]).unwrap_or_default(), text(reference, &["name"]).unwrap_or_default());
    let namespace = reference.str(&["namespace"]).unwrap_or(own);
    let target = known.resolve(known.cluster_of(found), &kind, namespace, &name);
    let content = target.and_then(|number| known.objects.get(number)).map(|source| known.content(source));
    let chart = content.as_ref().and_then(|content| match kind.as_str() {
        "HelmChart" => text(content, &["spec", "chart"]),
        _ => content.str(&["spec", "url"])?.trim_end_matches('/').rsplit('/').next().map(str::to_owned),
    });
    (chart.unwrap_or_else(|| name.clone()), name, kind)
}

fn source(view: &View<'_, '_>, found: &Found<'_>) -> Source {
    let content = view.known.content(found);
    let keys = ["branch", "tag", "semver", "commit", "digest", "name"];
    let reference = content.path(&["spec", "ref"]);
    let url = text(&content, &["spec", "url"]).or_else(|| {
        Some(format!("{}/{}", content.str(&["spec", "endpoint"])?, content.str(&["spec", "bucketName"])?))
    });
    Source {
        kind: found.resource.kind.to_string(),
        namespace: view.namespace(found),
        url: crate::host::redact::redact(&url.unwrap_or_default()),
        reference: reference.and_then(|reference| keys.iter().find_map(|key| text(reference, &[key]))),
        interval: text(&content, &["spec", "interval"]),
        name: None,
        place: view.place_of(found),
    }
}

fn image(view: &View<'_, '_>, found: &Found<'_>) -> ImageObject {
    let content = view.known.content(found);
    let target = match &*found.resource.kind {
        "ImageRepository" => text(&content, &["spec", "image"]),
        "ImagePolicy" => text(&content, &["spec", "imageRepositoryRef", "name"]),
        _ => text(&content, &["spec", "update", "path"]),
    };
    ImageObject {
        kind: found.resource.kind.to_string(),
        namespace: view.namespace(found),
        target,
        name: None,
        place: view.place_of(found),
    }
}

fn application(view: &View<'_, '_>, unit: &Unit, manages: Vec<String>) -> Application {
    let spec = &unit.spec;
    let many = spec.get("sources").map(Node::items).unwrap_or_default();
    let first = |key: &str| {
        let all = spec.get("source").into_iter().chain(many);
        all.filter_map(|source| text(source, &[key])).next()
    };
    let above = unit.above.and_then(|above| view.known.units.get(above));
    Application {
        namespace: unit.namespace.clone(),
        repo_url: first("repoURL").map(|url| crate::host::redact::redact(&url)),
        path: first("path"),
        chart: first("chart"),
        target_revision: first("targetRevision"),
        project: text(spec, &["project"]),
        destination: text(spec, &["destination", "server"]).or_else(|| text(spec, &["destination", "name"])),
        destination_namespace: text(spec, &["destination", "namespace"]),
        manages,
        managed_by: above.map(|above| above.name.clone()),
        name: None,
        place: view.place(unit.cluster, unit.at),
    }
}

fn project(view: &View<'_, '_>, found: &Found<'_>) -> Project {
    let content = view.known.content(found);
    let list = |key: &str| content.path(&["spec", key]).map(Node::items).unwrap_or_default();
    Project {
        namespace: view.namespace(found),
        source_repos: list("sourceRepos").iter().filter_map(|item| item.text().map(str::to_owned)).collect(),
        destinations: list("destinations").iter().filter_map(|item| text(item, &["namespace"])).collect(),
        name: None,
        place: view.place_of(found),
    }
}
