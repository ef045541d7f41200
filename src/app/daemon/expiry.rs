//! That a person's grant has ended goes on record when it ends, not when the next command is judged.

use std::sync::Arc;
use std::time::Duration;

use super::state::Shared;
use rwenv_gate::ledger::grants;

/// How often the grants are looked at.
const PERIOD: Duration = Duration::from_secs(5);

pub(super) async fn keep(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        let environment = shared.environment.clone();
        let looked = tokio::task::spawn_blocking(move || grants::live(&environment).len()).await;
        if let Err(error) = looked {
            tracing::warn!(%error, "cannot look at the grants");
        }
    }
}
