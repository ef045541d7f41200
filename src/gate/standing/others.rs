//! Whether the agents beside Claude Code start our hook, and which projects switch an agent's hooks off.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::lapse::Lapse;
use crate::base::environment::{Environment, under_home};
use crate::base::{files, program};
use crate::setup::agents;
use rwenv_core::decide::text::escape_and_cut;

/// Files of a project in which `disableAllHooks` counts, and for whom.
const SWITCHES: [(&str, &str); 4] = [
    (".claude/settings.json", "Claude Code and Copilot CLI"),
    (".claude/settings.local.json", "Claude Code"),
    (".github/copilot/settings.json", "Copilot CLI"),
    (".github/copilot/settings.local.json", "Copilot CLI"),
];
/// Gemini CLI's settings, of a person or a project, and the settings that switch hooks off there.
const GEMINI: (&str, [&str; 3]) =
    (agents::GEMINI, ["/hooksConfig/enabled", "/hooks/enabled", "/tools/enableHooks"]);

/// The texts in an agent's file that name our hook; none where the file is not there.
pub(super) fn lines(file: &str, environment: &Environment) -> Option<Vec<String>> {
    let text = files::read(&environment.home.join(file)).ok().flatten()?;
    let lines = match serde_json::from_str::<Value>(&text) {
        Ok(value) => named(&value),
        // OpenCode's is a program.
        Err(_) if file == agents::OPENCODE => {
            let hook = text.split_once("const HOOK = \"").and_then(|(_, rest)| rest.split_once('"'));
            hook.map(|(hook, _)| vec![hook.to_owned()]).unwrap_or_default()
        }
        Err(_) => Vec::new(),
    };
    Some(lines.into_iter().filter(|line| !line.ends_with(" session")).collect())
}

fn named(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if hook_in(text).is_some() => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(named).collect(),
        Value::Object(fields) => fields.values().flat_map(named).collect(),
        _ => Vec::new(),
    }
}

/// The path of our hook in a line that starts it.
fn hook_in(line: &str) -> Option<PathBuf> {
    let line = line.trim_start();
    let word = match line.strip_prefix('\'') {
        Some(rest) => rest.split('\'').next(),
        None => line.split(' ').next(),
    }?;
    Path::new(word).file_name().is_some_and(|name| name == "rwenv-hook").then(|| PathBuf::from(word))
}

/// Where it stands with them, and for all agents in these projects.
pub(super) fn files(dirs: &[PathBuf], environment: &Environment) -> Vec<PathBuf> {
    let own = agents::OTHERS.iter().map(|(_, file)| environment.home.join(file));
    let projects = dirs.iter().flat_map(|dir| {
        let (gemini, _) = GEMINI;
        let above = dir.ancestors().take_while(|dir| **dir != environment.home);
        let own = project_files(dir, environment).into_iter().map(|(file, _)| file);
        own.chain(above.map(move |dir| dir.join(gemini))).collect::<Vec<_>>()
    });
    own.chain(projects).collect()
}

/// What is off with the agents that were given the hook.
pub(super) fn lapses(environment: &Environment) -> Vec<Lapse> {
    let given = agents::given(environment).unwrap_or_default();
    let ours = agents::OTHERS.iter().filter(|(name, _)| given.iter().any(|given| given == name));
    ours.filter_map(|(name, file)| lapse(name, file, environment)).collect()
}

fn lapse(name: &str, file: &str, environment: &Environment) -> Option<Lapse> {
    let path = environment.home.join(file);
    let shown = escape_and_cut(&under_home(&path), 160);
    let install = format!("rwenv install --agent {name}");
    let lines = lines(file, environment).unwrap_or_default();
    let Some(line) = lines.first() else {
        return Some(Lapse::new("agent", format!("{shown} does not register the hook with {name}"), install));
    };
    let hook = hook_in(line).or_else(|| (file == agents::OPENCODE).then(|| PathBuf::from(line)))?;
    if !program::runs(&hook) {
        let says = format!("the hook that {shown} registers is not there, or cannot be started");
        return Some(Lapse::new("agent", says, install));
    }
    let (settings, switches) = GEMINI;
    let off = file == settings && setting_off(&path, &switches).is_some();
    off.then(|| {
        Lapse::new("agent", format!("{shown} switches {name}'s hooks off"), "switch its hooks on there")
    })
}

/// The first of these settings that is false in a file.
fn setting_off<'s>(path: &Path, switches: &[&'s str]) -> Option<&'s str> {
    let settings = value(path)?;
    switches.iter().find(|switch| settings.pointer(switch) == Some(&Value::Bool(false))).copied()
}

fn value(path: &Path) -> Option<Value> {
    serde_json::from_str(&files::read(path).ok()??).ok()
}

/// A file of a project that switches an agent's hooks off.
#[derive(Clone, Debug)]
pub struct SwitchedOff {
    /// The file.
    pub file: PathBuf,
    /// Whose hooks.
    pub agents: &'static str,
}

impl SwitchedOff {
    /// What that means.
    #[must_use]
    pub fn says(&self) -> String {
        let file = escape_and_cut(&under_home(&self.file), 160);
        format!("{file} switches the hooks of {} off: there it works without the guard", self.agents)
    }

    /// The same, with what to do.
    #[must_use]
    pub fn lapse(&self) -> Lapse {
        Lapse::new("project", self.says(), "remove that setting, or trust no agent in this project")
    }
}

/// Files at a directory, or above it, in which an agent's hooks may be switched off, and for whom. What is in the home folder is the
/// person's own.
pub(super) fn project_files(dir: &Path, environment: &Environment) -> Vec<(PathBuf, &'static str)> {
    let above = dir.ancestors().take_while(|dir| **dir != environment.home);
    above.flat_map(|dir| SWITCHES.map(|(name, agents)| (dir.join(name), agents))).collect()
}

/// Files at a directory, or above it, that switch an agent's hooks off. Codex' settings are TOML, which nothing here reads.
#[must_use]
pub fn switched_off(dir: &Path, environment: &Environment) -> Vec<SwitchedOff> {
    let disables = |(file, _): &(PathBuf, &str)| {
        value(file).is_some_and(|settings| settings.get("disableAllHooks") == Some(&Value::Bool(true)))
    };
    let all = project_files(dir, environment).into_iter().filter(disables);
    let mut found: Vec<SwitchedOff> = all.map(|(file, agents)| SwitchedOff { file, agents }).collect();
    let (name, switches) = GEMINI;
    for dir in dir.ancestors().take_while(|dir| **dir != environment.home) {
        let file = dir.join(name);
        if setting_off(&file, &switches).is_some() {
            found.push(SwitchedOff { file, agents: "Gemini CLI" });
        }
    }
    found
}
