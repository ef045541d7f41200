//! Programs under another name: what the line itself makes is followed, what lies on the disk is asked for.

use crate::classify;
use crate::model::{Dir, Invocation, Tool, Word, behind_program};

/// Most directories of a `PATH` given in the line that are looked into for one program.
const MOST_DIRS: usize = 8;

/// A file that the line itself makes out of another one.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// Where it is, as far as the line says.
    path: String,
    /// The program it holds; none where that is computed.
    program: Option<&'static str>,
}

/// What there is to say of an invocation's program before it is classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// It is what its word says.
    Named,
    /// The line made it; it is this one.
    Known(&'static str),
    /// The line made it out of something that is not known.
    Computed,
    /// It is one of these files, or this name on `PATH`.
    Asked(Vec<String>),
}

/// The files an invocation makes out of programs.
pub(super) fn made(invocation: &Invocation) -> Vec<Made> {
    let tools = classify::tools();
    if let Some(file) = downloaded(invocation) {
        let places = invocation.cwd.iter().filter_map(|dir| dir.enter(&file).path().map(str::to_owned));
        return places.map(|path| Made { path, program: None }).collect();
    }
    let Some(copier) =
        invocation.program().and_then(Word::basename).filter(|n| tools.programs.copiers.contains(n))
    else {
        return Vec::new();
    };
    let prints = matches!(copier, "cat" | "dd" | "tee");
    let mut operands: Vec<Word> = Vec::new();
    let mut into = invocation.writes.clone();
    let mut words = invocation.argv.iter().skip(1);
    while let Some(word) = words.next() {
        match word.prefix() {
            "-t" | "--target-directory" => into.extend(words.next().cloned()),
            text if text.starts_with("--target-directory=") => {
                into.extend(text.split_once('=').map(|(_, dir)| Word::literal(dir)));
            }
            text if text.starts_with("of=") => into.push(Word::literal(text.trim_start_matches("of="))),
            text if text.starts_with("if=") => operands.push(Word::literal(text.trim_start_matches("if="))),
            text if text.starts_with('-') => {}
            _ => operands.push(word.clone()),
        }
    }
    if into.is_empty() && !prints {
        // `ln -s FILE` alone makes a link of the same name here.
        into.extend(if operands.len() > 1 { operands.pop() } else { Some(Word::literal(".")) });
    }
    let mut all = Vec::new();
    for source in &operands {
        let program = match (source.as_literal(), source.basename()) {
            (Some(path), Some(name)) if path.contains('/') || !prints => match tools.canonical_name(name) {
                Some(known) => Some(known),
                None => continue,
            },
            (None, _) => None,
            _ => continue,
        };
        for path in into.iter().flat_map(|to| places(to, source, &invocation.cwd)) {
            all.push(Made { path, program });
        }
    }
    all
}

/// Where an invocation puts what it fetches.
pub(super) fn downloaded(invocation: &Invocation) -> Option<Word> {
    let name = invocation.program().and_then(Word::basename)?;
    let downloaders = classify::tools().programs.downloaders;
    let row = downloaders.iter().find(|row| behind_program(row, name).is_some())?;
    invocation.argv.iter().enumerate().skip(1).find_map(|(at, word)| {
        let text = word.prefix();
        row.split(' ').skip(1).find_map(|option| {
            let long = option.starts_with("--");
            let cluster = !long && text.starts_with('-') && !text.starts_with("--");
            match text.strip_prefix(option) {
                Some("") => invocation.argv.get(at + 1).cloned(),
                Some(rest) if long => rest.strip_prefix('=').map(Word::literal),
                Some(rest) => Some(Word::literal(rest)),
                // `-Lo FILE`
                None if cluster && text.ends_with(option.trim_start_matches('-')) => {
                    invocation.argv.get(at + 1).cloned()
                }
                None => None,
            }
        })
    })
}

/// Where a copy of `source` to `to` may lie: there, or below it under its own name.
fn places(to: &Word, source: &Word, cwd: &[Dir]) -> Vec<String> {
    let found = cwd.iter().map(|dir| dir.enter(to));
    let found: Vec<String> = found.filter_map(|dir| dir.path().map(str::to_owned)).collect();
    let below = source.basename().map(|name| found.iter().map(|dir| format!("{dir}/{name}")).collect());
    let below: Vec<String> = below.unwrap_or_default();
    found.into_iter().chain(below).collect()
}

/// What is known of an invocation's program, or where to look.
pub(super) fn of(invocation: &Invocation, made: &[Made]) -> Program {
    let Some(text) = invocation.program().and_then(Word::as_literal) else { return Program::Named };
    let Some(name) = invocation.program().and_then(Word::basename) else { return Program::Named };
    let tools = classify::tools();
    let by_path = text.contains('/');
    let path = invocation.assigned("PATH");
    let inert = tools.is_inert(name);
    if tools.canonical_name(name).is_some() || (inert && !by_path && path.is_none()) {
        return Program::Named;
    }
    let places: Vec<String> = if by_path {
        let word = Word::literal(text);
        invocation.cwd.iter().filter_map(|dir| dir.enter(&word).path().map(str::to_owned)).collect()
    } else {
        path.map(|value| on_path(value, name, &invocation.cwd)).unwrap_or_default()
    };
    let is_it = |m: &&Made| places.contains(&m.path) || (!by_path && m.path.rsplit('/').next() == Some(name));
    match made.iter().rev().find(is_it) {
        Some(Made { program: Some(program), .. }) => Program::Known(program),
        Some(Made { program: None, .. }) => Program::Computed,
        None if by_path || path.is_some() => Program::Asked(places),
        None => Program::Asked(vec![name.to_owned()]),
    }
}

/// The files a name may be in the directories of a `PATH` that the line sets.
pub(super) fn on_path(value: &Word, name: &str, cwd: &[Dir]) -> Vec<String> {
    let shown = value.display().into_owned();
    let dirs = shown.split(':').filter(|dir| !dir.contains('…')).take(MOST_DIRS);
    dirs.flat_map(|dir| {
        let file = Word::literal(format!("{}/{name}", if dir.is_empty() { "." } else { dir }));
        cwd.iter().filter_map(move |from| from.enter(&file).path().map(str::to_owned)).collect::<Vec<_>>()
    })
    .collect()
}

/// The same call of the program it really is.
pub(super) fn renamed(invocation: &Invocation, program: &'static str) -> Invocation {
    let mut call = invocation.clone();
    call.argv.splice(..1, [Word::literal(program)]);
    call
}

/// True where the text names one of our tools once quotes and backslashes are gone.
pub(super) fn mentions_tools(line: &str) -> bool {
    let bare: String = line.chars().filter(|c| !matches!(c, '\\' | '"' | '\'' | '\n' | '\r')).collect();
    let tools: Vec<&Tool> = classify::tools().tools.iter().filter(|tool| !tool.unshimmed).collect();
    let mut words = bare.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '-'));
    words.any(|word| tools.iter().any(|tool| tool.programs.contains(&word)))
}

/// True for a command whose output is made for a shell to evaluate.
pub(super) fn produces_code(invocation: &Invocation, producers: &[&str]) -> bool {
    let Some(name) = invocation.program().and_then(Word::basename) else { return false };
    producers.iter().any(|producer| {
        behind_program(producer, name).is_some_and(|words| {
            let mut words = words.split_whitespace().enumerate();
            words.all(|(at, word)| invocation.argv.get(at + 1).and_then(Word::as_literal) == Some(word))
        })
    })
}
