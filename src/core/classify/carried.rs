//! What an invocation hands to others to run: code, scripts, programs, files that code writes.

use crate::model::{
    Assigned, Invocation, Language, Opaque, OpaqueKind, Operation, Part, Runner, Stdin, Word,
};

/// Who reads a file that is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A shell.
    Shell,
    /// A program of another language.
    Language(&'static Language),
    /// A program that runs targets; the arguments are those.
    Targets(&'static Runner),
    /// A program that applies patches.
    Patch,
    /// Code that starts programs, which reads it as data: what it names may be one of them.
    Data,
}

/// Something an invocation hands to another program or shell to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A text that a shell runs.
    Shell {
        /// The text.
        text: String,
        /// `$1`, ….
        arguments: Vec<Word>,
        /// The invocation that carries it: directories, environment, standard input.
        by: Invocation,
        /// The host or container it runs on, if not here.
        remote: Option<String>,
    },
    /// A program and its arguments (`sudo kubectl …`), with directories and environment as the carrier leaves them.
    Invocation {
        /// What is run.
        invocation: Invocation,
        /// The host or container it runs on, if not here.
        remote: Option<String>,
    },
    /// A file whose text a shell runs.
    Script {
        /// The file.
        path: Word,
        /// `$1`, ….
        arguments: Vec<Word>,
        /// The invocation that runs it.
        by: Invocation,
        /// Who reads it.
        reader: Reader,
    },
    /// Files that code, or a patch, writes.
    Writes(Vec<Write>, Invocation),
    /// Something of another language that may be run: of what stays unknown in it nothing is said.
    Guess(Box<Carried>),
    /// A text that may be a command line, and may be only spoken of.
    Perhaps(String, Invocation),
    /// Code that is not known.
    Opaque(Opaque),
}

impl Carried {
    /// Puts variables into the environment of what is run.
    pub(crate) fn set(&mut self, env: &[Assigned]) {
        match self {
            Self::Invocation { invocation: by, .. } | Self::Shell { by, .. } | Self::Script { by, .. } => {
                by.env.extend_from_slice(env);
            }
            Self::Guess(inner) => inner.set(env),
            Self::Writes(..) | Self::Opaque(..) | Self::Perhaps(..) => {}
        }
    }
}

/// A file that is written, as far as a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its path.
    pub file: Word,
    /// All below it is written too.
    pub whole: bool,
    /// What is written is computed, and this is only named beside it.
    pub named: bool,
    /// All of its new text, where a patch adds it.
    pub text: Option<String>,
}

/// What one invocation comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classified {
    /// What it does itself; empty for programs that are none of our tools.
    pub operations: Vec<Operation>,
    /// What it makes others run; the caller analyses that in turn.
    pub carried: Vec<Carried>,
}

/// A word with every occurrence of a placeholder replaced.
pub(super) fn substitute(word: &Word, placeholder: &str, with: &Word) -> Word {
    let mut out = Word::default();
    for part in word.parts() {
        match part {
            Part::Unknown => out.push_unknown(word.splits()),
            Part::Asked(what) => out.push_asked(*what),
            Part::Text(text) => {
                for (i, piece) in text.split(placeholder).enumerate() {
                    if i > 0 {
                        out.push_word(with);
                    }
                    out.push_text(piece);
                }
            }
        }
    }
    out
}

/// Words with blanks between them, as one.
pub(super) fn joined(words: &[Word]) -> Word {
    let mut out = Word::default();
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            out.push_text(" ");
        }
        out.push_word(word);
    }
    out
}

/// The script that the n-th word names; what a shell has read from elsewhere is analysed already.
pub(super) fn sourced(by: &Invocation, at: usize) -> Vec<Carried> {
    let Some(path) = by.argv.get(at) else { return Vec::new() };
    let elsewhere = ["/dev/", "/proc/self/fd/"].iter().any(|start| path.prefix().starts_with(start));
    if elsewhere || path.as_literal() == Some("-") {
        return Vec::new();
    }
    let arguments = by.argv.get(at + 1..).unwrap_or_default().to_vec();
    vec![Carried::Script { path: path.clone(), arguments, by: by.clone(), reader: Reader::Shell }]
}

/// The same invocation from its n-th word on.
pub(super) fn tail(invocation: &Invocation, at: usize) -> Invocation {
    Invocation { argv: invocation.argv.get(at..).unwrap_or_default().to_vec(), ..invocation.clone() }
}

/// A word that a shell is going to run.
pub(super) fn code(word: &Word, by: &Invocation, what: &str) -> Carried {
    match word.as_code() {
        Some(text) => Carried::Shell { text, arguments: Vec::new(), by: by.clone(), remote: None },
        None => Carried::Opaque(Opaque {
            kind: OpaqueKind::Code,
            span: by.span,
            what: what.to_owned(),
            invocation: None,
        }),
    }
}

/// What a shell runs that reads its standard input.
pub(super) fn from_stdin(by: &Invocation) -> Vec<Carried> {
    match &by.stdin {
        Stdin::Text(text) => vec![Carried::Shell {
            text: text.to_string(),
            arguments: Vec::new(),
            by: Invocation { stdin: Stdin::Inherited, ..by.clone() },
            remote: None,
        }],
        Stdin::Unknown => vec![Carried::Opaque(Opaque {
            kind: OpaqueKind::Fed,
            span: by.span,
            what: "a shell runs the output of another program".to_owned(),
            invocation: None,
        })],
        Stdin::File(path) => {
            vec![Carried::Script {
                path: path.clone(),
                arguments: Vec::new(),
                by: by.clone(),
                reader: Reader::Shell,
            }]
        }
        Stdin::Later if !tells(by) => vec![typed(by)],
        Stdin::Later | Stdin::Inherited => Vec::new(),
    }
}

/// Code that an agent types into a program, unasked.
pub(super) fn typed(by: &Invocation) -> Carried {
    let program = by.argv.first().map_or_else(|| "it".into(), Word::display);
    let what = format!("what is typed into {program} later cannot be judged; give it the code with the call");
    Carried::Opaque(Opaque { kind: OpaqueKind::Fed, span: by.span, what, invocation: None })
}

/// True for a call that only says something of the program.
pub(super) fn tells(by: &Invocation) -> bool {
    const ASKS: [&str; 4] = ["--version", "--help", "-V", "-version"];
    const SHORT: [&str; 5] = ["node", "perl", "php", "ruby", "lua"];
    let short = by.program().and_then(Word::basename).is_some_and(|name| SHORT.contains(&name));
    by.argv
        .iter()
        .skip(1)
        .filter_map(Word::as_literal)
        .any(|word| ASKS.contains(&word) || (short && word == "-v"))
}

/// The end of a word that begins, as far as it is certain, with `start`.
pub(super) fn behind(word: &Word, start: &str) -> Word {
    let mut out = Word::literal(start);
    for part in word.parts().iter().skip(1) {
        match part {
            Part::Text(text) => out.push_text(text),
            Part::Unknown => out.push_unknown(false),
            Part::Asked(what) => out.push_asked(*what),
        }
    }
    out
}
