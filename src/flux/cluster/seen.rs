//! What there is in a cluster: names and labels of workloads, services and Flux objects.

use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};

use super::{Cluster, ClusterError};

/// Kinds that are looked for, by group; the version is the server's choice for those of Flux.
pub const KINDS: [(&str, &str); 6] = [
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("", "Service"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
];

/// An object of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenObject {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Namespace and name of the HelmRelease whose chart made it, by the toolkit's labels.
    pub release: Option<(String, String)>,
    /// Namespace and name of the Kustomization that applied it, by the toolkit's labels.
    pub kustomization: Option<(String, String)>,
    /// Another object of the cluster owns it.
    pub owned: bool,
    /// The folder a Kustomization applies.
    pub path: Option<String>,
}

/// What was seen in a cluster.
#[derive(Clone, Debug, Default)]
pub struct SeenCluster {
    /// The objects, sorted.
    pub objects: Vec<SeenObject>,
}

/// Looks for workloads, services and Flux objects of all namespaces.
///
/// # Errors
/// Where the cluster does not answer, or refuses to.
pub async fn look(cluster: &Cluster) -> Result<SeenCluster, ClusterError> {
    let mut objects = Vec::new();
    for (group, kind) in KINDS {
        let Some(resource) = resource(cluster, group, kind).await? else { continue };
        let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource);
        let all = cluster.list(&api, ListParams::default(), &resource.plural).await?.unwrap_or_default();
        objects.extend(all.iter().map(|object| seen(kind, object)));
    }
    objects.sort();
    Ok(SeenCluster { objects })
}

/// The resource of a kind, where the cluster has it.
async fn resource(cluster: &Cluster, group: &str, kind: &str) -> Result<Option<ApiResource>, ClusterError> {
    if !group.contains('.') {
        return Ok(Some(ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind))));
    }
    let found = async {
        match kube::discovery::group(&cluster.client, group).await {
            Ok(found) => Ok(found.recommended_kind(kind).map(|(resource, _)| resource)),
            Err(kube::Error::Discovery(_)) => Ok(None),
            Err(error) => Err(error),
        }
    };
    cluster.answer(&format!("say what it has of {group}"), found).await
}

fn seen(kind: &'static str, object: &DynamicObject) -> SeenObject {
    let labels = object.metadata.labels.as_ref();
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).cloned();
    let by = |toolkit: &str| {
        let name = label(&format!("{toolkit}.toolkit.fluxcd.io/name"))?;
        Some((label(&format!("{toolkit}.toolkit.fluxcd.io/namespace"))?, name))
    };
    let path = object.data.pointer("/spec/path").and_then(|path| path.as_str());
    SeenObject {
        kind,
        namespace: object.metadata.namespace.clone().unwrap_or_default(),
        name: object.metadata.name.clone().unwrap_or_default(),
        release: by("helm"),
        kustomization: by("kustomize"),
        owned: object.metadata.owner_references.as_ref().is_some_and(|owners| !owners.is_empty()),
        path: path.map(str::to_owned),
    }
}
