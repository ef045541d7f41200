//! Pinning: a session's own kubeconfig, lines that are rewritten, and lines that are approved.

use std::fs;

use serde_json::Value;

use crate::support::{Answer, Home, answer};

const KUBECONFIG: &str = "apiVersion: v1
kind: Config
current-context: ro-ctx
clusters:
- name: a
  cluster: {server: \"https://a.example.com:6443\"}
- name: b
  cluster: {server: \"https://b.example.com:6443\"}
users:
- name: u
  user: {token: abc}
contexts:
- name: ro-ctx
  context: {cluster: a, user: u}
- name: rw-ctx
  context: {cluster: b, user: u}
";

/// The start of a session, or its change to another folder.
fn session(home: &Home, event: &str, folder: &str) -> Answer {
    let payload = serde_json::json!({ "session_id": "5b0c3f2a-0b7a-4f0e-9a55-3c8c3a2d7a11", "cwd": home.path(folder), "hook_event_name": event });
    let mut command = home.command(crate::support::hook(), &home.path(""));
    answer(command.arg("claude").env("CLAUDE_ENV_FILE", home.path("env.sh")).write_stdin(payload.to_string()))
}

/// What bash makes of the session's environment file.
fn kubeconfig(home: &Home) -> String {
    let mut command = home.command("bash", &home.path(""));
    answer(command.args(["-c", ". ./env.sh; echo \"${KUBECONFIG-none}\""])).stdout.trim().to_owned()
}

#[test]
fn a_session_sees_one_context_and_is_judged_by_it() {
    let home = Home::new();
    home.write(".kube/config", KUBECONFIG);
    let line = "kubectl delete pod p";
    assert_eq!(
        home.hook("rw", line).decision(),
        "deny",
        "the person's own context belongs to the read-only rwenv"
    );
    let start = session(&home, "SessionStart", "rw");
    assert_eq!(start.code, 0, "{}", start.stderr);
    let own = home.path(".claude/rwenv/kube/rw.yaml");
    assert_eq!(kubeconfig(&home), own.display().to_string(), "{}", start.stdout);
    let text = fs::read_to_string(&own).unwrap();
    assert!(
        text.contains("current-context: rw-ctx")
            && !text.contains("ro-ctx")
            && !text.contains("a.example.com"),
        "{text}"
    );
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o400);
    assert_eq!(home.hook("rw", line).decision(), "allow", "in this session it goes to its own cluster");
    assert_eq!(home.hook("ro", line).decision(), "deny");
    home.write("rw/x.sh", "unset KUBECONFIG\nkubectl delete pod p\n");
    for freed in [
        "unset KUBECONFIG; kubectl delete pod p",
        "env -u KUBECONFIG kubectl delete pod p",
        "sudo kubectl delete pod p",
        "bash x.sh",
    ] {
        assert_eq!(
            home.hook("rw", freed).decision(),
            "deny",
            "{freed}: it goes where the person's own context points"
        );
    }
    // What is there is used again.
    let before = fs::metadata(&own).unwrap().modified().unwrap();
    session(&home, "CwdChanged", "rw");
    assert_eq!(fs::metadata(&own).unwrap().modified().unwrap(), before);
    session(&home, "CwdChanged", "ro");
    assert_eq!(kubeconfig(&home), home.path(".claude/rwenv/kube/ro.yaml").display().to_string());
    session(&home, "CwdChanged", "none");
    assert_eq!(kubeconfig(&home), "none");
    let lines = home.read("env.sh").matches("KUBECONFIG").count();
    session(&home, "CwdChanged", "none");
    assert_eq!(
        home.read("env.sh").matches("KUBECONFIG").count(),
        lines,
        "nothing changes, nothing is written"
    );
}

/// Times say little of what is behind a link, and other programs write into what `$KUBECONFIG` names.
#[test]
fn a_session_s_kubeconfig_is_made_anew_at_every_start() {
    let home = Home::new();
    for (name, server) in [("one", "one.example.com"), ("two", "two.example.com")] {
        home.write(&format!("store/{name}"), &KUBECONFIG.replace("b.example.com", server));
        fs::File::open(home.path(&format!("store/{name}")))
            .unwrap()
            .set_modified(std::time::UNIX_EPOCH)
            .unwrap();
    }
    fs::create_dir_all(home.path(".kube")).unwrap();
    let link = |to: &str| {
        let _ = fs::remove_file(home.path(".kube/config"));
        std::os::unix::fs::symlink(home.path(to), home.path(".kube/config")).unwrap();
        session(&home, "SessionStart", "rw");
    };
    link("store/one");
    let own = ".claude/rwenv/kube/rw.yaml";
    assert!(home.read(own).contains("one.example.com"));
    link("store/two");
    assert!(home.read(own).contains("two.example.com") && !home.read(own).contains("one.example.com"));
    assert_eq!(home.rwenv("", &["edit", "rw", "--context", "rw-ctx"]).code, 0);
    // One that is open for others, as earlier versions left it, and that another program has switched.
    home.mode(own, 0o600);
    let mut kubectl = home.command("kubectl", &home.path(""));
    kubectl.env("KUBECONFIG", home.path(own));
    let set = ["config", "set-cluster", "b", "--server=https://other.example.com"];
    assert_eq!(answer(kubectl.args(set)).code, 0);
    assert_eq!(
        home.hook("rw", "kubectl delete pod p").decision(),
        "deny",
        "it leads elsewhere than confirmed"
    );
    let doctor = home.rwenv("rw", &["doctor", "--offline", "--json"]).stdout;
    assert!(doctor.contains("no longer leads where its context does"), "{doctor}");
    session(&home, "SessionStart", "rw");
    assert!(home.read(own).contains("two.example.com"));
    assert_eq!(home.hook("rw", "kubectl delete pod p").decision(), "allow");
    assert!(!home.rwenv("rw", &["doctor", "--offline", "--json"]).stdout.contains("no longer leads"));
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(home.path(own)).unwrap().permissions().mode() & 0o777, 0o400);
}

#[test]
fn a_plugin_beside_the_kubeconfig_is_found_from_the_session_s() {
    let home = Home::new();
    let plugin = "user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ../bin/plugin, interactiveMode: Never}}";
    home.write(".kube/config", &KUBECONFIG.replace("user: {token: abc}", plugin));
    assert_eq!(home.rwenv("", &["edit", "rw", "--context", "rw-ctx"]).code, 0);
    session(&home, "SessionStart", "rw");
    let text = home.read(".claude/rwenv/kube/rw.yaml");
    assert!(text.contains(&format!("command: \"{}\"", home.path("bin/plugin").display())), "{text}");
    assert_eq!(home.hook("rw", "kubectl delete pod p").decision(), "allow", "it is the same user");
}

#[test]
fn a_rwenv_s_kubeconfig_may_be_in_several_files() {
    let home = Home::new();
    home.write("kube/a", &KUBECONFIG.replace("rw-ctx", "x"));
    home.write("kube/b", KUBECONFIG);
    let path = "~/kube/a:~/kube/b";
    assert_eq!(home.rwenv("", &["edit", "rw", "--context", "rw-ctx", "--kubeconfig", path]).code, 0);
    assert_eq!(session(&home, "SessionStart", "rw").code, 0);
    assert!(home.read(".claude/rwenv/kube/rw.yaml").contains("b.example.com"));
    assert_eq!(home.hook("rw", "kubectl delete pod p").decision(), "allow");
    let status = home.rwenv("rw", &["flux", "status"]);
    assert!(!status.stderr.contains("cannot be used"), "{}", status.stderr);
    // One who is not on PATH is named.
    let plugin = "user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never}}";
    home.write("kube/b", &KUBECONFIG.replace("user: {token: abc}", plugin));
    let status = home.rwenv("rw", &["flux", "status"]).stderr;
    assert!(status.contains("'no-such-plugin'") && status.contains("is not on PATH"), "{status}");
}

#[test]
fn a_context_that_is_not_there_is_said_and_changes_nothing() {
    let home = Home::new();
    home.write(".kube/config", &KUBECONFIG.replace("rw-ctx", "other"));
    let start = session(&home, "SessionStart", "rw");
    assert!(start.stdout.contains("Context 'rw-ctx' not found in kubeconfig"), "{}", start.stdout);
    assert!(!home.path(".claude/rwenv/kube/rw.yaml").exists());
    fs::remove_file(home.path(".kube/config")).unwrap();
    assert!(session(&home, "SessionStart", "rw").stdout.contains("Kubeconfig not found at"));
}

#[test]
fn the_default_kubeconfig_of_the_container_stands_for_the_persons_own() {
    let home = Home::new();
    home.write(".kube/config", KUBECONFIG);
    let envs = |path: &str| {
        let entry = format!("\"kubernetesContext\": \"rw-ctx\", \"kubeconfigPath\": \"{path}\"");
        let envs = crate::support::ENVS.replace("\"kubernetesContext\": \"rw-ctx\"", &entry);
        home.write(".claude/rwenv/envs.json", &envs);
    };
    envs("/elsewhere/clusters.yaml");
    assert!(session(&home, "SessionStart", "rw").stdout.contains("Kubeconfig not found at /elsewhere"));
    envs("/home-of-the-container/.kube/config");
    assert_eq!(session(&home, "SessionStart", "rw").code, 0);
    let text = home.read(".claude/rwenv/kube/rw.yaml");
    assert!(text.contains("current-context: rw-ctx") && text.contains("b.example.com"), "{text}");
}

/// What the hook makes of a line where the rwenv wants it rewritten.
fn rewritten(home: &Home, line: &str) -> Option<String> {
    let answer = home.hook("rw", line);
    let json: Value = serde_json::from_str(&answer.stdout).ok()?;
    let input = &json["hookSpecificOutput"]["updatedInput"];
    assert!(input.is_null() || input["timeout"] == 120_000, "the other fields are kept: {json}");
    input["command"].as_str().map(str::to_owned)
}

#[test]
fn lines_are_rewritten_where_they_stand_plainly() {
    let home = Home::new();
    home.write(".kube/config", "current-context: rw-ctx\n");
    let envs = home
        .read(".claude/rwenv/envs.json")
        .replace("\"rw-ctx\"", "\"rw-ctx\", \"kubeconfigPath\": \"/k/rw.yaml\", \"pin\": \"rewrite\"");
    home.write(".claude/rwenv/envs.json", &envs);
    let k = "kubectl --context=rw-ctx --kubeconfig=/k/rw.yaml";
    let helm = "helm --kube-context=rw-ctx --kubeconfig=/k/rw.yaml";
    for (line, wanted) in [
        ("kubectl get pods", format!("{k} get pods")),
        (
            "cd x && kubectl get pods -o json | jq . ; helm list",
            format!("cd x && {k} get pods -o json | jq . ; {helm} list"),
        ),
        ("for p in a b; do kubectl logs $p; done", format!("for p in a b; do {k} logs $p; done")),
        ("timeout 60 kubectl get pods -w", format!("timeout 60 {k} get pods -w")),
        (
            "if kubectl get ns x; then echo 'kubectl get'; fi",
            format!("if {k} get ns x; then echo 'kubectl get'; fi"),
        ),
        ("(kubectl get a; kubectl get b)", format!("({k} get a; {k} get b)")),
        (
            "cat > x <<'E'\nkubectl get pods\nE\nkubectl apply -f x",
            format!("cat > x <<'E'\nkubectl get pods\nE\n{k} apply -f x"),
        ),
        ("flux get ks -A", "flux --context=rw-ctx --kubeconfig=/k/rw.yaml get ks -A".to_owned()),
    ] {
        assert_eq!(rewritten(&home, line), Some(wanted.clone()), "{line}");
        assert_eq!(rewritten(&home, &wanted), None, "once is enough: {wanted}");
    }
    for line in [
        "kubectl --context=rw-ctx get pods",
        "k=kubectl; $k get pods",
        "bash -c 'kubectl get pods'",
        "\"kubectl\" get pods",
        "KUBECONFIG=/k/rw.yaml kubectl get pods",
        "echo kubectl get pods",
        "ls",
    ] {
        assert_eq!(rewritten(&home, line), None, "{line}");
    }
}

#[test]
fn in_dev_container_mode_commands_go_into_the_container() {
    let home = Home::new();
    home.write(".kube/config", "current-context: rw-ctx\n");
    let envs = home.read(".claude/rwenv/envs.json");
    let envs = envs.replacen('{', "{ \"useDevContainer\": true, \"devContainer\": \"devbox\",", 1);
    home.write(".claude/rwenv/envs.json", &envs);
    assert_eq!(
        rewritten(&home, "kubectl get pods | head -1 && helm list"),
        Some("docker exec -i devbox kubectl --context=rw-ctx get pods | head -1 && docker exec -i devbox helm --kube-context=rw-ctx list".to_owned())
    );
    for line in ["docker exec -i devbox kubectl --context=rw-ctx get pods", "A=1 kubectl get pods"] {
        assert_eq!(rewritten(&home, line), None, "{line}");
    }
    assert_eq!(home.hook("ro", "kubectl delete pod p").decision(), "deny", "what is denied is denied");
}

#[test]
fn only_lines_that_look_and_nothing_else_are_approved_and_only_where_that_is_wanted() {
    let home = Home::new();
    let says = |line: &str| {
        let json: Value = serde_json::from_str(&home.hook("rw", line).stdout).unwrap_or_default();
        json["hookSpecificOutput"]["permissionDecision"].as_str().map(str::to_owned)
    };
    assert_eq!(says("kubectl get pods"), None);
    let envs =
        home.read(".claude/rwenv/envs.json").replace("\"rw-ctx\"", "\"rw-ctx\", \"autoApprove\": true");
    home.write(".claude/rwenv/envs.json", &envs);
    for line in [
        "kubectl get pods",
        "kubectl get pods -o json | jq '.items[]' | head -3",
        "helm list 2>/dev/null; kubectl logs p | grep -i error",
    ] {
        assert_eq!(says(line).as_deref(), Some("allow"), "{line}");
    }
    for line in [
        "kubectl get pods > out.txt",
        "kubectl get pods; ./x.sh",
        "kubectl get pods | xargs rm",
        "kubectl get pods && make",
        "kubectl delete pod p",
        "kubectl get pods; find . -delete",
        "kubectl get pods; $X",
        "{ kubectl get pods; } > out.txt",
        "for p in a b; do kubectl get $p; done > out.txt",
        "f() { rm x; }; f; kubectl get pods",
        "kubectl get pods $(rm x)",
        "ls",
    ] {
        assert_ne!(says(line).as_deref(), Some("allow"), "{line}");
    }
}
