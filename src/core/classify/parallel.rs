//! GNU parallel: one command for each of its arguments, which stand behind `:::`, in a file or on standard input. Without a command, they
//! are command lines.

use super::carried::{Carried, Reader, code, from_stdin, joined, substitute};
use crate::model::{Invocation, Stdin, Word};

/// Most arguments that are followed one by one.
const MOST: usize = 32;
/// Where arguments begin, and files of such.
const LISTS: [&str; 2] = [":::", ":::+"];
const FILES: [&str; 2] = ["::::", "::::+"];
/// Names in a command that stand for an argument or a part of one.
const PLACEHOLDERS: [&str; 8] = ["{}", "{1}", "{2}", "{.}", "{/}", "{//}", "{/.}", "{#}"];

/// What the words behind its options run.
pub(super) fn unwrap(by: &Invocation, inner: &Invocation, at: usize) -> Vec<Carried> {
    let words = by.argv.get(at..).unwrap_or_default();
    let marks =
        |word: &Word| word.as_literal().is_some_and(|text| LISTS.contains(&text) || FILES.contains(&text));
    let end = words.iter().position(marks).unwrap_or(words.len());
    let (template, behind) = words.split_at_checked(end).unwrap_or((words, &[]));
    let options = by.argv.get(..at).unwrap_or_default();
    let arguments = arguments(by, options, behind);
    if template.is_empty() {
        return lines(by, &arguments);
    }
    let values = match arguments {
        ParallelInput::Known(values) if values.len() <= MOST => values,
        _ => vec![Word::unknown()],
    };
    values.iter().map(|value| filled(template, value, inner)).collect()
}

/// Where the arguments come from.
enum ParallelInput {
    /// These, one for each command.
    Known(Vec<Word>),
    /// The lines of this file.
    File(Word),
    /// Combinations, or what another program prints.
    Unknown,
}

fn arguments(by: &Invocation, options: &[Word], behind: &[Word]) -> ParallelInput {
    let is = |word: &Word, names: &[&str]| word.as_literal().is_some_and(|text| names.contains(&text));
    match behind {
        [mark, values @ ..] if is(mark, &LISTS) => {
            let several = values.iter().any(|word| is(word, &LISTS) || is(word, &FILES));
            if several { ParallelInput::Unknown } else { ParallelInput::Known(values.to_vec()) }
        }
        [_, file, ..] => ParallelInput::File(file.clone()),
        _ => {
            let at = options.iter().position(|word| is(word, &["-a", "--arg-file"]));
            match (at.and_then(|at| options.get(at + 1)), &by.stdin) {
                (Some(file), _) => ParallelInput::File(file.clone()),
                (None, Stdin::Text(text)) => ParallelInput::Known(text.lines().map(Word::literal).collect()),
                (None, Stdin::File(file)) => ParallelInput::File(file.clone()),
                (None, _) => ParallelInput::Unknown,
            }
        }
    }
}

/// Each argument is a command line.
fn lines(by: &Invocation, arguments: &ParallelInput) -> Vec<Carried> {
    match arguments {
        ParallelInput::Known(values) => {
            values.iter().map(|value| code(value, by, "a command computed at run time")).collect()
        }
        ParallelInput::File(path) => vec![Carried::Script {
            path: path.clone(),
            arguments: Vec::new(),
            by: by.clone(),
            reader: Reader::Shell,
        }],
        ParallelInput::Unknown => from_stdin(by),
    }
}

/// The command for one argument: in the place of `{}`, else behind it.
fn filled(template: &[Word], value: &Word, inner: &Invocation) -> Carried {
    let mut argv: Vec<Word> = template.to_vec();
    let named = |word: &Word| PLACEHOLDERS.iter().any(|name| word.display().contains(name));
    if argv.iter().any(named) {
        for name in PLACEHOLDERS {
            // Of a part of it nothing is known.
            let with = if matches!(name, "{}" | "{1}") { value.clone() } else { Word::unknown() };
            argv = argv.iter().map(|word| substitute(word, name, &with)).collect();
        }
    } else {
        argv.push(value.clone());
    }
    if template.first().is_some_and(|word| word.prefix().contains(' ')) {
        return code(&joined(&argv), inner, "a command computed at run time");
    }
    Carried::Invocation {
        invocation: Invocation { argv, stdin: Stdin::Unknown, ..inner.clone() },
        remote: None,
    }
}
