//! What tools answer, where the command's `--json` is not one object already: the protocol knows only objects.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::knowledge::{GuidePart, KeyedService};
use crate::cli::views::RwenvView;
use rwenv_flux::operate::ClusterEvent;
use rwenv_gate::wire::daemon::FluxRow;

/// The rwenvs.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RwenvsTold {
    /// All rwenvs; one of them may be the current one.
    pub(super) rwenvs: Vec<RwenvView>,
}

/// The services of a name.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ServicesTold {
    /// Several, where the name is not enough to tell.
    pub(super) services: Vec<KeyedService>,
}

/// A topic of the guide.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct GuideTold {
    /// What is known of it.
    pub(super) guide: GuidePart,
}

/// The state of Flux objects.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StatusTold {
    /// The objects.
    objects: Vec<FluxObject>,
}

impl StatusTold {
    pub(super) fn of(rows: Vec<FluxRow>) -> Self {
        Self { objects: rows.into_iter().map(FluxObject::of).collect() }
    }
}

/// How one object of Flux is.
#[derive(Debug, Serialize, JsonSchema)]
struct FluxObject {
    /// Its kind.
    kind: String,
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// True, False or Unknown.
    ready: String,
    /// It is suspended.
    suspended: bool,
    /// The revision it is at.
    revision: String,
    /// What its controller says.
    message: String,
}

impl FluxObject {
    fn of(row: FluxRow) -> Self {
        let FluxRow { kind, namespace, name, ready, suspended, revision, message } = row;
        Self { kind, namespace, name, ready, suspended, revision, message }
    }
}

/// Events of Flux objects.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EventsTold {
    /// The events, oldest first.
    pub(super) events: Vec<ClusterEvent>,
}
