//! The beginnings of a plan: a command line, one program run, a call of a tool of the agent's.

use super::clone;
use super::guard;
use super::plan::Plan;
use super::planned::Planned;
use super::text::quoted;
use crate::classify;
use crate::model::{Assigned, Context, Dir, Invocation, Opaque, OpaqueKind, Operation, Span, Word};

/// Analyses a command line.
#[must_use]
pub fn plan(line: &str, context: &Context) -> Plan {
    Plan::of_line(line, context, Vec::new())
}

/// Plans exactly one program run, as it is about to happen.
#[must_use]
pub fn plan_argv(argv: Vec<Word>, env: Vec<Assigned>, context: &Context) -> Plan {
    let line = argv.iter().map(|word| quoted(&word.display())).collect::<Vec<_>>().join(" ");
    let invocation = Invocation {
        argv,
        span: Span { start: 0, end: line.len() },
        cwd: vec![Dir::Known(context.cwd.clone())],
        env,
        ..Invocation::default()
    };
    let mut plan = Plan { line, context: context.clone(), ..Plan::default() };
    plan.invocation(&invocation, None, 0);
    plan.finish()
}

/// Plans a call of a tool behind an MCP server: what its name says, and what command lines among its arguments come to.
#[must_use]
pub fn plan_mcp(server: &str, tool: &str, input: &serde_json::Value, context: &Context) -> Plan {
    let here = Dir::Known(context.cwd.clone());
    let found = classify::mcp(server, tool, input, &here, &classify::tools().mcp);
    let line = found.lines.join("\n");
    let mut plan = if line.is_empty() { Plan::default() } else { self::plan(&line, context) };
    plan.context = context.clone();
    plan.typed = false;
    plan.line = if server.is_empty() { tool.to_owned() } else { format!("{server} {tool}") };
    // Of a line that is not run by a shell, what stays computed means nothing.
    if !found.runs {
        plan.opaque.clear();
    }
    let span = Span { start: 0, end: plan.line.len() };
    let operation = found.operation.map(|operation| Operation { span, ..operation });
    let invocation = Invocation::default();
    plan.planned.iter_mut().for_each(|planned| planned.operation.span = span);
    plan.planned.extend(operation.map(|operation| Planned::alone(operation, invocation.clone())));
    for (path, whole) in &found.files {
        plan.attacked(guard::on_file(path, *whole, context), &invocation);
        plan.met(clone::on_file(path, context).map(|edit| (edit, invocation.clone())));
    }
    plan.finish()
}

/// A file that a tool of the agent's own writes.
#[derive(Clone, Debug, Default)]
pub struct WrittenFile {
    /// Its path.
    pub path: String,
    /// What is new in it, as far as that is known.
    pub text: String,
    /// The lines that are new in it, and those that go.
    pub changed: String,
}

/// Plans the writing of files by a tool of the agent's own.
#[must_use]
pub fn plan_files(files: &[WrittenFile], context: &Context) -> Plan {
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut plan = Plan { line: paths.join(" "), context: context.clone(), ..Plan::default() };
    for WrittenFile { path, text, changed } in files {
        plan.attacked(guard::on_file(path, false, context), &Invocation::default());
        plan.attacked(guard::on_planted(path, changed, context), &Invocation::default());
        plan.met(clone::on_file(path, context).map(|edit| (edit, Invocation::default())));
        plan.plants_file(path, text, context);
    }
    plan.finish()
}

/// Plans a text in a language that is not analysed.
#[must_use]
pub fn plan_unread(text: &str, context: &Context, what: &str) -> Plan {
    let span = Span { start: 0, end: text.len() };
    let opaque = Opaque { kind: OpaqueKind::Syntax, span, what: what.to_owned(), invocation: None };
    let plan =
        Plan { line: text.to_owned(), context: context.clone(), opaque: vec![opaque], ..Plan::default() };
    plan.finish()
}
