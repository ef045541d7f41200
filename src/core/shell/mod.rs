//! Command line → invocations: what bash would run, word by word, without running it.
//!
//! A parser of the field reads the grammar; this module walks the tree as an abstract interpreter would:
//! variables hold sets of values, both branches of a condition are taken, loops run until nothing new
//! happens. What stays unknown is reported as opaque, never dropped.

mod assign;
mod builtins;
mod compound;
mod edit;
mod expand;
mod fold;
mod io;
mod mask;
mod options;
mod parameter;
mod parse;
mod pattern;
mod printing;
mod quote;
mod simple;
mod state;
mod stream;
mod variables;

pub use printing::printed;

use std::rc::Rc;

use brush_parser::ast;

use brush_parser::ast::FunctionBody;

use crate::model::{Context, Dir, Invocation, Opaque, OpaqueKind, Span, Stdin, Word};
use parse::{Offsets, ParseRefusal};
use state::State;

/// Longest command line that is analysed, in bytes: Linux passes no longer argument to a program.
pub const LONGEST: usize = 131_071;
/// Most simple commands that are walked, loops and calls counted anew each time.
const MOST_COMMANDS: usize = 20_000;
/// Most bytes of nested code that are parsed.
const MOST_NESTED: usize = 4 * LONGEST;
/// Deepest nesting of substitutions, functions and `eval`.
const DEEPEST: usize = 40;

/// What a text would run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// The simple commands, in source order, each once.
    pub invocations: Vec<Invocation>,
    /// What stayed unknown.
    pub opaque: Vec<Opaque>,
    /// Files whose texts it takes as values (`$(cat FILE)`, `< FILE`), and which are not known.
    pub values: Vec<String>,
}

/// A text to analyse and what is known where it starts.
#[derive(Clone, Debug, Default)]
pub struct Source<'a> {
    /// The text.
    pub text: &'a str,
    /// Directory and home.
    pub context: Context,
    /// The directories it may start in, where that is not the context's own.
    pub cwd: Vec<Dir>,
    /// `$1`…, where they are known.
    pub arguments: Option<Vec<Word>>,
    /// Variables it gets.
    pub env: Vec<crate::model::Assigned>,
    /// What it reads on standard input.
    pub stdin: Stdin,
    /// Files that it may source or take values from, by path, and their texts.
    pub files: &'a [(String, String)],
    /// It is what an agent types: what its shell defines stands before it.
    pub typed: bool,
    /// The shell's `echo` reads escapes without being told, as dash's and zsh's do.
    pub echoes_escapes: bool,
}

/// What stands before the name of something that the agent's shell defines, among files.
pub const DEFINED: &str = "shell:";

/// Analyses a command line.
#[must_use]
pub fn analyze(text: &str, context: &Context) -> Analysis {
    analyze_source(&Source { text, context: context.clone(), ..Source::default() })
}

/// Analyses a text in the place where a command line before it left things.
#[must_use]
pub fn analyze_source(source: &Source<'_>) -> Analysis {
    let plain = walked(source, source.text);
    if source.text.len() > LONGEST || !plain.opaque.iter().any(|o| o.kind == OpaqueKind::Syntax) {
        return plain;
    }
    // Once more with the bodies of heredocs hidden from the parser.
    let Some(masked) = mask::heredocs(source.text) else { return plain };
    let mut second = walked(source, &masked);
    if second.opaque.iter().any(|o| o.kind == OpaqueKind::Syntax) {
        return plain;
    }
    let spans = (second.invocations.iter_mut().map(|i| &mut i.span))
        .chain(second.opaque.iter_mut().map(|o| &mut o.span));
    for span in spans {
        *span = Span { start: mask::position(span.start, &masked), end: mask::position(span.end, &masked) };
    }
    second
}

fn walked(source: &Source<'_>, text: &str) -> Analysis {
    let cwd = if source.cwd.is_empty() {
        vec![Dir::Known(crate::model::normalize(&source.context.cwd))]
    } else {
        source.cwd.clone()
    };
    let mut state = State::new(cwd);
    state.positional = source.arguments.clone().map(Rc::new);
    state.options.set(state::ShellOption::EchoEscapes, source.echoes_escapes);
    for variable in &source.env {
        state.set(&variable.name, vec![state::VariableValue::Scalar(variable.value.clone())]);
        state.export(&variable.name);
    }
    let mut walker = Walker::new(text, &source.context.home);
    walker.files = source.files;
    let whole = Span { start: 0, end: text.len() };
    walker.prepare(&mut state, source, TextOrigin { start: None, span: whole });
    walker.stdin = source.stdin.clone();
    if source.text.len() > LONGEST {
        walker.opaque(OpaqueKind::Limit, whole, "it is longer than rwenv accepts");
    } else {
        walker.code(&mut state, text, TextOrigin { start: Some(0), span: whole });
    }
    walker.finish()
}

/// Where a piece of text stands in the top-level source.
#[derive(Clone, Copy, Debug)]
struct TextOrigin {
    /// The byte at which it starts, where it stands there letter by letter.
    start: Option<usize>,
    /// The closest span that is known.
    span: Span,
}

impl TextOrigin {
    /// Text that was made, not written: only the span around it is known.
    fn elsewhere(self) -> Self {
        Self { start: None, span: self.span }
    }

    /// A part of this text, `offset` bytes in.
    fn at(self, offset: usize, part: &str, source: &str) -> Self {
        let start = self.start.map(|s| s + offset);
        match start.filter(|s| source.get(*s..).is_some_and(|rest| rest.starts_with(part))) {
            Some(start) => Self { start: Some(start), span: Span { start, end: start + part.len() } },
            None => self.elsewhere(),
        }
    }
}

/// How a command ends: the state if it succeeded, the state if it failed (none: it does not come to that),
/// and the state in which the text goes on in any case.
#[derive(Clone, Debug)]
struct Flow {
    ok: Option<State>,
    fail: Option<State>,
    last: State,
}

impl Flow {
    fn both(state: State) -> Self {
        Self { ok: Some(state.clone()), fail: Some(state.clone()), last: state }
    }

    fn dead(state: State) -> Self {
        Self { ok: None, fail: None, last: state }
    }

    /// The state behind `;`.
    fn settle(self) -> State {
        let errexit = self.last.options.has(state::ShellOption::Errexit);
        match (self.ok, self.fail) {
            (Some(ok), Some(fail)) if !errexit => ok.join(&fail),
            (Some(ok), _) => ok,
            (None, Some(fail)) if !errexit => fail,
            _ => self.last,
        }
    }
}

/// Either of two optional states.
fn join(a: Option<State>, b: Option<State>) -> Option<State> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.join(&b)),
        (a, b) => a.or(b),
    }
}

/// Walks one text.
struct Walker<'a> {
    source: &'a str,
    home: &'a str,
    out: Analysis,
    /// Where the text that is being walked starts in the source, with its offsets.
    frame: TextOrigin,
    offsets: Rc<Offsets>,
    stdin: Stdin,
    /// What was written to standard output so far, where someone wants to know it.
    sink: Option<Word>,
    capturing: bool,
    /// The single command behind the last substitution of unknown output.
    producer: Option<Invocation>,
    commands: usize,
    nested: usize,
    depth: usize,
    calls: Vec<String>,
    /// Variables of the functions that are being walked.
    locals: Vec<Vec<String>>,
    /// Files that may be sourced, and their texts.
    files: &'a [(String, String)],
    /// The functions that are being walked.
    bodies: Vec<Rc<FunctionBody>>,
    /// Functions that stand in another text than the source: their places mean nothing there.
    foreign: Vec<Rc<FunctionBody>>,
    returns: Vec<State>,
}

impl<'a> Walker<'a> {
    fn new(source: &'a str, home: &'a str) -> Self {
        Self {
            source,
            home,
            out: Analysis::default(),
            frame: TextOrigin { start: Some(0), span: Span { start: 0, end: source.len() } },
            offsets: Rc::new(Offsets::new("")),
            stdin: Stdin::Inherited,
            sink: None,
            capturing: false,
            producer: None,
            commands: 0,
            nested: 0,
            depth: 0,
            calls: Vec::new(),
            locals: Vec::new(),
            files: &[],
            bodies: Vec::new(),
            foreign: Vec::new(),
            returns: Vec::new(),
        }
    }

    /// What is defined before the text begins: functions that come in the environment, and what the agent's shell has.
    fn prepare(&mut self, state: &mut State, source: &Source<'_>, origin: TextOrigin) {
        let exported = source.env.iter().filter_map(|set| {
            let name = set.name.strip_prefix("BASH_FUNC_")?.trim_end_matches(['%', '(', ')']);
            Some(format!("{name} {}", set.value.as_literal()?))
        });
        let typed = source.files.iter().filter(|(path, _)| source.typed && path.starts_with(DEFINED));
        for code in exported.chain(typed.map(|(_, text)| text.clone())) {
            let before = std::mem::take(&mut self.out);
            let mut inner = state.clone();
            if self.code(&mut inner, &code, origin).is_some() {
                state.adopt(&inner);
            }
            self.out = before;
        }
    }

    fn finish(mut self) -> Analysis {
        let mut seen: Vec<Invocation> = Vec::with_capacity(self.out.invocations.len());
        self.out.invocations.sort_by_key(|i| i.span);
        for invocation in std::mem::take(&mut self.out.invocations) {
            // Loops and joins walk the same command several times.
            let known = seen.iter().rev().take_while(|i| i.span == invocation.span);
            if !known.clone().any(|i| *i == invocation) {
                seen.push(invocation);
            }
        }
        self.out.opaque.sort_by(|a, b| (a.span, a.kind, &a.what).cmp(&(b.span, b.kind, &b.what)));
        self.out.opaque.dedup_by(|a, b| a.span == b.span && a.kind == b.kind && a.what == b.what);
        Analysis { invocations: seen, ..self.out }
    }

    fn opaque(&mut self, kind: OpaqueKind, span: Span, what: &str) {
        self.out.opaque.push(Opaque { kind, span, what: what.to_owned(), invocation: None });
    }

    fn refused(&mut self, refusal: ParseRefusal, raw: &str, origin: TextOrigin) {
        let shown: String = raw.chars().take(40).collect();
        match refusal {
            ParseRefusal::Syntax => {
                self.opaque(OpaqueKind::Syntax, origin.span, &format!("'{shown}' cannot be parsed"));
            }
            ParseRefusal::Limit => {
                self.opaque(OpaqueKind::Limit, origin.span, &format!("'{shown}' is nested too deeply"));
            }
        }
    }

    /// Parses and walks a text in this very state, as `eval` does.
    fn code(&mut self, state: &mut State, code: &str, origin: TextOrigin) -> Option<Flow> {
        if !origin_is_top(origin, self.source) {
            self.nested += code.len();
        }
        if self.depth >= DEEPEST || self.nested > MOST_NESTED {
            self.opaque(OpaqueKind::Limit, origin.span, "it is nested too deeply");
            return None;
        }
        let program = match parse::program(code) {
            Ok(program) => program,
            Err(refusal) => {
                self.refused(refusal, code, origin);
                return None;
            }
        };
        let frame = std::mem::replace(&mut self.frame, origin);
        let offsets = std::mem::replace(&mut self.offsets, Rc::new(Offsets::new(code)));
        self.depth += 1;
        let flow = self.program(state, &program);
        self.depth -= 1;
        self.offsets = offsets;
        self.frame = frame;
        Some(flow)
    }

    fn program(&mut self, state: &mut State, program: &ast::Program) -> Flow {
        let mut flow = Flow::both(state.clone());
        for list in &program.complete_commands {
            flow = self.list(flow.settle(), list);
        }
        *state = flow.clone().settle();
        flow
    }

    /// Walks the code of a command substitution and says what it prints.
    fn substitution(&mut self, state: &State, code: &str, origin: TextOrigin) -> Word {
        if let Some(file) = code.trim().strip_prefix('<').filter(|f| !f.starts_with(['(', '<'])) {
            // `$(< file)` prints the file.
            let mut inner = state.clone();
            let file = self.one(&mut inner, file.trim(), origin.elsewhere());
            return self.text_of(&inner, &file).map_or_else(Word::unknown_words, |text| trim_newlines(&text));
        }
        let before = self.out.invocations.len();
        let mut inner = state.clone();
        let outer_sink = self.sink.replace(Word::default());
        let capturing = std::mem::replace(&mut self.capturing, true);
        let walked = self.code(&mut inner, code, origin).is_some();
        self.capturing = capturing;
        let printed = std::mem::replace(&mut self.sink, outer_sink);
        match printed {
            Some(word) if walked => trim_newlines(&word),
            _ => {
                self.producer = match self.out.invocations.get(before..) {
                    Some([only]) => Some(only.clone()),
                    _ => None,
                };
                let producer = self.producer.as_ref().filter(|_| walked);
                if producer.is_some_and(printing::is_one_word) {
                    return Word::unknown();
                }
                producer.and_then(printing::asks).map_or_else(Word::unknown_words, Word::asked)
            }
        }
    }

    /// The span and origin of a word of the text that is being walked.
    fn origin(&self, word: &ast::Word) -> TextOrigin {
        let Some(loc) = &word.loc else { return self.frame.elsewhere() };
        let Some(base) = self.frame.start else { return self.frame };
        let end = base + self.offsets.byte(loc.end.index);
        let mut start = base + self.offsets.byte(loc.start.index);
        let written = self.source.get(start..end).unwrap_or_default();
        // The parser counts the white space before a word to it.
        start += written.len() - written.trim_start().len();
        let span = Span { start, end };
        let letter_by_letter = span.slice(self.source) == word.value;
        TextOrigin { start: letter_by_letter.then_some(start), span }
    }

    /// Counts one command; false where there are too many.
    fn counted(&mut self, span: Span) -> bool {
        self.commands += 1;
        if self.commands == MOST_COMMANDS {
            self.opaque(OpaqueKind::Limit, span, "it has more commands than rwenv analyses");
        }
        self.commands < MOST_COMMANDS
    }
}

fn origin_is_top(origin: TextOrigin, source: &str) -> bool {
    origin.start == Some(0) && origin.span.end == source.len()
}

fn trim_newlines(word: &Word) -> Word {
    let mut parts = word.parts().to_vec();
    if let Some(crate::model::Part::Text(last)) = parts.last_mut() {
        let keep = last.trim_end_matches('\n').len();
        last.truncate(keep);
    }
    let mut out = Word::default();
    for part in parts {
        match part {
            crate::model::Part::Text(text) => out.push_text(&text),
            crate::model::Part::Unknown => out.push_unknown(true),
            crate::model::Part::Asked(what) => out.push_asked(what),
        }
    }
    out
}

#[cfg(test)]
mod tests;
