//! One side of a root, and the paths that differ.

use std::collections::{BTreeSet, HashSet};

use super::roots::AppliedRoot;
use crate::catalog::knowledge::{Knowledge, UnitKey};

/// One side of a root.
pub(super) struct RootView<'v, 't> {
    pub(super) known: &'v Knowledge<'t>,
    pub(super) root: &'v AppliedRoot,
    /// The paths that differ.
    pub(super) paths: &'v BTreeSet<String>,
    /// The units that may apply something else than on the other side.
    pub(super) affected: &'v HashSet<UnitKey>,
}

/// True where one of these paths, some of which stand for all below a folder, is among those that differ.
pub(super) fn is_touched(depends: &BTreeSet<String>, paths: &BTreeSet<String>) -> bool {
    depends.iter().any(|path| {
        if path.is_empty() || path.ends_with('/') {
            return paths.range(path.clone()..).next().is_some_and(|found| found.starts_with(path.as_str()));
        }
        paths.contains(path)
    })
}
