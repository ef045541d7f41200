//! The files that a kustomization takes its resources from.

use std::collections::HashSet;
use std::sync::Arc;

use super::resource::Resource;
use super::spec::Spec;
use super::{BuildPlace, Builder, Fault, GatheredResources, LINK};
use crate::manifest::tree::{File, Skipped};
use crate::manifest::yaml::{At, Node};

impl<'t> Builder<'t, '_> {
    /// Tells what keeps a file from being read.
    pub(super) fn tell_unreadable(&mut self, file: &File) {
        let at = At { file: file.number, ..At::START };
        match file.skipped {
            Some(Skipped::Binary) => self.problem(at, "it is not a text file"),
            Some(_) => self.problem(at, "it is a template, not YAML"),
            None if file.large_file => self.fault(Fault::Yaml, at, "its content lies in Git LFS"),
            None => {}
        }
        // kustomize takes a key that stands twice for an error too.
        for problem in &file.problems {
            self.fault(Fault::Yaml, problem.at, problem.message.clone());
        }
    }

    /// The kustomization Flux makes for a folder without one (fluxcd/pkg, `scanManifests`).
    pub(super) fn generated(&mut self, folder: &str, at: At) -> Spec {
        let tree = self.tree;
        self.depends_below(folder);
        let mut spec = Spec::default();
        let mut units: HashSet<&str> = HashSet::new();
        for path in tree.below(folder) {
            let within = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
            let unit = within.char_indices().filter(|(_, c)| *c == '/').find_map(|(end, _)| {
                let sub = path.get(..path.len() - within.len() + end)?;
                self.has_kustomization(sub).then_some(sub)
            });
            if let Some(unit) = unit {
                if units.insert(unit) {
                    let name = unit.strip_prefix(folder).unwrap_or(unit).trim_start_matches('/');
                    spec.resources.push((name.to_owned(), at));
                }
            } else if (path.ends_with(".yaml") || path.ends_with(".yml")) && !is_ignored(path) {
                spec.resources.push((within.to_owned(), at));
            }
        }
        spec
    }

    /// Adds the resources of a file.
    pub(super) fn file(
        &mut self,
        path: &str,
        at: At,
        place: &BuildPlace<'_>,
        into: &mut GatheredResources<'t>,
    ) {
        let tree = self.tree;
        if tree.is_link(path) {
            self.fault(Fault::Link, at, format!("'{path}' {LINK}"));
            into.miss(at);
            return;
        }
        let Some(file) = tree.files.get(path) else {
            self.other_file(path, at, place, into);
            return;
        };
        self.tell_unreadable(file);
        if file.skipped.is_some() || file.large_file || !file.problems.is_empty() {
            into.miss(at);
        }
        let mut documents = 0;
        for document in &file.documents {
            documents += 1;
            let listed = document.str(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
            let items = document.get("items").filter(|_| listed);
            let nodes = items.map_or(std::slice::from_ref(document), Node::items);
            for node in nodes {
                match Resource::of(node, documents).filter(|r| !r.name.is_empty()) {
                    Some(mut resource) => {
                        resource.step = Some(Arc::clone(&place.step));
                        self.append(resource, into);
                    }
                    None => self
                        .problem(node.at, "it is not a Kubernetes object: kind or metadata.name is missing"),
                }
            }
        }
    }

    /// A resource that is in no YAML file by its name, such as JSON.
    fn other_file(&mut self, path: &str, at: At, place: &BuildPlace<'_>, into: &mut GatheredResources<'t>) {
        let text = (self.read)(path).and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(text) = text else {
            self.problem(at, format!("'{path}' cannot be read"));
            into.miss(at);
            return;
        };
        let parsed = crate::manifest::yaml::parse(&text);
        if !parsed.problems.is_empty() {
            self.problem(at, format!("'{path}' is not YAML"));
            into.miss(at);
        }
        for node in parsed.documents {
            match Resource::owned(node, 1).filter(|resource| !resource.name.is_empty()) {
                Some(mut resource) => {
                    resource.at = at;
                    resource.step = Some(Arc::clone(&place.step));
                    self.append(resource, into);
                }
                None => self.problem(at, format!("'{path}' holds no object of Kubernetes")),
            }
        }
    }
}

/// Files that Flux leaves out of what it fetches (source-controller, default exclusions) and that are named like manifests.
fn is_ignored(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.split('/').any(|part| matches!(part, ".git" | ".github" | ".circleci"))
        || matches!(name, ".sops.yaml" | ".goreleaser.yml" | ".flux.yaml" | ".travis.yml" | ".gitlab-ci.yml")
        || matches!(name, "appveyor.yml" | ".drone.yml" | "cloudbuild.yaml")
        || matches!(name, "codeship-services.yml" | "codeship-steps.yml")
}
