//! Where HEAD may be when a push runs: what the commands before it on the same line may have done to it.

use super::{Plan, Planned};
use crate::model::{Asked, Dir, Effect, GitRepository, HeadMove, Operation, Span, Trait, Word};

/// The repository as the push may find it, once per branch HEAD may be on; none where nothing is known of it.
pub(super) fn possible(
    plan: &Plan,
    before: &[Planned],
    push: &Operation,
    repository: Option<&GitRepository>,
) -> Vec<Option<GitRepository>> {
    let mut branches = vec![repository.and_then(|r| r.branch.clone())];
    let mut reconfigured = false;
    let same =
        |o: &Operation| o.tool == "git" && meets(&o.target.repository.dirs, &push.target.repository.dirs);
    for Planned { operation, .. } in before.iter().filter(|p| same(&p.operation)) {
        let changes = operation.effect > Effect::Read;
        reconfigured |= changes
            && operation
                .traits
                .iter()
                .any(|t| matches!(*t, Trait::GitConfig | Trait::Remotes | Trait::Alias));
        let Some(head) = moved(operation, push).filter(|_| changes) else { continue };
        if head.to.meaning() == Some(Asked::CurrentBranch)
            || matches!(head.to.as_literal(), Some("HEAD" | "@"))
        {
            continue;
        }
        let to = head
            .to
            .as_literal()
            .filter(|b| *b != "-")
            .map(|b| b.trim_start_matches("refs/heads/").to_owned());
        let known = to.as_ref().is_some_and(|b| repository.is_some_and(|r| r.branches.contains(b)));
        // Behind `&&` the push runs only where HEAD has moved.
        if (head.surely || known) && chained(plan, operation.span, push.span) {
            branches.clear();
        }
        if !branches.contains(&to) {
            branches.push(to);
        }
    }
    match repository {
        // Without its configuration a push that names no ref may go anywhere.
        _ if reconfigured => vec![None],
        Some(found) => {
            branches.into_iter().map(|branch| Some(GitRepository { branch, ..found.clone() })).collect()
        }
        None => (branches.into_iter())
            .map(|branch| branch.map(|b| GitRepository { branch: Some(b), ..GitRepository::default() }))
            .collect(),
    }
}

/// Where an operation moves the HEAD that a push finds: its own, or the one of a working tree that it adds.
fn moved(operation: &Operation, push: &Operation) -> Option<HeadMove> {
    let own = &operation.target.repository;
    let Some((folder, branch)) = &own.worktree else { return own.head.clone() };
    let inside = own.dirs.iter().any(|dir| push.target.repository.dirs.contains(&dir.enter(folder)));
    let to = branch.clone().filter(|_| inside)?;
    Some(HeadMove { to, surely: true })
}

/// Gives an operation the remotes that the line has made or changed before it, as if its own call had brought them. One that is computed
/// may be any.
pub(super) fn remotes(before: &[Planned], operation: &mut Operation) {
    let own = &mut operation.target.repository;
    let same = |o: &&Operation| meets(&o.target.repository.dirs, &own.dirs);
    let set: Vec<(String, Word)> = before
        .iter()
        .map(|p| &p.operation)
        .filter(same)
        .filter(|o| o.effect > Effect::Read)
        .flat_map(|o| o.target.repository.sets.clone())
        .collect();
    // What is chosen for a forge's program is one of the remotes in any case.
    let leads = |key: &str| key.ends_with("url") || key.ends_with("insteadof") || key.contains('…');
    let computed = set.iter().any(|(key, url)| leads(key) && url.as_literal().is_none());
    if computed && !operation.traits.contains(&Trait::Named) {
        own.remote = Some(Word::unknown());
    }
    own.config.extend(set);
}

fn meets(a: &[Dir], b: &[Dir]) -> bool {
    a.iter().any(|dir| *dir == Dir::Unknown || b.contains(dir) || b.contains(&Dir::Unknown))
}

/// True where nothing but `&&` stands between the commands from one to another.
pub(super) fn chained(plan: &Plan, from: Span, to: Span) -> bool {
    // Both in one carried text (`bash -c '…'`): how they are joined is not seen from here.
    if to.start < from.end {
        return false;
    }
    let mut at = from.end;
    let mut between: Vec<Span> =
        plan.spans.iter().copied().filter(|s| s.start >= from.end && s.end <= to.start).collect();
    between.push(to);
    between.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    for span in between {
        // Commands inside a command's own words run with it.
        if span.end <= at {
            continue;
        }
        if span.start < at || !is_and(plan.line.get(at..span.start).unwrap_or("?")) {
            return false;
        }
        at = span.end;
    }
    true
}

fn is_and(gap: &str) -> bool {
    gap.replace("\\\n", " ").trim() == "&&"
}

#[cfg(test)]
mod tests {
    use crate::decide::{self, plan};
    use crate::model::{Bound, Context, Dir, Facts, Rwenv, RwenvName, Rwenvs};

    /// True where the push is refused in a repository that is on `main` and has the branches `main` and `old`.
    fn refused(line: &str) -> bool {
        let mut rwenv = Rwenv::named(RwenvName::new("ro").unwrap());
        rwenv.read_only = true;
        let rwenvs = Rwenvs { all: vec![rwenv], ..Rwenvs::default() };
        let repository = super::GitRepository {
            branch: Some("main".into()),
            branches: vec!["main".into(), "old".into()],
            ..super::GitRepository::default()
        };
        let facts = Facts {
            bindings: vec![(Dir::Known("/w".into()), Bound::Rwenv("ro".into()))],
            repositories: vec![("/w".into(), Some(repository))],
            ..Facts::default()
        };
        let plan = plan(line, &Context { cwd: "/w".into(), home: "/h".into(), ..Context::default() });
        decide::conclude(&plan, &facts, &rwenvs).decision() == crate::model::Decision::Deny
    }

    #[test]
    fn a_push_of_head_goes_where_the_line_has_moved_it() {
        for line in [
            "git switch -c new && git add -A && git commit -qm x && git push -u origin HEAD",
            "git checkout -b new && git push -u origin HEAD",
            "git checkout old && git push origin HEAD",
            "git switch old && \\\n  git push",
            "git switch old && git push origin \"$(git branch --show-current)\"",
            "git switch old && cd \"$(git rev-parse --show-toplevel)\" && git push",
            "git switch old && git push origin HEAD:$(git branch --show-current)",
        ] {
            assert!(!refused(line), "{line}");
        }
        for line in [
            "git push origin HEAD",
            "git push origin $(git branch --show-current)",
            "b=$(git branch --show-current); git push origin \"$b:$b\"",
            "git push origin \"HEAD:x$(git branch --show-current)\"",
            "git push origin \"$(git branch --show-current):main\"",
            "git switch \"$(git branch --show-current)\" && git push origin HEAD",
            "cd \"$(git rev-parse --show-toplevel)\" && git push origin HEAD",
            "git switch -c new; git push origin HEAD",
            "git checkout README.md && git push origin HEAD",
            "git switch -c new || true && git push origin HEAD",
            "git switch old && git switch main && git push origin HEAD",
            "git switch old && git branch -M main && git push origin HEAD",
            "git switch old && git symbolic-ref HEAD refs/heads/main && git push origin HEAD",
            "git switch old && git switch - && git push origin HEAD",
            "git switch old && git config push.default matching && git push",
            "git switch \"$b\" && git push origin HEAD",
            "bash -c 'git switch old; git push origin HEAD'",
            "f() { git switch old; }; f; git push origin HEAD",
        ] {
            assert!(refused(line), "{line}");
        }
    }
}
