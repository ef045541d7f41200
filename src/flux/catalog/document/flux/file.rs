//! What `flux-resources.json` holds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::entry::{Entry, Metadata};

/// `flux-resources.json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FluxResources {
    /// Flux Kustomizations by name.
    pub kustomizations: BTreeMap<String, Entry<Kustomization>>,
    /// HelmReleases by name.
    pub helm_releases: BTreeMap<String, Entry<HelmRelease>>,
    /// GitRepositories, OCIRepositories, HelmRepositories and Buckets by name.
    pub sources: BTreeMap<String, Entry<FluxSource>>,
    /// ImageRepositories, ImagePolicies and ImageUpdateAutomations by name.
    pub image_automation: BTreeMap<String, Entry<ImageObject>>,
    /// Argo CD Applications by name.
    pub applications: BTreeMap<String, Entry<Application>>,
    /// Argo CD AppProjects by name.
    pub projects: BTreeMap<String, Entry<AppProject>>,
    /// What the repository defines but nothing applies.
    pub orphans: Vec<OrphanEntry>,
    /// What is wrong, so that not everything may be known.
    pub findings: Vec<FluxFinding>,
    /// What the file says about itself.
    pub metadata: Metadata,
}

/// One name, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn of(mut names: Vec<String>) -> Option<Self> {
        match names.len() {
            0 => None,
            1 => names.pop().map(Self::One),
            _ => Some(Self::Many(names)),
        }
    }
}

/// A Flux Kustomization.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kustomization {
    /// Its namespace.
    pub namespace: String,
    /// What it applies, as written.
    pub path: String,
    /// Name of its source.
    pub source_ref: String,
    /// Kind of its source.
    pub source_kind: String,
    /// What has to be ready before it, as `name`, or `namespace/name` where that is another namespace.
    pub depends_on: Vec<String>,
    /// How often it is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Whether it deletes what is no longer there.
    pub prune: bool,
    /// Whether it is suspended in Git.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// The namespace it puts everything in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_namespace: Option<String>,
    /// Where its variables come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub substitute_from: Option<OneOrMany>,
    /// Variables in what it applies that have no value in the repository.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unresolved_vars: Vec<String>,
    /// The services and Kustomizations it applies.
    pub manages: Vec<String>,
    /// The Kustomization that applies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    /// The folder of this repository it applies; none where that is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// A HelmRelease.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmRelease {
    /// Its namespace.
    pub namespace: String,
    /// Name of the chart.
    pub chart: String,
    /// Name of the chart's source.
    pub chart_source: String,
    /// Kind of the chart's source.
    pub chart_source_kind: String,
    /// Version or range of the chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How often it is reconciled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Name of the release in Helm's storage.
    pub release_name: String,
    /// The namespace it installs into, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_namespace: Option<String>,
    /// What has to be ready before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Where values come from besides its own, as `Kind/name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values_from: Vec<String>,
    /// Whether it is suspended in Git.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// The Kustomization that applies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomization: Option<String>,
}

/// A source of Flux.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FluxSource {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Where it fetches from.
    pub url: String,
    /// Branch, tag, version or digest.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// How often it is fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
}

/// An object of the image automation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageObject {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// The image of an ImageRepository, the ImageRepository of an ImagePolicy, the path an automation writes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// An Argo CD Application.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Its namespace.
    pub namespace: String,
    /// URL of the repository or of the charts.
    #[serde(rename = "repoURL", skip_serializing_if = "Option::is_none")]
    pub repo_url: Option<String>,
    /// The folder it applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The chart it installs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<String>,
    /// Branch, tag or version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_revision: Option<String>,
    /// The project it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The cluster it applies to, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The namespace it applies to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_namespace: Option<String>,
    /// The services it applies.
    pub manages: Vec<String>,
    /// What applies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
}

/// An Argo CD AppProject.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppProject {
    /// Its namespace.
    pub namespace: String,
    /// The repositories its Applications may come from.
    pub source_repos: Vec<String>,
    /// The namespaces they may apply to.
    pub destinations: Vec<String>,
}

/// An object that nothing applies.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrphanEntry {
    /// Its kind.
    pub kind: String,
    /// Its name as written.
    pub name: String,
    /// Its namespace as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// Something that is wrong with what Flux applies.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FluxFinding {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// What.
    pub message: String,
}
