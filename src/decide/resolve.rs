//! An operation as it turns out once the outside is known: where a push goes, what an alias stands for, whether Git has what is
//! applied.

use super::{Plan, Planned};
use super::{head, push};
use crate::classify;
use crate::model::glob;
use crate::model::{Dir, Effect, Facts, Operation, Pushed, Reach, RefUpdate, Rwenvs, Word};

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
        unpushed(operation, facts);
        bootstrap(operation, facts, rwenvs);
        dev_container(operation, rwenvs);
    }
    if planned.operation.reach != Reach::Repository || planned.operation.effect <= Effect::Read {
        return all;
    }
    if planned.operation.traits.contains(&"alias")
        && let Some(meant) = alias(planned, facts)
    {
        all = meant;
    }
    for operation in all.iter_mut().filter(|o| o.traits.contains(&"other-push")) {
        // Where a push by other means goes is not read.
        operation.target.repository.updates =
            vec![RefUpdate { destination: None, force: true, delete: false }];
    }
    for operation in all.iter_mut().filter(|o| o.effect == Effect::GitWrite && o.traits.contains(&"commit")) {
        operation.target.repository.updates = committed(plan, at, operation, facts);
    }
    for operation in all.iter_mut().filter(|o| o.verb == "push" && !o.traits.contains(&"exact")) {
        let dirs: Vec<Option<&str>> = operation.target.repository.dirs.iter().map(Dir::path).collect();
        let found = dirs.iter().flatten().filter_map(|d| facts.repository(d));
        if let Some(why) = found.filter_map(|r| r.skipped_hooks.clone()).next() {
            operation.traits.push("skip-hooks");
            operation.note = Some(why);
        }
        let before = plan.planned.get(..at).unwrap_or_default();
        let mut updates = Vec::new();
        for dir in dirs {
            let repository = dir.and_then(|d| facts.repository(d));
            for possible in head::possible(plan, before, operation, repository) {
                updates.extend(push::updates(&operation.target.repository, possible.as_ref()));
            }
        }
        operation.target.repository.updates = updates;
    }
    all
}

/// What an alias of the repository's configuration stands for: the same call again, with the alias as configuration
/// of its own. None where it is none, or runs a program.
fn alias(planned: &Planned, facts: &Facts) -> Option<Vec<Operation>> {
    let operation = &planned.operation;
    let key = format!("alias.{}", operation.verb.to_lowercase());
    let dirs = operation.target.repository.dirs.iter().filter_map(Dir::path);
    let text = dirs.filter_map(|d| facts.repository(d)).find_map(|r| r.get(&key))?;
    let mut invocation = planned.invocation.clone();
    invocation.argv.splice(1..1, ["-c".into(), Word::literal(format!("{key}={text}"))]);
    let found = classify::classify(&invocation, classify::tools());
    found.carried.is_empty().then_some(found.operations)
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

/// The files and folders an operation applies, where it matters whether Git has them.
pub(super) fn applied(operation: &Operation) -> Vec<String> {
    if operation.effect != Effect::Provision || operation.reach != Reach::Service {
        return Vec::new();
    }
    let dirs = operation.cwd.iter().filter_map(Dir::path);
    if operation.tool == "terraform" {
        return dirs.map(str::to_owned).collect();
    }
    let files: Vec<Word> = (operation.target.files.iter())
        .filter_map(|word| word.as_literal())
        .map(|text| Word::literal(text.trim_start_matches('@')))
        .collect();
    let places = operation.cwd.iter().flat_map(|dir| files.iter().map(|file| dir.enter(file)));
    places.filter_map(|dir| dir.path().map(str::to_owned)).collect()
}

/// Notes what an operation applies that no remote has.
fn unpushed(operation: &mut Operation, facts: &Facts) {
    if operation.effect != Effect::Provision || operation.reach != Reach::Service {
        return;
    }
    // A restart applies nothing.
    let applies = operation.tool == "terraform" || APPLY.contains(&operation.verb.as_str());
    if !applies {
        return;
    }
    let paths = applied(operation);
    let why = paths.iter().find_map(|path| match facts.pushed(path) {
        Some(Pushed::Yes) => None,
        Some(Pushed::No(why)) => Some(why.clone()),
        None => Some("git was not asked".to_owned()),
    });
    let why = if paths.is_empty() { Some("it names no file".to_owned()) } else { why };
    if let Some(why) = why {
        operation.traits.push("unpushed");
        operation.note = Some(why);
    } else {
        operation.traits.push("pushed");
    }
}

/// The files that kubectl would apply, of which it matters whether they make an Argo CD Application known to the cluster.
pub(super) fn applications(operation: &Operation) -> Vec<String> {
    let applies = operation.tool == "kubectl" && matches!(operation.verb.as_str(), "apply" | "create");
    if !applies || operation.effect != Effect::ClusterWrite {
        return Vec::new();
    }
    let files = operation.target.files.iter();
    let all: Option<Vec<String>> = files
        .flat_map(|file| {
            operation
                .cwd
                .iter()
                .map(move |dir| file.as_literal().and(dir.enter(file).path().map(str::to_owned)))
        })
        .collect();
    // Others are nobody's exception, and cost nothing.
    all.filter(|paths| paths.iter().all(|path| path.contains("argo"))).unwrap_or_default()
}

/// Notes the one change that is made by hand where everything else comes from Git: an Application that Git has, and that Argo CD has
/// not met yet.
fn bootstrap(operation: &mut Operation, facts: &Facts, rwenvs: &Rwenvs) {
    let paths = applications(operation);
    let is_one = |path: &String| {
        let kinds = facts.kinds.iter().find(|(known, _)| known == path).map(|(_, kinds)| kinds.as_slice());
        let only =
            kinds.is_some_and(|kinds| !kinds.is_empty() && kinds.iter().all(|kind| kind == "Application"));
        let place = rwenvs.all.iter().flat_map(|rwenv| &rwenv.argocd_apps).any(|pattern| glob(pattern, path));
        only && place && facts.pushed(path) == Some(&Pushed::Yes)
    };
    if !paths.is_empty() && paths.iter().all(is_one) {
        operation.traits.push("bootstrap");
    }
}

/// Verbs of talosctl that apply what stands in a file.
const APPLY: [&str; 3] = ["apply-config", "patch", "edit"];

/// What ends, changes or replaces the dev container is aimed at the guard.
fn dev_container(operation: &mut Operation, rwenvs: &Rwenvs) {
    let named = rwenvs.dev_container.as_ref().filter(|name| operation.target.names.contains(name));
    if let Some(name) = named.filter(|_| operation.traits.contains(&"ends-container")) {
        operation.effect = Effect::Tamper;
        operation.target.names = vec![name.clone()];
    }
}
