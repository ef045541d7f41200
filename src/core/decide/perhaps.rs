//! What a line is not followed into: what is too deep, and texts that may be command lines and may be only spoken of. Where they would
//! change a cluster, a person is asked.

use super::nested::analyze_carried;
use super::plan::Plan;
use crate::model::{Effect, Invocation, Opaque, OpaqueKind, Reach, Span, Word};

/// How deep in wrappers such a text stands: little more is followed.
const DEPTH: usize = 16;
/// Longest text that is shown whole.
const SHOWN: usize = 60;

impl Plan {
    /// Where a line is followed no further.
    pub(super) fn limit(&mut self, span: Span) {
        let what = "it runs too many programs, or nests them too deeply".to_owned();
        let opaque = Opaque { kind: OpaqueKind::Limit, span, what, invocation: None };
        // Said once; where it was first.
        if !self.opaque.iter().any(|o| o.kind == OpaqueKind::Limit) {
            self.opaque.push(opaque);
        }
    }

    /// A text that a program may run, of which that is not known.
    pub(super) fn perhaps(&mut self, text: &str, by: &Invocation) {
        let analysis = analyze_carried(text, Vec::new(), by, (&self.context, &self.sourced));
        let mut inner = Self { context: self.context.clone(), quiet: true, ..Self::default() };
        inner.take(analysis, None, DEPTH);
        let changes = inner.planned.iter().any(|planned| {
            let operation = &planned.operation;
            operation.effect > Effect::ReadSecret
                && operation.effect != Effect::Unknown
                && matches!(operation.reach, Reach::Cluster | Reach::Service)
        });
        if !changes {
            return;
        }
        let program = by.program().and_then(Word::basename).unwrap_or("the program");
        let shown: String = text.chars().take(SHOWN).collect();
        let what = format!("{program} may run '{shown}'");
        let quiet = std::mem::replace(&mut self.quiet, false);
        self.unknown(Opaque { kind: OpaqueKind::Perhaps, span: by.span, what, invocation: None });
        self.quiet = quiet;
    }
}
