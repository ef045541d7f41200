//! `rwenv policy diff`: the commands on record, judged by other policies.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::policy::OWN;
use crate::support::Home;

fn diff(home: &Home, arguments: &[&str]) -> Value {
    let told = home.rwenv("rw", &[&["policy", "diff"], arguments, &["-o", "json"]].concat());
    assert_eq!(told.code, 0, "{}", told.stderr);
    serde_json::from_str(&told.stdout).unwrap()
}

#[test]
fn commands_on_record_that_would_be_decided_otherwise_are_listed() {
    let home = Home::new();
    for line in [
        "kubectl -n payments scale deploy web --replicas 2",
        "kubectl -n payments scale deploy web --replicas 2",
        "kubectl -n shop scale deploy web --replicas 2",
        "kubectl get pods",
    ] {
        assert_eq!(home.hook("rw", line).decision(), "allow", "{line}");
    }
    assert_eq!(home.hook("ro", "kubectl -n payments delete pod p").decision(), "deny");
    home.write("drafts/own.toml", OWN);
    let drafts = home.path("drafts").display().to_string();
    let found = diff(&home, &["now", &drafts]);
    let all = found["differing"].as_array().unwrap();
    // In a read-only rwenv it was denied before, by another rule first.
    let row = all.iter().find(|row| row["command"].as_str().unwrap().contains("scale")).unwrap();
    assert_eq!(
        (row["times"].as_u64(), &row["old"]["decision"], &row["new"]["rule"]),
        (Some(2), &json!("allow"), &json!("own.payments"))
    );
    assert!(all.iter().all(|row| !row["command"].as_str().unwrap().contains("shop")), "{found}");
    let back = diff(&home, &[&drafts, "none"]);
    let row = back["differing"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["command"].as_str().unwrap().contains("scale"))
        .unwrap();
    assert_eq!((&row["old"]["decision"], &row["new"]["decision"]), (&json!("deny"), &json!("allow")));
    assert_eq!(diff(&home, &[&drafts, &drafts])["differing"], json!([]));
    assert_eq!(diff(&home, &["none", &drafts, "--since", "2099-01-01"])["replayed"], 0);
    let shown = home.rwenv("rw", &["policy", "diff", "now", &drafts]);
    assert!(
        shown.stdout.contains("own.payments") && shown.stdout.contains("would be decided otherwise"),
        "{}",
        shown.stdout
    );
    let before = home.read(".claude/rwenv/audit/audit.jsonl");
    diff(&home, &["now", &drafts]);
    assert_eq!(home.read(".claude/rwenv/audit/audit.jsonl"), before, "nothing is recorded");
    home.write("drafts/broken.toml", "about = 1\n");
    let broken = home.rwenv("rw", &["policy", "diff", "now", &drafts]);
    assert!(broken.code == 1 && broken.stderr.contains("broken.toml"), "{}", broken.stderr);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test takes the time of another program")]
fn a_hundred_thousand_records_are_judged_again_in_time() {
    let home = Home::new();
    assert_eq!(home.hook("rw", "kubectl -n shop scale deploy web --replicas 2").decision(), "allow");
    let line = home.read(".claude/rwenv/audit/audit.jsonl");
    let record: Value = serde_json::from_str(line.lines().last().unwrap()).unwrap();
    // What a team's agents run in a month repeats: one record in twenty is a line of its own.
    let all: String = (0..100_000)
        .map(|n| {
            let mut one = record.clone();
            let namespace = if n % 10 == 0 { "payments" } else { "shop" };
            one["command"] =
                json!(format!("kubectl -n {namespace} scale deploy web-{} --replicas 2", n % 5_000));
            format!("{one}\n")
        })
        .collect();
    home.write(".claude/rwenv/audit/audit.jsonl", &all);
    home.write("drafts/own.toml", OWN);
    let start = Instant::now();
    let found = diff(&home, &["now", &home.path("drafts").display().to_string()]);
    let took = start.elapsed();
    assert_eq!((found["replayed"].as_u64(), found["lines"].as_u64()), (Some(100_000), Some(5_000)));
    assert_eq!(found["differing"].as_array().unwrap().len(), 500);
    eprintln!("100,000 records: {took:?}");
    // A build for tests, on machines with other work.
    assert!(took < Duration::from_secs(20), "{took:?}");
}
