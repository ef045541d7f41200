//! Invocation → operation: argv read by the tool's own flag grammar, with `policies/tools/*.toml` as the table.

use crate::model::{Invocation, Opaque, Operation, Span, Tools, Word};

/// Something an invocation hands to another program or shell to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A text that a shell runs, with that shell's positional parameters (`$0` first).
    Shell {
        /// The text.
        text: String,
        /// `$0`, `$1`, ….
        arguments: Vec<Word>,
        /// The invocation that carries it: directories, environment, standard input.
        by: Invocation,
        /// True where it runs on another host or in a container.
        remote: bool,
    },
    /// A program and its arguments (`sudo kubectl …`), with directories and environment as the carrier leaves them.
    Invocation {
        /// What is run.
        invocation: Invocation,
        /// True where it runs on another host or in a container.
        remote: bool,
    },
    /// Code that is not known.
    Opaque(Opaque),
}

/// What one invocation comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classified {
    /// What it does itself; empty for programs that are none of our tools.
    pub operations: Vec<Operation>,
    /// What it makes others run; the caller analyses that in turn.
    pub carried: Vec<Carried>,
}

/// Says what an invocation would do.
#[must_use]
pub fn classify(invocation: &Invocation, _tools: &Tools) -> Classified {
    let _: (Option<&Word>, Span) = (invocation.program(), invocation.span);
    Classified::default()
}
