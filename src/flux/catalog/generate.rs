//! The files of a rwenv's `catalog/`: made anew as a whole, each of them in its place at once.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Reading;
use super::definitions::entries;
use super::document::{Documents, Origin, documents};
use super::knowledge::Knowledge;
use super::selected::root_of;
use crate::repos::{self, FluxRepository};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::{self, FileError};
use rwenv_gate::facts::content::ContentError;
use rwenv_gate::facts::index;

/// Why knowledge could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is no clone.
    #[error("Flux repo not found. Clone it first or check fluxGitRepo in envs.json. (rwenv repo sync {name} clones it to {})", .dir.display())]
    NotCloned {
        /// The rwenv.
        name: String,
        /// Where it would be.
        dir: PathBuf,
    },
    /// The clone has no files.
    #[error(
        "{missing}. Set another with rwenv edit {name} --flux-branch BRANCH, or let rwenv repo sync {name} ask the cluster which one it follows"
    )]
    NoBranch {
        /// The rwenv.
        name: String,
        /// The branch that is not there.
        missing: repos::MissingBranch,
    },
    /// The repository could not be read.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The folder of the files cannot be written.
    #[error("Cannot write to data directory. Check file permissions. ({0})")]
    Denied(FileError),
    /// A value could not be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// What was made of a catalog.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogReport {
    /// Services.
    pub services: usize,
    /// Places image tags are set.
    pub image_groups: usize,
    /// Flux Kustomizations.
    pub kustomizations: usize,
    /// HelmReleases.
    pub helm_releases: usize,
    /// Argo CD Applications.
    pub applications: usize,
    /// SecretProviderClasses.
    pub secret_provider_classes: usize,
    /// ExternalSecrets and Secrets.
    pub secrets: usize,
    /// ConfigMaps.
    pub config_maps: usize,
    /// Variables.
    pub variables: usize,
    /// Name of the repository.
    pub source: String,
    /// When, RFC 3339.
    pub generated_at: String,
    /// The folder of the files.
    pub folder: PathBuf,
    /// Files that are no YAML, as `file:line: what`.
    pub failed: Vec<String>,
    /// What else is wrong, as `file:line: what`.
    pub findings: Vec<String>,
}

/// The folder of a rwenv's generated files.
#[must_use]
pub fn folder(rwenv: &str, environment: &Environment) -> PathBuf {
    environment.config_dir.join("catalog").join(rwenv)
}

/// Reads the clone of a rwenv.
///
/// # Errors
/// Where there is none, or it cannot be read.
pub fn read(flux: &FluxRepository, environment: &Environment) -> Result<Reading, CatalogError> {
    let dir = flux.clone_dir();
    if !dir.is_dir() {
        return Err(CatalogError::NotCloned { name: flux.name.to_string(), dir });
    }
    if repos::commit(flux).is_none()
        && let Some(missing) = repos::missing_branch(flux)
    {
        return Err(CatalogError::NoBranch { name: flux.name.to_string(), missing });
    }
    Ok(Reading::of(&dir, environment)?)
}

/// Where what is known of a rwenv's clone comes from.
#[must_use]
pub fn origin(flux: &FluxRepository) -> Origin {
    Origin {
        cluster: flux.cluster.clone(),
        flux_repo: flux.shown_url(),
        path: flux.clone_dir().display().to_string(),
        commit: repos::commit(flux),
        generated_at: clock::rfc3339(clock::now()),
    }
}

/// Makes all files of a rwenv anew.
///
/// # Errors
/// Where there is no clone, or the files cannot be written; those that are there stay whole.
pub fn regenerate(flux: &FluxRepository, environment: &Environment) -> Result<CatalogReport, CatalogError> {
    make(flux, &read(flux, environment)?, environment)
}

/// Makes all files of a rwenv anew, of its clone as it was read.
///
/// # Errors
/// Where the files cannot be written; those that are there stay whole.
pub fn make(
    flux: &FluxRepository,
    reading: &Reading,
    environment: &Environment,
) -> Result<CatalogReport, CatalogError> {
    let all = reading.knowledge();
    let (root, unknown) = match root_of(&all, &flux.root) {
        Ok(root) => (root, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let definitions = entries(&all, root);
    let known = all.narrowed(root);
    let made = documents(&known, &origin(flux));
    let folder = folder(flux.name.as_str(), environment);
    files::make_private_dir(&folder).map_err(CatalogError::Denied)?;
    write(&folder, "services.json", &made.services)?;
    write(&folder, "flux-resources.json", &made.flux)?;
    write(&folder, "secrets-map.json", &made.secrets)?;
    write(&folder, "configmaps.json", &made.configmaps)?;
    write(&folder, "services-catalog.json", &made.catalog)?;
    let index = index::path(flux.name.as_str(), environment);
    index::write(&index, &reading.dir, &definitions).map_err(CatalogError::Denied)?;
    let mut report = report(&known, &made, folder);
    report.findings.splice(..0, unknown);
    Ok(report)
}

fn write(folder: &Path, name: &str, value: &impl Serialize) -> Result<(), CatalogError> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    files::write(&folder.join(name), &text, 0o600).map_err(CatalogError::Denied)
}

/// What was made, in figures.
#[must_use]
pub fn report(known: &Knowledge<'_>, made: &Documents, folder: PathBuf) -> CatalogReport {
    let told = |at, message: &str| {
        let (file, line) = known.place(at);
        format!("{file}:{line}: {message}")
    };
    let broken: Vec<_> = known
        .tree
        .files
        .values()
        .flat_map(|file| &file.problems)
        .filter(|problem| problem.kind == rwenv_core::manifest::yaml::ProblemKind::Syntax)
        .collect();
    let failed: Vec<String> = broken.iter().map(|problem| told(problem.at, &problem.message)).collect();
    let variables =
        made.configmaps.variable_substitution.as_ref().map_or(0, |all| all.common_variables.len());
    CatalogReport {
        services: made.services.services.len(),
        image_groups: made.services.image_groups.len(),
        kustomizations: made.flux.kustomizations.len(),
        helm_releases: made.flux.helm_releases.len(),
        applications: made.flux.applications.len(),
        secret_provider_classes: made.secrets.secret_provider_classes.len(),
        secrets: made.secrets.external_secrets.len() + made.secrets.secrets.len(),
        config_maps: made.configmaps.config_maps.len(),
        variables,
        source: made.services.metadata.generated_from.clone(),
        generated_at: made.services.metadata.generated_at.clone(),
        folder,
        findings: known
            .problems
            .iter()
            .map(|problem| told(problem.at, &problem.message))
            .filter(|finding| !failed.contains(finding))
            .collect(),
        failed,
    }
}
