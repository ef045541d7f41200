//! Command lines that stand in a text of which it is not known who reads it: an argument of a program in none of our tables, or a file
//! of a runner whose format is none of ours. What is found may be run, and may be only spoken of, so it is asked about, never more.

use crate::model::{Tools, WrapperStyle};

/// Most command lines that are taken from one text.
const MOST: usize = 32;
/// Most words of one that is put together from literals.
const LONGEST: usize = 12;
/// Names behind which a literal is a command line.
const STARTERS: [&str; 16] = [
    "system",
    "shell",
    "exec",
    "execute",
    "spawn",
    "run",
    "sh",
    "cmd",
    "command",
    "popen",
    "call",
    "script",
    "eval",
    "callCommand",
    "start",
    "bash",
];
/// What may stand before a command line that is a line of its own.
const MARKS: [char; 9] = ['-', '@', '!', '$', '>', '+', '%', '*', ' '];

/// The command lines in an argument. Words that are only quoted in it are speech.
pub fn in_argument(text: &str, tools: &Tools) -> Vec<String> {
    let mut all = Vec::new();
    let value = text.strip_prefix('-').and_then(|_| text.split_once('=')).map(|(_, value)| value);
    let bare = value.unwrap_or(text).trim_start_matches(['!', '$', ':', '|', '&', '@', ' ']);
    let behind = bare.split_once(char::is_whitespace).filter(|(first, _)| STARTERS.contains(first));
    let address = bare
        .split_once(':')
        .filter(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase()));
    all.extend(
        [Some(bare), behind.map(|(_, rest)| rest), address.map(|(_, rest)| rest)]
            .into_iter()
            .flatten()
            .map(str::to_owned),
    );
    let called = |before: &str| {
        let before = before.trim_end();
        let word = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        before.ends_with(['(', '[', '{', ',', '=']) || STARTERS.contains(&word)
    };
    let literals: Vec<(usize, &str)> = literals(text).collect();
    all.extend(
        literals
            .iter()
            .filter(|(at, _)| called(text.get(..*at).unwrap_or_default()))
            .map(|(_, text)| (*text).to_owned()),
    );
    all.extend(joined(&literals, tools));
    finish(all, tools)
}

/// The command lines in a file of targets, or in part of one.
pub fn in_file(text: &str, tools: &Tools) -> Vec<String> {
    let mut all = Vec::new();
    for line in text.lines() {
        let bare = line.trim_matches(MARKS);
        all.push(bare.to_owned());
        // `key: COMMAND`, `key = COMMAND`.
        let values = [bare.split_once(": "), bare.split_once('=')].into_iter().flatten();
        all.extend(values.map(|(_, value)| {
            value.trim_matches(|c: char| MARKS.contains(&c) || matches!(c, '"' | '\'' | '[')).to_owned()
        }));
    }
    let literals: Vec<(usize, &str)> = literals(text).collect();
    all.extend(literals.iter().map(|(_, literal)| literal.trim_start_matches(MARKS).to_owned()));
    all.extend(joined(&literals, tools));
    let all = all.into_iter().map(|line| filled(&line, text)).collect();
    finish(all, tools)
}

/// The command lines that code puts together from literals, one of which is a program's name, and from what it is given.
pub fn in_pieces(text: &str, given: &str, tools: &Tools) -> Vec<String> {
    let literals: Vec<(usize, &str)> = literals(text).collect();
    let alone = literals.iter().filter(|(_, literal)| !given.is_empty() && is_tool(literal, tools));
    let alone = alone.map(|(_, literal)| format!("{literal} {given}"));
    let whole = literals
        .iter()
        .filter(|(_, literal)| literal.contains('{'))
        .map(|(_, literal)| (*literal).to_owned());
    let all = joined(&literals, tools).into_iter().chain(alone).chain(whole);
    finish(all.map(|line| filled(&line, text)).collect(), tools)
}

/// The command lines that values of JSON come to: the names before them are none.
pub fn in_values(text: &str, tools: &Tools) -> Vec<String> {
    let labelled = |at: usize, literal: &str| {
        text.get(at + literal.len() + 2..).is_some_and(|rest| rest.trim_start().starts_with(':'))
    };
    let values: Vec<(usize, &str)> = literals(text).filter(|(at, literal)| !labelled(*at, literal)).collect();
    let whole = values.iter().map(|(_, literal)| (*literal).to_owned());
    finish(joined(&values, tools).into_iter().chain(whole).collect(), tools)
}

/// The part of a file that belongs to targets of these names; the whole where none is asked for. A target ends where the next begins.
pub(super) fn sections(text: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return text.to_owned();
    }
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut out = String::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if !names.iter().any(|name| names_it(line, name)) {
            continue;
        }
        out.push_str(line);
        out.push('\n');
        let head = line.trim_start().chars().next().filter(|c| matches!(c, '[' | '#' | '`'));
        while let Some(next) = lines.get(at) {
            let ends = match head {
                Some(head) => next.trim_start().starts_with(head) && !(head == '#' && next.starts_with("#!")),
                None => {
                    !next.trim().is_empty()
                        && indent(next) <= indent(line)
                        && !next.trim_start().starts_with(['}', ')', ']'])
                }
            };
            // What a decorator stands before belongs to it.
            if ends && !line.trim_start().starts_with('@') {
                break;
            }
            out.push_str(next);
            out.push('\n');
            at += 1;
        }
    }
    out
}

/// What stands behind this line, up to the next that begins like it.
pub(super) fn begun_by(text: &str, line: &str) -> String {
    let head: String = line.trim_start().chars().take(1).collect();
    let behind = text.lines().skip_while(|other| *other != line).skip(1);
    behind.take_while(|other| !other.trim_start().starts_with(&head)).flat_map(|l| [l, "\n"]).collect()
}

/// True where a name stands in a line and is no part of a longer one.
fn names_it(line: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '-';
    line.match_indices(name).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// The string literals of a text, whatever language it is in, and where their quotes stand.
fn literals(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let start = at + rest.find(['"', '\'', '`'])?;
            let quote = text.get(start..)?.chars().next()?;
            let inner = text.get(start + 1..)?;
            let end = inner
                .char_indices()
                .find(|(i, c)| *c == quote && !inner.get(..*i).is_some_and(|t| t.ends_with('\\')));
            let Some((end, _)) = end.filter(|(end, _)| *end < 4096) else {
                at = start + 1;
                continue;
            };
            // An apostrophe is no quote.
            let before: Vec<char> = text.get(..start).unwrap_or_default().chars().rev().take(2).collect();
            let part = |at: usize| before.get(at).is_some_and(|c| c.is_alphanumeric());
            // `f'…'` is a literal.
            let marked = before.first().is_some_and(|c| "fFrRbBuU".contains(*c)) && !part(1);
            let speech = quote == '\'' && part(0) && !marked;
            if speech {
                at = start + 1;
                continue;
            }
            at = start + 1 + end + 1;
            return Some((start, inner.get(..end)?));
        }
    })
}

/// Literals behind one that is a program's name, as its arguments.
fn joined(literals: &[(usize, &str)], tools: &Tools) -> Vec<String> {
    let mut out = Vec::new();
    for (at, (_, literal)) in literals.iter().enumerate() {
        let mut first = literal.split_whitespace();
        let named =
            first.next().and_then(|word| word.rsplit('/').next()).is_some_and(|name| is_tool(name, tools));
        let mut words: Vec<&str> = literal.split_whitespace().collect();
        if !named || words.len() > 1 {
            continue;
        }
        for (_, next) in literals.iter().skip(at + 1) {
            let more: Vec<&str> = next.split_whitespace().collect();
            if words.len() + more.len() > LONGEST || next.contains(['\n', ';', ',']) {
                break;
            }
            words.extend(more);
        }
        out.push(words.join(" "));
    }
    out
}

/// A line with the placeholders filled in whose values stand in the same text.
fn filled(line: &str, text: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { break };
        let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        out.push_str(before.trim_end_matches(['$', '#']));
        out.push_str(if plain { assigned(name, text).unwrap_or("${__}") } else { "${__}" });
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The literal that a name is assigned in a text.
fn assigned<'t>(name: &str, text: &'t str) -> Option<&'t str> {
    text.match_indices(name).find_map(|(at, _)| {
        let rest = text.get(at + name.len()..)?.trim_start();
        let rest = rest.strip_prefix([':', '='])?.trim_start_matches([' ', '=']);
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        rest.get(1..)?.split_once(quote).map(|(value, _)| value)
    })
}

fn is_tool(name: &str, tools: &Tools) -> bool {
    tools.tool(name).is_some_and(|tool| !tool.unshimmed)
}

/// Those that begin with one of our tools, or with what would run one that they name; each once.
fn finish(all: Vec<String>, tools: &Tools) -> Vec<String> {
    let names = |line: &str| {
        line.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '-'))
            .any(|word| is_tool(word, tools))
    };
    let runs = |line: &str| {
        let mut words = line.split_whitespace().map(|word| word.trim_matches(['"', '\'', '(', '{']));
        let Some(first) = words.next().and_then(|word| word.rsplit('/').next()) else { return false };
        let carries = |style| {
            matches!(
                style,
                WrapperStyle::Shell | WrapperStyle::Argv | WrapperStyle::RemoteWords | WrapperStyle::Xargs
            )
        };
        is_tool(first, tools) || tools.wrapper(first).is_some_and(|wrapper| carries(wrapper.style))
    };
    let mut out: Vec<String> = Vec::new();
    for line in all {
        if out.len() < MOST && !out.contains(&line) && line.contains(' ') && names(&line) && runs(&line) {
            out.push(line);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::tools;

    #[test]
    fn what_an_argument_may_run_is_told_from_what_it_says() {
        for text in [
            "kubectl delete pod p",
            "!kubectl delete pod p",
            "--command=kubectl delete pod p",
            "System.Process.system \"kubectl delete pod p\"",
            "(shell \"kubectl delete pod p\")",
            "exec{'/usr/bin/kubectl delete pod p':}",
            "new ProcessBuilder(\"kubectl\",\"delete\",\"pod\",\"p\")",
            "EXEC:kubectl delete pod p",
        ] {
            let found = in_argument(text, tools());
            assert!(found.iter().any(|line| line.ends_with("kubectl delete pod p")), "{text}: {found:?}");
        }
        for text in [
            "document 'kubectl delete pod p' better",
            "the kubectl delete of yesterday",
            "kubectl",
            "don't run kubectl, it's bad",
        ] {
            assert_eq!(in_argument(text, tools()), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_target_s_part_of_a_file_is_its_own() {
        let file = "[tasks.build]\nrun = 'make'\n[tasks.deploy]\nrun = 'kubectl delete pod p'\n";
        assert_eq!(in_file(&sections(file, &["deploy"]), tools()), ["kubectl delete pod p"]);
        assert_eq!(in_file(&sections(file, &["build"]), tools()), Vec::<String>::new());
        let code = "verb = 'delete'\nrun(f'kubectl {verb} pod p')\nx = ['kubectl']\nx.extend(['delete', 'pod', 'p'])\n";
        assert!(in_file(code, tools()).contains(&"kubectl delete pod p".to_owned()));
        assert_eq!(in_pieces(code, "", tools()), ["kubectl delete pod p"]);
        assert_eq!(
            in_pieces("run(['kubectl'] + sys.argv[1:])", "delete pod p", tools()),
            ["kubectl delete pod p"]
        );
    }
}
