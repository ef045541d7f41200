//! The rwenvs that a revision of a Flux repository reaches, and what it removes there: what a door asks before it judges a push.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{BlastRadius, ChangeKind, ChangedObject, Compared, RootName, TouchedRoot, blast_radius};
use crate::repos::{self, FluxRepository};
use rwenv_core::model::{Reached, RemovedObject, Rwenv, same_repository};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;
use rwenv_gate::facts::content::{self, ContentError};
use rwenv_gate::facts::objects::{Budget, ObjectRepository};

/// The rwenvs of a repository whose clusters would apply something else if a revision came to the branch they follow, and what would be
/// gone from there. `tip` is a revision; none stands for the files as they lie there, with what is committed below them. A rwenv whose
/// root cannot be told counts. None where that revision, or the branch that is followed, is not known here.
///
/// # Errors
/// Where the repository cannot be read.
pub fn reached(
    dir: &Path,
    tip: Option<&str>,
    environment: &Environment,
) -> Result<Option<Vec<Reached>>, ContentError> {
    let repository = ObjectRepository::at(dir, environment, Budget::ample())?;
    let remotes = content::remotes(&repository);
    let all = config::rwenvs(&environment.config_dir).all;
    let shares = |rwenv: &&Rwenv| {
        rwenv.flux_git_repo.as_deref().is_some_and(|url| remotes.iter().any(|r| same_repository(r, url)))
    };
    let tip_name = tip.unwrap_or("HEAD");
    if commit(tip_name, &repository).is_none() {
        return Ok(None);
    }
    let mut bases: Vec<(String, Vec<&str>)> = Vec::new();
    let owners: Vec<&Rwenv> = all.iter().filter(shares).collect();
    for owner in owners {
        let Some(base) = base(owner, &repository, environment) else { return Ok(None) };
        match bases.iter_mut().find(|(known, _)| *known == base) {
            Some((_, names)) => names.push(owner.name.as_str()),
            None => bases.push((base, vec![owner.name.as_str()])),
        }
    }
    let mut touched: BTreeMap<String, BTreeSet<RemovedObject>> = BTreeMap::new();
    for (base, names) in bases {
        let mut compared = vec![Compared::Range { from: base, to: tip_name.to_owned() }];
        compared.extend(tip.is_none().then_some(Compared::Worktree));
        for compared in compared {
            let radius = blast_radius(dir, &compared, environment)?;
            for name in &names {
                if let Some(removed) = removed(name, &radius) {
                    touched.entry((*name).to_owned()).or_default().extend(removed);
                }
            }
        }
    }
    let reached = |(rwenv, removed): (String, BTreeSet<RemovedObject>)| Reached {
        rwenv,
        removed: removed.into_iter().collect(),
    };
    Ok(Some(touched.into_iter().map(reached).collect()))
}

/// What would be gone from the cluster of a rwenv; none where it stays as it is. One that none of the roots is known to be its own may
/// apply any of them.
fn removed(rwenv: &str, radius: &BlastRadius) -> Option<Vec<RemovedObject>> {
    let is_its = |root: &RootName| root.rwenvs.iter().any(|name| name == rwenv);
    let touched = || radius.roots.iter().map(|touched| &touched.root);
    let is_known = radius.untouched.iter().chain(touched()).any(is_its);
    let own = radius.roots.iter().filter(|touched| !is_known || is_its(&touched.root));
    let own: Vec<&TouchedRoot> = own.collect();
    if own.is_empty() && (is_known || radius.paths.is_empty()) {
        return None;
    }
    let gone =
        own.into_iter().flat_map(|touched| touched.of(ChangeKind::Removed)).filter(|object| !object.kept);
    let object = |gone: &ChangedObject| RemovedObject {
        group: gone.group.clone(),
        kind: gone.kind.clone(),
        namespace: gone.namespace.clone(),
        name: gone.name.clone(),
    };
    Some(gone.map(object).collect())
}

fn commit(name: &str, repository: &ObjectRepository) -> Option<String> {
    repository
        .text(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")])
        .ok()
}

/// The commit that a rwenv's branch is at: as its mirror has it, else as the last fetch left it here.
fn base(rwenv: &Rwenv, repository: &ObjectRepository, environment: &Environment) -> Option<String> {
    let flux = FluxRepository::of(rwenv, environment).ok();
    let mirrored =
        flux.as_ref().and_then(repos::followed_commit).and_then(|known| commit(&known, repository));
    if mirrored.is_some() {
        return mirrored;
    }
    let branch = rwenv.flux_branch.clone().or_else(|| flux.as_ref().and_then(repos::followed));
    let names: Vec<String> = branch.map(|name| vec![name]).unwrap_or_else(|| {
        std::iter::once("HEAD".to_owned()).chain(Rwenv::PROTECTED.map(str::to_owned)).collect()
    });
    names.iter().find_map(|name| commit(&format!("refs/remotes/origin/{name}"), repository))
}
