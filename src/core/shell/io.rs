//! Redirections, here-documents, process substitutions and paths.

use brush_parser::ast::{
    CompoundList, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, ProcessSubstitutionKind, RedirectList,
};

use super::parse::ParseRefusal;
use super::state::State;
use super::{TextOrigin, Walker};
use super::{fold, mask};
use crate::model::{Dir, Invocation, OpaqueKind, Stdin, Word, files_named};

/// Most files of one text whose texts are asked for.
const MOST_VALUES: usize = 16;

/// What the redirections of one command come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Io<'t> {
    /// What it reads.
    pub(super) stdin: Stdin,
    /// The files it writes.
    pub(super) writes: Vec<Word>,
    /// One of these loses what it held.
    pub(super) replaces: bool,
    /// Its standard output goes elsewhere.
    pub(super) diverted: bool,
    /// The lists that read what it prints (`> >(…)`).
    pub(super) readers: Vec<&'t CompoundList>,
}

impl Walker<'_> {
    pub(super) fn redirects<'t>(&mut self, state: &mut State, list: Option<&'t RedirectList>) -> Io<'t> {
        let mut io = Io { stdin: self.stdin.clone(), ..Io::default() };
        for redirect in list.iter().flat_map(|l| &l.0) {
            self.redirect(state, redirect, &mut io);
        }
        if !io.writes.is_empty() {
            let nothing = Invocation {
                argv: vec![Word::literal(":")],
                span: self.frame.span,
                cwd: state.cwd.to_vec(),
                writes: io.writes.clone(),
                replaces: io.replaces,
                ..Invocation::default()
            };
            self.out.invocations.push(nothing);
        }
        io
    }

    pub(super) fn redirect<'t>(&mut self, state: &mut State, redirect: &'t IoRedirect, io: &mut Io<'t>) {
        match redirect {
            IoRedirect::HereString(fd, word) => {
                let origin = self.origin(word);
                let mut text = self.one(state, &word.value, origin);
                text.push_text("\n");
                if fd.unwrap_or(0) == 0 {
                    io.stdin = Stdin::known(text.as_code());
                }
            }
            IoRedirect::HereDocument(fd, document) => {
                let text = if document.requires_expansion {
                    let origin = self.origin(&document.doc);
                    self.heredoc(state, &document.doc.value, origin)
                } else {
                    Word::literal(mask::shown(&document.doc.value))
                };
                if fd.unwrap_or(0) == 0 {
                    io.stdin = Stdin::known(text.as_code());
                }
            }
            IoRedirect::OutputAndError(word, adds) => {
                let origin = self.origin(word);
                io.replaces |= !adds;
                io.writes.push(self.one(state, &word.value, origin));
                io.diverted = true;
            }
            IoRedirect::File(fd, kind, target) => self.file(state, (*fd, kind, target), io),
        }
    }

    fn file<'t>(
        &mut self,
        state: &mut State,
        (fd, kind, target): (Option<i32>, &IoFileRedirectKind, &'t IoFileRedirectTarget),
        io: &mut Io<'t>,
    ) {
        let reads = matches!(kind, IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput);
        let word = match target {
            IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word) => {
                let origin = self.origin(word);
                Some(self.one(state, &word.value, origin))
            }
            IoFileRedirectTarget::Fd(_) => None,
            IoFileRedirectTarget::ProcessSubstitution(kind, command) => {
                match kind {
                    ProcessSubstitutionKind::Read => {
                        let text = self.printed_by(state, &command.list);
                        if fd.unwrap_or(0) == 0 {
                            io.stdin = Stdin::known(text.and_then(|w| w.as_code()));
                        }
                    }
                    ProcessSubstitutionKind::Write => {
                        io.readers.push(&command.list);
                        io.diverted |= fd.unwrap_or(1) == 1;
                    }
                }
                return;
            }
        };
        if reads {
            if fd.unwrap_or(0) == 0 {
                io.stdin = match word {
                    Some(word) if word.as_literal() == Some("/dev/null") => Stdin::Text("".into()),
                    Some(word) if matches!(kind, IoFileRedirectKind::Read) => {
                        let text = self.text_of(state, &word).and_then(|text| text.as_code());
                        text.map_or(Stdin::File(word), |text| Stdin::Text(text.into()))
                    }
                    _ => Stdin::Unknown,
                };
            }
            return;
        }
        let duplicate = matches!(kind, IoFileRedirectKind::DuplicateOutput);
        let is_fd = word.as_ref().is_none_or(|w| {
            duplicate && w.as_literal().is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
        });
        io.diverted |= fd.unwrap_or(1) == 1;
        if let Some(word) = word.filter(|_| !is_fd) {
            if matches!(kind, IoFileRedirectKind::ReadAndWrite) && fd.unwrap_or(0) == 0 {
                io.stdin = Stdin::File(word.clone());
            }
            io.replaces |= !matches!(kind, IoFileRedirectKind::Append);
            io.writes.push(word);
        }
    }

    /// The text of a file that is taken as a value, if it is known.
    pub(super) fn text_of(&mut self, state: &State, file: &Word) -> Option<Word> {
        file.as_literal().filter(|name| !name.is_empty())?;
        let paths = files_named(file, &state.cwd);
        let mut found = self.files.iter().filter(|(known, _)| paths.contains(known));
        match (found.next(), found.next()) {
            (Some((_, text)), None) => return Some(Word::literal(text.as_str())),
            (Some(_), Some(_)) => return None,
            (None, _) => {}
        }
        for path in paths {
            let known = self.out.values.len() >= MOST_VALUES || self.out.values.contains(&path);
            if !path.starts_with("/dev/") && !known {
                self.out.values.push(path);
            }
        }
        None
    }

    /// Walks `<( … )` and says what it prints.
    pub(super) fn printed_by(&mut self, state: &State, list: &CompoundList) -> Option<Word> {
        let before = self.out.invocations.len();
        let sink = self.sink.replace(Word::default());
        let capturing = std::mem::replace(&mut self.capturing, true);
        self.subshell(state, |walker, inner| walker.list(inner, list));
        self.capturing = capturing;
        let printed = std::mem::replace(&mut self.sink, sink);
        if printed.is_none() {
            self.producer = match self.out.invocations.get(before..) {
                Some([only]) => Some(only.clone()),
                _ => None,
            };
        }
        printed
    }

    /// Walks the lists that read what a command prints.
    pub(super) fn writers(&mut self, state: &State, io: &Io<'_>, printed: Option<&Word>) {
        for list in &io.readers {
            let text = Stdin::known(printed.and_then(Word::as_code));
            let stdin = std::mem::replace(&mut self.stdin, text);
            self.subshell(state, |walker, inner| walker.list(inner, list));
            self.stdin = stdin;
        }
    }

    /// Arithmetic: runs the substitutions in it, and those hidden in the values of the variables it names,
    /// because an array index in a value is evaluated too.
    pub(super) fn arithmetic(&mut self, state: &mut State, expr: &str, origin: TextOrigin) {
        if self.depth > 8 {
            return;
        }
        if mask::is_hidden(expr) || fold::is_folded(expr) {
            self.refused(ParseRefusal::Syntax, expr, origin);
        }
        if expr.contains(['$', '`']) {
            let code = format!("\"{}\"", expr.replace('"', ""));
            self.depth += 1;
            let _ = self.streams(state, &code, origin.elsewhere(), true);
            self.depth -= 1;
        }
        for name in expr.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
            if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                continue;
            }
            let values: Vec<String> = (state.get(name).unwrap_or_default().iter())
                .filter_map(|v| match v {
                    super::state::VariableValue::Scalar(word) => word.as_literal(),
                    _ => None,
                })
                // A value is an expression again, a name in it a variable again.
                .filter(|text| *text != name && text.parse::<i64>().is_err())
                .map(str::to_owned)
                .collect();
            self.depth += 1;
            for value in values {
                self.nested += value.len();
                if self.nested > super::MOST_NESTED {
                    self.opaque(OpaqueKind::Limit, origin.span, "it is nested too deeply");
                    break;
                }
                self.arithmetic(state, &value, origin.elsewhere());
            }
            self.depth -= 1;
            if expr.contains('=') {
                state.set(name, vec![super::state::VariableValue::Scalar(Word::unknown())]);
            }
        }
    }
}

/// Where `cd WORD` leads from each of these directories.
pub(super) fn change_dir(from: &[Dir], to: &Word) -> Vec<Dir> {
    let mut all: Vec<Dir> = from.iter().map(|dir| dir.enter(to)).collect();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_in_text() {
        assert_eq!(crate::model::normalize("/a/./b/../c//d/"), "/a/c/d");
        assert_eq!(crate::model::normalize("/../.."), "/");
        let from = [Dir::Known("/a".into())];
        assert_eq!(change_dir(&from, &Word::literal("../b")), [Dir::Known("/b".into())]);
        assert_eq!(change_dir(&from, &Word::unknown()), [Dir::Unknown]);
    }
}
