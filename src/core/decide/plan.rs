//! What a command line would do, and the questions that raises.

use super::applied;
use super::clone;
use super::connection::Connection;
use super::contexts::{self, ContextChanges};
use super::drift::Drifts;
use super::given::HandedOn;
use super::guard;
use super::nested::{analyze_carried, only_looks};
use super::planned::Planned;
use super::program::{self, Made, Program};
use super::reached;
use super::services::Choices;
use super::touch::Touching;
use super::written::{self, ScriptRun, WrittenScript};
use super::{keys, patched};
use crate::classify::{self, Carried, Classified};
use crate::model::{
    Asked, Context, Dir, Effect, Facts, Invocation, Opaque, OpaqueKind, Operation, Question, Reach, Span,
    Trait, Word,
};
use crate::shell::{self, Source};

/// Deepest chain of wrappers and shells that is followed.
pub(super) const DEEPEST: usize = 24;
/// Programs that type text into others.
const TYPISTS: [&str; 2] = ["tmux", "screen"];
/// Most invocations that are looked at.
const MOST: usize = 20_000;

/// A command line, analysed, waiting for the answers to its questions.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The text, for excerpts.
    pub line: String,
    /// Where it starts.
    pub context: Context,
    /// What it would do.
    pub planned: Vec<Planned>,
    /// What stayed unknown.
    pub opaque: Vec<Opaque>,
    /// What has to be known before it can be decided.
    pub questions: Vec<Question>,
    /// How many programs it would run.
    pub programs: usize,
    /// Where the programs of the line itself stand, in order.
    pub spans: Vec<Span>,
    /// Programs and scripts of which has to be known what they are.
    pub(super) pending: Vec<PendingInvocation>,
    /// Files that the line makes out of programs.
    pub(super) made: Vec<Made>,
    /// Files that the line writes.
    pub(super) written: Vec<WrittenScript>,
    /// Scripts that were judged, with their arguments and who runs them: a second time they say the same.
    pub(super) scripts: Vec<(String, Vec<Word>, Invocation)>,
    /// What depends on where files lie.
    pub(super) waits: Vec<guard::Wait>,
    /// Names of the guard's files that one of its programs prints, and what others do with what they are given.
    pub(super) handed: HandedOn,
    /// What the line sends by itself.
    pub(super) connection: Connection,
    /// What it does to files.
    pub(super) drifts: Drifts,
    /// What it does to kubeconfigs.
    pub(super) contexts: ContextChanges,
    /// What it has its tools use.
    pub(super) choices: Choices,
    /// Programs that are none of our tools.
    pub(super) others: Vec<Invocation>,
    /// The line is one that was typed, and may be planned again.
    pub(super) typed: bool,
    /// Names of which the agent's shell may define something.
    pub(super) names: Vec<String>,
    /// Files that the line sources, and their texts.
    pub(super) sourced: Vec<(String, String)>,
    /// Files whose texts the line takes as values that say what runs.
    pub(super) values: Vec<String>,
    /// Files that patches in the line add, and their texts.
    pub added: Vec<(String, String)>,
    /// Those that it has made itself before.
    pub(super) made_sources: Vec<(String, String)>,
    /// Inside a script, of which is not said what stays unknown.
    pub(super) quiet: bool,
}

/// An invocation whose program may be another than its word says, or that runs a script.
#[derive(Clone, Debug)]
pub(super) struct PendingInvocation {
    pub(super) invocation: Invocation,
    /// Where the program may lie; the first that is known counts. Of a script, each counts.
    pub(super) places: Vec<String>,
    pub(super) depth: usize,
    /// How the script is run.
    pub(super) script: Option<ScriptRun>,
    pub(super) quiet: bool,
}

impl Plan {
    /// The plan of a command line, with the texts of what it sources as far as they are known.
    pub(super) fn of_line(line: &str, context: &Context, sourced: Vec<(String, String)>) -> Self {
        let mut source = Source {
            text: line,
            context: context.clone(),
            files: &sourced,
            typed: true,
            ..Source::default()
        };
        source.stdin = context.stdin();
        let analysis = shell::analyze_source(&source);
        let (text, context) = (line.to_owned(), context.clone());
        let mut plan = Self { line: text, context, typed: true, sourced, ..Self::default() };
        let (values, runs_values) = (analysis.values.clone(), Self::runs_values(&analysis));
        plan.take(analysis, None, 0);
        if runs_values || !plan.opaque.is_empty() {
            plan.take_values(values);
        }
        if let Some(sourced) = plan.made_and_sourced() {
            return Self::of_line(line, &plan.context, sourced);
        }
        plan.names = plan.unknown_names();
        plan.finish()
    }

    /// True where none of our tools is concerned, and nothing is left unknown.
    #[must_use]
    pub fn is_nothing_of_ours(&self) -> bool {
        self.planned.is_empty() && self.opaque.is_empty()
    }

    /// True where something that is known, or may be, would be changed.
    #[must_use]
    pub fn changes_something(&self) -> bool {
        !self.opaque.is_empty() || self.planned.iter().any(|p| p.operation.effect > Effect::ReadSecret)
    }

    /// True where nothing is done but to read what is no secret.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        self.opaque.is_empty() && self.planned.iter().all(|p| p.operation.effect <= Effect::Read)
    }

    /// Goes on with what is known of the programs it asked about. What nobody has looked at stays asked.
    #[must_use]
    pub fn resume(mut self, facts: &Facts) -> Self {
        if let Some(sourced) = self.learnt(facts) {
            return Self::of_line(&self.line, &self.context, sourced);
        }
        for wait in std::mem::take(&mut self.waits) {
            match guard::met(&wait, facts, &self.context) {
                None => self.waits.push(wait),
                Some(found) => self.met(found),
            }
        }
        for mut pending in std::mem::take(&mut self.pending) {
            self.quiet = pending.quiet;
            if pending.script.is_some() {
                self.resume_script(pending, facts);
                continue;
            }
            match pending.places.iter().find_map(|place| facts.program(place).flatten()) {
                Some(known) => {
                    self.programs -= 1;
                    self.invocation(&program::renamed(&pending.invocation, known), None, pending.depth);
                }
                None => {
                    pending.places.retain(|place| facts.program(place).is_none());
                    if pending.places.is_empty() {
                        self.executed(&pending.invocation, pending.depth);
                    } else {
                        self.pending.push(pending);
                    }
                }
            }
        }
        self.quiet = false;
        self.planned.sort_by_key(|planned| planned.operation.span);
        self.finish()
    }

    /// True where it waits to be told what programs are, or where files lie.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
            || !self.waits.is_empty()
            || !self.names.is_empty()
            || !self.values.is_empty()
    }

    /// What an invocation, or a tool of the agent's, does to the guard.
    pub(super) fn attacked(&mut self, attacks: guard::Attacks, by: &Invocation) {
        for operation in attacks.certain {
            self.met(Some((operation, by.clone())));
        }
        self.waits.extend(attacks.waits);
    }

    pub(super) fn met(&mut self, found: Option<(Operation, Invocation)>) {
        let Some((operation, invocation)) = found else { return };
        let same = |planned: &Planned| planned.operation == operation;
        if !self.planned.iter().any(same) {
            self.planned.push(Planned::alone(operation, invocation));
        }
    }

    pub(super) fn take(&mut self, analysis: shell::Analysis, remote: Option<&str>, depth: usize) {
        for opaque in analysis.opaque {
            self.unknown(opaque);
        }
        for invocation in &analysis.invocations {
            self.invocation(invocation, remote, depth);
        }
    }

    pub(super) fn invocation(&mut self, invocation: &Invocation, remote: Option<&str>, depth: usize) {
        self.programs += 1;
        if depth > DEEPEST || self.programs > MOST {
            self.limit(invocation.span);
            return;
        }
        if depth == 0 {
            self.spans.push(invocation.span);
        }
        match program::of(invocation, &self.made) {
            Program::Known(known) => {
                self.programs -= 1;
                self.invocation(&program::renamed(invocation, known), remote, depth);
                return;
            }
            Program::Computed => {
                let before = self.opaque.len();
                self.unknown(Opaque {
                    kind: OpaqueKind::Program,
                    span: invocation.span,
                    what: "the program was downloaded, or copied from a path computed at run time".to_owned(),
                    invocation: Some(invocation.clone()),
                });
                self.opaque.iter_mut().skip(before).for_each(|opaque| opaque.kind = OpaqueKind::Code);
            }
            Program::Asked(places) if remote.is_none() => {
                let (invocation, quiet) = (invocation.clone(), self.quiet);
                self.pending.push(PendingInvocation { invocation, places, depth, script: None, quiet });
            }
            // Where it is called by a pattern, or by the top of its repository.
            Program::Named
                if remote.is_none() && invocation.program().is_some_and(|w| w.as_literal().is_none()) =>
            {
                self.executed(invocation, depth);
            }
            Program::Asked(_) | Program::Named => {}
        }
        self.made.extend(program::made(invocation));
        let touching = Touching::of(invocation);
        let written = written::written(&touching);
        self.planted(&written, invocation, depth);
        self.written.extend(written);
        if remote.is_none() {
            self.drifts.see(&touching);
        }
        let Classified { mut operations, carried } = classify::classify(invocation, classify::tools());
        let hands_on = |c: &Carried| matches!(c, Carried::Invocation { .. } | Carried::Shell { .. });
        if operations.is_empty() && !carried.iter().any(hands_on) {
            self.others.push(invocation.clone());
        }
        for operation in &mut operations {
            if let Some(place) = remote {
                operation.target.cluster.remote = Some(place.to_owned());
            }
            if operation.traits.contains(&Trait::InnerCarried) && carried.iter().all(only_looks) {
                operation.traits.push(Trait::InnerRead);
            }
        }
        if remote.is_none() {
            self.here(&touching, &carried, &mut operations);
            operations.iter().for_each(|operation| self.hooks_of(operation, invocation, depth));
        }
        let order = self.drifts.order();
        self.planned.extend(operations.into_iter().map(|operation| Planned {
            operation,
            invocation: invocation.clone(),
            order,
        }));
        self.started(carried, (invocation, remote), depth);
    }

    /// What a program starts, with the variables that it reads from files first.
    fn started(&mut self, all: Vec<Carried>, (by, remote): (&Invocation, Option<&str>), depth: usize) {
        let set = if remote.is_none() { self.set_by_files(by) } else { Vec::new() };
        for mut one in all {
            one.set(&set);
            self.carried(one, remote, depth);
        }
    }

    /// What a program on this machine does besides: to the guard, to files, to what later ones use.
    fn here(&mut self, touching: &Touching<'_>, carried: &[Carried], operations: &mut Vec<Operation>) {
        let invocation = touching.by;
        contexts::made(invocation, operations);
        let through_git = operations.iter().filter_map(|o| guard::through_git(o, invocation, &self.context));
        let through_git: Vec<Operation> = through_git.collect();
        operations.extend(through_git);
        operations.extend(clone::edited(touching, &self.context));
        self.attacked(guard::attack(touching, carried, &self.context), invocation);
        self.handed.see(touching, &self.context);
        operations.extend(self.connection.see(invocation));
        operations.extend(keys::shown(invocation));
        keys::taken(invocation, operations);
        operations.extend(keys::mounted(invocation, carried));
        operations.iter().for_each(|operation| self.drifts.operation(operation));
        self.contexts.see(invocation, operations, self.drifts.order());
        self.choices.see(operations, self.drifts.order());
        if !self.quiet {
            self.contexts.exported(invocation, self.drifts.order());
        }
    }

    pub(super) fn carried(&mut self, carried: Carried, remote: Option<&str>, depth: usize) {
        match carried {
            Carried::Opaque(opaque) => self.unknown(opaque),
            Carried::Perhaps(text, by) => self.perhaps(&text, &by),
            Carried::Writes(..) if remote.is_some() => {}
            Carried::Writes(files, by) => {
                self.added.extend(patched::added(&files, &by));
                self.handed.see_code(&files, &by);
                self.drifts.written(&files, &by);
                self.attacked(guard::written(&files, &by, &self.context), &by);
                self.met(clone::written(&files, &by, &self.context).map(|edit| (edit, by)));
            }
            Carried::Script { .. } if depth > DEEPEST => {}
            Carried::Script { path, arguments, by, reader } => {
                self.sourced(&path, (arguments, reader), (&by, remote), depth + 1);
            }
            Carried::Guess(inner) => {
                let quiet = std::mem::replace(&mut self.quiet, true);
                self.carried(*inner, remote, depth);
                self.quiet = quiet;
            }
            Carried::Invocation { invocation, .. }
                if invocation.program().is_some_and(|w| w.basename().is_none() || w.splits()) =>
            {
                let what = "the program to run is computed at run time".to_owned();
                let span = invocation.span;
                self.unknown(Opaque { kind: OpaqueKind::Program, span, what, invocation: Some(invocation) });
            }
            Carried::Invocation { invocation, remote: place } => {
                self.invocation(&invocation, place.as_deref().or(remote), depth + 1);
            }
            Carried::Shell { text, arguments, by, remote: place } => {
                if depth > DEEPEST {
                    self.limit(by.span);
                    return;
                }
                let mut analysis = analyze_carried(&text, arguments, &by, (&self.context, &self.sourced));
                for invocation in &mut analysis.invocations {
                    invocation.span = by.span;
                }
                for opaque in &mut analysis.opaque {
                    opaque.span = by.span;
                }
                // What is typed into another program may be anything; only our tools in it concern us.
                if by.program().and_then(Word::basename).is_some_and(|name| TYPISTS.contains(&name))
                    && !program::mentions_tools(&text)
                {
                    analysis.opaque.retain(|opaque| opaque.kind != OpaqueKind::Syntax);
                }
                self.take(analysis, place.as_deref().or(remote), depth + 1);
            }
        }
    }

    /// Something unknown: kept, unless it is known to be harmless, or shown as what it would do at worst.
    pub(super) fn unknown(&mut self, opaque: Opaque) {
        if self.quiet {
            return;
        }
        let tools = classify::tools();
        if opaque.kind == OpaqueKind::Code
            && opaque
                .invocation
                .as_ref()
                .is_some_and(|i| program::produces_code(i, &tools.programs.producers))
        {
            return;
        }
        if opaque.kind != OpaqueKind::Program {
            self.opaque.push(opaque);
            return;
        }
        let Some(invocation) = opaque.invocation.clone() else {
            self.opaque.push(opaque);
            return;
        };
        // Which file a pattern names is asked.
        if invocation.program().is_some_and(Word::is_wild) {
            self.executed(&invocation, 1);
        }
        let mut worst: Option<Operation> = None;
        for tool in tools.tools.iter().filter(|tool| !tool.unshimmed) {
            let read_as = classify::as_tool(&invocation, tool, tools);
            let changes = |o: &Operation| {
                !o.verb.is_empty()
                    && o.effect > Effect::ReadSecret
                    && o.effect != Effect::Unknown
                    && o.reach != Reach::Local
            };
            let found = read_as.operations.into_iter().filter(changes).max_by_key(|o| o.effect);
            worst = worst.into_iter().chain(found).max_by_key(|o| o.effect);
        }
        // A value by itself may be a whole command line; with words behind it, it is a program.
        let value = invocation.program().filter(|_| invocation.argv.len() == 1).and_then(Word::meaning);
        let one_word = invocation.program().is_some_and(|w| !w.splits()) && value != Some(Asked::Value);
        let shell_code = invocation.argv.iter().skip(1).any(|w| w.as_literal() == Some("-c"));
        // A quoted `"$PYTHON" script.py` is one program; with arguments that change nothing whatever tool it is,
        // there is nothing to say. What may be a change is not asked about: a wrong yes would be one.
        match worst {
            Some(_) => self.opaque.push(opaque),
            None if !one_word || shell_code => {
                self.opaque.push(Opaque { kind: OpaqueKind::Code, ..opaque });
            }
            None => {}
        }
    }

    /// What is done to the guard by programs that are given what others name.
    pub(super) fn hand_on(&mut self) {
        let handed = std::mem::take(&mut self.handed);
        for (attacks, by) in guard::handed_on(&handed, &self.line, &self.context) {
            self.attacked(attacks, &by);
        }
    }

    /// A plan of operations that were not read from a command line.
    pub(super) fn of_operations(planned: Vec<Planned>, context: &Context) -> Self {
        Self { planned, context: context.clone(), ..Self::default() }.finish()
    }

    pub(super) fn finish(mut self) -> Self {
        self.follow_clones();
        self.hand_on();
        reached::note(&mut self.planned);
        let mut questions = self.drifts.questions(self.planned.iter().map(|p| &p.operation));
        for Planned { operation, .. } in &self.planned {
            questions.extend(applied::questions(operation));
            if let Some(question) = contexts::question(operation, &self.context.home) {
                let names = self.contexts.made_current().map(str::to_owned);
                questions
                    .extend(names.map(|name| Question::Cluster { kubeconfig: None, context: Some(name) }));
                questions.push(question);
            }
            let targets = self.choices.questions(operation);
            if !targets.is_empty() || operation.traits.contains(&Trait::EndsContainer) {
                questions.push(Question::Binding(Dir::Known(self.context.cwd.clone())));
                questions.extend(targets);
                questions.extend(operation.cwd.iter().cloned().map(Question::Binding));
            }
            match operation.reach {
                Reach::Local if matches!(operation.effect, Effect::Read | Effect::LocalWrite) => {}
                Reach::Local => questions.extend(operation.cwd.iter().cloned().map(Question::Binding)),
                Reach::Cluster | Reach::Service => {
                    questions.push(Question::Binding(Dir::Known(self.context.cwd.clone())));
                    questions.extend(operation.cwd.iter().cloned().map(Question::Binding));
                    let target = &operation.target.cluster;
                    let named =
                        target.context.is_some() || target.kubeconfig.is_some() || target.remote.is_some();
                    let bare = operation.reach == Reach::Cluster && !named;
                    if operation.effect > Effect::ReadSecret && bare {
                        questions.push(Question::CurrentContext);
                    }
                }
                Reach::Repository if operation.effect > Effect::Read => {
                    let dirs = &operation.target.repository.dirs;
                    questions.extend(dirs.iter().cloned().map(Question::Binding));
                    questions.extend(
                        dirs.iter().filter_map(Dir::path).map(|d| Question::GitRepository(d.to_owned())),
                    );
                    questions.extend(reached::questions(operation));
                }
                Reach::Repository => {}
            }
        }
        let asked = self.pending.iter().flat_map(|pending| {
            let question = if pending.script.is_some() { Question::Script } else { Question::Program };
            pending.places.iter().cloned().map(question)
        });
        questions.extend(asked);
        questions.extend(self.waits.iter().map(guard::Wait::question));
        questions.extend(self.names.iter().cloned().map(Question::Defined));
        questions.extend(self.values.iter().cloned().map(Question::Script));
        for opaque in &self.opaque {
            let dirs = opaque.invocation.as_ref().map(|i| i.cwd.clone()).unwrap_or_default();
            questions.extend(dirs.into_iter().map(Question::Binding));
            questions.push(Question::Binding(Dir::Known(self.context.cwd.clone())));
        }
        questions.sort();
        questions.dedup();
        self.questions = questions;
        self
    }
}
