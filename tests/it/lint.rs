//! `rwenv lint` as people and CI meet it: each finding once, at its line, and nothing on what is clean.

use std::path::Path;

use crate::support::{Home, answer, find};

const SYNC: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec:
  interval: 10m
  path: ./apps
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
  dependsOn:
    - name: infra
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: infra
  namespace: flux-system
spec:
  interval: 10m
  path: ./infra
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
";
const RELEASE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: web
  namespace: shop
spec:
  chart:
    spec:
      chart: web
      sourceRef:
        kind: HelmRepository
        name: charts
  values:
    auth:
      existingSecret: web-auth
      passwordKey: password
      adminPassword: ${ADMIN_PASSWORD}
    image: nginx@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
";

/// A clean repository, and what is written over it.
fn repository(changes: &[(&str, &str)]) -> Home {
    let home = Home::empty();
    home.write("r/clusters/prod/sync.yaml", SYNC);
    home.write("r/apps/kustomization.yaml", "resources:\n  - web.yaml\n  - config.yaml\n");
    home.write("r/apps/web.yaml", RELEASE);
    home.write(
        "r/apps/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: \"1\"\n",
    );
    home.write("r/infra/charts.yaml", "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts}\nspec: {url: https://charts.example.com}\n");
    home.write("r/charts/x/Chart.yaml", "name: x\n");
    home.write("r/charts/x/templates/a.yaml", "a: {{ .Values.a }}\n");
    for (path, text) in changes {
        home.write(&format!("r/{path}"), text);
    }
    home
}

/// What is found, as `path:line:column rule`.
fn found(home: &Home, arguments: &[&str]) -> Vec<String> {
    let answer = home.rwenv("r", &[&["lint", "--json"], arguments].concat());
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).map_err(|_| &answer).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let errors = findings.iter().any(|f| f["level"] == "error");
    assert_eq!(answer.code, i32::from(errors));
    findings
        .iter()
        .map(|f| {
            format!(
                "{}:{}:{} {}",
                f["path"].as_str().unwrap(),
                f["line"],
                f["column"],
                f["rule"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn a_clean_repository_has_no_findings() {
    let home = repository(&[]);
    assert_eq!(found(&home, &[]), Vec::<String>::new());
    let told = home.rwenv("r", &["lint"]);
    assert_eq!(told.stdout, "");
    assert!(told.stderr.contains("charts/x/templates/a.yaml: not read (helm-template)"), "{}", told.stderr);
    assert!(told.stderr.ends_with("0 findings in 7 YAML files\n"), "{}", told.stderr);
    let demo = crate::support::root().join("demo/flux").display().to_string();
    assert_eq!(found(&home, &[&demo]), Vec::<String>::new());
}

#[test]
fn each_fault_is_found_once_at_its_line() {
    let cycle = SYNC.replace("  path: ./infra\n", "  path: ./infra\n  dependsOn: [{name: apps}]\n");
    let cases: Vec<(&str, String, Vec<&str>)> = vec![
        ("apps/web.yaml", RELEASE.replace("${ADMIN_PASSWORD}", "hunter2"), vec!["apps/web.yaml:17:22 secret.hard-coded"]),
        ("apps/web.yaml", RELEASE.replace("name: charts", "name: chart"), vec!["apps/web.yaml:12:15 flux.source-ref"]),
        ("apps/web.yaml", RELEASE.replace("  chart:\n    spec:\n      chart: web\n      sourceRef:\n        kind: HelmRepository\n        name: charts\n", ""), vec!["apps/web.yaml:4:9 flux.no-source"]),
        ("apps/web.yaml", RELEASE.replace("spec:\n  chart", "spec: [\n  chart"), vec!["apps/web.yaml:8:9 yaml.syntax"]),
        ("apps/web.yaml", RELEASE.replace("  namespace: shop\n", "  namespace: shop\n  name: web\n"), vec!["apps/web.yaml:6:3 yaml.duplicate-key"]),
        ("apps/web.yaml", RELEASE.replace('\n', "\r\n").replace("${ADMIN_PASSWORD}", "hunter2"), vec!["apps/web.yaml:17:22 secret.hard-coded"]),
        ("clusters/prod/sync.yaml", SYNC.replace("./apps", "./app"), vec!["clusters/prod/sync.yaml:8:9 flux.path"]),
        ("clusters/prod/sync.yaml", SYNC.replace("- name: infra", "- name: infrastructure"), vec!["clusters/prod/sync.yaml:14:13 flux.depends-on"]),
        ("clusters/prod/sync.yaml", cycle, vec!["clusters/prod/sync.yaml:14:5 flux.circle"]),
        ("apps/kustomization.yaml", "resources:\n  - web.yaml\n  - gone.yaml\n  - ../../out\n".to_owned(), vec!["apps/kustomization.yaml:3:5 kustomize.missing", "apps/kustomization.yaml:4:5 kustomize.outside"]),
        ("apps/db.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata:\n  user: YQ==\n  password: YQ==\n".to_owned(), vec!["apps/db.yaml:6:3 secret.unencrypted"]),
        ("apps/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n".to_owned(), vec!["apps/config.yaml:8:9 object.duplicate"]),
        ("scripts.yaml", "# postgres://app:hunter2secret@db/app\na: 1\n".to_owned(), vec!["scripts.yaml:1:3 secret.url-password"]),
    ];
    for (path, text, wanted) in cases {
        let home = repository(&[(path, &text)]);
        assert_eq!(found(&home, &[]), wanted, "{text}");
    }
}

#[test]
fn values_are_never_told_in_any_form() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  password: hunter2-value\n  broken: [hunter2-value\n";
    let home = repository(&[
        ("apps/db.yaml", secret),
        ("apps/web.yaml", &RELEASE.replace("${ADMIN_PASSWORD}", "hunter2-value")),
        ("apps/more.yaml", "a: hunter2-value: x: \"hunter2-value\n"),
    ]);
    for form in [&["lint"][..], &["lint", "--json"], &["lint", "--sarif"], &["lint", "--github"]] {
        let answer = home.rwenv("r", form);
        assert_eq!(answer.code, 1);
        assert!(!answer.stdout.contains("hunter2") && !answer.stderr.contains("hunter2"), "{answer:?}");
    }
}

#[test]
fn forms_for_machines() {
    let home = repository(&[("apps/web.yaml", &RELEASE.replace("${ADMIN_PASSWORD}", "hunter2"))]);
    let sarif: serde_json::Value =
        serde_json::from_str(&home.rwenv("r", &["lint", "--sarif"]).stdout).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&sarif["version"], &result["ruleId"]), (&"2.1.0".into(), &"secret.hard-coded".into()));
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 17);
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]));
    let github = home.rwenv("r", &["lint", "--github"]).stdout;
    assert!(
        github.starts_with(
            "::error file=apps/web.yaml,line=17,col=22,title=secret.hard-coded::the value of 'adminPassword'"
        ),
        "{github}"
    );
    assert_eq!(home.rwenv("r", &["lint", "--json", "--sarif"]).code, 64);
    assert_eq!(home.rwenv("r", &["lint", "gone"]).code, 1);
}

#[test]
fn what_is_staged_and_what_a_range_adds() {
    let home = repository(&[("apps/old.yaml", "a: 1\na: 2\n")]);
    home.git("r", &["init", "-q"]);
    home.git("r", &["add", "-A"]);
    home.git("r", &["commit", "-qm", "start"]);
    home.write(
        "r/apps/db.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {password: YQ==}\n",
    );
    assert_eq!(found(&home, &["--staged"]), Vec::<String>::new());
    home.git("r", &["add", "-A"]);
    home.write("r/apps/db.yaml", "fine: true\n");
    assert_eq!(found(&home, &["--staged"]), ["apps/db.yaml:4:8 secret.unencrypted"]);
    home.git("r", &["commit", "-qm", "add"]);
    home.git("r", &["commit", "-qam", "and out"]);
    assert_eq!(found(&home, &["--range", "HEAD~2..HEAD"]), ["apps/db.yaml:4:8 secret.unencrypted"]);
    assert_eq!(found(&home, &["--range", "HEAD~1"]), Vec::<String>::new());
    assert_eq!(found(&home, &[]), ["apps/old.yaml:2:1 yaml.duplicate-key"]);
    let wrong = home.rwenv("r", &["lint", "--range", "nowhere..HEAD"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("nowhere"), "{wrong:?}");
    // What git ignores is nobody's to check; a link leads nowhere else.
    home.write("r/.gitignore", "local/\n");
    home.write("r/local/a.yaml", "a: [\n");
    std::os::unix::fs::symlink("/etc/passwd", home.path("r/link.yaml")).unwrap();
    assert_eq!(found(&home, &[]), ["apps/old.yaml:2:1 yaml.duplicate-key"]);
}

#[test]
fn the_hooks_for_pre_commit_are_what_it_says_they_are() {
    let text = std::fs::read_to_string(crate::support::root().join(".pre-commit-hooks.yaml")).unwrap();
    let parsed = rwenv_core::manifest::yaml::parse(&text);
    assert!(parsed.problems.is_empty());
    let hooks = parsed.documents[0].items();
    assert_eq!(hooks.len(), 2);
    let home = repository(&[]);
    home.git("r", &["init", "-q"]);
    home.git("r", &["add", "-A"]);
    home.git("r", &["commit", "-qm", "start"]);
    for hook in hooks {
        let entry = hook.str(&["entry"]).unwrap();
        let mut command = home.command("bash", &home.path("r"));
        let bin = Path::new(env!("CARGO_BIN_EXE_rwenv")).parent().unwrap().display().to_string();
        command.env("PATH", format!("{bin}:/usr/local/bin:/usr/bin:/bin"));
        command.env("PRE_COMMIT_FROM_REF", "HEAD").env("PRE_COMMIT_TO_REF", "HEAD");
        let answer = answer(command.args(["-c", entry]));
        assert_eq!(answer.code, 0, "{entry}: {}", answer.stderr);
    }
    assert!(find("git").is_some());
}
