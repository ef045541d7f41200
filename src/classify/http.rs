//! curl, wget and their like: a method and URLs, against the table of requests that matter.

use super::Classified;
use super::arguments::{Arguments, Lists, Spelling, parse};
use crate::model::glob;
use crate::model::{Effect, Invocation, Operation, Reach, Target, Tool, Word};

/// Flags that say which method a request has; httpie's first word may be one, too.
const METHOD: [&str; 3] = ["-X", "--request", "--method"];

/// Reads a call as a list of requests.
pub(super) fn classify(invocation: &Invocation, tool: &'static Tool) -> Classified {
    let words = invocation.argv.get(1..).unwrap_or_default();
    let args = parse(words, Lists(&[tool.globals]), Spelling::Exact);
    let method = method(&args, tool);
    let urls = args
        .rest
        .iter()
        .chain(args.flags.iter().filter(|f| f.name == "--url").filter_map(|f| f.value.as_ref()));
    let mut operations: Vec<Operation> = Vec::new();
    for url in urls {
        let shown = url.display();
        let hits = tool.endpoints.iter().filter(|endpoint| {
            endpoint.urls.iter().any(|pattern| glob(pattern, &shown))
                && method.as_deref().is_none_or(|m| endpoint.methods.contains(&m))
        });
        let Some(hit) = hits.max_by_key(|endpoint| endpoint.effect) else { continue };
        let mut operation = request(invocation, tool, hit.verb, hit.effect, hit.reach);
        operation.traits = hit.traits.to_vec();
        operation.target.names.push(shown.split(['?', '#']).next().unwrap_or_default().to_owned());
        operations.push(operation);
    }
    Classified { operations, carried: Vec::new() }
}

/// One request, as it is sent.
pub(super) fn request(
    invocation: &Invocation,
    tool: &'static Tool,
    verb: &str,
    effect: Effect,
    reach: Reach,
) -> Operation {
    Operation {
        tool: tool.name,
        verb: verb.to_owned(),
        effect,
        reach,
        traits: Vec::new(),
        target: Target::default(),
        note: None,
        span: invocation.span,
        cwd: invocation.cwd.clone(),
    }
}

/// The method of a call; none where it is computed.
fn method(args: &Arguments, tool: &Tool) -> Option<String> {
    if let Some(given) = args.value(&METHOD).filter(|g| g.value.is_some()) {
        return given.value.as_ref().and_then(Word::as_literal).map(str::to_ascii_uppercase);
    }
    let first = args.rest.first().and_then(Word::as_literal).unwrap_or_default();
    if first.len() > 2 && first.bytes().all(|b| b.is_ascii_uppercase()) {
        return Some(first.to_owned());
    }
    let any = |names: &[&str]| args.flags.iter().any(|f| names.contains(&f.name.as_str()));
    if any(&["-G", "--get", "-I", "--head"]) {
        return Some("GET".to_owned());
    }
    if any(&["-T", "--upload-file"]) {
        return Some("PUT".to_owned());
    }
    let items = args.rest.iter().skip(1).any(|w| w.prefix().contains('=') && !w.prefix().contains("://"));
    Some(if any(tool.redirect) || items { "POST" } else { "GET" }.to_owned())
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
    let hit = hits.max_by_key(|endpoint| endpoint.effect)?;
    let mut operation = request(invocation, tool, hit.verb, hit.effect, hit.reach);
    operation.traits = hit.traits.to_vec();
    operation.target.names.push(path.to_owned());
    Some(operation)
}
