//! What an identity may do in a cluster, by what the cluster says of it (SelfSubjectRulesReview).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::process::{self, ProcessOutput};
use rwenv_gate::base::program;
use rwenv_gate::base::redact::redact;

/// Longest wait for a cluster.
const PATIENCE: Duration = Duration::from_secs(10);
/// Namespaces an identity's rights are asked for: an ordinary one, the system's, and Flux's.
pub(super) const NAMESPACES: [&str; 3] = ["default", "kube-system", "flux-system"];

#[derive(Deserialize)]
struct RightsReview {
    status: ReviewedRights,
}

/// The rights of an identity in a namespace.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReviewedRights {
    /// What it may do with resources.
    #[serde(default)]
    pub(super) resource_rules: Vec<RoleRule>,
    /// There is more that the cluster does not tell.
    #[serde(default)]
    pub(super) incomplete: bool,
}

/// One rule of RBAC.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoleRule {
    #[serde(default)]
    pub(super) verbs: Vec<String>,
    #[serde(default)]
    pub(super) api_groups: Vec<String>,
    #[serde(default)]
    pub(super) resources: Vec<String>,
    /// Objects it is for alone; none for all.
    #[serde(default)]
    pub(super) resource_names: Vec<String>,
}

impl RoleRule {
    /// True where it grants a verb of a resource, for some object at least (k8s.io/kubernetes, `RuleAllows`).
    pub(super) fn grants(&self, verb: &str, group: &str, resource: &str) -> bool {
        let is = |own: &[String], wanted: &str| own.iter().any(|own| own == "*" || own == wanted);
        let part = |own: &String| {
            let wide = own.strip_prefix("*/").zip(resource.split_once('/'));
            wide.is_some_and(|(own, (_, part))| own == part)
        };
        is(&self.verbs, verb)
            && is(&self.api_groups, group)
            && (is(&self.resources, resource) || self.resources.iter().any(part))
    }
}

/// Runs kubectl with an identity.
pub(super) fn kubectl(
    (file, context): (&Path, &str),
    arguments: &[&str],
    input: &str,
    environment: &Environment,
) -> Result<ProcessOutput, String> {
    let program = program::find("kubectl", environment).ok_or("kubectl is not on PATH")?;
    let mut command = Command::new(program);
    command.arg("--kubeconfig").arg(file).arg("--request-timeout=5s");
    command.args(["--context", context]).args(arguments);
    process::output(&mut command, input.as_bytes(), PATIENCE)
        .ok_or_else(|| "the cluster does not answer".to_owned())
}

/// What the cluster says of the rights of an identity in a namespace.
pub(super) fn reviewed(
    of: (&Path, &str),
    namespace: &str,
    environment: &Environment,
) -> Result<ReviewedRights, String> {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let review = format!(
        r#"{{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectRulesReview","spec":{{"namespace":"{namespace}"}}}}"#
    );
    let said = kubectl(of, &["create", "--raw", path, "-f", "-"], &review, environment)?;
    if !said.success {
        return Err(redact(said.stderr.lines().last().unwrap_or_default()));
    }
    let review: RightsReview = serde_json::from_str(&said.stdout).map_err(|error| error.to_string())?;
    Ok(review.status)
}

/// What an identity may do beyond reading: nothing, or an example.
pub(super) fn beyond_rights(
    file: &Path,
    context: &str,
    environment: &Environment,
) -> Result<Option<String>, String> {
    for namespace in NAMESPACES {
        let rights = reviewed((file, context), namespace, environment)?;
        if let Some(more) = beyond_reading(&rights, namespace) {
            return Ok(Some(more));
        }
    }
    Ok(None)
}

/// The first right that is more than reading: a verb that changes, a door into a pod, or secrets.
fn beyond_reading(rules: &ReviewedRights, namespace: &str) -> Option<String> {
    if rules.incomplete {
        return Some(format!("do more than the cluster reports (the review of {namespace} is incomplete)"));
    }
    let review = |resource: &str| resource.starts_with("selfsubject");
    for rule in &rules.resource_rules {
        for resource in rule.resources.iter().filter(|resource| !review(resource)) {
            let into = |door: &&str| resource.ends_with(&format!("/{door}"));
            let door = ["exec", "attach", "portforward", "proxy", "token", "*"].iter().any(into);
            // A wildcard takes in secrets and every subresource; exec is a GET.
            let wide = door || resource == "*" || resource == "secrets";
            let more =
                rule.verbs.iter().find(|verb| wide || !matches!(verb.as_str(), "get" | "list" | "watch"));
            if let Some(verb) = more {
                return Some(format!("{verb} {resource} in {namespace}"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_grants_what_it_names_and_what_its_stars_stand_for() {
        let rule = |resources: &[&str]| RoleRule {
            verbs: vec!["get".to_owned()],
            api_groups: vec![String::new()],
            resources: resources.iter().map(|name| (*name).to_owned()).collect(),
            resource_names: Vec::new(),
        };
        assert!(rule(&["pods"]).grants("get", "", "pods"));
        assert!(rule(&["*"]).grants("get", "", "pods/exec"));
        assert!(rule(&["*/scale"]).grants("get", "", "pods/scale"));
        for (verb, group, resource) in
            [("list", "", "pods"), ("get", "apps", "pods"), ("get", "", "pods/exec"), ("get", "", "secrets")]
        {
            assert!(!rule(&["pods"]).grants(verb, group, resource), "{verb} {group}/{resource}");
        }
    }

    #[test]
    fn rights_beyond_reading_are_found() {
        let beyond = |json: &str| beyond_reading(&serde_json::from_str(json).unwrap(), "default");
        let rule = |verb: &str, resource: &str| {
            format!(
                r#"{{"resourceRules":[{{"verbs":["get"],"resources":["pods"]}},{{"verbs":["{verb}"],"resources":["{resource}"]}}]}}"#
            )
        };
        for (verb, resource) in
            [("list", "deployments"), ("watch", "pods/log"), ("create", "selfsubjectaccessreviews")]
        {
            assert_eq!(beyond(&rule(verb, resource)), None, "{verb} {resource}");
        }
        for (verb, resource) in [
            ("get", "secrets"),
            ("get", "pods/exec"),
            ("get", "*"),
            ("patch", "pods"),
            ("*", "pods"),
            ("get", "nodes/proxy"),
            ("create", "serviceaccounts/token"),
            ("get", "pods/*"),
        ] {
            assert_eq!(beyond(&rule(verb, resource)), Some(format!("{verb} {resource} in default")));
        }
        assert!(beyond(r#"{"incomplete":true}"#).is_some());
    }
}
