//! What is seen of more than one object: where an object comes from, whether Flux is well.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, ListParams};
use serde::Serialize;

use super::logs::PART_OF;
use super::tree::DEEPEST;
use super::{Flux, FluxError, LiveObject, kind_of};

/// Where an object comes from.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The object, for people.
    pub object: String,
    /// What applied it, then what applied that: releases, Kustomizations, and at last the source.
    pub chain: Vec<LiveObject>,
}

/// Follows an object to the source it comes from, by the labels Flux puts on what it applies.
///
/// # Errors
/// Where it is not there, or Flux has not applied it.
pub async fn trace(flux: &Flux, word: &str, name: &str, namespace: &str) -> Result<Trace, FluxError> {
    let found = labels(flux, word, name, namespace).await?;
    let none = |near: &str| FluxError::NotFound {
        what: format!("{word} '{name}' in namespace {namespace}"),
        near: near.to_owned(),
    };
    let Some((object, mut labels)) = found else { return Err(none("")) };
    let mut chain: Vec<LiveObject> = Vec::new();
    // A Kustomization that applies itself is the root.
    while let Some(owner) = owner(flux, &labels).await? {
        if chain.iter().any(|known| known.label() == owner.0.label()) || chain.len() > DEEPEST {
            break;
        }
        labels = owner.1;
        chain.push(owner.0);
    }
    let source = match chain.last().and_then(|last| last.source.clone()) {
        Some(source) => match kind_of(&source.kind) {
            Some(kind) => flux.get(kind, &source.namespace, &source.name).await.ok(),
            None => None,
        },
        None => None,
    };
    if chain.is_empty() {
        return Err(none(" that Flux has applied: it is there, and carries no labels of Flux"));
    }
    chain.extend(source);
    Ok(Trace { object, chain })
}

type Labels = BTreeMap<String, String>;

/// What applied an object, by its labels.
async fn owner(flux: &Flux, labels: &Labels) -> Result<Option<(LiveObject, Labels)>, FluxError> {
    for (toolkit, word) in [("helm", "hr"), ("kustomize", "ks")] {
        let label = |key: &str| labels.get(&format!("{toolkit}.toolkit.fluxcd.io/{key}"));
        let (Some(name), Some(namespace), Some(kind)) = (label("name"), label("namespace"), kind_of(word))
        else {
            continue;
        };
        let Some(api) = flux.api(kind, Some(namespace)) else { continue };
        let found = flux.cluster.answer(&format!("get {} {name}", kind.plural), api.get_opt(name)).await?;
        return Ok(found.map(|object| {
            let labels = object.metadata.labels.clone().unwrap_or_default();
            (LiveObject::of(kind, object), labels)
        }));
    }
    Ok(None)
}

/// An object of any kind by the word people have for it, and its labels.
async fn labels(
    flux: &Flux,
    word: &str,
    name: &str,
    namespace: &str,
) -> Result<Option<(String, Labels)>, FluxError> {
    let client = flux.cluster.client();
    let Some((resource, namespaced)) = flux.cluster.resource(word).await? else {
        let near = "; kubectl api-resources lists those there are".to_owned();
        return Err(FluxError::NotFound { what: format!("kind '{word}'"), near });
    };
    let api: Api<DynamicObject> = if namespaced {
        Api::namespaced_with(client, namespace, &resource)
    } else {
        Api::all_with(client, &resource)
    };
    let found = flux.cluster.answer(&format!("get {} {name}", resource.plural), api.get_opt(name)).await?;
    Ok(found.map(|object| {
        let place = object.metadata.namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        (format!("{} {place}{name}", resource.kind), object.metadata.labels.unwrap_or_default())
    }))
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FluxCheck {
    /// What.
    pub what: String,
    /// It is well.
    pub good: bool,
    /// How it is.
    pub how: String,
}

/// Oldest minor version of Kubernetes that Flux runs on (flux2, `kubernetesConstraints` of `cmd/flux/check.go`, 2026).
const OLDEST: u32 = 33;

/// Whether Flux is installed and well: the server's version, the controllers, the kinds.
///
/// # Errors
/// Where the cluster does not answer.
pub async fn check(flux: &Flux, namespace: &str) -> Result<Vec<FluxCheck>, FluxError> {
    let client = flux.cluster.client();
    let version = flux.cluster.answer("say its version", client.apiserver_version()).await?;
    let minor = version.minor.trim_end_matches('+').parse::<u32>().ok();
    let mut all = vec![FluxCheck {
        what: "Kubernetes".to_owned(),
        good: minor.is_none_or(|minor| minor >= OLDEST),
        how: format!("{} (Flux wants 1.{OLDEST} or newer)", version.git_version),
    }];
    let labelled = ListParams::default().labels(PART_OF);
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let deployments = flux.cluster.answer("list deployments", api.list(&labelled)).await?;
    if deployments.items.is_empty() {
        let how = format!("none in namespace {namespace} with the label {PART_OF}");
        all.push(FluxCheck { what: "controllers".to_owned(), good: false, how });
    }
    for deployment in deployments.items {
        let wanted = deployment.spec.replicas.unwrap_or(1);
        let ready = deployment.status.and_then(|status| status.ready_replicas).unwrap_or_default();
        let containers = deployment.spec.template.spec.map(|pod| pod.containers).unwrap_or_default();
        let images: Vec<String> = containers.into_iter().filter_map(|container| container.image).collect();
        all.push(FluxCheck {
            what: deployment.metadata.name.unwrap_or_default(),
            good: ready >= wanted,
            how: format!("{ready} of {wanted} ready, {}", images.join(", ")),
        });
    }
    let api: Api<CustomResourceDefinition> = Api::all(client);
    let kinds =
        flux.cluster.answer("list customresourcedefinitions", api.list(&ListParams::default())).await?;
    for kind in kinds.items.into_iter().filter(|kind| kind.spec.group.ends_with("fluxcd.io")) {
        let stored = kind.status.and_then(|status| status.stored_versions).unwrap_or_default();
        all.push(FluxCheck {
            what: kind.metadata.name.unwrap_or_default(),
            good: !stored.is_empty(),
            how: stored.last().map_or_else(|| "stored in no version".to_owned(), Clone::clone),
        });
    }
    Ok(all)
}
