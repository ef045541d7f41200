//! From a plan to what an enforcement point may do with it: decide, let a person's grant count, name the file to change instead, record,
//! permit. One procedure for every door; what differs between them is a value. No door acts without a `Permit`, and nothing but a verdict
//! that is on record makes one.

use crate::base::environment::Environment;
use crate::facts::{Observed, index};
use crate::ledger::audit::Caller;
use crate::ledger::{audit, grants};
use rwenv_core::decide::{self, JudgedPart, Plan, text};
use rwenv_core::model::{Decision, Effect, Facts, Reason, Rwenvs, Verdict, Word};

/// Stands in the log in the place of a grant's name where a person has decided themselves.
const PERSON: &str = "person";

/// The event of a run that a person has said yes to at the agent's own prompt. The hook does not learn the answer: this is where it shows.
pub const RAN_AFTER_YES: &str = "ran-after-yes";

/// Lets a door act. It is used up by what it allows.
#[derive(Debug, Default)]
#[must_use = "nothing has run yet"]
pub struct Permit {
    under: Vec<String>,
    notes: Vec<String>,
    by_person: bool,
}

impl Permit {
    fn under(verdict: &Verdict, environment: &Environment) -> Self {
        let free = verdict.reasons().iter().filter(|r| r.decision == Decision::Allow && r.granted.is_none());
        let mut notes: Vec<String> =
            free.map(|reason| format!("{} {}", reason.text, reason.instead)).collect();
        notes.dedup();
        let named = verdict.grants();
        if named.is_empty() {
            return Self { notes, ..Self::default() };
        }
        let live = grants::live(environment).into_iter().filter(|grant| named.contains(&grant.id.as_str()));
        Self { under: live.map(|grant| grant.told()).collect(), notes, by_person: false }
    }

    /// True where a person at their terminal has said yes to it.
    #[must_use]
    pub fn is_by_person(&self) -> bool {
        self.by_person
    }

    /// What a door says of what it does: the grants of a person without which it would not act, and what did not count. A line each.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let grants = self.under.iter().map(|grant| format!("rwenv: allowed by {grant}"));
        grants.chain(self.notes.iter().map(|note| format!("rwenv: {note}"))).collect()
    }
}

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
    /// What the door finds out itself: the grant's name.
    Where(&'a dyn Fn(&Verdict) -> Option<String>),
    /// The same for a request to the API, of which it is known what it is for.
    Request(&'a dyn Fn(&Verdict) -> Option<String>),
    /// None: the person has decided about it themselves. What is found in content counts all the same.
    Decided,
}

/// Who answers a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// The door asks them.
    CanBeAsked,
    /// They are at their own terminal, where no agent is at work: they are asked where they would be denied, too.
    AtTerminal,
    /// They were asked before, at the agent's own prompt.
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
    /// Who it comes from, as far as the door knows.
    pub caller: Caller<'a>,
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
    /// What they are asked, and what to do instead.
    pub text: String,
    /// The reasons alone.
    pub reasons: String,
    permit: Permit,
    door: String,
    command: String,
    rwenvs: Vec<String>,
}

impl PersonQuestion {
    /// What they answered goes on record. A permit where it was yes, else what they are told.
    pub fn answered(self, yes: bool, environment: &Environment) -> Result<Permit, String> {
        let event = if yes { "answered-yes" } else { "answered-no" };
        let (door, detail, rwenvs) = (self.door.as_str(), self.command.as_str(), self.rwenvs.as_slice());
        let written = audit::answered(audit::Answer { door, event, detail, rwenvs }, environment);
        match (yes, written) {
            (true, Ok(())) => Ok(Permit { by_person: true, ..self.permit }),
            (true, Err(why)) => Err(audit::unrecorded(&why.to_string())),
            (false, _) => Err(self.text),
        }
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
    let parts = decide::explain(plan, facts, rwenvs);
    let said = parts.iter().flat_map(|part| part.reasons.iter().cloned()).chain(found.iter().cloned());
    let mut verdict = Verdict::from_reasons(said.collect());
    if verdict.decision() > Decision::Allow {
        verdict = lifted(verdict, plan, (parts, found), lift, environment);
    }
    decide::with_definitions(&verdict, plan, |rwenv, object| index::find(rwenv, object, environment))
}

/// A verdict with what a person has granted: the line as a whole, or part by part.
fn lifted(
    verdict: Verdict,
    plan: &Plan,
    (parts, found): (Vec<JudgedPart>, Vec<Reason>),
    lift: &Lift<'_>,
    environment: &Environment,
) -> Verdict {
    let live = grants::live(environment);
    let decided = matches!(lift, Lift::Decided);
    if live.is_empty() && !decided {
        return verdict;
    }
    let cwd = plan.context.cwd.as_str();
    let whole = match lift {
        Lift::Line => grants::lifts(&verdict, &plan.line, cwd, environment).map(|grant| grant.id),
        Lift::Run(argv) => grants::lifts_run(&verdict, argv, cwd, environment).map(|grant| grant.id),
        Lift::Where(holds) | Lift::Request(holds) => holds(&verdict),
        Lift::Decided => None,
    };
    if let Some(id) = whole {
        return verdict.granted(&id);
    }
    let exact = matches!(lift, Lift::Request(_));
    let mut all = found;
    for mut part in parts {
        let mut reasons = std::mem::take(&mut part.reasons);
        for reason in reasons.iter_mut().filter(|reason| reason.decision > Decision::Allow) {
            if decided {
                reason.lift(PERSON);
            } else if let Some(grant) = live.iter().find(|grant| grant.lifts(reason, &part, plan, exact)) {
                reason.lift(&grant.id);
            } else if let Some(grant) = live.iter().find(|grant| grant.is_near(reason)) {
                reason.instead.push_str(&format!(" Grant {} is open for {} only.", grant.id, grant.command));
            }
        }
        all.extend(reasons);
    }
    Verdict::from_reasons(all)
}

/// A permit without a record, where no rwenv is concerned.
pub fn unconcerned(seen: KnownPlan<'_>) -> Option<Permit> {
    let nobody = decide::concerned(seen.plan, seen.facts, seen.rwenvs).is_empty();
    (nobody && seen.rwenvs.broken.is_none()).then(Permit::default)
}

/// Judges a call. One that none of our tools has to do with runs, and leaves no record.
pub fn judge(case: Case<'_>, environment: &Environment) -> Ruling {
    let Case { door, caller, command, seen, found, lift, person, recorded } = case;
    if seen.plan.is_nothing_of_ours() && found.is_empty() {
        return Ruling { verdict: Verdict::default(), outcome: Outcome::Run(Permit::default()) };
    }
    let verdict = weigh(seen, found, &lift, environment);
    let reads = verdict.decision() == Decision::Allow && seen.plan.only_reads();
    let rwenvs = &decide::concerned(seen.plan, seen.facts, seen.rwenvs);
    let written = if reads && recorded == Recording::ButReads {
        Ok(())
    } else {
        let (cwd, effects) = (&seen.plan.context.cwd, &changes_elsewhere(seen.plan));
        let call = audit::AuditedCall { door, caller, cwd, command, rwenvs, effects };
        audit::append(call, &verdict, environment)
    };
    // Without a record of it, nothing is changed.
    let unrecorded = written.err().filter(|_| seen.plan.changes_something());
    let answer = match verdict.decision() {
        Decision::Allow => Person::SaidYes,
        Decision::Ask => {
            let said = person();
            if said == Person::SaidYes && unrecorded.is_none() {
                // The verdict itself is on record, so that nothing hangs on this.
                let about = audit::Answer { door, event: RAN_AFTER_YES, detail: command, rwenvs };
                let _ = audit::answered(about, environment);
            }
            said
        }
        Decision::Deny if person() == Person::AtTerminal => Person::AtTerminal,
        Decision::Deny => Person::SaidNo,
    };
    let outcome = match (answer, unrecorded) {
        (Person::SaidNo, _) => Outcome::Refuse(text::reasons_text(&verdict)),
        (Person::Nobody(instead), _) => {
            Outcome::Refuse(format!("{}  {instead}\n", text::reasons_text(&verdict)))
        }
        (_, Some(why)) => Outcome::Unrecorded(audit::unrecorded(&why.to_string())),
        (Person::CanBeAsked | Person::AtTerminal, None) => Outcome::Ask(PersonQuestion {
            text: text::reasons_text(&verdict),
            reasons: text::reasons_for_person(&verdict),
            permit: Permit::under(&verdict, environment),
            door: door.to_owned(),
            command: command.to_owned(),
            rwenvs: rwenvs.iter().filter(|name| !name.is_empty()).cloned().collect(),
        }),
        (Person::SaidYes, None) => Outcome::Run(Permit::under(&verdict, environment)),
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
