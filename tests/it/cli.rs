//! `rwenv` as people type it.

use serde_json::Value;

use crate::support::{Home, skip};

#[test]
fn set_selects_and_git_ignores_it_once() {
    let home = Home::new();
    home.git("none", &["init", "-q"]);
    home.write("none/.gitignore", "target\n");
    home.write("none/sub/x", "");
    home.git("none", &["add", "-A"]);
    home.git("none", &["commit", "-qm", "x"]);
    let answer = home.rwenv("none/sub", &["set", "ro"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(home.read("none/sub/.claude/rwenv"), "ro\n");
    let excluded = home.read("none/.git/info/exclude");
    assert!(excluded.ends_with("\n/sub/.claude/rwenv\n"), "{excluded}");
    assert_eq!(home.rwenv("none/sub", &["set", "ro"]).code, 0);
    assert_eq!(home.read("none/.git/info/exclude"), excluded);
    // What was clean stays clean, in a worktree as well.
    assert_eq!(home.git("none", &["status", "--porcelain"]), "");
    home.git("none", &["worktree", "add", "-q", "../tree"]);
    assert_eq!(home.rwenv("tree", &["set", "ro"]).code, 0);
    assert_eq!(home.git("tree", &["status", "--porcelain"]), "");
    // A line that is there already is enough.
    home.write("none/.gitignore", ".claude/\n");
    std::fs::create_dir_all(home.path("none/more")).unwrap();
    assert_eq!(home.rwenv("none/more", &["set", "ro"]).code, 0);
    assert!(!home.read("none/.git/info/exclude").contains("more"));
    let ignored = home.git("none", &["check-ignore", "sub/.claude/rwenv"]);
    assert_eq!(ignored.trim(), "sub/.claude/rwenv");
}

#[test]
fn another_selection_is_shown_and_confirmed() {
    let home = Home::new();
    let asked = home.rwenv("ro", &["set", "go"]);
    assert_eq!(asked.code, 1);
    assert!(
        asked.stderr.contains("read-only") && asked.stderr.contains("gitops-only"),
        "both are shown: {}",
        asked.stderr
    );
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    assert_eq!(home.read("ro/.claude/rwenv"), "ro\n");
    let done = home.rwenv("ro", &["set", "go", "--yes", "--json"]);
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((json["name"].as_str(), json["previous"].as_str()), (Some("go"), Some("ro")));
    assert_eq!(home.read("ro/.claude/rwenv"), "go\n");
    let near = home.rwenv("ro", &["set", "GO"]);
    assert!(near.stderr.contains("Did you mean go?"), "{}", near.stderr);
}

#[test]
fn add_edit_export_import_and_remove_make_a_round() {
    let home = Home::empty();
    let add = [
        "add",
        "prod",
        "--description",
        "d",
        "--type",
        "gke",
        "--kubeconfig",
        "~/.kube/config",
        "--context",
        "c",
    ];
    let more = [
        "--gcp-project",
        "p",
        "--read-only",
        "--flux-repo",
        "https://github.com/o/f",
        "--flux-repo-type",
        "github",
    ];
    let rest = [
        "--flux-branch",
        "live",
        "--protected-branch",
        "live",
        "--protected-branch",
        "main",
        "--service",
        "a=https://a",
        "--json",
    ];
    let added = home.rwenv("", &[&add[..], &more, &rest].concat());
    assert_eq!(added.code, 0, "{}", added.stderr);
    let json: Value = serde_json::from_str(&added.stdout).unwrap();
    assert_eq!(json["protectedBranches"], serde_json::json!(["live", "main"]));
    assert_eq!(json["services"][0]["url"], "https://a");
    assert_eq!((json["readOnly"].as_bool(), json["fluxBranch"].as_str()), (Some(true), Some("live")));
    let exported = home.rwenv("", &["export", "prod"]);
    assert_eq!(home.rwenv("", &["export", "--output", "all.json"]).code, 0);
    assert_eq!(home.read("all.json"), exported.stdout);
    assert_eq!(
        home.rwenv("", &["remove", "prod", "--yes", "--json"]).stdout,
        "{\n  \"removed\": \"prod\"\n}\n"
    );
    assert_eq!(home.rwenv_with("", &["import", "-"], &exported.stdout).code, 0);
    let again = home.rwenv("", &["import", "all.json"]);
    assert!(again.code == 1 && again.stderr.contains("--replace"), "{}", again.stderr);
    assert_eq!(home.rwenv("", &["import", "all.json", "--replace", "--json"]).code, 0);
    assert_eq!(home.rwenv("", &["export", "prod"]).stdout, exported.stdout);
    for (text, why) in [
        ("{", "all.json:1:1"),
        ("{}", "no \"rwenvs\""),
        ("{\"rwenvs\": {\"x\": {\"readonly\": true}}}", "write \"readOnly\""),
    ] {
        home.write("all.json", text);
        let answer = home.rwenv("", &["import", "all.json"]);
        assert!(answer.code == 1 && answer.stderr.contains(why), "{text}: {}", answer.stderr);
    }
}

#[test]
fn local_mode_says_and_sets_where_commands_run() {
    let home = Home::empty();
    home.write(
        ".claude/rwenv/envs.json",
        r#"{"version": "1.0", "devContainer": "tools", "useDevContainer": true, "rwenvs": {}}"#,
    );
    assert!(home.rwenv("", &["local-mode"]).stdout.contains("the dev container 'tools'"));
    assert!(home.rwenv("", &["local-mode", "on"]).stdout.contains("on this machine"));
    assert!(home.read(".claude/rwenv/envs.json").contains("\"useDevContainer\": false"));
    assert_eq!(home.rwenv("", &["local-mode", "off", "--json"]).code, 0);
    assert!(home.read(".claude/rwenv/envs.json").contains("\"useDevContainer\": true"));
    // A container that is named is used unless the file says otherwise.
    home.write(".claude/rwenv/envs.json", r#"{"version": "1.0", "devContainer": "tools", "rwenvs": {}}"#);
    assert!(home.rwenv("", &["local-mode"]).stdout.contains("the dev container 'tools'"));
}

#[test]
fn check_explains_part_by_part_and_exits_with_the_verdict() {
    let home = Home::new();
    let check = |folder: &str, words: &[&str]| home.rwenv(folder, &[&["check", "--"], words].concat());
    assert_eq!(check("ro", &["kubectl", "get", "pods"]).code, 0);
    assert_eq!(check("ro", &["kubectl exec -it web-0 -- sh"]).code, 1);
    assert_eq!(check("ro", &["kubectl", "delete", "pod", "a b; ls"]).code, 2);
    assert_eq!(check("none", &["ls"]).code, 0);
    let answer = check("ro", &["kubectl get pods; cd /tmp && helm uninstall web"]);
    assert_eq!(answer.code, 2);
    insta::assert_snapshot!(answer.stdout, @r"
     DECISION  EFFECT         PART                RULE
     allow     read           kubectl get pods
     deny      cluster-write  helm uninstall web  read-only.cluster-write

    allow: kubectl get pods only reads, and no rule objects

    deny: rwenv 'ro' is read-only: helm uninstall would change release web. [read-only.cluster-write]
      in: helm uninstall web
      instead: Look with kubectl get, describe, logs or diff, or add --dry-run=server. For a lasting change, tell a person what to change in https://git.example.com/ro/flux.git.
    ");
    let json = home.rwenv("none", &["check", "--rwenv", "go", "--json", "--", "flux suspend ks apps"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["decision"], "ask");
    assert_eq!(json["parts"][0]["effect"], "cluster-write");
    assert_eq!(json["reasons"][0]["rule"], "gitops-only.suspend");
    assert_eq!((json["parts"][0]["start"].as_u64(), json["parts"][0]["end"].as_u64()), (Some(0), Some(20)));
}

#[test]
fn the_hook_and_check_say_the_same() {
    let home = Home::new();
    for line in [
        "kubectl get pods",
        "kubectl delete pod p",
        "kubectl exec p -- env",
        "bash -c \"$X\"",
        "ls; flux resume ks a",
        "git push origin HEAD:main",
    ] {
        for folder in ["ro", "go", "rw", "none"] {
            let hook = home.hook(folder, line).decision();
            let check = home.rwenv(folder, &["check", "--json", "--", line]);
            let json: Value = serde_json::from_str(&check.stdout).unwrap();
            assert_eq!(json["decision"], hook, "{line} in {folder}");
        }
    }
}

#[test]
fn policies_are_listed_shown_and_tested() {
    let home = Home::empty();
    let list = home.rwenv("", &["policy", "list"]);
    assert!(
        list.stdout.contains("read-only.cluster-write") && list.stdout.contains("gitops-only.direct-write")
    );
    let json: Value = serde_json::from_str(&home.rwenv("", &["policy", "list", "--json"]).stdout).unwrap();
    assert!(json.as_array().unwrap().iter().all(|r| r["examples"].as_array().is_some_and(|e| e.len() >= 2)));
    let show = home.rwenv("", &["policy", "show", "read-only.exec"]);
    assert!(
        show.stdout.contains("matches (read-only): kubectl exec web-0 -- rm -rf /data"),
        "{}",
        show.stdout
    );
    assert_eq!(home.rwenv("", &["policy", "show", "nope"]).code, 1);
    let test = home.rwenv("", &["policy", "test"]);
    assert!(test.code == 0 && test.stdout.ends_with(" examples, 0 failed\n"), "{}", test.stdout);
}

/// A `claude` on PATH that says it is this version.
fn claude(home: &Home, version: &str) {
    home.write("bin/claude", &format!("#!/bin/sh\necho '{version} (Claude Code)'\n"));
    home.mode("bin/claude", 0o755);
}

fn install(home: &Home, arguments: &[&str]) -> crate::support::Answer {
    let mut command = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path(""));
    command
        .env("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()))
        .arg("install")
        .args(arguments);
    crate::support::answer(&mut command)
}

#[test]
fn install_merges_is_idempotent_and_can_be_undone() {
    let home = Home::empty();
    claude(&home, "2.1.329");
    let old = r#"{ "model": "opus", "hooks": { "PreToolUse": [ { "matcher": "Write", "hooks": [ { "type": "command", "command": "lint" } ] } ],
        "Stop": [] }, "permissions": { "deny": ["Bash(rm:*)"] } }"#;
    home.write(".claude/settings.json", old);
    let hook = crate::support::hook();
    let first = install(&home, &["--hook", hook]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let settings: Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    let groups = settings["hooks"]["PreToolUse"].as_array().unwrap();
    assert_eq!(groups.len(), 2);
    assert_eq!(
        groups[1]["matcher"],
        "^(Bash|PowerShell|Monitor|Write|Edit|MultiEdit|NotebookEdit|Skill|mcp__.*)$"
    );
    let handler = serde_json::json!({ "type": "command", "command": hook, "args": ["claude"], "timeout": 60, "onFailure": "block" });
    assert_eq!(groups[1]["hooks"], serde_json::json!([handler]));
    assert_eq!(settings["permissions"]["deny"][0], "Bash(rm:*)");
    let backups = || {
        let names = std::fs::read_dir(home.path(".claude"))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|n| n.starts_with("settings.json.before-rwenv-")).collect::<Vec<_>>()
    };
    assert_eq!(backups().len(), 1);
    assert_eq!(home.read(&format!(".claude/{}", backups()[0])), old);
    let text = home.read(".claude/settings.json");
    assert!(install(&home, &["--hook", hook]).stdout.contains("already"));
    assert_eq!((home.read(".claude/settings.json"), backups().len()), (text, 1), "twice is as good as once");
    assert_eq!(install(&home, &["--uninstall"]).code, 0);
    let after: Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    assert_eq!(after, serde_json::from_str::<Value>(old).unwrap());
    assert!(install(&home, &["--uninstall"]).stdout.contains("is not in"));
}

/// Settings that another program makes, in a place that cannot be written: what to have it write is said, and the shims are there.
#[test]
fn settings_that_cannot_be_written_are_told_to_be_pasted() {
    let home = Home::empty();
    claude(&home, "2.1.329");
    home.write("store/settings.json", "{\"model\": \"opus\"}\n");
    std::fs::create_dir_all(home.path(".claude")).unwrap();
    std::os::unix::fs::symlink(home.path("store/settings.json"), home.path(".claude/settings.json")).unwrap();
    let line = format!(
        "mount --bind store store && mount -o remount,ro,bind store && exec {} install --hook {}",
        env!("CARGO_BIN_EXE_rwenv"),
        crate::support::hook()
    );
    let mut command = home.command("unshare", &home.path(""));
    command.args(["-rm", "sh", "-c"]);
    let can =
        crate::support::answer(command.arg("mount --bind store store && mount -o remount,ro,bind store"));
    if can.code != 0 {
        crate::support::skip("nothing can be mounted in a namespace of its own");
        return;
    }
    let mut command = home.command("unshare", &home.path(""));
    let told = crate::support::answer(command.args(["-rm", "sh", "-c", &line]));
    assert_eq!(told.code, 1, "{told:?}");
    let json = told.stderr.split_once("have it write:\n").unwrap().1;
    let json: Value = serde_json::from_str(json).unwrap();
    assert!(json["model"] == "opus" && json["hooks"]["PreToolUse"].is_array(), "{told:?}");
    assert!(home.path(".claude/rwenv/shims/kubectl").is_symlink());
    assert_eq!(home.read("store/settings.json"), "{\"model\": \"opus\"}\n");
}

#[test]
fn install_works_from_nothing_and_touches_nothing_it_does_not_understand() {
    let home = Home::empty();
    let hook = crate::support::hook();
    claude(&home, "2.1.200");
    assert_eq!(install(&home, &["--hook", hook]).code, 0);
    let settings = home.read(".claude/settings.json");
    assert!(
        settings.contains("\"PreToolUse\"") && !settings.contains("onFailure"),
        "an older agent: {settings}"
    );
    assert_eq!(install(&home, &["--uninstall"]).code, 0);
    assert_eq!(home.read(".claude/settings.json"), "{}\n");
    for (text, why) in [
        ("{", "settings.json:1:1"),
        ("[]", "settings.json:1:"),
        ("{\"hooks\": []}", "not an object"),
        ("{\"hooks\": {\"PreToolUse\": {}}}", "not a list"),
    ] {
        home.write(".claude/settings.json", text);
        let answer = install(&home, &["--hook", hook]);
        assert!(answer.code == 1 && answer.stderr.contains(why), "{text}: {answer:?}");
        assert_eq!(home.read(".claude/settings.json"), text);
    }
    let missing = install(&home, &["--hook", "/nowhere/rwenv-hook"]);
    assert!(missing.code == 1 && missing.stderr.contains("./install.sh"), "{missing:?}");
}

#[test]
fn help_has_examples_and_pages_are_made_from_it() {
    let home = Home::empty();
    for command in ["", "set", "add", "edit", "export", "import", "check", "install", "completions"] {
        let arguments: Vec<&str> = [command, "--help"].into_iter().filter(|a| !a.is_empty()).collect();
        let help = home.rwenv("", &arguments);
        assert_eq!(help.code, 0);
        let more = ["Example", "Writes", "Merges"].iter().any(|w| help.stdout.contains(w));
        assert!(more, "{command}: {}", help.stdout);
    }
    assert!(home.rwenv("", &["completions", "bash"]).stdout.contains("complete"));
    assert!(home.rwenv("", &["man"]).stdout.contains(".TH rwenv 1"));
    assert_eq!(home.rwenv("", &["man", "--dir", "man"]).code, 0);
    assert!(home.read("man/rwenv-check.1").contains("part by part"));
}

#[test]
fn a_pipe_gets_plain_text_and_colours_are_asked_for() {
    let home = Home::new();
    assert!(!home.rwenv("ro", &["list"]).stdout.contains('\u{1b}'));
    let mut forced = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path("ro"));
    let coloured = crate::support::answer(forced.env("CLICOLOR_FORCE", "1").args([
        "check",
        "--",
        "kubectl delete pod p",
    ]));
    assert!(coloured.stdout.contains('\u{1b}'));
    let mut plain = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path("ro"));
    plain.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").args(["check", "--", "kubectl delete pod p"]);
    assert!(!crate::support::answer(&mut plain).stdout.contains('\u{1b}'));
}

/// `rwenv add` and `rwenv set` with a person at a terminal, played by `script`.
#[test]
fn at_a_terminal_it_asks() {
    let home = Home::empty();
    if !std::path::Path::new("/usr/bin/script").exists() {
        skip("script(1) is not installed, so there is no terminal to answer at");
        return;
    }
    let ask = |arguments: &str, answers: &str| {
        let line = format!("stty -echo; {} {arguments}", env!("CARGO_BIN_EXE_rwenv"));
        let mut command = home.command("/usr/bin/script", &home.path(""));
        command.env("TERM", "dumb").args(["-qec", &line, "/dev/null"]).write_stdin(answers);
        crate::support::answer(&mut command)
    };
    home.write(
        ".kube/config",
        "contexts: [{name: prod-ctx, context: {cluster: c}}, {name: dev-ctx, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: 'https://k8s.example.com'}}]\n",
    );
    let added = ask(
        "add",
        "a/b\nprod\nThe real one\n\nprod\nprod-ctx\ngke\nmy-project\nhttps://github.com/o/flux\n\ny\ny\n",
    );
    assert_eq!(added.code, 0, "{added:?}");
    assert!(added.stdout.contains("is not a rwenv name"), "{added:?}");
    assert!(added.stdout.contains("the kubeconfig has no context 'prod'"), "{added:?}");
    let envs: Value = serde_json::from_str(&home.read(".claude/rwenv/envs.json")).unwrap();
    let prod = &envs["rwenvs"]["prod"];
    assert_eq!((prod["type"].as_str(), prod["readOnly"].as_bool()), (Some("gke"), Some(true)));
    assert_eq!(
        (prod["fluxGitRepoType"].as_str(), prod["kubeconfigPath"].as_str()),
        (Some("github"), Some("~/.kube/config"))
    );
    assert!(added.stdout.contains("is selected for"), "{added:?}");
    assert!(
        home.read(".claude/rwenv/env-consumers.json").contains("\"prod\""),
        "the home directory has no file of its own"
    );
    home.rwenv("", &["add", "dev", "--no-context"]);
    assert!(ask("set dev", "n\n").stdout.contains("nothing was changed"));
    assert_eq!(ask("set dev", "y\n").code, 0);
    assert!(ask("remove dev", "y\n").stdout.contains("removed"));
}

#[test]
fn a_hook_that_is_gone_is_said_where_people_look() {
    let home = Home::new();
    let said = |arguments: &[&str]| home.rwenv("ro", arguments).stderr;
    assert_eq!(said(&["cur"]), "", "nobody was told of a hook yet");
    assert_eq!(home.rwenv("", &["install"]).code, 0);
    assert_eq!(said(&["cur"]), "");
    let settings = home.read(".claude/settings.json");
    home.write(".claude/settings.json", "{}\n");
    for command in [&["cur"][..], &["list"], &["set", "ro"]] {
        assert!(
            said(command).contains("does not register the hook: Claude Code asks nobody → rwenv install"),
            "{command:?}: {}",
            said(command)
        );
    }
    home.write(".claude/settings.json", &settings.replacen('{', "{ \"disableAllHooks\": true,", 1));
    assert!(
        said(&["cur"])
            .contains("switches all hooks off: Claude Code asks nobody → remove \"disableAllHooks\""),
        "{}",
        said(&["cur"])
    );
}

#[test]
fn a_weaker_mode_is_said() {
    let home = Home::new();
    let edited = home.rwenv("", &["edit", "ro", "--read-only=false"]);
    assert_eq!(edited.stderr, "it was read-only and is writable now\n");
    assert_eq!(home.rwenv("", &["edit", "ro", "--description", "x"]).stderr, "");
}

#[test]
fn a_command_is_checked_with_and_without_dashes() {
    let home = Home::new();
    for line in [&["check", "kubectl", "delete", "pod", "x"][..], &["check", "--", "kubectl delete pod x"]] {
        assert_eq!(home.rwenv("ro", line).code, 2, "{line:?}");
    }
    let none = home.rwenv("", &["audit", "--env", "prdo"]);
    assert!(none.code == 1 && none.stderr.contains("there is no rwenv 'prdo'"), "{}", none.stderr);
}
