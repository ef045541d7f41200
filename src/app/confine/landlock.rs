//! The plan by Landlock, where the system forbids namespaces. Landlock only allows: a folder with something hidden in it is opened entry by entry.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};

use super::mounts::MountStep;
use super::plan::ConfinementPlan;

/// The newest version that is spoken; an older kernel does what it knows of it.
const NEWEST: ABI = ABI::V6;
/// Folders that stay as they are: Landlock cannot give a program its own.
const SHARED: [&str; 1] = ["/tmp"];

/// Whether the system has it.
pub(super) fn is_there() -> Result<(), String> {
    let needed = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1));
    needed
        .and_then(Ruleset::create)
        .map(drop)
        .map_err(|_| "the kernel does not have it, or it is switched off".to_owned())
}

/// Confines this process and all it starts. Without a plan, only what namespaces do not hold: sockets without a file.
pub(super) fn restrict(plan: Option<&ConfinementPlan>) -> Result<(), String> {
    restricted(plan).map_err(|error| format!("Landlock: {error}")).and_then(|status| match (plan, status) {
        (Some(_), RulesetStatus::NotEnforced) => Err("Landlock is not enforced".to_owned()),
        _ => Ok(()),
    })
}

fn restricted(plan: Option<&ConfinementPlan>) -> Result<RulesetStatus, RulesetError> {
    let outside = Scope::AbstractUnixSocket | Scope::Signal;
    let Some(plan) = plan else {
        return Ok(Ruleset::default().scope(outside)?.create()?.restrict_self()?.ruleset);
    };
    let mut rules = Ruleset::default().handle_access(AccessFs::from_all(NEWEST))?.scope(outside)?.create()?;
    let steps: BTreeMap<&Path, &MountStep> = plan
        .steps
        .iter()
        .map(|step| (step.path.as_path(), &step.step))
        .filter(|(path, _)| !SHARED.iter().any(|s| Path::new(s) == *path))
        .collect();
    rules = grant(rules, Path::new("/"), false, &steps)?;
    Ok(rules.restrict_self()?.ruleset)
}

/// Opens a folder, or what of it is not hidden.
fn grant(
    mut rules: RulesetCreated,
    path: &Path,
    hidden: bool,
    steps: &BTreeMap<&Path, &MountStep>,
) -> Result<RulesetCreated, RulesetError> {
    let (hidden, reads) = match steps.get(path) {
        Some(MountStep::Shown) => (false, false),
        Some(MountStep::ReadOnly) => (false, true),
        Some(_) => (true, false),
        None => (hidden, false),
    };
    let below = steps.keys().any(|step| *step != path && step.starts_with(path));
    if !below {
        return if hidden { Ok(rules) } else { allow(rules, path, reads) };
    }
    // What is read-only as a whole is so entry by entry.
    let entries: Vec<PathBuf> =
        fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    for entry in entries {
        let link = fs::symlink_metadata(&entry).is_ok_and(|meta| meta.is_symlink());
        let own = steps.contains_key(entry.as_path());
        let deeper = steps.keys().any(|step| step.starts_with(&entry));
        if link || (hidden && !deeper) {
            continue;
        }
        rules = if reads && !own && !deeper {
            allow(rules, &entry, true)?
        } else {
            grant(rules, &entry, hidden, steps)?
        };
    }
    Ok(rules)
}

fn allow(rules: RulesetCreated, path: &Path, reads: bool) -> Result<RulesetCreated, RulesetError> {
    let Ok(opened) = PathFd::new(path) else { return Ok(rules) };
    let all: BitFlags<AccessFs> =
        if reads { AccessFs::from_read(NEWEST) } else { AccessFs::from_all(NEWEST) };
    let access = if path.is_dir() { all } else { all & AccessFs::from_file(NEWEST) };
    rules.add_rule(PathBeneath::new(opened, access))
}
