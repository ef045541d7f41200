//! An operation as it turns out once the outside is known: where a push goes, what an alias stands for, whether Git has what is
//! applied.

use std::borrow::Cow;

use super::applied::{applications, applied, plan_files};
use super::drift::Drifted;
use super::text::quoted;
use super::{Plan, Planned};
use super::{contexts, head, push, reached, services};
use crate::classify;
use crate::model::glob;
use crate::model::{
    Context, Dir, Effect, Facts, Operation, Pushed, Question, Reach, RefUpdate, Rwenvs, Trait, Word,
};
use crate::policy::Subject;

/// The operation with its push targets filled in; an alias of the user's replaced by what it stands for.
pub(super) fn resolved(
    plan: &Plan,
    at: usize,
    planned: &Planned,
    facts: &Facts,
    rwenvs: &Rwenvs,
) -> Vec<Operation> {
    let mut all = vec![planned.operation.clone()];
    for operation in &mut all {
        unpushed(plan, at, planned, operation, facts);
        dev_container(operation, rwenvs);
        let line = (&plan.contexts, &plan.drifts);
        contexts::follow(planned, operation, line, (facts, rwenvs), &plan.context.home);
        plan.choices.follow(planned, operation);
        services::elsewhere(operation, facts, rwenvs);
    }
    if planned.operation.reach != Reach::Repository || planned.operation.effect <= Effect::Read {
        return all;
    }
    if planned.operation.traits.contains(&Trait::Alias)
        && let Some(meant) = alias(plan, planned, facts)
    {
        all = meant;
    }
    for operation in &mut all {
        plugin(operation, facts);
    }
    let before = plan.planned.get(..at).unwrap_or_default();
    for operation in &mut all {
        head::remotes(before, operation);
    }
    for operation in all.iter_mut().filter(|o| o.traits.contains(&Trait::OtherPush)) {
        operation.target.repository.updates = push::by_other_means(&operation.target.repository.refspecs);
    }
    for operation in
        all.iter_mut().filter(|o| o.effect == Effect::GitWrite && o.traits.contains(&Trait::Commit))
    {
        operation.target.repository.updates = committed(plan, at, operation, facts);
    }
    let read = |o: &&mut Operation| {
        o.verb == "push" && !o.traits.iter().any(|t| matches!(*t, Trait::Exact | Trait::OtherPush))
    };
    for operation in all.iter_mut().filter(read) {
        let dirs: Vec<Option<&str>> = operation.target.repository.dirs.iter().map(Dir::path).collect();
        let found = dirs.iter().flatten().filter_map(|d| facts.repository(d));
        if let Some(why) = found.filter_map(|r| r.skipped_hooks.clone()).next() {
            operation.traits.push(Trait::SkipHooks);
            operation.note = Some(why);
        }
        let mut updates = Vec::new();
        for dir in dirs {
            let repository = dir.and_then(|d| facts.repository(d));
            let mut refs = repository.cloned();
            refs.iter_mut().for_each(|repository| repository.tags.extend(tagged(before)));
            for mut possible in head::possible(plan, before, operation, repository) {
                possible.iter_mut().for_each(|repository| repository.tags.extend(tagged(before)));
                let refs = possible.as_ref().or(refs.as_ref());
                updates.extend(push::updates(&operation.target.repository, possible.as_ref(), refs));
            }
        }
        operation.target.repository.updates = updates;
    }
    all
}

/// Tags that the line has made before.
fn tagged(before: &[Planned]) -> impl Iterator<Item = String> + '_ {
    let made = before.iter().filter(|p| p.operation.effect > Effect::Read);
    made.filter_map(|p| push::written(p.operation.target.repository.tag.as_ref()?))
}

/// What an alias of the repository's configuration stands for: the same call again, with the alias as configuration
/// of its own. None where it is none, or runs what is not known.
fn alias(plan: &Plan, planned: &Planned, facts: &Facts) -> Option<Vec<Operation>> {
    let operation = &planned.operation;
    let key = format!("alias.{}", operation.verb.to_lowercase());
    let dirs = operation.target.repository.dirs.iter().filter_map(Dir::path);
    let text = dirs.filter_map(|d| facts.repository(d)).find_map(|r| r.get(&key))?;
    if let Some(line) = text.strip_prefix('!') {
        return line_of_alias(plan, operation, line);
    }
    let mut invocation = planned.invocation.clone();
    invocation.argv.splice(1..1, ["-c".into(), Word::literal(format!("{key}={text}"))]);
    let found = classify::classify(&invocation, classify::tools());
    found.carried.is_empty().then_some(found.operations)
}

/// What an alias that is a line of shell does. None where something in it is not known, or would have to be asked.
fn line_of_alias(plan: &Plan, operation: &Operation, line: &str) -> Option<Vec<Operation>> {
    let [dir] = operation.target.repository.dirs.as_slice() else { return None };
    // git hands on the words behind the alias.
    let words: Option<Vec<String>> =
        operation.target.repository.refspecs.iter().map(|word| word.as_literal().map(quoted)).collect();
    let line = format!("{line} {}", words?.join(" "));
    let context = Context { cwd: dir.path()?.to_owned(), ..plan.context.clone() };
    let inner = Plan::of_line(&line, &context, Vec::new());
    // The hooks of what it commits are read where git is called by its own verb.
    let is_of_hook = |question: &Question| match question {
        Question::Script(path) => inner.pending.iter().any(|one| one.quiet && one.places.contains(path)),
        _ => false,
    };
    let is_known = inner.questions.iter().all(|one| plan.questions.contains(one) || is_of_hook(one));
    let is_read = inner.pending.iter().all(|one| one.quiet);
    let is_whole = inner.opaque.is_empty() && is_read && inner.waits.is_empty();
    let meant = inner.planned.into_iter().map(|p| Operation { span: operation.span, ..p.operation });
    (is_known && is_whole).then(|| meant.collect())
}

/// Notes a verb that no repository there has an alias for: it is a program that git starts.
fn plugin(operation: &mut Operation, facts: &Facts) {
    let key = format!("alias.{}", operation.verb.to_lowercase());
    let known = |dir: &Dir| {
        dir.path()
            .is_some_and(|d| facts.repository(d).is_none_or(|repository| repository.get(&key).is_none()))
    };
    let dirs = &operation.target.repository.dirs;
    if operation.traits.contains(&Trait::Alias) && !dirs.is_empty() && dirs.iter().all(known) {
        operation.traits.push(Trait::Plugin);
    }
}

/// The branch a commit lands on, in repositories that have a remote: what is only here may grow as it likes.
fn committed(plan: &Plan, at: usize, operation: &Operation, facts: &Facts) -> Vec<RefUpdate> {
    let before = plan.planned.get(..at).unwrap_or_default();
    let mut updates = Vec::new();
    for dir in operation.target.repository.dirs.iter().filter_map(Dir::path) {
        let Some(repository) = facts.repository(dir) else { continue };
        if !repository.config.iter().any(|(key, _)| key.starts_with("remote.") && key.ends_with(".url")) {
            continue;
        }
        for possible in head::possible(plan, before, operation, Some(repository)).into_iter().flatten() {
            updates.extend(possible.branch.map(|branch| RefUpdate {
                destination: Some(branch),
                force: false,
                delete: false,
            }));
        }
    }
    updates
}

/// What stands before an operation in its line and has made the plan that it applies; whether it surely has.
pub(super) fn planned_here<'p>(
    plan: &'p Plan,
    at: usize,
    operation: &Operation,
) -> (Vec<&'p Operation>, bool) {
    let places = plan_files(operation);
    let before = plan.planned.get(..at).unwrap_or_default().iter().map(|p| &p.operation);
    let makes =
        |o: &&Operation| o.effect == Effect::Exec && !places.is_empty() && meets(&plan_files(o), &places);
    let made: Vec<&Operation> = before.filter(makes).collect();
    let surely = made.last().is_some_and(|last| head::chained(plan, last.span, operation.span));
    (made, surely)
}

fn meets(a: &[(String, String)], b: &[(String, String)]) -> bool {
    a.iter().any(|(file, _)| b.iter().any(|(other, _)| file == other))
}

/// Notes what an operation applies that no remote has.
fn unpushed(plan: &Plan, at: usize, planned: &Planned, operation: &mut Operation, facts: &Facts) {
    let (made, surely) = planned_here(plan, at, &planned.operation);
    if plan.drifts.before(planned, &applications(operation), facts).is_some() {
        // It is no longer the file that Git has.
        operation.traits.retain(|t| *t != Trait::Plain);
    }
    if operation.effect != Effect::Provision || !operation.traits.contains(&Trait::Applies) {
        return;
    }
    let earlier = plan.planned.get(..at).unwrap_or_default();
    let turned = earlier.iter().any(|p| p.operation.traits.contains(&Trait::Backend));
    operation.traits.extend(turned.then_some(Trait::Inputs));
    let mut paths = applied(operation);
    let mut computed = operation.target.files.iter().any(|word| word.as_literal().is_none());
    for maker in made {
        paths.extend(applied(maker));
        computed |= maker.target.files.iter().any(|word| word.as_literal().is_none());
        let meant = [Trait::Destroys, Trait::Replaces, Trait::Inputs, Trait::Partial]
            .into_iter()
            .filter(|t| maker.traits.contains(t));
        operation.traits.extend(meant);
    }
    let found: Vec<Option<&Pushed>> = paths.iter().map(|path| facts.pushed(path)).collect();
    let plans = plan_files(operation);
    let old = plans.iter().map(|(file, dir)| facts.plan(file, dir)).filter(|_| !surely);
    let why = found.iter().copied().chain(old).find_map(|found| match found {
        Some(Pushed::Yes | Pushed::Generated | Pushed::Aside { .. }) => None,
        Some(Pushed::No(why)) => Some(why.clone()),
        None => Some("git was not consulted".to_owned()),
    });
    let drifted = plan.drifts.before(planned, &paths, facts);
    let why = match why {
        _ if paths.is_empty() => Some("it names no file".to_owned()),
        _ if computed => Some("the name of one of its files is computed at run time".to_owned()),
        _ if operation.target.plan.is_some() && plans.is_empty() => {
            Some("the name of its plan is computed at run time".to_owned())
        }
        None => match &drifted {
            Some(Drifted::Surely(what)) => Some(format!("the command line changes {what} first")),
            _ => None,
        },
        why => why,
    };
    if let Some(Drifted::Perhaps(what)) = drifted.filter(|_| why.is_none()) {
        operation.traits.push(Trait::Moved);
        operation.note = Some(format!("the command line changes {what} first"));
        return;
    }
    let aside = found.iter().find_map(|found| match found {
        Some(Pushed::Aside { on, followed }) => {
            Some(format!("its last commit is on {}, not on {}", on.join(", "), followed.join(" or ")))
        }
        _ => None,
    });
    operation.traits.push(match &why {
        Some(_) => Trait::Unpushed,
        None if aside.is_some() => Trait::Unmerged,
        None if found.contains(&Some(&Pushed::Generated)) => Trait::Generated,
        None => Trait::Pushed,
    });
    operation.note = why.or(aside).or_else(|| operation.note.take());
}

/// The operation as the rwenv sees it in whose name it is judged. Its branches are deployed from, whatever a clone starts on. One change is made by hand where everything else comes from Git: an
/// Application that Git has, where this rwenv keeps its Applications, and that Argo CD has not met yet.
pub(super) fn seen_by<'o>(operation: &'o Operation, subject: &Subject, facts: &Facts) -> Cow<'o, Operation> {
    let paths = applications(operation);
    let kept = |path: &String| {
        facts.applications.contains(path) && subject.argocd_apps.iter().any(|pattern| glob(pattern, path))
    };
    let mut own = Cow::Borrowed(operation);
    if !paths.is_empty() && paths.iter().all(kept) {
        own.to_mut().traits.push(Trait::Bootstrap);
    }
    let aside = facts.pushed.iter().filter_map(|(_, found)| match found {
        Pushed::Aside { on, .. } => Some(on),
        _ => None,
    });
    if operation.traits.contains(&Trait::Unmerged)
        && aside.into_iter().all(|on| on.iter().any(|branch| subject.protected.contains(branch)))
    {
        let own = own.to_mut();
        own.traits.retain(|t| *t != Trait::Unmerged);
        own.traits.push(Trait::Pushed);
        own.note = None;
    }
    if !operation.target.repository.tips.is_empty() {
        reached::weigh(own.to_mut(), subject, facts);
    }
    own
}

/// What ends, changes or replaces the dev container is aimed at the guard.
fn dev_container(operation: &mut Operation, rwenvs: &Rwenvs) {
    let has = |wanted: Trait| operation.traits.contains(&wanted);
    let meant = |name: &&String| operation.target.names.contains(name) || has(Trait::EndsEveryContainer);
    if let Some(name) = rwenvs.dev_container.as_ref().filter(meant).filter(|_| has(Trait::EndsContainer)) {
        operation.effect = Effect::Tamper;
        operation.target.names = vec![name.clone()];
    }
}
