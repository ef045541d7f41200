//! Files that a line writes and may run later, and how a script is run.

use super::program;
use crate::classify::Reader;
use crate::model::{Dir, Invocation, Word};
use crate::shell;

/// A file that the line writes, with its text where that stands in the line.
#[derive(Clone, Debug)]
pub(super) struct WrittenScript {
    pub(super) path: String,
    pub(super) text: Option<String>,
}

/// The files an invocation writes by redirection, or by `tee`.
pub(super) fn written(invocation: &Invocation) -> Vec<WrittenScript> {
    let mut into = invocation.writes.clone();
    if invocation.program().and_then(Word::basename) == Some("tee") {
        into.extend(invocation.argv.iter().skip(1).filter(|word| !word.prefix().starts_with('-')).cloned());
    }
    into.extend(program::downloaded(invocation));
    let text = shell::printed(invocation).and_then(|word| word.as_code());
    let places = into.iter().flat_map(|word| places(word, &invocation.cwd));
    places.map(|path| WrittenScript { path, text: text.clone() }).collect()
}

/// Where a file may be.
pub(super) fn places(word: &Word, cwd: &[Dir]) -> Vec<String> {
    if word.as_literal().is_none() {
        return Vec::new();
    }
    cwd.iter().filter_map(|dir| dir.enter(word).path().map(str::to_owned)).collect()
}

/// How a script is run.
#[derive(Clone, Debug)]
pub(super) struct ScriptRun {
    pub(super) arguments: Vec<Word>,
    /// Whatever text is there is run; else its first line says what it is.
    pub(super) any: bool,
    /// Who reads it.
    pub(super) reader: Reader,
    /// The host or container it runs on, if not here.
    pub(super) remote: Option<String>,
}
