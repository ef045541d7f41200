//! The Flux repository of a rwenv, and where each part of it is kept.

use std::path::PathBuf;

use rwenv_core::manifest::tree::join;
use rwenv_core::model::{Rwenv, RwenvName};
use rwenv_gate::base::environment::Environment;

use super::RepoError;

/// What a rwenv says about its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedRoot {
    /// The folder, from the root of the repository, where it says one (`fluxPath`).
    pub folder: Option<String>,
    /// Names its cluster goes by: the rwenv's, and its contexts'.
    pub names: Vec<String>,
}

impl WantedRoot {
    /// What a rwenv says.
    #[must_use]
    pub fn of(rwenv: &Rwenv) -> Self {
        let contexts = rwenv.places.iter().filter_map(|place| place.kubernetes_context.clone());
        let names = std::iter::once(rwenv.name.to_string()).chain(contexts).collect();
        Self { folder: rwenv.flux_path.clone(), names }
    }

    /// True where a root is the one that is named: by its folder where one is, else by the name that tells it from the others.
    #[must_use]
    pub fn is(&self, folder: &str, name: &str) -> bool {
        match &self.folder {
            Some(wanted) => join("", wanted) == join("", folder),
            None => self.names.iter().any(|own| own.eq_ignore_ascii_case(name)),
        }
    }
}

/// The Flux repository of a rwenv, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FluxRepository {
    /// The rwenv.
    pub name: RwenvName,
    /// Where it comes from.
    pub url: String,
    /// The cluster it is applied to: the rwenv's context, or the rwenv itself.
    pub cluster: String,
    /// The root its cluster applies.
    pub root: WantedRoot,
    /// The branch Flux follows, where the configuration says which.
    pub branch: Option<String>,
    /// Its server may have a certificate of its own.
    gitea: bool,
    pub(super) config_dir: PathBuf,
}

impl FluxRepository {
    /// The repository of a rwenv.
    ///
    /// # Errors
    /// Where none is configured, or its URL is not one git may be given.
    pub fn of(rwenv: &Rwenv, environment: &Environment) -> Result<Self, RepoError> {
        let config_dir = environment.config_dir.clone();
        let Some(url) = rwenv.flux_git_repo.clone().filter(|url| !url.trim().is_empty()) else {
            let file = rwenv_gate::facts::config::path(&config_dir);
            return Err(RepoError::NotConfigured { name: rwenv.name.clone(), file });
        };
        // An option, or a transport that runs a program.
        if url.starts_with('-') || url.contains("::") || url.chars().any(char::is_control) {
            return Err(RepoError::Url(url.escape_debug().to_string()));
        }
        let gitea = rwenv.flux_git_repo_type.as_deref() == Some("gitea");
        let context = rwenv.places.iter().find_map(|place| place.kubernetes_context.clone());
        let cluster = context.unwrap_or_else(|| rwenv.name.to_string());
        Ok(Self {
            name: rwenv.name.clone(),
            url,
            root: WantedRoot::of(rwenv),
            cluster,
            branch: rwenv.flux_branch.clone(),
            gitea,
            config_dir,
        })
    }

    /// The bare mirror.
    #[must_use]
    pub fn mirror(&self) -> PathBuf {
        self.config_dir.join("mirrors").join(format!("{}.git", self.name))
    }

    /// What is remembered of the last sync.
    pub(super) fn record(&self) -> PathBuf {
        self.config_dir.join("mirrors").join(format!("{}.json", self.name))
    }

    /// The folder of the rwenv's clones.
    pub(super) fn folder(&self) -> PathBuf {
        self.config_dir.join("flux-repos").join(self.name.as_str())
    }

    /// The clone with files, named after the repository.
    #[must_use]
    pub fn clone_dir(&self) -> PathBuf {
        let end = self.url.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
        let name: String = end.trim_end_matches(".git").chars().filter(|c| !c.is_control()).collect();
        let usable = !name.is_empty() && name != "." && name != ".." && !name.starts_with('.');
        self.folder().join(if usable { name.as_str() } else { "flux" })
    }

    /// True where the server is a Gitea.
    #[must_use]
    pub fn is_gitea(&self) -> bool {
        self.gitea
    }

    /// `https://host[:port]` of a Gitea whose certificate is accepted as it is.
    #[must_use]
    pub fn own_certificate(&self) -> Option<String> {
        let rest = self.url.strip_prefix("https://").filter(|_| self.gitea)?;
        let host = rest.split('/').next().unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        Some(format!("https://{host}"))
    }

    /// The URL without user and password.
    #[must_use]
    pub fn shown_url(&self) -> String {
        rwenv_gate::base::redact::redact(&self.url)
    }
}
