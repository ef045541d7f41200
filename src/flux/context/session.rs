//! A session's state: one file, which no other session writes.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ContextError;
use super::project::Project;
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::{self, FileError, Lock};

/// The checkpoints, in their order.
pub(super) const CHECKPOINTS: [&str; 6] = [
    "session_initialized",
    "project_analyzed",
    "context7_flux_loaded",
    "documentation_loaded",
    "context_validation_complete",
    "expert_guidance_ready",
];
/// Sessions that are kept behind their end.
const ARCHIVED: usize = 20;

/// What a session's file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionState {
    /// Its name.
    #[serde(rename = "sessionId")]
    pub session_id: String,
    /// When it was written, RFC 3339.
    pub timestamp: String,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<String>,
    /// Where knowledge came from.
    pub context_sources: Sources,
    /// What the project is.
    pub project_context: Project,
    /// How far it is.
    pub checkpoints: Checkpoints,
    /// Topics there is something to know about now.
    pub capabilities_loaded: Vec<String>,
}

/// Where knowledge came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// The agent has documentation by Context7.
    pub context7_available: bool,
    /// What was loaded.
    pub loaded_docs: Vec<Document>,
    /// What could not be had.
    pub failed_sources: Vec<Failed>,
    /// What stands in for it.
    pub fallback_sources: Vec<Document>,
}

/// A piece of documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What it is called.
    pub source: String,
    /// `loaded`, `cached`, or `bundled`.
    pub status: String,
    /// The topics it is about.
    pub focus_areas: Vec<String>,
    /// Where people read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its text on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// A source that gave nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// What it is called.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// How far a session is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoints {
    /// What is done.
    pub last_checkpoint: String,
    /// What comes next.
    pub next_milestone: String,
    /// What to go back to where the next fails.
    pub rollback_point: String,
}

impl SessionState {
    /// Notes a checkpoint.
    pub(super) fn reached(&mut self, checkpoint: &str) {
        let at = CHECKPOINTS.iter().position(|known| *known == checkpoint).unwrap_or_default();
        let name = |number: usize| CHECKPOINTS.get(number).copied().unwrap_or_default().to_owned();
        self.checkpoints = Checkpoints {
            last_checkpoint: name(at),
            next_milestone: name(at + 1),
            rollback_point: name(at.saturating_sub(1)),
        };
    }

    /// True where a checkpoint was reached, now or before.
    #[must_use]
    pub(super) fn is_past(&self, checkpoint: &str) -> bool {
        let at = |name: &str| CHECKPOINTS.iter().position(|known| *known == name);
        at(&self.checkpoints.last_checkpoint) >= at(checkpoint)
    }

    /// True where there is nothing left to load.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        CHECKPOINTS.last().is_some_and(|last| self.checkpoints.last_checkpoint == *last)
    }
}

/// A session on this machine, held by this run.
pub struct Session {
    folder: PathBuf,
    id: String,
    _lock: Lock,
}

/// The folder of all sessions. It is no folder everybody may write to, where a link could lie in wait for the file.
fn folder(environment: &Environment) -> PathBuf {
    environment.config_dir.join("context")
}

impl Session {
    /// The session of a name; a new one without.
    ///
    /// # Errors
    /// Where the name is none, or another run has it.
    pub fn open(name: Option<&str>, environment: &Environment) -> Result<Self, ContextError> {
        let id = name.map_or_else(|| clock::now().as_nanos().to_string(), str::to_owned);
        let ordinary = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if id.is_empty() || id.len() > 64 || id.starts_with('.') || !id.chars().all(ordinary) {
            return Err(ContextError::Name(id.escape_debug().take(80).collect()));
        }
        let folder = folder(environment);
        files::make_private_dir(&folder.join("cache"))?;
        files::make_private_dir(&folder.join("archive"))?;
        let lock = files::try_lock(&environment.config_dir, &format!("context-{id}"))?;
        Ok(Self { folder, _lock: lock.ok_or_else(|| ContextError::Busy(id.clone()))?, id })
    }

    /// Its file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join(format!("flux-context-{}.json", self.id))
    }

    /// The folder of pages that were fetched.
    pub(super) fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    /// Its state; that of a new session where there is none that can be read.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn state(&self) -> Result<SessionState, ContextError> {
        let text = files::read(&self.file())?;
        let known = text.and_then(|text| serde_json::from_str::<SessionState>(&text).ok());
        Ok(known.unwrap_or_else(|| SessionState { session_id: self.id.clone(), ..SessionState::default() }))
    }

    /// Writes the state down.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(super) fn record(&self, state: &mut SessionState) -> Result<(), ContextError> {
        state.timestamp = clock::rfc3339(clock::now());
        write(&self.file(), state)
    }

    /// Puts a copy where finished sessions are, and takes away the oldest of those.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(super) fn archive(&self, state: &SessionState) -> Result<(), ContextError> {
        let archive = self.folder.join("archive");
        write(&archive.join(format!("flux-context-{}.json", self.id)), state)?;
        let mut all = sessions_in(&archive);
        all.sort();
        let surplus = all.len().saturating_sub(ARCHIVED);
        for (_, path) in all.into_iter().take(surplus) {
            let _ = fs::remove_file(path);
        }
        Ok(())
    }

    /// All sessions that are there, the latest first.
    #[must_use]
    pub fn all(environment: &Environment) -> Vec<SessionState> {
        let mut all = sessions_in(&folder(environment));
        all.sort_by(|a, b| b.cmp(a));
        let read = |path: PathBuf| serde_json::from_str(&files::read(&path).ok()??).ok();
        all.into_iter().filter_map(|(_, path)| read(path)).collect()
    }

    /// Removes sessions that were not touched for as long, and what killed runs have left; says how many.
    ///
    /// # Errors
    /// Where one cannot be removed.
    pub fn clean(unused: Duration, environment: &Environment) -> Result<usize, ContextError> {
        let folder = folder(environment);
        for place in [folder.clone(), folder.join("cache"), folder.join("archive")] {
            for path in fs::read_dir(&place).into_iter().flatten().flatten().map(|entry| entry.path()) {
                // A file that is being written has the name of its process; a minute is long for that.
                if path.extension().is_some_and(|e| e == "new") && age(&path) > Duration::from_secs(60) {
                    let _ = fs::remove_file(path);
                }
            }
        }
        let mut removed = 0;
        for (_, path) in sessions_in(&folder) {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().replacen("flux-context-", "", 1));
            let lock =
                files::try_lock(&environment.config_dir, &format!("context-{}", name.unwrap_or_default()))?;
            if lock.is_some() && age(&path) >= unused {
                fs::remove_file(&path).map_err(|e| FileError::io(&path, e))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn write(path: &std::path::Path, state: &SessionState) -> Result<(), ContextError> {
    let text = serde_json::to_string_pretty(state).map_err(|e| FileError::io(path, e.into()))?;
    Ok(files::write(path, &format!("{text}\n"), 0o600)?)
}

/// The files of sessions with the time they were written.
fn sessions_in(folder: &std::path::Path) -> Vec<(Duration, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("flux-context-") && name.ends_with(".json")
    };
    entries.filter(is_one).map(|path| (written(&path), path)).collect()
}

/// When a file was written, since 1970.
fn written(path: &std::path::Path) -> Duration {
    let modified = fs::metadata(path).and_then(|meta| meta.modified()).ok();
    modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default()
}

fn age(path: &std::path::Path) -> Duration {
    clock::now().saturating_sub(written(path))
}
