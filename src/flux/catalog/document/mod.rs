//! The files that are made of what is known: the formats people and agents read. Maps are sorted, so that the same repository
//! gives the same bytes but for the time they were made at.

mod configmaps;
mod flux;
mod keys;
mod secrets;
mod services;

use std::collections::{BTreeMap, HashSet};
use std::ops::Deref;

use serde::Serialize;

use super::knowledge::{Found, Knowledge, Unit};
use super::uses::{Uses, uses};
use keys::Names;

pub use configmaps::ConfigMaps;
pub use flux::FluxResources;
pub use secrets::SecretsMap;
pub use services::{Catalog, ImageGroup, Service, Services};

/// Where what is known comes from.
#[derive(Clone, Debug, Default)]
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

/// An entry of a document's map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry<T> {
    /// What is said of it.
    #[serde(flatten)]
    pub what: T,
    /// What it is called, and where it is defined.
    #[serde(flatten)]
    pub place: Place,
}

impl<T> Deref for Entry<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.what
    }
}

/// What an entry is called, and where it is defined, as every document says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its name, where the key is not: with the hash of its content, or where another one has the name too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The cluster, where the repository has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The file, from the root of the repository.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// File, line and cluster.
type Where<'p> = (&'p str, u32, Option<&'p String>);

impl Place {
    fn place(&self) -> Where<'_> {
        (&self.file, self.line, self.cluster.as_ref())
    }
}

struct View<'k, 't> {
    known: &'k Knowledge<'t>,
    uses: &'k Uses,
}

impl<'t> View<'_, 't> {
    fn place_of(&self, found: &Found<'t>) -> Place {
        let resource = &found.resource;
        let (file, line) = self.known.place(resource.at);
        let name = resource.hashed.then(|| resource.name.to_string());
        Place { name, cluster: self.cluster(self.known.cluster_of(found)), file, line }
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

    fn names(&self, found: &Found<'t>, namespace: &str) -> (Names, Place) {
        let place = self.place_of(found);
        let names = Names {
            name: found.resource.name_without_hash().to_owned(),
            namespace: namespace.to_owned(),
            cluster: place.cluster.clone().unwrap_or_default(),
            rest: format!("{} {}:{}", found.resource.kind, place.file, place.line),
        };
        (names, place)
    }

    /// What is said of an object, as [`keyed`] takes it.
    fn defines<T>(&self, found: &Found<'t>, what: T) -> (Names, Place, T) {
        let (names, place) = self.names(found, &self.namespace(found));
        (names, place, what)
    }

    /// What is said of a unit, as [`keyed`] takes it.
    fn applies<T>(&self, unit: &Unit, what: T) -> (Names, Place, T) {
        let (file, line) = self.known.place(unit.at);
        let place = Place { name: None, cluster: self.cluster(unit.cluster), file, line };
        let names = Names {
            name: unit.name.clone(),
            namespace: unit.namespace.clone(),
            cluster: place.cluster.clone().unwrap_or_default(),
            rest: format!("{}:{}", place.file, place.line),
        };
        (names, place, what)
    }
}

/// A map of entries under keys that tell them apart.
fn keyed<T>(mut entries: Vec<(Names, Place, T)>) -> BTreeMap<String, Entry<T>> {
    // Two units may apply the very same object.
    let mut seen = HashSet::new();
    entries.retain(|(names, ..)| seen.insert(names.clone()));
    let names: Vec<Names> = entries.iter().map(|(names, ..)| names.clone()).collect();
    let mut all = BTreeMap::new();
    for (key, (names, mut place, what)) in keys::keys(&names).into_iter().zip(entries) {
        if key != names.name {
            place.name.get_or_insert(names.name);
        }
        all.entry(key).or_insert(Entry { what, place });
    }
    all
}
