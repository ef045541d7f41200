//! Strategic merge patches and JSON patches, on nodes.

use crate::manifest::yaml::{At, Node, Value};

/// Lists of Kubernetes' own kinds that are merged by a key (the API's `x-kubernetes-patch-merge-key`).
const KEYS: [(&str, &[&str]); 20] = [
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("volumes", &["name"]),
    ("env", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("ports", &["containerPort", "port"]),
    ("imagePullSecrets", &["name"]),
    ("secrets", &["name"]),
    ("hostAliases", &["ip"]),
    ("topologySpreadConstraints", &["topologyKey"]),
    ("conditions", &["type"]),
    ("addresses", &["type"]),
    ("ownerReferences", &["uid"]),
    ("resourceClaims", &["name"]),
    ("schedulingGates", &["name"]),
    ("webhooks", &["name"]),
    ("matchConditions", &["name"]),
    ("resizePolicy", &["resourceName"]),
];

/// True where lists of an API group are merged by keys: that of Kubernetes itself.
pub(super) fn has_keys(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io")
}

/// What a merge leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// What is merged.
    Merged,
    /// Nothing: the patch takes it out.
    Nothing,
}

/// Merges a patch into a node (kyaml, `merge2`).
pub(super) fn merge(into: &mut Node, patch: &Node, keyed: bool) -> Left {
    match patch.str(&["$patch"]) {
        Some("delete") => return Left::Nothing,
        Some("replace") => {
            let mut new = patch.clone();
            new.remove("$patch");
            *into = new;
            return Left::Merged;
        }
        _ => {}
    }
    for (key, value) in patch.entries().iter().filter(|(key, _)| key.text() != Some("$patch")) {
        let Some(key) = key.text() else { continue };
        if value.is_null() {
            into.remove(key);
            continue;
        }
        match into.get_mut(key) {
            Some(old) => {
                if merge_value(old, value, key, keyed) == Left::Nothing {
                    into.remove(key);
                }
            }
            None if value.str(&["$patch"]) == Some("delete") => {}
            None => into.set(key, clean(value)),
        }
    }
    Left::Merged
}

fn merge_value(old: &mut Node, value: &Node, key: &str, keyed: bool) -> Left {
    match (&mut old.value, &value.value) {
        (Value::Map(_), Value::Map(_)) => return merge(old, value, keyed),
        (Value::List(items), Value::List(new)) => {
            let keys = KEYS.iter().find(|(name, _)| *name == key && keyed).map(|(_, keys)| *keys);
            let by =
                keys.and_then(|keys| keys.iter().find(|by| new.iter().any(|item| item.get(by).is_some())));
            if let Some(by) = by {
                merge_list(items, new, by, keyed);
                return Left::Merged;
            }
        }
        _ => {}
    }
    *old = clean(value);
    Left::Merged
}

fn merge_list(items: &mut Vec<Node>, new: &[Node], by: &str, keyed: bool) {
    if new.iter().any(|item| item.entries().len() == 1 && item.str(&["$patch"]) == Some("replace")) {
        items.clear();
    }
    let mut added = Vec::new();
    for item in new {
        let Some(name) = item.str(&[by]) else { continue };
        match items.iter().position(|old| old.str(&[by]) == Some(name)) {
            Some(at) => {
                if items.get_mut(at).is_some_and(|old| merge(old, item, keyed) == Left::Nothing) {
                    items.remove(at);
                }
            }
            None if item.str(&["$patch"]) == Some("delete") => {}
            None => added.push(clean(item)),
        }
    }
    items.splice(0..0, added);
}

/// A value of a patch without its directives and its nulls.
fn clean(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(entries) => {
            let kept = entries.iter().filter(|(k, v)| k.text() != Some("$patch") && !v.is_null());
            Value::Map(kept.map(|(k, v)| (k.clone(), clean(v))).collect())
        }
        Value::List(items) => Value::List(items.iter().map(clean).collect()),
        other => other.clone(),
    };
    Node { at: node.at, value }
}

/// Applies a JSON patch (RFC 6902).
///
/// # Errors
/// Where an operation cannot be done: the place of it and why.
pub(super) fn apply(into: &mut Node, operations: &[Node]) -> Result<(), (At, String)> {
    for operation in operations {
        let wrong = |why: String| (operation.at, why);
        let pointer = |key: &str| {
            let text = operation.str(&[key]).ok_or_else(|| wrong(format!("an operation has no '{key}'")))?;
            Ok(text
                .split('/')
                .skip(1)
                .map(|part| part.replace("~1", "/").replace("~0", "~"))
                .collect::<Vec<_>>())
        };
        let path = pointer("path")?;
        let missing =
            || wrong(format!("there is nothing at {}", operation.str(&["path"]).unwrap_or_default()));
        let value =
            || operation.get("value").cloned().ok_or_else(|| wrong("an operation has no 'value'".into()));
        match operation.str(&["op"]).unwrap_or_default() {
            "add" => put(into, &path, value()?, true).ok_or_else(missing)?,
            "replace" => put(into, &path, value()?, false).ok_or_else(missing)?,
            "remove" => take(into, &path).map(drop).ok_or_else(missing)?,
            "move" => {
                let moved = take(into, &pointer("from")?).ok_or_else(missing)?;
                put(into, &path, moved, true).ok_or_else(missing)?;
            }
            "copy" => {
                let from = pointer("from")?;
                let copied = from.iter().try_fold(&*into, |node, part| child(node, part)).cloned();
                put(into, &path, copied.ok_or_else(missing)?, true).ok_or_else(missing)?;
            }
            "test" => {
                let found =
                    path.iter().try_fold(&*into, |node, part| child(node, part)).ok_or_else(missing)?;
                if super::render::json(found) != super::render::json(&value()?) {
                    return Err(wrong(format!(
                        "a test fails at {}",
                        operation.str(&["path"]).unwrap_or_default()
                    )));
                }
            }
            other => return Err(wrong(format!("there is no operation '{other}'"))),
        }
    }
    Ok(())
}

fn child<'n>(node: &'n Node, part: &str) -> Option<&'n Node> {
    match &node.value {
        Value::List(items) => items.get(index(part, items.len())?),
        _ => node.get(part),
    }
}

/// The place in a list that a part of a path names; from its end where it is negative (evanphx/json-patch v4).
fn index(part: &str, length: usize) -> Option<usize> {
    match part.strip_prefix('-') {
        Some(back) => length.checked_sub(back.parse().ok()?),
        None => part.parse().ok(),
    }
}

fn child_mut<'n>(node: &'n mut Node, part: &str) -> Option<&'n mut Node> {
    match &mut node.value {
        Value::List(items) => {
            let index = index(part, items.len())?;
            items.get_mut(index)
        }
        Value::Map(entries) => {
            entries.iter_mut().find(|(key, _)| key.text() == Some(part)).map(|(_, value)| value)
        }
        _ => None,
    }
}

fn put(node: &mut Node, path: &[String], value: Node, add: bool) -> Option<()> {
    let Some((last, above)) = path.split_last() else {
        *node = value;
        return Some(());
    };
    let mut at = node;
    for part in above {
        at = child_mut(at, part)?;
    }
    match &mut at.value {
        Value::List(items) if last == "-" && add => items.push(value),
        Value::List(items) => {
            let index = index(last, items.len())?;
            if add && index <= items.len() {
                items.insert(index, value);
            } else {
                *items.get_mut(index).filter(|_| !add)? = value;
            }
        }
        // What kustomize applies patches with adds a field that it should replace (evanphx/json-patch v4).
        Value::Map(_) => at.set(last, value),
        _ => return None,
    }
    Some(())
}

fn take(node: &mut Node, path: &[String]) -> Option<Node> {
    let (last, above) = path.split_last()?;
    let mut at = node;
    for part in above {
        at = child_mut(at, part)?;
    }
    if let Value::List(items) = &mut at.value {
        let index = index(last, items.len()).filter(|index| *index < items.len())?;
        return Some(items.remove(index));
    }
    at.remove(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::yaml::parse;

    fn node(text: &str) -> Node {
        parse(text).documents.remove(0).expanded().unwrap()
    }

    fn json(node: &Node) -> String {
        super::super::render::json(node).to_string()
    }

    #[test]
    fn maps_are_merged_and_lists_by_their_keys() {
        let mut into = node(
            "{spec: {containers: [{name: a, image: x, env: [{name: E, value: '1'}]}, {name: b}], args: [1], x: 1}}",
        );
        let patch = node(
            "{spec: {containers: [{name: c}, {name: a, env: [{name: F}]}, {name: b, $patch: delete}], args: [2], x: null}}",
        );
        assert_eq!(merge(&mut into, &patch, true), Left::Merged);
        assert_eq!(
            json(&into),
            r#"{"spec":{"containers":[{"name":"c"},{"name":"a","image":"x","env":[{"name":"F"},{"name":"E","value":"1"}]}],"args":[2]}}"#
        );
        let mut into = node("{spec: {containers: [{name: a}]}}");
        merge(&mut into, &node("{spec: {containers: [{name: c}]}}"), false);
        assert_eq!(json(&into), r#"{"spec":{"containers":[{"name":"c"}]}}"#);
        assert_eq!(merge(&mut into, &node("{$patch: delete}"), true), Left::Nothing);
        merge(&mut into, &node("{spec: {$patch: replace, y: 1}, z: {$patch: delete}}"), true);
        assert_eq!(json(&into), r#"{"spec":{"y":1}}"#);
    }

    #[test]
    fn json_patches_are_applied() {
        let mut into = node("{a: {b: [1, 2]}, 'x/y': 1}");
        let patch = node(
            "[{op: add, path: /a/b/-, value: 3}, {op: remove, path: /a/b/0}, {op: replace, path: /x~1y, value: 2}, {op: test, path: /x~1y, value: 2}, {op: move, from: /a/b/0, path: /c}, {op: copy, from: /a, path: /d}, {op: add, path: /a/b/0, value: 9}]",
        );
        apply(&mut into, patch.items()).unwrap();
        assert_eq!(json(&into), r#"{"a":{"b":[9,3]},"x/y":2,"c":2,"d":{"b":[3]}}"#);
        for wrong in [
            "[{op: replace, path: /no/no, value: 1}]",
            "[{op: replace, path: /a/b/7, value: 1}]",
            "[{op: remove, path: /no}]",
            "[{op: add, path: /no/no, value: 1}]",
            "[{op: test, path: /c, value: 3}]",
            "[{op: add, path: /a/b/7, value: 1}]",
            "[{op: fly, path: /c}]",
            "[{path: /c}]",
        ] {
            assert!(apply(&mut into, node(wrong).items()).is_err(), "{wrong}");
        }
    }
}
