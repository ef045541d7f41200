//! Whether the other doors stand: shims, git's hooks, the daemon with its API guard; and the ground they stand on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::lapse::Lapse;
use crate::base::environment::{Environment, under_home};
use crate::base::{files, program};
use crate::facts::objects::{Budget, ObjectRepository};
use crate::facts::{binding, config, guarded, identity};
use crate::ledger::audit;
use crate::setup::githooks::{PRE_PUSH, asks, configured, hooked_list_path};
use crate::setup::{agents, shims};
use crate::wire::daemon::{Ask, AskError, ask};
use rwenv_core::decide::text::escape_and_cut;
use rwenv_core::model::{Bound, Rwenv, SeenContext};

/// Longest wait for the daemon's answer: one that is stopped never gives it.
const ANSWER: Duration = Duration::from_millis(250);
/// Most names that one sentence has.
const MOST: usize = 3;

fn shown(path: &Path) -> String {
    escape_and_cut(&under_home(path), 160)
}

fn listed(names: &[&str]) -> String {
    let first = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Where it stands with shims and git's hooks.
pub(super) fn files(environment: &Environment) -> Vec<PathBuf> {
    let text = files::read(&hooked_list_path(environment)).ok().flatten().unwrap_or_default();
    let hooks = text.lines().map(PathBuf::from).flat_map(|place| {
        let config = place.parent().map(|git| git.join("config"));
        [Some(place), config].into_iter().flatten()
    });
    hooks.chain([shims::folder(environment), environment.home.join(".gitconfig")]).collect()
}

/// What is off with the shims.
pub(super) fn shims(environment: &Environment) -> Vec<Lapse> {
    let folder = shims::folder(environment);
    if !folder.is_dir() {
        let given = agents::given(environment).is_some_and(|given| !given.is_empty());
        let says = format!("the shims are gone: {} is not there", shown(&folder));
        return given.then(|| Lapse::new("shims", says, "rwenv install")).into_iter().collect();
    }
    let leads = |name: &&str| {
        let path = folder.join(name);
        let target = fs::read_link(&path);
        target.is_ok_and(|target| target.ends_with("rwenv-hook")) && program::runs(&path)
    };
    let wanted = shims::wanted(environment);
    let lost: Vec<&str> = wanted.iter().filter(|name| !leads(name)).copied().collect();
    let says = format!("shims are missing, or lead elsewhere: {}", listed(&lost));
    (!lost.is_empty()).then(|| Lapse::new("shims", says, "rwenv install")).into_iter().collect()
}

/// A folder before the shims on `PATH` that holds a tool they are to stand before.
pub(super) fn order(environment: &Environment) -> Option<Lapse> {
    let (folder, wanted) = (shims::folder(environment), shims::wanted(environment));
    let mut before = environment.path.split(':').map(Path::new);
    if !environment.path.split(':').any(|dir| Path::new(dir) == folder) || !folder.is_dir() {
        return None;
    }
    let (dir, name) = before
        .by_ref()
        .take_while(|dir| **dir != *folder)
        .find_map(|dir| wanted.iter().find(|name| program::runs(&dir.join(name))).map(|name| (dir, *name)))?;
    let says = format!("{} stands before the shims on PATH, so {name} there is not judged", shown(dir));
    Some(Lapse::new("shims", says, "eval \"$(rwenv shellenv)\" at the end of your shell's start-up file"))
}

/// What is off with git's hooks, of those places that were given ours.
pub(super) fn git_hooks(environment: &Environment) -> Vec<Lapse> {
    let text = files::read(&hooked_list_path(environment)).ok().flatten().unwrap_or_default();
    let lost = text.lines().map(PathBuf::from).filter_map(|place| {
        if place.is_file() {
            return (!configured::is_named_in(&place)).then_some(place);
        }
        // A repository that is gone needs no hook.
        let git = place.parent().is_some_and(|git| git.join("HEAD").exists());
        let hook = place.join(PRE_PUSH);
        ((place.is_dir() || git) && !(asks(&hook) && program::runs(&hook))).then_some(hook)
    });
    let told = lost.map(|hook| {
        let says = format!("git does not ask before a push: no hook of ours that runs is {}", shown(&hook));
        let place = hook.parent().and_then(Path::parent).unwrap_or(&hook);
        Lapse::new("git-hooks", says, format!("rwenv hooks install {}", shown(place)))
    });
    told.collect()
}

/// A folder that git takes hooks from in the repository of a directory, where ours is in the repository's own: something has set
/// `core.hooksPath` since. It starts git.
#[must_use]
pub fn hooks_elsewhere(dir: &Path, environment: &Environment) -> Option<Lapse> {
    let text = files::read(&hooked_list_path(environment)).ok().flatten()?;
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let dir = real(dir);
    let known: Vec<PathBuf> = text.lines().map(PathBuf::from).filter(|place| place.exists()).collect();
    // Git is only started where one of the known places is of this repository, or of one above it.
    let near = |place: &PathBuf| {
        place.parent().and_then(Path::parent).is_some_and(|root| dir.starts_with(real(root)))
    };
    if !known.iter().any(near) {
        return None;
    }
    let repository = ObjectRepository::at(&dir, environment, Budget::ample()).ok()?;
    let path = |what: &[&str]| {
        let text = repository.text(&[&["rev-parse", "--path-format=absolute"], what].concat());
        text.ok().map(PathBuf::from)
    };
    let (set, own) = (path(&["--git-path", "hooks"])?, path(&["--git-common-dir"])?.join("hooks"));
    let ours = known.iter().any(|hooks| real(hooks) == real(&own)) && real(&set) != real(&own);
    (ours && !asks(&set.join(PRE_PUSH))).then(|| {
        let says = format!("git takes hooks from {} here, so it does not ask before a push", shown(&set));
        Lapse::new("git-hooks", says, "rwenv hooks install")
    })
}

/// What is off with the daemon and its API guard, where there was one: for the rwenv of a directory, sessions go through it.
pub(super) fn daemon(dir: &Path, environment: &Environment) -> Option<Lapse> {
    let entries = fs::read_dir(guarded::folder(environment)).ok()?.flatten();
    let mut kubeconfigs = entries.filter(|entry| entry.path().extension().is_some_and(|e| e == "yaml"));
    kubeconfigs.next()?;
    let health = match ask(&environment.config_dir, Ask::Status, ANSWER) {
        Ok(reply) => reply.health.unwrap_or_default(),
        Err(AskError::NotRunning) => {
            let says =
                "the daemon does not run: no API guard, and kubeconfigs that lead through it reach nothing";
            return Some(Lapse::new("daemon", says, "rwenv daemon start"));
        }
        Err(error) => {
            let says = error.to_string();
            let says = says.split(';').next().unwrap_or_default();
            return Some(Lapse::new("daemon", escape_and_cut(says, 160), "rwenv daemon restart"));
        }
    };
    if health.guard.address.is_none() {
        let why = health.guard.error.unwrap_or_default();
        let says = format!("the API guard does not listen: {}", escape_and_cut(&why, 160));
        return Some(Lapse::new("guard", says, "rwenv daemon restart"));
    }
    guard(dir, environment)
}

/// What is off with the guard's way to the cluster of a directory's rwenv.
fn guard(dir: &Path, environment: &Environment) -> Option<Lapse> {
    let Bound::Rwenv(name) = binding::selection(dir, environment)?.bound else { return None };
    let rwenvs = config::rwenvs(&environment.config_dir);
    let rwenv: &Rwenv = rwenvs.get(&name).filter(|rwenv| guarded::is_guarded(rwenv))?;
    let path = guarded::kubeconfig(&name, environment);
    if !path.exists() {
        // The daemon makes it for each rwenv that leads somewhere.
        return None;
    }
    match guarded::session(rwenv, environment) {
        Err(why) => {
            let says = format!("rwenv '{name}': {}", escape_and_cut(&why, 200));
            Some(Lapse::new("guard", says, "rwenv doctor"))
        }
        Ok(path) => match identity::seen(std::slice::from_ref(&path), None, environment) {
            SeenContext::Guarded(_) => None,
            _ => {
                let says = format!("{} no longer leads through the API guard", shown(&path));
                Some(Lapse::new("guard", says, "rwenv daemon restart"))
            }
        },
    }
}

/// What every door needs: a configuration that can be read, and a log that can be written.
pub(super) fn ground(environment: &Environment) -> Vec<Lapse> {
    let mut all = Vec::new();
    if let Err(error) = config::load(&environment.config_dir) {
        all.push(Lapse::new("config", escape_and_cut(&error.to_string(), 300), "correct that file"));
    }
    if let Err(why) = audit::writable(environment) {
        let why = escape_and_cut(&why.to_string(), 200);
        let says = format!("the audit log cannot be written, so changes are denied: {why}");
        all.push(Lapse::new("audit", says, "correct its owner and mode"));
    }
    all
}
