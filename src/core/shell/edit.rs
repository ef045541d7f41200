//! What `${x#p}`, `${x^^}`, `${x:1:2}`, `${x/p/r}` and `${x@Q}` make of a text.

use brush_parser::word::SubstringMatchKind;

use super::pattern::Pattern;
use super::quote;
use crate::model::Word;

/// Longest text on which pattern operators are worked out.
const LONGEST: usize = 4096;

/// A change to a text.
pub(super) enum Edit {
    Prefix(Option<Pattern>, bool),
    Suffix(Option<Pattern>, bool),
    Case { upper: bool, first: bool },
    Cut(i64, Option<i64>),
    Replace(Option<Pattern>, Word, SubstringMatchKind),
    Escapes,
    Quote,
    Prompt,
    Unknown,
}

/// The word after the change; none where that cannot be worked out.
pub(super) fn change(word: &Word, edit: &Edit) -> Option<Word> {
    let text = word.as_literal().filter(|t| t.len() <= LONGEST)?;
    let changed = match edit {
        Edit::Prefix(pattern, longest) => pattern.as_ref()?.strip_prefix(text, *longest),
        Edit::Suffix(pattern, longest) => pattern.as_ref()?.strip_suffix(text, *longest),
        Edit::Case { upper: true, first: false } => text.to_uppercase(),
        Edit::Case { upper: false, first: false } => text.to_lowercase(),
        Edit::Case { upper, first: true } => {
            let mut chars = text.chars();
            let first = chars.next().map(|c| {
                if *upper { c.to_uppercase().collect::<String>() } else { c.to_lowercase().collect() }
            });
            first.unwrap_or_default() + chars.as_str()
        }
        Edit::Cut(offset, length) => {
            cut(&text.chars().collect::<Vec<_>>(), *offset, *length)?.iter().collect()
        }
        Edit::Replace(pattern, with, kind) => replaced(text, (pattern.as_ref()?, with.as_literal()?), kind),
        Edit::Escapes => quote::ansi_c(text),
        Edit::Quote => quote::single(text),
        Edit::Prompt => text.to_owned(),
        Edit::Unknown => return None,
    };
    Some(Word::literal(changed))
}

/// `${x/p/r}`. An `&` in the replacement is what matched (bash 5.2, `patsub_replacement`).
fn replaced(text: &str, (pattern, with): (&Pattern, &str), kind: &SubstringMatchKind) -> String {
    match kind {
        // Nothing matches at an end: the replacement is put there.
        SubstringMatchKind::Prefix if pattern.is_empty() => with.replace('&', "") + text,
        SubstringMatchKind::Suffix if pattern.is_empty() => text.to_owned() + &with.replace('&', ""),
        SubstringMatchKind::Anywhere => pattern.replace(text, with, true),
        SubstringMatchKind::FirstOccurrence => pattern.replace(text, with, false),
        SubstringMatchKind::Prefix => {
            let rest = pattern.strip_prefix(text, true);
            let hit = text.strip_suffix(rest.as_str()).filter(|hit| !hit.is_empty());
            hit.map_or_else(|| text.to_owned(), |hit| with.replace('&', hit) + &rest)
        }
        SubstringMatchKind::Suffix => {
            let rest = pattern.strip_suffix(text, true);
            let hit = text.strip_prefix(rest.as_str()).filter(|hit| !hit.is_empty());
            hit.map_or_else(|| text.to_owned(), |hit| rest.clone() + &with.replace('&', hit))
        }
    }
}

/// `${@:2}` and `${a[@]:1:2}` take elements, not characters.
pub(super) fn slice(words: &[Word], edit: &Edit, first: i64) -> Option<Vec<Word>> {
    match edit {
        Edit::Cut(offset, length) => cut(words, (*offset - first).max(0), *length).map(<[Word]>::to_vec),
        _ => None,
    }
}

fn cut<T>(all: &[T], offset: i64, length: Option<i64>) -> Option<&[T]> {
    let count = i64::try_from(all.len()).ok()?;
    let start = if offset < 0 { count + offset } else { offset.min(count) };
    let end = match length {
        None => count,
        Some(n) if n < 0 => count + n,
        Some(n) => start.saturating_add(n).min(count),
    };
    all.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}
