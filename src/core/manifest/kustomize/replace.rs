//! `replacements`: values copied from one resource into others, as far as kustomize's own field paths go.

use super::generate::BuildFailure;
use super::resource::Resource;
use super::select::Matcher;
use super::spec::Selector;
use crate::manifest::yaml::{At, Node, Value};

/// Does one entry of `replacements`, or all of a file's.
pub(super) fn replace(entry: &Node, all: &mut [Resource<'_>]) -> Result<(), BuildFailure> {
    let source = entry.get("source");
    let value = match (entry.get("sourceValue"), source) {
        (Some(value), None) => value.clone(),
        (None, Some(source)) => taken(source, all)?,
        _ => return Err((entry.at, "a replacement has not one source".to_owned()).into()),
    };
    for target in entry.get("targets").map(Node::items).unwrap_or_default() {
        put_all(target, &value, all)?;
    }
    Ok(())
}

/// The value a source names.
fn taken(source: &Node, all: &mut [Resource<'_>]) -> Result<Node, BuildFailure> {
    let failure = |why: &str| BuildFailure::from((source.at, why.to_owned()));
    let selector = exact(source);
    let matcher =
        Matcher::new(&selector).ok_or_else(|| failure("the source has a name that cannot be one"))?;
    let mut fitting = all.iter_mut().filter(|resource| matcher.fits_any(resource));
    let resource = fitting
        .next()
        .ok_or_else(|| BuildFailure::absent(source.at, "the source of a replacement is not there"))?;
    if fitting.next().is_some() {
        return Err(failure("there are several that may be the source of a replacement"));
    }
    let path = source.str(&["fieldPath"]).unwrap_or("metadata.name");
    let content = resource.materialize().ok_or_else(|| failure("the source is too large"))?;
    let mut found = Vec::new();
    visit(content, &parts(path), &mut |node| found.push(node.clone()), None);
    let value = found.into_iter().next().ok_or_else(|| {
        let why = format!("the source of a replacement has no field '{path}'");
        BuildFailure::content((source.get("fieldPath").map_or(source.at, |node| node.at), why))
    })?;
    let Some((delimiter, index)) = cut(source) else { return Ok(value) };
    let text = value.text().unwrap_or_default().to_owned();
    let part = text.split(&delimiter).nth(index).ok_or_else(|| failure("the source has fewer parts"))?;
    Ok(Node::scalar(part, value.at))
}

/// A source's names are no patterns.
fn exact(node: &Node) -> Selector {
    let literal = |text: Option<String>| text.map(|text| regex_lite::escape(&text));
    let mut read = Selector::read(node);
    for field in [&mut read.group, &mut read.version, &mut read.kind, &mut read.name, &mut read.namespace] {
        *field = literal(field.take());
    }
    read
}

fn cut(node: &Node) -> Option<(String, usize)> {
    let delimiter = node.str(&["options", "delimiter"]).filter(|d| !d.is_empty())?;
    let index = node.str(&["options", "index"]).and_then(|index| index.parse().ok()).unwrap_or(0);
    Some((delimiter.to_owned(), index))
}

fn put_all(target: &Node, value: &Node, all: &mut [Resource<'_>]) -> Result<(), BuildFailure> {
    let failure = |why: &str| BuildFailure::from((target.at, why.to_owned()));
    let select = target.get("select").ok_or_else(|| failure("a target of a replacement has no 'select'"))?;
    let matcher = Matcher::new(&exact(select)).ok_or_else(|| failure("a pattern is none"))?;
    let rejected: Option<Vec<Matcher>> = (target.get("reject").map(Node::items).unwrap_or_default().iter())
        .map(|node| Matcher::new(&exact(node)))
        .collect();
    let rejected = rejected.ok_or_else(|| failure("a pattern is none"))?;
    let paths: Vec<&str> = match target.get("fieldPaths").map(Node::items) {
        Some(items) if !items.is_empty() => items.iter().filter_map(Node::text).collect(),
        _ => vec!["metadata.name"],
    };
    let create = target.str(&["options", "create"]) == Some("true");
    for resource in all.iter_mut().filter(|r| matcher.fits_any(r) && !rejected.iter().any(|m| m.fits_any(r)))
    {
        resource.remember();
        let content = resource.materialize().ok_or_else(|| failure("a target is too large"))?;
        for path in &paths {
            let mut hits = 0;
            let mut set = |node: &mut Node| {
                hits += 1;
                *node = inserted(node, value, cut(target));
            };
            visit(content, &parts(path), &mut set, create.then_some(value.at));
            if hits == 0 {
                let why = format!("a target of a replacement has no field '{path}'");
                return Err(BuildFailure::content((target.at, why)));
            }
        }
        resource.read_back();
    }
    Ok(())
}

/// What stands in a field after a value was put in place of it, or of a part of it.
fn inserted(old: &Node, value: &Node, cut: Option<(String, usize)>) -> Node {
    let Some((delimiter, index)) = cut else { return value.clone() };
    let text = old.text().unwrap_or_default().to_owned();
    let mut parts: Vec<&str> = text.split(&delimiter).collect();
    let new = value.text().unwrap_or_default();
    match parts.get_mut(index) {
        Some(part) => *part = new,
        None => parts.push(new),
    }
    Node::scalar(&parts.join(&delimiter), value.at)
}

/// `spec.template.[name=x].a\.b` in its parts.
fn parts(path: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let (mut inside, mut escaped) = (false, false);
    for c in path.chars() {
        let Some(last) = all.last_mut() else { break };
        match c {
            '\\' if !escaped => escaped = true,
            '.' if !inside && !escaped => all.push(String::new()),
            c => {
                inside = (inside || c == '[') && c != ']';
                last.push(c);
                escaped = false;
            }
        }
    }
    all.retain(|part| !part.is_empty());
    all.into_iter().map(unbracketed).collect()
}

/// Brackets without a condition only hold a key's dots together (kustomize, kyaml/utils/pathsplitter.go).
fn unbracketed(part: String) -> String {
    if part.starts_with('[') && !part.contains('=') { part.trim_matches(['[', ']']).to_owned() } else { part }
}

/// Calls `f` for every node a path leads to. `create` makes fields that are not there.
fn visit(node: &mut Node, path: &[String], f: &mut dyn FnMut(&mut Node), create: Option<At>) {
    let Some((first, rest)) = path.split_first() else {
        f(node);
        return;
    };
    if let Value::List(items) = &mut node.value {
        let by = first.strip_prefix('[').and_then(|t| t.strip_suffix(']')).and_then(|t| t.split_once('='));
        let index = first.parse::<usize>().ok();
        for (at, item) in items.iter_mut().enumerate() {
            let fits = first == "*"
                || index == Some(at)
                || by.is_some_and(|(key, value)| item.str(&[key]) == Some(value));
            if fits {
                visit(item, rest, f, create);
            }
        }
        return;
    }
    if first == "*" {
        if let Value::Map(entries) = &mut node.value {
            entries.iter_mut().for_each(|(_, value)| visit(value, rest, f, create));
        }
        return;
    }
    if let (None, Some(at)) = (node.get(first), create) {
        node.set(first, Node::scalar("", at));
    }
    if let Some(inner) = node.get_mut(first) {
        visit(inner, rest, f, create);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_paths_are_taken_apart() {
        assert_eq!(parts(r"spec.c.[name=a.b].x\.y.0"), ["spec", "c", "[name=a.b]", "x.y", "0"]);
        assert_eq!(parts("a.[x.io/b-c].d"), ["a", "x.io/b-c", "d"]);
    }
}
