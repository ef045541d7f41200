//! Shells, by the options they have in common: what one of them is told to run.

use super::carried::{Carried, Reader, code, from_stdin, sourced};
use crate::model::{Invocation, Word, Wrapper};

/// What the options of a shell say.
#[derive(Debug, Default)]
struct ShellOptions {
    /// Where the words behind them begin.
    end: usize,
    /// The first of those is code.
    has_code: bool,
    /// What it runs comes from its input, whatever they are.
    reads_stdin: bool,
    /// It reads what it is given and runs nothing.
    only_checks: bool,
}

fn options(argv: &[Word], value: &[&str]) -> ShellOptions {
    let mut said = ShellOptions { end: 1, ..ShellOptions::default() };
    // `-n` counts for nothing where the shell is interactive, and a later `+n` takes it back.
    let mut interactive = false;
    while let Some(text) =
        argv.get(said.end).map(Word::prefix).filter(|t| t.len() > 1 && t.starts_with(['-', '+']))
    {
        said.end += 1;
        if text == "--" {
            break;
        }
        if text.starts_with("--") {
            said.has_code |= text == "--command";
            said.only_checks |= text == "--no-execute";
            said.end += usize::from(value.contains(&text));
            continue;
        }
        said.has_code |= text.starts_with('-') && text.contains('c');
        said.reads_stdin |= text.starts_with('-') && text.contains('s');
        interactive |= text.contains('i');
        if text.contains('n') {
            said.only_checks = text.starts_with('-');
        }
        // Each `o` or `O` of a cluster takes a word of its own.
        said.end += text.chars().filter(|c| matches!(c, 'o' | 'O')).count();
    }
    said.only_checks &= !interactive;
    said
}

/// True for a call of a shell that checks what it is given, and runs nothing of it.
pub(super) fn only_checks(argv: &[Word]) -> bool {
    options(argv, &[]).only_checks
}

/// What a shell runs: `-c` code, a script, or standard input.
pub(super) fn carried(by: &Invocation, wrapper: &Wrapper) -> Vec<Carried> {
    let said = options(&by.argv, &wrapper.value);
    let at = said.end;
    if said.only_checks {
        return early(by).collect();
    }
    let operand = by.argv.get(at);
    if said.has_code {
        let Some(word) = operand else { return Vec::new() };
        let arguments = by.argv.get(at + 2..).unwrap_or_default().to_vec();
        let carried = match code(word, by, "the code given to -c is computed at run time") {
            Carried::Shell { text, by, remote, .. } => {
                let text = match by.argv.get(at + 1).and_then(Word::as_literal) {
                    Some(zero) if text.contains("$0") => text.replace("$0", zero),
                    _ => text,
                };
                Carried::Shell { text, arguments, by, remote }
            }
            other => other,
        };
        return early(by).chain([carried]).collect();
    }
    let from_input = operand.is_none_or(|w| {
        said.reads_stdin
            || w.prefix().starts_with("/dev/fd/")
            || matches!(w.as_literal(), Some("-" | "/dev/stdin" | "/proc/self/fd/0"))
    });
    // A script on disk is the caller's to read: nothing here touches files.
    let rest = if from_input { from_stdin(by) } else { sourced(by, at) };
    early(by).chain(rest).collect()
}

/// What a shell reads before anything else: bash one of these, sh the other where it is interactive.
fn early(by: &Invocation) -> impl Iterator<Item = Carried> {
    let files = ["BASH_ENV", "ENV"].iter().filter_map(|name| by.assigned(name));
    files.map(|path| Carried::Script {
        path: path.clone(),
        arguments: Vec::new(),
        by: by.clone(),
        reader: Reader::Shell,
    })
}
