//! New entries of mappings, behind the last one and as deep as the others.

use super::error::EditError;
use super::offset::offset;
use super::scalar::WrittenScalar;
use rwenv_core::manifest::yaml::{At, Node};

/// Adds an entry: the keys, one in another, and the value.
pub(super) fn entry(
    text: &str,
    map: &Node,
    keys: &[&str],
    value: &WrittenScalar,
) -> Result<String, EditError> {
    let start = offset(text, map.at).ok_or_else(|| EditError::at(map.at, "the file has no such line"))?;
    if text.get(start..).is_some_and(|rest| rest.starts_with('{')) {
        return Ok(flow(text, start, map, keys, value));
    }
    let Some((last, _)) = map.entries().iter().rfind(|(key, _)| key.at.file == map.at.file) else {
        return Err(EditError::at(map.at, "is not a mapping that an entry can be added to"));
    };
    Ok(block(text, last.at, keys, value))
}

/// `{a: 1}` becomes `{new: …, a: 1}`.
fn flow(text: &str, start: usize, map: &Node, keys: &[&str], value: &WrittenScalar) -> String {
    let mut entry = value.to_yaml();
    for (number, key) in keys.iter().rev().enumerate() {
        let key = written(key);
        entry = if number == 0 { format!("{key}: {entry}") } else { format!("{key}: {{{entry}}}") };
    }
    let comma = if map.entries().is_empty() { "" } else { ", " };
    let (before, behind) =
        (text.get(..=start).unwrap_or_default(), text.get(start + 1..).unwrap_or_default());
    format!("{before}{entry}{comma}{behind}")
}

fn block(text: &str, last: At, keys: &[&str], value: &WrittenScalar) -> String {
    let depth = usize::try_from(last.column).unwrap_or(1).saturating_sub(1);
    let at = end_of(text, last, depth);
    let (before, behind) = (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines = String::new();
    if !before.is_empty() && !before.ends_with('\n') {
        lines.push_str(newline);
    }
    for (number, key) in keys.iter().enumerate() {
        let indent = " ".repeat(depth + 2 * number);
        let is_last = number + 1 == keys.len();
        let rest = if is_last { format!(" {}", value.to_yaml()) } else { String::new() };
        lines.push_str(&format!("{indent}{}:{rest}{newline}", written(key)));
    }
    format!("{before}{lines}{behind}")
}

/// Adds `- name: …`, `  value: …` behind the last item of a list.
pub(super) fn item(text: &str, list: &Node, name: &str, value: &WrittenScalar) -> Result<String, EditError> {
    let refused = || EditError::at(list.at, "is not a list that an item can be added to; add it by hand");
    let (last, _) = list.items().last().and_then(|item| item.entries().first()).ok_or_else(refused)?;
    let start = offset(text, last.at).ok_or_else(refused)?;
    let line = text.get(..start).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
    let depth = line.find('-').filter(|_| line.trim() == "-").ok_or_else(refused)?;
    let at = end_of(text, last.at, depth);
    let (before, behind) = (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let first = if before.is_empty() || before.ends_with('\n') { "" } else { newline };
    let indent = " ".repeat(depth);
    let (name, value) = (written(name), value.to_yaml());
    Ok(format!("{before}{first}{indent}- name: {name}{newline}{indent}  value: {value}{newline}{behind}"))
}

fn written(key: &str) -> String {
    WrittenScalar { text: key.to_owned(), is_text: true }.to_yaml()
}

/// The byte behind the last line of the entry that begins at a key of this depth.
fn end_of(text: &str, key: At, depth: usize) -> usize {
    let mut at = 0;
    let mut end = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        at += line.len();
        let number = u32::try_from(number + 1).unwrap_or(u32::MAX);
        if number <= key.line {
            end = at;
            continue;
        }
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let blank = content.trim().is_empty();
        let inside = indent > depth || (indent == depth && is_item(content));
        if !blank && !inside {
            break;
        }
        if !blank {
            end = at;
        }
    }
    end
}

fn is_item(content: &str) -> bool {
    content.starts_with("- ") || content.trim_end() == "-"
}
