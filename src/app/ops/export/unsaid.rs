//! What an engine cannot be told of a policy, in sentences that stand in what is exported.

use std::collections::BTreeSet;

use super::rows::{ApiRow, JudgedApi};
use super::wish::{ExportTarget, ExportWish};
use crate::guard::PolicyAnswer;
use rwenv_core::model::Decision;

/// The rules of the policy that ask a person, among the answers to these rows.
fn asking(api: &JudgedApi, of: impl Fn(&ApiRow) -> bool) -> BTreeSet<String> {
    let rows = api.rows.iter().filter(|row| of(row)).map(|row| &row.answer);
    let unknown = api.unknown.iter().map(|row| &row.answer);
    let asks = |answer: &PolicyAnswer| match answer {
        PolicyAnswer::Refused(reason) if reason.decision == Decision::Ask => Some(reason.rule.clone()),
        _ => None,
    };
    rows.chain(unknown).filter_map(asks).collect()
}

/// Sentences about what an engine is not told.
#[must_use]
pub(super) fn unsaid(
    target: ExportTarget,
    wish: &ExportWish,
    (api, namespaces): (&JudgedApi, &[(String, JudgedApi)]),
) -> Vec<String> {
    let mut all = vec![
        "Rules about repositories, clouds, machines and this computer are enforced by rwenv's own doors alone.".to_owned(),
    ];
    let asking = asking(api, |row| target == ExportTarget::Rbac || row.operation().is_some());
    if !asking.is_empty() {
        let rules = asking.into_iter().collect::<Vec<_>>().join(", ");
        all.push(format!("A cluster asks nobody: what these rules ask a person about is denied: {rules}."));
    }
    if !api.runs.is_empty() && api.runs.len() < rwenv_core::policy::API.run.len() {
        let runs = api.runs.join(", ");
        all.push(format!(
            "The policy allows some programs in pods ({runs}). Here pods/exec is denied whole: which words only read is known to rwenv alone."
        ));
    }
    all.extend(undoes(api));
    match target {
        ExportTarget::Rbac => rbac(wish, api, namespaces, &mut all),
        _ => admission(target, &mut all),
    }
    all
}

/// What the policy allows by which an identity gets further than its rows say.
fn undoes(api: &JudgedApi) -> Vec<String> {
    let may = |title: &str, verbs: &[&str]| {
        api.rows.iter().any(|row| {
            row.resource.title() == title
                && verbs.contains(&row.verb.as_str())
                && row.answer == PolicyAnswer::Allowed
        })
    };
    let mut all = Vec::new();
    if may("admissionregistration.k8s.io/validatingadmissionpolicybindings", &["update", "patch", "delete"]) {
        all.push(
            "By this policy agents may change admission and rights themselves, and so undo what is exported."
                .to_owned(),
        );
    }
    if may("/pods", &["create"]) {
        all.push("Who may create pods reads the Secrets that they mount.".to_owned());
    }
    all
}

fn rbac(wish: &ExportWish, api: &JudgedApi, namespaces: &[(String, JudgedApi)], all: &mut Vec<String>) {
    all.push(
        "Names of Secrets without their values, what kubectl describes of them, and helm's release records: RBAC cannot tell them from the values, so that no verb of secrets is granted that shows one."
            .to_owned(),
    );
    let masked: Vec<String> = api
        .rows
        .iter()
        .filter(|row| row.answer == PolicyAnswer::Masked)
        .map(|row| format!("{} {}", row.verb, row.resource.title().trim_start_matches('/')))
        .collect();
    if !masked.is_empty() {
        all.push(format!(
            "The answer to these shows a Secret, which only the API guard masks; they are not granted: {}.",
            masked.join(", ")
        ));
    }
    let dry = api
        .rows
        .iter()
        .any(|row| row.dry == Some(PolicyAnswer::Allowed) && row.answer != PolicyAnswer::Allowed);
    if dry && !wish.dry_runs {
        all.push("Server-side dry runs are allowed by the policy, but RBAC grants the whole verb or nothing: they are denied. --dry-runs together with an admission target grants them.".to_owned());
    } else if dry && wish.rbac().admission {
        all.push("Verbs that change something are granted here for dry runs: only the admission policy of this export keeps them dry. Apply that first, and never without it.".to_owned());
    }
    let forms: Vec<&str> =
        api.forms.iter().filter(|row| !row.allowed.is_empty()).map(|row| row.form.about.as_str()).collect();
    if !forms.is_empty() {
        let forms = forms.join("; ");
        all.push(if wish.rbac().admission {
            format!("patch is granted on some kinds for what is less than a change ({forms}): only the admission policy of this export denies other patches of them.")
        } else {
            format!("Patches that are less than a change are allowed by the policy, but RBAC cannot tell them from others, so that they are denied: {forms}. Export an admission target as well, and they are granted.")
        });
    }
    let patterns: Vec<&str> = namespaces.iter().map(|(pattern, _)| pattern.as_str()).collect();
    if !patterns.is_empty() && wish.namespaces.is_empty() {
        all.push(format!(
            "RBAC only adds rights: rules for some namespaces ({}) are not in it; admission has them for changes.",
            patterns.join(", ")
        ));
    }
    all.push("Kinds that no table names are not granted; --discover adds those of the cluster.".to_owned());
}

fn admission(target: ExportTarget, all: &mut Vec<String>) {
    all.push(
        "Admission sees no reads: objects, logs and values of Secrets are kept by RBAC (--to rbac)."
            .to_owned(),
    );
    all.push(
        "Another program's API (an APIService with a service) has its own admission: RBAC alone keeps it."
            .to_owned(),
    );
    all.push("The API server never admits by policy what could lock it out: ValidatingAdmissionPolicies and their bindings, webhooks' configurations, and reviews of rights. RBAC alone keeps them.".to_owned());
    all.push("Admission sees what a patch comes to, not its words: one that writes beside what is allowed only what is there already passes.".to_owned());
    if target == ExportTarget::Gatekeeper {
        all.push("Gatekeeper's webhook is called for creations and updates alone unless its values say otherwise: enable DELETE and CONNECT (validatingWebhookCustomRules) and the K8sNativeValidation engine, or what deletes and runs programs is not held back by it.".to_owned());
    }
}
