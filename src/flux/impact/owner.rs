//! Whose a root is.

use crate::repos::WantedRoot;
use rwenv_core::model::{Rwenv, same_repository};

/// The rwenvs whose clusters a root is applied to: those of this repository (`remotes`) that name it (`fluxPath`). Of those that name
/// none, where it is the only root, or where the last part of its folder is the rwenv's name or one of its contexts.
#[must_use]
pub fn owners<'r>(root: &str, roots: &[&str], remotes: &[String], rwenvs: &'r [Rwenv]) -> Vec<&'r Rwenv> {
    let of_repository = |rwenv: &&Rwenv| {
        let url = rwenv.flux_git_repo.as_deref().filter(|url| !url.trim().is_empty());
        url.is_some_and(|url| remotes.iter().any(|remote| same_repository(remote, url)))
    };
    let last = root.rsplit('/').next().unwrap_or(root);
    let is_only = matches!(roots, [only] if *only == root);
    let fits = |rwenv: &&Rwenv| {
        let wanted = WantedRoot::of(rwenv);
        wanted.is(root, last) || (wanted.folder.is_none() && is_only)
    };
    rwenvs.iter().filter(of_repository).filter(fits).collect()
}
