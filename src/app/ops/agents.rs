//! The hook in the settings of agents beside Claude Code: put in, and taken out again. Claude Code is in `claude`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::codex_shell;
use super::handout::{self, Handout};
use super::registration::{HOOK, JsonObject, UNCHANGED, events, filled, laid_out, place, settings};
use rwenv_core::decide::quoted;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::setup::agents as places;

// The hook ends itself after three seconds. Where an agent's own limit ends it, the call runs: limits are long.

/// An agent that keeps its hooks in a file of its own.
#[derive(Debug)]
pub struct Agent {
    /// Its name, as the hook program knows it.
    pub name: &'static str,
    /// From the home directory.
    path: &'static str,
    kept: HookForm,
    /// What a person has to do besides.
    pub then: &'static str,
    /// Its program.
    pub(super) program: &'static str,
    /// What becomes of a call whose hook fails.
    pub(super) on_failure: OnFailure,
}

/// Who refuses a call whose hook is missing or killed, and what a hook means that is late.
#[derive(Clone, Copy, Debug)]
pub(super) enum OnFailure {
    /// The line that is registered does; the agent lets a call run whose hook takes longer than it waits.
    LineRefuses(&'static str),
    /// The agent does, but for a hook that takes longer than it waits.
    AgentRefuses(&'static str),
    /// The agent refuses a late one as well.
    Refused,
}

/// All of them.
pub const ALL: [&Agent; 5] = [&CODEX, &GEMINI, &CURSOR, &COPILOT, &OPENCODE];

/// How an agent is told of the hook.
#[derive(Debug)]
enum HookForm {
    /// By entries among others, from a file of `hooks/`.
    Among(&'static str),
    /// By a program of ours that the agent loads.
    Alone(&'static str),
}

/// Codex of OpenAI.
pub const CODEX: Agent = Agent {
    name: "codex",
    path: places::CODEX,
    kept: HookForm::Among(include_str!("../../../hooks/codex.json")),
    then: "Codex runs it once you trust it: it asks when you start it. Until then it runs no hook and says nothing (rwenv doctor shows it).",
    program: "codex",
    on_failure: OnFailure::LineRefuses("60 s"),
};
/// Gemini CLI.
pub const GEMINI: Agent = Agent {
    name: "gemini",
    path: places::GEMINI,
    kept: HookForm::Among(include_str!("../../../hooks/gemini.json")),
    then: "",
    program: "gemini",
    on_failure: OnFailure::LineRefuses("60 s"),
};
/// Cursor.
pub const CURSOR: Agent = Agent {
    name: "cursor",
    path: places::CURSOR,
    kept: HookForm::Among(include_str!("../../../hooks/cursor.json")),
    then: "",
    program: "cursor-agent",
    on_failure: OnFailure::Refused,
};
/// GitHub Copilot CLI.
pub const COPILOT: Agent = Agent {
    name: "copilot",
    path: places::COPILOT,
    kept: HookForm::Among(include_str!("../../../hooks/copilot.json")),
    then: "",
    program: "copilot",
    on_failure: OnFailure::AgentRefuses("30 s"),
};
/// OpenCode, whose plugin hands every call to the hook, and throws what that says.
pub const OPENCODE: Agent = Agent {
    name: "opencode",
    path: places::OPENCODE,
    kept: HookForm::Alone(include_str!("../../../hooks/opencode.js")),
    then: "",
    program: "opencode",
    on_failure: OnFailure::Refused,
};

/// What became of an agent's settings.
#[derive(Debug)]
pub struct ChangedSettings {
    /// The file.
    pub settings: PathBuf,
    /// It was not so before.
    pub changed: bool,
    /// What a person has to do, because it could not be done.
    pub left: Option<String>,
    /// What it is given to read.
    pub handout: Handout,
}

impl Agent {
    /// Puts the hook into the agent's settings in the place of an older one, or takes it out; everything else stays. Its skills and agents come and
    /// go with it.
    ///
    /// # Errors
    /// If the settings cannot be read or written, or have another shape.
    pub fn register(
        &self,
        hook: Option<&Path>,
        environment: &Environment,
    ) -> anyhow::Result<ChangedSettings> {
        let path = environment.home.join(self.path);
        let hook = hook.map(|path| path.to_str().context("the path of the hook is not valid UTF-8"));
        let hook = hook.transpose()?;
        let changed = match self.kept {
            HookForm::Alone(program) => {
                let wanted = hook.map(|hook| program.replace(HOOK, &hook.replace(['\\', '"'], "_")));
                place(&path, wanted.as_deref())?
            }
            HookForm::Among(registration) => self.merge(&path, registration, hook)?,
        };
        places::note(self.name, hook.is_some(), environment)?;
        let left =
            if self.name == CODEX.name { codex_shell::set(hook.is_some(), environment)? } else { None };
        let handout = handout::hand_out(self.name, hook.is_some(), environment)?;
        Ok(ChangedSettings { settings: path, changed, left, handout })
    }

    /// Its settings.
    pub(super) fn settings(&self, environment: &Environment) -> PathBuf {
        environment.home.join(self.path)
    }

    /// The command lines in its settings that start the hook for a call; none where the hook is not registered.
    pub(super) fn registered(&self, environment: &Environment) -> Vec<String> {
        let text = files::read(&self.settings(environment)).ok().flatten().unwrap_or_default();
        match self.kept {
            // const HOOK = "…"
            HookForm::Alone(_) => {
                let hook = text.split_once("const HOOK = \"").and_then(|(_, rest)| rest.split_once('"'));
                hook.map(|(hook, _)| format!("{} {}", quoted(hook), self.name)).into_iter().collect()
            }
            HookForm::Among(_) => {
                let lines = serde_json::from_str(&text).map(|value| ours_in(&value)).unwrap_or_default();
                lines.into_iter().filter(|line| !line.ends_with(" session")).collect()
            }
        }
    }

    fn merge(&self, path: &Path, registration: &str, hook: Option<&str>) -> anyhow::Result<bool> {
        let (text, mut object) = settings(path, UNCHANGED)?;
        let before = object.clone();
        let hooks = object.entry("hooks").or_insert_with(|| json!({}));
        let hooks = hooks.as_object_mut().with_context(|| {
            format!("{}: \"hooks\" is not an object; nothing was changed", path.display())
        })?;
        for list in hooks.values_mut().filter_map(Value::as_array_mut) {
            list.retain(|entry| !mentions_us(entry));
        }
        let registration = hook.map(|hook| filled(registration, &quoted(hook))).transpose()?;
        for (event, entries) in registration.iter().flat_map(events) {
            let list = hooks.entry(event.clone()).or_insert_with(|| json!([]));
            let list = list.as_array_mut().with_context(|| {
                format!("{}: \"hooks.{event}\" is not a list; nothing was changed", path.display())
            })?;
            list.extend(entries.iter().cloned());
        }
        hooks.retain(|_, list| list.as_array().is_none_or(|list| !list.is_empty()));
        if hooks.is_empty() {
            object.shift_remove("hooks");
        }
        for (key, value) in registration.into_iter().flatten().filter(|(key, _)| key != "hooks") {
            object.entry(key).or_insert(value);
        }
        let nothing_there =
            hook.is_none() && is_bare(&object) && text.as_deref().unwrap_or_default().is_empty();
        if object == before || nothing_there {
            return Ok(false);
        }
        let wanted = laid_out(text.as_deref(), &object)?;
        let own = self.path.ends_with("/rwenv.json");
        place(path, (!(own && hook.is_none())).then_some(wanted.as_str()))?;
        Ok(true)
    }
}

/// True for settings that say nothing.
fn is_bare(object: &JsonObject) -> bool {
    object.keys().all(|key| key == "version")
}

/// Takes the hook out of the settings of every agent; says of which.
///
/// # Errors
/// If settings cannot be read or written, or have another shape.
pub fn remove_all(environment: &Environment) -> anyhow::Result<Vec<PathBuf>> {
    let mut changed = Vec::new();
    for agent in ALL {
        if environment.home.join(agent.path).exists() {
            let taken = agent.register(None, environment)?;
            changed.extend(taken.changed.then_some(taken.settings));
        }
    }
    Ok(changed)
}

/// The texts in settings that start our hook.
fn ours_in(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if mentions_us(value) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(ours_in).collect(),
        Value::Object(fields) => fields.values().flat_map(ours_in).collect(),
        _ => Vec::new(),
    }
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
