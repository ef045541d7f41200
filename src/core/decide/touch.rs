//! What an invocation does to files: those it writes, those that arrive in a folder, and what it unpacks there.

use super::place::mounted;
use super::taken;
use crate::classify;
use crate::model::{Dir, Invocation, Word, behind_program};

/// Something done to files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// A file is written; where `whole`, all below it.
    Writes { word: Word, whole: bool },
    /// Of what is below a folder, entries of one of these names; all where there is none.
    Searched { folder: Word, names: Vec<String> },
    /// Files arrive at this place: as it, or in it where it is a folder.
    Brings { into: Word, from: Vec<CopySource>, whole: bool },
    /// A folder may be written to by others, under another name.
    Exposes { folder: Word },
    /// What another file holds arrives in this folder: these members of it, or all.
    Unpacks { into: Word, members: Vec<Word> },
}

/// Something that is copied, moved or linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CopySource {
    pub(super) word: Word,
    /// What is in it arrives, without its own name.
    pub(super) spills: bool,
}

/// The folders that a link may lead to. What a symbolic one says is meant from where it lies: in the folder that is named, or beside it.
fn leads_to(said: &Word, link: Option<&Word>) -> Vec<Touch> {
    let exposes = |folder: Word| Touch::Exposes { folder };
    let relative = said.as_literal().filter(|text| !text.starts_with(['/', '~']));
    let (Some(text), Some(link)) = (relative, link.and_then(Word::as_literal)) else {
        return vec![exposes(said.clone())];
    };
    let beside = link.rsplit_once('/').map_or(".", |(folder, _)| folder);
    [link, beside].iter().map(|folder| exposes(Word::literal(format!("{folder}/{text}")))).collect()
}

/// An invocation, and what it does to files.
#[derive(Debug)]
pub(super) struct Touching<'a> {
    pub(super) by: &'a Invocation,
    pub(super) all: Vec<Touch>,
}

impl<'a> Touching<'a> {
    /// True where a file is only added to by what stands at this place.
    pub(super) fn adds(&self, at: usize) -> bool {
        let words = self.by.argv.iter().skip(1);
        let call = |name| ProgramCall { name, words: words.collect(), cwd: &self.by.cwd };
        match self.by.program().and_then(Word::basename) {
            _ if at < self.by.writes.len() => !self.by.replaces,
            Some("tee") => {
                let call = call("tee");
                call.flag(&['a']) || call.long("--append")
            }
            _ => false,
        }
    }

    pub(super) fn of(by: &'a Invocation) -> Self {
        Self { by, all: touches(by) }
    }

    /// What the program itself does: all but the shell's redirections.
    pub(super) fn by_program(&self) -> impl Iterator<Item = &Touch> {
        self.all.iter().skip(self.by.writes.len())
    }
}

/// What an invocation does to files, redirections first.
fn touches(invocation: &Invocation) -> Vec<Touch> {
    let name = invocation.program().and_then(Word::basename).unwrap_or_default();
    let call = ProgramCall { name, words: invocation.argv.iter().skip(1).collect(), cwd: &invocation.cwd };
    let written = invocation.writes.iter().map(|word| Touch::Writes { word: word.clone(), whole: false });
    let mut all: Vec<Touch> = written.collect();
    all.extend(call.changed());
    all.extend(call.outputs());
    all.extend(call.unpacks());
    all.extend(call.mounts());
    all
}

/// What an invocation that searches finds; `home` is where one that looks for contents has to look to find files of the guard's.
pub(super) fn search(invocation: &Invocation, home: &str) -> Option<Vec<Touch>> {
    let name = invocation.program().and_then(Word::basename).unwrap_or_default();
    let call = ProgramCall { name, words: invocation.argv.iter().skip(1).collect(), cwd: &invocation.cwd };
    match name {
        "find" | "gfind" => Some(call.found()),
        "grep" | "egrep" | "fgrep" | "rg" | "ag" => {
            let recursive = matches!(name, "rg" | "ag") || call.flag(&['r', 'R']) || call.long("--recursive");
            let lists = call.flag(&['l', 'L']) || call.long("--files");
            let above = |word: &Word| {
                let path = word.as_literal().map(|text| text.trim_end_matches('/'));
                path.is_some_and(|path| {
                    path == home || home.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
                })
            };
            let folders = call.operands().into_iter().skip(1).filter(above);
            let found: Vec<Touch> =
                folders.map(|folder| Touch::Searched { folder, names: Vec::new() }).collect();
            (recursive && lists && !found.is_empty()).then_some(found)
        }
        _ => None,
    }
}

/// A call of a program by its name and words.
pub(super) struct ProgramCall<'a> {
    pub(super) name: &'a str,
    pub(super) words: Vec<&'a Word>,
    pub(super) cwd: &'a [Dir],
}

impl ProgramCall<'_> {
    /// A cluster of short options has one of these letters.
    pub(super) fn flag(&self, letters: &[char]) -> bool {
        self.words.iter().any(|w| {
            let text = w.prefix();
            text.starts_with('-') && !text.starts_with("--") && text.contains(letters)
        })
    }

    pub(super) fn long(&self, name: &str) -> bool {
        self.words.iter().any(|w| w.prefix().starts_with(name))
    }

    pub(super) fn operands(&self) -> Vec<Word> {
        self.words.iter().filter(|w| !w.prefix().starts_with('-')).map(|w| (*w).clone()).collect()
    }

    /// The operands that a program changes.
    fn changed(&self) -> Vec<Touch> {
        let tables = classify::tools();
        let writes = |word: Word| Touch::Writes { word, whole: false };
        let name = self.name;
        if matches!(name, "find" | "gfind") {
            return self.searched();
        }
        if matches!(name, "fd" | "fdfind") {
            return self.looked_for();
        }
        if name == "dd" {
            let of = self.words.iter().filter_map(|w| w.prefix().strip_prefix("of=").map(Word::literal));
            return of.map(writes).collect();
        }
        if name == "git" {
            let taken = taken::by_git(&self.words, self.cwd).into_iter();
            return taken.map(|(word, whole)| Touch::Writes { word, whole }).collect();
        }
        let operands = self.operands();
        if tables.programs.in_place.contains(&name) {
            return if self.edits() { operands.into_iter().map(writes).collect() } else { Vec::new() };
        }
        if tables.programs.compressors.contains(&name) {
            let keeps = self.flag(&['c', 'k', 'l', 't']) || self.long("--stdout") || self.long("--keep");
            return if keeps { Vec::new() } else { operands.into_iter().map(writes).collect() };
        }
        if tables.programs.editors.contains(&name) {
            let saves = self.words.iter().any(|word| {
                let command = word.prefix().trim_start_matches(['+', ':', ' ']);
                ["w", "wq", "wa", "wqa", "x", "xa", "up", "update", "ZZ"]
                    .contains(&command.trim_end_matches(['!', 'l']))
            });
            return if saves { operands.into_iter().map(writes).collect() } else { Vec::new() };
        }
        if let Some(rest) = tables.programs.movers.iter().find_map(|entry| self.behind(entry)) {
            return self.moved(rest);
        }
        let brings = tables.programs.writers.contains(&name) || matches!(name, "mv" | "gmv" | "ln" | "gln");
        if brings {
            return self.brought();
        }
        if !tables.programs.changers.contains(&name) {
            return Vec::new();
        }
        let whole = self.flag(&['r', 'R']) || self.long("--recursive");
        operands.into_iter().map(|word| Touch::Writes { word, whole }).collect()
    }

    /// What is copied, moved or linked, and where to: the last operand, or what `-t` names.
    fn brought(&self) -> Vec<Touch> {
        let moves = matches!(self.name, "mv" | "gmv");
        let links = matches!(self.name, "ln" | "gln");
        let whole = moves
            || links
            || self.flag(&['r', 'R', 'a', 'd'])
            || self.long("--recursive")
            || self.long("--archive");
        let exact = self.flag(&['T']) || self.long("--no-target-directory");
        let target = self.target();
        let mut from = self.operands();
        from.retain(|word| target.as_ref() != Some(word));
        let into = match target {
            Some(folder) => Some(folder),
            None if links && from.len() == 1 => Some(Word::literal(".")),
            None => from.pop(),
        };
        let mut all = Vec::new();
        // A link is another name of what it leads to, and so is a copy that is one.
        let linked = matches!(self.name, "cp" | "gcp")
            && (self.flag(&['l', 's']) || self.long("--link") || self.long("--symbolic-link"));
        if linked {
            all.extend(from.iter().map(|word| Touch::Writes { word: word.clone(), whole }));
        }
        if moves || links {
            // What is moved goes whole.
            all.extend(from.iter().map(|word| Touch::Writes { word: word.clone(), whole: moves }));
        }
        if links {
            let within = into.as_ref().filter(|_| self.flag(&['s']) || self.long("--symbolic"));
            all.extend(from.iter().flat_map(|word| leads_to(word, within)));
        }
        if links && (self.flag(&['n', 'T']) || self.long("--no-dereference")) {
            all.extend(into.clone().map(|word| Touch::Writes { word, whole: true }));
        }
        if self.long("--remove-source-files") {
            all.extend(from.iter().map(|word| Touch::Writes { word: word.clone(), whole }));
        }
        let Some(into) = into else { return all };
        if self.long("--del") {
            all.push(Touch::Writes { word: into.clone(), whole: true });
        }
        all.extend(self.scattered(&from, &into));
        let (rsync, stow) = (self.name == "rsync", self.name == "stow");
        let sources = from.into_iter().map(|word| {
            let text = word.as_literal().unwrap_or_default();
            let spills = exact
                || stow
                || matches!(text, "." | "..")
                || text.ends_with("/.")
                || (rsync && text.ends_with('/'));
            CopySource { word, spills }
        });
        all.push(Touch::Brings { into, from: sources.collect(), whole });
        all
    }

    /// True where the call changes its files in place.
    fn edits(&self) -> bool {
        match self.name {
            "awk" | "gawk" => {
                self.words.iter().any(|w| matches!(w.as_literal(), Some("inplace" | "-iinplace")))
            }
            // `-Mstrict` is none.
            "perl" | "ruby" => self.words.iter().any(|w| {
                let cluster = w.prefix().strip_prefix('-').unwrap_or_default();
                let letters = cluster.split(['M', 'I', 'm', 'e', 'E', 'r']).next().unwrap_or_default();
                !cluster.starts_with('-') && letters.contains('i')
            }),
            _ => self.flag(&['i']) || self.long("--in-place"),
        }
    }

    /// What options say a program writes: files, and files in folders.
    fn outputs(&self) -> Vec<Touch> {
        let tables = classify::tools();
        let archives = tables.programs.unpackers.contains(&self.name);
        let into = !archives || self.extracts();
        let mut files = if archives && into { Vec::new() } else { self.named(&self.output_files()) };
        let folders = if into { self.named(&tables.programs.output_folders) } else { Vec::new() };
        files.extend(self.downloads());
        let folders = folders.into_iter().flat_map(|folder| {
            let inside = |file: &str| folder.as_literal().map(|path| Word::literal(format!("{path}/{file}")));
            let known = [inside("settings.json"), inside("envs.json")];
            known.into_iter().flatten().chain([folder.clone()]).collect::<Vec<_>>()
        });
        let written = files.into_iter().chain(folders).map(|word| Touch::Writes { word, whole: false });
        // What goes into an archive may be taken away.
        let taken = (archives && self.long("--remove-files")) || (self.name == "zip" && self.flag(&['m']));
        let taken = if taken { self.operands() } else { Vec::new() };
        written.chain(taken.into_iter().map(|word| Touch::Writes { word, whole: true })).collect()
    }

    /// The options that name a file which is written: of some programs, `-o` names a format.
    fn output_files(&self) -> Vec<&'static str> {
        let programs = &classify::tools().programs;
        let formats = programs.output_formats.contains(&self.name);
        let file = |option: &&str| !formats || !matches!(*option, "-o" | "-O" | "--output");
        programs.output_files.iter().copied().filter(file).collect()
    }

    /// Files that take the name they have where they come from.
    fn downloads(&self) -> Vec<Word> {
        let remote = match self.name {
            "curl" => self.flag(&['O']) || self.long("--remote-name"),
            "wget" => !self.flag(&['O']) && !self.long("--output-document"),
            _ => false,
        };
        if !remote {
            return Vec::new();
        }
        let folder = self.named(&["curl --output-dir", "wget -P", "wget --directory-prefix"]).pop();
        let urls = self.operands().into_iter().filter(|word| word.prefix().contains("://"));
        let names = urls.filter_map(|url| {
            url.basename().map(|name| name.split(['?', '#']).next().unwrap_or_default().to_owned())
        });
        let place = |name: String| match folder.as_ref().and_then(Word::as_literal) {
            Some(folder) => Word::literal(format!("{folder}/{name}")),
            None => Word::literal(name),
        };
        names.filter(|name| !name.is_empty()).map(place).collect()
    }

    /// The values of options, some of which only one program has.
    pub(super) fn named(&self, options: &[&str]) -> Vec<Word> {
        let mut all = Vec::new();
        let given: Vec<(usize, &&Word)> =
            self.words.iter().enumerate().filter(|(_, word)| word.prefix().starts_with('-')).collect();
        if given.is_empty() {
            return all;
        }
        for entry in options {
            let own = if entry.starts_with('-') { Some(*entry) } else { behind_program(entry, self.name) };
            let Some(option) = own else { continue };
            for (at, word) in given.iter().copied() {
                let behind = word.prefix().strip_prefix(option);
                if word.as_literal() == Some(option) {
                    all.extend(self.words.get(at + 1).map(|value| (*value).clone()));
                } else if let Some(value) = behind.filter(|_| !option.starts_with("--")) {
                    all.push(Word::literal(value.trim_start_matches('=')));
                } else if let Some(value) = behind.and_then(|rest| rest.strip_prefix('=')) {
                    all.push(Word::literal(value));
                }
            }
        }
        all
    }

    /// The folders in which `fd` has files changed, and the names it looks for.
    fn looked_for(&self) -> Vec<Touch> {
        let tables = classify::tools();
        let runs = |word: &&Word| matches!(word.as_literal(), Some("-x" | "-X" | "--exec" | "--exec-batch"));
        let Some(at) = self.words.iter().position(runs) else { return Vec::new() };
        let program = self.words.get(at + 1).and_then(|word| word.basename()).unwrap_or_default();
        let changes = [tables.programs.changers, tables.programs.writers, tables.programs.in_place]
            .iter()
            .any(|names| names.contains(&program));
        let operands = self.words.iter().take(at).filter(|word| !word.prefix().starts_with('-'));
        let mut operands = operands.map(|word| (*word).clone());
        let name =
            operands.next().and_then(|word| word.as_literal().map(|text| text.replace(['\\', '^', '$'], "")));
        let names: Vec<String> = name.map(|name| format!("*{name}*")).into_iter().collect();
        let mut folders: Vec<Word> = operands.collect();
        if folders.is_empty() {
            folders.push(Word::literal("."));
        }
        folders.retain(|_| changes);
        folders.into_iter().map(|folder| Touch::Searched { folder, names: names.clone() }).collect()
    }

    /// The words behind those of an entry (`docker cp`), where this is such a call.
    fn behind(&self, entry: &str) -> Option<&[&Word]> {
        let verbs = behind_program(entry, self.name)?;
        let mut rest = self.words.as_slice();
        for verb in verbs.split_whitespace() {
            let at = rest.iter().position(|word| word.as_literal() == Some(verb))?;
            rest = rest.get(at + 1..)?;
        }
        Some(rest)
    }

    /// What is copied from elsewhere to a place here: the last operand, if it names no other machine.
    fn moved(&self, rest: &[&Word]) -> Vec<Touch> {
        let option = |at: usize| rest.get(at).is_some_and(|word| word.prefix().starts_with('-'));
        let operands = |valued: bool| -> Vec<Word> {
            let all = rest.iter().enumerate().filter(|(at, _)| !option(*at));
            let all = all.filter(|(at, _)| valued || !at.checked_sub(1).is_some_and(option));
            all.map(|(_, word)| (*word).clone()).collect()
        };
        let plain = operands(false);
        let mut from = if plain.len() > 1 { plain } else { operands(true) };
        let Some(into) = from.pop().filter(|word| !from.is_empty() && !word.prefix().contains(':')) else {
            return Vec::new();
        };
        let synchronizes = self.words.iter().any(|word| matches!(word.as_literal(), Some("rsync" | "sync")));
        let whole = synchronizes || self.flag(&['r', 'R', 'a']) || self.long("--recursive");
        let folder = into.clone();
        let from = from.into_iter().map(|word| CopySource { word, spills: synchronizes }).collect();
        let exposes = synchronizes.then_some(Touch::Exposes { folder });
        exposes.into_iter().chain([Touch::Brings { into, from, whole }]).collect()
    }

    /// Folders that a container may write to.
    fn mounts(&self) -> Vec<Touch> {
        let values = self.named(&classify::tools().programs.mounts).into_iter();
        values.filter_map(|value| mounted(&value)).map(|folder| Touch::Exposes { folder }).collect()
    }

    /// The folders in which `find` has files changed.
    fn searched(&self) -> Vec<Touch> {
        let tables = classify::tools();
        let text = |at: usize| self.words.get(at).and_then(|w| w.as_literal()).unwrap_or_default();
        let changes = |at: usize| match text(at) {
            "-delete" => true,
            "-exec" | "-execdir" | "-ok" | "-okdir" => {
                let program = self.words.get(at + 1).and_then(|w| w.basename()).unwrap_or_default();
                [tables.programs.changers, tables.programs.writers, tables.programs.in_place]
                    .iter()
                    .any(|names| names.contains(&program))
            }
            _ => false,
        };
        if (0..self.words.len()).any(changes) { self.found() } else { Vec::new() }
    }

    /// Where `find` looks, and for which names.
    fn found(&self) -> Vec<Touch> {
        let text = |at: usize| self.words.get(at).and_then(|w| w.as_literal()).unwrap_or_default();
        // Of a pattern that is computed, or not quoted, what is certain of it.
        let pattern = |w: &&Word| {
            w.as_literal().map_or_else(|| format!("{}*{}", w.prefix(), w.suffix()), str::to_owned)
        };
        let at = |at: usize| self.words.get(at + 1).map(pattern);
        let names: Vec<String> =
            (0..self.words.len()).filter(|i| matches!(text(*i), "-name" | "-iname")).filter_map(at).collect();
        let folders = self.words.iter().skip_while(|w| w.prefix().starts_with('-'));
        let folders = folders.take_while(|w| !w.prefix().starts_with(['-', '(', '!']));
        let mut folders: Vec<Word> = folders.map(|word| (*word).clone()).collect();
        if folders.is_empty() {
            folders.push(Word::literal("."));
        }
        folders.into_iter().map(|folder| Touch::Searched { folder, names: names.clone() }).collect()
    }

    /// What `-t FOLDER` and `--target-directory=FOLDER` name.
    fn target(&self) -> Option<Word> {
        if self.name == "rsync" || self.name == "scp" {
            return None;
        }
        let at = self.words.iter().position(|w| matches!(w.prefix(), "-t" | "--target-directory"));
        let behind = at.and_then(|at| self.words.get(at + 1)).map(|w| (*w).clone());
        let attached =
            self.words.iter().find_map(|w| w.prefix().strip_prefix("--target-directory=").map(Word::literal));
        behind.or(attached)
    }
}
