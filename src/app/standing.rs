//! Whether the guard stands: what `rwenv_gate::standing` tells, and what takes TOML or git to tell.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::{clock, files};
use rwenv_gate::facts::policies::{self, FileMark};
use rwenv_gate::ledger::audit::{self, MachineStanding};
use rwenv_gate::standing::{self, Lapse, SwitchedOff};

/// Codex' settings, of a person or a project, in which `features.hooks = false` counts.
const CODEX: &str = ".codex/config.toml";

/// What of the guard is off for a directory.
#[must_use]
pub fn lapses(dir: &Path, environment: &Environment) -> Vec<Lapse> {
    let mut all = standing::lapses(dir, environment);
    all.extend(slow(dir, environment));
    all
}

/// The same without what the daemon knows of itself, and without what is so in one terminal only.
#[must_use]
pub fn reached(dir: &Path, environment: &Environment) -> Vec<Lapse> {
    let mut all = standing::reached(dir, environment);
    all.extend(slow(dir, environment));
    all
}

/// How the guard stands on this machine, without what is off.
#[must_use]
pub fn of_machine(environment: &Environment) -> MachineStanding {
    // Those of the organisation and of the person; a project's are its own.
    let marks = policies::marks(&policies::folders("/", environment));
    let newest = marks.iter().map(FileMark::written).max();
    MachineStanding {
        machine: audit::machine(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        policy_files: marks.len(),
        policies: newest.map(|seconds| clock::rfc3339(Duration::from_secs(seconds))),
        off: Vec::new(),
    }
}

/// The files and folders that say whether the doors are reached, for these projects.
#[must_use]
pub fn files(dirs: &[PathBuf], environment: &Environment) -> Vec<PathBuf> {
    let mut all = standing::files(dirs, environment);
    all.push(environment.home.join(CODEX));
    for dir in dirs {
        all.extend(dir.ancestors().take_while(|dir| **dir != environment.home).map(|dir| dir.join(CODEX)));
    }
    all
}

fn slow(dir: &Path, environment: &Environment) -> Vec<Lapse> {
    let mut all: Vec<Lapse> = codex(dir, environment).iter().map(SwitchedOff::lapse).collect();
    let file = environment.home.join(CODEX);
    if are_hooks_off(&file) {
        let says = format!("{} switches codex's hooks off", environment::under_home(&file));
        all.push(Lapse::new("agent", says, "codex features enable hooks"));
    }
    all.extend(standing::hooks_elsewhere(dir, environment));
    all
}

/// Files at a directory, or above it, that switch an agent's hooks off.
#[must_use]
pub fn switched_off(dir: &Path, environment: &Environment) -> Vec<SwitchedOff> {
    let mut found = standing::switched_off(dir, environment);
    found.extend(codex(dir, environment));
    found
}

/// Codex' part of it. What is in the home folder is the person's own.
fn codex(dir: &Path, environment: &Environment) -> Vec<SwitchedOff> {
    let files = dir.ancestors().take_while(|dir| **dir != environment.home).map(|dir| dir.join(CODEX));
    files.filter(|file| are_hooks_off(file)).map(|file| SwitchedOff { file, agents: "Codex" }).collect()
}

/// True for settings of Codex that switch hooks off.
fn are_hooks_off(file: &Path) -> bool {
    let settings = files::read(file).ok().flatten().and_then(|text| text.parse::<toml::Table>().ok());
    settings.as_ref().and_then(|settings| settings.get("features")?.get("hooks")?.as_bool()) == Some(false)
}
