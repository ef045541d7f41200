//! What is known of a deployment, on disk before the next step begins. A run that is killed leaves the last step it had done;
//! every step can be done again.

use std::fs;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DeployError;
use super::change::ValueChange;
use super::target::{DeploymentWish, ObjectName};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::{self, FileError};

/// Deployments that are remembered for each rwenv.
const KEPT: usize = 100;

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentStep {
    /// It is known what is to be done.
    Started,
    /// The change is a commit on this machine.
    Committed,
    /// The other side has it.
    Pushed,
    /// Its pull request is open.
    Opened,
    /// The branch Flux follows has it.
    Merged,
    /// The cluster has it.
    Applied,
    /// It was undone.
    Aborted,
}

impl DeploymentStep {
    /// Where a deployment stands, in words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Started => "before anything was committed",
            Self::Committed => "with the change committed on this machine, and not pushed",
            Self::Pushed => "with the change pushed",
            Self::Opened => "with its pull request open",
            Self::Merged => "with the change on the branch Flux follows",
            Self::Applied => "applied",
            Self::Aborted => "undone",
        }
    }
}

/// A deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// What it is called: service and time.
    pub id: String,
    /// The rwenv.
    pub rwenv: String,
    /// The service.
    pub service: String,
    /// How far it is.
    pub step: DeploymentStep,
    /// When it began, seconds since 1970.
    pub started: u64,
    /// What was wanted.
    pub wish: DeploymentWish,
    /// The patch it takes back, where it does, and whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverts: Option<Reverted>,
    /// The branch Flux follows.
    pub base: String,
    /// The branch of the change.
    pub branch: String,
    /// It is pushed to the branch Flux follows.
    pub direct: bool,
    /// Subject of the commit.
    pub subject: String,
    /// Title of the pull request.
    pub title: String,
    /// What changes.
    pub changes: Vec<ValueChange>,
    /// Other objects that change with it.
    pub affected: Vec<String>,
    /// What defines the service.
    pub object: ObjectName,
    /// The Flux Kustomizations that bring it in, namespace and name, the root first.
    pub chain: Vec<(String, String)>,
    /// The commit of the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Its patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// The pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull: Option<String>,
    /// A commit of the branch Flux follows that has the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged: Option<String>,
    /// The revision that is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// What a deployment takes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverted {
    /// The deployment.
    pub id: String,
    /// Its commit.
    pub commit: String,
    /// Its patch.
    pub patch: String,
}

impl Deployment {
    /// True where a run ended in the middle: nothing else is begun before it is finished or undone.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        match self.step {
            DeploymentStep::Started | DeploymentStep::Committed => true,
            DeploymentStep::Pushed => !self.direct,
            _ => false,
        }
    }

    /// True where there is something left to do.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.step < DeploymentStep::Applied
    }
}

/// The deployments of a rwenv.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// The journal of a rwenv.
    #[must_use]
    pub fn of(rwenv: &str, environment: &Environment) -> Self {
        Self { folder: environment.config_dir.join("deploys").join(rwenv) }
    }

    fn file(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// The folder a deployment works in.
    #[must_use]
    pub fn worktree(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    /// All deployments, the latest first. What cannot be read is left out.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn all(&self) -> Result<Vec<Deployment>, DeployError> {
        if !self.folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut all: Vec<Deployment> = Vec::new();
        let entries = fs::read_dir(&self.folder).map_err(|e| FileError::io(&self.folder, e))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_ours = path.extension().is_some_and(|e| e == "json");
            let text = if is_ours { files::read(&path)? } else { None };
            all.extend(text.and_then(|text| serde_json::from_str::<Deployment>(&text).ok()));
        }
        all.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
        Ok(all)
    }

    /// Writes down how far a deployment is.
    ///
    /// # Errors
    /// Where it cannot be written; what was known of it stays.
    pub fn record(&self, deployment: &Deployment) -> Result<(), DeployError> {
        files::make_private_dir(&self.folder)?;
        let path = self.file(&deployment.id);
        let text = serde_json::to_string_pretty(deployment).map_err(|e| FileError::io(&path, e.into()))?;
        files::write(&path, &format!("{text}\n"), 0o600)?;
        // The oldest that are done are forgotten.
        let old = self.all()?.into_iter().skip(KEPT).filter(|old| !old.is_open());
        for old in old {
            let _ = fs::remove_file(self.file(&old.id));
        }
        Ok(())
    }

    /// Forgets a deployment that left nothing: what was wanted may be what should not be kept.
    ///
    /// # Errors
    /// Where its file cannot be removed.
    pub fn forget(&self, deployment: &Deployment) -> Result<(), DeployError> {
        let path = self.file(&deployment.id);
        Ok(fs::remove_file(&path).map_err(|e| FileError::io(&path, e))?)
    }

    /// A deployment that begins now: its identifier, which no other has.
    #[must_use]
    pub fn identifier(&self, service: &str, now: &str) -> String {
        let time: String = now.chars().filter(|c| c.is_ascii_digit() || *c == 'T').take(15).collect();
        let service: String =
            service.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect();
        let base = format!("{}-{}", service.trim_matches('-'), time.replace('T', "-"));
        let free = |id: &String| !self.file(id).exists() && !self.worktree(id).exists();
        let others = (2..).map(|number| format!("{base}-{number}"));
        std::iter::once(base.clone()).chain(others).find(free).unwrap_or(base)
    }
}
