//! What is known, as `flux-resources.json` has it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::super::entry::{Metadata, PlaceParts};
use super::super::services::Services;
use super::super::view::{View, keyed};
use super::file::{
    AppProject, Application, FluxFinding, FluxResources, FluxSource, HelmRelease, ImageObject, Kustomization,
    OneOrMany, OrphanEntry,
};
use crate::catalog::knowledge::{AppliedObject, Applier, KnownCluster, RootKind, Unit};
use crate::catalog::uses::HELM;
use rwenv_core::manifest::yaml::Node;

/// Group of GitRepositories and their like.
const SOURCE: &str = "source.toolkit.fluxcd.io";
/// Group of ImagePolicies.
const IMAGE: &str = "image.toolkit.fluxcd.io";

pub(in crate::catalog::document) fn resources(
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
    let kustomizations =
        units(Applier::Flux).map(|(number, unit)| view.applies(unit, kustomization(view, unit, of(number))));
    let applications = units(Applier::Argo)
        .filter(|(_, unit)| unit.spec.get("generators").is_none())
        .map(|(number, unit)| view.applies(unit, application(view, unit, of(number))));
    let releases =
        known.of_kind(HELM, "HelmRelease").map(|(_, found)| view.defines(found, release(view, found)));
    let sources = known
        .objects
        .iter()
        .filter(|found| found.resource.group == SOURCE && found.resource.kind != "HelmChart")
        .map(|found| view.defines(found, source(view, found)));
    let images = known
        .objects
        .iter()
        .filter(|found| found.resource.group == IMAGE)
        .map(|found| view.defines(found, image(view, found)));
    let projects = known
        .of_kind("argoproj.io", "AppProject")
        .map(|(_, found)| view.defines(found, project(view, found)));
    FluxResources {
        kustomizations: keyed(kustomizations.collect()),
        helm_releases: keyed(releases.collect()),
        sources: keyed(sources.collect()),
        image_automation: keyed(images.collect()),
        applications: keyed(applications.collect()),
        projects: keyed(projects.collect()),
        orphans: known
            .orphans
            .iter()
            .map(|orphan| {
                let (file, line) = known.place(orphan.at);
                let (kind, name) = (orphan.kind.clone(), orphan.name.clone());
                OrphanEntry { kind, name, namespace: orphan.namespace.clone(), file, line }
            })
            .collect(),
        findings: known
            .problems
            .iter()
            .map(|problem| {
                let (file, line) = known.place(problem.at);
                FluxFinding { file, line, message: problem.message.clone() }
            })
            .collect(),
        metadata,
    }
}

/// What each unit applies: services, and units in their turn.
fn manages(view: &View<'_, '_>, services: &Services) -> BTreeMap<usize, BTreeSet<String>> {
    let known = view.known;
    let mut all: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    let places: HashSet<PlaceParts<'_>> =
        services.services.values().map(|service| service.place.place()).collect();
    for found in &known.objects {
        if places.contains(&view.place_of(found).place()) {
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

fn is_true(node: &Node, path: &[&str]) -> bool {
    node.str(path) == Some("true")
}

fn kustomization(view: &View<'_, '_>, unit: &Unit, manages: Vec<String>) -> Kustomization {
    let spec = &unit.spec;
    let from = spec.path(&["postBuild", "substituteFrom"]).map(Node::items).unwrap_or_default();
    let above = unit.above.and_then(|above| view.known.units.get(above));
    let is_flux = |cluster: &&KnownCluster| cluster.kind != RootKind::Folders;
    let root = view.known.clusters.get(unit.cluster).filter(|_| spec.entries().is_empty()).filter(is_flux);
    let root_source = root.and_then(|cluster| cluster.source.clone());
    let root_path = root.map(|cluster| format!("./{}", cluster.folder)).unwrap_or_default();
    Kustomization {
        namespace: unit.namespace.clone(),
        path: spec.string(&["path"]).unwrap_or(root_path),
        source_ref: spec
            .string(&["sourceRef", "name"])
            .or_else(|| root_source.clone().map(|(_, name)| name))
            .unwrap_or_default(),
        source_kind: spec
            .string(&["sourceRef", "kind"])
            .or_else(|| root_source.map(|(kind, _)| kind))
            .unwrap_or_else(|| "GitRepository".to_owned()),
        depends_on: depends_on(spec, &unit.namespace),
        // What bootstrap and flux-operator write where no file says it (flux-operator, `syncTmpl`).
        interval: spec.string(&["interval"]).or_else(|| root.map(|_| "10m0s".to_owned())),
        prune: root.is_some() || is_true(spec, &["prune"]),
        suspend: is_true(spec, &["suspend"]),
        target_namespace: spec.string(&["targetNamespace"]),
        substitute_from: OneOrMany::of(from.iter().filter_map(|item| item.string(&["name"])).collect()),
        unresolved_vars: unit.unresolved.iter().cloned().collect(),
        manages,
        managed_by: above.map(|above| above.name.clone()),
        folder: unit.folder.clone(),
    }
}

fn release(view: &View<'_, '_>, found: &AppliedObject<'_>) -> HelmRelease {
    let content = view.known.content(found);
    let namespace = view.namespace(found);
    let empty = Node { at: found.resource.at, value: rwenv_core::manifest::yaml::Value::Map(Vec::new()) };
    let spec = content.get("spec").unwrap_or(&empty);
    let target = spec.string(&["targetNamespace"]).filter(|target| *target != namespace);
    let name = found.resource.name.to_string();
    let composed = || target.as_ref().map_or_else(|| name.clone(), |target| format!("{target}-{name}"));
    let values = spec.get("valuesFrom").map(Node::items).unwrap_or_default();
    let (chart, chart_source, chart_source_kind) = chart(view, found, spec, &namespace);
    HelmRelease {
        version: spec.string(&["chart", "spec", "version"]),
        interval: spec.string(&["interval"]),
        release_name: spec.string(&["releaseName"]).unwrap_or_else(composed),
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
        target_namespace: target,
        namespace,
        chart,
        chart_source,
        chart_source_kind,
    }
}

/// Chart, name of its source and that one's kind. A reference to an artifact has the chart's name in its URL only.
fn chart(view: &View<'_, '_>, found: &AppliedObject<'_>, spec: &Node, own: &str) -> (String, String, String) {
    let known = view.known;
    let Some(reference) = spec.get("chartRef") else {
        let chart = spec.string(&["chart", "spec", "chart"]).unwrap_or_default();
        let name = spec.string(&["chart", "spec", "sourceRef", "name"]).unwrap_or_default();
        return (chart, name, spec.string(&["chart", "spec", "sourceRef", "kind"]).unwrap_or_default());
    };
    let (kind, name) =
        (reference.string(&["kind"]).unwrap_or_default(), reference.string(&["name"]).unwrap_or_default());
    let namespace = reference.str(&["namespace"]).unwrap_or(own);
    let target = known.resolve(known.cluster_of(found), &kind, namespace, &name);
    let content = target.and_then(|number| known.objects.get(number)).map(|source| known.content(source));
    let chart = content.as_ref().and_then(|content| match kind.as_str() {
        "HelmChart" => content.string(&["spec", "chart"]),
        _ => content.str(&["spec", "url"])?.trim_end_matches('/').rsplit('/').next().map(str::to_owned),
    });
    (chart.unwrap_or_else(|| name.clone()), name, kind)
}

fn source(view: &View<'_, '_>, found: &AppliedObject<'_>) -> FluxSource {
    let content = view.known.content(found);
    let keys = ["branch", "tag", "semver", "commit", "digest", "name"];
    let reference = content.path(&["spec", "ref"]);
    let url = content.string(&["spec", "url"]).or_else(|| {
        Some(format!("{}/{}", content.str(&["spec", "endpoint"])?, content.str(&["spec", "bucketName"])?))
    });
    FluxSource {
        kind: found.resource.kind.to_string(),
        namespace: view.namespace(found),
        url: rwenv_gate::base::redact::redact(&url.unwrap_or_default()),
        reference: reference.and_then(|reference| keys.iter().find_map(|key| reference.string(&[key]))),
        interval: content.string(&["spec", "interval"]),
    }
}

fn image(view: &View<'_, '_>, found: &AppliedObject<'_>) -> ImageObject {
    let content = view.known.content(found);
    let target = match &*found.resource.kind {
        "ImageRepository" => content.string(&["spec", "image"]),
        "ImagePolicy" => content.string(&["spec", "imageRepositoryRef", "name"]),
        _ => content.string(&["spec", "update", "path"]),
    };
    ImageObject { kind: found.resource.kind.to_string(), namespace: view.namespace(found), target }
}

fn application(view: &View<'_, '_>, unit: &Unit, manages: Vec<String>) -> Application {
    let spec = &unit.spec;
    let many = spec.get("sources").map(Node::items).unwrap_or_default();
    let first = |key: &str| {
        let all = spec.get("source").into_iter().chain(many);
        all.filter_map(|source| source.string(&[key])).next()
    };
    let above = unit.above.and_then(|above| view.known.units.get(above));
    Application {
        namespace: unit.namespace.clone(),
        repo_url: first("repoURL").map(|url| rwenv_gate::base::redact::redact(&url)),
        path: first("path"),
        chart: first("chart"),
        target_revision: first("targetRevision"),
        project: spec.string(&["project"]),
        destination: spec
            .string(&["destination", "server"])
            .or_else(|| spec.string(&["destination", "name"])),
        destination_namespace: spec.string(&["destination", "namespace"]),
        manages,
        managed_by: above.map(|above| above.name.clone()),
    }
}

fn project(view: &View<'_, '_>, found: &AppliedObject<'_>) -> AppProject {
    let content = view.known.content(found);
    let list = |key: &str| content.path(&["spec", key]).map(Node::items).unwrap_or_default();
    AppProject {
        namespace: view.namespace(found),
        source_repos: list("sourceRepos").iter().filter_map(|item| item.text().map(str::to_owned)).collect(),
        destinations: list("destinations").iter().filter_map(|item| item.string(&["namespace"])).collect(),
    }
}
