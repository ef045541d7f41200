//! What is decided: the decision, the reasons for it, and the verdict that is their maximum.

use super::{Decision, Span};

/// One rule's answer about one operation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Reason {
    /// What the rule decides.
    pub decision: Decision,
    /// The rule's identity, the same in logs, messages and the policy table.
    pub rule: String,
    /// Why, in one sentence.
    pub text: String,
    /// What to do instead.
    pub instead: String,
    /// The part of the command it is about.
    pub part: String,
    /// Where that part stands in the source.
    #[serde(skip)]
    pub span: Span,
    /// The rwenv in whose name it was decided.
    pub rwenv: Option<String>,
    /// The name of a person's grant that lifted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<String>,
}

impl Reason {
    /// A reason about all there is, in nobody's name.
    #[must_use]
    pub fn new(decision: Decision, rule: &str, text: String, instead: impl Into<String>) -> Self {
        Self {
            decision,
            rule: rule.to_owned(),
            text,
            instead: instead.into(),
            part: String::new(),
            span: Span::default(),
            rwenv: None,
            granted: None,
        }
    }

    /// What a person has lifted: it stays on record, as what it would have been.
    pub fn lift(&mut self, grant: &str) {
        self.decision = Decision::Allow;
        self.rule = format!("{} (granted)", self.rule);
        self.granted = Some(grant.to_owned());
    }

    /// The same about a part of the source, in a rwenv's name.
    #[must_use]
    pub fn about(self, span: Span, rwenv: Option<&str>) -> Self {
        Self { span, rwenv: rwenv.map(str::to_owned), ..self }
    }
}

/// The decision for a whole command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[must_use = "a verdict that nobody enforces protects nobody"]
pub struct Verdict {
    /// The greatest decision of all reasons.
    decision: Decision,
    /// All reasons, strictest first, then in source order, then as they were given.
    reasons: Vec<Reason>,
}

impl Verdict {
    /// The verdict a person has lifted by this grant.
    pub fn granted(mut self, grant: &str) -> Self {
        self.reasons.iter_mut().for_each(|reason| reason.lift(grant));
        self.decision = Decision::Allow;
        self
    }

    /// The grants that lifted something in it, each once.
    #[must_use]
    pub fn grants(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.reasons.iter().filter_map(|reason| reason.granted.as_deref()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Combines reasons; nothing but their maximum decides.
    pub fn from_reasons(mut reasons: Vec<Reason>) -> Self {
        reasons.sort_by(|a, b| b.decision.cmp(&a.decision).then(a.span.cmp(&b.span)));
        let mut once: Vec<Reason> = Vec::new();
        for reason in reasons {
            // Sorted by span: the same is near.
            if !once.iter().rev().take_while(|o| o.span == reason.span).any(|o| *o == reason) {
                once.push(reason);
            }
        }
        let reasons = once;
        Self { decision: reasons.iter().map(|r| r.decision).max().unwrap_or_default(), reasons }
    }

    /// What happens to the command.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// All reasons, the strictest first.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// The reason that decided, if anything was said at all.
    #[must_use]
    pub fn first(&self) -> Option<&Reason> {
        self.reasons.first()
    }
}
