//! What the cluster would become: every manifest as a dry run of the server's, compared with what is there.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use serde_json::Value;

use super::difference::{Compared, hide};
use super::dry_run::{Kinds, document, refusal};
use super::export::whole;
use super::render::render;
use super::{Flux, FluxError, LiveObject, cascade, kind_of, release};
use rwenv_gate::base::environment::Environment;

/// Who applies, for the server (kustomize-controller).
const MANAGER: &str = "kustomize-controller";
/// Compares what a Kustomization would apply of a folder with what is in the cluster.
///
/// # Errors
/// Where it cannot be rendered, or the cluster does not answer.
pub async fn diff(
    flux: &Flux,
    object: &LiveObject,
    folder: &Path,
    environment: &Environment,
) -> Result<Compared, FluxError> {
    let whole = whole(flux, object).await?;
    Ok(rendered(flux, (object, &whole), folder, environment).await?.0)
}

/// The same for the Kustomizations that it applies from the same source, as they would become, and for those that they apply: each by its
/// name, in the order they are applied.
///
/// # Errors
/// Where one cannot be rendered, or the cluster does not answer.
pub async fn diff_below(
    flux: &Flux,
    object: &LiveObject,
    folder: &Path,
    environment: &Environment,
) -> Result<Vec<(String, Compared)>, FluxError> {
    let mut out: Vec<(String, Compared)> = Vec::new();
    let mut waiting = VecDeque::from([(object.clone(), whole(flux, object).await?)]);
    while let Some((object, whole)) = waiting.pop_front() {
        if out.iter().any(|(name, _)| *name == object.label()) {
            continue;
        }
        let (compared, below) = rendered(flux, (&object, &whole), folder, environment).await?;
        let own = |below: &(LiveObject, Value)| below.0.source == object.source;
        waiting.extend(below.into_iter().filter(own));
        out.push((object.label(), compared));
    }
    Ok(out)
}

/// Asks the server, by its dry run, why it would not take an object (kind, namespace, name) as a Kustomization would apply it of a folder;
/// none where it would, or where the Kustomization does not apply it.
///
/// # Errors
/// Where it cannot be rendered, or the cluster does not answer.
pub async fn refused(
    flux: &Flux,
    by: &LiveObject,
    wanted: (&str, &str, &str),
    folder: &Path,
    environment: &Environment,
) -> Result<Option<String>, FluxError> {
    let rendered = render(flux, by, &whole(flux, by).await?, folder, environment).await?;
    for text in &rendered.documents {
        if let Some(mut why) = refusal(flux, text, wanted, (&by.namespace, MANAGER)).await? {
            rendered.hidden.iter().for_each(|secret| why = why.replace(secret.as_str(), "…"));
            return Ok(Some(why));
        }
    }
    Ok(None)
}

/// Compares a HelmRelease, as the Kustomization that applies it would make it of a folder, with what is in the cluster; of one that no
/// Kustomization applies, as it stands.
///
/// # Errors
/// Where it cannot be rendered, or the cluster does not answer.
pub async fn diff_release(
    flux: &Flux,
    object: &LiveObject,
    folder: &Path,
    environment: &Environment,
) -> Result<Compared, FluxError> {
    let live = whole(flux, object).await?;
    let labels = live.pointer("/metadata/labels");
    let label = |key: &str| labels?.get(format!("kustomize.toolkit.fluxcd.io/{key}"))?.as_str();
    let (Some(name), Some(namespace), Some(kind)) = (label("name"), label("namespace"), kind_of("ks")) else {
        return release::compared(flux, object, &live, folder, environment).await;
    };
    let owner = flux.get(kind, namespace, name).await?;
    let rendered = render(flux, &owner, &whole(flux, &owner).await?, folder, environment).await?;
    let Some(text) = release::manifest_of(&rendered.documents, object) else {
        let mut out = Compared::default();
        out.differences.push(release::gone(object));
        return Ok(out);
    };
    let told = document(flux, &text, (&object.namespace, MANAGER), &mut Kinds::default()).await?;
    let after = told.and_then(|told| told.after).unwrap_or(live);
    let mut compared = release::compared(flux, object, &after, folder, environment).await?;
    for difference in &mut compared.differences {
        difference.fields.iter_mut().for_each(|field| hide(field, &rendered.hidden));
    }
    Ok(compared)
}

/// What would become of an object's manifests, and the Kustomizations among them.
async fn rendered(
    flux: &Flux,
    (object, whole): (&LiveObject, &Value),
    folder: &Path,
    environment: &Environment,
) -> Result<(Compared, Vec<(LiveObject, Value)>), FluxError> {
    let rendered = render(flux, object, whole, folder, environment).await?;
    let mut out = Compared { unresolved: rendered.unresolved, ..Compared::default() };
    let mut kinds = Kinds::default();
    let (mut ids, mut below) = (BTreeSet::new(), Vec::new());
    for text in &rendered.documents {
        let place = (object.namespace.as_str(), MANAGER);
        let Some(told) = document(flux, text, place, &mut kinds).await? else { continue };
        ids.insert(told.id);
        if let Some(kustomization) = told.after.and_then(kustomization) {
            below.push(kustomization);
        }
        match told.difference {
            Some(difference) => out.differences.push(difference),
            None => out.same += 1,
        }
    }
    if object.prune {
        out.differences.extend(cascade::pruned(flux, object, &ids, &mut kinds).await?);
    }
    for difference in &mut out.differences {
        difference.fields.iter_mut().for_each(|field| hide(field, &rendered.hidden));
    }
    Ok((out, below))
}

/// What the server says a Kustomization would be.
fn kustomization(after: Value) -> Option<(LiveObject, Value)> {
    let kind = kind_of("ks").filter(|kind| after.get("kind").is_some_and(|own| own == kind.name))?;
    let own = after
        .get("apiVersion")
        .and_then(Value::as_str)
        .is_some_and(|version| version.starts_with(kind.group));
    let object = serde_json::from_value(after.clone()).ok().filter(|_| own)?;
    Some((LiveObject::of(kind, object), after))
}
