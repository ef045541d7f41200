//! Kinds of objects by the names that people use for them.

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

/// The kind that people mean by a word: short names, plurals, and those with their group
/// (`kustomizations.kustomize.toolkit.fluxcd.io`).
#[must_use]
pub fn kind_named(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let known = |word: &str| KINDS.iter().find(|(_, names)| names.contains(&word)).map(|(kind, _)| *kind);
    known(&lower).or_else(|| known(lower.split('.').next()?))
}
