//! Exceptions: made by a person at a terminal, for one line, in one directory, for a while.

use crate::push::World;
use crate::support::{Answer, Home, answer, find, skip};

/// Runs `rwenv` at a terminal of its own, where somebody types; none where this machine has no script(1) to make one.
pub(crate) fn at_terminal(
    home: &Home,
    folder: &str,
    arguments: &str,
    typed: &str,
    agent: bool,
) -> Option<Answer> {
    find("script")?;
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_rwenv"));
    let mut command = home.command("script", &home.path(folder));
    if agent {
        command.env("CLAUDECODE", "1");
    }
    Some(answer(command.args(["-qec", &line, "/dev/null"]).write_stdin(typed.to_owned())))
}

#[test]
fn what_a_person_grants_runs_and_nothing_else_does() {
    let home = Home::new();
    let line = "kubectl rollout restart deploy/web";
    let Some(made) =
        at_terminal(&home, "ro", &format!("grant --for 5m --reason 'stuck' -- {line}"), "y\n", false)
    else {
        skip("there is no script(1) here to make a terminal");
        return;
    };
    assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
    assert!(
        made.stdout.contains("[read-only.cluster-write]") && made.stdout.contains("granted until"),
        "{}",
        made.stdout
    );
    assert_eq!(home.hook("ro", line).decision(), "allow");
    std::fs::create_dir_all(home.path("ro/sub")).unwrap();
    for (folder, other) in [
        ("ro", "kubectl rollout restart deploy/api"),
        ("ro/sub", line),
        ("ro", "kubectl rollout restart deploy/web; ls"),
    ] {
        assert_eq!(home.hook(folder, other).decision(), "deny", "{other}");
    }
    let log = home.read(".claude/rwenv/audit/audit.jsonl");
    assert!(
        log.contains("\"event\":\"granted\"") && log.contains("read-only.cluster-write (granted)"),
        "{log}"
    );
    let list = home.rwenv("ro", &["grant", "--list", "--json"]);
    let all: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!((all[0]["command"].as_str(), all[0]["reason"].as_str()), (Some(line), Some("stuck")));
    assert!(log.contains("kubectl rollout restart deploy/web [read-only.cluster-write]: stuck"), "{log}");
    let unknown = home.rwenv("ro", &["grant", "--revoke", "nope"]);
    assert!(unknown.code == 1 && unknown.stderr.contains("there is no grant 'nope'"), "{}", unknown.stderr);
    assert!(home.rwenv("ro", &["grant", "--revoke"]).stdout.contains("1 revoked"));
    assert_eq!(home.hook("ro", line).decision(), "deny");
}

/// The agent's hook, git's own door, and the preview say the same.
#[test]
fn a_grant_counts_at_every_door() {
    let world = World::new(r#","readOnly":true"#);
    world.home.write("flux/.git/info/exclude", ".claude\n");
    world.home.write("flux/.claude/rwenv", "env\n");
    let line = "git push -q origin HEAD:topic";
    let decisions = || {
        let checked = world.home.rwenv("flux", &["check", "--", line]).code;
        (world.home.hook("flux", line).decision().to_owned(), checked)
    };
    assert_eq!(decisions(), ("deny".to_owned(), 2));
    world.refused("flux", "origin HEAD:topic", "read-only.flux-repository");
    let granted = at_terminal(&world.home, "flux", &format!("grant --for 5m -- {line}"), "y\n", false);
    let Some(granted) = granted else {
        skip("there is no script(1) here to make a terminal");
        return;
    };
    assert_eq!(granted.code, 0, "{}{}", granted.stdout, granted.stderr);
    assert_eq!(decisions(), ("allow".to_owned(), 0));
    world.refused("flux", "origin HEAD:other", "read-only.flux-repository");
    world.sent("flux", "origin HEAD:topic");
    let log = world.home.read(".claude/rwenv/audit/audit.jsonl");
    let mut pushes = log.lines().rev().filter(|record| record.contains("\"door\":\"pre-push\""));
    assert!(pushes.next().unwrap().contains("read-only.flux-repository (granted)"), "{log}");
}

#[test]
fn a_grant_that_has_ended_counts_no_more() {
    let home = Home::new();
    let line = "kubectl delete pod p";
    if at_terminal(&home, "ro", &format!("grant --for 1s -- {line}"), "y\n", false).is_none() {
        skip("there is no script(1) here to make a terminal");
        return;
    }
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert_eq!(home.hook("ro", line).decision(), "deny");
    assert_eq!(home.rwenv("ro", &["grant", "--list", "--json"]).stdout.trim(), "[]");
}

#[test]
fn nobody_else_makes_one() {
    let home = Home::new();
    let line = ["grant", "--", "kubectl", "delete", "pod", "p"];
    let refused = home.rwenv("ro", &line);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("at a terminal"), "{}", refused.stderr);
    for (arguments, typed, agent, said) in [
        ("grant -- kubectl delete pod p", "y\n", true, "an agent is at work"),
        ("grant -- kubectl delete pod p", "n\n", false, "nothing was granted"),
        ("grant --for 9h -- kubectl delete pod p", "y\n", false, "at most 1h"),
        ("grant -- kubectl get pods", "y\n", false, "No grant needed"),
        ("grant -- rm -rf ~/.claude/rwenv", "y\n", false, "cannot be lifted by a grant"),
    ] {
        let Some(answer) = at_terminal(&home, "ro", arguments, typed, agent) else {
            skip("there is no script(1) here to make a terminal");
            return;
        };
        assert!(answer.stdout.contains(said), "{arguments}: {}", answer.stdout);
    }
    assert_eq!(home.hook("ro", "kubectl delete pod p").decision(), "deny");
    assert_eq!(
        home.hook("rw", "rwenv grant -- kubectl delete pod p").decision(),
        "deny",
        "an agent does not try"
    );
}
