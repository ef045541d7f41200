//! Findings: what is wrong with the content of a repository, where, and what to do about it.

use std::collections::BTreeSet;
use std::hash::{Hash as _, Hasher as _};

use super::text::{Decoded, decode};
use super::tree::{File, Skipped, Tree, side_by_side};
use super::yaml::{At, ProblemKind};
use super::{argo, duplicate, flux, kustomize, secret};

/// The rules, compiled from `policies/lint/*.toml`.
mod table {
    include!(concat!(env!("OUT_DIR"), "/lint.rs"));
}

pub use table::RULES;

pub use crate::table::{Level, LintRule};

/// Something found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// The file, from the root of the repository.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The rule.
    pub rule: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is wrong; never a secret's value.
    pub message: String,
    /// What to do instead.
    pub instead: &'static str,
    /// Tells two secrets of the same name apart; says nothing of either.
    #[serde(skip)]
    pub mark: u64,
}

impl Finding {
    /// True for the same thing wrong, wherever in a file.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        (self.rule, &self.message, self.mark) == (other.rule, &other.message, other.mark)
    }

    /// The same finding about a text that is not told.
    pub(super) fn about(mut self, text: &str) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        text.hash(&mut hasher);
        self.mark = hasher.finish();
        self
    }

    /// A finding of a rule.
    pub(super) fn new(rule: &str, path: &str, at: At, message: String) -> Option<Self> {
        let rule = RULES.iter().find(|known| known.id == rule)?;
        Some(Self {
            path: path.to_owned(),
            line: at.line,
            column: at.column,
            rule: rule.id.as_str(),
            level: rule.level,
            message,
            instead: rule.instead.as_str(),
            mark: 0,
        })
    }
}

/// What the content of a repository comes to.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Report {
    /// In order of file and line, each once.
    pub findings: Vec<Finding>,
    /// Files that were not read, and why.
    pub skipped: Vec<(String, Skipped)>,
    /// How many files were read.
    pub files: usize,
}

/// Checks everything there is to check.
#[must_use]
pub fn lint(tree: &Tree) -> Report {
    let mut found: Vec<Option<Finding>> = Vec::new();
    for file in tree.files.values() {
        for problem in &file.problems {
            let rule = match problem.kind {
                ProblemKind::Syntax => "yaml.syntax",
                ProblemKind::DuplicateKey => "yaml.duplicate-key",
                ProblemKind::Limit => "yaml.limit",
            };
            found.push(Finding::new(rule, &file.path, problem.at, problem.message.clone()));
        }
        if file.large_file {
            let message = "its content is stored in Git LFS and cannot be checked".to_owned();
            found.push(Finding::new("content.large-file", &file.path, At::START, message));
        }
    }
    let files: Vec<&File> = tree.files.values().collect();
    found.extend(side_by_side(&files, |file| secret::in_file(file)).into_iter().flatten());
    found.extend(kustomize::check(tree));
    found.extend(flux::check(tree));
    found.extend(argo::check(tree));
    found.extend(duplicate::check(tree));
    let findings: BTreeSet<Finding> = found.into_iter().flatten().collect();
    let skipped = tree.files.values().filter_map(|f| f.skipped.map(|why| (f.path.clone(), why)));
    Report { findings: findings.into_iter().collect(), skipped: skipped.collect(), files: tree.files.len() }
}

/// The secrets of one file, whatever it is.
#[must_use]
pub fn secrets_of_file(path: &str, bytes: &[u8]) -> Vec<Finding> {
    if !Tree::is_yaml(path) {
        return match decode(bytes) {
            Decoded::Text(text) => secrets_in(&text, path),
            Decoded::Binary | Decoded::LargeFile => Vec::new(),
        };
    }
    let tree = Tree::new(Vec::new(), vec![(path.to_owned(), bytes.to_vec())], Vec::new());
    tree.files.values().flat_map(secret::in_file).flatten().collect()
}

/// A manifest that is too large to be read.
#[must_use]
pub fn too_large(path: &str) -> Option<Finding> {
    Finding::new("yaml.limit", path, At::START, "is too large to check".to_owned())
}

/// The secrets whose form gives them away, in a text that is no YAML file: a commit message, a file name, a script.
#[must_use]
pub fn secrets_in(text: &str, path: &str) -> Vec<Finding> {
    secret::typed(text, path).into_iter().flatten().collect()
}
