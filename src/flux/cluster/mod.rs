//! The cluster of a rwenv, reached with the person's own credentials.

mod by_hand;
mod discovery;
mod error;
mod issued;
mod old;
mod place;
mod seen;
mod web;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hyper::header::{HeaderValue, USER_AGENT};
use kube::api::{Api, ListParams};
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use serde::de::DeserializeOwned;

use place::KubeconfigContext;
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::identity;

pub use by_hand::{HandChanges, by_hand};
pub use discovery::Versions;
pub use error::ClusterError;
pub use issued::IssuedToken;
pub use seen::{KINDS, SeenCluster, SeenObject, look};
pub use web::{Answered, Web};

/// As what we present ourselves.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("rwenv/", env!("CARGO_PKG_VERSION")));
/// Most objects a server sends at once.
pub const PAGE: u32 = 500;
/// Longest time a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest time an answer may take.
const ANSWER: Duration = Duration::from_secs(15);
/// Longest time the program that gets credentials may take.
const CREDENTIALS: Duration = Duration::from_secs(20);

/// Who serves a version of a group (apiregistration.k8s.io/v1).
#[derive(serde::Deserialize)]
struct ApiService {
    spec: ApiServiceSpec,
}

#[derive(serde::Deserialize)]
struct ApiServiceSpec {
    /// Another program; none where it is the API server itself.
    service: Option<serde::de::IgnoredAny>,
}

/// A cluster that can be asked.
pub struct Cluster {
    client: Client,
    server: String,
    /// What the rwenv says of where it is.
    named: Vec<rwenv_core::model::Place>,
    place: KubeconfigContext,
    changed: Option<SystemTime>,
    namespace: String,
    /// The program that makes its credentials.
    plugin: Option<String>,
}

impl Cluster {
    /// Reads the kubeconfig of a rwenv, and has its credentials got. Nothing is sent to the cluster yet.
    ///
    /// # Errors
    /// Where the kubeconfig or the credentials are not to be had.
    pub async fn of(rwenv: &Rwenv, environment: &Environment) -> Result<Self, ClusterError> {
        Self::connect(rwenv, environment, false).await
    }

    /// The same, for answers that are handed on as the server wrote them.
    ///
    /// # Errors
    /// Where the kubeconfig or the credentials are not to be had.
    pub async fn verbatim(rwenv: &Rwenv, environment: &Environment) -> Result<Self, ClusterError> {
        Self::connect(rwenv, environment, true).await
    }

    async fn connect(rwenv: &Rwenv, environment: &Environment, verbatim: bool) -> Result<Self, ClusterError> {
        // It reads files, and may ask docker what it mounts.
        let (of, seen) = (rwenv.clone(), environment.clone());
        let found = tokio::task::spawn_blocking(move || KubeconfigContext::of(&of, &seen)).await;
        let place = found
            .map_err(|error| ClusterError::Kubeconfig { path: PathBuf::new(), why: error.to_string() })??;
        let changed = place.changed();
        let context = place.context.clone();
        let mut config = configuration(&place.path, &context).await?;
        config.connect_timeout = Some(CONNECT);
        // Watches are silent for long; where an answer has to come, it is waited for with a limit.
        config.read_timeout = None;
        // A server that starts asks to be asked again; what is handed on, the client asks again itself.
        config.default_retry = !verbatim;
        config.disable_compression = verbatim;
        if !verbatim {
            // So that the server's own log tells who asked.
            config.headers.push((USER_AGENT, AGENT));
        }
        let namespace = config.default_namespace.clone();
        if let Some(exec) = &mut config.auth_info.exec {
            // Nobody sits there to be asked for a password.
            exec.interactive_mode = Some(ExecInteractiveMode::Never);
        }
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let plugin = config.auth_info.exec.as_ref().and_then(|exec| exec.command.clone());
        let again = config.clone();
        let credentials = |why: String| ClusterError::Credentials { context: context.clone(), why };
        // A program may be run for credentials, and it may hang.
        let made = tokio::task::spawn_blocking(move || {
            let handle = tokio::runtime::Handle::current();
            let _entered = handle.enter();
            Client::try_from(config)
        });
        let client = match tokio::time::timeout(CREDENTIALS, made).await {
            Ok(Ok(Ok(client))) => client,
            Ok(Ok(Err(error))) => match not_had(&error, &context, plugin.as_deref()) {
                ClusterError::OldCertificate(context) => {
                    let own = identity::client_certificate(std::slice::from_ref(&place.path), &context);
                    let client = own.and_then(|own| old::client(again, &own, CONNECT));
                    client.ok_or(ClusterError::OldCertificate(context))?
                }
                error => return Err(error),
            },
            Ok(Err(error)) => return Err(credentials(error.to_string())),
            Err(_) => return Err(credentials(format!("nothing came within {} s", CREDENTIALS.as_secs()))),
        };
        Ok(Self { client, server, named: rwenv.places.clone(), place, changed, namespace, plugin })
    }

    /// The kubeconfig and the context of a rwenv on this machine.
    ///
    /// # Errors
    /// Where it names no context.
    pub fn place(rwenv: &Rwenv, environment: &Environment) -> Result<(PathBuf, String), ClusterError> {
        KubeconfigContext::of(rwenv, environment).map(|place| (place.path, place.context))
    }

    /// True for a kubeconfig that has this context.
    #[must_use]
    pub fn is_in(file: &Path, context: &str) -> bool {
        place::has_context(file, context)
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// URL of its API.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Name of its context.
    #[must_use]
    pub fn context(&self) -> &str {
        &self.place.context
    }

    /// The namespace that counts where none is named.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// False where the kubeconfig has changed since it was read, or the rwenv has another one now.
    #[must_use]
    pub fn is_current(&self, rwenv: &Rwenv) -> bool {
        rwenv.places == self.named && self.place.changed() == self.changed
    }

    /// Waits for an answer, but not for ever.
    ///
    /// # Errors
    /// Where none comes, or the server refuses.
    pub async fn answer<T>(
        &self,
        what: &str,
        asked: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterError> {
        let server = || self.server.clone();
        let why = || format!("no answer within {} s", ANSWER.as_secs());
        let answered = tokio::time::timeout(ANSWER, asked).await;
        let answered = answered.map_err(|_| ClusterError::Unreachable { server: server(), why: why() })?;
        answered.map_err(|error| self.error(what, &error))
    }

    /// All objects of a list, page by page; none where the server has no such kind.
    ///
    /// # Errors
    /// Where it does not answer, or refuses to.
    pub async fn list<K>(
        &self,
        api: &Api<K>,
        mut page: ListParams,
        what: &str,
    ) -> Result<Option<Vec<K>>, ClusterError>
    where
        K: Clone + DeserializeOwned + std::fmt::Debug,
    {
        page.limit = Some(PAGE);
        let mut all = Vec::new();
        loop {
            let asked = async {
                match api.list(&page).await {
                    Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
                    other => other.map(Some),
                }
            };
            let Some(list) = self.answer(&format!("list {what}"), asked).await? else { return Ok(None) };
            all.extend(list.items);
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(Some(all)),
            }
        }
    }

    /// The server does not take the credentials.
    #[must_use]
    pub fn unauthorized(&self) -> ClusterError {
        let why = "they are not valid, or no longer".to_owned();
        ClusterError::Credentials { context: self.place.context.clone(), why }
    }

    /// True where the API server serves a version of a group itself: built in, or by a CustomResourceDefinition. Of such it knows
    /// whether a dry run changes anything. False where it cannot be told.
    pub async fn serves_itself(&self, group: &str, version: &str) -> bool {
        let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{version}.{group}");
        let Ok(request) = hyper::Request::get(path).body(Vec::new()) else { return false };
        let asked = self.answer("say who serves a group", self.client.request::<ApiService>(request)).await;
        asked.is_ok_and(|service| service.spec.service.is_none())
    }

    /// What an error of the client means for the person.
    #[must_use]
    pub fn error(&self, what: &str, error: &kube::Error) -> ClusterError {
        let server = self.server.clone();
        match error {
            kube::Error::Api(status) if status.code == 401 => self.unauthorized(),
            kube::Error::Api(status) => {
                ClusterError::Refused { server, what: what.to_owned(), why: status.message.clone() }
            }
            kube::Error::Auth(error) => not_had(error, &self.place.context, self.plugin.as_deref()),
            other => ClusterError::Unreachable { server, why: innermost(other) },
        }
    }
}

async fn configuration(path: &Path, context: &str) -> Result<Config, ClusterError> {
    let failed =
        |error: &KubeconfigError| ClusterError::Kubeconfig { path: path.to_owned(), why: innermost(error) };
    let file = path.to_owned();
    let read = tokio::task::spawn_blocking(move || Kubeconfig::read_from(file)).await;
    let read =
        read.map_err(|error| ClusterError::Kubeconfig { path: path.to_owned(), why: error.to_string() })?;
    let kubeconfig = read.map_err(|error| failed(&error))?;
    if !kubeconfig.contexts.iter().any(|known| known.name == context) {
        let why = format!("it has no context '{context}'");
        return Err(ClusterError::Kubeconfig { path: path.to_owned(), why });
    }
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| failed(&error))
}

/// Why credentials were not to be had: the program that makes them is not there, or says no.
fn not_had(error: &(dyn std::error::Error + 'static), context: &str, plugin: Option<&str>) -> ClusterError {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let is_missing = |error: &(dyn std::error::Error + 'static)| {
        error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    match plugin {
        Some(program) if causes.into_iter().any(is_missing) => {
            ClusterError::Plugin { context: context.to_owned(), program: program.to_owned() }
        }
        _ => match innermost(error) {
            why if why.contains("UnsupportedCertVersion") => ClusterError::OldCertificate(context.to_owned()),
            why => ClusterError::Credentials { context: context.to_owned(), why },
        },
    }
}

/// The last of an error's causes, which says what happened; those around it say that something did.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
