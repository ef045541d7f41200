//! An identity for agents in a real cluster: made by a person, renewed by the daemon, and what holds where rwenv is absent.

use std::os::unix::fs::PermissionsExt as _;

use crate::grant::at_terminal;
use crate::policy_export::Fleet;
use crate::support::{Answer, Home, answer, find, skip};

/// Runs kubectl with a kubeconfig, and nothing of rwenv's.
fn kubectl(home: &Home, config: &str, line: &str) -> Answer {
    let kubectl = find("kubectl").unwrap();
    let mut command = home.command(kubectl.to_str().unwrap(), &home.path(""));
    answer(command.env("KUBECONFIG", home.path(config)).args(line.split(' ')))
}

fn starts_session(home: &Home, folder: &str) -> Answer {
    let payload = serde_json::json!({ "session_id": "5b0c3f2a-0b7a-4f0e-9a55-3c8c3a2d7a11", "cwd": home.path(folder), "hook_event_name": "SessionStart" });
    let mut command = home.command(crate::support::hook(), &home.path(""));
    command.env("CLAUDE_ENV_FILE", home.path("env.sh"));
    answer(command.arg("claude").write_stdin(payload.to_string()))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(what.is_empty(), "never: {what}");
}

const CONFIG: &str = ".claude/rwenv/agents/ro.yaml";
const RECORD: &str = ".claude/rwenv/agents/ro.json";

#[test]
fn an_identity_is_a_person_s_to_make_and_reads_without_rwenv() {
    let Some(fleet) = Fleet::new() else { return };
    let home = &fleet.home;
    let alone = home.rwenv("ro", &["identity", "create"]);
    assert!(alone.code == 1 && alone.stderr.contains("at a terminal"), "{}", alone.stderr);
    let none = home.rwenv("ro", &["identity", "kubeconfig"]);
    assert!(none.code == 1 && none.stderr.contains("rwenv identity create --env ro"), "{}", none.stderr);
    assert_eq!(home.hook("ro", "rwenv identity create --env ro").decision(), "deny");
    assert_eq!(home.hook("ro", "rwenv identity rotate ro --revoke").decision(), "deny");
    assert_eq!(home.hook("ro", "rwenv identity kubeconfig ro").decision(), "allow");
    let before = fleet.server.store();
    let Some(agent) = at_terminal(home, "ro", "identity create", "y\n", true) else {
        skip("there is no script(1) here to make a terminal");
        return;
    };
    assert!(agent.code == 1 && agent.stdout.contains("an agent is at work here"), "{}", agent.stdout);
    let no = at_terminal(home, "ro", "identity create", "n\n", false).unwrap();
    assert!(no.stdout.contains("ClusterRole rwenv-agent-ro") && no.code == 1, "{}", no.stdout);
    assert_eq!(fleet.server.store(), before, "nothing is made where a person says no");

    let made = at_terminal(home, "ro", "identity create --ttl 10m", "y\n", false).unwrap();
    assert_eq!(made.code, 0, "{}", made.stdout);
    assert!(made.stdout.contains("the cluster lets it read, and nothing else"), "{}", made.stdout);
    let mode = std::fs::metadata(home.path(CONFIG)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o400);
    // Without hook, shims, guard and daemon.
    for (line, code) in [
        ("get pods -n app", 0),
        ("get ks -A", 0),
        ("auth whoami", 0),
        ("delete pod web-0 -n app", 1),
        ("apply -f file.yaml", 1),
        ("create cm x -n app", 1),
        ("get secret db -n app -o yaml", 1),
        ("create token ro -n rwenv-agents", 1),
        ("annotate ks apps -n flux-system reconcile.fluxcd.io/requestedAt=now", 1),
    ] {
        let told = kubectl(home, CONFIG, line);
        assert_eq!(told.code, code, "{line}: {}", told.stderr);
        assert!(code == 0 || told.stderr.contains("orbidden"), "{line}: {}", told.stderr);
    }
    assert!(!home.read(CONFIG).contains("a-token-for-tests"), "nothing of the person's is in it");
    let text = home.read(CONFIG);
    let same = home.rwenv("ro", &["identity", "kubeconfig"]);
    assert_eq!(same.stdout.trim(), home.path(CONFIG).display().to_string());
    assert_eq!(home.read(CONFIG), text, "a token that is good is not fetched again");
    let log = home.rwenv("", &["audit", "--json", "--last", "20"]).stdout;
    assert!(log.contains("rwenv-agents:ro"), "{log}");

    // A session that starts while the guard is not there.
    let told = starts_session(home, "ro");
    assert!(told.stdout.contains("the agents' own credential"), "{told:?}");
    assert!(home.read("env.sh").contains("agents/ro.yaml"), "{}", home.read("env.sh"));

    let doctor = home.rwenv("ro", &["doctor", "--all"]).stdout;
    assert!(doctor.contains("agents have a credential of rwenv-agents/ro, which may only read"), "{doctor}");

    let rotated = home.rwenv("ro", &["identity", "rotate", "-o", "json"]);
    assert_eq!(rotated.code, 0, "{}", rotated.stderr);
    assert_ne!(home.read(CONFIG), text);
    home.write("old.yaml", &text);
    assert_eq!(kubectl(home, "old.yaml", "get pods -n app").code, 0, "the old token is good until it ends");
    let revoked = at_terminal(home, "ro", "identity rotate --revoke", "y\n", false).unwrap();
    assert_eq!(revoked.code, 0, "{}", revoked.stdout);
    // The server remembers for ten seconds that a token was good.
    until("the old token has ended", || {
        kubectl(home, "old.yaml", "get pods -n app").stderr.contains("nauthorized")
    });
    assert_eq!(kubectl(home, CONFIG, "get pods -n app").code, 0);
}

#[test]
fn the_daemon_renews_a_credential_before_it_ends_and_keeps_the_last_one_where_it_cannot() {
    let Some(mut fleet) = Fleet::new() else { return };
    fleet.server.apply(&fleet.exported("ro", "rbac", &[]));
    let fetched = fleet.home.rwenv("ro", &["identity", "kubeconfig", "-o", "json"]);
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    let (record, text) = (fleet.home.read(RECORD), fleet.home.read(CONFIG));
    let ending = |home: &Home| {
        let mut kept: serde_json::Value = serde_json::from_str(&record).unwrap();
        let issued = kept["issued"].as_u64().unwrap();
        kept["issued"] = (issued - 3_500).into();
        kept["expires"] = (issued + 90).into();
        home.write(RECORD, &kept.to_string());
    };
    ending(&fleet.home);
    let started = fleet.home.rwenv("", &["daemon", "start"]);
    assert_eq!(started.code, 0, "{}", started.stderr);
    until("the credential is renewed", || fleet.home.read(CONFIG) != text);
    assert_eq!(kubectl(&fleet.home, CONFIG, "get pods -n app").code, 0);
    assert_eq!(fleet.home.rwenv("", &["daemon", "stop"]).code, 0);
    // The cluster is away: the last one stays.
    let last = fleet.home.read(CONFIG);
    fleet.server.stop();
    ending(&fleet.home);
    assert_eq!(fleet.home.rwenv("", &["daemon", "start"]).code, 0);
    until("the failure is on record", || {
        fleet.home.rwenv("", &["audit", "--json", "--last", "20"]).stdout.contains("credential-failed")
    });
    assert_eq!(fleet.home.read(CONFIG), last);
    assert_eq!(fleet.home.rwenv("", &["daemon", "stop"]).code, 0);
}
