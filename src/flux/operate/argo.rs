//! Argo CD's Applications, as the cluster has them: nothing is asked of Argo CD's own server, so that nobody has to log in.

use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde::{Deserialize, Serialize};

use super::FluxError;
use super::tree::{Branch, DEEPEST};
use crate::cluster::Cluster;
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;

const GROUP: &str = "argoproj.io";
const PLURAL: &str = "applications";

/// The Argo CD of a cluster.
pub struct ArgoCd {
    cluster: Cluster,
    resource: ApiResource,
}

/// An Application, as far as its state is of interest (argoproj.io/v1alpha1).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LiveApplication {
    /// Its namespace.
    #[serde(skip_deserializing)]
    pub namespace: String,
    /// Its name.
    #[serde(skip_deserializing)]
    pub name: String,
    /// Its specification.
    #[serde(skip_serializing)]
    spec: ApplicationSpec,
    /// What its controller says of it.
    pub status: ApplicationStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ApplicationSpec {
    project: String,
    source: Option<ApplicationSource>,
    sources: Vec<ApplicationSource>,
    destination: Destination,
}

/// Where an Application comes from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationSource {
    /// The repository.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// Its folder.
    pub path: String,
    /// Its chart.
    pub chart: String,
    /// The branch, tag or version.
    pub target_revision: String,
}

/// Where an Application goes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Destination {
    /// The API of the cluster.
    pub server: String,
    /// The name of the cluster.
    pub name: String,
    /// The namespace.
    pub namespace: String,
}

/// What the controller says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationStatus {
    /// How the cluster stands to the repository.
    pub sync: SyncState,
    /// How what runs is.
    pub health: HealthState,
    /// What it has applied, and how each stands.
    pub resources: Vec<ApplicationResource>,
    /// What is wrong.
    pub conditions: Vec<ApplicationCondition>,
    /// What was synced, oldest first.
    pub history: Vec<Synced>,
    /// The last sync.
    pub operation_state: Option<OperationState>,
}

/// How the cluster stands to the repository.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncState {
    /// `Synced`, `OutOfSync` or `Unknown`.
    pub status: String,
    /// The revision it was compared with.
    pub revision: String,
    /// Those of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
}

/// How what runs is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthState {
    /// `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing` or `Unknown`.
    pub status: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// An object of an Application.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationResource {
    /// Its group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `Synced` or `OutOfSync`.
    pub status: String,
    /// How it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthState>,
    /// It is in the repository no more, and a sync with prune takes it away.
    pub requires_pruning: bool,
}

/// A condition of an Application.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ApplicationCondition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says.
    pub message: String,
}

/// A sync of the past.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Synced {
    /// Its number, for a rollback.
    pub id: i64,
    /// The revision.
    pub revision: String,
    /// When it was done, RFC 3339.
    pub deployed_at: String,
    /// Who began it.
    pub initiated_by: Initiator,
}

/// Who began a sync.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Initiator {
    /// A person.
    pub username: String,
    /// The policy of the Application.
    pub automated: bool,
}

/// The last sync.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OperationState {
    /// `Running`, `Succeeded`, `Failed` …
    pub phase: String,
    /// What came of it.
    pub message: String,
}

impl LiveApplication {
    /// What it is, for people.
    #[must_use]
    pub fn label(&self) -> String {
        format!("Application {}/{}", self.namespace, self.name)
    }

    /// Its project.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.spec.project
    }

    /// Where it goes.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.spec.destination
    }

    /// Where it comes from.
    pub fn sources(&self) -> impl Iterator<Item = &ApplicationSource> {
        self.spec.source.iter().chain(&self.spec.sources)
    }

    /// The objects that are not as the repository has them.
    pub fn out_of_sync(&self) -> impl Iterator<Item = &ApplicationResource> {
        self.status.resources.iter().filter(|one| one.status == "OutOfSync")
    }

    /// True where the cluster is as the repository says, and what runs is well.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.status.sync.status == "Synced"
            && matches!(self.status.health.status.as_str(), "Healthy" | "Suspended")
    }

    fn of(object: DynamicObject) -> Self {
        let (namespace, name) = (object.metadata.namespace, object.metadata.name);
        let read: Self = serde_json::from_value(object.data).unwrap_or_default();
        Self { namespace: namespace.unwrap_or_default(), name: name.unwrap_or_default(), ..read }
    }
}

impl ArgoCd {
    /// Connects to the cluster of a rwenv.
    ///
    /// # Errors
    /// Where it cannot be asked, or has no Applications.
    pub async fn open(rwenv: &Rwenv, environment: &Environment) -> Result<Self, FluxError> {
        let cluster = Cluster::of(rwenv, environment).await?;
        let versions = cluster.versions(environment).await?;
        let version = versions.get(&format!("{PLURAL}.{GROUP}"));
        let version = version.ok_or_else(|| FluxError::NotFound {
            what: format!("Argo CD in the cluster at {}", cluster.server()),
            near: ": its kind Application does not exist".to_owned(),
        })?;
        let gvk = GroupVersionKind::gvk(GROUP, version, "Application");
        let resource = ApiResource::from_gvk_with_plural(&gvk, PLURAL);
        Ok(Self { cluster, resource })
    }

    /// The Applications of one namespace or all, and of one name where that is given.
    ///
    /// # Errors
    /// Where the cluster does not answer, or refuses to.
    pub async fn list(
        &self,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Result<Vec<LiveApplication>, FluxError> {
        let client = self.cluster.client();
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &self.resource),
            None => Api::all_with(client, &self.resource),
        };
        let field_selector = name.map(|name| format!("metadata.name={name}"));
        let which = ListParams { field_selector, ..ListParams::default() };
        let all = self.cluster.list(&api, which, PLURAL).await?.unwrap_or_default();
        Ok(all.into_iter().map(LiveApplication::of).collect())
    }

    /// One Application.
    ///
    /// # Errors
    /// Where there is none of the name, or several; or the cluster does not answer.
    pub async fn one(&self, name: &str, namespace: Option<&str>) -> Result<LiveApplication, FluxError> {
        let mut found = self.list(namespace, Some(name)).await?;
        if found.len() > 1 {
            let all = found.iter().map(|one| format!("{} -n {}", one.name, one.namespace)).collect();
            return Err(FluxError::Several { name: name.to_owned(), all });
        }
        if let Some(one) = found.pop() {
            return Ok(one);
        }
        let all = self.list(None, None).await.unwrap_or_default();
        let close = |one: &&LiveApplication| strsim::jaro_winkler(&one.name, name) > 0.85;
        let near: Vec<String> = all.iter().filter(close).take(3).map(LiveApplication::label).collect();
        let near =
            if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
        Err(FluxError::NotFound { what: format!("Application '{name}'"), near })
    }

    /// What an Application has applied, and what the Applications among that have.
    ///
    /// # Errors
    /// Where the cluster does not answer.
    pub async fn tree(&self, application: &LiveApplication) -> Result<Branch, FluxError> {
        let all = self.list(None, None).await?;
        Ok(grown(application, &all, 0))
    }
}

fn grown(application: &LiveApplication, all: &[LiveApplication], depth: usize) -> Branch {
    let branch = |one: &ApplicationResource| {
        let is = |known: &&LiveApplication| known.name == one.name && known.namespace == one.namespace;
        let below = all.iter().find(is).filter(|_| one.kind == "Application" && one.group == GROUP);
        let own = |below: &&LiveApplication| below.label() != application.label() && depth < DEEPEST;
        match below.filter(own) {
            Some(below) => grown(below, all, depth + 1),
            None => {
                let [kind, namespace, name] = [&one.kind, &one.namespace, &one.name].map(Clone::clone);
                Branch { kind, namespace, name, applied: Vec::new() }
            }
        }
    };
    let mut applied: Vec<Branch> = application.status.resources.iter().map(branch).collect();
    applied.sort_by(|a, b| (&a.kind, &a.namespace, &a.name).cmp(&(&b.kind, &b.namespace, &b.name)));
    let (namespace, name) = (application.namespace.clone(), application.name.clone());
    Branch { kind: "Application".to_owned(), namespace, name, applied }
}
