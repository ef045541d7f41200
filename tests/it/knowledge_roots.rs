//! Roots of every kind: what a repository applies is found, and lint says nothing against it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::support::Home;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repositories {
    repository: Vec<Repository>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repository {
    about: String,
    files: BTreeMap<String, String>,
    services: Vec<String>,
    #[serde(default)]
    findings: Vec<String>,
}

const SOURCE: &str = "sourceRef: {kind: GitRepository, name: flux-system}";

/// A text with its short forms written out.
fn written(text: &str) -> String {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let words: Vec<&str> = inner.unwrap_or_default().split(' ').collect();
    let ks = |name: &str, path: &str, source: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{interval: 5m, prune: true, path: '{path}'{source}}}\n"
        )
    };
    match words.as_slice() {
        ["deployment", name] => format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: web}}\nspec:\n  template:\n    spec: {{containers: [{{name: main, image: 'ghcr.io/me/{name}:1.0.0'}}]}}\n"
        ),
        ["ks", name, path] => ks(name, path, &format!(", {SOURCE}")),
        ["sourceless", name, path] => ks(name, path, ""),
        ["sync", path] => format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: flux-system, namespace: flux-system}}\nspec: {{interval: 1m, url: https://github.com/me/repo, ref: {{branch: main}}}}\n---\n{}",
            ks("flux-system", path, &format!(", {SOURCE}"))
        ),
        _ => text.to_owned(),
    }
}

fn json(home: &Home, arguments: &[&str]) -> Value {
    let answer = home.rwenv("r", arguments);
    serde_json::from_str(&answer.stdout).map_err(|_| &answer).unwrap()
}

#[test]
fn roots_of_every_kind_are_found() {
    let all: Repositories = toml::from_str(include_str!("../fixtures/roots.toml")).unwrap();
    for repository in all.repository {
        let home = Home::empty();
        for (path, text) in &repository.files {
            home.write(&format!("r/{path}"), &written(text));
        }
        home.git("r", &["init", "-q", "-b", "main"]);
        home.git("r", &["remote", "add", "origin", "https://github.com/me/repo"]);
        let services = json(&home, &["services", "list", "--dir", ".", "--json"]);
        let services = services["services"].as_object().or_else(|| services.as_object()).unwrap();
        let told: Vec<String> = services
            .iter()
            .map(|(key, service)| {
                match service["kustomization"].as_str().or(service["application"].as_str()) {
                    Some(by) => format!("{key} by {by}"),
                    None => key.clone(),
                }
            })
            .collect();
        let named: Vec<&str> = told.iter().map(|told| told.split(" by ").next().unwrap()).collect();
        for service in &repository.services {
            let found = if service.contains(" by ") {
                told.contains(service)
            } else {
                named.contains(&service.as_str())
            };
            assert!(found, "{}: {service} is not in {told:?}", repository.about);
        }
        assert_eq!(told.len(), repository.services.len(), "{}: {told:?}", repository.about);
        let findings = json(&home, &["guide", "show", "findings", "--dir", ".", "--json"]).to_string();
        for finding in &repository.findings {
            assert!(findings.contains(finding), "{}: {findings}", repository.about);
        }
        let lint = json(&home, &["lint", "--json"]);
        let errors = lint["findings"].as_array().unwrap().iter().filter(|f| f["level"] == "error").count();
        assert_eq!(errors, 0, "{}: {lint:#}", repository.about);
    }
}

#[test]
fn a_chart_s_template_is_named_where_nothing_else_makes_an_object() {
    let home = Home::empty();
    home.write("r/charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    home.write(
        "r/charts/web/templates/d.yaml",
        "{{- if .Values.on }}\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n{{- end }}\n",
    );
    let told = home.rwenv("r", &["where", "deployment/web", "--dir", "."]);
    assert!(told.stdout.contains("charts/web/templates/d.yaml:2"), "{told:?}");
    assert!(home.rwenv("r", &["where", "deployment/api", "--dir", "."]).code != 0);
}

#[test]
fn a_root_that_no_file_defines_prunes() {
    let home = Home::empty();
    home.write("r/clusters/prod/flux-system/gotk-sync.yaml", "");
    home.write("r/clusters/prod/web.yaml", &written("{deployment web}"));
    let flux = json(&home, &["guide", "show", "flux", "--dir", ".", "--json"]);
    let root = &flux["kustomizations"]["flux-system"];
    assert_eq!((&root["prune"], &root["interval"]), (&Value::from(true), &Value::from("10m0s")), "{flux:#}");
}
