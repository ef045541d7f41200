//! The builtins that declare, read and set variables.

use brush_parser::ast::{Assignment, AssignmentValue};

use super::Walker;
use super::options::options;
use super::printing;
use super::simple::SimpleCall;
use super::state::{ShellOption, State, VariableValue};
use crate::model::{Stdin, Word};

impl Walker<'_> {
    pub(super) fn declare(
        &mut self,
        state: &mut State,
        call: &SimpleCall,
        name: &str,
        declared: &[&Assignment],
    ) {
        let mut flags = String::new();
        let mut names: Vec<String> = Vec::new();
        let global =
            call.argv.iter().any(|word| word.prefix().starts_with('-') && word.prefix().contains('g'));
        let local = declares_local(name) && !global && !self.calls.is_empty();
        for word in call.argv.get(1..).unwrap_or_default() {
            match word.as_literal() {
                Some(flag) if flag.starts_with(['-', '+']) => flags.push_str(flag),
                _ => {
                    let named = self.assign_word(state, word, call.origin());
                    let bare = word.as_literal().is_some_and(|text| !text.contains('='));
                    if let Some(variable) = named.as_ref().filter(|_| bare && local) {
                        state.set(variable, vec![VariableValue::Unset]);
                    }
                    names.extend(named);
                }
            }
        }
        for assignment in declared {
            let (brush_parser::ast::AssignmentName::VariableName(name)
            | brush_parser::ast::AssignmentName::ArrayElementName(name, _)) = &assignment.name;
            names.push(name.clone());
            if let (true, AssignmentValue::Scalar(word)) = (flags.contains('i'), &assignment.value) {
                let values = self.single(state, &word.value, call.origin().elsewhere());
                values
                    .iter()
                    .filter_map(Word::as_code)
                    .for_each(|code| self.arithmetic(state, &code, call.origin()));
            }
        }
        if let Some(known) = self.locals.last_mut().filter(|_| local) {
            known.extend(names.iter().cloned());
        }
        if flags.contains('f') && (name == "export" || flags.contains('x')) {
            names.iter().for_each(|name| state.export_function(name));
        }
        for variable in &names {
            if flags.contains('n') && name != "export" {
                self.referred(state, variable, call);
            }
            if flags.contains('i') {
                state.make_integer(variable);
                self.integers(state, variable, call.origin());
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

    /// `declare -n`: the subscript of what is referred to is worked out with each use.
    fn referred(&mut self, state: &mut State, variable: &str, call: &SimpleCall) {
        let named = match state.get(variable) {
            Some([VariableValue::Scalar(word)]) => word.as_code(),
            _ => None,
        };
        if let Some((_, index)) = named.as_deref().and_then(|name| name.split_once('[')) {
            self.arithmetic(state, index, call.origin());
        }
        state.refer(variable);
    }

    pub(super) fn variable(&mut self, state: &mut State, call: &SimpleCall, name: &str) {
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
        let letters = if whole { "C:c:d:n:O:s:tu:" } else { "a:d:Eei:n:N:p:rst:u:" };
        let given = options(call.argv.get(1..).unwrap_or_default(), letters);
        // `mapfile -C` calls its value with an index and a line behind it.
        if let Some(code) = given.value('C').and_then(Word::as_code).filter(|_| whole) {
            let code = format!("{code} 0 \"${{{}}}\"", Word::UNKNOWN_PARAMETER);
            self.code(&mut state.clone(), &code, call.origin());
        }
        let array = whole || given.has('a');
        let into = given.value('a').filter(|_| !whole).into_iter().chain(given.operands);
        let mut names: Vec<String> = into.filter_map(Word::as_literal).map(str::to_owned).collect();
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
}

/// True for what makes a variable of the function alone, without a value of its own.
fn declares_local(name: &str) -> bool {
    matches!(name, "local" | "declare" | "typeset")
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
                set_option(state, words.next().and_then(Word::as_literal), on);
            }
            Some(flag) if flag.starts_with(['-', '+']) && flag.len() > 1 => {
                let on = flag.starts_with('-');
                let known = [('e', "errexit"), ('a', "allexport")];
                known
                    .iter()
                    .filter(|(letter, _)| flag.contains(*letter))
                    .for_each(|(_, name)| set_option(state, Some(name), on));
                if flag.ends_with('o') {
                    set_option(state, words.next().and_then(Word::as_literal), on);
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

fn set_option(state: &mut State, name: Option<&str>, on: bool) {
    match name {
        Some("errexit") => state.options.set(ShellOption::Errexit, on),
        Some("allexport") => state.options.set(ShellOption::Allexport, on),
        _ => {}
    }
}
