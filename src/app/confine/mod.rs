//! Confinement: a program starts where the person's credentials for clusters and clouds are not, and the API guard's kubeconfig stands in
//! their place. Hook, shims and pre-push go on explaining inside; what they miss meets nothing it could use.
//!
//! `custody` (what is hidden) → `plan` (which mounts and variables) → `means` (by what) → `start`; inside, `inside` sets up the rest and waits.

mod broker;
mod bubblewrap;
#[cfg(target_os = "linux")]
mod closed;
mod custody;
#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod inside;
#[cfg(target_os = "linux")]
mod landlock;
mod means;
mod mounts;
#[cfg(target_os = "linux")]
mod namespaces;
mod plan;
mod planted;
mod reach;
mod seatbelt;
mod session;
mod start;
mod tried;
mod wait;

pub use broker::{BrokerDesk, client as broker_client, folder as broker_folder};
pub use custody::{Concealment, CustodyWish};
#[cfg(target_os = "linux")]
pub use descriptors::close_inherited;
#[cfg(target_os = "linux")]
pub use inside::main as inside;
pub use means::{Means, MeansFound, find as find_means};
pub use mounts::MountStep;
pub use plan::{ConfinementPlan, PlanError, RunWish};
pub use planted::BeforeSession;
pub use reach::{OutsideList, OutsideServer, ReachedPlace};
pub use session::SessionFolder;
pub use start::run;
pub use tried::{CameOfIt, TriedPlace, TriedSession};
