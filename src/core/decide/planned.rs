//! One thing that a command line would do.

use crate::model::{Invocation, Operation};

/// An operation and the invocation it was read from.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What it would do.
    pub operation: Operation,
    /// Who does it.
    pub invocation: Invocation,
    /// How many commands the line had run before, as far as it was followed.
    pub(super) order: usize,
}

impl Planned {
    /// An operation that stands alone.
    pub(super) fn alone(operation: Operation, invocation: Invocation) -> Self {
        Self { operation, invocation, order: 0 }
    }
}
