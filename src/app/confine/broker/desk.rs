//! Where the broker works: for which session, in whose name, and which remotes it reaches.

use std::path::{Path, PathBuf};

use super::remote;
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;

/// The folder of the mirrors.
#[must_use]
pub fn folder(environment: &Environment) -> PathBuf {
    environment.config_dir.join("broker")
}

/// Where the broker works, for one session.
#[derive(Clone, Debug)]
pub struct BrokerDesk {
    pub(super) remotes: Vec<String>,
    pub(super) session: String,
    pub(super) environment: Environment,
    /// Where the session started.
    cwd: PathBuf,
}

impl BrokerDesk {
    /// For a session in a rwenv, or in none; `named` are remotes beside those of the rwenv.
    ///
    /// # Errors
    /// A remote that cannot be reached by ssh or HTTP, or a folder that cannot be made.
    pub fn new(
        rwenv: Option<&Rwenv>,
        named: &[String],
        (session, cwd): (&Path, &Path),
        environment: &Environment,
    ) -> anyhow::Result<Self> {
        let remotes = remote::confirmed(rwenv, named).map_err(anyhow::Error::msg)?;
        let session = session.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Pushes are judged in the name of the session's rwenv, wherever the agent stands.
        let rwenv = rwenv.map(|rwenv| rwenv.name.to_string());
        let environment = Environment { rwenv, both_selections: false, ..environment.clone() };
        Ok(Self { remotes, session, environment, cwd: cwd.to_owned() })
    }

    /// A text about a mirror as one about the repository that its commits come from.
    pub(super) fn about_project(&self, mirror: &Path, text: &str) -> String {
        text.replace(&mirror.display().to_string(), &self.cwd.display().to_string())
    }

    /// True for a remote that it reaches.
    #[must_use]
    pub fn reaches(&self, url: &str) -> bool {
        remote::meant(&self.remotes, url).is_some()
    }
}
