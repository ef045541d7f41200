//! The same object twice in what is built together: kustomize refuses it, and without kustomize the last one wins.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::kustomization;
use super::tree::{File, Object, Tree, join};
use super::yaml::Node;

/// What makes an object one and the same in a cluster.
type ObjectIdentity<'t> = (&'t str, &'t str, Option<&'t str>, &'t str);

/// Objects that are defined twice in one file, or in files that one kustomization builds side by side.
pub(super) fn check(tree: &Tree) -> Vec<Option<Finding>> {
    let patches = kustomization::patches(tree);
    let mut found = Vec::new();
    for file in tree.files.values().filter(|file| !patches.contains(&file.path)) {
        if kustomization::is_kustomization(file) {
            let resources =
                file.documents.iter().flat_map(|d| d.get("resources").map(Node::items).unwrap_or_default());
            let paths = resources.filter_map(|r| join(file.folder(), r.text()?));
            let files: Vec<&File> = paths.filter_map(|path| tree.files.get(&path)).collect();
            twice(files.iter().flat_map(|f| f.objects()), false, &mut found);
        } else {
            twice(file.objects(), true, &mut found);
        }
    }
    found
}

fn twice<'t>(objects: impl Iterator<Item = Object<'t>>, same_file: bool, found: &mut Vec<Option<Finding>>) {
    let mut first: BTreeMap<ObjectIdentity<'t>, Object<'t>> = BTreeMap::new();
    for object in objects.filter(|object| !object.name.is_empty()) {
        let identity = (object.group, object.kind, object.namespace, object.name);
        match first.get(&identity) {
            // What one file has twice is told by the file itself.
            Some(before) if same_file || before.path != object.path => {
                let place = format!("{}:{}", before.path, before.at().line);
                let message = format!("{} is already defined in {place}", object.title());
                found.push(Finding::new("object.duplicate", object.path, object.at(), message));
            }
            Some(_) => {}
            None => {
                first.insert(identity, object);
            }
        }
    }
}
