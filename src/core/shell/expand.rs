//! Words → fields: quotes, tildes, parameters, substitutions, braces.

use brush_parser::word::{
    BraceExpressionMember, BraceExpressionOrText, TildeExpr, WordPiece, WordPieceWithSource,
};

use super::parse::{self, ParseRefusal};
use super::quote;
use super::state::{ShellOption, State, VariableValue};
use super::stream::{self, MOST, Seg, Stream, text};
use super::{TextOrigin, Walker};
use super::{fold, mask};
use crate::model::{Dir, Word};

/// Most words one brace expression is expanded to; more count as unknown.
const MOST_BRACES: usize = 256;

/// The hidden files that a pattern finds where those count: `*` finds `.*`, too.
fn hidden(words: &[Word]) -> Vec<Word> {
    let bare = |word: &&Word| {
        let before = word.prefix();
        word.is_wild() && (before.is_empty() || before.ends_with('/'))
    };
    let dotted = |word: &Word| {
        let mut found = Word::literal(format!("{}.", word.prefix()));
        found.push_wild();
        found
    };
    words.iter().filter(bare).map(dotted).collect()
}

impl Walker<'_> {
    /// Expands a word to fields: a list of alternatives, each a list of words.
    pub(super) fn fields(&mut self, state: &mut State, raw: &str, origin: TextOrigin) -> Vec<Vec<Word>> {
        if let Some(text) = certain(raw) {
            return vec![vec![Word::literal(text)]];
        }
        let Some(texts) = self.braces(raw, origin) else { return vec![vec![Word::unknown_words()]] };
        let verbatim = texts.len() == 1;
        let mut all = vec![Vec::new()];
        for one in texts {
            let origin = if verbatim { origin } else { origin.elsewhere() };
            let streams = self.streams(state, &one, origin, false);
            let ifs = ifs(state);
            let mut next: Vec<Vec<Word>> =
                streams.iter().map(|s| stream::fields(s, ifs.as_deref())).collect();
            if state.options.has(ShellOption::Dotglob) {
                next.iter_mut().for_each(|words| words.extend(hidden(words)));
            }
            all = match next.as_slice() {
                _ if all.len() * next.len() > MOST => vec![vec![Word::unknown_words()]],
                next => all.iter().flat_map(|a| next.iter().map(|n| [a.as_slice(), n].concat())).collect(),
            };
        }
        all
    }

    /// Expands a word that stays one word (assignments, redirections, here-strings, `case`).
    pub(super) fn single(&mut self, state: &mut State, raw: &str, origin: TextOrigin) -> Vec<Word> {
        if let Some(text) = certain(raw) {
            return vec![Word::literal(text)];
        }
        self.streams(state, raw, origin, false).iter().map(stream::single).collect()
    }

    /// As `single`, with several alternatives made one unknown.
    pub(super) fn one(&mut self, state: &mut State, raw: &str, origin: TextOrigin) -> Word {
        let mut words = self.single(state, raw, origin);
        match (words.pop(), words.is_empty()) {
            (Some(word), true) => word,
            _ => Word::unknown(),
        }
    }

    /// Expands text as inside double quotes; `quoted` says whether the result is protected.
    pub(super) fn streams(
        &mut self,
        state: &mut State,
        raw: &str,
        origin: TextOrigin,
        quoted: bool,
    ) -> Vec<Stream> {
        match parse::word(raw) {
            Ok(pieces) => self.pieces(state, &pieces, origin, quoted),
            Err(refusal) => {
                self.refused(refusal, raw, origin);
                vec![vec![Seg::Unknown { quoted }]]
            }
        }
    }

    /// Expands the body of an unquoted heredoc.
    pub(super) fn heredoc(&mut self, state: &mut State, raw: &str, origin: TextOrigin) -> Word {
        if mask::is_hidden(raw) {
            if !raw.contains(['$', '`', '\\']) {
                return Word::literal(mask::shown(raw));
            }
            // Partly hidden: where this body ends is not what it seemed.
            self.refused(ParseRefusal::Syntax, raw, origin);
            return Word::unknown();
        }
        if !raw.contains(['$', '`', '\\']) {
            return Word::literal(raw);
        }
        let streams = match parse::heredoc(raw) {
            Ok(pieces) => self.pieces(state, &pieces, origin, true),
            Err(refusal) => {
                self.refused(refusal, raw, origin);
                return Word::unknown();
            }
        };
        match streams.as_slice() {
            [only] => stream::single(only),
            _ => Word::unknown(),
        }
    }

    pub(super) fn pieces(
        &mut self,
        state: &mut State,
        pieces: &[WordPieceWithSource],
        origin: TextOrigin,
        quoted: bool,
    ) -> Vec<Stream> {
        if let Some(text) = unclosed(pieces) {
            self.refused(ParseRefusal::Syntax, &text, origin);
            return vec![vec![Seg::Unknown { quoted: false }]];
        }
        let mut all = vec![Vec::new()];
        for piece in pieces {
            let next = self.piece(state, piece, origin, quoted);
            all = stream::cross(all, next);
        }
        all
    }

    fn piece(
        &mut self,
        state: &mut State,
        piece: &WordPieceWithSource,
        origin: TextOrigin,
        quoted: bool,
    ) -> Vec<Stream> {
        let one = |seg: Seg| vec![vec![seg]];
        match &piece.piece {
            WordPiece::Text(t)
            | WordPiece::SingleQuotedText(t)
            | WordPiece::AnsiCQuotedText(t)
            | WordPiece::EscapeSequence(t)
                if mask::is_hidden(t) || fold::is_folded(t) =>
            {
                self.refused(ParseRefusal::Syntax, t, origin);
                one(Seg::Unknown { quoted: false })
            }
            WordPiece::Text(t) if quoted => one(text(t.replace("\\\n", ""), true)),
            WordPiece::Text(t) => match assigned_home(t).filter(|_| piece.start_index == 0) {
                // bash expands `name=~` in arguments as well as in assignments.
                Some((name, rest)) => {
                    vec![vec![text(name, false), self.tilde(state, &TildeExpr::Home), text(rest, false)]]
                }
                None => one(text(t.as_str(), false)),
            },
            WordPiece::SingleQuotedText(t) => one(text(t.as_str(), true)),
            WordPiece::AnsiCQuotedText(t) => one(text(quote::ansi_c(t), true)),
            WordPiece::DoubleQuotedSequence(inner) | WordPiece::GettextDoubleQuotedSequence(inner) => {
                let inside = self.pieces(state, inner, origin, true);
                if inner.is_empty() { one(text("", true)) } else { inside }
            }
            WordPiece::EscapeSequence(t) => {
                one(text(t.strip_prefix('\\').unwrap_or(t).trim_start_matches('\n'), true))
            }
            WordPiece::TildeExpansion(tilde) => one(self.tilde(state, tilde)),
            WordPiece::ParameterExpansion(expr) => self.parameter(state, expr, quoted, origin),
            WordPiece::CommandSubstitution(code) => {
                let code = &fold::shown(code);
                let at = origin.at(piece.start_index + 2, code, self.source);
                vec![stream::expanded(&self.substitution(state, code, at), quoted)]
            }
            WordPiece::BackquotedCommandSubstitution(code) => {
                let at = origin.at(piece.start_index + 1, code, self.source);
                let code = unescape_backquoted(code, quoted);
                vec![stream::expanded(&self.substitution(state, &code, at), quoted)]
            }
            WordPiece::ArithmeticExpression(expr) => {
                self.arithmetic(state, &expr.value, origin);
                // A number: one word, whatever its value.
                one(Seg::Unknown { quoted: true })
            }
        }
    }

    fn tilde(&self, state: &State, tilde: &TildeExpr) -> Seg {
        let dir = |dirs: &[Dir]| match dirs {
            [Dir::Known(path)] => text(path.as_str(), true),
            _ => Seg::Unknown { quoted: true },
        };
        match tilde {
            TildeExpr::Home => match state.get("HOME") {
                None => text(self.home, true),
                Some([VariableValue::Scalar(word)]) => match word.as_literal() {
                    Some(home) => text(home, true),
                    None => Seg::Unknown { quoted: true },
                },
                Some(_) => Seg::Unknown { quoted: true },
            },
            TildeExpr::WorkingDir => dir(&state.cwd),
            TildeExpr::OldWorkingDir => dir(&state.previous),
            _ => Seg::Unknown { quoted: true },
        }
    }

    /// The words a brace expression makes of one; none where they are too many or not understood.
    fn braces(&mut self, raw: &str, origin: TextOrigin) -> Option<Vec<String>> {
        if !raw.contains('{') || !(raw.contains(',') || raw.contains("..")) {
            return Some(vec![raw.to_owned()]);
        }
        match parse::braces(raw) {
            Ok(Some(pieces)) => combine(&pieces),
            Ok(None) => Some(vec![raw.to_owned()]),
            // What is no brace expression is read as a plain word.
            Err(ParseRefusal::Syntax) => Some(vec![raw.to_owned()]),
            Err(refusal) => {
                self.refused(refusal, raw, origin);
                None
            }
        }
    }
}

/// Field separators in force; none where they are not known.
fn ifs(state: &State) -> Option<String> {
    match state.get("IFS") {
        None | Some([VariableValue::Unset]) => Some(" \t\n".to_owned()),
        Some([VariableValue::Scalar(word)]) => word.as_literal().map(str::to_owned),
        Some(_) => None,
    }
}

/// A substitution that the word parser took for text because it could not close it; bash may well run it.
fn unclosed(pieces: &[WordPieceWithSource]) -> Option<String> {
    let text = |piece: &WordPieceWithSource| match &piece.piece {
        WordPiece::Text(text) => Some(text.contains(['$', '`'])),
        _ => None,
    };
    if !pieces.iter().any(|p| text(p) == Some(true)) {
        return None;
    }
    let written: String =
        pieces.iter().map(|p| if let WordPiece::Text(t) = &p.piece { t.as_str() } else { "\0" }).collect();
    (written.contains("$(") || written.contains("${") || written.contains('`')).then_some(written)
}

/// The text a word comes to, where that needs no parser: plain characters, or one quoted run without anything that
/// is expanded in it.
fn certain(raw: &str) -> Option<&str> {
    if mask::is_hidden(raw) || fold::is_folded(raw) {
        return None;
    }
    if is_plain(raw) {
        return Some(raw);
    }
    let inside = |quote: char| raw.strip_prefix(quote)?.strip_suffix(quote);
    let single = inside('\'').filter(|text| !text.contains('\''));
    single.or_else(|| inside('"').filter(|text| !text.contains(['"', '$', '`', '\\', '!'])))
}

/// True where bash leaves the text exactly as it is.
pub(super) fn is_plain(raw: &str) -> bool {
    !raw.is_empty()
        && raw.bytes().all(|b| {
            b.is_ascii_alphanumeric()
                || matches!(b, b'-' | b'_' | b'/' | b'.' | b':' | b'=' | b',' | b'@' | b'+' | b'%' | b'^')
        })
        || raw == "["
        || raw == "]"
}

fn unescape_backquoted(code: &str, quoted: bool) -> String {
    let mut out = String::with_capacity(code.len());
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped =
            c == '\\' && chars.peek().is_some_and(|n| matches!(n, '\\' | '$') || (quoted && *n == '"'));
        if !escaped {
            out.push(c);
        } else if let Some(next) = chars.next() {
            out.push(next);
        }
    }
    out
}

/// `name=~` or `name=~/rest`, taken apart around the tilde.
fn assigned_home(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once("=~")?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && (rest.is_empty() || rest.starts_with('/')))
        .then(|| (text.get(..=name.len()).unwrap_or_default(), rest))
}

fn combine(pieces: &[BraceExpressionOrText]) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    for piece in pieces {
        let next = match piece {
            BraceExpressionOrText::Text(t) => vec![t.clone()],
            BraceExpressionOrText::Expr(members) => {
                let mut words = Vec::new();
                for member in members {
                    words.extend(expand_member(member)?);
                }
                words
            }
        };
        if all.len() * next.len() > MOST_BRACES {
            return None;
        }
        all = all.iter().flat_map(|a| next.iter().map(move |n| format!("{a}{n}"))).collect();
    }
    Some(all)
}

fn expand_member(member: &BraceExpressionMember) -> Option<Vec<String>> {
    match member {
        BraceExpressionMember::Child(pieces) => combine(pieces),
        BraceExpressionMember::NumberSequence { start, end, increment } => {
            sequence(*start, *end, *increment).map(|all| all.iter().map(ToString::to_string).collect())
        }
        BraceExpressionMember::CharSequence { start, end, increment } => {
            let all = sequence(i64::from(u32::from(*start)), i64::from(u32::from(*end)), *increment)?;
            Some(
                all.iter()
                    .filter_map(|n| u32::try_from(*n).ok().and_then(char::from_u32))
                    .map(String::from)
                    .collect(),
            )
        }
    }
}

fn sequence(start: i64, end: i64, increment: i64) -> Option<Vec<i64>> {
    let step = increment.unsigned_abs().max(1);
    let count = start.abs_diff(end) / step + 1;
    if count > MOST_BRACES as u64 {
        return None;
    }
    let step = i64::try_from(step).ok()?;
    let signed = if start <= end { step } else { -step };
    (0..count as i64).map(|i| i.checked_mul(signed).and_then(|d| start.checked_add(d))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_expand_as_bash_does() {
        let all = |raw: &str| combine(&parse::braces(raw).unwrap().unwrap()).unwrap();
        assert_eq!(all("{delete,pod,p}"), ["delete", "pod", "p"]);
        assert_eq!(all("a{b,c{1..3}}d"), ["abd", "ac1d", "ac2d", "ac3d"]);
        assert_eq!(all("{3..1}"), ["3", "2", "1"]);
        assert_eq!(all("{a..e..2}"), ["a", "c", "e"]);
        assert_eq!(combine(&parse::braces("{1..9999}").unwrap().unwrap()), None);
    }

    #[test]
    fn backquotes_lose_one_level_of_backslashes() {
        assert_eq!(unescape_backquoted(r"echo \$x \\ \a", false), r"echo $x \ \a");
        assert_eq!(unescape_backquoted(r#"a \"b\""#, true), r#"a "b""#);
    }
}
