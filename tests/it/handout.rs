//! What `rwenv install` puts beside the hook: skills and agents in each agent's own folders, and Claude Code's sandbox. All of it goes again.

use serde_json::{Value, json};

use crate::support::{Answer, Home, answer, hook};

fn install(home: &Home, words: &[&str]) -> Answer {
    home.rwenv("", &[&["install", "--hook", hook()], words].concat())
}

/// An agent, where its skills are, and one of its agents.
const PLACES: [(&str, &str, &str); 5] = [
    ("claude", ".claude/skills", ".claude/agents/db-ops.md"),
    ("codex", ".codex/skills", ".codex/agents/db-ops.toml"),
    ("copilot", ".copilot/skills", ".copilot/agents/db-ops.agent.md"),
    ("gemini", ".gemini/extensions/rwenv/skills", ".gemini/extensions/rwenv/agents/db-ops.md"),
    ("opencode", ".config/opencode/skills", ".config/opencode/agents/db-ops.md"),
];

#[test]
fn each_agent_gets_skills_and_agents_and_loses_them_again() {
    let home = Home::new();
    for (agent, skills, one) in PLACES {
        let said = install(&home, &["--agent", agent]);
        assert!(said.stdout.contains("9 skills and 4 agents"), "{agent}: {said:?}");
        let skill = home.read(&format!("{skills}/rwenv-cur/SKILL.md"));
        assert!(
            skill.starts_with("---\nname: rwenv-cur\ndescription: '") && skill.contains("rwenv cur"),
            "{skill}"
        );
        assert!(home.read(one).contains("rwenv db query NAME"), "{agent}");
    }
    // An older version's page goes, a person's own stays, and each is told.
    home.write(".codex/skills/old/SKILL.md", "x\n<!-- Written by rwenv install; … -->\n");
    home.write(".codex/skills/mine/SKILL.md", "mine\n");
    home.write(".codex/skills/rollout/SKILL.md", "mine\n");
    let said = install(&home, &["--agent", "codex"]);
    assert!(said.stderr.contains("~/.codex/skills/rollout/SKILL.md is yours"), "{said:?}");
    assert!(said.stdout.contains("8 skills and 4 agents"), "{said:?}");
    assert!(!home.path(".codex/skills/old").exists());
    assert_eq!(home.rwenv("", &["install", "--agent", "gemini", "--uninstall"]).code, 0);
    assert!(!home.path(".gemini/extensions").exists() && home.path(".copilot/skills").exists());
    assert_eq!(home.rwenv("", &["install", "--uninstall"]).code, 0);
    for (agent, skills, one) in PLACES {
        assert_eq!(home.path(skills).exists(), agent == "codex", "{agent}");
        assert!(!home.path(one).exists(), "{agent}");
    }
    for name in ["mine", "rollout"] {
        assert_eq!(home.read(&format!(".codex/skills/{name}/SKILL.md")), "mine\n");
    }
}

#[test]
fn where_the_plugin_is_on_it_brings_the_pages() {
    let home = Home::new();
    assert_eq!(install(&home, &[]).code, 0);
    assert!(home.path(".claude/skills").exists());
    let mut settings: Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    settings["enabledPlugins"] = json!({ "rwenv@rwenv": true });
    home.write(".claude/settings.json", &settings.to_string());
    assert_eq!(install(&home, &[]).code, 0);
    assert!(!home.path(".claude/skills").exists() && !home.path(".claude/agents").exists());
}

#[test]
fn the_sandbox_is_set_beside_what_a_person_has_set_and_taken_out_again() {
    let home = Home::new();
    let old = json!({ "sandbox": {
        "enabled": false, "excludedCommands": ["kubectl *"],
        "credentials": { "files": [{ "path": "~/.kube", "mode": "deny" }, { "path": "~/mine", "mode": "deny" }] },
    }});
    home.write(".claude/settings.json", &format!("{old}\n"));
    let none = install(&home, &["--sandbox"]);
    assert!(none.code == 1 && none.stderr.contains("rwenv daemon start"), "{none:?}");
    assert_eq!(home.read(".claude/settings.json"), format!("{old}\n"));
    let other = install(&home, &["--sandbox", "--agent", "codex"]);
    assert!(other.code == 1 && other.stderr.contains("rwenv run -- codex"), "{other:?}");
    home.write(".claude/rwenv/guard/identity.json", r#"{"port":4711,"authority":"","key":"","tokens":{}}"#);
    home.mode(".claude/rwenv/guard/identity.json", 0o600);
    home.write(".kube/config", "{}\n");
    let said = install(&home, &["--sandbox"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stderr.contains("sandbox.enabled is false in your settings"), "{said:?}");
    assert!(said.stderr.contains("sandbox.excludedCommands has \"kubectl *\""), "{said:?}");
    let new: Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    let sandbox = &new["sandbox"];
    assert_eq!((&sandbox["enabled"], &sandbox["failIfUnavailable"]), (&json!(false), &json!(true)));
    assert_eq!(sandbox["network"]["allowedDomains"], json!(["127.0.0.1:4711"]));
    let files = sandbox["credentials"]["files"].as_array().unwrap();
    let denied =
        |path: &str| files.iter().filter(|file| file["path"] == path && file["mode"] == "deny").count();
    for path in ["~/.kube", "~/.aws", "~/mine", "~/.claude/rwenv/kube", "~/.claude/rwenv/guard/identity.json"]
    {
        assert_eq!(denied(path), 1, "{path}");
    }
    let names = sandbox["credentials"]["envVars"].as_array().unwrap();
    let named = |name: &str| names.iter().any(|one| one["name"] == name);
    assert!(named("VAULT_TOKEN") && named("AWS_SECRET_ACCESS_KEY") && !named("KUBECONFIG"));
    assert!(names.iter().all(|one| !one["name"].as_str().unwrap().contains('*')));
    assert_eq!(home.rwenv("", &["install", "--uninstall"]).code, 0);
    let left: Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    assert_eq!(left, old);
    assert!(!home.path(".claude/rwenv/run/sandbox.json").exists());
}

#[test]
fn the_doctor_says_what_a_killed_hook_means_and_tries_it_where_a_line_refuses() {
    let home = Home::new();
    for agent in ["claude", "codex", "copilot", "gemini", "opencode"] {
        assert_eq!(install(&home, &["--agent", agent]).code, 0);
    }
    let doctor = || home.rwenv("", &["doctor", "--offline", "--json"]).stdout;
    let of = |agent: &str| {
        let all: Vec<Value> = serde_json::from_str(&doctor()).unwrap();
        let own = all
            .into_iter()
            .find(|check| check["id"] == "agent" && check["says"].as_str().unwrap().starts_with(agent));
        own.unwrap()
    };
    for (agent, says) in [
        ("claude", "refuses what it should; "),
        ("codex", "missing or killed is refused; after 60 s of a late one it runs"),
        ("gemini", "missing or killed is refused; after 60 s of a late one it runs"),
        ("copilot", "missing or killed is refused; after 30 s of a late one it runs"),
        ("opencode", "missing, killed or late is refused"),
    ] {
        let check = of(agent);
        assert!(check["says"].as_str().unwrap().contains(says) && check["state"] == "ok", "{check}");
    }
    // As an older version registered it.
    let text = home.read(".gemini/settings.json");
    let mut settings: Value = serde_json::from_str(&text).unwrap();
    let line = &mut settings["hooks"]["BeforeTool"][0]["hooks"][0]["command"];
    *line = line.as_str().unwrap().split(" ||").next().unwrap().into();
    home.write(".gemini/settings.json", &settings.to_string());
    let check = of("gemini");
    assert!(check["says"].as_str().unwrap().contains("a call whose hook is killed runs"), "{check}");
    assert_eq!(check["state"], "warn");
}

#[test]
fn all_means_each_agent_that_is_here() {
    let home = Home::new();
    let all = || {
        let mut command = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path(""));
        command.args(["install", "--agent", "all", "--json", "--hook", hook()]);
        answer(command.env("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display())))
    };
    let none = all();
    assert!(none.code == 1 && none.stderr.contains("no agent is on PATH"), "{none:?}");
    for name in ["codex", "gemini"] {
        home.write(&format!("bin/{name}"), "#!/bin/sh\n");
        home.mode(&format!("bin/{name}"), 0o755);
    }
    let said: Value = serde_json::from_str(&all().stdout).unwrap();
    assert_eq!(said["agents"], json!(["codex", "gemini"]));
    assert!(home.path(".codex/hooks.json").exists() && home.path(".gemini/settings.json").exists());
    assert!(!home.path(".copilot").exists() && !home.path(".claude/settings.json").exists());
    assert_eq!(home.rwenv("", &["install", "--agent", "all", "--uninstall"]).code, 1);
}
