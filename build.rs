//! Compiles `policies/**/*.toml` into Rust statics, so that the hook neither reads nor parses anything for them.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a build script reports by panicking, and cargo talks to it through the environment"
)]

#[expect(dead_code, unreachable_pub, reason = "the library uses the rest of the shape")]
#[path = "src/manifest/schema.rs"]
mod lint;
#[expect(dead_code, unreachable_pub, reason = "the library uses the rest of the shape")]
#[path = "src/policy/schema.rs"]
mod rules;
#[expect(dead_code, unreachable_pub, reason = "the library uses the rest of the shape")]
#[path = "src/classify/schema.rs"]
mod tools;

use std::collections::BTreeSet;
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
    println!("cargo::rerun-if-changed=policies");
    println!("cargo::rerun-if-changed=src/policy/schema.rs");
    println!("cargo::rerun-if-changed=src/classify/schema.rs");
    println!("cargo::rerun-if-changed=src/manifest/schema.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("tools.rs"), tools_source()).expect("OUT_DIR is writable");
    fs::write(out.join("lint.rs"), lint_source()).expect("OUT_DIR is writable");
    fs::write(out.join("rules.rs"), rules_source()).expect("OUT_DIR is writable");
    fs::write(out.join("sources.rs"), sources_source()).expect("OUT_DIR is writable");
}

/// The texts of all policy files, for those who run their examples.
fn sources_source() -> String {
    let mut out = String::from(
        "/// Path below `policies/` and text of every policy file.\npub static SOURCES: &[(&str, &str)] = &[\n",
    );
    for path in ["policies/tools", "policies/rules", "policies/lint"].into_iter().flat_map(files) {
        let full = fs::canonicalize(&path).expect("it was just listed");
        let name = path.strip_prefix("policies").expect("it lies there");
        writeln!(out, "({:?}, include_str!({:?})),", name.display().to_string(), full)
            .expect("writing to a string");
    }
    out.push_str("];\n");
    out
}

/// The TOML files of a folder, in order of their names.
fn files(dir: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap_or_else(|e| panic!("{dir}: {e}"))
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    all.sort();
    all
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn strings(all: &[String]) -> String {
    format!("&{all:?}")
}

fn effect(name: &str, at: &str) -> String {
    assert!(EFFECTS.contains(&name), "{at}: '{name}' is no effect; use one of {EFFECTS:?}");
    format!("Effect::{}", camel(name))
}

fn camel(name: &str) -> String {
    name.split('-')
        .map(|w| w.get(..1).unwrap_or_default().to_uppercase() + w.get(1..).unwrap_or_default())
        .collect()
}

fn reach(name: Option<&str>, at: &str) -> String {
    match name {
        None => "None".into(),
        Some(name @ ("local" | "repository" | "service" | "cluster")) => {
            format!("Some(Reach::{})", camel(name))
        }
        Some(other) => panic!("{at}: '{other}' is no reach; use local, repository, service or cluster"),
    }
}

fn tools_source() -> String {
    let mut tools = String::new();
    let mut wrappers = String::new();
    let mut others = (String::new(), String::new());
    let mut programs = tools::ProgramFile::default();
    for path in files("policies/tools") {
        let at = path.display().to_string();
        match path.file_stem().and_then(|s| s.to_str()) {
            Some("wrappers") => {
                for row in parse::<tools::WrapperFile>(&path).wrapper {
                    wrappers.push_str(&wrapper(&row, &at));
                }
            }
            Some("languages") => others = languages(&parse(&path), &at),
            Some("programs") => programs = parse(&path),
            _ => tools.push_str(&tool(&parse(&path), &at)),
        }
    }
    programs.inert.sort();
    programs.reads.sort();
    format!(
        "use crate::model::{{Carry, CarryKind, Client, CodePlace, Command, Effect, Endpoint, Env, Flags, Grammar, KeyRule, Language, Mode, Reach, Tool, Tools, Wrapper, WrapperStyle}};\n/// Everything known of programs.\npub(super) static TOOLS: Tools = Tools {{ tools: &[{tools}], wrappers: &[{wrappers}], languages: &[{}], clients: &[{}], inert: {}, reads: {}, \
         shells: {}, producers: {}, copiers: {}, multicall: {}, shims: {}, agents: {}, agent_markers: {}, downloaders: {}, connectors: {}, code_variables: {}, changers: {}, writers: {}, in_place: {}, killers: {}, guarded: {}, unguarded: {}, guarded_agent: {}, guarded_hooks: {}, startup: {} }};\n",
        others.0,
        others.1,
        strings(&programs.inert),
        strings(&programs.reads),
        strings(&programs.shells),
        strings(&programs.producers),
        strings(&programs.copiers),
        strings(&programs.multicall),
        strings(&programs.shims),
        strings(&programs.agents),
        strings(&programs.agent_markers),
        strings(&programs.downloaders),
        strings(&programs.connectors),
        strings(&programs.code_variables),
        strings(&programs.changers),
        strings(&programs.writers),
        strings(&programs.in_place),
        strings(&programs.killers),
        strings(&programs.guarded),
        strings(&programs.unguarded),
        strings(&programs.guarded_agent),
        strings(&programs.guarded_hooks),
        strings(&programs.startup)
    )
}

fn lint_source() -> String {
    let mut out = String::from(
        "use super::{Level, LintRule};\n/// Every rule about content.\npub static RULES: &[LintRule] = &[\n",
    );
    let mut seen = BTreeSet::new();
    for path in files("policies/lint") {
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

fn flags(value: &[String], optional: &[String], switch: &[String]) -> String {
    format!(
        "Flags {{ value: {}, optional: {}, switch: {} }}",
        strings(value),
        strings(optional),
        strings(switch)
    )
}

fn tool(file: &tools::ToolFile, at: &str) -> String {
    let mut commands = String::new();
    let mut seen = BTreeSet::new();
    for row in &file.command {
        for path in row.verbs() {
            assert!(seen.insert(path.clone()), "{at}: '{path}' stands there twice");
            commands.push_str(&command(row, path, at));
        }
    }
    let keys: String = (file.key.iter())
        .flat_map(|row| row.keys.iter().map(move |key| (row, key)))
        .map(|(row, key)| {
            format!("KeyRule {{ key: {key:?}, code: {}, skips_hooks: {} }}, ", row.code, row.skips_hooks)
        })
        .collect();
    let endpoints: String = (file.endpoint.iter())
        .map(|row| {
            assert!(!row.examples.is_empty(), "{at}: '{}' has no example", row.verb);
            format!(
                "Endpoint {{ verb: {:?}, methods: {}, urls: {}, effect: {}, reach: {}, traits: {} }}, ",
                row.verb,
                strings(&row.methods),
                strings(&row.urls),
                effect(&row.effect, at),
                reach(Some(&row.reach), at).trim_start_matches("Some(").trim_end_matches(')'),
                strings(&row.traits)
            )
        })
        .collect();
    let env = &file.env;
    format!(
        "Tool {{ name: {:?}, programs: {}, packages: {}, complaint: {:?}, grammar: Grammar::{}, reach: {}, globals: {}, context: {}, kubeconfig: {}, \
         namespace: {}, redirect: {}, repository: {}, file: {}, chdir: {}, host: {:?}, env: Env {{ context: {}, kubeconfig: {}, redirect: {}, code: {}, bends: {}, ambient: {} }}, \
         commands: &[{commands}], keys: &[{keys}], endpoints: &[{endpoints}], shim: {} }},\n",
        file.name,
        strings(&file.programs),
        strings(&file.packages),
        file.complaint,
        camel(&file.grammar),
        reach(Some(&file.reach), at).trim_start_matches("Some(").trim_end_matches(')'),
        flags(&file.globals.value, &file.globals.optional, &file.globals.switch),
        strings(&file.roles.context),
        strings(&file.roles.kubeconfig),
        strings(&file.roles.namespace),
        strings(&file.roles.redirect),
        strings(&file.roles.repository),
        strings(&file.roles.file),
        strings(&file.roles.chdir),
        file.host,
        strings(&env.context),
        strings(&env.kubeconfig),
        strings(&env.redirect),
        strings(&env.code),
        strings(&env.bends),
        strings(&env.ambient),
        !file.unshimmed,
    )
}

/// The values of kubectl's and helm's `--dry-run` that keep a call from changing anything.
const DRY: [&str; 8] = ["", "client", "server", "unchanged", "true", "1", "t", "T"];

fn command(row: &tools::CommandRow, path: &str, at: &str) -> String {
    let at = format!("{at}: '{path}'");
    let words: Vec<String> = path.split_whitespace().map(str::to_owned).collect();
    let mut optional = row.optional.clone();
    let mut modes = row.mode.clone();
    if row.dry_run {
        optional.push("--dry-run".into());
        modes.push(tools::ModeRow {
            effect: "read".into(),
            flags: DRY.iter().map(|v| format!("--dry-run={v}")).collect(),
            without: vec!["--raw".into()],
            traits: vec!["dry-run".into()],
            examples: vec!["-".into()],
            ..tools::ModeRow::default()
        });
    }
    let modes: String = modes.iter().map(|m| mode(m, &at)).collect();
    let carries: String = (row.carry.iter())
        .map(|c| {
            format!(
                "Carry {{ flags: {}, skip: {}, kind: CarryKind::{} }}, ",
                strings(&c.flags),
                c.skip,
                camel(&c.kind)
            )
        })
        .collect();
    format!(
        "Command {{ path: {}, aliases: {}, effect: {}, reach: {}, traits: {}, group: {}, flags: {}, sql: {}, kinds: {}, \
         modes: &[{modes}], carries: &[{carries}] }},\n",
        strings(&words),
        strings(&row.aliases),
        effect(&row.effect, &at),
        reach(row.reach.as_deref(), &at),
        strings(&row.traits),
        row.group,
        flags(&row.value, &optional, &row.switch),
        strings(&row.sql),
        row.kinds,
    )
}

fn mode(row: &tools::ModeRow, at: &str) -> String {
    assert!(!row.examples.is_empty(), "{at}: a mode with effect '{}' has no example", row.effect);
    format!(
        "Mode {{ effect: {}, reach: {}, flags: {}, without: {}, argument: {}, no_argument: {}, last: {}, assignments: {}, kinds: {}, \
         patches: {}, least: {}, most: {}, traits: {} }}, ",
        effect(&row.effect, at),
        reach(row.reach.as_deref(), at),
        strings(&row.flags),
        strings(&row.without),
        strings(&row.argument),
        strings(&row.no_argument),
        strings(&row.last),
        strings(&row.assignments),
        strings(&row.kinds),
        strings(&row.patches),
        row.least.unwrap_or(0),
        row.most.unwrap_or(u8::MAX),
        strings(&row.traits),
    )
}

fn wrapper(row: &tools::WrapperRow, at: &str) -> String {
    assert!(!row.examples.is_empty(), "{at}: {:?} has no example", row.programs);
    format!(
        "Wrapper {{ programs: {}, style: WrapperStyle::{}, groups: {}, verbs: {}, program: {}, value: {}, code: {}, chdir: {}, skip: {}, assignments: {} }},\n",
        strings(&row.programs),
        camel(&row.style),
        strings(&row.groups),
        strings(&row.verbs),
        strings(&row.program),
        strings(&row.value),
        strings(&row.code),
        strings(&row.chdir),
        row.skip,
        row.assignments
    )
}

fn languages(file: &tools::LanguageFile, at: &str) -> (String, String) {
    let language = |row: &tools::LanguageRow| {
        assert!(!row.harmless.is_empty(), "{at}: {:?} has no harmless example", row.programs);
        format!(
            "Language {{ programs: {}, code: {}, value: {}, file: {}, stop: {}, verbs: {}, attached: {}, plus: {}, \
             place: CodePlace {{ first: {}, script: {}, stdin: {} }}, comment: {}, variables: {}, files_in: {}, starts: {}, \
             decodes: {}, says: {}, lines: {} }},\n",
            strings(&row.programs),
            strings(&row.code),
            strings(&row.value),
            strings(&row.file),
            strings(&row.stop),
            strings(&row.verbs),
            row.attached,
            row.plus,
            row.first,
            row.script,
            row.stdin,
            strings(&row.comment),
            strings(&row.variables),
            strings(&row.files_in),
            strings(&row.starts),
            strings(&row.decodes),
            strings(&row.says),
            strings(&row.lines)
        )
    };
    let client = |row: &tools::ClientRow| {
        let complete = !row.examples.is_empty() && !row.harmless.is_empty();
        assert!(complete, "{at}: '{}' wants examples of both kinds", row.about);
        format!(
            "Client {{ about: {:?}, names: {}, with: {}, and: {} }},\n",
            row.about,
            strings(&row.names),
            strings(&row.with),
            strings(&row.and)
        )
    };
    (file.language.iter().map(language).collect(), file.client.iter().map(client).collect())
}

fn rules_source() -> String {
    let mut out = String::from(
        "use crate::model::{Decision, Effect, FlagName, PathClass, Refs, Repository, Rule, When};\n/// All rules of the built-in policies.\npub static RULES: &[Rule] = &[\n",
    );
    let mut ids = BTreeSet::new();
    let mut classes = String::new();
    for path in files("policies/rules") {
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let policy = parse::<rules::PolicyFile>(&path);
        for class in &policy.class {
            writeln!(
                classes,
                "PathClass {{ name: {:?}, patterns: {} }},",
                class.name,
                strings(&class.patterns)
            )
            .expect("writing to a string");
        }
        for row in policy.rule {
            let at = format!("{}: {}", path.display(), row.id);
            assert!(
                row.id.starts_with(&format!("{stem}.")),
                "{at}: the id of a rule starts with its policy's name"
            );
            assert!(ids.insert(row.id.clone()), "{at}: this id stands there twice");
            assert!(row.example.iter().any(|e| e.matches), "{at}: no example that matches");
            assert!(row.example.iter().any(|e| !e.matches), "{at}: no example that does not match");
            assert!(
                row.decision == "allow" || !row.instead.is_empty(),
                "{at}: says no without saying what instead"
            );
            let known = |name: &&String| !classes.contains(&format!("name: {name:?},"));
            assert!(row.when.paths.iter().find(known).is_none(), "{at}: no class has one of these names");
            rule(&mut out, &row, &at);
        }
    }
    out.push_str("];\n/// Classes of files that rules name.\npub static CLASSES: &[PathClass] = &[\n");
    out.push_str(&classes);
    out.push_str("];\n");
    out
}

fn rule(out: &mut String, row: &rules::RuleRow, at: &str) {
    let when = &row.when;
    let decision = match row.decision.as_str() {
        "allow" | "ask" | "deny" => camel(&row.decision),
        other => panic!("{at}: '{other}' is no decision; use allow, ask or deny"),
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
    let repository =
        when.repository.as_deref().map_or("None".into(), |r| format!("Some(Repository::{})", camel(r)));
    let refs = when.refs.as_deref().map_or("None".into(), |r| format!("Some(Refs::{})", camel(r)));
    writeln!(
        out,
        "Rule {{ id: {:?}, decision: Decision::{decision}, when: When {{ flags: &[{}], effects: &[{}], tools: {}, verbs: {}, \
         traits: {}, without: {}, repository: {repository}, refs: {refs}, paths: {} }}, reason: {:?}, instead: {:?} }},",
        row.id,
        flags.join(", "),
        effects.join(", "),
        strings(&when.tools),
        strings(&when.verbs),
        strings(&when.traits),
        strings(&when.without),
        strings(&when.paths),
        row.reason,
        row.instead
    )
    .expect("writing to a string");
}
