//! Agents beside Claude Code: each one's own event is understood, and answered in its own words.

use serde_json::{Value, json};

use crate::support::{Answer, Home, answer};

fn hear(home: &Home, agent: &str, event: &Value) -> Answer {
    let mut command = home.command(crate::support::hook(), &home.path(""));
    answer(command.arg(agent).write_stdin(event.to_string()))
}

/// Events as the agents send them: a command line, started in a folder of this HOME.
fn events(home: &Home, folder: &str, line: &str) -> Vec<(&'static str, Value)> {
    let cwd = home.path(folder).display().to_string();
    vec![
        (
            "codex",
            json!({ "session_id": "s", "turn_id": "t", "transcript_path": null, "cwd": cwd, "hook_event_name": "PreToolUse", "model": "m",
                "permission_mode": "default", "tool_name": "Bash", "tool_use_id": "u", "tool_input": { "command": line } }),
        ),
        (
            "gemini",
            json!({ "session_id": "s", "transcript_path": "/t", "cwd": cwd, "hook_event_name": "BeforeTool", "timestamp": "2026-11-01T10:00:00Z",
                "tool_name": "run_shell_command", "tool_input": { "command": line, "description": "Run it" } }),
        ),
        (
            "cursor",
            json!({ "conversation_id": "c", "generation_id": "g", "hook_event_name": "beforeShellExecution", "workspace_roots": [cwd], "command": line, "cwd": cwd }),
        ),
        (
            "copilot",
            json!({ "sessionId": "s", "timestamp": 1_760_000_000_000u64, "cwd": cwd, "toolName": "bash", "toolArgs": json!({ "command": line }).to_string() }),
        ),
        (
            "opencode",
            json!({ "tool": "bash", "args": { "command": line, "description": "Run it" }, "sessionID": "s", "cwd": cwd }),
        ),
    ]
}

/// What an agent hears where a call may run. OpenCode's plugin wants a word, as nothing at all may be said by anything.
fn free(agent: &str) -> &'static str {
    if agent == "opencode" { "runs\n" } else { "" }
}

/// What the agent's model is told: in the agent's own JSON, where it has one.
fn reason(agent: &str, answer: &Answer) -> String {
    let json: Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
    let field = match agent {
        "gemini" => "reason",
        "cursor" => "agent_message",
        "copilot" => "permissionDecisionReason",
        _ => return answer.stderr.clone(),
    };
    json[field].as_str().unwrap_or_default().to_owned()
}

#[test]
fn each_agent_is_answered_in_its_own_words() {
    let home = Home::new();
    for (agent, event) in events(&home, "ro", "kubectl delete pod p") {
        let answer = hear(&home, agent, &event);
        assert_eq!(answer.code, 2, "{agent}: {}", answer.stderr);
        assert!(answer.stderr.contains("[read-only.cluster-write]"), "{agent}: {}", answer.stderr);
        let json: Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
        let reason = match agent {
            "gemini" => &json["reason"],
            "cursor" => &json["agent_message"],
            "copilot" => &json["permissionDecisionReason"],
            // They read standard error; a field they do not know would spoil the answer.
            _ => {
                assert_eq!(answer.stdout, "", "{agent}");
                continue;
            }
        };
        assert!(reason.as_str().unwrap().contains("instead:"), "{agent}: {json}");
        let said = [&json["decision"], &json["permission"], &json["permissionDecision"]];
        assert!(said.iter().any(|v| **v == "deny"), "{agent}: {json}");
    }
    for (agent, event) in events(&home, "ro", "kubectl get pods") {
        let answer = hear(&home, agent, &event);
        let said = (answer.code, answer.stdout.as_str(), answer.stderr.as_str());
        assert_eq!(said, (0, free(agent), ""), "{agent}");
    }
    let log = home.read(".claude/rwenv/audit/audit.jsonl");
    for agent in ["codex", "gemini", "cursor", "copilot", "opencode"] {
        assert!(log.contains(&format!("\"door\":\"{agent}\"")), "{agent}: {log}");
    }
}

#[test]
fn where_an_agent_cannot_ask_a_question_is_a_denial_with_a_way_out() {
    let home = Home::new();
    for (agent, event) in events(&home, "ro", "kubectl get secret db -o yaml") {
        let answer = hear(&home, agent, &event);
        if matches!(agent, "cursor" | "copilot") {
            let json: Value = serde_json::from_str(&answer.stdout).unwrap();
            assert_eq!(answer.code, 0, "{agent}");
            assert!(json["permission"] == "ask" || json["permissionDecision"] == "ask", "{agent}: {json}");
        } else {
            assert_eq!(answer.code, 2, "{agent}");
            assert!(answer.stderr.contains("nobody can be"), "{agent}: {}", answer.stderr);
            assert!(answer.stderr.contains("rwenv grant"), "{agent}: {}", answer.stderr);
        }
    }
}

#[test]
fn what_is_not_understood_does_not_run() {
    let home = Home::new();
    let cwd = home.path("ro").display().to_string();
    for (agent, event) in [
        (
            "codex",
            json!({ "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": { "cmdline": "ls" } }),
        ),
        ("codex", json!({ "hook_event_name": "PreToolUse", "tool_input": {} })),
        (
            "gemini",
            json!({ "hook_event_name": "BeforeTool", "tool_name": "run_shell_command", "tool_input": { "command": 7 } }),
        ),
        ("cursor", json!({ "hook_event_name": "beforeShellExecution", "cwd": cwd })),
        ("cursor", json!({ "command": "ls" })),
        ("copilot", json!({ "toolName": "bash", "toolArgs": "not json" })),
        ("opencode", json!({ "tool": "bash", "args": {} })),
        ("opencode", json!([])),
    ] {
        let answer = hear(&home, agent, &event);
        assert_eq!(answer.code, 2, "{agent} {event}");
        assert!(answer.stderr.contains("does not run"), "{agent}: {}", answer.stderr);
        assert!(reason(agent, &answer).contains("does not run"), "{agent}: {}", answer.stdout);
    }
    // The same where a line cannot run at all.
    for line in ["kubectl delete pod p\0".to_owned(), "x".repeat(200_000)] {
        for (agent, event) in events(&home, "ro", &line) {
            let answer = hear(&home, agent, &event);
            assert_eq!(answer.code, 2, "{agent}");
            assert!(reason(agent, &answer).contains("command line"), "{agent}: {}", answer.stdout);
        }
    }
    for (agent, event) in [
        ("codex", json!({ "hook_event_name": "SessionStart", "cwd": cwd })),
        (
            "gemini",
            json!({ "hook_event_name": "BeforeTool", "tool_name": "read_file", "tool_input": { "path": "x" } }),
        ),
        ("cursor", json!({ "hook_event_name": "afterFileEdit", "file_path": "x" })),
        ("copilot", json!({ "toolName": "view", "toolArgs": "{\"path\":\"x\"}", "cwd": cwd })),
        ("opencode", json!({ "tool": "read", "args": { "filePath": "x" }, "cwd": cwd })),
    ] {
        let answer = hear(&home, agent, &event);
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{agent} {event}");
    }
    assert_eq!(hear(&home, "nobody", &json!({})).code, 2);
}

#[test]
fn files_patches_and_mcp_tools_are_judged_for_each_of_them() {
    let home = Home::new();
    let cwd = home.path("ro").display().to_string();
    let envs = home.path(".claude/rwenv/envs.json").display().to_string();
    let patch = format!("*** Begin Patch\n*** Update File: {envs}\n@@\n-a\n+b\n*** End Patch");
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: hunter2hunter2\n";
    let added: String = secret.lines().map(|line| format!("+{line}\n")).collect();
    let add = format!("*** Begin Patch\n*** Add File: db.yaml\n{added}*** End Patch");
    for (agent, event) in [
        ("codex", json!({ "tool_name": "apply_patch", "cwd": cwd, "tool_input": { "input": patch } })),
        ("codex", json!({ "tool_name": "apply_patch", "cwd": cwd, "tool_input": { "input": add } })),
        (
            "codex",
            json!({ "tool_name": "mcp__kubernetes__delete_pod", "cwd": cwd, "tool_input": { "name": "p" } }),
        ),
        (
            "gemini",
            json!({ "tool_name": "write_file", "cwd": cwd, "tool_input": { "file_path": envs, "content": "{}" } }),
        ),
        (
            "gemini",
            json!({ "tool_name": "delete_pod", "cwd": cwd, "mcp_context": { "server_name": "kubernetes" }, "tool_input": { "name": "p" } }),
        ),
        (
            "cursor",
            json!({ "hook_event_name": "beforeMCPExecution", "workspace_roots": [cwd], "tool_name": "delete_pod", "tool_input": "{\"name\":\"p\"}", "command": "npx kubernetes-mcp" }),
        ),
        (
            "cursor",
            json!({ "hook_event_name": "preToolUse", "cwd": cwd, "tool_name": "Write", "tool_input": { "file_path": "db.yaml", "content": secret } }),
        ),
        (
            "copilot",
            json!({ "toolName": "create", "cwd": cwd, "toolArgs": json!({ "path": envs, "file_text": "{}" }).to_string() }),
        ),
        ("copilot", json!({ "toolName": "kubernetes-delete_pod", "cwd": cwd, "toolArgs": "{}" })),
        (
            "opencode",
            json!({ "tool": "edit", "cwd": cwd, "args": { "filePath": envs, "oldString": "a", "newString": "b" } }),
        ),
        ("opencode", json!({ "tool": "kubernetes_delete_pod", "cwd": cwd, "args": {} })),
    ] {
        let answer = hear(&home, agent, &event);
        assert_eq!(answer.code, 2, "{agent} {event}: {}", answer.stdout);
    }
}

#[test]
fn a_patch_is_read_wherever_it_stands() {
    let home = Home::new();
    let envs = home.path(".claude/rwenv/envs.json").display().to_string();
    let patch = |header: &str| format!("*** Begin Patch\n{header}\n@@\n-a\n+b\n*** End Patch\n");
    let touching = [
        format!("*** Update File: {envs}"),
        "*** Delete File: ../.claude/settings.json".to_owned(),
        format!("*** Update File: README.md\n*** Move to: {envs}"),
    ];
    let harmless = ["*** Update File: README.md", "*** Add File: docs/x.md\n+see ~/.claude/settings.json"];
    // Copilot hands over the patch itself, others an object, and each of them may run it in a shell.
    let calls = |patch: &str, folder: &str| {
        let cwd = home.path(folder).display().to_string();
        let tool = |agent: &'static str, event: Value| (agent, event);
        let mut all = vec![
            tool("copilot", json!({ "toolName": "apply_patch", "cwd": cwd, "toolArgs": patch })),
            tool(
                "copilot",
                json!({ "toolName": "apply_patch", "cwd": cwd, "toolArgs": json!({ "input": patch }).to_string() }),
            ),
            tool(
                "codex",
                json!({ "tool_name": "apply_patch", "cwd": cwd, "tool_input": { "command": patch } }),
            ),
            tool("codex", json!({ "tool_name": "apply_patch", "cwd": cwd, "tool_input": patch })),
            tool("opencode", json!({ "tool": "apply_patch", "cwd": cwd, "args": { "patchText": patch } })),
        ];
        for line in [
            format!("apply_patch <<'EOF'\n{patch}EOF"),
            format!("apply_patch '{patch}'"),
            format!("cd . && applypatch <<'EOF'\n{patch}EOF"),
            format!("bash -lc \"apply_patch <<'EOF'\n{patch}EOF\n\""),
            format!("cat > p <<'EOF'\n{patch}EOF\napply_patch < p"),
            format!("apply_patch \"$(cat <<'EOF'\n{patch}EOF\n)\""),
        ] {
            all.extend(events(&home, folder, &line));
        }
        all
    };
    for folder in ["ro", "none"] {
        for header in &touching {
            for (agent, event) in calls(&patch(header), folder) {
                let answer = hear(&home, agent, &event);
                assert_eq!(answer.code, 2, "{agent} {event}");
                assert!(reason(agent, &answer).contains("[tamper."), "{agent} {event}: {}", answer.stdout);
            }
        }
        for header in harmless {
            for (agent, event) in calls(&patch(header), folder) {
                let answer = hear(&home, agent, &event);
                assert_eq!(
                    (answer.code, answer.stdout.as_str()),
                    (0, free(agent)),
                    "{agent} {event}: {}",
                    answer.stderr
                );
            }
        }
    }
    // Files are meant from the directory the line is in.
    let line =
        format!("cd ~/.claude/rwenv && apply_patch <<'EOF'\n{}EOF", patch("*** Update File: envs.json"));
    assert_eq!(home.hook("none", &line).decision(), "deny");
    let elsewhere = line.replace("~/.claude/rwenv", "../rw");
    assert_eq!(home.hook("none", &elsewhere).decision(), "allow");
    home.write("ro/fix.patch", &patch(&touching[0]));
    assert_eq!(home.hook("ro", "apply_patch < fix.patch").decision(), "deny");
    // What cannot be read is no patch that is harmless.
    assert_eq!(home.hook("ro", "./make-patch | apply_patch").decision(), "ask");
    assert_eq!(home.hook("ro", "apply_patch \"$PATCH\"").decision(), "ask");
    let none = json!({ "toolName": "apply_patch", "cwd": home.path("ro"), "toolArgs": "*** Begin Patch\n*** End Patch" });
    let answer = hear(&home, "copilot", &none);
    assert_eq!(answer.code, 2);
    assert!(reason("copilot", &answer).contains("names no file"), "{}", answer.stdout);
}

fn install(home: &Home, agent: &str, more: &[&str]) -> Answer {
    let mut arguments = vec!["install", "--agent", agent, "--hook", crate::support::hook()];
    arguments.extend(more);
    home.rwenv("", &arguments)
}

#[test]
fn installing_for_an_agent_merges_is_idempotent_and_can_be_undone() {
    for (agent, path, old) in [
        (
            "codex",
            ".codex/hooks.json",
            r#"{"hooks":{"PreToolUse":[{"matcher":"Bash","hooks":[{"type":"command","command":"lint"}]}]}}"#,
        ),
        ("gemini", ".gemini/settings.json", r#"{"theme":"dark"}"#),
        ("cursor", ".cursor/hooks.json", r#"{"version":1,"hooks":{"afterFileEdit":[{"command":"fmt"}]}}"#),
    ] {
        let home = Home::new();
        home.write(path, old);
        let first = install(&home, agent, &[]);
        assert_eq!(first.code, 0, "{agent}: {}", first.stderr);
        let text = home.read(path);
        assert!(text.contains(&format!("rwenv-hook {agent}")), "{agent}: {text}");
        assert!(!text.contains("\"timeout\": 5"), "{agent}: an agent's limit lets the call run: {text}");
        assert!(install(&home, agent, &[]).stdout.contains("already"), "{agent}");
        assert_eq!(home.read(path), text, "{agent}: twice is as good as once");
        assert_eq!(install(&home, agent, &["--uninstall"]).code, 0, "{agent}");
        let after: Value = serde_json::from_str(&home.read(path)).unwrap();
        assert_eq!(after, serde_json::from_str::<Value>(old).unwrap(), "{agent}");
        home.write(path, "{ not json");
        let broken = install(&home, agent, &[]);
        assert_eq!((broken.code, home.read(path).as_str()), (1, "{ not json"), "{agent}");
        assert!(broken.stderr.contains(":1:3: "), "{agent}: {}", broken.stderr);
    }
    for (agent, path) in
        [("copilot", ".copilot/hooks/rwenv.json"), ("opencode", ".config/opencode/plugins/rwenv.js")]
    {
        let home = Home::new();
        assert_eq!(install(&home, agent, &[]).code, 0, "{agent}");
        assert!(home.read(path).contains("rwenv-hook"), "{agent}");
        assert!(install(&home, agent, &[]).stdout.contains("already"), "{agent}");
        assert_eq!(install(&home, agent, &["--uninstall"]).code, 0, "{agent}");
        assert!(!home.path(path).exists(), "{agent}");
        assert!(install(&home, agent, &["--uninstall"]).stdout.contains("is not in"), "{agent}");
    }
}

#[test]
fn taking_the_guard_out_takes_it_out_of_every_agent() {
    let home = Home::new();
    for agent in ["codex", "gemini", "cursor", "copilot", "opencode"] {
        assert_eq!(install(&home, agent, &[]).code, 0, "{agent}");
    }
    let gone = home.rwenv("", &["install", "--uninstall"]);
    assert_eq!(gone.code, 0, "{}", gone.stderr);
    for path in [
        ".codex/hooks.json",
        ".gemini/settings.json",
        ".cursor/hooks.json",
        ".copilot/hooks/rwenv.json",
        ".config/opencode/plugins/rwenv.js",
    ] {
        let text = std::fs::read_to_string(home.path(path)).unwrap_or_default();
        assert!(!text.contains("rwenv-hook"), "{path}: {text}");
    }
}

/// The pages of the agents, by the name in their headings (`# Codex (`codex`)`).
fn pages() -> std::collections::BTreeMap<String, (String, String)> {
    let folder = crate::support::root().join("docs/agents");
    let page = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let heading = text.lines().next().unwrap_or_default();
        let name = heading.split('`').nth(1).ok_or(heading).unwrap();
        (name.to_owned(), (path.file_name().unwrap().to_str().unwrap().to_owned(), text))
    };
    std::fs::read_dir(folder).unwrap().map(page).collect()
}

#[test]
fn every_agent_has_a_page_and_what_it_says_is_so() {
    let home = Home::new();
    // However the page is wrapped.
    let help = home.rwenv("", &["install", "--help"]).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, values) = help.split_once("[possible values: ").expect("the agents' names");
    let known = values.split_once(']').unwrap().0.split(", ");
    let known: Vec<&str> = known.filter(|name| *name != "all").collect();
    let pages = pages();
    assert_eq!(
        pages.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        known.iter().copied().collect()
    );
    let read = |file: &str| std::fs::read_to_string(crate::support::root().join("docs").join(file)).unwrap();
    let (overview, index) = (read("agents.md"), read("README.md"));
    for (name, (file, text)) in &pages {
        for (list, page) in [("agents.md", &overview), ("README.md", &index)] {
            assert!(page.contains(&format!("(agents/{file})")), "docs/{list} does not link to {file}");
        }
        // The file it names is the one that is written.
        let done = install(&home, name, &["--json"]);
        assert_eq!(done.code, 0, "{name}: {}", done.stderr);
        let done: Value = serde_json::from_str(&done.stdout).unwrap();
        let settings = done["settings"]
            .as_str()
            .unwrap()
            .replace(home.path("").to_str().unwrap().trim_end_matches('/'), "~");
        assert!(text.contains(&format!("`{settings}`")), "{file} does not name {settings}");
        // Its check does what it promises.
        let check = text.lines().find_map(|line| line.strip_prefix("echo '")?.split_once("' | rwenv-hook "));
        let (event, rest) = check.ok_or(file).unwrap();
        assert_eq!(rest, format!("{name}; echo $?"), "{file}");
        let mut hook = home.command(crate::support::hook(), &home.path("ro"));
        let answer = answer(hook.arg(name).write_stdin(event));
        assert_eq!(answer.code, 2, "{file}: {}", answer.stdout);
        assert!(answer.stderr.contains("[read-only.cluster-write]"), "{file}: {}", answer.stderr);
    }
}
