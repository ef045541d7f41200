//! The two trees that are compared: one is read whole, the other only where it differs.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use git2::{ObjectType, Oid};

use super::radius::ComparedTrees;
use rwenv_core::manifest::tree::{KUSTOMIZATION, Tree, join};
use rwenv_core::manifest::yaml::{LONGEST, Node};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::content::{self, ContentError};
use rwenv_gate::facts::objects::{Budget, Listing, ObjectRepository};

/// Paths and the names of their contents.
type NamedContents = Vec<(String, String)>;
/// Paths and their contents.
type Contents = Vec<(String, Vec<u8>)>;

/// One of the two.
pub(super) struct Side {
    /// Its files.
    pub(super) tree: Tree,
    listing: Listing,
}

/// The two trees that are compared.
pub(super) struct Sides {
    pub(super) before: Side,
    pub(super) after: Side,
    /// What they are called.
    pub(super) names: [String; 2],
    /// The paths that differ.
    pub(super) paths: BTreeSet<String>,
    repository: ObjectRepository,
    /// The folder of the files that are compared as they lie there.
    folder: Option<PathBuf>,
    /// Contents by their names, for both sides.
    known: Mutex<HashMap<String, Option<Vec<u8>>>>,
}

impl Sides {
    /// Reads the two.
    ///
    /// # Errors
    /// Where there is no such commit, or they cannot be read.
    pub(super) fn read(
        dir: &Path,
        compared: &ComparedTrees,
        environment: &Environment,
    ) -> Result<Self, ContentError> {
        let repository = ObjectRepository::at(dir, environment, Budget::ample())?;
        let commit = |name: &str| {
            repository.text(&["rev-parse", "--verify", "--end-of-options", &format!("{name}^{{commit}}")])
        };
        let mut folder = None;
        let (names, before, after) = match compared {
            ComparedTrees::Range { from, to } => {
                let (from, to) = (commit(from)?, commit(to)?);
                let base = repository.text(&["merge-base", &from, &to]).unwrap_or(from);
                let listings = (repository.commit(&base)?, repository.commit(&to)?);
                ([base, to], listings.0, listings.1)
            }
            ComparedTrees::Staged => {
                let (name, before) = last(&repository)?;
                ([name, "index".to_owned()], before, repository.staged()?)
            }
            ComparedTrees::Worktree => {
                let top = PathBuf::from(repository.text(&["rev-parse", "--show-toplevel"])?);
                let (name, before) = last(&repository)?;
                let after = lying(&ObjectRepository::at(&top, environment, Budget::ample())?, &top)?;
                folder = Some(top);
                ([name, "worktree".to_owned()], before, after)
            }
        };
        Self::between(repository, names, (before, after), folder)
    }

    fn between(
        repository: ObjectRepository,
        names: [String; 2],
        (before, after): (Listing, Listing),
        folder: Option<PathBuf>,
    ) -> Result<Self, ContentError> {
        let paths = differing(&before, &after);
        let side = |listing| Side { tree: Tree::default(), listing };
        let (before, after, known) = (side(before), side(after), Mutex::default());
        let mut sides = Self { before, after, names, paths, repository, folder, known };
        if sides.paths.is_empty() {
            return Ok(sides);
        }
        let contents = sides.repository.read(&sides.before.yaml(|_| true))?;
        let remotes = content::remotes(&sides.repository);
        let all = |side: &Side| side.listing.files.keys().cloned().collect::<Vec<_>>();
        let before = Tree::new(all(&sides.before), contents, remotes);
        let new = sides.contents(&sides.after.yaml(|path| sides.paths.contains(path)))?;
        let (mut after, whole) = before.clone().renewed(all(&sides.after), &new);
        if !whole {
            // What is a chart's template has changed.
            let every = sides.contents(&sides.after.yaml(|_| true))?;
            let remotes = std::mem::take(&mut after.remotes);
            after = Tree::new(all(&sides.after), every, remotes);
        }
        sides.before.tree = before.with_links(sides.before.listing.links.clone());
        sides.after.tree = after.with_links(sides.after.listing.links.clone());
        sides.fetch_named()?;
        Ok(sides)
    }

    /// The contents of files of the second side.
    fn contents(&self, files: &[(String, String)]) -> Result<Contents, ContentError> {
        let Some(folder) = &self.folder else { return Ok(self.repository.read(files)?) };
        let read = |(path, _): &(String, String)| (path.clone(), content::bytes_of(folder, path));
        Ok(files.iter().map(read).map(|(path, bytes)| (path, bytes.unwrap_or_default())).collect())
    }

    /// Reads what kustomizations name beside YAML, all of it at once: git is started for each file otherwise.
    fn fetch_named(&mut self) -> Result<(), ContentError> {
        let mut wanted: HashMap<String, String> = HashMap::new();
        for side in [&self.before, &self.after] {
            let is_one = |path: &str| KUSTOMIZATION.contains(&path.rsplit('/').next().unwrap_or(path));
            for file in side.tree.files.values().filter(|file| is_one(&file.path)) {
                for document in &file.documents {
                    named(document, &mut |text| {
                        let path = text.split_once('=').map_or(text, |(_, path)| path);
                        let Some(path) = join(file.folder(), path).filter(|path| !Tree::is_yaml(path)) else {
                            return;
                        };
                        if let Some(name) = side.listing.files.get(&path) {
                            wanted.insert(name.clone(), path);
                        }
                    });
                }
            }
        }
        // What lies there in a folder is no object of the repository yet.
        if self.folder.is_some() {
            let there: Vec<&str> = wanted.keys().map(String::as_str).collect();
            let there = self.repository.present(&there)?;
            wanted.retain(|name, _| there.contains(name));
        }
        let objects: NamedContents = wanted.into_keys().map(|name| (name.clone(), name)).collect();
        let read = self.repository.read(&objects)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(read.into_iter().map(|(name, bytes)| (name, Some(bytes))));
        Ok(())
    }

    /// The bytes of a file on one side, no link and no larger than is read.
    pub(super) fn bytes_of(&self, side: &Side, path: &str) -> Option<Vec<u8>> {
        if let Some(text) = side.tree.files.get(path).and_then(|file| file.text.as_ref()) {
            return Some(text.clone().into_bytes());
        }
        let name = side.listing.files.get(path).filter(|_| !side.listing.links.contains(path))?;
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(name) {
            return known.clone();
        }
        let lying = self.folder.as_ref().filter(|_| std::ptr::eq(side, &self.after));
        let bytes = match lying {
            Some(folder) => content::bytes_of(folder, path),
            None => {
                let read = self.repository.read(&[(path.to_owned(), name.clone())]).ok();
                read.and_then(|read| read.into_iter().next()).map(|(_, bytes)| bytes)
            }
        };
        let bytes = bytes.filter(|bytes| bytes.len() <= LONGEST);
        known().insert(name.clone(), bytes.clone());
        bytes
    }
}

impl Side {
    /// The YAML files among those that are wanted, no links.
    fn yaml(&self, is_wanted: impl Fn(&str) -> bool) -> NamedContents {
        let files = self.listing.files.iter();
        let files = files.filter(|(path, _)| Tree::is_yaml(path) && !self.listing.links.contains(*path));
        files.filter(|(path, _)| is_wanted(path)).map(|(path, name)| (path.clone(), name.clone())).collect()
    }
}

/// The last commit and its files; nothing where there is none yet.
fn last(repository: &ObjectRepository) -> Result<(String, Listing), ContentError> {
    match repository.text(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]) {
        Ok(name) => Ok((name.clone(), repository.commit(&name)?)),
        Err(_) => Ok((String::new(), Listing::default())),
    }
}

/// The files of a folder that git would commit, each under the name its content would have. git itself would run the filters of the
/// repository for this.
fn lying(repository: &ObjectRepository, top: &Path) -> Result<Listing, ContentError> {
    let text = repository.run(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut listing = Listing::default();
    for path in text.split('\0').filter(|path| !path.is_empty()) {
        let full = top.join(path);
        let Ok(meta) = full.symlink_metadata() else { continue };
        let bytes = if meta.file_type().is_symlink() {
            listing.links.insert(path.to_owned());
            std::fs::read_link(&full).map(|to| to.into_os_string().into_encoded_bytes()).ok()
        } else if meta.is_file() {
            std::fs::read(&full).ok()
        } else {
            // A repository in the repository.
            continue;
        };
        let name = bytes.and_then(|bytes| Oid::hash_object(ObjectType::Blob, &bytes).ok());
        listing.files.insert(path.to_owned(), name.map(|name| name.to_string()).unwrap_or_default());
    }
    Ok(listing)
}

/// The paths that differ.
fn differing(before: &Listing, after: &Listing) -> BTreeSet<String> {
    let differs = |a: &Listing, b: &Listing| -> Vec<String> {
        let other = |(path, name): &(&String, &String)| {
            b.files.get(*path) != Some(*name) || a.links.contains(*path) != b.links.contains(*path)
        };
        a.files.iter().filter(other).map(|(path, _)| path.clone()).collect()
    };
    differs(before, after).into_iter().chain(differs(after, before)).collect()
}

/// Every text of a node.
fn named(node: &Node, take: &mut impl FnMut(&str)) {
    if let Some(text) = node.text() {
        take(text);
    }
    node.items().iter().for_each(|item| named(item, take));
    node.entries().iter().for_each(|(_, value)| named(value, take));
}
