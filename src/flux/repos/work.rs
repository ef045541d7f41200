//! Bringing mirror and clone to what the other side has, one run at a time, and never over what is the user's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::inspect::{CloneState, status};
use super::mirror::{self, SideRefs};
use super::network::{GitProgress, git, run};
use super::record::{RepositoryRecord, record, remember};
use super::{FluxRepository, RepoError};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::{self, FileError};
use rwenv_gate::base::program;
use rwenv_gate::setup::githooks;

/// Longest that work on this machine alone may take.
pub(super) const LOCAL: Duration = Duration::from_secs(600);

/// Where commits go that a reset takes off a branch.
const BACKUP: &str = "refs/rwenv/backup/";
/// What a clone that is moved aside is called, followed by the time.
const KEPT: &str = "kept-";

/// What is wished for beside moving forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloneWish {
    /// Nothing: a clone with changes is left alone.
    #[default]
    Forward,
    /// Move a clone with changes forward where git can without touching them.
    ForwardWithChanges,
    /// Put the clone on what the other side has; its own commits are kept under `refs/rwenv/backup/`.
    Reset,
}

/// Waits until no other run works on this repository. A run that is killed leaves the lock.
pub(super) fn lock(flux: &FluxRepository) -> Result<files::Lock, RepoError> {
    Ok(files::lock_of(&flux.config_dir, &format!("repo-{}", flux.name))?)
}

/// Brings everything up to date; true where the other side had something new. An unchanged repository costs the one
/// question to the other side, and no look at its files: [`status`] says how the clone stands.
///
/// # Errors
/// Where the other side cannot be reached, or the clone's place is taken by something else. What was there stays.
pub fn sync(
    flux: &FluxRepository,
    wish: CloneWish,
    environment: &Environment,
    progress: &mut dyn FnMut(GitProgress),
) -> Result<bool, RepoError> {
    let _lock = lock(flux)?;
    sweep(flux);
    let mut known = record(flux);
    let before = known.clone();
    let done = mirrored(flux, &mut known, environment, progress);
    match &done {
        Ok(_) => {
            known.synced = Some(clock::now().as_secs());
            known.error = None;
        }
        Err(error) => known.error = Some(rwenv_gate::base::redact::redact(&error.to_string())),
    }
    files::make_private_dir(&flux.config_dir.join("mirrors"))?;
    remember(flux, &before, &known)?;
    let new = done?;
    if !known.empty {
        checked_out(flux, wish, &known, environment)?;
    }
    Ok(new)
}

/// Removes what killed runs left half done.
fn sweep(flux: &FluxRepository) {
    let mark = format!(".{}.", flux.name);
    let folders = [(flux.config_dir.join("mirrors"), mark.as_str()), (flux.folder(), ".new-")];
    for (folder, start) in folders {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(start) {
                let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
            }
        }
    }
}

fn mirrored(
    flux: &FluxRepository,
    known: &mut RepositoryRecord,
    environment: &Environment,
    progress: &mut dyn FnMut(GitProgress),
) -> Result<bool, RepoError> {
    let path = flux.mirror();
    // Another URL is another repository. One that cannot be read, or that a killed git left locked, is made anew: the
    // mirror holds nothing that is not on a server.
    let usable = path.exists() && known.url == flux.url;
    let ours = if usable { mirror::refs(&path).ok() } else { None };
    let mut new = true;
    if let Some(ours) = ours {
        let theirs = mirror::ask(flux, environment)?;
        new = theirs != ours;
        if new {
            match mirror::fetch(flux, &theirs, environment, progress) {
                Err(RepoError::Git(why)) if mirror::is_damage(&why) => {
                    mirror::create(flux, environment, progress)?
                }
                fetched => fetched?,
            }
            known.rewritten = rewritten(flux, &ours, &theirs, environment);
        }
    } else {
        mirror::create(flux, environment, progress)?;
        known.rewritten = false;
    }
    let refs = mirror::refs(&path)?;
    known.url.clone_from(&flux.url);
    known.empty = refs.all.is_empty();
    known.heads =
        refs.all.keys().filter_map(|name| name.strip_prefix("refs/heads/")).map(str::to_owned).collect();
    known.missing = mirror::named(&path).filter(|_| refs.head.is_none() && !known.empty);
    known.head = refs.head;
    Ok(new)
}

/// True where the followed branch has lost commits it had.
fn rewritten(flux: &FluxRepository, before: &SideRefs, after: &SideRefs, environment: &Environment) -> bool {
    let branch = flux.branch.as_ref().or(before.head.as_ref());
    let tip = |refs: &SideRefs| refs.all.get(&format!("refs/heads/{}", branch?)).cloned();
    let (Some(old), Some(new)) = (tip(before), tip(after)) else { return false };
    // git itself is asked, which knows where a history is cut off. A mirror that was made anew no longer has the old commit: nothing led to it
    // any more.
    let arguments = ["merge-base", "--is-ancestor", old.as_str(), new.as_str()];
    old != new && local(&arguments, &flux.mirror(), environment).is_err()
}

/// Runs git on this machine alone.
pub(super) fn local(arguments: &[&str], dir: &Path, environment: &Environment) -> Result<String, RepoError> {
    run(git(arguments, dir, environment)?, LOCAL, &mut |_| {})
}

/// Makes the clone, or moves it forward.
fn checked_out(
    flux: &FluxRepository,
    wish: CloneWish,
    known: &RepositoryRecord,
    environment: &Environment,
) -> Result<(), RepoError> {
    let path = flux.clone_dir();
    if !path.join(".git").exists() {
        if path.exists() {
            return Err(RepoError::InTheWay {
                path,
                why: "exists and is not a clone; move it away".to_owned(),
            });
        }
        return first(flux, known, environment);
    }
    let Before { origin, current, level, unborn } = before(flux)?;
    if origin != flux.url {
        let origin = rwenv_gate::base::redact::redact(&origin);
        let why = format!("is a clone of {origin}; remove it with rwenv repo clean {}", flux.name);
        return Err(RepoError::InTheWay { path, why });
    }
    if current && level && wish == CloneWish::Forward {
        return Ok(());
    }
    if !current {
        renew(flux, environment)?;
    }
    if unborn {
        return on_branch(flux, known, &path, environment);
    }
    let now = status(flux)?;
    let Some(branch) = now.branch.clone() else { return Ok(()) };
    let target = format!("refs/remotes/origin/{branch}");
    let in_the_way = |why: &str| Err(RepoError::InTheWay { path: path.clone(), why: why.to_owned() });
    match (&now.state, wish) {
        (CloneState::Behind, _) => forward(&target, &path, environment),
        (CloneState::Dirty { .. }, CloneWish::ForwardWithChanges) if now.ahead == 0 => {
            forward(&target, &path, environment)
        }
        (CloneState::Dirty { .. }, CloneWish::Reset) => {
            in_the_way("has uncommitted changes; commit or stash them before --reset")
        }
        (CloneState::Diverged | CloneState::Ahead | CloneState::Rewritten, CloneWish::Reset) => {
            let backup = format!("{BACKUP}{}", clock::now().as_secs());
            local(&["update-ref", &backup, "HEAD"], &path, environment)?;
            local(&["reset", "-q", "--keep", &target], &path, environment).map(drop)
        }
        _ => Ok(()),
    }
}

/// A clone as it is before anything is done.
struct Before {
    /// Where it says it is from.
    origin: String,
    /// It has every ref of the mirror.
    current: bool,
    /// It is at what its branch has on the other side.
    level: bool,
    /// Nothing was ever checked out: the branch to follow was not there.
    unborn: bool,
}

fn before(flux: &FluxRepository) -> Result<Before, RepoError> {
    const REMOTE: &str = "refs/remotes/origin/";
    let ours = mirror::refs(&flux.mirror())?.all;
    let read = || -> Result<Before, git2::Error> {
        let repository = git2::Repository::open(flux.clone_dir())?;
        let origin = repository.config()?.get_string("remote.origin.url").unwrap_or_default();
        let mut known = BTreeMap::new();
        for reference in repository.references()?.filter_map(Result::ok) {
            if let (Ok(name), Some(target)) = (reference.name(), reference.target())
                && (name.starts_with(REMOTE) || name.starts_with("refs/tags/"))
            {
                known.insert(name.replacen(REMOTE, "refs/heads/", 1), target.to_string());
            }
        }
        let branches =
            |all: &BTreeMap<String, String>| all.keys().filter(|n| n.starts_with("refs/heads/")).count();
        let current = ours.iter().all(|ours| known.get_key_value(ours.0) == Some(ours))
            && branches(&known) == branches(&ours);
        let head = repository.head();
        let unborn = head.as_ref().is_err_and(|error| error.code() == git2::ErrorCode::UnbornBranch);
        let level = head.is_ok_and(|head| {
            let theirs = head.name().ok().and_then(|name| known.get(name));
            theirs.is_some() && theirs.cloned() == head.target().map(|id| id.to_string())
        });
        Ok(Before { origin, current, level, unborn })
    };
    read().map_err(|source| RepoError::Inspect { path: flux.clone_dir(), source })
}

/// Brings the clone's objects and its picture of the other side up to the mirror; no file is touched.
fn renew(flux: &FluxRepository, environment: &Environment) -> Result<(), RepoError> {
    let (path, mirror) = (flux.clone_dir(), flux.mirror());
    mirror::share(&mirror, &path)?;
    if !mirror::is_partial(&mirror) {
        // What the clone lacks nobody has any more.
        let mut config = git2::Repository::open(&path).and_then(|repository| repository.config());
        for key in ["promisor", "partialclonefilter"] {
            let _ = config.as_mut().map(|config| config.remove(&format!("remote.origin.{key}")));
        }
    }
    let mirror = mirror.display().to_string();
    let mut arguments =
        vec!["fetch", "-q", "--no-filter", "--update-shallow", "--prune", "--no-write-fetch-head"];
    arguments.extend(["--no-auto-maintenance", "--no-tags", "--", &mirror]);
    arguments.extend(["+refs/heads/*:refs/remotes/origin/*", "refs/tags/*:refs/tags/*"]);
    local(&arguments, &path, environment).map(drop)
}

/// git's own fast-forward, which leaves everything as it is where a changed file is in the way.
fn forward(target: &str, path: &Path, environment: &Environment) -> Result<(), RepoError> {
    local(&["merge", "-q", "--ff-only", target], path, environment).map(drop)
}

/// The clone, from the mirror: objects are shared by links, files are written once.
fn first(
    flux: &FluxRepository,
    known: &RepositoryRecord,
    environment: &Environment,
) -> Result<(), RepoError> {
    let folder = flux.folder();
    files::make_private_dir(&folder)?;
    let new = folder.join(format!(".new-{}", std::process::id()));
    let (target, mirror) = (new.display().to_string(), flux.mirror().display().to_string());
    let made = || -> Result<(), RepoError> {
        local(
            &["clone", "-q", "--local", "--no-checkout", "--template=", "--", &mirror, &target],
            &folder,
            environment,
        )?;
        let settings =
            [("url", flux.url.as_str()), ("promisor", "true"), ("partialclonefilter", mirror::FILTER)];
        let count = if mirror::is_partial(&flux.mirror()) { settings.len() } else { 1 };
        for (key, value) in settings.into_iter().take(count) {
            local(&["config", &format!("remote.origin.{key}"), value], &new, environment)?;
        }
        on_branch(flux, known, &new, environment)?;
        if let Some(rwenv) = program::beside("rwenv") {
            githooks::install(&new.join(".git/hooks"), &rwenv)?;
            githooks::remember(&flux.clone_dir().join(".git/hooks"), environment)?;
        }
        Ok(())
    };
    let path = flux.clone_dir();
    let placed = made().and_then(|()| Ok(fs::rename(&new, &path).map_err(|e| FileError::io(&path, e))?));
    if placed.is_err() {
        let _ = fs::remove_dir_all(&new);
    }
    placed
}

/// Writes the files of the branch to follow into a clone without any; of one that is not there, nothing.
fn on_branch(
    flux: &FluxRepository,
    known: &RepositoryRecord,
    clone: &Path,
    environment: &Environment,
) -> Result<(), RepoError> {
    let Some(branch) = known.followed(flux).filter(|branch| known.heads.contains(branch)) else {
        return Ok(());
    };
    let from = format!("refs/remotes/origin/{branch}");
    let workers = ["-c", "checkout.workers=0"];
    let checkout = ["checkout", "-q", "-B", &branch, "--track", &from];
    local(&[&workers[..], &checkout].concat(), clone, environment).map(drop)
}

/// Removes mirror and clone. A clone that holds something the other side lacks stays, or with `anyway` is moved aside; gives where
/// it lies then.
///
/// # Errors
/// Where something would be lost, or the system says no.
pub fn clean(flux: &FluxRepository, anyway: bool) -> Result<Option<PathBuf>, RepoError> {
    let _lock = lock(flux)?;
    sweep(flux);
    let path = flux.clone_dir();
    let mut kept = None;
    if path.exists() {
        // What cannot be looked at may hold something.
        let unsaved = if anyway {
            unsaved(flux).unwrap_or_else(|error| Some(error.to_string()))
        } else {
            unsaved(flux)?
        };
        if let Some(why) = unsaved {
            if !anyway {
                return Err(RepoError::InTheWay { path, why });
            }
            let aside = path.with_file_name(format!("{KEPT}{}", clock::now().as_secs()));
            fs::rename(&path, &aside).map_err(|e| FileError::io(&path, e))?;
            kept = Some(aside);
        }
    }
    for place in [path, flux.mirror()] {
        if place.exists() {
            fs::remove_dir_all(&place).map_err(|e| FileError::io(&place, e))?;
        }
    }
    let _ = fs::remove_file(flux.record());
    let _ = fs::remove_dir(flux.folder());
    Ok(kept)
}

/// Where the commits are kept that a clone's branches lost to [`CloneWish::Reset`], the newest last.
#[must_use]
pub fn backups(flux: &FluxRepository) -> Vec<String> {
    let repository = git2::Repository::open(flux.clone_dir()).ok();
    let names = |repository: &git2::Repository| -> Result<Vec<String>, git2::Error> {
        let all = repository.references_glob(&format!("{BACKUP}*"))?;
        Ok(all.filter_map(Result::ok).filter_map(|r| r.name().ok().map(str::to_owned)).collect())
    };
    let mut all = repository.and_then(|repository| names(&repository).ok()).unwrap_or_default();
    all.sort();
    all
}

/// What a clone holds that is nowhere else.
fn unsaved(flux: &FluxRepository) -> Result<Option<String>, RepoError> {
    let path = flux.clone_dir();
    let inspect = |source| RepoError::Inspect { path: path.clone(), source };
    if let CloneState::Dirty { files } = status(flux)?.state {
        return Ok(Some(format!("has {files} uncommitted changes")));
    }
    let repository = git2::Repository::open(&path).map_err(inspect)?;
    if repository.find_reference("refs/stash").is_ok() {
        return Ok(Some("has stashed changes".to_owned()));
    }
    let lost = || -> Result<Option<String>, git2::Error> {
        let mut walk = repository.revwalk()?;
        walk.push_glob("refs/heads/*")?;
        walk.push_glob("refs/rwenv/*")?;
        walk.hide_glob("refs/remotes/origin/*")?;
        let count = walk.count();
        Ok((count > 0).then(|| format!("has {count} commits that the remote does not have")))
    };
    lost().map_err(inspect)
}
