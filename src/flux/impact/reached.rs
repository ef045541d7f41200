//! The rwenvs that a revision of a shared repository reaches: what a door asks before it judges a push.

use std::collections::BTreeSet;
use std::path::Path;

use super::{BlastRadius, Compared, blast_radius};
use crate::repos::{self, FluxRepository};
use rwenv_core::model::{Rwenv, same_repository};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;
use rwenv_gate::facts::content::{self, ContentError};
use rwenv_gate::facts::objects::{Budget, ObjectRepository};

/// The rwenvs of a repository whose clusters would apply something else if a revision came to the branch they follow. `tip` is a
/// revision; none stands for the files as they lie there, with what is committed below them. A rwenv whose root cannot be told counts.
///
/// # Errors
/// Where the branch that is followed is not known here, there is no such revision, or the repository cannot be read.
pub fn reached(
    dir: &Path,
    tip: Option<&str>,
    environment: &Environment,
) -> Result<Vec<String>, ContentError> {
    let repository = ObjectRepository::at(dir, environment, Budget::ample())?;
    let remotes = content::remotes(&repository);
    let all = config::rwenvs(&environment.config_dir).all;
    let shares = |rwenv: &&Rwenv| {
        rwenv.flux_git_repo.as_deref().is_some_and(|url| remotes.iter().any(|r| same_repository(r, url)))
    };
    let owners: Vec<&Rwenv> = all.iter().filter(shares).collect();
    let mut bases: Vec<(String, Vec<&str>)> = Vec::new();
    for owner in &owners {
        let base = base(owner, &repository, environment)?;
        match bases.iter_mut().find(|(known, _)| *known == base) {
            Some((_, names)) => names.push(owner.name.as_str()),
            None => bases.push((base, vec![owner.name.as_str()])),
        }
    }
    let mut touched: BTreeSet<String> = BTreeSet::new();
    for (base, names) in bases {
        let mut compared = vec![Compared::Range { from: base, to: tip.unwrap_or("HEAD").to_owned() }];
        compared.extend(tip.is_none().then_some(Compared::Worktree));
        for compared in compared {
            let radius = blast_radius(dir, &compared, environment)?;
            touched
                .extend(names.iter().filter(|name| is_reached(name, &radius)).map(|name| (*name).to_owned()));
        }
    }
    Ok(touched.into_iter().collect())
}

/// True where a root of the rwenv's is touched, or none is known to be its own.
fn is_reached(rwenv: &str, radius: &BlastRadius) -> bool {
    let is_its = |names: &[String]| names.iter().any(|name| name == rwenv);
    let known = radius.untouched.iter().any(|root| is_its(&root.rwenvs));
    radius.of_rwenv(rwenv).next().is_some() || (!known && !radius.paths.is_empty())
}

/// The commit that a rwenv's branch is at: as its mirror has it, else as the last fetch left it here.
fn base(
    rwenv: &Rwenv,
    repository: &ObjectRepository,
    environment: &Environment,
) -> Result<String, ContentError> {
    let commit = |name: &str| {
        repository.text(&["rev-parse", "--verify", "--end-of-options", &format!("{name}^{{commit}}")])
    };
    let flux = FluxRepository::of(rwenv, environment).ok();
    let mirrored = flux.as_ref().and_then(repos::followed_commit).and_then(|known| commit(&known).ok());
    if let Some(known) = mirrored {
        return Ok(known);
    }
    let branch = rwenv.flux_branch.clone().or_else(|| flux.as_ref().and_then(repos::followed));
    let names: Vec<String> = branch.map(|name| vec![name]).unwrap_or_else(|| {
        std::iter::once("HEAD".to_owned()).chain(Rwenv::PROTECTED.map(str::to_owned)).collect()
    });
    let known = names.iter().find_map(|name| commit(&format!("refs/remotes/origin/{name}")).ok());
    known.map_or_else(|| Ok(commit(&format!("refs/remotes/origin/{}", names.concat()))?), Ok)
}
