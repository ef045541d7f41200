//! The same object twice in what is built together: without kustomize, the last one wins.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::kustomization;
use super::tree::Tree;

/// What makes an object one and the same in a cluster.
type ObjectIdentity<'t> = (&'t str, &'t str, Option<&'t str>, &'t str);

/// Objects that are defined twice in one file. What is built together is told where it is built; elsewhere a file may hold states of one
/// object after each other.
pub(super) fn check(tree: &Tree) -> Vec<Option<Finding>> {
    let patches = kustomization::patches(tree);
    let mut found = Vec::new();
    for file in tree.files.values().filter(|file| !patches.contains(&file.path)) {
        let mut first: BTreeSet<ObjectIdentity<'_>> = BTreeSet::new();
        for object in file.objects().filter(|object| !object.name.is_empty()) {
            if !first.insert((object.group, object.kind, object.namespace, object.name)) {
                let message = format!("{} is already defined in this file", object.title());
                found.push(Finding::new("object.repeated", object.path, object.at(), message));
            }
        }
    }
    found
}
