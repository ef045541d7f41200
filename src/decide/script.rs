//! Scripts on disk that a line runs: their files are asked for, and their text is judged like code that stands in the line.
//! Of what stays computed in them nothing is said: that is the everyday of scripts, and the shims see what comes of it.

use super::plan::{Pending, Plan, analyze_carried};
use crate::classify;
use crate::model::{Dir, Facts, Invocation, Opaque, OpaqueKind, Script, Span, Stdin, Word};
use crate::shell;

/// Most scripts of one line that are read.
const MOST: usize = 16;
/// Folders of programs that come with the system: what they run is no business of the line's.
const SYSTEM: [&str; 8] = ["/usr/", "/bin/", "/sbin/", "/lib/", "/opt/", "/nix/", "/snap/", "/etc/"];

/// A file that the line writes, with its text where that stands in the line.
#[derive(Clone, Debug)]
pub(super) struct Written {
    path: String,
    text: Option<String>,
}

/// The files an invocation writes by redirection, or by `tee`.
pub(super) fn written(invocation: &Invocation) -> Vec<Written> {
    let mut into = invocation.writes.clone();
    if invocation.program().and_then(Word::basename) == Some("tee") {
        into.extend(invocation.argv.iter().skip(1).filter(|word| !word.prefix().starts_with('-')).cloned());
    }
    let text = shell::printed(invocation).and_then(|word| word.as_code());
    let places = into.iter().flat_map(|word| places(word, &invocation.cwd));
    places.map(|path| Written { path, text: text.clone() }).collect()
}

/// Where a file may be.
fn places(word: &Word, cwd: &[Dir]) -> Vec<String> {
    if word.as_literal().is_none() {
        return Vec::new();
    }
    cwd.iter().filter_map(|dir| dir.enter(word).path().map(str::to_owned)).collect()
}

impl Plan {
    /// A file whose text a shell runs.
    pub(super) fn sourced(&mut self, path: &Word, arguments: Vec<Word>, by: &Invocation, depth: usize) {
        self.run(places(path, &by.cwd), arguments, (by, depth), true);
    }

    /// A program that is named by its path, and is none that we know: it may be a script.
    pub(super) fn executed(&mut self, by: &Invocation, depth: usize) {
        let Some(word) = by.program().filter(|word| word.as_literal().is_some_and(|text| text.contains('/')))
        else {
            return;
        };
        let mut places = places(word, &by.cwd);
        places.retain(|path| !SYSTEM.iter().any(|folder| path.starts_with(folder)));
        self.run(places, by.argv.get(1..).unwrap_or_default().to_vec(), (by, depth), false);
    }

    fn run(
        &mut self,
        places: Vec<String>,
        arguments: Vec<Word>,
        (by, depth): (&Invocation, usize),
        any: bool,
    ) {
        let made = self.written.iter().rev().find(|written| places.contains(&written.path)).cloned();
        match made {
            Some(Written { text: Some(text), .. }) => self.script(&text, arguments, by, depth),
            Some(Written { text: None, .. }) => self.unread(by, "the line itself makes the script it runs"),
            None if places.is_empty() => {}
            None => {
                let script = Some((arguments, any));
                self.pending.push(Pending {
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
    pub(super) fn resume_script(&mut self, mut pending: Pending, facts: &Facts) {
        let Some((arguments, any)) = pending.script.clone() else { return };
        for place in std::mem::take(&mut pending.places) {
            match facts.script(&place) {
                None => pending.places.push(place),
                Some(Script::Text { shell, text }) if any || *shell => {
                    self.script(text, arguments.clone(), &pending.invocation, pending.depth);
                }
                Some(Script::Unreadable(why)) => self.unread(&pending.invocation, why),
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

    fn script(&mut self, text: &str, arguments: Vec<Word>, by: &Invocation, depth: usize) {
        let call = (text.to_owned(), arguments.clone(), Invocation { span: Span::default(), ..by.clone() });
        if self.scripts.contains(&call) {
            return;
        }
        self.scripts.push(call);
        if self.scripts.len() > MOST {
            self.limit(by.span);
            return;
        }
        let reader = Invocation { stdin: Stdin::Inherited, ..by.clone() };
        let mut analysis = analyze_carried(text, arguments, &reader, &self.context);
        for invocation in &mut analysis.invocations {
            invocation.span = by.span;
        }
        // What is not understood runs all the same, line by line, until the shell finds out.
        let ours = |name: &&str| text.contains(*name);
        let names = classify::tools().tools.iter().filter(|tool| tool.name != "git").map(|tool| tool.name);
        let not_understood =
            analysis.opaque.iter().any(|o| matches!(o.kind, OpaqueKind::Syntax | OpaqueKind::Limit));
        if not_understood && names.filter(ours).count() > 0 {
            self.unread(by, "it is not understood, and names tools that are judged");
        }
        let quiet = std::mem::replace(&mut self.quiet, true);
        for invocation in &analysis.invocations {
            self.invocation(invocation, None, depth + 1);
        }
        self.quiet = quiet;
    }
}
