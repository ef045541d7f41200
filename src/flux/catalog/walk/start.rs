//! What is applied first, before anything brings in something else.

use super::super::knowledge::{Applier, KnownCluster};
use rwenv_core::manifest::yaml::{At, Node};

/// Group of Flux Kustomizations.
pub(super) const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";

/// What is applied first.
pub(super) struct Root<'t> {
    pub(super) cluster: KnownCluster,
    pub(super) start: Vec<Start<'t>>,
}

/// A unit that nothing brings in.
pub(super) struct Start<'t> {
    pub(super) applier: Applier,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) at: At,
    /// The object that defines it; none where no file does.
    pub(super) node: Option<&'t Node>,
    /// The folder it applies, where it says so itself.
    pub(super) folder: Option<String>,
    /// Values that whatever fills in its path has for variables of the same names.
    pub(super) filled: Vec<(String, String)>,
}
