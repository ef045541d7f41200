//! Scalars as they are written: found with their quotes, and written with the same ones.

use super::error::EditError;
use super::offset::offset;
use rwenv_core::manifest::yaml::At;

/// A value that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenScalar {
    /// Its text.
    pub text: String,
    /// It is a text, whatever it looks like; else what YAML makes of it.
    pub is_text: bool,
}

/// How a scalar is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
}

/// A scalar's place in a text, quotes included.
#[derive(Debug)]
pub(super) struct ScalarSpan {
    start: usize,
    end: usize,
    style: Style,
    was_text: bool,
}

/// Finds the scalar that stands at a place.
pub(super) fn find(text: &str, at: At, old: &str) -> Result<ScalarSpan, EditError> {
    let start = offset(text, at).ok_or_else(|| EditError::at(at, "the file has no such line"))?;
    let start = behind_properties(text, start);
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let (style, raw) = match line.chars().next() {
        Some('"') => (Style::Double, old.to_owned()),
        Some('\'') => (Style::Single, old.replace('\'', "''")),
        Some('*') => return Err(EditError::at(at, "is an alias; change what its anchor holds")),
        _ => (Style::Plain, old.to_owned()),
    };
    let quotes = usize::from(style != Style::Plain);
    let end = start + raw.len() + 2 * quotes;
    let behind = text.get(end..).map(|behind| behind.lines().next().unwrap_or_default());
    let same = line.get(quotes..).is_some_and(|line| line.starts_with(&raw));
    let closed = match style {
        Style::Plain => behind.is_some_and(|behind| ends_plain(text.get(end..).unwrap_or_default(), behind)),
        Style::Single => text.get(start..end).is_some_and(|all| all.ends_with('\'')),
        Style::Double => {
            !old.contains(['\\', '"']) && text.get(start..end).is_some_and(|all| all.ends_with('"'))
        }
    };
    if !same || !closed {
        let why = "uses escapes or spans several lines, which rwenv does not edit; change it by hand";
        return Err(EditError::at(at, why));
    }
    Ok(ScalarSpan { start, end, style, was_text: style != Style::Plain || is_text(old) })
}

/// True where a plain scalar cannot go on.
fn ends_plain(rest: &str, line: &str) -> bool {
    rest.is_empty()
        || rest.starts_with(['\n', '\r'])
        || line.trim_end().is_empty()
        || line.starts_with([',', ']', '}'])
        || line.trim_start().starts_with(['#', ',', ']', '}'])
}

/// Behind an anchor and a tag.
fn behind_properties(text: &str, start: usize) -> usize {
    let mut at = start;
    while let Some(rest) = text.get(at..).filter(|rest| rest.starts_with(['&', '!'])) {
        let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let behind = rest.get(word..).unwrap_or_default();
        at += word + (behind.len() - behind.trim_start_matches(' ').len());
    }
    at
}

impl ScalarSpan {
    /// The text with another value at this place.
    pub(super) fn with(&self, text: &str, new: &WrittenScalar) -> String {
        let written = match self.style {
            Style::Single => format!("'{}'", new.text.replace('\'', "''")),
            Style::Double => double(&new.text),
            // What was a text stays one.
            Style::Plain if self.was_text => text_of(&new.text),
            Style::Plain => new.to_yaml(),
        };
        let (before, behind) = (text.get(..self.start), text.get(self.end..));
        format!("{}{written}{}", before.unwrap_or_default(), behind.unwrap_or_default())
    }
}

impl WrittenScalar {
    /// The value as a new entry has it.
    pub(super) fn to_yaml(&self) -> String {
        let typed = !self.is_text && !is_text(&self.text) && !self.text.is_empty();
        if typed { self.text.clone() } else { text_of(&self.text) }
    }
}

/// A text, in quotes where it would be something else without.
fn text_of(text: &str) -> String {
    if is_text(text) && is_plain(text) { text.to_owned() } else { double(text) }
}

/// A text in double quotes. JSON's form is one of YAML's.
fn double(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// True for a text that can stand without quotes, in a mapping of any style.
fn is_plain(text: &str) -> bool {
    let ordinary = |c: char| c.is_ascii_alphanumeric() || "._-/@+=~:".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '.' || c == '_')
        && text.chars().all(ordinary)
        && !text.contains(": ")
        && !text.ends_with(':')
}

/// True where no reader, of YAML 1.1 or 1.2, makes anything but a text of a plain scalar (yaml.org/type; yaml.org/spec/1.2.2,
/// "Core Schema").
pub(super) fn is_text(text: &str) -> bool {
    const WORDS: [&str; 11] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", ""];
    let lower = text.to_ascii_lowercase();
    let unsigned = lower.strip_prefix(['-', '+']).unwrap_or(&lower);
    let digits = unsigned.replace('_', "");
    let number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && (digits.parse::<f64>().is_ok() || digits.parse::<u128>().is_ok());
    let based = ["0x", "0o", "0b"].iter().any(|base| {
        digits.strip_prefix(base).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_hexdigit()))
    });
    let special = matches!(unsigned, ".inf" | ".nan");
    let parts = |sign: char| {
        unsigned.split(sign).all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    };
    let sexagesimal = unsigned.contains(':') && parts(':');
    let date = unsigned.split(['t', ' ']).next().is_some_and(|day| {
        day.split('-').count() == 3
            && day.split('-').all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
    });
    !(WORDS.contains(&lower.as_str()) || number || based || special || sexagesimal || date)
}
