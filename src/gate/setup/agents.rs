//! Where agents keep what starts our hook, and the list of those that were given it: one that has lost it since is told.

use std::path::PathBuf;

use crate::base::environment::Environment;
use crate::base::files::{self, FileError};

/// Claude Code, as the list names it.
pub const CLAUDE: &str = "claude";
/// Codex' file of hooks, from the home directory.
pub const CODEX: &str = ".codex/hooks.json";
/// Gemini CLI's settings, from the home directory.
pub const GEMINI: &str = ".gemini/settings.json";
/// Cursor's file of hooks, from the home directory.
pub const CURSOR: &str = ".cursor/hooks.json";
/// The file of hooks that is ours alone in Copilot CLI's folder, from the home directory.
pub const COPILOT: &str = ".copilot/hooks/rwenv.json";
/// Our plugin for OpenCode, from the home directory.
pub const OPENCODE: &str = ".config/opencode/plugins/rwenv.js";
/// The agents beside Claude Code, each with its file.
pub const OTHERS: [(&str, &str); 5] =
    [("codex", CODEX), ("gemini", GEMINI), ("cursor", CURSOR), ("copilot", COPILOT), ("opencode", OPENCODE)];

/// The list.
fn path(environment: &Environment) -> PathBuf {
    environment.config_dir.join("run/agents")
}

/// The agents that were given the hook; none where no list was ever kept.
#[must_use]
pub fn given(environment: &Environment) -> Option<Vec<String>> {
    let text = files::read(&path(environment)).ok()??;
    Some(text.lines().map(str::to_owned).collect())
}

/// Puts an agent on the list, or takes it off.
///
/// # Errors
/// Where the system says no.
pub fn note(agent: &str, is_given: bool, environment: &Environment) -> Result<(), FileError> {
    let there = given(environment).unwrap_or_default();
    if there.iter().any(|known| known == agent) == is_given {
        return Ok(());
    }
    let _lock = files::lock(&environment.config_dir)?;
    let mut all: Vec<String> = given(environment).unwrap_or_default();
    all.retain(|known| known != agent);
    all.extend(is_given.then(|| agent.to_owned()));
    all.sort_unstable();
    let file = path(environment);
    files::make_private_dir(file.parent().unwrap_or(&file))?;
    files::write(&file, &all.iter().map(|agent| format!("{agent}\n")).collect::<String>(), 0o600)
}
