//! The tables of programs: read, put together, and given places that a name leads to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::table::{
    Command, Effect, ForgeFile, LanguageFile, Mcp, Mode, Name, Names, Programs, Rows, RunnerFile, Shown,
    Text, Texts, Tool, Tools, Trait, WrapperFile,
};
use crate::{POLICIES, files, held, parse, text};

/// Tables of programs that have the shape of a tool's: several programs that are alike.
const ALIKE: [&str; 7] = ["agents", "clients", "consoles", "deployers", "developers", "keepers", "stores"];
/// Tools that no table describes: what they do is told by the guard itself, and by MCP servers.
const WITHOUT_TABLE: [&str; 2] = ["guard", "mcp"];

/// What a program's name stands for, by places in the tables.
#[derive(Default)]
struct Named {
    tool: Option<(usize, String)>,
    language: Option<usize>,
    runner: Option<usize>,
    wrappers: Vec<usize>,
    inert: bool,
    shim: bool,
}

/// The verbs of every tool, by its name.
pub(crate) fn known_verbs(tables: &Tools) -> Vec<(&'static str, Vec<&'static str>)> {
    let own = |tool: &Tool| tool.commands.iter().flat_map(Command::verbs).map(|verb| &*verb.leak()).collect();
    tables.tools.iter().map(|tool| (tool.name.as_str(), own(tool))).collect()
}

/// Everything known of programs, and the names of the tools.
pub(crate) fn read() -> (Tools, Vec<&'static str>) {
    let of = |name: &str| Path::new(POLICIES).join("programs").join(format!("{name}.toml"));
    let alike = ALIKE.map(of);
    let tools: Vec<(PathBuf, Tool)> =
        files("tools").into_iter().chain(alike).map(|path| (path.clone(), tool(&path))).collect();
    let wrappers = parse::<WrapperFile>(&of("wrappers")).wrappers;
    let LanguageFile { languages, clients } = parse(&of("languages"));
    let runners = parse::<RunnerFile>(&of("runners")).runners;
    let mut programs: Programs = parse(&of("programs"));
    let mut reads = programs.reads.to_vec();
    reads.sort_unstable();
    programs.reads = reads.into_iter().collect();

    for (path, one) in &tools {
        let same = tools.iter().find(|(other, tool)| other != path && tool.name == one.name);
        if let Some((other, _)) = same {
            panic!(
                "two tools have the name '{}': {} and {}. Give each a name of its own",
                one.name,
                path.display(),
                other.display()
            );
        }
    }

    let mut names: BTreeMap<&str, Named> = BTreeMap::new();
    for (place, (path, tool)) in tools.iter().enumerate() {
        for name in tool.programs {
            let own = (place, path.display().to_string());
            let other = names.entry(name).or_default().tool.replace(own);
            assert!(
                other.is_none(),
                "'{name}' is a program of two tools, {} and {}: remove it from `programs` (and `to_cluster`) of one",
                path.display(),
                other.unwrap_or_default().1
            );
        }
    }
    for (place, row) in wrappers.iter().enumerate() {
        row.programs.iter().for_each(|name| names.entry(name).or_default().wrappers.push(place));
    }
    for (place, row) in languages.iter().enumerate() {
        row.programs.iter().for_each(|name| names.entry(name).or_default().language = Some(place));
    }
    for (place, row) in runners.iter().enumerate() {
        row.programs.iter().for_each(|name| names.entry(name).or_default().runner = Some(place));
    }
    programs.inert.iter().for_each(|name| names.entry(name).or_default().inert = true);
    let judged = tools.iter().filter(|(_, tool)| !tool.unshimmed).flat_map(|(_, tool)| tool.programs);
    for name in judged.chain(programs.shims).filter(|name| !name.contains('.')) {
        names.entry(name).or_default().shim = true;
    }

    let tools: Vec<Tool> = tools.into_iter().map(|(_, tool)| tool).collect();
    let mut tool_names: Vec<&str> =
        tools.iter().map(|tool| tool.name.as_str()).chain(WITHOUT_TABLE).collect();
    tool_names.sort_unstable();
    let mcp: Mcp = parse(&of("mcp"));
    let forges = parse::<ForgeFile>(&of("forges")).requests;
    let tables = Tools {
        tools: tools.into_iter().collect(),
        wrappers,
        languages,
        clients,
        runners,
        forges,
        mcp,
        programs,
        names: places(&names),
    };
    (tables, tool_names)
}

fn places(names: &BTreeMap<&str, Named>) -> Names {
    let mut texts = String::new();
    let mut all = Vec::new();
    for (name, named) in names {
        all.push(Name {
            start: u16::try_from(texts.len()).expect("all names have room"),
            len: u8::try_from(name.len()).expect("a name is short"),
            inert: named.inert,
            shim: named.shim,
            tool: named.tool.as_ref().map(|(place, _)| *place),
            language: named.language,
            runner: named.runner,
            wrappers: named.wrappers.iter().copied().collect(),
        });
        texts.push_str(name);
    }
    Names { texts: Text::new(texts.leak()), all: all.into_iter().collect() }
}

/// A tool with what it includes, each verb in a row of its own.
fn tool(path: &Path) -> Tool {
    let at = path.display().to_string();
    let own: Table = text(path).parse().unwrap_or_else(|e| panic!("{at}: {e}"));
    // Mistakes are told with their place in the file as it is.
    let written: Tool = parse(path);
    let whole = Value::Table(included(own, written.include, &at));
    let mut tool: Tool = whole.try_into().unwrap_or_else(|e| panic!("{at}: {e}"));
    tool.commands = tool.commands.iter().flat_map(verbs).collect();
    held::tool(&at, &tool);
    tool
}

/// A table with the blocks it includes: their lists stand before its own.
fn included(mut own: Table, blocks: Texts, at: &str) -> Table {
    let shared: Table = parse(&Path::new(POLICIES).join("programs/shared.toml"));
    for name in blocks {
        let block = shared.get(*name).and_then(Value::as_table);
        let block = block.unwrap_or_else(|| panic!("{at}: programs/shared.toml has no block '{name}'"));
        for (section, lists) in block {
            let into = own.entry(section).or_insert_with(|| Value::Table(Table::new()));
            let into = into.as_table_mut().unwrap_or_else(|| panic!("{at}: '{section}' is not a table"));
            for (key, values) in lists.as_table().into_iter().flatten() {
                let list = into.entry(key).or_insert_with(|| Value::Array(Vec::new()));
                let list = list.as_array_mut().unwrap_or_else(|| panic!("{at}: '{key}' is not a list"));
                list.extend(values.as_array().into_iter().flatten().cloned());
            }
        }
    }
    own
}

/// The rows of a row: one for each of its verbs.
fn verbs(row: &Command) -> Vec<Command> {
    let row = if row.dry_run { with_dry_run(row) } else { *row };
    let paths: Vec<Texts> = match row.paths.as_ref() {
        [] => vec![row.path],
        several => several.iter().map(|path| path.as_str().split_whitespace().collect()).collect(),
    };
    paths.into_iter().map(|path| Command { path, paths: Shown::nothing(), ..row }).collect()
}

/// The values of kubectl's and helm's `--dry-run` that keep a call from changing anything.
const DRY: [&str; 8] = ["", "client", "server", "unchanged", "true", "1", "t", "T"];

/// Kinds whose values are secret, as kubectl takes them.
const SECRETS: [&str; 6] = ["secret", "secrets", "secret.v1", "secrets.v1", "secret.v1.", "secrets.v1."];

fn with_dry_run(row: &Command) -> Command {
    let dry = Mode {
        flags: DRY.iter().map(|value| &*format!("--dry-run={value}").leak()).collect(),
        without: ["--raw"].into_iter().collect(),
        traits: [Trait::DryRun].into_iter().collect(),
        examples: [Text::new("-")].into_iter().collect(),
        ..Mode::of(Effect::Read)
    };
    // What a dry run prints is the object as it is, with the change.
    let shown = Mode {
        effect: Effect::ReadSecret,
        kinds: SECRETS.into_iter().collect(),
        beyond_metadata: true,
        ..dry
    };
    Command {
        optional: row.optional.iter().copied().chain(["--dry-run"]).collect(),
        modes: row.modes.iter().copied().chain([dry, shown]).collect::<Rows<Mode>>(),
        ..*row
    }
}
