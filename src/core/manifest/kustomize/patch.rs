//! Applying the patches of a kustomization to the resources it has gathered.

use super::generate::BuildFailure;
use super::merge::{self, Left};
use super::resource::{Id, Resource};
use super::select::Matcher;
use super::spec::{Patch, PatchSource};
use crate::manifest::yaml::{At, Node, Value, parse_from, start_of};

/// A patch, read.
enum PatchKind {
    /// Strategic merges: partial resources.
    Merge(Vec<Node>),
    /// Operations of a JSON patch.
    Json(Vec<Node>),
}

/// Gives a file's documents by the path as written.
type LoadDocuments<'l> = dyn Fn(&str, At) -> Result<Vec<Node>, BuildFailure> + 'l;

/// Applies a patch. `load` gives a file's documents by the path as written.
pub(super) fn apply(
    patch: &Patch,
    all: &mut Vec<Resource<'_>>,
    load: &LoadDocuments<'_>,
) -> Vec<BuildFailure> {
    let (at, documents) = match &patch.source {
        PatchSource::Inline(text, at) => {
            let parsed = parse_from(text, start_of(text, *at));
            (
                *at,
                if parsed.problems.is_empty() && is_json_or_block(text) {
                    Ok(parsed.documents)
                } else {
                    Err((*at, UNREADABLE.to_owned()).into())
                },
            )
        }
        PatchSource::Path(path, at) => (*at, load(path, *at)),
    };
    let mut failures = Vec::new();
    match documents.and_then(|documents| kind(documents, at, patch.json_only)) {
        Ok(PatchKind::Merge(documents)) => strategic(patch, &documents, all, at, &mut failures),
        Ok(PatchKind::Json(operations)) => json(patch, &operations, all, at, &mut failures),
        Err(failure) => failures.push(failure),
    }
    all.retain(|resource| !resource.deleted);
    failures
}

/// A list in brackets has to be JSON (kustomize, `jsonPatchFromBytes`); YAML begins its items with a dash.
pub(super) fn is_json_or_block(text: &str) -> bool {
    !text.starts_with('[') || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

pub(super) const UNREADABLE: &str = "the patch is neither a strategic merge nor a JSON patch";

fn kind(documents: Vec<Node>, at: At, json_only: bool) -> Result<PatchKind, BuildFailure> {
    let mut expanded = Vec::new();
    for document in &documents {
        expanded.push(
            document
                .expanded()
                .ok_or_else(|| BuildFailure::from((at, "the patch is too large".to_owned())))?,
        );
    }
    match expanded.first().map(|first| &first.value) {
        Some(Value::List(items)) => Ok(PatchKind::Json(items.clone())),
        Some(Value::Map(_)) if !json_only => {
            let named = |d: &Node| d.str(&["kind"]).is_some() && d.str(&["metadata", "name"]).is_some();
            match expanded.iter().find(|d| !named(d)) {
                Some(document) => {
                    Err((document.at, "the patch does not say which kind and name".to_owned()).into())
                }
                None => Ok(PatchKind::Merge(expanded)),
            }
        }
        _ => Err((at, UNREADABLE.to_owned()).into()),
    }
}

fn strategic(
    patch: &Patch,
    documents: &[Node],
    all: &mut [Resource<'_>],
    at: At,
    failures: &mut Vec<BuildFailure>,
) {
    if let Some(selector) = &patch.target {
        let [document] = documents else {
            failures.push((at, "a patch with a target has several documents".to_owned()).into());
            return;
        };
        let Some(matcher) = Matcher::new(selector) else {
            failures.push((at, "the target has a pattern that is none".to_owned()).into());
            return;
        };
        for resource in all.iter_mut().filter(|resource| matcher.fits(resource)) {
            failures.extend(merge_into(resource, document, patch, at).err());
        }
        return;
    }
    for document in documents {
        let Some(id) = Resource::of(document, 1).map(|resource| resource.id()) else { continue };
        let mut fitting: Vec<&mut Resource<'_>> =
            all.iter_mut().filter(|resource| !resource.deleted && resource.is_or_was(&id)).collect();
        match fitting.as_mut_slice() {
            [one] => failures.extend(merge_into(one, document, patch, at).err()),
            [] => failures.push(BuildFailure::absent(
                document.at,
                format!("the patch is for {}, which is not there", title(&id)),
            )),
            _ => failures.push(
                (document.at, format!("the patch is for {}, of which there are several", title(&id))).into(),
            ),
        }
    }
}

fn title((gvk, _, name): &Id) -> String {
    format!("{} {name}", gvk.rsplit('/').next().unwrap_or_default())
}

fn merge_into(
    resource: &mut Resource<'_>,
    document: &Node,
    patch: &Patch,
    at: At,
) -> Result<(), BuildFailure> {
    let keyed = merge::has_keys(&resource.group);
    if patch.rename || patch.rekind {
        resource.remember();
    }
    let (name, kind, namespace) = (resource.name.clone(), resource.kind.clone(), resource.namespace.clone());
    let (group, version) = (resource.group.clone(), resource.version.clone());
    let content = resource
        .materialize()
        .ok_or_else(|| BuildFailure::from((at, "it is too large to be patched".to_owned())))?;
    if merge::merge(content, document, keyed) == Left::Nothing {
        resource.deleted = true;
        return Ok(());
    }
    resource.read_back();
    (resource.group, resource.version, resource.namespace) = (group, version, namespace);
    if !patch.rename {
        resource.name = name;
    }
    if !patch.rekind {
        resource.kind = kind;
    }
    Ok(())
}

fn json(
    patch: &Patch,
    operations: &[Node],
    all: &mut [Resource<'_>],
    at: At,
    failures: &mut Vec<BuildFailure>,
) {
    let Some(target) = &patch.target else {
        failures.push((at, "a JSON patch has no target".to_owned()).into());
        return;
    };
    let Some(matcher) = Matcher::new(target) else {
        failures.push((at, "the target has a pattern that is none".to_owned()).into());
        return;
    };
    for resource in all.iter_mut().filter(|resource| matcher.fits(resource)) {
        if !patch.json_only {
            resource.remember();
        }
        let Some(content) = resource.materialize() else {
            failures.push((at, "it is too large to be patched".to_owned()).into());
            continue;
        };
        // kustomize itself keeps notes in annotations, so that there always are some.
        let annotated = content.path(&["metadata", "annotations"]).is_some();
        if let Some(metadata) = content.get_mut("metadata").filter(|_| !annotated) {
            metadata.set("annotations", Node { at, value: Value::Map(Vec::new()) });
        }
        let applied = merge::apply(content, operations);
        let empty = content.path(&["metadata", "annotations"]).is_some_and(|all| all.entries().is_empty());
        if let Some(metadata) = content.get_mut("metadata").filter(|_| empty) {
            metadata.remove("annotations");
        }
        match applied {
            Ok(()) => resource.read_back(),
            Err(failure) => failures.push(BuildFailure::content(failure)),
        }
    }
}
