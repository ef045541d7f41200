//! What an edit did to a text, by reading both: exactly what it should, or it is refused.

use std::collections::BTreeMap;

use rwenv_core::manifest::yaml::{Node, Value, parse};

const ELSE: &str = "cannot be changed without changing something else; change it by hand";

/// Every scalar of a text by its path, and whether it stands without quotes.
type Scalars = BTreeMap<String, (String, bool)>;

fn scalars(text: &str) -> Result<Scalars, String> {
    let parsed = parse(text);
    if let Some(problem) = parsed.problems.first() {
        return Err(format!("would no longer parse: {}", problem.message));
    }
    let mut all = Scalars::new();
    for (number, document) in parsed.documents.iter().enumerate() {
        let document = document.expanded().ok_or("is too large to be edited")?;
        gather(&document, &number.to_string(), &mut all);
    }
    Ok(all)
}

fn gather(node: &Node, path: &str, into: &mut Scalars) {
    match &node.value {
        Value::Scalar { text, plain } => {
            into.insert(path.to_owned(), (text.clone(), *plain));
        }
        Value::List(items) if items.is_empty() => {
            into.insert(format!("{path}[]"), (String::new(), false));
        }
        Value::List(items) => {
            for (number, item) in items.iter().enumerate() {
                gather(item, &format!("{path}[{number}]"), into);
            }
        }
        Value::Map(entries) => {
            // An empty mapping that gets an entry is one no more.
            for (key, value) in entries {
                gather(value, &format!("{path}.{:?}", key.text().unwrap_or_default()), into);
            }
        }
        Value::Anchored(_) | Value::Alias(_) => {}
    }
}

/// Checks that one value has become another, there and where an alias repeats it.
pub(super) fn replaced(before: &str, after: &str, old: &str, new: &str) -> Result<(), String> {
    let (was, is) = (scalars(before)?, scalars(after)?);
    let same_paths = was.keys().eq(is.keys());
    let changed: Vec<(&String, &String)> = was
        .iter()
        .filter(|(path, value)| is.get(*path).map(|now| &now.0) != Some(&value.0))
        .filter_map(|(path, value)| Some((&value.0, &is.get(path)?.0)))
        .collect();
    let exact = |(was, is): &(&String, &String)| was.as_str() == old && is.as_str() == new;
    // A value inside of a text that is YAML itself.
    let inside = |(was, is): &(&String, &String)| {
        was.contains('\n') && was.len() > old.len() && replaced(was, is, old, new).is_ok()
    };
    let done = old == new || !changed.is_empty();
    if same_paths && done && changed.iter().all(|pair| exact(pair) || inside(pair)) {
        Ok(())
    } else {
        Err(ELSE.to_owned())
    }
}

/// Checks that these values are there that were not, and that all others are as they were.
pub(super) fn added(before: &str, after: &str, values: &[&str]) -> Result<(), String> {
    let (was, is) = (scalars(before)?, scalars(after)?);
    let new: Vec<&str> =
        is.iter().filter(|(path, _)| !was.contains_key(*path)).map(|(_, v)| v.0.as_str()).collect();
    let untouched = was.iter().all(|(path, value)| is.get(path) == Some(value));
    let mut changed = was.iter().filter(|(path, value)| is.get(*path) != Some(value));
    // An entry of a text that is YAML itself.
    let inside = new.is_empty()
        && was.keys().eq(is.keys())
        && changed.clone().count() == 1
        && changed.all(|(path, was)| is.get(path).is_some_and(|is| added(&was.0, &is.0, values).is_ok()));
    if (untouched && new == values) || inside { Ok(()) } else { Err(ELSE.to_owned()) }
}
