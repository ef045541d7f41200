//! Where an object is defined in a rwenv's clone. Asked only where something is denied, and within a time nobody waits for.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::clock;
use super::environment::{Environment, under_home};
use crate::decide::Named;
use crate::manifest::tree::Tree;

/// Longest time that is looked.
const LONGEST: Duration = Duration::from_millis(250);
/// Largest file that is looked into, in bytes.
const LARGEST: u64 = 1 << 20;

/// The file and line that define an object, as a person opens them.
#[must_use]
pub fn find(rwenv: &str, object: &Named, environment: &Environment) -> Option<String> {
    let root = environment.config_dir.join("flux-repos").join(rwenv);
    let until = clock::monotonic() + LONGEST;
    let mut open: Vec<PathBuf> = vec![root];
    let mut best: Option<(bool, String)> = None;
    while let Some(folder) = open.pop() {
        let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if clock::monotonic() > until {
                return best.map(|(_, place)| place);
            }
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() && entry.file_name() != ".git" {
                open.push(path);
            } else if kind.is_file()
                && path.to_str().is_some_and(Tree::is_yaml)
                && let Some((line, exact)) = in_file(&path, object)
            {
                let place = format!("{}:{line}", under_home(&path));
                if exact {
                    return Some(place);
                }
                best.get_or_insert((exact, place));
            }
        }
    }
    best.map(|(_, place)| place)
}

/// The kinds of the objects in a file; none where it cannot be read.
#[must_use]
pub fn kinds(path: &str) -> Vec<String> {
    let small = fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
    let text = fs::read_to_string(path).ok().filter(|_| small).unwrap_or_default();
    let kind = |line: &str| Some(line.strip_prefix("kind:")?.trim().trim_matches(['"', '\'']).to_owned());
    text.lines().filter_map(kind).collect()
}

/// The line an object begins in, and whether its namespace is the one that is meant.
fn in_file(path: &Path, object: &Named) -> Option<(usize, bool)> {
    let small = fs::metadata(path).is_ok_and(|meta| meta.len() <= LARGEST);
    let text = fs::read_to_string(path).ok().filter(|text| small && text.contains(&object.name))?;
    let mut start = 1;
    let mut found = None;
    let mut document: Vec<&str> = Vec::new();
    for (at, line) in text.lines().chain(["---"]).enumerate() {
        if line.starts_with("---") {
            if let Some(exact) = is_object(&document, object)
                && (exact || found.is_none())
            {
                let comments = document
                    .iter()
                    .take_while(|line| line.trim().is_empty() || line.starts_with('#'))
                    .count();
                found = Some((start + comments, exact));
            }
            document.clear();
            start = at + 2;
        } else {
            document.push(line);
        }
    }
    found
}

/// True, and whether the namespace fits, where a document is this object: its keys stand at the left edge, and its name below
/// `metadata`.
fn is_object(document: &[&str], object: &Named) -> Option<bool> {
    let value = |line: &str, key: &str| {
        let rest = line.strip_prefix(key)?.trim_start();
        let text = rest.strip_prefix(':')?.trim().split(" #").next().unwrap_or_default().trim();
        Some(text.trim_matches(['"', '\'']).to_owned())
    };
    let kind = document.iter().find_map(|line| value(line, "kind"))?;
    if kind != object.kind {
        return None;
    }
    let at = document.iter().position(|line| line.starts_with("metadata:"))?;
    let below =
        document.get(at + 1..)?.iter().take_while(|line| line.starts_with(' ') || line.trim().is_empty());
    let inner: Vec<&str> = below.copied().collect();
    let indent =
        inner.iter().find(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len())?;
    let field = |key: &str| {
        inner
            .iter()
            .filter(|line| line.len() - line.trim_start().len() == indent)
            .find_map(|line| value(line.trim_start(), key))
    };
    (field("name")? == object.name).then(|| {
        object.namespace.is_none() || field("namespace").is_none_or(|own| Some(own) == object.namespace)
    })
}
