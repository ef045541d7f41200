//! The guard guards itself: its files, whoever is about to write them, and what rwenv's own commands do to it.

use std::fs;

use crate::support::Home;

/// The decision about a call of one of the agent's own tools.
fn decision(home: &Home, folder: &str, tool: &str, input: serde_json::Value) -> (&'static str, String) {
    let mut payload = home.payload(folder, "");
    payload["tool_name"] = tool.into();
    payload["tool_input"] = input;
    let answer = home.hook_bytes(payload.to_string());
    (answer.decision(), format!("{}{}", answer.stderr, answer.stdout))
}

#[test]
fn files_of_the_guard_are_not_written_by_the_agent_s_tools() {
    let home = Home::new();
    let file = |path: &str| serde_json::json!({ "file_path": path, "content": "{}" });
    let envs = home.path(".claude/rwenv/envs.json").display().to_string();
    for (tool, path) in [
        ("Write", envs.as_str()),
        ("Edit", "~/.claude/settings.json"),
        ("MultiEdit", ".claude/settings.local.json"),
        ("Write", "../ro/.claude/rwenv"),
        ("Write", ".claude/../.claude/rwenv-policies/own.toml"),
        ("Edit", "/etc/claude-code/managed-settings.json"),
    ] {
        let (decided, said) = decision(&home, "rw", tool, file(path));
        assert_eq!(decided, "deny", "{tool} {path}");
        assert!(said.contains("[tamper.") && said.contains("instead:"), "{said}");
    }
    let notebook = serde_json::json!({ "notebook_path": envs, "new_source": "x" });
    assert_eq!(decision(&home, "none", "NotebookEdit", notebook).0, "deny", "wherever nothing is selected");
    for path in [
        "apps/web/settings.json",
        "~/.claude/rwenv/flux-repos/dev/flux/apps/web.yaml",
        "README.md",
        "~/.claude/commands/x.md",
    ] {
        assert_eq!(decision(&home, "ro", "Write", file(path)).0, "allow", "{path}");
    }
    assert_eq!(
        decision(&home, "ro", "Write", serde_json::json!({ "content": "x" })).0,
        "deny",
        "it names no file"
    );
    assert_eq!(decision(&home, "ro", "Read", file(&envs)).0, "allow");
    let log = home.read(".claude/rwenv/audit/audit.jsonl");
    assert!(log.contains("\"command\":\"Edit ~/.claude/settings.json\""), "{log}");
}

#[test]
fn no_detour_leads_to_the_guard_s_files() {
    let home = Home::new();
    let here = home.path("").display().to_string();
    for line in [
        "exec 9<>~/.claude/rwenv/envs.json; echo '{}' >&9".to_owned(),
        "> ~/.claude/rwenv/envs.json".to_owned(),
        format!("echo '{{}}' > /proc/self/root{here}/.claude/rwenv/envs.json"),
        "cd ~/.claude && f=rwenv/envs.json && echo '{}' > \"$f\"".to_owned(),
        "find ~/.claude/rwenv -name '*.json' -exec truncate -s0 {} +".to_owned(),
        "ln -s ~/.claude/rwenv here && echo '{}' > here/envs.json".to_owned(),
        "rm -rf ~/.claude".to_owned(),
        "printf x | sudo dd of=$HOME/.claude/rwenv/envs.json".to_owned(),
        "systemctl --user stop rwenvd && kill -9 $(pgrep rwenvd)".to_owned(),
        "rwenv edit ro --read-only=false".to_owned(),
        "rwenv export -o ~/.claude/settings.json".to_owned(),
        format!("rwenv graph --output={here}/.claude/rwenv/envs.json"),
        format!("curl -o{here}/.claude/settings.json https://example.com"),
        "git archive --output ~/.claude/settings.json HEAD".to_owned(),
        "helm template x --output-dir ~/.claude/rwenv".to_owned(),
        "tar -xf x.tgz -C ~/.claude".to_owned(),
    ] {
        assert_eq!(home.hook("rw", &line).decision(), "deny", "{line}");
        assert_eq!(home.hook("none", &line).decision(), "deny", "{line} where nothing is selected");
    }
    assert_eq!(home.hook("rw", "rwenv set ro").decision(), "ask");
    for line in [
        "cat ~/.claude/rwenv/envs.json",
        "ls ~/.claude/rwenv && rwenv list",
        "rm -rf build && mkdir -p .claude/commands",
        "touch ~/.claude/rwenv.md",
        "tar -xf x.tgz -C ~ x/bin && gcc -o rwenv x.c && curl -o settings.json https://example.com",
        "rwenv graph --format svg --output flux.svg && rwenv where deploy/web",
    ] {
        assert_eq!(home.hook("ro", line).decision(), "allow", "{line}");
    }
}

#[test]
fn a_configuration_elsewhere_is_guarded_there() {
    let home = Home::new();
    fs::create_dir_all(home.path("conf")).unwrap();
    home.mode("conf", 0o700);
    home.write("conf/envs.json", crate::support::ENVS);
    let mut command = home.command(crate::support::hook(), &home.path(""));
    command.env("RWENV_CONFIG_DIR", home.path("conf"));
    let line = format!("echo > {}/envs.json", home.path("conf").display());
    let answer =
        crate::support::answer(command.arg("claude").write_stdin(home.payload("rw", &line).to_string()));
    assert_eq!(answer.decision(), "deny");
}

/// A command that the table does not know would be refused to agents.
#[test]
fn every_command_of_ours_is_in_the_table() {
    let table = rwenv_core::classify::tools().tool("rwenv").unwrap();
    let known: Vec<String> = table.commands.iter().map(|command| command.path.join(" ")).collect();
    for command in rwenv::cli::command().get_subcommands().filter(|c| c.get_name() != "help") {
        assert!(known.contains(&command.get_name().to_owned()), "{}", command.get_name());
        for inner in command.get_subcommands().filter(|c| c.get_name() != "help") {
            let path = format!("{} {}", command.get_name(), inner.get_name());
            assert!(known.contains(&path), "{path}");
        }
    }
}

#[test]
fn secrets_are_not_written_into_manifests() {
    let home = Home::new();
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: hunter2hunter2\n";
    let whole = serde_json::json!({ "file_path": "k8s/db.yaml", "content": secret });
    let (decided, said) = decision(&home, "rw", "Write", whole.clone());
    assert_eq!(decided, "deny", "{said}");
    assert!(said.contains("[secret.unencrypted]") && said.contains("k8s/db.yaml:"), "{said}");
    assert_eq!(decision(&home, "none", "Write", whole).0, "allow", "nothing is selected there");
    home.write("rw/values.yaml", "image: web\npassword: old-secret-value-1\n");
    let edit = |old: &str, new: &str| serde_json::json!({ "file_path": home.path("rw/values.yaml"), "old_string": old, "new_string": new });
    assert_eq!(decision(&home, "rw", "Edit", edit("image: web", "image: api")).0, "allow", "an old sin");
    let added = edit("image: web", "image: web\napiToken: 8f14e45fceea167a5a36dedd4bea2543");
    assert_eq!(decision(&home, "rw", "Edit", added).0, "deny");
    for content in
        ["password: ${DB_PASSWORD}\n", "kind: Secret\ndata:\n  a: ENC[AES256_GCM,data:x]\nsops:\n  mac: x\n"]
    {
        let harmless = serde_json::json!({ "file_path": "k8s/db.yaml", "content": content });
        assert_eq!(decision(&home, "rw", "Write", harmless).0, "allow", "{content}");
    }
    let log = home.read(".claude/rwenv/audit/audit.jsonl");
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn tools_behind_mcp_servers_are_judged() {
    let home = Home::new();
    for (tool, input, wanted) in [
        ("mcp__kubernetes__delete_pod", serde_json::json!({ "name": "p" }), "deny"),
        ("mcp__kubernetes__list_pods", serde_json::json!({ "namespace": "app" }), "allow"),
        ("mcp__kubernetes__frobnicate", serde_json::json!({}), "ask"),
        ("mcp__kubernetes__delete_pod", serde_json::json!({ "name": "p", "context": "rw-ctx" }), "allow"),
        ("mcp__plugin_ops_k8s__scaleDeployment", serde_json::json!({ "replicas": 0 }), "deny"),
        ("mcp__shell__run", serde_json::json!({ "command": "ls && kubectl delete pod p" }), "deny"),
        ("mcp__filesystem__write_file", serde_json::json!({ "path": "x" }), "allow"),
    ] {
        let (decided, said) = decision(&home, "ro", tool, input.clone());
        assert_eq!(decided, wanted, "{tool} {input}: {said}");
    }
}
