//! The blast radius of a change in a Flux repository, worked out without a cluster: which roots would apply something else, and what
//! becomes of each object. Both trees are read from git's objects, and built by the catalog.

mod cascade;
mod causes;
mod charts;
mod compare;
mod object;
mod owner;
mod pair;
mod radius;
mod reached;
mod roots;
mod sides;
mod view;

use std::path::Path;

use crate::repos::FluxRepository;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;
use rwenv_gate::facts::content::ContentError;

pub use owner::owners;
pub use radius::{
    BlastRadius, Cascade, Cause, ChangeKind, ChangedObject, ClaimFate, ComparedTrees, Losses, LostClaim,
    RootName, TouchedRoot,
};
pub use reached::{ReachError, reached};
use sides::Sides;

/// Works out what a change of the repository around a directory would change in clusters, and in whose.
///
/// # Errors
/// Where there is no such commit, or the repository cannot be read.
pub fn blast_radius(
    dir: &Path,
    compared: &ComparedTrees,
    environment: &Environment,
) -> Result<BlastRadius, ContentError> {
    let sides = Sides::read(dir, compared, environment)?;
    let rwenvs = config::rwenvs(&environment.config_dir).all;
    Ok(compare::compare(&sides, &rwenvs))
}

/// The same for what is in the mirror of a rwenv's repository.
///
/// # Errors
/// Where there is no such commit, or the mirror cannot be read.
pub fn blast_radius_in_mirror(
    flux: &FluxRepository,
    compared: &ComparedTrees,
    environment: &Environment,
) -> Result<BlastRadius, ContentError> {
    let mut sides = Sides::read(&flux.mirror(), compared, environment)?;
    for tree in [&mut sides.before.tree, &mut sides.after.tree] {
        tree.remotes.push(flux.url.clone());
    }
    let rwenvs = config::rwenvs(&environment.config_dir).all;
    Ok(compare::compare(&sides, &rwenvs))
}
