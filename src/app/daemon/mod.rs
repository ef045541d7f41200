//! The daemon: it keeps what decisions read fresh. It watches the configuration and keeps the last good one, fetches the
//! Flux repositories, brings the audit log to the disk, and says how it is. No verdict of another door asks it anything;
//! the API guard lives in it.

mod board;
mod config;
mod credentials;
mod expiry;
mod export;
mod flush;
mod guarding;
mod health;
mod lock;
mod notice;
mod panics;
mod parts;
mod port;
mod reached;
mod record;
mod refresh;
mod server;
mod start;
mod state;
mod sync;
mod watch;

pub use lock::{DaemonLock, LockError};
pub use start::{logs, main};

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;

use parts::DaemonParts;
use record::record;
use rwenv_flux::repos;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::ledger::audit;
use state::Shared;

/// How long what runs is waited for at the end.
const DRAIN: Duration = Duration::from_secs(5);
/// The part that finishes what it has begun.
const SYNC: &str = "sync";

/// Runs until `shutdown`, or until somebody asks it to stop; then finishes what it has begun.
pub async fn run(listener: UnixListener, environment: Environment, shutdown: impl Future<Output = ()>) {
    let shared = Arc::new(Shared::new(environment));
    record(&shared, "daemon-started", env!("CARGO_PKG_VERSION"));
    config::reload(&shared);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "started");
    let mut parts = DaemonParts::new(&shared);
    // Kept while the part that takes connections is started again: whoever connects meanwhile waits for it.
    let listener = Arc::new(listener);
    parts.add("server", move |shared| server::serve(Arc::clone(&listener), shared));
    parts.add("watch", watch::watch);
    parts.add("flush", flush::keep);
    parts.add("health", health::tend);
    parts.add("notices", notice::keep);
    parts.add("doors", reached::keep);
    parts.add("export", export::keep);
    parts.add("grants", expiry::keep);
    parts.add("credentials", credentials::keep);
    match signal(SignalKind::hangup()) {
        // Kept as the socket is: a signal that comes meanwhile is heard after the rest.
        Ok(hangup) => {
            let hangup = Arc::new(Mutex::new(hangup));
            parts.add("hangup", move |shared| reload_on_hangup(Arc::clone(&hangup), shared));
        }
        Err(error) => tracing::warn!(%error, "cannot listen for SIGHUP"),
    }
    parts.add(SYNC, sync::keep);
    let guard = guarding::start(&shared);
    if let Some(guard) = &guard {
        parts.add_on(guard.handle(), "guard", guarding::serve);
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tokio::select! {
        () = shutdown => {}
        () = shared.stop.notified() => {}
        () = parts.tend() => {}
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping");
    parts.end(SYNC);
    if let Some(guard) = guard {
        guard.shutdown_background();
    }
    shared.drain();
    if tokio::time::timeout(DRAIN, parts.ended()).await.is_err() {
        // A clone may take an hour; the next run begins it again.
        repos::cancel();
        let _ = tokio::time::timeout(DRAIN, parts.ended()).await;
    }
    record(&shared, "daemon-stopped", "");
    if let Err(error) = audit::flush(&shared.environment) {
        tracing::warn!(%error, "cannot flush the audit log to disk");
    }
    tracing::info!("stopped");
}

/// SIGHUP: read the configuration again.
async fn reload_on_hangup(hangup: Arc<Mutex<Signal>>, shared: Arc<Shared>) {
    let mut hangup = hangup.lock().await;
    while hangup.recv().await.is_some() {
        tracing::info!("asked to read the configuration again");
        config::reload(&shared);
    }
}
