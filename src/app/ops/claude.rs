//! The hook in Claude Code's user settings: put in, taken out, looked at. Other agents are in `agents`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::registration::{JsonObject, UNCHANGED, events, filled, laid_out, settings};
use super::sandbox::{self, Sandboxing};
use rwenv_core::decide::quoted;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::{clock, files, process};
use rwenv_gate::facts::agent;

/// How the hook is registered, for all events it hears: calls, the session's environment, a person speaking, and settings
/// that change.
const REGISTRATION: &str = include_str!("../../../hooks/claude.json");
/// What a handler says of calls whose hook fails.
const ON_FAILURE: &str = "onFailure";
/// The setting of the line below a session (code.claude.com/docs/en/statusline).
const STATUS_LINE: &str = "statusLine";
/// What the copies of old settings are called, before the time.
const BACKUP: &str = "settings.json.before-rwenv-";
/// Longest wait for the agent's version.
const PATIENCE: Duration = Duration::from_secs(10);
/// First version that blocks a call whose hook fails, where it is told to.
const KNOWS_ON_FAILURE: (u64, u64, u64) = (2, 1, 295);

/// Settings as they are to be. Nothing of it is written yet.
#[derive(Debug)]
pub struct PendingSettings {
    /// The file.
    pub settings: PathBuf,
    old: Option<String>,
    new: JsonObject,
    /// They are not so already.
    pub changes: bool,
    /// What a person should know of their own settings.
    pub kept: Vec<String>,
    sandboxing: Sandboxing,
}

/// Whether the settings are to have our status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedLine {
    /// Where there is no other.
    IfNone,
    /// In the place of another.
    Always,
    /// Not.
    Never,
}

impl PendingSettings {
    /// With this hook and this status line in the settings, or without any; with the sandbox where it is wanted, or was set before.
    ///
    /// # Errors
    /// If the settings cannot be read or have another shape.
    pub fn of(
        hook: Option<&Path>,
        line: WantedLine,
        sandboxed: bool,
        environment: &Environment,
    ) -> anyhow::Result<Self> {
        let path = agent::claude_settings(environment);
        let (old, before) = settings(&path, UNCHANGED)?;
        let mut new = before.clone();
        let program = hook.map(|hook| hook.to_str().context("the path of the hook is not valid UTF-8"));
        let registration = filled(REGISTRATION, program.transpose()?.unwrap_or_default())?;
        let blocks = hook.is_some() && version().is_some_and(|version| version >= KNOWS_ON_FAILURE);
        for (event, groups) in events(&registration) {
            remove(&mut new, event).with_context(|| format!("{}: nothing was changed", path.display()))?;
            if hook.is_some() {
                add(&mut new, event, groups, blocks)?;
            }
        }
        set_line(&mut new, hook, line);
        let sandboxed = hook.is_some() && (sandboxed || sandbox::is_set(environment));
        let mut sandboxing = sandbox::set(&mut new, sandboxed, environment)
            .with_context(|| format!("{}: nothing was changed", path.display()))?;
        let kept = std::mem::take(&mut sandboxing.kept);
        Ok(Self { settings: path, old, changes: new != before, new, kept, sandboxing })
    }

    /// Writes the settings; says where the old ones are kept beside them.
    ///
    /// # Errors
    /// If the system says no.
    pub fn write(&self, environment: &Environment) -> anyhow::Result<Option<PathBuf>> {
        let backup = self.write_settings()?;
        sandbox::note(&self.sandboxing, environment)?;
        Ok(backup)
    }

    fn write_settings(&self) -> anyhow::Result<Option<PathBuf>> {
        if !self.changes {
            return Ok(None);
        }
        let new = laid_out(self.old.as_deref(), &self.new)?;
        self.put(&new).map_err(|error| {
            anyhow::anyhow!(
                "{error}; these settings stay as they were. Where another program writes the file (a store, dotfiles), have it write:\n{new}"
            )
        })
    }

    fn put(&self, new: &str) -> anyhow::Result<Option<PathBuf>> {
        let path = &self.settings;
        if let Some(folder) = path.parent() {
            files::make_private_dir(folder)?;
        }
        let backup = match &self.old {
            Some(old) => Some(kept(path, old)?),
            None => None,
        };
        files::write(path, new, 0o600)?;
        Ok(backup)
    }
}

/// Keeps settings beside the file; once, however often they are the same.
fn kept(path: &Path, old: &str) -> anyhow::Result<PathBuf> {
    let same = |copy: &PathBuf| files::read(copy).ok().flatten().as_deref() == Some(old);
    if let Some(there) = backups(path).into_iter().find(same) {
        return Ok(there);
    }
    let stamp = clock::rfc3339(clock::now()).replace([':', '-', '.'], "");
    let copy = path.with_file_name(format!("{BACKUP}{stamp}"));
    files::write(&copy, old, 0o600)?;
    Ok(copy)
}

/// The copies of settings that were kept beside them.
pub(super) fn backups(path: &Path) -> Vec<PathBuf> {
    let entries = path.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let all = entries.into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = all
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(BACKUP))
        .map(|entry| entry.path())
        .collect();
    all.sort_unstable();
    all
}

/// Puts our status line into settings, or takes it out. Another's stays unless it is to be replaced.
fn set_line(settings: &mut JsonObject, hook: Option<&Path>, wanted: WantedLine) {
    let command = |line: &Value| line.get("command").and_then(Value::as_str).map(str::to_owned);
    let is_ours = |line: &Value| {
        command(line)
            .is_some_and(|c| c.ends_with("rwenv-hook' statusline") || c.ends_with("rwenv-hook statusline"))
    };
    let there = settings.get(STATUS_LINE);
    let hook = hook.and_then(Path::to_str).filter(|_| wanted != WantedLine::Never);
    match hook {
        Some(hook) if wanted == WantedLine::Always || there.is_none_or(is_ours) => {
            let line = json!({ "type": "command", "command": format!("{} statusline", quoted(hook)) });
            settings.insert(STATUS_LINE.to_owned(), line);
        }
        None if there.is_some_and(is_ours) => drop(settings.shift_remove(STATUS_LINE)),
        _ => {}
    }
}

/// The list of handlers of an event, if there is one. Settings of another shape are left alone.
fn handlers<'a>(object: &'a mut JsonObject, event: &str) -> anyhow::Result<Option<&'a mut Vec<Value>>> {
    let Some(hooks) = object.get_mut("hooks") else { return Ok(None) };
    let hooks = hooks.as_object_mut().context("\"hooks\" is not an object; correct it")?;
    let Some(list) = hooks.get_mut(event) else { return Ok(None) };
    Ok(Some(list.as_array_mut().with_context(|| format!("\"hooks.{event}\" is not a list; correct it"))?))
}

/// Takes our own entries out, and what is empty without them.
fn remove(object: &mut JsonObject, event: &str) -> anyhow::Result<()> {
    let Some(groups) = handlers(object, event)? else { return Ok(()) };
    let mut emptied = false;
    for group in groups.iter_mut() {
        if let Some(handlers) = group.get_mut("hooks").and_then(Value::as_array_mut) {
            let count = handlers.len();
            handlers.retain(|h| !is_ours(h));
            emptied |= handlers.len() < count;
        }
    }
    if !emptied {
        return Ok(());
    }
    groups.retain(|g| g.get("hooks").and_then(Value::as_array).is_none_or(|h| !h.is_empty()));
    let none_left = groups.is_empty();
    if let Some(hooks) = object.get_mut("hooks").and_then(Value::as_object_mut).filter(|_| none_left) {
        hooks.shift_remove(event);
        if hooks.is_empty() {
            object.shift_remove("hooks");
        }
    }
    Ok(())
}

fn is_ours(handler: &Value) -> bool {
    handler.get("command").and_then(Value::as_str).is_some_and(agent::starts_hook)
}

/// Adds groups of handlers to an event. An agent that is too old is not told what it does not know.
fn add(object: &mut JsonObject, event: &str, groups: &[Value], blocks: bool) -> anyhow::Result<()> {
    let hooks = object.entry("hooks").or_insert_with(|| json!({}));
    let hooks = hooks.as_object_mut().context("\"hooks\" is not an object; correct it")?;
    let there = hooks.entry(event).or_insert_with(|| json!([]));
    let there =
        there.as_array_mut().with_context(|| format!("\"hooks.{event}\" is not a list; correct it"))?;
    for mut group in groups.iter().cloned() {
        let handlers = group.get_mut("hooks").and_then(Value::as_array_mut);
        for handler in handlers.into_iter().flatten().filter_map(Value::as_object_mut) {
            if !blocks {
                handler.shift_remove(ON_FAILURE);
            }
        }
        there.push(group);
    }
    Ok(())
}

/// The version of Claude Code on PATH.
fn version() -> Option<(u64, u64, u64)> {
    let said = process::output(Command::new("claude").arg("--version"), b"", PATIENCE)?;
    let text = said.stdout;
    let mut numbers = text.split_whitespace().next()?.split('.').map(str::parse::<u64>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_registers_what_install_registers() {
        let plugin: JsonObject =
            serde_json::from_str(include_str!("../../../plugin/hooks/hooks.json")).unwrap();
        let plugin: Vec<_> = events(&plugin).collect();
        let by_name = REGISTRATION.replace("[\"claude\"]", "[\"claude\", \"plugin\"]");
        let ours = filled(&by_name, "rwenv-hook").unwrap();
        assert_eq!(events(&ours).collect::<Vec<_>>(), plugin);
        assert!(plugin.iter().any(|(event, _)| *event == "PreToolUse"));
    }
}
