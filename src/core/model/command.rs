//! What a shell would run: words, and the invocations made of them.

use std::borrow::Cow;
use std::rc::Rc;

/// A range of bytes in the source text, end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The text of this span, or an empty string where it does not lie on character boundaries of `source`.
    #[must_use]
    pub fn slice(self, source: &str) -> &str {
        source.get(self.start..self.end).unwrap_or_default()
    }
}

/// One piece of a word after expansion.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Characters that are certain.
    Text(String),
    /// Something that is known only when the shell runs.
    Unknown,
    /// Text that is not known, but of which it is known what it is.
    Asked(Asked),
}

/// What a command prints that asks about the place it runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// The top folder of the repository (`git rev-parse --show-toplevel`).
    TopLevel,
    /// The branch HEAD is on (`git branch --show-current`).
    CurrentBranch,
    /// All that a variable holds, which a shell splits into words where it stands unquoted.
    Value,
}

/// One argument as a program would receive it, as far as it is known before running.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Word {
    /// The pieces in order; no two neighbours are both text, and no text is empty.
    parts: Vec<Part>,
    /// True where an unquoted unknown may turn into no word, or several words, at run time.
    splits: bool,
    /// True where what is unknown is a pattern that files of these names match.
    wild: bool,
}

impl Word {
    /// A word that is certain.
    #[must_use]
    pub fn literal(text: impl Into<String>) -> Self {
        let mut word = Self::default();
        word.push_text(&text.into());
        word
    }

    /// A word of which nothing is known but that it is exactly one.
    #[must_use]
    pub fn unknown() -> Self {
        Self { parts: vec![Part::Unknown], ..Self::default() }
    }

    /// Exactly one word, of which it is known what it is.
    #[must_use]
    pub fn asked(what: Asked) -> Self {
        Self { parts: vec![Part::Asked(what)], ..Self::default() }
    }

    /// What the whole word is, where that is known though its text is not.
    #[must_use]
    pub fn meaning(&self) -> Option<Asked> {
        match self.parts.as_slice() {
            [Part::Asked(what)] => Some(*what),
            _ => None,
        }
    }

    /// Something of which nothing is known, not even how many words it becomes.
    #[must_use]
    pub fn unknown_words() -> Self {
        Self { parts: vec![Part::Unknown], splits: true, wild: false }
    }

    /// Appends certain characters.
    pub fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(Part::Text(last)) = self.parts.last_mut() {
            last.push_str(text);
        } else {
            self.parts.push(Part::Text(text.to_owned()));
        }
    }

    /// Appends something unknown; `splits` says that it stands unquoted.
    pub fn push_unknown(&mut self, splits: bool) {
        self.splits |= splits;
        if !matches!(self.parts.last(), Some(Part::Unknown)) {
            self.parts.push(Part::Unknown);
        }
    }

    /// Appends a pattern that the shell replaces by the names of files.
    pub fn push_wild(&mut self) {
        self.push_unknown(true);
        self.wild = true;
    }

    /// Appends one name that a pattern found.
    pub fn push_found(&mut self) {
        self.push_unknown(false);
        self.wild = true;
    }

    /// Appends text of which it is known what it is.
    pub fn push_asked(&mut self, what: Asked) {
        self.parts.push(Part::Asked(what));
    }

    /// Appends another word's pieces to this one.
    pub fn push_word(&mut self, other: &Self) {
        self.wild |= other.wild;
        for part in &other.parts {
            match part {
                Part::Text(text) => self.push_text(text),
                Part::Unknown => self.push_unknown(other.splits),
                Part::Asked(what) => self.push_asked(*what),
            }
        }
    }

    /// The pieces in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// True where the word may become none or several when the shell runs.
    #[must_use]
    pub fn splits(&self) -> bool {
        self.splits
    }

    /// True where what is unknown is a pattern that files of these names match.
    #[must_use]
    pub fn is_wild(&self) -> bool {
        self.wild
    }

    /// The same pieces as exactly one word (an unknown inside quotes).
    #[must_use]
    pub fn joined(mut self) -> Self {
        self.splits = false;
        self
    }

    /// The whole text, if all of it is certain.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The certain characters before the first unknown.
    #[must_use]
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// The certain characters after the last unknown.
    #[must_use]
    pub fn suffix(&self) -> &str {
        match self.parts.last() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// True where the word may turn out to start with `-`, that is to be a flag.
    #[must_use]
    pub fn may_be_flag(&self) -> bool {
        self.prefix().starts_with('-')
            || matches!(self.parts.first(), Some(Part::Unknown | Part::Asked(Asked::Value)))
            || self.splits
    }

    /// The last component of the word read as a path, if that component is certain.
    #[must_use]
    pub fn basename(&self) -> Option<&str> {
        let tail = self.as_literal().unwrap_or_else(|| self.suffix());
        match tail.rsplit_once('/') {
            Some((_, name)) => Some(name),
            None if self.as_literal().is_some() => Some(tail),
            None => None,
        }
    }

    /// The word for people: unknown parts are shown as `…`.
    #[must_use]
    pub fn display(&self) -> Cow<'_, str> {
        if let Some(text) = self.as_literal() {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        for part in &self.parts {
            out.push_str(match part {
                Part::Text(text) => text,
                Part::Unknown | Part::Asked(_) => "…",
            });
        }
        Cow::Owned(out)
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::literal(text)
    }
}

/// A directory a command may run in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dir {
    /// An absolute path, normalised in text only.
    Known(String),
    /// A directory that is computed at run time.
    Unknown,
}

impl Dir {
    /// Where `cd WORD` leads from here; text only, nothing is looked up.
    #[must_use]
    pub fn enter(&self, to: &Word) -> Self {
        match (to.as_literal(), self) {
            // Still in the same repository.
            (None, _) if to.meaning() == Some(Asked::TopLevel) => self.clone(),
            (Some(path), _) if path.starts_with('/') => Self::Known(normalize(path)),
            (Some(path), Self::Known(base)) => Self::Known(normalize(&format!("{base}/{path}"))),
            // Below the top of the repository: mostly that is where the line starts.
            (None, Self::Known(base)) => match to.parts() {
                [Part::Asked(Asked::TopLevel), Part::Text(rest)] => {
                    Self::Known(normalize(&format!("{base}/{rest}")))
                }
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    /// The path, where it is known.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Known(path) => Some(path),
            Self::Unknown => None,
        }
    }
}

/// An absolute path without `.`, `..` and doubled slashes; text only.
#[must_use]
pub fn normalize(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// What a program reads on its standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stdin {
    /// Whatever the whole command line was given.
    #[default]
    Inherited,
    /// A text that stands in the command line itself (heredoc, here-string, `echo … |`). Copies of a command share it: it may be long.
    Text(Rc<str>),
    /// The file of this name.
    File(Word),
    /// Something produced while running.
    Unknown,
    /// What an agent types later, of which nobody is asked.
    Later,
}

impl Stdin {
    /// This text; where there is none, something produced while running.
    pub(crate) fn known(text: Option<String>) -> Self {
        text.map_or(Self::Unknown, |text| Self::Text(text.into()))
    }
}

/// A variable the command line itself puts into a program's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Name of the variable.
    pub name: String,
    /// Its value.
    pub value: Word,
}

/// One program run that was found in a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The program and its arguments; never empty.
    pub argv: Vec<Word>,
    /// Where it stands in the top-level source.
    pub span: Span,
    /// The directories it may run in: several where a `cd` before it may have failed.
    pub cwd: Vec<Dir>,
    /// Variables set by the command line: prefix assignments and exported ones.
    pub env: Vec<Assigned>,
    /// What it reads on standard input.
    pub stdin: Stdin,
    /// Files it is redirected into.
    pub writes: Vec<Word>,
    /// One of these loses what it held: it is not only added to.
    pub replaces: bool,
    /// The one call that reads what it prints, behind a pipe; nothing of it is seen otherwise.
    pub feeds: Option<Vec<Word>>,
}

impl Invocation {
    /// The program word.
    #[must_use]
    pub fn program(&self) -> Option<&Word> {
        self.argv.first()
    }

    /// The value the command line gives to an environment variable, if it sets it.
    #[must_use]
    pub fn assigned(&self, name: &str) -> Option<&Word> {
        self.env.iter().rev().find(|a| a.name == name).map(|a| &a.value)
    }
}

/// Why a part of a command line stayed unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OpaqueKind {
    /// The text is not a command line that our parser understands.
    Syntax,
    /// Longer, deeper or larger than is analysed.
    Limit,
    /// The program to run is computed at run time.
    Program,
    /// Code that is computed, decoded or fetched at run time is given to a shell.
    Code,
    /// A shell or another language runs what another program prints, or fetches.
    Fed,
    /// Something may be run of which it is not known that it is.
    Perhaps,
}

/// A part of a command line of which we cannot say what it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque {
    /// Why.
    pub kind: OpaqueKind,
    /// Where it stands in the top-level source.
    pub span: Span,
    /// What it is, in a few words, for the reason that is shown.
    pub what: String,
    /// The invocation as far as it is known, where there is one.
    pub invocation: Option<Invocation>,
}

/// Where and for whom a command line is going to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The directory the line starts in, absolute.
    pub cwd: String,
    /// The user's home directory, absolute.
    pub home: String,
    /// Where the guard's own configuration is, absolute; empty where that does not matter.
    pub config_dir: String,
    /// The agent can type into what the line starts, and is not asked about what it types.
    pub typed_into: bool,
}

impl Context {
    /// What a line reads on its standard input.
    #[must_use]
    pub fn stdin(&self) -> Stdin {
        if self.typed_into { Stdin::Later } else { Stdin::Inherited }
    }
}

impl Word {
    /// Name of the variable that stands for something unknown in code that is analysed in turn.
    pub const UNKNOWN_PARAMETER: &'static str = "__rwenv_unknown";

    /// The word as shell code: unknown parts become a reference to an unknown variable. None where nothing
    /// of the word is certain, because then nothing can be said of the code.
    #[must_use]
    pub fn as_code(&self) -> Option<String> {
        if let Some(text) = self.as_literal() {
            return Some(text.to_owned());
        }
        if !self.parts.iter().any(|p| matches!(p, Part::Text(t) if !t.trim().is_empty())) {
            return None;
        }
        let mut code = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => code.push_str(text),
                Part::Unknown | Part::Asked(_) => {
                    code.push_str("${");
                    code.push_str(Self::UNKNOWN_PARAMETER);
                    code.push('}');
                }
            }
        }
        Some(code)
    }
}
