//! The cluster of a rwenv, asked with the person's own credentials, and only looked at.

mod seen;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use crate::host::environment::Environment;
use crate::model::Rwenv;

pub use seen::{KINDS, Seen, SeenObject, look};

/// Longest time a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest time an answer may take.
const ANSWER: Duration = Duration::from_secs(15);
/// Longest time the program that gets credentials may take.
const CREDENTIALS: Duration = Duration::from_secs(20);

/// Why a cluster could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The rwenv names no context.
    #[error("rwenv '{0}' names no context; rwenv edit {0} --context CONTEXT gives it one")]
    NoContext(String),
    /// The kubeconfig, or what it names, is not there or not usable.
    #[error("the kubeconfig {} cannot be used: {why}", .path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The credentials could not be had.
    #[error(
        "no credentials for context '{context}': {why}; sign in again, then try kubectl --context {context} get ns"
    )]
    Credentials {
        /// The context.
        context: String,
        /// What is wrong.
        why: String,
    },
    /// Nobody answers.
    #[error("{server} does not answer: {why}")]
    Unreachable {
        /// The server's URL.
        server: String,
        /// What is wrong.
        why: String,
    },
    /// The server says no.
    #[error("{server} refuses to {what}: {why}")]
    Refused {
        /// The server's URL.
        server: String,
        /// What was asked for.
        what: String,
        /// The server's words.
        why: String,
    },
}

/// A cluster that can be asked.
pub struct Cluster {
    client: Client,
    server: String,
    context: String,
}

/// The kubeconfig and the context of a rwenv on this machine.
fn place(rwenv: &Rwenv, environment: &Environment) -> Result<(PathBuf, String), ClusterError> {
    let place = rwenv.places.iter().find(|place| place.kubernetes_context.is_some());
    let no_context = || ClusterError::NoContext(rwenv.name.to_string());
    let place = place.ok_or_else(no_context)?;
    let context = place.kubernetes_context.clone().ok_or_else(no_context)?;
    let written = place.kubeconfig_path.as_deref().unwrap_or("~/.kube/config");
    let path = match written.strip_prefix("~/") {
        Some(rest) => environment.home.join(rest),
        None => PathBuf::from(written),
    };
    Ok((path, context))
}

impl Cluster {
    /// Reads the kubeconfig of a rwenv, and has its credentials got. Nothing is sent to the cluster yet.
    ///
    /// # Errors
    /// Where the kubeconfig or the credentials are not to be had.
    pub async fn of(rwenv: &Rwenv, environment: &Environment) -> Result<Self, ClusterError> {
        let (path, context) = place(rwenv, environment)?;
        let mut config = configuration(&path, &context).await?;
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(ANSWER);
        config.default_retry = false;
        if let Some(exec) = &mut config.auth_info.exec {
            // Nobody sits there to be asked for a password.
            exec.interactive_mode = Some(ExecInteractiveMode::Never);
        }
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let credentials = |why: String| ClusterError::Credentials { context: context.clone(), why };
        // A program may be run for credentials, and it may hang.
        let made = tokio::task::spawn_blocking(move || {
            let handle = tokio::runtime::Handle::current();
            let _entered = handle.enter();
            Client::try_from(config)
        });
        let client = match tokio::time::timeout(CREDENTIALS, made).await {
            Ok(Ok(Ok(client))) => client,
            Ok(Ok(Err(error))) => return Err(credentials(innermost(&error))),
            Ok(Err(error)) => return Err(credentials(error.to_string())),
            Err(_) => return Err(credentials(format!("nothing came within {} s", CREDENTIALS.as_secs()))),
        };
        Ok(Self { client, server, context })
    }

    /// What an error of the client means for the person.
    fn error(&self, what: &str, error: &kube::Error) -> ClusterError {
        let server = self.server.clone();
        match error {
            kube::Error::Api(status) if status.code == 401 => ClusterError::Credentials {
                context: self.context.clone(),
                why: "they are not valid, or no longer".to_owned(),
            },
            kube::Error::Api(status) => {
                ClusterError::Refused { server, what: what.to_owned(), why: status.message.clone() }
            }
            kube::Error::Auth(error) => {
                ClusterError::Credentials { context: self.context.clone(), why: innermost(error) }
            }
            other => ClusterError::Unreachable { server, why: innermost(other) },
        }
    }
}

async fn configuration(path: &Path, context: &str) -> Result<Config, ClusterError> {
    let failed =
        |error: &KubeconfigError| ClusterError::Kubeconfig { path: path.to_owned(), why: innermost(error) };
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| failed(&error))?;
    if !kubeconfig.contexts.iter().any(|known| known.name == context) {
        let why = format!("it has no context '{context}'");
        return Err(ClusterError::Kubeconfig { path: path.to_owned(), why });
    }
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| failed(&error))
}

/// The last of an error's causes, which says what happened; those around it say that something did.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
