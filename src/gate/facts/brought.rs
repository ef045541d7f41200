//! Which of the guard's files git changes in a working tree: those of a home directory that is one, and those of a repository of
//! dotfiles that links lead into.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::base::environment::Environment;
use crate::facts::git::run;
use crate::facts::places::{Guarded, SHIMS};
use rwenv_core::classify;
use rwenv_core::model::{Brought, TreeChange, TreeSource, glob};

/// Files by their paths below the top of a working tree, and the names of what they hold.
type TreeListing = BTreeMap<String, String>;

/// Where a file of the guard's, or a folder of such, lies below the top.
#[derive(Clone, Copy)]
struct GuardedPlace<'p> {
    path: &'p str,
    /// It is a start file: what it says of the shims counts.
    starts: bool,
}

/// A working tree, and how git is asked about it.
struct WorkingTree<'e> {
    top: PathBuf,
    git_dir: Option<String>,
    environment: &'e Environment,
}

/// Which of the guard's files a change of a working tree changes. `git rev-parse`, `ls-files`, `ls-tree`, `cat-file` and `merge-base` start no
/// hook, filter or helper.
pub(super) fn brought(change: &TreeChange, known: &mut Guarded, environment: &Environment) -> Brought {
    let mut out = Brought::default();
    let Some(top) = top(change, environment) else { return out };
    let mut paths = change.paths.clone();
    // The word before them may be another.
    if let TreeSource::Named(_, path) = &change.source
        && !paths.is_empty()
    {
        paths.push(path.clone());
    }
    let own = matches!(change.source, TreeSource::Untracked(_));
    let files = known.within(&top, &paths, own);
    if files.is_empty() {
        return out;
    }
    let tree = WorkingTree { top, git_dir: change.git_dir.clone(), environment };
    for (name, place) in files {
        let Some(place) = place.to_str() else { continue };
        let place = GuardedPlace { path: place, starts: starts(&name) };
        match tree.changes(&change.source, place, change) {
            Some(true) => out.certain.push(name),
            Some(false) => {}
            None => out.perhaps.push(name),
        }
    }
    out
}

/// True for a start file of a shell.
fn starts(name: &str) -> bool {
    classify::tools().programs.startup.iter().any(|pattern| glob(pattern, name))
}

/// The top of the working tree: where it is said, the folder with git's own, else what git says.
fn top(change: &TreeChange, environment: &Environment) -> Option<PathBuf> {
    if let Some(top) = &change.work_tree {
        return Some(PathBuf::from(top));
    }
    if change.git_dir.is_some() {
        // Without a working tree that is said, the folder at hand is its top, unless the configuration names one.
        let named = ask(&change.dir, change.git_dir.as_deref(), &["config", "core.worktree"], environment);
        let named = named.map(|path| Path::new(&change.dir).join(path.trim_end()));
        return Some(named.unwrap_or_else(|| PathBuf::from(&change.dir)));
    }
    let folder = Path::new(&change.dir).ancestors().find(|folder| folder.join(".git").exists())?;
    // A repository whose configuration names another working tree is asked.
    let config = fs::read_to_string(folder.join(".git/config")).unwrap_or_default();
    if !config.to_lowercase().contains("worktree") {
        return Some(folder.to_owned());
    }
    run(&change.dir, &["rev-parse", "--show-toplevel"], environment)
        .map(|top| PathBuf::from(top.trim_end_matches('\n')))
}

fn ask(dir: &str, git_dir: Option<&str>, words: &[&str], environment: &Environment) -> Option<String> {
    let mut all: Vec<&str> = git_dir.map_or_else(Vec::new, |path| vec!["--git-dir", path]);
    all.extend_from_slice(words);
    run(dir, &all, environment)
}

impl WorkingTree<'_> {
    fn ask(&self, words: &[&str]) -> Option<String> {
        let mut all = vec!["--work-tree", "."];
        all.extend_from_slice(words);
        ask(self.top.to_str()?, self.git_dir.as_deref(), &all, self.environment)
    }

    /// Whether a file, or one below a folder, is changed; none where that cannot be told.
    fn changes(&self, source: &TreeSource, place: GuardedPlace<'_>, change: &TreeChange) -> Option<bool> {
        let partial = || self.ask(&["config", "extensions.partialclone"]).is_some();
        let commit = |name: &str| self.commit(name).filter(|_| !partial());
        match source {
            TreeSource::Index => Some(self.becomes(place, &self.index(place.path), &TreeListing::new())),
            TreeSource::Revision(name) => {
                let (index, there) = (self.index(place.path), self.tree(&commit(name)?, place.path));
                // What git has, and the revision has not, goes with all; with paths it stays.
                let gone = if change.paths.is_empty() { &index } else { &TreeListing::new() };
                Some(self.becomes(place, &there, gone))
            }
            TreeSource::Named(name, _) if self.commit(name).is_some() && !change.paths.is_empty() => {
                self.changes(&TreeSource::Revision(name.clone()), place, change)
            }
            TreeSource::Named(name, path) => {
                let elsewhere = format!("refs/remotes/origin/{name}");
                let moved = [name, &elsewhere].into_iter().find(|name| self.commit(name).is_some());
                match moved {
                    Some(name) => self.changes(&TreeSource::Moved(name.clone()), place, change),
                    None => {
                        let at = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
                        let here =
                            fs::canonicalize(&self.top).unwrap_or_else(|_| self.top.clone()).join(place.path);
                        let meant =
                            here.starts_with(&at) || at.starts_with(&here) || !change.paths.is_empty();
                        Some(meant && self.becomes(place, &self.index(place.path), &TreeListing::new()))
                    }
                }
            }
            TreeSource::Moved(name) => {
                Some(self.tree("HEAD", place.path) != self.tree(&commit(name)?, place.path))
            }
            TreeSource::Merged(name) => {
                let name = commit(name)?;
                let base = self.ask(&["merge-base", "HEAD", &name])?;
                Some(self.tree(base.trim_end(), place.path) != self.tree(&name, place.path))
            }
            TreeSource::Commit(name) => {
                let name = commit(name)?;
                Some(self.tree(&format!("{name}^"), place.path) != self.tree(&name, place.path))
            }
            TreeSource::Untracked(ignored) => {
                let listed: &[&str] = if *ignored { &[] } else { &["--exclude-standard"] };
                let mut words = vec!["ls-files", "-o", "-z"];
                words.extend_from_slice(listed);
                words.extend(["--", place.path]);
                Some(!self.ask(&words)?.is_empty())
            }
            TreeSource::Anything => None,
        }
    }

    /// The name of the commit that is meant.
    fn commit(&self, name: &str) -> Option<String> {
        let found =
            self.ask(&["rev-parse", "--verify", "-q", "--end-of-options", &format!("{name}^{{commit}}")])?;
        Some(found.trim_end().to_owned())
    }

    fn index(&self, place: &str) -> TreeListing {
        self.listed(&["ls-files", "-s", "-z", "--", place], 1)
    }

    fn tree(&self, revision: &str, place: &str) -> TreeListing {
        self.listed(&["ls-tree", "-r", "-z", revision, "--", place], 2)
    }

    /// What git lists: words, of which one is a name, a tab and a path.
    fn listed(&self, words: &[&str], name: usize) -> TreeListing {
        let text = self.ask(words).unwrap_or_default();
        let one = |entry: &str| {
            let (front, path) = entry.split_once('\t')?;
            Some((path.to_owned(), front.split(' ').nth(name)?.to_owned()))
        };
        text.split('\0').filter_map(one).collect()
    }

    /// True where what lies at a place is another thing than it becomes, or goes.
    fn becomes(&self, place: GuardedPlace<'_>, there: &TreeListing, gone: &TreeListing) -> bool {
        let startup = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(SHIMS));
        there.iter().any(|(path, name)| {
            let now = self.now(path);
            let then = self.ask(&["cat-file", "blob", name]);
            // A start file that goes on putting the shims on `PATH` may become what it likes.
            let stays = place.starts && startup(&now) && startup(&then);
            now != then && !stays
        }) || gone.keys().any(|path| !there.contains_key(path) && self.now(path).is_some())
    }

    /// What lies there, or where a link leads that does.
    fn now(&self, path: &str) -> Option<String> {
        let path = self.top.join(path);
        if let Ok(link) = fs::read_link(&path) {
            return Some(link.to_string_lossy().into_owned());
        }
        Some(String::from_utf8_lossy(&fs::read(path).ok()?).into_owned())
    }
}
