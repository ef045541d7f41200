//! Changing a JSON file of a person's so that all that stays the same keeps its layout: blanks, line ends, the way numbers are written.
//!
//! Where each value stands is told by `serde_json` itself: a borrowed `RawValue` is a piece of the text.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A piece of text in the place of another.
struct TextEdit {
    at: Range<usize>,
    with: String,
}

/// The members of an object, or the items of an array, as pieces of the text.
struct Pieces<'t>(Vec<(Option<String>, &'t RawValue)>);

impl<'de> Deserialize<'de> for Pieces<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Pieces<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or an array")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some((key, value)) = map.next_entry()? {
                    all.push((Some(key), value));
                }
                Ok(Pieces(all))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(value) = seq.next_element()? {
                    all.push((None, value));
                }
                Ok(Pieces(all))
            }
        }
        deserializer.deserialize_any(Collect)
    }
}

/// The text with what differs changed in it. None where that cannot be done: then the whole is written anew.
#[must_use]
pub(super) fn changed(text: &str, new: &Value) -> Option<String> {
    let start = text.find(|c: char| !c.is_whitespace() && c != '\u{feff}')?;
    let end = text.trim_end().len();
    let mut edits = Vec::new();
    edit(text, start..end, new, &mut edits)?;
    let mut out = text.to_owned();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.at.start));
    for edit in edits {
        out.replace_range(edit.at, &edit.with);
    }
    let read: Value = serde_json::from_str(out.trim_start_matches('\u{feff}')).ok()?;
    (read == *new).then_some(out)
}

/// Adds what makes the value that stands at a place another.
fn edit(text: &str, at: Range<usize>, new: &Value, edits: &mut Vec<TextEdit>) -> Option<()> {
    let piece = text.get(at.clone())?;
    let old: Value = serde_json::from_str(piece).ok()?;
    if old == *new {
        return Some(());
    }
    if !matches!((&old, new), (Value::Object(_), Value::Object(_)) | (Value::Array(_), Value::Array(_))) {
        edits.push(TextEdit { with: written(new, &indent_of(text, at.start), text), at });
        return Some(());
    }
    let Pieces(pieces) = serde_json::from_str(piece).ok()?;
    let base = piece.as_ptr().addr();
    let place = |raw: &RawValue| {
        let start = raw.get().as_ptr().addr() - base + at.start;
        start..start + raw.get().len()
    };
    let stays = matched(&pieces, new)?;
    let mut last = None;
    for (index, ((_, raw), becomes)) in pieces.iter().zip(&stays.old).enumerate() {
        match becomes {
            Some(value) => {
                edit(text, place(raw), value, edits)?;
                last = Some(place(raw).end);
            }
            // Where nothing stays, all of it goes at once.
            None if stays.old.iter().all(Option::is_none) => {}
            None => {
                let before = index.checked_sub(1).and_then(|before| pieces.get(before));
                let before = match (before.map(|(_, raw)| place(raw).end), last) {
                    (Some(end), Some(_)) => PieceBefore::Stays(end),
                    (Some(end), None) => PieceBefore::Goes(end),
                    (None, _) => PieceBefore::None(at.start + 1),
                };
                edits.push(TextEdit { at: cut(text, before, place(raw).end)?, with: String::new() });
            }
        }
    }
    if !stays.more.is_empty() {
        edits.push(added(text, &at, last, &stays.more)?);
    } else if last.is_none() {
        edits.push(TextEdit { at: at.start + 1..at.end - 1, with: String::new() });
    }
    Some(())
}

/// What becomes of each piece, and what comes behind them.
struct Matched<'v> {
    old: Vec<Option<&'v Value>>,
    more: Vec<(Option<&'v str>, &'v Value)>,
}

fn matched<'v>(pieces: &[(Option<String>, &RawValue)], new: &'v Value) -> Option<Matched<'v>> {
    match new {
        Value::Object(fields) => {
            let old = pieces.iter().map(|(key, _)| fields.get(key.as_deref()?)).collect();
            let is_there = |name: &str| pieces.iter().any(|(key, _)| key.as_deref() == Some(name));
            let more = fields.iter().filter(|(name, _)| !is_there(name));
            Some(Matched { old, more: more.map(|(name, value)| (Some(name.as_str()), value)).collect() })
        }
        Value::Array(items) => {
            let mut rest = items.as_slice();
            let mut old = Vec::new();
            for (index, (_, raw)) in pieces.iter().enumerate() {
                let value: Value = serde_json::from_str(raw.get()).ok()?;
                let same = rest.first() == Some(&value);
                // As many on both sides: this one was changed, none was taken out.
                if same || (rest.len() >= pieces.len() - index && !rest.contains(&value)) {
                    old.push(rest.first());
                    rest = rest.get(1..).unwrap_or_default();
                } else {
                    old.push(None);
                }
            }
            Some(Matched { old, more: rest.iter().map(|value| (None, value)).collect() })
        }
        _ => None,
    }
}

/// The text to take out for a piece that ends at `end`: with the comma before it where a piece before it stays, else with that behind it.
fn cut(text: &str, before: PieceBefore, end: usize) -> Option<Range<usize>> {
    let comma = |at: usize| Some(at + text.get(at..)?.find(',')? + 1);
    match before {
        PieceBefore::Stays(before) => Some(before..end),
        PieceBefore::Goes(before) => Some(comma(before)?..comma(end)?),
        PieceBefore::None(inside) => Some(inside..comma(end)?),
    }
}

/// What stands before a piece that goes, and where it ends.
#[derive(Clone, Copy)]
enum PieceBefore {
    /// A piece, where one of those before it stays.
    Stays(usize),
    /// A piece, where none of those before it does.
    Goes(usize),
    /// The opening bracket.
    None(usize),
}

/// New members behind the last that stays, laid out as those before them are.
fn added(
    text: &str,
    around: &Range<usize>,
    last: Option<usize>,
    more: &[(Option<&str>, &Value)],
) -> Option<TextEdit> {
    let inside = text.get(around.start + 1..around.end - 1)?;
    let outer = indent_of(text, around.start);
    // What stands on one line stays there, unless there is nothing yet.
    let one_line = !inside.trim().is_empty() && !inside.contains('\n');
    let indent = match inside.split_once('\n') {
        Some((_, rest)) if !inside.trim().is_empty() => {
            rest.chars().take_while(|c| matches!(c, ' ' | '\t')).collect()
        }
        _ => format!("{outer}{}", unit(text)),
    };
    let mut out = Vec::new();
    for (name, value) in more {
        let name = name.map(|name| format!("{}: ", Value::from(name))).unwrap_or_default();
        let value = if one_line { value.to_string() } else { written(value, &indent, text) };
        out.push(format!("{name}{value}"));
    }
    let (gap, end) = if one_line {
        (" ".to_owned(), String::new())
    } else {
        (format!("\n{indent}"), format!("\n{outer}"))
    };
    let joined = out.join(&format!(",{gap}"));
    Some(match last {
        Some(last) => TextEdit { at: last..last, with: format!(",{gap}{joined}") },
        None => TextEdit { at: around.start + 1..around.end - 1, with: format!("{gap}{joined}{end}") },
    })
}

/// The blanks at the beginning of the line a place is in.
fn indent_of(text: &str, at: usize) -> String {
    let line = text.get(..at).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
    line.chars().take_while(|c| matches!(c, ' ' | '\t')).collect()
}

/// One step of indentation, as the file has it.
fn unit(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut blanks =
        lines.map(|line| line.chars().take_while(|c| matches!(c, ' ' | '\t')).collect::<String>());
    blanks.find(|blanks| !blanks.is_empty()).unwrap_or_else(|| "  ".to_owned())
}

/// A value as it is written at this indentation.
fn written(value: &Value, indent: &str, text: &str) -> String {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    let unit = unit(text);
    let lines = pretty.lines().enumerate().map(|(number, line)| {
        let bare = line.trim_start_matches(' ');
        let depth = (line.len() - bare.len()) / 2;
        if number == 0 { line.to_owned() } else { format!("{indent}{}{bare}", unit.repeat(depth)) }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stays_keeps_its_layout() {
        let text = "{\n    \"model\": \"m\",   \"big\": 12345678901234567890123,\n\n    \"hooks\": { \"Stop\": [ 1,2 ] }\n}\n";
        let mut new: Value = serde_json::from_str(text).unwrap();
        new["hooks"]["PreToolUse"] = json!([{ "matcher": "x" }]);
        new["statusLine"] = json!({ "type": "command" });
        let out = changed(text, &new).unwrap();
        assert_eq!(
            out,
            "{\n    \"model\": \"m\",   \"big\": 12345678901234567890123,\n\n    \"hooks\": { \"Stop\": [ 1,2 ], \"PreToolUse\": [{\"matcher\":\"x\"}] },\n    \"statusLine\": {\n        \"type\": \"command\"\n    }\n}\n"
        );
        let old: Value = serde_json::from_str(text).unwrap();
        assert_eq!(changed(&out, &old).unwrap(), text, "and back");
    }

    #[test]
    fn members_come_and_go_at_every_place() {
        for (from, to) in [
            (json!({}), json!({ "a": 1, "b": { "c": [1, 2] } })),
            (json!({ "a": 1, "b": 2, "c": 3 }), json!({ "b": 2 })),
            (json!({ "a": 1, "b": 2, "c": 3 }), json!({ "c": 3, "d": 4 })),
            (json!({ "a": [1, 2, 3] }), json!({ "a": [2] })),
            (
                json!({ "a": [{ "h": [1] }, { "h": [2] }] }),
                json!({ "a": [{ "h": [1] }, { "h": [] }, { "h": [3] }] }),
            ),
            (json!({ "a": [{ "h": [1] }, { "h": [2] }] }), json!({ "a": [{ "h": [2] }] })),
            (json!({ "a": {} }), json!({ "a": [] })),
            (json!([]), json!([1])),
        ] {
            for text in [from.to_string(), serde_json::to_string_pretty(&from).unwrap()] {
                let out = changed(&text, &to).unwrap_or_else(|| panic!("{text} to {to}"));
                assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), to, "{text}: {out}");
                let back = changed(&out, &from).unwrap_or_else(|| panic!("{out} to {from}"));
                assert_eq!(serde_json::from_str::<Value>(&back).unwrap(), from, "{out}: {back}");
            }
        }
    }
}
