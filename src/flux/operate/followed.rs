//! Which branch the cluster follows, for a repository whose other side names one that is not there.

use super::{Flux, FluxError, kind_of};
use crate::repos::{self, FluxRepository, RepoError};
use rwenv_core::model::{Rwenv, same_repository};
use rwenv_gate::base::environment::Environment;

/// Asks the cluster of a rwenv which branch its GitRepository follows, where the repository's HEAD names one that is missing and the
/// configuration names none, and remembers it. True where that is news, so that a sync has something to do. Blocks.
///
/// # Errors
/// Where the cluster cannot be asked, or the answer cannot be kept.
pub fn follow_the_cluster(
    flux: &FluxRepository,
    rwenv: &Rwenv,
    environment: &Environment,
) -> Result<bool, FollowError> {
    if repos::missing_branch(flux).is_none_or(|missing| missing.configured) {
        return Ok(false);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let branch = runtime.block_on(branch(flux, rwenv, environment))?;
    Ok(repos::follow(flux, branch)?)
}

/// Why it cannot be told which branch the cluster follows.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The cluster does not say.
    #[error(transparent)]
    Flux(#[from] FluxError),
    /// It cannot be kept.
    #[error(transparent)]
    Repository(#[from] RepoError),
    /// The system said no.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// The branch of the GitRepository whose URL is the repository's; of several, the first that has one.
async fn branch(
    flux: &FluxRepository,
    rwenv: &Rwenv,
    environment: &Environment,
) -> Result<Option<String>, FluxError> {
    let Some(kind) = kind_of("gitrepository") else { return Ok(None) };
    let sources = Flux::open(rwenv, environment).await?.list(kind, None, None).await?;
    let own = sources.into_iter().filter(|source| same_repository(&source.url, &flux.url));
    Ok(own.filter_map(|source| source.branch).next())
}
