//! What happens in the daemon goes on the audit log.

use super::state::Shared;
use rwenv_gate::ledger::audit;

/// Writes down what has happened; that it cannot be written stops nothing.
pub(super) fn record(shared: &Shared, event: &str, detail: &str) {
    if let Err(error) = audit::happened("daemon", event, detail, &shared.environment) {
        tracing::warn!(%error, "cannot write the audit log");
    }
}
