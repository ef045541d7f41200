//! Compiles `policies/**/*.toml` into Rust statics, so that the hook neither reads nor parses anything for them.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a build script reports by panicking, and cargo talks to it through the environment"
)]

#[expect(dead_code, unreachable_pub, reason = "the library uses the rest of the shape")]
#[path = "../classify/code_schema.rs"]
mod codes;
#[expect(dead_code, unreachable_pub, reason = "the library uses the rest of the shape")]
#[path = "../manifest/schema.rs"]
mod lint;
#[expect(unreachable_pub, reason = "the library uses it too")]
#[path = "../policy/schema.rs"]
mod rules;
#[expect(dead_code, unreachable_pub, reason = "the library uses the rest of the shape")]
#[path = "../classify/schema.rs"]
mod tools;

mod emit_rules;
mod emit_tools;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const EFFECTS: [&str; 15] = [
    "read",
    "read-secret",
    "local-write",
    "session-change",
    "git-write",
    "git-publish",
    "reconcile",
    "tunnel",
    "exec",
    "cluster-write",
    "provision",
    "cloud-write",
    "data-write",
    "tamper",
    "unknown",
];

fn main() {
    println!("cargo::rerun-if-changed=../../policies");
    println!("cargo::rerun-if-changed=policy/schema.rs");
    println!("cargo::rerun-if-changed=classify/schema.rs");
    println!("cargo::rerun-if-changed=classify/code_schema.rs");
    println!("cargo::rerun-if-changed=manifest/schema.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("tools.rs"), emit_tools::tools_source()).expect("OUT_DIR is writable");
    fs::write(out.join("lint.rs"), emit_rules::lint_source()).expect("OUT_DIR is writable");
    fs::write(out.join("rules.rs"), emit_rules::rules_source()).expect("OUT_DIR is writable");
    fs::write(out.join("sources.rs"), sources_source()).expect("OUT_DIR is writable");
}

/// The texts of all policy files, for those who run their examples.
fn sources_source() -> String {
    let mut out = String::from(
        "/// Path below `policies/` and text of every policy file.\npub static SOURCES: &[(&str, &str)] = &[\n",
    );
    for path in
        ["../../policies/tools", "../../policies/rules", "../../policies/lint"].into_iter().flat_map(files)
    {
        let full = fs::canonicalize(&path).expect("it was just listed");
        let name = path.strip_prefix("../../policies").expect("it lies there");
        writeln!(out, "({:?}, include_str!({:?})),", name.display().to_string(), full)
            .expect("writing to a string");
    }
    out.push_str("];\n");
    out
}

/// The TOML files of a folder, in order of their names.
pub(crate) fn files(dir: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap_or_else(|e| panic!("{dir}: {e}"))
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    all.sort();
    all
}

pub(crate) fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The traits there are, each with what it says.
pub(crate) fn known_traits() -> BTreeMap<String, String> {
    parse(Path::new("../../policies/traits.toml"))
}

/// These traits; a word that is none stops the build.
pub(crate) fn traits<'t>(all: &'t [String], at: &str) -> &'t [String] {
    let known = known_traits();
    let wrong = all.iter().find(|name| !known.contains_key(*name));
    assert!(wrong.is_none(), "{at}: {wrong:?} is no trait; they stand in policies/traits.toml");
    all
}

pub(crate) fn strings(all: &[String]) -> String {
    format!("&{all:?}")
}

pub(crate) fn effect(name: &str, at: &str) -> String {
    assert!(EFFECTS.contains(&name), "{at}: '{name}' is no effect; use one of {EFFECTS:?}");
    format!("Effect::{}", camel(name))
}

pub(crate) fn camel(name: &str) -> String {
    name.split('-')
        .map(|w| w.get(..1).unwrap_or_default().to_uppercase() + w.get(1..).unwrap_or_default())
        .collect()
}

pub(crate) fn reach(name: Option<&str>, at: &str) -> String {
    match name {
        None => "None".into(),
        Some(name @ ("local" | "repository" | "service" | "cluster")) => {
            format!("Some(Reach::{})", camel(name))
        }
        Some(other) => panic!("{at}: '{other}' is no reach; use local, repository, service or cluster"),
    }
}
