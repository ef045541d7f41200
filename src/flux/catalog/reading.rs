//! A folder or a commit of a repository, read once.

use std::path::{Path, PathBuf};

use super::knowledge::Knowledge;
use super::walk::walk;
use rwenv_core::manifest::tree::Tree;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::content::{self, Commit, ContentError, ContentFolder};

/// A folder, read.
#[derive(Debug)]
pub struct Reading {
    /// Where it is.
    pub dir: PathBuf,
    /// What is in it.
    pub folder: ContentFolder,
    /// The commit that is read in its place.
    pub commit: Option<Commit>,
}

impl Reading {
    /// Reads a folder as it lies there.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of(dir: &Path, environment: &Environment) -> Result<Self, ContentError> {
        Ok(Self { dir: dir.to_owned(), folder: ContentFolder::read(dir, environment)?, commit: None })
    }

    /// Reads a commit of the repository a folder is in.
    ///
    /// # Errors
    /// Where there is no such commit, or it cannot be read.
    pub fn at(dir: &Path, revision: &str, environment: &Environment) -> Result<Self, ContentError> {
        let commit = Commit::read(dir, revision, environment)?;
        Ok(Self { dir: dir.to_owned(), folder: ContentFolder::default(), commit: Some(commit) })
    }

    /// The files that were read.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        self.commit.as_ref().map_or(&self.folder.tree, |commit| &commit.tree)
    }

    /// Reads what has changed since.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn again(self, environment: &Environment) -> Result<Self, ContentError> {
        let folder = self.folder.again(&self.dir, environment)?;
        Ok(Self { folder, ..self })
    }

    /// What is known of it.
    #[must_use]
    pub fn knowledge(&self) -> Knowledge<'_> {
        walk(self.tree(), &|path| match &self.commit {
            Some(commit) => commit.bytes_of(path),
            None => content::bytes_of(&self.dir, path),
        })
    }
}
