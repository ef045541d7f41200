//! Where a service's image is set: in a kustomization, in a release's values, or in the workload itself.

use schemars::JsonSchema;
use serde::Serialize;

use super::knowledge::{AppliedObject, Applier, Knowledge};
use super::part::{self, ImagePart, main_container};
use super::uses::{is_workload, pod};
use super::values::{Form, Values, values_of};
use rwenv_core::manifest::kustomize::image::{Image, ImageReference, renamed};
use rwenv_core::manifest::yaml::{At, Node};

/// What sort of place an image tag stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TagKind {
    /// `images` of a kustomization.
    KustomizeImages,
    /// `spec.images` of a Flux Kustomization.
    FluxImages,
    /// `spec.source.kustomize.images` of an Argo CD Application.
    ArgoImages,
    /// Values of a chart in an Argo CD Application.
    ArgoValues,
    /// `spec.values` of a HelmRelease, or of a ConfigMap it takes them from.
    HelmValues,
    /// A file that a release or an Application takes values from.
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
    /// Where the image stands in values or in a pod, which tells apart what has no name: `etcd.image`.
    pub path: String,
    /// The container that runs it, where that is known.
    pub container: Option<String>,
    /// What it is to the service.
    pub part: ImagePart,
    /// The ImagePolicy that writes it, where a marker says so.
    pub policy: Option<String>,
}

/// The places that set the images of a workload, a release or a chart's Application, its main one first.
#[must_use]
pub fn tags(known: &Knowledge<'_>, found: &AppliedObject<'_>) -> Vec<Tag> {
    let resource = &found.resource;
    let name = resource.first_name();
    let mut all: Vec<Tag> = Vec::new();
    if is_workload(&resource.group, &resource.kind) {
        all.extend(containers(known, found));
    }
    for layer in values_of(known, found) {
        let further = match (layer.form, resource.kind == "Application") {
            (Form::Parameters, _) => parameters(&layer),
            (Form::File, _) => in_values(&layer, TagKind::ValuesFile),
            (Form::Tree, true) => in_values(&layer, TagKind::ArgoValues),
            (Form::Tree, false) => in_values(&layer, TagKind::HelmValues),
        };
        let dot = if layer.within.is_empty() { "" } else { "." };
        let placed = |tag: Tag| Tag { path: format!("{}{dot}{}", layer.within, tag.path), ..tag };
        let further: Vec<Tag> = further.into_iter().map(placed).collect();
        // What counts over them has been seen before.
        let seen: Vec<String> = all.iter().map(|tag| tag.path.clone()).collect();
        all.extend(further.into_iter().filter(|tag| !seen.contains(&tag.path)));
    }
    for tag in &mut all {
        if tag.container.is_none() {
            let keys: Vec<&str> =
                tag.path.split('.').map(|key| key.split('[').next().unwrap_or(key)).collect();
            tag.part = part::of_values(&keys, &tag.image, name);
        }
        tag.policy = marker(known, tag.at);
    }
    all.sort_by_key(|tag| (tag.part, ImageReference::of(&tag.image).base() != name));
    all
}

/// The containers of a pod with their numbers, the main one first: a side car may stand before it.
#[must_use]
pub fn main_first<'n>(workload: &Node, pod: &'n Node, name: &str) -> Vec<(usize, &'n Node)> {
    let containers = pod.get("containers").map(Node::items).unwrap_or_default();
    let main = main_container(workload, pod, name);
    let mut all: Vec<(usize, &Node)> = containers.iter().enumerate().collect();
    all.sort_by_key(|(number, _)| Some(*number) != main);
    all
}

/// The images of a workload's containers, those of its init containers behind.
fn containers(known: &Knowledge<'_>, found: &AppliedObject<'_>) -> Vec<Tag> {
    let resource = &found.resource;
    let Some(pod) = pod(&resource.kind, &resource.content) else { return Vec::new() };
    let name = resource.first_name();
    let main = main_container(&resource.content, pod, name);
    let first = pod.get("initContainers").map(Node::items).unwrap_or_default().iter().enumerate();
    let first = first.map(|(number, node)| ("initContainers", number, node, ImagePart::Beside));
    let part = |number| if Some(number) == main { ImagePart::Own } else { ImagePart::Named };
    let run = main_first(&resource.content, pod, name).into_iter();
    let run = run.map(|(number, node)| ("containers", number, node, part(number)));
    let all = run.chain(first).filter_map(|(list, number, node, part)| {
        let tag = container(known, found, node, format!(".spec.template.spec.{list}[{number}].image"))?;
        let container = Some(node.str(&["name"]).unwrap_or_default().to_owned());
        Some(Tag { path: format!("{list}[{number}].image"), container, part, ..tag })
    });
    all.collect()
}

fn container(known: &Knowledge<'_>, found: &AppliedObject<'_>, container: &Node, own: String) -> Option<Tag> {
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
    let Some((name, tag, at)) = by else {
        let reference = ImageReference::of(node.text()?);
        let version = reference.tag.or(reference.digest);
        return Some(Tag::at(TagKind::Manifest, node.at, (reference.name, version), own));
    };
    let file = known.tree.files.get(known.tree.file_of(at));
    let argo = known.units.get(found.unit).is_some_and(|unit| unit.applier == Applier::Argo);
    let (kind, yq) = if file.is_some_and(rwenv_core::manifest::is_kustomization) {
        (TagKind::KustomizeImages, format!("(.images[] | select(.name == \"{name}\") | .newTag)"))
    } else if argo {
        let yq = format!("(.spec.source.kustomize.images[] | select(test(\"^{name}[:=@]\")))");
        (TagKind::ArgoImages, yq)
    } else {
        (TagKind::FluxImages, format!("(.spec.images[] | select(.name == \"{name}\") | .newTag)"))
    };
    Some(Tag::at(kind, at, (&name, Some(&tag)), yq))
}

impl Tag {
    /// A tag at a place, of which no more is known yet.
    fn at(kind: TagKind, at: At, (image, tag): (&str, Option<&str>), yq: String) -> Self {
        let (image, tag) = (image.to_owned(), tag.map(str::to_owned));
        Self {
            kind,
            at,
            image,
            tag,
            yq,
            path: String::new(),
            container: None,
            part: ImagePart::Named,
            policy: None,
        }
    }
}

/// The entry of a kustomization that made an image what it is.
fn placed(image: &Image, text: &str) -> Option<(String, String, At)> {
    let name = image.new_name.as_ref().unwrap_or(&image.name);
    let (tag, at) = image.new_tag.as_ref().or(image.digest.as_ref())?;
    let reference = ImageReference::of(text);
    let same = reference.name == name && (reference.tag == Some(tag) || reference.digest == Some(tag));
    same.then(|| (image.name.clone(), tag.clone(), *at))
}

/// The images of values.
fn in_values(layer: &Values, kind: TagKind) -> Vec<Tag> {
    let mut all = Vec::new();
    values(&layer.node, kind, (&layer.yq, ""), &mut all);
    all
}

/// `image: {repository, tag}` and `image: name:tag` in values, wherever they are. The paths are those of yq, and of `--set`.
fn values(node: &Node, kind: TagKind, (yq, path): (&str, &str), into: &mut Vec<Tag>) {
    for (number, item) in node.items().iter().enumerate() {
        values(item, kind, (&format!("{yq}[{number}]"), &format!("{path}[{number}]")), into);
    }
    for (key, value) in node.entries() {
        let key = key.text().unwrap_or_default();
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let yq = if plain { format!("{yq}.{key}") } else { format!("{yq}[\"{key}\"]") };
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{}", key.replace('.', "\\."));
        let found = match (value.str(&["repository"]), value.get("tag")) {
            (repository, Some(node)) if is_image(key) && node.text().is_some() => {
                let registry = value.str(&["registry"]).map(|name| format!("{name}/")).unwrap_or_default();
                let image = format!("{registry}{}", repository.unwrap_or_default());
                Tag::at(kind, node.at, (&image, node.text()), format!("{yq}.tag"))
            }
            _ if is_image(key) && value.text().is_some_and(|text| text.contains(['/', ':'])) => {
                let reference = ImageReference::of(value.text().unwrap_or_default());
                Tag::at(kind, value.at, (reference.name, reference.tag.or(reference.digest)), yq)
            }
            _ => {
                values(value, kind, (&yq, &path), into);
                continue;
            }
        };
        into.push(Tag { path, ..found });
    }
}

fn is_image(key: &str) -> bool {
    key == "image" || key.ends_with("Image")
}

/// The images among the parameters of an Application: `image.tag`, and `image` with the whole of it.
fn parameters(layer: &Values) -> Vec<Tag> {
    let named = |name: &str| layer.node.items().iter().find(|one| one.str(&["name"]) == Some(name));
    let value = |name: &str| named(name).and_then(|one| one.str(&["value"])).unwrap_or_default();
    let all = layer.node.items().iter().filter_map(|parameter| {
        let (name, node) = (parameter.str(&["name"])?, parameter.get("value")?);
        let yq = format!("({}[] | select(.name == \"{name}\") | .value)", layer.yq);
        let is_image = |path: &str| is_image(path.rsplit('.').next().unwrap_or(path));
        if let Some(path) = name.strip_suffix(".tag").filter(|path| is_image(path)) {
            let registry = value(&format!("{path}.registry"));
            let slash = if registry.is_empty() { "" } else { "/" };
            let image = format!("{registry}{slash}{}", value(&format!("{path}.repository")));
            let tag = Tag::at(TagKind::ArgoValues, node.at, (&image, node.text()), yq);
            return Some(Tag { path: path.to_owned(), ..tag });
        }
        let text = node.text().filter(|text| is_image(name) && text.contains(['/', ':']))?;
        let reference = ImageReference::of(text);
        let version = reference.tag.or(reference.digest);
        let tag = Tag::at(TagKind::ArgoValues, node.at, (reference.name, version), yq);
        Some(Tag { path: name.to_owned(), ..tag })
    });
    all.collect()
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
