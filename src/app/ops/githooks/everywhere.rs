//! Hooks for all repositories, where git does not start hooks from its configuration (before 2.54): in the template of new
//! repositories, and in each that is there. A folder set by `core.hooksPath` would do it at once, but takes the place of every
//! repository's own hooks, shuts other managers out, and starts a shell at each commit.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::{Hooks, shared};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::objects::ObjectRepository;
use rwenv_gate::setup::githooks::{
    PRE_PUSH, forget, hooked_list_path, install, remember, template, uninstall,
};

/// Folders below the start that are looked through for repositories.
const DEPTH: usize = 8;
/// Folders that hold what a machine made: thousands of folders, and no clone of a person's.
const MADE: [&str; 4] = ["node_modules", "target", "vendor", "venv"];

/// The repositories that got the hook, and those that did not, with why.
#[derive(Debug, Default, Serialize)]
pub struct Reached {
    /// Their hooks.
    #[serde(rename = "repositories")]
    pub hooks: Vec<PathBuf>,
    /// What was said of the others.
    pub refused: Vec<String>,
}

/// Where git takes hooks from for all repositories, or for those to come.
pub(super) struct Common {
    /// The folder of hooks.
    pub(super) hooks: PathBuf,
    /// It is a template: repositories that are there take nothing from it.
    template: Option<PathBuf>,
}

/// Finds it, as the person's configuration says.
///
/// # Errors
/// Where the folder that is set is relative to each repository.
pub(super) fn common(git: &ObjectRepository, environment: &Environment) -> anyhow::Result<Common> {
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
    pub(super) fn install(&self, git: &ObjectRepository, environment: &Environment) -> anyhow::Result<()> {
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
    pub(super) fn uninstall(&self, git: &ObjectRepository, environment: &Environment) -> anyhow::Result<()> {
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

    /// True where repositories that are there need a hook of their own.
    pub(super) fn is_template(&self) -> bool {
        self.template.is_some()
    }

    /// True where git looks here.
    pub(super) fn counts(&self, git: &ObjectRepository, environment: &Environment) -> bool {
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
pub(super) fn install_below(top: &Path, environment: &Environment) -> Reached {
    let mut reached = Reached::default();
    each(top, environment, |hooks| {
        let hook = hooks.folder.join(PRE_PUSH);
        match hooks.install() {
            Ok(_) => reached.hooks.push(hook),
            Err(error) => reached.refused.push(format!("{error}")),
        }
    });
    reached
}

/// Takes our hook out of each repository below a folder, and of those where it is known to be. Gives the hooks of others that
/// stay where they are kept.
pub(super) fn uninstall_below(top: &Path, environment: &Environment) -> anyhow::Result<Vec<PathBuf>> {
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

/// The folder below which repositories are looked for.
///
/// # Errors
/// Where it is no folder.
pub(super) fn top(dir: Option<&Path>, environment: &Environment) -> anyhow::Result<PathBuf> {
    let top = dir.map_or_else(|| environment.home.clone(), Path::to_owned);
    if !top.is_dir() {
        bail!("{} is not a folder", top.display());
    }
    Ok(top)
}
