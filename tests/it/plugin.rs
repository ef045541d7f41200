//! The plugin for Claude Code: its files are what the agent's documentation says, and every command they name exists.

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use rwenv_core::decide;
use rwenv_core::manifest::yaml::{self, Node};
use rwenv_core::model::{Context, Effect};
use serde_json::{Value, json};

use crate::fetched;
use crate::support::{Answer, Home, answer};

fn root() -> PathBuf {
    crate::support::root().to_owned()
}

fn json(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

/// The Markdown files of the plugin: what they are called by, and their text.
fn pages() -> Vec<(String, String)> {
    let mut out = Vec::new();
    for folder in ["skills", "agents", "commands"] {
        for entry in fs::read_dir(root().join("plugin").join(folder)).into_iter().flatten().flatten() {
            let path = entry.path();
            let file = if path.is_dir() { path.join("SKILL.md") } else { path.clone() };
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            out.push((format!("{folder}/{name}"), fs::read_to_string(file).unwrap()));
        }
    }
    out.sort();
    out
}

/// The fields between the dashes, read as YAML, and what follows.
fn front(text: &str) -> (Vec<(String, String)>, String) {
    let rest = text.strip_prefix("---\n").unwrap();
    let (head, body) = rest.split_once("\n---\n").unwrap();
    let mut parsed = yaml::parse(head);
    assert!(parsed.problems.is_empty(), "{head}: {:?}", parsed.problems);
    let field = |(key, value): &(Node, Node)| {
        let value = value.text().ok_or(head).unwrap();
        (key.text().unwrap().to_owned(), value.to_owned())
    };
    let document = parsed.documents.pop().unwrap();
    (document.entries().iter().map(field).collect(), body.to_owned())
}

/// Commands in code: lines of blocks for bash, and what stands between backticks.
fn commands(body: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut block: Option<&str> = None;
    for line in body.lines() {
        match (line.strip_prefix("```"), block) {
            (Some(language), None) => block = Some(language),
            (Some(_), Some(_)) => block = None,
            (None, Some("bash")) => out.push(line.trim().to_owned()),
            (None, Some(_)) => {}
            (None, None) => {
                let spans = line.split('`').skip(1).step_by(2);
                out.extend(spans.map(|span| span.replace("\\|", "|")));
            }
        }
    }
    out
}

/// The words of a command; single quotes hold one together.
fn words(line: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        if number % 2 == 1 {
            all.push(part.to_owned());
        } else {
            all.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    all
}

/// What is wrong with a command of ours; one of which only the name is told is fine where there is such a one.
fn refused(line: &str) -> Option<String> {
    let error = rwenv::cli::command().try_get_matches_from(words(line)).err()?;
    let told_by_name = !line.contains(" -")
        && matches!(
            error.kind(),
            ErrorKind::MissingRequiredArgument
                | ErrorKind::MissingSubcommand
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        );
    (!told_by_name).then(|| format!("{line}: {error}"))
}

#[test]
fn every_page_says_what_it_is_and_when_it_is_used() {
    let pages = pages();
    let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    for wanted in [
        "agents/db-ops",
        "agents/flux-ops",
        "agents/gcloud-ops",
        "agents/k8s-ops",
        "commands/context-load-flux",
        "skills/flux-infra-guide",
        "skills/flux-infra-guide-regenerate",
        "skills/rollout",
        "skills/rwenv-add",
        "skills/rwenv-cur",
        "skills/rwenv-list",
        "skills/rwenv-local-mode",
        "skills/rwenv-set",
        "skills/services-mapping",
    ] {
        assert!(names.contains(&wanted), "{wanted}");
    }
    for (page, text) in &pages {
        let (fields, body) = front(text);
        let get = |key: &str| fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let is_command = page.starts_with("commands/");
        // A command is called as its file is.
        assert_eq!(get("name"), page.rsplit('/').next().filter(|_| !is_command), "{page}");
        let description = get("description").unwrap();
        assert!(
            (40..=1024).contains(&description.len()) && !description.contains('<'),
            "{page}: {description}"
        );
        assert!(body.trim().len() > 40, "{page}");
        let known: &[&str] = match page.split('/').next() {
            Some("agents") => &["name", "description", "tools"],
            Some("skills") => &["name", "description"],
            _ => &["description", "argument-hint", "allowed-tools"],
        };
        assert!(fields.iter().all(|(key, _)| known.contains(&key.as_str())), "{page}: {fields:?}");
        assert_eq!(page.starts_with("agents/"), get("tools").is_some(), "{page}");
    }
}

#[test]
fn skills_answer_to_the_words_people_say() {
    for (page, triggers) in [
        (
            "services-mapping",
            &[
                "list services",
                "show services",
                "what namespace is X in",
                "where is X defined in flux",
                "/services-mapping",
            ][..],
        ),
        (
            "flux-infra-guide",
            &[
                "where does X run",
                "what namespace",
                "how to debug",
                "check logs",
                "flux resources",
                "service unhealthy",
                "pod failing",
            ],
        ),
        ("rollout", &["rollout my PR", "deploy X", "update X to image tag Y", "/rollout"]),
        (
            "flux-infra-guide-regenerate",
            &[
                "regenerate infra guide",
                "update infra catalog",
                "refresh flux data",
                "/flux-infra-guide-regenerate",
            ],
        ),
    ] {
        let text = fs::read_to_string(root().join("plugin/skills").join(page).join("SKILL.md")).unwrap();
        let (fields, _) = front(&text);
        let description = &fields.iter().find(|(key, _)| key == "description").unwrap().1;
        for trigger in triggers {
            assert!(description.contains(trigger), "{page}: {trigger}");
        }
    }
}

#[test]
fn every_command_that_is_named_exists() {
    let context = Context {
        cwd: "/p".into(),
        home: "/home".into(),
        config_dir: "/home/.claude/rwenv".into(),
        ..Context::default()
    };
    let tools = ["kubectl ", "flux ", "git ", "gh ", "gcloud ", "linkerd "];
    let (mut own, mut others, mut wrong) = (0, 0, Vec::new());
    for (page, text) in pages() {
        let (_, body) = front(&text);
        for line in commands(&body) {
            if line.starts_with("rwenv ") && !line.starts_with("rwenv '") {
                own += 1;
                wrong.extend(refused(&line).map(|why| format!("{page}: {why}")));
            } else if tools.iter().any(|tool| line.starts_with(tool)) && !line.contains('…') {
                others += 1;
                let plan = decide::plan(&line, &context);
                let unknown = plan.planned.iter().any(|planned| planned.operation.effect == Effect::Unknown);
                if unknown || plan.planned.is_empty() {
                    wrong.push(format!("{page}: {line} is no command that is known"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(own > 60 && others > 30, "{own} of ours, {others} others");
    assert!(refused("rwenv flux nonsense").is_some() && refused("rwenv guide show nonsense").is_some());
    assert!(refused("rwenv grant").is_none() && refused("rwenv flux").is_none());
}

/// What people are told to type when something does not work has to work.
#[test]
fn every_command_of_the_help_pages_exists() {
    let mut pages = vec!["docs/troubleshooting.md".to_owned(), "docs/agents.md".to_owned()];
    let folder = fs::read_dir(root().join("docs/agents")).unwrap();
    pages.extend(folder.map(|entry| format!("docs/agents/{}", entry.unwrap().file_name().display())));
    let mut ran = 0;
    for page in pages {
        let text = fs::read_to_string(root().join(&page)).unwrap().replace("```sh", "```bash");
        let ours = commands(&text).into_iter().filter(|line| line.starts_with("rwenv "));
        for line in ours.map(|line| line.split(" # ").next().unwrap().trim().to_owned()) {
            ran += 1;
            assert_eq!(refused(&line.replace("--agent NAME", "--agent codex")), None, "{page}");
        }
    }
    assert!(ran > 40, "{ran}");
}

#[test]
fn manifests_are_as_documented() {
    // code.claude.com, "Plugins reference" and "Plugin marketplaces".
    let text = json!({ "type": "string", "minLength": 1 });
    let person = json!({ "type": "object", "required": ["name"], "properties": { "name": text, "email": text, "url": text }, "additionalProperties": false });
    let plugin = json!({ "type": "object", "required": ["name"], "additionalProperties": false, "properties": {
        "name": { "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" }, "version": { "type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$" }, "description": text, "author": person,
        "homepage": text, "repository": text, "license": text, "keywords": { "type": "array", "items": text },
    }});
    let marketplace = json!({ "type": "object", "required": ["name", "owner", "plugins"], "properties": {
        "name": { "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" }, "owner": person, "metadata": { "type": "object" },
        "plugins": { "type": "array", "minItems": 1, "items": { "type": "object", "required": ["name", "source"] } },
    }});
    for (file, schema) in
        [("plugin/.claude-plugin/plugin.json", plugin), (".claude-plugin/marketplace.json", marketplace)]
    {
        let errors: Vec<String> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(&json(file))
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
    }
    let listed = json(".claude-plugin/marketplace.json");
    let source = listed["plugins"][0]["source"].as_str().unwrap();
    let own = Path::new(source).join(".claude-plugin/plugin.json");
    let own = json(own.strip_prefix("./").unwrap().to_str().unwrap());
    assert_eq!(own["name"], listed["plugins"][0]["name"]);
    assert_eq!(own["version"], env!("CARGO_PKG_VERSION"));
    let inside: Vec<_> = fs::read_dir(root().join("plugin/.claude-plugin")).unwrap().flatten().collect();
    assert_eq!(inside.len(), 1, "everything else lies beside it");
}

#[test]
fn the_real_program_loads_every_part_of_the_plugin() {
    let (system, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let (system, arch) =
        (system.replace("macos", "darwin"), arch.replace("x86_64", "x64").replace("aarch64", "arm64"));
    // The older one is what npm chooses beside Node 20; it reads heads as YAML to the letter.
    for version in ["2.1.197", "2.1.332"] {
        let package = format!("@anthropic-ai/claude-code-{system}-{arch}");
        let Some(claude) = fetched::npm(&package, version, &format!("{package}/claude")) else { return };
        let home = Home::empty();
        for folder in ["plugin", "."] {
            let mut command = home.command(claude.to_str().unwrap(), &root());
            command.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1").env("DISABLE_TELEMETRY", "1");
            let said = answer(command.args(["plugin", "validate", "--strict", folder]));
            assert_eq!(said.code, 0, "{version}, {folder}: {}{}", said.stdout, said.stderr);
        }
    }
}

#[test]
fn hooks_are_registered_for_what_is_judged_and_the_real_program_answers_them() {
    let hooks = json("plugin/hooks/hooks.json");
    let text = json!({ "type": "string", "minLength": 1 });
    let handler = json!({ "type": "object", "required": ["type", "command", "args", "timeout"], "additionalProperties": false, "properties": {
        "type": { "const": "command" }, "command": text, "args": { "type": "array", "items": text }, "timeout": { "type": "integer", "maximum": 60 }, "onFailure": { "const": "block" },
    }});
    let group = json!({ "type": "object", "required": ["hooks"], "additionalProperties": false, "properties": { "matcher": text, "hooks": { "type": "array", "minItems": 1, "items": handler } } });
    let events = ["PreToolUse", "SessionStart", "CwdChanged", "UserPromptSubmit", "ConfigChange"];
    let names: serde_json::Map<String, Value> = events
        .iter()
        .map(|event| ((*event).to_owned(), json!({ "type": "array", "minItems": 1, "items": group })))
        .collect();
    let schema = json!({ "type": "object", "required": ["hooks"], "additionalProperties": false, "properties": {
        "description": text, "hooks": { "type": "object", "required": events, "additionalProperties": false, "properties": names },
    }});
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&hooks)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    // The same tools that rwenv install registers, and closed where the host can.
    let home = Home::new();
    home.rwenv("", &["install"]);
    let settings: Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    let judged = &hooks["hooks"]["PreToolUse"][0];
    assert_eq!(judged["matcher"], settings["hooks"]["PreToolUse"][0]["matcher"]);
    assert_eq!(judged["hooks"][0]["onFailure"], "block");
    for event in events {
        assert!(settings["hooks"][event].is_array(), "{event}");
        for handler in hooks["hooks"][event][0]["hooks"].as_array().unwrap() {
            assert_eq!(
                (handler["command"].as_str(), &handler["args"]),
                (Some("rwenv-hook"), &json!(["claude", "plugin"]))
            );
        }
    }
    let mut payload = home.payload("ro", "kubectl delete pod x");
    let run = |payload: &Value, data: &str| {
        let mut command = home.command(crate::support::hook(), &home.path(""));
        let data = home.path(data);
        answer(
            command
                .env("CLAUDE_PLUGIN_DATA", data)
                .args(["claude", "plugin"])
                .write_stdin(payload.to_string()),
        )
    };
    assert_eq!(run(&payload, "data").code, 2);
    payload["hook_event_name"] = "SessionStart".into();
    let greeted = run(&payload, ".claude/plugins/data/rwenv-rwenv");
    assert!(greeted.stdout.contains("ro") && greeted.stdout.contains("read-only"), "{}", greeted.stdout);
    let state: Value =
        serde_json::from_str(&home.read(".claude/plugins/data/rwenv-rwenv/session.json")).unwrap();
    assert_eq!(state["session"], payload["session_id"]);
}

#[test]
fn a_session_keeps_its_hook_when_settings_change() {
    let home = Home::new();
    assert_eq!(home.rwenv("", &["install"]).code, 0);
    let installed = home.read(".claude/settings.json");
    let path = home.path(".claude/settings.json").display().to_string();
    let project = home.path("ro/.claude/settings.json").display().to_string();
    let change = |source: &str, file: &str, arguments: &[&str]| {
        let mut payload = home.payload("ro", "x");
        payload["hook_event_name"] = "ConfigChange".into();
        payload["source"] = source.into();
        payload["file_path"] = file.into();
        let mut command = home.command(crate::support::hook(), &home.path(""));
        answer(command.args(arguments).write_stdin(payload.to_string()))
    };
    let settings = &["claude"][..];
    let plugin = &["claude", "plugin"][..];
    assert_eq!(change("user_settings", &path, settings).code, 0, "nothing of ours has changed");
    home.write("ro/.claude/settings.json", r#"{"permissions":{}}"#);
    assert_eq!(change("project_settings", &project, settings).code, 0);
    let kept = |answer: &Answer, why: &str| {
        assert_eq!(answer.code, 2, "{}", answer.stderr);
        assert!(
            answer.stderr.contains("[settings.hook-lost]") && answer.stderr.contains(why),
            "{}",
            answer.stderr
        );
    };
    home.write("ro/.claude/settings.json", r#"{"disableAllHooks":true}"#);
    kept(&change("project_settings", &project, settings), "disables all hooks");
    kept(&change("project_settings", &project, plugin), "disables all hooks");
    // It is still so when another file changes: the session would read all of them.
    home.write("ro/.claude/settings.local.json", r#"{"permissions":{"allow":["Bash"]}}"#);
    let local = home.path("ro/.claude/settings.local.json").display().to_string();
    kept(&change("local_settings", &local, settings), "disables all hooks");
    kept(&change("user_settings", &path, settings), "disables all hooks");
    home.write("ro/.claude/settings.json", "{ not json");
    assert_eq!(change("local_settings", &local, settings).code, 0, "what cannot be read says nothing");
    std::fs::remove_file(home.path("ro/.claude/settings.json")).unwrap();
    home.write(".claude/settings.json", "{}");
    kept(&change("local_settings", &local, settings), "no longer registers");
    for (text, why) in [
        ("{}", "no longer registers"),
        ("{", "not valid JSON"),
        ("", "no longer registers"),
        (r#"{"hooks":{"PreToolUse":[]}}"#, "no longer registers"),
    ] {
        home.write(".claude/settings.json", text);
        kept(&change("user_settings", &path, settings), why);
    }
    std::fs::remove_file(home.path(".claude/settings.json")).unwrap();
    kept(&change("user_settings", &path, settings), "no longer registers");
    home.write(".claude/settings.json", r#"{"enabledPlugins":{"rwenv@rwenv":false}}"#);
    kept(&change("user_settings", &path, plugin), "disables rwenv's plugin");
    home.write(".claude/settings.json", r#"{"enabledPlugins":{"other@x":false,"rwenv@rwenv":true}}"#);
    assert_eq!(change("user_settings", &path, plugin).code, 0);
    assert_eq!(change("policy_settings", &path, settings).code, 0, "an organisation's settings count");
    let audit = home.rwenv("", &["audit", "--denied", "--json"]);
    assert!(audit.stdout.contains("ConfigChange"), "{}", audit.stdout);
    // A person takes it out: the session is not held.
    home.write(".claude/settings.json", &installed);
    assert_eq!(home.rwenv("", &["install", "--uninstall"]).code, 0);
    assert_eq!(change("user_settings", &path, settings).code, 0);
}
