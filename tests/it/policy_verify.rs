//! `rwenv policy verify` on a real cluster: each of its rows beside the server's own answer, and what somebody widened since is found.

use serde_json::{Value, json};

use crate::policy_export::Fleet;
use crate::support::Answer;

fn verify(fleet: &Fleet, rwenv: &str) -> (Answer, Value) {
    let told = fleet.home.rwenv(rwenv, &["policy", "verify", "-o", "json"]);
    let value = serde_json::from_str(&told.stdout).unwrap_or_default();
    (told, value)
}

/// The verbs of the rows that stand so, each with its resource.
fn standing(value: &Value, enforced: &str) -> Vec<String> {
    let rows = value["rows"].as_array().unwrap().iter().filter(|row| row["enforced"] == enforced);
    let verbs = rows.flat_map(|row| {
        let verbs = row["verbs"].as_array().unwrap().iter();
        verbs.map(move |verb| format!("{} {}", verb.as_str().unwrap(), row["name"].as_str().unwrap()))
    });
    verbs.collect()
}

/// What the authorizer says of every row, asked in the person's name.
fn asked(fleet: &Fleet, value: &Value, user: &str) -> Vec<(String, bool)> {
    let mut names = Vec::new();
    let mut reviews = Vec::new();
    for row in value["rows"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        if name.contains("as a dry run") {
            continue;
        }
        // A group has a dot, or is one of those that have none.
        let parts: Vec<&str> = name.split('/').collect();
        let grouped = parts.len() > 1
            && (parts[0].contains('.') || ["apps", "batch", "autoscaling", "policy"].contains(&parts[0]));
        let (group, rest) = if grouped { (parts[0], &parts[1..]) } else { ("", &parts[..]) };
        for verb in row["verbs"].as_array().unwrap() {
            names.push(format!("{} {name}", verb.as_str().unwrap()));
            reviews.push(json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                "spec": {
                    "user": user, "groups": ["system:serviceaccounts", "system:authenticated"],
                    "resourceAttributes": {
                        "namespace": "default", "verb": verb, "group": group, "resource": rest[0],
                        "subresource": rest.get(1).copied().unwrap_or_default(),
                    },
                },
            }));
        }
    }
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": reviews }).to_string();
    let said = fleet.server.kubectl(&["create", "-f", "-", "-o", "json"], &list);
    let items: Vec<Value> =
        serde_json::Deserializer::from_str(&said).into_iter::<Value>().map(Result::unwrap).collect();
    assert_eq!(items.len(), names.len());
    names.into_iter().zip(items.iter().map(|item| item["status"]["allowed"] == true)).collect()
}

#[test]
fn each_row_is_what_the_server_says_and_what_was_widened_is_found() {
    let Some(fleet) = Fleet::new() else { return };
    let without = fleet.home.rwenv("ro", &["policy", "verify"]);
    assert!(
        without.code == 1 && without.stderr.contains("rwenv identity kubeconfig ro"),
        "{}",
        without.stderr
    );
    fleet.server.apply(&fleet.exported("ro", "rbac", &[]));
    assert_eq!(fleet.home.rwenv("ro", &["identity", "kubeconfig"]).code, 0);
    let (told, value) = verify(&fleet, "ro");
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    assert_eq!(value["admission"], "missing");
    assert_eq!(standing(&value, "looser"), Vec::<String>::new());
    let same = standing(&value, "same");
    assert!(same.len() > 500, "{}", same.len());
    let denied = |name: &str| same.iter().any(|row| row == name);
    assert!(denied("get secrets") && denied("create pods/exec") && denied("create serviceaccounts/token"));
    // Row by row, by another way.
    let user = "system:serviceaccount:rwenv-agents:ro";
    let granted: Vec<String> = value["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["cluster"] == "granted")
        .flat_map(|row| {
            row["verbs"]
                .as_array()
                .unwrap()
                .iter()
                .map(move |verb| format!("{} {}", verb.as_str().unwrap(), row["name"].as_str().unwrap()))
        })
        .collect();
    let all = asked(&fleet, &value, user);
    let wrong: Vec<_> = all.iter().filter(|(name, allowed)| granted.contains(name) != *allowed).collect();
    assert!(wrong.is_empty() && all.len() > 500, "{} {wrong:?}", all.len());

    // Somebody lets it into pods.
    let role = ["create", "clusterrole", "wide", "--verb=create", "--resource=pods/exec,widgets.example.com"];
    fleet.server.apply("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\nspec: {group: example.com, scope: Namespaced, names: {plural: widgets, kind: Widget}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}\n");
    assert!(
        !fleet
            .server
            .kubectl(&["wait", "--for=condition=Established", "crd/widgets.example.com"], "")
            .is_empty()
    );
    assert!(!fleet.server.kubectl(&role, "").is_empty());
    let bind =
        ["create", "clusterrolebinding", "wide", "--clusterrole=wide", "--serviceaccount=rwenv-agents:ro"];
    assert!(!fleet.server.kubectl(&bind, "").is_empty());
    let (told, value) = verify(&fleet, "ro");
    assert_eq!(told.code, 1);
    assert_eq!(standing(&value, "looser"), ["create pods/exec", "create example.com/widgets"]);
    let shown = fleet.home.rwenv("ro", &["policy", "verify"]);
    assert!(
        shown.code == 1 && shown.stdout.contains("LOOSER") && shown.stdout.contains("2 looser"),
        "{}",
        shown.stdout
    );
}

#[test]
fn what_admission_holds_counts_as_long_as_it_is_as_exported() {
    let Some(fleet) = Fleet::new() else { return };
    fleet.server.apply(&fleet.exported("go", "rbac,validating-admission-policy", &[]));
    assert_eq!(fleet.home.rwenv("go", &["identity", "kubeconfig"]).code, 0);
    let (told, value) = verify(&fleet, "go");
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    assert_eq!(value["admission"], "as-exported");
    let held = standing(&value, "admission");
    assert!(held.contains(&"patch kustomize.toolkit.fluxcd.io/kustomizations".to_owned()), "{held:?}");
    let audit = [
        "patch",
        "validatingadmissionpolicybinding",
        "rwenv-agent-go",
        "--type=merge",
        "-p",
        "{\"spec\":{\"validationActions\":[\"Audit\"]}}",
    ];
    assert!(!fleet.server.kubectl(&audit, "").is_empty());
    let (told, value) = verify(&fleet, "go");
    assert_eq!(told.code, 1, "{}", told.stdout);
    assert!(value["admission"]["differs"].as_str().unwrap().contains("spec.validationActions"), "{value}");
    assert_eq!(standing(&value, "looser"), held);
    let narrow = [
        "patch",
        "validatingadmissionpolicybinding",
        "rwenv-agent-go",
        "--type=merge",
        "-p",
        "{\"spec\":{\"validationActions\":[\"Deny\"],\"matchResources\":{\"namespaceSelector\":{\"matchLabels\":{\"a\":\"b\"}}}}}",
    ];
    assert!(!fleet.server.kubectl(&narrow, "").is_empty());
    let (told, value) = verify(&fleet, "go");
    assert!(
        told.code == 1 && value["admission"]["differs"].as_str().unwrap().contains("matchResources"),
        "{value}"
    );
}
