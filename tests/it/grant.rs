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
    for (folder, same) in [
        ("ro/sub", line),
        ("ro", "kubectl  rollout restart deploy/web && kubectl rollout status deploy/web"),
        ("", "cd ro && kubectl rollout restart deploy/web"),
    ] {
        assert_eq!(home.hook(folder, same).decision(), "allow", "{same}");
    }
    for (folder, other) in [
        ("ro", "kubectl rollout restart deploy/api"),
        ("ro", "kubectl rollout restart deploy/web deploy/api"),
        ("ro", "kubectl --context other rollout restart deploy/web"),
        ("ro", "KUBECONFIG=x kubectl rollout restart deploy/web"),
        ("ro", "kubectl rollout restart deploy/web; kubectl delete pod p"),
        ("none", line),
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

/// Grants at a terminal, which has to work; none where this machine has no terminal to give.
fn granted(home: &Home, arguments: &str) -> Option<String> {
    let Some(made) = at_terminal(home, "", &format!("grant {arguments}"), "y\n", false) else {
        skip("there is no script(1) here to make a terminal");
        return None;
    };
    assert_eq!(made.code, 0, "{arguments}: {}{}", made.stdout, made.stderr);
    Some(made.stdout)
}

#[test]
fn a_part_of_a_rwenv_is_opened_for_an_incident() {
    let home = Home::new();
    home.write("ro/web.yaml", "kind: Pod\n");
    let inside = "kubectl -n shop scale deploy/web --replicas 5";
    assert_eq!(home.hook("ro", inside).decision(), "deny");
    let Some(said) =
        granted(&home, "--env ro -n shop --kind deploy/web --for 30m --reason 'INC-1 web stuck'")
    else {
        return;
    };
    assert!(
        said.contains("Let agents change Deployment web in namespace shop of rwenv 'ro', for 30 minutes?"),
        "{said}"
    );
    // From wherever it is run, in whatever form, and the person sees by what.
    for (folder, line) in [
        ("ro", inside),
        ("none", "kubectl --context ro-ctx scale --replicas=2 deployment/web -n shop"),
        ("ro", "kubectl -n shop rollout restart deploy/web && kubectl -n shop rollout status deploy/web"),
        ("ro", "kubectl -n shop delete pod web-6d4cf56db6-x7k2p"),
    ] {
        let answer = home.hook(folder, line);
        assert_eq!(answer.decision(), "allow", "{line}: {}", answer.stderr);
        assert!(answer.stdout.contains("(INC-1 web stuck), 30 min left"), "{line}: {}", answer.stdout);
        let checked = home.rwenv(folder, &["check", "--", line]);
        assert!(checked.code == 0 && checked.stdout.contains("by grant "), "{line}: {}", checked.stdout);
        assert!(
            !checked.stdout.contains("deny") && !checked.stdout.contains("instead:"),
            "{}",
            checked.stdout
        );
    }
    for (folder, line) in [
        ("ro", "kubectl -n shop scale deploy/db --replicas 5"),
        ("ro", "kubectl -n prod scale deploy/web --replicas 5"),
        ("ro", "kubectl scale deploy/web --replicas 5"),
        ("ro", "kubectl -n shop apply -f web.yaml"),
        ("ro", "kubectl -n shop rollout restart deploy/web && kubectl -n shop delete svc web"),
        ("ro", "kubectl -n shop delete deploy/web; rm -rf ~/.claude/rwenv"),
        ("go", inside),
        ("ro", "kubectl --context other -n shop scale deploy/web --replicas 5"),
    ] {
        assert_eq!(home.hook(folder, line).decision(), "deny", "{folder}: {line}");
    }
    let told = home.hook("ro", "kubectl -n prod scale deploy/web --replicas 5").stderr;
    assert!(told.contains("is open for Deployment web in namespace shop of rwenv 'ro' only."), "{told}");
    let current = home.rwenv("ro", &["cur"]);
    assert!(
        current.stderr.contains("OPEN until") && current.stderr.contains("INC-1 web stuck"),
        "{}",
        current.stderr
    );
    assert!(home.rwenv("none", &["list"]).stderr.contains("OPEN until"));
    assert!(!home.rwenv("go", &["cur"]).stderr.contains("OPEN"));
    assert!(home.rwenv("ro", &["grant", "--revoke"]).stdout.contains("1 revoked"));
    assert_eq!(home.hook("ro", inside).decision(), "deny");
    // The log tells all of it by itself: who opened what and why, what was done with it, how it ended.
    let log = home.rwenv("none", &["audit", "--env", "ro", "-n", "100", "--json"]).stdout;
    let records: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&serde_json::Value> = records.iter().filter(|record| record["door"] == "grant").collect();
    let names: Vec<&str> = events.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["granted", "revoked"], "{log}");
    let person = events[0]["person"].as_str().unwrap_or_default();
    assert!(events[0]["reason"] == "INC-1 web stuck" && !person.is_empty(), "{log}");
    let uses = records.iter().filter(|record| record["reasons"][0]["grant"] == events[0]["grant"]);
    assert_eq!(uses.count(), 4, "{log}");
}

/// What no grant of this kind opens, however wide it is.
#[test]
fn a_whole_rwenv_does_not_open_the_guard_secrets_or_another_cluster() {
    let home = Home::new();
    home.write("ro/web.yaml", "kind: Pod\n");
    if granted(&home, "--env ro --reason INC-1").is_none() {
        return;
    }
    for line in [
        "kubectl apply -f web.yaml",
        "flux reconcile ks apps",
        "kubectl drain node-1",
        "kubectl exec web-0 -- kill 1",
    ] {
        assert_eq!(home.hook("ro", line).decision(), "allow", "{line}");
    }
    for (line, decision) in [
        ("kubectl get secret db -o yaml", "ask"),
        ("kubectl --context other delete pod p", "deny"),
        ("kubectl --context go-ctx delete pod p", "ask"),
        ("rwenv edit ro --read-only=false", "deny"),
        ("rwenv grant --env ro --reason more", "deny"),
        ("rm -rf ~/.claude/rwenv", "deny"),
        ("gcloud sql instances delete db", "deny"),
        ("eval \"$(cat plan)\"", "ask"),
    ] {
        assert_eq!(home.hook("ro", line).decision(), decision, "{line}");
    }
}

#[test]
fn a_grant_for_a_rwenv_counts_for_a_push_but_not_for_what_it_sends() {
    let world = World::new(r#","readOnly":true"#);
    let push = "origin HEAD:topic";
    world.refused("flux", push, "read-only.flux-repository");
    if granted(&world.home, "--env env -n shop --reason INC-1").is_none() {
        return;
    }
    // A namespace is no part of a repository.
    world.refused("flux", push, "read-only.flux-repository");
    granted(&world.home, "--env env --reason INC-2").unwrap();
    let sent = world.push("flux", push);
    assert!(sent.code == 0 && sent.stderr.contains("rwenv: allowed by grant"), "{}", sent.stderr);
    assert!(world.refs("flux").contains("refs/heads/topic"));
    world.home.write(
        "flux/apps/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: Xk29fLq81mZw}\n",
    );
    world.commit("flux", "secret");
    world.refused("flux", push, "secret.unencrypted");
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
    let log = home.read(".claude/rwenv/audit/audit.jsonl");
    assert_eq!(log.matches("\"event\":\"ended\"").count(), 1, "{log}");
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
        ("grant --env ro --reason x", "y\n", true, "an agent is at work"),
        ("grant --env ro --reason x", "n\n", false, "nothing was granted"),
        ("grant --env ro", "y\n", false, "--reason"),
        ("grant --env or --reason x", "y\n", false, "there is no rwenv 'or'"),
        ("grant --env ro --kind 'a b' --reason x", "y\n", false, "names no object"),
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
