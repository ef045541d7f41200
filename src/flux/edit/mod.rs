//! Changing one value of a YAML text and no other byte: quotes, comments, order and layout stay. What was made is read again
//! and compared with what was there, so that an edit that would do anything else is refused.

mod error;
mod insert;
mod offset;
mod scalar;
mod verify;

pub use error::EditError;
pub use scalar::WrittenScalar;

use rwenv_core::manifest::yaml::{Node, Value};

/// One step of a path into values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// An entry of a mapping.
    Key(String),
    /// An item of a list, from 0.
    Item(usize),
}

/// Reads a path as helm's `--set` has them: `a.b[0].c`; a dot of a key is written `\.`.
///
/// # Errors
/// Where it is none.
pub fn steps(path: &str) -> Result<Vec<PathStep>, String> {
    let wrong = || format!("'{path}' is not a path to a value; write it like a.b[0].c");
    let mut all = Vec::new();
    let mut key = String::new();
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => key.push(chars.next().ok_or_else(wrong)?),
            '.' if !key.is_empty() => all.push(PathStep::Key(std::mem::take(&mut key))),
            '.' if matches!(all.last(), Some(PathStep::Item(_))) => {}
            '[' => {
                if !key.is_empty() {
                    all.push(PathStep::Key(std::mem::take(&mut key)));
                }
                let number: String = chars.by_ref().take_while(|c| *c != ']').collect();
                all.push(PathStep::Item(number.parse().map_err(|_| wrong())?));
            }
            '.' => return Err(wrong()),
            c => key.push(c),
        }
    }
    if !key.is_empty() {
        all.push(PathStep::Key(key));
    } else if path.ends_with('.') {
        return Err(wrong());
    }
    if matches!(all.first(), Some(PathStep::Key(_))) { Ok(all) } else { Err(wrong()) }
}

/// The value at the end of a path, or where the path ends.
#[derive(Clone, Copy, Debug)]
pub enum ReachedNode<'n> {
    /// It is there.
    Value(&'n Node),
    /// This is there, and the step of this number is not.
    Upto(&'n Node, usize),
}

/// Follows a path.
#[must_use]
pub fn reach<'n>(base: &'n Node, path: &[PathStep]) -> ReachedNode<'n> {
    let mut node = base;
    for (number, step) in path.iter().enumerate() {
        let next = match step {
            PathStep::Key(key) => node.get(key),
            PathStep::Item(item) => node.items().get(*item),
        };
        match next {
            Some(next) if !next.is_null() || number + 1 == path.len() => node = next,
            _ => return ReachedNode::Upto(node, number),
        }
    }
    ReachedNode::Value(node)
}

/// Puts another value in the place of the scalar that stands at a place.
///
/// # Errors
/// Where it is written in a way that is not edited, or more than this value would change.
pub fn replace(text: &str, node: &Node, new: &WrittenScalar) -> Result<String, EditError> {
    let Value::Scalar { text: old, .. } = &node.resolved().value else {
        return Err(EditError::at(node.at, "is a mapping or a list; name one of its values"));
    };
    let place = scalar::find(text, node.at, old)?;
    let made = place.with(text, new);
    verify::replaced(text, &made, old, &new.text).map_err(|why| EditError::at(node.at, why))?;
    Ok(made)
}

/// Adds an entry below a mapping of a text: the keys that are missing, and the value.
///
/// # Errors
/// Where the mapping is written in a way that is not edited, or more than this value would change.
pub fn add(text: &str, map: &Node, path: &[PathStep], value: &WrittenScalar) -> Result<String, EditError> {
    let mut keys = Vec::new();
    for step in path {
        match step {
            PathStep::Key(key) => keys.push(key.as_str()),
            PathStep::Item(number) => {
                let count = map.items().len();
                return Err(EditError::at(map.at, format!("there is no item {number}; there are {count}")));
            }
        }
    }
    let made = insert::entry(text, map, &keys, value)?;
    verify::added(text, &made, &[&value.text]).map_err(|why| EditError::at(map.at, why))?;
    Ok(made)
}

/// Adds an item with a name and a value to a list of such items.
///
/// # Errors
/// Where the list is written in a way that is not edited, or more than this item would change.
pub fn append(text: &str, list: &Node, name: &str, value: &WrittenScalar) -> Result<String, EditError> {
    let made = insert::item(text, list, name, value)?;
    verify::added(text, &made, &[name, &value.text]).map_err(|why| EditError::at(list.at, why))?;
    Ok(made)
}

#[cfg(test)]
mod tests;
