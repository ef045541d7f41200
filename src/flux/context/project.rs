//! What a project is: its manifests, its resources of Flux, its layout, its charts, and the cluster it leads to.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ContextError;
use crate::catalog::Reading;
use crate::catalog::knowledge::Knowledge;
use crate::operate::{Flux, FluxError};
use rwenv_core::manifest::tree::{Tree, folder_of};
use rwenv_core::manifest::yaml::Node;
use rwenv_core::manifest::{self, Level};
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;

/// Folders by which people order a repository of manifests.
const LAYOUT: [&str; 8] =
    ["clusters", "apps", "infrastructure", "base", "overlays", "environments", "tenants", "components"];
/// Files by which pipelines are known.
const PIPELINES: [(&str, &str); 5] = [
    (".github/workflows/", "GitHub Actions"),
    (".gitlab-ci.yml", "GitLab CI"),
    (".gitea/workflows/", "Gitea Actions"),
    ("Jenkinsfile", "Jenkins"),
    ("azure-pipelines.yml", "Azure Pipelines"),
];

/// What a project is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of a session's state")]
pub struct Project {
    /// It has manifests.
    pub has_kubernetes_configs: bool,
    /// Some of them are Flux's.
    pub has_flux_resources: bool,
    /// It is laid out as repositories for GitOps are.
    pub gitops_structure_detected: bool,
    /// The cluster of the selected rwenv answers.
    pub cluster_access: bool,
    /// It has Flux.
    pub flux_installed: bool,
    /// How many manifests there are.
    pub manifests: usize,
    /// Resources of Flux by kind.
    pub flux_resources: BTreeMap<String, usize>,
    /// Folders of the layout.
    pub structure: Vec<String>,
    /// Clusters there are roots for.
    pub clusters: Vec<String>,
    /// Folders of Helm charts.
    pub helm_charts: Vec<String>,
    /// What pipelines there are.
    pub pipelines: Vec<String>,
    /// What is worth knowing, and what could be better.
    pub notes: Vec<String>,
}

/// Looks at a folder. The cluster is looked at apart, because it may not answer.
///
/// # Errors
/// Where the folder cannot be read.
pub fn analyse(dir: &Path, environment: &Environment) -> Result<Project, ContextError> {
    let reading = Reading::of(dir, environment)?;
    let tree = reading.tree();
    let known = reading.knowledge();
    let mut project = Project { manifests: tree.objects().count(), ..Project::default() };
    for object in tree.objects().filter(|object| object.group.ends_with(".fluxcd.io")) {
        *project.flux_resources.entry(object.kind.to_owned()).or_default() += 1;
    }
    let paths: Vec<&str> = tree.below("").collect();
    project.has_kubernetes_configs = project.manifests > 0;
    project.has_flux_resources = !project.flux_resources.is_empty();
    let has_folder =
        |name: &&str| paths.iter().any(|path| folder_of(path).split('/').any(|part| part == *name));
    project.structure =
        LAYOUT.iter().filter(|name| has_folder(name)).map(|name| (*name).to_owned()).collect();
    project.gitops_structure_detected = project.structure.len() > 1;
    if project.has_flux_resources {
        project.clusters = known.clusters.iter().map(|cluster| cluster.name.clone()).collect();
    }
    let charts = paths.iter().filter(|path| path.rsplit('/').next() == Some("Chart.yaml"));
    project.helm_charts = charts.map(|path| folder_of(path).to_owned()).collect();
    let pipelines = PIPELINES.iter().filter(|(sign, _)| paths.iter().any(|path| path.starts_with(sign)));
    project.pipelines = pipelines.map(|(_, name)| (*name).to_owned()).collect();
    project.notes = notes(&project, tree, &known);
    Ok(project)
}

/// Asks the cluster of a rwenv whether it is there, and has Flux.
pub(super) async fn look(project: &mut Project, rwenv: Option<&Rwenv>, environment: &Environment) {
    let Some(rwenv) = rwenv else {
        project.notes.push("no rwenv is selected here: no cluster was asked (rwenv set NAME)".to_owned());
        return;
    };
    match Flux::open(rwenv, environment).await {
        Ok(_) => (project.cluster_access, project.flux_installed) = (true, true),
        Err(FluxError::NotInstalled(_)) => project.cluster_access = true,
        Err(error) => {
            project.notes.push(format!("the cluster of rwenv '{}' does not answer: {error}", rwenv.name))
        }
    }
}

fn notes(project: &Project, tree: &Tree, known: &Knowledge<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if project.has_kubernetes_configs && !project.has_flux_resources {
        notes.push(format!(
            "{} manifests, and nothing of Flux applies them: a GitRepository and a Kustomization over their folder would",
            project.manifests
        ));
    }
    for (pipeline, count) in
        project.pipelines.iter().map(|name| (name, project.manifests)).filter(|(_, n)| *n > 0)
    {
        notes.push(format!(
            "{pipeline} runs here beside {count} manifests: see that it does not apply what Git should"
        ));
    }
    let count = |kind: &str, fits: &dyn Fn(&Node) -> bool| {
        let all = tree.objects().filter(|object| object.kind == kind && object.group.ends_with(".fluxcd.io"));
        all.filter(|object| fits(object.node)).count()
    };
    let lacks = |path: &'static [&'static str]| move |node: &Node| node.path(path).is_none();
    for (kind, fits, words) in [
        (
            "Kustomization",
            &lacks(&["spec", "prune"]) as &dyn Fn(&Node) -> bool,
            "Kustomizations do not say prune: what leaves Git stays in the cluster",
        ),
        (
            "Kustomization",
            &|node: &Node| node.str(&["spec", "suspend"]) == Some("true"),
            "Kustomizations are suspended in Git",
        ),
        (
            "HelmRelease",
            &|node: &Node| {
                node.path(&["spec", "upgrade", "remediation"]).is_none()
                    && node.path(&["spec", "upgrade", "strategy"]).is_none()
            },
            "HelmReleases say nothing of failed upgrades (spec.upgrade.remediation)",
        ),
        (
            "Kustomization",
            &|node: &Node| node.get("spec").is_some_and(|spec| spec.get("serviceAccountName").is_some()),
            "Kustomizations apply as an account of their own: tenants",
        ),
        (
            "Kustomization",
            &|node: &Node| node.path(&["spec", "decryption"]).is_some(),
            "Kustomizations decrypt secrets",
        ),
        (
            "Kustomization",
            &|node: &Node| node.path(&["spec", "dependsOn"]).is_some(),
            "Kustomizations wait for others (dependsOn)",
        ),
    ] {
        let count = count(kind, fits);
        if count > 0 {
            notes.push(format!("{count} {words}"));
        }
    }
    if project.has_flux_resources && !project.flux_resources.contains_key("Alert") {
        notes.push("there is no Alert: nobody is told when something fails".to_owned());
    }
    let report = manifest::lint(tree);
    let wrong = report.findings.iter().filter(|finding| finding.level == Level::Error).count();
    let problems = known.problems.len();
    if wrong + problems > 0 {
        notes.push(format!("{wrong} findings of rwenv lint, {problems} problems in what the roots apply (rwenv guide show findings)"));
    }
    notes
}
