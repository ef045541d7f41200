//! The Flux of a cluster: which kinds it has, and their objects.

use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};

use super::error::FluxError;
use super::kinds::{KINDS, Kind};
use super::object::LiveObject;
use crate::cluster::{Cluster, Versions};
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;

/// The Flux of a cluster.
pub struct Flux {
    pub(super) cluster: Cluster,
    versions: Versions,
}

impl Flux {
    /// Connects to the cluster of a rwenv, and asks which kinds it has.
    ///
    /// # Errors
    /// Where it cannot be asked, or has none of Flux's.
    pub async fn open(rwenv: &Rwenv, environment: &Environment) -> Result<Self, FluxError> {
        let cluster = Cluster::of(rwenv, environment).await?;
        let versions = cluster.versions(environment).await?;
        if !KINDS.iter().any(|kind| versions.contains_key(&kind.resource())) {
            return Err(FluxError::NotInstalled(cluster.server().to_owned()));
        }
        Ok(Self { cluster, versions })
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The resource of a kind; none where the cluster does not have it.
    #[must_use]
    pub fn resource(&self, kind: &Kind) -> Option<ApiResource> {
        let version = self.versions.get(&kind.resource())?;
        let gvk = GroupVersionKind::gvk(kind.group, version, kind.name);
        Some(ApiResource::from_gvk_with_plural(&gvk, kind.plural))
    }

    pub(super) fn api(&self, kind: &Kind, namespace: Option<&str>) -> Option<Api<DynamicObject>> {
        let resource = self.resource(kind)?;
        Some(match namespace {
            Some(namespace) => Api::namespaced_with(self.cluster.client(), namespace, &resource),
            None => Api::all_with(self.cluster.client(), &resource),
        })
    }

    /// The objects of a kind, of one namespace or all, and of one name where that is given.
    ///
    /// # Errors
    /// Where the cluster does not answer, or refuses to.
    pub async fn list(
        &self,
        kind: &'static Kind,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Result<Vec<LiveObject>, FluxError> {
        let Some(api) = self.api(kind, namespace) else { return Ok(Vec::new()) };
        let field_selector = name.map(|name| format!("metadata.name={name}"));
        let which = ListParams { field_selector, ..ListParams::default() };
        // The group is there, and of this kind nobody may have heard.
        let all = self.cluster.list(&api, which, kind.plural).await?.unwrap_or_default();
        Ok(all.into_iter().map(|object| LiveObject::of(kind, object)).collect())
    }

    /// One object.
    ///
    /// # Errors
    /// Where it is not there, or the cluster does not answer.
    pub async fn get(
        &self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
    ) -> Result<LiveObject, FluxError> {
        let none =
            || FluxError::NotFound { what: format!("{} {namespace}/{name}", kind.name), near: String::new() };
        let api = self.api(kind, Some(namespace)).ok_or_else(none)?;
        let asked = self.cluster.answer(&format!("get {} {name}", kind.plural), api.get_opt(name)).await?;
        asked.map(|object| LiveObject::of(kind, object)).ok_or_else(none)
    }

    /// The objects a name stands for, among kinds: the one that is meant, or all that may be.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn find(
        &self,
        kinds: &[&'static Kind],
        name: &str,
        namespace: Option<&str>,
    ) -> Result<Vec<LiveObject>, FluxError> {
        let mut found = Vec::new();
        for kind in kinds {
            found.extend(self.list(kind, namespace, Some(name)).await?);
        }
        if found.is_empty() {
            return Err(self.not_found(kinds, name, namespace).await);
        }
        Ok(found)
    }

    async fn not_found(&self, kinds: &[&'static Kind], name: &str, namespace: Option<&str>) -> FluxError {
        let mut all = Vec::new();
        for kind in kinds {
            all.extend(self.list(kind, None, None).await.unwrap_or_default());
        }
        let close = |object: &&LiveObject| strsim::jaro_winkler(&object.name, name) > 0.85;
        let near: Vec<String> = all.iter().filter(close).take(3).map(LiveObject::label).collect();
        let near =
            if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
        let of = match kinds {
            [kind] => kind.name.to_owned(),
            _ => "object of Flux".to_owned(),
        };
        let place = namespace.map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default();
        FluxError::NotFound { what: format!("{of} '{name}'{place}"), near }
    }
}
