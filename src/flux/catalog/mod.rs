//! Knowledge: what a Flux repository deploys, and which file and line to change for it. The files are read once; Flux
//! Kustomizations decide what is applied from where, kustomize's rules decide the rest.

pub mod beside;
pub mod definitions;
pub mod document;
pub mod generate;
pub mod graph;
pub mod images;
pub mod knowledge;
pub mod live;
pub mod lookup;
pub mod narrowed;
pub mod part;
mod reading;
pub mod selected;
pub mod substitute;
pub mod uses;
pub mod values;
pub mod walk;

pub use reading::Reading;
