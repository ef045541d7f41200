//! Notices: what an agent changed without a question is told to a person's command or server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::daemon::Setting;

/// A change of the rwenv `go` that passes without a question.
const CHANGE: &str = "flux reconcile kustomization apps";

/// A HOME whose rwenv `go` tells this.
fn telling(to: &str) -> Setting {
    let it = Setting::new();
    let edited = it.home.rwenv("", &["edit", "go", "--notify", to]);
    assert_eq!(edited.code, 0, "{}", edited.stderr);
    it
}

/// What the daemon says of the notices of `go`.
fn state(it: &Setting) -> Value {
    it.health()["notices"][0].clone()
}

/// The doctor's line about them.
fn doctor(it: &Setting) -> Value {
    let told = it.home.rwenv("", &["doctor", "--json", "--offline"]).stdout;
    let all: Vec<Value> = serde_json::from_str(&told).unwrap();
    all.into_iter().find(|check| check["id"] == "notices").unwrap_or_default()
}

/// A server that answers with these statuses, one a request, and keeps what was asked: first line, credentials, body.
fn server(statuses: &'static [u16]) -> (u16, Arc<Mutex<Vec<[String; 3]>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (stream, status) in listener.incoming().flatten().zip(statuses) {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut authorization, mut length) = (String::new(), String::new(), 0);
            reader.read_line(&mut first).unwrap();
            loop {
                let mut header = String::new();
                reader.read_line(&mut header).unwrap();
                let Some((name, value)) = header.trim().split_once(": ") else { break };
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.parse().unwrap(),
                    "authorization" => value.clone_into(&mut authorization),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            kept.lock().unwrap().push([first.trim().to_owned(), authorization, body]);
            let mut stream = stream;
            write!(stream, "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    });
    (port, asked)
}

#[test]
fn a_command_is_told_changes_and_nothing_else() {
    let it = telling("cat >> told; echo >> told");
    assert_eq!(doctor(&it)["state"], "warn", "{}", doctor(&it));
    assert!(doctor(&it)["says"].as_str().unwrap().contains("not running"), "{}", doctor(&it));
    it.start();
    let told = || std::fs::read_to_string(it.home.path("told")).unwrap_or_default();
    it.home.hook("go", "kubectl get pods");
    it.home.hook("go", "kubectl delete pod web-0");
    it.home.hook("rw", "kubectl delete pod web-0");
    it.home.hook(
        "go",
        &format!("{CHANGE} && curl -H 'Authorization: Bearer abcdefgh12345678' https://example.com"),
    );
    it.until("it is told", || told().ends_with('\n'));
    let told_once = told();
    let notice: Value = serde_json::from_str(&told_once).unwrap();
    assert!(!told_once.contains("abcdefgh12345678") && !told_once.contains("delete"), "{told_once}");
    let first = "rwenv go: changed without a question: flux reconcile kustomization apps";
    assert!(notice["text"].as_str().unwrap().starts_with(first), "{notice}");
    assert_eq!((&notice["rwenv"], &notice["more"]), (&"go".into(), &0.into()));
    let change = &notice["changes"][0];
    assert_eq!((&change["door"], &change["effects"][0]), (&"claude".into(), &"reconcile".into()), "{change}");
    assert_eq!(change["cwd"], it.home.path("go").to_str().unwrap());
    it.until("it is counted", || state(&it)["sent"] == 1);
    assert_eq!(doctor(&it)["state"], "ok");

    // What is done while nobody tells is told later, and nothing twice.
    it.until("how far it was told is kept", || it.home.path(".claude/rwenv/run/told.json").exists());
    it.daemon(&["stop"]);
    it.home.hook("go", "flux reconcile helmrelease late");
    it.start();
    it.until("it is told later", || told().contains("late"));
    assert_eq!(told().matches("kustomization apps").count(), told_once.matches("kustomization apps").count());
}

#[test]
fn a_server_is_told_and_asked_again() {
    let (port, asked) = server(&[500, 204]);
    let it = telling(&format!("http://me:pw@127.0.0.1:{port}/hooks/T0K3N?x=1"));
    it.start();
    it.home.hook("go", CHANGE);
    it.until("it is told", || state(&it)["sent"] == 1);
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|[first, ..]| first.starts_with("POST /hooks/T0K3N?x=1 ")), "{asked:?}");
    assert!(asked.iter().all(|[_, authorization, _]| authorization == "Basic bWU6cHc="), "{asked:?}");
    let notice: Value = serde_json::from_str(&asked[1][2]).unwrap();
    assert_eq!(notice["changes"][0]["command"], CHANGE);
    assert_eq!(state(&it)["failed"], 0);
}

#[test]
fn what_cannot_be_told_is_said_without_the_address() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let it = telling(&format!("http://127.0.0.1:{port}/hooks/T0K3N"));
    it.start();
    it.home.hook("go", CHANGE);
    it.until("it goes on", || it.daemon(&["status"]).code == 0);
    it.until("it has failed", || state(&it)["failed"] == 1);
    let status = it.daemon(&["status"]).stdout;
    assert!(status.contains("notices        go: 1 notice not sent, last at "), "{status}");
    assert!(doctor(&it)["state"] == "warn" && doctor(&it)["says"].as_str().unwrap().contains("not sent"));
    assert!(!format!("{status}{}{}", it.log(), doctor(&it)).contains("T0K3N"));
}

#[test]
fn an_agent_names_nobody_to_tell() {
    let it = Setting::new();
    let denied = it.home.hook("none", "rwenv add new --context x --notify 'touch /tmp/x'");
    assert_eq!(denied.decision(), "deny");
    let asked = it.home.hook("none", "rwenv add new --context x");
    assert_eq!(asked.decision(), "ask");
}
