//! Lists, pipelines and compound commands.

use std::rc::Rc;

use brush_parser::ast::{
    self, AndOr, Command, CompoundCommand, CompoundList, ExtendedTestExpr, Pipeline, RedirectList,
    SeparatorOperator,
};

use super::state::{ShellOption, State, VariableValue};
use super::{Flow, Walker, join};
use crate::model::{Stdin, Word};

/// Most items of a `for` list that are walked one by one; more are walked as a set.
const MOST_ITEMS: usize = 32;

impl Walker<'_> {
    pub(super) fn list(&mut self, state: State, list: &CompoundList) -> Flow {
        let mut flow = Flow::both(state);
        let mut dead = false;
        for ast::CompoundListItem(and_or, separator) in &list.0 {
            let state = flow.settle();
            if matches!(separator, SeparatorOperator::Async) {
                self.subshell(&state, |walker, inner| walker.and_or(inner, and_or));
                flow = Flow::both(state);
                continue;
            }
            flow = self.and_or(state, and_or);
            dead |= flow.ok.is_none() && flow.fail.is_none();
        }
        // What stands behind an `exit` is still looked at, but nothing after the list follows from it.
        if dead { Flow::dead(flow.last) } else { flow }
    }

    fn and_or(&mut self, state: State, list: &ast::AndOrList) -> Flow {
        let mut flow = self.pipeline(state, &list.first);
        for next in &list.additional {
            let Flow { ok, fail, last } = flow;
            let (pipeline, start, mut other, and) = match next {
                AndOr::And(p) => (p, ok, fail, true),
                AndOr::Or(p) => (p, fail, ok, false),
            };
            // A part that is never reached is looked at all the same.
            let reached = start.is_some();
            let after = self.pipeline(start.unwrap_or(last), pipeline);
            if !reached {
                flow = if and {
                    Flow { ok: None, fail: other, last: after.last }
                } else {
                    Flow { ok: other, fail: None, last: after.last }
                };
                continue;
            }
            flow = if and {
                other = join(other, after.fail);
                Flow { ok: after.ok, fail: other, last: after.last }
            } else {
                other = join(other, after.ok);
                Flow { ok: other, fail: after.fail, last: after.last }
            };
        }
        flow
    }

    fn pipeline(&mut self, state: State, pipeline: &Pipeline) -> Flow {
        let mut flow = match pipeline.seq.as_slice() {
            [only] => self.command(state, only),
            stages => self.stages(state, stages),
        };
        if pipeline.bang {
            std::mem::swap(&mut flow.ok, &mut flow.fail);
        }
        flow
    }

    /// Each stage runs in a shell of its own; what one prints is what the next one reads.
    fn stages(&mut self, state: State, stages: &[Command]) -> Flow {
        let outer_stdin = self.stdin.clone();
        let mut last_state = None;
        // Where the invocations of each stage begin.
        let mut begins = Vec::with_capacity(stages.len());
        for (i, stage) in stages.iter().enumerate() {
            begins.push(self.out.invocations.len());
            let last = i + 1 == stages.len();
            if last {
                last_state = Some(self.command(state.clone(), stage).settle());
                break;
            }
            let sink = self.sink.replace(Word::default());
            let capturing = std::mem::replace(&mut self.capturing, true);
            self.command(state.clone(), stage);
            self.capturing = capturing;
            let printed = std::mem::replace(&mut self.sink, sink);
            self.stdin = Stdin::known(printed.and_then(|w| w.as_code()));
        }
        self.stdin = outer_stdin;
        self.feed(stages, &begins);
        // zsh, and bash with `lastpipe`, run the last stage in the shell itself: its variables may stay.
        let joined = match last_state {
            Some(mut after) if !after.same_values(&state) => {
                after.cwd.clone_from(&state.cwd);
                state.join(&after)
            }
            _ => state,
        };
        Flow::both(joined)
    }

    /// Notes who reads what the calls of a stage print, where the next stage is one call.
    fn feed(&mut self, stages: &[Command], begins: &[usize]) {
        let ends = begins.iter().skip(1).copied().chain([self.out.invocations.len()]);
        let parts: Vec<_> = begins.iter().copied().zip(ends).collect();
        for (stage, pair) in stages.iter().zip(parts.windows(2)) {
            let [(start, end), (next, behind)] = *pair else { continue };
            // A redirection may print it elsewhere (`>&2`).
            if !matches!(stage, Command::Simple(_)) || stage.to_string().contains('>') {
                continue;
            }
            let Some([reader]) = self.out.invocations.get(next..behind) else { continue };
            let argv = reader.argv.clone();
            for call in self.out.invocations.get_mut(start..end).unwrap_or_default() {
                call.feeds = Some(argv.clone());
            }
        }
    }

    /// Runs something in a copy of the state that is then forgotten.
    pub(super) fn subshell(&mut self, state: &State, run: impl FnOnce(&mut Self, State) -> Flow) -> Flow {
        let flow = run(self, state.clone());
        Flow {
            ok: flow.ok.map(|_| state.clone()),
            fail: flow.fail.map(|_| state.clone()),
            last: state.clone(),
        }
    }

    fn command(&mut self, mut state: State, command: &Command) -> Flow {
        match command {
            Command::Simple(simple) => self.simple(state, simple),
            Command::Compound(compound, redirects) => self.redirected(state, compound, redirects.as_ref()),
            Command::Function(function) => {
                let body = Rc::new(function.body.clone());
                if self.frame.start.is_none() {
                    self.foreign.push(Rc::clone(&body));
                }
                state.define(&function.fname.value, body);
                Flow::both(state)
            }
            Command::ExtendedTest(test, redirects) => {
                let _ = self.redirects(&mut state, redirects.as_ref());
                self.test(&mut state, &test.expr);
                Flow::both(state)
            }
        }
    }

    /// A compound command with what it reads and writes: the redirections of a group, a loop or a function's body.
    pub(super) fn redirected(
        &mut self,
        mut state: State,
        compound: &CompoundCommand,
        redirects: Option<&RedirectList>,
    ) -> Flow {
        let io = self.redirects(&mut state, redirects);
        let stdin = std::mem::replace(&mut self.stdin, io.stdin.clone());
        let sink = io.diverted.then(|| self.sink.replace(Word::default()));
        let flow = self.compound(state, compound);
        if let Some(sink) = sink {
            self.sink = sink;
        }
        self.stdin = stdin;
        self.writers(&flow.last, &io, None);
        flow
    }

    pub(super) fn compound(&mut self, mut state: State, compound: &CompoundCommand) -> Flow {
        match compound {
            CompoundCommand::BraceGroup(group) => self.list(state, &group.list),
            CompoundCommand::Subshell(group) => {
                self.subshell(&state, |walker, inner| walker.list(inner, &group.list))
            }
            CompoundCommand::Arithmetic(command) => {
                self.arithmetic(&mut state, &command.expr.value, self.frame.elsewhere());
                Flow::both(state)
            }
            CompoundCommand::ArithmeticForClause(clause) => {
                for expr in [&clause.initializer, &clause.condition, &clause.updater].into_iter().flatten() {
                    self.arithmetic(&mut state, &expr.value, self.frame.elsewhere());
                }
                self.repeat(state, |walker, state| walker.list(state, &clause.body.list))
            }
            CompoundCommand::ForClause(clause) => self.for_each(state, clause),
            CompoundCommand::CaseClause(clause) => self.case(state, clause),
            CompoundCommand::IfClause(clause) => self.if_else(state, clause),
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                let until = matches!(compound, CompoundCommand::UntilClause(_));
                self.repeat(state, |walker, state| {
                    let condition = walker.list(state, &clause.0);
                    let enters = if until { condition.fail } else { condition.ok };
                    walker.list(enters.unwrap_or(condition.last), &clause.1.list)
                })
            }
            CompoundCommand::Coprocess(clause) => {
                let stdin = std::mem::replace(&mut self.stdin, Stdin::Unknown);
                self.subshell(&state, |walker, inner| walker.command(inner, &clause.body));
                self.stdin = stdin;
                Flow::both(state)
            }
        }
    }

    /// Walks a loop body until the state stops changing; what keeps changing becomes unknown.
    fn repeat(&mut self, state: State, mut body: impl FnMut(&mut Self, State) -> Flow) -> Flow {
        let before = self.sink.clone();
        let mut at_start = state;
        for round in 0..3 {
            let after = body(self, at_start.clone()).settle();
            if after.same_values(&at_start) {
                break;
            }
            let mut joined = at_start.clone().join(&after);
            if round > 0 {
                joined.forget_changed(&at_start);
            }
            at_start = joined;
        }
        if self.sink != before {
            self.sink = None;
        }
        Flow::both(at_start)
    }

    fn for_each(&mut self, mut state: State, clause: &ast::ForClauseCommand) -> Flow {
        let mut items: Vec<Word> = Vec::new();
        match &clause.values {
            Some(words) => {
                for word in words {
                    let origin = self.origin(word);
                    items.extend(self.fields(&mut state, &word.value, origin).into_iter().flatten());
                }
            }
            None => match &state.positional {
                Some(all) => items.extend(all.iter().cloned()),
                None => items.push(Word::unknown_words()),
            },
        }
        let name = clause.variable_name.as_str();
        if items.len() > MOST_ITEMS || items.iter().any(Word::splits) {
            let set = items.into_iter().map(|w| VariableValue::Scalar(w.joined())).collect();
            return self.repeat(state, |walker, mut state| {
                state.set(name, Vec::clone(&set));
                walker.list(state, &clause.body.list)
            });
        }
        let untouched = state.clone();
        for item in items {
            self.set_checked(&mut state, name, vec![VariableValue::Scalar(item)], self.frame.elsewhere());
            state = self.list(state, &clause.body.list).settle();
        }
        Flow::both(if state.same_values(&untouched) { state } else { state.join(&untouched) })
    }

    fn case(&mut self, mut state: State, clause: &ast::CaseClauseCommand) -> Flow {
        let origin = self.origin(&clause.value);
        let subject = self.one(&mut state, &clause.value.value, origin);
        let mut flows = vec![];
        let before = self.sink.clone();
        let mut falls_in = false;
        for item in &clause.cases {
            let vague = state.options.has(ShellOption::Nocasematch);
            let (mut may_match, mut matches) = (vague, false);
            for written in &item.patterns {
                let origin = self.origin(written);
                let pattern = self.pattern(&mut state, Some(&written.value), origin);
                let hit = match (subject.as_literal(), pattern) {
                    (Some(text), Some(pattern)) => Some(pattern.matches(text)),
                    _ => None,
                };
                let hit = hit.filter(|_| !written.value.contains(['\\', '$']));
                may_match |= hit != Some(false);
                matches |= hit == Some(true) && !vague;
            }
            let runs = may_match || falls_in;
            if let Some(body) = item.cmd.as_ref().filter(|_| runs) {
                flows.push(self.list(state.clone(), body));
            }
            falls_in = runs
                && matches!(item.post_action, ast::CaseItemPostAction::UnconditionallyExecuteNextCaseItem);
            if matches && matches!(item.post_action, ast::CaseItemPostAction::ExitCase) {
                break;
            }
        }
        if self.sink != before {
            self.sink = None;
        }
        either(state, flows)
    }

    fn if_else(&mut self, state: State, clause: &ast::IfClauseCommand) -> Flow {
        let before = self.sink.clone();
        let condition = self.list(state, &clause.condition);
        let mut flows = vec![self.list(condition.ok.unwrap_or_else(|| condition.last.clone()), &clause.then)];
        let mut open = condition.fail;
        let mut last = condition.last;
        for branch in clause.elses.iter().flatten() {
            let start = open.take().unwrap_or_else(|| last.clone());
            match &branch.condition {
                Some(condition) => {
                    let condition = self.list(start, condition);
                    flows.push(
                        self.list(condition.ok.unwrap_or_else(|| condition.last.clone()), &branch.body),
                    );
                    open = condition.fail;
                    last = condition.last;
                }
                None => flows.push(self.list(start, &branch.body)),
            }
        }
        if self.sink != before {
            self.sink = None;
        }
        // No branch taken: the status is success.
        let none_taken = open.map(|s| Flow { ok: Some(s.clone()), fail: None, last: s });
        let mut flow = none_taken.unwrap_or_else(|| Flow::dead(last));
        for next in flows {
            flow = Flow { ok: join(flow.ok, next.ok), fail: join(flow.fail, next.fail), last: next.last };
        }
        flow
    }

    fn test(&mut self, state: &mut State, expr: &ExtendedTestExpr) {
        match expr {
            ExtendedTestExpr::And(a, b) | ExtendedTestExpr::Or(a, b) => {
                self.test(state, a);
                self.test(state, b);
            }
            ExtendedTestExpr::Not(a) | ExtendedTestExpr::Parenthesized(a) => self.test(state, a),
            ExtendedTestExpr::UnaryTest(predicate, word) => {
                self.operand_of_test(
                    state,
                    word,
                    matches!(predicate, ast::UnaryPredicate::ShellVariableIsSetAndAssigned),
                );
            }
            ExtendedTestExpr::BinaryTest(predicate, a, b) => {
                use ast::BinaryPredicate as P;
                let arithmetic = matches!(
                    predicate,
                    P::ArithmeticEqualTo
                        | P::ArithmeticNotEqualTo
                        | P::ArithmeticLessThan
                        | P::ArithmeticLessThanOrEqualTo
                        | P::ArithmeticGreaterThan
                        | P::ArithmeticGreaterThanOrEqualTo
                );
                self.operand_of_test(state, a, arithmetic);
                self.operand_of_test(state, b, arithmetic);
            }
        }
    }

    fn operand_of_test(&mut self, state: &mut State, word: &ast::Word, arithmetic: bool) {
        let origin = self.origin(word);
        for value in self.single(state, &word.value, origin) {
            if let Some(text) = value.as_literal().filter(|_| arithmetic) {
                let text = text.to_owned();
                self.arithmetic(state, &text, origin.elsewhere());
            }
        }
    }
}

/// One of several branches, or none of them.
fn either(state: State, flows: Vec<Flow>) -> Flow {
    let mut flow = Flow { ok: Some(state.clone()), fail: None, last: state };
    for next in flows {
        flow = Flow { ok: join(flow.ok, next.ok), fail: join(flow.fail, next.fail), last: next.last };
    }
    flow
}
