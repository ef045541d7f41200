//! What a change of a Flux repository reaches. Several rwenvs may share one: a push concerns those whose clusters it reaches, what
//! stays in the working copy the one that is selected there. And what would be gone from each of these clusters.

use std::collections::BTreeSet;

use super::planned::Planned;
use super::text::escape_and_cut;
use crate::classify;
use crate::model::{
    Bound, Dir, Effect, Facts, MergedRequest, Operation, PullRequest, Question, Reached, RemovedObject,
    Rwenv, Rwenvs, Trait, Word, glob,
};
use crate::policy::Subject;

/// Flags of a push that send more than refspecs say.
const MORE: [&str; 4] = ["--all", "--mirror", "--tags", "--prune"];
/// Stands for the files as they lie there.
const WORKING_TREE: &str = "";
/// Why it is not known what a merge removes.
const UNSEEN: &str =
    "run rwenv repo sync, and name the pull request by its number in a clone of the repository";
/// Longest name of an object in a message, in characters.
const LONGEST: usize = 80;

/// Notes the revisions that each push and pull request sends, as far as its words say. What the line commits before it is in the
/// working tree still.
pub(super) fn note(planned: &mut [Planned]) {
    let mut changed: Vec<Dir> = Vec::new();
    for Planned { operation, .. } in planned {
        if operation.effect == Effect::GitPublish && operation.traits.contains(&Trait::Merge) {
            operation.target.repository.tips = vec![merged(operation)];
            continue;
        }
        let commits = operation.effect == Effect::GitWrite && operation.traits.contains(&Trait::Commit);
        let repository = &mut operation.target.repository;
        if commits {
            changed.extend(repository.dirs.iter().cloned());
        }
        let tree = repository.dirs.iter().any(|dir| changed.contains(dir));
        let mut tips = sent(operation).unwrap_or_default();
        if !tips.is_empty() && tree {
            tips.push(WORKING_TREE.to_owned());
        }
        operation.target.repository.tips = tips;
    }
}

/// What a merge brings to the branch that is followed. A call that names the repository may mean another one than the one around it.
fn merged(operation: &Operation) -> String {
    let unknown = PullRequest::default().to_string();
    let named = match &operation.target.repository.merges {
        None => return unknown,
        Some(MergedRequest::Here) => None,
        Some(MergedRequest::Named(word)) => Some(word.as_literal()),
    };
    let number = |text: &str| text.trim_start_matches('#').parse().ok();
    if operation.traits.contains(&Trait::Named) {
        let repository = operation.target.repository.remote.as_ref().and_then(Word::as_literal);
        let number = named.flatten().and_then(page).and_then(number);
        return match repository {
            Some(url) => PullRequest { number, repository: Some(url.to_owned()) }.to_string(),
            None => unknown,
        };
    }
    match named {
        None => "HEAD".to_owned(),
        Some(Some(text)) if number(text).is_some() => {
            PullRequest { number: number(text), repository: None }.to_string()
        }
        // A page, or a branch of another repository.
        Some(Some(text)) if !text.contains(':') => format!("refs/remotes/origin/{text}"),
        Some(_) => unknown,
    }
}

/// The number in what names a pull request by its page.
fn page(text: &str) -> Option<&str> {
    let Some((_, rest)) = text.split_once("://") else { return Some(text) };
    let mut parts = rest.split('/').skip_while(|part| !matches!(*part, "pull" | "pulls" | "merge_requests"));
    parts.nth(1)
}

/// The revisions that are sent; none where they are not known.
fn sent(operation: &Operation) -> Option<Vec<String>> {
    let repository = &operation.target.repository;
    let opens = [" create", " new", "pull-request"].iter().any(|end| operation.verb.ends_with(end));
    let proposes = opens && operation.traits.contains(&Trait::Proposal);
    if operation.effect != Effect::GitPublish || !(operation.verb == "push" || proposes) {
        return None;
    }
    if repository.push_flags.iter().any(|flag| MORE.contains(flag)) {
        return None;
    }
    if repository.refspecs.is_empty() {
        return Some(vec!["HEAD".to_owned()]);
    }
    let source = |word: &Word| {
        let spec = word.as_literal()?.trim_start_matches('+');
        let source = spec.rsplit_once(':').map_or(spec, |(source, _)| source);
        let odd = spec == "tag" || spec == ":" || spec.starts_with(['^', '-']) || source.contains('*');
        (!odd).then(|| source.to_owned())
    };
    let all: Option<Vec<String>> = repository.refspecs.iter().map(source).collect();
    // Where a branch is removed nothing is sent.
    all.map(|all| all.into_iter().filter(|source| !source.is_empty()).collect())
}

/// What has to be known of what an operation sends.
pub(super) fn questions(operation: &Operation) -> impl Iterator<Item = Question> + '_ {
    let repository = &operation.target.repository;
    let dirs = repository.dirs.iter().filter_map(Dir::path);
    let told = |tip: &&String| PullRequest::from_revision(tip) != Some(PullRequest::default());
    dirs.flat_map(move |dir| {
        repository
            .tips
            .iter()
            .filter(told)
            .map(move |tip| Question::Reached { dir: dir.to_owned(), tip: tip.clone() })
    })
}

/// Those of the rwenvs of a repository that an operation on it concerns: all, where that cannot be told.
pub(super) fn concerned<'r>(
    owners: Vec<&'r Rwenv>,
    operation: &Operation,
    dir: &Dir,
    facts: &Facts,
    rwenvs: &Rwenvs,
) -> Vec<&'r Rwenv> {
    if owners.len() < 2 {
        return owners;
    }
    let clone = |rwenv: &Rwenv| {
        let clones = format!("{}/flux-repos/{}/", rwenvs.config_dir, rwenv.name);
        dir.path().is_some_and(|dir| format!("{dir}/").starts_with(&clones))
    };
    let selected = facts.binding(dir);
    let is_own = |rwenv: &Rwenv| {
        clone(rwenv)
            || selected.iter().any(|bound| matches!(bound, Bound::Rwenv(name) if name == rwenv.name.as_str()))
    };
    let own = || owners.iter().copied().filter(|rwenv| is_own(rwenv)).collect::<Vec<_>>();
    let repository = &operation.target.repository;
    let narrowed = match operation.effect {
        Effect::GitWrite => own(),
        Effect::GitPublish if repository.tips.is_empty() => {
            let removes = !repository.updates.is_empty() && repository.updates.iter().all(|u| u.delete);
            let named = repository.updates.iter().all(|update| update.destination.is_some());
            if removes && named { own() } else { Vec::new() }
        }
        Effect::GitPublish if is_configured(operation, dir, facts) => Vec::new(),
        Effect::GitPublish => {
            let reached = |tip: &String| facts.reached(dir.path()?, tip)?.ok();
            let all: Option<Vec<&[Reached]>> = repository.tips.iter().map(reached).collect();
            let Some(all) = all else { return owners };
            let is_reached =
                |rwenv: &&Rwenv| all.iter().copied().flatten().any(|one| one.rwenv == rwenv.name.as_str());
            let reached: Vec<&Rwenv> = owners.iter().copied().filter(is_reached).collect();
            // A change that reaches no cluster is the own rwenv's.
            if reached.is_empty() { own() } else { reached }
        }
        _ => Vec::new(),
    };
    if narrowed.is_empty() {
        return owners;
    }
    // Whose branch is removed or rewritten is concerned, whatever is sent.
    let loses = |rwenv: &Rwenv| {
        repository.updates.iter().filter(|update| update.force || update.delete).any(|update| {
            match &rwenv.flux_branch {
                Some(followed) => update.may_be(followed),
                None => Rwenv::PROTECTED.iter().any(|branch| update.may_be(branch)),
            }
        })
    };
    let is_in = |rwenv: &&Rwenv| narrowed.iter().any(|one| one.name == rwenv.name) || loses(rwenv);
    owners.iter().copied().filter(is_in).collect()
}

/// Notes in an operation what it would remove from the cluster of the rwenv in whose name it is judged, and whether that is more than
/// it may without a person.
pub(super) fn weigh(operation: &mut Operation, subject: &Subject, facts: &Facts) {
    let repository = &operation.target.repository;
    let mut removed: BTreeSet<&RemovedObject> = BTreeSet::new();
    let mut unknown = None;
    let mut told = false;
    for dir in repository.dirs.iter().filter_map(Dir::path) {
        for tip in &repository.tips {
            match facts.reached(dir, tip) {
                Some(Ok(all)) => {
                    told = true;
                    let own = all.iter().filter(|one| one.rwenv == subject.name);
                    removed.extend(own.flat_map(|one| &one.removed));
                }
                Some(Err(why)) => unknown = Some(why.to_owned()),
                None => {}
            }
        }
    }
    // A first push sends what nobody follows yet; a merge always comes to the branch that is followed.
    if !told && unknown.is_none() && operation.traits.contains(&Trait::Merge) && !subject.read_only {
        unknown = Some(UNSEEN.to_owned());
    }
    let titles = |all: &mut dyn Iterator<Item = &RemovedObject>| -> Vec<String> {
        all.map(|object| escape_and_cut(&object.title(), LONGEST)).collect()
    };
    let lasting = titles(&mut removed.iter().copied().filter(|object| lasts(object)));
    let removed = titles(&mut removed.iter().copied());
    let has = [
        (Trait::RemovesLasting, !lasting.is_empty()),
        (Trait::RemovesMany, removed.len() > subject.impact_limit),
        (Trait::RemovesUnknown, unknown.is_some()),
    ];
    operation.traits.extend(has.into_iter().filter(|(_, is)| *is).map(|(one, _)| one));
    operation.note = operation.note.take().or(unknown);
    operation.target.repository.removed = removed;
    operation.target.repository.lasting = lasting;
}

/// True for an object that holds what is gone with it: data, or all objects of a kind or a namespace.
fn lasts(object: &RemovedObject) -> bool {
    let kind = object.full_kind();
    classify::tools().programs.lasting_kinds.iter().any(|pattern| glob(pattern, &kind))
}

/// True where a push without refspecs may send other branches than the current one: git-config(1), `remote.<name>.push`,
/// `remote.<name>.mirror`, `push.default`.
fn is_configured(operation: &Operation, dir: &Dir, facts: &Facts) -> bool {
    let target = &operation.target.repository;
    let sends = |key: &str| {
        let key = key.to_ascii_lowercase();
        key == "*"
            || key == "push.default"
            || (key.starts_with("remote.") && (key.ends_with(".push") || key.ends_with(".mirror")))
    };
    let own = dir.path().and_then(|dir| facts.repository(dir));
    let stored = own.iter().flat_map(|repository| &repository.config);
    let plain = ["simple", "current", "upstream", "tracking", "nothing"];
    let may = |(key, value): &(String, String)| sends(key) && !plain.contains(&value.as_str());
    operation.verb == "push"
        && target.refspecs.is_empty()
        && (target.config.iter().any(|(key, _)| sends(key)) || { stored }.any(may))
}
