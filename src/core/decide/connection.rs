//! Requests that a line writes out itself: bash's `/dev/tcp`, or `nc`, fed with text.

use crate::classify;
use crate::model::{Invocation, Operation, Stdin, Word};
use crate::shell;

/// What is seen of a connection so far: a line may open it in one command and speak in another.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    open: bool,
    said: Vec<Operation>,
}

impl Connection {
    /// Takes one more command into account; gives the requests that are sent.
    pub(super) fn see(&mut self, invocation: &Invocation) -> Vec<Operation> {
        let tools = classify::tools();
        let name = invocation.program().and_then(Word::basename).unwrap_or_default();
        self.open |= tools.programs.connectors.contains(&name)
            || invocation.writes.iter().any(|word| {
                ["/dev/tcp/", "/dev/udp/"].iter().any(|device| word.prefix().starts_with(device))
            });
        let printed = shell::printed(invocation).map(|word| word.display().into_owned());
        let text = match &invocation.stdin {
            Stdin::Text(text) => Some(text.to_string()),
            _ => None,
        };
        let client = tools.tools.iter().find(|tool| tool.name == "http");
        for text in printed.into_iter().chain(text) {
            self.said.extend(client.and_then(|client| classify::in_text(&text, invocation, client)));
        }
        if self.open { std::mem::take(&mut self.said) } else { Vec::new() }
    }
}
