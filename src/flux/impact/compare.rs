//! What two trees apply, compared root by root and object by object. What is built of the same files in the same way is not looked at.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::causes::Causes;
use super::owner;
use super::pair::Pair;
use super::radius::{BlastRadius, ChangeKind, RootName, TouchedRoot};
use super::roots::{AppliedRoot, roots};
use super::sides::Sides;
use super::view::{RootView, is_touched};
use crate::catalog::knowledge::{Knowledge, UnitKey};
use crate::catalog::walk::{guessed_roots, walk_beside};
use rwenv_core::manifest::kustomize::render::json;
use rwenv_core::model::Rwenv;

/// Compares the two sides.
pub(super) fn compare(sides: &Sides, rwenvs: &[Rwenv]) -> BlastRadius {
    let before_read = |path: &str| sides.bytes_of(&sides.before, path);
    let after_read = |path: &str| sides.bytes_of(&sides.after, path);
    // A folder that is only taken for a root is held against the same folder, whether it is taken for one there or not.
    let guessed: BTreeSet<String> =
        [&sides.before, &sides.after].into_iter().flat_map(|side| guessed_roots(&side.tree)).collect();
    let (before, after) = std::thread::scope(|scope| {
        let before = scope.spawn(|| walk_beside(&sides.before.tree, &before_read, &guessed));
        let after = walk_beside(&sides.after.tree, &after_read, &guessed);
        match before.join() {
            Ok(before) => (before, after),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    let [old, new] = sides.names.clone();
    let mut radius = BlastRadius {
        before: old,
        after: new,
        paths: sides.paths.iter().cloned().collect(),
        ..BlastRadius::default()
    };
    if sides.paths.is_empty() {
        return radius;
    }
    let comparison = BuiltSides { before: &before, after: &after, paths: &sides.paths };
    let (old, new) = (roots(&before), roots(&after));
    let folders: BTreeSet<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
    let all: Vec<&str> = folders.iter().copied().collect();
    let mut causes = Causes::default();
    for folder in folders {
        let remotes = &sides.after.tree.remotes;
        let owners = owner::owners(folder, &all, remotes, rwenvs);
        let shown = if folder.is_empty() { "." } else { folder };
        let root = RootName {
            folder: shown.to_owned(),
            rwenvs: owners.into_iter().map(|rwenv| rwenv.name.to_string()).collect(),
        };
        match comparison.root(root.clone(), (old.get(folder), new.get(folder)), &mut causes) {
            Some(touched) => radius.roots.push(touched),
            None => radius.untouched.push(root),
        }
    }
    radius.causes = causes.into_all();
    radius
}

/// Two sides that were built.
#[derive(Clone, Copy)]
struct BuiltSides<'c, 't> {
    before: &'c Knowledge<'t>,
    after: &'c Knowledge<'t>,
    paths: &'c BTreeSet<String>,
}

impl BuiltSides<'_, '_> {
    /// What becomes of a root; none where it stays as it is.
    fn root(
        &self,
        root: RootName,
        (old, new): (Option<&AppliedRoot>, Option<&AppliedRoot>),
        causes: &mut Causes,
    ) -> Option<TouchedRoot> {
        let nothing = AppliedRoot::default();
        let change = match (old, new) {
            (Some(_), None) => ChangeKind::Removed,
            (None, Some(_)) => ChangeKind::Added,
            _ => ChangeKind::Changed,
        };
        let (old, new) = (old.unwrap_or(&nothing), new.unwrap_or(&nothing));
        let affected = self.affected(old, new);
        let view = |known, root| RootView { known, root, paths: self.paths, affected: &affected };
        let (before, after) = (view(self.before, old), view(self.after, new));
        let wrong = [&before, &after].map(|view| causes.add(&root.folder, view));
        let incomplete = wrong.contains(&true);
        let (objects, claims, cascades) = Pair::new(before, after).differences();
        let touched = TouchedRoot { root, change, objects, claims, cascades, incomplete };
        // A new root may have nothing in it yet.
        let same = change != ChangeKind::Removed && touched.objects.is_empty() && !incomplete;
        (!same).then_some(touched)
    }

    /// The units that may apply something else: those that are on one side only, say something else, or are built of a path that differs.
    fn affected(&self, old: &AppliedRoot, new: &AppliedRoot) -> HashSet<UnitKey> {
        let mut all: HashMap<UnitKey, [Vec<usize>; 2]> = HashMap::new();
        for (side, (known, root)) in [(self.before, old), (self.after, new)].into_iter().enumerate() {
            let units = root.units.iter().filter_map(|number| Some((*number, known.units.get(*number)?)));
            for (number, unit) in units {
                if let Some(numbers) = all.entry(unit.key()).or_default().get_mut(side) {
                    numbers.push(number);
                }
            }
        }
        let differs = |[old, new]: &[Vec<usize>; 2]| {
            old.len() != new.len() || old.iter().zip(new).any(|(old, new)| self.is_other(*old, *new))
        };
        all.into_iter().filter(|(_, numbers)| differs(numbers)).map(|(key, _)| key).collect()
    }

    fn is_other(&self, old: usize, new: usize) -> bool {
        let (Some(old), Some(new)) = (self.before.units.get(old), self.after.units.get(new)) else {
            return true;
        };
        let same = old.folder == new.folder
            && old.values == new.values
            && old.substitutes == new.substitutes
            && json(&old.spec) == json(&new.spec);
        !same || [old, new].iter().any(|unit| is_touched(&unit.paths, self.paths))
    }
}
