//! `rwenv install`: the hook in Claude Code's user settings, and out of them again.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::args::{Dialect, Install};
use super::{agents, hooks, out};
use rwenv_core::decide::quoted;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::{clock, files, process};
use rwenv_gate::doors::session::path_line;
use rwenv_gate::facts::agent;
use rwenv_gate::setup::shims;

/// The event whose calls are judged.
const JUDGED: &str = "PreToolUse";
/// All events the hook is registered for: calls, the session's environment, a person speaking, and settings that change.
const EVENTS: [&str; 5] = [JUDGED, "SessionStart", "CwdChanged", "UserPromptSubmit", "ConfigChange"];
/// The tools whose calls are judged.
const MATCHER: &str = "^(Bash|PowerShell|Monitor|Write|Edit|MultiEdit|NotebookEdit|mcp__.*)$";
/// Seconds the agent waits; the hook's own deadline is shorter.
const TIMEOUT: u64 = 5;
/// Longest wait for the agent's version.
const CLAUDE: Duration = Duration::from_secs(10);
/// First version that blocks a call whose hook fails, where it is told to.
const KNOWS_ON_FAILURE: (u64, u64, u64) = (2, 1, 295);

#[derive(Serialize)]
struct Done<'a> {
    settings: &'a Path,
    changed: bool,
    backup: Option<&'a Path>,
    hook: Option<&'a Path>,
    shims_dir: &'a Path,
    /// Those that were made now.
    shims: Vec<&'static str>,
}

pub(super) fn install(args: &Install, environment: &Environment) -> anyhow::Result<u8> {
    let settings = agent::claude_settings(environment);
    let hook = if args.uninstall { None } else { Some(hook_program(args.hook.as_deref())?) };
    let text = files::read(&settings)?;
    let mut object: Map<String, Value> = match text.as_deref().map(|t| t.trim_start_matches('\u{feff}')) {
        None => Map::new(),
        Some(text) if text.trim().is_empty() => Map::new(),
        Some(text) => serde_json::from_str(text).map_err(|e| {
            anyhow::anyhow!(
                "{}:{}:{}: {e}; correct the JSON there, nothing was changed",
                settings.display(),
                e.line(),
                e.column()
            )
        })?,
    };
    let before = object.clone();
    let version = hook.as_ref().and_then(|_| claude_version());
    for event in EVENTS {
        remove(&mut object, event).with_context(|| format!("{}: nothing was changed", settings.display()))?;
        if let Some(hook) = &hook {
            add(&mut object, event, hook, version.is_some_and(|v| v >= KNOWS_ON_FAILURE))?;
        }
    }
    let shims = match &hook {
        Some(hook) => shims::install(hook, environment)?,
        None => {
            shims::remove(environment)?;
            for settings in agents::remove_all(environment)? {
                out::note(&format!("the hook is removed from {}", settings.display()));
            }
            for folder in hooks::remove_all(environment)? {
                out::note(&format!("the Git hook is removed from {}", folder.display()));
            }
            Vec::new()
        }
    };
    let changed = object != before;
    let backup = if changed { write(&settings, text.as_deref(), &object)? } else { None };
    let folder = shims::folder(environment);
    let (backup, hook) = (backup.as_deref(), hook.as_deref());
    tell(args, &Done { settings: &settings, changed, backup, hook, shims_dir: &folder, shims })
}

pub(super) fn hook_program(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = match given {
        Some(path) => environment::current_dir().join(path),
        None => std::env::current_exe()?.with_file_name("rwenv-hook"),
    };
    if !path.is_file() {
        bail!(
            "{}: there is no hook program; build and place it with ./install.sh, or name it with --hook",
            path.display()
        );
    }
    Ok(path)
}

/// The list of handlers of an event, if there is one. Settings of another shape are left alone.
fn handlers<'a>(
    object: &'a mut Map<String, Value>,
    event: &str,
) -> anyhow::Result<Option<&'a mut Vec<Value>>> {
    let Some(hooks) = object.get_mut("hooks") else { return Ok(None) };
    let hooks = hooks.as_object_mut().context("\"hooks\" is not an object; correct it")?;
    let Some(list) = hooks.get_mut(event) else { return Ok(None) };
    Ok(Some(list.as_array_mut().with_context(|| format!("\"hooks.{event}\" is not a list; correct it"))?))
}

/// How the hook is registered.
#[derive(Debug, Default)]
pub(super) struct Registered {
    /// The program calls go to.
    pub(super) hook: Option<PathBuf>,
    /// Events it is not registered for.
    pub(super) missing: Vec<&'static str>,
    /// A call whose hook fails does not run, or the agent is too old to be told so.
    pub(super) blocks_on_failure: bool,
    /// Hooks are switched off.
    pub(super) disabled: bool,
    /// The plugin registers it too.
    pub(super) plugin: bool,
}

/// Reads how the hook is registered.
pub(super) fn registered(environment: &Environment) -> anyhow::Result<Registered> {
    let path = agent::claude_settings(environment);
    let text = files::read(&path)?.unwrap_or_default();
    let text = text.trim_start_matches('\u{feff}');
    let mut object: Map<String, Value> = if text.trim().is_empty() {
        Map::new()
    } else {
        serde_json::from_str(text)
            .map_err(|e| anyhow::anyhow!("{}:{}:{}: {e}", path.display(), e.line(), e.column()))?
    };
    let disabled = object.get("disableAllHooks").and_then(Value::as_bool) == Some(true);
    let plugins = object.get("enabledPlugins").and_then(Value::as_object);
    let plugin = plugins
        .into_iter()
        .flatten()
        .any(|(name, on)| name.starts_with("rwenv@") && *on == Value::Bool(true));
    let mut found = Registered { disabled, plugin, ..Registered::default() };
    for event in EVENTS {
        let groups = handlers(&mut object, event)?.cloned().unwrap_or_default();
        let ours = groups.iter().filter(|group| {
            let matcher = group.get("matcher").and_then(Value::as_str).unwrap_or("*");
            event != JUDGED || matcher == MATCHER || matches!(matcher, "" | "*")
        });
        let all = ours.filter_map(|group| group.get("hooks").and_then(Value::as_array)).flatten();
        let Some(handler) = all.into_iter().find(|handler| is_ours(handler)) else {
            found.missing.push(event);
            continue;
        };
        if event == JUDGED {
            let command = handler.get("command").and_then(Value::as_str).unwrap_or_default();
            found.hook = Some(PathBuf::from(command));
            found.blocks_on_failure = handler.get("onFailure").and_then(Value::as_str) == Some("block");
        }
    }
    Ok(found)
}

/// Takes our own entries out, and what is empty without them.
fn remove(object: &mut Map<String, Value>, event: &str) -> anyhow::Result<()> {
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

fn add(
    object: &mut Map<String, Value>,
    event: &str,
    hook: &Path,
    block_on_failure: bool,
) -> anyhow::Result<()> {
    let command = hook.to_str().context("the path of the hook is not valid UTF-8")?;
    let judges = event == JUDGED;
    // With `args` the agent starts the program itself; without, it would start a shell first.
    let mut handler =
        json!({ "type": "command", "command": command, "args": ["claude"], "timeout": TIMEOUT });
    if block_on_failure
        && judges
        && let Some(handler) = handler.as_object_mut()
    {
        handler.insert("onFailure".to_owned(), "block".into());
    }
    let hooks = object.entry("hooks").or_insert_with(|| json!({}));
    let hooks = hooks.as_object_mut().context("\"hooks\" is not an object; correct it")?;
    let groups = hooks.entry(event).or_insert_with(|| json!([]));
    let groups =
        groups.as_array_mut().with_context(|| format!("\"hooks.{event}\" is not a list; correct it"))?;
    groups.push(if judges {
        json!({ "matcher": MATCHER, "hooks": [handler] })
    } else {
        json!({ "hooks": [handler] })
    });
    Ok(())
}

pub(super) fn shellenv(shell: Dialect, environment: &Environment) -> anyhow::Result<u8> {
    let folder = shims::folder(environment);
    if !folder.is_dir() {
        bail!("{}: there are no shims; rwenv install makes them", folder.display());
    }
    let dir = folder.to_str().context("the path of the shims is not valid UTF-8")?;
    out::line(&match shell {
        Dialect::Posix => path_line(dir),
        Dialect::Fish => format!("fish_add_path --path --move --prepend {}", quoted(dir)),
    });
    Ok(0)
}

/// Writes the settings; the old ones are kept beside them.
fn write(path: &Path, old: Option<&str>, new: &Map<String, Value>) -> anyhow::Result<Option<PathBuf>> {
    if let Some(folder) = path.parent() {
        files::make_private_dir(folder)?;
    }
    let backup = old.map(|_| {
        let stamp = clock::rfc3339(clock::now()).replace([':', '-', '.'], "");
        path.with_file_name(format!("settings.json.before-rwenv-{stamp}"))
    });
    if let (Some(backup), Some(old)) = (&backup, old) {
        files::write(backup, old, 0o600)?;
    }
    files::write(path, &format!("{}\n", serde_json::to_string_pretty(new)?), 0o600)?;
    Ok(backup)
}

/// The version of Claude Code on PATH.
pub(super) fn claude_version() -> Option<(u64, u64, u64)> {
    let said = process::output(Command::new("claude").arg("--version"), b"", CLAUDE)?;
    let text = said.stdout;
    let mut numbers = text.split_whitespace().next()?.split('.').map(str::parse::<u64>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn tell(args: &Install, done: &Done<'_>) -> anyhow::Result<u8> {
    if args.output.json {
        out::json(done)?;
        return Ok(0);
    }
    let settings = done.settings.display();
    match (done.changed, done.hook) {
        (true, Some(hook)) => out::line(&format!("{} is registered in {settings}", hook.display())),
        (false, Some(hook)) => out::line(&format!("{} is registered in {settings} already", hook.display())),
        (true, None) => out::line(&format!("the hook is removed from {settings}")),
        (false, None) => out::line(&format!("the hook is not in {settings}")),
    }
    if !done.shims.is_empty() {
        out::line(&format!("shims for {} are in {}", done.shims.join(", "), done.shims_dir.display()));
    }
    if let Some(backup) = done.backup {
        out::line(&format!("the old settings are in {}", backup.display()));
    }
    Ok(0)
}
