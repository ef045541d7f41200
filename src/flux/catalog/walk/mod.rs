//! From the roots of a repository to every object: each unit is built, what it brings in is built in turn. Values for variables
//! may be defined by a unit that comes later, so that a cluster is walked again when those are known.

mod application_set;
mod argo;
mod artifacts;
mod expression;
mod resource_set;
mod roots;
mod source;
mod start;
mod state;
mod template;

pub(super) use argo::{GROUP as ARGO, chart as argo_chart, source as argo_source};

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use super::knowledge::{AppliedObject, Applier, Knowledge, Orphan, RootKind, Unit, is_substituted};
use super::substitute::{Substitutions, substitute};
use super::uses::is_workload;
use application_set::ApplicationSet;
use artifacts::PushedFolder;
use rwenv_core::manifest::kustomize::resource::Resource;
use rwenv_core::manifest::kustomize::{Build, BuildProblem, Builder, ReadBytes};
use rwenv_core::manifest::tree::{File, Object, Skipped, Tree};
use rwenv_core::manifest::yaml::{At, Node};
use start::{KUSTOMIZE, Root, Start};
use state::Walk;

/// How often a cluster is walked for the sake of values that turn up late.
const MOST_PASSES: usize = 3;

/// ConfigMaps by namespace and name.
type Configs = BTreeMap<(String, String), Substitutions>;

/// Finds out what a repository's roots apply. `read` gives a file's bytes by its path.
#[must_use]
pub fn walk<'t>(tree: &'t Tree, read: &ReadBytes<'_>) -> Knowledge<'t> {
    walk_beside(tree, read, &BTreeSet::new())
}

/// The folders that count as roots because the repository says nowhere what is applied.
#[must_use]
pub fn guessed_roots(tree: &Tree) -> BTreeSet<String> {
    // Artifacts are roots of other kinds.
    let roots = roots::roots(tree, &declared(tree), &[]);
    let guessed = roots.into_iter().filter(|root| root.cluster.kind == RootKind::Folders);
    guessed.map(|root| root.cluster.folder).collect()
}

/// The same as [`walk`]; these folders are roots as well, where they are there.
#[must_use]
pub fn walk_beside<'t>(tree: &'t Tree, read: &ReadBytes<'_>, folders: &BTreeSet<String>) -> Knowledge<'t> {
    let pushed = Rc::new(artifacts::pushed(tree, read));
    let own = roots::roots(tree, &declared(tree), &pushed);
    let guessed = !own.is_empty() && own.iter().all(|root| root.cluster.kind == RootKind::Inferred);
    let is_new =
        |folder: &&String| tree.has_folder(folder) && !own.iter().any(|root| root.cluster.folder == **folder);
    let more: Vec<Root<'_>> = folders.iter().filter(is_new).map(|folder| roots::folder(folder)).collect();
    let mut walk = Walk::of(tree, read, &pushed, own.into_iter().chain(more));
    if guessed && folders.is_empty() {
        // A stray Application is no root of everything: where the folders hold far more, each of them is one.
        let live = |root: &Root<'_>| !roots::is_put_away(&format!("{}/x", root.cluster.folder));
        let apart = Walk::of(tree, read, &pushed, roots::folders(tree).into_iter().filter(live));
        if apart.services() > 2 * walk.services() {
            walk = apart;
        }
    }
    walk.charts();
    walk.orphans();
    let mut knowledge = walk.knowledge;
    knowledge.problems.sort();
    knowledge.problems.dedup();
    knowledge
}

/// The objects of a tree, but for those that are patches.
fn declared(tree: &Tree) -> Vec<Object<'_>> {
    let patches = rwenv_core::manifest::patches(tree);
    tree.objects().filter(|object| !patches.contains(object.path)).collect()
}

impl<'t, 'r> Walk<'t, 'r> {
    /// Walks from these roots.
    fn of(
        tree: &'t Tree,
        read: &'r ReadBytes<'r>,
        pushed: &Rc<Vec<PushedFolder>>,
        roots: impl Iterator<Item = Root<'t>>,
    ) -> Self {
        let mut walk = Self {
            builder: Builder::new(tree, read),
            knowledge: Knowledge::empty(tree),
            declared: declared(tree),
            queue: VecDeque::new(),
            units: HashMap::new(),
            argo: OnceCell::new(),
            pushed: Rc::clone(pushed),
        };
        walk.unreadable();
        roots.for_each(|root| walk.root(root));
        walk
    }

    /// How many workloads and releases have been reached, each once.
    fn services(&self) -> usize {
        let is_service = |found: &&AppliedObject<'_>| {
            let resource = &found.resource;
            let declared = matches!(&*resource.kind, "HelmRelease" | "Application") && !resource.generated;
            declared || is_workload(&resource.group, &resource.kind)
        };
        let ids = self.knowledge.objects.iter().filter(is_service);
        ids.map(|found| (found.resource.kind.to_string(), found.resource.first_name().to_owned()))
            .collect::<HashSet<_>>()
            .len()
    }

    fn root(&mut self, mut root: Root<'t>) {
        if root.cluster.kind == RootKind::Inferred {
            self.sort_out(&mut root);
        }
        let number = self.knowledge.clusters.len();
        self.knowledge.clusters.push(root.cluster.clone());
        let (units, objects) = (self.knowledge.units.len(), self.knowledge.objects.len());
        let mut configs = Configs::new();
        for _ in 0..MOST_PASSES {
            self.forget(units, objects);
            let problems = self.knowledge.problems.len();
            for start in &root.start {
                self.start(start, number, root.cluster.kind);
            }
            let mut missed = false;
            while let Some(unit) = self.queue.pop_front() {
                missed |= self.apply(unit, &configs);
            }
            let known = self.configs(objects);
            if !missed || known.keys().all(|key| configs.contains_key(key)) {
                break;
            }
            configs = known;
            self.knowledge.problems.truncate(problems);
        }
    }

    /// Leaves out of a root what another part of it applies.
    fn sort_out(&mut self, root: &mut Root<'t>) {
        self.knowledge.clusters.push(root.cluster.clone());
        for start in &root.start {
            self.start(start, 0, root.cluster.kind);
        }
        for unit in std::mem::take(&mut self.queue) {
            self.apply(unit, &Configs::new());
        }
        let by = |found: &AppliedObject<'_>| self.knowledge.units.get(found.unit).map(|unit| unit.at);
        let others: Vec<&AppliedObject<'_>> =
            self.knowledge.objects.iter().filter(|found| by(found) != Some(found.resource.at)).collect();
        let applied: HashSet<At> = others.iter().map(|found| found.resource.at).collect();
        // Where one Application brings in others, those that nothing brings in and that bring in nothing are retired.
        let brought = others.iter().filter(|f| matches!(&*f.resource.kind, "Application" | "ApplicationSet"));
        let brought = brought.filter(|found| !found.resource.generated);
        let leading: HashSet<At> = brought.filter_map(|found| by(found)).collect();
        let alone = |start: &Start<'_>| {
            start.applier == Applier::Argo && !leading.is_empty() && !leading.contains(&start.at)
        };
        let live = |start: &Start<'_>| !applied.contains(&start.at) && !alone(start);
        if root.start.iter().any(live) {
            root.start.retain(live);
        }
        self.queue.clear();
        self.knowledge.clusters.clear();
        self.forget(0, 0);
        self.knowledge.problems.clear();
        self.unreadable();
    }

    fn start(&mut self, start: &Start<'t>, cluster: usize, kind: RootKind) {
        let spec = start.node.and_then(|node| node.get("spec")).and_then(Node::expanded);
        let empty = || Node { at: start.at, value: rwenv_core::manifest::yaml::Value::Map(Vec::new()) };
        let mut spec = spec.unwrap_or_else(empty);
        // Whatever fills in a root's path fills in the same variables of what it applies.
        if !start.filled.is_empty() {
            let mut build = spec.get("postBuild").cloned().unwrap_or_else(empty);
            let mut values = build.get("substitute").cloned().unwrap_or_else(empty);
            for (name, value) in &start.filled {
                values.set(name, Node::scalar(value, start.at));
            }
            build.set("substitute", values);
            spec.set("postBuild", build);
        }
        let folder = match &start.folder {
            Some(folder) => Some(folder.clone()),
            None => self.folder_of(start.applier, &spec, (cluster, &start.namespace), start.at),
        };
        if folder.is_none() && kind == RootKind::FluxInstance {
            self.problem(start.at, "the folder it syncs is not in this repository");
        }
        let unit = self.knowledge.units.len();
        let (name, namespace) = (start.name.clone(), start.namespace.clone());
        self.push(Unit { name, namespace, at: start.at, folder, ..Unit::new(start.applier, cluster, spec) });
        // Nothing brings these in, so that nothing else makes them known.
        let own = start.node.filter(|_| kind == RootKind::Inferred).and_then(|node| Resource::of(node, 1));
        if let Some(resource) = own {
            let new = self.knowledge.add(AppliedObject { resource, unit });
            self.enter(new);
        }
    }

    /// Builds a unit and queues what it brings in. True where a value it asks for is not known.
    fn apply(&mut self, number: usize, configs: &Configs) -> bool {
        let Some(unit) = self.knowledge.units.get(number) else { return false };
        let (values, missed) = self.values(unit, configs);
        let always = unit.spec.str(&["postBuild", "substituteStrategy"]) == Some("Always");
        let substitutes = always || !values.is_empty();
        let more = if unit.applier == Applier::Argo { self.more_sources(&unit.spec) } else { Vec::new() };
        let mut build = match (&unit.folder, unit.applier) {
            (None, _) => Build::default(),
            (Some(folder), Applier::Flux) => self.builder.flux(folder, &unit.spec),
            (Some(folder), Applier::Argo) => argo::build(&mut self.builder, folder, &unit.spec),
            (Some(folder), Applier::Folder) if self.builder.has_kustomization(folder) => {
                self.builder.kustomize(folder)
            }
            (Some(folder), Applier::Folder) => self.builder.directory(folder, false, unit.at, &|_| true),
        };
        for (folder, spec) in &more {
            build.join(argo::build(&mut self.builder, folder, spec));
        }
        let (mut problems, paths, unfollowed) = (build.problems, Arc::new(build.paths), build.unfollowed);
        let mut unresolved = BTreeSet::new();
        let (mut found, mut waiting) = (Vec::new(), VecDeque::from(build.resources));
        while let Some(mut resource) = waiting.pop_front() {
            if substitutes && is_substituted(&resource) {
                problems.extend(fill(&mut resource, &values, &mut unresolved));
            }
            if resource.kind == "ResourceSet" {
                let (made, more) = resource_set::expand(&resource, &self.declared);
                problems.extend(more);
                waiting.extend(made);
            }
            found.push(AppliedObject { resource, unit: number });
        }
        self.knowledge.problems.extend(problems.iter().cloned());
        if let Some(unit) = self.knowledge.units.get_mut(number) {
            (unit.values, unit.substitutes, unit.unresolved) = (Arc::new(values), substitutes, unresolved);
            (unit.paths, unit.unfollowed, unit.problems) = (paths, unfollowed, problems);
        }
        // All of them are known before one is entered: a source may be defined behind what it is the source of.
        let new: Vec<usize> = found.into_iter().map(|found| self.knowledge.add(found)).collect();
        new.into_iter().for_each(|number| self.enter(number));
        missed
    }

    /// Queues what an object applies in its turn.
    fn enter(&mut self, number: usize) {
        let Some(found) = self.knowledge.objects.get(number) else { return };
        let (cluster, above) = (self.knowledge.cluster_of(found), found.unit);
        let resource = &found.resource;
        let applier = match (&*resource.group, &*resource.kind) {
            (KUSTOMIZE, "Kustomization") => Applier::Flux,
            (argo::GROUP, "Application") => Applier::Argo,
            (argo::GROUP, "ApplicationSet") => {
                let content = self.knowledge.content(found).into_owned();
                let set = ApplicationSet {
                    name: resource.name.to_string(),
                    namespace: resource.namespace().map(str::to_owned),
                    at: resource.at,
                    document: resource.document,
                };
                self.application_set(&content, &set, above);
                return;
            }
            _ => return,
        };
        let namespace = resource.namespace().unwrap_or(self.default_namespace(above, resource.at)).to_owned();
        let (name, at) = (resource.name.to_string(), resource.at);
        let content = self.knowledge.content(found);
        let Some(spec) = content.get("spec").and_then(Node::expanded) else { return };
        let id = (cluster, applier, namespace.clone(), name.clone());
        let known = self.units.get(&id).copied().and_then(|known| self.knowledge.units.get_mut(known));
        if let Some(known) = known {
            // The root applies its own definition.
            if known.at == At::default() {
                known.at = at;
            }
            return;
        }
        let folder = self.folder_of(applier, &spec, (cluster, &namespace), at);
        let unit = Unit::new(applier, cluster, spec);
        self.bring_in(Unit { name, namespace, at, folder, above: Some(above), ..unit });
    }

    /// The namespace an object without one is in: where it is the unit's own definition, the unit's.
    fn default_namespace(&self, unit: usize, object: At) -> &str {
        let own = |unit: &&Unit| unit.applier == Applier::Flux || unit.at == object;
        self.knowledge.units.get(unit).filter(own).map_or("default", |unit| unit.namespace.as_str())
    }

    /// The values a unit fills in (kustomize-controller, `LoadVariables`), and whether one of its sources is not known. What a
    /// Secret holds is not filled in: it would end up in names and files.
    fn values(&self, unit: &Unit, configs: &Configs) -> (Substitutions, bool) {
        let mut values = Substitutions::new();
        let mut missed = false;
        let items = unit.spec.path(&["postBuild", "substituteFrom"]).map(Node::items).unwrap_or_default();
        for item in items.iter().filter(|item| item.str(&["kind"]) == Some("ConfigMap")) {
            let Some(name) = item.str(&["name"]) else { continue };
            match self.config(unit, name, configs) {
                Some(more) => values.extend(more),
                None => missed = true,
            }
        }
        let inline = unit.spec.path(&["postBuild", "substitute"]).map(Node::entries).unwrap_or_default();
        for (key, value) in inline {
            let key = key.text().unwrap_or_default().to_owned();
            values.insert(key, value.text().unwrap_or_default().replace('\n', ""));
        }
        (values, missed)
    }

    /// The data of a ConfigMap in a unit's cluster, or of the only one of this name there is in the repository.
    fn config(&self, unit: &Unit, name: &str, configs: &Configs) -> Option<Substitutions> {
        let known = &self.knowledge;
        if let Some(found) = known
            .resolve(unit.cluster, "ConfigMap", &unit.namespace, name)
            .and_then(|number| known.objects.get(number))
        {
            return Some(data(&known.content(found)));
        }
        if let Some(values) = configs.get(&(unit.namespace.clone(), name.to_owned())) {
            return Some(values.clone());
        }
        let mut same = self.declared.iter().filter(|o| o.kind == "ConfigMap" && o.name == name);
        let only = same.next().filter(|_| same.next().is_none())?;
        Some(data(only.node))
    }

    /// The ConfigMaps among the objects from this number on.
    fn configs(&self, from: usize) -> Configs {
        let all = self.knowledge.objects.get(from..).unwrap_or_default();
        let maps = all.iter().filter(|found| found.resource.kind == "ConfigMap");
        maps.map(|found| {
            let resource = &found.resource;
            let namespace = resource.namespace().unwrap_or_default().to_owned();
            let name = resource.previous.first().map_or(&*resource.name, |first| &first.name);
            ((namespace, name.to_owned()), data(&self.knowledge.content(found)))
        })
        .collect()
    }

    /// Tells of charts of the repository, which are not rendered: once, with what they hide.
    fn charts(&mut self) {
        let tree = self.knowledge.tree;
        let templates =
            tree.files.values().filter(|file| file.skipped == Some(Skipped::HelmTemplate)).count();
        let charts: Vec<&File> =
            tree.files.values().filter(|file| file.path.ends_with("Chart.yaml")).collect();
        let Some(first) = charts.first().filter(|_| templates > 0) else { return };
        let folders: Vec<String> = charts.iter().take(3).map(|file| format!("{}/", file.folder())).collect();
        let more = if charts.len() > 3 { " and others" } else { "" };
        let (count, word) = (charts.len(), if charts.len() == 1 { "chart" } else { "charts" });
        let (files, those) = (if templates == 1 { "template" } else { "templates" }, folders.join(", "));
        let message = format!(
            "{count} {word} with {templates} {files} of this repository are not rendered: {those}{more}"
        );
        let at = At { file: first.number, ..At::START };
        self.knowledge.problems.push(BuildProblem { unfollowed: true, ..BuildProblem::new(at, message) });
    }

    /// What is declared but comes from no root.
    fn orphans(&mut self) {
        if self.knowledge.clusters.iter().any(|cluster| cluster.kind == RootKind::Folders) {
            return;
        }
        let applied: HashSet<At> = self.knowledge.objects.iter().map(|found| found.resource.at).collect();
        let starts: HashSet<At> = self.knowledge.units.iter().map(|unit| unit.at).collect();
        let kinds = [
            (KUSTOMIZE, "Kustomization"),
            ("helm.toolkit.fluxcd.io", "HelmRelease"),
            (argo::GROUP, "Application"),
            (argo::GROUP, "ApplicationSet"),
        ];
        let orphans = self.declared.iter().filter(|object| {
            kinds.contains(&(object.group, object.kind))
                && object.node.get("spec").is_some()
                && !applied.contains(&object.node.at)
                && !starts.contains(&object.node.at)
        });
        self.knowledge.orphans = orphans
            .map(|object| Orphan {
                kind: object.kind.to_owned(),
                name: object.name.to_owned(),
                namespace: object.namespace.map(str::to_owned),
                at: object.node.at,
            })
            .collect();
    }
}

/// Fills in variables where they make a difference to what an object is and which others it brings in. What Flux would refuse is
/// told: it gives up there.
fn fill(
    resource: &mut Resource<'_>,
    values: &Substitutions,
    unresolved: &mut BTreeSet<String>,
) -> Vec<BuildProblem> {
    let (at, mut problems) = (resource.at, Vec::new());
    let mut text = |text: &str| match substitute(text, values, unresolved) {
        Ok(new) => new.into_owned(),
        Err(bad) => {
            problems.push(BuildProblem::new(at, bad.to_string()));
            text.to_owned()
        }
    };
    if resource.name.contains('$') {
        resource.name = Cow::Owned(text(&resource.name));
    }
    if let Some(namespace) = resource.namespace.as_deref().filter(|namespace| namespace.contains('$')) {
        resource.namespace = Some(Cow::Owned(text(namespace)));
    }
    for previous in &mut resource.previous {
        previous.name = text(&previous.name);
    }
    told(&resource.content, unresolved, values);
    problems
}

/// The data of a ConfigMap as Flux reads it: no line ends.
fn data(node: &Node) -> Substitutions {
    let entries = node.get("data").map(Node::entries).unwrap_or_default();
    let text = |node: &Node| node.text().unwrap_or_default().replace('\n', "");
    entries.iter().filter_map(|(key, value)| Some((key.text()?.to_owned(), text(value)))).collect()
}

/// Notes the variables of a node that have no value.
fn told(node: &Node, unresolved: &mut BTreeSet<String>, values: &Substitutions) {
    if let Some(text) = node.text().filter(|text| text.contains("${")) {
        drop(substitute(text, values, unresolved));
    }
    node.items().iter().for_each(|item| told(item, unresolved, values));
    for (key, value) in node.entries() {
        told(key, unresolved, values);
        told(value, unresolved, values);
    }
}
