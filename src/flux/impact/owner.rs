//! Whose a root is.

use rwenv_core::manifest::tree::join;
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
        if let Some(folder) = &rwenv.flux_path {
            return join("", folder).as_deref() == join("", root).as_deref();
        }
        let mut contexts = rwenv.places.iter().filter_map(|place| place.kubernetes_context.as_deref());
        is_only || rwenv.name.as_str() == last || contexts.any(|context| context == last)
    };
    rwenvs.iter().filter(of_repository).filter(fits).collect()
}
