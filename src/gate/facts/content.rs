//! Content of a repository for the content engine: a folder, the index, a commit, or what a push sends.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::base::environment::Environment;
use crate::base::files::FileError;
use crate::base::parts::at_once;
use crate::facts::objects::{Budget, Listing, ObjectRepository, ObjectsError};
use crate::facts::sent;
use rwenv_core::manifest::text::{self, Decoded};
use rwenv_core::manifest::tree::{Tree, side_by_side};
use rwenv_core::manifest::{self, Finding, LintReport, yaml};
use rwenv_core::model::from_root;

/// Why content could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// From objects.
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// From files.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What is new on one side of a push, or in a range.
#[derive(Clone, Debug, Default)]
pub struct ContentChange {
    /// Findings that were not there before.
    pub report: LintReport,
    /// Paths that differ.
    pub paths: Vec<String>,
}

/// Checks a folder as it lies there: what git would commit of it, or all of it where it is in no repository.
///
/// # Errors
/// Where it cannot be read.
pub fn folder(dir: &Path, environment: &Environment) -> Result<LintReport, ContentError> {
    Ok(ContentFolder::read(dir, environment)?.lint(dir))
}

/// Reads a folder as it lies there: what git would commit of it, or all of it where it is in no repository.
///
/// # Errors
/// Where it cannot be read.
pub fn tree_of(dir: &Path, environment: &Environment) -> Result<Tree, ContentError> {
    Ok(ContentFolder::read(dir, environment)?.tree)
}

/// What tells that a file is as it was: when it was written, and its size, device number and inode.
type FileStamp = (i64, i64, u64, u64);

/// A folder, read, that can be read again for no more than what has changed.
#[derive(Debug, Default)]
pub struct ContentFolder {
    /// Its files.
    pub tree: Tree,
    stamps: BTreeMap<String, FileStamp>,
    /// How many files were read the last time.
    pub read: usize,
}

impl ContentFolder {
    /// Reads a folder.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(dir: &Path, environment: &Environment) -> Result<Self, ContentError> {
        Self::default().again(dir, environment)
    }

    /// Checks a folder that was read, the files in it that are not YAML too.
    #[must_use]
    pub fn lint(&self, dir: &Path) -> LintReport {
        let others: Vec<&str> =
            self.tree.below("").filter(|path| !self.tree.files.contains_key(*path)).collect();
        let found = side_by_side(&others, |path| {
            let bytes = bytes_of(dir, path).unwrap_or_default();
            (manifest::secrets_of_file(path, &bytes), bytes)
        });
        let found = found.into_iter().zip(others).filter(|((found, _), _)| !found.is_empty());
        with_others(
            manifest::lint(&self.tree),
            found.map(|((found, bytes), path)| (path.to_owned(), found, bytes)),
        )
    }

    /// Reads what is new in a folder since it was read.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn again(self, dir: &Path, environment: &Environment) -> Result<Self, ContentError> {
        let repository = ObjectRepository::at(dir, environment, Budget::ample());
        let listed = repository.as_ref().ok().and_then(|r| {
            let text = r.run(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).ok()?;
            let text = String::from_utf8_lossy(&text).into_owned();
            Some(text.split('\0').filter(|p| !p.is_empty()).map(str::to_owned).collect::<Vec<_>>())
        });
        let mut paths = match listed {
            Some(paths) => paths,
            None => walk(dir)?,
        };
        let (mut stamps, mut links, mut large) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        paths.retain(|path| {
            let Ok(meta) = dir.join(path).symlink_metadata() else { return false };
            // A link may lead out of the repository; what it leads to inside is read where it is.
            if meta.file_type().is_symlink() {
                links.insert(path.clone());
            } else if meta.is_file() && Tree::is_yaml(path) {
                if usize::try_from(meta.len()).unwrap_or(usize::MAX) > yaml::LONGEST {
                    large.push(path.clone());
                } else {
                    stamps.insert(path.clone(), (meta.mtime(), meta.mtime_nsec(), meta.len(), meta.ino()));
                }
            }
            true
        });
        let remotes = repository.map(|r| remotes(&r)).unwrap_or_default();
        let contents = |known: &BTreeMap<String, FileStamp>| -> Result<Vec<(String, Vec<u8>)>, ContentError> {
            let new = stamps.iter().filter(|(path, stamp)| known.get(*path) != Some(stamp));
            let read = |(path, _): (&String, _)| {
                let full = dir.join(path);
                Ok((path.clone(), fs::read(&full).map_err(|e| FileError::io(&full, e))?))
            };
            new.map(read).collect()
        };
        let new = contents(&self.stamps)?;
        let (tree, whole) = self.tree.renewed(paths.clone(), &new);
        let (tree, read) = if whole {
            (tree, new.len())
        } else {
            let all = contents(&BTreeMap::new())?;
            (Tree::default().renewed(paths, &all).0, all.len())
        };
        let tree = tree.with_links(links).with_large(large);
        let named = manifest::named_files(&tree).into_iter().filter(|path| !tree.is_link(path));
        let named = named.filter_map(|path| Some((bytes_of(dir, &path)?, path)));
        let named = named.map(|(bytes, path)| (path, bytes)).collect();
        let mut tree = tree.with_named(named);
        tree.remotes = remotes;
        Ok(Self { tree, stamps, read })
    }
}

/// A report with what was found in files that are not YAML: each file's path, what is in it, and its bytes.
fn with_others(
    mut report: LintReport,
    others: impl Iterator<Item = (String, Vec<Finding>, Vec<u8>)>,
) -> LintReport {
    for (_, found, bytes) in others {
        let new = found.into_iter().filter(|finding| {
            let same = |f: &Finding| (f.line, &f.path) == (finding.line, &finding.path);
            !report.findings.iter().any(same)
        });
        report.take(new.collect(), &bytes);
    }
    report.findings.sort();
    report
}

/// A commit, read.
#[derive(Debug)]
pub struct Commit {
    /// Its files.
    pub tree: Tree,
    /// Its name.
    pub name: String,
    repository: ObjectRepository,
    listing: Listing,
}

impl Commit {
    /// Reads a commit of the repository around a directory, out of its objects.
    ///
    /// # Errors
    /// Where there is no such commit, or it cannot be read.
    pub fn read(dir: &Path, revision: &str, environment: &Environment) -> Result<Self, ContentError> {
        let repository = ObjectRepository::at(dir, environment, Budget::ample())?;
        let name = repository.text(&[
            "rev-parse",
            "--verify",
            "--end-of-options",
            &format!("{revision}^{{commit}}"),
        ])?;
        let listing = repository.commit(&name)?;
        let remotes = remotes(&repository);
        let tree = tree(&repository, &listing, &remotes)?;
        Ok(Self { tree, name, repository, listing })
    }

    /// Writes its files into an empty folder; links are left out.
    ///
    /// # Errors
    /// Where they cannot be read, or written.
    pub fn export(&self, folder: &Path) -> Result<(), ContentError> {
        let files = self.listing.files.iter().filter(|(path, _)| !self.listing.links.contains(*path));
        let files: Vec<(String, String)> = files.map(|(path, name)| (path.clone(), name.clone())).collect();
        for (path, bytes) in self.repository.read(&files)? {
            // git allows no other in a tree; what was made by something else may have them.
            if path.split('/').any(|part| matches!(part, "" | "." | ".." | ".git")) {
                continue;
            }
            let full = folder.join(&path);
            let made =
                fs::create_dir_all(full.parent().unwrap_or(folder)).and_then(|()| fs::write(&full, bytes));
            made.map_err(|error| FileError::io(&full, error))?;
        }
        Ok(())
    }

    /// The bytes of one of its files, no link and no larger than is read.
    #[must_use]
    pub fn bytes_of(&self, path: &str) -> Option<Vec<u8>> {
        let name = self.listing.files.get(path).filter(|_| !self.listing.links.contains(path))?;
        let read = self.repository.read(&[(path.to_owned(), name.clone())]).ok()?;
        read.into_iter().next().map(|(_, bytes)| bytes).filter(|bytes| bytes.len() <= yaml::LONGEST)
    }
}

/// Reads one file of a folder, no link and no larger than is read.
#[must_use]
pub fn bytes_of(dir: &Path, path: &str) -> Option<Vec<u8>> {
    let full = dir.join(path);
    let meta = full.symlink_metadata().ok()?;
    let small = usize::try_from(meta.len()).is_ok_and(|size| size <= yaml::LONGEST);
    if meta.is_file() && small { fs::read(full).ok() } else { None }
}

fn walk(dir: &Path) -> Result<Vec<String>, ContentError> {
    let mut out = Vec::new();
    let mut open: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| FileError::io(&folder, e))? {
            let entry = entry.map_err(|e| FileError::io(&folder, e))?;
            let kind = entry.file_type().map_err(|e| FileError::io(&folder, e))?;
            if kind.is_dir() && entry.file_name() != ".git" {
                open.push(entry.path());
            } else if !kind.is_dir()
                && let Ok(path) = entry.path().strip_prefix(dir)
            {
                out.push(path.display().to_string());
            }
        }
    }
    out.sort();
    Ok(out)
}

/// URLs of a repository's remotes. A path is seen from the root: git takes it from the top of the working copy.
#[must_use]
pub fn remotes(repository: &ObjectRepository) -> Vec<String> {
    let text =
        repository.text(&["config", "--get-regexp", r"^remote\..*\.(url|pushurl)$"]).unwrap_or_default();
    let top = repository.text(&["rev-parse", "--show-toplevel"]).unwrap_or_default();
    let urls = text.lines().filter_map(|line| line.split_once(' '));
    urls.map(|(_, url)| from_root(top.trim(), url)).collect()
}

/// Files of what a push sends whose content lies elsewhere (Git LFS). An object that is missing is an error.
///
/// # Errors
/// Where it cannot be read.
pub fn large_files(
    repository: &ObjectRepository,
    tips: &[String],
    known: &[String],
) -> Result<Vec<String>, ContentError> {
    let look = |path: &str, bytes: &[u8]| {
        let elsewhere = matches!(text::decode(bytes), Decoded::LargeFile);
        if elsewhere { vec![path.to_owned()] } else { Vec::new() }
    };
    Ok(sent::sent(repository, (tips, known), look)?.seen)
}

/// Checks what is staged: findings that the last commit has not.
///
/// # Errors
/// Where it cannot be read.
pub fn staged(dir: &Path, environment: &Environment) -> Result<ContentChange, ContentError> {
    let repository = ObjectRepository::at(dir, environment, Budget::ample())?;
    let now = repository.staged()?;
    let before = repository.commit("HEAD").unwrap_or_default();
    let remotes = remotes(&repository);
    compare(&repository, &now, &before, &remotes, true)
}

/// Checks what is sent from one commit to a place that has others: findings that are new there, in the files as they end
/// up and in everything sent on the way.
///
/// # Errors
/// Where it cannot be read, or there is too much of it.
pub fn sent(
    repository: &ObjectRepository,
    tip: &str,
    known: &[String],
    base: Option<&str>,
    url: Option<&str>,
) -> Result<ContentChange, ContentError> {
    // A ref may lead to anything.
    let now = if repository.kind(tip)? == "blob" { Listing::default() } else { repository.commit(tip)? };
    let before = match base {
        Some(base) => repository.commit(base)?,
        None => Listing::default(),
    };
    let mut remotes = remotes(repository);
    remotes.extend(url.map(str::to_owned));
    let paths = Tree::new(now.files.keys().cloned().collect(), Vec::new(), Vec::new());
    let look = |path: &str, bytes: &[u8]| {
        let mut found = manifest::secrets_within(&paths, path, bytes);
        found.extend(manifest::secrets_in(path, path));
        found
    };
    let sent = || sent::sent(repository, (&[tip.to_owned()], known), look);
    let (change, sent) = at_once(|| compare(repository, &now, &before, &remotes, false), sent);
    let (mut change, sent) = (change?, sent?);
    let mut found: Vec<Finding> = sent.seen;
    for (name, text) in &sent.messages {
        let short = name.get(..12).unwrap_or(name);
        found.extend(manifest::secrets_in(text, &format!("commit {short}")));
    }
    found.extend(
        sent.large.iter().filter(|p| Tree::may_be_manifest(p)).filter_map(|p| manifest::too_large(p)),
    );
    // What the other side has already is not told again.
    let mut known: HashSet<FindingMark> = marks(&change.report).collect();
    if found.iter().any(|finding| !known.contains(&mark(finding))) && !before.files.is_empty() {
        known.extend(marks(&manifest::lint(&tree(repository, &before, &remotes)?)));
    }
    found.retain(|finding| !known.contains(&mark(finding)));
    let old: BTreeSet<&str> = found.iter().map(|finding| finding.path.as_str()).collect();
    let old = old.into_iter().filter_map(|path| Some((path.to_owned(), before.files.get(path)?.clone())));
    for (path, bytes) in repository.read(&old.collect::<Vec<_>>())? {
        known.extend(manifest::secrets_of_file(&path, &bytes).iter().map(mark));
    }
    found.retain(|finding| !known.contains(&mark(finding)));
    change.report.findings.extend(found);
    change.report.findings.sort();
    change.report.findings.dedup_by(|a, b| mark(a) == mark(b));
    Ok(change)
}

/// What makes a finding the same one after lines have moved.
type FindingMark = (&'static str, String, String, u64);

fn mark(finding: &Finding) -> FindingMark {
    (finding.rule, finding.path.clone(), finding.message.clone(), finding.mark)
}

/// The marks of all that was found, accepted or not.
fn marks(report: &LintReport) -> impl Iterator<Item = FindingMark> + '_ {
    report.findings.iter().chain(report.accepted.iter().map(|accepted| &accepted.finding)).map(mark)
}

fn compare(
    repository: &ObjectRepository,
    now: &Listing,
    before: &Listing,
    remotes: &[String],
    // Whether files that are not YAML are looked at here.
    others: bool,
) -> Result<ContentChange, ContentError> {
    let differs = |a: &Listing, b: &Listing| -> Vec<String> {
        a.files
            .iter()
            .filter(|(path, name)| b.files.get(*path) != Some(name))
            .map(|(path, _)| path.clone())
            .collect()
    };
    let mut paths = differs(now, before);
    paths.extend(differs(before, now));
    paths.sort();
    paths.dedup();
    let now_tree = tree(repository, now, remotes)?;
    let mut report = manifest::lint(&now_tree);
    if others {
        let changed =
            paths.iter().filter(|path| !now_tree.files.contains_key(*path) && !now.links.contains(*path));
        let changed = changed.filter_map(|path| Some((path.clone(), now.files.get(path)?.clone())));
        let contents = repository.read(&changed.collect::<Vec<_>>())?;
        let known = |path: &str| -> Result<Vec<Finding>, ContentError> {
            let Some(name) = before.files.get(path) else { return Ok(Vec::new()) };
            let read = repository.read(&[(path.to_owned(), name.clone())])?;
            Ok(read.iter().flat_map(|(_, bytes)| manifest::secrets_of_file(path, bytes)).collect())
        };
        let mut found = Vec::new();
        for (path, bytes) in contents {
            let mut new = manifest::secrets_of_file(&path, &bytes);
            if !new.is_empty() {
                let known = known(&path)?;
                new.retain(|finding| !known.iter().any(|known| known.same_as(finding)));
                found.push((path, new, bytes));
            }
        }
        report = with_others(report, found.into_iter());
    }
    if marks(&report).next().is_some() && !before.files.is_empty() {
        let old: HashSet<FindingMark> = marks(&manifest::lint(&tree(repository, before, remotes)?)).collect();
        report.findings.retain(|finding| !old.contains(&mark(finding)));
        report.accepted.retain(|accepted| !old.contains(&mark(&accepted.finding)));
    }
    Ok(ContentChange { report, paths })
}

fn tree(repository: &ObjectRepository, listing: &Listing, remotes: &[String]) -> Result<Tree, ContentError> {
    let yaml = listing.files.iter().filter(|(path, _)| Tree::is_yaml(path) && !listing.links.contains(*path));
    let objects: Vec<(String, String)> = yaml.map(|(path, name)| (path.clone(), name.clone())).collect();
    let contents = repository.read(&objects)?;
    let tree = Tree::new(listing.files.keys().cloned().collect(), contents, remotes.to_vec())
        .with_links(listing.links.clone());
    let named = manifest::named_files(&tree).into_iter().filter(|path| !listing.links.contains(path));
    let named = named.filter_map(|path| Some((path.clone(), listing.files.get(&path)?.clone())));
    let objects: Vec<(String, String)> = named.collect();
    let contents = repository.read(&objects)?;
    Ok(tree.with_named(contents))
}
