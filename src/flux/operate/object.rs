//! An object of Flux, as far as its state is of interest; read leniently, since every version of every kind comes here.

use kube::api::DynamicObject;
use serde::{Deserialize, Serialize};

use super::Kind;
use rwenv_gate::wire::daemon::FluxRow;

/// The annotation that asks for a reconciliation (fluxcd/pkg/apis/meta).
pub(super) const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

/// A condition (meta/v1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// When it changed.
    pub last_transition_time: String,
    /// The generation of the object that it is about.
    #[serde(skip_serializing)]
    pub observed_generation: i64,
}

/// Another object that is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectReference {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace; empty where it is the same.
    pub namespace: String,
}

impl ObjectReference {
    /// Its namespace, where it is named in one.
    #[must_use]
    pub fn place<'o>(&'o self, own: &'o str) -> &'o str {
        if self.namespace.is_empty() { own } else { &self.namespace }
    }
}

/// An object that a Kustomization has applied: `<namespace>_<name>_<group>_<kind>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Applied {
    /// Its identity.
    pub id: String,
    /// Its version.
    pub v: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ObjectSpec {
    suspend: bool,
    path: String,
    url: String,
    source_ref: ObjectReference,
    chart_ref: ObjectReference,
    chart: Option<Chart>,
    #[serde(rename = "ref")]
    reference: GitReference,
    depends_on: Vec<ObjectReference>,
    prune: bool,
}

/// What a GitRepository follows; what stands further below wins (source-controller, `GitRepositoryRef`).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GitReference {
    branch: String,
    tag: String,
    semver: String,
    name: String,
    commit: String,
}

impl GitReference {
    /// The branch; none where it follows something else.
    fn branch(self) -> Option<String> {
        if let Some(name) = self.name.strip_prefix("refs/heads/") {
            return Some(name.to_owned());
        }
        let other = [self.tag, self.semver, self.name, self.commit].iter().any(|other| !other.is_empty());
        // Flux's own default.
        let branch = if self.branch.is_empty() { "master".to_owned() } else { self.branch };
        (!other).then_some(branch)
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Chart {
    /// A HelmRelease's.
    Template { spec: SourcedChart },
    /// A HelmChart's name.
    Name(#[expect(dead_code, reason = "only its shape tells")] String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SourcedChart {
    source_ref: ObjectReference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ObjectStatus {
    conditions: Vec<Condition>,
    observed_generation: i64,
    last_handled_reconcile_at: Option<String>,
    last_applied_revision: String,
    last_attempted_revision: String,
    artifact: Artifact,
    inventory: Inventory,
    history: Vec<Release>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Artifact {
    revision: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inventory {
    entries: Vec<Applied>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Release {
    chart_version: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ObjectFields {
    spec: ObjectSpec,
    status: ObjectStatus,
}

/// An object and its state.
#[derive(Clone, Debug)]
pub struct LiveObject {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// It is suspended.
    pub suspended: bool,
    /// What its controller says of it.
    pub conditions: Vec<Condition>,
    /// The controller has seen its latest change.
    pub observed: bool,
    /// The last request to reconcile that was handled.
    pub handled: Option<String>,
    /// The revision it is at.
    pub revision: String,
    /// The folder a Kustomization applies.
    pub path: String,
    /// Where a source comes from.
    pub url: String,
    /// The branch that a GitRepository follows.
    pub branch: Option<String>,
    /// The source it uses.
    pub source: Option<ObjectReference>,
    /// What it waits for.
    pub depends_on: Vec<ObjectReference>,
    /// What it has applied.
    pub inventory: Vec<Applied>,
    /// What is gone from the source is taken from the cluster.
    pub prune: bool,
}

impl LiveObject {
    /// Reads an object; what is of another shape than Flux gives it counts as not there.
    #[must_use]
    pub fn of(kind: &'static Kind, object: DynamicObject) -> Self {
        let generation = object.metadata.generation.unwrap_or_default();
        let namespace = object.metadata.namespace.unwrap_or_default();
        let ObjectFields { spec, status } = serde_json::from_value(object.data).unwrap_or_default();
        let template = match spec.chart {
            Some(Chart::Template { spec }) => spec.source_ref,
            _ => ObjectReference::default(),
        };
        // What has failed is not called observed as a whole (kustomize-controller, `finalizeStatus`); its condition says so.
        let ready = status.conditions.iter().filter(|condition| condition.kind == "Ready");
        let seen = ready.map(|ready| ready.observed_generation).chain([status.observed_generation]).max();
        let named = [spec.source_ref, spec.chart_ref, template];
        let source = named.into_iter().find(|reference| !reference.name.is_empty());
        let chart =
            status.history.into_iter().next().map(|release| release.chart_version).unwrap_or_default();
        let revisions =
            [status.last_applied_revision, status.artifact.revision, chart, status.last_attempted_revision];
        Self {
            kind,
            name: object.metadata.name.unwrap_or_default(),
            suspended: spec.suspend,
            observed: seen.unwrap_or_default() >= generation,
            conditions: status.conditions,
            handled: status.last_handled_reconcile_at,
            revision: revisions.into_iter().find(|revision| !revision.is_empty()).unwrap_or_default(),
            path: spec.path,
            url: spec.url,
            branch: if kind.name == "GitRepository" { spec.reference.branch() } else { None },
            source: source.map(|source| ObjectReference {
                namespace: if source.namespace.is_empty() { namespace.clone() } else { source.namespace },
                ..source
            }),
            depends_on: spec.depends_on,
            inventory: status.inventory.entries,
            prune: spec.prune,
            namespace,
        }
    }

    /// How it is, in a row.
    #[must_use]
    pub fn row(&self) -> FluxRow {
        FluxRow {
            kind: self.kind.name.to_owned(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            ready: self.ready().to_owned(),
            suspended: self.suspended,
            revision: self.revision.clone(),
            message: self.message().to_owned(),
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}/{}", self.kind.name, self.namespace, self.name)
    }

    /// How it is named on a command line.
    #[must_use]
    pub fn argument(&self) -> String {
        let word = self.kind.words.get(1).or(self.kind.words.first()).copied().unwrap_or_default();
        let word = if word.contains(' ') { self.kind.plural } else { word };
        format!("{word}/{} -n {}", self.name, self.namespace)
    }

    /// A condition.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// `True`, `False` or `Unknown`; what has no condition is ready where nothing reconciles it.
    #[must_use]
    pub fn ready(&self) -> &str {
        match self.condition("Ready") {
            Some(ready) if self.observed || ready.status == "False" => &ready.status,
            None if !self.kind.reconciles => "True",
            _ => "Unknown",
        }
    }

    /// What its controller says.
    #[must_use]
    pub fn message(&self) -> &str {
        let said = self.condition("Stalled").filter(|stalled| stalled.status == "True");
        said.or_else(|| self.condition("Ready")).map_or("", |condition| &condition.message)
    }
}
