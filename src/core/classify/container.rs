//! Containers that a call starts: what their image runs, and whether anything of this machine is in their reach.

use crate::model::{Invocation, Tools, Word, Wrapper, WrapperStyle};

/// True for a program that is not known before it runs.
pub(super) fn is_computed(word: &Word) -> bool {
    word.basename().is_none() || word.splits()
}

/// Options that let a new container reach what is on this machine.
const JOINS: [&str; 9] = [
    "-v",
    "--volume",
    "--mount",
    "--volumes-from",
    "--network=host",
    "--net=host",
    "--privileged",
    "--env-file",
    "--pid",
];

/// True for a new container that is given nothing of this machine: whatever it runs, none of our credentials are there.
pub(super) fn is_apart(by: &Invocation) -> bool {
    let joins = |word: &Word| {
        let text = word.prefix();
        text == "host" || text.contains("KUBECONFIG") || JOINS.iter().any(|option| text.starts_with(option))
    };
    by.argv.iter().any(|word| word.as_literal() == Some("run")) && !by.argv.iter().any(joins)
}

/// The tool that an image is of, by the last part of its name.
pub(super) fn image_of(
    by: &Invocation,
    wrapper: &Wrapper,
    word: &Word,
    tools: &Tools,
) -> Option<&'static str> {
    let runs =
        wrapper.style == WrapperStyle::RemoteArgv && by.argv.iter().any(|w| w.as_literal() == Some("run"));
    let name = word.basename().filter(|_| runs)?;
    let name = name.split([':', '@']).next().unwrap_or(name);
    // `bitnami/kubectl`, `fluxcd/flux-cli`, `x/k8s-kubectl`
    let names = [name, name.trim_end_matches("-cli"), name.trim_start_matches("k8s-")];
    let known =
        |name: &&str| tools.tool(name).and_then(|tool| tool.programs.into_iter().find(|own| *own == name));
    names.iter().find_map(known).copied()
}
