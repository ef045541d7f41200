//! Files that a line writes and may run later, and how a script is run.

use super::program;
use super::touch::{Touch, Touching};
use crate::classify::{self, Reader};
use crate::model::{Dir, Invocation, Part, Stdin, Word, glob};
use crate::shell;

/// These leave the text of the files they are given as it is.
const SPARES: [&str; 12] =
    ["chmod", "chown", "chgrp", "touch", "rm", "rmdir", "unlink", "mv", "gmv", "ln", "gln", "chattr"];
/// These write what they read.
const COPIES_INPUT: [&str; 3] = ["tee", "dd", "sponge"];
/// Verbs of git that bring other files into a working tree.
const BRINGS: [&str; 16] = [
    "checkout",
    "switch",
    "restore",
    "reset",
    "merge",
    "pull",
    "rebase",
    "cherry-pick",
    "apply",
    "am",
    "stash",
    "revert",
    "clone",
    "worktree",
    "submodule",
    "archive",
];

/// A file that the line writes, or a folder that it fills.
#[derive(Clone, Debug)]
pub(super) struct WrittenScript {
    path: String,
    /// The pieces of its name.
    word: Vec<Part>,
    pub(super) content: WrittenContent,
}

/// What is in a file that the line writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WrittenContent {
    /// This text.
    Text(String),
    /// The output of another program.
    Printed,
    /// What lies at one of these places.
    Of(Vec<String>),
    /// Something else than what lies there now.
    Changed,
    /// What lies there now, edited in place by these words.
    Edited(String),
    /// In this folder, files that were not there.
    Filled,
}

impl WrittenScript {
    /// What it says of a file at one of these places; of a copy, where the original is.
    pub(super) fn says(&self, places: &[String]) -> Option<WrittenContent> {
        let below = |path: &String| {
            let folder = self.path.trim_end_matches('/');
            path.strip_prefix(folder).filter(|rest| rest.starts_with('/')).map(str::to_owned)
        };
        let same = |path: &&String| **path == self.path || (path.contains('*') && glob(path, &self.path));
        if self.content == WrittenContent::Filled {
            return places.iter().any(|path| below(path).is_some()).then_some(WrittenContent::Filled);
        }
        if places.iter().any(|path| same(&path)) {
            return Some(self.content.clone());
        }
        let WrittenContent::Of(from) = &self.content else { return None };
        let rest = places.iter().find_map(below)?;
        Some(WrittenContent::Of(from.iter().map(|folder| format!("{folder}{rest}")).collect()))
    }

    /// Where it is; empty where that is computed.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// True where its name is computed as this word is.
    pub(super) fn is_computed_as(&self, word: &Word) -> bool {
        self.path.is_empty() && self.word == word.parts()
    }
}

/// The files an invocation writes, as far as they may be scripts.
pub(super) fn written(touching: &Touching<'_>) -> Vec<WrittenScript> {
    let invocation = touching.by;
    let name = invocation.program().and_then(Word::basename).unwrap_or_default();
    let mut into = invocation.writes.clone();
    if name == "tee" {
        into.extend(invocation.argv.iter().skip(1).filter(|word| !word.prefix().starts_with('-')).cloned());
    }
    into.extend(program::downloaded(invocation));
    let printed = shell::printed(invocation).and_then(|word| word.as_code());
    let printed = printed.map_or(WrittenContent::Printed, WrittenContent::Text);
    let mut all: Vec<WrittenScript> =
        into.iter().flat_map(|word| at(word, &invocation.cwd, &printed)).collect();
    let input = match &invocation.stdin {
        Stdin::Text(text) => WrittenContent::Text(text.to_string()),
        _ => WrittenContent::Changed,
    };
    for touch in touching.by_program() {
        match touch {
            Touch::Writes { word, .. } if COPIES_INPUT.contains(&name) => {
                all.extend(at(word, &invocation.cwd, &input));
            }
            Touch::Writes { word, .. } if !SPARES.contains(&name) => {
                all.extend(at(word, &invocation.cwd, &edited(invocation, name)));
                // What was packed is there without its ending.
                let bare = word.as_literal().and_then(|text| text.rsplit_once('.')).map(|(bare, _)| bare);
                let packs = classify::tools().programs.compressors.contains(&name);
                let bare = bare.filter(|_| packs).map(Word::literal);
                all.extend(bare.iter().flat_map(|word| at(word, &invocation.cwd, &WrittenContent::Changed)));
            }
            Touch::Brings { into, from, .. } => {
                for source in from {
                    let content = match source.word.as_literal() {
                        Some("/dev/stdin" | "-") => input.clone(),
                        _ => WrittenContent::Of(places(&source.word, &invocation.cwd)),
                    };
                    let name = source.word.basename().filter(|name| !name.is_empty() && !source.spills);
                    let below = name
                        .zip(into.as_literal())
                        .map(|(name, into)| Word::literal(format!("{into}/{name}")));
                    all.extend(at(into, &invocation.cwd, &content));
                    all.extend(below.iter().flat_map(|word| at(word, &invocation.cwd, &content)));
                }
            }
            Touch::Unpacks { into, .. } => all.extend(at(into, &invocation.cwd, &WrittenContent::Filled)),
            _ => {}
        }
    }
    let patches = name == "patch" || classify::tools().programs.patchers.contains(&name);
    let brings = name == "git" && invocation.argv.iter().any(|word| BRINGS.contains(&word.prefix()));
    if patches || brings {
        all.push(WrittenScript { path: "/".to_owned(), word: Vec::new(), content: WrittenContent::Filled });
    }
    all
}

/// What an editor leaves behind; of `sed` it is known what it puts in, where none of its words is computed.
fn edited(invocation: &Invocation, name: &str) -> WrittenContent {
    let words = || invocation.argv.iter().skip(1).map(Word::as_literal).collect::<Option<Vec<&str>>>();
    let from_file =
        |words: &[&str]| words.iter().any(|word| word.starts_with("-f") || word.starts_with("--file"));
    match words().filter(|words| matches!(name, "sed" | "gsed") && !from_file(words)) {
        Some(words) => WrittenContent::Edited(words.join(" ")),
        None => WrittenContent::Changed,
    }
}

/// The places a word names, with what is there.
fn at(word: &Word, cwd: &[Dir], content: &WrittenContent) -> Vec<WrittenScript> {
    let one = |path: String| WrittenScript { path, word: word.parts().to_vec(), content: content.clone() };
    if word.as_literal().is_none() {
        return vec![one(String::new())];
    }
    places(word, cwd).into_iter().map(one).collect()
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
    /// The line puts something else there before it runs.
    pub(super) changed: bool,
    /// All it does there is to edit it, by these words.
    pub(super) edits: Option<String>,
    /// What it is called by, where it is a shell's.
    pub(super) zero: Option<Word>,
    /// It is looked for by its name alone, and may be any program.
    pub(super) searched: bool,
}
