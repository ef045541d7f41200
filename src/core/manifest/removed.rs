//! Versions of the API that newer releases do not serve. Which release a cluster has is in no file, so that these are warnings, told once
//! for all objects of a kind.

use std::collections::BTreeMap;

use super::finding::{Finding, REMOVED};
use super::kustomization;
use super::tree::{Object, Tree};
use crate::table::RemovedVersion;

/// The first object of each kind whose version is no longer served, with how many others there are.
pub(super) fn check(tree: &Tree) -> Vec<Option<Finding>> {
    let patches = kustomization::patches(tree);
    let mut all: BTreeMap<(&str, &str), (&RemovedVersion, Object<'_>, usize)> = BTreeMap::new();
    for object in tree.objects().filter(|object| !patches.contains(object.path)) {
        let Some(version) = object.node.str(&["apiVersion"]) else { continue };
        let known = REMOVED.iter().find(|row| row.version == version && row.kinds.contains(&object.kind));
        if let Some(row) = known {
            all.entry((version, object.kind))
                .and_modify(|(.., others)| *others += 1)
                .or_insert((row, object, 0));
        }
    }
    let told = all.into_iter().map(|((version, _), (row, object, others))| {
        let instead = match &row.instead {
            Some(instead) => format!("{instead} takes its place"),
            None => "nothing takes its place".to_owned(),
        };
        let more = match others {
            0 => String::new(),
            1 => "; so is 1 other".to_owned(),
            many => format!("; so are {many} others"),
        };
        let message =
            format!("{} is of {version}, which {} does not serve: {instead}{more}", object.title(), row.by);
        Finding::new("object.removed-version", object.path, object.at(), message)
    });
    told.collect()
}
