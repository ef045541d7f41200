//! What the doctor finds, and what it says to do about it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::{Home, answer, skip};

/// The checks of one run, in a HOME whose PATH starts with its `bin`.
fn checks(home: &Home, more: &[&str]) -> Vec<Value> {
    let mut command = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path(""));
    command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", home.path("bin").display()));
    let told = answer(command.args(["doctor", "--json"]).args(more));
    serde_json::from_str(&told.stdout).unwrap()
}

fn check<'a>(all: &'a [Value], id: &str, rwenv: &str) -> &'a Value {
    let wanted = |c: &&Value| c["id"] == *id && (rwenv.is_empty() || c["rwenv"] == *rwenv);
    all.iter().find(wanted).unwrap()
}

fn program(home: &Home, name: &str, script: &str) {
    home.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
    home.mode(&format!("bin/{name}"), 0o755);
}

#[test]
fn every_check_that_fails_says_what_to_do() {
    let home = Home::new();
    let all = checks(&home, &["--offline"]);
    assert_eq!(
        (&check(&all, "hook", "")["state"], &check(&all, "hook", "")["fix"]),
        (&"fail".into(), &"rwenv install".into())
    );
    for one in &all {
        assert!(one["state"] == "ok" || one["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{one}");
    }
    assert_eq!(home.rwenv("", &["doctor", "--offline"]).code, 1);
    assert_eq!(home.rwenv("", &["install"]).code, 0);
    let told = home.rwenv("", &["doctor", "--offline"]);
    assert_eq!(told.code, 0, "{}", told.stdout);
    let all = checks(&home, &["--offline"]);
    assert_eq!(check(&all, "hook", "")["state"], "ok");
    assert_eq!(check(&all, "shims", "")["state"], "warn", "not on this PATH");
    assert_eq!(check(&all, "daemon", "")["state"], "warn");
    home.git("", &["init", "-q", "project"]);
    assert_eq!(home.rwenv("project", &["hooks", "install"]).code, 0);
    assert_eq!(check(&checks(&home, &["--offline"]), "git-hooks", "")["state"], "ok");
}

#[test]
fn what_was_broken_is_found() {
    let home = Home::new();
    home.git("", &["init", "-q", "project"]);
    home.rwenv("project", &["hooks", "install"]);
    home.rwenv("", &["install"]);
    home.hook("ro", "kubectl get pods");
    let fails = |id: &str| {
        let all = checks(&home, &["--offline"]);
        let found = all.iter().find(|c| c["id"] == *id && c["state"] == "fail").cloned();
        found
            .map(|c| format!("{} → {}", c["says"].as_str().unwrap(), c["fix"].as_str().unwrap()))
            .unwrap_or_default()
    };
    for id in ["hook", "shims", "git-hooks", "config", "policies", "audit"] {
        assert_eq!(fails(id), "", "{id}");
    }
    fs::remove_file(home.path("project/.git/hooks/pre-push")).unwrap();
    assert!(fails("git-hooks").contains("git does not ask rwenv"), "{}", fails("git-hooks"));
    fs::remove_file(home.path(".claude/rwenv/shims/kubectl")).unwrap();
    assert!(fails("shims").contains("kubectl"));
    let settings = home.read(".claude/settings.json");
    home.write(".claude/settings.json", &settings.replacen('{', "{ \"disableAllHooks\": true,", 1));
    assert!(fails("hook").contains("no hook runs"));
    home.write(".claude/settings.json", &settings.replace("\"PreToolUse\"", "\"PostToolUse\""));
    assert!(fails("hook").contains("does not register the hook"), "{}", fails("hook"));
    home.write(".claude/settings.json", &settings.replace("Bash|", "Bashful|"));
    assert!(fails("hook").contains("does not register"), "a matcher that never matches");
    home.write(".claude/settings.json", &settings.replace("\"SessionStart\"", "\"SessionEnd\""));
    assert!(fails("hook").contains("for SessionStart"), "{}", fails("hook"));
    home.write(".claude/settings.json", &settings.replace(crate::support::hook(), "/nowhere/rwenv-hook"));
    assert!(fails("hook").contains("does not run"), "{}", fails("hook"));
    home.write(".claude/settings.json", "{");
    assert!(fails("hook").contains("settings.json:1:"));
    home.write(".claude/rwenv/policies/own.toml", "");
    home.mode(".claude/rwenv/policies/own.toml", 0o666);
    assert!(fails("policies").contains("writable by others"));
    let log = home.read(".claude/rwenv/audit/audit.jsonl");
    home.write(".claude/rwenv/audit/audit.jsonl", &log.replace("get pods", "get nodes"));
    assert!(fails("audit").contains("not intact"));
    home.write(".claude/rwenv/audit/audit.jsonl", &log.replace("\"time\":\"20", "\"time\":\"29"));
    let clock = check(&checks(&home, &["--offline"]), "clock", "").clone();
    assert_eq!(clock["state"], "warn", "{clock}");
    home.write(".claude/rwenv/envs.json", "{\"rwenvs\": 1}");
    assert!(fails("config").contains("envs.json:1:"));
}

/// Rights as a cluster tells them: kubectl stands in for one here.
const READER: &str = r#"{"status":{"resourceRules":[{"verbs":["get","list","watch"],"resources":["pods","pods/log"]},{"verbs":["create"],"resources":["selfsubjectaccessreviews"]}],"incomplete":false}}"#;

#[test]
fn custody_is_what_was_measured() {
    let home = Home::new();
    let ro = |all: &[Value]| {
        let one = check(all, "custody", "ro");
        (one["level"].as_str().unwrap_or("-").to_owned(), one["state"].as_str().unwrap().to_owned())
    };
    let level = |level: &str, state: &str| (level.to_owned(), state.to_owned());
    assert_eq!(
        ro(&checks(&home, &[])),
        level("-", "warn"),
        "what cannot be looked at is not said to be safe"
    );
    home.write(
        ".kube/config",
        "current-context: ro-ctx\ncontexts: [{name: ro-ctx, context: {cluster: c, user: u}}]\n",
    );
    program(
        &home,
        "kubectl",
        &format!("[ \"$4\" = --context ] && [ \"$5\" = ro-ctx ] && cat >/dev/null && echo '{READER}'"),
    );
    assert_eq!(ro(&checks(&home, &[])), level("C3", "ok"));
    assert_eq!(ro(&checks(&home, &["--offline"])), level("C0", "warn"), "what is not asked is not claimed");
    for (from, to) in [
        ("\"pods\"", "\"secrets\""),
        ("\"pods\"", "\"pods/exec\""),
        ("\"watch\"", "\"patch\""),
        ("false", "true"),
        ("{\"status\"", "{\"other\""),
    ] {
        program(&home, "kubectl", &format!("echo '{}'", READER.replacen(from, to, 1)));
        assert_eq!(ro(&checks(&home, &[])), level("C0", "warn"), "{to}");
    }
    program(&home, "kubectl", "echo 'the server is on holiday' >&2; exit 1");
    let all = checks(&home, &[]);
    assert!(check(&all, "custody", "ro")["says"].as_str().unwrap().contains("on holiday"));
    home.write(
        ".claude/settings.json",
        r#"{"sandbox":{"enabled":true,"filesystem":{"denyRead":["~/.kube"]}}}"#,
    );
    assert_eq!(ro(&checks(&home, &[])), level("C1", "ok"));
    home.write(
        ".claude/settings.json",
        r#"{"sandbox":{"enabled":false,"filesystem":{"denyRead":["~/.kube"]}}}"#,
    );
    assert_eq!(ro(&checks(&home, &[])), level("C0", "warn"));
}

/// Credentials of another user: this user has only what the guard gives.
#[test]
fn credentials_that_cannot_be_read_are_c2() {
    let home = Home::new();
    home.write(".kube/config", "current-context: ro-ctx\n");
    home.mode(".kube/config", 0o000);
    let rwenv = env!("CARGO_BIN_EXE_rwenv");
    let mut command = Command::new(rwenv);
    if nix::unistd::getuid().is_root() {
        // root reads everything of its own; in a namespace, what is another's is out of reach.
        let file = home.path(".kube/config");
        nix::unistd::chown(&file, Some(12_345.into()), Some(12_345.into())).unwrap();
        let able =
            Command::new("unshare").args(["-Ur", "true"]).status().is_ok_and(|status| status.success());
        if !able {
            skip("root without user namespaces");
            return;
        }
        command = Command::new("unshare");
        command.args(["-Ur", rwenv]);
    }
    let output = command.args(["doctor", "--json", "--offline"]).env("HOME", home.path("")).output().unwrap();
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(check(&all, "custody", "ro")["level"], "C2", "{all:?}");
}

#[test]
fn the_git_host_is_asked() {
    let home = Home::new();
    home.write(
        ".claude/rwenv/envs.json",
        r#"{"rwenvs":{"hub":{"fluxGitRepo":"git@github.com:acme/flux.git","fluxBranch":"main"},
            "tea":{"fluxGitRepo":"https://git.example.com:3000/acme/flux","fluxGitRepoType":"gitea","fluxBranch":"main"}}}"#,
    );
    program(&home, "gh", "[ \"$*\" = 'api repos/acme/flux/branches/main' ] && echo '{\"protected\":true}'");
    let curl = |answer: &str| {
        program(
            &home,
            "curl",
            &format!(
                "case \"$*\" in *--insecure*https://git.example.com:3000/api/v1/repos/acme/flux/branches/main) echo '{answer}';; esac"
            ),
        );
        let all = checks(&home, &[]);
        assert_eq!(check(&all, "branch", "hub")["level"], "G1");
        check(&all, "branch", "tea")["level"].as_str().unwrap().to_owned()
    };
    assert_eq!(curl("{\"protected\":true,\"user_can_push\":false}"), "G1");
    assert_eq!(curl("{\"protected\":true,\"user_can_push\":true}"), "G0");
    assert_eq!(curl("{\"protected\":false}"), "G0");
    assert_eq!(curl("<html>"), "G0");
    program(&home, "gh", "echo 'gh: Not Found (HTTP 404)' >&2; exit 1");
    let all = checks(&home, &[]);
    assert!(check(&all, "branch", "hub")["says"].as_str().unwrap().contains("Not Found"));
    assert_eq!(check(&checks(&home, &["--offline"]), "branch", "hub")["level"], "G0");
}

#[test]
fn a_bundle_holds_no_secrets() {
    let home = Home::new();
    home.write(".claude/rwenv/envs.json", r#"{"rwenvs":{"ro":{"readOnly":true,"fluxGitRepo":"https://me:hunter2@git.example.com/f.git"}},"databases":{"a":{"namespace":"n","secretName":"s","password":"hunter2"}}}"#);
    home.hook("ro", "kubectl --token=hunter2 delete pod x");
    assert_eq!(home.rwenv("", &["doctor", "--bundle", "--offline"]).code, 0);
    let text = home.read("rwenv-bundle.json");
    let bundle: Value = serde_json::from_str(&text).unwrap();
    assert!(
        bundle["checks"].as_array().unwrap().len() > 5
            && bundle["records"][0].as_str().unwrap().contains("delete pod x"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
    assert!(!text.contains(home.path("").to_str().unwrap().trim_end_matches('/')), "{text}");
}

#[test]
fn each_agent_is_asked_through_its_own_line_and_projects_that_switch_hooks_off_are_named() {
    let home = Home::new();
    let agents = |home: &Home| -> Vec<String> {
        let all = checks(home, &["--offline"]);
        let ours = all.iter().filter(|one| one["id"] == *"agent" || one["id"] == *"project");
        ours.map(|one| format!("{} {}", one["state"].as_str().unwrap(), one["says"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(agents(&home), Vec::<String>::new());
    program(&home, "gemini", "true");
    assert!(agents(&home).concat().starts_with("warn gemini is here"), "{:?}", agents(&home));
    for agent in ["gemini", "cursor", "copilot", "opencode", "codex"] {
        assert_eq!(home.rwenv("", &["install", "--agent", agent, "--hook", crate::support::hook()]).code, 0);
    }
    let all = agents(&home);
    assert!(all.len() == 5 && all.iter().all(|one| one.starts_with("ok ")), "{all:?}");
    // Something else stands in the hook's place.
    let settings = home.read(".copilot/hooks/rwenv.json");
    program(&home, "rwenv-hook", "true");
    let other = settings.replace(crate::support::hook(), &home.path("bin/rwenv-hook").display().to_string());
    home.write(".copilot/hooks/rwenv.json", &other);
    let all = agents(&home).concat();
    assert!(all.contains("fail copilot: a call sent through the line"), "{all}");
    assert!(!checks(&home, &["--offline"]).iter().any(|one| one["id"] == *"hook"), "Claude Code is not here");
    for (file, text, who) in [
        ("ro/.claude/settings.local.json", r#"{"disableAllHooks": true}"#, "Claude Code"),
        ("ro/.github/copilot/settings.json", r#"{"disableAllHooks": true}"#, "Copilot CLI"),
        ("ro/.codex/config.toml", "[features]\nhooks = false\n", "Codex"),
    ] {
        assert!(!home.rwenv("ro", &["cur"]).stderr.contains("without the guard"), "{file}");
        home.write(file, text);
        let told = home.rwenv("ro", &["cur"]).stderr;
        assert!(told.contains(&format!("switches the hooks of {who} off")), "{told}");
        assert!(home.rwenv("ro", &["set", "ro"]).stderr.contains(who));
        let told = home.rwenv("ro", &["doctor", "--offline"]);
        assert!(told.code == 1 && told.stdout.contains("without the guard"), "{}", told.stdout);
        fs::remove_file(home.path(file)).unwrap();
    }
}
