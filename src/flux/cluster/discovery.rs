//! Which kinds a cluster has. Those of Flux are kept for a while: they change when somebody installs something.

use std::collections::BTreeMap;
use std::path::PathBuf;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroup, APIResource};
use kube::core::discovery::v2::{APIResourceDiscovery, APIVersionDiscovery};
use kube::core::{ApiResource, GroupVersion};
use serde::{Deserialize, Serialize};

use super::{Cluster, ClusterError};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::{clock, files};

/// Ends of the groups whose versions are kept.
const WANTED: [&str; 3] = ["fluxcd.io", "fluxcd.controlplane.io", "argoproj.io"];
/// Seconds for which what is kept counts.
const KEPT: u64 = 60;

/// Versions of kinds, by `plural.group`.
pub type Versions = BTreeMap<String, String>;

#[derive(Serialize, Deserialize)]
struct KeptVersions {
    server: String,
    at: u64,
    versions: Versions,
}

/// A kind that a server has, in one version of it.
struct ServedKind {
    group: String,
    version: String,
    kind: String,
    plural: String,
    /// Other words for it.
    words: Vec<String>,
    namespaced: bool,
}

impl ServedKind {
    fn of(group: &str, version: &str, resource: APIResource) -> Self {
        let mut words = resource.short_names.unwrap_or_default();
        words.push(resource.singular_name);
        let (kind, plural, namespaced) = (resource.kind, resource.name, resource.namespaced);
        Self { group: group.to_owned(), version: version.to_owned(), kind, plural, words, namespaced }
    }

    fn is(&self, word: &str) -> bool {
        let mut words = self.words.iter().chain([&self.plural]);
        words.any(|own| own == word) || self.kind.to_ascii_lowercase() == word
    }
}

/// The kinds of one version of a group, as the server lists them all at once.
fn listed(group: &str, of: APIVersionDiscovery) -> Vec<ServedKind> {
    let version = of.version.unwrap_or_default();
    let kind = |resource: APIResourceDiscovery| {
        let (plural, kind) = (resource.resource?, resource.response_kind.and_then(|of| of.kind)?);
        let words = resource.short_names.into_iter().chain(resource.singular_resource).collect();
        let namespaced = resource.scope.is_some_and(|scope| scope == "Namespaced");
        Some(ServedKind {
            group: group.to_owned(),
            version: version.clone(),
            kind,
            plural,
            words,
            namespaced,
        })
    };
    of.resources.into_iter().filter_map(kind).collect()
}

fn path(cluster: &Cluster, environment: &Environment) -> PathBuf {
    let name: String = cluster
        .context()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .collect();
    environment.config_dir.join("run/discovery").join(format!("{name}.json"))
}

impl Cluster {
    /// The kinds of the groups of Flux and Argo CD, each with the version of it that the server prefers: an Alert has another than a
    /// Receiver, which is in the same group.
    ///
    /// # Errors
    /// Where the cluster does not answer, or refuses to.
    pub async fn versions(&self, environment: &Environment) -> Result<Versions, ClusterError> {
        let (path, now) = (path(self, environment), clock::now().as_secs());
        let text = files::read(&path).ok().flatten();
        let known = text.and_then(|text| serde_json::from_str::<KeptVersions>(&text).ok());
        let current = known.filter(|kept| kept.server == self.server && now.saturating_sub(kept.at) < KEPT);
        // Where none is there, somebody may be about to install it.
        if let Some(kept) = current.filter(|kept| !kept.versions.is_empty()) {
            return Ok(kept.versions);
        }
        let mut versions = Versions::new();
        let wanted = |group: &str| WANTED.iter().any(|end| group.ends_with(end));
        for of in self.served(&wanted).await? {
            versions.entry(format!("{}.{}", of.plural, of.group)).or_insert(of.version);
        }
        let kept = KeptVersions { server: self.server.clone(), at: now, versions };
        // Where it cannot be kept it is asked again.
        if let Ok(text) = serde_json::to_string(&kept) {
            let _ = files::make_private_dir(path.parent().unwrap_or(&path))
                .and_then(|()| files::write(&path, &text, 0o600));
        }
        Ok(kept.versions)
    }

    /// The groups that the server has besides the core one, each with the version of it that it prefers.
    ///
    /// # Errors
    /// Where the cluster does not answer, or refuses to.
    pub async fn groups(&self) -> Result<BTreeMap<String, String>, ClusterError> {
        let list = self.answer("say what it has", self.client.list_api_groups()).await?;
        let preferred = |group: APIGroup| {
            let version = group.preferred_version.or_else(|| group.versions.into_iter().next())?;
            Some((group.name, version.version))
        };
        Ok(list.groups.into_iter().filter_map(preferred).collect())
    }

    /// The kinds of some groups in every version, what the server prefers first: in one answer, or, of a server before Kubernetes 1.26,
    /// in one for each version.
    async fn served(&self, wanted: &(dyn Fn(&str) -> bool + Sync)) -> Result<Vec<ServedKind>, ClusterError> {
        let what = "say what it has";
        let all = self.answer(what, self.client.list_api_groups_aggregated()).await?;
        let mut kinds = Vec::new();
        for group in all.items.iter().cloned() {
            let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
            if wanted(&name) {
                kinds.extend(group.versions.into_iter().flat_map(|of| listed(&name, of)));
            }
        }
        if !all.items.is_empty() {
            return Ok(kinds);
        }
        let groups = self.answer(what, self.client.list_api_groups()).await?;
        for group in groups.groups.into_iter().filter(|group| wanted(&group.name)) {
            let preferred = group.preferred_version.into_iter();
            for version in preferred.chain(group.versions) {
                // A group whose server is gone has nothing.
                let resources = self.resources(&version.group_version).await.unwrap_or_default();
                let kind = |resource| ServedKind::of(&group.name, &version.version, resource);
                kinds.extend(resources.into_iter().map(kind));
            }
        }
        Ok(kinds)
    }

    /// The resources of a version (`v1`, `apps/v1`), without their parts; none where the server has it not.
    ///
    /// # Errors
    /// Where it does not answer, or refuses to.
    pub async fn resources(&self, version: &str) -> Result<Vec<APIResource>, ClusterError> {
        let asked = async {
            let list = if version.contains('/') {
                self.client.list_api_group_resources(version).await
            } else {
                self.client.list_core_api_resources(version).await
            };
            match list {
                Ok(list) => Ok(list.resources),
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        };
        let all = self.answer(&format!("say what it has of {version}"), asked).await?;
        Ok(all.into_iter().filter(|resource| !resource.name.contains('/')).collect())
    }

    /// The resource a word stands for, as kubectl takes it, and whether its objects are in namespaces.
    ///
    /// # Errors
    /// Where the cluster does not answer, or refuses to.
    pub async fn resource(&self, word: &str) -> Result<Option<(ApiResource, bool)>, ClusterError> {
        let word = word.to_ascii_lowercase();
        let (name, group) =
            word.split_once('.').map_or((word.as_str(), None), |(name, group)| (name, Some(group)));
        let core = self.resources("v1").await?.into_iter().map(|resource| ServedKind::of("", "v1", resource));
        let mut kinds: Vec<ServedKind> = core.filter(|_| group.is_none()).collect();
        if !kinds.iter().any(|kind| kind.is(name)) {
            kinds.extend(self.served(&|of| group.is_none_or(|group| of.starts_with(group))).await?);
        }
        Ok(kinds.into_iter().find(|kind| kind.is(name)).map(|kind| {
            let gvk = GroupVersion::gv(&kind.group, &kind.version).with_kind(&kind.kind);
            (ApiResource::from_gvk_with_plural(&gvk, &kind.plural), kind.namespaced)
        }))
    }
}
