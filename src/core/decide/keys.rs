//! Files that hold credentials, and programs that print or copy them.

use super::place::places;
use crate::classify;
use crate::model::{Effect, Invocation, Operation, Reach, Stdin, Word, glob};

/// What such an operation's tool is called in policies.
const TOOL: &str = "files";

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
