//! Argo CD: what an Application applies.

use std::borrow::Cow;

use rwenv_core::manifest::kustomize::image::ImageReference;
use rwenv_core::manifest::kustomize::scope::is_cluster_scoped;
use rwenv_core::manifest::kustomize::{Build, Builder};
use rwenv_core::manifest::yaml::{Node, Value};
use rwenv_core::model::glob;

/// Group of Applications.
pub(in crate::catalog) const GROUP: &str = "argoproj.io";

/// The source of an Application that lies in a repository; one of a chart has none.
pub(in crate::catalog) fn source(spec: &Node) -> Option<&Node> {
    let many = spec.get("sources").map(Node::items).unwrap_or_default();
    let in_git = |source: &&Node| {
        chart(source).is_none() && source.str(&["repoURL"]).is_some_and(|url| !url.starts_with("oci://"))
    };
    spec.get("source")
        .into_iter()
        .chain(many)
        .filter(in_git)
        .find(|source| source.get("ref").is_none() || source.get("path").is_some())
}

/// The chart of a source that is one: by its name, or that of the OCI repository that holds it.
pub(in crate::catalog) fn chart(source: &Node) -> Option<&str> {
    let named = source.str(&["chart"]).filter(|chart| !chart.is_empty());
    named.or_else(|| source.str(&["repoURL"])?.strip_prefix("oci://")?.rsplit('/').next())
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
        let pattern = |key: &str| source.str(&["directory", key]).filter(|pattern| !pattern.is_empty());
        let (include, exclude) = (pattern("include"), pattern("exclude"));
        // Both are held against the path from the folder (Argo CD, `isManifestIncluded`).
        let taken = |path: &str| {
            include.is_none_or(|pattern| fits(pattern, path))
                && !exclude.is_some_and(|pattern| fits(pattern, path))
        };
        builder.directory(folder, recurse, spec.at, &taken)
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

/// True where a path fits a pattern with choices in braces: `{config-*,secret.yaml}`.
fn fits(pattern: &str, path: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else { return glob(pattern, path) };
    let Some((choices, after)) = rest.split_once('}') else { return glob(pattern, path) };
    choices.split(',').any(|choice| fits(&format!("{before}{choice}{after}"), path))
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
        let reference = ImageReference::of(new);
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
