//! Deployments: a change of a service's image or values becomes a commit, a pull request, and an applied revision. What is
//! changed is decided by the catalog; every step is written down before the next, so that a run that ends anywhere can be
//! gone on with, or undone.

mod change;
mod chart;
mod draft;
mod error;
mod fielded;
mod fields;
mod forge;
mod journal;
mod run;
mod setting;
mod shared;
mod tagged;
mod target;
mod watch;

pub use change::ValueChange;
pub use draft::{Draft, FileEdit};
pub use error::DeployError;
pub use forge::{Pull, pull_of};
pub use journal::{Deployment, DeploymentStep, Journal};
pub use run::{DeploymentParts, OpenedDeployment, abort, advance, described, named, open, revert, sweep};
pub use target::{DeploymentWish, ObjectName};
