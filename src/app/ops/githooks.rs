//! Git's hooks in one repository: ours put in and taken out. What a hook's script is and how it stands beside others is in the
//! gate's `setup::githooks`; all repositories at once are in `everywhere`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;

use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::doors::chain::{LFS, keeps};
use rwenv_gate::facts::objects::{Budget, ObjectRepository};
use rwenv_gate::setup::githooks::configured::{self, SECTION};
use rwenv_gate::setup::githooks::{
    PRE_PUSH, asks, earlier, forget, hooked_list_path, install, is_ours, remember, script_contains, template,
    uninstall,
};

/// How a hook that a team shares asks rwenv: a script of ours has a path of this machine in it. The first line is not part
/// of what is added to one that is there.
const SHARED: &str = include_str!("../../../hooks/git/shared");

/// The hooks of one repository.
pub struct Hooks<'e> {
    repository: ObjectRepository,
    /// The folder git takes hooks from here.
    pub(super) folder: PathBuf,
    environment: &'e Environment,
}

/// How git asks before it pushes.
#[derive(Debug, Serialize)]
pub struct HookState {
    /// The hook git runs, or the file that configures it.
    pub hook: PathBuf,
    /// It asks rwenv.
    pub installed: bool,
    /// It stands in git's configuration, beside every other hook.
    pub configured: bool,
    /// The hooks that run after ours.
    pub chained: Vec<PathBuf>,
}

impl<'e> Hooks<'e> {
    /// Those of the repository that a directory is in.
    ///
    /// # Errors
    /// If it is in none.
    pub fn of(dir: &Path, environment: &'e Environment) -> anyhow::Result<Self> {
        let repository = ObjectRepository::at(dir, environment, Budget::ample())?;
        let folder = folder(&repository)?;
        Ok(Self { repository, folder, environment })
    }

    /// The repository's own configuration of git.
    fn file(&self) -> PathBuf {
        let common = self.repository.text(&["rev-parse", "--path-format=absolute", "--git-common-dir"]);
        PathBuf::from(common.unwrap_or_default()).join("config")
    }

    /// Has git's configuration name our hook, and takes what stood in its place.
    fn configure(&self) -> anyhow::Result<()> {
        GitConfigLevel::Local.configure(&self.repository)?;
        for folder in [Some(self.folder.clone()), self.own()].into_iter().flatten() {
            if is_ours(&folder.join(PRE_PUSH)) {
                uninstall(&folder)?;
                forget(&folder, self.environment)?;
            }
        }
        Ok(remember(&self.file(), self.environment)?)
    }

    /// Has git ask before it pushes.
    ///
    /// # Errors
    /// If others would get the hook with the repository, or the system says no.
    pub fn install(&self) -> anyhow::Result<()> {
        if can_be_configured(&self.repository) {
            return self.configure();
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
        if GitConfigLevel::Local.is_configured(&self.repository) {
            GitConfigLevel::Local.clear(&self.repository)?;
            forget(&self.file(), self.environment)?;
        }
        let mut kept = uninstall(&self.folder)?;
        forget(&self.folder, self.environment)?;
        // Another tool may have set its own folder since: ours would come back with the end of that setting.
        if let Some(own) = self.own().filter(|own| is_ours(&own.join(PRE_PUSH))) {
            kept.extend(uninstall(&own)?);
            forget(&own, self.environment)?;
        }
        Ok(kept)
    }

    /// True where the repository keeps files in git-lfs and, with our hook, the start of it has gone: it leaves a hook of ours alone, so
    /// it may have none of its own.
    #[must_use]
    pub fn needs_lfs(&self) -> bool {
        let tips = ["HEAD".to_owned()];
        !script_contains(&self.folder.join(PRE_PUSH), &LFS) && keeps(&self.repository, &tips)
    }

    /// The repository's own folder of hooks, whatever is set.
    fn own(&self) -> Option<PathBuf> {
        let common =
            self.repository.text(&["rev-parse", "--path-format=absolute", "--git-common-dir"]).ok()?;
        Some(PathBuf::from(common).join("hooks")).filter(|own| *own != self.folder)
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> HookState {
        if GitConfigLevel::Local.is_configured(&self.repository) {
            return HookState::configured(self.file(), &self.repository);
        }
        HookState::in_folder(&self.folder)
    }
}

impl HookState {
    /// How a hook is that stands in git's configuration.
    pub(super) fn configured(file: PathBuf, git: &ObjectRepository) -> Self {
        Self { hook: file, installed: can_be_configured(git), configured: true, chained: Vec::new() }
    }

    /// How the hook of a folder is.
    pub(super) fn in_folder(folder: &Path) -> Self {
        let hook = folder.join(PRE_PUSH);
        let chained = if is_ours(&hook) { earlier(folder) } else { Vec::new() };
        Self { installed: asks(&hook), configured: false, chained, hook }
    }
}

/// Which of git's configurations names our hook.
#[derive(Clone, Copy)]
pub(super) enum GitConfigLevel {
    Local,
    Global,
}

impl GitConfigLevel {
    fn option(self) -> &'static str {
        match self {
            Self::Local => "--local",
            Self::Global => "--global",
        }
    }

    pub(super) fn is_configured(self, git: &ObjectRepository) -> bool {
        let event = git.text(&["config", self.option(), "--get", &format!("{SECTION}.event")]);
        event.is_ok_and(|event| event == PRE_PUSH)
    }

    pub(super) fn configure(self, git: &ObjectRepository) -> anyhow::Result<()> {
        for (key, value) in configured::settings(&std::env::current_exe()?)? {
            git.run(&["config", self.option(), &key, &value])?;
        }
        Ok(())
    }

    pub(super) fn clear(self, git: &ObjectRepository) -> anyhow::Result<()> {
        git.run(&["config", self.option(), "--remove-section", SECTION])?;
        Ok(())
    }
}

/// True where this machine's git starts hooks that are configured.
pub(super) fn can_be_configured(git: &ObjectRepository) -> bool {
    git.text(&["version"]).is_ok_and(|version| configured::is_known_to(&version))
}

/// The folder git takes hooks from here.
fn folder(repository: &ObjectRepository) -> anyhow::Result<PathBuf> {
    let path = repository.text(&["rev-parse", "--path-format=absolute", "--git-path", "hooks"]);
    Ok(PathBuf::from(path.context("this is not a git repository; name one, or use --global")?))
}

/// Refuses a folder whose files are committed, or would be: nothing of this machine is written there.
pub(super) fn shared(
    hooks: &Path,
    repository: &ObjectRepository,
    environment: &Environment,
) -> anyhow::Result<()> {
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
    let what = match fs::read_to_string(&hook) {
        Ok(text) => format!("add these lines to it, below line {}", first_free_line(&text)),
        Err(_) => "make it, executable: a first line of #!/bin/sh, then these".to_owned(),
    };
    bail!(
        "{}: {why}. Nothing was written, so rwenv is not asked before a push\n  instead: {what}; they ask rwenv where there \
         is one\n\n{}",
        hook.display(),
        SHARED.split_once('\n').map_or(SHARED, |(_, lines)| lines.trim_end())
    )
}

/// The line below which a script may be added to: the one that says what runs it, or that of husky 8, which starts the script again.
fn first_free_line(text: &str) -> usize {
    text.lines().position(|line| line.contains("/husky.sh")).map_or(1, |at| at + 1)
}

/// In how many places git asks us before it pushes, and those it no longer does in.
#[must_use]
pub fn count_hooked(environment: &Environment) -> (usize, Vec<PathBuf>) {
    let text = files::read(&hooked_list_path(environment)).ok().flatten().unwrap_or_default();
    let (files, folders): (Vec<_>, Vec<_>) =
        text.lines().map(PathBuf::from).filter(|place| place.exists()).partition(|place| place.is_file());
    let asked =
        |hook: &PathBuf| asks(hook) && hook.parent().is_none_or(|hooks| is_looked_in(hooks, environment));
    let (mut ours, mut lost): (Vec<_>, Vec<_>) =
        folders.iter().map(|hooks| hooks.join(PRE_PUSH)).partition(asked);
    for file in files {
        let there = configures(&file, environment);
        if there { ours.push(file) } else { lost.push(file) }
    }
    ours.extend(Some(environment.home.join(".gitconfig")).filter(|file| configures(file, environment)));
    let coming = usize::from(asks(&template::path(environment).join("hooks").join(PRE_PUSH)));
    (ours.len() + coming, lost)
}

/// True for a folder that git takes the hooks of the repository around it from, as far as git can say.
fn is_looked_in(hooks: &Path, environment: &Environment) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let repository = ObjectRepository::at(hooks, environment, Budget::ample()).ok();
    let set = repository.and_then(|repository| folder(&repository).ok());
    set.is_none_or(|set| real(&set) == real(hooks))
}

/// True for a file of git's configuration that names our hook, where git starts it.
fn configures(file: &Path, environment: &Environment) -> bool {
    let Ok(git) = ObjectRepository::at(Path::new("/"), environment, Budget::ample()) else { return false };
    let file = file.to_string_lossy();
    git.text(&["config", "-f", &file, "--get", &format!("{SECTION}.event")])
        .is_ok_and(|event| event == PRE_PUSH)
        && can_be_configured(&git)
}

/// Takes our hooks out of every repository they are known to be in, and out of git's own configuration. Says out of which folders.
///
/// # Errors
/// If the system says no.
pub(super) fn remove_known(environment: &Environment) -> anyhow::Result<Vec<PathBuf>> {
    let known = files::read(&hooked_list_path(environment))?.unwrap_or_default();
    let mut gone = Vec::new();
    let git = ObjectRepository::at(Path::new("/"), environment, Budget::ample())?;
    for file in known
        .lines()
        .map(PathBuf::from)
        .filter(|file| file.is_file())
        .chain([environment.home.join(".gitconfig")])
    {
        if git.run(&["config", "-f", &file.to_string_lossy(), "--remove-section", SECTION]).is_ok() {
            gone.push(file);
        }
    }
    for hooks in known.lines().map(PathBuf::from).filter(|hooks| hooks.is_dir()) {
        let ours = is_ours(&hooks.join(PRE_PUSH));
        uninstall(&hooks)?;
        gone.extend(ours.then_some(hooks));
    }
    let _ = fs::remove_file(hooked_list_path(environment));
    Ok(gone)
}
