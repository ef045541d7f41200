//! Which groups and kinds a cluster has. The groups are kept for a while: they change when somebody installs something.

use std::collections::BTreeMap;
use std::path::PathBuf;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroup, APIResource};
use kube::core::{ApiResource, GroupVersion};
use serde::{Deserialize, Serialize};

use super::{Cluster, ClusterError};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::{clock, files};

/// Seconds for which what is kept counts.
const KEPT: u64 = 60;

#[derive(Serialize, Deserialize)]
struct KeptGroups {
    server: String,
    at: u64,
    groups: BTreeMap<String, String>,
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
    /// The groups of its API, each with the version it prefers.
    ///
    /// # Errors
    /// Where the cluster does not answer, or refuses to.
    pub async fn groups(&self, environment: &Environment) -> Result<BTreeMap<String, String>, ClusterError> {
        let (path, now) = (path(self, environment), clock::now().as_secs());
        let known =
            files::read(&path).ok().flatten().and_then(|text| serde_json::from_str::<KeptGroups>(&text).ok());
        let current = known.filter(|kept| kept.server == self.server && now.saturating_sub(kept.at) < KEPT);
        // Where Flux is not there, somebody may be about to install it.
        if let Some(kept) = current.filter(|kept| kept.groups.keys().any(|group| group.contains("fluxcd"))) {
            return Ok(kept.groups);
        }
        let list = self.answer("say what it has", self.client.list_api_groups()).await?;
        let preferred = |group: APIGroup| {
            let version = group.preferred_version.or_else(|| group.versions.into_iter().next())?;
            Some((group.name, version.version))
        };
        let groups: BTreeMap<String, String> = list.groups.into_iter().filter_map(preferred).collect();
        let kept = KeptGroups { server: self.server.clone(), at: now, groups };
        // Where it cannot be kept it is asked again.
        if let Ok(text) = serde_json::to_string(&kept) {
            let _ = files::make_private_dir(path.parent().unwrap_or(&path))
                .and_then(|()| files::write(&path, &text, 0o600));
        }
        Ok(kept.groups)
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
        let mut lists = vec![(String::new(), "v1".to_owned(), self.resources("v1").await?)];
        let groups = self.answer("say what it has", self.client.list_api_groups()).await?;
        for of in groups.groups.into_iter().filter(|of| group.is_none_or(|group| of.name.starts_with(group)))
        {
            let Some(version) = of.preferred_version else { continue };
            // A group whose server is gone has nothing.
            if let Ok(list) = self.resources(&version.group_version).await {
                lists.push((of.name, version.version, list));
            }
        }
        for (group_name, version, list) in lists {
            let is = |resource: &&APIResource| {
                resource.name == name
                    || resource.singular_name == name
                    || resource.kind.to_ascii_lowercase() == name
                    || resource.short_names.iter().flatten().any(|short| short == name)
            };
            if let Some(resource) = list.iter().find(is) {
                let group_version = GroupVersion::gv(&group_name, &version);
                let gvk = group_version.with_kind(&resource.kind);
                return Ok(Some((
                    ApiResource::from_gvk_with_plural(&gvk, &resource.name),
                    resource.namespaced,
                )));
            }
        }
        Ok(None)
    }
}
