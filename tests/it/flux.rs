//! Operations of Flux on a real API server, with a stand-in for its controllers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tokio_rustls::rustls;

use crate::api_guard::Guarded;
use crate::apiserver::ApiServer;
use crate::support::Answer;

/// What is there beside the objects every test of the cluster has.
const MORE: &str = "
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: flux-system}
spec: {path: ./web, interval: 10m, sourceRef: {kind: GitRepository, name: flux-system}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: flux-system}
spec: {url: \"https://charts.example.com\"}
---
apiVersion: v1
kind: Event
metadata: {name: apps.1, namespace: flux-system}
involvedObject: {apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, name: apps, namespace: flux-system}
type: Warning
reason: BuildFailed
message: no such file
lastTimestamp: 2026-01-02T03:04:05Z
---
apiVersion: v1
kind: Event
metadata: {name: pod.1, namespace: app}
involvedObject: {apiVersion: v1, kind: Pod, name: web-0, namespace: app}
type: Warning
reason: BackOff
message: a pod of nobody
lastTimestamp: 2026-01-02T03:04:05Z
";

/// Sets the state of objects once a reconciliation is asked for, as a controller does.
pub(crate) struct Controller {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Controller {
    /// For objects as `(resource, namespace, name)`; what it says of them is `Ready` with this status.
    fn new(
        server: &ApiServer,
        config: &str,
        ready: &'static str,
        objects: &[(&'static str, &'static str, &'static str)],
    ) -> Self {
        Self::at(server, config, ready, objects, || "main@sha1:0123456789abcdef".to_owned())
    }

    /// The same, of the revision there is at the moment.
    pub(crate) fn at(
        server: &ApiServer,
        config: &str,
        ready: &'static str,
        objects: &[(&'static str, &'static str, &'static str)],
        revision: impl Fn() -> String + Send + 'static,
    ) -> Self {
        std::fs::write(config, server.kubeconfig("controller")).unwrap();
        let (config, objects) = (config.to_owned(), objects.to_vec());
        let ends = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ends);
        let kubectl = move |arguments: &[&str]| {
            let output = assert_cmd::Command::new("kubectl")
                .args(["--kubeconfig", &config])
                .args(arguments)
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let thread = std::thread::spawn(move || {
            while !end.load(Ordering::SeqCst) {
                for (resource, namespace, name) in &objects {
                    let Ok(object) = serde_json::from_str::<Value>(&kubectl(&[
                        "get", resource, name, "-n", namespace, "-o", "json",
                    ])) else {
                        continue;
                    };
                    let asked = &object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"];
                    if asked.is_null() || object["status"]["lastHandledReconcileAt"] == *asked {
                        continue;
                    }
                    let status = json!({ "status": {
                        "observedGeneration": object["metadata"]["generation"],
                        "lastHandledReconcileAt": asked,
                        "lastAppliedRevision": revision(),
                        "conditions": [{ "type": "Ready", "status": ready, "reason": "Reconciled", "message": format!("{name} says {ready}"), "lastTransitionTime": "2026-01-01T00:00:00Z" }],
                    }});
                    kubectl(&[
                        "patch",
                        resource,
                        name,
                        "-n",
                        namespace,
                        "--subresource=status",
                        "--type=merge",
                        "-p",
                        &status.to_string(),
                    ]);
                }
            }
        });
        Self { ends, thread: Some(thread) }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Guarded {
    fn flux(&self, rwenv: &str, line: &str) -> Answer {
        let words: Vec<&str> = std::iter::once("flux").chain(line.split(' ')).collect();
        self.setting.home.rwenv(rwenv, &words)
    }

    fn config(&self, name: &str) -> String {
        self.setting.home.path(name).display().to_string()
    }
}

fn with_more() -> Option<Guarded> {
    let guarded = Guarded::new()?;
    guarded.server.apply(MORE);
    Some(guarded)
}

#[test]
fn what_is_sent_is_what_the_flux_program_sends_and_it_waits_for_what_comes_of_it() {
    let Some(it) = with_more() else { return };
    let objects = [
        ("ks", "flux-system", "apps"),
        ("gitrepositories.source.toolkit.fluxcd.io", "flux-system", "flux-system"),
    ];
    let controller = Controller::new(&it.server, &it.config("controller"), "True", &objects);
    let done = it.flux("rw", "reconcile apps --with-source --timeout 20s --json");
    assert_eq!(done.code, 0, "{}", done.stderr);
    let said: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(
        (said["ready"].as_str(), said["revision"].as_str()),
        (Some("True"), Some("main@sha1:0123456789abcdef"))
    );
    assert!(
        done.stderr.contains("GitRepository flux-system/flux-system annotated")
            && done.stderr.contains("Kustomization flux-system/apps is ready"),
        "{}",
        done.stderr
    );
    for line in
        ["reconcile-source flux-system --timeout 20s", "reconcile source git flux-system --timeout 20s"]
    {
        let done = it.flux("rw", line);
        assert_eq!(done.code, 0, "{line}: {}", done.stderr);
    }
    drop(controller);
    let suspended = it.flux("rw", "suspend ks apps");
    assert_eq!(suspended.code, 0, "{}", suspended.stderr);
    assert!(it.flux("rw", "suspend ks/apps").stdout.contains("as it was"));
    let suspended = it.flux("rw", "reconcile apps");
    assert!(
        suspended.code == 1 && suspended.stderr.contains("is suspended; rwenv flux resume"),
        "{}",
        suspended.stderr
    );
    assert_eq!(it.flux("rw", "resume apps -n flux-system").code, 0);
    let patches = it.server.patches();
    let order: Vec<&str> = patches.iter().map(|(of, _)| of.as_str()).collect();
    assert_eq!(
        order,
        [
            "gitrepositories/flux-system",
            "kustomizations/apps",
            "gitrepositories/flux-system",
            "gitrepositories/flux-system",
            "kustomizations/apps",
            "kustomizations/apps"
        ]
    );
    for (of, patch) in &patches[..4] {
        let annotations = patch["metadata"]["annotations"].as_object().unwrap();
        assert_eq!((patch.as_object().unwrap().len(), annotations.len()), (1, 1), "{of}: {patch}");
        assert!(
            annotations["reconcile.fluxcd.io/requestedAt"].as_str().unwrap().starts_with("20"),
            "{patch}"
        );
    }
    assert_eq!(patches[4].1, json!({ "spec": { "suspend": true } }));
    assert_eq!(patches[5].1, json!({ "spec": { "suspend": null } }));
}

#[test]
fn what_fails_takes_too_long_or_is_not_there_is_told() {
    let Some(it) = with_more() else { return };
    let late = it.flux("rw", "reconcile apps --timeout 1s");
    assert!(late.code == 1 && late.stderr.contains("is not ready after 1 s"), "{}", late.stderr);
    let controller =
        Controller::new(&it.server, &it.config("controller"), "False", &[("ks", "flux-system", "apps")]);
    let failed = it.flux("rw", "reconcile ks/apps --timeout 20s");
    assert_eq!(failed.code, 1);
    assert!(
        failed.stderr.contains("apps says False") && failed.stderr.contains("BuildFailed: no such file"),
        "{}",
        failed.stderr
    );
    drop(controller);
    let several = it.flux("rw", "suspend web");
    assert!(
        several.code == 1 && several.stderr.contains("ks/web -n flux-system, hr/web -n app"),
        "{}",
        several.stderr
    );
    let near = it.flux("rw", "reconcile app");
    assert!(
        near.code == 1 && near.stderr.contains("did you mean Kustomization flux-system/apps?"),
        "{}",
        near.stderr
    );
    let place = it.flux("rw", "reconcile hr/web -n elsewhere");
    assert!(place.stderr.contains("HelmRelease 'web' in namespace elsewhere"), "{}", place.stderr);
    let kind = it.flux("rw", "reconcile pod/web");
    assert!(kind.stderr.contains("is not a Flux kind"), "{}", kind.stderr);
    let provider = it.flux("rw", "reconcile-source apps");
    assert!(provider.code == 1, "{}", provider.stdout);
    let time = it.flux("rw", "reconcile apps --timeout soon");
    assert!(time.stderr.contains("is not a duration"), "{}", time.stderr);
    let cluster = it.flux("rw", "status --cluster nothing");
    assert!(cluster.code != 0 && cluster.stderr.contains("nothing"), "{}", cluster.stderr);
}

#[test]
fn every_verb_is_under_the_policy() {
    let Some(it) = with_more() else { return };
    let before = it.server.store();
    for line in [
        "reconcile apps",
        "suspend ks/apps",
        "resume ks/apps",
        "reconcile-source flux-system",
        "suspend-all --yes",
        "resume-all --yes",
    ] {
        let refused = it.flux("ro", line);
        assert_eq!(refused.code, 2, "{line}: {}", refused.stderr);
        assert!(
            refused
                .stderr
                .contains("rwenv 'ro' is read-only. Cannot modify Flux repo or trigger reconciliation."),
            "{line}: {}",
            refused.stderr
        );
        let other = it.flux("rw", &format!("{line} --cluster ro"));
        assert_eq!(other.code, 2, "from elsewhere: {line}");
        assert_eq!(it.setting.home.hook("ro", &format!("rwenv flux {line}")).decision(), "deny", "{line}");
        assert_eq!(
            it.setting.home.hook("rw", &format!("rwenv flux {line} --cluster ro")).decision(),
            "deny",
            "{line}"
        );
    }
    let asked = it.flux("go", "suspend ks/apps");
    assert!(asked.code == 2 && asked.stderr.contains("rwenv grant"), "{}", asked.stderr);
    assert_eq!(it.setting.home.hook("go", "rwenv flux suspend ks/apps").decision(), "ask");
    assert_eq!(it.server.store(), before);
    assert_eq!(it.flux("go", "resume ks/apps").code, 0);
    for line in ["status", "events", "check", "alerts", "tree ks/apps", "trace ks/apps -n flux-system"] {
        assert_ne!(it.flux("ro", line).code, 2, "{line}");
        assert_eq!(it.setting.home.hook("ro", &format!("rwenv flux {line}")).decision(), "allow", "{line}");
    }
    assert!(it.setting.home.read(".claude/rwenv/audit/audit.jsonl").contains("\"door\":\"cli\""));
}

#[test]
fn an_emergency_stop_asks_and_can_be_taken_back() {
    let Some(it) = with_more() else { return };
    let asks = it.flux("rw", "suspend-all");
    assert!(
        asks.code == 1
            && asks.stderr.contains("ALL reconciliation: 2 Kustomizations")
            && asks.stderr.contains("--yes"),
        "{}",
        asks.stderr
    );
    let suspended = |wanted: &str| {
        let all = it.server.kubectl(&["get", "ks", "-A", "-o", "jsonpath={.items[*].spec.suspend}"], "");
        assert_eq!(all, wanted);
    };
    suspended("");
    assert_eq!(it.flux("rw", "suspend-all --yes").code, 0);
    suspended("true true");
    assert!(it.flux("rw", "suspend-all --yes").stdout.contains("all 2 Kustomizations are suspended already"));
    assert_eq!(it.flux("rw", "resume-all").code, 0);
    suspended("");
}

#[test]
fn what_there_is_is_shown() {
    let Some(it) = with_more() else { return };
    let ready = json!({ "status": { "observedGeneration": 1, "lastAppliedRevision": "main@sha1:0123456789abcdef", "conditions": [{ "type": "Ready", "status": "True", "message": "Applied revision" }],
        "inventory": { "entries": [{ "id": "app_web_apps_Deployment", "v": "v1" }, { "id": "_system__x_rbac.authorization.k8s.io_ClusterRole", "v": "v1" }, { "id": "flux-system_web_kustomize.toolkit.fluxcd.io_Kustomization", "v": "v1" }, { "id": "flux-system_gone_kustomize.toolkit.fluxcd.io_Kustomization", "v": "v1" }] } } });
    it.server.kubectl(
        &[
            "patch",
            "ks",
            "apps",
            "-n",
            "flux-system",
            "--subresource=status",
            "--type=merge",
            "-p",
            &ready.to_string(),
        ],
        "",
    );
    let labels = [
        "label",
        "deploy",
        "web",
        "-n",
        "app",
        "kustomize.toolkit.fluxcd.io/name=apps",
        "kustomize.toolkit.fluxcd.io/namespace=flux-system",
    ];
    it.server.kubectl(&labels, "");

    let status = it.flux("ro", "status");
    assert_eq!(status.code, 1, "not all is ready");
    assert!(
        status.stdout.contains("main@01234567") && status.stdout.contains("Applied revision"),
        "{}",
        status.stdout
    );
    let status = it.flux("ro", "status --type ks --json");
    let rows: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!((rows[0]["name"].as_str(), rows[0]["ready"].as_str()), (Some("apps"), Some("True")));
    assert_eq!((rows[1]["name"].as_str(), rows[1]["ready"].as_str()), (Some("web"), Some("Unknown")));
    assert!(!it.flux("ro", "status --failing --type ks").stdout.contains("apps"));

    let events = it.flux("ro", "events --json");
    let all: Value = serde_json::from_str(&events.stdout).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 1, "of Flux alone: {all}");
    assert!(it.flux("ro", "events --for ks/apps").stdout.contains("no such file"));
    assert!(it.flux("ro", "events --for hr/web").stderr.contains("no events"));
    assert!(it.flux("ro", "alerts").stdout.contains("BuildFailed"));

    let tree = it.flux("ro", "tree apps").stdout;
    assert!(tree.starts_with("Kustomization/flux-system/apps\n├── ClusterRole/system:x\n├── Deployment/app/web\n├── Kustomization/flux-system/gone\n└── Kustomization/flux-system/web"), "{tree}");
    let trace = it.flux("ro", "trace deploy/web -n app");
    assert!(
        trace.stdout.contains("Deployment app/web")
            && trace.stdout.contains("./apps")
            && trace.stdout.contains("https://git.example.com/flux.git"),
        "{}{}",
        trace.stdout,
        trace.stderr
    );
    let none = it.flux("ro", "trace pod/web-0 -n app");
    assert!(none.code == 1 && none.stderr.contains("carries no labels of Flux"), "{}", none.stderr);
    let kind = it.flux("ro", "trace nonsense/web -n app");
    assert!(kind.stderr.contains("kubectl api-resources"), "{}", kind.stderr);
    let check = it.flux("ro", "check");
    assert!(
        check.code == 1
            && check.stdout.contains("FAIL controllers")
            && check.stdout.contains("kustomizations.kustomize.toolkit.fluxcd.io"),
        "{}",
        check.stdout
    );
}

/// A stand-in for a kubelet: it answers with a controller's log.
fn kubelet(lines: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = Arc::new(
        config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap(),
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(rustls::StreamOwned::new(connection, stream.unwrap()));
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n";
            let _ = stream.get_mut().write_all(format!("{head}{lines}").as_bytes());
            stream.get_mut().conn.send_close_notify();
            let _ = stream.get_mut().flush();
        }
    });
    port
}

#[test]
fn what_controllers_write_is_read_and_filtered() {
    let Some(it) = with_more() else { return };
    let port = kubelet(concat!(
        "starting\n",
        r#"{"level":"info","ts":"2026-01-01T00:00:00Z","msg":"applied","controllerKind":"Kustomization","name":"apps","namespace":"flux-system"}"#,
        "\n",
        r#"{"level":"error","ts":"2026-01-01T00:00:01Z","msg":"Reconciler error","controllerKind":"HelmRelease","name":"web","namespace":"app","error":"no chart"}"#,
        "\n",
    ));
    let node = json!({ "status": { "addresses": [{ "type": "InternalIP", "address": "127.0.0.1" }], "daemonEndpoints": { "kubeletEndpoint": { "Port": port } } } });
    it.server.kubectl(
        &["patch", "node", "n1", "--subresource=status", "--type=merge", "-p", &node.to_string()],
        "",
    );
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}-0, namespace: flux-system, labels: {{app: {name}, app.kubernetes.io/part-of: flux}}}}\nspec: {{nodeName: n1, containers: [{{name: manager, image: x}}]}}\n---\n"
        )
    };
    it.server.apply(&[pod("kustomize-controller"), pod("helm-controller")].concat());
    let all = it.flux("ro", "logs");
    assert_eq!((all.code, all.stdout.lines().count()), (0, 4), "{}{}", all.stdout, all.stderr);
    assert!(
        all.stdout.contains("2026-01-01T00:00:01Z error HelmRelease/web.app - Reconciler error no chart"),
        "{}",
        all.stdout
    );
    let some = it.flux("ro", "logs --level error --controller helm-controller --tail 5 --since 1h");
    assert_eq!(some.stdout.lines().count(), 1, "{}{}", some.stdout, some.stderr);
    let json =
        it.flux("ro", "logs --kind kustomization --name apps --controller kustomize-controller --json");
    let line: Value = serde_json::from_str(json.stdout.trim()).unwrap();
    assert_eq!(line["controller"], "kustomize-controller");
    let none = it.flux("ro", "logs --controller nothing");
    assert!(
        none.code == 1 && none.stderr.contains("there are helm-controller, kustomize-controller"),
        "{}",
        none.stderr
    );
    // The same through the guard, with kubectl.
    let through = it.run("ro", &["kubectl", "logs", "helm-controller-0", "-n", "flux-system", "-f"]);
    assert!(through.code == 0 && through.stdout.contains("Reconciler error"), "{}", through.stderr);
}

#[test]
fn a_cluster_without_flux_or_without_an_answer_says_so() {
    let Some(mut server) = ApiServer::start() else { return };
    let home = crate::support::Home::new();
    home.write(".kube/config", &server.kubeconfig("ro-ctx"));
    let none = home.rwenv("ro", &["flux", "status"]);
    assert!(
        none.code == 1 && none.stderr.contains("Flux is not installed in the cluster at https://127.0.0.1"),
        "{}",
        none.stderr
    );
    server.flux_kinds();
    assert_eq!(home.rwenv("ro", &["flux", "status"]).code, 0, "what was not there is asked for again");
    server.stop();
    let gone = home.rwenv("ro", &["flux", "status"]);
    assert!(gone.code == 1 && gone.stderr.contains("does not answer"), "{}", gone.stderr);
    home.write(".kube/config", &server.kubeconfig("another"));
    let context = home.rwenv("ro", &["flux", "status"]);
    assert!(context.stderr.contains("it has no context 'ro-ctx'"), "{}", context.stderr);
}
