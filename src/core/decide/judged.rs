//! In which names an operation is judged, and those that it is judged in where its target is nobody's.

use crate::model::{Effect, Facts, Operation, Repository, Rwenv, Rwenvs, SeenContext, UserKind};
use crate::policy::Subject;

/// One name an operation is judged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum JudgedName {
    /// A rwenv, or a target that counts as read-only.
    Subject(Subject, Option<Repository>),
    /// Nothing is selected.
    NoneSelected,
    /// What is selected cannot be followed; why.
    Invalid(String),
    /// The target cannot be told at all: not even a read is known to go where it should.
    Elsewhere(Subject, String),
    /// A rwenv that names no context has no cluster to change.
    NoContext(Rwenv),
    /// A rwenv's context leads to another cluster than a person confirmed; how.
    OtherCluster(Rwenv, String),
    /// The kubeconfig has no such context, but these; whose it is, where a rwenv names it.
    MissingContext(Option<Rwenv>, String, Vec<String>),
}

/// A rwenv that names no context owns none: what goes to whatever context is current changes nothing in its name, and who looks says at
/// which. What lies between counts as in a read-only one.
pub(super) fn placed(judges: Vec<JudgedName>, effect: Effect, rwenvs: &Rwenvs) -> Vec<JudgedName> {
    let looks = effect == Effect::Read && rwenvs.broken.is_none();
    let one = |judge: JudgedName| match judge {
        JudgedName::Subject(subject, on) if looks || (effect != Effect::Read && !subject.read_only) => {
            match rwenvs.get(&subject.name).filter(|rwenv| !rwenv.names_context()) {
                None => JudgedName::Subject(subject, on),
                Some(rwenv)
                    if matches!(effect, Effect::Read | Effect::Reconcile)
                        || effect >= Effect::ClusterWrite =>
                {
                    JudgedName::NoContext(rwenv.clone())
                }
                Some(_) => {
                    let title = format!("{} (without a context)", subject.title);
                    JudgedName::Subject(Subject { read_only: true, title, ..subject }, on)
                }
            }
        }
        other => other,
    };
    judges.into_iter().map(one).collect()
}

/// A cluster that comes and goes, which a person lets anybody change. Where a program makes the credentials, that program counts: it is
/// none.
pub(super) fn throwaway(context: &str, seen: Option<&SeenContext>, rwenvs: &Rwenvs) -> Option<JudgedName> {
    let Some(SeenContext::Cluster(cluster)) = seen else { return None };
    let program = cluster.user.as_ref().is_some_and(|user| user.kind == UserKind::Exec);
    let title = format!("throw-away cluster '{context}'");
    (!program && rwenvs.throwaway.has(context, &cluster.server)).then(|| {
        let subject = Subject::foreign(&title);
        JudgedName::Subject(Subject { read_only: false, ..subject }, None)
    })
}

/// A rwenv that is selected, and whose context is in none of its kubeconfigs: what is current is another's.
pub(super) fn missing(
    selected: &[JudgedName],
    operation: &Operation,
    facts: &Facts,
    rwenvs: &Rwenvs,
) -> Option<JudgedName> {
    let changed = operation.target.cluster.changed.is_some() || operation.effect <= Effect::ReadSecret;
    let current = facts.current_context.as_deref();
    selected.iter().filter(|_| !changed && rwenvs.dev_container.is_none()).find_map(|judge| match judge {
        JudgedName::Subject(subject, _) => {
            let rwenv = rwenvs.get(&subject.name)?;
            let (_, context, there) = facts.missing.iter().find(|(name, ..)| *name == subject.name)?;
            let is_current = current.is_some_and(|current| rwenv.has_context(current));
            let found = || JudgedName::MissingContext(Some(rwenv.clone()), context.clone(), there.clone());
            (!is_current).then(found)
        }
        _ => None,
    })
}

/// A cluster that belongs to no rwenv: looking is free, as by a context in no rwenv, and secret values ask.
pub(super) fn unowned(selected: &[JudgedName], effect: Effect, why: &str) -> Vec<JudgedName> {
    if effect > Effect::ReadSecret {
        return elsewhere(selected, why);
    }
    vec![JudgedName::Subject(Subject::foreign("a cluster outside every rwenv"), None)]
}

/// A target nobody knows, seen from what is selected: not even a read is known to be one, because a kubeconfig may
/// start programs and another identity may see what this one may not.
pub(super) fn elsewhere(selected: &[JudgedName], why: &str) -> Vec<JudgedName> {
    let read_only = selected.iter().any(|j| !matches!(j, JudgedName::Subject(s, _) if !s.read_only));
    let subject = Subject::foreign("a cluster outside every rwenv");
    let mut all = vec![JudgedName::Elsewhere(Subject { read_only, ..subject.clone() }, why.to_owned())];
    if read_only {
        all.push(JudgedName::Subject(subject, None));
    }
    all
}
