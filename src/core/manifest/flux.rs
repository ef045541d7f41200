//! Flux objects: the paths, sources and other objects they name have to be there, and not in a circle.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::finding::Finding;
use super::kustomization;
use super::tree::{Object, Tree, folder_of, secure_join};
use super::yaml::{At, Node};
use crate::model::same_repository;

const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const HELM: &str = "helm.toolkit.fluxcd.io";
const SOURCE: &str = "source.toolkit.fluxcd.io";
/// The name that bootstrap gives to the source of the repository itself; it may be in no file.
const BOOTSTRAP: &str = "flux-system";

/// The Flux objects of a repository.
struct FluxObjects<'t> {
    tree: &'t Tree,
    objects: Vec<Object<'t>>,
    /// Group, kind and name of each.
    defined: HashSet<(&'t str, &'t str, &'t str)>,
    /// Something makes objects that no file has (ResourceSets, their inputs).
    generated: bool,
    /// A cluster applies this repository from here; what another repository defines is not to be expected otherwise.
    rooted: bool,
    /// Namespaces that its files name or make.
    namespaces: HashSet<&'t str>,
    /// The branch that the repository's own source names.
    branch: Option<&'t str>,
}

/// What may be made elsewhere: by which rule it is told, its kind and its name.
type ElsewhereObject<'t> = (&'static str, &'t str, &'t str);

/// What is told once for all objects that name it.
type NamedElsewhere<'t> = BTreeMap<ElsewhereObject<'t>, Vec<(Object<'t>, At)>>;

impl<'t> FluxObjects<'t> {
    fn of(tree: &'t Tree) -> Self {
        let patches = kustomization::patches(tree);
        let objects: Vec<Object<'_>> = tree.objects().filter(|o| !patches.contains(o.path)).collect();
        let generated = objects.iter().any(|o| o.kind == "ResourceSet");
        let defined = objects.iter().map(|o| (o.group, o.kind, o.name)).collect();
        let rooted = objects.iter().any(|o| o.group == KUSTOMIZE || o.kind == "FluxInstance");
        let made = objects.iter().filter(|o| o.kind == "Namespace").map(|o| o.name);
        let set = tree.files.values().flat_map(|f| &f.documents).filter(|d| d.get("resources").is_some());
        let namespaces = objects.iter().filter_map(|o| o.namespace).chain(made);
        let namespaces = namespaces.chain(set.filter_map(|d| d.str(&["namespace"]))).collect();
        let own = |o: &&Object<'t>| o.kind == "GitRepository" && o.group == SOURCE && o.name == BOOTSTRAP;
        let branch = objects.iter().find(own).and_then(|o| o.node.str(&["spec", "ref", "branch"]));
        Self { tree, objects, defined, generated, rooted, namespaces, branch }
    }
}

/// The folders of this repository that Flux Kustomizations apply, each with what the Kustomization says. Left out where Flux may not
/// see all that is there.
pub(super) fn applied(tree: &Tree) -> Vec<(String, &Node)> {
    let flux = FluxObjects::of(tree);
    let all = flux.objects.iter().filter(|o| o.group == KUSTOMIZE && o.kind == "Kustomization");
    let folders = all.filter_map(|object| {
        let spec = object.node.get("spec")?;
        let path = spec.str(&["path"]).filter(|path| !is_variable(path))?;
        let folder = secure_join(path);
        let here = flux.is_this_repository(spec.get("sourceRef")?) && tree.has_folder(&folder);
        let whole = tree.kustomization(&folder).is_some() || !flux.excludes();
        (here && whole).then_some((folder, spec))
    });
    folders.collect()
}

/// Everything Flux objects name that is not there, and every circle.
pub(super) fn check(tree: &Tree) -> Vec<Option<Finding>> {
    let flux = FluxObjects::of(tree);
    let (mut found, mut elsewhere) = (Vec::new(), NamedElsewhere::new());
    for object in &flux.objects {
        match (object.group, object.kind) {
            (KUSTOMIZE, "Kustomization") => flux.kustomization(object, &mut found, &mut elsewhere),
            (HELM, "HelmRelease") => flux.release(object, &mut found, &mut elsewhere),
            _ => {}
        }
    }
    for ((rule, kind, name), users) in elsewhere {
        let Some((first, at)) = users.first() else { continue };
        let others = match users.len() - 1 {
            0 => String::new(),
            1 => "; so does 1 other".to_owned(),
            more => format!("; so do {more} others"),
        };
        let message = format!("{} needs {kind} {name}, which no file defines{others}", first.title());
        found.push(Finding::new(rule, first.path, *at, message));
    }
    flux.circles(&mut found);
    found
}

/// True for a text that is filled in when Flux applies it.
fn is_variable(text: &str) -> bool {
    text.contains("${") || text.contains("{{") || text.contains("<<")
}

impl<'t> FluxObjects<'t> {
    fn kustomization(
        &self,
        object: &Object<'t>,
        found: &mut Vec<Option<Finding>>,
        elsewhere: &mut NamedElsewhere<'t>,
    ) {
        let spec = object.node.get("spec");
        let source = spec.and_then(|s| s.get("sourceRef"));
        if let Some(source) = source {
            self.source(object, source, found, elsewhere);
        }
        self.depends(object, found, elsewhere);
        let here = source.is_some_and(|source| self.is_this_repository(source));
        if let Some((path, node)) =
            spec.and_then(|s| s.get("path")).and_then(|n| Some((n.text()?, n))).filter(|_| here)
            && let Some(rule) = self.path(object, path)
        {
            let message = format!("{} applies '{path}', which does not exist", object.title());
            found.push(Finding::new(rule, object.path, node.at, message));
        }
        let from =
            object.node.path(&["spec", "postBuild", "substituteFrom"]).map(Node::items).unwrap_or_default();
        for item in from {
            self.substitutes(object, item, elsewhere);
        }
    }

    fn release(
        &self,
        object: &Object<'t>,
        found: &mut Vec<Option<Finding>>,
        elsewhere: &mut NamedElsewhere<'t>,
    ) {
        let chart = object.node.path(&["spec", "chart", "spec", "sourceRef"]);
        let direct = object.node.path(&["spec", "chartRef"]);
        for source in chart.into_iter().chain(direct) {
            self.source(object, source, found, elsewhere);
        }
        self.depends(object, found, elsewhere);
    }

    /// The rule against a path that leads nowhere. A file may lie in a folder that is a repository of its own elsewhere.
    fn path(&self, object: &Object<'t>, path: &str) -> Option<&'static str> {
        let folder = secure_join(path);
        if is_variable(path) || self.tree.has_folder(&folder) || self.within(object.path, &folder) {
            return None;
        }
        let resolves = |other: &&Object<'t>| {
            let path = other.node.str(&["spec", "path"]).map(secure_join).filter(|path| !path.is_empty());
            other.group == KUSTOMIZE && path.is_some_and(|path| self.tree.has_folder(&path))
        };
        let first = folder.split('/').next().unwrap_or_default();
        let nested = self.objects.iter().any(|other| {
            let path = other.node.str(&["spec", "path"]).map(secure_join).filter(|path| !path.is_empty());
            other.group == KUSTOMIZE
                && path.is_some_and(|path| !self.tree.has_folder(&path) && self.within(other.path, &path))
        });
        let sure = self.tree.has_folder(first) || self.objects.iter().any(|other| resolves(&other));
        Some(if sure && !nested { "flux.path" } else { "flux.path-elsewhere" })
    }

    /// True where a folder is there, seen from a folder above a file.
    fn within(&self, file: &str, folder: &str) -> bool {
        let mut above = folder_of(file);
        while !above.is_empty() {
            if self.tree.has_folder(&format!("{above}/{folder}")) {
                return true;
            }
            above = folder_of(above);
        }
        false
    }

    /// True where Flux does not get all files of the repository.
    fn excludes(&self) -> bool {
        let ignored = |o: &Object<'_>| o.group == SOURCE && o.node.path(&["spec", "ignore"]).is_some();
        self.tree.has_file(".sourceignore")
            || self.tree.below("").any(|path| path.ends_with("/.sourceignore"))
            || self.objects.iter().any(ignored)
    }

    /// True where a source is the repository the tree is of.
    fn is_this_repository(&self, source: &Node) -> bool {
        let (kind, name) = (source.str(&["kind"]), source.str(&["name"]).unwrap_or_default());
        if kind != Some("GitRepository") || is_variable(name) {
            return false;
        }
        let defined =
            self.objects.iter().filter(|o| o.group == SOURCE && o.kind == "GitRepository" && o.name == name);
        let all: Vec<&Object<'t>> = defined.collect();
        // Another branch is another tree.
        let branch = |o: &&Object<'t>| o.node.str(&["spec", "ref", "branch"]);
        let other = |o: &&Object<'t>| self.branch.zip(branch(o)).is_some_and(|(own, named)| own != named);
        if !all.is_empty() && all.iter().all(other) {
            return false;
        }
        let urls: Vec<&str> = all.iter().filter_map(|o| o.node.str(&["spec", "url"])).collect();
        let known = |url: &&str| self.tree.remotes.iter().any(|remote| same_repository(remote, url));
        match urls.as_slice() {
            [] => name == BOOTSTRAP,
            urls if self.tree.remotes.is_empty() => name == BOOTSTRAP && !urls.is_empty(),
            urls => name == BOOTSTRAP || urls.iter().any(known),
        }
    }

    /// A source that has to be defined somewhere. Names are compared without namespaces, which a kustomization above may set.
    fn source(
        &self,
        object: &Object<'t>,
        source: &'t Node,
        found: &mut Vec<Option<Finding>>,
        elsewhere: &mut NamedElsewhere<'t>,
    ) {
        let (Some(kind), Some(name)) = (source.str(&["kind"]), source.get("name")) else { return };
        let Some(text) = name.text().filter(|text| !is_variable(text)) else { return };
        let there = self.defined.contains(&(SOURCE, kind, text));
        // An ExternalArtifact is made by a controller, never by a file.
        if there
            || text == BOOTSTRAP
            || kind == "ExternalArtifact"
            || self.generated
            || self.may_be_elsewhere(kind, text)
        {
            return;
        }
        // What a Kustomization is read from, bootstrap or Terraform may have made, unless the name only looks misspelt.
        let near = |o: &Object<'t>| {
            o.group == SOURCE && o.kind == kind && strsim::osa_distance(o.name, text) <= 1 + text.len() / 8
        };
        let made = object.kind == "Kustomization" && !self.objects.iter().any(near);
        if made || self.is_elsewhere(source) {
            return elsewhere
                .entry(("flux.source-elsewhere", kind, text))
                .or_default()
                .push((*object, name.at));
        }
        let message =
            format!("{} takes its source from {kind} {text}, which no file defines", object.title());
        found.push(Finding::new("flux.source-ref", object.path, name.at, message));
    }

    /// True where a name is computed somewhere, so that it may be this one.
    fn may_be_elsewhere(&self, kind: &str, name: &str) -> bool {
        let start = name.split(['-', '.']).next().unwrap_or_default();
        self.objects.iter().any(|o| {
            o.kind == kind && is_variable(o.name) && (o.name.starts_with("${") || o.name.starts_with(start))
        })
    }

    fn depends(
        &self,
        object: &Object<'t>,
        found: &mut Vec<Option<Finding>>,
        elsewhere: &mut NamedElsewhere<'t>,
    ) {
        let all = object.node.path(&["spec", "dependsOn"]).map(Node::items).unwrap_or_default();
        let named = all.iter().filter_map(|d| Some((d, d.get("name")?)));
        for (item, text, node) in named.filter_map(|(d, n)| Some((d, n.text()?, n))) {
            let there = self.defined.contains(&(object.group, object.kind, text));
            if there || is_variable(text) || self.generated || self.may_be_elsewhere(object.kind, text) {
                continue;
            }
            if self.is_elsewhere(item) {
                let users = elsewhere.entry(("flux.depends-elsewhere", object.kind, text)).or_default();
                users.push((*object, node.at));
                continue;
            }
            let message =
                format!("{} depends on {} {text}, which no file defines", object.title(), object.kind);
            found.push(Finding::new("flux.depends-on", object.path, node.at, message));
        }
    }

    /// True for a reference to what another repository may define: this one has no root, or has nothing in the namespace that is named.
    fn is_elsewhere(&self, reference: &Node) -> bool {
        let foreign = |namespace: &str| !is_variable(namespace) && !self.namespaces.contains(namespace);
        !self.rooted || reference.str(&["namespace"]).is_some_and(foreign)
    }

    /// A ConfigMap or Secret that variables come from. Both are often made outside of Git, so that a missing one may be right.
    fn substitutes(&self, object: &Object<'t>, item: &'t Node, elsewhere: &mut NamedElsewhere<'t>) {
        let (Some(kind), Some(name)) = (item.str(&["kind"]), item.get("name")) else { return };
        let Some(text) = name.text().filter(|text| !is_variable(text)) else { return };
        if item.str(&["optional"]) == Some("true") || self.generated || self.defines(kind, text) {
            return;
        }
        let rule = if kind == "Secret" { "flux.substitute-from-secret" } else { "flux.substitute-from" };
        elsewhere.entry((rule, kind, text)).or_default().push((*object, name.at));
    }

    /// True where a file defines the object, generates it, or has it made by an operator.
    fn defines(&self, kind: &str, name: &str) -> bool {
        let by_file = self.objects.iter().any(|o| match o.kind {
            own if own == kind => o.name == name || is_variable(o.name),
            "ExternalSecret" | "SealedSecret" | "InfisicalSecret" | "VaultStaticSecret"
                if kind == "Secret" =>
            {
                let target = o.node.str(&["spec", "target", "name"]);
                let managed = o.node.str(&["spec", "managedSecretReference", "secretName"]);
                let made = o.node.str(&["spec", "destination", "name"]);
                [Some(o.name), target, managed, made].contains(&Some(name))
            }
            _ => false,
        });
        let generator = if kind == "Secret" { "secretGenerator" } else { "configMapGenerator" };
        by_file
            || (self.tree.files.values().flat_map(|f| &f.documents))
                .flat_map(|d| d.get(generator).map(Node::items).unwrap_or_default())
                .any(|g| g.str(&["name"]) == Some(name))
    }

    /// The namespace an object says, or the nearest kustomization around it sets.
    fn namespace_of(&self, object: &Object<'t>) -> Option<&'t str> {
        let set = || {
            let mut folder = folder_of(object.path);
            loop {
                let document = self.tree.kustomization(folder).and_then(|file| file.documents.first());
                if let Some(namespace) = document.and_then(|d| d.str(&["namespace"])) {
                    return Some(namespace);
                }
                if folder.is_empty() {
                    return None;
                }
                folder = folder_of(folder);
            }
        };
        object.namespace.or_else(set).filter(|namespace| !is_variable(namespace))
    }

    /// Circles of `dependsOn`. A name that is defined several times (once per cluster) is taken from the nearest folder.
    fn circles(&self, found: &mut Vec<Option<Finding>>) {
        let nodes: Vec<&Object<'t>> =
            self.objects.iter().filter(|o| matches!(o.group, KUSTOMIZE | HELM)).collect();
        let mut named: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (at, object) in nodes.iter().enumerate() {
            named.entry((object.kind, object.name)).or_default().push(at);
        }
        let namespaces: Vec<Option<&str>> = nodes.iter().map(|object| self.namespace_of(object)).collect();
        let nodes_of = NamedNodes { nodes: &nodes, named, namespaces };
        let edges: Vec<Vec<usize>> = (0..nodes.len()).map(|at| nodes_of.depended(at)).collect();
        let mut told: BTreeSet<usize> = BTreeSet::new();
        for start in 0..nodes.len() {
            let Some(circle) = circle(start, &edges).filter(|c| !c.iter().any(|at| told.contains(at))) else {
                continue;
            };
            told.extend(&circle);
            let names: Vec<&str> =
                circle.iter().chain([&start]).filter_map(|at| nodes.get(*at)).map(|o| o.name).collect();
            let Some(object) = nodes.get(start) else { continue };
            let at = object.node.path(&["spec", "dependsOn"]).map_or(object.at(), |n| n.at);
            let message = format!("{} depends on itself: {}", object.title(), names.join(" → "));
            found.push(Finding::new("flux.circle", object.path, at, message));
        }
    }
}

/// Flux objects by kind and name, with the namespaces they are known to be in.
struct NamedNodes<'n, 't> {
    nodes: &'n [&'n Object<'t>],
    named: BTreeMap<(&'t str, &'t str), Vec<usize>>,
    namespaces: Vec<Option<&'t str>>,
}

impl NamedNodes<'_, '_> {
    /// The objects an object depends on, each from the folder that is nearest to it. One that is known to be in another namespace
    /// than the one that is named is not meant.
    fn depended(&self, at: usize) -> Vec<usize> {
        let Some(object) = self.nodes.get(at) else { return Vec::new() };
        let shared = |other: &usize| {
            let path = self.nodes.get(*other).map(|o| o.path).unwrap_or_default();
            let both = folder_of(path).split('/').zip(folder_of(object.path).split('/'));
            (path == object.path, both.take_while(|(a, b)| a == b).count())
        };
        let own = self.namespaces.get(at).copied().flatten();
        let meant = |other: usize, said: Option<&str>| {
            match (said.or(own), self.namespaces.get(other).copied().flatten()) {
                (Some(wanted), Some(known)) => wanted == known,
                // Nobody names the namespace of what is beside it, and least of all its own.
                (_, None) => said.is_none() || other != at,
                (None, Some(_)) => true,
            }
        };
        let all = object.node.path(&["spec", "dependsOn"]).map(Node::items).unwrap_or_default();
        let nearest = |item: &Node| {
            let said = item.str(&["namespace"]).filter(|namespace| !is_variable(namespace));
            let fitting = self.named.get(&(object.kind, item.str(&["name"])?))?;
            fitting.iter().copied().filter(|other| meant(*other, said)).max_by_key(shared)
        };
        all.iter().filter_map(nearest).collect()
    }
}

/// A way from an object back to itself, that object first.
fn circle(start: usize, edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut came: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        for next in edges.get(at)? {
            if *next == start {
                let mut way = vec![at];
                while let Some(before) = way.last().filter(|w| **w != start).and_then(|w| came.get(w)) {
                    way.push(*before);
                }
                way.reverse();
                return Some(way);
            }
            if !came.contains_key(next) {
                came.insert(*next, at);
                open.push(*next);
            }
        }
    }
    None
}
