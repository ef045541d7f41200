//! `services.json` and `services-catalog.json`: what runs where, and which file to change.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::Serialize;

use super::super::images::{Tag, TagKind, main_first, tags};
use super::super::knowledge::{AppliedObject, Applier};
use super::super::part::ImagePart;
use super::super::uses::{HELM, is_workload};
use super::super::values::local_chart;
use super::super::walk::argo_chart;
use super::entry::{Entry, Metadata, Origin};
use super::view::{View, keyed};
use rwenv_core::manifest::tree::{folder_of, side_by_side};
use rwenv_core::manifest::yaml::Node;

/// `services.json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Services {
    /// The services by name.
    pub services: BTreeMap<String, Entry<Service>>,
    /// Where image tags are set, by group.
    pub image_groups: BTreeMap<String, ImageGroup>,
    /// What the file says about itself.
    pub metadata: Metadata,
}

/// A workload or a release.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Where it runs.
    pub namespace: String,
    /// The workload, where the repository has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The HelmRelease, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm_release: Option<String>,
    /// Folder of its definition.
    pub flux_path: String,
    /// The Flux Kustomization that applies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomization: Option<String>,
    /// The Argo CD Application that applies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// What it is.
    pub description: String,
    /// Its group in `imageGroups`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_group: Option<String>,
    /// Its kind.
    pub kind: String,
    /// Its image, the main one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The Flux Kustomizations, or their like, that bring it in, as `namespace/name`, the root first.
    pub chain: Vec<String>,
}

/// A place an image tag is set for services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageGroup {
    /// The file.
    pub file: String,
    /// The line of the tag.
    pub line: u32,
    /// The image, as the file names it.
    pub image_name: String,
    /// What sort of place it is.
    #[serde(rename = "type")]
    pub kind: TagKind,
    /// The tag's path for yq.
    pub yq_path: String,
    /// The tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The ImagePolicy that writes it: `namespace:name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_policy: Option<String>,
    /// The services that run it.
    pub services: Vec<String>,
}

/// `services-catalog.json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Catalog {
    /// Version of the format.
    pub version: &'static str,
    /// Where it comes from.
    pub generated_from: GeneratedFrom,
    /// The services by name.
    pub services: BTreeMap<String, Entry<CatalogEntry>>,
}

/// Where a catalog comes from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratedFrom {
    /// The cluster.
    pub cluster: String,
    /// URL of the repository.
    pub flux_repo: String,
    /// When, RFC 3339.
    pub generated_at: String,
}

/// A service of the catalog.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatalogEntry {
    /// What it is.
    pub description: String,
    /// Where it runs.
    pub namespace: String,
    /// Folder of its definition.
    pub flux_path: String,
    /// The HelmRelease, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm_release: Option<String>,
    /// What applies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomization: Option<String>,
}

pub(super) fn catalog(services: &Services, origin: &Origin) -> Catalog {
    let entries = services.services.iter().map(|(key, service)| {
        let entry = CatalogEntry {
            description: service.description.clone(),
            namespace: service.namespace.clone(),
            flux_path: service.flux_path.clone(),
            helm_release: service.helm_release.clone(),
            kustomization: service.kustomization.clone().or_else(|| service.application.clone()),
        };
        (key.clone(), Entry { what: entry, place: service.place.clone() })
    });
    Catalog {
        version: "1.0",
        generated_from: GeneratedFrom {
            cluster: origin.cluster.clone(),
            flux_repo: origin.flux_repo.clone(),
            generated_at: origin.generated_at.clone(),
        },
        services: entries.collect(),
    }
}

pub(super) fn services(view: &View<'_, '_>, metadata: Metadata) -> Services {
    let entries = side_by_side(&view.known.objects, |found| {
        let service = service(view, found)?;
        let (names, place) = view.names(found, &service.namespace);
        Some((names, place, (service, tags(view.known, found))))
    });
    let all = keyed(entries.into_iter().flatten().collect());
    let mut groups = Groups::default();
    let mut services = BTreeMap::new();
    for (key, Entry { what: (mut service, tags), place }) in all {
        let running = service.image.take();
        for (number, tag) in tags.into_iter().enumerate() {
            let main = number == 0 && tag.part != ImagePart::Beside;
            // A side car's own tag is no concern of a rollout.
            if !main && !tag.kind.is_shared() {
                continue;
            }
            if main {
                let version = tag.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
                // The place of a tag may know the image by the name that another takes (`newName`).
                let written =
                    || Some(format!("{}{version}", tag.image)).filter(|image| !image.starts_with(':'));
                service.image = running.clone().or_else(written);
            }
            let group = groups.add(view, tag, &key);
            service.image_group.get_or_insert(group);
        }
        services.insert(key, Entry { what: service, place });
    }
    Services { services, image_groups: groups.all, metadata }
}

/// The service an object is, if it is one.
fn service(view: &View<'_, '_>, found: &AppliedObject<'_>) -> Option<Service> {
    let resource = &found.resource;
    let release = resource.group == HELM && resource.kind == "HelmRelease";
    let chart = resource.group == "argoproj.io" && resource.kind == "Application";
    if !release && !chart && !is_workload(&resource.group, &resource.kind) {
        return None;
    }
    let content = view.known.content(found);
    let one = content.path(&["spec", "source"]);
    let many = content.path(&["spec", "sources"]).map(Node::items).unwrap_or_default();
    let argo_chart = one.into_iter().chain(many).find_map(argo_chart);
    let local = local_chart(view.known, found).filter(|_| chart);
    let argo_chart = argo_chart.or(local.as_deref());
    if chart && argo_chart.is_none() {
        return None;
    }
    let target = match (release, chart) {
        (true, _) => content.str(&["spec", "targetNamespace"]),
        (_, true) => content.str(&["spec", "destination", "namespace"]),
        _ => None,
    };
    let namespace = target.map_or_else(|| view.namespace(found), str::to_owned);
    let name = resource.name.to_string();
    let unit = view.unit(found);
    let by = |applier: Applier| unit.filter(|unit| unit.applier == applier).map(|unit| unit.name.clone());
    let file = view.place_of(found).file;
    Some(Service {
        description: description(&content, (&resource.kind, resource.first_name()), argo_chart, release),
        namespace,
        deployment: (!release && !chart).then(|| name.clone()),
        helm_release: release.then(|| name.clone()),
        flux_path: format!("{}/", folder_of(&file)).trim_start_matches('/').to_owned(),
        kustomization: by(Applier::Flux),
        application: if chart { Some(name) } else { by(Applier::Argo) },
        image_group: None,
        kind: resource.kind.to_string(),
        image: running(&content, &resource.kind, resource.first_name()).map(str::to_owned),
        chain: view.known.chain(found),
    })
}

/// What an object says it is, or what can be seen of it.
fn description(
    content: &Node,
    (kind, name): (&str, &str),
    argo_chart: Option<&str>,
    release: bool,
) -> String {
    let keys = ["kubernetes.io/description", "app.kubernetes.io/description", "description"];
    let own = keys.iter().find_map(|key| content.str(&["metadata", "annotations", key]));
    if let Some(own) = own.filter(|own| !own.trim().is_empty()) {
        return own.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if let Some(chart) = argo_chart {
        return format!("Helm chart {chart}, applied by Argo CD");
    }
    if release {
        let chart = content
            .str(&["spec", "chart", "spec", "chart"])
            .or_else(|| content.str(&["spec", "chartRef", "name"]));
        let version =
            content.str(&["spec", "chart", "spec", "version"]).map(|v| format!(" {v}")).unwrap_or_default();
        return format!("Helm release of chart {}{version}", chart.unwrap_or("(not named)"));
    }
    let image = running(content, kind, name)
        .map(|image| rwenv_core::manifest::kustomize::image::ImageReference::of(image).name.to_owned());
    image.map_or_else(|| kind.to_owned(), |image| format!("{kind} of {image}"))
}

/// The image of a workload's main container, as it is applied.
fn running<'n>(content: &'n Node, kind: &str, name: &str) -> Option<&'n str> {
    let pod = super::super::uses::pod(kind, content)?;
    main_first(content, pod, name).first()?.1.str(&["image"])
}

/// Image groups under names of their own.
#[derive(Default)]
struct Groups {
    all: BTreeMap<String, ImageGroup>,
    /// The names by file, line and path.
    places: HashMap<(String, u32, String), String>,
}

impl Groups {
    /// Adds a service to the group of a tag, and gives the group's name.
    fn add(&mut self, view: &View<'_, '_>, tag: Tag, service: &str) -> String {
        let (file, line) = view.known.place(tag.at);
        let place = (file.clone(), line, tag.yq.clone());
        if let Some(name) = self.places.get(&place) {
            let group = self.all.get_mut(name);
            if let Some(group) =
                group.filter(|group| group.services.last().is_none_or(|known| known != service))
            {
                group.services.push(service.to_owned());
            }
            return name.clone();
        }
        let folder = folder_of(&file).rsplit('/').next().unwrap_or_default();
        let base = tag.image.rsplit('/').next().unwrap_or_default();
        let own = if tag.kind.is_shared() { folder } else { service };
        let forms = [
            own.to_owned(),
            format!("{own}-{base}"),
            format!("{file}:{line}"),
            format!("{file}:{line} {}", tag.yq),
        ];
        let free = forms.iter().find(|form| !form.is_empty() && !self.all.contains_key(*form));
        let name = free.or(forms.last()).cloned().unwrap_or_default();
        let group = ImageGroup {
            file,
            line,
            image_name: tag.image,
            kind: tag.kind,
            yq_path: tag.yq,
            tag: tag.tag,
            image_policy: tag.policy,
            services: vec![service.to_owned()],
        };
        self.places.insert(place, name.clone());
        self.all.insert(name.clone(), group);
        name
    }
}
