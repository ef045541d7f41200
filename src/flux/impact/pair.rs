//! The two sides of one root, object by object.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::cascade::cascades;
use super::charts;
use super::object::{self, GeneratedNames};
use super::radius::{Cascade, ChangeKind, ChangedObject, ClaimFate, LostClaim};
use super::roots::place_of;
use super::view::RootView;
use crate::catalog::knowledge::{AppliedObject, Applier, UnitKey};

/// What keeps an object in the cluster when it goes from the repository (kustomize-controller).
const PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";

/// What tells objects of a cluster apart: group, kind, namespace and name.
type ObjectKey = (String, String, Option<String>, String);

/// What the objects of a key come to, with their numbers.
type KeyedValues = BTreeMap<ObjectKey, Vec<(usize, Value)>>;

/// The two sides of a root.
pub(super) struct Pair<'v, 't> {
    before: RootView<'v, 't>,
    after: RootView<'v, 't>,
    /// The units there are on the second side.
    now: HashMap<UnitKey, usize>,
}

impl<'v, 't> Pair<'v, 't> {
    pub(super) fn new(before: RootView<'v, 't>, after: RootView<'v, 't>) -> Self {
        let units = after.root.units.iter();
        let now = units.filter_map(|number| Some((after.known.units.get(*number)?.key(), *number)));
        let now = now.collect();
        Self { before, after, now }
    }

    /// The objects that would be others, the volumes that go with them, and those that take others along.
    pub(super) fn differences(&self) -> (Vec<ChangedObject>, Vec<LostClaim>, Vec<Cascade>) {
        let (mut objects, mut claims, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        let charts: BTreeSet<ObjectKey> = self
            .after
            .found()
            .filter(|(_, found)| self.has_other_chart(found))
            .map(|(_, found)| key(found))
            .collect();
        let keys: BTreeSet<ObjectKey> = [&self.before, &self.after]
            .into_iter()
            .flat_map(RootView::affected_keys)
            .chain(charts.iter().cloned())
            .collect();
        let (old, new) = (self.before.values(&keys), self.after.values(&keys));
        for key in &keys {
            let was = old.get(key).map(Vec::as_slice).unwrap_or_default();
            let is = new.get(key).map(Vec::as_slice).unwrap_or_default();
            match (was, is) {
                ([(number, value), ..], []) => {
                    let Some(object) = self.removed(*number) else { continue };
                    if !object.kept {
                        claims.extend(lost(&object, value));
                        gone.push((object.clone(), value));
                    }
                    objects.push(object);
                }
                ([], [(number, _), ..]) => objects.extend(self.after.changed(*number, ChangeKind::Added)),
                ([(_, before), ..], [(number, after), ..]) => {
                    let same = was.len() == is.len() && was.iter().zip(is).all(|(was, is)| was.1 == is.1);
                    let chart = charts.contains(key);
                    if same && !chart {
                        continue;
                    }
                    let pods = |value| object::pods(&key.0, &key.1, value);
                    let restarts = matches!((pods(before), pods(after)), (Some(was), Some(is)) if was != is);
                    let mut fields = object::fields(before, after);
                    fields.extend(chart.then(|| "the chart's files".to_owned()));
                    let object = self.after.changed(*number, ChangeKind::Changed);
                    objects.extend(object.map(|object| ChangedObject { restarts, fields, ..object }));
                }
                ([], []) => {}
            }
        }
        objects.sort();
        claims.sort();
        let gone: Vec<_> = gone.iter().map(|(object, value)| (object, *value)).collect();
        let cascades = cascades(&gone, &objects, &self.before);
        (objects, claims, cascades)
    }

    fn has_other_chart(&self, found: &AppliedObject<'_>) -> bool {
        charts::is_other(self.before.known, self.after.known, found, self.after.paths)
    }

    /// An object of the first side that the second has not; none where it is not removed all the same.
    fn removed(&self, number: usize) -> Option<ChangedObject> {
        let found = self.before.known.objects.get(number)?;
        if self.is_stuck(found) {
            return None;
        }
        let disabled = |field: &&str| found.resource.mark(field, PRUNE) == Some("disabled");
        let kept = ["labels", "annotations"].iter().any(disabled) || self.keeps(found.unit);
        let unit = self.before.known.units.get(found.unit);
        let goes = !kept && unit.is_some_and(|unit| !self.now.contains_key(&unit.key()));
        let object = self.before.changed(number, ChangeKind::Removed)?;
        let with = goes.then(|| object.applied_by.clone());
        Some(ChangedObject { kept, with, ..object })
    }

    /// True where what applied an object cannot be built any more, or what brought that in: Flux stops there, and removes nothing.
    fn is_stuck(&self, found: &AppliedObject<'_>) -> bool {
        let mut next = self.before.known.units.get(found.unit);
        while let Some(unit) = next {
            if let Some(number) = self.now.get(&unit.key()) {
                return self.stops(*number);
            }
            next = unit.above.and_then(|above| self.before.known.units.get(above));
        }
        false
    }

    /// True where Flux cannot build a unit of the second side.
    fn stops(&self, number: usize) -> bool {
        let known = self.after.known;
        let Some(unit) = known.units.get(number) else { return false };
        let place = place_of(known, number).filter(|_| unit.folder.is_none());
        unit.problems.iter().any(|problem| !problem.unfollowed)
            || known.problems.iter().any(|problem| Some(problem.at) == place)
    }

    /// True where a unit of the first side leaves in the cluster what goes from the repository.
    fn keeps(&self, mut number: usize) -> bool {
        while let Some(unit) = self.before.known.units.get(number) {
            let prunes = match unit.applier {
                // What bootstrap has yet to write says nothing, and will prune.
                Applier::Flux => unit.spec.entries().is_empty() || unit.spec.str(&["prune"]) == Some("true"),
                Applier::Argo => unit.spec.str(&["syncPolicy", "automated", "prune"]) == Some("true"),
                Applier::Folder => true,
            };
            if self.now.contains_key(&unit.key()) {
                return !prunes;
            }
            let kept = match unit.spec.str(&["deletionPolicy"]) {
                Some("Orphan") => true,
                Some("Delete" | "WaitForTermination") => false,
                _ => !prunes,
            };
            if kept {
                return true;
            }
            // It goes itself, if what applies it prunes.
            let Some(above) = unit.above else { return false };
            number = above;
        }
        false
    }
}

impl RootView<'_, '_> {
    fn found(&self) -> impl Iterator<Item = (usize, &AppliedObject<'_>)> {
        self.root.objects.iter().filter_map(|number| Some((*number, self.known.objects.get(*number)?)))
    }

    /// How many objects of the root are so.
    pub(super) fn count(&self, is: impl Fn(&AppliedObject<'_>) -> bool) -> usize {
        self.found().filter(|(_, found)| is(found)).count()
    }

    /// The objects that the affected units apply.
    fn affected_keys(&self) -> Vec<ObjectKey> {
        // What a set makes depends on inputs that may lie in the files of another unit.
        let sets: HashSet<usize> = self
            .found()
            .filter(|(_, found)| found.resource.kind == "ResourceSet")
            .map(|(_, found)| found.unit)
            .collect();
        let is_affected = |found: &AppliedObject<'_>| {
            let unit = self.known.units.get(found.unit);
            sets.contains(&found.unit) || unit.is_some_and(|unit| self.affected.contains(&unit.key()))
        };
        self.found().filter(|(_, found)| is_affected(found)).map(|(_, found)| key(found)).collect()
    }

    /// What all objects of these keys come to, whoever applies them.
    fn values(&self, keys: &BTreeSet<ObjectKey>) -> KeyedValues {
        let mut by_unit: HashMap<usize, Vec<usize>> = HashMap::new();
        for (number, found) in self.found() {
            by_unit.entry(found.unit).or_default().push(number);
        }
        let mut names: HashMap<usize, GeneratedNames> = HashMap::new();
        let mut all = KeyedValues::new();
        for (number, found) in self.found() {
            let key = key(found);
            if keys.contains(&key) {
                let beside = by_unit.get(&found.unit).map(Vec::as_slice).unwrap_or_default();
                let names = names.entry(found.unit).or_insert_with(|| object::generated(self.known, beside));
                let value = object::applied(self.known, found, names);
                all.entry(key).or_default().push((number, value));
            }
        }
        all
    }

    fn changed(&self, number: usize, change: ChangeKind) -> Option<ChangedObject> {
        let found = self.known.objects.get(number)?;
        let (group, kind, namespace, name) = key(found);
        let (file, line) = self.known.place(found.resource.at);
        let applied_by = self.known.chain(found).pop().unwrap_or_default();
        let (restarts, kept, with, fields) = (false, false, None, Vec::new());
        Some(ChangedObject {
            change,
            group,
            kind,
            namespace,
            name,
            applied_by,
            file,
            line,
            restarts,
            kept,
            with,
            fields,
        })
    }
}

/// The volumes that go with an object, or lose what looks after them.
fn lost(object: &ChangedObject, value: &Value) -> Vec<LostClaim> {
    let claim = |fate, claim| {
        let (kind, namespace, name) = (object.kind.clone(), object.namespace.clone(), object.name.clone());
        LostClaim { fate, kind, namespace, name, claim }
    };
    match object.kind.as_str() {
        "PersistentVolumeClaim" => vec![claim(ClaimFate::Removed, Some(object.name.clone()))],
        "StatefulSet" => {
            let when = value.pointer("/spec/persistentVolumeClaimRetentionPolicy/whenDeleted");
            let deleted = when.and_then(Value::as_str) == Some("Delete");
            let fate = if deleted { ClaimFate::Removed } else { ClaimFate::Orphaned };
            let templates = value.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
            let names =
                templates.into_iter().flatten().filter_map(|one| one.pointer("/metadata/name")?.as_str());
            names.map(|name| claim(fate, Some(format!("{name}-{}-*", object.name)))).collect()
        }
        "HelmRelease" => vec![claim(ClaimFate::Uncertain, None)],
        _ => Vec::new(),
    }
}

fn key(found: &AppliedObject<'_>) -> ObjectKey {
    let resource = &found.resource;
    let namespace = resource.namespace().map(str::to_owned);
    (resource.group.to_string(), resource.kind.to_string(), namespace, resource.name.to_string())
}
