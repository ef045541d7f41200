//! Scripts on disk that a line runs: their files are asked for, and their text is judged like code that stands in the line.
//! Of what stays computed in a shell's nothing is said: that is the everyday of scripts, and the shims see what comes of it.

use super::plan::{PendingInvocation, Plan, analyze_carried};
use super::written::{ScriptRun, WrittenScript, places};
use crate::classify::{self, Reader};
use crate::model::{Facts, Invocation, Opaque, OpaqueKind, Script, Span, Stdin, Word};

/// Most scripts of one line that are read.
const MOST: usize = 64;
/// Folders of programs that come with the system: what they run is no business of the line's.
const SYSTEM: [&str; 8] = ["/usr/", "/bin/", "/sbin/", "/lib/", "/opt/", "/nix/", "/snap/", "/etc/"];

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
        let remote = remote.map(str::to_owned);
        self.run(places(path, &by.cwd), ScriptRun { arguments, any: true, reader, remote }, by, depth);
    }

    /// A program that is named by its path, and is none that we know: it may be a script.
    pub(super) fn executed(&mut self, by: &Invocation, depth: usize) {
        let Some(word) = by.program().filter(|word| word.as_literal().is_some_and(|text| text.contains('/')))
        else {
            return;
        };
        let mut places = places(word, &by.cwd);
        places.retain(|path| !SYSTEM.iter().any(|folder| path.starts_with(folder)));
        let arguments = by.argv.get(1..).unwrap_or_default().to_vec();
        self.run(places, ScriptRun { arguments, any: false, reader: Reader::Shell, remote: None }, by, depth);
    }

    fn run(&mut self, places: Vec<String>, run: ScriptRun, by: &Invocation, depth: usize) {
        let made = self.written.iter().rev().find(|written| places.contains(&written.path)).cloned();
        match made {
            Some(WrittenScript { text: Some(text), .. }) => self.text(&text, run, by, depth),
            Some(WrittenScript { text: None, .. }) => {
                let what = "the output of another program is run as a script".to_owned();
                self.unknown(Opaque { kind: OpaqueKind::Fed, span: by.span, what, invocation: None });
            }
            None if places.is_empty() => {}
            None => {
                let script = Some(run);
                self.pending.push(PendingInvocation {
                    invocation: by.clone(),
                    places,
                    depth,
                    script,
                    quiet: self.quiet,
                });
            }
        }
    }

    /// Goes on with a script that was asked for; what nobody has looked at stays asked.
    pub(super) fn resume_script(&mut self, mut pending: PendingInvocation, facts: &Facts) {
        let Some(run) = pending.script.clone() else { return };
        for place in std::mem::take(&mut pending.places) {
            match facts.script(&place) {
                None => pending.places.push(place),
                Some(Script::Text(text)) => self.text(text, run.clone(), &pending.invocation, pending.depth),
                // A bundle of another language is as large as it likes; the shims see what it starts.
                Some(Script::Unreadable(why)) if matches!(run.reader, Reader::Shell | Reader::Patch) => {
                    self.unread(&pending.invocation, why);
                }
                Some(_) => {}
            }
        }
        if !pending.places.is_empty() {
            self.pending.push(pending);
        }
    }

    fn unread(&mut self, by: &Invocation, why: &str) {
        let what = format!("the script cannot be read before it runs: {why}");
        self.unknown(Opaque { kind: OpaqueKind::Code, span: by.span, what, invocation: None });
    }

    /// The text of a script, in the language it is run by.
    fn text(&mut self, text: &str, mut run: ScriptRun, by: &Invocation, depth: usize) {
        if !run.any {
            let tools = classify::tools();
            match interpreter(text) {
                Some(name) if !tools.programs.shells.contains(&name) => match tools.language(name) {
                    Some(language) => run.reader = Reader::Language(language),
                    None => return,
                },
                _ => {}
            }
        }
        let call =
            (text.to_owned(), run.arguments.clone(), Invocation { span: Span::default(), ..by.clone() });
        if self.scripts.contains(&call) {
            return;
        }
        self.scripts.push(call);
        if self.scripts.len() > MOST {
            self.limit(by.span);
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
            Reader::Targets(runner) => {
                let found = classify::expand_targets(text, runner, &run.arguments);
                for text in found.texts {
                    self.shell_script(&text, Vec::new(), (&reader, None), depth + 1);
                }
                for (path, wanted) in found.files {
                    self.sourced(&Word::literal(path), (wanted, run.reader), (&reader, None), depth + 1);
                }
            }
            Reader::Patch => {
                if let Some(carried) = classify::patch_in(text, &reader) {
                    self.carried(carried, None, depth + 1);
                }
            }
            Reader::Shell => {
                self.shell_script(text, run.arguments, (&reader, run.remote.as_deref()), depth);
            }
        }
        self.quiet = quiet;
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
        let ours = |name: &&str| text.contains(*name);
        let names =
            classify::tools().tools.iter().filter(|tool| tool.name != "git").map(|tool| tool.name.as_str());
        let not_understood =
            analysis.opaque.iter().any(|o| matches!(o.kind, OpaqueKind::Syntax | OpaqueKind::Limit));
        if not_understood && names.filter(ours).count() > 0 {
            self.quiet = false;
            self.unread(by, "rwenv cannot parse it, and it names tools that rwenv checks");
            self.quiet = true;
        }
        for invocation in &analysis.invocations {
            self.invocation(invocation, remote, depth + 1);
        }
    }
}

/// Who runs a script, by its first line; none where that says nothing.
fn interpreter(text: &str) -> Option<&str> {
    let line = text.strip_prefix("#!")?.lines().next()?;
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or_default());
    match words.next() {
        Some("env") => words.find(|word| !word.starts_with('-') && !word.contains('=')),
        first => Some(first.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_who_runs_it() {
        for (text, wanted) in [
            ("#!/bin/sh\n", Some("sh")),
            ("#! /usr/bin/env bash\n", Some("bash")),
            ("#!/usr/bin/env -S bash -e\n", Some("bash")),
            ("kubectl get pods", None),
            ("", None),
            ("#!/usr/bin/env python3\n", Some("python3")),
            ("#!/usr/bin/perl -w\n", Some("perl")),
            ("#!", None),
        ] {
            assert_eq!(interpreter(text), wanted, "{text}");
        }
    }
}
