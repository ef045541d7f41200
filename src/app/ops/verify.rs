//! Whether a cluster enforces what the policy of a rwenv says: for every request that is known, what the policy says beside what the
//! cluster lets the agents' identity do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::export::rows::{self, ApiRow, JudgedApi};
use super::export::{ExportTarget, ExportWish, written};
use super::rights::{NAMESPACES, RoleRule, kubectl, reviewed};
use crate::guard::PolicyAnswer;
use rwenv_core::model::{Decision, Rwenv};
use rwenv_flux::cluster::Cluster;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::redact::redact;

/// How cluster and policy stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforced {
    /// The cluster lets agents do what the policy denies.
    Looser,
    /// The cluster denies what the policy allows.
    Stricter,
    /// RBAC grants it, and the admission policy that is exported denies what goes too far.
    Admission,
    /// Both say the same.
    Same,
}

/// Verbs of a resource of which policy and cluster say the same things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedRow {
    /// The resource with its part; a dry run and admission have rows of their own.
    pub name: String,
    /// The verbs.
    pub verbs: Vec<String>,
    /// `allowed`, `asked` or `denied`, with the rule.
    pub policy: String,
    /// What the cluster does.
    pub cluster: String,
    /// What that comes to.
    pub enforced: Enforced,
}

/// What of the exported admission policy is in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdmissionStanding {
    /// It is there as it would be exported now, and bound.
    AsExported,
    /// It is there, and differs: in what.
    Differs(String),
    /// It is not there.
    Missing,
    /// The person's credentials do not show it: why.
    Unknown(String),
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct VerifiedPolicy {
    /// The admission policy.
    pub admission: AdmissionStanding,
    /// Every request that is known.
    pub rows: Vec<VerifiedRow>,
}

impl VerifiedPolicy {
    /// How many requests stand so, by verb.
    #[must_use]
    pub fn count(&self, enforced: Enforced) -> usize {
        self.rows.iter().filter(|row| row.enforced == enforced).map(|row| row.verbs.len()).sum()
    }
}

fn said(answer: &PolicyAnswer) -> String {
    match answer {
        PolicyAnswer::Allowed => "allowed".to_owned(),
        PolicyAnswer::Masked => "allowed, masked".to_owned(),
        PolicyAnswer::Refused(reason) if reason.decision == Decision::Ask => {
            format!("asked [{}]", reason.rule)
        }
        PolicyAnswer::Refused(reason) => format!("denied [{}]", reason.rule),
    }
}

/// The rights of an identity, by namespace.
type Rights = Vec<(String, Vec<RoleRule>)>;

fn rights(of: (&Path, &str), namespaces: &[String], environment: &Environment) -> Result<Rights, String> {
    let usual = NAMESPACES.map(str::to_owned);
    let asked = if namespaces.is_empty() { usual.as_slice() } else { namespaces };
    let each = asked.iter().map(|namespace| {
        let rights = reviewed(of, namespace, environment)?;
        if rights.incomplete {
            return Err(format!(
                "the cluster does not tell all rights (the review of {namespace} is incomplete)"
            ));
        }
        Ok((namespace.clone(), rights.resource_rules))
    });
    each.collect()
}

/// What the cluster grants: nothing, everywhere, or in some namespaces; and whether it is for some objects alone.
fn granted(rights: &Rights, row: &ApiRow) -> String {
    let (verb, group, name) = (&row.verb, &row.resource.group, &row.resource.name);
    let grants = |rule: &&RoleRule| rule.grants(verb, group, name);
    let wide: Vec<&str> = rights
        .iter()
        .filter(|(_, rules)| rules.iter().filter(grants).any(|rule| rule.resource_names.is_empty()))
        .map(|(namespace, _)| namespace.as_str())
        .collect();
    let some = rights.iter().any(|(_, rules)| rules.iter().any(|rule| grants(&rule)));
    match (wide.len(), some) {
        (0, false) => "denied".to_owned(),
        (0, true) => "granted for some objects".to_owned(),
        (all, _) if all == rights.len() => "granted".to_owned(),
        _ => format!("granted in {}", wide.join(", ")),
    }
}

fn standing(row: &ApiRow, cluster: &str, admission: bool) -> Enforced {
    let allowed = row.answer == PolicyAnswer::Allowed;
    match (allowed, cluster) {
        (true, "granted") | (false, "denied") => Enforced::Same,
        (true, _) => Enforced::Stricter,
        // What a Secret's answer shows, admission does not keep.
        (false, _) if row.answer == PolicyAnswer::Masked => Enforced::Looser,
        (false, _) if admission && row.operation().is_some() => Enforced::Admission,
        (false, _) => Enforced::Looser,
    }
}

/// Rows of what is granted that no table names.
fn beyond(rights: &Rights, api: &JudgedApi, admission: bool) -> Vec<VerifiedRow> {
    let known: BTreeSet<String> = api.rows.iter().map(|row| row.resource.title()).collect();
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rule in rights.iter().flat_map(|(_, rules)| rules) {
        for (group, name) in
            rule.api_groups.iter().flat_map(|group| rule.resources.iter().map(move |name| (group, name)))
        {
            let title = format!("{group}/{name}");
            if !known.contains(&title) {
                all.entry(title).or_default().extend(rule.verbs.iter().cloned());
            }
        }
    }
    let reads = |verb: &String| matches!(verb.as_str(), "get" | "list" | "watch");
    let changes = api.unknown.iter().find(|row| row.sort == "UPDATE object").map(|row| &row.answer);
    let row = |(title, verbs): (String, BTreeSet<String>)| {
        let more: Vec<String> =
            verbs.into_iter().filter(|verb| !reads(verb) || title.contains('*')).collect();
        let answer = changes.filter(|answer| **answer != PolicyAnswer::Allowed)?;
        (!more.is_empty()).then(|| VerifiedRow {
            name: title.trim_start_matches('/').to_owned(),
            verbs: more,
            policy: said(answer),
            cluster: "granted".to_owned(),
            enforced: if admission && !title.contains('*') { Enforced::Admission } else { Enforced::Looser },
        })
    };
    all.into_iter().filter_map(row).collect()
}

/// The server's own word: a dry run of a creation, sent with the agents' identity.
fn dry_run(of: (&Path, &str), api: &JudgedApi, environment: &Environment) -> Option<VerifiedRow> {
    let row = api.rows.iter().find(|row| row.resource.title() == "/configmaps" && row.verb == "create")?;
    let answer = row.dry.as_ref()?;
    let object = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"rwenv-verify-","namespace":"default"}}"#;
    let arguments = ["create", "--dry-run=server", "-o", "name", "-f", "-"];
    let told = kubectl(of, &arguments, object, environment).ok()?;
    let (passes, allowed) = (told.success, *answer == PolicyAnswer::Allowed);
    let enforced = match (passes, allowed) {
        (true, false) => Enforced::Looser,
        (false, true) => Enforced::Stricter,
        _ => Enforced::Same,
    };
    Some(VerifiedRow {
        name: "configmaps, as a dry run".to_owned(),
        verbs: vec!["create".to_owned()],
        policy: said(answer),
        cluster: if passes { "passes".to_owned() } else { "denied".to_owned() },
        enforced,
    })
}

/// Where an object of the cluster's says something else than what is exported; what the server adds does not count.
fn difference(wanted: &Value, there: &Value, at: &str) -> Option<String> {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => wanted.iter().find_map(|(key, value)| {
            difference(value, there.get(key).unwrap_or(&Value::Null), &format!("{at}.{key}"))
        }),
        (Value::Array(wanted), Value::Array(there)) if wanted.len() == there.len() => {
            let each = wanted.iter().zip(there).enumerate();
            each.into_iter().find_map(|(n, (wanted, there))| difference(wanted, there, &format!("{at}[{n}]")))
        }
        _ => (wanted != there).then(|| at.to_owned()),
    }
}

/// What of the exported admission policy is in the cluster, as the person's credentials show it.
fn admission(rwenv: &Rwenv, exported: &[Value], environment: &Environment) -> AdmissionStanding {
    let place = match Cluster::place(rwenv, environment) {
        Ok(place) => place,
        Err(error) => return AdmissionStanding::Unknown(error.to_string()),
    };
    for object in exported {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (kind, name) = (text("/kind").to_lowercase(), text("/metadata/name"));
        let arguments = ["get", &kind, name, "-o", "json", "--ignore-not-found"];
        let told = match kubectl((&place.0, &place.1), &arguments, "", environment) {
            Ok(told) if told.success => told,
            Ok(told) => {
                return AdmissionStanding::Unknown(redact(told.stderr.lines().last().unwrap_or_default()));
            }
            Err(why) => return AdmissionStanding::Unknown(why),
        };
        if told.stdout.trim().is_empty() {
            return AdmissionStanding::Missing;
        }
        let there: Value = serde_json::from_str(&told.stdout).unwrap_or_default();
        let (wanted, spec) = (object.get("spec"), there.get("spec"));
        let nothing = Value::Null;
        let differs = difference(wanted.unwrap_or(&nothing), spec.unwrap_or(&nothing), "spec");
        // What narrows it is not exported, so that it must not be there.
        let narrowed =
            ["/spec/matchResources", "/spec/paramRef", "/spec/matchConstraints/excludeResourceRules"];
        let narrowed =
            narrowed.into_iter().find(|path| there.pointer(path).is_some_and(|value| !value.is_null()));
        let selected = ["/spec/matchConstraints/namespaceSelector", "/spec/matchConstraints/objectSelector"];
        let selected = selected.into_iter().find(|path| {
            there.pointer(path).and_then(Value::as_object).is_some_and(|fields| !fields.is_empty())
        });
        let more = narrowed.or(selected).map(|path| path.trim_start_matches('/').replace('/', "."));
        if let Some(at) = differs.or(more) {
            return AdmissionStanding::Differs(format!("{kind} {name}: {at}"));
        }
    }
    AdmissionStanding::AsExported
}

/// Compares the policy of a rwenv with what its cluster lets an identity do; `of` is the identity's kubeconfig, and its context.
///
/// # Errors
/// Where the policy cannot be read, or the cluster does not answer.
pub fn verified(
    rwenv: &Rwenv,
    of: (&Path, &str),
    wish: &ExportWish,
    environment: &Environment,
) -> Result<VerifiedPolicy, String> {
    let unread = |refusal: crate::guard::Refusal| refusal.why;
    let api = rows::judged(rwenv, &wish.more, environment).map_err(unread)?;
    let namespaces = rows::by_namespace(rwenv, &wish.more, environment).map_err(unread)?;
    let targets = vec![ExportTarget::ValidatingAdmissionPolicy];
    let exported = written(rwenv, &ExportWish { targets, ..wish.clone() }, (&api, &namespaces));
    let objects: Vec<Value> = exported.into_iter().flat_map(|one| one.objects).collect();
    let admission = admission(rwenv, &objects, environment);
    let holds = admission == AdmissionStanding::AsExported;
    let rights = rights(of, &wish.namespaces, environment)?;
    let mut all: Vec<VerifiedRow> = Vec::new();
    for row in &api.rows {
        let cluster = granted(&rights, row);
        let enforced = standing(row, &cluster, holds);
        let name = row.resource.title().trim_start_matches('/').to_owned();
        let policy = said(&row.answer);
        let same = |known: &&mut VerifiedRow| {
            known.name == name
                && known.policy == policy
                && known.cluster == cluster
                && known.enforced == enforced
        };
        match all.iter_mut().rev().take(8).find(same) {
            Some(known) => known.verbs.push(row.verb.clone()),
            None => all.push(VerifiedRow { name, verbs: vec![row.verb.clone()], policy, cluster, enforced }),
        }
    }
    all.extend(beyond(&rights, &api, holds));
    all.extend(dry_run(of, &api, environment));
    Ok(VerifiedPolicy { admission, rows: all })
}
