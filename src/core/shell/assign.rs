//! Assignments: before a command, alone, and as arguments of `declare` and its kin.

use brush_parser::ast::{Assignment, AssignmentName, AssignmentValue};

use super::state::{State, VariableValue};
use super::{TextOrigin, Walker};
use crate::model::{Assigned, Word};

/// Longest array that is kept element by element.
const LONGEST_ARRAY: usize = 256;

/// Variables whose value the shell itself expands or runs later.
const PROMPTS: [&str; 4] = ["PS0", "PS1", "PS2", "PS4"];

impl Walker<'_> {
    /// Carries out one assignment and says what it gives to the environment of a command.
    pub(super) fn assign(&mut self, state: &mut State, assignment: &Assignment) -> Assigned {
        let origin = self.frame.elsewhere();
        let (name, index) = match &assignment.name {
            AssignmentName::VariableName(name) => (name.as_str(), None),
            AssignmentName::ArrayElementName(name, index) => {
                self.arithmetic(state, index, origin);
                (name.as_str(), Some(index.as_str()))
            }
        };
        let value = match &assignment.value {
            AssignmentValue::Scalar(word) => {
                let origin = self.origin(word);
                let mut words = self.single(state, &word.value, origin);
                if let Some(first) = word.value.strip_prefix('~').and_then(|_| words.first()) {
                    words = vec![first.clone()];
                }
                words.into_iter().map(VariableValue::Scalar).collect()
            }
            AssignmentValue::Array(elements) => {
                let mut all = Vec::new();
                for (key, word) in elements {
                    if let Some(key) = key {
                        self.arithmetic(state, &key.value, origin);
                    }
                    let origin = self.origin(word);
                    all.extend(self.fields(state, &word.value, origin).into_iter().flatten());
                }
                if all.len() > LONGEST_ARRAY || all.iter().any(Word::splits) {
                    vec![VariableValue::Unknown]
                } else {
                    vec![VariableValue::List(all)]
                }
            }
        };
        // `BASH_CMDS[name]=path` is what `hash -p path name` does.
        if let ("BASH_CMDS" | "BASH_ALIASES", Some(alias), [VariableValue::Scalar(word)]) =
            (name, index, value.as_slice())
            && let Some(text) = word.as_code()
        {
            state.alias(alias, if name == "BASH_CMDS" { super::quote::single(&text) } else { text });
        }
        let values = combine(state.get(name), value, index, assignment.append);
        self.set_checked(state, name, values, origin);
        let shown = match state.get(name) {
            Some([VariableValue::Scalar(word)]) => word.clone(),
            _ => Word::unknown(),
        };
        Assigned { name: name.to_owned(), value: shown }
    }

    /// Sets a variable, and runs what the shell will run because of it.
    pub(super) fn set_checked(
        &mut self,
        state: &mut State,
        name: &str,
        values: Vec<VariableValue>,
        origin: TextOrigin,
    ) {
        let code: Vec<String> = (values.iter())
            .filter_map(|v| match v {
                VariableValue::Scalar(word) => word.as_code(),
                _ => None,
            })
            .filter(|text| !text.is_empty())
            .collect();
        state.set(name, values);
        if state.is_integer(name) {
            self.integers(state, name, origin);
        }
        if name == "BASH_ENV" || name == "ENV" {
            // The value is expanded where a shell starts, before the file is read.
            for text in code.iter().filter(|text| text.contains(['$', '`'])) {
                self.expanded_later(state, text, origin);
            }
        }
        if PROMPTS.contains(&name) {
            for text in code.iter().filter(|t| t.contains(['$', '`'])) {
                self.expanded_later(state, text, origin);
            }
        } else if name == "PROMPT_COMMAND" {
            for text in &code {
                self.code(&mut state.clone(), text, origin.elsewhere());
            }
        }
    }

    /// Text that a shell expands some time as if it stood in double quotes.
    pub(super) fn expanded_later(&mut self, state: &State, text: &str, origin: TextOrigin) {
        let quoted = format!("\"{}\"", text.replace('"', "\\\""));
        let _ = self.streams(&mut state.clone(), &quoted, origin.elsewhere(), true);
    }

    /// What a variable holds that is an integer has been worked out: substitutions in it have run.
    pub(super) fn integers(&mut self, state: &mut State, name: &str, origin: TextOrigin) {
        let mut texts: Vec<String> = Vec::new();
        for value in state.get(name).unwrap_or_default() {
            match value {
                VariableValue::Scalar(word) => texts.extend(word.as_code()),
                VariableValue::List(words) => texts.extend(words.iter().filter_map(Word::as_code)),
                VariableValue::Unset | VariableValue::Unknown => {}
            }
        }
        texts.retain(|text| text.parse::<i64>().is_err());
        if texts.is_empty() {
            return;
        }
        state.set(name, vec![VariableValue::Scalar(Word::unknown())]);
        for text in texts {
            self.arithmetic(state, &text, origin.elsewhere());
        }
    }

    /// `NAME=VALUE` given as a plain word (`declare "$x"`, `export A=b`).
    pub(super) fn assign_word(
        &mut self,
        state: &mut State,
        word: &Word,
        origin: TextOrigin,
    ) -> Option<String> {
        let prefix = word.prefix().to_owned();
        let name = match prefix.split_once('=') {
            Some((name, _)) => name.trim_end_matches('+').to_owned(),
            None => word.as_literal()?.to_owned(),
        };
        if let Some((name, index)) = name.split_once('[') {
            self.arithmetic(state, index, origin);
            state.set(name, vec![VariableValue::Unknown]);
            return Some(name.to_owned());
        }
        if let Some((_, start)) = prefix.split_once('=') {
            let mut value = Word::literal(start);
            for part in word.parts().iter().skip(1) {
                match part {
                    crate::model::Part::Text(text) => value.push_text(text),
                    crate::model::Part::Unknown => value.push_unknown(false),
                    crate::model::Part::Asked(what) => value.push_asked(*what),
                }
            }
            self.set_checked(state, &name, vec![VariableValue::Scalar(value)], origin);
        } else if state.get(&name).is_none() {
            state.set(&name, vec![VariableValue::Unknown]);
        }
        Some(name)
    }
}

/// `x=v`, `x+=v`, `x[i]=v` on what the variable held.
fn combine(
    old: Option<&[VariableValue]>,
    new: Vec<VariableValue>,
    index: Option<&str>,
    append: bool,
) -> Vec<VariableValue> {
    if let Some(index) = index {
        let [VariableValue::Scalar(word)] = new.as_slice() else { return vec![VariableValue::Unknown] };
        return vec![put(old, index, word, append)];
    }
    if !append {
        return new;
    }
    let Some(old) = old else { return vec![VariableValue::Unknown] };
    let mut all = Vec::new();
    for before in old {
        for after in &new {
            all.push(match (before, after) {
                (VariableValue::Scalar(a), VariableValue::Scalar(b)) => {
                    let mut joined = a.clone();
                    joined.push_word(b);
                    VariableValue::Scalar(joined)
                }
                (VariableValue::Unset, after) => after.clone(),
                (VariableValue::List(a), VariableValue::List(b)) if a.len() + b.len() <= LONGEST_ARRAY => {
                    VariableValue::List([a.as_slice(), b].concat())
                }
                (VariableValue::Scalar(a), VariableValue::List(b)) => {
                    VariableValue::List([std::slice::from_ref(a), b].concat())
                }
                _ => VariableValue::Unknown,
            });
        }
    }
    all
}

fn put(old: Option<&[VariableValue]>, index: &str, word: &Word, append: bool) -> VariableValue {
    let mut list = match old {
        None | Some([VariableValue::Unset]) => Vec::new(),
        Some([VariableValue::List(list)]) => list.clone(),
        Some([VariableValue::Scalar(word)]) => vec![word.clone()],
        _ => return VariableValue::Unknown,
    };
    match index.trim().parse::<usize>() {
        Ok(at) if at < LONGEST_ARRAY => {
            if list.len() <= at {
                list.resize(at + 1, Word::default());
            }
            if let Some(slot) = list.get_mut(at) {
                if append { slot.push_word(word) } else { *slot = word.clone() }
            }
        }
        // A computed or named index: the element exists, its place is not known.
        _ if list.len() < LONGEST_ARRAY => list.push(word.clone()),
        _ => return VariableValue::Unknown,
    }
    VariableValue::List(list)
}
