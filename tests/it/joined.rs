//! The real API server's own audit log beside ours: what came through the guard, what came another way, and who pretends.

use std::fs;

use serde_json::{Value, json};

use crate::api_guard::Guarded;

/// What the server put on record since it had written so much.
fn since(guarded: &Guarded, start: usize) -> String {
    fs::read_to_string(guarded.server.audit_log()).unwrap().get(start..).unwrap().to_owned()
}

#[test]
fn what_the_guard_let_through_is_what_the_server_recorded() {
    let Some(guarded) = Guarded::new() else { return };
    let home = &guarded.setting.home;
    let start = fs::read_to_string(guarded.server.audit_log()).unwrap().len();
    let through = |words: &[&str]| guarded.run("rw", words);
    assert_eq!(through(&["kubectl", "get", "pods", "-n", "app"]).code, 0);
    assert_eq!(
        through(&["kubectl", "-n", "app", "create", "configmap", "one", "--from-literal=a=b"]).code,
        0
    );
    assert_eq!(
        through(&["kubectl", "-n", "app", "patch", "configmap", "one", "-p", "{\"data\":{\"a\":\"c\"}}"])
            .code,
        0
    );
    assert_eq!(through(&["kubectl", "-n", "app", "delete", "configmap", "one"]).code, 0);
    let refused =
        guarded.run("ro", &["kubectl", "-n", "app", "create", "configmap", "no", "--from-literal=a=b"]);
    assert_ne!(refused.code, 0);
    let told = |arguments: &[&str]| {
        let told = home.rwenv("", &[&["audit", "join", "server.log", "--json"], arguments].concat());
        (told.code, serde_json::from_str::<Value>(&told.stdout).unwrap())
    };
    home.write("server.log", &since(&guarded, start));
    let (code, joined) = told(&[]);
    assert_eq!(
        (code, &joined["joined"], &joined["beside"], &joined["differing"], &joined["missing"]),
        (0, &json!(3), &json!([]), &json!([]), &json!([])),
        "{joined}"
    );
    assert_eq!(joined["identities"], json!(["tester"]), "{joined}");
    assert!(joined["readThroughGuard"].as_u64().unwrap() > 0, "{joined}");
    assert_eq!(told(&["--env", "ro"]).1["joined"], 0);

    // The same identity another way, and one that takes an ID like the guard's.
    let create = ["create", "configmap", "beside", "-n", "app", "--from-literal=a=b"];
    assert!(!guarded.server.kubectl(&create, "").is_empty());
    let mut curl = home.command("curl", &home.path(""));
    let url =
        format!("https://127.0.0.1:{}/api/v1/namespaces/app/configmaps/beside", guarded.server.ports().0);
    curl.args([
        "-sf",
        "--cacert",
        &guarded.server.authority(),
        "-H",
        "Authorization: Bearer a-token-for-tests",
    ]);
    curl.args(["-H", "Audit-ID: rwenv-0123456789abcdef0123456789abcdef", "-X", "DELETE", &url]);
    assert_eq!(crate::support::answer(&mut curl).code, 0);
    home.write("server.log", &since(&guarded, start));
    let (code, joined) = told(&[]);
    let one = |list: &str| (joined[list].as_array().unwrap().len(), joined[list][0]["verb"].clone());
    assert_eq!((code, one("beside")), (1, (1, json!("create"))), "{joined}");
    assert_eq!(one("differing"), (1, json!("delete")), "{joined}");
    assert!(joined["beside"][0]["target"].as_str().unwrap().starts_with("/api/v1/namespaces/app/configmaps"));
    let shown = home.rwenv("", &["audit", "join", "server.log"]);
    assert!(
        shown.stdout.contains("3 changes are in both logs") && shown.stdout.contains("kubectl/"),
        "{}",
        shown.stdout
    );

    // A server that does not put on record what it did.
    let without: Vec<String> =
        since(&guarded, start).lines().filter(|l| !l.contains("\"delete\"")).map(str::to_owned).collect();
    home.write("server.log", &format!("{}\nnot an event\n", without.join("\n")));
    let (_, joined) = told(&[]);
    assert_eq!((&joined["missing"][0]["verb"], &joined["unread"]), (&json!("DELETE"), &json!(1)), "{joined}");
}
