//! How a verdict came about: every operation, in whose name it was judged, and for each rule whether it matched.

use super::Plan;
use super::conclude::judges;
use super::judged::JudgedName;
use super::resolve::{resolved, seen_by};
use crate::model::{Facts, Operation, Rule, Rwenvs};
use crate::policy::{self, RULES};

/// One operation in the name of one rwenv.
#[derive(Clone, Debug)]
pub struct Traced {
    /// What it would do, as it was judged.
    pub operation: Operation,
    /// In whose name.
    pub subject: String,
    /// The rules, by id, each with the condition that is not met; none where it matches.
    pub rules: Vec<(String, Option<&'static str>)>,
}

/// Judges a plan once more, and keeps what each rule says.
#[must_use]
pub fn trace(plan: &Plan, facts: &Facts, rwenvs: &Rwenvs) -> Vec<Traced> {
    let mut all = Vec::new();
    for (at, planned) in plan.planned.iter().enumerate() {
        for operation in resolved(plan, at, planned, facts, rwenvs) {
            for judge in judges(&operation, facts, rwenvs, &plan.context) {
                let (subject, on) = match judge {
                    JudgedName::Subject(subject, on) => (subject, on),
                    other => {
                        all.push(Traced {
                            operation: operation.clone(),
                            subject: unnamed(&other),
                            rules: Vec::new(),
                        });
                        continue;
                    }
                };
                let operation = seen_by(&operation, &subject, facts).into_owned();
                let applies = |rule: &&Rule| {
                    rule.only.as_ref().is_none_or(|name| subject.policies.iter().any(|own| own == name))
                };
                let rules = RULES.iter().chain(facts.rules.iter()).filter(applies);
                let said =
                    |rule: &Rule| (rule.id.to_string(), policy::mismatch(rule, &operation, on, &subject));
                let rules = rules.map(said).collect();
                all.push(Traced { operation, subject: subject.title, rules });
            }
        }
    }
    all
}

/// What stands in the place of a rwenv.
fn unnamed(judge: &JudgedName) -> String {
    match judge {
        JudgedName::Subject(subject, _) | JudgedName::Elsewhere(subject, _) => subject.title.clone(),
        JudgedName::NoneSelected => "no rwenv".to_owned(),
        JudgedName::Invalid(why) => why.clone(),
        JudgedName::NoContext(rwenv) => format!("rwenv '{}', which names no context", rwenv.name),
        JudgedName::MissingContext(_, context, _) => format!("context '{context}', which is not there"),
        JudgedName::OtherCluster(rwenv, why) => format!("rwenv '{}', whose {why}", rwenv.name),
    }
}
