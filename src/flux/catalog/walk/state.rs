//! What a walk has found so far, and what is still to be built.

use std::cell::OnceCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use super::super::knowledge::{Applier, Knowledge, Unit};
use super::artifacts::PushedFolder;
use rwenv_core::manifest::kustomize::{BuildProblem, Builder};
use rwenv_core::manifest::tree::{Object, join, secure_join};
use rwenv_core::manifest::yaml::At;

/// Most units of one repository.
const MOST_UNITS: usize = 20_000;

/// A walk from the roots of a repository.
pub(super) struct Walk<'t, 'r> {
    pub(super) builder: Builder<'t, 'r>,
    pub(super) knowledge: Knowledge<'t>,
    /// Every object of every file that is no patch.
    pub(super) declared: Vec<Object<'t>>,
    pub(super) queue: VecDeque<usize>,
    /// The units by what tells them apart.
    pub(super) units: HashMap<(usize, Applier, String, String), usize>,
    /// The URLs under which Argo CD knows this repository.
    pub(super) argo: OnceCell<Vec<String>>,
    /// Its folders that are pushed as artifacts.
    pub(super) pushed: Rc<Vec<PushedFolder>>,
}

impl Walk<'_, '_> {
    /// Files that cannot be read are told, whether they are applied or not.
    pub(super) fn unreadable(&mut self) {
        let tree = self.knowledge.tree;
        for file in tree.files.values() {
            for problem in &file.problems {
                self.knowledge.problems.push(BuildProblem::new(problem.at, problem.message.clone()));
            }
        }
    }

    /// Forgets everything from these numbers on.
    pub(super) fn forget(&mut self, units: usize, objects: usize) {
        self.knowledge.forget(units, objects);
        self.units.retain(|_, number| *number < units);
    }

    pub(super) fn push(&mut self, unit: Unit) {
        if self.knowledge.units.len() < MOST_UNITS {
            let number = self.knowledge.units.len();
            self.queue.push_back(number);
            // A set may have the name of what it makes, and is none of these.
            if unit.spec.get("generators").is_none() {
                let id = (unit.cluster, unit.applier, unit.namespace.clone(), unit.name.clone());
                self.units.entry(id).or_insert(number);
            }
            self.knowledge.units.push(unit);
        } else if self.knowledge.units.len() == MOST_UNITS {
            self.problem(
                unit.at,
                format!("there are more than {MOST_UNITS} Kustomizations; the rest is left out"),
            );
        }
    }

    /// Queues what another unit makes. One that makes itself, under one new name after another, would never end.
    pub(super) fn bring_in(&mut self, unit: Unit) {
        let mut next = unit.above;
        while let Some(above) = next.and_then(|number| self.knowledge.units.get(number)) {
            let same = (above.at, above.applier) == (unit.at, unit.applier) && above.folder == unit.folder;
            if same && unit.folder.is_some() && above.name != unit.name {
                self.problem(unit.at, format!("'{}' makes itself again, as '{}'", above.name, unit.name));
                return;
            }
            next = above.above;
        }
        self.push(unit);
    }

    pub(super) fn problem(&mut self, at: At, message: impl Into<String>) {
        self.knowledge.problems.push(BuildProblem::new(at, message));
    }

    /// A folder of the repository as a cluster's root sees it.
    pub(super) fn within(&self, cluster: usize, path: &str) -> Option<String> {
        let prefix = self.knowledge.clusters.get(cluster).map_or("", |cluster| cluster.prefix.as_str());
        join(prefix, &secure_join(path))
    }
}
