//! The files that are made of what is known: the formats people and agents read. Maps are sorted, so that the same repository
//! gives the same bytes but for the time they were made at.

mod configmaps;
mod entry;
mod flux;
mod keys;
mod secrets;
mod services;
mod view;

use super::knowledge::Knowledge;
use super::uses::uses;
use view::View;

pub use configmaps::{ConfigMaps, Substitution};
pub use entry::{Entry, EntryPlace, Metadata, Origin};
pub use flux::{FluxFinding, FluxResources};
pub use secrets::SecretsMap;
pub use services::{Catalog, ImageGroup, Service, Services};

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
