//! Context for a session: with a server of documentation, without one, interrupted, and several at a time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::knowledge::unpack_into;
use crate::support::{Answer, Home};

/// A server that has every page but one, and counts what it is asked for.
struct Docs {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Docs {
    /// With answers that take their time.
    fn start(delay: Duration) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mirror/", server.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = server.accept() {
                let count = Arc::clone(&count);
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    loop {
                        let (mut first, mut line) = (String::new(), String::new());
                        if reader.read_line(&mut first).unwrap_or(0) == 0 {
                            return;
                        }
                        while reader.read_line(&mut line).unwrap_or(0) > 2 {
                            line.clear();
                        }
                        count.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(delay);
                        let path = first.split(' ').nth(1).unwrap_or_default();
                        let good = path.starts_with("/mirror/content/en/flux/") && path.ends_with(".md");
                        let status =
                            if good && !path.contains("mozilla-sops") { "200 OK" } else { "404 Not Found" };
                        let body = format!("# {path}\n");
                        let said =
                            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                        if reader.get_mut().write_all(said.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn project() -> Home {
    let home = Home::empty();
    std::fs::create_dir_all(home.path("project")).unwrap();
    unpack_into("deploy", &home.path("project"));
    home
}

fn load(home: &Home, arguments: &[&str]) -> Answer {
    home.rwenv("project", &[&["context", "load"], arguments].concat())
}

fn state(answer: &Answer) -> Value {
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    serde_json::from_str(&answer.stdout).unwrap()
}

fn sources(state: &Value, list: &str) -> Vec<String> {
    let all = state["context_sources"][list].as_array().unwrap();
    all.iter().map(|one| one["source"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_session_says_what_the_project_is_and_where_its_knowledge_comes_from() {
    let (home, docs) = (project(), Docs::start(Duration::ZERO));
    let loaded =
        state(&load(&home, &["security", "--session", "one", "--docs", &docs.url, "--context7", "--json"]));
    assert_eq!(loaded["sessionId"], "one");
    assert_eq!(loaded["context_sources"]["context7_available"], true);
    let project = &loaded["project_context"];
    for (field, expected) in [
        ("has_kubernetes_configs", true),
        ("has_flux_resources", true),
        ("gitops_structure_detected", true),
        ("cluster_access", false),
        ("flux_installed", false),
    ] {
        assert_eq!(project[field], expected, "{field}");
    }
    assert_eq!(
        (&project["flux_resources"]["HelmRelease"], &project["clusters"][0]),
        (&3.into(), &"shop".into())
    );
    let checkpoints = &loaded["checkpoints"];
    assert_eq!(checkpoints["last_checkpoint"], "expert_guidance_ready");
    assert_eq!(checkpoints["rollback_point"], "context_validation_complete");
    assert_eq!(
        loaded["capabilities_loaded"],
        serde_json::json!(["security_practices", "gitops_workflows", "flux_controllers"])
    );
    let pages = sources(&loaded, "loaded_docs");
    assert_eq!(pages.len(), 9, "{pages:?}");
    assert!(
        pages.contains(&"context7".to_owned()) && pages.contains(&"flux_official_docs/concepts".to_owned())
    );
    assert_eq!(sources(&loaded, "failed_sources"), ["flux_official_docs/guides/mozilla-sops"]);
    let file = home.read(".claude/rwenv/context/flux-context-one.json");
    assert_eq!(serde_json::from_str::<Value>(&file).unwrap(), loaded);
    assert!(home.path(".claude/rwenv/context/archive/flux-context-one.json").exists());
    assert_eq!(
        home.read(".claude/rwenv/context/cache/concepts.md"),
        "# /mirror/content/en/flux/concepts.md\n"
    );
    // What is complete is shown again; the page that failed is asked for once more, and nothing else.
    let asked = docs.asked();
    let again = state(&load(&home, &["security", "--session", "one", "--docs", &docs.url, "--json"]));
    assert_eq!(again["context_sources"], loaded["context_sources"]);
    assert_eq!((docs.asked(), &again["checkpoints"]), (asked + 1, &loaded["checkpoints"]));
    let shown = load(&home, &["security", "--session", "one", "--docs", &docs.url]);
    for expected in [
        "# Flux context",
        "resources of Flux: 1 GitRepository, 3 HelmRelease, 2 Kustomization",
        "there is no Alert",
        "cache/concepts.md",
        "## Security",
    ] {
        assert!(shown.stdout.contains(expected), "{expected}: {}", shown.stdout);
    }
}

#[test]
fn without_network_pages_of_before_and_the_digest_stand_in() {
    let home = project();
    let offline = state(&load(&home, &["--offline", "--json"]));
    assert_eq!(
        offline["capabilities_loaded"],
        serde_json::json!([]),
        "the digest alone is not the documentation"
    );
    assert_eq!(offline["checkpoints"]["last_checkpoint"], "context_validation_complete");
    assert_eq!(sources(&offline, "fallback_sources"), ["bundled_digest"]);
    let shown = load(&home, &["--offline"]);
    assert!(
        shown.stdout.contains("No page could be had") && shown.stdout.contains("## Disaster recovery"),
        "{}",
        shown.stdout
    );
    let docs = Docs::start(Duration::ZERO);
    // What was loaded in part goes on where there is a network, and Context7 counts whenever it comes.
    let session = offline["sessionId"].as_str().unwrap();
    let online = state(&load(&home, &["--session", session, "--docs", &docs.url, "--json"]));
    assert_eq!(online["capabilities_loaded"].as_array().unwrap().len(), 8, "{online}");
    assert_eq!(online["checkpoints"]["last_checkpoint"], "expert_guidance_ready");
    assert_eq!(online["context_sources"]["context7_available"], false);
    let with = state(&load(&home, &["--session", session, "--offline", "--context7", "--json"]));
    assert_eq!(with["context_sources"]["context7_available"], true, "{with}");
    assert!(sources(&with, "loaded_docs").contains(&"context7".to_owned()));
    std::fs::remove_dir_all(home.path(".claude/rwenv/context/cache")).unwrap();
    assert_eq!(load(&home, &["troubleshooting", "--docs", &docs.url]).code, 0);
    let nowhere = ["troubleshooting", "--docs", "http://127.0.0.1:9/x", "--json"];
    let later = state(&load(&home, &nowhere));
    assert!(
        sources(&later, "fallback_sources")
            .contains(&"flux_official_docs/cheatsheets/troubleshooting".to_owned())
    );
    assert!(
        !sources(&later, "fallback_sources").contains(&"bundled_digest".to_owned()),
        "every topic has a page"
    );
    assert_eq!(later["context_sources"]["fallback_sources"][0]["status"], "cached");
}

#[test]
fn a_load_that_is_killed_goes_on_where_it_was() {
    let (home, docs) = (project(), Docs::start(Duration::from_millis(250)));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rwenv"));
    command
        .args(["context", "load", "--session", "two", "--docs", &docs.url])
        .current_dir(home.path("project"));
    let mut child =
        command.env_clear().env("HOME", home.path("")).env("PATH", "/usr/bin:/bin").spawn().unwrap();
    let file = home.path(".claude/rwenv/context/flux-context-two.json");
    let some =
        || std::fs::read_to_string(&file).is_ok_and(|text| text.contains("flux_official_docs/concepts"));
    for _ in 0..400 {
        if some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let half: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(half["checkpoints"]["last_checkpoint"], "context7_flux_loaded");
    assert_eq!(half["checkpoints"]["next_milestone"], "documentation_loaded");
    let had = sources(&half, "loaded_docs").len();
    assert!(had > 0 && had < 17, "{had}");
    let listed = home.rwenv("project", &["context", "list"]);
    assert!(listed.stdout.contains("context7_flux_loaded"), "{}", listed.stdout);
    let asked = docs.asked();
    let whole = state(&load(&home, &["--session", "two", "--docs", &docs.url, "--json"]));
    assert_eq!(whole["checkpoints"]["last_checkpoint"], "expert_guidance_ready");
    let pages = sources(&whole, "loaded_docs");
    let mut once = pages.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), pages.len(), "nothing is there twice");
    assert_eq!(
        docs.asked() - asked,
        pages.len() - had + sources(&whole, "failed_sources").len() - 1,
        "only what was missing"
    );
}

#[test]
fn sessions_at_the_same_time_do_not_meet() {
    let (home, docs) = (project(), Docs::start(Duration::from_millis(100)));
    let run = |session: &'static str, focus: &'static str| {
        state(&load(&home, &[focus, "--session", session, "--docs", &docs.url, "--json"]))
    };
    std::thread::scope(|scope| {
        let security = scope.spawn(|| run("a", "security"));
        let scaling = scope.spawn(|| run("b", "performance"));
        assert_eq!(security.join().unwrap()["capabilities_loaded"][0], "security_practices");
        assert_eq!(scaling.join().unwrap()["capabilities_loaded"][0], "performance");
    });
    std::thread::scope(|scope| {
        let first = scope.spawn(|| load(&home, &["--session", "c", "--docs", &docs.url]));
        while !home.path(".claude/rwenv/context/flux-context-c.json").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let second = load(&home, &["--session", "c", "--docs", &docs.url]);
        assert!(
            second.code == 1 && second.stderr.contains("another run is loading session c"),
            "{}",
            second.stderr
        );
        assert_eq!(first.join().unwrap().code, 0);
    });
    let cleaned = home.rwenv("project", &["context", "clean"]);
    assert_eq!(cleaned.stdout, "3 sessions are removed\n", "{}", cleaned.stderr);
    assert!(
        home.path(".claude/rwenv/context/archive/flux-context-a.json").exists(),
        "finished ones stay in the archive"
    );
}

#[test]
fn what_is_no_focus_no_session_and_no_file_of_ours_is_said() {
    let home = project();
    for (arguments, expected) in [
        (&["knitting"][..], "unknown topic 'knitting'; topics: workflows, controllers"),
        (&["--session", "../x", "--offline"], "is not a valid session name"),
        (&["--session", "", "--offline"], "is not a valid session name"),
    ] {
        let failed = load(&home, arguments);
        assert!(failed.code == 1 && failed.stderr.contains(expected), "{}", failed.stderr);
    }
    home.write(".claude/rwenv/context/flux-context-odd.json", "not json");
    let again = state(&load(&home, &["--session", "odd", "--offline", "--json"]));
    assert_eq!(again["sessionId"], "odd", "a file that cannot be read is begun anew");
    std::fs::create_dir_all(home.path("empty")).unwrap();
    let bare = home.rwenv("empty", &["context", "load", "--offline", "--json"]);
    assert_eq!(state(&bare)["project_context"]["has_kubernetes_configs"], false);
}
