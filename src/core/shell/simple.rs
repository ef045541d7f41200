//! Simple commands: their words and redirections, and who gets to run them.

use std::rc::Rc;

use brush_parser::ast::{Assignment, CommandPrefixOrSuffixItem, ProcessSubstitutionKind, SimpleCommand};

use super::io::Io;
use super::state::State;
use super::{Flow, TextOrigin, Walker, join};
use crate::model::{Assigned, Invocation, Opaque, OpaqueKind, Span, Stdin, Word};

/// Most combinations of a command's words that are followed.
const MOST_COMBINATIONS: usize = 32;
/// Deepest nesting of function calls.
const DEEPEST_CALLS: usize = 16;

/// One way a simple command may be run.
#[derive(Clone, Debug)]
pub(super) struct SimpleCall {
    pub(super) argv: Vec<Word>,
    pub(super) env: Vec<Assigned>,
    pub(super) span: Span,
    pub(super) stdin: Stdin,
    pub(super) writes: Vec<Word>,
    /// One of these loses what it held.
    pub(super) replaces: bool,
    /// Functions and aliases are passed over (`command`, `builtin`, `exec`).
    pub(super) plain: bool,
}

/// The function bash calls for a command it does not find (bash(1), "COMMAND EXECUTION").
const NOT_FOUND: &str = "command_not_found_handle";

impl SimpleCall {
    pub(super) fn literal(&self, at: usize) -> Option<&str> {
        self.argv.get(at).and_then(Word::as_literal)
    }

    pub(super) fn origin(&self) -> TextOrigin {
        TextOrigin { start: None, span: self.span }
    }

    /// The same call with its first words gone.
    pub(super) fn rest(&self, from: usize) -> Self {
        Self { argv: self.argv.get(from..).unwrap_or_default().to_vec(), ..self.clone() }
    }
}

/// The words of a command as they are gathered.
struct GatheredWords<'t> {
    combinations: Vec<Vec<Word>>,
    declared: Vec<&'t Assignment>,
    io: Io<'t>,
    span: Option<Span>,
}

impl Walker<'_> {
    pub(super) fn simple(&mut self, mut state: State, command: &SimpleCommand) -> Flow {
        self.producer = None;
        let mut env = Vec::new();
        let io = Io { stdin: self.stdin.clone(), ..Io::default() };
        let mut all = GatheredWords { combinations: vec![Vec::new()], declared: Vec::new(), io, span: None };
        let alone = command.word_or_name.is_none();
        let mut before = state.clone();
        for item in command.prefix.iter().flat_map(|p| &p.0) {
            if let CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) = item {
                let origin = self.origin(word);
                widen(&mut all.span, origin.span);
                // Before a command the assignment holds for that command only.
                let target = if alone { &mut state } else { &mut before };
                env.push(self.assign(target, assignment));
            } else {
                self.item(&mut state, item, &mut all);
            }
        }
        if let Some(word) = &command.word_or_name {
            let origin = self.origin(word);
            widen(&mut all.span, origin.span);
            let fields = self.fields(&mut state, &word.value, origin);
            add(&mut all.combinations, fields);
        }
        let declares = command.word_or_name.as_ref().is_some_and(|w| {
            matches!(w.value.as_str(), "declare" | "typeset" | "local" | "export" | "readonly")
        });
        for item in command.suffix.iter().flat_map(|s| &s.0) {
            match item {
                CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) if declares => {
                    widen(&mut all.span, self.origin(word).span);
                    all.declared.push(assignment);
                }
                item => self.item(&mut state, item, &mut all),
            }
        }
        let span = all.span.unwrap_or(self.frame.span);
        if !self.counted(span) {
            return Flow::both(state);
        }
        self.run(state, all, env, span)
    }

    fn item<'t>(
        &mut self,
        state: &mut State,
        item: &'t CommandPrefixOrSuffixItem,
        all: &mut GatheredWords<'t>,
    ) {
        match item {
            CommandPrefixOrSuffixItem::IoRedirect(redirect) => self.redirect(state, redirect, &mut all.io),
            CommandPrefixOrSuffixItem::Word(word) | CommandPrefixOrSuffixItem::AssignmentWord(_, word) => {
                let origin = self.origin(word);
                widen(&mut all.span, origin.span);
                let fields = self.fields(state, &word.value, origin);
                add(&mut all.combinations, fields);
            }
            CommandPrefixOrSuffixItem::ProcessSubstitution(kind, command) => {
                let mut word = Word::literal("/dev/fd/");
                word.push_unknown(false);
                match kind {
                    ProcessSubstitutionKind::Write => all.io.readers.push(&command.list),
                    ProcessSubstitutionKind::Read => {
                        // `bash <(…)` and `. <(…)` read the text as they would standard input.
                        let printed = self.printed_by(state, &command.list);
                        let text = printed.and_then(|w| w.as_code());
                        all.io.stdin = Stdin::known(text);
                    }
                }
                add(&mut all.combinations, vec![vec![word]]);
            }
        }
    }

    fn run(&mut self, state: State, all: GatheredWords<'_>, env: Vec<Assigned>, span: Span) -> Flow {
        let mut flow: Option<Flow> = None;
        let several = all.combinations.len() > 1;
        let sink = self.sink.clone();
        for argv in all.combinations {
            let call = SimpleCall {
                argv,
                env: env.clone(),
                span,
                stdin: all.io.stdin.clone(),
                writes: all.io.writes.clone(),
                replaces: all.io.replaces,
                plain: false,
            };
            let mut inner = state.clone();
            for assignment in &all.declared {
                self.assign(&mut inner, assignment);
            }
            let names: Vec<&Assignment> = all.declared.clone();
            self.sink = Some(Word::default());
            let next = self.call(inner, &call, &names);
            let printed = std::mem::replace(&mut self.sink, sink.clone());
            // What `exec` opens is written to by later commands.
            let kept = call.literal(0) == Some("exec") && call.argv.len() == 1;
            self.writers(&state, &all.io, printed.as_ref().filter(|_| !kept));
            if !all.io.diverted {
                match (&mut self.sink, printed) {
                    (Some(sink), Some(printed)) if !several => sink.push_word(&printed),
                    (sink, _) => *sink = None,
                }
            }
            flow = Some(match flow {
                None => next,
                Some(flow) => {
                    Flow { ok: join(flow.ok, next.ok), fail: join(flow.fail, next.fail), last: next.last }
                }
            });
        }
        flow.unwrap_or_else(|| Flow::both(state))
    }

    /// Runs one call: a function, an alias, a builtin or a program.
    pub(super) fn call(&mut self, mut state: State, call: &SimpleCall, declared: &[&Assignment]) -> Flow {
        let Some(program) = call.argv.first() else {
            self.emit_redirections(&state, call);
            return Flow::both(state);
        };
        let Some(name) = program.as_literal().map(str::to_owned) else {
            self.computed_program(&state, call);
            return Flow::both(state);
        };
        if !call.plain {
            if !state.function(&name).is_empty() {
                return self.function(state, call, &name);
            }
            let texts = state.aliases_of(&name).to_vec();
            if !texts.is_empty() && !self.calls.contains(&name) {
                for text in texts {
                    self.alias(&mut state, call, &name, &text);
                }
            }
        }
        if let Some(flow) = self.builtin(&mut state, call, &name, declared) {
            return flow;
        }
        self.emit(&state, call);
        // Whether the program exists is not known here, so bash's own handler for those that do not may run.
        if !state.function(NOT_FOUND).is_empty() && !self.calls.iter().any(|c| c == NOT_FOUND) {
            let mut handled = call.clone();
            handled.argv.insert(0, Word::literal(NOT_FOUND));
            self.function(state.clone(), &handled, NOT_FOUND);
        }
        self.sink = None;
        Flow::both(state)
    }

    fn function(&mut self, mut state: State, call: &SimpleCall, name: &str) -> Flow {
        if self.calls.len() >= DEEPEST_CALLS {
            self.opaque(OpaqueKind::Limit, call.span, "its functions are nested too deeply");
            return Flow::both(state);
        }
        // What the function prints is in its file.
        self.emit_redirections(&state, call);
        let outer = state.positional.clone();
        let args = call.argv.get(1..).unwrap_or_default();
        state.positional = (!args.iter().any(Word::splits)).then(|| Rc::new(args.to_vec()));
        let stdin = std::mem::replace(&mut self.stdin, call.stdin.clone());
        let returns = std::mem::take(&mut self.returns);
        self.calls.push(name.to_owned());
        self.locals.push(Vec::new());
        let caller = state.clone();
        let mut after: Option<State> = None;
        let mut last = state.clone();
        for body in state.function(name).to_vec() {
            // A function that calls itself is walked twice: once more with what it is given then. One that was defined anew
            // under the same name is another.
            let within = self.bodies.iter().filter(|open| Rc::ptr_eq(open, &body)).count();
            if within > 1 {
                after = join(after, Some(state.clone()));
                continue;
            }
            self.bodies.push(Rc::clone(&body));
            let frame = self.frame;
            if self.foreign.iter().any(|one| Rc::ptr_eq(one, &body)) {
                self.frame = call.origin();
            }
            let flow = self.redirected(state.clone(), &body.0, body.1.as_ref());
            self.frame = frame;
            self.bodies.pop();
            after = join(after, join(flow.ok, flow.fail));
            last = flow.last;
        }
        for state in std::mem::replace(&mut self.returns, returns) {
            after = join(after, Some(state));
        }
        self.calls.pop();
        self.stdin = stdin;
        let locals = self.locals.pop().unwrap_or_default();
        let leave = |mut state: State| {
            locals.iter().for_each(|name| state.restore(name, &caller));
            state.positional.clone_from(&outer);
            state
        };
        match after {
            Some(state) => Flow::both(leave(state)),
            None => Flow::dead(leave(last)),
        }
    }

    fn alias(&mut self, state: &mut State, call: &SimpleCall, name: &str, text: &str) {
        let mut code = text.to_owned();
        for word in call.argv.get(1..).unwrap_or_default() {
            code.push(' ');
            match word.as_literal() {
                Some(text) => code.push_str(&super::quote::single(text)),
                None => code.push_str(&word.as_code().unwrap_or_else(|| "$__rwenv_unknown".to_owned())),
            }
        }
        self.calls.push(name.to_owned());
        self.code(&mut state.clone(), &code, call.origin());
        self.calls.pop();
    }

    /// The program is computed when the shell runs. Where at least its file name is certain that is enough.
    fn computed_program(&mut self, state: &State, call: &SimpleCall) {
        self.sink = None;
        let named = call.argv.first().and_then(Word::basename).is_some_and(|n| !n.is_empty());
        if named {
            self.emit(state, call);
            return;
        }
        self.any_function(state, call);
        let invocation = self.invocation(state, call);
        let shown = call.argv.first().map(|w| w.display().into_owned()).unwrap_or_default();
        self.out.opaque.push(Opaque {
            kind: OpaqueKind::Program,
            span: call.span,
            what: format!("the program to run is computed at run time ('{shown}')"),
            invocation: Some(invocation),
        });
    }

    /// A program of any name may be a function that is defined here.
    fn any_function(&mut self, state: &State, call: &SimpleCall) {
        let names: Vec<String> = state.function_names().map(str::to_owned).collect();
        for name in names.into_iter().take(MOST_COMBINATIONS) {
            if !self.calls.contains(&name) {
                self.function(state.clone(), call, &name);
            }
        }
    }

    fn invocation(&self, state: &State, call: &SimpleCall) -> Invocation {
        let mut env = state.environment();
        env.extend(call.env.iter().cloned());
        Invocation {
            argv: call.argv.clone(),
            span: call.span,
            cwd: state.cwd.to_vec(),
            env,
            stdin: call.stdin.clone(),
            writes: call.writes.clone(),
            replaces: call.replaces,
            feeds: None,
        }
    }

    pub(super) fn emit(&mut self, state: &State, call: &SimpleCall) {
        let invocation = self.invocation(state, call);
        self.out.invocations.push(invocation);
    }

    /// Redirections alone (`> file`) write as well.
    fn emit_redirections(&mut self, state: &State, call: &SimpleCall) {
        if !call.writes.is_empty() {
            let colon = SimpleCall { argv: vec![Word::literal(":")], ..call.clone() };
            self.emit(state, &colon);
        }
    }

    /// Reports code that is not known.
    pub(super) fn unknown_code(&mut self, call: &SimpleCall, what: &str) {
        self.out.opaque.push(Opaque {
            kind: OpaqueKind::Code,
            span: call.span,
            what: what.to_owned(),
            invocation: self.producer.clone(),
        });
    }
}

fn widen(span: &mut Option<Span>, with: Span) {
    *span = Some(match *span {
        None => with,
        Some(span) => Span { start: span.start.min(with.start), end: span.end.max(with.end) },
    });
}

/// Appends the fields of one more word to every combination.
fn add(all: &mut Vec<Vec<Word>>, fields: Vec<Vec<Word>>) {
    if let [only] = fields.as_slice() {
        for one in all.iter_mut() {
            one.extend(only.iter().cloned());
        }
    } else if all.len() * fields.len() > MOST_COMBINATIONS {
        for one in all.iter_mut() {
            one.push(Word::unknown_words());
        }
    } else {
        *all = all.iter().flat_map(|a| fields.iter().map(|f| [a.as_slice(), f].concat())).collect();
    }
}
