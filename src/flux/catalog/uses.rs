//! Which workloads and releases use which ConfigMaps, Secrets and SecretProviderClasses: by volumes, environments and values.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::knowledge::{AppliedObject, Knowledge};
use rwenv_core::manifest::yaml::Node;

/// Group of HelmReleases.
pub const HELM: &str = "helm.toolkit.fluxcd.io";

/// What a reference names: cluster, kind, namespace, name.
type ReferenceKey = (usize, &'static str, String, String);

/// The users of everything that is used.
#[derive(Debug, Default)]
pub struct Uses {
    users: HashMap<ReferenceKey, BTreeSet<String>>,
    /// Folder a SecretProviderClass is mounted at, the first of them.
    mounts: BTreeMap<(usize, String, String), String>,
}

/// True for kinds that run containers for as long as they are wanted.
#[must_use]
pub fn is_workload(group: &str, kind: &str) -> bool {
    matches!((group, kind), ("apps", "Deployment" | "StatefulSet" | "DaemonSet") | ("argoproj.io", "Rollout"))
}

/// The pod a workload or job makes.
#[must_use]
pub fn pod<'n>(kind: &str, node: &'n Node) -> Option<&'n Node> {
    match kind {
        "Deployment"
        | "StatefulSet"
        | "DaemonSet"
        | "ReplicaSet"
        | "Job"
        | "Rollout"
        | "ReplicationController" => node.path(&["spec", "template", "spec"]),
        "CronJob" => node.path(&["spec", "jobTemplate", "spec", "template", "spec"]),
        "Pod" => node.get("spec"),
        _ => None,
    }
}

/// Finds out who uses what.
#[must_use]
pub fn uses(known: &Knowledge<'_>) -> Uses {
    let mut uses = Uses::default();
    for found in &known.objects {
        let resource = &found.resource;
        let release = resource.group == HELM && resource.kind == "HelmRelease";
        let runs = matches!(&*resource.kind, "CronJob" | "Job" | "Pod")
            || is_workload(&resource.group, &resource.kind);
        if !release && !runs {
            continue;
        }
        let content = known.content(found);
        let mut references = BTreeSet::new();
        if release {
            let values = content.path(&["spec", "values"]);
            values.into_iter().for_each(|values| scan(values, &mut references));
            for item in content.path(&["spec", "valuesFrom"]).map(Node::items).unwrap_or_default() {
                let kind = if item.str(&["kind"]) == Some("Secret") { "Secret" } else { "ConfigMap" };
                references.extend(item.str(&["name"]).map(|name| (kind, name.to_owned())));
            }
        } else if let Some(pod) = pod(&resource.kind, &content) {
            scan(pod, &mut references);
            uses.mounts(known, found, pod);
        }
        let cluster = known.cluster_of(found);
        let namespaces =
            [resource.namespace(), content.str(&["spec", "targetNamespace"]).filter(|_| release)];
        for namespace in namespaces.into_iter().flatten() {
            for (kind, name) in &references {
                let key = (cluster, *kind, namespace.to_owned(), name.clone());
                uses.users.entry(key).or_default().insert(resource.name.to_string());
            }
        }
    }
    uses
}

impl Uses {
    /// The users of an object: by the name it has, or had before a kustomization renamed it.
    #[must_use]
    pub fn users_of_object(
        &self,
        known: &Knowledge<'_>,
        found: &AppliedObject<'_>,
        kind: &'static str,
    ) -> BTreeSet<String> {
        let resource = &found.resource;
        let now = std::iter::once(&*resource.name);
        let names = now.chain(resource.previous.iter().map(|previous| previous.name.as_str()));
        names.flat_map(|name| self.users_of_made(known, found, (kind, name))).collect()
    }

    /// The users of what an object makes under a name of its own.
    #[must_use]
    pub fn users_of_made(
        &self,
        known: &Knowledge<'_>,
        found: &AppliedObject<'_>,
        made: (&'static str, &str),
    ) -> BTreeSet<String> {
        let namespace = found.resource.namespace().unwrap_or_default().to_owned();
        let key = (known.cluster_of(found), made.0, namespace, made.1.to_owned());
        self.users.get(&key).cloned().unwrap_or_default()
    }

    /// The folder a SecretProviderClass is mounted at.
    #[must_use]
    pub fn mount(&self, known: &Knowledge<'_>, found: &AppliedObject<'_>) -> Option<&str> {
        let namespace = found.resource.namespace().unwrap_or_default().to_owned();
        let cluster = known.cluster_of(found);
        let previous = found.resource.previous.iter().map(|previous| previous.name.clone());
        let mut names = std::iter::once(found.resource.name.to_string()).chain(previous);
        names.find_map(|name| self.mounts.get(&(cluster, namespace.clone(), name))).map(String::as_str)
    }

    fn mounts(&mut self, known: &Knowledge<'_>, found: &AppliedObject<'_>, pod: &Node) {
        let volumes = pod.get("volumes").map(Node::items).unwrap_or_default();
        let kinds = ["initContainers", "containers"];
        for volume in volumes {
            let class = volume.str(&["csi", "volumeAttributes", "secretProviderClass"]);
            let Some((class, name)) = class.zip(volume.str(&["name"])) else { continue };
            let containers = kinds.iter().flat_map(|kind| pod.get(kind).map(Node::items).unwrap_or_default());
            let mounts = containers.flat_map(|c| c.get("volumeMounts").map(Node::items).unwrap_or_default());
            let path =
                mounts.filter(|mount| mount.str(&["name"]) == Some(name)).find_map(|m| m.str(&["mountPath"]));
            if let Some(path) = path {
                let namespace = found.resource.namespace().unwrap_or_default().to_owned();
                let key = (known.cluster_of(found), namespace, class.to_owned());
                self.mounts.entry(key).or_insert_with(|| path.to_owned());
            }
        }
    }
}

/// The Secrets that an object has a controller make.
#[must_use]
pub fn secrets_made(known: &Knowledge<'_>, found: &AppliedObject<'_>) -> Vec<String> {
    let own = || vec![found.resource.name.to_string()];
    let content = || known.content(found);
    let named = |path: &[&str]| content().string(path).map(|name| vec![name]);
    let listed = |path: &[&str]| {
        let content = content();
        let items = content.path(path).map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| item.string(&["secretName"])).collect()
    };
    match &*found.resource.kind {
        "ExternalSecret" => named(&["spec", "target", "name"]).unwrap_or_else(own),
        "SealedSecret" => named(&["spec", "template", "metadata", "name"]).unwrap_or_else(own),
        "ClusterExternalSecret" => {
            named(&["spec", "externalSecretSpec", "target", "name"]).unwrap_or_else(own)
        }
        "InfisicalSecret" => named(&["spec", "managedSecretReference", "secretName"])
            .unwrap_or_else(|| listed(&["spec", "managedKubeSecretReferences"])),
        "SecretProviderClass" => listed(&["spec", "secretObjects"]),
        _ => Vec::new(),
    }
}

/// Every reference below a node, by the fields of pods and the customs of charts.
fn scan(node: &Node, into: &mut BTreeSet<(&'static str, String)>) {
    for item in node.items() {
        scan(item, into);
    }
    for (key, value) in node.entries() {
        let name = |path: &[&str]| value.str(path).map(str::to_owned);
        let (kind, name) = match key.text().unwrap_or_default() {
            "configMapRef" | "configMapKeyRef" | "configMap" => ("ConfigMap", name(&["name"])),
            "existingConfigMap" | "existingConfigmap" | "configMapName" => ("ConfigMap", name(&[])),
            "secretRef" | "secretKeyRef" => ("Secret", name(&["name"])),
            "secret" => ("Secret", name(&["secretName"]).or_else(|| name(&["name"]))),
            "secretName" | "existingSecret" | "existingSecretName" => ("Secret", name(&[])),
            "secretProviderClass" => ("SecretProviderClass", name(&[])),
            "imagePullSecrets" => {
                let names = value.items().iter().filter_map(|item| item.str(&["name"]));
                into.extend(names.map(|name| ("Secret", name.to_owned())));
                continue;
            }
            _ => ("", None),
        };
        into.extend(name.filter(|name| !name.is_empty()).map(|name| (kind, name)));
        scan(value, into);
    }
}
