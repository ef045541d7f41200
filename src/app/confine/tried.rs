//! What became of what a session hides, seen from inside: each place is tried, not believed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::mounts::MountStep;
use super::plan::{ConfinementPlan, PlannedStep};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::ledger::audit::Confinement;

/// What came of trying to open a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CameOfIt {
    /// It is not there.
    NotThere,
    /// The system refuses.
    Refused,
    /// It is there, and there is nothing in it.
    Empty,
    /// The API guard's kubeconfig stands there.
    Guards,
    /// It can be read.
    Opens,
}

impl CameOfIt {
    /// The words for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotThere => "not there",
            Self::Refused => "refused",
            Self::Empty => "empty",
            Self::Guards => "the API guard's kubeconfig",
            Self::Opens => "can be read",
        }
    }

    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotThere,
            _ => Self::Refused,
        }
    }
}

/// A place that holds credentials outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TriedPlace {
    /// Where.
    pub path: PathBuf,
    /// What it holds outside.
    pub about: String,
    /// What came of trying to open it.
    pub came: CameOfIt,
}

/// A session, and every place with credentials that was hidden from it when it began.
#[derive(Clone, Debug)]
pub struct TriedSession {
    /// The session.
    pub confinement: Confinement,
    /// What was made for it.
    pub plan: ConfinementPlan,
    /// The places.
    pub places: Vec<TriedPlace>,
    /// The guard's kubeconfigs that it was given.
    guards: Vec<Vec<u8>>,
}

impl TriedSession {
    /// Tries them, where this process is in a session.
    ///
    /// # Errors
    /// Where the session's plan cannot be read: nothing is known then.
    pub fn here(environment: &Environment) -> Result<Option<Self>, String> {
        let Some(confinement) = Confinement::of(environment) else { return Ok(None) };
        let path = confinement.folder.join("plan.json");
        let text = files::read(&path).map_err(|error| error.to_string())?.unwrap_or_default();
        let plan: ConfinementPlan =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let guards: Vec<Vec<u8>> = plan.steps.iter().filter_map(guard).collect();
        let places = plan.steps.iter().filter(|step| is_credential(step, environment)).map(|step| {
            let came = tried(&step.path, &guards);
            TriedPlace { path: step.path.clone(), about: step.about.clone(), came }
        });
        let places = places.collect();
        Ok(Some(Self { confinement, plan, places, guards }))
    }

    /// Those that can be read.
    pub fn open(&self) -> impl Iterator<Item = &TriedPlace> {
        self.places.iter().filter(|place| place.came == CameOfIt::Opens)
    }

    /// True where a file is the API guard's kubeconfig, or that stands in its place.
    #[must_use]
    pub fn has_guards(&self, path: &Path) -> bool {
        fs::read(path).is_ok_and(|text| self.guards.contains(&text))
    }
}

/// The text of the guard's kubeconfig that a step puts in the place of another.
fn guard(step: &PlannedStep) -> Option<Vec<u8>> {
    let MountStep::InPlace(guard) = &step.step else { return None };
    fs::read(guard).ok().filter(|text| !text.is_empty())
}

/// True for a step that hides credentials. Shared folders and rwenv's own hide other things.
fn is_credential(step: &PlannedStep, environment: &Environment) -> bool {
    let below =
        |folder: &Path| step.path.starts_with(fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()));
    match step.step {
        MountStep::Shown | MountStep::ReadOnly => false,
        _ if below(&environment.config_dir) => false,
        MountStep::EmptyFile | MountStep::InPlace(_) => true,
        MountStep::EmptyFolder(_) | MountStep::SealedFolder => below(&environment.home),
    }
}

fn tried(path: &Path, guards: &[Vec<u8>]) -> CameOfIt {
    match fs::metadata(path) {
        Err(error) => CameOfIt::of(&error),
        Ok(meta) if meta.is_dir() => folder(path, meta.dev()),
        Ok(_) => file(path, guards),
    }
}

fn file(path: &Path, guards: &[Vec<u8>]) -> CameOfIt {
    let mut text = Vec::new();
    match File::open(path).and_then(|file| file.take(1 << 20).read_to_end(&mut text)) {
        Err(error) => CameOfIt::of(&error),
        Ok(0) => CameOfIt::Empty,
        Ok(_) if guards.contains(&text) => CameOfIt::Guards,
        Ok(_) => CameOfIt::Opens,
    }
}

/// A folder that stands in the place of another is a file system of its own: what is in it, the session has written.
fn folder(path: &Path, device: u64) -> CameOfIt {
    let own = || {
        path.parent().and_then(|above| fs::metadata(above).ok()).is_some_and(|above| above.dev() != device)
    };
    match fs::read_dir(path) {
        Err(error) => CameOfIt::of(&error),
        Ok(entries) => {
            if entries.count() == 0 || own() {
                CameOfIt::Empty
            } else {
                CameOfIt::Opens
            }
        }
    }
}
