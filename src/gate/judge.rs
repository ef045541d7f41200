//! From a plan to what an enforcement point may do with it: decide, let a person's grant count, name the file to change instead, record,
//! permit. One procedure for every door; what differs between them is a value. No door acts without a `Permit`, and nothing but a verdict
//! that is on record makes one.

use crate::base::environment::Environment;
use crate::facts::{Observed, index};
use crate::ledger::{audit, grants};
use rwenv_core::decide::{self, Plan, text};
use rwenv_core::model::{Decision, Effect, Facts, Reason, Rwenvs, Verdict, Word};

/// Lets a door act. It is used up by what it allows.
#[derive(Debug)]
#[must_use = "nothing has run yet"]
pub struct Permit(());

/// A plan, and all that is known about it.
#[derive(Clone, Copy, Debug)]
pub struct KnownPlan<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The answers to its questions.
    pub facts: &'a Facts,
    /// The configured rwenvs.
    pub rwenvs: &'a Rwenvs,
}

impl<'a> KnownPlan<'a> {
    /// The same, as it was observed.
    #[must_use]
    pub fn of(observed: &'a Observed) -> Self {
        Self { plan: &observed.plan, facts: &observed.facts, rwenvs: &observed.rwenvs }
    }
}

/// What a grant has to be for, so that it lifts the verdict.
pub enum Lift<'a> {
    /// The whole line, as it was granted.
    Line,
    /// One program run of such a line.
    Run(&'a [Word]),
    /// What the door finds out itself.
    Where(&'a dyn Fn(&Verdict) -> bool),
}

/// Who answers a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// The door asks them.
    CanBeAsked,
    /// They were asked before, or run it themselves.
    SaidYes,
    /// It is not for a person to say yes to.
    SaidNo,
    /// Nobody; the text says what a person can do.
    Nobody(&'static str),
}

/// What goes on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// Every verdict.
    Always,
    /// All but reads that are allowed: there are too many.
    ButReads,
}

/// A call at a door.
pub struct Case<'a> {
    /// The door's name in the log.
    pub door: &'a str,
    /// The agent's session, where the door knows it.
    pub session: Option<&'a str>,
    /// The command, as it goes on record.
    pub command: &'a str,
    /// The plan and its facts.
    pub seen: KnownPlan<'a>,
    /// What was found beside the plan: in the content of files, or of what is sent.
    pub found: Vec<Reason>,
    /// Which of a person's grants count.
    pub lift: Lift<'a>,
    /// Asked for only where there is a question.
    pub person: &'a dyn Fn() -> Person,
    /// What goes on record.
    pub recorded: Recording,
}

/// What becomes of a call.
#[derive(Debug)]
pub enum Outcome {
    /// It runs.
    Run(Permit),
    /// The door asks a person.
    Ask(PersonQuestion),
    /// It does not run: denied, or nobody can be asked.
    Refuse(String),
    /// It does not run, because it cannot be put on record.
    Unrecorded(String),
}

/// A question to a person.
#[derive(Debug)]
pub struct PersonQuestion {
    /// What they are asked.
    pub text: String,
    permit: Permit,
}

impl PersonQuestion {
    /// They said yes.
    pub fn yes(self) -> Permit {
        self.permit
    }
}

/// What is decided about a call.
#[derive(Debug)]
pub struct Ruling {
    /// The verdict on record.
    pub verdict: Verdict,
    /// What the door does now.
    pub outcome: Outcome,
}

/// Decides, with what a person has granted and with the files to change instead. Nothing is recorded and nothing may run.
pub fn weigh(seen: KnownPlan<'_>, found: Vec<Reason>, lift: &Lift<'_>, environment: &Environment) -> Verdict {
    let KnownPlan { plan, facts, rwenvs } = seen;
    let mut verdict = decide::conclude(plan, facts, rwenvs);
    if !found.is_empty() {
        verdict = Verdict::from_reasons([verdict.reasons(), &found].concat());
    }
    let cwd = plan.context.cwd.as_str();
    let lifted = verdict.decision() > Decision::Allow
        && match lift {
            Lift::Line => grants::lifts(&verdict, &plan.line, cwd, environment).is_some(),
            Lift::Run(argv) => grants::lifts_run(&verdict, argv, cwd, environment).is_some(),
            Lift::Where(holds) => holds(&verdict),
        };
    if lifted {
        verdict = verdict.granted();
    }
    decide::with_definitions(&verdict, plan, |rwenv, object| index::find(rwenv, object, environment))
}

/// A permit without a record, where no rwenv is concerned.
pub fn unconcerned(seen: KnownPlan<'_>) -> Option<Permit> {
    let nobody = decide::concerned(seen.plan, seen.facts, seen.rwenvs).is_empty();
    (nobody && seen.rwenvs.broken.is_none()).then_some(Permit(()))
}

/// Judges a call. One that none of our tools has to do with runs, and leaves no record.
pub fn judge(case: Case<'_>, environment: &Environment) -> Ruling {
    let Case { door, session, command, seen, found, lift, person, recorded } = case;
    if seen.plan.is_nothing_of_ours() && found.is_empty() {
        return Ruling { verdict: Verdict::default(), outcome: Outcome::Run(Permit(())) };
    }
    let verdict = weigh(seen, found, &lift, environment);
    let reads = verdict.decision() == Decision::Allow && seen.plan.only_reads();
    let written = if reads && recorded == Recording::ButReads {
        Ok(())
    } else {
        let rwenvs = &decide::concerned(seen.plan, seen.facts, seen.rwenvs);
        let (cwd, effects) = (&seen.plan.context.cwd, &changes_elsewhere(seen.plan));
        let call = audit::AuditedCall { door, session, cwd, command, rwenvs, effects };
        audit::append(call, &verdict, environment)
    };
    // Without a record of it, nothing is changed.
    let unrecorded = written.err().filter(|_| seen.plan.changes_something());
    let answer = match verdict.decision() {
        Decision::Allow => Person::SaidYes,
        Decision::Ask => person(),
        Decision::Deny => Person::SaidNo,
    };
    let outcome = match (answer, unrecorded) {
        (Person::SaidNo, _) => Outcome::Refuse(text::reasons_text(&verdict)),
        (Person::Nobody(instead), _) => {
            Outcome::Refuse(format!("{}  {instead}\n", text::reasons_text(&verdict)))
        }
        (_, Some(why)) => Outcome::Unrecorded(audit::unrecorded(&why.to_string())),
        (Person::CanBeAsked, None) => {
            Outcome::Ask(PersonQuestion { text: text::reasons_text(&verdict), permit: Permit(()) })
        }
        (Person::SaidYes, None) => Outcome::Run(Permit(())),
    };
    Ruling { verdict, outcome }
}

/// What a plan changes beyond this machine, each kind once.
fn changes_elsewhere(plan: &Plan) -> Vec<Effect> {
    let operations = plan.planned.iter().map(|planned| &planned.operation);
    let mut all: Vec<Effect> = operations.filter(|o| o.changes_elsewhere()).map(|o| o.effect).collect();
    all.sort_unstable();
    all.dedup();
    all
}
