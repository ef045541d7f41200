//! What is known of a repository, as the documents look at it.

use std::collections::{BTreeMap, HashSet};

use super::super::knowledge::{AppliedObject, Knowledge, Unit};
use super::super::uses::Uses;
use super::entry::{Entry, EntryPlace};
use super::keys::{EntryNames, keys};

/// What is known, and who uses what: what documents are made of.
pub(super) struct View<'k, 't> {
    pub(super) known: &'k Knowledge<'t>,
    pub(super) uses: &'k Uses,
}

impl<'t> View<'_, 't> {
    pub(super) fn place_of(&self, found: &AppliedObject<'t>) -> EntryPlace {
        let resource = &found.resource;
        let (file, line) = self.known.place(resource.at);
        let name = resource.hashed.then(|| resource.name.to_string());
        EntryPlace { name, cluster: self.cluster(self.known.cluster_of(found)), file, line }
    }

    /// The name of a cluster, where there are several.
    pub(super) fn cluster(&self, number: usize) -> Option<String> {
        let several = self.known.clusters.len() > 1;
        self.known.clusters.get(number).filter(|_| several).map(|cluster| cluster.name.clone())
    }

    pub(super) fn unit(&self, found: &AppliedObject<'t>) -> Option<&Unit> {
        self.known.units.get(found.unit)
    }

    /// The namespace an object is in; empty where the repository does not say, since whatever applies it does.
    pub(super) fn namespace(&self, found: &AppliedObject<'t>) -> String {
        found.resource.namespace().unwrap_or_default().to_owned()
    }

    pub(super) fn names(&self, found: &AppliedObject<'t>, namespace: &str) -> (EntryNames, EntryPlace) {
        let place = self.place_of(found);
        let names = EntryNames {
            name: found.resource.name_without_hash().to_owned(),
            namespace: namespace.to_owned(),
            cluster: place.cluster.clone().unwrap_or_default(),
            rest: format!("{} {}:{}", found.resource.kind, place.file, place.line),
        };
        (names, place)
    }

    /// What is said of an object, as [`keyed`] takes it.
    pub(super) fn defines<T>(&self, found: &AppliedObject<'t>, what: T) -> (EntryNames, EntryPlace, T) {
        let (names, place) = self.names(found, &self.namespace(found));
        (names, place, what)
    }

    /// What is said of a unit, as [`keyed`] takes it.
    pub(super) fn applies<T>(&self, unit: &Unit, what: T) -> (EntryNames, EntryPlace, T) {
        let (file, line) = self.known.place(unit.at);
        let place = EntryPlace { name: None, cluster: self.cluster(unit.cluster), file, line };
        let names = EntryNames {
            name: unit.name.clone(),
            namespace: unit.namespace.clone(),
            cluster: place.cluster.clone().unwrap_or_default(),
            rest: format!("{}:{}", place.file, place.line),
        };
        (names, place, what)
    }
}

/// A map of entries under keys that tell them apart.
pub(super) fn keyed<T>(mut entries: Vec<(EntryNames, EntryPlace, T)>) -> BTreeMap<String, Entry<T>> {
    // Two units may apply the very same object.
    let mut seen = HashSet::new();
    entries.retain(|(names, ..)| seen.insert(names.clone()));
    let names: Vec<EntryNames> = entries.iter().map(|(names, ..)| names.clone()).collect();
    let mut all = BTreeMap::new();
    for (key, (names, mut place, what)) in keys(&names).into_iter().zip(entries) {
        if key != names.name {
            place.name.get_or_insert(names.name);
        }
        all.entry(key).or_insert(Entry { what, place });
    }
    all
}
