//! The hook's own place in the agent's settings. A change that would take it out of a running session is not taken over by
//! that session; what the file says counts for the next one, which a person starts.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::base::environment::Environment;
use crate::base::files;
use crate::doors::Reply;
use crate::facts::{self, agent};
use crate::ledger::audit;
use crate::setup::shims;
use crate::wire::claude::{ConfigChange, Event};
use rwenv_core::decide;

/// What registers the hook, as far as a file of settings is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Registration {
    /// This file.
    Here,
    /// rwenv's plugin, which a file can switch off.
    Plugin,
    /// Another file.
    Elsewhere,
}

/// The name the hook has in a marketplace, before its marketplace's.
const PLUGIN: &str = "rwenv@";

/// Answers that settings have changed.
pub(super) fn changed(
    event: &Event<'_>,
    changed: &ConfigChange<'_>,
    by_plugin: bool,
    environment: &Environment,
) -> Reply {
    let source = changed.source.as_deref().unwrap_or_default();
    // An organisation's settings cannot be refused, and skills are none.
    if matches!(source, "policy_settings" | "skills") {
        return Reply::silent();
    }
    let own = agent::claude_settings(environment);
    let path = changed.file_path.as_deref().map_or_else(|| own.clone(), PathBuf::from);
    let registration = match by_plugin {
        true => Registration::Plugin,
        false if source == "user_settings" || path == own => Registration::Here,
        false => Registration::Elsewhere,
    };
    // What a person has uninstalled has no shims any more.
    if registration == Registration::Here && !shims::folder(environment).is_dir() {
        return Reply::silent();
    }
    let Some(why) = lost(&path, registration) else { return Reply::silent() };
    let verdict = decide::hook_lost(&path.display().to_string(), why);
    let context = facts::context(event.cwd.as_deref(), environment);
    let command = format!("ConfigChange {}", path.display());
    let session = event.session_id.as_deref();
    let call = audit::AuditedCall {
        door: "claude",
        session,
        cwd: &context.cwd,
        command: &command,
        rwenvs: &[],
        effects: &[],
    };
    let _ = audit::append(call, &verdict, environment);
    Reply::block(&decide::text::reasons_text(&verdict))
}

/// Why the hook would no longer run with these settings, if so.
fn lost(path: &Path, registration: Registration) -> Option<&'static str> {
    let text = files::read(path).ok()?.unwrap_or_default();
    let text = text.trim_start_matches('\u{feff}').trim();
    let settings: Value = match text {
        "" => Value::Null,
        text => match serde_json::from_str(text) {
            Ok(settings) => settings,
            Err(_) => return Some("it is not valid JSON"),
        },
    };
    if settings.get("disableAllHooks").and_then(Value::as_bool) == Some(true) {
        return Some("it disables all hooks");
    }
    match registration {
        Registration::Plugin => {
            let mut plugins = settings.get("enabledPlugins").and_then(Value::as_object).into_iter().flatten();
            let off = plugins.any(|(name, on)| name.starts_with(PLUGIN) && on.as_bool() == Some(false));
            off.then_some("it disables rwenv's plugin")
        }
        Registration::Here => (!is_registered(&settings)).then_some("it no longer registers rwenv's hook"),
        Registration::Elsewhere => None,
    }
}

/// True where some handler of calls is ours.
fn is_registered(settings: &Value) -> bool {
    let groups = settings.pointer("/hooks/PreToolUse").and_then(Value::as_array);
    let handlers = groups.into_iter().flatten().filter_map(|group| group.get("hooks")?.as_array()).flatten();
    let mut commands = handlers.filter_map(|handler| handler.get("command")?.as_str());
    commands.any(agent::starts_hook)
}
