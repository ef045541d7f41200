//! What kustomize refuses, as lint reports it before a push: made-up breaks, each held against the real kubectl.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use rwenv_core::manifest::tree::side_by_side;
use rwenv_core::manifest::{Finding, Level};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::content;
use serde::Deserialize;
use tempfile::TempDir;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Breaks {
    #[serde(rename = "break")]
    all: Vec<Break>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Break {
    kind: String,
    #[serde(default = "app")]
    folder: String,
    files: BTreeMap<String, String>,
    #[serde(default)]
    at: String,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    kubectl: String,
}

fn app() -> String {
    "app".to_owned()
}

/// Each break is written with each of these, and the next one for its other name.
const NAMES: [&str; 6] = ["web", "api-server", "x1", "grafana", "cert-manager", "payments"];

fn deployment(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: shop\nspec:\n  replicas: 1\n  template:\n    spec:\n      containers:\n      - name: main\n        image: {name}\n"
    )
}

fn configmap(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\ndata: {{a: b}}\n")
}

/// The clean repository with a break in it, and the texts with its names filled in.
fn written(one: &Break, number: usize) -> (TempDir, String, String) {
    let (name, other) = (NAMES[number], NAMES[(number + 1) % NAMES.len()]);
    let fill = |text: &str| {
        text.replace("{deployment}", &deployment(name))
            .replace("{configmap}", &configmap(name))
            .replace("{name}", name)
            .replace("{other}", other)
    };
    let dir = TempDir::new().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("app/kustomization.yaml", &format!("resources: [{name}.yaml]\n"));
    write(&format!("app/{name}.yaml"), &deployment(name));
    for (path, text) in &one.files {
        write(&fill(path), &fill(text));
    }
    (dir, fill(&one.folder), fill(&one.at))
}

fn kubectl(root: &Path, folder: &str) -> bool {
    let mut command = Command::new("kubectl");
    command.args(["kustomize", "--load-restrictor", "LoadRestrictionsNone", folder]).current_dir(root);
    command.output().unwrap().status.success()
}

fn errors(root: &Path) -> Vec<Finding> {
    let report = content::folder(root, &Environment::read()).unwrap();
    report.findings.into_iter().filter(|finding| finding.level == Level::Error).collect()
}

#[test]
fn what_kubectl_refuses_is_an_error_at_its_place() {
    if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
        crate::support::skip("there is no kubectl to hold it against");
        return;
    }
    let breaks: Breaks = toml::from_str(include_str!("../fixtures/breaks.toml")).unwrap();
    let kinds = breaks.all.iter().filter(|one| one.kubectl.is_empty()).count();
    let all: Vec<(&Break, usize)> =
        breaks.all.iter().flat_map(|one| (0..NAMES.len()).map(move |number| (one, number))).collect();
    let failures = side_by_side(&all, |(one, number)| {
        let (dir, folder, at) = written(one, *number);
        let builds = kubectl(dir.path(), &folder);
        let found = errors(dir.path());
        let told: Vec<String> =
            found.iter().map(|f| format!("{}:{} {} [{}]", f.path, f.line, f.message, f.rule)).collect();
        let fits = |finding: &Finding| {
            one.rules.iter().any(|rule| rule == finding.rule) && (at.is_empty() || finding.path == at)
        };
        let why = match (one.kubectl.as_str(), builds) {
            ("builds", false) => "kubectl does not build it",
            ("builds", true) if !found.is_empty() => "kubectl builds it",
            ("", true) => "kubectl builds it after all",
            ("", false) if found.is_empty() => "it is not found",
            ("", false) if !found.iter().all(fits) => "something else is found",
            _ => return None,
        };
        Some(format!("{} ({}): {why}: {told:?}", one.kind, NAMES[*number]))
    });
    let failures: Vec<String> = failures.into_iter().flatten().collect();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), all.len(), failures.join("\n"));
    assert!(kinds >= 30 && all.len() >= 300, "{kinds} kinds, {} breaks", all.len());
}
