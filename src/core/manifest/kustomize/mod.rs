//! What a kustomization comes to: which resources, under which names, in which namespaces, and where each is defined. It
//! follows kustomize step by step (api v0.18, `KustTarget.accumulateTarget`), but goes on where kustomize gives up: what is
//! wrong is told, and the rest is there all the same.

mod files;
mod generate;
pub mod image;
mod merge;
mod patch;
pub mod render;
mod replace;
pub mod resource;
pub mod scope;
mod select;
mod shape;
pub mod spec;
mod transform;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use generate::{BuildFailure, FailureCause};
use resource::{Id, KustomizationStep, Resource};

use crate::manifest::tree::{File, KUSTOMIZATION, Tree, join};
use crate::manifest::yaml::{At, Node};
use spec::Spec;

/// Most resources and folders that are gone through for one kustomization.
const MOST: usize = 500_000;
/// Most kustomizations that lie between the one that is built and one it needs.
const DEEPEST: usize = 100;
/// What a path that is a symbolic link is told of.
const LINK: &str = "is a symbolic link; Flux leaves links out of what it fetches";
/// Annotation of what is for kustomize alone.
const LOCAL: &str = "config.kubernetes.io/local-config";

/// Sorts of what a kustomization cannot be built for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A file or folder that is not there.
    Missing,
    /// A path that leads out of the repository.
    Outside,
    /// A symbolic link.
    Link,
    /// One object twice.
    Twice,
    /// A field of a kustomization, or what it holds.
    Field,
    /// A patch, a replacement, or what else changes objects.
    Change,
    /// What is wrong with a file as YAML.
    Yaml,
    /// Anything else.
    #[default]
    Other,
}

/// Something a kustomization cannot be built for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuildProblem {
    /// Where.
    pub at: At,
    /// What is wrong.
    pub message: String,
    /// It is only not followed here. Of everything else, kustomize makes nothing at all.
    pub unfollowed: bool,
    /// It concerns what one object makes, and depends on the file of that object alone.
    pub alone: bool,
    /// What sort of problem.
    pub fault: Fault,
}

impl BuildProblem {
    /// What kustomize would make nothing of.
    pub fn new(at: At, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), ..Self::default() }
    }
}

/// What a kustomization comes to.
#[derive(Debug, Default)]
pub struct Build<'t> {
    /// The resources, in kustomize's order.
    pub resources: Vec<Resource<'t>>,
    /// What is wrong.
    pub problems: Vec<BuildProblem>,
    /// The paths it was built from, and those it looked for in vain. One that ends with a slash stands for everything below a folder.
    pub paths: BTreeSet<String>,
    /// Those of them that say how kustomize builds, which is not followed.
    pub unfollowed: BTreeSet<Unfollowed>,
    /// What may be wrong, or right by what is not read: where that is named, and what would be wrong without it.
    pub hidden: BTreeSet<(At, BuildProblem)>,
}

impl<'t> Build<'t> {
    /// Adds what another build comes to.
    pub fn join(&mut self, other: Self) {
        self.resources.extend(other.resources);
        self.problems.extend(other.problems);
        self.paths.extend(other.paths);
        self.unfollowed.extend(other.unfollowed);
        self.hidden.extend(other.hidden);
    }
}

/// A file that says how kustomize builds, and where it is named.
pub type Unfollowed = (String, At);

/// Reads a file's bytes by its path from the root; none where there is none, or it is not to be read.
pub type ReadBytes<'r> = dyn Fn(&str) -> Option<Vec<u8>> + Sync + 'r;

/// Builds kustomizations of one tree.
pub struct Builder<'t, 'r> {
    tree: &'t Tree,
    read: &'r ReadBytes<'r>,
    specs: HashMap<String, Option<Arc<Spec>>>,
    problems: Vec<BuildProblem>,
    paths: RefCell<BTreeSet<String>>,
    unfollowed: BTreeSet<Unfollowed>,
    hidden: BTreeSet<(At, BuildProblem)>,
    budget: usize,
}

/// Resources gathered so far.
#[derive(Default)]
struct GatheredResources<'t> {
    all: Vec<Resource<'t>>,
    ids: HashSet<Id>,
    /// Where the first is named of what may hold more resources and could not be read.
    unread: Option<At>,
    /// Where the first is named of what may have changed them in a way that is not followed.
    changed: Option<At>,
}

impl GatheredResources<'_> {
    /// Notes that something that is named here could not be read.
    fn miss(&mut self, at: At) {
        self.unread.get_or_insert(at);
    }
}

/// The folder that is built, and those it is built for.
struct BuildPlace<'p> {
    folder: &'p str,
    visited: &'p [String],
    step: Arc<KustomizationStep>,
}

/// A kustomization that another one needs, and where it says so.
struct KustomizationEntry {
    folder: String,
    at: At,
    component: bool,
}

impl<'t, 'r> Builder<'t, 'r> {
    /// A builder for a tree.
    pub fn new(tree: &'t Tree, read: &'r ReadBytes<'r>) -> Self {
        let (specs, problems, paths) = (HashMap::new(), Vec::new(), RefCell::default());
        let (unfollowed, hidden) = (BTreeSet::new(), BTreeSet::new());
        Self { tree, read, specs, problems, paths, unfollowed, hidden, budget: MOST }
    }

    /// Builds the kustomization of a folder, as `kustomize build` does with files from everywhere in the tree allowed.
    pub fn kustomize(&mut self, folder: &str) -> Build<'t> {
        let spec = self.spec(folder, At::default());
        self.build(folder, spec.map(Arc::unwrap_or_clone))
    }

    /// Builds a folder as Flux does: where it has no kustomization, everything below it is taken, and what the Flux
    /// Kustomization says is added.
    pub fn flux(&mut self, folder: &str, flux: &Node) -> Build<'t> {
        let spec = match self.has_kustomization(folder) {
            true => self.spec(folder, flux.at).map(Arc::unwrap_or_clone),
            false => Some(self.generated(folder, flux.at)),
        };
        let spec = spec.map(|mut spec| {
            spec.add_flux(flux);
            spec
        });
        self.build(folder, spec)
    }

    fn build(&mut self, folder: &str, spec: Option<Spec>) -> Build<'t> {
        self.budget = MOST;
        let mut gathered = GatheredResources::default();
        if let Some(spec) = spec {
            let step = Arc::new(KustomizationStep { folder: folder.to_owned(), above: None });
            let visited = [folder.to_owned()];
            self.accumulate(&spec, &BuildPlace { folder, visited: &visited, step }, &mut gathered);
        }
        let mut resources = gathered.all;
        for resource in resources.iter_mut().filter(|resource| resource.hashed) {
            let hash = generate::hash(resource);
            resource.remember();
            resource.name = Cow::Owned(format!("{}-{hash}", resource.name));
        }
        resources.retain(|resource| resource.mark("annotations", LOCAL).is_none_or(|local| local == "false"));
        // A patch may have given two of them one name.
        let mut ids = HashSet::with_capacity(resources.len());
        for twice in resources.iter().filter(|resource| !ids.insert(resource.id())) {
            self.fault(Fault::Twice, name_at(twice), format!("{} {} is there twice", twice.kind, twice.name));
        }
        let mut problems = std::mem::take(&mut self.problems);
        problems.sort();
        problems.dedup();
        let (unfollowed, hidden) = (std::mem::take(&mut self.unfollowed), std::mem::take(&mut self.hidden));
        Build { resources, problems, paths: self.paths.take(), unfollowed, hidden }
    }

    /// Notes that what is built depends on a path.
    fn depends(&self, path: &str) {
        if !self.paths.borrow().contains(path) {
            self.paths.borrow_mut().insert(path.to_owned());
        }
    }

    /// Notes that what is built depends on all there is below a folder.
    fn depends_below(&self, folder: &str) {
        self.depends(&if folder.is_empty() { String::new() } else { format!("{folder}/") });
    }

    fn problem(&mut self, at: At, message: impl Into<String>) {
        self.problems.push(BuildProblem::new(at, message));
    }

    fn fault(&mut self, fault: Fault, at: At, message: impl Into<String>) {
        self.problems.push(BuildProblem { fault, ..BuildProblem::new(at, message) });
    }

    /// Tells what cannot be done to what was gathered, unless it may be right by what was not read.
    fn failed(&mut self, failure: BuildFailure, into: &GatheredResources<'_>) {
        let BuildFailure { at, message, cause } = failure;
        let problem = BuildProblem { fault: Fault::Change, ..BuildProblem::new(at, message) };
        let hides = match cause {
            FailureCause::Sure => None,
            FailureCause::Absent => into.unread.or(into.changed),
            FailureCause::Content => into.changed,
        };
        match hides {
            Some(cause) => drop(self.hidden.insert((cause, problem))),
            None => self.problems.push(problem),
        }
    }

    /// Tells what kustomize would do and this does not.
    fn not_followed(&mut self, at: At, message: impl Into<String>) {
        self.problems.push(BuildProblem { unfollowed: true, ..BuildProblem::new(at, message) });
    }

    /// What a file holds, whatever it is.
    #[must_use]
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        (self.read)(path)
    }

    /// True where a folder has a kustomization file.
    #[must_use]
    pub fn has_kustomization(&self, folder: &str) -> bool {
        KUSTOMIZATION.iter().any(|name| join(folder, name).is_some_and(|path| self.tree.has_file(&path)))
    }

    /// True where a folder has a Helm chart.
    #[must_use]
    pub fn has_chart(&self, folder: &str) -> bool {
        join(folder, "Chart.yaml").is_some_and(|path| self.tree.has_file(&path))
    }

    /// Takes the manifests of a folder as they are, as Argo CD does with a folder that is no kustomization. What is no object is
    /// left out without a word.
    pub fn directory(
        &mut self,
        folder: &str,
        recurse: bool,
        at: At,
        taken: &dyn Fn(&str) -> bool,
    ) -> Build<'t> {
        let tree = self.tree;
        self.depends_below(folder);
        let direct = |path: &&str| recurse || crate::manifest::tree::folder_of(path) == folder;
        let mut spec = Spec::default();
        for path in tree.below(folder).filter(|path| Tree::is_yaml(path)).filter(direct) {
            let object = |node: &Node| node.str(&["kind"]).is_some() && node.get("metadata").is_some();
            if tree.files.get(path).is_some_and(|file| file.documents.iter().any(object)) {
                let within = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
                if taken(within) {
                    spec.resources.push((within.to_owned(), at));
                }
            }
        }
        self.build(folder, Some(spec))
    }

    /// The kustomization of a folder.
    fn spec(&mut self, folder: &str, at: At) -> Option<Arc<Spec>> {
        KUSTOMIZATION.iter().filter_map(|name| join(folder, name)).for_each(|path| self.depends(&path));
        if let Some(known) = self.specs.get(folder) {
            return known.clone();
        }
        let spec = self.read_spec(folder, at).map(Arc::new);
        self.specs.insert(folder.to_owned(), spec.clone());
        spec
    }

    fn read_spec(&mut self, folder: &str, at: At) -> Option<Spec> {
        let tree = self.tree;
        let files: Vec<&File> =
            KUSTOMIZATION.iter().filter_map(|name| tree.files.get(&join(folder, name)?)).collect();
        let Some(file) = files.first() else {
            let shown = if folder.is_empty() { "." } else { folder };
            self.fault(Fault::Missing, at, format!("there is no kustomization.yaml in {shown}"));
            return None;
        };
        if files.len() > 1 {
            self.problem(At { file: file.number, ..At::START }, "the folder has several kustomization files");
        }
        self.tell_unreadable(file);
        let says = |d: &&Node| {
            d.entries()
                .iter()
                .any(|(key, value)| !matches!(key.text(), Some("apiVersion" | "kind")) && !value.is_null())
        };
        let Some(document) = file.documents.first().filter(says) else {
            self.problem(At { file: file.number, ..At::START }, "the kustomization is empty");
            return None;
        };
        let spec = Spec::read(document);
        for (at, message) in &spec.problems {
            self.fault(Fault::Field, *at, message.clone());
        }
        Some(spec)
    }

    fn accumulate(&mut self, spec: &Spec, place: &BuildPlace<'_>, into: &mut GatheredResources<'t>) {
        for (path, at) in &spec.resources {
            self.resource(path, *at, place, into);
        }
        self.generate(spec, place, into);
        for (path, at) in &spec.components {
            if crate::manifest::is_remote(path) {
                self.not_followed(*at, format!("'{path}' lies elsewhere and is not read"));
                into.miss(*at);
                into.changed.get_or_insert(*at);
            } else if let Some(folder) = self.folder(path, *at, place) {
                self.enter(KustomizationEntry { folder, at: *at, component: true }, place, into);
            } else {
                into.miss(*at);
            }
        }
        self.transform(spec, place, into);
    }

    /// One entry of `resources`.
    fn resource(&mut self, path: &str, at: At, place: &BuildPlace<'_>, into: &mut GatheredResources<'t>) {
        if crate::manifest::is_remote(path) {
            self.not_followed(at, format!("'{path}' lies elsewhere and is not read"));
            into.miss(at);
            return;
        }
        let Some(target) = join(place.folder, path).filter(|_| !path.starts_with('/')) else {
            self.fault(Fault::Outside, at, format!("'{path}' leads out of the repository"));
            into.miss(at);
            return;
        };
        self.depends(&target);
        if self.tree.has_file(&target) {
            self.file(&target, at, place, into);
        } else if let Some(folder) = self.folder(path, at, place) {
            let mut inner = GatheredResources::default();
            self.enter(KustomizationEntry { folder, at, component: false }, place, &mut inner);
            into.unread = into.unread.or(inner.unread);
            into.changed = into.changed.or(inner.changed);
            for resource in inner.all {
                self.append(resource, into);
            }
        } else {
            into.miss(at);
        }
    }

    /// The folder a path leads to, where it may be built from here.
    fn folder(&mut self, path: &str, at: At, place: &BuildPlace<'_>) -> Option<String> {
        let Some(target) = join(place.folder, path).filter(|_| !path.starts_with('/')) else {
            self.fault(Fault::Outside, at, format!("'{path}' leads out of the repository"));
            return None;
        };
        if self.tree.is_link(&target) {
            self.fault(Fault::Link, at, format!("'{path}' {LINK}"));
            return None;
        }
        if !self.tree.has_folder(&target) {
            self.fault(Fault::Missing, at, format!("'{path}' does not exist ({target})"));
            return None;
        }
        let above = |visited: &String| {
            *visited == target || target.is_empty() || visited.starts_with(&format!("{target}/"))
        };
        if place.visited.iter().any(above) {
            self.problem(at, format!("'{path}' leads back to a folder it is built for"));
            return None;
        }
        Some(target)
    }

    fn enter(&mut self, entry: KustomizationEntry, place: &BuildPlace<'_>, into: &mut GatheredResources<'t>) {
        let KustomizationEntry { folder, at, component } = entry;
        if !self.spend(1, at) {
            into.miss(at);
            return;
        }
        if place.visited.len() > DEEPEST {
            self.not_followed(at, format!("the kustomizations are nested more than {DEEPEST} deep"));
            into.miss(at);
            return;
        }
        let Some(spec) = self.spec(&folder, at) else {
            into.miss(at);
            return;
        };
        if spec.component != component {
            let what =
                if component { "is not a Component" } else { "is a Component; name it under components" };
            self.problem(at, format!("the kustomization in {folder} {what}"));
        }
        let visited = [place.visited, std::slice::from_ref(&folder)].concat();
        let step =
            Arc::new(KustomizationStep { folder: folder.clone(), above: Some(Arc::clone(&place.step)) });
        self.accumulate(&spec, &BuildPlace { folder: &folder, visited: &visited, step }, into);
    }

    /// Takes from what may be spent on one kustomization; false where nothing is left, which is told once.
    fn spend(&mut self, cost: usize, at: At) -> bool {
        let before = self.budget;
        self.budget = before.saturating_sub(cost);
        if before > 0 && self.budget == 0 {
            self.not_followed(at, format!("it comes to more than {MOST} objects; the rest is left out"));
        }
        self.budget > 0
    }

    fn append(&mut self, resource: Resource<'t>, into: &mut GatheredResources<'t>) {
        if !self.spend(1, resource.at) {
            return;
        }
        let id = resource.id();
        if !into.ids.contains(&id) {
            into.ids.insert(id);
            into.all.push(resource);
            return;
        }
        let first = into.all.iter().find(|first| first.id() == id).map_or(resource.at, name_at);
        let (file, at) = (self.tree.file_of(first), name_at(&resource));
        // Without the line: a finding is the same one after lines have moved.
        let place = if first.file == at.file { "this file" } else { file };
        let message = format!("{} {} is already defined in {place}", resource.kind, resource.name);
        self.fault(Fault::Twice, at, message);
    }
}

/// Where the name of a resource stands, or the resource begins.
fn name_at(resource: &Resource<'_>) -> At {
    resource.content.path(&["metadata", "name"]).map_or(resource.at, |name| name.at)
}
