//! The tables of tools, languages, runners and wrappers as Rust.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::{camel, codes, effect, files, parse, reach, strings, tools, traits};

pub(crate) fn tools_source() -> String {
    let mut tools = String::new();
    let mut wrappers = String::new();
    let mut others = (String::new(), String::new());
    let mut names: BTreeMap<String, Named> = BTreeMap::new();
    let mut runners = String::new();
    let mut mcp = String::new();
    let mut forges = String::new();
    // The file of each tool, by its place in the tables.
    let mut owners: Vec<String> = Vec::new();
    let mut programs = tools::ProgramFile::default();
    for path in files("../../policies/tools") {
        let at = path.display().to_string();
        match path.file_stem().and_then(|s| s.to_str()) {
            Some("wrappers") => {
                for (place, row) in parse::<tools::WrapperFile>(&path).wrapper.iter().enumerate() {
                    row.programs
                        .iter()
                        .for_each(|name| names.entry(name.clone()).or_default().wrappers.push(place));
                    wrappers.push_str(&wrapper(row, &at));
                }
            }
            Some("languages") => {
                let file: codes::LanguageFile = parse(&path);
                for (place, row) in file.language.iter().enumerate() {
                    row.programs
                        .iter()
                        .for_each(|name| names.entry(name.clone()).or_default().language = Some(place));
                }
                others = languages(&file, &at);
            }
            Some("mcp") => mcp = mcp_source(&parse(&path), &at),
            Some("runners") => {
                for (place, row) in parse::<codes::RunnerFile>(&path).runner.iter().enumerate() {
                    row.programs
                        .iter()
                        .for_each(|name| names.entry(name.clone()).or_default().runner = Some(place));
                    runners.push_str(&runner(row, &at));
                }
            }
            Some("forges") => {
                forges = parse::<codes::ForgeFile>(&path).request.iter().map(|row| forge(row, &at)).collect();
            }
            Some("programs") => programs = parse(&path),
            _ => {
                let file: tools::ToolFile = parse(&path);
                for name in &file.programs {
                    let first = names.entry(name.clone()).or_default().tool.replace(owners.len());
                    if let Some(other) = first.and_then(|first| owners.get(first)) {
                        panic!(
                            "{other} and {at} both claim the program '{name}': remove it from one of them"
                        );
                    }
                }
                tools.push_str(&tool(&file, &at));
                owners.push(at);
            }
        }
    }
    programs.inert.iter().for_each(|name| names.entry(name.clone()).or_default().inert = true);
    programs.reads.sort();
    let (languages, clients) = others;
    format!(
        "use crate::model::{{Carry, CarryKind, Client, CodeFiles, CodePlace, Command, Effect, Endpoint, Env, Flags, ForgeRequest, Grammar, KeyRule, Language, Mcp, McpServer, McpVerb, Mode, \
         Name, Names, Reach, Runner, Tool, Tools, Wrapper, WrapperStyle}};\n/// Everything known of programs.\npub(super) static TOOLS: Tools = Tools {{ tools: &[{tools}], \
         wrappers: &[{wrappers}], languages: &[{languages}], clients: &[{clients}], runners: &[{runners}], forges: &[{forges}], mcp: {mcp}, names: {}, {} }};\n",
        names_source(&names),
        lists(&programs)
    )
}

/// The lists of `programs.toml`, each under its own name.
fn lists(programs: &tools::ProgramFile) -> String {
    let all = [
        ("reads", &programs.reads),
        ("shells", &programs.shells),
        ("producers", &programs.producers),
        ("copiers", &programs.copiers),
        ("multicall", &programs.multicall),
        ("shims", &programs.shims),
        ("agents", &programs.agents),
        ("agent_markers", &programs.agent_markers),
        ("filters", &programs.filters),
        ("downloaders", &programs.downloaders),
        ("connectors", &programs.connectors),
        ("code_variables", &programs.code_variables),
        ("changers", &programs.changers),
        ("compressors", &programs.compressors),
        ("editors", &programs.editors),
        ("patchers", &programs.patchers),
        ("unpackers", &programs.unpackers),
        ("writers", &programs.writers),
        ("movers", &programs.movers),
        ("lookers", &programs.lookers),
        ("listers", &programs.listers),
        ("mounts", &programs.mounts),
        ("in_place", &programs.in_place),
        ("output_files", &programs.output_files),
        ("output_folders", &programs.output_folders),
        ("killers", &programs.killers),
        ("guarded", &programs.guarded),
        ("at_home", &programs.at_home),
        ("unguarded", &programs.unguarded),
        ("guarded_agent", &programs.guarded_agent),
        ("guarded_hooks", &programs.guarded_hooks),
        ("startup", &programs.startup),
        ("secret_annotations", &programs.secret_annotations),
    ];
    all.map(|(name, list)| format!("{name}: {}", strings(list))).join(", ")
}

/// What a program's name stands for, by places in the tables.
#[derive(Default)]
struct Named {
    tool: Option<usize>,
    language: Option<usize>,
    runner: Option<usize>,
    wrappers: Vec<usize>,
    inert: bool,
}

fn names_source(names: &BTreeMap<String, Named>) -> String {
    let mut texts = String::new();
    let mut all = String::new();
    for (name, named) in names {
        let Named { tool, language, runner, wrappers, inert } = named;
        write!(
            all,
            "Name {{ start: {}, len: {}, inert: {inert}, tool: {tool:?}, language: {language:?}, runner: {runner:?}, wrappers: &{wrappers:?} }}, ",
            texts.len(),
            name.len()
        )
        .expect("writing to a string");
        texts.push_str(name);
    }
    format!("Names {{ texts: {texts:?}, all: &[{all}] }}")
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
                strings(traits(&row.traits, at))
            )
        })
        .collect();
    let env = &file.env;
    format!(
        "Tool {{ name: {:?}, programs: {}, packages: {}, complaint: {:?}, grammar: Grammar::{}, reach: {}, globals: {}, context: {}, kubeconfig: {}, \
         namespace: {}, redirect: {}, repository: {}, file: {}, chdir: {}, plan: {}, to_cluster: {}, host: {:?}, hosts: {}, env: Env {{ context: {}, kubeconfig: {}, redirect: {}, code: {}, bends: {}, unguards: {}, ambient: {}, inputs: {}, host: {}, arguments: {:?} }}, \
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
        strings(&file.roles.plan),
        strings(&file.to_cluster),
        file.host,
        strings(&file.roles.host),
        strings(&env.context),
        strings(&env.kubeconfig),
        strings(&env.redirect),
        strings(&env.code),
        strings(&env.bends),
        strings(&env.unguards),
        strings(&env.ambient),
        strings(&env.inputs),
        strings(&env.host),
        env.arguments,
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
        "Command {{ path: {}, aliases: {}, effect: {}, reach: {}, traits: {}, group: {}, sends: {}, names_repository: {}, flags: {}, sql: {}, kinds: {}, \
         modes: &[{modes}], carries: &[{carries}] }},\n",
        strings(&words),
        strings(&row.aliases),
        effect(&row.effect, &at),
        reach(row.reach.as_deref(), &at),
        strings(traits(&row.traits, &at)),
        row.group,
        strings(&row.sends),
        row.names_repository,
        flags(&row.value, &optional, &row.switch),
        strings(&row.sql),
        row.kinds,
    )
}

fn mode(row: &tools::ModeRow, at: &str) -> String {
    assert!(!row.examples.is_empty(), "{at}: a mode with effect '{}' has no example", row.effect);
    format!(
        "Mode {{ effect: {}, reach: {}, flags: {}, without: {}, argument: {}, no_argument: {}, last: {}, assignments: {}, kinds: {}, \
         patches: {}, syncs: {}, only: {}, least: {}, most: {}, traits: {} }}, ",
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
        row.syncs,
        strings(&row.only),
        row.least.unwrap_or(0),
        row.most.unwrap_or(u8::MAX),
        strings(traits(&row.traits, at)),
    )
}

fn wrapper(row: &tools::WrapperRow, at: &str) -> String {
    assert!(!row.examples.is_empty(), "{at}: {:?} has no example", row.programs);
    format!(
        "Wrapper {{ programs: {}, style: WrapperStyle::{}, groups: {}, verbs: {}, program: {}, value: {}, code: {}, chdir: {}, skip: {}, assignments: {}, pairs: {}, packages: {} }},\n",
        strings(&row.programs),
        camel(&row.style),
        strings(&row.groups),
        strings(&row.verbs),
        strings(&row.program),
        strings(&row.value),
        strings(&row.code),
        strings(&row.chdir),
        row.skip,
        row.assignments,
        strings(&row.pairs),
        strings(&row.packages)
    )
}

fn forge(row: &codes::ForgeRow, at: &str) -> String {
    assert!(!row.examples.is_empty(), "{at}: '{}' has no example", row.verb);
    format!(
        "ForgeRequest {{ verb: {:?}, methods: {}, paths: {}, sure: {}, data: {}, fields: {}, only: {}, traits: {} }},\n",
        row.verb,
        strings(&row.methods),
        strings(&row.paths),
        row.sure,
        strings(&row.data),
        strings(&row.fields),
        strings(&row.only),
        strings(traits(&row.traits, at)),
    )
}

fn runner(row: &codes::RunnerRow, at: &str) -> String {
    assert!(!row.harmless.is_empty(), "{at}: {:?} has no harmless example", row.programs);
    let formats = ["make", "just", "task", "npm"];
    assert!(formats.contains(&row.format.as_str()), "{at}: a format is one of {formats:?}");
    format!(
        "Runner {{ programs: {}, format: {:?}, files: {}, upward: {}, verbs: {}, itself: {}, file: {}, chdir: {}, code: {}, value: {}, stop: {} }},\n",
        strings(&row.programs),
        row.format,
        strings(&row.files),
        row.upward,
        strings(&row.verbs),
        strings(&row.itself),
        strings(&row.file),
        strings(&row.chdir),
        strings(&row.code),
        strings(&row.value),
        strings(&row.stop)
    )
}

fn languages(file: &codes::LanguageFile, at: &str) -> (String, String) {
    let language = |row: &codes::LanguageRow| {
        assert!(!row.harmless.is_empty(), "{at}: {:?} has no harmless example", row.programs);
        let reads = |what: &str| row.reads.iter().any(|r| r == what);
        let known = ["first", "script", "stdin"];
        assert!(row.reads.iter().all(|r| known.contains(&r.as_str())), "{at}: reads is one of {known:?}");
        format!(
            "Language {{ programs: {}, code: {}, value: {}, file: {}, stop: {}, verbs: {}, attached: {}, plus: {}, \
             place: CodePlace {{ first: {}, script: {}, stdin: {} }}, comment: {}, variables: {}, files_in: {}, starts: {}, \
             decodes: {}, says: {}, lines: {}, files: {} }},\n",
            strings(&row.programs),
            strings(&row.code),
            strings(&row.value),
            strings(&row.file),
            strings(&row.stop),
            strings(&row.verbs),
            row.attached,
            row.plus,
            reads("first"),
            reads("script"),
            reads("stdin"),
            strings(&row.comment),
            strings(&row.variables),
            strings(&row.files_in),
            strings(&row.starts),
            strings(&row.decodes),
            strings(&row.says),
            strings(&row.lines),
            code_files(&row.files)
        )
    };
    let client = |row: &codes::ClientRow| {
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

fn code_files(row: &codes::CodeFilesRow) -> String {
    let all = [
        ("writes", &row.writes),
        ("moves", &row.moves),
        ("copies", &row.copies),
        ("methods", &row.methods),
        ("opens", &row.opens),
        ("home", &row.home),
        ("patterns", &row.patterns),
        ("enters", &row.enters),
        ("looks", &row.looks),
    ];
    format!("CodeFiles {{ {} }}", all.map(|(name, list)| format!("{name}: {}", strings(list))).join(", "))
}

fn mcp_source(file: &codes::McpFile, at: &str) -> String {
    let servers: String = (file.server.iter())
        .map(|row| {
            let reach = reach(Some(&row.reach), at);
            let reach = reach.trim_start_matches("Some(").trim_end_matches(')');
            format!("McpServer {{ words: {}, reach: {reach}, forge: {} }}, ", strings(&row.words), row.forge)
        })
        .collect();
    let verbs: String = (file.verb.iter())
        .map(|row| {
            format!(
                "McpVerb {{ words: {}, effect: {}, forge: {} }}, ",
                strings(&row.words),
                effect(&row.effect, at),
                row.forge
            )
        })
        .collect();
    format!(
        "Mcp {{ servers: &[{servers}], verbs: &[{verbs}], command: {}, operation: {}, context: {}, sql: {}, kind: {}, owner: {}, repository: {}, proposal: {}, talk: {}, \
         file_verbs: {}, whole_verbs: {}, path: {}, source: {} }}",
        strings(&file.command),
        strings(&file.operation),
        strings(&file.context),
        strings(&file.sql),
        strings(&file.kind),
        strings(&file.owner),
        strings(&file.repository),
        strings(&file.proposal),
        strings(&file.talk),
        strings(&file.file_verbs),
        strings(&file.whole_verbs),
        strings(&file.path),
        strings(&file.source)
    )
}
