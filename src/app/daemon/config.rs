//! The configuration, read again whenever it changes; what does not make sense leaves the last good one in force.

use super::guarding;
use super::record::record;
use super::state::{Shared, lock};
use rwenv_gate::facts::config;
use rwenv_gate::ledger::envs;

/// Reads the configuration, and keeps it where it is good.
pub(super) fn reload(shared: &Shared) {
    let known = lock(&shared.config_error).clone();
    match envs::keep(&shared.environment.config_dir) {
        Ok(config) => {
            *lock(&shared.config_error) = None;
            let changed = *lock(&shared.rwenvs) != config.rwenvs;
            if changed || known.is_some() {
                let names: Vec<&str> = config.rwenvs.all.iter().map(|rwenv| rwenv.name.as_str()).collect();
                let names = names.join(", ");
                tracing::info!(rwenvs = %names, "the configuration is read");
                record(shared, "config-changed", &names);
            }
            *lock(&shared.rwenvs) = config.rwenvs;
            guarding::refresh(shared);
            shared.wanted.add(String::new());
        }
        Err(error) => {
            let why = error.to_string();
            if known.as_ref() != Some(&why) {
                tracing::warn!(%error, "the configuration is broken; the last good one counts");
                record(shared, "config-broken", &why);
            }
            if lock(&shared.rwenvs).all.is_empty() {
                *lock(&shared.rwenvs) = config::rwenvs(&shared.environment.config_dir);
            }
            *lock(&shared.config_error) = Some(why);
        }
    }
}
