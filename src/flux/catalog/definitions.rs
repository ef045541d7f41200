//! The lines of a rwenv's index of definitions: for each object, the file this cluster gets it from. Where other clusters apply
//! the same file, that is the overlay, and the shared file is named beside it.

use std::collections::{BTreeMap, BTreeSet};

use super::images::tags;
use super::knowledge::{AppliedObject, Knowledge};
use super::part::ImagePart;
use super::uses::secrets_made;
use rwenv_core::manifest::tree::folder_of;
use rwenv_core::manifest::yaml::{At, Node, Value};
use rwenv_gate::facts::index::{IndexEntry, SharedFile};

/// The lines of the index: of one root, or of all.
#[must_use]
pub fn entries(known: &Knowledge<'_>, root: Option<usize>) -> Vec<IndexEntry> {
    let sharing = Sharing::of(known);
    let meant = |cluster: usize| root.is_none_or(|root| root == cluster);
    let mut all = Vec::with_capacity(known.objects.len());
    let mut add = |kind: &str, name: String, namespace: &str, (at, overlay): (At, Option<&Overlay>)| {
        let place = place(known, at);
        if !place.is_empty() {
            let shared = overlay.map(|overlay| SharedFile { place: place.clone(), by: overlay.by.clone() });
            let place = overlay.map_or(place, |overlay| overlay.place.clone());
            let (kind, namespace) = (kind.to_owned(), namespace.to_owned());
            all.push(IndexEntry { kind, name, namespace, place, shared });
        }
    };
    for found in known.objects.iter().filter(|found| meant(known.cluster_of(found))) {
        let resource = &found.resource;
        let namespace = resource.namespace().unwrap_or_default();
        let overlay = root.and_then(|_| sharing.overlay(known, found));
        add(&resource.kind, resource.name.to_string(), namespace, (resource.at, overlay.as_ref()));
        if resource.hashed {
            let first = resource.first_name().to_owned();
            add(&resource.kind, first, namespace, (resource.at, overlay.as_ref()));
        }
        for tag in tags(known, found).into_iter().rev() {
            add("image", tag.image.clone(), "", (tag.at, None));
            if tag.part != ImagePart::Beside {
                let of = format!("{}/{}", resource.kind, resource.name);
                add("image-of", of, namespace, (tag.at, None));
            }
        }
        for made in secrets_made(known, found) {
            add("Secret", made, namespace, (resource.at, None));
        }
        if resource.kind == "ConfigMap" {
            let data = resource.content.get("data").map(Node::entries).unwrap_or_default();
            for (key, _) in data {
                let name = format!("{}/{}", resource.first_name(), key.text().unwrap_or_default());
                let at = if key.at.line > 0 && key.at.file > 0 { key.at } else { resource.at };
                add("configmap-key", name, namespace, (at, None));
            }
        }
    }
    for unit in known.units.iter().filter(|unit| meant(unit.cluster)) {
        let Some(kind) = unit.applier.kind() else { continue };
        add(kind, unit.name.clone(), &unit.namespace, (unit.at, None));
    }
    all
}

fn place(known: &Knowledge<'_>, at: At) -> String {
    let (file, line) = known.place(at);
    if file.is_empty() { String::new() } else { format!("{file}:{line}") }
}

/// Where one cluster sets what others share.
struct Overlay {
    place: String,
    /// The other clusters, by name.
    by: String,
}

/// Which clusters apply something of which folder and file.
struct Sharing {
    files: BTreeMap<u32, BTreeSet<usize>>,
    folders: BTreeMap<String, BTreeSet<usize>>,
}

impl Sharing {
    fn of(known: &Knowledge<'_>) -> Self {
        let mut all = Self { files: BTreeMap::new(), folders: BTreeMap::new() };
        if known.clusters.len() < 2 {
            return all;
        }
        for found in &known.objects {
            let cluster = known.cluster_of(found);
            all.files.entry(found.resource.at.file).or_default().insert(cluster);
            for folder in folders(found) {
                if !all.folders.get(&folder).is_some_and(|clusters| clusters.contains(&cluster)) {
                    all.folders.entry(folder).or_default().insert(cluster);
                }
            }
        }
        all
    }

    /// Where a cluster sets what an object is for it alone; none where it has the object's file for itself.
    fn overlay(&self, known: &Knowledge<'_>, found: &AppliedObject<'_>) -> Option<Overlay> {
        let own = known.cluster_of(found);
        let others: Vec<&str> = (self.files.get(&found.resource.at.file)?.iter())
            .filter(|cluster| **cluster != own)
            .filter_map(|cluster| known.clusters.get(*cluster).map(|cluster| cluster.name.as_str()))
            .collect();
        if others.is_empty() {
            return None;
        }
        let alone = |folder: &str| self.folders.get(folder).is_some_and(|c| c.len() == 1 && c.contains(&own));
        let patch = patched(&found.resource.content, &|at| {
            at.file != 0 && at.file != found.resource.at.file && alone(folder_of(known.tree.file_of(at)))
        });
        let folder = folders(found).into_iter().rev().find(|folder| alone(folder));
        let overlay = patch.map(|at| place(known, at)).or_else(|| {
            let file = known.tree.kustomization(&folder?)?;
            Some(format!("{}:1", file.path))
        });
        // A Kustomization of this cluster may apply the shared folder as it is.
        let unit = || known.units.get(found.unit).map(|unit| place(known, unit.at)).filter(|p| !p.is_empty());
        Some(Overlay { place: overlay.or_else(unit)?, by: others.join(", ") })
    }
}

/// The folders of the kustomizations an object comes through, the outermost first.
fn folders(found: &AppliedObject<'_>) -> Vec<String> {
    let step = found.resource.step.as_ref();
    step.map(|step| step.folders().into_iter().map(str::to_owned).collect()).unwrap_or_default()
}

/// The first place in an object that fits, beside what a patch has to repeat to name it.
fn patched(content: &Node, fits: &impl Fn(At) -> bool) -> Option<At> {
    let names = |key: &Node| matches!(key.text(), Some("apiVersion" | "kind" | "metadata"));
    let own = content.entries().iter().filter(|(key, _)| !names(key));
    own.map(|(_, value)| value).find_map(|value| elsewhere(value, fits)).or_else(|| elsewhere(content, fits))
}

/// The first place in a node that fits.
fn elsewhere(node: &Node, fits: &impl Fn(At) -> bool) -> Option<At> {
    if fits(node.at) {
        return Some(node.at);
    }
    match &node.value {
        Value::Scalar { .. } => None,
        Value::Map(_) => node
            .entries()
            .iter()
            .find_map(|(key, value)| Some(key.at).filter(|at| fits(*at)).or_else(|| elsewhere(value, fits))),
        Value::List(items) => items.iter().find_map(|item| elsewhere(item, fits)),
        Value::Anchored(inner) | Value::Alias(inner) => elsewhere(inner, fits),
    }
}
