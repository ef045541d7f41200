//! The kinds of Flux: their groups, and the words people and the flux program have for them.

/// A kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// Its group; the version is the server's choice.
    pub group: &'static str,
    /// The name of its resource.
    pub plural: &'static str,
    /// Words for it, lower case.
    pub words: &'static [&'static str],
    /// Its objects have `spec.suspend`.
    pub suspends: bool,
    /// A controller reconciles it.
    pub reconciles: bool,
}

impl Kind {
    /// True for a kind whose objects apply others, and keep an inventory of them.
    #[must_use]
    pub fn applies(&self) -> bool {
        ["Kustomization", "HelmRelease", "ResourceSet", "FluxInstance"].contains(&self.name)
    }

    /// The name of its resource, with its group: it tells it from all others.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }
}

const SOURCE: &str = "source.toolkit.fluxcd.io";
const IMAGE: &str = "image.toolkit.fluxcd.io";
const NOTIFICATION: &str = "notification.toolkit.fluxcd.io";
const OPERATOR: &str = "fluxcd.controlplane.io";

const fn kind(
    name: &'static str,
    group: &'static str,
    plural: &'static str,
    words: &'static [&'static str],
) -> Kind {
    Kind { name, group, plural, words, suspends: true, reconciles: true }
}

/// All kinds: what applies first, then what it comes from (flux2, `cmd/flux`; flux-operator, `api/v1`).
pub static KINDS: [Kind; 16] = [
    kind("Kustomization", "kustomize.toolkit.fluxcd.io", "kustomizations", &["kustomization", "ks"]),
    kind("HelmRelease", "helm.toolkit.fluxcd.io", "helmreleases", &["helmrelease", "hr"]),
    kind("GitRepository", SOURCE, "gitrepositories", &["gitrepository", "git", "gitrepo", "source git"]),
    kind("OCIRepository", SOURCE, "ocirepositories", &["ocirepository", "oci", "ocirepo", "source oci"]),
    kind(
        "HelmRepository",
        SOURCE,
        "helmrepositories",
        &["helmrepository", "helm", "helmrepo", "source helm"],
    ),
    kind("HelmChart", SOURCE, "helmcharts", &["helmchart", "chart", "source chart"]),
    kind("Bucket", SOURCE, "buckets", &["bucket", "source bucket"]),
    kind(
        "ArtifactGenerator",
        "source.extensions.fluxcd.io",
        "artifactgenerators",
        &["artifactgenerator", "ag"],
    ),
    kind("ImageRepository", IMAGE, "imagerepositories", &["imagerepository", "image repository"]),
    Kind {
        reconciles: true,
        ..kind("ImagePolicy", IMAGE, "imagepolicies", &["imagepolicy", "image policy"])
    },
    kind(
        "ImageUpdateAutomation",
        IMAGE,
        "imageupdateautomations",
        &["imageupdateautomation", "image update"],
    ),
    kind("Receiver", NOTIFICATION, "receivers", &["receiver"]),
    Kind { reconciles: false, ..kind("Alert", NOTIFICATION, "alerts", &["alert"]) },
    Kind {
        reconciles: false,
        ..kind("Provider", NOTIFICATION, "providers", &["provider", "alert-provider"])
    },
    Kind {
        suspends: false,
        ..kind("FluxInstance", OPERATOR, "fluxinstances", &["fluxinstance", "instance"])
    },
    Kind { suspends: false, ..kind("ResourceSet", OPERATOR, "resourcesets", &["resourceset", "rset"]) },
];

/// Kinds that bring content into the cluster.
pub const SOURCES: [&str; 6] =
    ["GitRepository", "OCIRepository", "HelmRepository", "HelmChart", "Bucket", "ArtifactGenerator"];

/// The kind a word stands for: its name, a short form, its plural, the flux program's own.
#[must_use]
pub fn kind_of(word: &str) -> Option<&'static Kind> {
    let lower = word.to_ascii_lowercase();
    let short = lower.split('.').next().unwrap_or_default();
    KINDS.iter().find(|kind| {
        kind.plural == short || kind.words.contains(&lower.as_str()) || kind.words.contains(&short)
    })
}
