//! The command lines of `tests/corpus`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    group: Vec<Group>,
}

/// Lines that are alike.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) about: String,
    #[serde(default = "read_only")]
    pub(crate) rwenv: String,
    #[serde(default = "allow")]
    pub(crate) want: String,
    /// Where something is held back: the rules that do it, each at least once.
    #[serde(default)]
    pub(crate) rules: Vec<String>,
    /// Files that are there before the lines run: in the project, or below `~/`.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) lines: Vec<String>,
}

fn read_only() -> String {
    "read-only".to_owned()
}

fn allow() -> String {
    "allow".to_owned()
}

/// The groups of a file.
pub(crate) fn load(name: &str) -> Vec<Group> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus").join(name);
    let corpus: Corpus = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    corpus.group
}

/// All lines of the corpora with the rwenv they are judged in.
pub(crate) fn all_lines() -> Vec<(String, String)> {
    let groups = ["bypass.toml", "benign.toml"].into_iter().flat_map(load);
    groups.flat_map(|g| g.lines.into_iter().map(move |l| (l, g.rwenv.clone()))).collect()
}
