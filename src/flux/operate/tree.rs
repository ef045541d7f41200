//! What an object has applied, and what it waits for, as trees.

use std::collections::BTreeSet;

use serde::Serialize;

use super::object::Applied;
use super::{Flux, FluxError, LiveObject, kind_of};

/// Deepest tree that is followed.
pub(super) const DEEPEST: usize = 16;

/// An object and what hangs below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for what is in none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it has applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<Branch>,
}

impl Branch {
    fn of(object: &LiveObject, applied: Vec<Self>) -> Self {
        let (kind, namespace) = (object.kind.name.to_owned(), object.namespace.clone());
        Self { kind, namespace, name: object.name.clone(), applied }
    }

    fn is(&self, object: &LiveObject) -> bool {
        (self.kind.as_str(), &self.namespace, &self.name)
            == (object.kind.name, &object.namespace, &object.name)
    }
}

/// Kind, namespace and name out of an inventory's entry (cli-utils, `object.ParseObjMetadata`: in names `__` stands for a colon).
pub(super) fn parsed(entry: &Applied) -> Option<Branch> {
    let (namespace, rest) = entry.id.split_once('_')?;
    let (rest, kind) = rest.rsplit_once('_')?;
    let (name, _group) = rest.rsplit_once('_')?;
    let [kind, namespace] = [kind, namespace].map(str::to_owned);
    Some(Branch { kind, namespace, name: name.replace("__", ":"), applied: Vec::new() })
}

/// The group of an inventory's entry.
pub(super) fn group_of(entry: &Applied) -> &str {
    let rest = entry.id.rsplit_once('_').map_or("", |(rest, _)| rest);
    rest.rsplit_once('_').map_or("", |(_, group)| group)
}

/// What an object has applied, and what those among that have which apply something themselves: Kustomizations, HelmReleases (which
/// keep an inventory since helm-controller 1.5), ResourceSets and FluxInstances.
///
/// # Errors
/// Where the cluster does not answer.
pub async fn tree(flux: &Flux, object: &LiveObject) -> Result<Branch, FluxError> {
    grown(flux, object, &mut BTreeSet::new()).await
}

async fn grown(flux: &Flux, object: &LiveObject, seen: &mut BTreeSet<String>) -> Result<Branch, FluxError> {
    seen.insert(object.label());
    let mut applied = Vec::new();
    for (entry, mut branch) in object.inventory.iter().filter_map(|entry| Some((entry, parsed(entry)?))) {
        // A root applies itself.
        if branch.is(object) {
            continue;
        }
        let kind = kind_of(&branch.kind).filter(|kind| kind.applies() && kind.group == group_of(entry));
        let label = format!("{} {}/{}", branch.kind, branch.namespace, branch.name);
        if let Some(kind) = kind.filter(|_| seen.len() < DEEPEST * DEEPEST && !seen.contains(&label)) {
            match flux.get(kind, &branch.namespace, &branch.name).await {
                Ok(below) => branch = Box::pin(grown(flux, &below, seen)).await?,
                Err(FluxError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        applied.push(branch);
    }
    applied.sort_by(|a, b| (&a.kind, &a.namespace, &a.name).cmp(&(&b.kind, &b.namespace, &b.name)));
    Ok(Branch::of(object, applied))
}

/// What an object waits for (`dependsOn`), and what waits for it, each as a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependencies {
    /// The object, and below it what it waits for.
    pub waits_for: Branch,
    /// The object, and below it what waits for it.
    pub needed_by: Branch,
}

/// Follows `dependsOn` in both directions, among the objects of the kind.
///
/// # Errors
/// Where the cluster does not answer.
pub async fn dependencies(flux: &Flux, object: &LiveObject) -> Result<Dependencies, FluxError> {
    let all = flux.list(object.kind, None, None).await?;
    let waits_for = below(object, &all, &mut Vec::new(), &LiveObject::waits_for);
    let needed_by = below(object, &all, &mut Vec::new(), &|of, other| other.waits_for(of));
    Ok(Dependencies { waits_for: with_missing(waits_for, object, &all), needed_by })
}

/// The objects that a relation leads to. A circle ends where it comes back to an object above.
fn below(
    object: &LiveObject,
    all: &[LiveObject],
    above: &mut Vec<String>,
    leads: &dyn Fn(&LiveObject, &LiveObject) -> bool,
) -> Branch {
    if above.contains(&object.label()) {
        return Branch::of(object, Vec::new());
    }
    above.push(object.label());
    let next = all.iter().filter(|other| leads(object, other));
    let applied = next.map(|other| below(other, all, above, leads)).collect();
    above.pop();
    Branch::of(object, applied)
}

/// With what an object names and is not there: it waits for that for ever.
fn with_missing(mut tree: Branch, object: &LiveObject, all: &[LiveObject]) -> Branch {
    for wanted in &object.depends_on {
        let namespace = wanted.place(&object.namespace);
        if !all.iter().any(|other| other.name == wanted.name && other.namespace == namespace) {
            let (kind, name) = (object.kind.name.to_owned(), wanted.name.clone());
            tree.applied.push(Branch { kind, namespace: namespace.to_owned(), name, applied: Vec::new() });
        }
    }
    tree
}

impl LiveObject {
    fn waits_for(&self, other: &Self) -> bool {
        let is = |wanted: &super::ObjectReference| {
            wanted.name == other.name && wanted.place(&self.namespace) == other.namespace
        };
        self.depends_on.iter().any(is)
    }
}
