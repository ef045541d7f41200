//! The agents' credentials are renewed before they end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::record::record;
use super::state::{Shared, lock};
use crate::credential;

/// How often they are looked at.
const PERIOD: Duration = Duration::from_secs(20);

pub(super) async fn keep(shared: Arc<Shared>) {
    let mut failed: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let rwenvs = lock(&shared.rwenvs).clone();
        // While the configuration cannot be read, nothing is known to be gone.
        if rwenvs.broken.is_none() {
            credential::forget(&rwenvs, &shared.environment);
        }
        for (name, kept) in credential::due(&rwenvs, &shared.environment) {
            let Some(rwenv) = rwenvs.get(&name) else { continue };
            let of = (kept.namespace.as_str(), kept.account.as_str());
            match credential::fetch(rwenv, of, kept.lifetime, &shared.environment).await {
                Ok(now) => {
                    tracing::info!(rwenv = name, expires = now.expires, "renewed the agents' credential");
                    failed.remove(&name);
                }
                Err(error) => {
                    let why = error.to_string();
                    tracing::warn!(rwenv = name, error = %why, "cannot renew the agents' credential");
                    // Once, however often it fails in the same way.
                    if failed.insert(name.clone(), why.clone()) != Some(why.clone()) {
                        record(&shared, "credential-failed", &format!("{name}: {why}"));
                    }
                }
            }
        }
        tokio::time::sleep(PERIOD).await;
    }
}
