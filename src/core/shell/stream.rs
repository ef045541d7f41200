//! Streams of expanded text on their way to words: field splitting and pathname expansion as bash does them.

use super::pattern::is_glob;
use crate::model::{Asked, Word};

/// Most alternatives of one word that are followed; more count as unknown.
pub(super) const MOST: usize = 32;

/// A piece of expanded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seg {
    /// Certain characters.
    Text {
        /// The characters.
        text: String,
        /// They stand in quotes: neither split nor matched against file names.
        quoted: bool,
        /// They come from an expansion, so unquoted white space in them separates words.
        split: bool,
    },
    /// Something unknown; unquoted it may become any number of words.
    Unknown {
        /// It stands in quotes.
        quoted: bool,
    },
    /// A name that a pattern found.
    Found,
    /// One word's text of which it is known what it is.
    Asked(Asked),
    /// A boundary between two words (`"$@"`).
    Break,
}

/// One expansion of a word.
pub(super) type Stream = Vec<Seg>;

/// Text written in the command line.
pub(super) fn text(text: impl Into<String>, quoted: bool) -> Seg {
    Seg::Text { text: text.into(), quoted, split: false }
}

/// A word's pieces as the result of an expansion.
pub(super) fn expanded(word: &Word, quoted: bool) -> Stream {
    (word.parts().iter())
        .map(|part| match part {
            crate::model::Part::Text(text) => Seg::Text { text: text.clone(), quoted, split: !quoted },
            crate::model::Part::Unknown if word.is_wild() && !word.splits() => Seg::Found,
            crate::model::Part::Unknown => Seg::Unknown { quoted: quoted || !word.splits() },
            crate::model::Part::Asked(Asked::Value) if quoted => Seg::Unknown { quoted },
            crate::model::Part::Asked(what) => Seg::Asked(*what),
        })
        .collect()
}

/// Every combination of two lists of alternatives.
pub(super) fn cross(left: Vec<Stream>, right: Vec<Stream>) -> Vec<Stream> {
    if let ([_], [only]) = (left.as_slice(), right.as_slice()) {
        let mut left = left;
        if let Some(first) = left.first_mut() {
            first.extend(only.iter().cloned());
        }
        return left;
    }
    if left.len() * right.len() > MOST {
        return vec![vec![Seg::Unknown { quoted: false }]];
    }
    left.iter().flat_map(|l| right.iter().map(|r| l.iter().chain(r).cloned().collect())).collect()
}

/// The whole stream as one word: what an assignment or a redirection makes of it.
pub(super) fn single(stream: &Stream) -> Word {
    if matches!(stream.as_slice(), [Seg::Unknown { quoted: false }]) {
        return Word::asked(Asked::Value);
    }
    let mut word = Word::default();
    for seg in stream {
        match seg {
            Seg::Text { text, .. } => word.push_text(text),
            Seg::Unknown { .. } => word.push_unknown(false),
            Seg::Found => word.push_found(),
            Seg::Asked(what) => word.push_asked(*what),
            Seg::Break => word.push_text(" "),
        }
    }
    word
}

/// Collects fields.
struct FieldCollector<'a> {
    ifs: Option<&'a str>,
    done: Vec<Word>,
    word: Word,
    open: bool,
}

/// Splits a stream into words. `ifs` is none where its value is not known.
pub(super) fn fields(stream: &Stream, ifs: Option<&str>) -> Vec<Word> {
    let mut fields = FieldCollector { ifs, done: Vec::new(), word: Word::default(), open: false };
    for seg in stream {
        match seg {
            Seg::Break => fields.close(),
            Seg::Unknown { quoted } => {
                fields.word.push_unknown(!quoted);
                fields.open = true;
            }
            Seg::Found => {
                fields.word.push_found();
                fields.open = true;
            }
            Seg::Asked(what) => {
                fields.word.push_asked(*what);
                fields.open = true;
            }
            Seg::Text { text, quoted: true, .. } => {
                fields.word.push_text(text);
                fields.open = true;
            }
            Seg::Text { text, split: true, .. } => fields.split(text),
            Seg::Text { text, .. } => fields.glob(text),
        }
    }
    fields.close();
    fields.done
}

impl FieldCollector<'_> {
    fn close(&mut self) {
        if self.open {
            self.done.push(std::mem::take(&mut self.word));
        }
        self.open = false;
    }

    fn split(&mut self, text: &str) {
        let Some(ifs) = self.ifs else {
            self.word.push_unknown(true);
            self.open = true;
            return;
        };
        let mut run = String::new();
        let mut hard = false;
        for c in text.chars() {
            if !ifs.contains(c) {
                run.push(c);
                hard = false;
                continue;
            }
            self.glob(&std::mem::take(&mut run));
            // A separator that is no white space delimits even an empty field.
            if !c.is_ascii_whitespace() && !self.open && hard {
                self.open = true;
            }
            self.close();
            hard = !c.is_ascii_whitespace();
        }
        self.glob(&run);
    }

    /// Unquoted text: where it is a pattern, its wild parts become unknown.
    fn glob(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let fresh = !self.open;
        self.open = true;
        if !is_glob(text) || (text.contains('[') && !text.contains([']', '*', '?', '('])) {
            self.word.push_text(text);
            return;
        }
        let (start, end) = wild(text);
        let head = text.get(..start).unwrap_or_default();
        // A name that a leading wildcard finds stands for a file here, whatever it looks like; with an
        // extension behind it, it is no flag of any tool.
        let tail = text.get(end..).unwrap_or_default();
        if fresh && head.is_empty() && tail.contains('.') {
            self.word.push_text("./");
        }
        self.word.push_text(head);
        self.word.push_wild();
        self.word.push_text(tail);
    }
}

/// The range from the first to the last wild character.
fn wild(text: &str) -> (usize, usize) {
    let wild = |c: char| matches!(c, '*' | '?' | '[' | ']' | '(' | ')' | '|');
    let start = text.find(|c: char| wild(c) || matches!(c, '@' | '!' | '+')).unwrap_or(0);
    let end = text.char_indices().filter(|(_, c)| wild(*c)).map(|(i, c)| i + c.len_utf8()).next_back();
    (start, end.unwrap_or(text.len()).max(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        let stream = vec![Seg::Text { text: text.into(), quoted: false, split: true }];
        fields(&stream, Some(" \t\n")).iter().map(|w| w.display().into_owned()).collect()
    }

    #[test]
    fn splits_on_white_space_and_keeps_quotes_whole() {
        assert_eq!(split(" kubectl  delete\tpod\n"), ["kubectl", "delete", "pod"]);
        let stream = vec![text("", true)];
        assert_eq!(fields(&stream, Some(" ")), vec![Word::literal("")]);
        let colon = vec![Seg::Text { text: "a::b".into(), quoted: false, split: true }];
        let words: Vec<_> = fields(&colon, Some(":")).iter().map(|w| w.display().into_owned()).collect();
        assert_eq!(words, ["a", "", "b"]);
    }

    #[test]
    fn wild_parts_are_unknown() {
        let word = |t: &str| fields(&vec![text(t, false)], Some(" "))[0].display().into_owned();
        assert_eq!(word("d?lete"), "d…lete");
        assert_eq!(word("/bin/kube*"), "/bin/kube…");
        assert_eq!(word("*.yaml"), "./….yaml");
        assert_eq!(word("["), "[");
        assert_eq!(word("x/+(kubectl)"), "x/…");
    }
}
