//! The Applications an ApplicationSet makes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::super::knowledge::{AppliedObject, Applier};
use super::expression::evaluate;
use super::state::Walk;
use super::template::{Inputs, flat, mapped, templated};
use rwenv_core::manifest::kustomize::resource::Resource;
use rwenv_core::manifest::tree::folder_of;
use rwenv_core::manifest::yaml::{At, Node, parse};
use rwenv_core::model::glob;

/// Which ApplicationSet is meant.
pub(super) struct ApplicationSet {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) at: At,
    /// Number of its document in its file.
    pub(super) document: u32,
}

impl Walk<'_, '_> {
    /// Queues the Applications an ApplicationSet makes, where they follow from the repository.
    pub(super) fn application_set(&mut self, content: &Node, set: &ApplicationSet, above: usize) {
        let ApplicationSet { name, namespace, at, document } = set;
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
            let mut made = replaced(&template, &parameters);
            let name = made.str(&["metadata", "name"]).unwrap_or_default().to_owned();
            let own = made.str(&["metadata", "namespace"]).or(namespace.as_deref());
            let namespace = own.unwrap_or("argocd").to_owned();
            if name.contains("{{") {
                let why = if name.contains('|') || name.contains('(') {
                    "has a function that is not known"
                } else {
                    "depends on more than this repository"
                };
                self.problem(*at, format!("the name '{name}' of an Application {why}"));
                continue;
            }
            // It is known already where the set applies itself, or another one makes the same.
            if self.units.contains_key(&(cluster, Applier::Argo, namespace.clone(), name)) {
                continue;
            }
            made.set("apiVersion", Node::scalar("argoproj.io/v1alpha1", made.at));
            made.set("kind", Node::scalar("Application", made.at));
            let Some(mut resource) = Resource::owned(made, *document) else { continue };
            resource.namespace = Some(Cow::Owned(namespace));
            resource.generated = true;
            let number = self.knowledge.add(AppliedObject { resource, unit: above });
            self.enter(number);
        }
    }

    /// What a generator makes; none where that is not known here.
    fn parameters(&self, generator: &Node) -> Option<Vec<Inputs>> {
        if let Some(list) = generator.get("list") {
            let elements = list.get("elements")?.items();
            return Some(elements.iter().map(flat).collect());
        }
        if let Some(matrix) = generator.get("matrix") {
            let mut all = vec![Inputs::new()];
            for inner in matrix.get("generators")?.items() {
                let mut crossed = Vec::new();
                for before in &all {
                    // An inner generator may say what the one before it makes.
                    for mut one in self.parameters(&replaced(&inner.expanded()?, before))? {
                        one.extend(before.clone());
                        crossed.push(one);
                    }
                }
                all = crossed;
            }
            return Some(all);
        }
        if let Some(merge) = generator.get("merge") {
            return self.merged(merge);
        }
        let git = generator.get("git")?;
        let mut made = match git.get("files") {
            Some(files) => self.of_files(files),
            None => self.of_folders(git.get("directories")?),
        };
        for parameters in &mut made {
            let own = git.get("values").map(|values| flat(&replaced(values, parameters))).unwrap_or_default();
            parameters.extend(own.into_iter().map(|(key, value)| (format!("values.{key}"), value)));
        }
        Some(made)
    }

    /// What several generators make together: the first one's, with what the others say of the same keys.
    fn merged(&self, merge: &Node) -> Option<Vec<Inputs>> {
        let keys: Vec<&str> = merge.get("mergeKeys")?.items().iter().filter_map(Node::text).collect();
        let (first, others) = merge.get("generators")?.items().split_first()?;
        let mut all = self.parameters(first)?;
        for other in others {
            for more in self.parameters(other)? {
                let same = |one: &&mut Inputs| keys.iter().all(|key| one.get(*key) == more.get(*key));
                all.iter_mut().filter(same).for_each(|one| one.extend(more.clone()));
            }
        }
        Some(all)
    }

    /// What each file of some names says, and where it is.
    fn of_files(&self, files: &Node) -> Vec<Inputs> {
        let tree = self.knowledge.tree;
        let patterns: Vec<&str> = files.items().iter().filter_map(|entry| entry.str(&["path"])).collect();
        let fits = |path: &&str| patterns.iter().any(|pattern| is_named(pattern, path));
        let mut all = Vec::new();
        for path in tree.below("").filter(fits) {
            let parsed;
            let documents = match tree.files.get(path) {
                Some(file) => file.documents.as_slice(),
                None => {
                    let text = self.builder.bytes(path).and_then(|bytes| String::from_utf8(bytes).ok());
                    parsed = parse(&text.unwrap_or_default());
                    parsed.documents.as_slice()
                }
            };
            // A file may hold a list, of which each item makes one.
            let items = documents.iter().flat_map(|document| match document.items() {
                [] => std::slice::from_ref(document),
                items => items,
            });
            for item in items {
                let mut one = of_folder(folder_of(path));
                one.insert(
                    "path.filename".to_owned(),
                    path.rsplit('/').next().unwrap_or_default().to_owned(),
                );
                one.extend(flat(item));
                all.push(one);
            }
        }
        all
    }

    /// The folders that fit.
    fn of_folders(&self, directories: &Node) -> Vec<Inputs> {
        let tree = self.knowledge.tree;
        let folders: BTreeSet<&str> = tree.below("").flat_map(|path| ancestors(folder_of(path))).collect();
        let fits = |folder: &&str| {
            let matching = |exclude: bool| {
                directories.items().iter().any(|entry| {
                    let pattern = entry.str(&["path"]).unwrap_or_default();
                    (entry.str(&["exclude"]) == Some("true")) == exclude && is_named(pattern, folder)
                })
            };
            matching(false) && !matching(true)
        };
        folders.into_iter().filter(fits).map(of_folder).collect()
    }
}

/// True where a path fits a pattern: `*` stands for a part of it, `**` for several.
fn is_named(pattern: &str, path: &str) -> bool {
    fn fits(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern.split_first(), path.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) => {
                (0..=path.len()).any(|at| path.get(at..).is_some_and(|path| fits(rest, path)))
            }
            (Some((first, rest)), Some((part, more))) => glob(first, part) && fits(rest, more),
            _ => false,
        }
    }
    fits(&pattern.split('/').collect::<Vec<_>>(), &path.split('/').collect::<Vec<_>>())
}

/// What is known of a folder.
fn of_folder(folder: &str) -> Inputs {
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
}

/// A folder and those above it.
fn ancestors(folder: &str) -> impl Iterator<Item = &str> {
    let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
    ends.filter_map(|end| folder.get(..end)).filter(|folder| !folder.is_empty())
}

/// A template with `{{name}}`, `{{ .name }}` and functions of them filled in; what else there is stays.
fn replaced(node: &Node, parameters: &Inputs) -> Node {
    mapped(node, &|text| templated(text, ["{{", "}}"], |expression| evaluate(expression, parameters)))
}
