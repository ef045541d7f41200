//! Where a service's image is set: in a kustomization, in a release's values, or in the workload itself.

use serde::Serialize;

use super::knowledge::{Applier, Found, Knowledge};
use super::kustomize::image::{Reference, renamed};
use super::kustomize::resource::Image;
use super::uses::{HELM, is_workload, pod};
use super::values::values_from;
use crate::manifest::yaml::{At, Node};

/// What sort of place an image tag stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagKind {
    /// `images` of a kustomization.
    KustomizeImages,
    /// `spec.images` of a Flux Kustomization.
    FluxImages,
    /// `spec.source.kustomize.images` of an Argo CD Application.
    ArgoImages,
    /// `spec.values` of a HelmRelease, or of a ConfigMap it takes them from.
    HelmValues,
    /// A file that a HelmRelease takes values from.
    ValuesFile,
    /// The workload's own manifest.
    Manifest,
}

impl TagKind {
    /// True for places that set an image for everything a kustomization has.
    #[must_use]
    pub fn is_shared(self) -> bool {
        matches!(self, Self::KustomizeImages | Self::FluxImages | Self::ArgoImages)
    }
}

/// A place an image tag stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What sort of place.
    pub kind: TagKind,
    /// Where.
    pub at: At,
    /// The image without its tag, as that place writes it.
    pub image: String,
    /// The tag.
    pub tag: Option<String>,
    /// The path of the tag for yq.
    pub yq: String,
    /// The ImagePolicy that writes it, where a marker says so.
    pub policy: Option<String>,
}

/// The places that set the images of a workload or release, its main one first.
#[must_use]
pub fn tags(known: &Knowledge<'_>, found: &Found<'_>) -> Vec<Tag> {
    let resource = &found.resource;
    let mut all = Vec::new();
    if is_workload(&resource.group, &resource.kind) {
        if let Some(pod) = pod(&resource.kind, &resource.content) {
            for (number, node) in main_first(pod, resource.first_name()) {
                all.extend(container(known, found, number, node));
            }
        }
    } else if resource.group == HELM && resource.kind == "HelmRelease" {
        let own = resource.content.path(&["spec", "values"]);
        values(own, TagKind::HelmValues, ".spec.values", &mut all);
        for from in values_from(known, found) {
            let kind = if from.is_file { TagKind::ValuesFile } else { TagKind::HelmValues };
            let mut further = Vec::new();
            values(Some(&from.node), kind, &from.yq, &mut further);
            // What counts over them has been seen before.
            let path = |tag: &Tag| tag.yq.rsplit(" | ").next().unwrap_or_default().to_owned();
            let known: Vec<String> = all.iter().map(path).collect();
            let own =
                |tag: &Tag| known.iter().any(|known| known.strip_prefix(".spec.values") == Some(&path(tag)));
            all.extend(further.into_iter().filter(|tag| !own(tag) && !known.contains(&path(tag))));
        }
    }
    let name = resource.first_name();
    all.sort_by_key(|tag| tag.image.rsplit('/').next() != Some(name));
    for tag in &mut all {
        tag.policy = marker(known, tag.at);
    }
    all
}

/// The containers of a pod with their numbers, the one that has the workload's name first: a side car may stand before it.
#[must_use]
pub fn main_first<'n>(pod: &'n Node, name: &str) -> Vec<(usize, &'n Node)> {
    let containers = pod.get("containers").map(Node::items).unwrap_or_default();
    let mut all: Vec<(usize, &Node)> = containers.iter().enumerate().collect();
    all.sort_by_key(|(_, container)| container.str(&["name"]) != Some(name));
    all
}

fn container(known: &Knowledge<'_>, found: &Found<'_>, number: usize, container: &Node) -> Option<Tag> {
    let node = container.get("image")?;
    let mut text = node.text()?.to_owned();
    let mut by = found.resource.placed.iter().rev().find_map(|image| placed(image, &text));
    for image in &found.resource.images {
        if let Some(new) = renamed(&text, image) {
            let place = image.new_tag.as_ref().or(image.digest.as_ref());
            if let Some((tag, at)) = place {
                by = Some((image.name.clone(), tag.clone(), *at));
            }
            text = new;
        }
    }
    Some(match by {
        Some((name, tag, at)) => {
            let file = known.tree.files.get(known.tree.file_of(at));
            let argo = known.units.get(found.unit).is_some_and(|unit| unit.applier == Applier::Argo);
            let (kind, yq) = if file.is_some_and(crate::manifest::is_kustomization) {
                let yq = format!("(.images[] | select(.name == \"{name}\") | .newTag)");
                (TagKind::KustomizeImages, yq)
            } else if argo {
                let yq = format!("(.spec.source.kustomize.images[] | select(test(\"^{name}[:=@]\")))");
                (TagKind::ArgoImages, yq)
            } else {
                let yq = format!("(.spec.images[] | select(.name == \"{name}\") | .newTag)");
                (TagKind::FluxImages, yq)
            };
            Tag { kind, at, yq, image: name, tag: Some(tag), policy: None }
        }
        None => {
            let reference = Reference::of(node.text()?);
            Tag {
                kind: TagKind::Manifest,
                at: node.at,
                image: reference.name.to_owned(),
                tag: reference.tag.or(reference.digest).map(str::to_owned),
                yq: format!(".spec.template.spec.containers[{number}].image"),
                policy: None,
            }
        }
    })
}

/// The entry of a kustomization that made an image what it is.
fn placed(image: &Image, text: &str) -> Option<(String, String, At)> {
    let name = image.new_name.as_ref().unwrap_or(&image.name);
    let (tag, at) = image.new_tag.as_ref().or(image.digest.as_ref())?;
    let reference = Reference::of(text);
    let same = reference.name == name && (reference.tag == Some(tag) || reference.digest == Some(tag));
    same.then(|| (image.name.clone(), tag.clone(), *at))
}

/// `image: {repository, tag}` and `image: name:tag` in values, wherever they are.
fn values(node: Option<&Node>, kind: TagKind, path: &str, into: &mut Vec<Tag>) {
    let Some(node) = node else { return };
    for (number, item) in node.items().iter().enumerate() {
        values(Some(item), kind, &format!("{path}[{number}]"), into);
    }
    for (key, value) in node.entries() {
        let key = key.text().unwrap_or_default();
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let below = if plain { format!("{path}.{key}") } else { format!("{path}[\"{key}\"]") };
        let is_image = key == "image" || key.ends_with("Image");
        let tag = |node: &Node, image: String, tag: Option<&str>, yq: String| Tag {
            kind,
            at: node.at,
            image,
            tag: tag.map(str::to_owned),
            yq,
            policy: None,
        };
        match (value.str(&["repository"]), value.get("tag")) {
            (repository, Some(node)) if is_image && node.text().is_some() => {
                let registry = value.str(&["registry"]).map(|name| format!("{name}/")).unwrap_or_default();
                let image = format!("{registry}{}", repository.unwrap_or_default());
                into.push(tag(node, image, node.text(), format!("{below}.tag")));
            }
            _ if is_image && value.text().is_some_and(|text| text.contains(['/', ':'])) => {
                let reference = Reference::of(value.text().unwrap_or_default());
                let image = reference.name.to_owned();
                into.push(tag(value, image, reference.tag.or(reference.digest), below));
            }
            _ => values(Some(value), kind, &below, into),
        }
    }
}

/// The ImagePolicy in the marker at the end of a line: `# {"$imagepolicy": "namespace:name:tag"}`.
fn marker(known: &Knowledge<'_>, at: At) -> Option<String> {
    let text = known.tree.files.get(known.tree.file_of(at))?.text.as_deref()?;
    let line = text.lines().nth(usize::try_from(at.line).ok()?.checked_sub(1)?)?;
    let (_, marker) = line.split_once("\"$imagepolicy\"")?;
    let policy = marker.split('"').nth(1)?;
    let mut parts = policy.split(':');
    Some(format!("{}:{}", parts.next()?, parts.next()?))
}
