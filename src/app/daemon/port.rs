//! The API guard and its port, as long as the daemon runs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::guard::{Guard, GuardError, Listening};
use rwenv_gate::wire::daemon::GuardHealth;

/// The guard, or why there is none.
#[derive(Default)]
pub(super) struct Guarding {
    pub(super) guard: Option<Arc<Guard>>,
    /// Its port, held while nobody serves there.
    pub(super) listening: Option<Listening>,
    pub(super) address: Option<String>,
    pub(super) error: Option<String>,
}

impl std::fmt::Debug for Guarding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guarding").field("address", &self.address).field("error", &self.error).finish()
    }
}

impl Guarding {
    pub(super) fn opened(&self) -> Result<Option<(Arc<Guard>, Listening)>, GuardError> {
        let (Some(guard), Some(listening)) = (&self.guard, &self.listening) else { return Ok(None) };
        Ok(Some((Arc::clone(guard), listening.again()?)))
    }

    pub(super) fn health(&self) -> GuardHealth {
        let count = |of: fn(&Guard) -> u64| self.guard.as_deref().map(of).unwrap_or_default();
        GuardHealth {
            address: self.address.clone(),
            error: self.error.clone(),
            passed: count(|guard| guard.counters.passed.load(Ordering::Relaxed)),
            refused: count(|guard| guard.counters.refused.load(Ordering::Relaxed)),
        }
    }
}
