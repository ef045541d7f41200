//! Parts of the daemon that panic: started again, counted and told, and nothing of what they do is lost.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::api_memory::refused;
use crate::api_protocol::Access;
use crate::daemon::{CLONE, Setting, commit, framed, with_repository};
use crate::support::answer;

/// Starts a daemon one of whose parts panics a second later, with what others need locked.
fn start(it: &Setting, part: &str) {
    let mut command = it.home.command(env!("CARGO_BIN_EXE_rwenv"), &it.home.path(""));
    let started = answer(command.env("RWENV_TEST_PANIC", part).args(["daemon", "start"]));
    assert_eq!(started.code, 0, "{} {}", started.stderr, it.log());
}

/// What is told of a part.
fn told(it: &Setting, part: &str) -> Value {
    let health = it.health();
    let all = health["parts"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|known| known["part"] == *part).unwrap_or_default()
}

fn wait(it: &Setting, part: &str) {
    it.until("it has failed", || told(it, part)["restarts"] == 1);
}

fn doctor(it: &Setting) -> Vec<Value> {
    let all = it.home.rwenv("", &["doctor", "--json", "--offline"]).stdout;
    let all: Vec<Value> = serde_json::from_str(&all).unwrap();
    all.into_iter().filter(|check| check["id"] == "daemon").collect()
}

#[test]
fn a_watch_that_panics_is_restarted_and_told() {
    let it = Setting::new();
    it.start();
    let parts = it.health()["parts"].clone();
    assert_eq!(parts.as_array().unwrap().len(), 12, "{parts}");
    assert!(parts.as_array().unwrap().iter().all(|part| part["restarts"] == 0), "{parts}");
    assert!(!it.daemon(&["status"]).stdout.contains("restarted"));
    assert!(doctor(&it).len() == 1 && doctor(&it)[0]["state"] == "ok", "{:?}", doctor(&it));
    it.daemon(&["stop"]);

    start(&it, "watch");
    wait(&it, "watch");
    it.home.write(".claude/rwenv/envs.json", "{");
    it.until("a change is noticed again", || it.health()["configError"].is_string());
    assert_eq!(it.health()["watching"], "notified");
    let watch = told(&it, "watch");
    assert!(watch["lastFailure"].as_str().unwrap().starts_with("panicked: "), "{watch}");
    assert!(watch["when"].as_str().unwrap().ends_with('Z'), "{watch}");
    let status = it.daemon(&["status"]).stdout;
    assert!(status.contains("watch failed and was restarted once, last at "), "{status}");
    let doctor = doctor(&it);
    let (says, fix) = (doctor[0]["says"].as_str().unwrap(), doctor[0]["fix"].as_str().unwrap());
    assert!(doctor[0]["state"] == "warn" && says.contains("its part watch failed"), "{says}");
    assert!(fix.contains("rwenv daemon logs") && fix.contains("update"), "{fix}");
    let log = it.log();
    assert!(log.contains("ERROR") && log.contains("part=\"watch\"") && log.contains("parts.rs:"), "{log}");
    assert!(it.home.rwenv("", &["audit"]).stdout.contains("part-failed"));
    assert_eq!(it.daemon(&["stop"]).code, 0);
}

#[test]
fn a_server_that_panics_answers_again_at_its_socket() {
    let it = Setting::new();
    start(&it, "server");
    let inode = || std::fs::metadata(it.socket()).unwrap().ino();
    let before = inode();
    wait(&it, "server");
    assert_eq!(it.frame(&framed("{\"version\":1,\"ask\":\"status\"}")).unwrap()["version"], 1);
    assert_eq!(inode(), before, "whoever connected meanwhile only waited");
    assert!(it.daemon(&["status"]).stdout.contains("server failed and was restarted once"));
}

#[test]
fn a_guard_that_panics_answers_again_at_its_port() {
    let it = Setting::new();
    start(&it, "guard");
    let kubeconfig = || it.home.read(".claude/rwenv/guard/ro.yaml");
    let (before, access) = (kubeconfig(), Access::of(&it.home, "ro"));
    let mut held = access.connect();
    refused(&access, &mut held);
    wait(&it, "guard");
    refused(&access, &mut access.connect());
    refused(&access, &mut held);
    assert_eq!(kubeconfig(), before);
    assert!(TcpListener::bind(access.address()).is_err(), "nobody else can have the port");
    let guard = it.health()["guard"].clone();
    assert!(guard["address"] == *access.address() && guard["error"].is_null(), "{guard}");
    assert_eq!(guard["refused"], 3, "it goes on counting");
}

#[test]
fn the_other_parts_go_on_too() {
    let it = Setting::new();
    with_repository(&it);
    start(&it, "sync");
    wait(&it, "sync");
    commit(&it, "later");
    it.frame(&framed("{\"version\":1,\"ask\":\"sync\"}"));
    it.until("it is synced", || {
        std::fs::read_to_string(it.home.path(CLONE)).is_ok_and(|text| text == "kind: later\n")
    });
    it.daemon(&["stop"]);

    start(&it, "flush");
    wait(&it, "flush");
    it.home.hook("ro", "kubectl delete pod web-0");
    let hash = || {
        let last = it.home.rwenv("", &["audit", "verify", "--json"]).stdout;
        serde_json::from_str::<Value>(&last).unwrap()["hash"].clone()
    };
    let anchor = || {
        let text = std::fs::read_to_string(it.home.path(".claude/rwenv/audit/anchor.json")).ok()?;
        Some(serde_json::from_str::<Value>(&text).ok()?["hash"].clone())
    };
    it.until("what is written is on the disk", || anchor() == Some(hash()));
    it.daemon(&["stop"]);

    start(&it, "hangup");
    wait(&it, "hangup");
    it.signal(Signal::SIGHUP);
    it.until("it is heard", || it.log().contains("asked to read the configuration again"));
    it.daemon(&["stop"]);

    start(&it, "health");
    wait(&it, "health");
    assert_eq!(it.daemon(&["stop"]).code, 0);
}
