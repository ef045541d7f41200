//! What is known of Flux in the clusters that are watched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use tokio::task::JoinHandle;

use rwenv_core::model::Place;
use rwenv_gate::wire::daemon::{FluxHealth, FluxRow};

/// Most objects that are kept and told.
const MOST: usize = 5000;

/// Kind, namespace and name.
pub(super) type BoardKey = (&'static str, String, String);

/// What is known of one cluster.
#[derive(Default)]
pub(super) struct Board {
    pub(super) rows: BTreeMap<BoardKey, FluxRow>,
    /// Kinds that are watched, and those of them of which everything is known.
    pub(super) kinds: BTreeSet<&'static str>,
    pub(super) known: BTreeSet<&'static str>,
    pub(super) connected: bool,
    pub(super) error: Option<String>,
    pub(super) changed: String,
}

/// A rwenv that is watched.
pub(super) struct Watched {
    pub(super) places: Vec<Place>,
    pub(super) asked: u64,
    pub(super) board: Arc<Mutex<Board>>,
    pub(super) task: JoinHandle<()>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Watches(pub(super) BTreeMap<String, Watched>);

impl std::fmt::Debug for Watches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Board {
    pub(super) fn health(&self) -> FluxHealth {
        FluxHealth {
            complete: self.connected && self.error.is_none() && self.kinds == self.known,
            error: self.error.clone(),
            changed: self.changed.clone(),
            objects: self.rows.values().take(MOST).cloned().collect(),
        }
    }
}
