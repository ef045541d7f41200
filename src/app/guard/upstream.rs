//! The clusters behind the guard: one client for each rwenv, made anew when its kubeconfig changes or its credentials end.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use rwenv_core::model::Rwenv;
use rwenv_flux::cluster::{Cluster, ClusterError};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::guarded;

type Slot = Arc<Mutex<Option<Arc<Cluster>>>>;

/// The clients.
#[derive(Default)]
pub(super) struct Upstreams {
    all: std::sync::Mutex<BTreeMap<String, Slot>>,
}

impl Upstreams {
    fn slot(&self, rwenv: &Rwenv) -> Slot {
        let mut all = self.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(all.entry(rwenv.name.to_string()).or_default())
    }

    /// The cluster of a rwenv. While one caller has credentials got, the others wait for it.
    pub(super) async fn of(
        &self,
        rwenv: &Rwenv,
        environment: &Environment,
    ) -> Result<Arc<Cluster>, ClusterError> {
        let slot = self.slot(rwenv);
        let mut slot = slot.lock().await;
        if let Some(cluster) = slot.as_ref() {
            // It looks at the kubeconfig, which may lie where that takes long.
            let (known, of) = (Arc::clone(cluster), rwenv.clone());
            let current = tokio::task::spawn_blocking(move || known.is_current(&of)).await;
            if current.unwrap_or(false) {
                return Ok(Arc::clone(cluster));
            }
        }
        let made = Cluster::verbatim(rwenv, environment).await;
        note(rwenv, made.as_ref().err(), environment);
        let cluster = Arc::new(made?);
        *slot = Some(Arc::clone(&cluster));
        Ok(cluster)
    }

    /// Forgets a cluster whose credentials are refused.
    pub(super) async fn forget(&self, rwenv: &Rwenv, refused: &Arc<Cluster>) {
        let slot = self.slot(rwenv);
        let mut slot = slot.lock().await;
        if slot.as_ref().is_some_and(|known| Arc::ptr_eq(known, refused)) {
            *slot = None;
        }
    }
}

/// Notes why there is no client, for sessions that start: they keep a kubeconfig that leads to the cluster.
fn note(rwenv: &Rwenv, error: Option<&ClusterError>, environment: &Environment) {
    let path = guarded::problem(rwenv.name.as_str(), environment);
    match error {
        // Where it cannot be written, the session finds out by itself.
        Some(error) => drop(files::write(&path, &format!("{error}\n"), 0o600)),
        None => drop(std::fs::remove_file(&path)),
    }
}
