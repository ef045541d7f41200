//! Parameter expansion: `$x`, `${x:-y}`, `${x#p}`, `${x/p/r}`, `"${a[@]}"` and the rest of the family.

use std::borrow::Cow;

use brush_parser::word::{
    Parameter, ParameterExpr, ParameterTestType, ParameterTransformOp, SpecialParameter,
};

use super::edit::{Edit, change, slice};
use super::pattern::Pattern;
use super::quote;
use super::state::{State, VariableValue};
use super::stream::{self, MOST, Seg, Stream};
use super::{TextOrigin, Walker};
use crate::model::{Dir, Word};

/// What a parameter stands for.
#[derive(Clone, Debug)]
enum Looked {
    /// One string.
    Word(Word),
    /// Several words; `true` where they are joined by `*`.
    Words(Vec<Word>, bool),
    /// Not set.
    Unset,
    /// One string nobody knows.
    Unknown,
    /// A list nobody knows.
    UnknownList,
    /// A number nobody knows.
    Number,
}

impl Walker<'_> {
    pub(super) fn parameter(
        &mut self,
        state: &mut State,
        expr: &ParameterExpr,
        quoted: bool,
        origin: TextOrigin,
    ) -> Vec<Stream> {
        use ParameterExpr as E;
        match expr {
            E::Parameter { parameter, indirect } => {
                let looked = self.look(state, parameter, *indirect, origin);
                looked.iter().map(|l| emit(l, quoted)).collect()
            }
            E::UseDefaultValues { parameter, indirect, test_type, default_value } => self.either(
                state,
                (parameter, *indirect, test_type),
                default_value.as_deref(),
                (quoted, origin),
            ),
            E::AssignDefaultValues { parameter, indirect, test_type, default_value } => {
                let all = self.either(
                    state,
                    (parameter, *indirect, test_type),
                    default_value.as_deref(),
                    (quoted, origin),
                );
                if let Parameter::Named(name) = parameter {
                    state.set(name, all.iter().map(|s| VariableValue::Scalar(stream::single(s))).collect());
                }
                all
            }
            E::IndicateErrorIfNullOrUnset { parameter, indirect, error_message, .. } => {
                self.operand(state, error_message.as_deref(), quoted, origin);
                let looked = self.look(state, parameter, *indirect, origin);
                looked.iter().map(|l| emit(l, quoted)).collect()
            }
            E::UseAlternativeValue { parameter, indirect, test_type, alternative_value } => {
                let looked = self.look(state, parameter, *indirect, origin);
                let mut all = Vec::new();
                if looked.iter().any(|l| may_be_set(l, test_type)) {
                    all.extend(self.operand(state, alternative_value.as_deref(), quoted, origin));
                }
                if looked.iter().any(|l| may_be_unset(l, test_type)) {
                    all.push(if quoted { vec![stream::text("", true)] } else { Vec::new() });
                }
                all
            }
            E::ParameterLength { .. } => vec![vec![Seg::Unknown { quoted: true }]],
            E::VariableNames { .. } | E::MemberKeys { .. } => vec![vec![Seg::Unknown { quoted: false }]],
            other => self.operator(state, other, quoted, origin),
        }
    }

    /// `${x:-word}`: the value where it is set, the word where it is not, both where that is not known.
    fn either(
        &mut self,
        state: &mut State,
        (parameter, indirect, test): (&Parameter, bool, &ParameterTestType),
        default: Option<&str>,
        (quoted, origin): (bool, TextOrigin),
    ) -> Vec<Stream> {
        let looked = self.look(state, parameter, indirect, origin);
        let mut all: Vec<Stream> =
            looked.iter().filter(|l| may_be_set(l, test)).map(|l| emit(l, quoted)).collect();
        if looked.iter().any(|l| may_be_unset(l, test)) {
            all.extend(self.operand(state, default, quoted, origin));
        }
        if all.len() > MOST { vec![vec![Seg::Unknown { quoted }]] } else { all }
    }

    /// The word behind an operator.
    fn operand(
        &mut self,
        state: &mut State,
        raw: Option<&str>,
        quoted: bool,
        origin: TextOrigin,
    ) -> Vec<Stream> {
        let Some(raw) = raw else { return vec![Vec::new()] };
        let literal = if quoted { quote::literal_apostrophes(raw) } else { Cow::Borrowed(raw) };
        let mut all = self.streams(state, &literal, origin.elsewhere(), quoted);
        // White space in the operand separates words as it does in a value.
        for seg in all.iter_mut().flatten() {
            if let Seg::Text { quoted: false, split, .. } = seg {
                *split = true;
            }
        }
        all
    }

    /// Operators that change text: worked out for every value that is certain.
    fn operator(
        &mut self,
        state: &mut State,
        expr: &ParameterExpr,
        quoted: bool,
        origin: TextOrigin,
    ) -> Vec<Stream> {
        let Some((parameter, indirect)) = subject(expr) else {
            return vec![vec![Seg::Unknown { quoted: false }]];
        };
        let looked = self.look(state, parameter, indirect, origin);
        let edit = self.edit(state, expr, origin);
        // `$0` comes before the positional parameters, so offset 1 is the first of ours.
        let first = i64::from(matches!(parameter, Parameter::Special(_)));
        let mut all = Vec::new();
        for one in &looked {
            let changed = match one {
                Looked::Word(word) => change(word, &edit).map_or(Looked::Unknown, Looked::Word),
                Looked::Words(words, star) => slice(words, &edit, first)
                    .or_else(|| words.iter().map(|w| change(w, &edit)).collect())
                    .map_or(Looked::UnknownList, |w| Looked::Words(w, *star)),
                Looked::Unset => change(&Word::default(), &edit).map_or(Looked::Unknown, Looked::Word),
                other => other.clone(),
            };
            if matches!(edit, Edit::Prompt) {
                all.extend(self.prompt(state, &changed, quoted, origin));
            } else {
                all.push(emit(&changed, quoted));
            }
        }
        all
    }

    /// `${x@P}` expands the value as a prompt, which runs the substitutions in it.
    fn prompt(
        &mut self,
        state: &mut State,
        looked: &Looked,
        quoted: bool,
        origin: TextOrigin,
    ) -> Vec<Stream> {
        match looked {
            Looked::Word(word) => match word.as_literal() {
                Some(code) => {
                    let code = format!("\"{}\"", code.replace('"', "\\\""));
                    self.streams(state, &code, origin.elsewhere(), quoted)
                }
                None => vec![vec![Seg::Unknown { quoted }]],
            },
            Looked::Words(words, _) => {
                words
                    .iter()
                    .filter_map(Word::as_code)
                    .for_each(|code| self.expanded_later(state, &code, origin));
                vec![vec![Seg::Unknown { quoted: false }]]
            }
            other => vec![emit(other, quoted)],
        }
    }

    fn look(
        &mut self,
        state: &mut State,
        parameter: &Parameter,
        indirect: bool,
        origin: TextOrigin,
    ) -> Vec<Looked> {
        let direct = self.look_direct(state, parameter, origin);
        if !indirect {
            return direct;
        }
        let mut all = Vec::new();
        for one in direct {
            match one {
                Looked::Word(word) => match word.as_literal() {
                    Some(name) => {
                        if let Some((_, index)) = name.split_once('[') {
                            self.arithmetic(state, index, origin);
                        }
                        all.extend(self.named(state, name));
                    }
                    None => all.push(Looked::UnknownList),
                },
                _ => all.push(Looked::UnknownList),
            }
        }
        all
    }

    fn look_direct(&mut self, state: &mut State, parameter: &Parameter, origin: TextOrigin) -> Vec<Looked> {
        match parameter {
            Parameter::Named(name) => self.named(state, name),
            Parameter::Positional(0) | Parameter::Special(SpecialParameter::ShellName) => {
                self.named(state, "0")
            }
            Parameter::Positional(n) => match &state.positional {
                Some(all) => {
                    let n = usize::try_from(*n).unwrap_or(usize::MAX);
                    vec![all.get(n.saturating_sub(1)).map_or(Looked::Unset, |w| Looked::Word(w.clone()))]
                }
                None => vec![Looked::Unknown],
            },
            Parameter::Special(SpecialParameter::AllPositionalParameters { concatenate }) => {
                match &state.positional {
                    Some(all) => vec![Looked::Words(all.as_ref().clone(), *concatenate)],
                    None => vec![Looked::UnknownList],
                }
            }
            Parameter::Special(SpecialParameter::CurrentOptionFlags) => vec![Looked::Unknown],
            Parameter::Special(_) => vec![Looked::Number],
            Parameter::NamedWithIndex { name, index } => {
                self.arithmetic(state, index, origin);
                element(state.get(name), index)
            }
            Parameter::NamedWithAllIndices { name, concatenate } => match state.get(name) {
                Some(values) => values
                    .iter()
                    .map(|v| match v {
                        VariableValue::List(words) => Looked::Words(words.clone(), *concatenate),
                        VariableValue::Scalar(word) => Looked::Words(vec![word.clone()], *concatenate),
                        VariableValue::Unset => Looked::Words(Vec::new(), *concatenate),
                        VariableValue::Unknown => Looked::UnknownList,
                    })
                    .collect(),
                None => vec![Looked::UnknownList],
            },
        }
    }

    fn named(&self, state: &State, name: &str) -> Vec<Looked> {
        if let Some((array, index)) = name.strip_suffix(']').and_then(|n| n.split_once('[')) {
            return match index {
                "@" | "*" => vec![Looked::UnknownList],
                _ => element(state.get(array), index),
            };
        }
        let Some(values) = state.get(name) else { return vec![self.inherited(state, name)] };
        (values.iter())
            .map(|v| match v {
                VariableValue::Scalar(word) => Looked::Word(word.clone()),
                VariableValue::List(words) => {
                    words.first().map_or(Looked::Unset, |w| Looked::Word(w.clone()))
                }
                VariableValue::Unset => Looked::Unset,
                VariableValue::Unknown => Looked::Unknown,
            })
            .collect()
    }

    /// Variables the line has not touched: only what the context says is certain.
    fn inherited(&self, state: &State, name: &str) -> Looked {
        match name {
            "HOME" => Looked::Word(Word::literal(self.home)),
            // Whichever it is, it reads what it is given as a shell does.
            "SHELL" => Looked::Word(Word::literal("/bin/bash")),
            "IFS" => Looked::Word(Word::literal(" \t\n")),
            "PWD" => match state.cwd.as_slice() {
                [Dir::Known(path)] => Looked::Word(Word::literal(path.as_str())),
                _ => Looked::Unknown,
            },
            "RANDOM" | "SECONDS" | "LINENO" | "EPOCHSECONDS" | "UID" | "EUID" | "PPID" | "BASHPID"
            | "COLUMNS" | "LINES" | "SHLVL" => Looked::Number,
            _ => Looked::Unknown,
        }
    }

    fn edit(&mut self, state: &mut State, expr: &ParameterExpr, origin: TextOrigin) -> Edit {
        use ParameterExpr as E;
        match expr {
            E::RemoveSmallestPrefixPattern { pattern, .. } => {
                Edit::Prefix(self.pattern(state, pattern.as_deref(), origin), false)
            }
            E::RemoveLargestPrefixPattern { pattern, .. } => {
                Edit::Prefix(self.pattern(state, pattern.as_deref(), origin), true)
            }
            E::RemoveSmallestSuffixPattern { pattern, .. } => {
                Edit::Suffix(self.pattern(state, pattern.as_deref(), origin), false)
            }
            E::RemoveLargestSuffixPattern { pattern, .. } => {
                Edit::Suffix(self.pattern(state, pattern.as_deref(), origin), true)
            }
            E::UppercaseFirstChar { pattern, .. } if blank(pattern) => {
                Edit::Case { upper: true, first: true }
            }
            E::UppercasePattern { pattern, .. } if blank(pattern) => Edit::Case { upper: true, first: false },
            E::LowercaseFirstChar { pattern, .. } if blank(pattern) => {
                Edit::Case { upper: false, first: true }
            }
            E::LowercasePattern { pattern, .. } if blank(pattern) => {
                Edit::Case { upper: false, first: false }
            }
            E::UppercaseFirstChar { pattern, .. }
            | E::UppercasePattern { pattern, .. }
            | E::LowercaseFirstChar { pattern, .. }
            | E::LowercasePattern { pattern, .. } => {
                // Only what its pattern runs is worked out.
                self.pattern(state, pattern.as_deref(), origin);
                Edit::Unknown
            }
            E::Transform { op, .. } => match op {
                ParameterTransformOp::ToUpperCase => Edit::Case { upper: true, first: false },
                ParameterTransformOp::CapitalizeInitial => Edit::Case { upper: true, first: true },
                ParameterTransformOp::ToLowerCase => Edit::Case { upper: false, first: false },
                ParameterTransformOp::ExpandEscapeSequences => Edit::Escapes,
                ParameterTransformOp::Quoted => Edit::Quote,
                ParameterTransformOp::PromptExpand => Edit::Prompt,
                _ => Edit::Unknown,
            },
            E::Substring { offset, length, .. } => {
                self.arithmetic(state, &offset.value, origin);
                let length = length.as_ref().map(|l| {
                    self.arithmetic(state, &l.value, origin);
                    l.value.trim().parse::<i64>()
                });
                match (offset.value.trim().parse(), length.transpose()) {
                    (Ok(offset), Ok(length)) => Edit::Cut(offset, length),
                    _ => Edit::Unknown,
                }
            }
            E::ReplaceSubstring { pattern, replacement, match_kind, .. } => {
                let pattern = self.pattern(state, Some(pattern), origin);
                let with = self.one(state, replacement.as_deref().unwrap_or_default(), origin.elsewhere());
                Edit::Replace(pattern, with, match_kind.clone())
            }
            _ => Edit::Unknown,
        }
    }

    /// A pattern operand with its quoted parts made literal.
    pub(super) fn pattern(
        &mut self,
        state: &mut State,
        raw: Option<&str>,
        origin: TextOrigin,
    ) -> Option<Pattern> {
        let raw = raw.unwrap_or_default();
        let streams = self.streams(state, raw, origin.elsewhere(), false);
        let [only] = streams.as_slice() else { return None };
        let mut text = String::new();
        for seg in only {
            match seg {
                Seg::Text { text: t, quoted: false, .. } => text.push_str(t),
                Seg::Text { text: t, .. } => t.chars().for_each(|c| {
                    text.push('\\');
                    text.push(c);
                }),
                _ => return None,
            }
        }
        Pattern::new(&text)
    }
}

/// No pattern behind `^^` or `,,`: every character is meant.
fn blank(pattern: &Option<String>) -> bool {
    pattern.as_deref().is_none_or(str::is_empty)
}

fn element(values: Option<&[VariableValue]>, index: &str) -> Vec<Looked> {
    let Some(values) = values else { return vec![Looked::Unknown] };
    let number = index.trim().parse::<i64>().ok();
    if number.is_none() {
        return any_element(values);
    }
    (values.iter())
        .map(|v| match (v, number) {
            (VariableValue::List(words), Some(i)) => {
                let at = if i < 0 { words.len() as i64 + i } else { i };
                let word = usize::try_from(at).ok().and_then(|at| words.get(at));
                word.map_or(Looked::Unset, |w| Looked::Word(w.clone()))
            }
            (VariableValue::Scalar(word), Some(0)) => Looked::Word(word.clone()),
            (VariableValue::Unset, _) => Looked::Unset,
            _ => Looked::Unknown,
        })
        .collect()
}

/// An index that is not a constant may pick any element.
fn any_element(values: &[VariableValue]) -> Vec<Looked> {
    let mut all = vec![Looked::Unset];
    for value in values {
        match value {
            VariableValue::List(words) if all.len() + words.len() <= MOST => {
                all.extend(words.iter().map(|w| Looked::Word(w.clone())));
            }
            VariableValue::Scalar(word) => all.push(Looked::Word(word.clone())),
            VariableValue::Unset => {}
            _ => all.push(Looked::Unknown),
        }
    }
    all
}

fn subject(expr: &ParameterExpr) -> Option<(&Parameter, bool)> {
    use ParameterExpr as E;
    match expr {
        E::RemoveSmallestSuffixPattern { parameter, indirect, .. }
        | E::RemoveLargestSuffixPattern { parameter, indirect, .. }
        | E::RemoveSmallestPrefixPattern { parameter, indirect, .. }
        | E::RemoveLargestPrefixPattern { parameter, indirect, .. }
        | E::Substring { parameter, indirect, .. }
        | E::Transform { parameter, indirect, .. }
        | E::UppercaseFirstChar { parameter, indirect, .. }
        | E::UppercasePattern { parameter, indirect, .. }
        | E::LowercaseFirstChar { parameter, indirect, .. }
        | E::LowercasePattern { parameter, indirect, .. }
        | E::ReplaceSubstring { parameter, indirect, .. } => Some((parameter, *indirect)),
        _ => None,
    }
}

fn may_be_set(looked: &Looked, test: &ParameterTestType) -> bool {
    match looked {
        Looked::Unset => false,
        Looked::Word(word) => {
            !(matches!(test, ParameterTestType::UnsetOrNull) && word.as_literal() == Some(""))
        }
        Looked::Words(words, _) => !words.is_empty(),
        _ => true,
    }
}

fn may_be_unset(looked: &Looked, test: &ParameterTestType) -> bool {
    match looked {
        Looked::Unset | Looked::Unknown | Looked::UnknownList => true,
        Looked::Word(word) => {
            matches!(test, ParameterTestType::UnsetOrNull) && word.as_literal().is_none_or(str::is_empty)
        }
        Looked::Words(words, _) => words.is_empty(),
        Looked::Number => false,
    }
}

fn emit(looked: &Looked, quoted: bool) -> Stream {
    match looked {
        Looked::Word(word) if quoted && word.as_literal() == Some("") => vec![stream::text("", true)],
        Looked::Word(word) => stream::expanded(word, quoted),
        Looked::Unset if quoted => vec![stream::text("", true)],
        Looked::Unset => Vec::new(),
        Looked::Unknown => vec![Seg::Unknown { quoted }],
        Looked::Number => vec![Seg::Unknown { quoted: true }],
        Looked::UnknownList => vec![Seg::Unknown { quoted: false }],
        Looked::Words(words, star) => {
            let mut out = Vec::new();
            for (i, word) in words.iter().enumerate() {
                if i > 0 {
                    out.push(if *star && quoted { stream::text(" ", true) } else { Seg::Break });
                }
                if word.as_literal() == Some("") && quoted {
                    out.push(stream::text("", true));
                }
                out.extend(stream::expanded(word, quoted));
            }
            out
        }
    }
}
