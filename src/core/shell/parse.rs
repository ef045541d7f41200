//! The parser underneath, with the guards it needs: size, nesting, and inputs on which it is known to run away.

use brush_parser::{ParserOptions, Token, ast, parse_tokens, uncached_tokenize_str, word};

use super::fold;

/// Why a text was not parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ParseRefusal {
    /// bash may well run part of it; our parser does not understand it.
    Syntax,
    /// Nested deeper than is analysed, or of a shape that costs the parser exponential time.
    Limit,
}

/// Deepest nesting of parentheses and braces that is parsed. The parser's time doubles with every open one.
const DEEPEST: usize = 14;
/// Deepest nesting of `${`, `$(` and `[` inside one word.
const DEEPEST_WORD: usize = 12;
/// Nesting that the two slowest of the parsers, of brace expressions and of heredocs, are given.
const DEEPEST_UNCLOSED: usize = 8;

/// Options for bash as an agent runs it. Extended globs are on: a `shopt` in the line may have enabled them.
pub(super) fn options() -> ParserOptions {
    ParserOptions::default()
}

/// Parses a whole text.
pub(super) fn program(source: &str) -> Result<ast::Program, ParseRefusal> {
    if heredoc_runs_away(source) || deepest(source, false) > DEEPEST * 4 {
        return Err(ParseRefusal::Limit);
    }
    let options = options();
    let folded = fold::folded(source);
    let text = folded.as_deref().unwrap_or(source);
    let mut tokens = guarded(|| uncached_tokenize_str(text, &options.tokenizer_options()))?
        .map_err(|_| ParseRefusal::Syntax)?;
    if folded.is_some() {
        tokens = tokens.into_iter().map(fold::unfolded).collect();
    }
    fold::choices(&mut tokens);
    if nesting(&tokens) > DEEPEST {
        return Err(ParseRefusal::Limit);
    }
    guarded(|| parse_tokens(&tokens, &options))?.map_err(|_| ParseRefusal::Syntax)
}

/// Parses one word into its pieces.
pub(super) fn word(raw: &str) -> Result<Vec<word::WordPieceWithSource>, ParseRefusal> {
    if deepest(raw, true) > DEEPEST_WORD {
        return Err(ParseRefusal::Limit);
    }
    let folded = fold::folded_within(raw);
    guarded(|| word::parse(folded.as_deref().unwrap_or(raw), &options()))?.map_err(|_| ParseRefusal::Syntax)
}

/// Parses the body of a heredoc whose delimiter is not quoted.
pub(super) fn heredoc(raw: &str) -> Result<Vec<word::WordPieceWithSource>, ParseRefusal> {
    if deepest(raw, true) > DEEPEST_WORD || unclosed(raw) > DEEPEST_UNCLOSED {
        return Err(ParseRefusal::Limit);
    }
    guarded(|| word::parse_heredoc(raw, &options()))?.map_err(|_| ParseRefusal::Syntax)
}

/// Parses the brace expressions of a word, if it has any.
pub(super) fn braces(raw: &str) -> Result<Option<Vec<word::BraceExpressionOrText>>, ParseRefusal> {
    // What stands in quotes is none; the parser counts it all the same.
    if !has_open_brace(raw) {
        return Ok(None);
    }
    if deepest(raw, true) > DEEPEST_WORD
        || braces_within(raw) > DEEPEST_WORD
        || unclosed(raw) > DEEPEST_UNCLOSED
    {
        return Err(ParseRefusal::Limit);
    }
    guarded(|| word::parse_brace_expansions(raw, &options()))?.map_err(|_| ParseRefusal::Syntax)
}

/// The parser panics on numbers that do not fit, for instance; that is a refusal, not our end.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, ParseRefusal> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).map_err(|_| ParseRefusal::Syntax)
}

/// Deepest nesting of grouping operators and reserved words among the tokens.
fn nesting(tokens: &[Token]) -> usize {
    let mut depth: usize = 0;
    let mut most = 0;
    for token in tokens {
        match token.to_str() {
            "(" | "{" | "do" | "then" | "case" => depth += 1,
            ")" | "}" | "done" | "fi" | "esac" => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// Deepest run of openers, without regard to quotes: an upper bound that costs one pass.
fn deepest(text: &str, brackets: bool) -> usize {
    let mut depth: usize = 0;
    let mut most = 0;
    let mut previous = b' ';
    for &byte in text.as_bytes() {
        match byte {
            b'(' | b'{' if previous == b'$' || (brackets && previous == b'(') => depth += 1,
            b'[' if brackets && depth > 0 => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            b']' if brackets => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
        previous = byte;
    }
    most
}

/// Most substitutions, and parentheses and subscripts in them, that are open at once where only its own closer ends one. In
/// `${a[b} ${a[b}` the parser tries every way to close the subscripts, in `$(a(b $(a(b` the parentheses; each multiplies them.
fn unclosed(text: &str) -> usize {
    let mut open = Vec::new();
    let mut most = 0;
    let mut previous = b' ';
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'{' if previous == b'$' => open.push(b'}'),
            b'(' if previous == b'$' || !open.is_empty() => open.push(b')'),
            b'[' if matches!(open.last(), Some(b'}' | b']')) => open.push(b']'),
            closer if open.last() == Some(&closer) => drop(open.pop()),
            _ => {}
        }
        most = most.max(open.len());
        previous = byte;
    }
    most
}

/// True where a brace stands outside of quotes.
fn has_open_brace(text: &str) -> bool {
    let mut quote = None;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(b'"') | None, b'\\') => drop(bytes.next()),
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'{') => return true,
            _ => {}
        }
    }
    false
}

/// Most braces that are open at once: the parser of brace expressions doubles its time with each.
fn braces_within(text: &str) -> usize {
    let mut depth: usize = 0;
    let mut most = 0;
    for byte in text.bytes() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// True for text on which the tokenizer allocates without end: `<<E$[` with white space behind it, a delimiter that is white
/// space beyond blanks, and a heredoc on
/// the last line while a parenthesis is open (`$(<<  `). bash finds both unfinished.
fn heredoc_runs_away(source: &str) -> bool {
    let mut rest = source;
    while let Some(at) = rest.find("<<") {
        let tail = rest.get(at + 2..).unwrap_or_default();
        let line = tail.split('\n').next().unwrap_or_default();
        let delimiter = tail.trim_start_matches(['<', '-', ' ', '\t']).chars().next();
        let odd = delimiter.is_some_and(|c| c != '\n' && (c.is_whitespace() || c.is_control()));
        if line.contains("$[") || odd {
            return true;
        }
        rest = tail;
    }
    let start = source.rfind('\n').map_or(0, |at| at + 1);
    let last = source.get(start..).unwrap_or_default();
    // `\\<<<` is a character and a heredoc, `<<<` a here-string.
    let line = last.replace("\\<", "  ").replace("<<<", "   ");
    let Some(at) = line.find("<<") else { return false };
    let count = |c: char| source.chars().filter(|x| *x == c).count();
    let before = format!("{}{}", source.get(..start).unwrap_or_default(), line.get(..at).unwrap_or_default());
    count('(') > count(')') || open_substitution(&before)
}

/// True where a parenthesis is open at the end of a text, and it is none of arithmetic (`$((1 << 2))`).
fn open_substitution(text: &str) -> bool {
    let mut open: Vec<bool> = Vec::new();
    let mut previous = ' ';
    for c in text.chars() {
        match c {
            '(' => open.push(previous == '('),
            ')' => drop(open.pop()),
            _ => {}
        }
        previous = c;
    }
    !open.is_empty() && !open.contains(&true)
}

/// Turns the parser's character offsets into byte offsets.
pub(super) struct Offsets(Option<Vec<usize>>);

impl Offsets {
    /// Prepares the table; pure ASCII needs none.
    pub(super) fn new(source: &str) -> Self {
        if source.is_ascii() {
            return Self(None);
        }
        Self(Some(source.char_indices().map(|(i, _)| i).chain([source.len()]).collect()))
    }

    /// The byte offset of a character.
    pub(super) fn byte(&self, character: usize) -> usize {
        match &self.0 {
            None => character,
            Some(table) => table.get(character).or(table.last()).copied().unwrap_or(character),
        }
    }
}
