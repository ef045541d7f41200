//! The policy as admission enforces it: ValidatingAdmissionPolicy of the API server itself, and the same expressions for Kyverno and
//! Gatekeeper. Only requests of the agents' subjects match, so that whatever applies Git goes on writing.

use serde_json::{Value, json};

use super::agents::AgentSubjects;
use super::cel::{Expressions, NamedExpression, text};

/// Operations that admission sees.
const OPERATIONS: [&str; 4] = ["CREATE", "UPDATE", "DELETE", "CONNECT"];

/// True for requests of the agents.
fn condition(agents: &AgentSubjects) -> String {
    let user = format!("request.userInfo.username == {}", text(&agents.user()));
    let groups = agents
        .groups
        .iter()
        .map(|group| format!("(has(request.userInfo.groups) && {} in request.userInfo.groups)", text(group)));
    std::iter::once(user).chain(groups).collect::<Vec<_>>().join(" || ")
}

fn named(all: &[NamedExpression]) -> Vec<Value> {
    all.iter().map(|one| json!({ "name": one.name, "expression": one.expression })).collect()
}

/// What the API server and Kyverno read alike.
fn spec(agents: &AgentSubjects, expressions: &Expressions) -> Value {
    let validations = expressions.validations.iter().map(|one| {
        json!({
            "expression": one.expression,
            "message": format!("the policy of rwenv '{}' denies this to agents [{}]", agents.rwenv, one.rule),
            "messageExpression": one.message,
        })
    });
    json!({
        "failurePolicy": "Fail",
        "matchConstraints": { "resourceRules": [{
            "apiGroups": ["*"], "apiVersions": ["*"], "operations": OPERATIONS, "resources": ["*/*"],
        }] },
        "matchConditions": [{ "name": "agents", "expression": condition(agents) }],
        "variables": named(&expressions.variables),
        "validations": validations.collect::<Vec<_>>(),
    })
}

fn with(mut spec: Value, key: &str, value: Value) -> Value {
    if let Some(fields) = spec.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
    spec
}

/// A ValidatingAdmissionPolicy (admissionregistration.k8s.io/v1) and its binding.
#[must_use]
pub(super) fn validating_admission_policy(agents: &AgentSubjects, expressions: &Expressions) -> [Value; 2] {
    let name = agents.object();
    let mut spec = spec(agents, expressions);
    for one in spec.get_mut("validations").and_then(Value::as_array_mut).into_iter().flatten() {
        *one = with(one.take(), "reason", json!("Forbidden"));
    }
    [
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": agents.metadata(&name, None), "spec": spec,
        }),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": agents.metadata(&name, None),
            "spec": { "policyName": name, "validationActions": ["Deny"] },
        }),
    ]
}

/// A ValidatingPolicy of Kyverno (policies.kyverno.io/v1, Kyverno 1.17 and later).
#[must_use]
pub(super) fn kyverno(agents: &AgentSubjects, expressions: &Expressions) -> [Value; 1] {
    let spec = with(spec(agents, expressions), "validationActions", json!(["Deny"]));
    let evaluation = json!({ "admission": { "enabled": true }, "background": { "enabled": false } });
    [json!({
        "apiVersion": "policies.kyverno.io/v1", "kind": "ValidatingPolicy",
        "metadata": agents.metadata(&agents.object(), None), "spec": with(spec, "evaluation", evaluation),
    })]
}

/// A ConstraintTemplate of Gatekeeper's with the engine that reads CEL, and its constraint.
#[must_use]
pub(super) fn gatekeeper(agents: &AgentSubjects, expressions: &Expressions) -> [Value; 2] {
    // The template's name is the kind in lower case.
    let name: String = agents.object().chars().filter(char::is_ascii_alphanumeric).collect();
    let kind = format!("R{}", name.trim_start_matches('r'));
    let validations = expressions.validations.iter().map(|one| {
        json!({
            "expression": one.expression,
            "message": format!("the policy of rwenv '{}' denies this to agents [{}]", agents.rwenv, one.rule),
            "messageExpression": one.message,
        })
    });
    let source = json!({
        "failurePolicy": "Fail",
        "matchConditions": [{ "name": "agents", "expression": condition(agents) }],
        "variables": named(&expressions.variables),
        "validations": validations.collect::<Vec<_>>(),
    });
    [
        json!({
            "apiVersion": "templates.gatekeeper.sh/v1", "kind": "ConstraintTemplate",
            "metadata": agents.metadata(&name, None),
            "spec": {
                "crd": { "spec": { "names": { "kind": kind } } },
                "targets": [{
                    "target": "admission.k8s.gatekeeper.sh",
                    "code": [{ "engine": "K8sNativeValidation", "source": source }],
                }],
            },
        }),
        json!({
            "apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": kind,
            "metadata": agents.metadata(&agents.object(), None),
            "spec": { "enforcementAction": "deny", "match": { "kinds": [{ "apiGroups": ["*"], "kinds": ["*"] }] } },
        }),
    ]
}
