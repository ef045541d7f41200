//! No answer of the API guard shows a Secret's values: neither objects, nor tables, nor what the API server says is wrong.

use serde_json::Value;

use crate::api_guard::Guarded;
use crate::api_protocol::message;

const MERGE: &str = "Content-Type: application/merge-patch+json";
const STRATEGIC: &str = "Content-Type: application/strategic-merge-patch+json";
const SECRET: &str = "/api/v1/namespaces/app/secrets/db";

/// A policy of the cluster's own that quotes the object in what it says.
const TELLTALE: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: telltale}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [secrets]}]
  validations:
  - expression: "!has(object.metadata.labels) || !('told' in object.metadata.labels)"
    messageExpression: "'it has ' + string(object.data.password)"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: telltale}
spec: {policyName: telltale, validationActions: [ACTION]}
"#;

impl Guarded {
    /// The status, the headers and the body that come to a request with a body; no value stands in any of them.
    fn asked(&self, rwenv: &str, path: &str, more: &[&str]) -> (String, String, String) {
        let (status, said) = self.curl(rwenv, path, &[&["-i"], more].concat());
        for value in ["hunter2", "aHVudGVyMg", "s3cr3t-token", "czNjcjN0"] {
            assert!(!said.contains(value), "{rwenv} {path} {more:?}: {said}");
        }
        let (head, body) = said.split_once("\r\n\r\n").unwrap_or((&said, ""));
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    fn patched(&self, rwenv: &str, query: &str, kind: &str, body: &str) -> (String, String, String) {
        self.asked(rwenv, &format!("{SECRET}{query}"), &["-X", "PATCH", "-H", kind, "-d", body])
    }
}

#[test]
fn what_the_server_says_is_wrong_does_not_quote_the_secret() {
    let Some(guarded) = Guarded::new() else { return };
    let strict = "?dryRun=All&fieldValidation=Strict";
    for rwenv in ["ro", "go", "rw"] {
        for (query, kind, body, code) in [
            (strict, MERGE, r#"{"datx":1}"#, "422"),
            (strict, STRATEGIC, r#"{"datx":1}"#, "422"),
            (strict, MERGE, r#"{"stringData":{"a":"1","a":"2"}}"#, "422"),
            ("?dryRun=All", MERGE, r#"{"metadata":5}"#, "422"),
            ("?dryRun=All", MERGE, r#"{"data":{"password":5}}"#, "422"),
            ("?dryRun=All", MERGE, "{", "400"),
        ] {
            let (status, head, said) = guarded.patched(rwenv, query, kind, body);
            assert_eq!(status, code, "{rwenv} {body}: {said}");
            assert!(message(&said).contains("withholds the cluster's own words"), "{body}: {said}");
            assert!(head.contains("content-type: application/json"), "{head}");
            let told: Value = serde_json::from_str(&said).unwrap();
            assert_eq!(told["code"].to_string(), code);
            assert!(told["reason"].is_string() && told["status"] == "Failure", "{said}");
        }
        let (_, _, said) = guarded.patched(rwenv, strict, MERGE, r#"{"datx":1}"#);
        let told: Value = serde_json::from_str(&said).unwrap();
        let cause = &told["details"]["causes"][0];
        assert_eq!(told["reason"], "Invalid", "{said}");
        assert_eq!(
            (&cause["field"], &cause["message"]),
            (&"patch".into(), &"withheld by the API guard".into())
        );
        assert!(message(&said).contains("field: patch"), "{said}");
        // What is said of what is not there is said.
        let (status, said) = guarded.curl(
            rwenv,
            "/api/v1/namespaces/app/secrets/no?dryRun=All",
            &["-X", "PATCH", "-H", MERGE, "-d", "{}"],
        );
        assert_eq!((status.as_str(), message(&said).as_str()), ("404", "secrets \"no\" not found"), "{said}");
    }
    // Where it may be changed for real, the same holds.
    let (status, _, said) = guarded.patched("rw", "?fieldValidation=Strict", MERGE, r#"{"datx":1}"#);
    assert!(status == "422" && message(&said).contains("withholds"), "{said}");
    // Of other objects the server's words are handed on.
    let (status, said) = guarded.curl(
        "ro",
        &format!("/api/v1/namespaces/app/configmaps/cfg{strict}"),
        &["-X", "PATCH", "-H", MERGE, "-d", r#"{"datx":1}"#],
    );
    assert!(status == "422" && message(&said).contains("unknown field \"datx\""), "{said}");
}

#[test]
fn a_policy_of_the_cluster_that_quotes_the_secret_is_not_quoted() {
    let Some(guarded) = Guarded::new() else { return };
    for (action, code) in [("Deny", "422"), ("Warn", "200")] {
        guarded.server.apply(&TELLTALE.replace("ACTION", action));
        let label = r#"{"metadata":{"labels":{"told":"yes"}}}"#;
        let direct = || {
            let patch =
                ["patch", "secret", "db", "-n", "app", "--dry-run=server", "--type=merge", "-p", label];
            guarded.server.kubectl_says(&patch)
        };
        // The server takes a moment to know its policies.
        guarded.setting.until("the policy counts", || {
            direct().contains("it has ") && (action == "Deny") == direct().contains("denied request")
        });
        for rwenv in ["ro", "rw"] {
            let (status, head, said) = guarded.patched(rwenv, "?dryRun=All", MERGE, label);
            assert_eq!(status, code, "{said}");
            let warned = head.contains("a warning of the cluster about a secret is withheld");
            assert_eq!(warned, action == "Warn", "{head}");
        }
    }
}

#[test]
fn what_a_change_is_answered_with_shows_no_value_that_was_there() {
    let Some(guarded) = Guarded::new() else { return };
    guarded.server.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: held, namespace: app, finalizers: [example.com/x]}\nstringData: {password: hunter2}\n");
    for (path, more) in [
        (SECRET, vec!["-X", "PATCH", "-H", MERGE, "-d", r#"{"metadata":{"labels":{"a":"b"}}}"#]),
        (
            SECRET,
            vec!["-X", "PATCH", "-H", MERGE, "-H", "Accept: application/vnd.kubernetes.protobuf", "-d", "{}"],
        ),
        (
            SECRET,
            vec![
                "-X",
                "PATCH",
                "-H",
                MERGE,
                "-H",
                "Accept: application/json;as=Table;v=v1;g=meta.k8s.io",
                "-d",
                "{}",
            ],
        ),
        ("/api/v1/namespaces/app/secrets?dryRun=All", vec!["-X", "DELETE"]),
        ("/api/v1/namespaces/app/secrets/held", vec!["-X", "DELETE"]),
    ] {
        let (status, _, said) = guarded.asked("rw", path, &more);
        assert!(status == "200" && serde_json::from_str::<Value>(&said).is_ok(), "{path} {more:?}: {said}");
    }
    let kept =
        guarded.server.kubectl(&["get", "secret", "db", "-n", "app", "-o", "jsonpath={.data.password}"], "");
    assert_eq!(kept, "aHVudGVyMg==", "what is masked is not what is kept");
    // A client may go on with what it created; what it was shown masked it does not write back.
    let new =
        r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"new"},"stringData":{"p":"of-its-own"}}"#;
    let json = "Content-Type: application/json";
    let (status, said) = guarded.curl("rw", "/api/v1/namespaces/app/secrets", &["-H", json, "-d", new]);
    assert!(status == "201" && said.contains("b2YtaXRzLW93bg=="), "{said}");
    let (status, said) = guarded.curl("rw", "/api/v1/namespaces/app/secrets", &["-H", json, "-d", new]);
    assert_eq!((status.as_str(), message(&said).as_str()), ("409", "secrets \"new\" already exists"));
    let back = r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"db","namespace":"app"},"data":{"password":"KioqKioqKg=="}}"#;
    let (status, said) = guarded.curl("rw", SECRET, &["-X", "PUT", "-H", json, "-d", back]);
    assert!(status == "403" && message(&said).contains("masked"), "{said}");
}

#[test]
fn annotations_that_hold_the_object_are_not_shown() {
    let Some(guarded) = Guarded::new() else { return };
    let object = r#"{"kind":"Secret","data":{"password":"aHVudGVyMg=="}}"#;
    guarded.server.apply(&format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: app\n  annotations:\n    kapp.k14s.io/original: '{object}'\n    objectset.rio.cattle.io/applied: H4sIAAAAAAAA/czNjcjN0\n    example.com/copy: s3cr3t-token\n    objectset.rio.cattle.io/id: web-owner\n    meta.helm.sh/release-name: web\n    example.com/managed: \"true\"\n"
    ));
    for (path, more) in [
        (SECRET, "Accept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"),
        (
            "/api/v1/namespaces/app/secrets",
            "Accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
        ),
        ("/api/v1/namespaces/app/secrets", "Accept: application/json;as=Table;v=v1;g=meta.k8s.io"),
        (SECRET, "Kubectl-Command: kubectl describe"),
    ] {
        let (status, _, said) = guarded.asked("ro", path, &["-H", more]);
        assert_eq!(status, "200", "{said}");
        for shown in [
            "web-owner",
            r#""meta.helm.sh/release-name":"web""#,
            r#""example.com/managed":"true""#,
            "kapp.k14s.io/original",
        ] {
            assert!(said.contains(shown), "{more}: {shown}: {said}");
        }
    }
    let (status, _, said) = guarded.patched("ro", "?dryRun=All", MERGE, "{}");
    assert!(status == "200" && said.contains("(masked, "), "{said}");
    let told = guarded.run("ro", &["kubectl", "describe", "secret", "db", "-n", "app"]);
    assert!(
        told.stdout.contains("web-owner") && told.stdout.contains("(masked, 12 bytes)"),
        "{}",
        told.stdout
    );
    assert!(!told.stdout.contains("s3cr3t"), "{}", told.stdout);
}
