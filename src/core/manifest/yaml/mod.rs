//! YAML text → documents whose every node knows where it stands. A parser of the field reads the grammar; what is
//! kept of it, and the limits, are ours.

mod parse;

use std::sync::Arc;

pub use parse::{parse, parse_from, start_of};

/// Longest text that is read, in bytes.
pub const LONGEST: usize = 8 << 20;
/// Most nodes of one file.
const MOST_NODES: usize = 1_000_000;

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// Number of the file in its [`Tree`](super::tree::Tree); 0 for a text that is in none.
    pub file: u32,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl At {
    /// The beginning of a file.
    pub const START: Self = Self { file: 0, line: 1, column: 1 };
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text; `plain` where it stands without quotes.
    Scalar {
        /// The text, escapes resolved.
        text: String,
        /// Not quoted.
        plain: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the text.
    Map(Vec<(Node, Node)>),
    /// What an anchor names, where it stands.
    Anchored(Arc<Node>),
    /// What an anchor before it holds.
    Alias(Arc<Node>),
}

/// A node and where it begins.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where.
    pub at: At,
    /// What.
    pub value: Value,
}

impl Node {
    /// The node itself, aliases followed.
    #[must_use]
    pub fn resolved(&self) -> &Self {
        match &self.value {
            // An anchor holds no alias to itself, so that this ends.
            Value::Alias(node) | Value::Anchored(node) => node.resolved(),
            _ => self,
        }
    }

    /// The text of a scalar that is not null.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.resolved().value {
            Value::Scalar { text, plain } if !(*plain && matches!(text.as_str(), "" | "~" | "null")) => {
                Some(text)
            }
            _ => None,
        }
    }

    /// The entries of a mapping.
    #[must_use]
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.resolved().value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a sequence.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.resolved().value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The entry of a mapping under a key: its key node and its value. What is merged in (`<<`) counts after its own.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<(&Self, &Self)> {
        let own = self.entries().iter().find(|(k, _)| k.text() == Some(key)).map(|(k, v)| (k, v));
        own.or_else(|| {
            let (_, merged) = self.entries().iter().find(|(k, _)| k.text() == Some("<<"))?;
            let items = merged.items();
            if items.is_empty() { merged.entry(key) } else { items.iter().find_map(|m| m.entry(key)) }
        })
    }

    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The value under a path of keys.
    #[must_use]
    pub fn path(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// A copy without anchors, aliases and merges: every node is its own. None where it would be larger than is read.
    #[must_use]
    pub fn expanded(&self) -> Option<Self> {
        self.expand(&mut 0)
    }

    fn expand(&self, count: &mut usize) -> Option<Self> {
        *count += 1;
        if *count > MOST_NODES {
            return None;
        }
        let value = match &self.value {
            Value::Alias(node) | Value::Anchored(node) => node.expand(count)?.value,
            Value::Scalar { text, plain } => Value::Scalar { text: text.clone(), plain: *plain },
            Value::List(items) => {
                Value::List(items.iter().map(|item| item.expand(count)).collect::<Option<_>>()?)
            }
            Value::Map(entries) => {
                let mut all: Vec<(Self, Self)> = Vec::with_capacity(entries.len());
                for (key, value) in entries.iter().filter(|(key, _)| key.text() != Some("<<")) {
                    all.push((key.expand(count)?, value.expand(count)?));
                }
                for (_, merged) in entries.iter().filter(|(key, _)| key.text() == Some("<<")) {
                    merged.expand_into(&mut all, count)?;
                }
                Value::Map(all)
            }
        };
        Some(Self { at: self.at, value })
    }

    /// Adds what is merged in, where a mapping has no entry of its own.
    fn expand_into(&self, all: &mut Vec<(Self, Self)>, count: &mut usize) -> Option<()> {
        let own = std::slice::from_ref(self);
        for source in if self.items().is_empty() { own } else { self.items() } {
            for (key, value) in source.expand(count)?.into_entries() {
                if !all.iter().any(|(known, _)| known.text() == key.text()) {
                    all.push((key, value));
                }
            }
        }
        Some(())
    }

    /// The entries of a mapping, taken out of it.
    #[must_use]
    pub fn into_entries(self) -> Vec<(Self, Self)> {
        match self.value {
            Value::Map(entries) => entries,
            _ => Vec::new(),
        }
    }

    /// A text that stands nowhere but is due to what stands at a place.
    #[must_use]
    pub fn scalar(text: &str, at: At) -> Self {
        Self { at, value: Value::Scalar { text: text.to_owned(), plain: false } }
    }

    /// The value under a key, to be changed; anchors and aliases are not followed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Value::Map(entries) = &mut self.value else { return None };
        entries.iter_mut().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    /// Puts a value under a key, in place of what is there. What is no mapping becomes one.
    pub fn set(&mut self, key: &str, value: Self) {
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        if let Some(old) = self.get_mut(key) {
            *old = value;
        } else if let Value::Map(entries) = &mut self.value {
            entries.push((Self::scalar(key, value.at), value));
        }
    }

    /// Takes the entry under a key out.
    pub fn remove(&mut self, key: &str) -> Option<Self> {
        let Value::Map(entries) = &mut self.value else { return None };
        let at = entries.iter().position(|(k, _)| k.text() == Some(key))?;
        Some(entries.remove(at).1)
    }

    /// True for null, and for what holds nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.resolved().value, Value::Scalar { .. }) && self.text().is_none()
    }

    /// A copy of the text under a path of keys.
    #[must_use]
    pub fn string(&self, keys: &[&str]) -> Option<String> {
        self.str(keys).map(str::to_owned)
    }

    /// The text under a path of keys.
    #[must_use]
    pub fn str(&self, keys: &[&str]) -> Option<&str> {
        self.path(keys).and_then(Self::text)
    }
}

/// Something that is wrong with a text as YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: At,
    /// What sort of problem.
    pub kind: ProblemKind,
    /// What is wrong; no text of the file but keys.
    pub message: String,
}

/// Sorts of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// It does not parse.
    Syntax,
    /// A key stands twice in one mapping.
    DuplicateKey,
    /// Larger or deeper than is read.
    Limit,
}

/// A text, read.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The documents that could be read; empty ones left out.
    pub documents: Vec<Node>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_knows_its_place_and_aliases_and_merges_are_followed() {
        let parsed = parse(
            "\u{feff}a: &x {b: 1}\r\nc: *x\r\nd:\r\n  <<: *x\r\n  e: 'null'\r\n---\r\n# nothing\r\n---\r\n- f\r\n",
        );
        assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
        let [first, second] = parsed.documents.as_slice() else { panic!("{:?}", parsed.documents) };
        assert_eq!(first.str(&["c", "b"]), Some("1"));
        assert_eq!(first.str(&["d", "b"]), Some("1"));
        assert_eq!(first.str(&["d", "e"]), Some("null"));
        assert_eq!(first.entry("d").unwrap().0.at, At { file: 0, line: 3, column: 1 });
        assert_eq!(second.items()[0].at, At { file: 0, line: 9, column: 3 });
        assert_eq!(parse("a: 1\nb: ~\n").documents[0].str(&["b"]), None);
        let keys = parse("a: &k b\n*k : 1\n{{ .x }}: 2\n[c]: 3\n");
        assert_eq!(
            keys.problems.iter().map(|p| p.at.line).collect::<Vec<_>>(),
            [3, 3, 4],
            "{:?}",
            keys.problems
        );
    }

    #[test]
    fn a_text_in_quotes_may_stand_as_far_left_as_its_key() {
        let text = "data:\n  one: \"first line\n  second line\n  third\"\n  two: 'a\n  b'\n";
        let parsed = parse(text);
        assert_eq!(parsed.problems, []);
        let data = parsed.documents[0].get("data").unwrap();
        assert_eq!(data.str(&["one"]), Some("first line second line third"));
        let two = data.get("two").unwrap();
        assert_eq!((two.text(), two.at.line, two.at.column), (Some("a b"), 5, 8));
    }

    #[test]
    fn a_broken_document_is_a_problem_and_the_next_is_read() {
        let parsed = parse("a: [1\n---\nb: 2\n---\nc: 3\nc: 4\n");
        assert_eq!(parsed.documents.last().unwrap().str(&["c"]), Some("3"));
        assert_eq!(parsed.documents.iter().filter(|d| d.get("b").is_some()).count(), 1);
        let kinds: Vec<_> = parsed.problems.iter().map(|p| p.kind).collect();
        assert_eq!(kinds, [ProblemKind::Syntax, ProblemKind::DuplicateKey]);
        assert_eq!(parsed.problems[1].at, At { file: 0, line: 6, column: 1 });
    }

    #[test]
    fn bombs_end() {
        let mut laughs = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
        for (this, last) in ('b'..='z').zip('a'..) {
            laughs.push_str(&format!(
                "{this}: &{this} [*{last},*{last},*{last},*{last},*{last},*{last},*{last},*{last}]\n"
            ));
        }
        assert_eq!(parse(&laughs).documents.len(), 1);
        assert!(!parse(&"[".repeat(20_000)).problems.is_empty());
        assert!(!parse(&"- ".repeat(20_000)).problems.is_empty());
        assert_eq!(parse(&"[],".repeat(2_000_000)).problems.len(), 1);
        assert_eq!(parse(&"x".repeat(LONGEST + 1)).problems[0].kind, ProblemKind::Limit);
        assert!(!parse("a: &a [*a]").problems.is_empty());
    }
}
