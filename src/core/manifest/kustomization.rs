//! Kustomizations: every file and folder they name has to be there, and inside the repository.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::tree::{File, Tree, join};
use super::yaml::Node;

/// Fields whose items are files or folders to build from.
const BUILT: [&str; 4] = ["resources", "bases", "components", "crds"];
/// Fields whose items are files.
const FILES: [&str; 5] =
    ["patchesStrategicMerge", "configurations", "transformers", "generators", "validators"];
/// Fields whose items have a file under `path`.
const PATHS: [&str; 3] = ["patches", "patchesJson6902", "replacements"];

/// True for kustomize's own files.
#[must_use]
pub fn is_kustomization(file: &File) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    super::tree::KUSTOMIZATION.contains(&name)
}

/// What a kustomization names: the node, the path as written, and whether a folder will do.
fn named(document: &Node) -> Vec<(&Node, String, bool)> {
    let mut all = Vec::new();
    for field in BUILT {
        for item in document.get(field).map(Node::items).unwrap_or_default() {
            all.extend(item.text().map(|text| (item, text.to_owned(), field != "crds")));
        }
    }
    for field in FILES {
        for item in document.get(field).map(Node::items).unwrap_or_default() {
            // An inline patch or plugin has more than one line.
            let path = item.text().filter(|text| !text.trim().contains('\n') && !text.contains(": "));
            all.extend(path.map(|text| (item, text.to_owned(), field != "patchesStrategicMerge")));
        }
    }
    for field in PATHS {
        for item in document.get(field).map(Node::items).unwrap_or_default() {
            all.extend(item.get("path").and_then(|node| Some((node, node.text()?.to_owned(), false))));
        }
    }
    all.extend(
        document.path(&["openapi", "path"]).and_then(|node| Some((node, node.text()?.to_owned(), false))),
    );
    for field in ["configMapGenerator", "secretGenerator"] {
        for generator in document.get(field).map(Node::items).unwrap_or_default() {
            for item in generator.get("files").map(Node::items).unwrap_or_default() {
                let path = item.text().map(|text| text.split_once('=').map_or(text, |(_, path)| path));
                all.extend(path.map(|path| (item, path.to_owned(), false)));
            }
            let envs = generator.get("envs").map(Node::items).unwrap_or_default();
            for item in envs.iter().chain(generator.get("env")) {
                all.extend(item.text().map(|path| (item, path.to_owned(), false)));
            }
        }
    }
    for chart in document.get("helmCharts").map(Node::items).unwrap_or_default() {
        all.extend(chart.get("valuesFile").and_then(|node| Some((node, node.text()?.to_owned(), false))));
    }
    all
}

/// True for what kustomize fetches: URLs, `host/owner/repository?ref=…`, `git::…`.
#[must_use]
pub fn is_remote(path: &str) -> bool {
    let head = path.split('/').next().unwrap_or_default();
    path.contains("://")
        || path.contains("?ref=")
        || path.starts_with("git::")
        || path.starts_with("git@")
        || (head.contains('.')
            && head.chars().any(char::is_alphabetic)
            && path.contains('/')
            && !head.starts_with('.')
            && known_host(head))
}

fn known_host(head: &str) -> bool {
    head.rsplit('.')
        .next()
        .is_some_and(|end| matches!(end, "com" | "org" | "io" | "net" | "dev" | "de" | "sh"))
}

/// Everything kustomizations name that is not there, or outside.
pub(super) fn check(tree: &Tree) -> Vec<Option<Finding>> {
    let mut found = Vec::new();
    for file in tree.files.values().filter(|file| is_kustomization(file)) {
        for document in &file.documents {
            for (node, path, folder_will_do) in named(document) {
                if path.is_empty() || is_remote(&path) || path.contains("${") || path.contains("{{") {
                    continue;
                }
                let finding = |rule, message| Finding::new(rule, &file.path, node.at, message);
                let Some(target) = join(file.folder(), &path).filter(|_| !path.starts_with('/')) else {
                    found.push(finding("kustomize.outside", format!("'{path}' leads out of the repository")));
                    continue;
                };
                if tree.has_file(&target) {
                    continue;
                }
                if !folder_will_do || !tree.has_folder(&target) {
                    found.push(finding("kustomize.missing", format!("'{path}' does not exist ({target})")));
                } else if tree.kustomization(&target).is_none() {
                    let message = format!("'{path}' is a folder without a kustomization.yaml");
                    found.push(finding("kustomize.missing", message));
                }
            }
        }
    }
    found
}

/// The files that kustomizations use as patches: what stands in them is no object of its own.
pub fn patches(tree: &Tree) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for file in tree.files.values().filter(|file| is_kustomization(file)) {
        for document in &file.documents {
            for (node, path, _) in named(document) {
                let is_patch = ["patches", "patchesStrategicMerge", "patchesJson6902"].iter().any(|field| {
                    let items = document.get(field).map(Node::items).unwrap_or_default();
                    items.iter().any(|item| {
                        std::ptr::eq(item, node) || item.get("path").is_some_and(|p| std::ptr::eq(p, node))
                    })
                });
                all.extend(join(file.folder(), &path).filter(|_| is_patch));
            }
        }
    }
    all
}
