//! The API guard as clients meet it that are not kubectl, and when things around it go wrong.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use serde_json::Value;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::api_guard::Guarded;
use crate::grant::at_terminal;
use crate::support::{Answer, Home, answer, skip};

/// A rwenv's address, token and CA file.
pub(crate) struct Access {
    url: String,
    token: String,
    authority: String,
}

/// A connection to the guard.
pub(crate) type Connection = StreamOwned<ClientConnection, TcpStream>;

impl Access {
    pub(crate) fn of(home: &Home, rwenv: &str) -> Self {
        let config: Value =
            serde_json::from_str(&home.read(&format!(".claude/rwenv/guard/{rwenv}.yaml"))).unwrap();
        let text = |pointer: &str| config.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        let authority = text("/clusters/0/cluster/certificate-authority-data");
        let authority = base64::engine::general_purpose::STANDARD.decode(authority).unwrap();
        let path = home.write("ca.pem", &String::from_utf8(authority).unwrap());
        Self {
            url: text("/clusters/0/cluster/server"),
            token: text("/users/0/user/token"),
            authority: path.display().to_string(),
        }
    }

    /// Where the guard listens.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("https://").unwrap()
    }

    pub(crate) fn connect(&self) -> Connection {
        let authority = CertificateDer::from_pem_file(&self.authority).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(self.address()).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), tcp)
    }

    /// The first lines of a request.
    pub(crate) fn head(&self, request: &str, length: usize) -> String {
        format!(
            "{request} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: {length}\r\n\r\n",
            self.address(),
            self.token
        )
    }
}

impl Guarded {
    fn access(&self, rwenv: &str) -> Access {
        Access::of(&self.setting.home, rwenv)
    }

    /// The status and what was answered to a request of curl's.
    pub(crate) fn curl(&self, rwenv: &str, path: &str, more: &[&str]) -> (String, String) {
        let access = self.access(rwenv);
        let bearer = format!("Authorization: Bearer {}", access.token);
        let told = self.bare(&access, path, &[&["-H", &bearer], more].concat());
        let (body, status) = told.stdout.rsplit_once('\n').unwrap_or(("", &told.stdout));
        (status.to_owned(), format!("{body}{}", told.stderr))
    }

    fn bare(&self, access: &Access, path: &str, more: &[&str]) -> Answer {
        let home = &self.setting.home;
        let mut curl = home.command("curl", &home.path(""));
        curl.args([
            "-sS",
            "--path-as-is",
            "--max-time",
            "20",
            "-w",
            "\n%{http_code}",
            "--cacert",
            &access.authority,
        ]);
        answer(curl.args(more).arg(format!("{}{path}", access.url)))
    }
}

pub(crate) fn message(body: &str) -> String {
    let status: Value = serde_json::from_str(body).unwrap_or_default();
    assert_eq!(status["kind"], "Status", "{body}");
    status["message"].as_str().unwrap().to_owned()
}

#[test]
fn who_is_not_known_or_speaks_another_language_is_turned_away() {
    let Some(guarded) = Guarded::new() else { return };
    let access = guarded.access("ro");
    let refused = |more: &[&str], code: &str, says: &str| {
        let (status, body) = guarded.curl("ro", "/api/v1/namespaces", more);
        assert_eq!(status, code, "{more:?}: {body}");
        assert!(body.contains(says), "{more:?}: {body}");
    };
    let told = guarded.bare(&access, "/api", &[]);
    assert!(told.stdout.ends_with("\n401") && told.stdout.contains("rwenv kubeconfig"), "{}", told.stdout);
    let wrong = guarded.bare(&access, "/api", &["-H", "Authorization: Bearer 0123"]);
    assert!(wrong.stdout.ends_with("\n401"), "{}", wrong.stdout);
    refused(&["-H", "Host: example.com"], "403", "host");
    refused(&["-H", "Host: 127.0.0.1"], "403", "host");
    refused(&["-H", "Origin: https://example.com"], "403", "web pages");
    refused(&["-H", "Impersonate-User: x"], "403", "request.not-understood");
    refused(&["-H", "X-Remote-User: x"], "403", "request.not-understood");
    refused(&["-H", "X-HTTP-Method-Override: DELETE"], "403", "request.not-understood");
    refused(&["-H", "Connection: Upgrade", "-H", "Upgrade: websocket"], "403", "changes the protocol");
    refused(&["-X", "OPTIONS"], "405", "OPTIONS");
    refused(&["-X", "get"], "405", "get");
    refused(&["--request-target", "https://127.0.0.1/api/v1/namespaces"], "403", "");
    refused(&["-X", "DELETE", "-d", "{}"], "403", "read-only.cluster-write");
    let plain = guarded.bare(
        &Access { url: access.url.replace("https", "http"), ..guarded.access("ro") },
        "/api",
        &[],
    );
    assert_ne!(plain.code, 0, "it speaks TLS alone");
    let long = "x".repeat(70_000);
    let (status, _) = guarded.curl("ro", "/api", &["-H", &format!("X-Long: {long}")]);
    assert!(status == "431" || status == "000", "{status}");
    let big = guarded.setting.home.write("big", &" ".repeat((3 << 20) + 1));
    let (status, body) = guarded.curl(
        "ro",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        &["-d", &format!("@{}", big.display())],
    );
    assert_eq!(status, "413", "{body}");
    let (status, body) = guarded.curl("ro", "/api/v1/namespaces/app/pods/web-0/status/more", &[]);
    assert!(status == "403" && body.contains("'status/more' is not known"), "{body}");
    let log = guarded.setting.home.read(".claude/rwenv/audit/audit.jsonl");
    assert!(log.contains("\"door\":\"guard\"") && log.contains("DELETE /api/v1/namespaces"), "{log}");
    assert!(!log.contains("\"decision\":\"allow\""), "reads are not on record: {log}");
    assert!(log.contains("turned-away") && log.contains("does not know this token"), "{log}");
    assert!(
        log.contains("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        "what is too large too: {log}"
    );
    for (file, expected) in [("identity.json", 0o600), ("ro.yaml", 0o400)] {
        let mode = std::fs::metadata(guarded.setting.home.path(&format!(".claude/rwenv/guard/{file}")))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, expected, "{file}");
    }
}

#[test]
fn a_header_that_can_be_read_in_two_ways_brings_no_secret_out() {
    let Some(guarded) = Guarded::new() else { return };
    // A content type that is one thing here and another there: a patch that copies a Secret's value into an annotation.
    let odd = guarded.setting.home.path("odd");
    std::fs::write(&odd, b"Content-Type: application/json-patch+json;\xff\n").unwrap();
    let copy = r#"[{"op":"copy","from":"/data/password","path":"/metadata/annotations/x"}]"#;
    let secret = "/api/v1/namespaces/app/secrets/db?dryRun=All";
    let plain = "Content-Type: application/json-patch+json";
    let merge = "Content-Type: application/merge-patch+json";
    for headers in [
        vec![format!("@{}", odd.display())],
        vec![plain.to_owned()],
        vec![merge.to_owned(), plain.to_owned()],
    ] {
        let mut more = vec!["-X", "PATCH", "-d", copy];
        more.extend(headers.iter().flat_map(|header| ["-H", header.as_str()]));
        let (status, body) = guarded.curl("ro", secret, &more);
        assert!(status == "403" && !body.contains("aHVudGVyMg"), "{headers:?}: {status} {body}");
    }
}

#[test]
fn answers_come_as_the_server_wrote_them() {
    let Some(guarded) = Guarded::new() else { return };
    let protobuf = guarded.setting.home.path("pb");
    let out = protobuf.display().to_string();
    let (status, _) = guarded.curl(
        "ro",
        "/api/v1/namespaces",
        &["-H", "Accept: application/vnd.kubernetes.protobuf", "-o", &out],
    );
    assert!(status == "200" && std::fs::read(&protobuf).unwrap().starts_with(b"k8s\0"));
    let (status, headers) =
        guarded.curl("ro", "/openapi/v2", &["-H", "Accept-Encoding: gzip", "-o", "/dev/null", "-D", "-"]);
    assert!(status == "200" && headers.to_ascii_lowercase().contains("content-encoding: gzip"), "{headers}");
    let (_, headers) = guarded.curl("ro", "/api/v1/namespaces", &["-o", "/dev/null", "-D", "-"]);
    assert!(headers.to_ascii_lowercase().contains("audit-id"), "{headers}");
    let (status, body) =
        guarded.curl("ro", "/api/v1/namespaces/app/secrets/db", &["-H", "Kubectl-Command: kubectl describe"]);
    assert!(status == "200" && body.contains("KioqKioqKg==") && !body.contains("aHVudGVyMg"), "{body}");
    let (status, body) = guarded.curl("ro", "/api/v1/namespaces/app/secrets/db", &[]);
    assert!(status == "403" && message(&body).contains("secrets.values"), "{body}");
    let (status, body) = guarded.curl("ro", "/api/v1/namespaces/app/nothing", &[]);
    assert_eq!(status, "404", "{body}");
}

#[test]
fn a_port_that_is_taken_a_server_that_goes_and_credentials_that_change() {
    let Some(mut guarded) = Guarded::new() else { return };
    let before = guarded.access("ro").url;
    guarded.setting.daemon(&["stop"]);
    let down = guarded.run("ro", &["kubectl", "get", "ns"]);
    assert!(down.code != 0 && down.stderr.contains("refused"), "{}", down.stderr);
    let taken = TcpListener::bind(before.strip_prefix("https://").unwrap()).unwrap();
    guarded.setting.start();
    let after = guarded.access("ro").url;
    assert_ne!(before, after);
    assert!(guarded.setting.log().contains("another program has the API guard's port"));
    assert!(guarded.setting.daemon(&["status"]).stdout.contains(after.strip_prefix("https://").unwrap()));
    assert_eq!(guarded.run("ro", &["kubectl", "get", "ns"]).code, 0);
    drop(taken);

    guarded.server.stop();
    let gone = guarded.run("ro", &["kubectl", "get", "ns"]);
    assert!(
        gone.stderr.contains("does not answer") && gone.stderr.contains("API guard cannot reach the cluster"),
        "{}",
        gone.stderr
    );
    guarded.server.tokens(&["a-token-for-tests", "a-new-token"]);
    guarded.server.again();
    assert_eq!(guarded.run("ro", &["kubectl", "get", "ns"]).code, 0, "it is back");

    let home = &guarded.setting.home;
    let config = home.read(".kube/ro");
    home.write(".kube/ro", &config.replace("a-token-for-tests", "an-old-token"));
    let ended = guarded.run("ro", &["kubectl", "get", "ns"]);
    assert!(ended.code != 0 && ended.stderr.contains("sign in again"), "{}", ended.stderr);
    home.write(".kube/ro", &config.replace("a-token-for-tests", "a-new-token"));
    assert_eq!(guarded.run("ro", &["kubectl", "get", "ns"]).code, 0, "new credentials count at once");
    home.write(".kube/ro", "no kubeconfig");
    let broken = guarded.run("ro", &["kubectl", "get", "ns"]);
    assert!(broken.stderr.contains(".kube/ro"), "{}", broken.stderr);
}

#[test]
fn what_a_person_grants_passes_and_nothing_beside_it() {
    let Some(guarded) = Guarded::new() else { return };
    let home = &guarded.setting.home;
    let run = |line: &str| guarded.run("ro", &line.split(' ').collect::<Vec<_>>());
    let refused = run("kubectl exec running -n app -- env");
    assert!(refused.stderr.contains("rwenv grant"), "{}", refused.stderr);
    for line in [
        "kubectl -n app delete pod web-0",
        "kubectl exec running -n app -- env",
        "kubectl get secret db -n app -o yaml",
    ] {
        let Some(made) = at_terminal(home, "ro", &format!("grant --for 5m -- {line}"), "y\n", false) else {
            skip("there is no script(1) here to make a terminal");
            return;
        };
        assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
    }
    let reached = run("kubectl exec running -n app -- env");
    assert!(reached.code != 0 && !reached.stderr.contains("instead:"), "{}", reached.stderr);
    assert!(run("kubectl get secret db -n app -o yaml").stdout.contains("aHVudGVyMg"));
    for line in [
        "kubectl delete pod running -n app",
        "kubectl delete deploy web -n app",
        "kubectl exec web-0 -n app -- env",
        "kubectl get secrets -n app -o yaml",
    ] {
        let told = run(line);
        assert!(told.stderr.contains("instead:"), "{line}: {} {}", told.stdout, told.stderr);
    }
    assert_eq!(run("kubectl delete pod web-0 -n app --wait=false").code, 0);
    assert!(home.read(".claude/rwenv/audit/audit.jsonl").contains("read-only.cluster-write (granted)"));
}

/// A person opens a namespace in an incident: real kubectl, with the credentials that agents have, changes what lies in it and nothing else.
#[test]
fn a_grant_for_a_namespace_counts_at_the_guard() {
    let Some(guarded) = Guarded::new() else { return };
    let home = &guarded.setting.home;
    let run = |line: &str| guarded.run("ro", &line.split(' ').collect::<Vec<_>>());
    let inside = "kubectl scale deploy/web -n app --replicas 4";
    let before = guarded.server.store();
    let told = run(inside);
    assert!(told.code != 0 && told.stderr.contains("[read-only.cluster-write]"), "{}", told.stderr);
    assert_eq!(guarded.server.store(), before);
    let grant = "grant --env ro -n app --for 5m --reason 'INC-7 too few'";
    let Some(made) = at_terminal(home, "", grant, "y\n", false) else {
        skip("there is no script(1) here to make a terminal");
        return;
    };
    assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
    let told = run(inside);
    assert!(told.code == 0 && told.stderr.contains("Warning: rwenv: allowed by grant"), "{}", told.stderr);
    assert!(told.stderr.contains("INC-7 too few"), "{}", told.stderr);
    let replicas = ["get", "deploy", "web", "-n", "app", "-o", "jsonpath={.spec.replicas}"];
    assert_eq!(guarded.server.kubectl(&replicas, ""), "4");
    let before = guarded.server.store();
    for line in [
        "kubectl delete cm kube-root-ca.crt -n kube-system",
        "kubectl create configmap c -n default --from-literal=a=b",
        "kubectl label ns app x=y",
        "kubectl delete ns app --wait=false",
        "kubectl create clusterrole r -n app --verb=get --resource=pods",
        "kubectl get secret db -n app -o yaml",
    ] {
        let told = run(line);
        assert!(
            told.code != 0 && told.stderr.contains("instead:"),
            "{line}: {} {}",
            told.stdout,
            told.stderr
        );
    }
    assert_eq!(guarded.server.store(), before);
    assert!(home.rwenv("", &["grant", "--revoke"]).stdout.contains("1 revoked"));
    assert!(run(inside).stderr.contains("[read-only.cluster-write]"));
}

#[test]
fn sessions_of_guarded_rwenvs_go_through_it_and_others_do_not() {
    let Some(guarded) = Guarded::new() else { return };
    let home = &guarded.setting.home;
    let start = |folder: &str| {
        let file = home.path(&format!("{folder}.env"));
        std::fs::create_dir_all(home.path(".claude/rwenv/shims")).unwrap();
        let mut command = home.command(crate::support::hook(), &home.path(folder));
        let kubectl = crate::support::which("kubectl");
        command
            .env("PATH", format!("{}:/usr/bin:/bin", kubectl.parent().unwrap().display()))
            .env("CLAUDE_ENV_FILE", &file);
        let event = serde_json::json!({ "session_id": "s", "cwd": home.path(folder), "hook_event_name": "SessionStart", "source": "startup" });
        let said = answer(command.arg("claude").write_stdin(event.to_string()));
        format!("{}{}", std::fs::read_to_string(file).unwrap(), said.stdout)
    };
    for folder in ["ro", "go"] {
        let text = start(folder);
        assert!(text.contains(&format!(".claude/rwenv/guard/{folder}.yaml")), "{text}");
        assert_eq!(home.hook(folder, "kubectl get pods").decision(), "allow");
    }
    assert!(start("rw").contains(".claude/rwenv/kube/rw.yaml"));
    guarded.setting.daemon(&["stop"]);
    let text = start("ro");
    assert!(
        text.contains("the API guard is not running") && text.contains(".claude/rwenv/kube/ro.yaml"),
        "{text}"
    );
    let printed = home.rwenv("", &["kubeconfig", "ro"]);
    assert!(
        printed.stdout.trim_end().ends_with("/guard/ro.yaml")
            && printed.stderr.contains("rwenv daemon start")
    );
    let none = home.rwenv("", &["kubeconfig", "nothing"]);
    assert!(none.code == 1 && none.stderr.contains("there is no rwenv 'nothing'"), "{}", none.stderr);
}

/// What is answered to a body that is sent but for its last byte, which follows when `end` is said.
fn answered(access: &Access, end: &AtomicBool) -> String {
    let mut stream = access.connect();
    stream.sock.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let head = access.head("PUT /api/v1/namespaces/app/pods/web-0", 2_900_001);
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![b' '; 2_900_000]).unwrap();
    // Not before: what is written waits for what is read.
    stream.get_ref().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (mut bytes, mut ended) = ([0; 64], false);
    loop {
        match stream.read(&mut bytes) {
            Ok(count) => return String::from_utf8_lossy(&bytes[..count]).into_owned(),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return error.to_string(),
        }
        if end.load(Ordering::Relaxed) && !std::mem::replace(&mut ended, true) {
            stream.write_all(b" ").unwrap();
        }
    }
}

/// More bodies than there is room for, each of which waits with its last byte.
#[test]
fn bodies_that_are_sent_slowly_take_no_more_than_a_share() {
    let Some(guarded) = Guarded::new() else { return };
    let (access, end) = (Arc::new(guarded.access("ro")), Arc::new(AtomicBool::new(false)));
    let (tell, told) = std::sync::mpsc::channel();
    for _ in 0..14 {
        let (access, end, tell) = (Arc::clone(&access), Arc::clone(&end), tell.clone());
        std::thread::spawn(move || tell.send(answered(&access, &end)));
    }
    let next = || told.recv_timeout(Duration::from_secs(60)).unwrap();
    // Ten times 3 MiB are less than 32 MiB, and eleven times more.
    let refused: Vec<String> = (0..4).map(|_| next()).collect();
    assert!(refused.iter().all(|answer| answer.starts_with("HTTP/1.1 429 ")), "{refused:?}");
    let (status, _) = guarded.curl("go", "/api/v1/namespaces/app/pods/web-0", &["-X", "DELETE", "-d", "{}"]);
    assert_eq!(status, "403", "another rwenv has room of its own");
    end.store(true, Ordering::Relaxed);
    let ended: Vec<String> = (0..10).map(|_| next()).collect();
    assert!(ended.iter().all(|answer| answer.starts_with("HTTP/1.1 403 ")), "{ended:?}");
    let (status, body) = guarded.curl("ro", "/api/v1/namespaces/app/pods/web-0", &["-X", "PUT", "-d", "{}"]);
    assert_eq!(status, "403", "what has ended gives back its room: {body}");
}
