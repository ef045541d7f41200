//! The policy as RBAC enforces it: an identity of its own for agents, with every verb and every part of a resource listed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::agents::AgentSubjects;
use super::rows::{ApiRow, JudgedApi};
use crate::guard::PolicyAnswer;

/// The order in which verbs are written.
const ORDER: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// What the identity is given beside what it may read and change by the policy alone, where admission holds the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RbacWish {
    /// Admission is exported as well: patches that are less than a change can be told apart there.
    pub admission: bool,
    /// The verbs of dry runs, which admission keeps dry.
    pub dry_runs: bool,
}

/// Verbs by group and resource.
type Granted = BTreeMap<(String, String), BTreeSet<String>>;

/// True for a verb that the identity gets.
#[must_use]
pub fn is_granted(row: &ApiRow, api: &JudgedApi, wish: RbacWish) -> bool {
    let form =
        || row.verb == "patch" && api.forms.iter().any(|form| form.allowed.contains(&row.resource.title()));
    row.answer == PolicyAnswer::Allowed
        || (wish.admission && form())
        || (wish.admission && wish.dry_runs && row.dry == Some(PolicyAnswer::Allowed))
}

fn granted(api: &JudgedApi, wish: RbacWish, which: impl Fn(&ApiRow) -> bool) -> Granted {
    let mut all = Granted::new();
    for row in api.rows.iter().filter(|row| which(row) && is_granted(row, api, wish)) {
        let of = (row.resource.group.clone(), row.resource.name.clone());
        all.entry(of).or_default().insert(row.verb.clone());
    }
    all
}

/// Rules of a role: resources of a group that have the same verbs stand together.
fn rules(granted: &Granted) -> Vec<Value> {
    let mut all: BTreeMap<(&str, Vec<&str>), Vec<&str>> = BTreeMap::new();
    for ((group, name), verbs) in granted {
        let verbs = ORDER.into_iter().filter(|verb| verbs.contains(*verb)).collect();
        all.entry((group, verbs)).or_default().push(name);
    }
    let each = all
        .into_iter()
        .map(|((group, verbs), names)| json!({ "apiGroups": [group], "resources": names, "verbs": verbs }));
    each.collect()
}

fn account(agents: &AgentSubjects) -> Vec<Value> {
    let (namespace, name) = &agents.account;
    vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": agents.metadata(namespace, None) }),
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": agents.metadata(name, Some(namespace)),
            "automountServiceAccountToken": false,
        }),
    ]
}

fn subjects(agents: &AgentSubjects) -> Vec<Value> {
    let (namespace, name) = &agents.account;
    let account = json!({ "kind": "ServiceAccount", "name": name, "namespace": namespace });
    let group =
        |name: &String| json!({ "kind": "Group", "name": name, "apiGroup": "rbac.authorization.k8s.io" });
    std::iter::once(account).chain(agents.groups.iter().map(group)).collect()
}

fn bound(agents: &AgentSubjects, namespace: Option<&str>, rules: &[Value]) -> [Value; 2] {
    let name = agents.object();
    let (role, binding) =
        if namespace.is_some() { ("Role", "RoleBinding") } else { ("ClusterRole", "ClusterRoleBinding") };
    [
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": role,
            "metadata": agents.metadata(&name, namespace), "rules": rules,
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": binding,
            "metadata": agents.metadata(&name, namespace),
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name },
            "subjects": subjects(agents),
        }),
    ]
}

/// The identity with its rights: in the whole cluster, or in some namespaces beside what is in none.
#[must_use]
pub fn rbac(agents: &AgentSubjects, api: &JudgedApi, namespaces: &[String], wish: RbacWish) -> Vec<Value> {
    let whole = namespaces.is_empty();
    let mut cluster = rules(&granted(api, wish, |row| whole || row.resource.cluster));
    let paths: Vec<&str> =
        api.paths.iter().filter(|(_, read)| *read).map(|(path, _)| path.as_str()).collect();
    cluster.push(json!({ "nonResourceURLs": paths, "verbs": ["get"] }));
    let mut all = account(agents);
    all.extend(bound(agents, None, &cluster));
    for namespace in namespaces {
        let rules = rules(&granted(api, wish, |row| !row.resource.cluster));
        all.extend(bound(agents, Some(namespace), &rules));
    }
    all
}
