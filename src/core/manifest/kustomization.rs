//! Which files and folders kustomizations name.

use std::collections::BTreeSet;

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

/// What a kustomization names: the node, and the path as written.
fn named(document: &Node) -> Vec<(&Node, String)> {
    let mut all = Vec::new();
    for field in BUILT {
        for item in document.get(field).map(Node::items).unwrap_or_default() {
            all.extend(item.text().map(|text| (item, text.to_owned())));
        }
    }
    for field in FILES {
        for item in document.get(field).map(Node::items).unwrap_or_default() {
            // An inline patch or plugin has more than one line.
            let path = item.text().filter(|text| !text.trim().contains('\n') && !text.contains(": "));
            all.extend(path.map(|text| (item, text.to_owned())));
        }
    }
    for field in PATHS {
        for item in document.get(field).map(Node::items).unwrap_or_default() {
            all.extend(item.get("path").and_then(|node| Some((node, node.text()?.to_owned()))));
        }
    }
    all.extend(document.path(&["openapi", "path"]).and_then(|node| Some((node, node.text()?.to_owned()))));
    for field in ["configMapGenerator", "secretGenerator"] {
        for generator in document.get(field).map(Node::items).unwrap_or_default() {
            for item in generator.get("files").map(Node::items).unwrap_or_default() {
                let path = item.text().map(|text| text.split_once('=').map_or(text, |(_, path)| path));
                all.extend(path.map(|path| (item, path.to_owned())));
            }
            let envs = generator.get("envs").map(Node::items).unwrap_or_default();
            for item in envs.iter().chain(generator.get("env")) {
                all.extend(item.text().map(|path| (item, path.to_owned())));
            }
        }
    }
    for chart in document.get("helmCharts").map(Node::items).unwrap_or_default() {
        all.extend(chart.get("valuesFile").and_then(|node| Some((node, node.text()?.to_owned()))));
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

/// The files that kustomizations name and that are not read as YAML.
#[must_use]
pub fn named_files(tree: &Tree) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for file in tree.files.values().filter(|file| is_kustomization(file)) {
        for (_, path) in file.documents.iter().flat_map(named) {
            let target = join(file.folder(), &path);
            all.extend(target.filter(|path| tree.has_file(path) && !tree.files.contains_key(path)));
        }
    }
    all
}

/// The files that kustomizations use as patches: what stands in them is no object of its own.
pub fn patches(tree: &Tree) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for file in tree.files.values().filter(|file| is_kustomization(file)) {
        for document in &file.documents {
            for (node, path) in named(document) {
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
