//! Argo CD Applications that this very repository is the source of: their path has to be there.

use super::finding::Finding;
use super::tree::{Tree, join};
use super::yaml::Node;
use crate::model::same_repository;

/// Applications whose path is not there.
pub(super) fn check(tree: &Tree) -> Vec<Option<Finding>> {
    let mut found = Vec::new();
    for object in tree.objects().filter(|o| o.group == "argoproj.io" && o.kind == "Application") {
        let one = object.node.path(&["spec", "source"]);
        let several = object.node.path(&["spec", "sources"]).map(Node::items).unwrap_or_default();
        for source in one.into_iter().chain(several) {
            let here = source
                .str(&["repoURL"])
                .is_some_and(|url| tree.remotes.iter().any(|r| same_repository(r, url)));
            // Another branch is another tree.
            let revision = source.str(&["targetRevision"]).unwrap_or("HEAD");
            let here = here && matches!(revision, "HEAD" | "main" | "master");
            let Some((_, node)) = source.entry("path").filter(|_| here) else { continue };
            let Some(path) = node.text().filter(|path| !is_filled_in(path)) else { continue };
            let there = join("", path).is_some_and(|target| tree.has_folder(&target));
            if !there {
                let message = format!("{} is built from '{path}', which does not exist", object.title());
                found.push(Finding::new("argo.path", object.path, node.at, message));
            }
        }
    }
    found
}

/// True for a path that a template engine or `envsubst` completes before anything is applied.
fn is_filled_in(path: &str) -> bool {
    path.contains("{{") || path.contains("${")
}
