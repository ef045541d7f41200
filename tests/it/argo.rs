//! Argo CD's Applications on a real API server. Argo CD itself is not there: what its controller would say stands in the objects.

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::support::{Answer, Home};

const APPLICATIONS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: argocd}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: root, namespace: argocd}
spec: {project: default, source: {repoURL: \"https://git.example.com/flux.git\", path: apps, targetRevision: main}, destination: {name: in-cluster, namespace: argocd}}
status:
  sync: {status: Synced, revision: 0123456789abcdef0123456789abcdef01234567}
  health: {status: Healthy}
  resources: [{group: argoproj.io, version: v1alpha1, kind: Application, namespace: argocd, name: web, status: Synced}]
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web, namespace: argocd}
spec: {project: shop, sources: [{repoURL: \"https://charts.example.com\", chart: web, targetRevision: 1.2.0}], destination: {server: \"https://kubernetes.default.svc\", namespace: app}}
status:
  sync: {status: OutOfSync, revisions: [1.2.0]}
  health: {status: Degraded}
  conditions: [{type: ComparisonError, message: no such chart}]
  operationState: {phase: Failed, message: one or more objects failed to apply}
  history:
  - {id: 0, revision: 1.1.0, deployedAt: \"2026-01-01T00:00:00Z\", initiatedBy: {username: admin}}
  - {id: 1, revision: 1.2.0, deployedAt: \"2026-01-02T00:00:00Z\", initiatedBy: {automated: true}}
  resources:
  - {group: apps, version: v1, kind: Deployment, namespace: app, name: web, status: OutOfSync, health: {status: Degraded}}
  - {version: v1, kind: Service, namespace: app, name: new, status: OutOfSync, health: {status: Missing}}
  - {version: v1, kind: ConfigMap, namespace: app, name: old, status: OutOfSync, requiresPruning: true}
  - {version: v1, kind: ConfigMap, namespace: app, name: same, status: Synced}
";

struct Argo {
    server: ApiServer,
    home: Home,
}

impl Argo {
    fn new() -> Option<Self> {
        let server = ApiServer::start()?;
        server.kinds(include_str!("../cluster/operators.yaml"));
        server.apply(APPLICATIONS);
        let home = Home::new();
        home.write(".kube/config", &server.kubeconfig("ro-ctx"));
        Some(Self { server, home })
    }

    fn run(&self, line: &str) -> Answer {
        let words: Vec<&str> = std::iter::once("argo").chain(line.split(' ')).collect();
        self.home.rwenv("ro", &words)
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.run(&format!("{line} --json")).stdout).unwrap()
    }
}

#[test]
fn what_the_cluster_has_of_applications_is_shown_and_nothing_is_changed() {
    let Some(it) = Argo::new() else { return };
    let before = it.server.store();
    let list = it.run("list");
    assert_eq!(list.code, 1, "one is not well: {}", list.stderr);
    for words in ["OutOfSync", "Degraded", "ComparisonError: no such chart", "01234567"] {
        assert!(list.stdout.contains(words), "{words}: {}", list.stdout);
    }
    let rows = it.json("list");
    assert_eq!(
        (&rows[1]["name"], &rows[1]["sync"], &rows[1]["project"]),
        (&json!("web"), &json!("OutOfSync"), &json!("shop"))
    );
    assert_eq!(rows[1]["sources"][0]["chart"], "web");
    assert_eq!(it.json("list -n app"), json!([]));

    let get = it.run("get web");
    for words in [
        "https://charts.example.com web 1.2.0",
        "https://kubernetes.default.svc app",
        "Failed one or more objects",
        "(to be pruned)",
    ] {
        assert!(get.code == 0 && get.stdout.contains(words), "{words}: {}{}", get.stdout, get.stderr);
    }
    assert_eq!(it.json("get web -n argocd")["resources"].as_array().unwrap().len(), 4);
    let diff = it.run("diff web");
    assert_eq!(diff.stdout, "~ Deployment app/web\n+ Service app/new\n- ConfigMap app/old\n");
    assert_eq!((diff.code, it.run("diff root").code), (1, 0));
    let tree = it.run("tree root");
    assert_eq!(
        tree.stdout,
        "Application/argocd/root\n└── Application/argocd/web\n    ├── ConfigMap/app/old\n    ├── ConfigMap/app/same\n    ├── Deployment/app/web\n    └── Service/app/new\n"
    );
    let history = it.json("history web");
    assert_eq!((&history[0]["initiatedBy"]["username"], &history[1]["id"]), (&json!("admin"), &json!(1)));
    assert!(it.run("history root").stderr.contains("was never synced"));
    let near = it.run("get webb");
    assert!(
        near.code == 1 && near.stderr.contains("did you mean Application argocd/web?"),
        "{}",
        near.stderr
    );
    assert_eq!(it.server.store(), before);
    for line in ["rwenv argo list", "rwenv argo get web", "rwenv argo diff web"] {
        assert_eq!(it.home.hook("ro", line).decision(), "allow", "{line}");
    }
}

#[test]
fn a_cluster_without_argo_cd_says_so() {
    let Some(server) = ApiServer::start() else { return };
    let home = Home::new();
    home.write(".kube/config", &server.kubeconfig("ro-ctx"));
    let none = home.rwenv("ro", &["argo", "list"]);
    assert!(
        none.code == 1 && none.stderr.contains("there is no Argo CD in the cluster at https://127.0.0.1"),
        "{}",
        none.stderr
    );
}
