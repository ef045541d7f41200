//! What there is to know of a Flux repository: what it deploys, under which names, and where each thing is defined.

pub mod kustomize;
pub mod substitute;
