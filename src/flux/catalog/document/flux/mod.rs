//! `flux-resources.json`: what Flux (or Argo CD) applies, from where, in which order.

mod build;
mod file;

pub(super) use build::resources;
pub use file::{FluxFinding, FluxResources};
