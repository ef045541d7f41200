//! What was done under a person's grants, from the records of it: the grants, each use, and the objects that were named.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::rwenvs::unknown;
use crate::guard::Request;
use rwenv_core::decide::{self, kind_named};
use rwenv_core::model::{Context, Effect};
use rwenv_flux::cluster::{Cluster, HandChanges, by_hand};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::FileError;
use rwenv_gate::facts::{self, config};
use rwenv_gate::ledger::audit::{self, AuditEntry};

/// A grant, as the log has it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewedGrant {
    /// Its name.
    pub id: String,
    /// When it was made, RFC 3339 in UTC.
    pub made: String,
    /// How and when it ended; none while it counts.
    pub ended: Option<String>,
    /// Who made it.
    pub person: String,
    /// What for, in their words.
    pub reason: String,
    /// The rwenvs it counts in.
    pub rwenvs: Vec<String>,
    /// What it opened.
    pub what: String,
}

/// Something that passed by a grant.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewedUse {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// The grant.
    pub grant: String,
    /// The entry point.
    pub door: String,
    /// The rwenvs.
    pub rwenvs: Vec<String>,
    /// The command, or the request.
    pub command: String,
}

/// An object that a use named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TouchedObject {
    /// The rwenv.
    pub rwenv: String,
    /// Its kind, as manifests write it.
    pub kind: String,
    /// Its namespace, where it is said.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// All that was done under grants.
#[derive(Clone, Debug, Default)]
pub struct GrantReview {
    /// The grants, the oldest first.
    pub grants: Vec<ReviewedGrant>,
    /// What passed by them.
    pub uses: Vec<ReviewedUse>,
    /// The objects that were changed, or may be, with the time of the grant.
    pub objects: BTreeMap<TouchedObject, String>,
}

/// Reads the log: grants since a time (RFC 3339 in UTC), of one rwenv or of all.
///
/// # Errors
/// Where a file of it cannot be read.
pub fn read(rwenv: Option<&str>, since: &str, environment: &Environment) -> Result<GrantReview, FileError> {
    let mut review = GrantReview::default();
    let wanted =
        |entry: &AuditEntry| entry.time.as_str() >= since && rwenv.is_none_or(|name| entry.concerns(name));
    audit::entries(environment, |entry| {
        if wanted(&entry) {
            review.take(&entry, Some(environment));
        }
    })?;
    Ok(review)
}

impl GrantReview {
    /// Takes a record in. Which objects a use named is only known in the environment it ran in.
    pub(super) fn take(&mut self, entry: &AuditEntry, environment: Option<&Environment>) {
        if let Some(id) = &entry.grant {
            if entry.event == "granted" {
                self.grants.push(ReviewedGrant {
                    id: id.clone(),
                    made: entry.time.clone(),
                    ended: None,
                    person: entry.person.clone().unwrap_or_default(),
                    reason: entry.reason.clone().unwrap_or_default(),
                    rwenvs: entry.rwenvs.clone(),
                    what: entry.detail.trim_start_matches(id.as_str()).trim_start().to_owned(),
                });
            } else if let Some(grant) = self.grants.iter_mut().rev().find(|grant| grant.id == *id) {
                grant.ended = Some(format!("{} {}", entry.event, entry.time));
            }
            return;
        }
        let Some(said) = entry.reasons.iter().find(|said| said.grant.is_some()) else { return };
        let id = said.grant.clone().unwrap_or_default();
        let made = self.grants.iter().rev().find(|grant| grant.id == id).map(|grant| grant.made.clone());
        let named = environment.map(|environment| named(entry, environment)).unwrap_or_default();
        for (kind, namespace, name) in named {
            let Some(rwenv) = said.rwenv.clone() else { continue };
            let object = TouchedObject { rwenv, kind, namespace, name };
            self.objects.entry(object).or_insert_with(|| made.clone().unwrap_or_else(|| entry.time.clone()));
        }
        self.uses.push(ReviewedUse {
            time: entry.time.clone(),
            grant: id,
            door: entry.door.clone(),
            rwenvs: entry.rwenvs.clone(),
            command: entry.command.clone(),
        });
    }
}

/// What of an object is so by hand, or why that is not known.
#[derive(Debug)]
pub struct FoundObject {
    /// The object.
    pub object: TouchedObject,
    /// What is so by hand.
    pub found: Result<HandChanges, String>,
}

impl FoundObject {
    /// The object, as it is told to people.
    #[must_use]
    pub fn title(&self) -> String {
        let TouchedObject { rwenv, kind, namespace, name } = &self.object;
        let place = namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        format!("{kind} {place}{name} of rwenv '{rwenv}'")
    }

    /// True where something of it is so by hand.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.found.as_ref().is_ok_and(|changes| !changes.fields.is_empty() || !changes.others.is_empty())
    }

    /// What is to be said of it; none where nothing of it is by hand.
    #[must_use]
    pub fn says(&self) -> Option<String> {
        let title = self.title();
        match &self.found {
            Err(why) => Some(format!("{title}: {why}")),
            Ok(changes) if self.differs() => {
                let fields =
                    changes.fields.iter().map(|field| format!("{} = {}", field.title(), field.value));
                let all: Vec<String> = fields.chain(changes.others.iter().cloned()).collect();
                Some(format!("{title}: {} by hand", all.join(", ")))
            }
            Ok(_) => None,
        }
    }
}

/// Asks the clusters what of the objects is so by hand.
#[must_use]
pub fn look(review: &GrantReview, environment: &Environment) -> Vec<FoundObject> {
    if review.objects.is_empty() {
        return Vec::new();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let rwenvs = config::rwenvs(&environment.config_dir);
    let mut clusters: BTreeMap<String, Result<Cluster, String>> = BTreeMap::new();
    let mut asked = |object: &TouchedObject, made: &str| {
        let runtime = runtime.as_ref().map_err(ToString::to_string)?;
        let cluster = clusters.entry(object.rwenv.clone()).or_insert_with(|| {
            let names = rwenvs.all.iter().map(|rwenv| rwenv.name.as_str());
            let rwenv = rwenvs.get(&object.rwenv).ok_or_else(|| unknown(&object.rwenv, names))?;
            runtime.block_on(Cluster::of(rwenv, environment)).map_err(|error| error.to_string())
        });
        let cluster = cluster.as_ref().map_err(Clone::clone)?;
        let place = (object.namespace.as_deref(), object.name.as_str());
        match runtime.block_on(by_hand(cluster, &object.kind, place, made)) {
            Ok(Some(changes)) => Ok(changes),
            Ok(None) => Err("it is not in the cluster any more".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    let found = |(object, made): (&TouchedObject, &String)| FoundObject {
        object: object.clone(),
        found: asked(object, made),
    };
    review.objects.iter().map(found).collect()
}

/// Kind, namespace and name of what a use changes.
fn named(entry: &AuditEntry, environment: &Environment) -> Vec<(String, Option<String>, String)> {
    if entry.door == "guard" {
        return requested(&entry.command).into_iter().collect();
    }
    let context = Context { cwd: entry.cwd.clone(), ..facts::context(Some(entry.cwd.as_str()), environment) };
    let plan = decide::plan(&entry.command, &context);
    let mut all = Vec::new();
    for operation in plan.planned.iter().map(|planned| &planned.operation) {
        if !matches!(operation.effect, Effect::ClusterWrite | Effect::DataWrite) {
            continue;
        }
        let target = &operation.target;
        for kind in target.kinds.iter().filter_map(|kind| kind_named(kind)) {
            for name in target.names.iter().filter(|name| !name.contains(['…', '*'])) {
                all.push((kind.to_owned(), target.namespace.clone(), name.clone()));
            }
        }
    }
    all
}

/// The same of a request to the API that changes something.
fn requested(line: &str) -> Option<(String, Option<String>, String)> {
    let (method, target) = line.split_once(' ')?;
    let resource = Request::read(method, target).ok()?.resource?;
    let kind = kind_named(&format!("{}.{}", resource.name, resource.group))?.to_owned();
    // The path of a namespace itself reads as one in it.
    let namespace = resource.namespace.filter(|_| kind != "Namespace");
    Some((kind, namespace, resource.object?))
}
