//! Programs that run code of another language: where the code is, and what it may start.

use regex_lite::Regex;

use super::carried::{Carried, Reader, Write, behind, tail, tells, typed};
use super::literals::{Candidate, UNKNOWN, candidates};
use super::{mentions, modules, writes};
use crate::model::{Client, CodePlace, Invocation, Language, Opaque, OpaqueKind, Part, Stdin, Tools, Word};

/// Most lines of input that are looked at.
const MOST_LINES: usize = 64;

/// Where a program finds its code.
#[derive(Default)]
struct FoundCode {
    code: Vec<Word>,
    files: Vec<Word>,
    operand: Option<usize>,
    stopped: bool,
}

/// What the code given to a language's program may start.
pub(super) fn unwrap(by: &Invocation, language: &'static Language, tools: &'static Tools) -> Vec<Carried> {
    let mut found = find(by, language);
    if only_checks(by, language, &found) {
        return Vec::new();
    }
    for name in language.variables {
        let Some(options) = by.assigned(name).and_then(Word::as_literal) else { continue };
        let words = std::iter::once(name.to_owned()).chain(options.split_whitespace()).map(Word::literal);
        let more = find(&Invocation { argv: words.collect(), ..Invocation::default() }, language);
        found.files.extend(more.files);
        found.code.extend(more.code);
    }
    found.files.extend(language.files_in.iter().filter_map(|name| by.assigned(name).cloned()));
    let operand = found.operand.and_then(|at| by.argv.get(at));
    let given = !found.code.is_empty();
    let mut fed = false;
    let mut out = Vec::new();
    if language.reads.contains(&CodePlace::First) && !given && found.files.is_empty() {
        found.code.extend(operand.cloned());
    } else if language.reads.contains(&CodePlace::Script) && !given {
        let named = operand.filter(|word| !matches!(word.as_literal(), Some("-" | "/dev/stdin")));
        found.files.extend(named.cloned());
    }
    let silent = operand.is_none_or(|word| matches!(word.as_literal(), Some("-" | "/dev/stdin")));
    let program = by.program().and_then(Word::basename).unwrap_or_default();
    let is_text = language.text_input.contains(&program)
        && operand.is_some_and(|word| word.as_literal() == Some("-"))
        && !by.argv.iter().any(|word| word.prefix().starts_with("-e") || word.prefix().starts_with("-s"));
    if language.reads.contains(&CodePlace::Stdin)
        && !is_text
        && !found.stopped
        && !given
        && (silent || !language.reads.contains(&CodePlace::Script))
    {
        match &by.stdin {
            Stdin::Text(text) => {
                found.code.push(Word::literal(&**text));
                fed = true;
            }
            Stdin::File(path) => found.files.push(path.clone()),
            Stdin::Unknown if silent => {
                out.push(Carried::Opaque(Opaque {
                    kind: OpaqueKind::Fed,
                    span: by.span,
                    what: format!(
                        "{} runs the output of another program",
                        by.argv.first().map_or("it".into(), Word::display)
                    ),
                    invocation: None,
                }));
            }
            Stdin::Later if silent && !tells(by) => out.push(typed(by)),
            Stdin::Unknown | Stdin::Later | Stdin::Inherited => {}
        }
    }
    modules::named(by, language, &mut found.files, &mut found.code);
    let text: Vec<String> = found.code.iter().map(as_text).collect();
    if !text.is_empty() {
        // What is code is no input of it.
        let stdin = if fed { Stdin::Inherited } else { by.stdin.clone() };
        let reader = Invocation { stdin, ..by.clone() };
        out.extend(in_code(&text.join("\n"), (&reader, true), language, tools));
    }
    let arguments = found.operand.and_then(|at| by.argv.get(at + 1..)).unwrap_or_default();
    out.extend(found.files.into_iter().map(|path| Carried::Script {
        path,
        arguments: arguments.to_vec(),
        by: by.clone(),
        reader: Reader::Language(language),
    }));
    out
}

/// True where an option, or the module that is run, has the code checked and not run.
fn only_checks(by: &Invocation, language: &Language, found: &FoundCode) -> bool {
    let module = by.argv.iter().position(|word| language.module.contains(&word.prefix()));
    let end = module.map(|at| at + 2).or(found.operand).unwrap_or(by.argv.len());
    let before = by.argv.get(1..end.max(1)).unwrap_or_default();
    found.code.is_empty() && before.iter().any(|word| language.checks.contains(&word.prefix()))
}

/// Passes over a program's options.
fn find(by: &Invocation, language: &Language) -> FoundCode {
    let mut out = FoundCode::default();
    let mut at = 1;
    while let Some(word) = by.argv.get(at) {
        let text = word.prefix();
        at += 1;
        if language.plus && text.starts_with('+') {
            out.code.push(Word::literal(text.trim_start_matches('+')));
            continue;
        }
        if language.code.contains(&text) && !text.starts_with('-') {
            out.code.extend(by.argv.get(at).cloned());
            at += 1;
            continue;
        }
        if text == "--" {
            out.operand = (at < by.argv.len()).then_some(at);
            break;
        }
        if text.len() < 2 || !text.starts_with('-') {
            if language.verbs.contains(&text) {
                continue;
            }
            out.operand = Some(at - 1);
            // Programs that take their options anywhere go on; interpreters leave the rest to the script.
            if language.reads.contains(&CodePlace::First) || language.reads.contains(&CodePlace::Script) {
                break;
            }
            continue;
        }
        let (name, attached) = split_option(word, language);
        let takes = |list: &[&str]| list.contains(&name.as_str());
        let value = |at: usize| attached.clone().or_else(|| by.argv.get(at).cloned());
        if language.stop.contains(&name.as_str()) {
            out.stopped = true;
            break;
        }
        if takes(&language.code) {
            out.code.extend(value(at));
        } else if takes(&language.file) {
            out.files.extend(value(at));
        } else if !takes(&language.value) {
            continue;
        }
        at += usize::from(attached.is_none());
    }
    if out.stopped {
        out.operand = None;
    }
    out
}

/// An option's name, and its value where the same word holds it: `--opt=v`, `-ov`, `-xyo v`.
fn split_option(word: &Word, language: &Language) -> (String, Option<Word>) {
    let text = word.prefix();
    let long = text.starts_with("--");
    if let Some((name, start)) = text.split_once('=').filter(|_| long) {
        return (name.to_owned(), Some(behind(word, start)));
    }
    let known = |name: &str| [language.code, language.file, language.value].iter().any(|l| l.contains(&name));
    if long || known(text) || language.stop.contains(&text) {
        return (text.to_owned(), None);
    }
    for (at, c) in text.char_indices().skip(1) {
        let name = format!("-{c}");
        let end = at + c.len_utf8();
        let rest = text.get(end..).unwrap_or_default();
        let takes_code = language.code.contains(&name.as_str()) || language.file.contains(&name.as_str());
        let last = rest.is_empty() && word.as_literal().is_some();
        if known(&name) && (last || at == 1 && !takes_code || language.attached && takes_code) {
            return (name, (!last).then(|| behind(word, rest)));
        }
        if takes_code {
            return (name, (!last).then(|| behind(word, rest)));
        }
    }
    (text.to_owned(), None)
}

/// A literal as a shell would be given it.
fn shell_text(word: &Word) -> String {
    // `open(F, "program |")`
    as_text(word).trim_matches(['|', '&', ' ']).to_owned()
}

/// A word as text in which what is unknown is a variable.
fn as_text(word: &Word) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Unknown | Part::Asked(_) => UNKNOWN.to_owned(),
    };
    word.parts().iter().map(part).collect()
}

/// What a text in another language may start. What stays unknown is said of code that stands in the line alone: in files it is
/// everyday, and the shims see what comes of it.
#[must_use]
pub fn in_code(
    text: &str,
    (by, inline): (&Invocation, bool),
    language: &'static Language,
    tools: &'static Tools,
) -> Vec<Carried> {
    let mut out: Vec<Carried> = Vec::new();
    for pattern in language.lines.iter().filter_map(|pattern| Regex::new(pattern).ok()) {
        let hits = pattern.captures_iter(text).filter_map(|hit| hit.get(1).map(|m| m.as_str().to_owned()));
        out.extend(hits.map(|line| guess(shell(line, by))));
    }
    out.extend(files(text, (by, inline), language));
    out.extend(modules::imported(text, by, language).into_iter().map(|path| Carried::Script {
        path,
        arguments: Vec::new(),
        by: by.clone(),
        reader: Reader::Language(language),
    }));
    if let Some(client) = tools.clients.iter().find(|client| uses(text, client)) {
        out.push(unknown(by, &format!("code that {}", client.about)));
    }
    let starts = language.starts.iter().any(|name| has_word(text, name));
    if !starts {
        return out;
    }
    out.extend(modules::read(text, by, language).into_iter().map(|path| Carried::Script {
        path,
        arguments: Vec::new(),
        by: by.clone(),
        reader: Reader::Data,
    }));
    if !inline {
        // What a file puts together from pieces is asked about; what it is given stands behind.
        let given = ["argv", "ARGV", "argparse"].iter().any(|name| text.contains(name));
        let given: Vec<&str> =
            by.argv.iter().skip(2).filter(|_| given).filter_map(Word::as_literal).collect();
        let lines = mentions::in_pieces(text, &given.join(" "), tools).into_iter();
        out.extend(lines.map(|line| Carried::Perhaps(line, by.clone())));
    }
    for candidate in candidates(text, language) {
        match candidate {
            Candidate::Text(word) => {
                let named = word.as_literal().and_then(|text| tools.tool(text.trim()));
                if let Some(tool) = named.filter(|_| inline) {
                    out.push(unknown(by, &format!("code that starts programs mentions {}", tool.name)));
                }
                out.push(guess(shell(shell_text(&word), by)));
            }
            Candidate::Argv(words, starts) => out.extend(argv(words, starts && inline, by)),
        }
    }
    if inline && language.decodes.iter().any(|name| has_word(text, name)) {
        out.push(unknown(by, "code that starts programs decodes text that rwenv cannot read"));
    }
    out
}

/// The files that a text in another language writes. Where what it writes is computed, what it names counts, if it stands in the line.
fn files(text: &str, (by, inline): (&Invocation, bool), language: &Language) -> Option<Carried> {
    let found = writes::files(text, language, inline);
    let unnamed = |word: &Word| {
        let variable = word.as_literal().is_some_and(|text| by.env.iter().any(|set| set.name == text));
        variable || (word.as_literal().is_none() && word.prefix().is_empty())
    };
    let partly = found.written.iter().any(|(word, _)| unnamed(word));
    let known = |word: &Word| inline || !word.prefix().is_empty();
    let written = found.written.into_iter().filter(|(word, _)| known(word));
    let mut all: Vec<Write> =
        written.map(|(file, whole)| Write { file, whole, named: false, text: None }).collect();
    let named = |file: Word| Write { file, whole: false, named: true, text: None };
    let computed = partly
        || found.computed
        || !found.entered.is_empty()
        || (inline && (found.unclear || acts(text, by, language)));
    let given = if computed { handed(text, by) } else { Vec::new() };
    // What is relative may be so to a directory that the code goes to.
    let into = |file: &Word, folder: &Word| {
        let relative = !file.prefix().is_empty() && !file.prefix().starts_with(['/', '~']);
        let mut path = folder.clone();
        path.push_text("/");
        path.push_word(file);
        (relative && !folder.prefix().is_empty()).then_some(path)
    };
    let moved: Vec<Write> = (found.entered.iter().chain(given.iter().filter(|_| !found.entered.is_empty())))
        .flat_map(|folder| {
            all.iter()
                .filter_map(move |one| into(&one.file, folder).map(|file| Write { file, ..one.clone() }))
        })
        .collect();
    all.extend(moved);
    if (found.computed || found.unclear) && inline {
        let one_name =
            |file: &Word| !file.prefix().trim_start_matches(['/', '~']).contains(char::is_whitespace);
        all.extend(found.mentioned.into_iter().filter(one_name).map(named));
    }
    all.extend(given.into_iter().map(named));
    for pattern in language.files.patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()) {
        let hits =
            pattern.captures_iter(text).filter_map(|hit| hit.get(1).map(|m| m.as_str().trim().to_owned()));
        all.extend(hits.map(|path| Write {
            file: Word::literal(path),
            whole: false,
            named: false,
            text: None,
        }));
    }
    (!all.is_empty()).then(|| Carried::Writes(all, by.clone()))
}

/// True for code of which it cannot be said what it does with what it is given: it is computed itself, or, where calls are not known one
/// by one, it starts programs or calls what changes files.
fn acts(text: &str, by: &Invocation, language: &Language) -> bool {
    let assigned = by.argv.iter().any(|word| word.prefix().starts_with("-v"));
    let passes = assigned || ["ARGV", "ENVIRON"].iter().any(|given| text.contains(given));
    let named = |name: &str| {
        let spelt = name.contains(char::is_alphabetic) || passes;
        spelt && !language.files.opens.contains(&name) && has_word(text, name)
    };
    let methods = language.files.methods.iter().map(|name| name.split('/').next().unwrap_or(name));
    let mut all = language.starts.iter().copied().chain(methods);
    let writes = !language.files.writes.is_empty() || !language.files.opens.is_empty();
    (writes && text.trim() == UNKNOWN) || (language.files.looks.is_empty() && all.any(named))
}

/// What code is handed from outside: arguments, variables that it names, and lines of its input.
fn handed(text: &str, by: &Invocation) -> Vec<Word> {
    let arguments = by.argv.iter().skip(1).cloned();
    let variables = by.env.iter().filter(|set| has_word(text, &set.name)).map(|set| set.value.clone());
    let input = match &by.stdin {
        Stdin::Text(input) => input.lines().take(MOST_LINES).map(|line| Word::literal(line.trim())).collect(),
        _ => Vec::new(),
    };
    let mut all: Vec<Word> = arguments.chain(variables).chain(input).collect();
    all.retain(|word| !word.prefix().contains(char::is_whitespace));
    // `-v NAME=VALUE`
    let behind = |word: &Word| {
        word.as_literal().and_then(|text| text.split_once('=')).map(|(_, value)| value.to_owned())
    };
    let values: Vec<String> = all.iter().filter_map(behind).collect();
    all.extend(values.into_iter().map(Word::literal));
    all
}

/// A program and its arguments, as they are handed over.
fn argv(words: Vec<Word>, starts: bool, by: &Invocation) -> Option<Carried> {
    let first = words.iter().position(|word| !word.prefix().is_empty())?;
    let call = |words: Vec<Word>| Invocation { argv: words, ..tail(by, 0) };
    if first > 0 && starts {
        return Some(Carried::Opaque(Opaque {
            kind: OpaqueKind::Program,
            span: by.span,
            what: "code starts a program whose name is computed at run time".to_owned(),
            invocation: Some(call(words)),
        }));
    }
    let mut words = words.get(first..).unwrap_or_default().to_vec();
    // `execvp("kubectl", ["kubectl", …])` names the program twice.
    if words.len() > 1 && words.first().and_then(Word::basename) == words.get(1).and_then(Word::basename) {
        words.remove(1);
    }
    let plain = words.first().is_some_and(|word| !word.prefix().contains(' '));
    plain.then(|| guess(Carried::Invocation { invocation: call(words), remote: None }))
}

fn shell(text: String, by: &Invocation) -> Carried {
    Carried::Shell { text, arguments: Vec::new(), by: by.clone(), remote: None }
}

fn guess(carried: Carried) -> Carried {
    Carried::Guess(Box::new(carried))
}

fn unknown(by: &Invocation, what: &str) -> Carried {
    Carried::Opaque(Opaque { kind: OpaqueKind::Code, span: by.span, what: what.to_owned(), invocation: None })
}

fn uses(text: &str, client: &Client) -> bool {
    client.names.iter().any(|name| has_word(text, name))
        && client.with.iter().any(|with| text.contains(with))
        && (client.and.is_empty() || client.and.iter().any(|and| text.contains(and)))
}

/// True where a name stands in a text, and is no part of a longer one.
fn has_word(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|t| t.chars().next());
        let open =
            |inner: Option<char>, outer: Option<char>| !(inner.is_some_and(part) && outer.is_some_and(part));
        open(name.chars().next(), before) && open(name.chars().next_back(), after)
    })
}
