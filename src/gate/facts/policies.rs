//! Policies from files: an organisation's in `/etc/rwenv/policies`, a person's in `policies/` of the configuration, a project's in
//! `.claude/rwenv-policies`. The hook reads no TOML: `rwenv policy` checks the files and keeps what they say as JSON, with a mark of
//! each file, so that a change is noticed by whoever judges next, and checked then.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::environment::Environment;
use crate::base::{clock, files, process};
use rwenv_core::model::Rule;
use rwenv_core::policy::layer::{self, Checked};

/// Where an organisation's policies lie.
pub const ORGANISATION: &str = "/etc/rwenv/policies";
/// Where a project's lie, in its folder.
pub const PROJECT: &str = ".claude/rwenv-policies";
/// Most folders' rules that are held.
const HELD: usize = 32;
/// Longest time a check of changed files may take.
const CHECK: Duration = Duration::from_secs(2);
/// How long one that failed is not tried again, while the files stay as they are.
const AGAIN: Duration = Duration::from_secs(2);

/// What tells whether a file was changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FileMark {
    /// The file.
    pub path: String,
    bytes: u64,
    modified: (i64, i64),
    inode: u64,
    mode: u32,
}

impl FileMark {
    /// When it was written, in seconds since 1970.
    #[must_use]
    pub fn written(&self) -> u64 {
        u64::try_from(self.modified.0).unwrap_or_default()
    }
}

/// What is kept of the files of policies.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct KeptPolicies {
    /// The files it is from.
    pub marks: Vec<FileMark>,
    /// What they say.
    pub policies: Vec<Checked>,
    /// What is wrong with those that do not count, or count as they were before.
    pub problems: Vec<String>,
    /// One of them never counted: what it forbids is not known.
    pub unknown: bool,
}

/// The rules of all layers that count in a directory, and why they cannot be told, if so.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The rules.
    pub rules: Arc<[Rule]>,
    /// What is wrong: then nothing is changed until it is mended.
    pub problem: Option<String>,
}

/// The folders of the layers, from the outermost in.
#[must_use]
pub fn folders(cwd: &str, environment: &Environment) -> Vec<(&'static str, PathBuf)> {
    let mut all = vec![
        ("organisation", PathBuf::from(ORGANISATION)),
        ("user", environment.config_dir.join("policies")),
    ];
    let project =
        Path::new(cwd).ancestors().map(|folder| folder.join(PROJECT)).find(|folder| folder.is_dir());
    all.extend(project.map(|folder| ("project", folder)));
    all
}

/// The files of a folder, in order of their names.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    all.sort();
    all
}

/// Marks of all files of the layers.
#[must_use]
pub fn marks(folders: &[(&'static str, PathBuf)]) -> Vec<FileMark> {
    let files = folders.iter().flat_map(|(_, folder)| listed(folder));
    let mark = |path: PathBuf| {
        let meta = fs::metadata(&path).ok();
        FileMark {
            path: path.display().to_string(),
            bytes: meta.as_ref().map_or(0, fs::Metadata::len),
            modified: meta.as_ref().map_or((0, 0), |meta| (meta.mtime(), meta.mtime_nsec())),
            inode: meta.as_ref().map_or(0, MetadataExt::ino),
            mode: meta.as_ref().map_or(0, MetadataExt::mode),
        }
    };
    files.map(mark).collect()
}

/// Where what was checked is kept; a project's beside that of others.
#[must_use]
pub fn kept_at(folders: &[(&'static str, PathBuf)], environment: &Environment) -> PathBuf {
    let project =
        folders.iter().find(|(layer, _)| *layer == "project").map(|(_, folder)| folder.display().to_string());
    let name = project
        .map_or_else(|| "policies.json".to_owned(), |path| format!("policies-{:016x}.json", fnv(&path)));
    environment.config_dir.join("run").join(name)
}

/// FNV-1a: a name for a path that is the same in every process.
fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// What is kept, whether it is current or not.
#[must_use]
pub fn read_kept(path: &Path) -> Option<KeptPolicies> {
    serde_json::from_str(&files::read_trusted(path).ok()??).ok()
}

/// Rules that were loaded.
struct LoadedRules {
    /// The file they are kept in.
    path: PathBuf,
    /// Marks of the files they are from.
    marks: Vec<FileMark>,
    loaded: Loaded,
    /// When to try again, where the files could not be checked.
    until: Option<Duration>,
}

/// What was loaded.
static LOADED: Mutex<Vec<LoadedRules>> = Mutex::new(Vec::new());
/// Held by who has files checked: the others wait for what comes of it.
static CHECKING: Mutex<()> = Mutex::new(());

/// The rules that count in a directory. While its files stay as they are, so do the rules: a process that judges for long loads them
/// once, and lets go of those that count no more.
#[must_use]
pub fn load(cwd: &str, environment: &Environment) -> Loaded {
    let folders = folders(cwd, environment);
    let marks = marks(&folders);
    if marks.is_empty() {
        return Loaded::default();
    }
    let path = kept_at(&folders, environment);
    if let Some(loaded) = held(&path, &marks) {
        return loaded;
    }
    let _checking = CHECKING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = held(&path, &marks) {
        return loaded;
    }
    let current = || read_kept(&path).filter(|kept| kept.marks == marks);
    let kept = current().or_else(|| {
        check(cwd, environment)?;
        current()
    });
    let until = kept.is_none().then(|| clock::monotonic() + AGAIN);
    let loaded = match kept {
        Some(kept) => {
            let problem = kept.unknown.then(|| kept.problems.first().cloned().unwrap_or_default());
            Loaded { rules: layer::load(&kept.policies).into(), problem }
        }
        None => {
            let first = marks.first().map_or("", |mark| mark.path.as_str());
            let problem =
                format!("the policies beside {first} could not be read; rwenv policy lint says why");
            Loaded { rules: Arc::default(), problem: Some(problem) }
        }
    };
    let mut all = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|held| held.path != path);
    let oldest = (all.len() + 1).saturating_sub(HELD);
    all.drain(..oldest);
    all.push(LoadedRules { path, marks, loaded: loaded.clone(), until });
    loaded
}

/// What is wrong with files of policies: those that do not count, and those that count as they were before they were changed.
#[must_use]
pub fn problems(cwd: &str, environment: &Environment) -> Vec<String> {
    let folders = folders(cwd, environment);
    let marks = marks(&folders);
    if marks.is_empty() {
        return Vec::new();
    }
    let loaded = load(cwd, environment);
    let kept = read_kept(&kept_at(&folders, environment)).filter(|kept| kept.marks == marks);
    kept.map_or_else(|| loaded.problem.into_iter().collect(), |kept| kept.problems)
}

/// What was loaded of files that are as they were.
fn held(path: &Path, marks: &[FileMark]) -> Option<Loaded> {
    let all = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let held = all.iter().find(|held| held.path == *path && held.marks == *marks)?;
    held.until.is_none_or(|until| clock::monotonic() < until).then(|| held.loaded.clone())
}

/// Has the files checked by the program that can.
fn check(cwd: &str, environment: &Environment) -> Option<()> {
    let program =
        crate::base::program::beside("rwenv").or_else(|| crate::base::program::find("rwenv", environment))?;
    let mut command = Command::new(program);
    command.args(["policy", "keep", "--dir", cwd]).env("RWENV_CONFIG_DIR", &environment.config_dir);
    process::output(&mut command, b"", CHECK).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps what `rwenv policy keep` would of one file.
    fn keep(environment: &Environment, reason: &str) {
        let folders = folders("/", environment);
        fs::create_dir_all(environment.config_dir.join("policies")).unwrap();
        fs::write(environment.config_dir.join("policies/own.toml"), reason).unwrap();
        let kept = serde_json::json!({
            "marks": marks(&folders),
            "policies": [{"path": "own.toml", "name": "own", "optional": false, "classes": [], "rules": [
                {"id": "own.a", "decision": "deny", "when": {}, "reason": reason, "instead": "nothing"},
            ]}],
            "problems": [],
            "unknown": false,
        });
        let path = kept_at(&folders, environment);
        files::make_private_dir(path.parent().unwrap()).unwrap();
        files::write(&path, &kept.to_string(), 0o600).unwrap();
    }

    #[test]
    fn rules_are_loaded_once_and_let_go_when_their_files_change() {
        let home = tempfile::TempDir::new().unwrap();
        let environment = Environment::at(home.path());
        keep(&environment, "first");
        let first = load("/", &environment);
        assert_eq!(first.rules.first().map(|rule| &*rule.reason), Some("first"));
        for _ in 0..1000 {
            assert!(Arc::ptr_eq(&first.rules, &load("/", &environment).rules));
        }
        keep(&environment, "the second one");
        let second = load("/", &environment);
        assert_eq!(second.rules.first().map(|rule| &*rule.reason), Some("the second one"));
        let gone = Arc::downgrade(&first.rules);
        drop(first);
        assert!(gone.upgrade().is_none(), "nobody holds what counts no more");
    }

    #[test]
    fn files_that_cannot_be_checked_are_tried_once_in_a_while_however_many_ask() {
        let home = tempfile::TempDir::new().unwrap();
        let mut environment = Environment::at(home.path());
        let (bin, count) = (home.path().join("bin"), home.path().join("count"));
        environment.path = format!("{}:{}", bin.display(), environment.path);
        fs::create_dir_all(&bin).unwrap();
        let script = format!("#!/bin/sh\necho x >> {}\n", count.display());
        files::write(&bin.join("rwenv"), &script, 0o700).unwrap();
        fs::create_dir_all(environment.config_dir.join("policies")).unwrap();
        let own = environment.config_dir.join("policies/own.toml");
        fs::write(&own, "first").unwrap();
        let checks = || {
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| assert!(load("/", &environment).problem.is_some()));
                }
            });
            fs::read_to_string(&count).unwrap().lines().count()
        };
        assert_eq!((checks(), checks()), (1, 1));
        fs::write(&own, "the second one").unwrap();
        assert_eq!(checks(), 2, "at once where they change");
    }
}
