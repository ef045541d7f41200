//! What a line does to files and working trees before it applies what lies there: Git was asked how they are before the line runs.

use super::applied::{applications, applied};
use super::place::places;
use super::planned::Planned;
use super::program;
use super::touch::{Touch, Touching};
use crate::classify::Write;
use crate::model::{
    Change, Dir, Effect, Facts, Invocation, Operation, Question, Span, Trait, Word, normalize, wild,
};

/// Most changes of one line that are followed; beyond them anything may have been changed.
const MOST: usize = 64;
/// Programs that make the files they are given; others change only what is there.
const MAKERS: [&str; 13] = [
    "tee",
    "touch",
    "truncate",
    "sponge",
    "dd",
    "ed",
    "ex",
    "link",
    "ln",
    "gln",
    "fallocate",
    "curl",
    "wget",
];
/// Operations of git with one of these leave HEAD and the files of the working tree as they are.
const STILL: [Trait; 5] = [Trait::Stays, Trait::Fetch, Trait::Tag, Trait::GitConfig, Trait::Remotes];
/// A name that is not known.
const SOME: &str = "…";

/// A change of files that a command of the line makes.
#[derive(Clone, Debug)]
struct Drift {
    order: usize,
    span: Span,
    /// None where it is not known what is changed.
    change: Option<Change>,
    /// False where it may leave everything as Git has it.
    sure: bool,
}

/// What the commands of a line do to files, in the order they run.
#[derive(Clone, Debug, Default)]
pub(super) struct Drifts {
    seen: usize,
    all: Vec<Drift>,
}

/// What is applied may not be what Git was asked about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Drifted {
    /// The line has changed this before.
    Surely(String),
    /// It may have.
    Perhaps(String),
}

impl Drifts {
    /// How many commands have been seen: a place in the order they run.
    pub(super) fn order(&self) -> usize {
        self.seen
    }

    /// Takes the next command into account.
    pub(super) fn see(&mut self, touching: &Touching<'_>) {
        let invocation = touching.by;
        self.seen += 1;
        for word in &invocation.writes {
            self.file(word, invocation, Change::Written);
        }
        let name = invocation.program().and_then(Word::basename).unwrap_or_default();
        if let Some(file) = program::downloaded(invocation) {
            self.file(&file, invocation, Change::Written);
        }
        let makes = MAKERS.contains(&name);
        let mut touched = false;
        for touch in touching.by_program() {
            touched = true;
            match touch {
                Touch::Writes { word, .. } if makes => self.file(word, invocation, Change::Written),
                Touch::Writes { word, .. } => self.file(word, invocation, Change::Changed),
                Touch::Searched { folder, names } if names.is_empty() => {
                    self.file(folder, invocation, Change::Changed);
                }
                Touch::Searched { folder, names } => {
                    for name in names {
                        let found = |folder: String| Change::Changed(format!("{folder}/*{name}"));
                        self.file(folder, invocation, found);
                    }
                }
                Touch::Brings { into, from, whole } => {
                    for source in from {
                        let name = source
                            .word
                            .as_literal()
                            .and_then(|text| text.trim_end_matches('/').rsplit('/').next());
                        let name = name.unwrap_or(SOME);
                        self.file(into, invocation, |place| Change::Written(format!("{place}/{name}")));
                        if source.spills {
                            self.file(into, invocation, Change::Filled);
                        } else if *whole {
                            self.file(into, invocation, |place| Change::Filled(format!("{place}/{name}")));
                        }
                    }
                    self.file(into, invocation, Change::Written);
                }
                // What others do in a container is not of the line.
                Touch::Exposes { .. } => {}
                Touch::Unpacks { into, members } if members.is_empty() => {
                    self.file(into, invocation, Change::Filled);
                }
                Touch::Unpacks { into, members } => {
                    for member in members {
                        let member = member.display().into_owned();
                        self.file(into, invocation, |place| Change::Written(format!("{place}/{member}")));
                    }
                }
            }
        }
        // The files stand in what it reads.
        if name == "patch" && !touched {
            self.file(&Word::literal("."), invocation, Change::Filled);
        }
    }

    /// Takes files into account that code of another language, or a patch, writes.
    pub(super) fn written(&mut self, files: &[Write], by: &Invocation) {
        for Write { file, .. } in files.iter().filter(|write| !write.named) {
            self.file(file, by, Change::Written);
        }
    }

    /// Takes what git does to working trees into account.
    pub(super) fn operation(&mut self, operation: &Operation) {
        let moves = operation.effect == Effect::GitWrite
            || (operation.tool == "git" && operation.effect == Effect::Unknown);
        if !moves || operation.traits.iter().any(|t| STILL.contains(t)) {
            return;
        }
        let dirs = &operation.target.repository.dirs;
        for dir in if dirs.is_empty() { &operation.cwd } else { dirs } {
            self.add(operation.span, dir.path().map(|path| Change::WorkTree(path.to_owned())), false);
        }
    }

    /// A word that names files of which one thing becomes.
    fn file(&mut self, word: &Word, by: &Invocation, change: impl Fn(String) -> Change) {
        if word.prefix().starts_with("/dev/") {
            return;
        }
        let known = by.cwd.iter().all(|dir| *dir != Dir::Unknown) || word.prefix().starts_with('/');
        let mut at = |folder: &str, name: &str, make: &dyn Fn(String) -> Change, sure: bool| {
            for place in places(&Word::literal(folder), &by.cwd) {
                let change = make(normalize(&format!("{place}/{name}")));
                let sure = sure && !matches!(change, Change::Filled(_));
                self.add(by.span, Some(change), sure);
            }
        };
        if word.as_literal().is_some() && known {
            at(word.prefix(), "", &change, true);
        } else if let Some((folder, head, tail)) = wild(word).filter(|_| known) {
            at(folder, &format!("{head}*{tail}"), &Change::Changed, true);
        } else if known && !word.prefix().is_empty() {
            // What of the name is computed stays in its folder.
            let folder = word.prefix().rsplit_once('/').map_or(".", |(folder, _)| folder);
            at(if folder.is_empty() { "/" } else { folder }, SOME, &Change::Written, false);
        } else {
            self.add(by.span, None, false);
        }
    }

    fn add(&mut self, span: Span, change: Option<Change>, sure: bool) {
        let full = self.all.len() >= MOST;
        if self.all.len() > MOST || self.all.iter().any(|drift| drift.change == change && drift.span == span)
        {
            return;
        }
        let change = change.filter(|_| !full);
        self.all.push(Drift { order: self.seen, span, sure: sure && !full, change });
    }

    /// What has to be known of the changes where one of these operations applies something.
    pub(super) fn questions<'o>(
        &self,
        operations: impl Iterator<Item = &'o Operation> + Clone,
    ) -> Vec<Question> {
        let applies = |o: &Operation| matches!(o.effect, Effect::Provision | Effect::ClusterWrite);
        if self.all.is_empty() || !operations.clone().any(applies) {
            return Vec::new();
        }
        let paths = operations.flat_map(|operation| [applied(operation), applications(operation)].concat());
        let changes = || self.all.iter().filter_map(|drift| drift.change.clone());
        paths
            .flat_map(|applied| {
                changes().map(move |change| Question::Drift { change, applied: applied.clone() })
            })
            .collect()
    }

    /// The first of these files that the line writes before an operation, or may.
    pub(super) fn written_before(&self, planned: &Planned, files: &[String]) -> Option<String> {
        let earlier = self
            .all
            .iter()
            .filter(|drift| drift.order < planned.order || drift.span.end <= planned.operation.span.start);
        let mut changes = earlier.filter_map(|drift| drift.change.as_ref());
        changes.find_map(|change| match change {
            Change::WorkTree(_) => None,
            change => files.iter().find(|file| change.may_touch(file)).cloned(),
        })
    }

    /// What the line has done to these files and folders before an operation applies them.
    pub(super) fn before(&self, planned: &Planned, applied: &[String], facts: &Facts) -> Option<Drifted> {
        let own: Vec<String> =
            planned.invocation.writes.iter().flat_map(|word| places(word, &planned.invocation.cwd)).collect();
        let touches = |drift: &&Drift| {
            let earlier = drift.order < planned.order || drift.span.end <= planned.operation.span.start;
            earlier
                && match &drift.change {
                    // Where its own output goes, with the program that runs it.
                    Some(Change::Written(path)) if own.contains(path) => false,
                    Some(change) => applied.iter().any(|path| facts.drifts(change, path)),
                    None => !applied.is_empty(),
                }
        };
        let found: Vec<&Drift> = self.all.iter().filter(touches).collect();
        let worst = found.iter().find(|drift| drift.sure).or(found.first())?;
        let place = worst
            .change
            .as_ref()
            .map_or("files whose names are computed at run time", Change::place)
            .to_owned();
        Some(if worst.sure { Drifted::Surely(place) } else { Drifted::Perhaps(place) })
    }
}
