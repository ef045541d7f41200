//! Which of a repository's roots a rwenv's cluster applies, and what is known of that root alone.

use std::collections::HashMap;

use super::knowledge::{Knowledge, KnownCluster};
use crate::repos::WantedRoot;

/// A folder that is not a root of the repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fluxPath \"{folder}\" is no root of the repository; its roots are: {roots}")]
pub struct UnknownRoot {
    /// What was asked for.
    pub folder: String,
    /// The folders of the roots there are.
    pub roots: String,
}

/// The number of the root that is wanted. None where the repository has several and nothing says which.
///
/// # Errors
/// A folder that is no root.
pub fn root_of(known: &Knowledge<'_>, wanted: &WantedRoot) -> Result<Option<usize>, UnknownRoot> {
    if wanted.folder.is_none() && known.clusters.len() < 2 {
        return Ok((!known.clusters.is_empty()).then_some(0));
    }
    let is = |root: &KnownCluster| {
        // What Flux fetches may be a folder of the repository.
        let fetched = root.folder.strip_prefix(&root.prefix).unwrap_or(&root.folder).trim_start_matches('/');
        wanted.is(&root.folder, &root.name) || (wanted.folder.is_some() && wanted.is(fetched, ""))
    };
    let mut fitting = known.clusters.iter().enumerate().filter(|(_, root)| is(root));
    let first = fitting.next().map(|(number, _)| number);
    match &wanted.folder {
        Some(folder) if first.is_none() => {
            let all = known.clusters.iter().map(|root| root.folder.as_str()).collect::<Vec<_>>().join(", ");
            Err(UnknownRoot { folder: folder.clone(), roots: all })
        }
        Some(_) => Ok(first),
        // A name that two of them have says nothing.
        None => Ok(first.filter(|_| fitting.next().is_none())),
    }
}

impl Knowledge<'_> {
    /// What is known of one root alone. Nothing changes where there is no other, or none is chosen.
    #[must_use]
    pub fn narrowed(mut self, root: Option<usize>) -> Self {
        let Some(root) = root.filter(|_| self.clusters.len() > 1) else { return self };
        self.clusters = self.clusters.into_iter().skip(root).take(1).collect();
        let mut units = HashMap::new();
        let mut kept = Vec::new();
        for (number, mut unit) in std::mem::take(&mut self.units).into_iter().enumerate() {
            if unit.cluster == root {
                units.insert(number, kept.len());
                unit.cluster = 0;
                // What is above a unit comes before it.
                unit.above = unit.above.and_then(|above| units.get(&above).copied());
                kept.push(unit);
            }
        }
        self.units = kept;
        self.names.clear();
        for mut found in std::mem::take(&mut self.objects) {
            if let Some(unit) = units.get(&found.unit) {
                found.unit = *unit;
                self.add(found);
            }
        }
        self
    }
}
