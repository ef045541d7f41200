//! The daemon: it keeps what decisions read fresh. It watches the configuration and keeps the last good one, fetches the
//! Flux repositories, brings the audit log to the disk, and says how it is. No verdict of another door asks it anything;
//! the API guard lives in it.

mod config;
mod flush;
mod guarding;
mod health;
mod lock;
mod refresh;
mod server;
mod start;
mod state;
mod sync;
mod watch;

pub use lock::{Lock, LockError};
pub use start::{logs, main};

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};

use rwenv_flux::repos;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::ledger::audit;
use state::Shared;

/// How long what runs is waited for at the end.
const DRAIN: Duration = Duration::from_secs(5);

/// Runs until `shutdown`, or until somebody asks it to stop; then finishes what it has begun.
pub async fn run(listener: UnixListener, environment: Environment, shutdown: impl Future<Output = ()>) {
    let shared = Arc::new(Shared::new(environment));
    config::record(&shared, "daemon-started", env!("CARGO_PKG_VERSION"));
    config::reload(&shared);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "started");
    let server = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
    let watch = tokio::spawn(watch::watch(Arc::clone(&shared)));
    let flush = tokio::spawn(flush::keep(Arc::clone(&shared)));
    let health = tokio::spawn(health::tend(Arc::clone(&shared)));
    let hangup = tokio::spawn(reload_on_hangup(Arc::clone(&shared)));
    let mut sync = tokio::spawn(sync::keep(Arc::clone(&shared)));
    let guard = guarding::start(&shared);
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tokio::select! {
        () = shutdown => {}
        () = shared.stop.notified() => {}
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping");
    server.abort();
    watch.abort();
    hangup.abort();
    health.abort();
    flush.abort();
    if let Some(guard) = guard {
        guard.shutdown_background();
    }
    shared.drain();
    if tokio::time::timeout(DRAIN, &mut sync).await.is_err() {
        // A clone may take an hour; the next run begins it again.
        repos::cancel();
        let _ = tokio::time::timeout(DRAIN, sync).await;
    }
    config::record(&shared, "daemon-stopped", "");
    if let Err(error) = audit::flush(&shared.environment) {
        tracing::warn!(%error, "cannot flush the audit log to disk");
    }
    tracing::info!("stopped");
}

/// SIGHUP: read the configuration again.
async fn reload_on_hangup(shared: Arc<Shared>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        tracing::info!("asked to read the configuration again");
        config::reload(&shared);
    }
}
