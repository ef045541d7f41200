//! curl, wget and their like: a method and URLs, against the table of requests that matter.

use super::Classified;
use super::arguments::{Arguments, Lists, Spelling, parse};
use crate::model::glob;
use crate::model::{Effect, Endpoint, Invocation, Operation, Reach, Target, Tool, Word};

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
        let path = shown.split(['?', '#']).next().unwrap_or_default();
        // What is computed may be a part of a path, several, or none; or begin the query (`pulls?x=y`, which a shell takes for a pattern).
        let bare = path.split('…').next().unwrap_or_default();
        let meant = [
            path.to_owned(),
            shown.to_string(),
            path.replace('…', "x/x"),
            path.replace('…', ""),
            bare.to_owned(),
        ];
        let hits = tool.endpoints.iter().filter(|endpoint| {
            // A query does not make another repository's business of it.
            let whole = endpoint.reach != Reach::Repository;
            let fits = |pattern: &&str| {
                meant.iter().any(|url| glob(pattern, url)) || (whole && glob(pattern, &shown))
            };
            endpoint.urls.iter().any(fits) && method.as_deref().is_none_or(|m| endpoint.methods.contains(&m))
        });
        let Some(hit) = worst(hits) else { continue };
        let mut operation = request(invocation, tool, hit.verb, hit.effect, hit.reach);
        operation.traits = hit.traits.to_vec();
        operation.target.names.push(path.to_owned());
        if hit.reach == Reach::Repository {
            operation.target.repository.dirs.clone_from(&invocation.cwd);
            operation.target.repository.remote = repository(url);
            operation.traits.extend(operation.target.repository.remote.is_some().then_some("named"));
        }
        operations.push(operation);
    }
    Classified { operations, carried: Vec::new() }
}

/// What a request does that fits several rows: of those about repositories the first, which is the closest; else the greatest.
fn worst(hits: impl Iterator<Item = &'static Endpoint>) -> Option<&'static Endpoint> {
    hits.reduce(|a, b| match (a.reach, b.reach) {
        (Reach::Repository, Reach::Repository) => a,
        _ if b.effect >= a.effect => b,
        _ => a,
    })
}

/// The repository that a URL of a forge's API is about, as the URL it is cloned from; unknown where a computed word stands there, none
/// where only its number does: `api.github.com/repos/O/R/…`, `HOST/api/v3/repos/O/R/…`, `HOST/api/v4/projects/O%2FR/…`.
fn repository(url: &Word) -> Option<Word> {
    let text = url.prefix();
    let whole = url.as_literal().is_some();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let Some((host, path)) = text.split_once('/') else { return Some(Word::unknown()) };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host).trim_start_matches("api.");
    let (slug, ends) = match path.split_once("repos/") {
        Some((_, rest)) => {
            let parts: Vec<&str> = rest.split('/').collect();
            (parts.get(..2).map(|two| two.join("/")), whole || parts.len() > 2)
        }
        None => {
            let project = path.split_once("projects/").and_then(|(_, rest)| rest.split_once('/'));
            let project = project.map(|(project, _)| project.replace("%2F", "/").replace("%2f", "/"));
            if project.as_ref().is_some_and(|project| !project.contains('/')) {
                return None;
            }
            (project, true)
        }
    };
    // A word that ends where what is known ends may go on.
    Some(
        slug.filter(|_| ends)
            .map_or_else(Word::unknown, |slug| Word::literal(format!("https://{host}/{slug}.git"))),
    )
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
    let hit = worst(hits)?;
    let mut operation = request(invocation, tool, hit.verb, hit.effect, hit.reach);
    operation.traits = hit.traits.to_vec();
    operation.target.names.push(path.to_owned());
    Some(operation)
}
