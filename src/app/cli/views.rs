//! What `--json` and the MCP server give of rwenvs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use rwenv_gate::facts::config::Config;

/// A rwenv as it is printed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the switches of the configuration file")]
pub(super) struct RwenvView {
    /// Its name.
    pub(super) name: String,
    /// It is the selected one.
    current: bool,
    /// What it is, in the words of whoever configured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// What kind of cluster it is.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// Kubeconfigs and contexts that lead to its cluster.
    places: Vec<PlaceView>,
    /// The Google Cloud project.
    #[serde(skip_serializing_if = "Option::is_none")]
    gcp_project: Option<String>,
    /// Nothing of it may be changed.
    read_only: bool,
    /// It is changed through Git only.
    git_ops_only: bool,
    /// Deployments are pushed to the branch that Flux follows, without a pull request.
    direct_push: bool,
    /// URL of the Flux repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    flux_git_repo: Option<String>,
    /// What serves the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    flux_git_repo_type: Option<String>,
    /// The cluster's folder in the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    flux_path: Option<String>,
    /// The branch that Flux follows; null for the default branch.
    flux_branch: Option<String>,
    /// Branches that nobody pushes to.
    protected_branches: Vec<String>,
    /// Servers, accounts and hosts that belong to it, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    targets: BTreeMap<&'static str, Vec<String>>,
    /// Its addresses.
    services: Vec<ServiceLink>,
}

/// A kubeconfig and a context in it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PlaceView {
    /// Path of the kubeconfig, as it is configured.
    kubeconfig_path: Option<String>,
    /// Name of the context.
    kubernetes_context: Option<String>,
}

/// An address.
#[derive(Debug, Serialize, JsonSchema)]
struct ServiceLink {
    /// What it leads to.
    name: String,
    /// The address.
    url: String,
}

/// The rwenv that is selected for a directory.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CurrentView {
    /// Its name; null where none is selected.
    pub(super) name: Option<String>,
    /// What selects it: a file, or $RWENV.
    pub(super) source: Option<String>,
    /// The rwenv; null where none is configured under this name.
    pub(super) rwenv: Option<RwenvView>,
}

/// The view of the n-th rwenv.
pub(super) fn view(config: &Config, at: usize, current: Option<&str>) -> Option<RwenvView> {
    let rwenv = config.rwenvs.all.get(at)?;
    let services = config.services.get(at).into_iter().flatten();
    let places = rwenv.places.iter().map(|place| PlaceView {
        kubeconfig_path: place.kubeconfig_path.clone(),
        kubernetes_context: place.kubernetes_context.clone(),
    });
    Some(RwenvView {
        name: rwenv.name.to_string(),
        current: current == Some(rwenv.name.as_str()),
        description: rwenv.description.clone(),
        kind: rwenv.kind.clone(),
        places: places.collect(),
        gcp_project: rwenv.gcp_project.clone(),
        read_only: rwenv.read_only,
        git_ops_only: rwenv.git_ops_only,
        direct_push: rwenv.direct_push,
        flux_git_repo: rwenv.flux_git_repo.clone(),
        flux_git_repo_type: rwenv.flux_git_repo_type.clone(),
        flux_path: rwenv.flux_path.clone(),
        flux_branch: rwenv.flux_branch.clone(),
        protected_branches: rwenv.protected_branches.clone(),
        targets: rwenv.targets.iter().map(|(kind, names)| (kind.as_str(), names.clone())).collect(),
        services: services.map(|(name, url)| ServiceLink { name: name.clone(), url: url.clone() }).collect(),
    })
}
