//! In whose name an operation is judged: the rwenv that owns its target, or the one selected where it runs.

use super::chosen;
use super::contexts::{self, Owners};
use super::judged::{JudgedName, elsewhere, missing, placed, throwaway, unowned};
use super::reached;
use crate::model::{
    Bound, Context, ContextChange, Dir, Effect, Facts, GitRepository, Operation, Repository, Rwenv, Rwenvs,
    SeenContext, Trait, Word, from_root, names_repository, normalize, same_repository,
};
use crate::policy::Subject;

/// Name of this program's own tool table.
const OWN: &str = "rwenv";

/// The judges of an operation on a cluster.
pub(super) fn of_cluster(
    operation: &Operation,
    facts: &Facts,
    rwenvs: &Rwenvs,
    start: &Context,
) -> Vec<JudgedName> {
    let mut all = aimed(operation, facts, rwenvs, start);
    if let Some(ContextChange::Content(by)) = &operation.target.cluster.changed {
        let selected = where_it_runs(operation, facts, rwenvs, start);
        let why = format!("the line changes what its context means before ({by})");
        all.extend(elsewhere(&selected, &why).into_iter().filter(|j| !all.contains(j)).collect::<Vec<_>>());
    }
    all
}

/// The judges of an operation on a cluster, as the kubeconfig is before the line runs.
fn aimed(operation: &Operation, facts: &Facts, rwenvs: &Rwenvs, start: &Context) -> Vec<JudgedName> {
    let target = &operation.target.cluster;
    let home = start.home.as_str();
    let selected = where_it_runs(operation, facts, rwenvs, start);
    if let Some(redirect) = &target.redirect {
        return elsewhere(&selected, &format!("{redirect} redirects it"));
    }
    if let Some(context) = &target.context {
        if operation.tool == OWN {
            return by_name(context, rwenvs, &selected);
        }
        let seen = contexts::seen(operation, None, facts, start);
        return by_context(context, operation, seen, (facts, rwenvs), &selected);
    }
    if operation.tool == OWN {
        return selected;
    }
    if let Some(place) = target.remote.as_ref().filter(|p| rwenvs.dev_container.as_ref() != Some(*p)) {
        let foreign = Subject::foreign(&format!("the cluster seen from {place}"));
        return if operation.effect > Effect::ReadSecret {
            vec![JudgedName::Subject(foreign, None)]
        } else {
            selected
        };
    }
    if let Some(file) = &target.kubeconfig {
        let seen = contexts::seen(operation, None, facts, start);
        if let Some(context) = contexts::current(operation, facts, start)
            && owners(context, seen, facts, rwenvs).is_empty()
            && let Some(judge) = throwaway(context, seen, rwenvs)
        {
            return vec![judge];
        }
        let by_path = by_kubeconfig(file, operation.effect, rwenvs, &selected, home);
        let seen = seen.filter(|_| operation.effect > Effect::ReadSecret);
        return placed(by_server(by_path, seen, facts, rwenvs), operation.effect, rwenvs);
    }
    let gone = missing(&selected, operation, facts, rwenvs);
    let mut all = placed(selected, operation.effect, rwenvs);
    if operation.effect > Effect::ReadSecret
        && !all.iter().any(|judge| matches!(judge, JudgedName::NoContext(_)))
    {
        let more = of_current(&all, operation, facts, rwenvs, start);
        if let Some(gone) = gone.filter(|_| !more.is_empty()) {
            return vec![gone];
        }
        all.extend(more);
    }
    all
}

/// Who judges a bare call beside the rwenv that is selected: it goes where the kubeconfig's current context points.
fn of_current(
    selected: &[JudgedName],
    operation: &Operation,
    facts: &Facts,
    rwenvs: &Rwenvs,
    start: &Context,
) -> Vec<JudgedName> {
    let (context, switched) = match &operation.target.cluster.changed {
        Some(ContextChange::Current(name)) => (name.as_str(), Some(name.as_str())),
        _ => match facts.current_context.as_deref() {
            Some(context) => (context, None),
            None => return Vec::new(),
        },
    };
    let seen = contexts::seen(operation, switched, facts, start);
    let owners = owners(context, seen, facts, rwenvs);
    let subject = |judge: &JudgedName| match judge {
        JudgedName::Subject(subject, _) => Some(subject.name.clone()),
        _ => None,
    };
    let known = selected
        .iter()
        .filter_map(subject)
        .any(|name| owners.iter().filter_map(subject).any(|owner| owner == name));
    let any_context = selected.iter().filter_map(subject).any(|name| names_context(rwenvs, &name));
    match (known, owners.is_empty()) {
        (true, _) => Vec::new(),
        (false, false) => owners,
        (false, true) if throwaway(context, seen, rwenvs).is_some() => {
            throwaway(context, seen, rwenvs).into_iter().collect()
        }
        (false, true) if any_context => {
            let whose = if switched.is_some() {
                "the line makes it current"
            } else {
                "your kubeconfig's current one"
            };
            vec![JudgedName::Subject(Subject::foreign(&format!("context '{context}' ({whose})")), None)]
        }
        (false, true) => Vec::new(),
    }
}

/// What a kubeconfig's path says of whose it is, and what the cluster it leads to says.
fn by_server(
    by_path: Vec<JudgedName>,
    seen: Option<&SeenContext>,
    facts: &Facts,
    rwenvs: &Rwenvs,
) -> Vec<JudgedName> {
    let names = by_path.iter().filter_map(|judge| match judge {
        JudgedName::Subject(subject, _) => rwenvs.get(&subject.name),
        _ => None,
    });
    let named: Vec<&Rwenv> = names.collect();
    let what = "the current context of its kubeconfig";
    match judged(&named, seen, what, facts, rwenvs) {
        None => by_path,
        Some(owners) if named.is_empty() => by_path.into_iter().chain(owners).collect(),
        Some(owners) => owners,
    }
}

/// In whose names is judged what goes where a context leads, where that is known; `named` are the rwenvs that it is by its name.
fn judged(
    named: &[&Rwenv],
    seen: Option<&SeenContext>,
    what: &str,
    facts: &Facts,
    rwenvs: &Rwenvs,
) -> Option<Vec<JudgedName>> {
    let owners = match contexts::owners(named, seen, facts, rwenvs)? {
        Owners::Moved(rwenv, how) => {
            return Some(vec![JudgedName::OtherCluster(rwenv.clone(), format!("{what} {how}"))]);
        }
        Owners::These(owners) => owners,
    };
    let judge = |rwenv: &&Rwenv| {
        let mut subject = Subject::of(rwenv);
        if !contexts::is_in(named, rwenv) {
            subject.title = format!("{} (whose cluster {what} leads to)", subject.title);
        }
        JudgedName::Subject(subject, None)
    };
    Some(owners.iter().map(judge).collect())
}

/// What is selected where an operation runs. `cd /tmp && kubectl …`: where nothing is, the line stays in the environment it
/// started in.
fn where_it_runs(operation: &Operation, facts: &Facts, rwenvs: &Rwenvs, start: &Context) -> Vec<JudgedName> {
    let mut selected = selected(&operation.cwd, facts, rwenvs);
    if let Some(at) = selected.iter().position(|j| *j == JudgedName::NoneSelected) {
        selected.remove(at);
        for judge in self::selected(&[Dir::Known(start.cwd.clone())], facts, rwenvs) {
            if !selected.contains(&judge) {
                selected.push(judge);
            }
        }
    }
    selected
}

/// True for what changes the cluster that is current through a program that also reaches others.
fn changes_cluster(operation: &Operation) -> bool {
    let changes = [Effect::Reconcile, Effect::ClusterWrite, Effect::Provision, Effect::DataWrite];
    operation.traits.contains(&Trait::ToCluster) && changes.contains(&operation.effect)
}

/// The judges of an operation on a service. Where nothing is selected there are none, unless it changes a cluster.
pub(super) fn of_service(
    operation: &Operation,
    facts: &Facts,
    rwenvs: &Rwenvs,
    start: &Context,
) -> Vec<JudgedName> {
    let mut all = where_it_runs(operation, facts, rwenvs, start);
    all.retain(|judge| *judge != JudgedName::NoneSelected || changes_cluster(operation));
    let more = of_named(operation, facts, rwenvs, start);
    all.extend(more.into_iter().filter(|judge| !all.contains(judge)).collect::<Vec<_>>());
    let named = operation.target.cluster.context.is_some() || operation.target.cluster.kubeconfig.is_some();
    if named || !operation.traits.contains(&Trait::ToCluster) || operation.effect <= Effect::ReadSecret {
        return all;
    }
    // What such a client changes goes to whatever cluster is current, too.
    let bare = |judge: JudgedName| match judge {
        JudgedName::Subject(subject, on) => {
            match rwenvs.get(&subject.name).filter(|rwenv| !rwenv.names_context()) {
                Some(rwenv) if !subject.read_only => {
                    vec![JudgedName::Subject(subject, on), JudgedName::NoContext(rwenv.clone())]
                }
                _ => vec![JudgedName::Subject(subject, on)],
            }
        }
        other => vec![other],
    };
    all.into_iter().flat_map(bare).collect()
}

/// Whose the cluster is that an operation on a service names by its context or its kubeconfig; nobody's is no concern here.
fn of_named(operation: &Operation, facts: &Facts, rwenvs: &Rwenvs, start: &Context) -> Vec<JudgedName> {
    let target = &operation.target.cluster;
    if operation.effect <= Effect::ReadSecret || (target.context.is_none() && target.kubeconfig.is_none()) {
        return Vec::new();
    }
    let seen = contexts::seen(operation, None, facts, start);
    match target.context.as_ref().map(Word::as_literal) {
        Some(Some(context)) => owners(context, seen, facts, rwenvs),
        Some(None) => Vec::new(),
        None => judged(&[], seen, "the current context of its kubeconfig", facts, rwenvs).unwrap_or_default(),
    }
}

fn names_context(rwenvs: &Rwenvs, name: &str) -> bool {
    rwenvs.get(name).is_some_and(Rwenv::names_context)
}

/// The rwenvs whose cluster a context leads to; where that is not known, those that have a context of this name.
fn owners(context: &str, seen: Option<&SeenContext>, facts: &Facts, rwenvs: &Rwenvs) -> Vec<JudgedName> {
    let named: Vec<&Rwenv> = rwenvs.all.iter().filter(|r| r.has_context(context)).collect();
    let by_name = || named.iter().map(|r| JudgedName::Subject(Subject::of(r), None)).collect();
    let what = format!("context '{context}'");
    judged(&named, seen, &what, facts, rwenvs).unwrap_or_else(by_name)
}

/// What this program does in a cluster it does in a rwenv's, by the rwenv's name.
fn by_name(name: &Word, rwenvs: &Rwenvs, selected: &[JudgedName]) -> Vec<JudgedName> {
    match name.as_literal().map(|name| rwenvs.get(name)) {
        Some(Some(rwenv)) => vec![JudgedName::Subject(Subject::of(rwenv), None)],
        _ => elsewhere(selected, &format!("'{}' is not a configured rwenv", name.display())),
    }
}

fn by_context(
    context: &Word,
    operation: &Operation,
    seen: Option<&SeenContext>,
    (facts, rwenvs): (&Facts, &Rwenvs),
    selected: &[JudgedName],
) -> Vec<JudgedName> {
    let Some(name) = context.as_literal() else {
        return unowned(
            selected,
            operation.effect,
            &format!("its context is computed at run time ('{}')", context.display()),
        );
    };
    let changes = operation.effect > Effect::ReadSecret;
    let owned = owners(name, seen.filter(|_| changes), facts, rwenvs);
    if !owned.is_empty() {
        return owned;
    }
    if let Some(judge) = throwaway(name, seen, rwenvs) {
        return vec![judge];
    }
    if let Some(SeenContext::Missing(there)) = seen
        && changes
        && !there.is_empty()
        && operation.target.cluster.changed.is_none()
    {
        return vec![JudgedName::MissingContext(None, name.to_owned(), there.clone())];
    }
    if operation.target.cluster.kubeconfig.is_some() {
        let why = format!("context '{name}' of another kubeconfig belongs to no rwenv");
        return unowned(selected, operation.effect, &why);
    }
    vec![JudgedName::Subject(Subject::foreign(&format!("context '{name}' (in no rwenv)")), None)]
}

/// The kubeconfig of a rwenv, or the guard's own for it, says which rwenv is meant.
fn by_kubeconfig(
    file: &Word,
    effect: Effect,
    rwenvs: &Rwenvs,
    selected: &[JudgedName],
    home: &str,
) -> Vec<JudgedName> {
    let Some(path) = file.as_literal() else {
        return unowned(
            selected,
            effect,
            &format!("its kubeconfig is computed at run time ('{}')", file.display()),
        );
    };
    let full = |path: &str| match path.strip_prefix("~/") {
        Some(rest) => normalize(&format!("{home}/{rest}")),
        None => normalize(path),
    };
    let wanted = full(path);
    let guarded = (wanted.strip_prefix(&format!("{}/kube/", rwenvs.config_dir)))
        .or_else(|| wanted.strip_prefix(&format!("{}/guard/", rwenvs.config_dir)))
        .and_then(|rest| rest.strip_suffix(".yaml"))
        .and_then(|name| rwenvs.get(name));
    if let Some(rwenv) = guarded {
        return vec![JudgedName::Subject(Subject::of(rwenv), None)];
    }
    let owned: Vec<JudgedName> = (rwenvs.all.iter())
        .filter(|r| r.places.iter().any(|p| p.kubeconfig_path.as_deref().is_some_and(|k| full(k) == wanted)))
        .map(|r| JudgedName::Subject(Subject::of(r), None))
        .collect();
    if owned.is_empty() {
        unowned(selected, effect, &format!("kubeconfig '{path}' belongs to no rwenv"))
    } else {
        owned
    }
}

/// What is selected for these directories. Of a directory that is computed the strictest is taken: every rwenv.
pub(super) fn selected(dirs: &[Dir], facts: &Facts, rwenvs: &Rwenvs) -> Vec<JudgedName> {
    let mut all: Vec<JudgedName> = Vec::new();
    let bound = dirs.iter().flat_map(|dir| facts.binding(dir).into_iter().map(move |bound| (dir, bound)));
    for (dir, bound) in bound {
        let next = match (dir, bound) {
            (Dir::Unknown, _) if !rwenvs.all.is_empty() => {
                rwenvs.all.iter().map(|r| JudgedName::Subject(Subject::of(r), None)).collect()
            }
            (_, Bound::None) => vec![JudgedName::NoneSelected],
            (_, Bound::Invalid(why)) => vec![JudgedName::Invalid(why.clone())],
            (_, Bound::Rwenv(name)) => vec![match rwenvs.get(name) {
                Some(rwenv) => JudgedName::Subject(Subject::of(rwenv), None),
                None if rwenvs.broken.is_some() => JudgedName::Subject(Subject::read_only(name), None),
                None => JudgedName::Invalid(format!("rwenv '{name}' is selected but not configured")),
            }],
        };
        all.extend(next.into_iter().filter(|j| !all.contains(j)).collect::<Vec<_>>());
    }
    all
}

/// The judges of an operation on a repository. Where no rwenv is concerned there are none.
pub(super) fn of_repository(operation: &Operation, facts: &Facts, rwenvs: &Rwenvs) -> Vec<JudgedName> {
    let mut all: Vec<JudgedName> = Vec::new();
    let computed = operation.target.repository.remote.as_ref().is_some_and(|r| r.as_literal().is_none());
    let numbered = operation.traits.contains(&Trait::Numbered);
    for dir in &operation.target.repository.dirs {
        let repository = dir.path().and_then(|d| facts.repository(d));
        let owners: Vec<&Rwenv> = (rwenvs.all.iter())
            .filter(|rwenv| is_flux_repository(rwenv, dir, repository, operation, rwenvs))
            .collect();
        let several = owners.len() > 1;
        let flux: Vec<JudgedName> = (reached::concerned(owners, operation, dir, facts, rwenvs).into_iter())
            .map(|rwenv| {
                JudgedName::Subject(
                    shared(rwenv, several, operation, facts.binding(dir)),
                    Some(Repository::Flux),
                )
            })
            .collect();
        let next = if flux.is_empty() {
            selected(std::slice::from_ref(dir), facts, rwenvs)
                .into_iter()
                .filter_map(|judge| match judge {
                    // A remote that is computed may be the Flux repository. One that only the forge can tell is taken for it where
                    // that is not to be changed at all, and for the project at hand elsewhere.
                    JudgedName::Subject(subject, _)
                        if computed
                            && subject.flux_git_repo.is_some()
                            && (subject.read_only || !numbered) =>
                    {
                        Some(JudgedName::Subject(subject, Some(Repository::Flux)))
                    }
                    JudgedName::Subject(subject, _) => {
                        Some(JudgedName::Subject(subject, Some(Repository::Other)))
                    }
                    JudgedName::Invalid(why) => Some(JudgedName::Invalid(why)),
                    _ => None,
                })
                .collect()
        } else {
            flux
        };
        all.extend(next.into_iter().filter(|j| !all.contains(j)).collect::<Vec<_>>());
    }
    all
}

/// A rwenv of a repository that `several` share, as messages call it: one that is not selected says why it is concerned.
fn shared(rwenv: &Rwenv, several: bool, operation: &Operation, selected: Vec<&Bound>) -> Subject {
    let mut subject = Subject::of(rwenv);
    let own = selected.iter().any(|bound| matches!(bound, Bound::Rwenv(name) if name == rwenv.name.as_str()));
    if several && !own && !operation.target.repository.tips.is_empty() {
        subject.title = format!("{} (whose cluster this change may reach)", subject.title);
    }
    subject
}

/// A clone in the cache, a repository with such a remote, or a push to that very URL.
fn is_flux_repository(
    rwenv: &Rwenv,
    dir: &Dir,
    repository: Option<&GitRepository>,
    operation: &Operation,
    rwenvs: &Rwenvs,
) -> bool {
    if operation.traits.contains(&Trait::Named)
        && let Some(named) = operation.target.repository.remote.as_ref().and_then(Word::as_literal)
    {
        // What a forge does is done there, wherever this runs.
        return rwenv.flux_git_repo.as_deref().is_some_and(|url| names_repository(named, url));
    }
    let clones = format!("{}/flux-repos/{}/", rwenvs.config_dir, rwenv.name);
    if dir.path().is_some_and(|d| format!("{d}/").starts_with(&clones)) {
        return true;
    }
    let Some(url) = rwenv.flux_git_repo.as_deref() else { return false };
    let named = operation.target.repository.remote.as_ref().and_then(Word::as_literal);
    let url = instead(url, repository);
    let url = url.as_str();
    if let Some(chosen) = chosen::repositories(operation, repository) {
        return chosen.iter().any(|one| same_repository(&from(dir, one), url));
    }
    if operation.traits.contains(&Trait::Exact) {
        return named.is_some_and(|n| same_repository(n, url));
    }
    let given =
        operation.target.repository.config.iter().filter_map(|(k, v)| Some((k.as_str(), v.as_literal()?)));
    let by_call = given
        .filter(|(k, _)| k.starts_with("remote.") && (k.ends_with(".url") || k.ends_with(".pushurl")))
        .any(|(_, v)| same_repository(&from(dir, v), url));
    let by_remote = repository.is_some_and(|r| {
        r.config.iter().any(|(k, v)| {
            k.starts_with("remote.")
                && (k.ends_with(".url") || k.ends_with(".pushurl"))
                && same_repository(&from(dir, v), url)
        })
    });
    by_call || by_remote || named.is_some_and(|n| same_repository(&from(dir, n), url))
}

/// A URL as git rewrites it here (`url.<base>.insteadOf`, the longest that fits).
fn instead(url: &str, repository: Option<&GitRepository>) -> String {
    let rules = repository.iter().flat_map(|r| &r.config).filter_map(|(key, prefix)| {
        let lower = key.to_ascii_lowercase();
        let base = key.get("url.".len()..lower.strip_suffix(".insteadof")?.len())?;
        (lower.starts_with("url.") && url.starts_with(prefix.as_str())).then_some((base, prefix))
    });
    match rules.max_by_key(|(_, prefix)| prefix.len()) {
        Some((base, prefix)) => format!("{base}{}", url.get(prefix.len()..).unwrap_or_default()),
        None => url.to_owned(),
    }
}

/// A remote that is a path, seen from the root.
fn from(dir: &Dir, url: &str) -> String {
    from_root(dir.path().unwrap_or_default(), url)
}
