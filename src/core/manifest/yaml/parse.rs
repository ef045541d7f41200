//! From text to documents, by the events of a parser of the field.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use super::{At, LONGEST, MOST_NODES, Node, Parsed, Problem, ProblemKind, Value};

/// Reads a text. A document that does not parse is a problem, and those behind it are read all the same.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    parse_from(text, At { file: 0, line: 0, column: 0 })
}

/// Where a text of several lines (`|`) begins, as [`parse_from`] wants to know it: a scalar's place is that of its first line
/// that is not blank.
#[must_use]
pub fn start_of(text: &str, at: At) -> At {
    let blank = text.lines().take_while(|line| line.trim().is_empty()).count();
    let before = u32::try_from(blank).unwrap_or(u32::MAX).saturating_add(1);
    At { file: at.file, line: at.line.saturating_sub(before), column: at.column.saturating_sub(1) }
}

/// What the parser says of a text in quotes whose lines are not indented more than its key. Go's parsers and libyaml read it.
const FLAT: &str = "invalid indentation in multiline quoted scalar";
/// What the parser says of a comment directly behind a value, as in `'false'# no`. Go's parsers and libyaml read it.
const ATTACHED: &str = "comments must be separated from other tokens by whitespace";
/// Most bytes that are read again for the sake of such lines.
const READ_AGAIN: usize = 64 << 20;

/// Reads a text that stands in another one: `start` names the file, the line before its first, and how deep it stands.
#[must_use]
pub fn parse_from(text: &str, start: At) -> Parsed {
    let mut parsed = parse_once(text, start, &BTreeMap::new());
    let (mut lines, mut indented) = (Vec::new(), BTreeMap::new());
    let mut budget = READ_AGAIN;
    let refused = |problem: &&Problem| problem.message == FLAT || problem.message == ATTACHED;
    while let Some(problem) = parsed.problems.iter().find(refused) {
        let number = usize::try_from(problem.at.line.saturating_sub(start.line)).unwrap_or(0);
        if lines.is_empty() {
            lines = text.lines().map(str::to_owned).collect();
        }
        budget = budget.saturating_sub(text.len());
        let Some(line) = number.checked_sub(1).and_then(|n| lines.get_mut(n)).filter(|_| budget > 0) else {
            break;
        };
        let depth: usize = indented.get(&number).copied().unwrap_or(0);
        if problem.message == ATTACHED {
            let column = usize::try_from(problem.at.column.saturating_sub(1 + start.column)).unwrap_or(0);
            let Some((at, _)) = line.char_indices().nth(column + depth).filter(|(_, c)| *c == '#') else {
                break;
            };
            line.insert(at, ' ');
        } else if depth < 64 {
            // Spaces at the beginning of such a line mean nothing.
            line.insert_str(0, "        ");
            indented.insert(number, depth + 8);
        } else {
            break;
        }
        let end = if text.ends_with('\n') { "\n" } else { "" };
        parsed = parse_once(&format!("{}{end}", lines.join("\n")), start, &indented);
    }
    parsed
}

fn parse_once(text: &str, start: At, indented: &BTreeMap<usize, usize>) -> Parsed {
    let mut out = Parsed::default();
    if text.len() > LONGEST {
        let message = format!("has {} bytes, more than the limit of {LONGEST}", text.len());
        let at = At { file: start.file, ..At::START };
        out.problems.push(Problem { at, kind: ProblemKind::Limit, message });
        return out;
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text.trim_start_matches('\u{feff}'), options);
    let mut builder = NodeBuilder { start, indented: indented.clone(), ..NodeBuilder::default() };
    loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((event, span))) => {
                if !builder.take(event, span, &mut out) {
                    break;
                }
            }
            Some(Err(error)) => {
                let at = builder.place(error.marker().line(), error.marker().col());
                out.problems.push(Problem { at, kind: ProblemKind::Syntax, message: reason(&error.info()) });
                builder.restart();
                if !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    out
}

/// The parser's message without what it quotes: that may be a secret.
fn reason(message: &str) -> String {
    message.split(['\n', '`', '"']).next().unwrap_or_default().trim().trim_end_matches([':', ',']).to_owned()
}

/// A collection that is still open.
struct OpenCollection {
    at: At,
    anchor: usize,
    map: bool,
    items: Vec<Node>,
}

/// Makes nodes out of events.
#[derive(Default)]
struct NodeBuilder {
    start: At,
    /// By how many columns lines were indented for the parser.
    indented: BTreeMap<usize, usize>,
    open: Vec<OpenCollection>,
    anchors: HashMap<usize, Arc<Node>>,
    nodes: usize,
}

impl NodeBuilder {
    fn place(&self, line: usize, column: usize) -> At {
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let column = column.saturating_sub(self.indented.get(&line).copied().unwrap_or(0));
        At {
            file: self.start.file,
            line: small(line).saturating_add(self.start.line),
            column: small(column).saturating_add(1 + self.start.column),
        }
    }

    fn restart(&mut self) {
        self.open.clear();
        self.anchors.clear();
    }

    /// Takes one event; false where there are too many nodes.
    fn take(&mut self, event: Event<'_>, span: Span, out: &mut Parsed) -> bool {
        let at = self.place(span.start.line(), span.start.col());
        match event {
            Event::DocumentStart(..) => self.restart(),
            Event::Scalar(text, style, anchor, _) => {
                let value = Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.done(Node { at, value }, anchor, out);
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open.push(OpenCollection { at, anchor, map: false, items: Vec::new() })
            }
            Event::MappingStart(_, anchor, _) => {
                self.open.push(OpenCollection { at, anchor, map: true, items: Vec::new() })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(out),
            Event::Alias(anchor) => {
                if let Some(node) = self.anchors.get(&anchor).cloned() {
                    self.done(Node { at, value: Value::Alias(node) }, 0, out);
                } else {
                    // An alias inside of what its anchor holds: a circle.
                    let message = "an alias refers to a node that contains it".to_owned();
                    out.problems.push(Problem { at, kind: ProblemKind::Syntax, message });
                    self.done(Node { at, value: Value::List(Vec::new()) }, 0, out);
                }
            }
            _ => {}
        }
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            let message = format!("has more than {MOST_NODES} nodes, the limit");
            out.problems.push(Problem { at, kind: ProblemKind::Limit, message });
        }
        self.nodes <= MOST_NODES
    }

    fn close(&mut self, out: &mut Parsed) {
        let Some(open) = self.open.pop() else { return };
        let value = if open.map {
            let mut items = open.items.into_iter();
            let mut entries = Vec::with_capacity(items.len() / 2);
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                entries.push((key, value));
            }
            duplicates(&entries, out);
            Value::Map(entries)
        } else {
            Value::List(open.items)
        };
        self.done(Node { at: open.at, value }, open.anchor, out);
    }

    /// A node that is complete: into what is open around it, or a document of its own.
    fn done(&mut self, mut node: Node, anchor: usize, out: &mut Parsed) {
        if anchor > 0 {
            let at = node.at;
            let shared = Arc::new(node);
            self.anchors.insert(anchor, Arc::clone(&shared));
            node = Node { at, value: Value::Anchored(shared) };
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None if matches!(&node.value, Value::Scalar { plain: true, .. }) && node.text().is_none() => {}
            None => out.documents.push(node),
        }
    }
}

fn duplicates(entries: &[(Node, Node)], out: &mut Parsed) {
    let mut seen: HashSet<&str> = HashSet::with_capacity(entries.len());
    for (key, _) in entries {
        if !matches!(key.resolved().value, Value::Scalar { .. }) {
            // JSON has none, and so Kubernetes has none: most often a template that is not rendered yet.
            let message = "a mapping or a list is used as a key".to_owned();
            out.problems.push(Problem { at: key.at, kind: ProblemKind::Syntax, message });
        }
        let Some(text) = key.text() else { continue };
        if !seen.insert(text) {
            let message =
                format!("duplicate key '{text}' in a mapping; parsers take the last one or reject the file");
            out.problems.push(Problem { at: key.at, kind: ProblemKind::DuplicateKey, message });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, reason};

    #[test]
    fn a_comment_directly_behind_a_value_is_one() {
        let text =
            "a: 'false'# no\nb: \"x\"#y\nc: [1, 2]# c\nd: {e: f}# d\ng: |# h\n  # text\ni: plain# text\n";
        let parsed = parse(text);
        assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
        let document = parsed.documents.first().unwrap();
        let read = |key: &str| document.str(&[key]);
        let wanted = [Some("false"), Some("x"), Some("# text\n"), Some("plain# text")];
        assert_eq!(["a", "b", "g", "i"].map(read), wanted);
    }

    #[test]
    fn what_the_parser_quotes_is_not_told() {
        assert!(!reason("did not find `sk-secret`, expected \"x\"").contains("secret"));
    }
}
