//! Requests to the API of a forge, whoever sends them: which repository they are about, and what they do to it.

use super::arguments::{Arguments, Given};
use crate::model::{ForgeRequest, MergedRequest, Operation, Tools, Trait, Word, glob, percent_decoded};

/// Options whose value is a file that is sent.
const FILES: [&str; 5] = ["--input", "-T", "--upload-file", "--post-file", "--body-file"];

/// Segments a path of a forge's API begins with.
const ROOTS: [&str; 7] = ["repos", "repositories", "projects", "orgs", "groups", "enterprises", "graphql"];

/// The methods that change something.
const CHANGING: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

/// A request as its program was told to send it.
pub(super) struct ProgramRequest<'a> {
    /// A URL, or a path of the API of the forge at `host`.
    pub(super) url: &'a Word,
    /// Where a path without a host goes; none where it goes nowhere.
    pub(super) host: Option<&'a str>,
    /// None where it is computed.
    pub(super) method: Option<&'a str>,
    /// What is sent; none for what is not known.
    pub(super) data: Vec<Option<String>>,
}

/// What these options send. A file's text is not known, and neither is a word of which nothing is.
pub(super) fn data(args: &Arguments, names: &[&str]) -> Vec<Option<String>> {
    let sent = |given: &&Given| names.contains(&given.name.as_str());
    args.flags
        .iter()
        .filter(sent)
        .map(|given| {
            let shown = given.value.as_ref().map(|word| word.display().into_owned())?;
            let value = shown.split_once('=').map_or(shown.as_str(), |(_, value)| value);
            let file =
                FILES.contains(&given.name.as_str()) || shown.starts_with('@') || value.starts_with('@');
            (!file && shown != "…").then_some(shown)
        })
        .collect()
}

/// Makes an operation what the request does; none where it is no forge's, or changes nothing.
pub(super) fn judge(
    request: &ProgramRequest<'_>,
    tools: &Tools,
    operation: &mut Operation,
) -> Option<&'static ForgeRequest> {
    let readings = readings(request);
    let mutation = Mutation::of(&request.data);
    let row = tools.forges.into_iter().find(|row| {
        let methods = if row.methods.is_empty() { &CHANGING[..] } else { row.methods.as_slice() };
        request.method.is_none_or(|method| methods.contains(&method))
            && readings.iter().any(|path| path.fits(row))
            && sends(&request.data, row)
            && mutation.fits(row)
    })?;
    let path = readings.into_iter().find(|path| path.fits(row))?;
    operation.traits.extend(row.traits);
    operation.target.names.push(path.segments.join("/"));
    operation.target.repository.dirs.clone_from(&operation.cwd);
    let (remote, numbered) = path.repository();
    operation.traits.extend(remote.is_some().then_some(Trait::Named));
    operation.traits.extend(numbered.then_some(Trait::Numbered));
    operation.target.repository.remote = remote;
    operation.target.repository.merges = path.merged().filter(|_| row.traits.contains(&Trait::Merge));
    Some(row)
}

/// True where something that is sent may be what a row asks for. Of a field with a computed value everything is possible, but for a
/// variable beside a GraphQL document.
fn sends(data: &[Option<String>], row: &ForgeRequest) -> bool {
    let document = row.paths.iter().all(|path| *path == "graphql");
    let computed = |text: &&str| {
        text.split_once('=').is_some_and(|(name, value)| value == "…" && !(document && is_variable(name)))
    };
    let fits = |sent: &Option<String>| {
        let known = sent.as_deref().filter(|text| !computed(text));
        known.is_none_or(|text| row.data.iter().any(|pattern| glob(pattern, text)))
    };
    row.data.is_empty() || data.iter().any(fits)
}

fn is_variable(name: &str) -> bool {
    name != "query"
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '[' | ']'))
}

/// A path of a forge's API, from its first segment on.
struct Path {
    host: String,
    segments: Vec<String>,
    /// The host is a forge's.
    sure: bool,
}

/// The paths a URL may mean. What is computed may be a part of a segment, several, or none, or begin the query.
fn readings(request: &ProgramRequest<'_>) -> Vec<Path> {
    let shown = request.url.display();
    let path = shown.split(['?', '#']).next().unwrap_or_default();
    let bare = path.split('…').next().unwrap_or_default();
    let begun = path.trim_start_matches('…');
    let host = path.strip_suffix(begun).unwrap_or_default();
    let mut texts = vec![path.to_owned()];
    if begun.contains('…') {
        texts.extend([
            bare.to_owned(),
            format!("{host}{}", begun.replace('…', "…/…")),
            format!("{host}{}", begun.replace('…', "")),
        ]);
    }
    texts.iter().filter_map(|text| Path::read(text, request.host)).collect()
}

impl Path {
    fn read(text: &str, host: Option<&str>) -> Option<Self> {
        let (given, path) = match (text.split_once("://"), host) {
            (Some((_, rest)), _) => rest.split_once('/').map_or((Some(rest), ""), |(h, p)| (Some(h), p)),
            (None, Some(_)) => (None, text),
            (None, None) => text.split_once('/').map(|(h, p)| (Some(h), p))?,
        };
        let mut segments: Vec<String> = Vec::new();
        for segment in
            path.split('/').map(percent_decoded).filter(|segment| !matches!(segment.as_str(), "" | "."))
        {
            if segment == ".." {
                segments.pop();
            } else {
                segments.push(segment);
            }
        }
        let root = segments.iter().position(|segment| ROOTS.contains(&segment.as_str()));
        // A path that begins with another segment than a forge's (`user/repos`) is none of them.
        let root = root
            .filter(|at| given.is_some() || segments.iter().take(*at).all(|s| s == "api" || is_version(s)))?;
        let before = segments.drain(..root).collect::<Vec<_>>();
        let sure =
            given.is_none_or(|host| is_forge(host, &before, segments.first().map_or("", String::as_str)));
        if segments.first().is_some_and(|first| first == "repositories") && segments.len() > 1 {
            // The same by its number: `repos/OWNER/NAME` has a segment more.
            segments.splice(..1, ["repos".to_owned(), NUMBER.to_owned()]);
        }
        let host = given.or(host).unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host).trim_start_matches("api.");
        Some(Self { host: host.to_owned(), segments, sure })
    }

    fn fits(&self, row: &ForgeRequest) -> bool {
        (self.sure || !row.sure) && row.paths.iter().any(|pattern| along(pattern.split('/'), &self.segments))
    }

    /// The pull request that a path is about.
    fn merged(&self) -> Option<MergedRequest> {
        let mut after =
            self.segments.iter().skip_while(|part| !matches!(part.as_str(), "pulls" | "merge_requests"));
        after.nth(1).map(|number| MergedRequest::Named(Word::literal(number.as_str())))
    }

    /// The repository as the URL it is cloned from: unknown where it is computed, or (then true) where only its number stands; none where it
    /// is the one of the directory, or where none is named.
    fn repository(&self) -> (Option<Word>, bool) {
        let slug = match self.segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["graphql", ..] | ["repos", NUMBER, ..] => return (Some(Word::unknown()), true),
            ["repos", owner, name, ..] => format!("{owner}/{name}"),
            ["projects", project, ..] if project.bytes().all(|b| b.is_ascii_digit()) => {
                return (Some(Word::unknown()), true);
            }
            ["projects", project, ..] => (*project).to_owned(),
            _ => return (None, false),
        };
        if slug.contains(['{', ':']) {
            return (None, false);
        }
        let known = |text: &str| !text.contains('…');
        let host = if known(&self.host) { self.host.as_str() } else { "*" };
        let url = known(&slug).then(|| Word::literal(format!("https://{host}/{slug}.git")));
        (Some(url.unwrap_or_else(Word::unknown)), false)
    }
}

/// Stands for the owner of a repository that is named by its number.
const NUMBER: &str = "{number}";

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

/// True where a host, and what stands before the path's first segment, are those of a forge's API. One that is computed may be.
fn is_forge(host: &str, before: &[String], first: &str) -> bool {
    if host.contains('…') || matches!(host, "api.github.com" | "gitlab.com" | "codeberg.org") {
        return true;
    }
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    match before.as_slice() {
        ["api", "v1" | "v3"] => matches!(first, "repos" | "orgs"),
        ["api", "v4"] => matches!(first, "projects" | "groups"),
        ["api"] => {
            first == "graphql" && ["github.", "gitlab.", "git."].iter().any(|start| host.starts_with(start))
        }
        _ => false,
    }
}

/// `*` is one segment, `**` any that follow.
fn along<'p>(mut pattern: impl Iterator<Item = &'p str>, segments: &[String]) -> bool {
    let mut rest = segments.iter();
    loop {
        match (pattern.next(), rest.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some(wanted), Some(segment)) if glob(wanted, segment) => {}
            _ => return false,
        }
    }
}

/// What GraphQL documents ask to be changed.
struct Mutation {
    fields: Vec<String>,
}

impl Mutation {
    fn of(data: &[Option<String>]) -> Self {
        // Variables are sent beside the document (`-f id=…`).
        let is_document = |text: &&str| match text.split_once('=') {
            Some((name, _)) => name == "query" || name.contains(['{', '"', ' ']),
            None => true,
        };
        let texts = data.iter().filter_map(Option::as_deref).filter(is_document);
        Self { fields: texts.flat_map(roots).collect() }
    }

    fn fits(&self, row: &ForgeRequest) -> bool {
        let listed = |field: &String, list: &[&str]| list.iter().any(|pattern| glob(pattern, field));
        (row.fields.is_empty() || self.fields.iter().any(|field| listed(field, &row.fields)))
            && (row.only.is_empty()
                || (!self.fields.is_empty() && self.fields.iter().all(|field| listed(field, &row.only))))
    }
}

/// The fields at the root of a document's mutations; `…` and `...` for what is not read.
fn roots(document: &str) -> Vec<String> {
    let mut fields = Vec::new();
    for operation in document.split("mutation").skip(1) {
        let (mut braces, mut brackets) = (0_usize, 0_usize);
        let mut chars = operation.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => {
                    chars.next();
                }
                '(' => brackets += 1,
                ')' => brackets = brackets.saturating_sub(1),
                '{' if brackets == 0 => braces += 1,
                '}' if brackets == 0 && braces <= 1 => break,
                '}' if brackets == 0 => braces -= 1,
                // `alias: field`
                ':' if brackets == 0 && braces == 1 => {
                    fields.pop();
                }
                _ if brackets == 0
                    && braces == 1
                    && (c.is_alphanumeric() || matches!(c, '_' | '…' | '.' | '@')) =>
                {
                    let mut word = String::from(c);
                    while let Some(more) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                        word.push(more);
                    }
                    fields.push(word);
                }
                _ => {}
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::roots;

    #[test]
    fn the_fields_of_a_mutation_are_told_from_what_they_hold() {
        assert_eq!(roots("query { a mutations }"), [""; 0]);
        assert_eq!(roots("mutation { a(input: {b: \"c\"}) { d { e } } f: g { h } }"), ["a", "g"]);
        assert_eq!(roots("mutation M($x: ID = {y: 1}) { a(x: $x) }  mutation N { b }"), ["a", "b"]);
        assert_eq!(roots(r#"{"query": "mutation {\n a(x: \"1\") { b }\n}"}"#), ["a"]);
        assert_eq!(roots("mutation { a ...F … }"), ["a", ".", ".", ".F", "…"]);
    }
}
