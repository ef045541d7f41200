//! Programs in none of our tables: what of their words they may run.

use super::carried::{Carried, Classified, tail};
use super::mentions;
use crate::model::{Effect, Invocation, Reach, Tool, Tools, Word};

/// Options whose value is speech.
const SPEECH: [&str; 20] = [
    "-m",
    "--message",
    "--msg",
    "--title",
    "--body",
    "--description",
    "--desc",
    "--text",
    "--comment",
    "--note",
    "--prompt",
    "--query",
    "--subject",
    "--summary",
    "--label",
    "--reason",
    "--grep",
    "--pattern",
    "--search",
    "--help",
];
/// Verbs whose operands are speech.
const SPEAKS: [&str; 18] = [
    "comment", "reply", "say", "notify", "note", "search", "ask", "explain", "create", "edit", "update",
    "close", "remember", "log", "new", "commit", "chat", "query",
];

/// A program in none of our tables may be one that runs its arguments. Where these read like a call of a tool
/// that changes something, that call counts; where a shell or another carrier stands among them, what that runs. The program is left alone
/// otherwise.
pub(super) fn unknown_carrier(
    invocation: &Invocation,
    tools: &'static Tools,
    as_tool: impl Fn(&Invocation, &'static Tool, &'static Tools) -> Classified,
) -> Vec<Carried> {
    for (at, word) in invocation.argv.iter().enumerate().skip(1) {
        let Some(name) = word.as_literal().and_then(|_| word.basename()) else { continue };
        if let Some(tool) = tools.tool(name).filter(|tool| !tool.unshimmed) {
            let mut inner = tail(invocation, at);
            // `minikube kubectl -- delete …`
            if inner.argv.get(1).is_some_and(|w| w.as_literal() == Some("--")) {
                inner.argv.remove(1);
            }
            let changes = as_tool(&inner, tool, tools).operations.iter().any(|o| {
                o.effect > Effect::ReadSecret && o.effect != Effect::Unknown && o.reach != Reach::Local
            });
            if changes {
                return vec![Carried::Invocation { invocation: inner, remote: None }];
            }
        } else if carries(invocation, at, name, tools) {
            let inner = Carried::Invocation { invocation: tail(invocation, at), remote: None };
            return vec![Carried::Guess(Box::new(inner))];
        }
    }
    Vec::new()
}

/// True where the n-th word is a shell with code or a script behind it, or another program that runs what follows.
fn carries(invocation: &Invocation, at: usize, name: &str, tools: &Tools) -> bool {
    let option = |at: usize| invocation.argv.get(at).is_some_and(|word| word.prefix().starts_with('-'));
    // What is an option's value is no program (`-s /bin/bash`).
    if at > 1
        && option(at - 1)
        && invocation.argv.get(at - 1).is_some_and(|word| matches!(word.prefix(), "-s" | "--shell"))
    {
        return false;
    }
    if tools.programs.shells.contains(&name) {
        let rest = invocation.argv.iter().skip(at + 1);
        let code = rest
            .clone()
            .take_while(|word| word.prefix().starts_with('-'))
            .any(|word| !word.prefix().starts_with("--") && word.prefix().contains('c'));
        let script = rest.clone().find(|word| !word.prefix().starts_with('-'));
        return code
            || script.is_some_and(|word| word.prefix().contains('/') || word.display().ends_with(".sh"));
    }
    let ends = invocation.argv.get(at + 1).is_some_and(|word| word.as_literal() == Some("--"));
    !ends
        && matches!(name, "sudo" | "doas" | "env" | "ssh" | "xargs" | "nohup" | "timeout" | "docker" | "npx")
        && invocation.argv.len() > at + 1
}

/// Arguments that may be command lines, and may only speak of them.
pub(super) fn spoken_of(invocation: &Invocation, tools: &Tools) -> Vec<Carried> {
    let name = invocation.program().and_then(Word::basename).unwrap_or_default();
    let words = || invocation.argv.iter().skip(1).map(Word::prefix);
    if tools.programs.agents.contains(&name) || words().any(|word| SPEAKS.contains(&word)) {
        return Vec::new();
    }
    let said = |at: usize| {
        let before =
            at.checked_sub(1).and_then(|at| invocation.argv.get(at)).map(Word::prefix).unwrap_or_default();
        let own =
            invocation.argv.get(at).and_then(|word| word.prefix().split_once('=')).map(|(name, _)| name);
        SPEECH.contains(&before) || own.is_some_and(|name| SPEECH.contains(&name))
    };
    let texts = invocation.argv.iter().enumerate().skip(1).filter(|(at, _)| !said(*at));
    let texts = texts
        .filter_map(|(_, word)| word.as_literal())
        .filter(|text| text.contains(char::is_whitespace) || text.contains('"'));
    let found = texts.flat_map(|text| mentions::in_argument(text, tools));
    found.map(|line| Carried::Perhaps(line, invocation.clone())).collect()
}
