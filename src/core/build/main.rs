//! Reads `policies/**/*.toml` as the types of `table`, holds them to what every table owes, and writes them down as constants, so that
//! the hook neither reads nor parses anything for them.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a build script reports by panicking, and cargo talks to it through the environment"
)]

#[expect(dead_code, unused_imports, unreachable_pub, reason = "the library uses the rest of it")]
#[path = "../table/mod.rs"]
mod table;

mod held;
mod programs;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use databake::Bake;
use table::{
    ClusterApi, Custody, LintFile, LintRule, PathClass, PolicyFile, RemovedVersion, Rows, Rule, RuleList,
};

const POLICIES: &str = "../../policies";

fn main() {
    println!("cargo::rerun-if-changed={POLICIES}");
    println!("cargo::rerun-if-changed=table");
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let write = |name: &str, text: String| fs::write(out.join(name), text).expect("OUT_DIR is writable");
    let (tools, names) = programs::read();
    let verbs = programs::known_verbs(&tools);
    let verbs: Vec<(&str, &[&str])> = verbs.iter().map(|(tool, own)| (*tool, own.as_slice())).collect();
    let (rules, classes) = rules();
    rules.iter().for_each(|rule| held::names(rule, &names, &verbs));
    write("tools.rs", constant("Everything known of programs.", "TOOLS", "rwenv_core::table::Tools", &tools));
    write(
        "rules.rs",
        [
            constant(
                "All rules of the built-in policies.",
                "RULES",
                "&[rwenv_core::table::Rule]",
                &rules.as_slice(),
            ),
            constant(
                "Classes of files that rules name.",
                "CLASSES",
                "&[rwenv_core::table::PathClass]",
                &classes.as_slice(),
            ),
            constant("Names of tools, as rules write them.", "TOOLS", "&[&str]", &names.as_slice()),
            constant(
                "The verbs of every tool that has a table.",
                "VERBS",
                "&[(&str, &[&str])]",
                &verbs.as_slice(),
            ),
        ]
        .join("\n"),
    );
    write("lint.rs", lint());
    let custody: Custody = parse(&Path::new(POLICIES).join("programs/custody.toml"));
    write(
        "custody.rs",
        constant("What a confined program does not get.", "CUSTODY", "rwenv_core::table::Custody", &custody),
    );
    let api: ClusterApi = parse(&Path::new(POLICIES).join("programs/api.toml"));
    write("api.rs", constant("What the API of a cluster has.", "API", "rwenv_core::table::ClusterApi", &api));
    write("sources.rs", sources());
}

/// A constant of the program, by its value here.
fn constant(about: &str, name: &str, kind: &str, value: &impl Bake) -> String {
    // Tokens come on one line, which no message of the compiler's could show.
    let value = value.bake(&Default::default()).to_string().replace("rwenv_core :: ", "\nrwenv_core::");
    format!("/// {about}\npub static {name}: {kind} = {value};\n")
}

/// The texts of all policy files, for those who run their examples.
fn sources() -> String {
    let mut out = String::from(
        "/// Path below `policies/` and text of every policy file.\npub static SOURCES: &[(&str, &str)] = &[\n",
    );
    for path in ["tools", "programs", "rules", "lint"].into_iter().flat_map(files) {
        let full = fs::canonicalize(&path).expect("it was just listed");
        let name = path.strip_prefix(POLICIES).expect("it lies there");
        writeln!(out, "({:?}, include_str!({:?})),", name.display().to_string(), full)
            .expect("writing to a string");
    }
    out.push_str("];\n");
    out
}

/// The TOML files of a folder of policies, in order of their names.
fn files(folder: &str) -> Vec<PathBuf> {
    let dir = Path::new(POLICIES).join(folder);
    let mut all: Vec<PathBuf> = fs::read_dir(&dir)
        .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    all.sort();
    all
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    toml::from_str(&text(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The rules about content, and what they know.
fn lint() -> String {
    let mut seen = BTreeSet::new();
    let all: Vec<(String, LintFile)> =
        files("lint").into_iter().map(|path| (path.display().to_string(), parse(&path))).collect();
    let rules = all.iter().flat_map(|(at, file)| file.rules.iter().map(move |rule| (at, *rule)));
    let rules: Rows<LintRule> = rules
        .inspect(|(at, rule)| held::lint(at, rule, seen.insert(rule.id)))
        .map(|(_, rule)| rule)
        .collect();
    let removed: Rows<RemovedVersion> =
        all.iter().flat_map(|(_, file)| file.removed.iter().copied()).collect();
    let kind = |row: &str| format!("rwenv_core::table::Rows<rwenv_core::table::{row}>");
    [
        constant("Every rule about content.", "RULES", &kind("LintRule"), &rules),
        constant(
            "Versions of the API that are no longer served.",
            "REMOVED",
            &kind("RemovedVersion"),
            &removed,
        ),
    ]
    .join("\n")
}

fn rules() -> (Vec<Rule>, Vec<PathClass>) {
    let (mut rules, mut classes) = (Vec::new(), Vec::new());
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for path in files("rules") {
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let policy = parse::<PolicyFile>(&path);
        classes.extend(policy.classes);
        for rule in policy.rules {
            held::rule(&path.display().to_string(), &stem, &rule, &classes);
            assert!(seen.insert(rule.id.to_string()), "{}: {}: duplicate rule id", path.display(), rule.id);
            rules.push(Rule { classes: RuleList::Borrowed(&[]), ..rule });
        }
    }
    (rules, classes)
}
