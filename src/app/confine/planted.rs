//! What a session leaves behind that runs outside later, without anybody asking for it: start files that were not there, and programs in the
//! home's folders of programs. A session may write both, since installing a tool is a day's work; whoever comes after it is told.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::custody;
use rwenv_gate::base::environment::Environment;

/// Where programs of a person's own lie, whether `PATH` names it or not.
const PROGRAMS: [&str; 2] = [".local/bin", "bin"];
/// Programs of a folder that are looked at, at most.
const MOST: usize = 2_000;

/// What a file was: its number, its length, and when it was last changed in any way.
type PlantedMark = (u64, u64, i64, i64);

/// What of this was there when a session began.
#[derive(Debug)]
pub struct BeforeSession {
    /// Start files and settings that were not there.
    missing: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    programs: BTreeMap<PathBuf, PlantedMark>,
}

impl BeforeSession {
    /// Looks around, outside.
    #[must_use]
    pub fn look(environment: &Environment) -> Self {
        let home = &environment.home;
        let own = |path: &Path| path.starts_with(home) && !path.starts_with(&environment.config_dir);
        let there = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
        let missing = custody::read_only_places(environment);
        let missing = missing.into_iter().filter(|path| own(path) && !there(path)).collect();
        let on_path = environment.path.split(':').map(PathBuf::from).filter(|path| own(path));
        let mut folders: Vec<PathBuf> =
            PROGRAMS.iter().map(|folder| home.join(folder)).chain(on_path).collect();
        folders.sort();
        folders.dedup();
        let programs = programs(&folders);
        Self { missing, folders, programs }
    }

    /// What is there now and was not, or is another.
    #[must_use]
    pub fn left(&self) -> Vec<PathBuf> {
        let new = self.missing.iter().filter(|path| fs::symlink_metadata(path).is_ok()).cloned();
        let programs = programs(&self.folders).into_iter();
        let changed = programs.filter(|(path, mark)| self.programs.get(path) != Some(mark));
        new.chain(changed.map(|(path, _)| path)).collect()
    }
}

fn programs(folders: &[PathBuf]) -> BTreeMap<PathBuf, PlantedMark> {
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().take(MOST));
    let marked = entries.flatten().filter_map(|entry| {
        let meta = fs::symlink_metadata(entry.path()).ok()?;
        Some((entry.path(), (meta.ino(), meta.len(), meta.ctime(), meta.ctime_nsec())))
    });
    marked.collect()
}
