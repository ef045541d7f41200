//! Code in another language taken apart as far as it takes to see which programs it may start: string literals, what joins them,
//! and the names they are handed to. A reader for many languages understands none of them fully; it is used to find what may be
//! run, never to show that something is not.

use crate::model::{Language, Word};

/// Most candidates that are taken from one text.
const MOST: usize = 20_000;

/// What stands in code for something that the shell computes.
pub(super) const UNKNOWN: &str = "${__}";

/// What languages write into a literal for the home directory.
const HOMES: [&str; 11] = [
    "process.env.HOME",
    "os.homedir()",
    "homedir()",
    "Dir.home",
    "ENV['HOME']",
    "ENV[\"HOME\"]",
    "Path.home()",
    "pathlib.Path.home()",
    "os.environ['HOME']",
    "os.environ[\"HOME\"]",
    "Deno.env.get(\"HOME\")",
];

/// What may be handed to another program to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// A text that a shell may run.
    Text(Word),
    /// A program and its arguments; true where what they are handed to starts programs.
    Argv(Vec<Word>, bool),
}

/// One piece of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A literal; several words where it is a list of them (`qw(a b)`).
    Literal(Vec<Word>),
    /// A literal that is run where it stands.
    Run(Word),
    Name(String),
    /// A name behind a dot, which is called on what stands before.
    Member(String),
    Open,
    OpenCall,
    /// A brace that opens statements.
    Block,
    Close,
    Comma,
    /// Divides, or goes into a folder.
    Slash,
    /// What follows is written into.
    Into,
    Join,
    /// What stands before is the name of what follows (`args=`, `cmd:`).
    Label,
    Break,
}

/// Finds what a text in some language may start.
pub(super) fn candidates(text: &str, language: &Language) -> Vec<Candidate> {
    let mut reader =
        LiteralReader { language, frames: vec![LiteralFrame::default()], out: Vec::new(), last: None };
    for token in tokens(text, language) {
        reader.take(token);
        if reader.out.len() > MOST {
            break;
        }
    }
    while let Some(frame) = reader.frames.pop() {
        reader.flush(frame);
    }
    reader.out
}

/// The pieces of a text.
pub(super) fn tokens<'a>(text: &'a str, language: &'a Language) -> impl Iterator<Item = Token> + 'a {
    Lexer { rest: text, language, last: None }
}

/// The arguments of one call, or one statement.
#[derive(Clone, Debug, Default)]
struct LiteralFrame {
    call: String,
    words: Vec<Word>,
    glue: bool,
    /// Brackets that are open and group only.
    open: usize,
}

struct LiteralReader<'a> {
    language: &'a Language,
    frames: Vec<LiteralFrame>,
    out: Vec<Candidate>,
    last: Option<Token>,
}

impl LiteralReader<'_> {
    fn take(&mut self, token: Token) {
        let literal_before = matches!(self.last, Some(Token::Literal(_) | Token::Close));
        match &token {
            Token::Run(word) => {
                self.out.push(Candidate::Text(word.clone()));
                self.piece(&Word::unknown(), literal_before);
            }
            Token::Literal(words) => {
                if let Some(Token::Name(name)) = self.last.clone() {
                    // `system "a", "b"`: what stands before was the name of it.
                    self.pop_name();
                    self.end_statement();
                    self.frame().call = name;
                }
                let joined = matches!(self.last, Some(Token::Literal(_)));
                for word in words {
                    self.piece(word, joined && words.len() == 1);
                }
            }
            Token::Name(_) => self.piece(&Word::unknown(), literal_before),
            Token::OpenCall | Token::Block => {
                let call = match &self.last {
                    Some(Token::Name(name) | Token::Member(name)) => name.clone(),
                    _ => String::new(),
                };
                self.frames.push(LiteralFrame { call, ..LiteralFrame::default() });
            }
            Token::Open => self.frame().open += 1,
            Token::Close => self.close(),
            Token::Comma | Token::Slash | Token::Into => self.frame().glue = false,
            Token::Join => self.frame().glue = true,
            Token::Label if matches!(self.last, Some(Token::Name(_))) => self.pop_name(),
            Token::Label | Token::Member(_) => {}
            Token::Break => self.end_statement(),
        }
        self.last = Some(token);
    }

    fn frame(&mut self) -> &mut LiteralFrame {
        innermost(&mut self.frames)
    }

    fn piece(&mut self, word: &Word, joined: bool) {
        let frame = self.frame();
        let glue = std::mem::take(&mut frame.glue) || joined;
        match frame.words.last_mut().filter(|_| glue) {
            Some(last) => last.push_word(word),
            None => frame.words.push(word.clone()),
        }
    }

    fn pop_name(&mut self) {
        let frame = self.frame();
        if frame.words.last().is_some_and(|word| word.prefix().is_empty() && !word.parts().is_empty()) {
            frame.words.pop();
        }
    }

    fn close(&mut self) {
        if self.frame().open > 0 {
            self.frame().open -= 1;
        } else if self.frames.len() > 1
            && let Some(frame) = self.frames.pop()
        {
            self.flush(frame);
        } else {
            self.end_statement();
        }
    }

    /// Inside of brackets a line's end ends nothing.
    fn end_statement(&mut self) {
        if self.frame().open == 0 {
            let frame = std::mem::take(self.frame());
            if self.frames.len() > 1 {
                self.frame().call.clone_from(&frame.call);
            }
            self.flush(frame);
        }
    }

    fn flush(&mut self, frame: LiteralFrame) {
        let name = frame.call.rsplit(['.', ':', '>']).next().unwrap_or_default();
        if self.language.says.iter().any(|said| *said == name || *said == frame.call) {
            return;
        }
        let starts = self.language.starts.iter().any(|start| *start == name || *start == frame.call);
        for word in frame.words.iter().filter(|word| !word.prefix().trim().is_empty()) {
            if word.prefix().trim().contains([' ', '\n', ';']) || frame.words.len() == 1 {
                self.out.push(Candidate::Text(word.clone()));
            }
        }
        if frame.words.len() > 1 {
            self.out.push(Candidate::Argv(frame.words, starts));
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    language: &'a Language,
    last: Option<Token>,
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let token = self.token()?;
        self.last = Some(token.clone());
        Some(token)
    }
}

impl<'a> Lexer<'a> {
    fn token(&mut self) -> Option<Token> {
        loop {
            let c = self.rest.chars().next()?;
            if c == '\n' {
                self.bump(1);
                let goes_on = |last: &Token| {
                    matches!(
                        last,
                        Token::Comma
                            | Token::Slash
                            | Token::Into
                            | Token::Join
                            | Token::Open
                            | Token::OpenCall
                            | Token::Block
                    )
                };
                if !self.last.as_ref().is_some_and(goes_on) {
                    return Some(Token::Break);
                }
            } else if c.is_whitespace() || c == '\\' {
                self.bump(c.len_utf8());
            } else if self.language.comment.iter().any(|comment| self.rest.starts_with(comment)) {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.bump(end);
            } else {
                return Some(self.at(c));
            }
        }
    }

    fn bump(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn at(&mut self, c: char) -> Token {
        if let Some(token) = self.listed() {
            return token;
        }
        if c.is_alphanumeric() || matches!(c, '_' | '$' | '@' | '%') {
            return self.name();
        }
        match c {
            '"' | '\'' | '`' => self.quoted(c, false),
            '(' | '[' | '{' => {
                let called = matches!(self.last, Some(Token::Name(_) | Token::Member(_) | Token::Close));
                let operator = matches!(self.last, Some(Token::Comma | Token::Slash | Token::Into));
                let value =
                    operator || matches!(self.last, Some(Token::Open | Token::OpenCall | Token::Block));
                self.bump(1);
                match c {
                    '(' if called => Token::OpenCall,
                    '{' if !value => Token::Block,
                    _ => Token::Open,
                }
            }
            ')' | ']' | '}' => self.one(Token::Close),
            ',' => self.one(Token::Comma),
            ';' => self.one(Token::Break),
            '.' if self.is_member() => {
                self.bump(1);
                match self.name() {
                    Token::Name(name) => Token::Member(name),
                    other => other,
                }
            }
            '+' | '.' | '~' => self.one(Token::Join),
            '=' | ':' => {
                self.bump(self.rest.len() - self.rest.trim_start_matches(['=', ':', '>', '~']).len());
                Token::Label
            }
            '|' => self.one(Token::Comma),
            '/' => self.one(Token::Slash),
            '>' => self.one(Token::Into),
            _ => self.one_of(c),
        }
    }

    /// In perl and PHP a dot joins texts.
    fn is_member(&self) -> bool {
        let joins = matches!(self.language.programs.first(), Some(&"perl" | &"php"));
        !joins && self.rest.chars().nth(1).is_some_and(char::is_alphabetic)
    }

    fn one(&mut self, token: Token) -> Token {
        self.bump(1);
        token
    }

    fn one_of(&mut self, c: char) -> Token {
        self.bump(c.len_utf8());
        Token::Comma
    }

    /// Literals with delimiters of their own: `qw(a b)`, `%w[a b]`, `q{…}`, `qq(…)`, `qx/…/`, `%x(…)`.
    fn listed(&mut self) -> Option<Token> {
        let kinds = ["qw", "qq", "qx", "q", "%w", "%W", "%i", "%x", "%q", "%Q"];
        let kind = kinds.into_iter().find(|kind| {
            self.rest.strip_prefix(kind).is_some_and(|rest| {
                rest.starts_with(['(', '[', '{', '<', '|', '!', '/'])
                    && matches!(self.language.programs.first(), Some(&"perl" | &"ruby"))
            })
        })?;
        self.bump(kind.len());
        let open = self.rest.chars().next()?;
        let close = match open {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            '<' => '>',
            other => other,
        };
        self.bump(1);
        let end = self.rest.find(close).unwrap_or(self.rest.len());
        let body = self.bump(end);
        self.bump(1);
        Some(match kind {
            "qw" | "%w" | "%W" | "%i" => Token::Literal(body.split_whitespace().map(Word::literal).collect()),
            "qx" | "%x" => Token::Run(interpolated(body, false)),
            _ => Token::Literal(vec![interpolated(body, false)]),
        })
    }

    fn name(&mut self) -> Token {
        let sigil = self.rest.len() - self.rest.trim_start_matches(['$', '@', '%']).len();
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '$' | '\'');
        let body = self.rest.get(sigil..).unwrap_or_default();
        let mut end = body.find(|c| !part(c)).unwrap_or(body.len());
        // `f"…"`, `Bun.$`, and a label's colon are no part of a name.
        let text = body.get(..end).unwrap_or_default();
        end = text.find('\'').unwrap_or(end);
        end = body.get(..end).unwrap_or_default().trim_end_matches([':', '.']).len();
        let text = self.bump(sigil + end.max(usize::from(sigil == 0)));
        let prefix = text.to_ascii_lowercase();
        let string = matches!(prefix.as_str(), "f" | "r" | "b" | "u" | "rb" | "br" | "fr" | "rf" | "s");
        match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) if string => self.quoted(quote, prefix.contains(['f', 's'])),
            _ => Token::Name(text.to_owned()),
        }
    }

    fn quoted(&mut self, quote: char, braces: bool) -> Token {
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let end = if quote != '`' && self.rest.starts_with(&triple) { triple } else { quote.to_string() };
        self.bump(end.len());
        let mut escaped = false;
        let close = self.rest.char_indices().find_map(|(at, c)| {
            let ends = !escaped && self.rest.get(at..).is_some_and(|rest| rest.starts_with(&end));
            escaped = c == '\\' && !escaped;
            ends.then_some(at)
        });
        let body = self.bump(close.unwrap_or(self.rest.len()));
        self.bump(end.len());
        let word = if quote == '\'' && !braces { literal(body) } else { interpolated(body, braces) };
        // In JavaScript a backtick quotes; a tag before it (`$`) runs it.
        let tagged = matches!(&self.last, Some(Token::Name(name)) if name.ends_with('$'));
        let script = matches!(self.language.programs.first(), Some(&"node" | &"go"));
        if quote == '`' && (!script || tagged) { Token::Run(word) } else { Token::Literal(vec![word]) }
    }
}

/// A literal's text with the common escapes.
fn literal(body: &str) -> Word {
    let mut word = Word::default();
    for (at, piece) in body.split(UNKNOWN).enumerate() {
        if at > 0 {
            word.push_unknown(false);
        }
        word.push_text(&unescaped(piece));
    }
    word
}

fn unescaped(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r' | '\n') | None => {}
                Some('x') => {
                    let code: String = chars.by_ref().take(2).collect();
                    out.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
                }
                Some(other) => out.push(other),
            },
            c => out.push(c),
        }
    }
    out
}

/// A literal in which names stand for values: `$name`, `${…}`, `#{…}`, and `{…}` where `braces` says so.
fn interpolated(body: &str, braces: bool) -> Word {
    let mut word = Word::default();
    let mut rest = body;
    while let Some(at) = rest.find(['$', '#', '{', '@']) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let hole = ["${", "#{", "{"]
            .into_iter()
            .find(|open| from.starts_with(open) && (braces || *open != "{") && !from.starts_with("{{"));
        if let Some(open) = hole {
            word.push_text(&unescaped(before));
            let (name, after) =
                from.get(open.len()..).and_then(|inner| inner.split_once('}')).unwrap_or_default();
            if word.parts().is_empty() && HOMES.contains(&name.trim()) {
                word.push_text("~");
            } else {
                word.push_unknown(false);
            }
            rest = after;
            continue;
        }
        if let Some(after) = from.strip_prefix("$ENV{HOME}").filter(|_| at == 0 && word.parts().is_empty()) {
            word.push_text("~");
            rest = after;
            continue;
        }
        let name = from.get(1..).unwrap_or_default();
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        if from.starts_with('$') && end > 0 {
            word.push_text(&unescaped(before));
            word.push_unknown(false);
            rest = name.get(end..).unwrap_or_default();
        } else {
            word.push_text(&unescaped(before));
            word.push_text(from.get(..1).unwrap_or_default());
            rest = name;
        }
    }
    word.push_text(&unescaped(rest));
    word
}

/// The frame that is open; a text that closes more than it opened gets a new one.
pub(super) fn innermost<F: Default>(frames: &mut Vec<F>) -> &mut F {
    if frames.is_empty() {
        frames.push(F::default());
    }
    let last = frames.len() - 1;
    #[expect(clippy::indexing_slicing, reason = "there is at least one")]
    &mut frames[last]
}

/// True for what tells an opening call to write: `w`, `ab+`, `>`, or a name behind such a mark.
pub(super) fn mode(word: &Word) -> bool {
    let text = word.prefix();
    bare_mode(word) || text.starts_with('>') || text.starts_with("+<") || text.starts_with("+>")
}

/// The same with nothing behind it.
pub(super) fn bare_mode(word: &Word) -> bool {
    let Some(text) = word.as_literal() else { return false };
    let text = text.split(':').next().unwrap_or_default().trim();
    let letters = !text.is_empty() && text.len() <= 4 && text.chars().all(|c| "rwaxcbtU+".contains(c));
    (letters && text.contains(['w', 'a', 'x', 'c', '+'])) || matches!(text, ">" | ">>" | "+<" | "+>")
}
