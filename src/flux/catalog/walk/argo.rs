//! Argo CD: what an Application applies, and the Applications an ApplicationSet makes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::super::knowledge::{Applier, Unit};
use super::super::kustomize::scope::is_cluster_scoped;
use super::super::kustomize::{Build, Builder};
use super::Walk;
use rwenv_core::manifest::tree::folder_of;
use rwenv_core::manifest::yaml::{At, Node, Value};
use rwenv_core::model::glob;

/// Group of Applications.
pub(in super::super) const GROUP: &str = "argoproj.io";

/// The source of an Application that lies in a repository; one of a chart has none.
pub(in super::super) fn source(spec: &Node) -> Option<&Node> {
    let many = spec.get("sources").map(Node::items).unwrap_or_default();
    let in_git = |source: &&Node| source.get("chart").is_none() && source.get("repoURL").is_some();
    spec.get("source")
        .into_iter()
        .chain(many)
        .filter(in_git)
        .find(|source| source.get("ref").is_none() || source.get("path").is_some())
}

/// Builds what an Application applies: a kustomization, or the manifests of a folder. A chart is not rendered.
pub(super) fn build<'t>(builder: &mut Builder<'t, '_>, folder: &str, spec: &Node) -> Build<'t> {
    let empty = Node { at: spec.at, value: Value::Map(Vec::new()) };
    let source = source(spec).unwrap_or(&empty);
    let mut build = if builder.has_kustomization(folder) {
        builder.flux(folder, &as_flux(source))
    } else if builder.has_chart(folder) || source.get("helm").is_some() {
        Build::default()
    } else {
        let recurse = source.str(&["directory", "recurse"]) == Some("true");
        builder.directory(folder, recurse, spec.at)
    };
    let namespace = spec.str(&["destination", "namespace"]).filter(|namespace| !namespace.is_empty());
    for resource in &mut build.resources {
        let scoped = is_cluster_scoped(&resource.group, &resource.version, &resource.kind);
        if let Some(namespace) = namespace.filter(|_| !scoped && resource.namespace().is_none()) {
            resource.namespace = Some(Cow::Owned(namespace.to_owned()));
        }
    }
    build
}

/// The options of `source.kustomize` under the names Flux has for them.
fn as_flux(source: &Node) -> Node {
    let mut spec = Node { at: source.at, value: Value::Map(Vec::new()) };
    let Some(options) = source.get("kustomize").and_then(Node::expanded) else { return spec };
    for (key, value) in options.into_entries() {
        match key.text() {
            Some("namespace") => spec.set("targetNamespace", value),
            Some("images") => spec.set("images", images(&value)),
            Some(key @ ("namePrefix" | "nameSuffix" | "patches" | "components")) => {
                let key = key.to_owned();
                spec.set(&key, value);
            }
            _ => {}
        }
    }
    spec
}

/// `name=new:tag`, `name:tag` and `name@digest` as entries of a kustomization.
fn images(list: &Node) -> Node {
    let items = list.items().iter().filter_map(|item| {
        let text = item.text()?;
        let (name, new) = text.split_once('=').map_or((None, text), |(name, new)| (Some(name), new));
        let reference = super::super::kustomize::image::Reference::of(new);
        let mut entry = Node { at: item.at, value: Value::Map(Vec::new()) };
        let fields = [
            ("name", Some(name.unwrap_or(reference.name))),
            ("newName", name.map(|_| reference.name)),
            ("newTag", reference.tag),
            ("digest", reference.digest),
        ];
        for (key, value) in fields {
            if let Some(value) = value {
                entry.set(key, Node::scalar(value, item.at));
            }
        }
        Some(entry)
    });
    Node { at: list.at, value: Value::List(items.collect()) }
}

/// Values of the parameters of one Application of a set.
type Parameters = BTreeMap<String, String>;

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
    fn parameters(&self, generator: &Node) -> Option<Vec<Parameters>> {
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
            let mut all = Parameters::from([
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

/// The scalars of a mapping by their paths.
pub(super) fn flat(node: &Node) -> Parameters {
    let mut all = Parameters::new();
    let mut open = vec![(String::new(), node)];
    while let Some((path, node)) = open.pop() {
        if let Some(text) = node.text() {
            all.insert(path.clone(), text.to_owned());
        }
        for (key, value) in node.entries() {
            let key = key.text().unwrap_or_default();
            open.push((if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }, value));
        }
    }
    all
}

/// A template with `{{name}}` and `{{ .name }}` filled in; what else there is stays.
fn replaced(node: &Node, parameters: &Parameters) -> Node {
    super::resource_set::mapped(node, &|text| {
        super::resource_set::templated(text, ["{{", "}}"], |expression| {
            parameters.get(expression.strip_prefix('.').unwrap_or(expression)).cloned()
        })
    })
}
