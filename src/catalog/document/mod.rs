//! The files that are made of what is known: the formats people and agents read. Maps are sorted, so that the same repository
//! gives the same bytes but for the time they were made at.

mod configmaps;
mod flux;
mod keys;
mod secrets;
mod services;

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::knowledge::{Found, Knowledge, Unit};
use super::uses::{Uses, uses};
use crate::manifest::yaml::At;
use keys::Names;

pub use configmaps::ConfigMaps;
pub use flux::FluxResources;
pub use secrets::SecretsMap;
pub use services::{Catalog, ImageGroup, Service, Services};

/// Where what is known comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The cluster, as the rwenv names its context.
    pub cluster: String,
    /// URL of the repository, without credentials.
    pub flux_repo: String,
    /// Folder of the clone.
    pub path: String,
    /// The commit that was read, where it is one.
    pub commit: Option<String>,
    /// When, RFC 3339.
    pub generated_at: String,
}

/// What every file says about itself.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Name of the repository.
    pub generated_from: String,
    /// When, RFC 3339.
    pub generated_at: String,
    /// Folder of the clone.
    pub flux_repo_path: String,
    /// The commit that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl Origin {
    fn metadata(&self) -> Metadata {
        let name = self.flux_repo.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
        let folder = self.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let name = if name.is_empty() { folder } else { name };
        Metadata {
            generated_from: name.strip_suffix(".git").unwrap_or(name).to_owned(),
            generated_at: self.generated_at.clone(),
            flux_repo_path: self.path.clone(),
            commit: self.commit.clone(),
        }
    }
}

/// Everything that is generated.
#[derive(Debug)]
pub struct Documents {
    /// `services-catalog.json`.
    pub catalog: Catalog,
    /// `services.json`.
    pub services: Services,
    /// `flux-resources.json`.
    pub flux: FluxResources,
    /// `secrets-map.json`.
    pub secrets: SecretsMap,
    /// `configmaps.json`.
    pub configmaps: ConfigMaps,
}

/// Makes the documents.
#[must_use]
pub fn documents(known: &Knowledge<'_>, origin: &Origin) -> Documents {
    let uses = uses(known);
    let view = View { known, uses: &uses };
    let services = services::services(&view, origin.metadata());
    Documents {
        catalog: services::catalog(&services, origin),
        flux: flux::resources(&view, &services, origin.metadata()),
        secrets: secrets::map(&view, origin.metadata()),
        configmaps: configmaps::maps(&view, origin.metadata()),
        services,
    }
}

/// Where an entry is defined, as every document says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The cluster, where the repository has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The file, from the root of the repository.
    pub file: String,
    /// The line.
    pub line: u32,
}

struct View<'k, 't> {
    known: &'k Knowledge<'t>,
    uses: &'k Uses,
}

impl<'t> View<'_, 't> {
    fn place(&self, cluster: usize, at: At) -> Place {
        let (file, line) = self.known.place(at);
        Place { cluster: self.cluster(cluster), file, line }
    }

    fn place_of(&self, found: &Found<'t>) -> Place {
        self.place(self.known.cluster_of(found), found.resource.at)
    }

    /// The name of a cluster, where there are several.
    fn cluster(&self, number: usize) -> Option<String> {
        let several = self.known.clusters.len() > 1;
        self.known.clusters.get(number).filter(|_| several).map(|cluster| cluster.name.clone())
    }

    fn unit(&self, found: &Found<'t>) -> Option<&Unit> {
        self.known.units.get(found.unit)
    }

    /// The namespace an object is in; empty where the repository does not say, since whatever applies it does.
    fn namespace(&self, found: &Found<'t>) -> String {
        found.resource.namespace().unwrap_or_default().to_owned()
    }

    /// The name of an object whose key has no hash.
    fn hashed_name(&self, found: &Found<'t>) -> Option<String> {
        found.resource.hashed.then(|| found.resource.name.to_string())
    }

    fn names(&self, found: &Found<'t>, namespace: &str) -> Names {
        let place = self.place_of(found);
        Names {
            name: found.resource.name_without_hash().to_owned(),
            namespace: namespace.to_owned(),
            cluster: place.cluster.unwrap_or_default(),
            rest: format!("{} {}:{}", found.resource.kind, place.file, place.line),
        }
    }
}

/// A map of entries under keys that tell them apart; `name` is set where the key is another.
fn keyed<T>(mut entries: Vec<(Names, T)>, mut rename: impl FnMut(&mut T, String)) -> BTreeMap<String, T> {
    // Two units may apply the very same object.
    let mut seen = HashSet::new();
    entries.retain(|(names, _)| seen.insert(names.clone()));
    let (names, values): (Vec<Names>, Vec<T>) = entries.into_iter().unzip();
    let mut all = BTreeMap::new();
    for ((key, names), mut value) in keys::keys(&names).into_iter().zip(names).zip(values) {
        if key != names.name {
            rename(&mut value, names.name);
        }
        all.entry(key).or_insert(value);
    }
    all
}
