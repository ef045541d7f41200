//! Who a record says has called: agent, version, sub-agent, session, worktree, CI job; and how it is in a job where nobody can be asked.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::grant::at_terminal;
use crate::support::{Answer, Home, answer, find, hook, skip};

const LOG: &str = ".claude/rwenv/audit/audit.jsonl";

fn last(home: &Home) -> Value {
    serde_json::from_str(home.read(LOG).lines().last().unwrap()).unwrap()
}

/// The hook with a payload and these variables.
fn heard(home: &Home, payload: &Value, variables: &[(&str, &str)]) -> Answer {
    let mut command = home.command(hook(), &home.path(""));
    answer(command.envs(variables.iter().copied()).arg("claude").write_stdin(payload.to_string()))
}

#[test]
fn a_record_says_which_agent_where_and_in_which_job() {
    let home = Home::new();
    let mut payload = home.payload("ro", "kubectl delete pod web-0");
    assert_eq!(heard(&home, &payload, &[]).decision(), "deny");
    assert_eq!(last(&home)["agent"], json!({ "name": "claude" }));
    assert!(last(&home)["ci"].is_null() && last(&home)["worktree"].is_null());
    payload["agent_type"] = json!("Explore");
    payload["agent_id"] = json!("a1");
    let github = [
        ("AI_AGENT", "claude-code_2-1-332_agent"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_JOB", "plan"),
        ("GITHUB_SERVER_URL", "https://git.example.com"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_RUN_ID", "42"),
    ];
    assert_eq!(heard(&home, &payload, &github).decision(), "deny");
    let record = last(&home);
    assert_eq!(
        record["agent"],
        json!({ "name": "claude", "version": "2.1.332", "subagent": "Explore" }),
        "{record}"
    );
    assert_eq!(
        record["ci"],
        json!({ "system": "github", "job": "plan", "run": "https://git.example.com/acme/shop/actions/runs/42" })
    );
    // What is only recorded is never a reason to refuse.
    payload["agent_type"] = json!({ "kind": ["x", 1] });
    payload["tool_input"]["command"] = json!("kubectl get pods");
    assert_eq!(heard(&home, &payload, &[]).decision(), "allow");
    assert_eq!(last(&home)["agent"], json!({ "name": "claude", "subagent": "a1" }));
    let report = home.rwenv("ro", &["report", "--offline", "--json"]).stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        report["refused"][0]["callers"],
        json!(["claude", "claude 2.1.332", "github job plan"]),
        "{report}"
    );
    assert_eq!(home.rwenv("", &["audit", "verify"]).code, 0);
}

#[test]
fn a_shim_knows_the_agent_by_its_variables_and_the_worktree_by_its_folder() {
    let home = Home::new();
    let shims = home.path(".claude/rwenv/shims");
    fs::create_dir_all(&shims).unwrap();
    std::os::unix::fs::symlink(hook(), shims.join("kubectl")).unwrap();
    home.git("ro", &["init", "-q"]);
    home.git("ro", &["commit", "-q", "--allow-empty", "-m", "x"]);
    home.git("ro", &["worktree", "add", "-q", "../trees/fix-web"]);
    let mut command = home.command(shims.join("kubectl").to_str().unwrap(), &home.path("trees/fix-web"));
    command.envs([
        ("CLAUDECODE", "1"),
        ("CLAUDE_CODE_SESSION_ID", "s-1"),
        ("GITLAB_CI", "true"),
        ("CI_JOB_NAME", "apply"),
    ]);
    let denied = answer(command.args(["delete", "pod", "web-0"]));
    assert_eq!(denied.code, 77, "{}", denied.stderr);
    let record = last(&home);
    assert_eq!(record["agent"], json!({ "name": "claude", "session": "s-1" }), "{record}");
    assert_eq!((&record["worktree"], &record["ci"]["job"]), (&json!("fix-web"), &json!("apply")), "{record}");
}

/// Where `RWENV_CI` is set nobody is asked, though there is a terminal.
#[test]
fn in_a_job_nobody_can_be_asked() {
    let home = Home::new();
    let payload = home.payload("ro", "kubectl get secret db -o yaml");
    assert_eq!(heard(&home, &payload, &[]).decision(), "ask");
    let denied = heard(&home, &payload, &[("RWENV_CI", "1")]);
    assert_eq!(denied.decision(), "deny", "{}", denied.stdout);
    assert_eq!(last(&home)["ci"]["system"], "ci");
    let Some(grant) = at_terminal(&home, "ro", "grant -- kubectl delete pod web-0", "y\n", false) else {
        skip("there is no script(1) here to make a terminal");
        return;
    };
    assert_eq!(grant.code, 0, "{}", grant.stdout);
    let mut script = home.command("script", &home.path("ro"));
    let line = format!("{} grant -- kubectl delete pod web-1", env!("CARGO_BIN_EXE_rwenv"));
    let refused = answer(script.env("RWENV_CI", "1").args(["-qec", &line, "/dev/null"]).write_stdin("y\n"));
    assert!(refused.code == 1 && refused.stdout.contains("made at a terminal"), "{}", refused.stdout);
}

/// A job: the static hook and nothing else, a home that cannot be written, no daemon.
#[test]
fn a_job_needs_the_hook_alone_and_writes_to_its_own_folder() {
    let home = Home::new();
    let run = home.path("job");
    fs::create_dir_all(&run).unwrap();
    home.mode("job", 0o700);
    let start = json!({ "session_id": "s", "cwd": home.path("ro"), "hook_event_name": "SessionStart", "source": "startup" });
    let (read, change, denied) = (
        home.payload("ro", "kubectl get pods"),
        home.payload("rw", "kubectl delete pod web-0"),
        home.payload("ro", "kubectl delete pod web-0"),
    );
    home.write("bin/rwenv-hook", "");
    fs::copy(hook(), home.path("bin/rwenv-hook")).unwrap();
    home.mode("bin/rwenv-hook", 0o755);
    let script = format!(
        "mount --bind {run} /mnt && mount --bind {home} {home} && mount -o remount,ro,bind {home} {home} && \
         export HOME={home} RWENV_CI=1 XDG_RUNTIME_DIR=/mnt PATH={home}/bin:/usr/bin:/bin && \
         ask() {{ printf %s \"$1\" | rwenv-hook claude; echo \"= $?\"; }}; \
         ask '{start}'; ask '{read}'; ask '{change}'; ask '{denied}' 2>&1; touch {home}/x 2>/dev/null && echo writable; \
         cat /mnt/rwenv/audit/audit.jsonl",
        run = run.display(),
        home = home.path("").display().to_string().trim_end_matches('/'),
    );
    let output = Command::new("unshare").args(["-Urm", "sh", "-c", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if find("unshare").is_none() || errors.contains("unshare") {
        skip("no user namespaces here");
        return;
    }
    let codes: Vec<&str> =
        said.lines().filter_map(|line| line.rsplit_once("= ").map(|(_, code)| code)).collect();
    assert_eq!(codes, ["0", "0", "0", "2"], "{said}{errors}");
    assert!(!said.contains("\nwritable"), "{said}");
    assert_eq!(said.matches("\"system\":\"ci\"").count(), 3, "{said}");
}
