//! Scripts on disk that a line runs: their files are asked for, and their text is judged like code that stands in the line.
//! Of what stays computed in a shell's nothing is said: that is the everyday of scripts, and the shims see what comes of it.

use super::nested::analyze_carried;
use super::plan::{DEEPEST, PendingInvocation, Plan};
use super::program;
use super::written::{ScriptRun, WrittenContent, WrittenScript, places};
use crate::classify::{self, Reader};
use crate::model::{
    Assigned, Effect, Facts, Invocation, Opaque, OpaqueKind, Runner, Script, Span, Stdin, Tool, Word,
    WrapperStyle, files_named,
};

/// Most scripts of one line that are read.
const MOST: usize = 64;
/// Folders of programs that come with the system: what they run is no business of the line's.
const SYSTEM: [&str; 8] = ["/usr/", "/bin/", "/sbin/", "/lib/", "/opt/", "/nix/", "/snap/", "/etc/"];

/// Folders of a home directory that are on most people's `PATH`.
const OWN_BIN: [&str; 2] = [".local/bin", "bin"];

impl Plan {
    /// A file whose text a shell, or another language, runs. Elsewhere only what is sent there from here can be read.
    pub(super) fn sourced(
        &mut self,
        path: &Word,
        (arguments, reader): (Vec<Word>, Reader),
        (by, remote): (&Invocation, Option<&str>),
        depth: usize,
    ) {
        if remote.is_some() && by.stdin != Stdin::File(path.clone()) {
            return;
        }
        let own = path.as_literal().and_then(|text| text.strip_prefix("~/"));
        let own = own.map(|rest| Word::literal(format!("{}/{rest}", self.context.home)));
        let path = own.as_ref().unwrap_or(path);
        let mut places = files_named(path, &by.cwd);
        // Shells look for a bare name where programs are, too.
        let bare = path.as_literal().filter(|text| !text.contains('/') && !text.is_empty());
        if let Some(name) = bare.filter(|_| reader == Reader::Shell && by.argv.contains(path)) {
            places.extend(self.on_path(name, by));
        }
        let remote = remote.map(str::to_owned);
        let zero = Some(path.clone());
        let run = ScriptRun {
            arguments,
            any: true,
            reader,
            remote,
            changed: false,
            edits: None,
            searched: false,
            zero,
        };
        self.run((path, places), run, by, depth);
    }

    /// A program that is none that we know: it may be a script.
    pub(super) fn executed(&mut self, by: &Invocation, depth: usize) {
        let Some(word) = by.program() else { return };
        let by_path = word.as_literal().is_none_or(|text| text.contains('/'));
        let name = word.basename().unwrap_or_default();
        let tools = classify::tools();
        let known = tools.language(name).is_some() || tools.runner(name).is_some();
        let mut places = match by_path {
            true => files_named(word, &by.cwd),
            false if known || name.is_empty() => Vec::new(),
            false => self.on_path(name, by),
        };
        places.retain(|path| !SYSTEM.iter().any(|folder| path.starts_with(folder)));
        let arguments = by.argv.get(1..).unwrap_or_default().to_vec();
        // A launcher takes a file by its ending (`uv run x.py`).
        let by_ending = name.rsplit_once('.').and_then(|(_, ending)| reader_of(ending)).filter(|_| !by_path);
        if by_ending.is_some() {
            places.extend(self::places(word, &by.cwd));
        }
        let (any, reader) = (by_ending.is_some(), by_ending.unwrap_or(Reader::Shell));
        let (searched, zero) = (!by_path, Some(word.clone()));
        let run =
            ScriptRun { arguments, any, reader, remote: None, changed: false, edits: None, searched, zero };
        self.run((word, places), run, by, depth);
    }

    /// Where a program of this name may lie that somebody wrote: what comes with the system is no business of the line's.
    fn on_path(&self, name: &str, by: &Invocation) -> Vec<String> {
        let own = OWN_BIN.iter().map(|folder| format!("{}/{folder}/{name}", self.context.home));
        let set = by.assigned("PATH").map(|value| program::on_path(value, name, &by.cwd)).unwrap_or_default();
        set.into_iter().chain(own).collect()
    }

    pub(super) fn run(
        &mut self,
        (word, places): (&Word, Vec<String>),
        mut run: ScriptRun,
        by: &Invocation,
        depth: usize,
    ) {
        if places.is_empty() {
            let made = self.written.iter().rev().find(|written| written.is_computed_as(word));
            if let Some(WrittenContent::Text(text)) = made.map(|written| written.content.clone()) {
                self.text(&text, run, by, depth);
            }
            return;
        }
        // What is known of the file itself counts more than what comes into its folder.
        let said = |filled: bool| {
            let mut all =
                self.written.iter().rev().filter(|w| (w.content == WrittenContent::Filled) == filled);
            all.find_map(|written| written.says(&places))
        };
        match said(false).or_else(|| said(true)) {
            Some(WrittenContent::Text(text)) => {
                if matches!(by.program().and_then(Word::basename), Some("source" | ".")) {
                    self.made_sources.extend(places.iter().map(|path| (path.clone(), text.clone())));
                }
                return self.text(&text, run, by, depth);
            }
            Some(WrittenContent::Printed) => {
                let what = "the output of another program is run as a script".to_owned();
                return self.unknown(Opaque { kind: OpaqueKind::Fed, span: by.span, what, invocation: None });
            }
            Some(WrittenContent::Of(from)) if depth < DEEPEST && !from.is_empty() && from != places => {
                return self.run((word, from), run, by, depth + 1);
            }
            Some(WrittenContent::Of(_)) => {}
            Some(WrittenContent::Filled) => run.changed = true,
            Some(content @ (WrittenContent::Changed | WrittenContent::Edited(_))) => {
                run.changed = true;
                run.edits = self.edits(&places).filter(|_| content != WrittenContent::Changed);
                self.made_before(&places, &run, by, depth);
            }
            None => {}
        }
        let script = Some(run);
        self.pending.push(PendingInvocation {
            invocation: by.clone(),
            places,
            depth,
            script,
            quiet: self.quiet,
        });
    }

    /// What the line itself put into a file that it changes afterwards.
    fn made_before(&mut self, places: &[String], run: &ScriptRun, by: &Invocation, depth: usize) {
        let text = |written: &WrittenScript| match written.says(places)? {
            WrittenContent::Text(text) => Some(text),
            _ => None,
        };
        let texts: Vec<String> = self.written.iter().filter_map(text).collect();
        for text in texts {
            self.text(&text, run.clone(), by, depth);
            if names_tools(&text) {
                self.guessed(by, "the line changes it first, and it names tools that rwenv checks");
            }
        }
    }

    /// The words by which the line edits a file, where it does nothing else to it.
    fn edits(&self, places: &[String]) -> Option<String> {
        let said = self.written.iter().filter_map(|written| written.says(places));
        let edit = |content| match content {
            WrittenContent::Edited(words) => Some(words),
            _ => None,
        };
        said.map(edit).collect::<Option<Vec<String>>>().map(|edits| edits.join(" "))
    }

    /// Goes on with a script that was asked for; what nobody has looked at stays asked.
    pub(super) fn resume_script(&mut self, mut pending: PendingInvocation, facts: &Facts) {
        let Some(run) = pending.script.clone() else { return };
        let by = &pending.invocation;
        let mut found = false;
        let mut absent = None;
        for place in std::mem::take(&mut pending.places) {
            match facts.script(&place) {
                None => pending.places.push(place),
                Some(Script::Text(text)) => {
                    found = true;
                    self.text(text, run.clone(), by, pending.depth);
                    let harmless =
                        run.edits.as_ref().is_some_and(|edits| !may_change(&format!("{text} {edits}")));
                    if run.changed && names_tools(text) && !harmless {
                        self.guessed(by, "the line changes it first, and it names tools that rwenv checks");
                    }
                }
                Some(Script::Unreadable(_)) if run.searched => {}
                // A bundle of another language is as large as it likes; the shims see what it starts.
                Some(Script::Unreadable(why)) if matches!(run.reader, Reader::Shell | Reader::Patch) => {
                    self.unread(by, why);
                }
                Some(Script::Unreadable(_)) => found = true,
                Some(Script::Absent) => absent = Some(place),
            }
        }
        // The line makes it: what it will hold nobody knows yet.
        let missing = absent
            .filter(|_| !found && pending.places.is_empty() && run.reader == Reader::Shell && !run.searched);
        let shows = by.argv.iter().any(|word| matches!(word.prefix(), "--version" | "--help"));
        if missing.is_some_and(|place| run.changed || self.makes(&place, by)) && !shows {
            self.guessed(by, "the line makes it");
        }
        if !pending.places.is_empty() {
            self.pending.push(pending);
        }
    }

    /// True where another program of the line is given a file's name that is not known to look only.
    fn makes(&self, place: &str, by: &Invocation) -> bool {
        let name = place.rsplit('/').next().unwrap_or_default();
        let looks = |program: &str| {
            let programs = &classify::tools().programs;
            let only = matches!(program, "test" | "[" | "[[" | "chmod" | "rm" | "source" | ".");
            only || programs.shells.contains(&program)
                || programs.reads.contains(&program)
                || programs.filters.contains(&program)
                || programs.copiers.contains(&program)
        };
        self.others.iter().any(|other| {
            let program = other.program().and_then(Word::basename).unwrap_or_default();
            let named = || other.argv.iter().skip(1).any(|word| word.display().contains(name));
            other.span != by.span && !looks(program) && !name.is_empty() && named()
        })
    }

    fn guessed(&mut self, by: &Invocation, why: &str) {
        let what = format!("the script cannot be read before it runs: {why}");
        self.unknown(Opaque { kind: OpaqueKind::Perhaps, span: by.span, what, invocation: None });
    }

    fn unread(&mut self, by: &Invocation, why: &str) {
        let what = format!("the script cannot be read before it runs: {why}");
        self.unknown(Opaque { kind: OpaqueKind::Code, span: by.span, what, invocation: None });
    }

    /// The text of a script, in the language it is run by.
    pub(super) fn text(&mut self, text: &str, mut run: ScriptRun, by: &Invocation, depth: usize) {
        if !run.any {
            let tools = classify::tools();
            let words = interpreter(text);
            let name = words.first().and_then(|word| word.rsplit('/').next());
            let shell =
                |name: &str| tools.wrapper(name).is_some_and(|found| found.style == WrapperStyle::Shell);
            match name {
                None => {}
                Some(name) if shell(name) => {}
                Some(name) => match tools.language(name) {
                    Some(language) => run.reader = Reader::Language(language),
                    // Any other program is run with the file behind its own words.
                    None => {
                        let file = by.program().cloned().into_iter();
                        let words = words.iter().map(|word| Word::literal(*word));
                        let argv = words.chain(file).chain(run.arguments).collect();
                        return self.invocation(&Invocation { argv, ..by.clone() }, None, depth + 1);
                    }
                },
            }
        }
        let call =
            (text.to_owned(), run.arguments.clone(), Invocation { span: Span::default(), ..by.clone() });
        if self.scripts.contains(&call) {
            return;
        }
        self.scripts.push(call);
        if self.scripts.len() > MOST {
            // Modules take in modules; the shims see what they start.
            if matches!(run.reader, Reader::Shell | Reader::Targets(_)) {
                self.limit(by.span);
            }
            return;
        }
        let reader = Invocation { stdin: Stdin::Inherited, ..by.clone() };
        let quiet = std::mem::replace(&mut self.quiet, !matches!(run.reader, Reader::Language(_)));
        match run.reader {
            Reader::Language(language) => {
                for carried in classify::in_code(text, (&reader, false), language, classify::tools()) {
                    self.carried(carried, run.remote.as_deref(), depth + 1);
                }
            }
            Reader::Targets(runner) => self.targets((text, runner), &run, &reader, depth),
            Reader::Data => {
                for line in classify::mentions::in_pieces(text, "", classify::tools()) {
                    self.carried(classify::Carried::Perhaps(line, reader.clone()), None, depth + 1);
                }
            }
            Reader::Patch => {
                if let Some(carried) = classify::patch_in(text, &reader) {
                    self.carried(carried, None, depth + 1);
                }
            }
            Reader::Shell => {
                let reader = called(&reader, run.zero.as_ref());
                self.shell_script(text, run.arguments, (&reader, run.remote.as_deref()), depth);
            }
        }
        self.quiet = quiet;
    }

    /// What the targets come to that are asked of a file.
    fn targets(
        &mut self,
        (text, runner): (&str, &'static Runner),
        run: &ScriptRun,
        by: &Invocation,
        depth: usize,
    ) {
        let found = classify::expand_targets(text, runner, &run.arguments, classify::tools());
        let files: Vec<Word> = found.env_files.iter().map(Word::literal).collect();
        let set = self.set_by(&files, by);
        let reader = Invocation { env: by.env.iter().cloned().chain(set).collect(), ..by.clone() };
        for text in found.texts {
            self.shell_script(&text, Vec::new(), (&reader, None), depth + 1);
        }
        for line in found.perhaps {
            self.carried(classify::Carried::Perhaps(line, reader.clone()), None, depth + 1);
        }
        for (path, wanted) in found.files {
            self.sourced(&Word::literal(path), (wanted, run.reader), (&reader, None), depth + 1);
        }
    }

    fn shell_script(
        &mut self,
        text: &str,
        arguments: Vec<Word>,
        (by, remote): (&Invocation, Option<&str>),
        depth: usize,
    ) {
        let mut analysis = analyze_carried(text, arguments, by, (&self.context, &self.sourced));
        for invocation in &mut analysis.invocations {
            invocation.span = by.span;
        }
        // What is not understood runs all the same, line by line, until the shell finds out.
        let not_understood =
            analysis.opaque.iter().any(|o| matches!(o.kind, OpaqueKind::Syntax | OpaqueKind::Limit));
        if not_understood && names_tools(text) {
            self.quiet = false;
            self.unread(by, "rwenv cannot parse it, and it names tools that rwenv checks");
            self.quiet = true;
        }
        for invocation in &analysis.invocations {
            self.invocation(invocation, remote, depth + 1);
        }
    }
}

/// How a script of a shell's is run that says itself who reads it.
pub(super) fn shell_run(name: Word) -> ScriptRun {
    ScriptRun {
        arguments: Vec::new(),
        any: false,
        reader: Reader::Shell,
        remote: None,
        changed: false,
        edits: None,
        zero: Some(name),
        searched: false,
    }
}

/// The same call with what its script is called by; a sourced one leaves `$0` as it was.
fn called(by: &Invocation, zero: Option<&Word>) -> Invocation {
    let sources = matches!(by.program().and_then(Word::basename), Some("source" | "."));
    let names = if sources { &["BASH_SOURCE"][..] } else { &["0", "BASH_SOURCE"] };
    let literal = zero.filter(|word| word.as_literal().is_some());
    let set = names.iter().zip(literal.into_iter().cycle());
    let set = set.map(|(name, value)| Assigned { name: (*name).to_owned(), value: value.clone() });
    Invocation { env: by.env.iter().cloned().chain(set).collect(), ..by.clone() }
}

/// Who reads files with this ending.
fn reader_of(ending: &str) -> Option<Reader> {
    let program = match ending {
        "sh" | "bash" => return Some(Reader::Shell),
        "py" => "python",
        "js" | "mjs" | "cjs" | "ts" => "node",
        "rb" => "ruby",
        "pl" => "perl",
        "php" => "php",
        _ => return None,
    };
    classify::tools().language(program).map(Reader::Language)
}

/// True where a text names one of our tools, but for git.
fn names_tools(text: &str) -> bool {
    let mut names = classify::tools().tools.iter().filter(|tool| tool.name != "git" && !tool.unshimmed);
    names.any(|tool| text.contains(tool.name.as_str()))
}

/// True where a text has a word in it by which one of the tools that it names changes something.
fn may_change(text: &str) -> bool {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').collect();
    let verbs = |tool: &Tool| {
        let changes = tool.commands.iter().filter(|command| command.effect > Effect::Read);
        changes
            .flat_map(|command| command.path.last().into_iter().chain(command.aliases.iter()))
            .any(|verb| words.contains(verb))
    };
    classify::tools().tools.iter().filter(|tool| words.contains(&tool.name.as_str())).any(verbs)
}

/// Who runs a script, by its first line: the program, and the words before the file; nothing where it does not say.
fn interpreter(text: &str) -> Vec<&str> {
    let line = text.strip_prefix("#!").and_then(|rest| rest.lines().next()).unwrap_or_default();
    let mut words = line.split_whitespace().peekable();
    if words.peek().is_some_and(|word| word.ends_with("/env") || *word == "env") {
        words.next();
        while words.next_if(|word| word.starts_with('-') || word.contains('=')).is_some() {}
    }
    // One file that is many programs.
    words.next_if(|word| matches!(word.rsplit('/').next(), Some("busybox" | "toybox")));
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_who_runs_it() {
        for (text, wanted) in [
            ("#!/bin/sh\n", vec!["/bin/sh"]),
            ("#! /usr/bin/env bash\n", vec!["bash"]),
            ("#!/usr/bin/env -S bash -e\n", vec!["bash", "-e"]),
            ("#!/usr/bin/env -S X=1 sh\n", vec!["sh"]),
            ("#!/bin/busybox sh\n", vec!["sh"]),
            ("#!/usr/bin/make -f\n", vec!["/usr/bin/make", "-f"]),
            ("kubectl get pods", vec![]),
            ("#!", vec![]),
        ] {
            assert_eq!(interpreter(text), wanted, "{text}");
        }
    }
}
