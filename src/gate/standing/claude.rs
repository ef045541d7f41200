//! Whether Claude Code starts our hook: by the person's settings, a project's, and those that an organisation manages.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::lapse::Lapse;
use super::others;
use crate::base::environment::{Environment, under_home};
use crate::base::{files, program};
use crate::facts::agent;
use crate::setup::{agents, shims};
use rwenv_core::classify;
use rwenv_core::decide::text::escape_and_cut;

/// How the hook is registered, for all events it hears.
const REGISTRATION: &str = include_str!("../../../hooks/claude.json");
/// The event whose calls are judged.
const JUDGED: &str = "PreToolUse";
/// The settings that an organisation manages, on Linux and on macOS (code.claude.com/docs/en/settings).
const MANAGED: [&str; 2] = [
    "/etc/claude-code/managed-settings.json",
    "/Library/Application Support/ClaudeCode/managed-settings.json",
];
/// Shortest time, in seconds, in which the hook surely answers: it ends itself after three.
const SHORTEST: f64 = 5.0;
/// Characters of a path or a setting that are told.
const LONGEST: usize = 160;

/// How the hook is registered in one file of settings.
#[derive(Debug, Default)]
pub struct Registered {
    /// The program calls go to.
    pub hook: Option<PathBuf>,
    /// Events it is not registered for.
    pub missing: Vec<String>,
    /// A call whose hook fails does not run, or the agent is too old to be told so.
    pub blocks_on_failure: bool,
    /// Hooks are switched off.
    pub disabled: bool,
    /// The plugin registers it too.
    pub plugin: bool,
    /// Why the handler of calls does not judge all of them, though it is there.
    pub weak: Option<String>,
}

/// Reads how the hook is registered in the person's own settings.
///
/// # Errors
/// What is wrong with the file, and where.
pub fn registered(environment: &Environment) -> Result<Registered, String> {
    let path = agent::claude_settings(environment);
    let settings = parsed(&path)?;
    for place in ["/hooks", "/hooks/PreToolUse"] {
        let fits = |value: &Value| if place == "/hooks" { value.is_object() } else { value.is_array() };
        if settings.pointer(place).is_some_and(|value| !fits(value)) {
            let name = place.trim_start_matches('/').replace('/', ".");
            let what = if place == "/hooks" { "an object" } else { "a list" };
            return Err(format!("{}: \"{name}\" is not {what}; correct it", path.display()));
        }
    }
    Ok(read(&settings))
}

/// What settings say of the hook.
fn read(settings: &Value) -> Registered {
    let plugins = settings.get("enabledPlugins").and_then(Value::as_object);
    let plugin = plugins
        .into_iter()
        .flatten()
        .any(|(name, on)| name.starts_with("rwenv@") && *on == Value::Bool(true));
    let mut found = Registered { disabled: is_disabled(settings), plugin, ..Registered::default() };
    let wanted: Value = serde_json::from_str(REGISTRATION).unwrap_or_default();
    for (event, wanted) in wanted.get("hooks").and_then(Value::as_object).into_iter().flatten() {
        let matcher = wanted.pointer("/0/matcher").and_then(Value::as_str);
        let groups = settings.get("hooks").and_then(|hooks| hooks.get(event)?.as_array());
        let covers = |group: &&Value| {
            let own = group.get("matcher").and_then(Value::as_str);
            matcher.is_none() || own == matcher || matches!(own, None | Some("" | "*" | ".*"))
        };
        let handlers = groups.into_iter().flatten().filter(covers);
        let ours: Vec<&Value> = handlers
            .filter_map(|group| group.get("hooks")?.as_array())
            .flatten()
            .filter(|handler| handler.get("command").and_then(Value::as_str).is_some_and(agent::starts_hook))
            .collect();
        // Two handlers are as good as the better one.
        let best = ours.iter().find(|handler| weakness(handler).is_none()).or(ours.first());
        let Some(handler) = best else {
            found.missing.push(event.clone());
            continue;
        };
        if event == JUDGED {
            let command = handler.get("command").and_then(Value::as_str).unwrap_or_default();
            found.hook = Some(PathBuf::from(command));
            found.blocks_on_failure = handler.get("onFailure").and_then(Value::as_str) == Some("block");
            found.weak = weakness(handler);
        }
    }
    found
}

/// Why a handler of ours does not judge every call that comes to it.
fn weakness(handler: &Value) -> Option<String> {
    let text = |key: &str| handler.get(key).and_then(Value::as_str);
    if text("type") != Some("command") {
        return Some("its handler is not of the type \"command\"".to_owned());
    }
    if handler.get("async") == Some(&Value::Bool(true)) {
        return Some("\"async\": it runs beside the call, which it cannot stop".to_owned());
    }
    if let Some(condition) = text("if") {
        return Some(format!("\"if\": it only judges {}", escape_and_cut(condition, LONGEST)));
    }
    if let Some(limit) = handler.get("timeout").and_then(Value::as_f64).filter(|limit| *limit < SHORTEST) {
        return Some(format!("\"timeout\": {limit} s are too few, and a call whose hook is late may run"));
    }
    let first = handler.pointer("/args/0").and_then(Value::as_str);
    let command = text("command").unwrap_or_default();
    let word = command.split(' ').nth(1);
    (first.or(word) != Some("claude")).then(|| "it is not started as \"rwenv-hook claude\"".to_owned())
}

fn is_disabled(settings: &Value) -> bool {
    settings.get("disableAllHooks").and_then(Value::as_bool) == Some(true)
}

/// Settings as they are in a file; null where there is none.
fn parsed(path: &Path) -> Result<Value, String> {
    let text = files::read(path).map_err(|error| error.to_string())?.unwrap_or_default();
    match text.trim_start_matches('\u{feff}').trim() {
        "" => Ok(Value::Null),
        text => serde_json::from_str(text)
            .map_err(|e| format!("{}:{}:{}: {e}", path.display(), e.line(), e.column())),
    }
}

/// Where it stands, but for a project's settings.
pub(super) fn files(environment: &Environment) -> Vec<PathBuf> {
    let hook = registered(environment).ok().and_then(|found| found.hook);
    let managed = MANAGED.iter().map(PathBuf::from);
    managed.chain([agent::claude_settings(environment)]).chain(hook).collect()
}

/// What of Claude Code's way to the hook is off.
pub(super) fn lapses(dir: &Path, environment: &Environment) -> Vec<Lapse> {
    if !is_expected(environment) {
        return Vec::new();
    }
    let managed = MANAGED.iter().map(PathBuf::from).find(|path| path.is_file());
    let mut all = user(managed.as_deref(), environment);
    let project = others::project_files(dir, environment)
        .into_iter()
        .filter(|(file, _)| file.parent().is_some_and(|folder| folder.ends_with(".claude")));
    let levels = [Some(agent::claude_settings(environment)), managed].into_iter().flatten();
    for path in levels.chain(project.map(|(file, _)| file)) {
        let Ok(settings) = parsed(&path) else { continue };
        all.extend(unset(&path, &settings, environment));
    }
    all
}

/// True where Claude Code was given the hook, as far as is known.
fn is_expected(environment: &Environment) -> bool {
    match agents::given(environment) {
        Some(given) => given.iter().any(|agent| agent == agents::CLAUDE) || is_plugged(environment),
        // Before there was a list, shims were made with the hook, and went with it.
        None => {
            let others = || agents::OTHERS.iter().any(|(_, file)| others::lines(file, environment).is_some());
            is_plugged(environment)
                || (shims::folder(environment).is_dir()
                    && (agent::claude_settings(environment).exists() || !others()))
        }
    }
}

/// True where the plugin is on.
fn is_plugged(environment: &Environment) -> bool {
    parsed(&agent::claude_settings(environment)).is_ok_and(|settings| read(&settings).plugin)
}

/// What is off by the person's settings and those that are managed.
fn user(managed: Option<&Path>, environment: &Environment) -> Vec<Lapse> {
    let path = agent::claude_settings(environment);
    let shown = escape_and_cut(&under_home(&path), LONGEST);
    let above = managed.and_then(|path| parsed(path).ok()).unwrap_or_default();
    let of_managed = read(&above);
    if of_managed.disabled {
        let file = managed.map(under_home).unwrap_or_default();
        let says = format!("{file} switches all hooks off: Claude Code asks nobody");
        return vec![Lapse::new("hook", says, "have the organisation's settings register the hook")];
    }
    if above.get("allowManagedHooksOnly").and_then(Value::as_bool) == Some(true) {
        if of_managed.hook.is_some() && of_managed.weak.is_none() {
            return Vec::new();
        }
        let file = managed.map(under_home).unwrap_or_default();
        let says = format!("{file} allows managed hooks only: Claude Code does not start yours");
        return vec![Lapse::new("hook", says, "have the organisation's settings register the hook")];
    }
    if of_managed.hook.is_some() && of_managed.weak.is_none() {
        return Vec::new();
    }
    let found = match registered(environment) {
        Ok(found) => found,
        Err(error) => {
            let says = format!("Claude Code cannot read its settings and starts no hook: {error}");
            return vec![Lapse::new(
                "hook",
                escape_and_cut(&says, 2 * LONGEST),
                "correct the file, then: rwenv install",
            )];
        }
    };
    if found.disabled {
        let fix = format!("remove \"disableAllHooks\" from {shown}");
        return vec![Lapse::new(
            "hook",
            format!("{shown} switches all hooks off: Claude Code asks nobody"),
            fix,
        )];
    }
    let Some(hook) = &found.hook else {
        if found.plugin {
            return Vec::new();
        }
        let says = format!("{shown} does not register the hook: Claude Code asks nobody");
        return vec![Lapse::new("hook", says, "rwenv install")];
    };
    let shown_hook = escape_and_cut(&under_home(hook), LONGEST);
    if !program::runs(hook) && !hook.to_string_lossy().contains(' ') {
        let says =
            format!("the hook that {shown} registers is not there, or cannot be started: {shown_hook}");
        return vec![Lapse::new("hook", says, "rwenv install")];
    }
    if let Some(weak) = &found.weak {
        let says = format!("{shown} registers the hook so that it does not judge every call: {weak}");
        return vec![Lapse::new("hook", says, "rwenv install")];
    }
    if !found.missing.is_empty() {
        let says = format!("{shown} no longer registers the hook for {}", found.missing.join(", "));
        return vec![Lapse::new("hook", says, "rwenv install")];
    }
    Vec::new()
}

/// Variables that settings set, and that take Claude Code or its hook elsewhere.
fn unset(path: &Path, settings: &Value, environment: &Environment) -> Option<Lapse> {
    let set = settings.get("env").and_then(Value::as_object)?;
    let unguards = classify::tools().tool("claude").map(|tool| tool.env.unguards).unwrap_or_default();
    let is_off = |value: &str| matches!(value, "" | "0" | "false");
    let (name, _) = set.iter().find(|(name, value)| {
        let value = value.as_str().unwrap_or_default();
        match name.as_str() {
            "RWENV_CONFIG_DIR" => Path::new(value) != environment.config_dir,
            name => name.starts_with("CLAUDE_") && unguards.contains(&name) && !is_off(value),
        }
    })?;
    let shown = escape_and_cut(&under_home(path), LONGEST);
    let says = format!(
        "{shown} sets {}: the hook is not asked, or asked by other settings",
        escape_and_cut(name, LONGEST)
    );
    Some(Lapse::new("hook", says, format!("remove \"{}\" from \"env\" there", escape_and_cut(name, LONGEST))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(managed: &str) -> Vec<String> {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::at(home.path());
        let file = home.path().join("managed.json");
        std::fs::write(&file, managed).unwrap();
        let all = user(Some(&file), &environment);
        all.into_iter().map(|lapse| lapse.says).collect()
    }

    #[test]
    fn settings_of_an_organisation_can_hold_the_hook_or_drop_it() {
        assert!(told(r#"{"disableAllHooks": true}"#).concat().contains("switches all hooks off"));
        let only = r#"{"allowManagedHooksOnly": true}"#;
        assert!(told(only).concat().contains("managed hooks only"), "{:?}", told(only));
        let own = REGISTRATION.replace("@RWENV_HOOK@", "/opt/rwenv-hook");
        assert_eq!(told(&own), Vec::<String>::new());
        assert_eq!(told(&own.replacen('{', "{\"allowManagedHooksOnly\": true,", 1)), Vec::<String>::new());
        assert!(told("{}").concat().contains("does not register the hook"));
    }
}
