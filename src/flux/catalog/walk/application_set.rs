//! The Applications an ApplicationSet makes.

use std::collections::BTreeSet;

use super::super::knowledge::{Applier, Unit};
use super::state::Walk;
use super::template::{Inputs, flat, mapped, templated};
use rwenv_core::manifest::tree::folder_of;
use rwenv_core::manifest::yaml::{At, Node};
use rwenv_core::model::glob;

impl Walk<'_, '_> {
    /// Queues the Applications an ApplicationSet makes, where they follow from the repository.
    pub(super) fn application_set(&mut self, content: &Node, owner: (&str, Option<&str>, At), above: usize) {
        let (name, namespace, at) = owner;
        let generators = content.path(&["spec", "generators"]).map(Node::items).unwrap_or_default();
        let mut all = Vec::new();
        for generator in generators {
            match self.parameters(generator) {
                Some(more) => all.extend(more),
                None => self.problem(
                    generator.at,
                    format!("what ApplicationSet {name} makes depends on more than this repository"),
                ),
            }
        }
        let Some(template) = content.path(&["spec", "template"]).and_then(Node::expanded) else { return };
        let cluster = self.knowledge.units.get(above).map_or(0, |unit| unit.cluster);
        for parameters in all {
            let made = replaced(&template, &parameters);
            let Some(spec) = made.get("spec").cloned() else { continue };
            let name = made.str(&["metadata", "name"]).unwrap_or_default().to_owned();
            let namespace = made.str(&["metadata", "namespace"]).or(namespace).unwrap_or("argocd").to_owned();
            if name.contains("{{") {
                self.problem(
                    at,
                    format!("the name '{name}' of an Application depends on more than this repository"),
                );
                continue;
            }
            // It is known already where the set applies itself, or another one makes the same.
            let id = (cluster, Applier::Argo, namespace, name);
            if self.units.contains_key(&id) {
                continue;
            }
            let (.., namespace, name) = id;
            let folder = self.folder_of(Applier::Argo, &spec, (cluster, &namespace), at);
            let unit = Unit::new(Applier::Argo, cluster, spec);
            self.bring_in(Unit { name, namespace, at, folder, above: Some(above), ..unit });
        }
    }

    /// What a generator makes; none where that is not known here.
    fn parameters(&self, generator: &Node) -> Option<Vec<Inputs>> {
        if let Some(list) = generator.get("list") {
            let elements = list.get("elements")?.items();
            return Some(elements.iter().map(flat).collect());
        }
        let git = generator.get("git")?;
        let directories = git.get("directories")?.items();
        let tree = self.knowledge.tree;
        let folders: BTreeSet<&str> = tree.below("").flat_map(|path| ancestors(folder_of(path))).collect();
        let fits = |folder: &&str| {
            let matching = |exclude: bool| {
                directories.iter().any(|entry| {
                    let pattern = entry.str(&["path"]).unwrap_or_default();
                    (entry.str(&["exclude"]) == Some("true")) == exclude
                        && pattern.matches('/').count() == folder.matches('/').count()
                        && pattern.split('/').zip(folder.split('/')).all(|(p, f)| glob(p, f))
                })
            };
            matching(false) && !matching(true)
        };
        let parameters = folders.into_iter().filter(fits).map(|folder| {
            let base = folder.rsplit('/').next().unwrap_or(folder);
            let mut all = Inputs::from([
                ("path".to_owned(), folder.to_owned()),
                ("path.path".to_owned(), folder.to_owned()),
                ("path.basename".to_owned(), base.to_owned()),
                ("path.basenameNormalized".to_owned(), base.replace(['_', '.'], "-")),
            ]);
            for (at, part) in folder.split('/').enumerate() {
                all.insert(format!("path[{at}]"), part.to_owned());
                all.insert(format!("index .path.segments {at}"), part.to_owned());
            }
            all
        });
        Some(parameters.collect())
    }
}

/// A folder and those above it.
fn ancestors(folder: &str) -> impl Iterator<Item = &str> {
    let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
    ends.filter_map(|end| folder.get(..end)).filter(|folder| !folder.is_empty())
}

/// A template with `{{name}}` and `{{ .name }}` filled in; what else there is stays.
fn replaced(node: &Node, parameters: &Inputs) -> Node {
    mapped(node, &|text| {
        templated(text, ["{{", "}}"], |expression| {
            parameters.get(expression.strip_prefix('.').unwrap_or(expression)).cloned()
        })
    })
}
