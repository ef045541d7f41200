//! The repository that is meant, and names in it.

use std::path::Path;

use anyhow::{Context as _, bail};

use super::args::SourceArgs;
use crate::cli::shared::named_or_selected;
use rwenv_core::model::Rwenv;
use rwenv_flux::catalog::document::{Documents, Origin, documents};
use rwenv_flux::catalog::knowledge::Knowledge;
use rwenv_flux::catalog::selected::root_of;
use rwenv_flux::catalog::{Reading, generate, lookup};
use rwenv_flux::repos::{FluxRepository, RepoError, WantedRoot};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::content::ContentError;

/// A repository that was read.
pub(super) struct OpenedRepository {
    pub(super) reading: Reading,
    origin: Origin,
    root: WantedRoot,
}

impl SourceArgs {
    pub(super) fn open(&self, environment: &Environment) -> anyhow::Result<OpenedRepository> {
        if let Some(dir) = &self.dir {
            let dir = dir.canonicalize().with_context(|| dir.display().to_string())?;
            let reading = self.read(&dir, environment)?;
            let path = dir.display().to_string();
            let flux_repo = reading.tree().remotes.first().map(|url| rwenv_gate::base::redact::redact(url));
            let generated_at = clock::rfc3339(clock::now());
            let origin = Origin {
                cluster: String::new(),
                flux_repo: flux_repo.unwrap_or_else(|| path.clone()),
                path,
                commit: reading.commit.as_ref().map(|commit| commit.name.clone()),
                generated_at,
            };
            return Ok(OpenedRepository { reading, origin, root: WantedRoot::default() });
        }
        let flux = flux_of(self.rwenv.as_deref(), environment)?.1?;
        let mut origin = generate::origin(&flux);
        let reading = match &self.revision {
            Some(_) => self.read(&flux.clone_dir(), environment)?,
            None => generate::read(&flux, environment)?,
        };
        if let Some(commit) = &reading.commit {
            origin.commit = Some(commit.name.clone());
        }
        let root = if self.all_clusters { WantedRoot::default() } else { flux.root };
        Ok(OpenedRepository { reading, origin, root })
    }

    fn read(&self, dir: &Path, environment: &Environment) -> Result<Reading, ContentError> {
        match &self.revision {
            Some(revision) => Reading::at(dir, revision, environment),
            None => Reading::of(dir, environment),
        }
    }
}

impl OpenedRepository {
    /// What is known of it: of the rwenv's own root, where it has one.
    pub(super) fn knowledge(&self) -> anyhow::Result<Knowledge<'_>> {
        let known = self.reading.knowledge();
        let root = root_of(&known, &self.root)?;
        Ok(known.narrowed(root))
    }

    pub(super) fn documents(&self) -> anyhow::Result<Documents> {
        Ok(documents(&self.knowledge()?, &self.origin))
    }
}

/// A rwenv and its repository.
pub(super) fn flux_of(
    name: Option<&str>,
    environment: &Environment,
) -> anyhow::Result<(Rwenv, Result<FluxRepository, RepoError>)> {
    let rwenv = named_or_selected(name, environment)?;
    let flux = FluxRepository::of(&rwenv, environment);
    Ok((rwenv, flux))
}

/// What is said where no service has a name, with names that are nearly it.
pub(super) fn unknown_service(name: &str, near: &[String]) -> anyhow::Error {
    let what = lookup::unknown_service(name, near);
    anyhow::anyhow!("{what} It may be in the cluster all the same: kubectl get deploy -A | grep {name}")
}

/// Refuses a name that is none: it would be matched with everything.
pub(super) fn named(name: &str) -> anyhow::Result<&str> {
    if name.trim().is_empty() { bail!("the name is empty") } else { Ok(name) }
}

/// A list for people: one word for nothing.
pub(super) fn joined(all: &[String]) -> String {
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}
