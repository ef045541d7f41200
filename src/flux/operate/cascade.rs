//! What is taken away: the objects that are gone from a Kustomization's folder, and what they take with them.

use std::collections::BTreeSet;

use hyper::Request;
use serde::Deserialize;
use serde_json::Value;

use super::difference::{Difference, ObjectFate};
use super::dry_run::{Kinds, ask, path};
use super::object::Applied;
use super::tree::{DEEPEST, group_of, parsed};
use super::{Flux, FluxError, LiveObject, kind_of};

/// Labels and annotations that keep an object (kustomize-controller, `deleteObjects`).
const KEPT: [(&str, &str); 3] = [
    ("kustomize.toolkit.fluxcd.io/prune", "disabled"),
    ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
    ("kustomize.toolkit.fluxcd.io/ssa", "Ignore"),
];

/// What decides whether an object takes away what it has applied.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RemovedSpec {
    suspend: bool,
    prune: bool,
    deletion_policy: String,
}

/// The objects in an inventory that are not among these, and what goes with them.
pub(super) async fn pruned(
    flux: &Flux,
    object: &LiveObject,
    ids: &BTreeSet<String>,
    kinds: &mut Kinds,
) -> Result<Vec<Difference>, FluxError> {
    let gone: Vec<Applied> =
        object.inventory.iter().filter(|entry| !ids.contains(&entry.id)).cloned().collect();
    let mut out = Vec::new();
    taken(flux, &gone, None, kinds, &mut out).await?;
    Ok(out)
}

async fn taken(
    flux: &Flux,
    gone: &[Applied],
    with: Option<&str>,
    kinds: &mut Kinds,
    out: &mut Vec<Difference>,
) -> Result<(), FluxError> {
    for entry in gone {
        let Some(branch) = parsed(entry) else { continue };
        let group = group_of(entry);
        let version = if group.is_empty() { entry.v.clone() } else { format!("{group}/{}", entry.v) };
        let live = match kinds.find(flux, &version, &branch.kind).await? {
            Some((plural, _)) => {
                let path = path(&version, &plural, &branch.namespace, &branch.name);
                ask(flux, Request::get(path), Vec::new()).await?
            }
            None => continue,
        };
        let why = match &live {
            Ok(object) if keeps(object) => continue,
            // Somebody has taken it away already.
            Err(no) if no.code == 404 => continue,
            Ok(_) => None,
            Err(no) => Some(format!("the server answered {}", no.code)),
        };
        let label = format!("{} {}/{}", branch.kind, branch.namespace, branch.name);
        let (kind, namespace, name) = (branch.kind, branch.namespace, branch.name);
        let known = out.iter().any(|one| one.kind == kind && one.namespace == namespace && one.name == name);
        if known {
            continue;
        }
        let (fate, with) = (ObjectFate::Pruned, with.map(str::to_owned));
        out.push(Difference { fate, kind, namespace, name, fields: Vec::new(), why, with });
        let below = live.ok().and_then(|live| below(group, live)).unwrap_or_default();
        if out.len() < DEEPEST * DEEPEST * DEEPEST {
            Box::pin(taken(flux, &below, Some(&label), kinds, out)).await?;
        }
    }
    Ok(())
}

/// True for an object that stays, whatever happens to what applied it.
fn keeps(object: &Value) -> bool {
    let fields = ["labels", "annotations"].into_iter().filter_map(|field| object.get("metadata")?.get(field));
    let kept =
        |fields: &Value| KEPT.iter().any(|(key, value)| fields.get(*key).is_some_and(|own| own == value));
    fields.into_iter().any(kept)
}

/// What an object takes with it: what a Kustomization has applied, by its policy; what the chart of a HelmRelease has made.
fn below(group: &str, live: Value) -> Option<Vec<Applied>> {
    let kind = kind_of(live.get("kind")?.as_str()?).filter(|kind| kind.applies() && kind.group == group)?;
    let spec: RemovedSpec =
        live.get("spec").cloned().and_then(|spec| serde_json::from_value(spec).ok()).unwrap_or_default();
    let takes = match (kind.name, spec.deletion_policy.as_str()) {
        _ if spec.suspend => false,
        ("Kustomization", "" | "MirrorPrune") => spec.prune,
        ("Kustomization", policy) => policy != "Orphan",
        _ => true,
    };
    let object = serde_json::from_value(live).ok().filter(|_| takes)?;
    Some(LiveObject::of(kind, object).inventory)
}
