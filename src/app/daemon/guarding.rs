//! The API guard within the daemon: on threads of its own, so that nothing else makes its clients wait.

use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

use super::port::Guarding;
use super::record::record;
use super::state::{Shared, lock};
use crate::guard::{Guard, GuardError, Identity, Listening};

/// Threads that serve.
const THREADS: usize = 2;
/// Threads that read files, and wait for them.
const READERS: usize = 64;

/// The threads it runs on, to be shut down at the end. The port is opened at once, so that whoever hears of the daemon's start finds it
/// open; what fails in that is tried again, and told, by `serve`.
pub(super) fn start(shared: &Arc<Shared>) -> Option<Runtime> {
    descriptors();
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(THREADS).max_blocking_threads(READERS).thread_name("guard").enable_all();
    match builder.build() {
        Ok(runtime) => {
            let _ = opened(shared);
            Some(runtime)
        }
        Err(error) => {
            tracing::warn!(%error, "there is no API guard");
            lock(&shared.guarding).error = Some(error.to_string());
            None
        }
    }
}

/// Serves; says why it cannot go on.
pub(super) async fn serve(shared: Arc<Shared>) -> Result<(), String> {
    let served = match tokio::task::block_in_place(|| opened(&shared)) {
        Ok((guard, listening)) => guard.serve(listening, std::future::pending()).await,
        Err(error) => Err(error),
    };
    served.map_err(|error| {
        let why = error.to_string();
        lock(&shared.guarding).error = Some(why.clone());
        why
    })
}

/// Every watch takes two descriptors; what the system allows is asked for.
fn descriptors() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard);
    }
}

/// The guard and its port, as they were before where there was one.
fn opened(shared: &Arc<Shared>) -> Result<(Arc<Guard>, Listening), GuardError> {
    let known = lock(&shared.guarding).opened()?;
    if let Some(known) = known {
        refresh(shared);
        return Ok(known);
    }
    let rwenvs = lock(&shared.rwenvs).clone();
    let mut identity = Identity::of(&rwenvs, &shared.environment)?;
    let before = identity.port();
    let listening = Listening::at(&mut identity)?;
    let address = listening.address;
    identity.write_kubeconfigs(&rwenvs, &shared.environment)?;
    if before != 0 && before != address.port() {
        tracing::warn!(
            before,
            now = address.port(),
            "another program has the API guard's port; rewriting the kubeconfigs"
        );
        record(shared, "guard-moved", &format!("from port {before} to {}", address.port()));
    }
    let of = Arc::clone(shared);
    let guard = Arc::new(Guard::new(&identity, move || lock(&of.rwenvs).clone(), shared.environment.clone()));
    tracing::info!(%address, "the API guard listens");
    *lock(&shared.guarding) = Guarding {
        guard: Some(Arc::clone(&guard)),
        listening: Some(listening.again()?),
        address: Some(address.to_string()),
        error: None,
    };
    Ok((guard, listening))
}

/// Takes over the rwenvs there are now.
pub(super) fn refresh(shared: &Shared) {
    let Some(guard) = lock(&shared.guarding).guard.clone() else { return };
    let rwenvs = lock(&shared.rwenvs).clone();
    let learned = Identity::of(&rwenvs, &shared.environment).and_then(|identity| {
        guard.learn(&identity);
        identity.write_kubeconfigs(&rwenvs, &shared.environment)
    });
    let error = learned.err().map(|error| error.to_string());
    if let Some(error) = &error {
        tracing::warn!(%error, "the API guard does not know all rwenvs");
    }
    lock(&shared.guarding).error = error;
}
