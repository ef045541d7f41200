//! The house rules that a compiler does not know: layers, purity, lengths, forgotten files, words.
//!
//! Every rule is a function from a file to what is wrong with it, and every rule is shown a file that breaks it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layers inside each crate, bottom first. A module imports only from rows above its own; what one crate may see of
/// another, the manifests say and the compiler holds.
const LAYERS: [(&str, &[&[&str]]); 4] = [
    (
        "core",
        &[
            &["table"],
            &["model"],
            &["shell", "classify", "policy", "manifest"],
            &["decide"],
            &["examples", "schema"],
        ],
    ),
    (
        "gate",
        &[
            &["base", "wire"],
            &["setup"],
            &["facts"],
            &["ledger"],
            &["judge"],
            &["net", "start"],
            &["standing"],
            &["doors"],
            &["bin"],
        ],
    ),
    (
        "flux",
        &[
            &["cluster", "edit", "repos"],
            &["catalog", "database"],
            &["impact", "operate"],
            &["context", "deploy"],
        ],
    ),
    ("app", &[&["credential", "guard", "standing"], &["confine", "daemon"], &["ops"], &["cli"], &["bin"]]),
];
/// The crate that touches nothing outside: no files, network, processes, clock or environment.
const PURE: &str = "src/core/";
const OUTSIDE: [&str; 7] =
    ["std::fs", "std::env", "std::net", "std::process", "std::time", "std::io", "tokio"];
const LONGEST_FILE: usize = 500;
/// Words the project has another word for, or that belong to how it was made.
const WORDS: [&str; 6] = ["Severity", "Forbid", "Halt", "simplified for now", "XXX", "FIXME"];

fn root() -> PathBuf {
    crate::support::root().to_owned()
}

/// All files below a folder, as paths below the root.
pub(crate) fn files(folder: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                out.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    out.sort();
    out
}

fn rust() -> Vec<String> {
    let all = ["src", "tests", "benches"].into_iter().flat_map(files);
    all.filter(|f| f.ends_with(".rs")).collect()
}

pub(crate) fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// Fails with everything a rule says about these files.
fn hold(files: &[String], rule: impl Fn(&str, &str) -> Vec<String>) {
    let wrong: Vec<String> = files.iter().flat_map(|f| rule(f, &read(f))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The code of a file without its comments and its tests.
pub(crate) fn code(text: &str) -> String {
    let tests = text.find("#[cfg(test)]").unwrap_or(text.len());
    let lines = text.get(..tests).unwrap().lines().filter(|l| !l.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The crate and the module a file belongs to; none for a crate's own root and its build script.
pub(crate) fn module(file: &str) -> Option<(&str, &str)> {
    let (crate_name, rest) = file.strip_prefix("src/")?.split_once('/')?;
    let module = rest.split(['/', '.']).next()?;
    (!matches!(module, "lib" | "build" | "Cargo")).then_some((crate_name, module))
}

fn layering(file: &str, text: &str) -> Vec<String> {
    let Some((crate_name, own)) = module(file) else { return Vec::new() };
    let rows = LAYERS.iter().find(|(name, _)| *name == crate_name).map(|(_, rows)| *rows).unwrap_or_default();
    let row = |module: &str| rows.iter().position(|row| row.contains(&module));
    let Some(own_row) = row(own) else { return vec![format!("{file}: module '{own}' is in no layer")] };
    let code = code(text);
    let mut wrong = Vec::new();
    for other in rows.iter().flat_map(|row| row.iter()).filter(|o| **o != own) {
        let uses = [format!("crate::{other}::"), format!("crate::{other};"), format!("crate::{other} ")];
        let grouped = code.split("use crate::{").skip(1).filter_map(|group| group.split(';').next());
        let named = uses.iter().any(|u| code.contains(u))
            || grouped
                .flat_map(|g| g.split([',', '{', '}']))
                .any(|n| n.trim().split("::").next() == Some(other));
        if named && row(other) >= Some(own_row) {
            wrong.push(format!("{file}: '{own}' uses '{other}', which is not below it"));
        }
    }
    wrong
}

fn purity(file: &str, text: &str) -> Vec<String> {
    // The schemas are made by a test.
    let pure = file.starts_with(PURE) && !file.starts_with("src/core/build/") && file != "src/core/schema.rs";
    let code = code(text);
    let found = OUTSIDE.iter().filter(|o| pure && code.contains(**o));
    found.map(|o| format!("{file}: a pure layer names {o}")).collect()
}

/// Reading arguments and printing is `cli`'s alone.
const SPOKEN: [&str; 6] = ["clap::", "print!", "println!", "io::stdout", "io::stderr", "io::stdin"];

fn silence(file: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let found = SPOKEN.iter().filter(|s| module(file) == Some(("app", "ops")) && code.contains(**s));
    found.map(|s| format!("{file}: '{s}' belongs in src/app/cli")).collect()
}

fn length(file: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let long = (lines > LONGEST_FILE).then(|| format!("{file}: {lines} lines, more than {LONGEST_FILE}"));
    long.into_iter().collect()
}

fn opening(file: &str, text: &str) -> Vec<String> {
    if text.starts_with("//! ") {
        Vec::new()
    } else {
        vec![format!("{file}: does not open with what it is (//!)")]
    }
}

fn words(file: &str, text: &str) -> Vec<String> {
    if file.ends_with("tests/it/tidy.rs") {
        return Vec::new();
    }
    // The names that HTTP and the API server have for a status, and OpenTelemetry for a field.
    let text = text.replace("Forbidden", "").replace("SeverityNumber", "").replace("SeverityText", "");
    let found = WORDS.iter().filter(|w| text.contains(**w));
    found.map(|w| format!("{file}: has the word '{w}'")).collect()
}

fn expectations(file: &str, text: &str) -> Vec<String> {
    let allowed = text.contains("#[allow(") && !file.ends_with("tests/it/tidy.rs");
    allowed.then(|| format!("{file}: #[allow] instead of #[expect] with a reason")).into_iter().collect()
}

/// A row of the glossary in `ARCHITECTURE.md`: its words, and those that the code does not use for them.
struct Entry {
    words: Vec<String>,
    not: Vec<String>,
}

fn glossary(page: &str) -> Vec<Entry> {
    let (_, section) = page.split_once("## Glossary").unwrap();
    let rows = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| "));
    let list = |cell: &str| cell.split(',').map(|word| word.trim().to_owned()).collect();
    let entry = |row: &str| match row.trim_matches('|').split(" | ").collect::<Vec<_>>()[..] {
        [words, _, not] => Ok(Entry { words: list(words), not: list(not) }),
        _ => Err(format!("a row of the glossary has three cells: {row}")),
    };
    rows.skip(2).map(|row| entry(row).unwrap()).collect()
}

/// The names of the types that a file declares.
fn types(text: &str) -> Vec<String> {
    let code = code(text);
    let words: Vec<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let pairs = words.windows(2).filter(|pair| ["struct", "enum", "trait", "type"].contains(&pair[0]));
    pairs.map(|pair| pair[1].to_owned()).collect()
}

/// The names that several declarations share, with the files. An associated type has its trait's name for it.
fn twice(sources: &[(String, String)]) -> Vec<String> {
    let mut all: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (file, text) in sources {
        let text = code(text);
        let declarations: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("type ") || line.starts_with("type "))
            .collect();
        types(&declarations.join("\n")).into_iter().for_each(|name| all.entry(name).or_default().push(file));
    }
    let is_type = |name: &str| name.starts_with(|c: char| c.is_ascii_uppercase());
    let several = all.into_iter().filter(|(name, files)| is_type(name) && files.len() > 1);
    several.map(|(name, files)| format!("{name}: {}", files.join(", "))).collect()
}

/// Types that are named by another word than the glossary's.
fn synonyms(file: &str, text: &str, glossary: &[Entry]) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in types(text) {
        let mut spaced = String::new();
        name.chars()
            .for_each(|c| spaced.extend(c.is_uppercase().then_some(' ').into_iter().chain(c.to_lowercase())));
        for entry in glossary {
            let meant = entry.words.join(", ");
            let found = entry.not.iter().filter(|not| spaced.split(' ').any(|word| word == *not));
            wrong.extend(
                found.map(|not| format!("{file}: '{name}' says {not}; the glossary's word is {meant}")),
            );
        }
    }
    wrong
}

/// `unsafe` stands in the hook's net and start, and nowhere else.
const UNSAFE: [&str; 3] = ["src/gate/net.rs", "src/gate/start.rs", "src/gate/bin/rwenv-hook.rs"];

fn safety(file: &str, text: &str) -> Vec<String> {
    let unsafe_code =
        code(text).contains("unsafe ") && !UNSAFE.contains(&file) && !file.starts_with("tests/");
    unsafe_code.then(|| format!("{file}: unsafe code outside the hook's net")).into_iter().collect()
}

/// The roots that the manifests name, as paths below the checkout, each in quotes.
fn roots() -> String {
    let paths = |(name, _): &(&str, _)| {
        let manifest = read(&format!("src/{name}/Cargo.toml"));
        let values =
            manifest.lines().filter_map(|l| l.strip_prefix("path = ").or(l.strip_prefix("build = ")));
        let below = |v: &str| match v.trim_matches('"').strip_prefix("../../") {
            Some(path) => format!("\"{path}\""),
            None => format!("\"src/{name}/{}\"", v.trim_matches('"')),
        };
        values.map(below).collect::<Vec<_>>()
    };
    LAYERS.iter().flat_map(paths).collect::<Vec<_>>().join(" ")
}

/// Rust files that no `mod` or manifest entry names.
fn forgotten(all: &[String], manifest: &str, read: impl Fn(&str) -> String) -> Vec<String> {
    let is_root = |file: &str| manifest.contains(&format!("\"{file}\""));
    let mut reached: BTreeSet<String> = all.iter().filter(|file| is_root(file)).cloned().collect();
    let mut open: Vec<String> = reached.iter().cloned().collect();
    while let Some(file) = open.pop() {
        let folder = match Path::new(&file).file_stem().and_then(|s| s.to_str()) {
            Some("mod" | "lib" | "main") | None => Path::new(&file).parent().unwrap().to_owned(),
            // The root of a crate of its own.
            Some(_) if is_root(&file) => Path::new(&file).parent().unwrap().to_owned(),
            Some(stem) => Path::new(&file).with_file_name(stem),
        };
        for line in read(&file).lines() {
            let Some(name) = line
                .trim()
                .trim_start_matches("pub(crate) ")
                .trim_start_matches("pub ")
                .strip_prefix("mod ")
                .and_then(|l| l.strip_suffix(';'))
            else {
                continue;
            };
            for path in [format!("{name}.rs"), format!("{name}/mod.rs")] {
                let path = folder.join(path).display().to_string();
                if all.contains(&path) && reached.insert(path.clone()) {
                    open.push(path);
                }
            }
        }
    }
    all.iter().filter(|f| !reached.contains(*f)).map(|f| format!("{f}: no module names it")).collect()
}

#[test]
fn modules_import_only_from_below() {
    hold(&rust(), layering);
    assert_eq!(layering("src/core/shell/a.rs", "use crate::classify::x;").len(), 1);
    assert_eq!(layering("src/core/model/a.rs", "use crate::{decide, shell::{a, b}};").len(), 2);
    assert_eq!(layering("src/core/model/a.rs", "use crate::{model::{A}, decide};").len(), 1);
    assert_eq!(layering("src/gate/base/a.rs", "let x = crate::wire::y();").len(), 1);
    assert_eq!(layering("src/new/a.rs", "").len(), 1);
    assert_eq!(layering("src/app/cli/a.rs", "use crate::guard::X; // crate::cli::y"), Vec::<String>::new());
}

#[test]
fn pure_layers_touch_nothing_outside() {
    hold(&rust(), purity);
    assert_eq!(purity("src/core/decide/a.rs", "use std::fs;").len(), 1);
    assert_eq!(purity("src/core/shell/a.rs", "std::time::Instant::now()").len(), 1);
    assert!(purity("src/gate/facts/a.rs", "use std::fs;").is_empty());
}

#[test]
fn operations_neither_read_arguments_nor_print() {
    hold(&files("src"), silence);
    assert_eq!(silence("src/app/ops/a.rs", "use clap::Args;\nprintln!()").len(), 2);
    assert!(silence("src/app/cli/a.rs", "println!()").is_empty());
}

#[test]
fn files_are_short_and_say_what_they_are() {
    hold(&rust(), length);
    hold(&rust(), opening);
    assert_eq!(length("a.rs", &"\n".repeat(501)).len(), 1);
    assert!(length("a.rs", &"\n".repeat(500)).is_empty());
    assert_eq!(opening("a.rs", "use x;").len(), 1);
}

#[test]
fn words_lints_and_unsafe_code_stand_where_they_may() {
    hold(&rust(), words);
    hold(&rust(), expectations);
    hold(&rust(), safety);
    assert_eq!(words("src/a.rs", "// FIXME later").len(), 1);
    assert_eq!(expectations("src/a.rs", "#[allow(dead_code)]").len(), 1);
    assert_eq!(safety("src/gate/facts/a.rs", "unsafe { x() }").len(), 1);
}

/// What Bash 3.2, which macOS has, does not know.
const NEWER_BASH: [&str; 17] = [
    "mapfile",
    "readarray",
    "declare -A",
    "local -A",
    "declare -n",
    "local -n",
    "declare -g",
    "coproc",
    "wait -n",
    "shopt -s globstar",
    "[[ -v",
    "[ -v",
    "|&",
    "&>>",
    ";;&",
    ",,}",
    "^^}",
];

/// Scripts run with the Bash of macOS.
fn old_bash(file: &str, text: &str) -> Vec<String> {
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    let all = code.flat_map(|(at, line)| {
        let newer =
            NEWER_BASH.iter().filter(move |word| line.contains(**word)).map(|word| (*word).to_owned());
        // With `set -u` an empty array counts as not set there; `${a[@]+"${a[@]}"}` does not.
        let expanded = line.replace("+\"${", "").contains("\"${") && line.contains("[@]}\"");
        let guarded = line.contains("[@]+") || line.contains("${#");
        let bare = (expanded && !guarded).then(|| "an array that may be empty".to_owned());
        newer.chain(bare).map(move |what| format!("{file}:{}: {what}", at + 1))
    });
    all.collect()
}

#[test]
fn scripts_run_with_the_bash_of_macos() {
    let scripts: Vec<String> = files(".ci")
        .into_iter()
        .chain(files("hooks"))
        .chain(["install.sh".to_owned(), "test.sh".to_owned(), "integrations/check.sh".to_owned()])
        .filter(|file| read(file).starts_with("#!/") && read(file).lines().next().unwrap().contains("bash"))
        .collect();
    assert!(scripts.len() >= 3, "{scripts:?}");
    hold(&scripts, old_bash);
    assert_eq!(old_bash("a.sh", "mapfile -t x < y\necho \"${x[@]}\"").len(), 2);
    assert_eq!(old_bash("a.sh", "echo ${x[@]+\"${x[@]}\"} # mapfile is not there\n# mapfile").len(), 1);
}

#[test]
fn every_file_is_reached() {
    let all = rust();
    let wrong = forgotten(&all, &roots(), read);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let made_up = ["src/lib.rs", "src/a.rs", "src/a/b.rs", "src/lost.rs"].map(str::to_owned);
    let text = |f: &str| if f == "src/lib.rs" { "pub mod a;" } else { "mod b;" }.to_owned();
    assert_eq!(forgotten(&made_up, "\"src/lib.rs\"", text), ["src/lost.rs: no module names it"]);
}

#[test]
fn every_policy_and_corpus_file_is_run() {
    let known: BTreeSet<String> =
        rwenv_core::examples::SOURCES.iter().map(|(name, _)| format!("policies/{name}")).collect();
    let lost = |file: &String| !known.contains(file) && file != "policies/README.md";
    assert_eq!(files("policies").into_iter().filter(lost).collect::<Vec<_>>(), Vec::<String>::new());
    assert!(lost(&"policies/rules/new.toml".to_owned()));
    let corpus =
        ["core/corpus", "core/lines", "it/api_guard", "it/on_disk", "it/collected", "it/stories/rows"]
            .map(|name| read(&format!("tests/{name}.rs")))
            .concat();
    // Some are read by the folder.
    let lost = |file: &String| {
        let path = Path::new(file);
        let named = |part: &Path| corpus.contains(&format!("\"{}\"", part.display()));
        !corpus.contains(path.file_name().unwrap().to_str().unwrap()) && !path.parent().is_some_and(named)
    };
    assert_eq!(files("tests/corpus").into_iter().filter(lost).collect::<Vec<_>>(), Vec::<String>::new());
    assert!(lost(&"tests/corpus/new.toml".to_owned()));
}

/// Each table names its schema, for editors.
#[test]
fn every_table_names_its_schema() {
    let own = ["wrappers", "languages", "runners", "forges", "mcp", "programs", "custody", "api"];
    for (name, text) in
        rwenv_core::examples::SOURCES.iter().filter(|(name, _)| *name != "programs/shared.toml")
    {
        let (folder, file) = name.split_once('/').unwrap();
        let stem = file.trim_end_matches(".toml");
        let kind = match folder {
            "rules" => "policy",
            "lint" => "lint",
            _ if own.contains(&stem) => stem,
            _ => "tool",
        };
        let line = format!("#:schema ../../schemas/{kind}.schema.json\n");
        assert!(text.starts_with(&line), "{name} does not begin with {line}");
    }
}

#[test]
fn pages_that_are_made_from_the_files_are_current() {
    let home = crate::support::Home::empty();
    let made = home.rwenv("", &["policy", "list", "--markdown"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout == read("policies/README.md"), "policies/README.md is not current: just policies");
}

#[test]
fn the_code_and_the_glossary_use_the_same_words() {
    let glossary = glossary(&read("ARCHITECTURE.md"));
    assert!(glossary.len() >= 12, "{} rows", glossary.len());
    let sources: Vec<(String, String)> =
        rust().into_iter().filter(|f| f.starts_with("src/")).map(|f| (f.clone(), read(&f))).collect();
    let declared: BTreeSet<String> = sources.iter().flat_map(|(_, text)| types(text)).collect();
    for word in glossary.iter().flat_map(|entry| &entry.words) {
        let name = word[..1].to_uppercase() + &word[1..];
        // A type, or a field.
        let field = format!(" {word}: ");
        let used = declared.contains(&name) || sources.iter().any(|(_, text)| code(text).contains(&field));
        assert!(used, "the glossary has '{word}', and the code does not");
    }
    let wrong: Vec<String> =
        sources.iter().flat_map(|(file, text)| synonyms(file, text, &glossary)).collect();
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(
        synonyms("src/new.rs", "pub(crate) struct RuleSeverity;", &glossary),
        ["src/new.rs: 'RuleSeverity' says severity; the glossary's word is decision, reason, verdict"]
    );
    assert!(synonyms("src/new.rs", "struct Severe; enum Reach {}", &glossary).is_empty());
}

#[test]
fn every_type_has_a_name_of_its_own() {
    let sources: Vec<(String, String)> =
        rust().into_iter().filter(|f| f.starts_with("src/")).map(|f| (f.clone(), read(&f))).collect();
    assert_eq!(twice(&sources), Vec::<String>::new());
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let shared =
        [file("src/a.rs", "pub struct Place {}"), file("src/b.rs", "enum Place {}\n    type Item = u8;")];
    assert_eq!(twice(&shared), ["Place: src/a.rs, src/b.rs"]);
}
