//! The rwenvs that a revision of a Flux repository reaches, and what it removes there: what a door asks before it judges a push.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{
    BlastRadius, ChangeKind, ChangedObject, ComparedTrees, RootName, TouchedRoot, blast_radius,
    blast_radius_in_mirror,
};
use crate::repos::{self, FluxRepository, RepoError};
use rwenv_core::model::{PullRequest, Reached, RemovedObject, Rwenv, names_repository, same_repository};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;
use rwenv_gate::facts::content::{self, ContentError};
use rwenv_gate::facts::objects::{Budget, ObjectRepository};

/// Why it cannot be told what a change reaches.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// The repository could not be read.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The pull request could not be fetched.
    #[error(transparent)]
    Repository(#[from] RepoError),
}

/// The rwenvs of a repository whose clusters would apply something else if a revision came to the branch they follow, and what would be
/// gone from there. `tip` is a revision, or a [`PullRequest`]; none stands for the files as they lie there, with what is committed below
/// them. A rwenv whose root cannot be told counts. None where that revision, or the branch that is followed, is not known here.
///
/// # Errors
/// Where the repository cannot be read.
pub fn reached(
    dir: &Path,
    tip: Option<&str>,
    environment: &Environment,
) -> Result<Option<Vec<Reached>>, ReachError> {
    let all = config::rwenvs(&environment.config_dir).all;
    let of = |is_its: &dyn Fn(&str) -> bool| -> Vec<&Rwenv> {
        all.iter().filter(|rwenv| rwenv.flux_git_repo.as_deref().is_some_and(is_its)).collect()
    };
    let merged = tip.and_then(PullRequest::from_revision);
    let touched = match merged {
        Some(PullRequest { number: Some(number), repository: Some(named) }) => {
            by_merging(number, &of(&|url| names_repository(&named, url)), environment)?
        }
        merged => {
            let repository =
                ObjectRepository::at(dir, environment, Budget::ample()).map_err(ContentError::from)?;
            let remotes = content::remotes(&repository);
            let owners = of(&|url| remotes.iter().any(|remote| same_repository(remote, url)));
            match merged.and_then(|request| request.number) {
                Some(number) => by_merging(number, &owners, environment)?,
                None => by_sending(&repository, dir, tip, &owners, environment)?,
            }
        }
    };
    let reached = |(rwenv, removed): (String, BTreeSet<RemovedObject>)| Reached {
        rwenv,
        removed: removed.into_iter().collect(),
    };
    Ok(touched.map(|touched| touched.into_iter().map(reached).collect()))
}

/// What goes, by rwenv.
type Touched = BTreeMap<String, BTreeSet<RemovedObject>>;

/// What a revision of a working copy would do.
fn by_sending(
    repository: &ObjectRepository,
    dir: &Path,
    tip: Option<&str>,
    owners: &[&Rwenv],
    environment: &Environment,
) -> Result<Option<Touched>, ContentError> {
    let tip_name = tip.unwrap_or("HEAD");
    if commit(tip_name, repository).is_none() {
        return Ok(None);
    }
    let Some(bases) = bases(owners, |owner| base(owner, repository, environment)) else { return Ok(None) };
    let mut touched = Touched::new();
    for (base, names) in bases {
        let mut compared = vec![ComparedTrees::Range { from: base, to: tip_name.to_owned() }];
        compared.extend(tip.is_none().then_some(ComparedTrees::Worktree));
        for compared in compared {
            touch(&mut touched, &names, &blast_radius(dir, &compared, environment)?);
        }
    }
    Ok(Some(touched))
}

/// What merging a pull request would do. It is fetched into a mirror that is there, and nothing else is changed; none where there is no mirror.
fn by_merging(
    number: u64,
    owners: &[&Rwenv],
    environment: &Environment,
) -> Result<Option<Touched>, ReachError> {
    let mut all = owners.iter().filter_map(|owner| FluxRepository::of(owner, environment).ok());
    let Some(flux) = all.find(|flux| flux.mirror().exists()) else { return Ok(None) };
    let to = repos::pull_request(&flux, number, environment)?;
    let mirror =
        ObjectRepository::at(&flux.mirror(), environment, Budget::ample()).map_err(ContentError::from)?;
    let followed = |owner: &Rwenv| {
        let branch = owner.flux_branch.clone().or_else(|| repos::followed(&flux))?;
        commit(&format!("refs/heads/{branch}"), &mirror)
    };
    let Some(bases) = bases(owners, followed) else { return Ok(None) };
    let mut touched = Touched::new();
    for (from, names) in bases {
        let compared = ComparedTrees::Range { from, to: to.clone() };
        touch(&mut touched, &names, &blast_radius_in_mirror(&flux, &compared, environment)?);
    }
    Ok(Some(touched))
}

/// The commits that the branches of rwenvs are at, each with those that follow it; none where one is not known.
fn bases<'r>(
    owners: &[&'r Rwenv],
    base: impl Fn(&Rwenv) -> Option<String>,
) -> Option<Vec<(String, Vec<&'r str>)>> {
    let mut bases: Vec<(String, Vec<&str>)> = Vec::new();
    for owner in owners {
        let base = base(owner)?;
        match bases.iter_mut().find(|(known, _)| *known == base) {
            Some((_, names)) => names.push(owner.name.as_str()),
            None => bases.push((base, vec![owner.name.as_str()])),
        }
    }
    Some(bases)
}

fn touch(touched: &mut Touched, names: &[&str], radius: &BlastRadius) {
    for name in names {
        if let Some(removed) = removed(name, radius) {
            touched.entry((*name).to_owned()).or_default().extend(removed);
        }
    }
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
