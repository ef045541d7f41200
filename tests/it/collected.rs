//! Lines in the shape of real ones, labelled by hand in four settings, and how often they are interrupted for nothing.
//!
//! The rules of labelling: what looks, builds, tests, formats or works on files of the project passes everywhere. What changes a cluster,
//! a service that a rwenv stands for, or the guard is stopped, but for the writable rwenv's own; with nothing selected only clusters are
//! guarded. What prints secret values is stopped wherever something is selected. Arguable are: contexts and logins of the person's own
//! machine, clusters that are made on it, installers from the network, ports that are forwarded and programs in pods in a read-only
//! rwenv, whether reconciling is a change, images that are pushed. These count neither way.

use std::fmt::Write as _;
use std::fs;

use rwenv_core::classify::tools;
use rwenv_core::decide;
use rwenv_core::examples::{alone, judged};
use rwenv_core::model::{Bound, Context, Decision, Dir, Facts, Rwenv, RwenvName, Rwenvs};

use crate::support::root;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Collected {
    source: Vec<LineSource>,
}

/// Lines whose shapes were seen in one place.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LineSource {
    /// Repository and path.
    from: String,
    /// Each with its label: four letters and a blank before it.
    lines: Vec<String>,
}

/// The settings in the labels' order.
const SETTINGS: [&str; 4] = ["read-only", "gitops-only", "writable", "none"];

/// How one setting came out.
#[derive(Clone, Copy, Default)]
struct Count {
    /// Lines that are to pass, and those of them that name one of our tools.
    passes: [usize; 2],
    /// Those of them that are stopped.
    interrupted: [usize; 2],
    /// Lines that are to be stopped, and those that pass.
    stopped: usize,
    through: usize,
    arguable: usize,
}

fn sources() -> Vec<LineSource> {
    let folder = root().join("tests/corpus/collected");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let read = |file| toml::from_str::<Collected>(&fs::read_to_string(file).unwrap()).unwrap();
    files.into_iter().flat_map(|file| read(file).source).collect()
}

/// What is decided where nothing is selected.
fn unselected(line: &str) -> Decision {
    let (home, cwd) = ("/home/me".to_owned(), "/home/me/project".to_owned());
    let facts = Facts { bindings: vec![(Dir::Known(cwd.clone()), Bound::None)], ..Facts::default() };
    let all = vec![Rwenv { read_only: true, ..Rwenv::named(RwenvName::new("ro").unwrap()) }];
    let config_dir = format!("{home}/.claude/rwenv");
    let rwenvs = Rwenvs { all, config_dir: config_dir.clone(), ..Rwenvs::default() };
    let context = Context { cwd, home, config_dir, ..Context::default() };
    decide::conclude(&alone(decide::plan(line, &context)), &facts, &rwenvs).decision()
}

/// True where a word of the line is the name of one of our tools, but for git.
fn is_platform(line: &str) -> bool {
    let words = line.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.'));
    words.into_iter().filter_map(|word| tools().tool(word)).any(|tool| tool.name.as_str() != "git")
}

/// The counts, and what is wrong.
fn measured() -> ([Count; 4], Vec<String>) {
    let mut counts = [Count::default(); 4];
    let mut wrong = Vec::new();
    for source in sources() {
        for labelled in &source.lines {
            let (label, line) = labelled.split_once(' ').unwrap();
            assert_eq!(label.len(), 4, "{labelled}");
            let ours = usize::from(is_platform(line));
            for ((letter, setting), count) in label.chars().zip(SETTINGS).zip(&mut counts) {
                let decision = match setting {
                    "none" => unselected(line),
                    rwenv => judged(line, rwenv).unwrap().decision(),
                };
                match (letter, decision) {
                    ('e', _) => count.arguable += 1,
                    ('a', Decision::Allow) => count.passes[ours] += 1,
                    ('a', _) => {
                        count.passes[ours] += 1;
                        count.interrupted[ours] += 1;
                        wrong.push(format!("{setting}: {decision:?} of {}: {line}", source.from));
                    }
                    ('s', Decision::Allow) => {
                        count.stopped += 1;
                        count.through += 1;
                        wrong.push(format!("{setting}: let through, of {}: {line}", source.from));
                    }
                    ('s', _) => count.stopped += 1,
                    _ => wrong.push(format!("no label: {labelled}")),
                }
            }
        }
    }
    (counts, wrong)
}

/// The table of `docs/decisions.md`.
pub(crate) fn table() -> String {
    let (counts, _) = measured();
    let lines: usize = sources().iter().map(|source| source.lines.len()).sum();
    let mut out = format!(
        "\n## {lines} lines in the shape of real ones\n\nOf {} public READMEs, runbooks, CI files and makefiles; `tests/corpus/collected` has the lines with their sources and labels, \
         `tests/it/collected.rs` the rules of labelling. Nothing lies on the disk.\n\n| setting | to pass | interrupted | of them naming a tool of ours | to be stopped | let through | arguable |\n| --- | --- | --- | --- | --- | --- | --- |\n",
        sources().len()
    );
    for (setting, count) in SETTINGS.iter().zip(counts) {
        let [others, ours] = count.passes;
        let [others_held, ours_held] = count.interrupted;
        let _ = writeln!(
            out,
            "| {setting} | {} | {} | {ours_held} of {ours} | {} | {} | {} |",
            others + ours,
            others_held + ours_held,
            count.stopped,
            count.through,
            count.arguable
        );
    }
    out
}

#[test]
fn real_days_pass_undisturbed() {
    let (counts, wrong) = measured();
    let shown = wrong.join("\n");
    assert!(!shown.contains("no label: "), "{shown}");
    for (setting, count) in SETTINGS.iter().zip(counts) {
        let [others, ours] = count.interrupted;
        assert_eq!(count.through, 0, "{setting}:\n{shown}");
        assert_eq!(others, 0, "{setting}: lines that name none of our tools\n{shown}");
        assert!((others + ours) * 200 <= count.passes.iter().sum(), "{setting}: more than 0.5 %\n{shown}");
        assert!(ours * 100 <= count.passes[1], "{setting}: more than 1 % of the platform's\n{shown}");
    }
    println!("{shown}");
}
