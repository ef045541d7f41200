//! Knowledge: what a Flux repository deploys, and which file and line to change for it. The files are read once; Flux
//! Kustomizations decide what is applied from where, kustomize's rules decide the rest.

pub mod document;
pub mod generate;
pub mod graph;
pub mod images;
pub mod knowledge;
pub mod kustomize;
pub mod lookup;
pub mod substitute;
pub mod uses;
pub mod walk;

use std::path::{Path, PathBuf};

use crate::host::content::{self, ContentError};
use crate::host::environment::Environment;
use crate::manifest::tree::Tree;
use knowledge::Knowledge;

/// A folder, read.
pub struct Reading {
    /// The folder.
    pub dir: PathBuf,
    /// Its files.
    pub tree: Tree,
}

impl Reading {
    /// Reads a folder as it lies there.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of(dir: &Path, environment: &Environment) -> Result<Self, ContentError> {
        Ok(Self { dir: dir.to_owned(), tree: content::tree_of(dir, environment)? })
    }

    /// What is known of it.
    #[must_use]
    pub fn knowledge(&self) -> Knowledge<'_> {
        walk::walk(&self.tree, &|path| content::bytes_of(&self.dir, path))
    }
}
