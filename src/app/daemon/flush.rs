//! Bringing the audit log to the disk: writers do not wait for it, so that one does it for all, at most once a second.

use std::sync::Arc;
use std::time::Duration;

use super::panics::reason;
use super::state::{Shared, lock};
use rwenv_gate::ledger::audit;

/// Longest time a record is in memory only, once the daemon knows of it.
const PERIOD: Duration = Duration::from_millis(500);

pub(super) async fn keep(shared: Arc<Shared>) {
    // For what was written before, while nobody waited for it.
    shared.written.notify_one();
    loop {
        shared.written.notified().await;
        tokio::time::sleep(PERIOD).await;
        let environment = shared.environment.clone();
        let flushed = tokio::task::spawn_blocking(move || audit::flush(&environment)).await;
        let error =
            flushed.map_or_else(|e| Some(reason(e)), |done| done.err().map(|error| error.to_string()));
        let mut known = lock(&shared.audit_error);
        match (&*known, &error) {
            (before, Some(error)) if before.as_ref() != Some(error) => {
                tracing::warn!(%error, "cannot flush the audit log to disk");
            }
            (Some(_), None) => tracing::info!("the audit log is on disk again"),
            _ => {}
        }
        *known = error;
    }
}
