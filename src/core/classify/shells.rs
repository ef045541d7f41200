//! Shells, by the options they have in common: what one of them is told to run.

use super::carried::{Carried, Reader, behind, code, from_stdin, sourced};
use crate::model::{Invocation, Word, Wrapper};

/// What shells read from a home directory when they start.
const START_FILES: [&str; 6] =
    [".bashrc", ".bash_profile", ".profile", ".zshenv", ".zshrc", ".config/fish/config.fish"];

/// What the options of a shell say.
#[derive(Debug, Default)]
struct ShellArguments {
    /// Where the words behind them begin.
    end: usize,
    /// The first of those is code.
    has_code: bool,
    /// What it runs comes from its input, whatever they are.
    reads_stdin: bool,
    /// It reads what it is given and runs nothing.
    only_checks: bool,
}

fn options(argv: &[Word], value: &[&str]) -> ShellArguments {
    let mut said = ShellArguments { end: 1, ..ShellArguments::default() };
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
        return early(by).chain(started_with(by)).chain([carried]).collect();
    }
    let from_input = operand.is_none_or(|w| {
        said.reads_stdin
            || w.prefix().starts_with("/dev/fd/")
            || matches!(w.as_literal(), Some("-" | "/dev/stdin" | "/proc/self/fd/0"))
    });
    // A script on disk is the caller's to read: nothing here touches files.
    let rest = if from_input { from_stdin(by) } else { sourced(by, at) };
    early(by).chain(started_with(by)).chain(rest).collect()
}

/// What a shell reads before anything else: bash one of these, sh the other where it is interactive.
fn early(by: &Invocation) -> impl Iterator<Item = Carried> {
    let files = ["BASH_ENV", "ENV"].iter().filter_map(|name| by.assigned(name)).cloned();
    files.map(|path| start_file(path, by))
}

/// What a bash reads that any other program starts: the line has given it this file.
pub(super) fn below(by: &Invocation) -> Option<Carried> {
    by.assigned("BASH_ENV").map(|path| start_file(path.clone(), by))
}

fn start_file(path: Word, by: &Invocation) -> Carried {
    Carried::Script { path, arguments: Vec::new(), by: by.clone(), reader: Reader::Shell }
}

/// The start files of a shell that are not the person's own: those an option names, and those of a home the line makes up.
fn started_with(by: &Invocation) -> Vec<Carried> {
    let mut files: Vec<Word> = Vec::new();
    for (at, word) in by.argv.iter().enumerate().skip(1) {
        let option = word.prefix().split_once('=').map_or(word.prefix(), |(option, _)| option);
        if matches!(option, "--rcfile" | "--init-file") {
            let attached = word.prefix().split_once('=').map(|(_, start)| behind(word, start));
            files.extend(attached.or_else(|| by.argv.get(at + 1).cloned()));
        }
    }
    if let Some(home) = by.assigned("HOME") {
        files.extend(START_FILES.iter().map(|name| {
            let mut path = home.clone();
            path.push_text("/");
            path.push_text(name);
            path
        }));
    }
    files.into_iter().map(|path| start_file(path, by)).collect()
}
