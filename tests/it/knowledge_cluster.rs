//! The repository beside its cluster, of which a stand-in answers what a real one would.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::knowledge_documents::cloned;
use crate::support::Home;

/// A server that answers every GET of a path with a status and a document, and takes down what was asked.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answer: impl Fn(&str) -> (u16, Value) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let Some(Ok(first)) = lines.next() else { continue };
                while lines.next().is_some_and(|line| !line.unwrap_or_default().is_empty()) {}
                log.lock().unwrap().push(first.clone());
                let path = first.split(' ').nth(1).unwrap_or_default();
                let (status, body) = answer(path);
                let body = body.to_string();
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Self { port, asked }
    }
}

fn kubeconfig(home: &Home, server: &str, user: &str) {
    home.write(
        ".kube/config",
        &format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
             users: [{{name: u, user: {user}}}]\ncontexts: [{{name: ro-ctx, context: {{cluster: c, user: u}}}}]\n"
        ),
    );
}

fn object(namespace: &str, name: &str, labels: &Value, spec: &Value) -> Value {
    json!({ "metadata": { "namespace": namespace, "name": name, "labels": labels }, "spec": spec })
}

/// A cluster that runs the production root of the layout with overlays, one object short and two too many.
fn production(path: &str) -> (u16, Value) {
    let release = json!({ "helm.toolkit.fluxcd.io/name": "db", "helm.toolkit.fluxcd.io/namespace": "shop" });
    let list =
        |items: Vec<Value>| json!({ "kind": "List", "apiVersion": "v1", "metadata": {}, "items": items });
    let group = |name: &str, version: &str| {
        let version = json!({ "groupVersion": format!("{name}/{version}"), "version": version });
        json!({ "name": name, "versions": [version.clone()], "preferredVersion": version })
    };
    let resource = |name: &str, kind: &str| json!({ "name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["list"] });
    let nothing = json!({});
    let answer = match path.split('?').next().unwrap_or_default() {
        "/apis/apps/v1/deployments" if path.contains("continue=more") => {
            list(vec![object("shop", "by-hand", &nothing, &nothing)])
        }
        "/apis/apps/v1/deployments" => {
            let mut first = list(vec![object("shop", "db-pooler", &release, &nothing)]);
            first["metadata"]["continue"] = json!("more");
            first
        }
        "/apis/apps/v1/statefulsets" => list(vec![object("shop", "shop-web-prod", &nothing, &nothing)]),
        "/apis/apps/v1/daemonsets" => list(vec![]),
        "/api/v1/services" => list(vec![object("shop", "front-prod", &nothing, &nothing)]),
        "/apis" => {
            json!({ "kind": "APIGroupList", "groups": [group("kustomize.toolkit.fluxcd.io", "v1"), group("helm.toolkit.fluxcd.io", "v2")] })
        }
        "/apis/kustomize.toolkit.fluxcd.io/v1" => {
            json!({ "kind": "APIResourceList", "groupVersion": "kustomize.toolkit.fluxcd.io/v1", "resources": [resource("kustomizations", "Kustomization")] })
        }
        "/apis/helm.toolkit.fluxcd.io/v2" => {
            json!({ "kind": "APIResourceList", "groupVersion": "helm.toolkit.fluxcd.io/v2", "resources": [resource("helmreleases", "HelmRelease")] })
        }
        "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations" => list(vec![
            object("flux-system", "flux-system", &nothing, &json!({ "path": "./clusters/production" })),
            object("flux-system", "tenants", &nothing, &json!({ "path": "./tenants" })),
        ]),
        "/apis/helm.toolkit.fluxcd.io/v2/helmreleases" => {
            list(vec![object("shop", "db", &nothing, &nothing)])
        }
        _ => {
            return (
                404,
                json!({ "kind": "Status", "code": 404, "message": "not found", "status": "Failure" }),
            );
        }
    };
    (200, answer)
}

#[test]
fn what_is_on_one_side_only_is_told() {
    let home = cloned("overlays");
    let server = Server::new(production);
    kubeconfig(&home, &format!("http://127.0.0.1:{}", server.port), "{token: t}");
    let answer = home.rwenv("ro", &["services", "drift", "--json"]);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    let value: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(value["root"], "clusters/production", "the root is known by what the cluster applies");
    assert_eq!(value["onlyInGit"].as_array().unwrap().len(), 1, "{value}");
    assert_eq!(value["onlyInGit"][0]["name"], "shop");
    assert_eq!(value["onlyInGit"][0]["place"], "tenants/shop.yaml:1");
    let there: Vec<&str> =
        value["onlyInCluster"].as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap()).collect();
    assert_eq!(there, ["by-hand", "db-pooler", "db"], "what a release made that is not in Git is not either");
    assert_eq!(value["releases"]["shop/db"], json!(["Deployment/db-pooler"]));
    assert_eq!(value["matched"], 4);

    let answer = home.rwenv("ro", &["guide", "regenerate"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let summary =
        "Cluster: 4 objects are in Git and there, 1 only in Git, 3 only there (rwenv services drift)";
    assert!(answer.stdout.contains(summary), "{}", answer.stdout);
    let kept: Value = serde_json::from_str(&home.read(".claude/rwenv/catalog/ro/cluster.json")).unwrap();
    assert_eq!(kept["cluster"], "ro-ctx");
    let asked = server.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|line| line.starts_with("GET ")), "it only looks: {asked:?}");
    let before = asked.len();
    assert_eq!(home.rwenv("ro", &["guide", "regenerate", "--offline"]).code, 0);
    assert_eq!(server.asked.lock().unwrap().len(), before);
}

#[test]
fn a_cluster_that_cannot_be_asked_costs_one_line() {
    let home = cloned("monorepo");
    let status = |code: u16, message: &str| {
        let body = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message });
        move |_: &str| (code, body.clone())
    };
    let expired = Server::new(status(401, "Unauthorized"));
    let forbidden = Server::new(status(403, "deployments.apps is forbidden: User \"agent\" cannot list"));
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let at = |port: u16| format!("http://127.0.0.1:{port}");
    for (server, user, words) in [
        (
            at(expired.port),
            "{token: t}",
            "no credentials for context 'ro-ctx': they are not valid, or no longer; sign in again",
        ),
        (
            at(forbidden.port),
            "{token: t}",
            "refuses to list deployments: deployments.apps is forbidden: User \"agent\" cannot list",
        ),
        (at(gone), "{token: t}", "does not answer: Connection refused"),
        (
            at(gone),
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never}}",
            "no credentials for context 'ro-ctx'",
        ),
    ] {
        kubeconfig(&home, &server, user);
        let answer = home.rwenv("ro", &["guide", "regenerate"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(answer.stdout.contains("3 services mapped"), "{}", answer.stdout);
        let said: Vec<&str> = answer.stderr.lines().collect();
        assert_eq!(said.len(), 1, "said once: {said:?}");
        assert!(
            said[0].starts_with("only the repository was read: ") && said[0].contains(words),
            "{words}: {}",
            said[0]
        );
        let drift = home.rwenv("ro", &["services", "drift"]);
        assert!(drift.code == 1 && drift.stderr.contains(words), "{}", drift.stderr);
    }
    home.write(".kube/config", "apiVersion: v1\nkind: Config\n");
    let answer = home.rwenv("ro", &["guide", "regenerate"]);
    assert!(answer.stderr.contains("it has no context 'ro-ctx'"), "{}", answer.stderr);
    std::fs::remove_file(home.path(".kube/config")).unwrap();
    let answer = home.rwenv("ro", &["guide", "regenerate"]);
    assert!(answer.stderr.contains(".kube/config cannot be used: "), "{}", answer.stderr);
}

#[test]
fn a_real_api_server_is_asked() {
    let Some(server) = ApiServer::start() else { return };
    server.flux_kinds();
    server.apply(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: backend-services}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: papi, namespace: backend-services}\n\
         spec: {selector: {matchLabels: {app: p}}, template: {metadata: {labels: {app: p}}, spec: {containers: [{name: p, image: p}]}}}\n---\n\
         apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: vars, namespace: flux-system}\nspec: {path: ./infrastructure/vars}\n---\n\
         apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: stray, namespace: flux-system}\n",
    );
    let home = cloned("monorepo");
    home.write(".kube/config", &server.kubeconfig("ro-ctx"));
    let answer = home.rwenv("ro", &["services", "drift", "--json"]);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    let value: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(value["matched"], 2, "papi and vars: {value}");
    let there: Vec<&str> =
        value["onlyInCluster"].as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap()).collect();
    assert_eq!(there, ["stray"], "the Service that the server makes of its own is no drift");
    let in_git = value["onlyInGit"].as_array().unwrap().iter();
    assert!(in_git.clone().any(|only| only["name"] == "celery-worker"));
    assert!(in_git.clone().all(|only| only["name"] != "papi"));
}
