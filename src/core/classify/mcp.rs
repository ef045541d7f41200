//! Calls of tools behind MCP servers: what their names and arguments say they do.

use serde_json::{Map, Value};

use super::{mentions, sql, tools};
use crate::model::{
    ClusterTarget, Dir, Effect, Invocation, Mcp, McpServer, MergedRequest, Operation, Reach,
    RepositoryTarget, Target, Trait, Word,
};

/// The tool all such calls are of, in policies.
const TOOL: &str = "mcp";

/// What a call comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct McpCall {
    /// What it does by its name; none where the server is none of ours.
    pub operation: Option<Operation>,
    /// Command lines among its arguments.
    pub lines: Vec<String>,
    /// It runs these lines, and nothing else.
    pub runs: bool,
    /// Files that it writes, by its name; with `true`, all that is below them.
    pub files: Vec<(String, bool)>,
}

/// Reads a call of `tool` on `server`. Where a host says both in one word (`mcp__kubernetes__delete_pod`), `server` is empty.
#[must_use]
pub fn classify(server: &str, tool: &str, input: &Value, cwd: &Dir, tables: &Mcp) -> McpCall {
    let empty = Map::new();
    let arguments = input.as_object().unwrap_or(&empty);
    let mut lines = Vec::new();
    for (name, value) in arguments.iter().filter(|(name, _)| tables.command.contains(&name.as_str())) {
        lines.extend(command(name, value));
    }
    let words = words(&format!("{server} {tool}"));
    let own = said(tool, arguments, tables);
    let program = run_by(tool, tables);
    if let Some(line) = joined(arguments, program.is_some(), tables) {
        lines = vec![line];
    }
    given(&mut lines, arguments, &words);
    let mut files = files(&own, arguments, tables);
    if let Some(known) = listed(server, tool, tables) {
        let Some(line) = known.line else {
            let operation = Some(called(tool, Effect::Unknown, known.reach, cwd));
            return McpCall { operation, lines, files, runs: false };
        };
        lines.push(line.to_owned());
        return McpCall { lines, files, ..McpCall::default() };
    }
    let mut by_words = tables.servers.iter().filter(|server| server.tools.is_empty());
    let Some(known) = by_words.find(|s| s.words.iter().any(|w| words.iter().any(|own| own == w))) else {
        return McpCall { lines, files, ..McpCall::default() };
    };
    // Files of a forge lie elsewhere.
    if known.forge {
        files.clear();
    }
    let effect = effect(&own, tables);
    // What runs in a pod does not run here.
    if effect == Effect::Exec && known.reach == Reach::Cluster && program.is_none() {
        lines.clear();
    }
    let kubectl = own.iter().any(|word| word == "kubectl").then(|| "kubectl".to_owned());
    if let Some(name) = program.clone().or(kubectl) {
        for line in lines.iter_mut().filter(|line| !line.starts_with(&name)) {
            line.insert_str(0, &format!("{name} "));
        }
    }
    if program.is_some() && !lines.is_empty() && text(arguments, &tables.context).is_none() {
        return McpCall { lines, files, runs: true, ..McpCall::default() };
    }
    if known.forge {
        // Issues, comments and the like are talk.
        let publishes = on_forge(&own, tables);
        let operation = publishes.map(|traits| {
            let mut operation = published(tool, traits, repository(arguments, tables), cwd);
            let merges = operation.traits.contains(&Trait::Merge);
            operation.target.repository.merges = request(arguments, tables).filter(|_| merges);
            operation
        });
        return McpCall { operation, lines, files, runs: false };
    }
    let operation = on_server(tool, (&own, effect), arguments, (known, tables), cwd);
    McpCall { operation: Some(operation), lines, files, runs: false }
}

/// The text of the first of these arguments that there is.
fn text<'a>(arguments: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    arguments.iter().find(|(name, _)| names.contains(&name.as_str())).and_then(|(_, value)| value.as_str())
}

/// What a call does to a cluster or a service: by the words that say it, and by its arguments.
fn on_server(
    tool: &str,
    (own, mut effect): (&[String], Effect),
    arguments: &Map<String, Value>,
    (known, tables): (&McpServer, &Mcp),
    cwd: &Dir,
) -> Operation {
    let text = |names: &[&str]| text(arguments, names);
    let kind = text(&tables.kind).map(str::to_lowercase);
    let joined = format!(" {} ", own.join(" "));
    let prints = tables.credentials.iter().any(|name| joined.contains(&format!(" {name} ")));
    let secret = prints
        || kind.as_deref().is_some_and(|kind| matches!(kind, "secret" | "secrets"))
        || own.iter().any(|word| matches!(word.as_str(), "secret" | "secrets"));
    if effect == Effect::Read && secret && !own.iter().any(|word| word == "list") {
        effect = Effect::ReadSecret;
    }
    let mut note = None;
    if let Some(sql) = text(&tables.sql).filter(|_| known.reach == Reach::Service) {
        note = sql::writes(sql);
        effect = if note.is_some() { Effect::DataWrite } else { Effect::Read };
    }
    let context = text(&tables.context).map(Word::literal);
    Operation {
        target: Target {
            cluster: ClusterTarget { context, ..ClusterTarget::default() },
            kinds: kind.into_iter().collect(),
            names: text(&["name"]).map(str::to_owned).into_iter().collect(),
            namespace: text(&["namespace"]).map(str::to_owned),
            ..Target::default()
        },
        note,
        ..called(tool, effect, known.reach, cwd)
    }
}

/// A server all of whose tools are listed.
struct ListedServer {
    reach: Reach,
    /// What the called tool stands for; none where it is not listed.
    line: Option<&'static str>,
}

/// The server of a call, where all its tools are listed.
fn listed(server: &str, tool: &str, tables: &Mcp) -> Option<ListedServer> {
    // Hosts write `mcp__SERVER__TOOL`, `SERVER_TOOL`, or the server by itself.
    let (before, last) = tool.rsplit_once("__").unwrap_or(("", tool));
    let own = words(last);
    let servers = match (server, before) {
        ("", "") => own.iter().find(|word| *word != "mcp").cloned().into_iter().collect(),
        _ => words(&format!("{server} {before}")),
    };
    let fits = |row: &&McpServer| row.words.iter().any(|word| servers.iter().any(|own| own == word));
    let row = tables.servers.iter().filter(|row| !row.tools.is_empty()).find(fits)?;
    let named = |word: &String| row.words.iter().any(|own| own == word);
    let name = own.rsplit(named).next().unwrap_or_default();
    let line = row.tools.iter().find(|tool| words(&tool.name) == name).map(|tool| tool.line.as_str());
    Some(ListedServer { reach: row.reach, line })
}

/// The program whose line a tool runs, where its name says nothing else: `run_kubectl`; `kubectl_run` is a verb of kubectl's.
fn run_by(tool: &str, tables: &Mcp) -> Option<String> {
    let own = words(tool.rsplit("__").next().unwrap_or(tool));
    let at = own.iter().position(|word| tools().tool(word).is_some_and(|tool| !tool.unshimmed))?;
    let program = own.get(at)?;
    let verbs = tools().tool(program).into_iter().flat_map(|tool| tool.commands);
    let is_verb = |word: &String| verbs.clone().any(|row| row.path.first() == Some(&word.as_str()));
    let runs = |word: &String| word == program || tables.runs.contains(&word.as_str());
    (own.iter().all(runs) && !own.get(at + 1).is_some_and(is_verb)).then(|| program.clone())
}

/// A command line that stands in several arguments: a program or a verb, and what follows it.
fn joined(arguments: &Map<String, Value>, whole: bool, tables: &Mcp) -> Option<String> {
    let text = |name: &&str| arguments.get(*name)?.as_str();
    let first = tables.command.iter().find_map(text)?;
    let between = tables.between.iter().filter(|_| whole).filter_map(text).map(quoted);
    let rest = ["args", "arguments", "argv"].iter().find_map(|name| arguments.get(*name)?.as_array());
    let rest = rest.into_iter().flatten().filter_map(Value::as_str).map(quoted);
    let behind: Vec<String> = between.chain(rest).collect();
    (!behind.is_empty()).then(|| format!("{first} {}", behind.join(" ")))
}

/// Command lines that stand in code, in text that is typed, or that a request is.
fn given(lines: &mut Vec<String>, arguments: &Map<String, Value>, words: &[String]) {
    let text = |names: &[&str]| names.iter().find_map(|name| arguments.get(*name)?.as_str());
    let types = ["terminal", "shell", "tmux", "screen", "console", "pty", "bash", "repl"];
    let typed = words.iter().any(|word| types.contains(&word.as_str()));
    let code = text(&["code", "source", "js", "javascript", "python", "cell", "expression"]);
    let typed = text(&["text", "keys", "input", "data"]).filter(|_| typed);
    let found = code.into_iter().chain(typed).flat_map(|text| {
        mentions::in_argument(text, tools())
            .into_iter()
            .chain(text.lines().filter_map(|line| line.trim().strip_prefix('!').map(str::to_owned)))
    });
    lines.extend(found);
    if let (Some(method), Some(url)) = (text(&["method"]), text(&["url", "uri"])) {
        lines.push(format!("curl -X {} {}", quoted(&method.to_uppercase()), quoted(url)));
    }
}

/// The words that say what a call does: those of the tool's name, and of the operation that its arguments name.
fn said(tool: &str, arguments: &Map<String, Value>, tables: &Mcp) -> Vec<String> {
    let operations = arguments.iter().filter(|(name, _)| tables.operation.contains(&name.as_str()));
    let texts = operations.filter_map(|(_, value)| value.as_str());
    let first = texts.flat_map(|text| words(text.split_whitespace().next().unwrap_or_default()));
    words(tool.rsplit("__").next().unwrap_or(tool)).into_iter().chain(first).collect()
}

/// The files a tool writes that says so in its name.
fn files(words: &[String], arguments: &Map<String, Value>, tables: &Mcp) -> Vec<(String, bool)> {
    let says = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let whole = says(&tables.whole_verbs);
    let names = |name: &str| tables.path.contains(&name) || (whole && tables.source.contains(&name));
    let named = arguments.iter().filter(|(name, _)| says(&tables.file_verbs) && names(name));
    let texts = named.flat_map(|(_, value)| match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    });
    let paths = texts.filter_map(|value| value.as_str().or_else(|| value.get("path")?.as_str()));
    paths.map(|path| (path.trim_start_matches("file://").to_owned(), whole)).collect()
}

/// A call that publishes something in a repository of a forge: the one it names, or the one of this directory.
fn published(tool: &str, mut traits: Vec<Trait>, remote: Option<Word>, cwd: &Dir) -> Operation {
    traits.extend(remote.is_some().then_some(Trait::Named));
    let repository = RepositoryTarget { dirs: vec![cwd.clone()], remote, ..RepositoryTarget::default() };
    let target = Target { repository, ..Target::default() };
    Operation { traits, target, ..called(tool, Effect::GitPublish, Reach::Repository, cwd) }
}

/// What a call of a server's tool does.
fn called(tool: &str, effect: Effect, reach: Reach, cwd: &Dir) -> Operation {
    let by = Invocation { cwd: vec![cwd.clone()], ..Invocation::default() };
    Operation::new(&by, TOOL, tool.rsplit("__").next().unwrap_or(tool), effect, reach)
}

/// The repository that arguments name, on a host they do not tell.
fn repository(arguments: &Map<String, Value>, tables: &Mcp) -> Option<Word> {
    let text = |names: &[&str]| {
        let found = arguments.iter().find(|(name, _)| names.contains(&name.as_str()));
        found.and_then(|(_, value)| value.as_str())
    };
    let name = text(&tables.repository)?.replace("%2F", "/").replace("%2f", "/");
    if name.contains("://") {
        return Some(Word::literal(name));
    }
    let slug = if name.contains('/') { name } else { format!("{}/{name}", text(&tables.owner)?) };
    Some(Word::literal(format!("https://*/{slug}.git")))
}

/// The pull request that arguments name, by a number or its text.
fn request(arguments: &Map<String, Value>, tables: &Mcp) -> Option<MergedRequest> {
    let named = arguments.iter().find(|(name, _)| tables.request.contains(&name.as_str()));
    let text = match named?.1 {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    Some(MergedRequest::Named(Word::literal(text)))
}

/// What a tool of a forge does to a repository: it lands something on a branch, proposes it, or makes a tag. None where it only looks
/// or talks.
fn on_forge(words: &[String], tables: &Mcp) -> Option<Vec<Trait>> {
    let says = |effect: Effect, words: &[String]| {
        let verbs = tables.verbs.iter().filter(move |verb| verb.effect == effect);
        verbs.flat_map(|verb| verb.words).any(|word| words.iter().any(|own| own == word))
    };
    let reads = |word: Option<&String>| word.is_some_and(|w| says(Effect::Read, std::slice::from_ref(w)));
    // `actions_get` looks, as `get_file` does.
    if reads(words.first()) || reads(words.get(1)) {
        return None;
    }
    let joined = format!(" {} ", words.join(" "));
    let name = tables.proposal.iter().find(|name| joined.contains(&format!(" {name} ")));
    // `merge_pull_request` merges; `create_merge_request` does not.
    let rest = name.map_or(joined.clone(), |name| joined.replacen(&format!(" {name} "), " ", 1));
    let rest: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
    let has = |names: &[&str]| rest.iter().any(|word| names.contains(&word.as_str()));
    if says(Effect::GitPublish, &rest) {
        let traits = [
            (Trait::Direct, true),
            (Trait::Tags, has(&["tag", "release"])),
            (Trait::Merge, name.is_some() && has(&["merge", "accept"])),
        ];
        return Some(traits.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect());
    }
    // `pull_request_read` looks as `get_pull_request` does.
    (name.is_some() && !reads(words.last()) && !has(&tables.talk)).then(|| vec![Trait::Proposal])
}

/// What the words of a tool's name say it does; nothing known is unknown.
fn effect(words: &[String], tables: &Mcp) -> Effect {
    let said = (tables.verbs.iter())
        .filter(|verb| !verb.forge && verb.words.iter().any(|word| words.iter().any(|own| own == word)));
    said.map(|verb| verb.effect).max().unwrap_or(Effect::Unknown)
}

/// A command line among the arguments: a text, or a list of words.
fn command(name: &str, value: &Value) -> Option<String> {
    let line = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let words: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            words?.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
        }
        _ => return None,
    };
    Some(if name == "kubectl" { format!("kubectl {line}") } else { line })
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The words of a name in whatever case it is written, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before_lower) {
            out.push(String::new());
        }
        before_lower = c.is_lowercase() || c.is_numeric();
        if c.is_alphanumeric() {
            out.last_mut().into_iter().for_each(|word| word.extend(c.to_lowercase()));
        }
    }
    out.retain(|word| !word.is_empty());
    out
}
