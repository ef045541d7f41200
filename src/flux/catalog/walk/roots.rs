//! Where Flux begins: what bootstrap wrote, a FluxInstance, or, where neither is in the repository, what nothing else applies.

use std::collections::BTreeSet;

use super::super::knowledge::{Applier, KnownCluster, RootKind};
use super::argo;
use super::artifacts::{PushedFolder, root_of};
use super::start::{KUSTOMIZE, Root, Start};
use rwenv_core::manifest::is_kustomization;
use rwenv_core::manifest::tree::{File, Object, Tree, folder_of, join, secure_join};
use rwenv_core::manifest::yaml::{At, Node};
use rwenv_core::model::same_repository;

/// The name bootstrap gives to a root and its source.
const BOOTSTRAP: &str = "flux-system";

/// The roots of a repository, those that are sure first.
pub(super) fn roots<'t>(tree: &'t Tree, declared: &[Object<'t>], pushed: &[PushedFolder]) -> Vec<Root<'t>> {
    let mut all = synced(tree, declared, pushed);
    all.extend(empty_sync(tree));
    let known: Vec<String> = all.iter().map(|root| root.cluster.folder.clone()).collect();
    let new =
        instances(tree, declared, pushed).into_iter().filter(|root| !known.contains(&root.cluster.folder));
    // One that is not there is told where there is no other, and else left over from a repository this one was made of.
    let (there, not): (Vec<_>, Vec<_>) =
        new.partition(|root| root.start.iter().all(|start| start.folder.is_some()));
    all.extend(there);
    if all.is_empty() {
        all.extend(not);
    }
    if all.is_empty() {
        all.extend(templated(tree, declared));
    }
    if all.is_empty() {
        all.extend(inferred(tree, declared));
    }
    if all.is_empty() {
        all = folders(tree);
    }
    all.sort_by(|a, b| a.cluster.folder.cmp(&b.cluster.folder));
    name(&mut all);
    all
}

/// Names clusters by the part of their folders that tells them apart, counted from the end.
fn name(roots: &mut [Root<'_>]) {
    let folders: Vec<Vec<String>> =
        roots.iter().map(|root| root.cluster.folder.rsplit('/').map(str::to_owned).collect()).collect();
    let deepest = folders.iter().map(Vec::len).max().unwrap_or_default();
    let apart = (0..deepest).find(|at| {
        let parts: BTreeSet<Option<&String>> = folders.iter().map(|parts| parts.get(*at)).collect();
        parts.len() == folders.len()
    });
    for (root, parts) in roots.iter_mut().zip(&folders).filter(|(root, _)| root.cluster.name.is_empty()) {
        let whole =
            Some(&root.cluster.folder).filter(|_| apart.is_none() || root.cluster.kind == RootKind::Folders);
        let name = whole.or_else(|| parts.get(apart?)).filter(|name| !name.is_empty());
        root.cluster.name = name.map_or("default", String::as_str).to_owned();
    }
}

fn cluster(folder: &str, kind: RootKind) -> KnownCluster {
    KnownCluster {
        name: String::new(),
        folder: folder.to_owned(),
        kind,
        prefix: String::new(),
        source: Some(("GitRepository".to_owned(), BOOTSTRAP.to_owned())),
        url: None,
    }
}

/// What bootstrap wrote: a Kustomization that applies the folder its own file is in.
fn synced<'t>(tree: &'t Tree, declared: &[Object<'t>], pushed: &[PushedFolder]) -> Vec<Root<'t>> {
    let mut all: Vec<Root<'t>> = Vec::new();
    let mut guessed: Vec<Root<'t>> = Vec::new();
    for object in declared.iter().filter(|o| o.group == KUSTOMIZE && o.kind == "Kustomization") {
        let Some((kind, name)) = source(object.node) else { continue };
        let path = secure_join(object.node.str(&["spec", "path"]).unwrap_or_default());
        let own = folder_of(object.path);
        let url = defined_url(declared, kind, name).map(|(url, _)| url);
        let artifact = if kind == "OCIRepository" { root_of(pushed, tree, url, &path) } else { None };
        let prefix = artifact.map(str::to_owned).or_else(|| prefix_above(tree, own, &path));
        let Some(prefix) = prefix else { continue };
        let Some(folder) = join(&prefix, &path) else { continue };
        let below = folder.is_empty() || own == folder || own.starts_with(&format!("{folder}/"));
        let defined = defined_url(declared, kind, name);
        let beside = defined.is_some_and(|(_, path)| path == object.path);
        let known =
            defined.is_some_and(|(url, _)| tree.remotes.iter().any(|remote| same_repository(remote, url)));
        // Another Kustomization may lie in the folder it applies as well; what applies it is found out elsewhere.
        let written =
            (name == BOOTSTRAP && object.name == BOOTSTRAP) || object.path.ends_with("gotk-sync.yaml");
        let bootstrap = written || (beside && (known || !folder.is_empty()));
        if !below || kind == "ExternalArtifact" || !bootstrap {
            continue;
        }
        let cluster = KnownCluster {
            source: Some((kind.to_owned(), name.to_owned())),
            url: defined.map(|(url, _)| url.to_owned()),
            prefix,
            ..cluster(&folder, RootKind::GotkSync)
        };
        let whole = folder.is_empty();
        let start = Start {
            applier: Applier::Flux,
            name: object.name.to_owned(),
            namespace: object.namespace.unwrap_or(BOOTSTRAP).to_owned(),
            at: object.node.at,
            node: Some(object.node),
            folder: Some(folder),
            filled: Vec::new(),
        };
        // Where there is a bootstrap, a tenant may apply the whole of another branch so.
        let into = if written || !whole { &mut all } else { &mut guessed };
        into.push(Root { cluster, start: vec![start] });
    }
    let of_bootstrap =
        |o: &Object<'_>| o.group == KUSTOMIZE && source(o.node).is_some_and(|(_, name)| name == BOOTSTRAP);
    if all.is_empty() && empty_sync(tree).is_empty() && !declared.iter().any(of_bootstrap) {
        all = guessed;
    }
    let mut folders: Vec<String> = all.iter().map(|root| root.cluster.folder.clone()).collect();
    folders.sort_by_key(String::len);
    let mut kept: Vec<Root<'t>> = Vec::new();
    for folder in folders {
        let inside = kept.iter().any(|root| {
            let outer = &root.cluster.folder;
            outer.is_empty() || folder == *outer || folder.starts_with(&format!("{outer}/"))
        });
        let found = all.iter().position(|root| root.cluster.folder == folder).filter(|_| !inside);
        kept.extend(found.map(|at| all.swap_remove(at)));
    }
    kept
}

/// The folder that a path is seen from: the root of the repository or, where that has no such folder, one above the file that says so.
fn prefix_above(tree: &Tree, own: &str, path: &str) -> Option<String> {
    if tree.has_folder(path) {
        return Some(String::new());
    }
    let inside = format!("/{own}/");
    let at = inside.find(&format!("/{path}/"))?;
    let prefix = inside.get(1..at).unwrap_or_default().to_owned();
    join(&prefix, path).filter(|folder| tree.has_folder(folder)).map(|_| prefix)
}

/// Roots whose path is a template that something else fills in (`clusters/${ENVIRONMENT}/${CLUSTER}`): every folder it fits is one,
/// named by what is filled in.
fn templated<'t>(tree: &'t Tree, declared: &[Object<'t>]) -> Vec<Root<'t>> {
    let mut all: Vec<Root<'t>> = Vec::new();
    for object in declared.iter().filter(|o| o.group == KUSTOMIZE && o.kind == "Kustomization") {
        let Some((kind, name)) = source(object.node) else { continue };
        let pattern = secure_join(object.node.str(&["spec", "path"]).unwrap_or_default());
        if !pattern.contains("${")
            || kind == "ExternalArtifact"
            || !(name == BOOTSTRAP || object.name == BOOTSTRAP)
        {
            continue;
        }
        let parts: Vec<&str> = pattern.split('/').collect();
        let files = tree.files.values().filter(|file| is_kustomization(file));
        for folder in files.map(File::folder) {
            let own: Vec<&str> = folder.split('/').collect();
            let fits: Option<Vec<Vec<(&str, &str)>>> = (own.len() == parts.len())
                .then(|| own.iter().zip(&parts).map(|(own, part)| filled(part, own)).collect())
                .flatten();
            let Some(fits) = fits.filter(|_| !all.iter().any(|root| root.cluster.folder == folder)) else {
                continue;
            };
            let values: Vec<(&str, &str)> = fits.into_iter().flatten().collect();
            let named: Vec<&str> = values.iter().map(|(_, value)| *value).collect();
            let cluster = KnownCluster {
                name: named.join("/"),
                source: Some((kind.to_owned(), name.to_owned())),
                url: defined_url(declared, kind, name).map(|(url, _)| url.to_owned()),
                ..cluster(folder, RootKind::GotkSync)
            };
            let start = Start {
                name: object.name.to_owned(),
                node: Some(object.node),
                filled: values
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
                ..bootstrap_start(object.node.at, Some(folder.to_owned()))
            };
            all.push(Root { cluster, start: vec![start] });
        }
    }
    all
}

/// The variable that a part of a path fills in, and its value; nothing where there is none, none where it does not fit.
fn filled<'p>(pattern: &'p str, part: &'p str) -> Option<Vec<(&'p str, &'p str)>> {
    let Some((before, rest)) = pattern.split_once("${") else { return (pattern == part).then(Vec::new) };
    let (name, after) = rest.split_once('}')?;
    let inner = part.strip_prefix(before)?.strip_suffix(after)?;
    (!inner.is_empty() && !after.contains("${")).then(|| vec![(name, inner)])
}

/// Kind and name of the source of a Kustomization.
fn source(node: &Node) -> Option<(&str, &str)> {
    let source = node.path(&["spec", "sourceRef"])?;
    Some((source.str(&["kind"]).unwrap_or("GitRepository"), source.str(&["name"])?))
}

/// The URL of a source that some file defines, and that file.
fn defined_url<'t>(declared: &[Object<'t>], kind: &str, name: &str) -> Option<(&'t str, &'t str)> {
    let object = declared.iter().find(|o| o.kind == kind && o.name == name)?;
    Some((object.node.str(&["spec", "url"])?, object.path))
}

/// Folders with a `gotk-sync.yaml` that bootstrap has yet to fill.
fn empty_sync(tree: &Tree) -> Vec<Root<'_>> {
    let empty = |file: &&File| {
        file.path.ends_with("/flux-system/gotk-sync.yaml")
            && file.documents.is_empty()
            && file.problems.is_empty()
    };
    let roots = tree.files.values().filter(empty).map(|file| {
        let folder = folder_of(file.folder()).to_owned();
        let at = At { file: file.number, ..At::START };
        let start = bootstrap_start(at, Some(folder.clone()));
        Root { cluster: cluster(&folder, RootKind::EmptySync), start: vec![start] }
    });
    roots.collect()
}

fn bootstrap_start<'t>(at: At, folder: Option<String>) -> Start<'t> {
    let name = BOOTSTRAP.to_owned();
    Start {
        applier: Applier::Flux,
        namespace: name.clone(),
        name,
        at,
        node: None,
        folder,
        filled: Vec::new(),
    }
}

/// What FluxInstances sync, those in the values of their chart and in ResourceSets too.
fn instances<'t>(tree: &'t Tree, declared: &[Object<'t>], pushed: &[PushedFolder]) -> Vec<Root<'t>> {
    let mut all: Vec<Root<'t>> = Vec::new();
    let objects =
        declared.iter().filter(|o| matches!(o.kind, "FluxInstance" | "HelmRelease" | "ResourceSet"));
    let mut nodes: Vec<&Node> = Vec::new();
    for object in objects {
        match object.kind {
            "FluxInstance" => nodes.extend(object.node.path(&["spec", "sync"])),
            _ => syncs(object.node, 0, &mut nodes),
        }
    }
    // Values of the chart in a file of their own.
    let values = tree.files.values().flat_map(|file| &file.documents);
    nodes.extend(values.filter(|d| d.get("kind").is_none()).filter_map(|d| d.path(&["instance", "sync"])));
    for sync in nodes {
        let path = sync.str(&["path"]).unwrap_or_default();
        let Some(written) = join("", path).filter(|_| !path.contains("${") && !path.contains("<<")) else {
            continue;
        };
        let kind = sync.str(&["kind"]).unwrap_or("GitRepository");
        let artifact = Some(pushed).filter(|_| kind == "OCIRepository");
        let artifact = artifact.and_then(|all| root_of(all, tree, sync.str(&["url"]), &written));
        let prefix = artifact.map_or_else(|| prefix(tree, &written), str::to_owned);
        let Some(folder) = join(&prefix, &written) else { continue };
        if all.iter().any(|root| root.cluster.folder == folder) {
            continue;
        }
        let name = sync.str(&["name"]).unwrap_or(BOOTSTRAP);
        let cluster = KnownCluster {
            prefix,
            source: Some((kind.to_owned(), name.to_owned())),
            url: sync.str(&["url"]).map(str::to_owned),
            ..cluster(&folder, RootKind::FluxInstance)
        };
        let there = Some(folder).filter(|folder| tree.has_folder(folder));
        let start = Start { name: name.to_owned(), ..bootstrap_start(sync.at, there) };
        all.push(Root { cluster, start: vec![start] });
    }
    all
}

/// `instance.sync` wherever it is.
fn syncs<'t>(node: &'t Node, depth: usize, into: &mut Vec<&'t Node>) {
    if depth > 12 {
        return;
    }
    into.extend(node.path(&["instance", "sync"]).filter(|sync| sync.get("url").is_some()));
    for child in node.items().iter().chain(node.entries().iter().map(|(_, value)| value)) {
        syncs(child, depth + 1, into);
    }
}

/// The folder that is the root of what Flux fetches: an artifact may be made of a part of the repository.
fn prefix(tree: &Tree, path: &str) -> String {
    if path.is_empty() || tree.has_folder(path) {
        return String::new();
    }
    let end = format!("/{path}");
    let places: BTreeSet<&str> = tree
        .below("")
        .filter_map(|file| file.find(&format!("{end}/")).and_then(|at| file.get(..at)))
        .collect();
    match places.into_iter().collect::<Vec<_>>().as_slice() {
        [only] => (*only).to_owned(),
        _ => String::new(),
    }
}

/// Everything that applies a folder; what is applied by another one of them is sorted out when they have been walked.
fn inferred<'t>(tree: &Tree, declared: &[Object<'t>]) -> Option<Root<'t>> {
    let start: Vec<Start<'t>> = declared
        .iter()
        .filter(|o| o.node.get("spec").is_some())
        .filter_map(|o| {
            let applier = match (o.group, o.kind) {
                (KUSTOMIZE, "Kustomization") if source(o.node).is_some() => Applier::Flux,
                (argo::GROUP, "Application" | "ApplicationSet") => Applier::Argo,
                _ => return None,
            };
            let namespace =
                o.namespace.unwrap_or(if applier == Applier::Flux { BOOTSTRAP } else { "argocd" });
            Some(Start {
                applier,
                name: o.name.to_owned(),
                namespace: namespace.to_owned(),
                at: o.node.at,
                node: Some(o.node),
                folder: None,
                filled: Vec::new(),
            })
        })
        .collect();
    // Where there is anything else, what was put away is no root.
    let start = match start.iter().any(|start| !is_put_away(tree.file_of(start.at))) {
        true => start.into_iter().filter(|start| !is_put_away(tree.file_of(start.at))).collect(),
        false => start,
    };
    let sources = start.iter().filter_map(|start| source(start.node?));
    let mut names: Vec<(&str, &str)> = sources.filter(|(kind, _)| *kind == "GitRepository").collect();
    names.sort_unstable();
    let most =
        names.chunk_by(|a, b| a == b).max_by_key(|same| same.len()).and_then(|same| same.first().copied());
    let bootstrap = names.iter().find(|(_, name)| *name == BOOTSTRAP).copied();
    let chosen = bootstrap.or(most).map(|(kind, name)| (kind.to_owned(), name.to_owned()));
    let url = chosen
        .as_ref()
        .and_then(|(kind, name)| defined_url(declared, kind, name))
        .map(|(url, _)| url.to_owned());
    let cluster = KnownCluster { source: chosen, url, ..cluster("", RootKind::Inferred) };
    (!start.is_empty()).then_some(Root { cluster, start })
}

/// True for files in a folder whose name says that it is no longer used.
pub(super) fn is_put_away(path: &str) -> bool {
    let names = ["attic", "deprecated", "disabled", "graveyard", "retired", "unused"];
    let folders =
        folder_of(path).split('/').map(|part| part.trim_start_matches(['.', '_']).to_ascii_lowercase());
    folders.into_iter().any(|part| part.starts_with("archive") || names.contains(&part.as_str()))
}

/// Kustomizations that no other one builds on, each by itself; or everything, where there are none.
pub(super) fn folders(tree: &Tree) -> Vec<Root<'_>> {
    let files: Vec<&File> = tree.files.values().filter(|file| is_kustomization(file)).collect();
    let named = |file: &File| -> Vec<String> {
        let fields = ["resources", "bases", "components"];
        let document = file.documents.first();
        let items = fields.iter().filter_map(|field| document?.get(field)).flat_map(Node::items);
        items.filter_map(|item| join(file.folder(), item.text()?)).collect()
    };
    let below: BTreeSet<String> = files.iter().flat_map(|file| named(file)).collect();
    let component = |file: &File| file.documents.first().and_then(|d| d.str(&["kind"])) == Some("Component");
    let top = files.iter().filter(|file| !component(file) && !below.contains(file.folder()));
    let mut all: BTreeSet<&str> = top.map(|file| file.folder()).collect();
    // Manifests that no kustomization has to do with.
    let apart = |file: &&File| {
        let within = |folder: &str| folder.is_empty() || file.path.starts_with(&format!("{folder}/"));
        file.objects().next().is_some()
            && !file.path.split('/').any(|part| part.starts_with('.'))
            && !files.iter().any(|kustomization| within(kustomization.folder()))
            && !below.contains(&file.path)
    };
    all.extend(tree.files.values().filter(apart).map(File::folder));
    all.into_iter().map(folder).collect()
}

/// A folder that is applied by whatever is not in the repository.
pub(super) fn folder<'t>(folder: &str) -> Root<'t> {
    let start = Start {
        applier: Applier::Folder,
        name: if folder.is_empty() { "default" } else { folder }.to_owned(),
        namespace: String::new(),
        at: At::default(),
        node: None,
        folder: Some(folder.to_owned()),
        filled: Vec::new(),
    };
    let cluster = KnownCluster { source: None, ..cluster(folder, RootKind::Folders) };
    Root { cluster, start: vec![start] }
}
