//! Where what a denied command would change is defined: the file a person, or an agent by pull request, changes instead.

use super::Plan;
use crate::model::{Decision, Operation, Verdict};

/// Kinds of objects under the names people use for them.
const KINDS: [(&str, &[&str]); 41] = [
    ("Deployment", &["deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"]),
    ("StatefulSet", &["statefulset", "statefulsets", "sts", "statefulset.apps", "statefulsets.apps"]),
    ("DaemonSet", &["daemonset", "daemonsets", "ds", "daemonset.apps", "daemonsets.apps"]),
    ("CronJob", &["cronjob", "cronjobs", "cj", "cronjob.batch", "cronjobs.batch"]),
    ("Job", &["job", "jobs", "job.batch", "jobs.batch"]),
    ("Service", &["service", "services", "svc"]),
    ("ConfigMap", &["configmap", "configmaps", "cm"]),
    ("Secret", &["secret", "secrets"]),
    ("Ingress", &["ingress", "ingresses", "ing"]),
    ("Namespace", &["namespace", "namespaces", "ns"]),
    ("ServiceAccount", &["serviceaccount", "serviceaccounts", "sa"]),
    ("PersistentVolumeClaim", &["persistentvolumeclaim", "persistentvolumeclaims", "pvc"]),
    ("NetworkPolicy", &["networkpolicy", "networkpolicies", "netpol"]),
    ("HorizontalPodAutoscaler", &["horizontalpodautoscaler", "horizontalpodautoscalers", "hpa"]),
    ("HelmRelease", &["helmrelease", "helmreleases", "hr"]),
    ("Kustomization", &["kustomization", "kustomizations", "ks"]),
    ("GitRepository", &["gitrepository", "gitrepositories", "gitrepo", "git"]),
    ("HelmRepository", &["helmrepository", "helmrepositories", "helmrepo"]),
    ("OCIRepository", &["ocirepository", "ocirepositories", "ocirepo", "oci"]),
    ("HelmChart", &["helmchart", "helmcharts", "chart"]),
    ("Bucket", &["bucket", "buckets"]),
    ("Application", &["application", "applications", "app"]),
    ("ReplicaSet", &["replicaset", "replicasets", "rs"]),
    ("Pod", &["pod", "pods", "po"]),
    ("PersistentVolume", &["persistentvolume", "persistentvolumes", "pv"]),
    ("PodDisruptionBudget", &["poddisruptionbudget", "poddisruptionbudgets", "pdb"]),
    ("CustomResourceDefinition", &["customresourcedefinition", "customresourcedefinitions", "crd", "crds"]),
    ("StorageClass", &["storageclass", "storageclasses", "sc"]),
    ("ExternalSecret", &["externalsecret", "externalsecrets", "es"]),
    ("SecretProviderClass", &["secretproviderclass", "secretproviderclasses", "spc"]),
    ("ResourceSet", &["resourceset", "resourcesets", "rset"]),
    ("Role", &["role", "roles"]),
    ("RoleBinding", &["rolebinding", "rolebindings"]),
    ("Endpoints", &["endpoints", "ep"]),
    ("ResourceQuota", &["resourcequota", "resourcequotas", "quota"]),
    ("LimitRange", &["limitrange", "limitranges", "limits"]),
    ("ReplicationController", &["replicationcontroller", "replicationcontrollers", "rc"]),
    ("Certificate", &["certificate", "certificates", "cert", "certs"]),
    ("Issuer", &["issuer", "issuers"]),
    ("ServiceMonitor", &["servicemonitor", "servicemonitors", "smon"]),
    ("PrometheusRule", &["prometheusrule", "prometheusrules", "promrule"]),
];

/// Most places that are told of one line.
const MOST_TOLD: usize = 5;

/// The kind that people mean by a word: short names, plurals, and those with their group
/// (`kustomizations.kustomize.toolkit.fluxcd.io`).
#[must_use]
pub fn kind_named(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let known = |word: &str| KINDS.iter().find(|(_, names)| names.contains(&word)).map(|(kind, _)| *kind);
    known(&lower).or_else(|| known(lower.split('.').next()?))
}

/// An object a command names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedObject {
    /// Its kind, as manifests write it.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace, where the command says.
    pub namespace: Option<String>,
}

/// Where an object comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// `file:line`, as a person opens it.
    pub place: String,
    /// What is defined there, where that is another object that makes it.
    pub by: Option<String>,
    /// The file below it that other clusters apply too, where there is one.
    pub shared: Option<SharedDefinition>,
}

/// A file that several clusters apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedDefinition {
    /// `file:line`, as a person opens it.
    pub place: String,
    /// The other clusters.
    pub by: String,
}

/// The object an operation is aimed at, where it names one that Git may define.
fn named(operation: &Operation) -> Option<NamedObject> {
    let name = operation.target.names.first().filter(|name| !name.contains(['…', '/', '*']))?.clone();
    let word = match operation.tool {
        "helm" => "helmrelease".to_owned(),
        "argocd" => "application".to_owned(),
        "flux" => operation.verb.rsplit(' ').next().unwrap_or_default().to_owned(),
        _ => operation.target.kinds.first()?.clone(),
    };
    let kind = kind_named(&word)?.to_owned();
    Some(NamedObject { kind, name, namespace: operation.target.namespace.clone() })
}

/// The verdict with the places that define what is denied added to what to do instead. `look` finds an object in the repository
/// of a rwenv.
pub fn with_definitions(
    verdict: &Verdict,
    plan: &Plan,
    look: impl Fn(&str, &NamedObject) -> Option<Definition>,
) -> Verdict {
    let mut reasons = verdict.reasons().to_vec();
    let mut told: Vec<String> = Vec::new();
    for reason in reasons.iter_mut().filter(|reason| reason.decision > Decision::Allow) {
        let operation =
            plan.planned.iter().map(|p| &p.operation).find(|operation| operation.span == reason.span);
        let object = operation.and_then(|operation| Some((named(operation)?, operation.verb == "set image")));
        let Some(((object, image), rwenv)) = object.zip(reason.rwenv.as_deref()) else { continue };
        let text = told_of(&object, image, |object| look(rwenv, object));
        if let Some(text) = text.filter(|text| told.len() < MOST_TOLD && !told.contains(text)) {
            reason.instead.push_str(&text);
            told.push(text);
        }
    }
    Verdict::from_reasons(reasons)
}

/// The sentence about an object: where its image is set, where that is what would be changed, or where it is defined.
fn told_of(
    object: &NamedObject,
    image: bool,
    look: impl Fn(&NamedObject) -> Option<Definition>,
) -> Option<String> {
    let NamedObject { kind, name, .. } = object;
    let tag = NamedObject { kind: "image-of".to_owned(), name: format!("{kind}/{name}"), ..object.clone() };
    if let Some(definition) = Some(tag).filter(|_| image).and_then(|tag| look(&tag)) {
        return Some(format!(" The image of {kind} {name} is set in {}.", definition.place));
    }
    let Definition { place, by, shared } = look(object)?;
    let mut text = match by {
        None => format!(" {kind} {name} is defined in {place}."),
        Some(by) => format!(" {kind} {name} comes from {by}, which is defined in {place}."),
    };
    if let Some(SharedDefinition { place, by }) = shared {
        text.push_str(&format!(" Do not change {place} for this: {by} apply it too."));
    }
    Some(text)
}
