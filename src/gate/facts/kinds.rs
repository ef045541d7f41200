//! What kinds of objects a manifest on disk has.

use std::fs;

/// Largest file that is looked into, in bytes.
const LARGEST: u64 = 1 << 20;

/// True for a file that holds Applications of Argo CD, and nothing else.
pub(super) fn is_application(path: &str) -> bool {
    let found = kinds(path);
    !found.is_empty() && found.iter().all(|kind| kind == "Application")
}

/// The kinds of the objects in a file; none where it cannot be read.
fn kinds(path: &str) -> Vec<String> {
    let small = fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
    let text = fs::read_to_string(path).ok().filter(|_| small).unwrap_or_default();
    let kind = |line: &str| Some(line.strip_prefix("kind:")?.trim().trim_matches(['"', '\'']).to_owned());
    text.lines().filter_map(kind).collect()
}
