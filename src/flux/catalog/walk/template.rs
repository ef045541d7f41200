//! Filling in what stands between two marks: what a set makes its objects with.

use std::collections::BTreeMap;

use rwenv_core::manifest::yaml::{Node, Value};

/// Values by the names a template has for them.
pub(super) type Inputs = BTreeMap<String, String>;

/// The scalars of a mapping by their paths.
pub(super) fn flat(node: &Node) -> Inputs {
    let mut all = Inputs::new();
    let mut open = vec![(String::new(), node)];
    while let Some((path, node)) = open.pop() {
        if let Some(text) = node.text() {
            all.insert(path.clone(), text.to_owned());
        }
        for (key, value) in node.entries() {
            let key = key.text().unwrap_or_default();
            open.push((if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }, value));
        }
    }
    all
}

/// A copy of a node with every text of it changed.
pub(super) fn mapped(node: &Node, change: &impl Fn(&str) -> String) -> Node {
    let value = match &node.value {
        Value::Scalar { text, plain } => {
            let new = change(text);
            Value::Scalar { plain: *plain && new == *text, text: new }
        }
        Value::List(items) => Value::List(items.iter().map(|item| mapped(item, change)).collect()),
        Value::Map(entries) => Value::Map(
            entries.iter().map(|(key, value)| (mapped(key, change), mapped(value, change))).collect(),
        ),
        Value::Anchored(inner) | Value::Alias(inner) => return mapped(inner, change),
    };
    Node { at: node.at, value }
}

/// A text with what stands between two marks replaced, where there is a value for it.
pub(super) fn templated(text: &str, marks: [&str; 2], value: impl Fn(&str) -> Option<String>) -> String {
    let [open, close] = marks;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(open) {
        out.push_str(before);
        let Some((expression, after)) = behind.split_once(close) else {
            out.push_str(open);
            rest = behind;
            continue;
        };
        match value(expression.trim()) {
            Some(new) => out.push_str(&new),
            None => out.push_str(&format!("{open}{expression}{close}")),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::templated;

    #[test]
    fn what_has_a_value_is_filled_in_and_the_rest_stays() {
        let value = |name: &str| (name == "a").then(|| "x".to_owned());
        assert_eq!(templated("1 << a >> 2 <<b>> <<", ["<<", ">>"], value), "1 x 2 <<b>> <<");
    }
}
