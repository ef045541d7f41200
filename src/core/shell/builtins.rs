//! The builtins that matter to what runs later: directories, variables, code, control flow.

use std::rc::Rc;

use brush_parser::ast::Assignment;

use super::io::change_dir;
use super::printing;
use super::simple::SimpleCall;
use super::state::{State, VariableValue, merge};
use super::{Flow, Walker};
use crate::model::{Dir, OpaqueKind, Stdin, Word};

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
            "declare" | "typeset" | "local" | "export" | "readonly" => {
                self.declare(state, call, name, declared);
                Flow::both(state.clone())
            }
            "unset" | "read" | "mapfile" | "readarray" | "let" | "getopts" | "set" | "shift" => {
                self.variable(state, call, name);
                Flow::both(state.clone())
            }
            "trap" => {
                self.trap(state, call);
                Flow::both(state.clone())
            }
            "alias" => {
                for word in call.argv.get(1..).unwrap_or_default() {
                    if let Some((name, text)) = word.as_code().as_deref().and_then(|t| t.split_once('=')) {
                        state.alias(name, text.to_owned());
                    }
                }
                Flow::both(state.clone())
            }
            "hash" => {
                if let (Some("-p"), Some(path), Some(name)) =
                    (call.literal(1), call.literal(2), call.literal(3))
                {
                    state.alias(name, super::quote::single(path));
                }
                Flow::both(state.clone())
            }
            "test" | "[" => {
                if call.literal(1) == Some("-v") {
                    let subscript = call.literal(2).unwrap_or_default().to_owned();
                    self.arithmetic(state, &subscript, call.origin());
                }
                Flow::both(state.clone())
            }
            "time" => {
                let from = if call.literal(1) == Some("-p") { 2 } else { 1 };
                return Some(self.call(state.clone(), &call.rest(from), &[]));
            }
            "echo" | "printf" | "cat" | "pwd" | "which" | "type" | "basename" | "dirname" | "readlink"
            | "realpath" => {
                self.prints(state, call, name);
                Flow::both(state.clone())
            }
            ":" | "true" | "false" | "shopt" | "wait" | "umask" | "ulimit" | "mkdir" | "touch" | "sleep" => {
                Flow::both(state.clone())
            }
            _ => return None,
        };
        self.emit(state, call);
        Some(flow)
    }

    /// `trap CODE SIGNAL`: the code runs some time.
    fn trap(&mut self, state: &State, call: &SimpleCall) {
        let at = if call.literal(1) == Some("--") { 2 } else { 1 };
        if let Some(code) = call.literal(at).filter(|c| !matches!(*c, "-" | "" | "-l" | "-p")) {
            let code = code.to_owned();
            self.code(&mut state.clone(), &code, call.origin());
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
    fn source_leaves(&mut self, state: &mut State, call: &SimpleCall) {
        let path = call.literal(1).and_then(|path| match state.cwd.as_slice() {
            _ if path.starts_with('/') => Some(crate::model::normalize(path)),
            [Dir::Known(folder)] => Some(crate::model::normalize(&format!("{folder}/{path}"))),
            _ => None,
        });
        let found = path.and_then(|path| self.files.iter().find(|(known, _)| *known == path));
        let Some((path, text)) = found else { return };
        let before = std::mem::take(&mut self.out);
        let mut inner = state.clone();
        inner.set("BASH_SOURCE", vec![VariableValue::Scalar(Word::literal(path.as_str()))]);
        let left = self.code(&mut inner, text, call.origin().elsewhere());
        self.out = before;
        if let Some(flow) = left {
            state.adopt(&flow.last);
        }
    }

    /// `source`: the text on standard input where that is what is read. Files are read by the caller, which may.
    fn source_file(&mut self, state: &mut State, call: &SimpleCall) -> Flow {
        self.emit(state, call);
        let from_stdin = call.argv.get(1).is_some_and(|w| {
            w.prefix().starts_with("/dev/fd/")
                || matches!(w.as_literal(), Some("/dev/stdin" | "/proc/self/fd/0" | "-"))
        });
        if !from_stdin {
            self.source_leaves(state, call);
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

    fn declare(&mut self, state: &mut State, call: &SimpleCall, name: &str, declared: &[&Assignment]) {
        let mut flags = String::new();
        let mut names: Vec<String> = Vec::new();
        for word in call.argv.get(1..).unwrap_or_default() {
            match word.as_literal() {
                Some(flag) if flag.starts_with(['-', '+']) => flags.push_str(flag),
                _ => names.extend(self.assign_word(state, word, call.origin())),
            }
        }
        for assignment in declared {
            let (brush_parser::ast::AssignmentName::VariableName(name)
            | brush_parser::ast::AssignmentName::ArrayElementName(name, _)) = &assignment.name;
            names.push(name.clone());
        }
        if flags.contains('f') && (name == "export" || flags.contains('x')) {
            names.iter().for_each(|name| state.export_function(name));
        }
        for variable in &names {
            if flags.contains('n') && name != "export" {
                state.refer(variable);
            }
            if name == "export" || flags.contains('x') {
                state.export(variable);
            }
            let upper = flags.contains('u');
            if (upper || flags.contains('l')) && name != "export" {
                let values = (state.get(variable).unwrap_or_default().iter())
                    .map(|v| match v {
                        VariableValue::Scalar(word) => {
                            word.as_literal().map_or(VariableValue::Unknown, |t| {
                                VariableValue::Scalar(Word::literal(if upper {
                                    t.to_uppercase()
                                } else {
                                    t.to_lowercase()
                                }))
                            })
                        }
                        _ => VariableValue::Unknown,
                    })
                    .collect();
                state.set(variable, values);
            }
        }
    }

    fn variable(&mut self, state: &mut State, call: &SimpleCall, name: &str) {
        let words = call.argv.get(1..).unwrap_or_default();
        match name {
            "unset" => {
                for word in words {
                    let Some(name) = word.as_literal() else { continue };
                    match name.split_once('[') {
                        Some((array, index)) => {
                            let (array, index) = (array.to_owned(), index.to_owned());
                            self.arithmetic(state, &index, call.origin());
                            state.set(&array, vec![VariableValue::Unknown]);
                        }
                        None => state.set(name, vec![VariableValue::Unset]),
                    }
                }
            }
            "let" => {
                for word in words {
                    let expr = word.as_code().unwrap_or_default();
                    self.arithmetic(state, &expr, call.origin());
                }
            }
            "getopts" => {
                if let Some(name) = call.literal(2) {
                    state.set(name, vec![VariableValue::Scalar(Word::unknown())]);
                }
                state.set("OPTARG", vec![VariableValue::Unknown]);
            }
            "set" => set_options(state, words),
            "shift" => {
                let by = call.literal(1).map_or(Some(1), |n| n.parse::<usize>().ok());
                let rest =
                    state.positional.as_ref().zip(by).map(|(all, by)| all.iter().skip(by).cloned().collect());
                state.positional = rest.map(std::rc::Rc::new);
            }
            _ => self.read(state, call, name != "read"),
        }
    }

    /// `read` and `mapfile`, from a text that is known or not.
    fn read(&mut self, state: &mut State, call: &SimpleCall, whole: bool) {
        let lines: Option<Vec<String>> = match &call.stdin {
            Stdin::Text(text) if text.len() < 65_536 => Some(text.lines().map(str::to_owned).collect()),
            _ => None,
        };
        let ifs = call
            .env
            .iter()
            .find(|a| a.name == "IFS")
            .map(|a| a.value.as_literal().unwrap_or(" \t\n").to_owned());
        let kept = state.get("IFS").and_then(|values| match values {
            [VariableValue::Scalar(word)] => word.as_literal().map(str::to_owned),
            _ => None,
        });
        let ifs = ifs.or(kept).unwrap_or_else(|| " \t\n".to_owned());
        let mut names = Vec::new();
        let mut array = whole;
        let mut words = call.argv.get(1..).unwrap_or_default().iter();
        while let Some(word) = words.next() {
            match word.as_literal() {
                Some(flag) if flag.starts_with('-') && flag.len() > 1 => {
                    array |= flag.contains('a') && !whole;
                    if flag.ends_with(['d', 'n', 'N', 'p', 't', 'u', 'i', 'O', 's', 'C', 'c']) && flag != "-s"
                    {
                        let value = words.next().and_then(Word::as_literal).map(str::to_owned);
                        // `mapfile -C` calls its value with an index and a line behind it.
                        if let Some(code) = value.filter(|_| whole && flag.ends_with('C')) {
                            let code = format!("{code} 0 \"${{{}}}\"", Word::UNKNOWN_PARAMETER);
                            self.code(&mut state.clone(), &code, call.origin());
                        }
                    }
                }
                Some(name) => names.push(name.to_owned()),
                None => {}
            }
        }
        for name in &names {
            if let Some((_, index)) = name.split_once('[') {
                self.arithmetic(state, index, call.origin());
            }
        }
        if names.is_empty() {
            names.push(if whole { "MAPFILE".to_owned() } else { "REPLY".to_owned() });
        }
        // Inside a loop every line may be the one that is read.
        let lines = lines.filter(|l| l.len() <= super::state::MOST_ALTERNATIVES);
        for (i, name) in names.iter().enumerate() {
            let value = |line: &String| {
                if array {
                    return VariableValue::List(
                        printing::fields(line, &ifs, usize::MAX).into_iter().map(Word::literal).collect(),
                    );
                }
                let parts = printing::fields(line, &ifs, names.len());
                VariableValue::Scalar(Word::literal(parts.get(i).cloned().unwrap_or_default()))
            };
            let values = match &lines {
                Some(lines) if whole => {
                    vec![VariableValue::List(lines.iter().map(|l| Word::literal(l.as_str())).collect())]
                }
                Some(lines) => lines.iter().map(value).collect(),
                None => vec![VariableValue::Unknown],
            };
            state.set(name, values);
        }
    }

    /// What `echo`, `printf`, `cat` and their like print, and where `printf -v` puts it.
    fn prints(&mut self, state: &mut State, call: &SimpleCall, name: &str) {
        if let ("printf", Some("-v"), Some(variable)) = (name, call.literal(1), call.literal(2)) {
            let variable = variable.to_owned();
            if let Some((array, index)) = variable.split_once('[') {
                self.arithmetic(state, index, call.origin());
                state.set(array, vec![VariableValue::Unknown]);
                return;
            }
            let text = printing::printf(call.argv.get(3..).unwrap_or_default());
            state.set(&variable, vec![text.map_or(VariableValue::Unknown, VariableValue::Scalar)]);
            return;
        }
        let text = match name {
            "echo" => Some(printing::echo(call.argv.get(1..).unwrap_or_default())),
            "printf" => printing::printf(call.argv.get(1..).unwrap_or_default()),
            "pwd" => match state.cwd.as_slice() {
                [Dir::Known(path)] => Some(Word::literal(format!("{path}\n"))),
                _ => None,
            },
            "cat" => match (&call.stdin, call.literal(1), call.argv.len()) {
                (Stdin::Text(text), _, 1) | (Stdin::Text(text), Some("-"), 2) => {
                    Some(Word::literal(text.as_str()))
                }
                _ => None,
            },
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

/// What `dirname` prints.
fn parent(path: &str) -> Word {
    let folder = match path.trim_end_matches('/').rsplit_once('/') {
        None => ".",
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
    };
    Word::literal(format!("{folder}\n"))
}

/// `set -e`, `set -- a b`.
fn set_options(state: &mut State, words: &[Word]) {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_literal() {
            Some("--") => {
                let rest: Vec<Word> = words.cloned().collect();
                state.positional = (!rest.iter().any(Word::splits)).then(|| std::rc::Rc::new(rest));
                return;
            }
            Some("-o" | "+o") => {
                let on = word.as_literal() == Some("-o");
                if words.next().and_then(Word::as_literal) == Some("errexit") {
                    state.errexit = on;
                }
            }
            Some(flag) if flag.starts_with(['-', '+']) && flag.len() > 1 => {
                if flag.contains('e') {
                    state.errexit = flag.starts_with('-');
                }
                if flag.ends_with('o') && words.next().and_then(Word::as_literal) == Some("errexit") {
                    state.errexit = flag.starts_with('-');
                }
            }
            _ => {
                let rest: Vec<Word> = std::iter::once(word.clone()).chain(words.cloned()).collect();
                state.positional = (!rest.iter().any(Word::splits)).then(|| std::rc::Rc::new(rest));
                return;
            }
        }
    }
}
