//! Pushes whose refs and content are known: exactly what is sent, and what is found in it.

use super::conclude::judges;
use super::judged::JudgedName;
use super::subject::of_repository;
use super::{Plan, Planned, ids};
use crate::manifest::{Finding, Level};
use crate::model::{
    Context, Decision, Dir, Effect, Facts, Invocation, Operation, Reach, Reason, RefUpdate, RepositoryTarget,
    Rwenvs, Span, Target, Trait, Verdict, Word,
};

/// One ref update and the files it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// What happens to which ref.
    pub update: RefUpdate,
    /// The commit and the ref, as a person would push them.
    pub refspec: String,
    /// Paths of the files that change.
    pub changed: Vec<String>,
}

/// Plans a push of exactly these updates to a URL. `person` says that no agent is at work.
#[must_use]
pub fn plan_push(sendings: &[Sending], url: &str, person: bool, context: &Context) -> Plan {
    let mut all = Vec::new();
    for sending in sendings {
        let repository = RepositoryTarget {
            dirs: vec![Dir::Known(context.cwd.clone())],
            remote: Some(Word::literal(url)),
            refspecs: vec![Word::literal(sending.refspec.as_str())],
            updates: vec![sending.update.clone()],
            changed: sending.changed.clone(),
            ..RepositoryTarget::default()
        };
        let mut traits = vec![Trait::Exact];
        traits.extend(person.then_some(Trait::ByPerson));
        let operation = Operation {
            tool: "git",
            program: None,
            verb: "push".to_owned(),
            effect: Effect::GitPublish,
            reach: Reach::Repository,
            traits,
            target: Target { repository, ..Target::default() },
            note: None,
            span: Span::default(),
            cwd: vec![Dir::Known(context.cwd.clone())],
        };
        all.push(Planned::alone(operation, Invocation::default()));
    }
    Plan::of_operations(all, context)
}

/// The names of the rwenvs a plan concerns, sorted; an empty one stands for what is in no rwenv.
#[must_use]
pub fn concerned(plan: &Plan, facts: &Facts, rwenvs: &Rwenvs) -> Vec<String> {
    let judges = plan.planned.iter().flat_map(|p| judges(&p.operation, facts, rwenvs, &plan.context));
    let mut names: Vec<String> = judges
        .map(|judge| match judge {
            JudgedName::Subject(subject, _) => subject.name,
            JudgedName::NoContext(rwenv) | JudgedName::OtherCluster(rwenv, _) => rwenv.name.to_string(),
            JudgedName::MissingContext(rwenv, ..) => {
                rwenv.map(|rwenv| rwenv.name.to_string()).unwrap_or_default()
            }
            JudgedName::NoneSelected | JudgedName::Invalid(_) | JudgedName::Elsewhere(..) => String::new(),
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// True where a push changes a branch that is protected, or may.
#[must_use]
pub fn is_protected(plan: &Plan, facts: &Facts, rwenvs: &Rwenvs) -> bool {
    plan.planned.iter().any(|Planned { operation, .. }| {
        of_repository(operation, facts, rwenvs).iter().any(|judge| match judge {
            JudgedName::Subject(subject, _) => {
                operation.target.repository.updates.iter().any(|u| subject.protects(u))
            }
            _ => true,
        })
    })
}

/// What findings in content say against it: errors deny, warnings are only told.
#[must_use]
pub fn against_content(findings: &[Finding], rwenv: Option<&str>) -> Vec<Reason> {
    let errors = findings.iter().filter(|finding| finding.level == Level::Error);
    let reason = |finding: &Finding| {
        let text = format!("{}:{}:{}: {}", finding.path, finding.line, finding.column, finding.message);
        Reason::new(Decision::Deny, finding.rule, text, finding.instead).about(Span::default(), rwenv)
    };
    errors.map(reason).collect()
}

/// What is decided about settings of an agent that would take the hook out of its session.
pub fn hook_lost(path: &str, why: &str) -> Verdict {
    let text = format!("This session keeps its current settings: {path} has changed, and {why}.");
    let instead = "To remove the hook, a person runs rwenv install --uninstall, or removes the plugin with /plugin, and starts a new session.";
    Verdict::from_reasons(vec![Reason::new(Decision::Deny, ids::HOOK_LOST, text, instead)])
}

/// What is decided about content that could not be looked at whole.
#[must_use]
pub fn unread(why: &str, protected: bool) -> Option<Reason> {
    let text = || format!("rwenv could not check what this push sends to a protected branch: {why}.");
    let instead =
        "Push it in smaller parts, or to a separate branch. A person can check it with rwenv lint --range.";
    protected.then(|| Reason::new(Decision::Deny, ids::UNREAD, text(), instead))
}
