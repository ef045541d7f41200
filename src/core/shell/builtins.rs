//! The builtins that matter to what runs later: directories, variables, code, control flow.

use std::rc::Rc;

use brush_parser::ast::Assignment;

use super::io::change_dir;
use super::options::options;
use super::printing;
use super::simple::SimpleCall;
use super::state::{ShellOption, State, VariableValue, merge};
use super::{Flow, Walker};
use crate::model::{Dir, OpaqueKind, Stdin, Word, files_named};

impl Walker<'_> {
    /// Runs a builtin; none where the name is not one of those that are modelled.
    pub(super) fn builtin(
        &mut self,
        state: &mut State,
        call: &SimpleCall,
        name: &str,
        declared: &[&Assignment],
    ) -> Option<Flow> {
        let flow = match name {
            "cd" | "pushd" | "popd" => return Some(self.directory(state, call, name)),
            "exit" | "logout" => Flow::dead(state.clone()),
            "return" => {
                self.returns.push(state.clone());
                Flow::dead(state.clone())
            }
            "break" | "continue" => Flow::dead(state.clone()),
            "exec" | "command" | "builtin" => return Some(self.passes_on(state, call, name)),
            "eval" => return Some(self.eval(state, call)),
            "source" | "." => return Some(self.source_file(state, call)),
            "time" => {
                let from = if call.literal(1) == Some("-p") { 2 } else { 1 };
                return Some(self.call(state.clone(), &call.rest(from), &[]));
            }
            _ if self.changes_state(state, call, name, declared) => Flow::both(state.clone()),
            _ => return None,
        };
        self.emit(state, call);
        Some(flow)
    }

    /// The builtins that end as they are told and go on with what they have set; false for another name.
    fn changes_state(
        &mut self,
        state: &mut State,
        call: &SimpleCall,
        name: &str,
        declared: &[&Assignment],
    ) -> bool {
        match name {
            "declare" | "typeset" | "local" | "export" | "readonly" => {
                self.declare(state, call, name, declared);
            }
            "unset" | "read" | "mapfile" | "readarray" | "let" | "getopts" | "set" | "shift" => {
                self.variable(state, call, name);
            }
            "trap" => self.trap(state, call),
            "alias" => {
                for word in call.argv.get(1..).unwrap_or_default() {
                    if let Some((name, text)) = word.as_code().as_deref().and_then(|t| t.split_once('=')) {
                        state.alias(name, text.to_owned());
                    }
                }
            }
            "hash" => hash(state, call),
            "test" | "[" => {
                for pair in call.argv.windows(2) {
                    if let [flag, name] = pair
                        && flag.as_literal() == Some("-v")
                    {
                        self.subscript(state, name, call);
                    }
                }
            }
            "wait" => {
                let given = options(call.argv.get(1..).unwrap_or_default(), "fnp:");
                given.value('p').into_iter().for_each(|name| self.subscript(state, name, call));
            }
            "compgen" => self.completes(state, call),
            "shopt" => switch(state, call),
            "echo" | "printf" | "cat" | "pwd" | "which" | "type" | "basename" | "dirname" | "readlink"
            | "realpath" => self.prints(state, call, name),
            "direnv" if call.literal(1) == Some("export") => self.prints(state, call, name),
            ":" | "true" | "false" | "umask" | "ulimit" | "mkdir" | "touch" | "sleep" => {}
            _ => return false,
        }
        true
    }

    /// The subscript of a name that a builtin is given is worked out.
    fn subscript(&mut self, state: &mut State, name: &Word, call: &SimpleCall) {
        if let Some((_, index)) = name.as_code().as_deref().and_then(|name| name.split_once('[')) {
            self.arithmetic(state, index, call.origin());
        }
    }

    /// `compgen`: runs the command behind `-C` and the function behind `-F`, and expands the words behind `-W`.
    fn completes(&mut self, state: &mut State, call: &SimpleCall) {
        let given = options(call.argv.get(1..).unwrap_or_default(), "abcdefgjksuvo:A:G:W:F:C:X:P:S:V:");
        if let Some(words) = given.value('W').and_then(Word::as_code) {
            self.expanded_later(state, &words, call.origin());
        }
        for code in ['C', 'F'].into_iter().filter_map(|letter| given.value(letter)) {
            match code.as_code() {
                Some(code) => {
                    // With its own name, the word and the one before it behind.
                    let unknown = format!("\"${{{}}}\"", Word::UNKNOWN_PARAMETER);
                    let code = format!("{code} compgen {unknown} {unknown}");
                    drop(self.code(&mut state.clone(), &code, call.origin()));
                }
                None => self.unknown_code(call, "compgen runs a command that is computed at run time"),
            }
        }
        self.sink = None;
    }

    /// `trap CODE SIGNAL`: the code runs some time. What it changes counts from then on where it runs before, or after, commands.
    fn trap(&mut self, state: &mut State, call: &SimpleCall) {
        let at = if call.literal(1) == Some("--") { 2 } else { 1 };
        if let Some(code) = call.literal(at).filter(|c| !matches!(*c, "-" | "" | "-l" | "-p")) {
            let code = code.to_owned();
            let mut after = state.clone();
            self.code(&mut after, &code, call.origin());
            let signals = call.argv.get(at + 1..).unwrap_or_default();
            if signals.iter().any(|word| matches!(word.as_literal(), None | Some("DEBUG" | "ERR" | "RETURN")))
            {
                *state = state.clone().join(&after);
            }
        } else if call.argv.len() > at + 1 && call.literal(at).is_none() {
            // `trap "rm -f $tmp" EXIT`: the values are unknown, the commands are not.
            match call.argv.get(at).and_then(Word::as_code) {
                Some(code) => drop(self.code(&mut state.clone(), &code, call.origin())),
                None => self.unknown_code(call, "a trap whose commands are computed at run time"),
            }
        }
    }

    fn directory(&mut self, state: &mut State, call: &SimpleCall, name: &str) -> Flow {
        self.emit(state, call);
        let before = state.cwd.clone();
        let target =
            call.argv.iter().skip(1).find(|w| {
                w.as_literal().is_none_or(|t| !matches!(t, "-P" | "-L" | "-e" | "-@" | "-n" | "--"))
            });
        let unknown = || Rc::new(vec![Dir::Unknown]);
        let to = match (name, target) {
            ("popd", _) => Rc::make_mut(&mut state.stack).pop().unwrap_or_else(unknown),
            ("pushd", None) => Rc::make_mut(&mut state.stack).pop().unwrap_or_else(unknown),
            (_, None) => match state.get("HOME") {
                None => Rc::new(vec![Dir::Known(crate::model::normalize(self.home))]),
                Some([VariableValue::Scalar(home)]) => Rc::new(change_dir(&before, home)),
                Some(_) => unknown(),
            },
            (_, Some(word)) if word.as_literal() == Some("-") => state.previous.clone(),
            (_, Some(word)) => {
                let relative = word.as_literal().is_some_and(|t| !t.starts_with(['/', '.']));
                let searched = state.get("CDPATH").is_some() && relative;
                if searched { unknown() } else { Rc::new(change_dir(&before, word)) }
            }
        };
        let mut ok = state.clone();
        if name == "pushd" {
            Rc::make_mut(&mut ok.stack).push(before.clone());
        }
        ok.previous = before;
        ok.cwd = to;
        let mut last = ok.clone();
        merge(&mut last.cwd, &state.cwd);
        Flow { ok: Some(ok), fail: Some(state.clone()), last }
    }

    /// `exec`, `command` and `builtin`: options off, the rest runs, functions passed over.
    fn passes_on(&mut self, state: &mut State, call: &SimpleCall, name: &str) -> Flow {
        let mut at = 1;
        while let Some(flag) = call.literal(at).filter(|f| f.starts_with('-') && f.len() > 1) {
            if name == "command" && flag.contains(['v', 'V']) {
                self.prints(state, call, "which");
                self.emit(state, call);
                return Flow::both(state.clone());
            }
            at += if name == "exec" && flag.ends_with('a') { 2 } else { 1 };
            if flag == "--" {
                break;
            }
        }
        let mut inner = call.rest(at);
        inner.plain = true;
        if inner.argv.is_empty() {
            self.emit(state, call);
            if name == "exec" {
                // Its redirections are the shell's own from here on.
                self.stdin = call.stdin.clone();
            }
            return Flow::both(state.clone());
        }
        let flow = self.call(state.clone(), &inner, &[]);
        if name == "exec" { Flow::dead(flow.last) } else { flow }
    }

    fn eval(&mut self, state: &mut State, call: &SimpleCall) -> Flow {
        let mut code = String::new();
        for word in call.argv.get(1..).unwrap_or_default() {
            if !code.is_empty() {
                code.push(' ');
            }
            match word.as_code() {
                Some(text) => code.push_str(&text),
                None if call.argv.len() == 2 => {
                    self.unknown_code(call, "eval runs code computed at run time");
                    return Flow::both(state.clone());
                }
                None => code.push_str(&format!("${{{}}}", Word::UNKNOWN_PARAMETER)),
            }
        }
        self.emit(state, call);
        self.code(state, &code, call.origin()).unwrap_or_else(|| Flow::both(state.clone()))
    }

    /// What a file that is sourced leaves behind; what it runs is judged by whoever reads it.
    fn source_leaves(&mut self, state: &mut State, operands: &[Word], call: &SimpleCall) {
        let Some(file) = operands.first() else { return };
        let paths = files_named(file, &state.cwd);
        let files = self.files;
        let found: Vec<_> = files.iter().filter(|(known, _)| paths.contains(known)).collect();
        // Where it is not sure which of them, each may be the one.
        let mut all: Option<State> = None;
        for (path, text) in found {
            let before = std::mem::take(&mut self.out);
            let mut inner = state.clone();
            inner.set("BASH_SOURCE", vec![VariableValue::Scalar(Word::literal(path.as_str()))]);
            let left = self.code(&mut inner, text, call.origin().elsewhere());
            self.out = before;
            if let Some(flow) = left {
                all = Some(match all {
                    Some(other) => other.join(&flow.last),
                    None => flow.last,
                });
            }
        }
        if let Some(left) = all {
            state.adopt(&left);
            // Arguments of its own hide those of the shell.
            if operands.len() == 1 {
                state.positional.clone_from(&left.positional);
            }
        }
    }

    /// `source`: the text on standard input where that is what is read. Files are read by the caller, which may.
    fn source_file(&mut self, state: &mut State, call: &SimpleCall) -> Flow {
        self.emit(state, call);
        let given = options(call.argv.get(1..).unwrap_or_default(), "p:");
        let from_stdin = given.operands.first().is_some_and(|w| {
            w.prefix().starts_with("/dev/fd/")
                || matches!(w.as_literal(), Some("/dev/stdin" | "/proc/self/fd/0" | "-"))
        });
        if !from_stdin {
            self.source_leaves(state, given.operands, call);
            return Flow::both(state.clone());
        }
        match &call.stdin {
            Stdin::Text(code) => {
                let code = code.clone();
                self.code(state, &code, call.origin()).unwrap_or_else(|| Flow::both(state.clone()))
            }
            _ => {
                self.unknown_code(call, "source runs code computed at run time");
                Flow::both(state.clone())
            }
        }
    }

    /// What `cat` prints of files that are named.
    fn concatenated(&mut self, state: &State, call: &SimpleCall) -> Option<Word> {
        let files = call.argv.get(1..).filter(|files| !files.is_empty() && self.sink.is_some())?;
        let mut out = Word::default();
        for file in files {
            if file.prefix().starts_with('-') {
                return None;
            }
            out.push_word(&self.text_of(state, file)?);
        }
        Some(out)
    }

    /// What `echo`, `printf`, `cat` and their like print, and where `printf -v` puts it.
    fn prints(&mut self, state: &mut State, call: &SimpleCall, name: &str) {
        let given = options(call.argv.get(1..).unwrap_or_default(), "v:");
        if let ("printf", Some(variable)) = (name, given.text('v')) {
            let variable = variable.to_owned();
            if let Some((array, index)) = variable.split_once('[') {
                self.arithmetic(state, index, call.origin());
                state.set(array, vec![VariableValue::Unknown]);
                return;
            }
            let text = printing::printf(given.operands);
            state.set(&variable, vec![text.map_or(VariableValue::Unknown, VariableValue::Scalar)]);
            return;
        }
        let text = match name {
            "echo" => Some(printing::echo(
                call.argv.get(1..).unwrap_or_default(),
                state.options.has(ShellOption::EchoEscapes),
            )),
            "printf" => printing::printf(call.argv.get(1..).unwrap_or_default()),
            "pwd" => match state.cwd.as_slice() {
                [Dir::Known(path)] => Some(Word::literal(format!("{path}\n"))),
                _ => None,
            },
            "cat" => match (&call.stdin, call.literal(1), call.argv.len()) {
                (Stdin::Text(text), _, 1) | (Stdin::Text(text), Some("-"), 2) => Some(Word::literal(&**text)),
                _ => self.concatenated(state, call),
            },
            // What it exports is what its file sets and runs.
            "direnv" => self.text_of(state, &Word::literal(".envrc")),
            "basename" => {
                call.argv.get(1).and_then(Word::basename).filter(|_| call.argv.len() == 2).map(Word::literal)
            }
            "dirname" => {
                call.argv.get(1).and_then(Word::as_literal).filter(|_| call.argv.len() == 2).map(parent)
            }
            // Where links lead is not known here: mostly to where they are.
            "readlink" | "realpath" => {
                let last = call.argv.last().filter(|_| call.argv.len() > 1);
                last.and_then(Word::as_literal)
                    .filter(|_| self.capturing)
                    .map(|path| Word::literal(format!("{path}\n")))
            }
            "which" | "type" => call.argv.last().and_then(Word::as_literal).map(|name| {
                // Where the program lies is not known, what it is called is.
                let mut word = Word::unknown();
                word.push_text("/");
                word.push_text(name.rsplit('/').next().unwrap_or(name));
                word.push_text("\n");
                word
            }),
            _ => None,
        };
        match (&mut self.sink, text) {
            (Some(sink), Some(text)) => sink.push_word(&text),
            (sink, _) => *sink = None,
        }
        if name == "printf" && self.capturing && call.argv.len() > 64 {
            self.opaque(OpaqueKind::Limit, call.span, "printf has more than 64 arguments");
        }
    }
}

/// `hash -p PATH NAME`: the name is the program at the path from here on.
fn hash(state: &mut State, call: &SimpleCall) {
    let given = options(call.argv.get(1..).unwrap_or_default(), "dlp:rt");
    if let (Some(path), Some(name)) = (given.value('p'), given.operands.first().and_then(Word::as_literal)) {
        let literal = path.as_literal().map(super::quote::single);
        literal.or_else(|| path.as_code()).into_iter().for_each(|code| state.alias(name, code));
    }
}

/// `shopt -s` and `-u` of what is modelled.
fn switch(state: &mut State, call: &SimpleCall) {
    let given = options(call.argv.get(1..).unwrap_or_default(), "opqsu");
    let on = given.has('s');
    if !on && !given.has('u') {
        return;
    }
    for name in given.operands.iter().filter_map(Word::as_literal) {
        match name {
            "nocasematch" => state.options.set(ShellOption::Nocasematch, on),
            "dotglob" => state.options.set(ShellOption::Dotglob, on),
            "xpg_echo" => state.options.set(ShellOption::EchoEscapes, on),
            _ => {}
        }
    }
}

/// What `dirname` prints.
fn parent(path: &str) -> Word {
    let folder = match path.trim_end_matches('/').rsplit_once('/') {
        None => ".",
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
    };
    Word::literal(format!("{folder}\n"))
}
