//! What agents do besides running a line: they type into what is open, apply patches, run skills, and start the hook by a line that may fail.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Answer, Home, answer, find, skip};

fn hear(home: &Home, agent: &str, event: &Value) -> Answer {
    let mut command = home.command(crate::support::hook(), &home.path(""));
    answer(command.arg(agent).write_stdin(event.to_string()))
}

/// Codex asks for a command line.
fn codex(home: &Home, folder: &str, line: &str) -> Answer {
    let event = json!({ "hook_event_name": "PreToolUse", "cwd": home.path(folder), "tool_name": "Bash", "tool_input": { "command": line } });
    hear(home, "codex", &event)
}

#[test]
fn codex_opens_nothing_it_could_type_into_unasked() {
    let home = Home::new();
    for line in [
        "bash",
        "bash --norc",
        "sh -i",
        "zsh",
        "python3",
        "python3 -i",
        "node",
        "ssh host",
        "sudo bash",
        "cd sub && bash",
        "irb",
        "sh /dev/stdin",
    ] {
        let answer = codex(&home, "ro", line);
        assert_eq!(answer.code, 2, "{line}");
        assert!(answer.stderr.contains("instead:"), "{line}: {}", answer.stderr);
        assert_eq!(codex(&home, "none", line).code, 0, "{line}: no rwenv is selected there");
        if !line.contains("/dev/stdin") {
            assert_eq!(home.hook("ro", line).decision(), "allow", "{line}: Claude Code types into nothing");
        }
    }
    for line in [
        "ls",
        "bash -c 'ls'",
        "bash --version",
        "python3 --version",
        "python3 -V",
        "node -v",
        "node --version",
        "python3 tool.py",
        "python3 -m json.tool x.json",
        "python3 -c 'print(1)'",
        "bash < /dev/null",
        "echo ls | bash",
        "npm test",
        "xargs echo",
        "cat",
        "git commit",
        "kubectl get pods",
        "cargo run",
        "ssh host uptime",
    ] {
        let answer = codex(&home, "ro", line);
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{line}");
    }
    let typed = json!({ "toolName": "write_bash", "toolArgs": json!({ "input": "kubectl delete pod p\n" }).to_string(), "cwd": home.path("ro") });
    assert_eq!(hear(&home, "copilot", &typed).code, 2);
}

#[test]
fn a_patch_in_a_line_brings_no_secret() {
    let home = Home::new();
    let patch = |name: &str, kind: &str| {
        format!(
            "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: {name}\n+apiVersion: v1\n+kind: {kind}\n+metadata:\n+  name: db\n\
             +stringData:\n+  password: hunter2hunter2\n*** End Patch\nEOF"
        )
    };
    let denied = home.hook("ro", &patch("db.yaml", "Secret"));
    assert_eq!(denied.decision(), "deny", "{}", denied.stderr);
    assert_eq!(codex(&home, "ro", &patch("sub/db.yaml", "Secret")).code, 2);
    assert_eq!(home.hook("none", &format!("cd ../ro && {}", patch("db.yaml", "Secret"))).decision(), "deny");
    assert_eq!(home.hook("none", &patch("db.yaml", "Secret")).decision(), "allow", "no rwenv's manifests");
    assert_eq!(home.hook("ro", &patch("db.txt", "Secret")).decision(), "allow", "no manifest");
}

#[test]
fn a_skill_is_judged_by_the_lines_it_runs() {
    let home = Home::new();
    let uses = |skill: &str| {
        let mut payload = home.payload("ro/sub", "");
        payload["tool_name"] = "Skill".into();
        payload["tool_input"] = json!({ "skill": skill });
        home.hook_bytes(payload.to_string())
    };
    home.write("ro/sub/x", "");
    home.write("ro/.claude/skills/clean/SKILL.md", "---\nname: clean\n---\nNow: !`kubectl delete pod p`.\n");
    home.write(
        "ro/.claude/skills/look/SKILL.md",
        "---\nname: look\n---\n!`git status`\nAsk for `kubectl delete pod p`.\n",
    );
    home.write(".claude/commands/team/gone.md", "```!\nls\nkubectl delete pod p\n```\n");
    home.write(
        ".claude/plugins/cache/market/tools/1.0/skills/clean/SKILL.md",
        "!`kubectl delete pod $ARGUMENTS`\n",
    );
    for name in ["clean", "team:gone", "tools:clean"] {
        let answer = uses(name);
        assert_eq!(answer.decision(), "deny", "{name}: {}", answer.stderr);
    }
    for name in ["look", "nobody's", "tools:look"] {
        assert_eq!(uses(name).decision(), "allow", "{name}");
    }
}

#[test]
fn a_registered_line_refuses_where_the_hook_fails() {
    let home = Home::new();
    for (agent, path) in [("codex", ".codex/hooks.json"), ("gemini", ".gemini/settings.json")] {
        let hook = home.write("bin/rwenv-hook", "#!/bin/sh\nexit 0\n").display().to_string();
        home.mode("bin/rwenv-hook", 0o755);
        assert_eq!(home.rwenv("", &["install", "--agent", agent, "--hook", &hook]).code, 0);
        let settings: Value = serde_json::from_str(&home.read(path)).unwrap();
        let event = if agent == "codex" { "PreToolUse" } else { "BeforeTool" };
        let line = settings["hooks"][event][0]["hooks"][0]["command"].as_str().unwrap().to_owned();
        let runs = || answer(home.command("sh", &home.path("")).args(["-c", &line]));
        assert_eq!(runs().code, 0, "{agent}");
        for fails in ["exit 1", "exit 3", "kill -KILL $$", "kill -SEGV $$", "echo no >&2; exit 2"] {
            home.write("bin/rwenv-hook", &format!("#!/bin/sh\n{fails}\n"));
            home.mode("bin/rwenv-hook", 0o755);
            let said = runs();
            assert_eq!(said.code, 2, "{agent} {fails}");
            assert_eq!(
                said.stderr.contains("its hook failed"),
                !fails.contains("exit 2"),
                "{agent}: {}",
                said.stderr
            );
        }
        home.mode("bin/rwenv-hook", 0o644);
        assert_eq!(runs().code, 2, "{agent}: not executable");
        std::fs::remove_file(&hook).unwrap();
        let gone = runs();
        assert_eq!(gone.code, 2, "{agent}: it is gone");
        assert!(gone.stderr.contains("rwenv doctor"), "{agent}: {}", gone.stderr);
    }
}

#[test]
fn the_plugin_of_opencode_lets_nothing_run_that_the_hook_did_not_allow() {
    let Some(node) = find("node") else { return skip("there is no node here") };
    let home = Home::new();
    let hook = home.write("bin/rwenv-hook", "").display().to_string();
    assert_eq!(home.rwenv("", &["install", "--agent", "opencode", "--hook", &hook]).code, 0);
    home.write("plugin.mjs", &home.read(".config/opencode/plugins/rwenv.js"));
    let code = "const { Rwenv } = await import(process.env.HOME + '/plugin.mjs'); const it = await Rwenv({ directory: '/' });\
                await it['tool.execute.before']({ tool: 'bash', sessionID: 's' }, { args: { command: 'ls' } })";
    for (does, passes) in [
        ("echo runs", true),
        ("true", false),
        ("echo hello", false),
        ("echo '{}'; exit 0", false),
        ("echo runs; exit 1", false),
        ("exit 2", false),
        ("kill -KILL $$", false),
    ] {
        home.write("bin/rwenv-hook", &format!("#!/bin/sh\n{does}\n"));
        home.mode("bin/rwenv-hook", 0o755);
        let mut command = Command::new(&node);
        command.args(["--input-type=module", "-e", code]).env("HOME", home.path(""));
        assert_eq!(command.output().unwrap().status.success(), passes, "{does}");
    }
}
