//! What a kustomization does to what it has gathered: generators add, transformers change, in kustomize's order.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::resource::{self, Resource};
use super::spec::{self, PatchSource, Spec};
use super::{
    BuildPlace, BuildProblem, Builder, Fault, GatheredResources, generate, name_at, patch, replace, scope,
};
use crate::manifest::tree::join;
use crate::manifest::yaml::{At, Node};

impl<'t> Builder<'t, '_> {
    pub(super) fn generate(&mut self, spec: &Spec, place: &BuildPlace<'_>, into: &mut GatheredResources<'t>) {
        for (kind, entry) in &spec.generators {
            let (tree, reader) = (self.tree, self.read);
            let read = |path: &str| {
                let target = join(place.folder, path).filter(|_| !path.starts_with('/'))?;
                self.depends(&target);
                let text = || tree.files.get(&target)?.text.clone().map(String::into_bytes);
                if tree.is_link(&target) { None } else { reader(&target).or_else(text) }
            };
            let mut made = match generate::generate(kind, entry, spec.options.as_ref(), &read) {
                Ok(made) => made,
                Err(generate::BuildFailure { at, message, .. }) => {
                    let files = entry.get("files").map(Node::items).unwrap_or_default();
                    let unfollowed =
                        files.iter().any(|file| file.text().is_some_and(|file| file.contains("://")));
                    let fault = if message.ends_with(generate::GONE) { Fault::Missing } else { Fault::Other };
                    self.problems.push(BuildProblem { unfollowed, fault, ..BuildProblem::new(at, message) });
                    into.miss(at);
                    continue;
                }
            };
            made.step = Some(Arc::clone(&place.step));
            let id = made.id();
            let mut known: Vec<&mut Resource<'t>> =
                into.all.iter_mut().filter(|r| r.is_or_was(&id)).collect();
            match known.as_mut_slice() {
                [old] => {
                    if let Err(message) = generate::absorb(old, made) {
                        self.fault(Fault::Twice, entry.at, message);
                    }
                }
                [] if made.behavior == resource::Behavior::Create => self.append(made, into),
                [] => {
                    let why = format!("there is no {kind} {} to merge with or replace", made.name);
                    self.failed(generate::BuildFailure::absent(entry.at, why), into);
                }
                _ => self.problem(entry.at, format!("there are several {kind}s {} to merge with", made.name)),
            }
        }
        for (count, at) in &spec.charts {
            let (charts, are) = if *count == 1 { ("chart", "is") } else { ("charts", "are") };
            self.not_followed(*at, format!("{count} {charts} that kustomize renders {are} not read"));
            into.miss(*at);
        }
        for (text, at) in &spec.plugins {
            self.plugin(text, *at, place);
            into.miss(*at);
        }
    }

    /// A plugin, which is not run.
    fn plugin(&mut self, text: &str, at: At, place: &BuildPlace<'_>) {
        let shown = text.lines().next().unwrap_or_default();
        let Some(target) = join(place.folder, text).filter(|_| !text.trim().contains('\n')) else {
            self.not_followed(at, format!("the plugin '{shown}' is not run"));
            return;
        };
        self.depends(&target);
        self.depends_below(&target);
        if self.tree.has_file(&target) || self.tree.has_folder(&target) || crate::manifest::is_remote(text) {
            self.not_followed(at, format!("the plugin '{shown}' is not run"));
        } else {
            self.fault(Fault::Missing, at, format!("'{shown}' does not exist ({target})"));
        }
    }

    pub(super) fn transform(
        &mut self,
        spec: &Spec,
        place: &BuildPlace<'_>,
        into: &mut GatheredResources<'t>,
    ) {
        self.patch(&spec.merges, place, into);
        self.patch(&spec.patches, place, into);
        if let Some(namespace) = &spec.namespace {
            self.set_namespace(namespace, into);
        }
        for resource in into.all.iter_mut().filter(|resource| is_renamed(resource)) {
            for (before, after) in [(spec.prefix.as_str(), ""), ("", spec.suffix.as_str())] {
                if !before.is_empty() || !after.is_empty() {
                    resource.remember();
                    resource.name = Cow::Owned(format!("{before}{}{after}", resource.name));
                }
            }
        }
        for resource in &mut into.all {
            resource.labels.extend(spec.labels.iter().cloned());
            resource.pod_labels.extend(spec.pod_labels.iter().cloned());
            resource.annotations.extend(spec.annotations.iter().cloned());
        }
        self.patch(&spec.json_patches, place, into);
        for (name, count, at) in &spec.replicas {
            let scaled = |r: &&Resource<'_>| {
                matches!(&*r.kind, "Deployment" | "ReplicationController" | "ReplicaSet" | "StatefulSet")
                    && (r.name == name.as_str() || r.previous.iter().any(|p| p.name == *name))
            };
            let mut found = false;
            for resource in into.all.iter_mut().filter(|resource| scaled(&&**resource)) {
                (resource.replicas, found) = (Some(count.clone()), true);
            }
            if !found {
                let why = format!("replicas are set for {name}, which is not there");
                self.failed(generate::BuildFailure::absent(*at, why), into);
            }
        }
        for image in &spec.images {
            into.all.iter_mut().for_each(|resource| resource.images.push(Arc::clone(image)));
        }
        for entry in &spec.replacements {
            self.replacement(entry, place, into);
        }
        for (text, at) in &spec.transformers {
            self.plugin(text, *at, place);
            into.miss(*at);
            into.changed.get_or_insert(*at);
        }
        for (path, at) in &spec.configurations {
            if let Some(target) = join(place.folder, path) {
                self.depends(&target);
                if !self.tree.has_file(&target) && !crate::manifest::is_remote(path) {
                    self.fault(Fault::Missing, *at, format!("'{path}' does not exist ({target})"));
                }
                self.unfollowed.insert((target, *at));
            }
        }
        into.ids = into.all.iter().map(Resource::id).collect();
    }

    fn patch(&mut self, patches: &[spec::Patch], place: &BuildPlace<'_>, into: &mut GatheredResources<'t>) {
        let tree = self.tree;
        let load = |path: &str, at: At| {
            let target = join(place.folder, path).filter(|_| !path.starts_with('/'));
            target.iter().for_each(|target| self.depends(target));
            let file = target.as_ref().and_then(|target| tree.files.get(target));
            match file {
                Some(file) if !file.text.as_deref().is_none_or(patch::is_json_or_block) => {
                    Err((at, patch::UNREADABLE.to_owned()).into())
                }
                Some(file) if file.problems.is_empty() => Ok(file.documents.clone()),
                Some(_) => Err((at, format!("the patch '{path}' is not YAML")).into()),
                None => {
                    let text = target.and_then(|target| String::from_utf8((self.read)(&target)?).ok());
                    let text = text.ok_or_else(|| {
                        generate::BuildFailure::from((at, format!("'{path}' {}", generate::GONE)))
                    })?;
                    Ok(crate::manifest::yaml::parse(&text).documents)
                }
            }
        };
        let (mut failures, mut remote) = (Vec::new(), Vec::new());
        for patch in patches {
            let (PatchSource::Inline(_, place) | PatchSource::Path(_, place)) = &patch.source;
            let placed = |mut failure: generate::BuildFailure| {
                // What stands in a file that is not among those of YAML has no place of its own.
                if failure.at.file == 0 {
                    failure.at = *place;
                }
                failure
            };
            if let PatchSource::Path(path, at) = &patch.source
                && crate::manifest::is_remote(path)
            {
                remote.push((path.clone(), *at));
                continue;
            }
            failures.extend(patch::apply(patch, &mut into.all, &load).into_iter().map(placed));
        }
        for (path, at) in remote {
            self.not_followed(at, format!("'{path}' lies elsewhere and is not read"));
            into.changed.get_or_insert(at);
        }
        for failure in failures {
            if failure.message.ends_with(generate::GONE) {
                self.fault(Fault::Missing, failure.at, failure.message);
            } else {
                self.failed(failure, into);
            }
        }
    }

    fn set_namespace(&mut self, namespace: &str, into: &mut GatheredResources<'t>) {
        let mut ids = HashSet::with_capacity(into.all.len());
        for resource in &mut into.all {
            resource.remember();
            if resource.kind == "Namespace" && resource.group.is_empty() && resource.version == "v1" {
                resource.name = Cow::Owned(namespace.to_owned());
            } else if !scope::is_cluster_scoped(&resource.group, &resource.version, &resource.kind) {
                resource.namespace = Some(Cow::Owned(namespace.to_owned()));
            }
            if !ids.insert(resource.id()) {
                let message = format!(
                    "{} {} is there twice once namespace {namespace} is set",
                    resource.kind, resource.name
                );
                self.problems.push(BuildProblem {
                    fault: Fault::Twice,
                    ..BuildProblem::new(name_at(resource), message)
                });
            }
        }
    }

    fn replacement(&mut self, entry: &Node, place: &BuildPlace<'_>, into: &mut GatheredResources<'t>) {
        let tree = self.tree;
        let from_file = entry.str(&["path"]).map(|path| {
            let target = join(place.folder, path);
            target.iter().for_each(|target| self.depends(target));
            let file = target.and_then(|target| tree.files.get(&target));
            let document = file.and_then(|file| file.documents.first());
            document.map(|d| if d.items().is_empty() { std::slice::from_ref(d) } else { d.items() })
        });
        let entries = match from_file {
            Some(Some(entries)) => entries,
            Some(None) => {
                let why = format!("'{}' {}", entry.str(&["path"]).unwrap_or_default(), generate::GONE);
                self.fault(Fault::Missing, entry.at, why);
                return;
            }
            None => std::slice::from_ref(entry),
        };
        for entry in entries {
            if let Err(failure) = replace::replace(entry, &mut into.all) {
                self.failed(failure, into);
            }
        }
    }
}

/// Kinds whose names get no prefix and no suffix.
fn is_renamed(resource: &Resource<'_>) -> bool {
    let kind = resource.previous.first().map_or(&*resource.kind, |previous| &previous.kind);
    !(matches!(kind, "CustomResourceDefinition" | "Namespace")
        || (kind == "APIService" && resource.group == "apiregistration.k8s.io"))
}
