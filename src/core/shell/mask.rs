//! Heredoc bodies hidden from the parser underneath, which counts the parentheses and quotes in them where the heredoc
//! stands inside `$( )`: `git commit -m "$(cat <<'EOF'` with `1) …` in its body is a command line agents write all day.
//!
//! Each character that means something to a shell is replaced by one of a private range, one for one, so that
//! positions stay what they are. What is hidden is data or it is nothing: a hidden character that turns up anywhere
//! but in the body of a heredoc makes its word unreadable, and so opaque.

/// Characters that are hidden.
const HIDDEN: [char; 13] = ['(', ')', '\'', '"', '`', '$', '\\', '#', '<', '>', '{', '}', '&'];
/// First of the characters they are hidden behind.
const BASE: u32 = 0xF_8F00;

fn hide(c: char) -> char {
    let at = HIDDEN.iter().position(|h| *h == c).and_then(|at| u32::try_from(at).ok());
    at.and_then(|at| char::from_u32(BASE + at)).unwrap_or(c)
}

fn show(c: char) -> char {
    let at = (c as u32).checked_sub(BASE).and_then(|at| usize::try_from(at).ok());
    at.and_then(|at| HIDDEN.get(at)).copied().unwrap_or(c)
}

/// True where the text holds hidden characters.
pub(super) fn is_hidden(text: &str) -> bool {
    text.chars().any(|c| show(c) != c)
}

/// The text with its hidden characters shown again.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(show).collect()
}

/// Where a byte of the hidden text stands in the text as it was.
pub(super) fn position(byte: usize, masked: &str) -> usize {
    masked.get(..byte).map_or(byte, |before| before.chars().map(|c| show(c).len_utf8()).sum())
}

/// The text with the bodies of its heredocs hidden; none where there are none to hide.
///
/// Heredocs are found line by line, by their operator and their last line alone; that this may see one where there
/// is none is what the rule above is for.
pub(super) fn heredocs(source: &str) -> Option<String> {
    if is_hidden(source) {
        return None;
    }
    let mut out = String::with_capacity(source.len());
    let mut any = false;
    let mut lines = source.split_inclusive('\n');
    while let Some(line) = lines.next() {
        out.push_str(line);
        for heredoc in operators(line) {
            let rest: Vec<&str> = lines.clone().collect();
            let Some(length) = rest.iter().position(|l| heredoc.ends(l)) else { continue };
            for body in rest.iter().take(length) {
                // What is expanded in a body is code; a body with any stays as it is.
                let plain = heredoc.quoted || !rest.iter().take(length).any(|l| l.contains(['$', '`', '\\']));
                out.extend(body.chars().map(|c| if plain { hide(c) } else { c }));
                any |= plain;
                lines.next();
            }
            if let Some(end) = lines.next() {
                out.push_str(end);
            }
        }
    }
    any.then_some(out)
}

/// A heredoc that a line opens.
pub(super) struct Heredoc<'a> {
    pub(super) delimiter: &'a str,
    quoted: bool,
    tabs: bool,
}

impl Heredoc<'_> {
    /// True for the line that ends it. Behind a substitution's last heredoc the parenthesis may follow at once.
    pub(super) fn ends(&self, line: &str) -> bool {
        let line = line.trim_end_matches('\n');
        let line = if self.tabs { line.trim_start_matches('\t') } else { line };
        line == self.delimiter
    }
}

/// The heredocs that a line opens, in order.
pub(super) fn operators(line: &str) -> Vec<Heredoc<'_>> {
    let mut out = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find("<<") {
        let tail = rest.get(at + 2..).unwrap_or_default();
        if let Some(here_string) = tail.strip_prefix('<') {
            rest = here_string.trim_start_matches('<');
            continue;
        }
        let (tabs, word) = match tail.strip_prefix('-') {
            Some(word) => (true, word.trim_start_matches([' ', '\t'])),
            None => (false, tail.trim_start_matches([' ', '\t'])),
        };
        let quote = word.chars().next().filter(|c| matches!(c, '\'' | '"' | '\\'));
        let bare = word.trim_start_matches(['\'', '"', '\\']);
        let end =
            bare.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(bare.len());
        let delimiter = bare.get(..end).unwrap_or_default();
        if !delimiter.is_empty() {
            out.push(Heredoc { delimiter, quoted: quote.is_some(), tabs });
        }
        rest = tail;
    }
    out
}
