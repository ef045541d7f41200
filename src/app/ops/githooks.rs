//! Git's hooks, in one repository or in all of them: ours put in and taken out. What a hook's script is and how it stands
//! beside others is in `host::githooks`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;

use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::objects::{Budget, ObjectRepository};
use rwenv_gate::setup::githooks::{
    PRE_PUSH, asks, earlier, forget, global, hooked_list_path, install, is_ours, remember, uninstall,
};

/// How a hook that a team shares asks rwenv: a script of ours has a path of this machine in it. The first line is not part
/// of what is added to one that is there.
const SHARED: &str = include_str!("../../../hooks/git/shared");

/// The hooks of one repository, or of all of them.
pub struct Hooks<'e> {
    repository: ObjectRepository,
    folder: PathBuf,
    global: bool,
    environment: &'e Environment,
}

/// How git asks before it pushes.
#[derive(Debug, Serialize)]
pub struct HookState {
    /// The hook git runs.
    pub hook: PathBuf,
    /// It asks rwenv.
    pub installed: bool,
    /// The hooks that run after ours.
    pub chained: Vec<PathBuf>,
}

impl<'e> Hooks<'e> {
    /// Those of the repository that a directory is in.
    ///
    /// # Errors
    /// If it is in none, and not all repositories are meant.
    pub fn of(dir: &Path, global: bool, environment: &'e Environment) -> anyhow::Result<Self> {
        let repository = ObjectRepository::at(dir, environment, Budget::ample())?;
        let folder = if global { global::folder(environment) } else { folder(&repository)? };
        Ok(Self { repository, folder, global, environment })
    }

    /// True where installing would set git's folder of hooks for all repositories.
    #[must_use]
    pub fn would_be_set(&self) -> bool {
        self.global && Path::new(&setting(&self.repository)) != self.folder
    }

    /// Has git ask before it pushes.
    ///
    /// # Errors
    /// If others would get the hook with the repository, or the system says no.
    pub fn install(&self) -> anyhow::Result<()> {
        if self.global {
            return everywhere(&self.repository, self.environment);
        }
        shared(&self.folder, &self.repository, self.environment)?;
        install(&self.folder, &std::env::current_exe()?)?;
        Ok(remember(&self.folder, self.environment)?)
    }

    /// Takes our hook out. Gives the hooks that stay where they are kept.
    ///
    /// # Errors
    /// If the system says no.
    pub fn uninstall(&self) -> anyhow::Result<Vec<PathBuf>> {
        if self.global {
            nowhere(&self.repository, self.environment)?;
            return Ok(Vec::new());
        }
        let kept = uninstall(&self.folder)?;
        forget(&self.folder, self.environment)?;
        Ok(kept)
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> HookState {
        let hook = self.folder.join(PRE_PUSH);
        let chained = if is_ours(&hook) { earlier(&self.folder) } else { Vec::new() };
        HookState { installed: asks(&hook), chained, hook }
    }
}

/// The folder git takes hooks from here.
fn folder(repository: &ObjectRepository) -> anyhow::Result<PathBuf> {
    let path = repository.text(&["rev-parse", "--path-format=absolute", "--git-path", "hooks"]);
    Ok(PathBuf::from(path.context("this is not a git repository; name one, or use --global")?))
}

/// Refuses a folder whose files are committed, or would be: nothing of this machine is written there.
fn shared(hooks: &Path, repository: &ObjectRepository, environment: &Environment) -> anyhow::Result<()> {
    let hook = hooks.join(PRE_PUSH);
    let Some(there) = hooks.ancestors().find_map(|dir| fs::canonicalize(dir).ok()) else { return Ok(()) };
    let below = |option: &str| {
        let top = repository.text(&["rev-parse", "--path-format=absolute", option]).ok();
        top.and_then(|top| fs::canonicalize(top).ok()).is_some_and(|top| there.starts_with(top))
    };
    if asks(&hook) || below("--git-common-dir") {
        return Ok(());
    }
    let around = ObjectRepository::at(&there, environment, Budget::ample())?;
    let tracks = || around.text(&["ls-files", "--", "."]).is_ok_and(|files| !files.is_empty());
    let real = fs::canonicalize(hooks).unwrap_or_else(|_| hooks.to_owned());
    let ignored = || {
        let path = real.join(PRE_PUSH);
        path.to_str().is_some_and(|path| around.run(&["check-ignore", "-q", "--", path]).is_ok())
    };
    let why = if real == there && tracks() {
        "git tracks files in this folder, and others get them"
    } else if below("--show-toplevel") && !ignored() {
        "it is in the working tree, and others get it with the next commit"
    } else {
        return Ok(());
    };
    let what = if hook.exists() {
        "add these lines to it, below the first"
    } else {
        "make it, executable: a first line of #!/bin/sh, then these"
    };
    bail!(
        "{}: {why}. Nothing was written, so rwenv is not asked before a push\n  instead: {what}; they ask rwenv where there \
         is one\n\n{}",
        hook.display(),
        SHARED.split_once('\n').map_or(SHARED, |(_, lines)| lines.trim_end())
    )
}

/// In how many places git asks us before it pushes, and those it no longer does in.
#[must_use]
pub fn count_hooked(environment: &Environment) -> (usize, Vec<PathBuf>) {
    let text = files::read(&hooked_list_path(environment)).ok().flatten().unwrap_or_default();
    let listed = text.lines().map(PathBuf::from).filter(|hooks| hooks.is_dir());
    let (ours, lost): (Vec<_>, Vec<_>) =
        listed.map(|hooks| hooks.join(PRE_PUSH)).partition(|hook| asks(hook));
    let everywhere = usize::from(asks(&global::folder(environment).join(PRE_PUSH)));
    (ours.len() + everywhere, lost)
}

/// Takes our hooks out of every repository they were put in, and out of git's own configuration. Says out of which folders.
///
/// # Errors
/// If the system says no.
pub fn remove_all(environment: &Environment) -> anyhow::Result<Vec<PathBuf>> {
    let known = files::read(&hooked_list_path(environment))?.unwrap_or_default();
    let mut gone = Vec::new();
    for hooks in known.lines().map(PathBuf::from).filter(|hooks| hooks.is_dir()) {
        let ours = is_ours(&hooks.join(PRE_PUSH));
        uninstall(&hooks)?;
        gone.extend(ours.then_some(hooks));
    }
    let _ = fs::remove_file(hooked_list_path(environment));
    let everywhere = global::folder(environment);
    if everywhere.is_dir() {
        nowhere(&ObjectRepository::at(Path::new("/"), environment, Budget::ample())?, environment)?;
        gone.push(everywhere);
    }
    Ok(gone)
}

fn everywhere(repository: &ObjectRepository, environment: &Environment) -> anyhow::Result<()> {
    let folder = global::folder(environment);
    let own = folder.to_str().context("the path of the hooks is not valid UTF-8")?;
    let set = setting(repository);
    files::make_private_dir(&folder)?;
    if !set.is_empty() && set != own {
        files::write(&global::previous(environment), &format!("{set}\n"), 0o600)?;
    }
    let placed = global::write(&std::env::current_exe()?, environment)
        .map_err(anyhow::Error::from)
        .and_then(|()| Ok(repository.run(&["config", "--global", "core.hooksPath", own])?));
    if set != own && placed.is_err() {
        global::remove_all(environment)?;
    }
    placed.map(drop)
}

fn nowhere(repository: &ObjectRepository, environment: &Environment) -> anyhow::Result<()> {
    let folder = global::folder(environment);
    if Path::new(&setting(repository)) == folder {
        match files::read(&global::previous(environment))? {
            Some(before) => repository.run(&["config", "--global", "core.hooksPath", before.trim()])?,
            None => repository.run(&["config", "--global", "--unset", "core.hooksPath"])?,
        };
    }
    if folder.is_dir() {
        global::remove_all(environment)?;
    }
    Ok(())
}

/// The folder of hooks the user has set for all repositories; empty where there is none.
fn setting(repository: &ObjectRepository) -> String {
    repository.text(&["config", "--global", "--get", "core.hooksPath"]).unwrap_or_default()
}
