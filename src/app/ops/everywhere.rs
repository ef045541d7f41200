//! Git's hooks in all repositories. Where git does not start hooks from its configuration (before 2.54), ours goes into the template
//! of new repositories, and into each that is there. A folder set by `core.hooksPath` would do it at once, but takes the place of every
//! repository's own hooks, shuts other managers out, and starts a shell at each commit.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::githooks::{self, GitConfigLevel, HookState, Hooks, can_be_configured, shared};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::binding::selection;
use rwenv_gate::facts::objects::{Budget, ObjectRepository};
use rwenv_gate::setup::githooks::{
    PRE_PUSH, asks, forget, hooked_list_path, install, remember, template, uninstall,
};

/// Folders below the start that are looked through for repositories.
const DEPTH: usize = 8;
/// Folders that hold what a machine made: thousands of folders, and no clone of a person's.
const MADE: [&str; 4] = ["node_modules", "target", "vendor", "venv"];

/// The repositories that got the hook, and those that did not, with why.
#[derive(Debug, Default, Serialize)]
pub struct ReachedRepositories {
    /// Their hooks.
    #[serde(rename = "repositories")]
    pub hooks: Vec<PathBuf>,
    /// What was said of the others.
    pub refused: Vec<String>,
}

/// The hooks of all repositories of the person.
pub struct Everywhere<'e> {
    git: ObjectRepository,
    /// The repositories that are there are looked for below this folder.
    top: PathBuf,
    environment: &'e Environment,
}

impl<'e> Everywhere<'e> {
    /// Those of the repositories below a folder, by default the person's home, and of those to come.
    ///
    /// # Errors
    /// If that is no folder.
    pub fn below(dir: Option<&Path>, environment: &'e Environment) -> anyhow::Result<Self> {
        let top = dir.map_or_else(|| environment.home.clone(), Path::to_owned);
        if !top.is_dir() {
            bail!("{} is not a folder", top.display());
        }
        let git = ObjectRepository::at(&environment.home, environment, Budget::ample())?;
        Ok(Self { git, top, environment })
    }

    fn common(&self) -> anyhow::Result<Common> {
        common(&self.git, self.environment)
    }

    /// True where each repository gets a hook of its own, because git looks at nothing that is set for all of them.
    #[must_use]
    pub fn goes_into_each(&self) -> bool {
        !can_be_configured(&self.git) && self.common().is_ok_and(|common| common.template.is_some())
    }

    /// Has git ask before it pushes. Says which repositories got a hook of their own.
    ///
    /// # Errors
    /// If git is set to look for hooks in a folder of each repository's, others would get the hook, or the system says no.
    pub fn install(&self) -> anyhow::Result<ReachedRepositories> {
        if can_be_configured(&self.git) {
            GitConfigLevel::Global.configure(&self.git)?;
            return self.leave_folders().map(|_| ReachedRepositories::default());
        }
        let common = self.common()?;
        common.install(&self.git, self.environment)?;
        let into_each = common.template.is_some();
        Ok(if into_each {
            install_below(&self.top, self.environment)
        } else {
            ReachedRepositories::default()
        })
    }

    /// Takes our hook out. Gives the hooks that stay where they are kept.
    ///
    /// # Errors
    /// If the system says no.
    pub fn uninstall(&self) -> anyhow::Result<Vec<PathBuf>> {
        if GitConfigLevel::Global.is_configured(&self.git) {
            GitConfigLevel::Global.clear(&self.git)?;
        }
        self.leave_folders()
    }

    /// How it is for repositories to come.
    #[must_use]
    pub fn state(&self) -> HookState {
        if GitConfigLevel::Global.is_configured(&self.git) {
            return HookState::configured(self.environment.home.join(".gitconfig"), &self.git);
        }
        let common = self.common();
        let hooks = common
            .as_ref()
            .map_or_else(|_| template::path(self.environment).join("hooks"), |c| c.hooks.clone());
        let state = HookState::in_folder(&hooks);
        let counts = common.is_ok_and(|common| common.counts(&self.git, self.environment));
        HookState { installed: state.installed && counts, ..state }
    }

    /// Takes our hook out of the folders that git looks at for all repositories, and out of each repository that got one.
    fn leave_folders(&self) -> anyhow::Result<Vec<PathBuf>> {
        let Ok(common) = self.common() else { return Ok(Vec::new()) };
        let was_there = asks(&common.hooks.join(PRE_PUSH));
        common.uninstall(&self.git, self.environment)?;
        if was_there && common.template.is_some() {
            uninstall_below(&self.top, self.environment)
        } else {
            Ok(Vec::new())
        }
    }
}

/// Takes our hooks out of every repository, and out of git's own configuration. Says out of which folders.
///
/// # Errors
/// If the system says no.
pub fn remove_all(environment: &Environment) -> anyhow::Result<Vec<PathBuf>> {
    let template = template::path(environment);
    let made = template.is_dir();
    if made {
        Everywhere::below(None, environment)?.leave_folders()?;
    }
    let mut gone = githooks::remove_known(environment)?;
    gone.extend(made.then_some(template));
    Ok(gone)
}

/// Where git takes hooks from for all repositories, or for those to come.
struct Common {
    /// The folder of hooks.
    hooks: PathBuf,
    /// It is a template: repositories that are there take nothing from it.
    template: Option<PathBuf>,
}

/// Finds it, as the person's configuration says.
///
/// # Errors
/// Where the folder that is set is relative to each repository.
fn common(git: &ObjectRepository, environment: &Environment) -> anyhow::Result<Common> {
    let set = |key: &str| git.text(&["config", "--global", "--get", key]).ok().filter(|set| !set.is_empty());
    let absolute = |key: &str, value: &str| {
        template::absolute(value, environment).with_context(|| {
            format!("{key} is {value}, which is relative to each repository\n  instead: rwenv hooks install in each")
        })
    };
    if let Some(value) = set("core.hooksPath") {
        return Ok(Common { hooks: absolute("core.hooksPath", &value)?, template: None });
    }
    let dir = match set("init.templateDir") {
        Some(value) => absolute("init.templateDir", &value)?,
        None => template::path(environment),
    };
    Ok(Common { hooks: dir.join("hooks"), template: Some(dir) })
}

impl Common {
    /// Puts our hook in.
    fn install(&self, git: &ObjectRepository, environment: &Environment) -> anyhow::Result<()> {
        let ours = self.template.as_deref().filter(|dir| template::is_ours(dir, environment));
        if let Some(dir) = ours {
            make(dir, git, environment)?;
        } else {
            shared(&self.hooks, git, environment)?;
        }
        install(&self.hooks, &std::env::current_exe()?)?;
        let Some(dir) = ours else { return Ok(remember(&self.hooks, environment)?) };
        let path = dir.to_str().context("the path of the template is not valid UTF-8")?;
        git.run(&["config", "--global", "init.templateDir", path])
            .inspect_err(|_| drop(fs::remove_dir_all(dir)))?;
        Ok(())
    }

    /// Takes it out.
    fn uninstall(&self, git: &ObjectRepository, environment: &Environment) -> anyhow::Result<()> {
        let Some(dir) = self.template.as_deref().filter(|dir| template::is_ours(dir, environment)) else {
            uninstall(&self.hooks)?;
            return Ok(forget(&self.hooks, environment)?);
        };
        let _ = git.run(&["config", "--global", "--unset", "init.templateDir"]);
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// True where git looks here.
    fn counts(&self, git: &ObjectRepository, environment: &Environment) -> bool {
        let set = || git.text(&["config", "--global", "--get", "init.templateDir"]).is_ok();
        !self.template.as_deref().is_some_and(|dir| template::is_ours(dir, environment)) || set()
    }
}

/// Makes a template with all that git's own has: a template takes the place of git's.
fn make(dir: &Path, git: &ObjectRepository, environment: &Environment) -> anyhow::Result<()> {
    files::make_private_dir(&environment.config_dir)?;
    let made = dir.with_extension("new");
    let path = made.to_str().context("the path of the template is not valid UTF-8")?;
    git.run(&["init", "--quiet", "--bare", path])?;
    fs::create_dir_all(dir)?;
    for part in template::PARTS {
        let (from, to) = (made.join(part), dir.join(part));
        if from.exists() && !to.exists() {
            fs::rename(&from, &to)?;
        }
    }
    Ok(fs::remove_dir_all(made)?)
}

/// Puts our hook into each repository below a folder.
fn install_below(top: &Path, environment: &Environment) -> ReachedRepositories {
    let mut reached = ReachedRepositories::default();
    each(top, environment, |hooks| {
        let hook = hooks.folder.join(PRE_PUSH);
        match hooks.install() {
            Ok(()) => reached.hooks.push(hook),
            Err(error) => {
                reached.refused.push(format!("{error}"));
                // Where a rwenv is selected, the doctor names it as long as git does not ask.
                let selected = hooks.folder.parent().is_some_and(|dir| selection(dir, environment).is_some());
                if selected {
                    let _ = remember(&hooks.folder, environment);
                }
            }
        }
    });
    reached
}

/// Takes our hook out of each repository below a folder, and of those where it is known to be. Gives the hooks of others that
/// stay where they are kept.
fn uninstall_below(top: &Path, environment: &Environment) -> anyhow::Result<Vec<PathBuf>> {
    let mut kept = Vec::new();
    let known = files::read(&hooked_list_path(environment))?.unwrap_or_default();
    for folder in known.lines().map(PathBuf::from).filter(|place| place.is_dir()) {
        kept.extend(uninstall(&folder)?);
        forget(&folder, environment)?;
    }
    let mut failed = None;
    each(top, environment, |hooks| match hooks.uninstall() {
        Ok(more) => kept.extend(more),
        Err(error) => failed = Some(error),
    });
    failed.map_or(Ok(kept), Err)
}

/// Does something for each repository below a folder, once for those that share their hooks.
fn each(top: &Path, environment: &Environment, mut act: impl FnMut(&Hooks<'_>)) {
    let mut done = Vec::new();
    let mut found = Vec::new();
    look(top, DEPTH, &mut found);
    for dir in found {
        let Ok(hooks) = Hooks::of(&dir, environment) else { continue };
        if !done.contains(&hooks.folder) {
            act(&hooks);
            done.push(hooks.folder.clone());
        }
    }
}

/// Finds the repositories in a folder and in those below it, but none within another. Hidden folders are a program's, not a
/// person's. A home may be a repository itself, of a person's settings.
fn look(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if dir.join(".git").exists() || ["HEAD", "objects", "refs"].iter().all(|part| dir.join(part).exists()) {
        found.push(dir.to_owned());
        if depth < DEPTH {
            return;
        }
    }
    let Some(entries) = fs::read_dir(dir).ok().filter(|_| depth > 0) else { return };
    let looked_in = |name: &str| !name.starts_with('.') && !MADE.contains(&name);
    let mut dirs: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| looked_in(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    dirs.sort();
    dirs.iter().for_each(|dir| look(dir, depth - 1, found));
}
