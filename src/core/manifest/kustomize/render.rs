//! Nodes as text: JSON, which is YAML too, and which hashes are taken of.

use crate::manifest::yaml::{Node, Value};

/// A node as YAML text (flow style, which JSON is).
pub(super) fn yaml(node: &Node) -> String {
    json(node).to_string()
}

/// A node as a JSON value. What stands without quotes has the type YAML gives it.
#[must_use]
pub fn json(node: &Node) -> serde_json::Value {
    match &node.resolved().value {
        Value::Map(_) => {
            let mut all = serde_json::Map::new();
            for (key, value) in node.expanded().map(Node::into_entries).unwrap_or_default() {
                if let Value::Scalar { text, .. } = &key.value {
                    all.insert(text.clone(), json(&value));
                }
            }
            serde_json::Value::Object(all)
        }
        Value::List(items) => serde_json::Value::Array(items.iter().map(json).collect()),
        Value::Scalar { text, plain: false } => serde_json::Value::String(text.clone()),
        Value::Scalar { text, plain: true } => plain(text),
        Value::Anchored(_) | Value::Alias(_) => serde_json::Value::Null,
    }
}

/// The value of a plain scalar by the core schema of YAML 1.2, with the words of 1.1 that Kubernetes takes for booleans.
fn plain(text: &str) -> serde_json::Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => serde_json::Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            serde_json::Value::Bool(true)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            serde_json::Value::Bool(false)
        }
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            let whole =
                text.parse::<i64>().ok().filter(|n| n.to_string() == text).map(serde_json::Value::from);
            let real =
                || text.parse::<f64>().ok().filter(|_| text.contains('.')).map(serde_json::Value::from);
            whole.or_else(real).unwrap_or_else(|| serde_json::Value::String(text.to_owned()))
        }
        _ => serde_json::Value::String(text.to_owned()),
    }
}

/// Text in JSON as Go's encoder writes it: `<`, `>`, `&` and two separators are escaped (encoding/json, `HTMLEscape`).
pub(super) fn go_string(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    let mut out = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            '\u{7f}' => out.push('\u{7f}'),
            c => out.push(c),
        }
    }
    out
}
