//! Substitutions that the tokenizer underneath takes apart wrongly, folded into plain characters for it.
//!
//! It loses what stands in `${…}` and `$(…)` behind a heredoc's operator (`cat <<EOF | kubectl -n ${NS} apply -f -`), and ends `$(…)` at the
//! parenthesis of a `case` pattern. Here each such substitution is found by its brackets, and every character of it but letters and
//! digits is replaced by one of a private range, one for one: the tokenizer then sees one word. Its tokens get their characters back
//! before anything else reads them.

use std::borrow::Cow;

use brush_parser::Token;

use super::mask;

/// First of the characters that ASCII is folded to.
const BASE: u32 = 0xF_9000;
/// Longest substitution that is folded, in bytes.
const LONGEST: usize = 4096;

fn fold(c: char) -> char {
    if c.is_ascii() && !c.is_ascii_alphanumeric() { char::from_u32(BASE + c as u32).unwrap_or(c) } else { c }
}

fn unfold(c: char) -> char {
    (c as u32).checked_sub(BASE).filter(|at| *at < 128).and_then(char::from_u32).unwrap_or(c)
}

/// The text with such substitutions folded; none where there are none, or where quotes, comments and bodies of heredocs cannot be told
/// apart for sure.
pub(super) fn folded(source: &str) -> Option<String> {
    fold_all(source, 0)
}

/// A word with what stands inside of such substitutions folded; [`shown`] brings it back.
pub(super) fn folded_within(word: &str) -> Option<String> {
    if word.contains("case") { fold_all(word, 1) } else { None }
}

/// The text as it was before it was folded.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { text.chars().map(unfold).collect() }
}

/// True where something in the text is still folded.
pub(super) fn is_folded(text: &str) -> bool {
    !text.is_ascii() && text.chars().any(|c| unfold(c) != c)
}

/// `brackets`: as many characters of a substitution's own brackets stay at its end, and one more at its start.
fn fold_all(source: &str, brackets: usize) -> Option<String> {
    let wanted = source.contains("<<") || source.contains("case");
    if !wanted || !source.contains('$') || source.contains('`') || is_folded(source) {
        return None;
    }
    let mut scan = Scan {
        source,
        brackets,
        at: 0,
        done: 0,
        quoted: false,
        heredocs: Vec::new(),
        out: String::with_capacity(source.len()),
    };
    while scan.at < source.len() {
        scan.step()?;
    }
    scan.out.push_str(source.get(scan.done..)?);
    (scan.done > 0).then_some(scan.out)
}

/// A pass over a text, outside of single quotes.
struct Scan<'a> {
    source: &'a str,
    brackets: usize,
    at: usize,
    /// Up to here the text is in `out`.
    done: usize,
    /// Inside of double quotes.
    quoted: bool,
    /// The heredocs that this line opens.
    heredocs: Vec<mask::Heredoc<'a>>,
    out: String,
}

impl Scan<'_> {
    fn step(&mut self) -> Option<()> {
        let bytes = self.source.as_bytes();
        let next = bytes.get(self.at + 1).copied();
        match bytes.get(self.at)? {
            b'\\' => self.at += 1,
            b'"' => self.quoted = !self.quoted,
            b'$' if matches!(next, Some(b'{' | b'(')) => return self.substitution(),
            b'$' if next == Some(b'\'') && !self.quoted => return None,
            _ if self.quoted => {}
            b'\'' => self.at += 1 + bytes.get(self.at + 1..)?.iter().position(|b| *b == b'\'')?,
            b'#' if starts_word(bytes, self.at) => self.at += self.line()?.len().saturating_sub(1),
            b'<' if next == Some(b'<') => self.heredoc()?,
            b'\n' => self.bodies()?,
            _ => {}
        }
        self.at += 1;
        Some(())
    }

    /// The rest of the line, without its end.
    fn line(&self) -> Option<&str> {
        self.source.get(self.at..)?.split('\n').next()
    }

    fn heredoc(&mut self) -> Option<()> {
        let tail = self.source.get(self.at..)?.split('\n').next()?;
        self.at += 1;
        if tail.starts_with("<<<") {
            self.at += 1;
            return Some(());
        }
        // Only a delimiter that is one plain word, quoted as a whole or not at all.
        let word = tail.trim_start_matches(['<', '-', ' ', '\t']);
        let end = word.find([' ', '\t', ';', '|', '&', ')', '>', '<']).unwrap_or(word.len());
        let word = word.get(..end)?;
        let bare = ['\'', '"'].iter().find_map(|q| word.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(word);
        let plain = !bare.is_empty() && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let found = mask::operators(tail).into_iter().next().filter(|h| plain && h.delimiter == bare)?;
        self.heredocs.push(found);
        Some(())
    }

    /// Passes over the bodies of the heredocs that the line before opened.
    fn bodies(&mut self) -> Option<()> {
        for heredoc in std::mem::take(&mut self.heredocs) {
            loop {
                let line = self
                    .source
                    .get(self.at + 1..)?
                    .split('\n')
                    .next()
                    .filter(|_| self.at + 1 < self.source.len())?;
                self.at += 1 + line.len();
                if heredoc.ends(line) {
                    break;
                }
            }
        }
        Some(())
    }

    fn substitution(&mut self) -> Option<()> {
        let behind = !self.heredocs.is_empty();
        let end = end_of(self.source, self.at);
        let text = end.and_then(|end| self.source.get(self.at..end));
        if let (Some(end), true) = (end, is_lost(text, behind)) {
            let (from, to) = (self.at + self.brackets * 2, end - self.brackets);
            self.out.push_str(self.source.get(self.done..from)?);
            self.out.extend(self.source.get(from..to)?.chars().map(fold));
            (self.at, self.done) = (end, to);
            return Some(());
        }
        // Within double quotes its own quotes begin anew.
        self.at = if self.quoted { end? } else { self.at + 2 };
        Some(())
    }
}

/// True for a substitution that the tokenizer takes apart wrongly. A heredoc within one needs its lines.
fn is_lost(text: Option<&str>, behind: bool) -> bool {
    let Some(text) = text.filter(|text| !text.contains("<<")) else { return false };
    (behind && !text.contains('\n')) || (text.starts_with("$(") && text.contains("case"))
}

/// Where the substitution that begins here ends: behind its own closing bracket.
fn end_of(source: &str, start: usize) -> Option<usize> {
    let bytes = source.as_bytes().get(..source.len().min(start + LONGEST))?;
    let mut open: Vec<Open> = Vec::new();
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        let quoted = matches!(open.last(), Some(Open::Quote));
        match byte {
            b'\\' => at += 1,
            // Whether it quotes depends on what is around the brace.
            b'"' | b'\'' if matches!(open.last(), Some(Open::Brace)) => return None,
            b'"' if quoted => drop(open.pop()),
            b'"' => open.push(Open::Quote),
            b'\'' if !quoted => at += 1 + bytes.get(at + 1..)?.iter().position(|b| *b == b'\'')?,
            b'#' if !quoted && starts_word(bytes, at) => return None,
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                open.push(Open::Brace);
                at += 1;
            }
            b'$' if bytes.get(at + 1) == Some(&b'(') => {
                open.push(Open::Parenthesis);
                at += 1;
            }
            b'(' if !quoted => open.push(Open::Parenthesis),
            b')' if matches!(open.last(), Some(Open::Parenthesis)) => drop(open.pop()),
            b'}' if matches!(open.last(), Some(Open::Brace)) => drop(open.pop()),
            b'c' if !quoted && begins(bytes, at, b"case") => open.push(Open::Case),
            b'e' if matches!(open.last(), Some(Open::Case)) && begins(bytes, at, b"esac") => drop(open.pop()),
            _ => {}
        }
        at += 1;
        if open.is_empty() {
            return (at > start + 1).then_some(at);
        }
    }
    None
}

/// What ends only by its own closer. A parenthesis in a `case` ends a pattern.
enum Open {
    Brace,
    Parenthesis,
    Quote,
    Case,
}

/// True where a word may begin.
fn starts_word(bytes: &[u8], at: usize) -> bool {
    at == 0 || bytes.get(at - 1).is_some_and(|b| b" \t\n;&|()".contains(b))
}

/// True where this reserved word stands as the first of a command.
fn begins(bytes: &[u8], at: usize, word: &[u8]) -> bool {
    let follows = |b: &u8| b.is_ascii_whitespace() || b";)".contains(b);
    let before = bytes.get(..at).unwrap_or_default().trim_ascii_end();
    let first = before.last().is_none_or(|b| b"(;&|{\n".contains(b))
        || bytes.get(before.len()..at).is_some_and(|blank| blank.contains(&b'\n'))
        || [&b"do"[..], b"then", b"else"].iter().any(|w| before.ends_with(w));
    let rest = bytes.get(at..).unwrap_or_default();
    first && starts_word(bytes, at) && rest.starts_with(word) && rest.get(word.len()).is_none_or(follows)
}

/// Gives a token its characters back.
pub(super) fn unfolded(token: Token) -> Token {
    let back = |text: String| shown(&text).into_owned();
    match token {
        Token::Operator(text, span) => Token::Operator(back(text), span),
        Token::Word(text, span) => Token::Word(back(text), span),
    }
}

/// `select` reads like `for` as far as what it runs is concerned: its body runs once for each choice.
pub(super) fn choices(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        let word = |at: usize| match tokens.get(at) {
            Some(Token::Word(text, _)) => Some(text.as_str()),
            _ => None,
        };
        let first = match at.checked_sub(1).and_then(|before| tokens.get(before)) {
            None => true,
            Some(Token::Word(text, _)) => {
                matches!(text.as_str(), "do" | "then" | "else" | "{" | "!" | "time")
            }
            Some(Token::Operator(text, _)) => {
                matches!(text.as_str(), ";" | "\n" | "&" | "&&" | "||" | "|" | "(" | ")")
            }
        };
        // A name and `in`: no pattern of a `case`, and no argument.
        if first
            && word(at) == Some("select")
            && word(at + 1).is_some()
            && word(at + 2) == Some("in")
            && let Some(Token::Word(text, _)) = tokens.get_mut(at)
        {
            "for".clone_into(text);
        }
    }
}
