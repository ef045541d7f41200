//! How a command prints what it has to say: for people, or as JSON, YAML or names for programs.

use std::sync::OnceLock;

use anyhow::bail;
use clap::ValueEnum;
use serde_json::Value;

/// A format, as kubectl and flux call them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// Names only, one a line
    Name,
    /// The table for people, as wide as it needs
    Wide,
}

/// What this run was asked for.
static ASKED: OnceLock<Format> = OnceLock::new();

/// Remembers what was asked for; once, before anything is printed.
pub(super) fn ask_for(format: Option<Format>) {
    if let Some(format) = format {
        let _ = ASKED.set(format);
    }
}

/// What was asked for.
pub(super) fn asked() -> Option<Format> {
    ASKED.get().copied()
}

/// A value in the format that was asked for, without the end of its last line.
pub(super) fn rendered(value: &Value) -> anyhow::Result<String> {
    match asked() {
        Some(Format::Yaml) => Ok(yaml(value).trim_end().to_owned()),
        Some(Format::Name) => {
            let names = names(value);
            if names.is_empty() && !is_empty(value) {
                bail!("what this command prints has no names; use -o json");
            }
            Ok(names.join("\n"))
        }
        _ => Ok(serde_json::to_string_pretty(value)?),
    }
}

/// True for a value that holds nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        _ => false,
    }
}

/// The names in a value: of an item, of each of a list, or the keys of a map of items. With a kind before it, as kubectl has it.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::String(name) => vec![name.clone()],
        Value::Array(items) => items.iter().flat_map(names).collect(),
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str);
            let name = ["name", "rwenv", "id", "rule"].iter().find_map(|key| text(key));
            match (text("kind"), name) {
                (Some(kind), Some(name)) => vec![format!("{}/{name}", kind.to_lowercase())],
                (None, Some(name)) => vec![name.to_owned()],
                _ => within(value),
            }
        }
        _ => Vec::new(),
    }
}

/// The names in the only list, or in the only map of items, that an object holds.
fn within(value: &Value) -> Vec<String> {
    let fields: Vec<&Value> = value.as_object().into_iter().flat_map(|fields| fields.values()).collect();
    let lists: Vec<&&Value> = fields.iter().filter(|value| value.is_array()).collect();
    if let [list] = lists.as_slice() {
        return names(list);
    }
    let is_map = |value: &&&Value| {
        value.as_object().is_some_and(|items| !items.is_empty() && items.values().all(Value::is_object))
    };
    match fields.iter().filter(is_map).collect::<Vec<_>>().as_slice() {
        [map] => map.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect(),
        _ => Vec::new(),
    }
}

/// A value as YAML 1.2: block style, texts plain where they can only be read as text.
pub(super) fn yaml(value: &Value) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

fn block(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                out.push_str(&format!("{indent}{}:", scalar(&Value::from(name.as_str()))));
                under(value, depth + 1, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let mut inner = String::new();
                block(item, depth + 1, &mut inner);
                // The first line of the item stands behind its dash.
                out.push_str(&format!("{indent}- {}", inner.trim_start_matches(' ')));
            }
        }
        _ => out.push_str(&format!("{indent}{}\n", scalar(value))),
    }
}

fn under(value: &Value, depth: usize, out: &mut String) {
    let nested = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        out.push('\n');
        block(value, depth, out);
    } else {
        out.push_str(&format!(" {}\n", scalar(value)));
    }
}

/// A scalar, or an empty collection. JSON's quoted strings are YAML's too.
fn scalar(value: &Value) -> String {
    let plain = |text: &str| {
        let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '_'));
        let inside =
            text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.' | '@'));
        let word = text.to_ascii_lowercase();
        let is_word = matches!(
            word.as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n" | "nan" | "inf"
        );
        first && inside && !is_word
    };
    match value {
        Value::String(text) if plain(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rwenv_core::manifest::yaml::parse;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_found_where_a_listing_has_them() {
        for (value, expected) in [
            (json!([{ "name": "a" }, { "name": "b" }]), &["a", "b"][..]),
            (json!([{ "kind": "Kustomization", "name": "apps" }]), &["kustomization/apps"]),
            (json!({ "objects": [{ "name": "a" }], "complete": true }), &["a"]),
            (
                json!({ "version": "1", "from": { "at": "x" }, "services": { "web": {}, "db": {} } }),
                &["web", "db"],
            ),
            (json!([]), &[]),
        ] {
            assert_eq!(names(&value), expected, "{value}");
        }
    }

    #[test]
    fn yaml_is_what_a_reader_of_yaml_takes_for_the_same() {
        let value = json!({
            "a": [1, "x", { "b": [], "c": { "d": null } }, [true, [2]]], "yes": "no", "t": "12", "u": "a: b", "n": "l\nm",
            "e": {}, "path": "/a/b.c", "f": 1.5, "": "", "-": "- x", "k#": "#",
        });
        let text = yaml(&value);
        let read = rwenv_core::manifest::kustomize::render::json(&parse(&text).documents[0]);
        assert_eq!(read, value, "{text}");
        assert!(text.starts_with("a:\n  - 1\n  - x\n  - b: []\n    c:\n      d: null\n"), "{text}");
    }
}
