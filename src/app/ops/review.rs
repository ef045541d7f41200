//! What was done under a person's grants, from the records of it: the grants, each use, and the objects that were named.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::guard::Request;
use rwenv_core::decide::{self, kind_named};
use rwenv_core::model::{Context, Effect};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::FileError;
use rwenv_gate::facts;
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
            take(&mut review, &entry, environment);
        }
    })?;
    Ok(review)
}

fn take(review: &mut GrantReview, entry: &AuditEntry, environment: &Environment) {
    if let Some(id) = &entry.grant {
        if entry.event == "granted" {
            review.grants.push(ReviewedGrant {
                id: id.clone(),
                made: entry.time.clone(),
                ended: None,
                person: entry.person.clone().unwrap_or_default(),
                reason: entry.reason.clone().unwrap_or_default(),
                rwenvs: entry.rwenvs.clone(),
                what: entry.detail.trim_start_matches(id.as_str()).trim_start().to_owned(),
            });
        } else if let Some(grant) = review.grants.iter_mut().rev().find(|grant| grant.id == *id) {
            grant.ended = Some(format!("{} {}", entry.event, entry.time));
        }
        return;
    }
    let Some(said) = entry.reasons.iter().find(|said| said.grant.is_some()) else { return };
    let id = said.grant.clone().unwrap_or_default();
    let made = review.grants.iter().rev().find(|grant| grant.id == id).map(|grant| grant.made.clone());
    let of_rwenv = said.rwenv.clone();
    for (kind, namespace, name) in named(entry, environment) {
        let Some(rwenv) = of_rwenv.clone() else { continue };
        let object = TouchedObject { rwenv, kind, namespace, name };
        review.objects.entry(object).or_insert_with(|| made.clone().unwrap_or_else(|| entry.time.clone()));
    }
    review.uses.push(ReviewedUse {
        time: entry.time.clone(),
        grant: id,
        door: entry.door.clone(),
        rwenvs: entry.rwenvs.clone(),
        command: entry.command.clone(),
    });
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
