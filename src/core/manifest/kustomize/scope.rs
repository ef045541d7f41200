//! Kinds that are in no namespace, as kustomize knows them (kyaml, `openapi.precomputedIsNamespaceScoped`): those of custom
//! resources it takes for namespaced.

/// Group, versions, kinds.
const CLUSTER_SCOPED: &[(&str, &[&str], &[&str])] = &[
    ("", &["v1"], &["ComponentStatus", "Namespace", "Node", "NodeProxyOptions", "PersistentVolume"]),
    (
        "admissionregistration.k8s.io",
        &["v1", "v1beta1"],
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
    ),
    ("apiextensions.k8s.io", &["v1", "v1beta1"], &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["v1", "v1beta1"], &["APIService"]),
    ("certificates.k8s.io", &["v1", "v1beta1"], &["CertificateSigningRequest"]),
    ("flowcontrol.apiserver.k8s.io", &["v1beta1"], &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io", &["v1", "v1beta1"], &["IngressClass"]),
    ("node.k8s.io", &["v1", "v1beta1"], &["RuntimeClass"]),
    ("policy", &["v1beta1"], &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io", &["v1", "v1beta1"], &["ClusterRole", "ClusterRoleBinding"]),
    ("scheduling.k8s.io", &["v1", "v1beta1"], &["PriorityClass"]),
    ("storage.k8s.io", &["v1", "v1beta1"], &["CSIDriver", "StorageClass", "VolumeAttachment"]),
    ("storage.k8s.io", &["v1"], &["CSINode"]),
];

/// True for kinds that are in no namespace.
#[must_use]
pub fn is_cluster_scoped(group: &str, version: &str, kind: &str) -> bool {
    let fits = |(g, versions, kinds): &&(&str, &[&str], &[&str])| {
        *g == group && versions.contains(&version) && kinds.contains(&kind)
    };
    CLUSTER_SCOPED.iter().any(|row| fits(&row))
}
