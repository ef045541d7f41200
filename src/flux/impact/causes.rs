//! Why parts of roots cannot be told: each cause once, whoever it concerns.

use std::collections::BTreeMap;

use super::charts;
use super::radius::Cause;
use super::roots::place_of;
use super::view::{RootView, is_touched};
use rwenv_core::manifest::kustomize::BuildProblem;

/// The causes found so far: message and file, then line and roots.
#[derive(Debug, Default)]
pub(super) struct Causes {
    all: BTreeMap<(String, String), Cause>,
}

impl Causes {
    /// Adds what is wrong with a root's units that a change touches. True where there is anything.
    pub(super) fn add(&mut self, folder: &str, view: &RootView<'_, '_>) -> bool {
        let known = view.known;
        let mut found = Vec::new();
        for number in &view.root.units {
            let Some(unit) = known.units.get(*number) else { continue };
            if let Some(chart) = charts::folder_of_unit(known, *number)
                && is_touched(&[chart.clone()].into(), view.paths)
            {
                let chart = chart.trim_end_matches('/');
                found
                    .push((unit.at, format!("what Application {} makes of the chart in {chart}", unit.name)));
            }
            for (path, at) in unit.unfollowed.iter().filter(|(path, _)| view.paths.contains(path)) {
                found.push((*at, format!("how '{path}' has kustomize build is not followed")));
            }
            if view.affected.contains(&unit.key()) {
                let counts = |problem: &&BuildProblem| {
                    !problem.alone || view.paths.contains(known.tree.file_of(problem.at))
                };
                let problems = unit.problems.iter().filter(counts);
                found.extend(problems.map(|problem| (problem.at, problem.message.clone())));
                let place = place_of(known, *number).filter(|_| unit.folder.is_none());
                let missing = known.problems.iter().filter(|problem| Some(problem.at) == place);
                found.extend(missing.map(|problem| (problem.at, problem.message.clone())));
            }
        }
        for (at, message) in &found {
            let (file, line) = known.place(*at);
            let fresh = || Cause { message: message.clone(), file: file.clone(), line, roots: Vec::new() };
            let cause = self.all.entry((message.clone(), file.clone())).or_insert_with(fresh);
            if !cause.roots.iter().any(|known| known == folder) {
                cause.roots.push(folder.to_owned());
            }
        }
        !found.is_empty()
    }

    /// All of them.
    pub(super) fn into_all(self) -> Vec<Cause> {
        self.all.into_values().collect()
    }
}
