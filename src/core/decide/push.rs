//! What a `git push` changes on the remote: its refspecs, or what configuration makes of their absence.

use crate::model::{Asked, COMPUTED, GitRepository, Part, RefUpdate, RepositoryTarget, Word};

/// The refs a push updates, as far as argv and the repository's configuration say (git-push(1), "REFSPECS" and
/// `push.default`). `refs` is the repository whose tags and branches count where its configuration is another by then.
pub(super) fn updates(
    target: &RepositoryTarget,
    repository: Option<&GitRepository>,
    refs: Option<&GitRepository>,
) -> Vec<RefUpdate> {
    let settings = Settings { target, repository };
    let has = |flag: &str| target.push_flags.contains(&flag);
    let force = has("--force");
    let unknown = |delete| RefUpdate { destination: None, force: true, delete };
    let mut updates = Vec::new();
    if has("--mirror") || has("--all") || has("--prune") || settings.flag("remote", "mirror") {
        updates.push(unknown(has("--mirror")));
    }
    if has("--tags") || settings.follows_tags() {
        updates.push(RefUpdate { destination: Some("refs/tags/*".to_owned()), force, delete: false });
    }
    let tags_alone = has("--tags");
    let mut refspecs: Vec<Word> = target.refspecs.clone();
    if refspecs.is_empty()
        && (updates.is_empty() || !(tags_alone || updates.iter().any(|u| u.destination.is_none())))
    {
        refspecs = settings.configured();
        if refspecs.is_empty() {
            updates.extend(settings.default(force));
        }
    }
    let mut words = refspecs.iter();
    while let Some(word) = words.next() {
        if word.as_literal() == Some("tag") {
            let name = words.next().map(|w| format!("refs/tags/{}", w.display()));
            updates.push(RefUpdate { destination: name, force, delete: false });
            continue;
        }
        updates.push(one(word, (has("--delete"), force), repository, refs));
    }
    updates
}

/// What a push by another program changes: the branches it names, which it may rewrite; any, where it names none, or a pattern.
pub(super) fn by_other_means(branches: &[Word]) -> Vec<RefUpdate> {
    let one = |word: &Word| {
        let name = word.as_literal()?.split('=').next()?;
        let plain = |c: char| !"*?[]:~^| ".contains(c);
        let is_name = !name.is_empty() && !name.starts_with(COMPUTED) && name.chars().all(plain);
        is_name.then(|| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned())
    };
    let named: Option<Vec<String>> = branches.iter().map(one).collect();
    let named = named.filter(|all| !all.is_empty()).map(|all| all.into_iter().map(Some).collect::<Vec<_>>());
    let destinations = named.unwrap_or_else(|| vec![None]).into_iter();
    destinations.map(|destination| RefUpdate { destination, force: true, delete: false }).collect()
}

fn one(
    word: &Word,
    (delete, force): (bool, bool),
    repository: Option<&GitRepository>,
    refs: Option<&GitRepository>,
) -> RefUpdate {
    let Some(spec) = written(word) else { return RefUpdate { destination: None, force, delete } };
    let spec = spec.as_str();
    let (plus, spec) = match spec.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, spec),
    };
    // What is computed at the beginning may be a plus, too.
    let force = force || plus || spec.starts_with(COMPUTED);
    // The last colon parts the two: `:/text` is the youngest commit with this text.
    let (source, destination) = match spec.rsplit_once(':') {
        // `:` alone pushes every branch both sides have.
        Some(("", "")) => return RefUpdate { destination: None, force, delete },
        Some(("", destination)) => {
            return RefUpdate { destination: named(destination, refs), force, delete: true };
        }
        Some((source, "")) => (source, source),
        Some((source, destination)) => (source, destination),
        None => (spec, spec),
    };
    if spec.starts_with('^') {
        return RefUpdate { destination: Some("^".to_owned()), force, delete };
    }
    let pushes_head = (destination == source && matches!(source, "HEAD" | "@")) || destination == CURRENT;
    let destination =
        if pushes_head { repository.and_then(|r| r.branch.clone()) } else { named(destination, refs) };
    RefUpdate { destination, force, delete }
}

/// Stands in a refspec for the name of the current branch; no name of a branch holds it.
const CURRENT: &str = "\u{1}";

/// The refspec as text, the current branch's name replaced by its sign.
pub(super) fn written(word: &Word) -> Option<String> {
    word.parts().iter().try_fold(String::new(), |text, part| match part {
        Part::Text(more) => Some(text + more),
        Part::Asked(Asked::CurrentBranch) => Some(text + CURRENT),
        Part::Unknown if !word.splits() => Some(format!("{text}{COMPUTED}")),
        Part::Asked(Asked::TopLevel | Asked::Value) | Part::Unknown => None,
    })
}

/// A destination by name; a pattern may stand for any branch. A short name that is a tag's here, and no branch's, is a tag's there.
fn named(destination: &str, repository: Option<&GitRepository>) -> Option<String> {
    if destination.starts_with(COMPUTED) {
        return None;
    }
    let tag = |name: &str| {
        let is = |one: &String| match name.split_once(COMPUTED) {
            Some((start, _)) => one.starts_with(start),
            None => one == name,
        };
        repository.is_some_and(|r| r.tags.iter().any(is) && !r.branches.iter().any(is))
    };
    if let Some(name) = destination.strip_prefix("tags/").or(Some(destination).filter(|name| tag(name))) {
        return Some(format!("refs/tags/{name}"));
    }
    let short =
        destination.strip_prefix("refs/heads/").or(destination.strip_prefix("heads/")).unwrap_or(destination);
    let pattern = (short.contains('*') && !short.starts_with("refs/tags/")) || short.contains(CURRENT);
    (!pattern).then(|| short.to_owned())
}

/// Configuration of the call and of the repository, seen together.
struct Settings<'a> {
    target: &'a RepositoryTarget,
    repository: Option<&'a GitRepository>,
}

impl Settings<'_> {
    /// A value; the call's own configuration wins. An unknown value is `None` inside.
    fn get(&self, key: &str) -> Option<Option<String>> {
        let own = self.target.config.iter().rev().find(|(k, _)| k.eq_ignore_ascii_case(key));
        match own {
            Some((_, word)) => Some(word.as_literal().map(str::to_owned)),
            None => self.repository.and_then(|r| r.get(key)).map(|v| Some(v.to_owned())),
        }
    }

    /// The remote that is pushed to; none where it is not known.
    fn remote(&self) -> Option<String> {
        if let Some(word) = &self.target.remote {
            return word.as_literal().map(str::to_owned);
        }
        let branch = self.repository.and_then(|r| r.branch.as_deref()).unwrap_or_default();
        for key in [
            format!("branch.{branch}.pushremote"),
            "remote.pushdefault".into(),
            format!("branch.{branch}.remote"),
        ] {
            if let Some(value) = self.get(&key) {
                return value;
            }
        }
        Some("origin".to_owned())
    }

    fn flag(&self, section: &str, key: &str) -> bool {
        let Some(remote) = self.remote() else { return true };
        match self.get(&format!("{section}.{remote}.{key}")) {
            None => false,
            Some(value) => !matches!(value.as_deref(), Some("false" | "no" | "off" | "0")),
        }
    }

    /// Refspecs that configuration gives a push without any.
    fn configured(&self) -> Vec<Word> {
        let Some(remote) = self.remote() else { return vec![Word::unknown()] };
        let key = format!("remote.{remote}.push");
        let own =
            self.target.config.iter().filter(|(k, _)| k.eq_ignore_ascii_case(&key)).map(|(_, w)| w.clone());
        let theirs =
            self.repository.iter().flat_map(|r| &r.config).filter(|(k, _)| k.eq_ignore_ascii_case(&key));
        own.chain(theirs.map(|(_, v)| Word::literal(v.as_str()))).collect()
    }

    /// Tags that go along with what is pushed: those that are annotated and lead to it. Where there are none here, none do.
    fn follows_tags(&self) -> bool {
        let given = |flag: &str| self.target.push_flags.contains(&flag);
        let configured = || match self.get("push.followtags") {
            None => false,
            Some(value) => !matches!(value.as_deref(), Some("false" | "no" | "off" | "0")),
        };
        let follows = given("--follow-tags") || (!given("--no-follow-tags") && configured());
        follows && self.repository.is_none_or(|repository| !repository.tags.is_empty())
    }

    /// `push.default` and the branch's upstream.
    fn default(&self, force: bool) -> Vec<RefUpdate> {
        let update = |destination| vec![RefUpdate { destination, force, delete: false }];
        if self.target.config.iter().any(|(k, _)| k == "*") {
            return update(None);
        }
        let Some(branch) = self.repository.and_then(|r| r.branch.clone()) else { return update(None) };
        let kind = self.get("push.default").unwrap_or_else(|| Some("simple".to_owned()));
        match kind.as_deref() {
            Some("simple" | "current") => update(Some(branch)),
            Some("nothing") => Vec::new(),
            Some("upstream" | "tracking") => {
                let merge = self.get(&format!("branch.{branch}.merge")).flatten();
                update(merge.and_then(|m| named(&m, None)))
            }
            _ => update(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(branch: &str, config: &[(&str, &str)]) -> GitRepository {
        GitRepository {
            branch: Some(branch.into()),
            config: config.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            ..GitRepository::default()
        }
    }

    fn to(refspecs: &[&str], flags: &[&'static str], repository: &GitRepository) -> Vec<String> {
        let target = RepositoryTarget {
            remote: Some(Word::literal("origin")),
            refspecs: refspecs.iter().map(|r| Word::literal(*r)).collect(),
            push_flags: flags.to_vec(),
            ..RepositoryTarget::default()
        };
        updates(&target, Some(repository), Some(repository))
            .into_iter()
            .map(|u| u.destination.unwrap_or("?".into()))
            .collect()
    }

    #[test]
    fn every_form_of_a_refspec() {
        let r = repository("feature", &[]);
        assert_eq!(to(&["HEAD:main"], &[], &r), ["main"]);
        assert_eq!(to(&[":/fix the: bug:main"], &[], &r), ["main"]);
        assert_eq!(to(&["+HEAD:refs/heads/main"], &[], &r), ["main"]);
        assert_eq!(to(&["HEAD"], &[], &r), ["feature"]);
        assert_eq!(to(&["main"], &["--delete"], &r), ["main"]);
        assert_eq!(to(&[":main"], &[], &r), ["main"]);
        assert_eq!(to(&[":"], &[], &r), ["?"]);
        assert_eq!(to(&["refs/heads/*:refs/heads/*"], &[], &r), ["?"]);
        assert_eq!(to(&["tag", "v1"], &[], &r), ["refs/tags/v1"]);
        assert_eq!(to(&[], &["--mirror"], &r), ["?"]);
        assert_eq!(to(&[], &[], &r), ["feature"]);
    }

    fn forced(refspecs: &[&str], flags: &[&'static str], repository: &GitRepository) -> Vec<(bool, bool)> {
        let target = RepositoryTarget {
            refspecs: refspecs.iter().map(|r| Word::literal(*r)).collect(),
            push_flags: flags.to_vec(),
            ..RepositoryTarget::default()
        };
        updates(&target, Some(repository), Some(repository))
            .into_iter()
            .map(|u| (u.force, u.delete))
            .collect()
    }

    #[test]
    fn force_holds_for_what_configuration_names_and_a_commit_by_its_text_is_no_deletion() {
        let r = repository("main", &[]);
        assert_eq!(forced(&[], &["--force"], &r), [(true, false)]);
        assert_eq!(forced(&[], &[], &r), [(false, false)]);
        let configured = repository("main", &[("remote.origin.push", "HEAD:refs/heads/main")]);
        assert_eq!(forced(&[], &["--force"], &configured), [(true, false)]);
        assert_eq!(forced(&[":/text:main"], &[], &r), [(false, false)]);
        assert_eq!(forced(&[":main"], &[], &r), [(false, true)]);
    }

    #[test]
    fn a_name_that_is_a_tag_here_and_no_branch_is_a_tag() {
        let tags = vec!["v9".to_owned(), "both".to_owned()];
        let branches = vec!["both".to_owned(), "feature".to_owned()];
        let r = GitRepository { tags, branches, ..repository("feature", &[]) };
        for spec in ["v9", "+v9", ":v9", "v9:v9", "HEAD:v9", "tags/v9", "v9:refs/tags/v9"] {
            assert_eq!(to(&[spec], &[], &r), ["refs/tags/v9"], "{spec}");
        }
        assert_eq!(to(&["v9"], &["--delete"], &r), ["refs/tags/v9"]);
        assert_eq!(
            to(&["both", "v10", "v9:refs/heads/v9", "feature"], &[], &r),
            ["both", "v10", "v9", "feature"]
        );
        assert_eq!(to(&["feature"], &["--follow-tags"], &r), ["refs/tags/*", "feature"]);
        assert_eq!(to(&[], &["--follow-tags"], &r), ["refs/tags/*", "feature"]);
        assert_eq!(to(&[], &["--tags"], &r), ["refs/tags/*"]);
        assert_eq!(to(&["feature"], &["--follow-tags"], &repository("feature", &[])), ["feature"]);
        let configured = GitRepository { config: vec![("push.followtags".into(), "true".into())], ..r };
        assert_eq!(to(&["feature"], &[], &configured), ["refs/tags/*", "feature"]);
        assert_eq!(to(&["feature"], &["--no-follow-tags"], &configured), ["feature"]);
    }

    #[test]
    fn configuration_decides_where_no_refspec_is_given() {
        let upstream = [("push.default", "upstream"), ("branch.feature.merge", "refs/heads/main")];
        assert_eq!(to(&[], &[], &repository("feature", &upstream)), ["main"]);
        let refspec = [("remote.origin.push", "HEAD:refs/heads/main")];
        assert_eq!(to(&[], &[], &repository("feature", &refspec)), ["main"]);
        let mirror = [("remote.origin.mirror", "true")];
        assert_eq!(to(&[], &[], &repository("feature", &mirror)), ["?"]);
        let target = RepositoryTarget::default();
        assert_eq!(
            updates(&target, None, None),
            [RefUpdate { destination: None, force: false, delete: false }]
        );
    }
}
