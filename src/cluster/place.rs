//! Where the kubeconfig of a rwenv is on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::ClusterError;
use crate::host::environment::Environment;
use crate::host::{config, process, program};
use crate::model::Rwenv;

/// Longest time docker may take to say what it mounts.
const DOCKER: Duration = Duration::from_secs(3);

/// A kubeconfig and a context in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) context: String,
}

/// A folder of this machine that a container sees under another path.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    source: PathBuf,
    destination: PathBuf,
}

impl Place {
    /// The place a rwenv names: the first that is there, seen from here, then from the dev container.
    pub(super) fn of(rwenv: &Rwenv, environment: &Environment) -> Result<Self, ClusterError> {
        let named = rwenv.places.iter().filter_map(|place| {
            let written = place.kubeconfig_path.clone().unwrap_or_else(|| "~/.kube/config".to_owned());
            Some((written, place.kubernetes_context.clone()?))
        });
        let mut first = None;
        for (written, context) in named {
            let path = match written.strip_prefix("~/") {
                Some(rest) => environment.home.join(rest),
                None => PathBuf::from(written),
            };
            if path.exists() {
                return Ok(Self { path, context });
            }
            if let Some(path) = behind_container(&path, environment) {
                return Ok(Self { path, context });
            }
            first = first.or(Some(Self { path, context }));
        }
        first.ok_or_else(|| ClusterError::NoContext(rwenv.name.to_string()))
    }

    /// When the file was changed last: what was read of it before that counts no more.
    pub(super) fn changed(&self) -> Option<SystemTime> {
        std::fs::metadata(&self.path).and_then(|meta| meta.modified()).ok()
    }
}

/// The file of this machine that the dev container sees as `path`.
fn behind_container(path: &Path, environment: &Environment) -> Option<PathBuf> {
    let container = config::rwenvs(&environment.config_dir).dev_container?;
    let docker = program::find("docker", environment)?;
    let mut command = Command::new(docker);
    command.args(["inspect", "--format", "{{json .Mounts}}", &container]).env("PATH", &environment.path);
    let said = process::output(&mut command, b"", DOCKER).filter(|said| said.success)?;
    let mounts: Vec<Mount> = serde_json::from_str(said.stdout.trim()).ok()?;
    let mounted = mounts.iter().filter_map(|mount| {
        let rest = path.strip_prefix(&mount.destination).ok()?;
        Some((mount.destination.components().count(), mount.source.join(rest)))
    });
    mounted.max_by_key(|(depth, _)| *depth).map(|(_, path)| path).filter(|path| path.exists())
}
