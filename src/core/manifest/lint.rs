//! The check of a repository's content: every rule over every file.

use std::collections::BTreeSet;

use super::accepted::{AcceptedFinding, by_marks};
use super::finding::Finding;
use super::kustomization::is_kustomization;
use super::text::{Decoded, decode};
use super::tree::{File, Skipped, Tree, side_by_side};
use super::yaml::{At, ProblemKind};
use super::{argo, built, duplicate, flux, removed, secret};

/// What the content of a repository comes to.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct LintReport {
    /// In order of file and line, each once.
    pub findings: Vec<Finding>,
    /// Those that somebody accepts.
    pub accepted: Vec<AcceptedFinding>,
    /// Files that were not read, and why.
    pub skipped: Vec<(String, Skipped)>,
    /// How many files were read.
    pub files: usize,
}

impl LintReport {
    /// Adds what was found in one more file, by its bytes.
    pub fn take(&mut self, found: Vec<Finding>, bytes: &[u8]) {
        let text = match decode(bytes) {
            Decoded::Text(text) => text,
            Decoded::Binary | Decoded::LargeFile => String::new(),
        };
        let (open, accepted) = by_marks(found, |_| Some(text.as_str().into()));
        self.findings.extend(open);
        self.accepted.extend(accepted);
    }
}

/// Checks everything there is to check.
#[must_use]
pub fn lint(tree: &Tree) -> LintReport {
    let mut found: Vec<Option<Finding>> = Vec::new();
    for file in tree.files.values() {
        for problem in &file.problems {
            let rule = match problem.kind {
                ProblemKind::Syntax => "yaml.syntax",
                ProblemKind::DuplicateKey if is_kustomization(file) => "kustomize.duplicate-key",
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
    let shown = |file: &File| tree.is_shown_by_chart(&file.path);
    found.extend(side_by_side(&files, |file| secret::in_file(file, shown(file))).into_iter().flatten());
    for source in tree.secret_sources() {
        let text = tree.text_of(&source.path);
        found.extend(text.map(|text| secret::in_source(&source.path, &text, source.variables)));
    }
    found.extend(built::check(tree));
    found.extend(flux::check(tree));
    found.extend(argo::check(tree));
    found.extend(duplicate::check(tree));
    found.extend(removed::check(tree));
    let mut findings: BTreeSet<Finding> = found.into_iter().flatten().collect();
    let place = |finding: &Finding| (finding.path.clone(), finding.line);
    let built: BTreeSet<_> = findings.iter().filter(|f| f.rule == "object.duplicate").map(place).collect();
    findings.retain(|finding| finding.rule != "object.repeated" || !built.contains(&place(finding)));
    let held: BTreeSet<_> = findings.iter().filter(|f| f.rule == "secret.unencrypted").map(place).collect();
    findings.retain(|finding| finding.rule != "secret.hard-coded" || !held.contains(&place(finding)));
    let (findings, accepted) = by_marks(findings.into_iter().collect(), |path| tree.text_of(path));
    let skipped = tree.files.values().filter_map(|f| f.skipped.map(|why| (f.path.clone(), why)));
    LintReport { findings, accepted, skipped: skipped.collect(), files: tree.files.len() }
}

/// What a file has to hold to be a manifest under a name that does not say so.
const KIND: &[u8] = b"apiVersion";

/// The secrets of one file of a tree, of which no more than the paths has to be known.
#[must_use]
pub fn secrets_within(tree: &Tree, path: &str, bytes: &[u8]) -> Vec<Finding> {
    let found = secrets_of_file(path, bytes);
    if found.is_empty() || !(tree.is_shown_by_chart(path) || tree.is_chart_template(path)) {
        return found;
    }
    match decode(bytes) {
        Decoded::Text(text) => secrets_in(&text, path),
        Decoded::Binary | Decoded::LargeFile => found,
    }
}

/// The secrets of one file, whatever it is.
#[must_use]
pub fn secrets_of_file(path: &str, bytes: &[u8]) -> Vec<Finding> {
    let is_manifest = |bytes: &[u8]| bytes.windows(KIND.len()).any(|window| window == KIND);
    let read = Tree::is_yaml(path) || (Tree::may_be_manifest(path) && is_manifest(bytes));
    if !read {
        // Of a text in wide characters, the bytes do not show the keywords.
        let wide = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        if !wide && !secret::is_read(path) && !secret::is_hinted(bytes) {
            return Vec::new();
        }
        return match decode(bytes) {
            Decoded::Text(text) => secret::in_other(path, &text).into_iter().flatten().collect(),
            Decoded::Binary | Decoded::LargeFile => Vec::new(),
        };
    }
    let tree = Tree::new(Vec::new(), vec![(path.to_owned(), bytes.to_vec())], Vec::new());
    tree.files.values().flat_map(|file| secret::in_file(file, false)).flatten().collect()
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
