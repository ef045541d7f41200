//! What is known of a repository: what is applied from where, and every object that comes of it.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::substitute::{Substitutions, substitute};
use rwenv_core::manifest::kustomize::resource::Resource;
use rwenv_core::manifest::kustomize::{BuildProblem, Unfollowed};
use rwenv_core::manifest::tree::Tree;
use rwenv_core::manifest::yaml::{At, Node, Value};

/// What makes a cluster's root known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// A Kustomization that applies the folder it is in, as `flux bootstrap` writes.
    GotkSync,
    /// A `gotk-sync.yaml` without content, which bootstrap has yet to fill.
    EmptySync,
    /// A FluxInstance, or the values of its chart.
    FluxInstance,
    /// Kustomizations and Applications that nothing in the repository applies.
    Inferred,
    /// Folders that Flux may be told of from elsewhere.
    Folders,
}

/// A cluster the repository has a root for.
#[derive(Clone, Debug)]
pub struct KnownCluster {
    /// Last part of its root's folder; `default` for the repository's own root.
    pub name: String,
    /// The folder its root applies, from the root of the repository.
    pub folder: String,
    /// What makes it known.
    pub kind: RootKind,
    /// Folder of the repository that is the root of what Flux fetches.
    pub prefix: String,
    /// Kind and name of the source that is this repository.
    pub source: Option<(String, String)>,
    /// Where that source is, as its definition writes it.
    pub url: Option<String>,
}

/// What applies a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Applier {
    /// A Flux Kustomization.
    Flux,
    /// An Argo CD Application.
    Argo,
    /// Nothing known: a folder by itself.
    Folder,
}

/// A Flux Kustomization or what stands in its place, and what it applies.
#[derive(Clone, Debug)]
pub struct Unit {
    /// What it is.
    pub applier: Applier,
    /// Number of its cluster.
    pub cluster: usize,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Where it is defined.
    pub at: At,
    /// Its `spec`, variables filled in.
    pub spec: Node,
    /// The folder it applies; none where that lies in another repository or is not there.
    pub folder: Option<String>,
    /// What it fills in for variables.
    pub values: Arc<Substitutions>,
    /// It fills variables in, even where it has no values.
    pub substitutes: bool,
    /// Variables that have no value.
    pub unresolved: BTreeSet<String>,
    /// The one that brings it in.
    pub above: Option<usize>,
    /// The paths of the repository it was built from ([`Build::paths`]).
    ///
    /// [`Build::paths`]: rwenv_core::manifest::kustomize::Build::paths
    pub paths: Arc<BTreeSet<String>>,
    /// Those of them that say how kustomize builds, which is not followed, and where they are named.
    pub unfollowed: BTreeSet<Unfollowed>,
    /// What it cannot be built for.
    pub problems: Vec<BuildProblem>,
}

/// What tells the units of one root apart: what it is, its namespace and its name.
pub type UnitKey = (Applier, String, String);

impl Unit {
    /// What tells it apart from the other units of its root.
    #[must_use]
    pub fn key(&self) -> UnitKey {
        (self.applier, self.namespace.clone(), self.name.clone())
    }

    /// A unit that is to be built; its name, place and folder are still to be said.
    #[must_use]
    pub fn new(applier: Applier, cluster: usize, spec: Node) -> Self {
        Self {
            applier,
            cluster,
            name: String::new(),
            namespace: String::new(),
            at: At::default(),
            spec,
            folder: None,
            values: Arc::default(),
            substitutes: false,
            unresolved: BTreeSet::new(),
            above: None,
            paths: Arc::default(),
            unfollowed: BTreeSet::new(),
            problems: Vec::new(),
        }
    }
}

impl Applier {
    /// The kind of the objects that define it; none for a folder by itself.
    #[must_use]
    pub fn kind(self) -> Option<&'static str> {
        match self {
            Self::Flux => Some("Kustomization"),
            Self::Argo => Some("Application"),
            Self::Folder => None,
        }
    }
}

/// An object that is applied.
#[derive(Clone, Debug)]
pub struct AppliedObject<'t> {
    /// The object as kustomize leaves it.
    pub resource: Resource<'t>,
    /// Number of the unit that applies it.
    pub unit: usize,
}

/// A Kustomization, HelmRelease or Application that nothing applies.
#[derive(Clone, Debug)]
pub struct Orphan {
    /// Its kind.
    pub kind: String,
    /// Its name as written.
    pub name: String,
    /// Its namespace as written.
    pub namespace: Option<String>,
    /// Where it is defined.
    pub at: At,
}

/// What is known of a repository.
pub struct Knowledge<'t> {
    /// The files.
    pub tree: &'t Tree,
    /// The clusters.
    pub clusters: Vec<KnownCluster>,
    /// What applies what, those that bring in others first.
    pub units: Vec<Unit>,
    /// Every object.
    pub objects: Vec<AppliedObject<'t>>,
    /// What nothing applies.
    pub orphans: Vec<Orphan>,
    /// What cannot be built, and files that cannot be read.
    pub problems: Vec<BuildProblem>,
    pub(super) names: HashMap<(usize, String), Vec<usize>>,
}

impl<'t> Knowledge<'t> {
    /// Nothing yet.
    #[must_use]
    pub fn empty(tree: &'t Tree) -> Self {
        Self {
            tree,
            clusters: Vec::new(),
            units: Vec::new(),
            objects: Vec::new(),
            orphans: Vec::new(),
            problems: Vec::new(),
            names: HashMap::new(),
        }
    }

    /// Objects of a kind, with their numbers.
    pub fn of_kind(&self, group: &str, kind: &str) -> impl Iterator<Item = (usize, &AppliedObject<'t>)> {
        self.objects
            .iter()
            .enumerate()
            .filter(move |(_, found)| found.resource.kind == kind && found.resource.group == group)
    }

    /// The cluster an object is applied to.
    #[must_use]
    pub fn cluster_of(&self, found: &AppliedObject<'_>) -> usize {
        self.units.get(found.unit).map_or(0, |unit| unit.cluster)
    }

    /// The object a reference of another one means: by the name it has or had before it was renamed.
    #[must_use]
    pub fn resolve(&self, cluster: usize, kind: &str, namespace: &str, name: &str) -> Option<usize> {
        let all = self.names.get(&(cluster, name.to_owned()))?;
        let fits = |number: &&usize| {
            self.objects.get(**number).is_some_and(|found| {
                found.resource.kind == kind && found.resource.namespace().unwrap_or_default() == namespace
            })
        };
        all.iter().find(fits).copied()
    }

    /// The units that bring an object in, as `namespace/name`, the root first.
    #[must_use]
    pub fn chain(&self, found: &AppliedObject<'_>) -> Vec<String> {
        let mut all = Vec::new();
        let mut next = self.units.get(found.unit);
        // A unit is above only those that come later, so that this ends.
        while let Some(unit) = next {
            let namespace = Some(&unit.namespace).filter(|namespace| !namespace.is_empty());
            all.push(
                namespace.map_or_else(|| unit.name.clone(), |namespace| format!("{namespace}/{}", unit.name)),
            );
            next = unit.above.and_then(|above| self.units.get(above));
        }
        all.reverse();
        all
    }

    /// Notes an object under every name it has or had.
    pub(super) fn add(&mut self, found: AppliedObject<'t>) -> usize {
        let cluster = self.cluster_of(&found);
        let number = self.objects.len();
        let names: BTreeSet<String> = std::iter::once(found.resource.name.clone().into_owned())
            .chain(found.resource.previous.iter().map(|previous| previous.name.clone()))
            .collect();
        for name in names {
            self.names.entry((cluster, name)).or_default().push(number);
        }
        self.objects.push(found);
        number
    }

    /// Forgets everything from these numbers on.
    pub(super) fn forget(&mut self, units: usize, objects: usize) {
        self.units.truncate(units);
        self.objects.truncate(objects);
        for numbers in self.names.values_mut() {
            numbers.retain(|number| *number < objects);
        }
    }

    /// What an object holds, images put in their place and variables filled in.
    #[must_use]
    pub fn content<'k>(&'k self, found: &'k AppliedObject<'t>) -> Cow<'k, Node> {
        let mut resource = Cow::Borrowed(&found.resource);
        if !resource.images.is_empty() {
            // Where it is too large to be put in place, the images stay as they are written.
            let _ = resource.to_mut().materialize();
        }
        let unit = self.units.get(found.unit).filter(|unit| unit.substitutes && is_substituted(&resource));
        match (unit, resource) {
            (Some(unit), resource) => {
                let node =
                    resource.content.expanded().unwrap_or_else(|| resource.content.clone().into_owned());
                Cow::Owned(filled(node, &unit.values, &mut BTreeSet::new()))
            }
            (None, Cow::Borrowed(resource)) => Cow::Borrowed(&resource.content),
            (None, Cow::Owned(resource)) => Cow::Owned(resource.content.into_owned()),
        }
    }

    /// The file of a place, and its line.
    #[must_use]
    pub fn place(&self, at: At) -> (String, u32) {
        (self.tree.file_of(at).to_owned(), at.line)
    }
}

/// True unless an object says that its variables are not Flux's.
#[must_use]
pub fn is_substituted(resource: &Resource<'_>) -> bool {
    const KEY: &str = "kustomize.toolkit.fluxcd.io/substitute";
    ["labels", "annotations"].iter().all(|field| resource.mark(field, KEY) != Some("disabled"))
}

/// A node with its variables filled in; text that Flux would refuse stays.
#[must_use]
pub fn filled(mut node: Node, values: &Substitutions, unresolved: &mut BTreeSet<String>) -> Node {
    fill(&mut node, values, unresolved);
    node
}

fn fill(node: &mut Node, values: &Substitutions, unresolved: &mut BTreeSet<String>) {
    match &mut node.value {
        Value::Scalar { text, .. } => {
            if let Ok(Cow::Owned(new)) = substitute(text, values, unresolved) {
                *text = new;
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| fill(item, values, unresolved)),
        Value::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
            fill(key, values, unresolved);
            fill(value, values, unresolved);
        }),
        Value::Anchored(_) | Value::Alias(_) => {}
    }
}
