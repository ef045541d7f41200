//! The rules of policies and of content as Rust.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::{camel, effect, files, lint, parse, reach, rules, strings, traits};

pub(crate) fn lint_source() -> String {
    let mut out = String::from(
        "use super::{Level, LintRule};\n/// Every rule about content.\npub static RULES: &[LintRule] = &[\n",
    );
    let mut seen = BTreeSet::new();
    for path in files("../../policies/lint") {
        for row in parse::<lint::LintFile>(&path).rule {
            let at = format!("{}: '{}'", path.display(), row.id);
            assert!(seen.insert(row.id.clone()), "{at} stands there twice");
            assert!(row.example.iter().any(|e| !e.matches), "{at} has no example it finds nothing in");
            assert!(matches!(row.level.as_str(), "error" | "warning"), "{at}: '{}' is no level", row.level);
            assert!(row.pattern.is_none() || !row.keywords.is_empty(), "{at} has a pattern and no keywords");
            writeln!(
                out,
                "LintRule {{ id: {:?}, level: Level::{}, about: {:?}, instead: {:?}, pattern: {:?}, keywords: {} }},",
                row.id,
                camel(&row.level),
                row.about,
                row.instead,
                row.pattern,
                strings(&row.keywords)
            )
            .expect("writing to a string");
        }
    }
    out.push_str("];\n");
    out
}

pub(crate) fn rules_source() -> String {
    let mut out = String::from(
        "use std::borrow::Cow;\n\nuse crate::model::{Decision, Effect, FlagName, PathClass, Reach, Refs, Repository, Rule, When};\n/// All rules of the built-in policies.\npub static RULES: &[Rule] = &[\n",
    );
    let mut ids = BTreeSet::new();
    let mut classes = String::new();
    for path in files("../../policies/rules") {
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let policy = parse::<rules::PolicyFile>(&path);
        for class in &policy.class {
            writeln!(
                classes,
                "PathClass {{ name: Cow::Borrowed({:?}), patterns: {} }},",
                class.name,
                texts(&class.patterns)
            )
            .expect("writing to a string");
        }
        for row in policy.rule {
            let at = format!("{}: {}", path.display(), row.id);
            assert!(
                row.id.starts_with(&format!("{stem}.")),
                "{at}: the id of a rule starts with its policy's name"
            );
            assert!(ids.insert(row.id.clone()), "{at}: duplicate rule id");
            assert!(row.example.iter().any(|e| e.matches), "{at}: no example that matches");
            assert!(row.example.iter().any(|e| !e.matches), "{at}: no example that does not match");
            assert!(
                row.decision == "allow" || !row.instead.is_empty(),
                "{at}: says no without saying what instead"
            );
            let known = |name: &&String| !classes.contains(&format!("name: Cow::Borrowed({name:?}),"));
            assert!(row.when.paths.iter().find(known).is_none(), "{at}: no class has one of these names");
            rule(&mut out, &row, &at);
        }
    }
    out.push_str("];\n/// Classes of files that rules name.\npub static CLASSES: &[PathClass] = &[\n");
    out.push_str(&classes);
    out.push_str("];\n");
    let others = ["forges", "languages", "mcp", "programs", "runners", "wrappers"];
    let tables = files("../../policies/tools")
        .into_iter()
        .filter(|path| path.file_stem().and_then(|s| s.to_str()).is_some_and(|stem| !others.contains(&stem)));
    let mut tools: Vec<String> = tables.map(|path| parse::<crate::tools::ToolFile>(&path).name).collect();
    tools.extend(["guard".to_owned(), "mcp".to_owned()]);
    tools.sort();
    writeln!(
        out,
        "/// Names of tools, as rules write them.\npub static TOOLS: &[&str] = {};",
        strings(&tools)
    )
    .expect("writing to a string");
    let traits: Vec<String> = crate::known_traits().into_keys().collect();
    writeln!(out, "/// Names of traits.\npub static TRAITS: &[&str] = {};", strings(&traits))
        .expect("writing to a string");
    out
}

/// A list of texts that stand in the program.
fn texts(all: &[String]) -> String {
    let all: Vec<String> = all.iter().map(|text| format!("Cow::Borrowed({text:?})")).collect();
    format!("Cow::Borrowed(&[{}])", all.join(", "))
}

fn rule(out: &mut String, row: &rules::RuleRow, at: &str) {
    let when = &row.when;
    let decision = match row.decision.as_str() {
        "allow" | "ask" | "deny" => camel(&row.decision),
        other => panic!("{at}: '{other}' is not a decision; use allow, ask or deny"),
    };
    let flags: Vec<String> = (when.flags.iter())
        .map(|f| match f.as_str() {
            "readOnly" => "FlagName::ReadOnly".to_owned(),
            "gitOpsOnly" => "FlagName::GitOpsOnly".to_owned(),
            "noDirectPush" => "FlagName::NoDirectPush".to_owned(),
            "writable" => "FlagName::Writable".to_owned(),
            "manual" => "FlagName::Manual".to_owned(),
            "prompted" => "FlagName::Prompted".to_owned(),
            "k3s" => "FlagName::K3s".to_owned(),
            "askExecReads" => "FlagName::AskExecReads".to_owned(),
            other => panic!("{at}: '{other}' is no flag of a rwenv"),
        })
        .collect();
    let effects: Vec<String> = when.effects.iter().map(|e| effect(e, at)).collect();
    let reaches: Vec<String> = (when.reach.iter())
        .map(|name| reach(Some(name), at).trim_start_matches("Some(").trim_end_matches(')').to_owned())
        .collect();
    let repository =
        when.repository.as_deref().map_or("None".into(), |r| format!("Some(Repository::{})", camel(r)));
    let refs = when.refs.as_deref().map_or("None".into(), |r| format!("Some(Refs::{})", camel(r)));
    writeln!(
        out,
        "Rule {{ id: Cow::Borrowed({:?}), decision: Decision::{decision}, when: When {{ flags: Cow::Borrowed(&[{}]), effects: Cow::Borrowed(&[{}]), \
         reach: Cow::Borrowed(&[{}]), tools: {}, verbs: {}, traits: {}, without: {}, repository: {repository}, refs: {refs}, paths: {}, namespaces: {}, rwenvs: {} }}, \
         reason: Cow::Borrowed({:?}), instead: Cow::Borrowed({:?}), only: None, classes: Cow::Borrowed(&[]), floor: {} }},",
        row.id,
        flags.join(", "),
        effects.join(", "),
        reaches.join(", "),
        texts(&when.tools),
        texts(&when.verbs),
        texts(traits(&when.traits, at)),
        texts(traits(&when.without, at)),
        texts(&when.paths),
        texts(&when.namespaces),
        texts(&when.rwenvs),
        row.reason,
        row.instead,
        row.floor
    )
    .expect("writing to a string");
}
