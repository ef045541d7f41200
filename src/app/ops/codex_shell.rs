//! The variable by which Codex' shells get what their session is given: `BASH_ENV`, in its own settings.
//!
//! The settings are TOML that a person writes, so nothing but one table of ours is put at their end, and taken out again.

use anyhow::Context as _;
use toml::Table;

use super::registration::place;
use rwenv_gate::base::environment::{Environment, under_home};
use rwenv_gate::base::files;
use rwenv_gate::doors::session::shell_start;

/// Codex' settings, from the home directory.
const SETTINGS: &str = ".codex/config.toml";

/// Puts the variable there, or takes it away. Says what a person has to do, where the settings have such a table already.
///
/// # Errors
/// If the settings cannot be read or written, or are not TOML.
pub(super) fn set(wanted: bool, environment: &Environment) -> anyhow::Result<Option<String>> {
    let start = environment.config_dir.join("session.sh");
    let path = environment.home.join(SETTINGS);
    let name = start.to_str().context("the path of rwenv's settings is not valid UTF-8")?;
    let ours = format!(
        "# Made by rwenv install: a session's shims and kubeconfig, read by bash before each command.\n[shell_environment_policy.set]\nBASH_ENV = {}\n",
        toml::Value::from(name)
    );
    let before = files::read(&path)?.unwrap_or_default();
    let others = before.replace(&format!("\n{ours}"), "").replace(&ours, "");
    let shown = under_home(&path);
    let table: Table = toml::from_str(&others).with_context(|| format!("{shown}: nothing was changed"))?;
    let taken = table.get("shell_environment_policy").and_then(|policy| policy.get("set"));
    let is_set = taken.and_then(|set| set.get("BASH_ENV")).and_then(toml::Value::as_str) == Some(name);
    let then = match (wanted, taken) {
        (true, None) if others.is_empty() => ours,
        (true, None) => format!("{}\n\n{ours}", others.trim_end()),
        _ => others,
    };
    if then != before {
        place(&path, (!then.is_empty()).then_some(then.as_str()))?;
    }
    place(&start, wanted.then(|| shell_start(environment)).as_deref())?;
    let line = format!("BASH_ENV = {}", toml::Value::from(name));
    Ok(match (wanted, taken.is_some(), is_set) {
        (true, true, false) => Some(format!(
            "{shown} has a table shell_environment_policy.set of its own: add {line} there, and commands get the session's shims and kubeconfig"
        )),
        (false, _, true) => Some(format!("{shown} still sets BASH_ENV for rwenv: take {line} out")),
        _ => None,
    })
}
