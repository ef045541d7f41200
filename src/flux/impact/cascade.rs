//! What goes with an object that is removed: what a Kustomization applies, what a chart made, what is in a namespace or of a kind.

use serde_json::Value;

use super::object::text_at;
use super::radius::{Cascade, ChangedObject};
use super::view::RootView;
use crate::catalog::uses::HELM;

/// Group of Flux's Kustomizations.
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const CRDS: &str = "apiextensions.k8s.io";

/// What goes with the objects that are removed; each with what it was.
pub(super) fn cascades(
    gone: &[(&ChangedObject, &Value)],
    all: &[ChangedObject],
    before: &RootView<'_, '_>,
) -> Vec<Cascade> {
    let one = |(object, value): &(&ChangedObject, &Value)| {
        let (objects, more) = match (object.group.as_str(), object.kind.as_str()) {
            (KUSTOMIZE, "Kustomization") if takes(value) => {
                let name = format!("{}/{}", object.namespace.as_deref().unwrap_or_default(), object.name);
                let count = all.iter().filter(|other| other.with.as_ref() == Some(&name)).count();
                // What it applies of other repositories is not known here.
                (count, count == 0)
            }
            (HELM, "HelmRelease") => (0, true),
            ("", "Namespace") => {
                (before.count(|found| found.resource.namespace() == Some(object.name.as_str())), true)
            }
            (CRDS, "CustomResourceDefinition") => {
                let group = text_at(value, "/spec/group");
                let kind = text_at(value, "/spec/names/kind");
                (before.count(|found| found.resource.group == group && found.resource.kind == kind), true)
            }
            _ => return None,
        };
        let (kind, namespace, name) = (object.kind.clone(), object.namespace.clone(), object.name.clone());
        Some(Cascade { kind, namespace, name, objects, more })
    };
    let mut found: Vec<Cascade> = gone.iter().filter_map(one).collect();
    found.sort();
    found
}

/// True where a Kustomization that is removed takes along what it applies (kustomize-controller, `spec.deletionPolicy`).
fn takes(value: &Value) -> bool {
    match text_at(value, "/spec/deletionPolicy") {
        "Orphan" => false,
        "Delete" | "WaitForTermination" => true,
        _ => value.pointer("/spec/prune").is_some_and(|prune| *prune == true || *prune == "true"),
    }
}
