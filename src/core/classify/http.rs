//! curl, wget and their like: a method and URLs, against the table of requests that matter.

use super::arguments::{Arguments, Lists, Spelling, parse};
use super::carried::Classified;
use super::forge;
use crate::model::glob;
use crate::model::{Effect, Endpoint, Invocation, Operation, Reach, Stdin, Tool, Tools, Word};

/// Flags that say which method a request has; httpie's first word may be one, too.
const METHOD: [&str; 3] = ["-X", "--request", "--method"];
/// Programs whose `-m` says so, and not how long they wait.
const BY_M: [&str; 4] = ["hey", "oha", "ab", "lwp-request"];

/// Flags that name a file of options (curl(1), "--config").
const CONFIG: [&str; 2] = ["-K", "--config"];

/// Flags that send a file by PUT.
const UPLOAD: &[&str] = &["-T", "--upload-file"];

/// Reads a call as a list of requests.
pub(super) fn classify(invocation: &Invocation, tool: &'static Tool, tools: &'static Tools) -> Classified {
    let words = invocation.argv.get(1..).unwrap_or_default();
    let args = parse(words, Lists(&[tool.globals]), Spelling::Exact);
    let program = invocation.program().and_then(Word::basename).unwrap_or_default();
    if let Some(config) = args.value(&CONFIG).filter(|_| program == "curl") {
        return configured(invocation, config.value.as_ref(), tool, tools);
    }
    let method = method(&args, tool, program);
    let data = forge::data(&args, &tool.roles.redirect)
        .into_iter()
        .chain(items(&args).map(|word| Some(word.display().into_owned())));
    let data: Vec<Option<String>> = data.chain(forge::data(&args, UPLOAD)).collect();
    let urls = args
        .rest
        .iter()
        .chain(args.flags.iter().filter(|f| f.name == "--url").filter_map(|f| f.value.as_ref()));
    let mut operations: Vec<Operation> = Vec::new();
    for url in urls {
        let sent = forge::ProgramRequest { url, host: None, method: method.as_deref(), data: data.clone() };
        let mut operation =
            Operation::new(invocation, &tool.name, "request", Effect::GitPublish, Reach::Repository);
        if let Some(row) = forge::judge(&sent, tools, &mut operation) {
            row.verb.as_str().clone_into(&mut operation.verb);
            operations.push(operation);
        }
        operations.extend(to_endpoint(url, method.as_deref(), invocation, tool));
    }
    Classified { operations, carried: Vec::new() }
}

/// A call of curl that takes options from a file: those on its input are read, of others nobody knows what they ask for.
fn configured(
    invocation: &Invocation,
    file: Option<&Word>,
    tool: &'static Tool,
    tools: &'static Tools,
) -> Classified {
    let text = match &invocation.stdin {
        Stdin::Text(text) if file.is_some_and(reads_input) => text,
        _ => {
            let mut operation =
                Operation::new(invocation, &tool.name, "request", Effect::Unknown, Reach::Service);
            operation.note = Some("its options stand in a file".to_owned());
            return Classified { operations: vec![operation], carried: Vec::new() };
        }
    };
    let mut argv: Vec<Word> = Vec::new();
    let mut words = invocation.argv.iter();
    while let Some(word) = words.next() {
        match word.as_literal() {
            Some("-K" | "--config") => drop(words.next()),
            Some(text) if CONFIG.iter().any(|flag| text.starts_with(flag)) => {}
            _ => argv.push(word.clone()),
        }
    }
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, value) = line.split_once(['=', ':', ' ']).unwrap_or((line, ""));
        let value = value.trim_start_matches(['=', ':', ' ']).trim_matches('"');
        argv.push(Word::literal(format!("--{}", name.trim().trim_start_matches('-'))));
        argv.extend((!value.is_empty()).then(|| Word::literal(value)));
    }
    classify(&Invocation { argv, stdin: Stdin::Inherited, ..invocation.clone() }, tool, tools)
}

/// True for a name of standard input.
fn reads_input(file: &Word) -> bool {
    matches!(file.as_literal(), Some("-" | "/dev/stdin")) || file.prefix().starts_with("/dev/fd/")
}

/// True where all a call asks for is to be shown something.
pub(super) fn only_gets(invocation: &Invocation, tool: &'static Tool) -> bool {
    let args = parse(invocation.argv.get(1..).unwrap_or_default(), Lists(&[tool.globals]), Spelling::Exact);
    let writes = [
        "-o",
        "-O",
        "--output",
        "--remote-name",
        "-K",
        "--config",
        "-c",
        "--cookie-jar",
        "--output-document",
    ];
    let program = invocation.program().and_then(Word::basename).unwrap_or_default();
    matches!(method(&args, tool, program).as_deref(), Some("GET" | "HEAD" | "OPTIONS"))
        && !args.uncertain()
        && !args.flags.iter().any(|flag| writes.contains(&flag.name.as_str()))
}

/// What a request to one of the tool's own endpoints does.
fn to_endpoint(
    url: &Word,
    method: Option<&str>,
    invocation: &Invocation,
    tool: &'static Tool,
) -> Option<Operation> {
    let shown = plain(&url.display());
    let path = shown.split(['?', '#']).next().unwrap_or_default();
    // What is computed may be a part of a path, several, or none.
    let meant = [shown.clone(), path.to_owned(), path.replace('…', "x/x"), path.replace('…', "")];
    let hit = worst(tool.endpoints.iter().filter(|endpoint| {
        let fits = |pattern: &&str| meant.iter().any(|url| glob(pattern, url));
        endpoint.urls.iter().any(fits) && method.is_none_or(|m| endpoint.methods.contains(&m))
    }))?;
    let mut operation = Operation::new(invocation, &tool.name, &hit.verb, hit.effect, hit.reach);
    operation.traits = hit.traits.to_vec();
    operation.target.names.push(path.to_owned());
    Some(operation)
}

/// A URL as it is sent: characters written in another way, and what curl makes of `{a}` and `[1-1]`.
fn plain(url: &str) -> String {
    let mut out: Vec<u8> = Vec::with_capacity(url.len());
    let mut at = 0;
    while let Some(byte) = url.as_bytes().get(at) {
        at += 1;
        match byte {
            b'%' => match url.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()) {
                Some(byte) => {
                    out.push(byte);
                    at += 2;
                }
                None => out.push(b'%'),
            },
            b'{' | b'}' => {}
            b'[' => {
                out.extend(url.as_bytes().get(at));
                let end = url.get(at..).and_then(|rest| rest.find(']'));
                at += end.map_or(0, |end| end + 1);
            }
            byte => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What a request does that fits several rows: the greatest.
fn worst(hits: impl Iterator<Item = &'static Endpoint>) -> Option<&'static Endpoint> {
    hits.reduce(|a, b| if b.effect >= a.effect { b } else { a })
}

/// What httpie sends by words of its own (`name=value`).
fn items(args: &Arguments) -> impl Iterator<Item = &Word> {
    args.rest.iter().skip(1).filter(|w| w.prefix().contains('=') && !w.prefix().contains("://"))
}

/// The method of a call; none where it is computed.
fn method(args: &Arguments, tool: &Tool, program: &str) -> Option<String> {
    let by_m = if BY_M.contains(&program) { args.value(&["-m"]) } else { None };
    if let Some(given) = args.value(&METHOD).or(by_m).filter(|g| g.value.is_some()) {
        return given.value.as_ref().and_then(Word::as_literal).map(str::to_ascii_uppercase);
    }
    let first = args.rest.first().and_then(Word::as_literal).unwrap_or_default();
    let is_name = first.len() > 2 && first.bytes().all(|b| b.is_ascii_uppercase());
    if is_name || ["post", "put", "patch", "delete"].contains(&first) {
        return Some(first.to_ascii_uppercase());
    }
    let any = |names: &[&str]| args.flags.iter().any(|f| names.contains(&f.name.as_str()));
    if any(&["-G", "--get", "-I", "--head"]) {
        return Some("GET".to_owned());
    }
    if any(UPLOAD) {
        return Some("PUT".to_owned());
    }
    Some(if any(&tool.roles.redirect) || items(args).next().is_some() { "POST" } else { "GET" }.to_owned())
}

/// The request that a text is, where it is one: `DELETE /api/v1/… HTTP/1.1`.
#[must_use]
pub fn in_text(text: &str, invocation: &Invocation, tool: &'static Tool) -> Option<Operation> {
    let mut words = text.split_whitespace();
    let method = words.next()?;
    let path = words.next()?;
    let hits = tool.endpoints.iter().filter(|endpoint| {
        endpoint.methods.contains(&method) && endpoint.urls.iter().any(|pattern| glob(pattern, path))
    });
    let hit = worst(hits)?;
    let mut operation = Operation::new(invocation, &tool.name, &hit.verb, hit.effect, hit.reach);
    operation.traits = hit.traits.to_vec();
    operation.target.names.push(path.to_owned());
    Some(operation)
}
