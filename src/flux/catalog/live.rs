//! What is known of a repository held against what was seen in its cluster.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::knowledge::{Applier, Knowledge, KnownCluster, RootKind};
use crate::cluster::{KINDS, SeenCluster, SeenObject};
use rwenv_core::manifest::tree::join;

/// Something that is on one side only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Only {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where it is defined, for what is in Git.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// Both sides held against each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The root whose cluster it is, where the repository has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// How many objects are on both sides.
    pub matched: usize,
    /// What the charts of HelmReleases (`namespace/name`) made: `Kind/name`.
    pub releases: BTreeMap<String, BTreeSet<String>>,
    /// In Git but not in the cluster.
    pub only_in_git: Vec<Only>,
    /// In the cluster but not in Git.
    pub only_in_cluster: Vec<Only>,
}

/// Kind, namespace and name.
type LiveKey<'k> = (&'k str, &'k str, &'k str);

/// Compares what the roots of a repository apply with what was seen; `root` is the cluster's own, where that is known.
#[must_use]
pub fn compare(known: &Knowledge<'_>, seen: &SeenCluster, root: Option<usize>) -> Comparison {
    let chosen = root.filter(|_| known.clusters.len() > 1).or_else(|| chosen(known, seen));
    let meant = |cluster: usize| chosen.is_none_or(|chosen| chosen == cluster);
    let mut in_git: BTreeMap<LiveKey<'_>, String> = BTreeMap::new();
    for found in known.objects.iter().filter(|found| meant(known.cluster_of(found))) {
        let resource = &found.resource;
        if KINDS.contains(&(&*resource.group, &*resource.kind)) {
            let (file, line) = known.place(resource.at);
            let key = (&*resource.kind, resource.namespace().unwrap_or("default"), &*resource.name);
            in_git.insert(key, format!("{file}:{line}"));
        }
    }
    let units = known.units.iter().filter(|unit| unit.applier == Applier::Flux && meant(unit.cluster));
    for unit in units {
        let (file, line) = known.place(unit.at);
        in_git
            .entry(("Kustomization", &unit.namespace, &unit.name))
            .or_insert_with(|| format!("{file}:{line}"));
    }
    let there: BTreeSet<LiveKey<'_>> = seen
        .objects
        .iter()
        .map(|object| (object.kind, object.namespace.as_str(), object.name.as_str()))
        .collect();
    let by = |kind: &str, name: &Option<(String, String)>| {
        name.as_ref()
            .is_some_and(|(namespace, name)| in_git.contains_key(&(kind, namespace.as_str(), name.as_str())))
    };
    let explained = |object: &&SeenObject| {
        in_git.contains_key(&(object.kind, object.namespace.as_str(), object.name.as_str()))
            || object.owned
            || by("HelmRelease", &object.release)
            || by("Kustomization", &object.kustomization)
    };
    let mut releases: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for object in &seen.objects {
        if let Some((namespace, name)) = &object.release {
            let made = format!("{}/{}", object.kind, object.name);
            releases.entry(format!("{namespace}/{name}")).or_default().insert(made);
        }
    }
    let only = |(kind, namespace, name): &LiveKey<'_>, place: Option<String>| Only {
        kind: (*kind).to_owned(),
        namespace: (*namespace).to_owned(),
        name: (*name).to_owned(),
        place,
    };
    Comparison {
        root: chosen.and_then(|chosen| known.clusters.get(chosen)).map(|cluster| cluster.folder.clone()),
        matched: in_git.keys().filter(|key| there.contains(*key)).count(),
        releases,
        only_in_git: in_git
            .iter()
            .filter(|(key, _)| !there.contains(*key))
            .map(|(key, place)| only(key, Some(place.clone())))
            .collect(),
        only_in_cluster: seen
            .objects
            .iter()
            .filter(|object| !explained(object) && !is_every_clusters(object))
            .map(|object| only(&(object.kind, &object.namespace, &object.name), None))
            .collect(),
    }
}

/// True for what every cluster makes for itself.
fn is_every_clusters(object: &SeenObject) -> bool {
    (object.kind, object.namespace.as_str(), object.name.as_str()) == ("Service", "default", "kubernetes")
}

/// The root that was seen at work in the cluster: by the folder its Kustomization applies. None where there is one root only, or it
/// cannot be told.
fn chosen(known: &Knowledge<'_>, seen: &SeenCluster) -> Option<usize> {
    if known.clusters.len() < 2 {
        return None;
    }
    let paths: BTreeSet<String> =
        seen.objects.iter().filter_map(|object| join("", object.path.as_deref()?)).collect();
    let applied = |cluster: &KnownCluster| {
        let from =
            cluster.folder.strip_prefix(&cluster.prefix).unwrap_or(&cluster.folder).trim_start_matches('/');
        cluster.kind != RootKind::Folders && paths.contains(from)
    };
    let mut fitting = known.clusters.iter().enumerate().filter(|(_, cluster)| applied(cluster));
    let (number, _) = fitting.next()?;
    fitting.next().is_none().then_some(number)
}
