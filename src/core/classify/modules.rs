//! Modules of other languages that lie beside what is run: code is in them as much as in the line.

use regex_lite::Regex;

use crate::model::{Invocation, Language, Word};

/// Most modules of one text that are looked for.
const MOST: usize = 24;

/// The files that a module of this name may be.
fn files(name: &str, language: &Language) -> impl Iterator<Item = Word> {
    // Names of Python's packages have dots between their parts.
    let dotted = language.modules.iter().any(|pattern| pattern.ends_with(".py"))
        && !name.contains('/')
        && !matches!(name, "." | "..");
    let name = if dotted { name.replace('.', "/") } else { name.to_owned() };
    language.modules.iter().map(move |pattern| Word::literal(pattern.replace("{}", &name)))
}

/// What the command line names as a module, or as a folder: `-m NAME`, `node .`; behind a module, files and code are its own.
pub(super) fn named(by: &Invocation, language: &Language, found: &mut Vec<Word>, code: &mut Vec<Word>) {
    let words = || by.argv.iter().enumerate().skip(1);
    if let Some((at, _)) = words().find(|(_, word)| language.module.contains(&word.prefix())) {
        for word in by.argv.iter().skip(at + 1).filter(|word| !word.prefix().starts_with('-')) {
            match word.as_literal() {
                Some(text) if text.contains(['(', ';', ' ']) => code.push(word.clone()),
                Some(text) if text.ends_with(".py") => found.push(word.clone()),
                Some(text) if text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.')) => {
                    found.extend(files(text, language));
                }
                _ => {}
            }
        }
        return;
    }
    let folders = found.iter().filter_map(Word::as_literal).filter(|path| {
        path.rsplit('/').next().is_some_and(|name| !name.contains('.') || matches!(name, "." | ".."))
    });
    let folders: Vec<Word> = folders.flat_map(|path| files(path, language).collect::<Vec<_>>()).collect();
    found.extend(folders);
}

/// The files that a text reads as data, where it runs and beside it.
pub(super) fn read(text: &str, by: &Invocation, language: &Language) -> Vec<Word> {
    let patterns = language.data.iter().filter_map(|pattern| Regex::new(pattern).ok());
    let mut names: Vec<String> = patterns
        .flat_map(|pattern| {
            let hits =
                pattern.captures_iter(text).filter_map(|hit| hit.get(1).map(|name| name.as_str().to_owned()));
            hits.take(MOST).collect::<Vec<_>>()
        })
        .collect();
    names.truncate(MOST);
    beside(names.iter().map(Word::literal).collect(), by)
}

/// The files that a text imports, beside it and where it runs.
pub(super) fn imported(text: &str, by: &Invocation, language: &Language) -> Vec<Word> {
    if language.imports.is_empty() {
        return Vec::new();
    }
    let mut names: Vec<String> = Vec::new();
    for pattern in language.imports.iter().filter_map(|pattern| Regex::new(pattern).ok()) {
        let hits =
            pattern.captures_iter(text).filter_map(|hit| hit.get(1).map(|name| name.as_str().to_owned()));
        names.extend(hits.take(MOST));
    }
    names.truncate(MOST);
    let here = names.iter().flat_map(|name| files(name, language).collect::<Vec<_>>());
    beside(here.collect(), by)
}

/// These files, and those of their names in the folder of the script that is run.
fn beside(mut all: Vec<Word>, by: &Invocation) -> Vec<Word> {
    let script = by.argv.iter().skip(1).filter_map(Word::as_literal).find(|word| !word.starts_with('-'));
    let folder = script.and_then(|path| path.rsplit_once('/')).map(|(folder, _)| folder);
    let beside = all.iter().filter_map(Word::as_literal).zip(folder.into_iter().cycle());
    let beside: Vec<Word> = beside.map(|(name, folder)| Word::literal(format!("{folder}/{name}"))).collect();
    all.extend(beside);
    all
}
