//! The hook as Claude Code meets it: real payloads in, the protocol's answers out.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Home, answer, find, skip, which};

#[test]
fn a_denial_is_a_reason_on_standard_error_and_exit_2() {
    let home = Home::new();
    let answer = home.hook("ro", "ls && kubectl -n shop delete pod web-0 --now");
    assert_eq!((answer.code, answer.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(answer.stderr, @r"
    rwenv 'ro' is read-only: kubectl delete would change pod/web-0 in namespace shop. [read-only.cluster-write]
      in: kubectl -n shop delete pod web-0 --now
      instead: Look with kubectl get, describe, logs or diff, or add --dry-run=server. For a lasting change, tell a person what to change in https://git.example.com/ro/flux.git.
    ");
}

#[test]
fn the_messages_people_know_are_word_for_word() {
    let home = Home::new();
    let flux = home.hook("ro", "flux reconcile kustomization apps");
    assert!(
        flux.stderr
            .starts_with("rwenv 'ro' is read-only. Cannot modify Flux repo or trigger reconciliation."),
        "{}",
        flux.stderr
    );
    let none = home.hook("none", "kubectl delete pod p");
    assert!(none.stderr.contains("No rwenv configured"), "{}", none.stderr);
    assert!(none.stderr.contains("rwenv set <name>"), "{}", none.stderr);
    assert!(none.stderr.contains("ro (read-only), go (gitops-only), rw"), "{}", none.stderr);
}

/// Where nothing is selected, looking changes nothing; what changes something is refused, and so are both where a person says so.
#[test]
fn without_a_rwenv_what_only_looks_passes() {
    let home = Home::new();
    let cases = [
        ("kubectl get pods -A", "allow"),
        ("flux get all; helm list -A", "allow"),
        ("kubectl get secret db -o yaml", "ask"),
        ("kubectl delete pod p", "deny"),
        ("kubectl exec web-0 -- ls", "deny"),
        ("kubectl $VERB pods", "deny"),
    ];
    for (line, wanted) in cases {
        let answer = home.hook("none", line);
        assert_eq!(answer.decision(), wanted, "{line}: {}", answer.stderr);
    }
    let file = home.read(".claude/rwenv/envs.json").replacen('{', "{\"unselected\": \"deny\", ", 1);
    home.write(".claude/rwenv/envs.json", &file);
    for line in ["kubectl get pods -A", "flux get all"] {
        assert_eq!(home.hook("none", line).decision(), "deny", "{line}");
    }
}

#[test]
fn a_question_is_json_with_the_event_s_name() {
    let home = Home::new();
    let answer = home.hook("ro", "kubectl exec -it web-0 -- bash");
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    let said = &json["hookSpecificOutput"];
    assert_eq!(said["hookEventName"], "PreToolUse");
    assert_eq!(said["permissionDecision"], "ask");
    assert!(said["permissionDecisionReason"].as_str().unwrap().contains("[read-only.exec-shell]"));
    assert_eq!(json.as_object().unwrap().len(), 1);
}

#[test]
fn where_nobody_can_be_asked_a_question_is_a_denial() {
    let home = Home::new();
    let mut payload = home.payload("ro", "kubectl exec -it web-0 -- bash");
    payload["permission_mode"] = "dontAsk".into();
    let answer = home.hook_bytes(payload.to_string());
    assert_eq!(answer.decision(), "deny");
    assert!(answer.stderr.contains("nobody can be"), "{}", answer.stderr);
}

#[test]
fn what_passes_passes_in_silence() {
    let home = Home::new();
    for (folder, line) in
        [("ro", "kubectl get pods"), ("ro", "ls"), ("none", "git status"), ("rw", "kubectl delete pod web-0")]
    {
        let answer = home.hook(folder, line);
        assert_eq!((answer.code, answer.stdout.as_str(), answer.stderr.as_str()), (0, "", ""), "{line}");
    }
}

#[test]
fn other_tools_and_other_events_are_none_of_its_business() {
    let home = Home::new();
    let inputs = [
        ("Read", serde_json::json!({ "file_path": "/etc/hosts", "limit": 20 })),
        (
            "Edit",
            serde_json::json!({ "file_path": "/w/a", "old_string": "a", "new_string": "kubectl delete pod p" }),
        ),
        ("Task", serde_json::json!({ "prompt": "kubectl delete pod p", "subagent_type": "x" })),
        ("mcp__notes__add", serde_json::json!({ "text": "kubectl delete pod p" })),
        ("TodoWrite", serde_json::json!([1, 2, 3])),
        ("SomethingNew", serde_json::Value::Null),
    ];
    for (tool, input) in inputs {
        let mut payload = home.payload("ro", "");
        payload["tool_name"] = tool.into();
        payload["tool_input"] = input;
        let answer = home.hook_bytes(payload.to_string());
        assert_eq!((answer.decision(), answer.stderr.as_str()), ("allow", ""), "{tool}");
    }
    for event in ["PostToolUse", "CwdChanged", "Stop", "NewEvent"] {
        let mut payload = home.payload("ro", "kubectl delete pod web-0");
        payload["hook_event_name"] = event.into();
        assert_eq!(home.hook_bytes(payload.to_string()).decision(), "allow", "{event}");
    }
}

#[test]
fn fields_it_does_not_know_change_nothing() {
    let home = Home::new();
    let mut payload = home.payload("ro", "kubectl delete pod web-0");
    payload["new_field"] = serde_json::json!({ "deep": [1, { "x": null }], "command": "ls" });
    payload["tool_input"]["dangerouslyDisableSandbox"] = true.into();
    payload["mcp_server"] = serde_json::Value::Null;
    payload["agent_id"] = "a-1".into();
    assert_eq!(home.hook_bytes(payload.to_string()).decision(), "deny");
    payload["tool_name"] = "Monitor".into();
    assert_eq!(home.hook_bytes(payload.to_string()).decision(), "deny");
    payload["tool_name"] = "PowerShell".into();
    assert_eq!(home.hook_bytes(payload.to_string()).decision(), "deny");
    payload["tool_input"]["command"] = "Get-ChildItem".into();
    assert_eq!(home.hook_bytes(payload.to_string()).decision(), "ask");
    let mut least =
        serde_json::json!({ "tool_name": "Bash", "tool_input": { "command": "kubectl delete pod p" } });
    assert_eq!(
        home.hook_bytes(least.to_string()).decision(),
        "deny",
        "no cwd: this process's own, where nothing is selected"
    );
    least["tool_input"]["command"] = "ls".into();
    assert_eq!(home.hook_bytes(least.to_string()).decision(), "allow");
}

#[test]
fn every_verdict_about_our_tools_leaves_a_record_and_nothing_else_does() {
    let home = Home::new();
    for line in ["ls", "kubectl get pods", "kubectl --token=abc delete pod web-0", "echo kubectl"] {
        home.hook("ro", line);
    }
    let log = home.read(".claude/rwenv/audit/audit.jsonl");
    let records: Vec<serde_json::Value> =
        log.lines().filter(|l| !l.is_empty()).map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(records.len(), 2, "{log}");
    assert_eq!(records[0]["decision"], "allow");
    assert_eq!(records[1]["decision"], "deny");
    assert_eq!(records[1]["command"], "kubectl --token=*** delete pod web-0");
    assert_eq!((&records[0]["seq"], &records[0]["rwenvs"][0]), (&1.into(), &"ro".into()));
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |name: &str| fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(".claude/rwenv/audit"), mode(".claude/rwenv/audit/audit.jsonl")), (0o700, 0o600));
}

#[test]
fn without_a_record_nothing_is_changed_and_reads_go_on() {
    let home = Home::new();
    home.write(".claude/rwenv/audit", "a file where a folder should be");
    assert_eq!(home.hook("rw", "kubectl get pods").decision(), "allow");
    let answer = home.hook("rw", "kubectl delete pod web-0");
    assert_eq!(answer.decision(), "deny");
    assert!(answer.stderr.contains("[audit.unwritable]"), "{}", answer.stderr);
}

#[test]
fn pushes_are_judged_by_the_repository_they_run_in() {
    let home = Home::new();
    home.git("", &["init", "-q", "--bare", "remote.git"]);
    home.git("ro", &["init", "-q"]);
    home.git("ro", &["commit", "-q", "--allow-empty", "-m", "x"]);
    home.git("ro", &["remote", "add", "origin", "../remote.git"]);
    assert_eq!(home.hook("ro", "git push origin HEAD").decision(), "deny", "on main");
    assert_eq!(home.hook("ro", "git switch -c x && git push -u origin HEAD").decision(), "allow");
    home.git("ro", &["switch", "-q", "-c", "feature"]);
    assert_eq!(home.hook("ro", "git push origin HEAD").decision(), "allow");
    assert_eq!(home.hook("ro", "git push").decision(), "allow");
    home.git("ro", &["config", "push.default", "upstream"]);
    home.git("ro", &["config", "branch.feature.remote", "origin"]);
    home.git("ro", &["config", "branch.feature.merge", "refs/heads/main"]);
    assert_eq!(home.hook("ro", "git push").decision(), "deny", "upstream is main");
    home.git("ro", &["config", "alias.pom", "push origin HEAD:main"]);
    assert_eq!(home.hook("ro", "git pom").decision(), "deny", "an alias of the repository");
    home.git("ro", &["config", "alias.st", "status -sb"]);
    assert_eq!(home.hook("ro", "git st").decision(), "allow", "a harmless alias");
    home.git("ro", &["remote", "set-url", "origin", "git@git.example.com:ro/flux.git"]);
    let answer = home.hook("ro", "git commit --allow-empty -m x");
    assert!(answer.stderr.contains("[read-only.flux-repository]"), "{}", answer.stderr);
    assert_eq!(home.hook("ro", "git fetch && git log -1").decision(), "allow");
}

#[test]
fn nothing_a_repository_brings_is_run_while_it_is_judged() {
    let home = Home::new();
    home.git("ro", &["init", "-q"]);
    home.git("ro", &["commit", "-q", "--allow-empty", "-m", "x"]);
    let mark = home.path("ran");
    let script = home.write("evil.sh", &format!("#!/bin/sh\ntouch {}\n", mark.display()));
    home.mode("evil.sh", 0o755);
    let evil = script.to_str().unwrap();
    for key in [
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "core.sshCommand",
        "core.editor",
        "filter.x.smudge",
        "alias.y",
    ] {
        home.git("ro", &["config", key, if key == "alias.y" { "!touch ../ran" } else { evil }]);
    }
    for line in ["git push origin HEAD", "git commit -m x", "git status", "git y", "git push"] {
        home.hook("ro", line);
    }
    assert!(!mark.exists());
}

/// Starts the hook and leaves its standard input open.
fn waiting(home: &Home) -> std::process::Child {
    let mut child = Command::new(crate::support::hook())
        .arg("claude")
        .env_clear()
        .env("HOME", home.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.as_mut().unwrap().write_all(b"{\"tool_name\":").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    child
}

#[test]
fn a_hook_that_is_killed_in_any_way_it_can_notice_denies() {
    let home = Home::new();
    for signal in [
        Signal::SIGSEGV,
        Signal::SIGBUS,
        Signal::SIGILL,
        Signal::SIGFPE,
        Signal::SIGABRT,
        Signal::SIGSYS,
        Signal::SIGTRAP,
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGALRM,
        Signal::SIGXCPU,
    ] {
        let child = waiting(&home);
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.status.signal()), (Some(2), None), "{signal}");
        let why = String::from_utf8(output.stderr).unwrap();
        assert!(why.contains("does not run") && output.stdout.is_empty(), "{signal}: {why}");
    }
}

/// The parser underneath panics on this line: what bash makes of it nobody knows, so it does not run.
#[test]
fn a_panic_is_a_denial() {
    let home = Home::new();
    for folder in ["ro", "rw", "none"] {
        let answer = home.hook(folder, "x=$(cat <<EOF\n) a\nEOF");
        assert_eq!(answer.decision(), "deny", "{folder}");
        assert!(answer.stderr.contains("[hook.failed]"), "{}", answer.stderr);
    }
}

#[test]
fn a_host_that_never_finishes_its_call_gets_a_denial() {
    let home = Home::new();
    let mut child = waiting(&home);
    let stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("[hook.deadline]"));
}

#[test]
fn a_question_that_cannot_be_written_is_a_denial() {
    let home = Home::new();
    let mut child = Command::new(crate::support::hook())
        .arg("claude")
        .env_clear()
        .env("HOME", home.path(""))
        .stdin(Stdio::piped())
        .stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let payload = home.payload("ro", "kubectl exec -it web-0 -- bash").to_string();
    child.stdin.take().unwrap().write_all(payload.as_bytes()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[test]
fn characters_nobody_sees_are_shown() {
    let home = Home::new();
    let answer = home.hook("ro", "kubectl delete pod 'web\u{202e}0\u{200b}\u{1b}[31m'");
    assert!(answer.stderr.contains("web\\u{202e}0\\u{200b}\\u{1b}[31m"), "{}", answer.stderr);
}

#[test]
fn the_hook_says_who_it_is() {
    let home = Home::empty();
    let run = |arguments: &[&str]| {
        let mut command = home.command(crate::support::hook(), &home.path(""));
        crate::support::answer(command.args(arguments))
    };
    assert!(run(&["--version"]).stdout.starts_with("rwenv-hook "));
    assert!(run(&["--help"]).stdout.contains("Usage: rwenv-hook claude"));
    for arguments in [vec![], vec!["somebody"], vec!["--frob"]] {
        let answer = run(&arguments);
        assert_eq!(answer.code, 2, "{arguments:?}");
        assert!(answer.stderr.contains("is not a supported agent"), "{}", answer.stderr);
    }
}

#[test]
fn a_program_is_judged_as_what_it_is_whatever_it_is_called() {
    let home = Home::new();
    let git = which("git");
    std::os::unix::fs::symlink(&git, home.path("ro/linked")).unwrap();
    std::os::unix::fs::symlink("linked", home.path("ro/twice")).unwrap();
    fs::copy(&git, home.path("ro/copied")).unwrap();
    let mut longer = fs::read(&git).unwrap();
    longer.extend_from_slice(b"\nmore");
    fs::write(home.path("ro/longer"), longer).unwrap();
    home.mode("ro/longer", 0o700);
    fs::copy(which("bash"), home.path("ro/look")).unwrap();
    home.write("ro/script", "#!/bin/sh\ntrue\n");
    home.mode("ro/script", 0o700);
    for program in [
        "./linked",
        "./twice",
        "./copied",
        "./longer",
        "~+/copied",
        "sudo ./copied",
        "PATH=$PWD:$PATH copied",
    ] {
        let line = format!("{program} push origin HEAD:main");
        assert_eq!(home.hook("ro", &line).decision(), "deny", "{line}");
        let line = format!("{program} status");
        assert_eq!(home.hook("ro", &line).decision(), "allow", "{line}");
    }
    assert_eq!(home.hook("ro", "./look -c 'kubectl delete pod p'").decision(), "deny");
    assert_eq!(home.hook("ro", "./look -c 'ls'").decision(), "allow");
    for line in ["./script push origin HEAD:main", "./absent push origin main", "./ delete pod p"] {
        assert_eq!(home.hook("ro", line).decision(), "allow", "{line}");
    }
}

#[test]
fn a_go_program_is_known_by_what_the_linker_wrote_into_it() {
    let Some(kubectl) = find("kubectl") else {
        skip("there is no kubectl on PATH whose copy could be known again");
        return;
    };
    let home = Home::new();
    fs::copy(kubectl, home.path("ro/k")).unwrap();
    home.mode("ro/k", 0o700);
    let mut command = home.command(crate::support::hook(), &home.path(""));
    // Nothing to compare it with.
    command.env("PATH", home.path("none")).arg("claude");
    let payload = home.payload("ro", "~+/k delete pod p").to_string();
    let answer = answer(command.write_stdin(payload));
    assert_eq!(answer.decision(), "deny", "{}", answer.stderr);
    assert!(answer.stderr.contains("[read-only.cluster-write]"), "{}", answer.stderr);
    assert_eq!(home.hook("ro", "./k get pods").decision(), "allow");
}

#[test]
fn a_denial_names_the_file_and_line_to_change_instead() {
    let home = Home::new();
    let clone = ".claude/rwenv/flux-repos/ro/flux";
    home.write(
        &format!("{clone}/apps/web.yaml"),
        "# the shop\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    name: other\n  name: web\n  namespace: shop\n",
    );
    home.write(
        &format!("{clone}/apps/other.yaml"),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: other\nspec:\n  template:\n    spec:\n      containers:\n        - name: web\n          image: web:1\n",
    );
    home.write(
        &format!("{clone}/apps/release.yml"),
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: \"api\"\nspec: {}\n",
    );
    let flux = ["edit", "ro", "--flux-repo", "https://git.example.com/shop/flux.git"];
    assert_eq!(home.rwenv("ro", &flux).code, 0);
    let nothing = home.hook("ro", "kubectl delete svc web");
    assert!(!nothing.stderr.contains("is defined in"), "{}", nothing.stderr);
    let made = home.rwenv("ro", &["services", "regenerate", "ro"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    for (line, place) in [
        (
            "kubectl -n shop scale deploy/web --replicas 0",
            "Deployment web is defined in ~/.claude/rwenv/flux-repos/ro/flux/apps/web.yaml:7.",
        ),
        (
            "kubectl delete svc web",
            "Service web is defined in ~/.claude/rwenv/flux-repos/ro/flux/apps/web.yaml:2.",
        ),
        (
            "ls; helm upgrade api ./chart",
            "HelmRelease api is defined in ~/.claude/rwenv/flux-repos/ro/flux/apps/release.yml:1.",
        ),
        ("flux suspend helmrelease api", "HelmRelease api is defined in"),
        (
            "kubectl -n other set image deploy/web web=web:2",
            "The image of Deployment web is set in ~/.claude/rwenv/flux-repos/ro/flux/apps/other.yaml:11.",
        ),
        (
            "kubectl scale deploy api-worker --replicas 0",
            "Deployment api-worker comes from HelmRelease api, which is defined in ~/.claude/rwenv/flux-repos/ro/flux/apps/release.yml:1.",
        ),
    ] {
        let answer = home.hook("ro", line);
        assert!(answer.stderr.contains(place), "{line}: {}", answer.stderr);
        assert!(home.rwenv("ro", &["check", "--", line]).stdout.contains(place), "{line}");
    }
    for line in ["kubectl delete deploy nowhere", "kubectl delete pod web", "kubectl delete -f x.yaml"] {
        assert!(!home.hook("ro", line).stderr.contains("is defined in"), "{line}");
    }
}
