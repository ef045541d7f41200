//! Files that hold credentials, and programs that print or copy them.

use super::contexts::is_call_of;
use super::place::places;
use crate::classify::{self, Carried};
use crate::model::{Effect, Invocation, Operation, Reach, Stdin, Word, glob};

/// What such an operation's tool is called in policies.
const TOOL: &str = "files";
/// What has kubectl print what it got.
const OUTPUT: [&str; 4] = ["-o", "--output", "-v", "--v"];

/// Secrets that go through a pipe into a call that keeps them are not printed; what that call does with them is judged as its own.
pub(super) fn taken(invocation: &Invocation, operations: &mut [Operation]) {
    let Some(reader) = &invocation.feeds else { return };
    let tables = classify::tools();
    let takers = tables.programs.takers;
    let kubectl = reader.first().and_then(Word::basename).and_then(|name| tables.tool(name));
    let may_print = kubectl.is_some_and(|tool| &*tool.name == "kubectl")
        && reader
            .iter()
            .any(|word| word.splits() || OUTPUT.iter().any(|flag| word.prefix().starts_with(flag)));
    if may_print || !takers.iter().copied().any(is_call_of(reader)) {
        return;
    }
    for operation in operations.iter_mut().filter(|o| o.effect == Effect::ReadSecret) {
        operation.effect = Effect::Read;
    }
}

/// The operation that an invocation is which prints or copies a file of credentials: of a cluster, a cloud, or a state that holds them.
pub(super) fn shown(invocation: &Invocation) -> Option<Operation> {
    let programs = classify::tools().programs;
    let name = invocation.program().and_then(Word::basename)?;
    let prints = programs.printers.contains(&name);
    let copies = programs.senders.contains(&name);
    if !prints && !copies {
        return None;
    }
    let operands: Vec<&Word> =
        invocation.argv.iter().skip(1).filter(|word| !word.prefix().starts_with('-')).collect();
    // The last one is where a copy goes.
    let sources = if copies { operands.len().saturating_sub(1) } else { operands.len() };
    let read = match &invocation.stdin {
        Stdin::File(file) if prints => Some(file),
        _ => None,
    };
    let file = operands.into_iter().take(sources).chain(read).find_map(|word| {
        let found = places(word, &invocation.cwd);
        found.into_iter().find(|path| programs.credentials.iter().any(|pattern| glob(pattern, path)))
    })?;
    let mut operation = Operation::new(invocation, TOOL, name, Effect::ReadSecret, Reach::Local);
    operation.target.names.push(file);
    Some(operation)
}

/// The operation that a call is which starts a container with a file of credentials in it, or a folder of them. What a tool we know
/// does with them there is judged as that tool's.
pub(super) fn mounted(invocation: &Invocation, carried: &[Carried]) -> Option<Operation> {
    let tables = classify::tools();
    let known = |one: &Carried| match one {
        Carried::Invocation { invocation, .. } => {
            invocation.program().and_then(Word::basename).is_some_and(|name| tables.tool(name).is_some())
        }
        _ => false,
    };
    if carried.iter().any(known) {
        return None;
    }
    let keys = [tables.programs.credentials, tables.programs.credential_folders];
    let holds = |path: &String| {
        keys.iter()
            .flat_map(|patterns| patterns.iter())
            .any(|pattern| glob(pattern, path.trim_end_matches('/')))
    };
    let places = |source: &str| places(&Word::literal(source), &invocation.cwd);
    let path = sources(invocation).iter().flat_map(|source| places(source)).find(holds)?;
    let mut operation = Operation::new(invocation, "docker", "run", Effect::Exec, Reach::Service);
    operation.note = Some(format!("{path} is in its reach"));
    Some(operation)
}

/// The files and folders of this machine that options of a call mount (`-v FROM:TO`, `--mount type=bind,source=FROM,target=TO`).
fn sources(invocation: &Invocation) -> Vec<String> {
    let Some(name) = invocation.program().and_then(Word::basename) else { return Vec::new() };
    let mounts = classify::tools().programs.mounts;
    let is = |flag: &str| mounts.iter().any(|entry| entry.split_once(' ') == Some((name, flag)));
    let values =
        invocation.argv.iter().enumerate().filter_map(|(at, word)| match word.prefix().split_once('=') {
            Some((flag, value)) if is(flag) => Some(value),
            _ if is(word.prefix()) => invocation.argv.get(at + 1).map(Word::prefix),
            _ => None,
        });
    let from = |value: &str| {
        let mut named =
            value.split(',').filter_map(|part| part.strip_prefix("source=").or(part.strip_prefix("src=")));
        named.next().or_else(|| value.split(':').next()).unwrap_or_default().to_owned()
    };
    values.map(from).collect()
}
