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
    let mut command = home.command(env!("CARGO_BIN_EXE_rwenv-hook"), &home.path(""));
    command.env("RWENV_CONFIG_DIR", home.path("conf"));
    let line = format!("echo > {}/envs.json", home.path("conf").display());
    let answer =
        crate::support::answer(command.arg("claude").write_stdin(home.payload("rw", &line).to_string()));
    assert_eq!(answer.decision(), "deny");
}

/// A command that the table does not know would be refused to agents.
#[test]
fn every_command_of_ours_is_in_the_table() {
    let table = rwenv::classify::tools().tool("rwenv").unwrap();
    let known: Vec<String> = table.commands.iter().map(|command| command.path.join(" ")).collect();
    for command in rwenv::cli::command().get_subcommands().filter(|c| c.get_name() != "help") {
        assert!(known.contains(&command.get_name().to_owned()), "{}", command.get_name());
        for inner in command.get_subcommands().filter(|c| c.get_name() != "help") {
            let path = format!("{} {}", command.get_name(), inner.get_name());
            assert!(known.contains(&path), "{path}");
        }
    }
}
