//! The hook's own place in the agent's settings. A change that would take it out of a running session is not taken over by
//! that session; what the file says counts for the next one, which a person starts.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::base::environment::{Environment, var};
use crate::base::files;
use crate::doors::Reply;
use crate::facts::{self, agent};
use crate::ledger::audit::{self, Caller};
use crate::setup::shims;
use crate::wire::claude::{ConfigChange, Event};
use rwenv_core::decide;

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
    let context = facts::context(event.cwd.as_deref(), environment);
    let Some((path, why)) = lost(changed, by_plugin, &context.cwd, environment) else {
        return Reply::silent();
    };
    let verdict = decide::hook_lost(&path.display().to_string(), why);
    let command = format!("ConfigChange {}", path.display());
    let session = event.session_id.as_deref();
    let call = audit::AuditedCall {
        door: "claude",
        caller: Caller { session, ..Caller::default() },
        cwd: &context.cwd,
        command: &command,
        rwenvs: &[],
        effects: &[],
    };
    let _ = audit::append(call, &verdict, environment);
    Reply::block(&decide::text::reasons_text(&verdict))
}

/// Why the hook would no longer run, if so, and the file that says it. Whatever file has changed, the session reads all of them anew: also one whose
/// change it did not take over before.
fn lost(
    changed: &ConfigChange<'_>,
    by_plugin: bool,
    cwd: &str,
    environment: &Environment,
) -> Option<(PathBuf, &'static str)> {
    let own = agent::claude_settings(environment);
    let path = changed.file_path.as_deref().map_or_else(|| own.clone(), PathBuf::from);
    let is_own = changed.source.as_deref() == Some("user_settings") || path == own;
    let project = var("CLAUDE_PROJECT_DIR").map_or_else(|| PathBuf::from(cwd), PathBuf::from).join(".claude");
    let mut all = vec![if is_own { path.clone() } else { own }];
    all.extend(["settings.json", "settings.local.json"].map(|name| project.join(name)));
    if !all.contains(&path) {
        all.push(path.clone());
    }
    let user = all.first().cloned().unwrap_or_default();
    let mut registered = false;
    for file in all {
        match parsed(&file) {
            Some(settings) => {
                if let Some(why) = switches_off(&settings, by_plugin) {
                    return Some((file, why));
                }
                registered |= is_registered(&settings);
            }
            // Others that cannot be read say nothing to the session either.
            None if file == path || file == user => return Some((file, "it is not valid JSON")),
            None => {}
        }
    }
    // What a person has uninstalled has no shims any more.
    let installed = !by_plugin && shims::folder(environment).is_dir();
    (installed && !registered).then_some((user, "it no longer registers rwenv's hook"))
}

/// Settings as they are in a file; none where they are no JSON.
fn parsed(path: &Path) -> Option<Value> {
    let text = files::read(path).ok().flatten().unwrap_or_default();
    match text.trim_start_matches('\u{feff}').trim() {
        "" => Some(Value::Null),
        text => serde_json::from_str(text).ok(),
    }
}

/// How settings switch the hook off, if they do.
fn switches_off(settings: &Value, by_plugin: bool) -> Option<&'static str> {
    if settings.get("disableAllHooks").and_then(Value::as_bool) == Some(true) {
        return Some("it disables all hooks");
    }
    let mut plugins = settings.get("enabledPlugins").and_then(Value::as_object).into_iter().flatten();
    let off = plugins.any(|(name, on)| name.starts_with(PLUGIN) && on.as_bool() == Some(false));
    (by_plugin && off).then_some("it disables rwenv's plugin")
}

/// True where some handler of calls is ours.
fn is_registered(settings: &Value) -> bool {
    let groups = settings.pointer("/hooks/PreToolUse").and_then(Value::as_array);
    let handlers = groups.into_iter().flatten().filter_map(|group| group.get("hooks")?.as_array()).flatten();
    let mut commands = handlers.filter_map(|handler| handler.get("command")?.as_str());
    commands.any(agent::starts_hook)
}
