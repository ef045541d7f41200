//! The roots of a tree, as people name them: by folder.

use std::collections::{BTreeMap, HashMap};

use rwenv_core::manifest::tree::folder_of;
use rwenv_core::manifest::yaml::At;

use crate::catalog::knowledge::{Knowledge, RootKind};

/// A root: the units it brings in, and the objects that these apply.
#[derive(Debug, Default)]
pub(super) struct AppliedRoot {
    /// Numbers of its units.
    pub(super) units: Vec<usize>,
    /// Numbers of its objects.
    pub(super) objects: Vec<usize>,
}

/// The roots of a tree by folder. Where the repository says nowhere what Flux begins with, a folder counts as one whose Kustomizations
/// nothing applies.
pub(super) fn roots(known: &Knowledge<'_>) -> BTreeMap<String, AppliedRoot> {
    let mut all: BTreeMap<String, AppliedRoot> = BTreeMap::new();
    for cluster in known.clusters.iter().filter(|cluster| cluster.kind != RootKind::Inferred) {
        all.entry(cluster.folder.clone()).or_default();
    }
    let mut folders: HashMap<usize, String> = HashMap::new();
    for (number, unit) in known.units.iter().enumerate() {
        // A unit is above only those that come later.
        let above = unit.above.and_then(|above| folders.get(&above)).cloned();
        let cluster = known.clusters.get(unit.cluster);
        let own = || match cluster {
            Some(cluster) if cluster.kind != RootKind::Inferred => cluster.folder.clone(),
            _ => folder_of(known.tree.file_of(unit.at)).to_owned(),
        };
        let folder = above.unwrap_or_else(own);
        all.entry(folder.clone()).or_default().units.push(number);
        folders.insert(number, folder);
    }
    for (number, found) in known.objects.iter().enumerate() {
        if let Some(root) = folders.get(&found.unit).and_then(|folder| all.get_mut(folder)) {
            root.objects.push(number);
        }
    }
    all
}

/// Where a unit is said to apply something, for what is wrong with that.
pub(super) fn place_of(known: &Knowledge<'_>, unit: usize) -> Option<At> {
    let unit = known.units.get(unit)?;
    Some(unit.spec.get("path").map_or(unit.at, |path| path.at))
}
