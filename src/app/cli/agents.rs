//! `rwenv install --agent NAME`: the hook in the settings of agents beside Claude Code, and out of them again.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::args::{AgentName, Install};
use super::{install, out};
use rwenv_core::decide::quoted;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;

// The hook ends itself after three seconds. Where an agent's own limit ends it, the call runs: limits are long.

/// Where an agent keeps its hooks, and what an entry of ours is there.
struct Agent {
    /// The name of the adapter in the hook program.
    name: &'static str,
    /// From the home directory.
    settings: &'static str,
    /// What has to stand at the top beside the hooks.
    version: bool,
    /// Event and entry, given the command line.
    entries: fn(&str) -> Vec<(&'static str, Value)>,
    /// What a person has to do besides.
    then: &'static str,
}

const CODEX: Agent = Agent {
    name: "codex",
    settings: ".codex/hooks.json",
    version: false,
    entries: |command| {
        let hook = json!({ "type": "command", "command": command, "timeout": 60 });
        vec![("PreToolUse", json!({ "matcher": "Bash|apply_patch|mcp__.*", "hooks": [hook] }))]
    },
    then: "Codex runs it once you trust it: /hooks in Codex.",
};
const GEMINI: Agent = Agent {
    name: "gemini",
    settings: ".gemini/settings.json",
    version: false,
    entries: |command| {
        let hook = json!({ "name": "rwenv", "type": "command", "command": command, "timeout": 60_000 });
        vec![("BeforeTool", json!({ "matcher": "*", "hooks": [hook] }))]
    },
    then: "",
};
const CURSOR: Agent = Agent {
    name: "cursor",
    settings: ".cursor/hooks.json",
    version: true,
    entries: |command| {
        let entry = json!({ "command": command, "failClosed": true });
        ["beforeShellExecution", "beforeMCPExecution", "preToolUse"]
            .map(|event| (event, entry.clone()))
            .to_vec()
    },
    then: "",
};
const COPILOT: Agent = Agent {
    name: "copilot",
    settings: ".copilot/hooks/rwenv.json",
    version: true,
    entries: |command| vec![("preToolUse", json!({ "type": "command", "bash": command, "timeoutSec": 30 }))],
    then: "",
};
/// The plugin OpenCode loads: it hands every call to the hook, and throws what that says.
const OPENCODE_PLUGIN: &str = include_str!("opencode.js");
const OPENCODE_PATH: &str = ".config/opencode/plugins/rwenv.js";

#[derive(Serialize)]
struct Done<'a> {
    agent: &'a str,
    settings: &'a Path,
    changed: bool,
}

pub(super) fn install(agent: AgentName, args: &Install, environment: &Environment) -> anyhow::Result<u8> {
    let hook = match args.uninstall {
        true => None,
        false => Some(install::hook_program(args.hook.as_deref())?),
    };
    let hook = match &hook {
        Some(path) => Some(path.to_str().context("the path of the hook is not valid UTF-8")?),
        None => None,
    };
    let (name, settings, changed, then) = match agent {
        AgentName::Claude => bail!("Claude Code is installed for without --agent"),
        AgentName::Opencode => {
            let path = environment.home.join(OPENCODE_PATH);
            let wanted = hook.map(|hook| OPENCODE_PLUGIN.replace("@HOOK@", &hook.replace(['\\', '"'], "_")));
            ("opencode", path.clone(), place(&path, wanted.as_deref())?, "")
        }
        AgentName::Codex => merge(&CODEX, hook, environment)?,
        AgentName::Gemini => merge(&GEMINI, hook, environment)?,
        AgentName::Cursor => merge(&CURSOR, hook, environment)?,
        AgentName::Copilot => merge(&COPILOT, hook, environment)?,
    };
    let done = Done { agent: name, settings: &settings, changed };
    if args.output.json {
        out::json(&done)?;
        return Ok(0);
    }
    let shown = settings.display();
    out::line(&match (hook, changed) {
        (Some(_), true) => format!("the hook is now registered with {name}: {shown}"),
        (Some(_), false) => format!("the hook is already registered with {name}: {shown}"),
        (None, true) => format!("the hook is removed from {shown}"),
        (None, false) => format!("the hook is not in {shown}"),
    });
    if hook.is_some() && !then.is_empty() {
        out::line(then);
    }
    Ok(0)
}

/// Takes the hook out of the settings of every agent; says of which.
pub(super) fn remove_all(environment: &Environment) -> anyhow::Result<Vec<PathBuf>> {
    let mut changed = Vec::new();
    for agent in [&CODEX, &GEMINI, &CURSOR, &COPILOT] {
        if environment.home.join(agent.settings).exists() {
            let (_, path, taken, _) = merge(agent, None, environment)?;
            changed.extend(taken.then_some(path));
        }
    }
    let plugin = environment.home.join(OPENCODE_PATH);
    if place(&plugin, None)? {
        changed.push(plugin);
    }
    Ok(changed)
}

/// Writes a file of our own, or takes it away; says whether that changed anything.
fn place(path: &Path, wanted: Option<&str>) -> anyhow::Result<bool> {
    let there = files::read(path)?;
    if there.as_deref() == wanted {
        return Ok(false);
    }
    match wanted {
        Some(text) => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            }
            files::write(path, text, 0o600)?;
        }
        None => std::fs::remove_file(path).with_context(|| path.display().to_string())?,
    }
    Ok(true)
}

/// Puts our entries into an agent's settings, in the place of old ones; everything else stays as it is.
fn merge(
    agent: &Agent,
    hook: Option<&str>,
    environment: &Environment,
) -> anyhow::Result<(&'static str, PathBuf, bool, &'static str)> {
    let path = environment.home.join(agent.settings);
    let text = files::read(&path)?.unwrap_or_default();
    let mut object: Map<String, Value> = if text.trim().is_empty() {
        Map::new()
    } else {
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|e| {
            anyhow::anyhow!(
                "{}:{}:{}: {e}; correct the JSON there, nothing was changed",
                path.display(),
                e.line(),
                e.column()
            )
        })?
    };
    let before = object.clone();
    let hooks = object.entry("hooks").or_insert_with(|| json!({}));
    let hooks = hooks
        .as_object_mut()
        .with_context(|| format!("{}: \"hooks\" is not an object; nothing was changed", path.display()))?;
    for list in hooks.values_mut().filter_map(Value::as_array_mut) {
        list.retain(|entry| !mentions_us(entry));
    }
    if let Some(hook) = hook {
        for (event, entry) in (agent.entries)(&format!("{} {}", quoted(hook), agent.name)) {
            let list = hooks.entry(event).or_insert_with(|| json!([]));
            let list = list.as_array_mut().with_context(|| {
                format!("{}: \"hooks.{event}\" is not a list; nothing was changed", path.display())
            })?;
            list.push(entry);
        }
    }
    hooks.retain(|_, list| list.as_array().is_none_or(|list| !list.is_empty()));
    if hooks.is_empty() {
        object.shift_remove("hooks");
    }
    if agent.version && hook.is_some() {
        object.entry("version").or_insert_with(|| 1.into());
    }
    let empty = object.keys().all(|key| key == "version");
    if object == before || (hook.is_none() && empty && text.is_empty()) {
        return Ok((agent.name, path, false, agent.then));
    }
    let wanted = format!("{}\n", serde_json::to_string_pretty(&object)?);
    let own = agent.settings.ends_with("/rwenv.json");
    place(&path, (!(own && hook.is_none())).then_some(wanted.as_str()))?;
    Ok((agent.name, path, true, agent.then))
}

/// True for an entry that starts our hook.
fn mentions_us(value: &Value) -> bool {
    match value {
        Value::String(text) => text.split(['/', ' ', '\'']).any(|word| word == "rwenv-hook"),
        Value::Array(items) => items.iter().any(mentions_us),
        Value::Object(fields) => fields.values().any(mentions_us),
        _ => false,
    }
}
