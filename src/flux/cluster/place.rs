//! Where the kubeconfig of a rwenv is on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use kube::config::Kubeconfig;

use super::ClusterError;
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::process;
use rwenv_gate::base::program;
use rwenv_gate::facts::{config, kubeconfig};

/// Longest time docker may take to say what it mounts.
const DOCKER: Duration = Duration::from_secs(3);

/// A kubeconfig and a context in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KubeconfigContext {
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

impl KubeconfigContext {
    /// The place a rwenv names: the first that is there, seen from here, then from the dev container.
    pub(super) fn of(rwenv: &Rwenv, environment: &Environment) -> Result<Self, ClusterError> {
        let named = rwenv
            .places
            .iter()
            .filter_map(|place| Some((place.kubeconfig_path.as_deref(), place.kubernetes_context.clone()?)));
        let mut first = None;
        for (written, context) in named {
            let files = kubeconfig::of_place(written, environment);
            let usual = files.first().cloned().unwrap_or_default();
            if written.is_some() {
                // Of several, the one that has it.
                let listed =
                    files.iter().find(|file| files.len() > 1 && file.exists() && has_context(file, &context));
                let there = listed.filter(|_| written.is_some_and(|list| list.contains(':'))).cloned();
                let there = there.or_else(|| usual.exists().then(|| usual.clone()));
                if let Some(path) = there.or_else(|| behind_container(&usual, environment)) {
                    return Ok(Self { path, context });
                }
            }
            if let Some(path) = files.into_iter().find(|file| has_context(file, &context)) {
                return Ok(Self { path, context });
            }
            first = first.or(Some(Self { path: usual, context }));
        }
        first.ok_or_else(|| ClusterError::NoContext(rwenv.name.to_string()))
    }

    /// When the file was changed last: what was read of it before that counts no more.
    pub(super) fn changed(&self) -> Option<SystemTime> {
        std::fs::metadata(&self.path).and_then(|meta| meta.modified()).ok()
    }
}

/// True for a kubeconfig that has this context.
pub(super) fn has_context(file: &Path, context: &str) -> bool {
    Kubeconfig::read_from(file).is_ok_and(|config| config.contexts.iter().any(|named| named.name == context))
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
