//! Where paths lead, and which of the guard's files lie there: by the file that is meant, whatever it is called.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use crate::base::environment::{self, Environment};
use crate::base::program;
use crate::facts::agent;
use rwenv_core::classify;
use rwenv_core::model::{Context, Lead, glob};

/// Most links that are followed.
const MOST_LINKS: usize = 40;
/// Largest file of settings that is looked into.
const LARGEST: u64 = 1 << 20;
/// What stands in a start file that puts the shims on `PATH`.
pub(super) const SHIMS: &str = "rwenv";
/// Other agents' variables for where their settings are, and the folder these are in otherwise.
const HOMES: [(&str, &str); 4] = [
    ("CODEX_HOME", ".codex"),
    ("COPILOT_HOME", ".copilot"),
    ("CLAUDE_CONFIG_DIR", ".claude"),
    ("XDG_CONFIG_HOME", ".config"),
];

/// A file or folder of the guard's.
struct GuardedFile {
    /// The name under which the tables know it.
    name: String,
    /// Where it is said to lie.
    path: PathBuf,
    /// Where it really lies.
    real: PathBuf,
    /// Something is there.
    there: bool,
}

impl GuardedFile {
    /// Device and number of what is there.
    fn id(&self) -> Option<(u64, u64)> {
        let meta = self.there.then(|| fs::metadata(&self.real).ok()).flatten();
        meta.map(|meta| (meta.dev(), meta.ino()))
    }
}

/// The guard's files on this machine.
pub(super) struct Guarded {
    files: Vec<GuardedFile>,
    real: RealPaths,
    cwd: PathBuf,
    home: PathBuf,
}

impl Guarded {
    /// Finds them: in the home directory, where variables of agents say, in the directory at hand, and beside this program.
    pub(super) fn of(context: &Context, environment: &Environment) -> Self {
        let home = Path::new(&context.home);
        let tables = classify::tools();
        let mut all: Vec<(String, PathBuf)> = Vec::new();
        let mut add = |name: PathBuf, path: PathBuf| all.push((name.display().to_string(), path));
        let moved = |(variable, folder)| Some((folder, environment::var(variable).map(PathBuf::from)?));
        let moved: Vec<(&str, PathBuf)> =
            HOMES.into_iter().filter_map(moved).filter(|(_, dir)| dir.is_absolute()).collect();
        for rest in tables.programs.at_home {
            add(home.join(rest), home.join(rest));
            for (folder, dir) in &moved {
                if let Ok(rest) = Path::new(rest).strip_prefix(folder) {
                    add(home.join(folder).join(rest), dir.join(rest));
                }
            }
        }
        let settings = agent::claude_settings(environment);
        add(home.join(".claude/settings.json"), settings);
        add(environment.config_dir.clone(), environment.config_dir.clone());
        add(environment.config_dir.join("envs.json"), environment.config_dir.join("envs.json"));
        for name in ["rwenv", "rwenvd", "rwenv-hook"] {
            if let Some(path) = program::beside(name) {
                add(Path::new("/bin").join(name), path);
            }
        }
        let cwd = Path::new(&context.cwd);
        if cwd != home {
            for rest in [".claude/rwenv", ".claude/settings.json", ".claude/settings.local.json"] {
                add(cwd.join(rest), cwd.join(rest));
            }
        }
        let mut real = RealPaths::default();
        let files = all.into_iter().map(|(name, path)| {
            let Real { path: real, there } = real.of(&path);
            GuardedFile { name, path, real, there }
        });
        let files = files.collect();
        Self { files, cwd: real.of(cwd).path, home: home.to_owned(), real }
    }

    /// Where a path leads.
    pub(super) fn lead(&mut self, path: &str) -> Lead {
        let Real { path: place, .. } = self.real.of(Path::new(path));
        let meta = fs::metadata(&place).ok();
        let id = meta.as_ref().filter(|meta| meta.is_file()).map(|meta| (meta.dev(), meta.ino()));
        let mut names = vec![place.display().to_string()];
        for file in &self.files {
            if let Some(rest) = below(&place, &file.real) {
                names.push(Path::new(&file.name).join(rest).display().to_string());
            } else if id.is_some() && id == file.id() {
                names.push(file.name.clone());
            }
        }
        let small = meta.as_ref().is_some_and(|meta| meta.is_file() && meta.len() <= LARGEST);
        if small && registers(&place) {
            names.push(self.home.join(".claude/settings.json").display().to_string());
        }
        names.iter_mut().for_each(|name| name.truncate(name.trim_end_matches('/').len()));
        names.retain(|name| name != path);
        let carries = small && carries(path, &place);
        Lead { exists: fs::symlink_metadata(path).is_ok(), names, holds: self.holds(path, &place), carries }
    }

    /// The files of a home directory that lie, or would lie, in a working tree, each by the guard's name for it and by its place below the
    /// top; with `paths`, at or below one of these alone. Start files that put the shims on `PATH` are among them, and with `own` the
    /// files of the project at hand.
    pub(super) fn within(&mut self, top: &Path, paths: &[String], own: bool) -> Vec<(String, PathBuf)> {
        let top = self.real.of(top).path;
        let asked: Vec<PathBuf> = paths.iter().map(|path| self.real.of(Path::new(path)).path).collect();
        let mut all: Vec<(String, PathBuf)> = Vec::new();
        let other = |file: &&GuardedFile| own || !file.path.starts_with(&self.cwd) || self.cwd == self.home;
        for file in self.files.iter().filter(other) {
            all.push((file.name.clone(), file.real.clone()));
            all.push((file.name.clone(), file.path.clone()));
        }
        for rest in classify::tools().programs.startup.iter().filter_map(|name| name.strip_prefix("*/")) {
            let path = self.home.join(if rest == "config.fish" { ".config/fish/config.fish" } else { rest });
            let Real { path: real, there } = self.real.of(&path);
            let name = path.display().to_string();
            if there && carries(&name, &real) {
                all.push((name.clone(), real));
                all.push((name, path));
            }
        }
        let meant = |place: &Path| {
            asked.is_empty() || asked.iter().any(|path| place.starts_with(path) || path.starts_with(place))
        };
        all.retain(|(_, place)| meant(place));
        let inside = |(name, place): (String, PathBuf)| Some((name, below(&place, &top)?.to_owned()));
        let mut all: Vec<(String, PathBuf)> = all.into_iter().filter_map(inside).collect();
        all.retain(|(_, rest)| !rest.as_os_str().is_empty());
        all.dedup();
        all
    }

    /// The files that lie below a folder, by its name; of a project's, those of the directory at hand alone.
    fn holds(&self, path: &str, place: &Path) -> Vec<String> {
        let mut all = Vec::new();
        for file in self.files.iter().filter(|file| file.there) {
            let own = file.path.starts_with(&self.cwd) && self.cwd != self.home;
            if own && !place.starts_with(&self.cwd) {
                continue;
            }
            // The file itself, or the link to it.
            let rest = below(&file.real, place).or_else(|| file.path.strip_prefix(path).ok());
            all.extend(rest.map(|rest| Path::new(path).join(rest).display().to_string()));
        }
        all.retain(|held| held.trim_end_matches('/') != path);
        all
    }
}

/// What stands behind a folder in a path below it, or the folder itself. Both are without links and `..`: comparing their text
/// costs a fraction of `Path::strip_prefix`.
fn below<'a>(path: &'a Path, folder: &Path) -> Option<&'a Path> {
    let (path, folder) = (path.as_os_str().as_bytes(), folder.as_os_str().as_bytes());
    let rest = path.strip_prefix(folder)?;
    let rest = if rest.is_empty() || folder.ends_with(b"/") { rest } else { rest.strip_prefix(b"/")? };
    Some(Path::new(OsStr::from_bytes(rest)))
}

/// True for a file with the name of an agent's settings that registers the hook, wherever it lies.
fn registers(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let known = classify::tools()
        .programs
        .guarded_agent
        .iter()
        .any(|pattern| pattern.rsplit('/').next() == Some(name));
    known && fs::read_to_string(path).is_ok_and(|text| text.contains("rwenv-hook"))
}

/// True for a start file of a shell that puts the shims on `PATH`.
fn carries(path: &str, place: &Path) -> bool {
    let known = classify::tools().programs.startup.iter().any(|pattern| glob(pattern, path));
    known && fs::read_to_string(place).is_ok_and(|text| text.contains(SHIMS))
}

/// Where a path really leads.
#[derive(Clone)]
struct Real {
    path: PathBuf,
    /// Something is there.
    there: bool,
}

/// Where paths really lead. The guard's files share their folders: each folder is asked for once, and nothing in one that is not
/// there.
#[derive(Default)]
struct RealPaths {
    folders: Vec<(PathBuf, Real)>,
}

impl RealPaths {
    /// A path without links, as far as it is there; behind that as it is written.
    fn of(&mut self, path: &Path) -> Real {
        let (Some(parent), Some(Component::Normal(name))) = (path.parent(), path.components().next_back())
        else {
            return Real::followed(path);
        };
        let said = |(said, _): &&(PathBuf, Real)| said.as_os_str() == parent.as_os_str();
        let folder = match self.folders.iter().find(said) {
            Some((_, known)) => known.clone(),
            None => {
                let real = self.of(parent);
                self.folders.push((parent.to_owned(), real.clone()));
                real
            }
        };
        let path = folder.path.join(name);
        match folder.there.then(|| fs::read_link(&path)) {
            Some(Ok(_)) => Real::followed(&path),
            // There, and not a link.
            Some(Err(error)) => Real { path, there: error.kind() == ErrorKind::InvalidInput },
            None => Real { path, there: false },
        }
    }
}

impl Real {
    /// A path, each of its links followed.
    fn followed(path: &Path) -> Self {
        let path = followed(path);
        let there = fs::symlink_metadata(&path).is_ok();
        Self { path, there }
    }
}

/// A path, each of its links followed.
fn followed(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    let mut rest: Vec<OsString> = parts(path);
    let mut links = 0;
    while let Some(part) = rest.pop() {
        if part == ".." {
            out.pop();
            continue;
        }
        let next = out.join(&part);
        match fs::read_link(&next) {
            Ok(target) if links < MOST_LINKS => {
                links += 1;
                if target.is_absolute() {
                    out = PathBuf::from("/");
                }
                rest.extend(parts(&target));
            }
            _ => out = next,
        }
    }
    out
}

/// The components of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    parts.rev().map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_a_folder_is_told_by_whole_names() {
        let rest = |path: &str, folder: &str| {
            below(Path::new(path), Path::new(folder)).map(|rest| rest.display().to_string())
        };
        assert_eq!(rest("/home/u/.claude/rwenv/x", "/home/u/.claude").as_deref(), Some("rwenv/x"));
        assert_eq!(rest("/home/u/.claude", "/home/u/.claude").as_deref(), Some(""));
        assert_eq!(rest("/home/u/.claude-old", "/home/u/.claude"), None);
        assert_eq!(rest("/etc", "/").as_deref(), Some("etc"));
    }
}
