//! Operation → reasons: the rules that match, with their texts filled in.

mod api;
mod builtin;
mod custody;
pub mod layer;
#[cfg(test)]
mod tests;

pub use api::API;
pub use builtin::{CLASSES, RULES, TOOLS, VERBS};
pub use custody::CUSTODY;

use crate::model::{
    Autonomy, Decision, Dir, ExecReads, FlagName, Operation, PathClass, PullRequest, Reason, RefUpdate, Refs,
    Repository, Rule, RuleText, Rwenv, Trait, glob,
};

/// Most names of a list that a message shows, and the room they take together, in characters.
const MOST: usize = 3;
const ROOM: usize = 110;

/// In whose name an operation is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of a rwenv")]
pub struct Subject {
    /// The rwenv's name, or what stands in its place.
    pub name: String,
    /// How messages call it.
    pub title: String,
    /// Nothing may be changed.
    pub read_only: bool,
    /// Changes go through Git only.
    pub git_ops_only: bool,
    /// The Flux branch may be pushed to.
    pub direct_push: bool,
    /// What sort of cluster it is (`k3s`, `gke`).
    pub kind: Option<String>,
    /// Plain reads in pods pass.
    pub exec_reads: ExecReads,
    /// Most objects that a change removes from its cluster without a person.
    pub impact_limit: usize,
    /// URL of the Flux repository.
    pub flux_git_repo: Option<String>,
    /// Branches that are protected.
    pub protected: Vec<String>,
    /// Commits to protected branches of a project are a person's too.
    pub protect_commits: bool,
    /// The branch Flux follows, or those it may follow where none is named.
    pub followed: Vec<String>,
    /// How much an agent does alone.
    pub autonomy: Autonomy,
    /// Patterns of the files that make Applications known to Argo CD.
    pub argocd_apps: Vec<String>,
    /// Names of further policies that count.
    pub policies: Vec<String>,
    /// Folders whose files make infrastructure, beside what is known as such.
    pub terraform_paths: Vec<(String, Autonomy)>,
}

impl Subject {
    /// A rwenv as it is configured.
    #[must_use]
    pub fn of(rwenv: &Rwenv) -> Self {
        let mut protected = rwenv.protected_branches.clone();
        protected.extend(rwenv.flux_branch.clone());
        let followed = match &rwenv.flux_branch {
            Some(branch) => vec![branch.clone()],
            None => Rwenv::PROTECTED.map(str::to_owned).to_vec(),
        };
        Self {
            name: rwenv.name.to_string(),
            title: format!("rwenv '{}'", rwenv.name),
            read_only: rwenv.read_only,
            git_ops_only: rwenv.git_ops_only,
            direct_push: rwenv.direct_push,
            kind: rwenv.kind.clone(),
            exec_reads: rwenv.exec_reads,
            impact_limit: rwenv.impact_limit,
            flux_git_repo: rwenv.flux_git_repo.clone(),
            protected,
            protect_commits: rwenv.protect_commits,
            followed,
            autonomy: rwenv.autonomy,
            argocd_apps: rwenv.argocd_apps.clone(),
            policies: rwenv.policies.clone(),
            terraform_paths: rwenv.terraform_paths.clone(),
        }
    }

    /// A target that belongs to no rwenv: judged as read-only.
    #[must_use]
    pub fn foreign(what: &str) -> Self {
        Self {
            name: what.to_owned(),
            title: what.to_owned(),
            read_only: true,
            git_ops_only: false,
            direct_push: false,
            kind: None,
            exec_reads: ExecReads::Ask,
            impact_limit: Rwenv::IMPACT_LIMIT,
            flux_git_repo: None,
            protected: Rwenv::PROTECTED.map(str::to_owned).to_vec(),
            protect_commits: false,
            followed: Rwenv::PROTECTED.map(str::to_owned).to_vec(),
            autonomy: Autonomy::default(),
            argocd_apps: Vec::new(),
            policies: Vec::new(),
            terraform_paths: Vec::new(),
        }
    }

    /// A rwenv of which nothing but the name is known.
    #[must_use]
    pub fn read_only(name: &str) -> Self {
        Self { title: format!("rwenv '{name}'"), ..Self::foreign(name) }
    }

    /// Where no rwenv is selected: what holds everywhere holds there.
    #[must_use]
    pub fn nobody() -> Self {
        Self { title: "this directory".to_owned(), read_only: false, ..Self::foreign("") }
    }

    fn has(&self, flag: FlagName) -> bool {
        match flag {
            FlagName::ReadOnly => self.read_only,
            FlagName::GitOpsOnly => self.git_ops_only,
            FlagName::ProtectCommits => self.protect_commits,
            FlagName::Writable => !self.read_only,
            FlagName::Manual => self.autonomy == Autonomy::Manual,
            FlagName::Prompted => self.autonomy == Autonomy::Prompted,
            FlagName::NoDirectPush => !self.direct_push,
            FlagName::K3s => self.kind.as_deref() == Some("k3s"),
            FlagName::AskExecReads => self.exec_reads != ExecReads::Allow,
        }
    }

    /// The changed files of one of these classes.
    fn changed<'o>(&self, operation: &'o Operation, rule: &Rule) -> Vec<&'o str> {
        let paths = operation.target.repository.changed.iter().map(String::as_str);
        let of = |path: &&str| rule.when.paths.iter().any(|class| self.is_of(class, path, &rule.classes));
        paths.filter(of).collect()
    }

    /// True for a file of a class. What the rwenv says of its folder counts before what is known of its name.
    fn is_of(&self, class: &str, path: &str, own: &[PathClass]) -> bool {
        let level = self.terraform_paths.iter().find_map(|(folder, level)| {
            let folder = folder.trim_start_matches("./").trim_end_matches('/');
            path.strip_prefix(folder)
                .filter(|rest| folder.is_empty() || rest.starts_with('/'))
                .map(|_| *level)
        });
        let known = || {
            let classes = CLASSES.iter().chain(own);
            classes.filter(|c| c.name == class).flat_map(|c| c.patterns.iter()).any(|p| glob(p, path))
        };
        match (class, level) {
            ("infrastructure", Some(level)) => level == Autonomy::Manual,
            ("prompted", level) => level == Some(Autonomy::Prompted),
            _ => known(),
        }
    }

    /// True where this ref is protected, or not known.
    #[must_use]
    pub fn protects(&self, update: &RefUpdate) -> bool {
        self.protected.iter().any(|branch| update.may_be(branch)) || update.destination.is_none()
    }

    /// True where this ref is the branch Flux follows, or may be.
    fn follows(&self, update: &RefUpdate) -> bool {
        self.followed.iter().any(|branch| update.may_be(branch)) || update.destination.is_none()
    }
}

/// True for a ref that is neither a branch nor a tag, nor handed to a review.
fn is_beside(destination: &str) -> bool {
    let known = ["refs/heads/", "refs/tags/", "refs/for/", "refs/drafts/"];
    destination.starts_with("refs/") && !known.iter().any(|folder| destination.starts_with(folder))
}

/// Which repository an operation is on, seen from the subject.
pub type On = Option<Repository>;

/// Every rule's answer about an operation in the name of one subject.
#[must_use]
pub fn evaluate(operation: &Operation, on: On, subject: &Subject, rules: &[Rule]) -> Vec<Reason> {
    let hits: Vec<&Rule> = (rules.iter())
        .filter(|rule| rule.only.as_ref().is_none_or(|name| subject.policies.iter().any(|own| own == name)))
        .filter(|rule| rule.decision > Decision::Allow && matches(rule, operation, on, subject))
        .collect();
    let foreseen = hits.iter().filter(|rule| !rule.floor).map(|rule| rule.decision).max();
    (hits.into_iter())
        .filter(|rule| !rule.floor || foreseen.is_none_or(|decision| decision < rule.decision))
        .map(|rule| {
            let text = fill(&rule.reason, rule, operation, subject);
            let instead = fill(&rule.instead, rule, operation, subject);
            Reason::new(rule.decision, &rule.id, text, instead).about(operation.span, Some(&subject.name))
        })
        .collect()
}

fn matches(rule: &Rule, operation: &Operation, on: On, subject: &Subject) -> bool {
    mismatch(rule, operation, on, subject).is_none()
}

/// The first condition of a rule that an operation does not meet, by its key in `when`; none where the rule matches.
#[must_use]
pub fn mismatch(rule: &Rule, operation: &Operation, on: On, subject: &Subject) -> Option<&'static str> {
    let when = &rule.when;
    let verb = |v: &RuleText| {
        let rest = operation.verb.strip_prefix(&**v);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let has = |name: &Trait| operation.traits.contains(name);
    let unmet = |key, met: bool| (!met).then_some(key);
    unmet("flags", when.flags.iter().all(|f| subject.has(*f)))
        .or_else(|| unmet("effects", when.effects.is_empty() || when.effects.contains(&operation.effect)))
        .or_else(|| unmet("reach", when.reach.is_empty() || when.reach.contains(&operation.reach)))
        .or_else(|| unmet("tools", when.tools.is_empty() || when.tools.iter().any(|t| *t == operation.tool)))
        .or_else(|| unmet("verbs", when.verbs.is_empty() || when.verbs.iter().any(verb)))
        .or_else(|| unmet("traits", when.traits.iter().all(has)))
        .or_else(|| unmet("without", !when.without.iter().any(has)))
        .or_else(|| unmet("repository", when.repository.is_none() || when.repository == on))
        .or_else(|| unmet("refs", when.refs.is_none_or(|refs| touches(refs, operation, subject))))
        .or_else(|| {
            let one = |pattern: &RuleText| glob(pattern, &subject.name);
            unmet("rwenvs", when.rwenvs.is_empty() || when.rwenvs.iter().any(one))
        })
        .or_else(|| {
            let namespace = operation.target.namespace.as_deref();
            unmet("namespaces", when.namespaces.is_empty() || named(&when.namespaces, namespace))
        })
        .or_else(|| unmet("paths", when.paths.is_empty() || !subject.changed(operation, rule).is_empty()))
}

fn named(patterns: &[RuleText], namespace: Option<&str>) -> bool {
    namespace.is_some_and(|namespace| patterns.iter().any(|pattern| glob(pattern, namespace)))
}

fn touches(refs: Refs, operation: &Operation, subject: &Subject) -> bool {
    let updates = &operation.target.repository.updates;
    match refs {
        Refs::Protected => updates.iter().any(|u| subject.protects(u)),
        Refs::Rewritten => {
            // A tag that is moved or taken away rewrites what was released under it.
            let kept = |u: &RefUpdate| subject.protects(u) || subject.follows(u) || is_tag(u);
            updates.iter().any(|u| kept(u) && (u.force || u.delete))
        }
        Refs::Other => updates.iter().any(|u| u.destination.as_deref().is_some_and(is_beside)),
        Refs::Tag => updates.iter().any(is_tag),
    }
}

fn is_tag(update: &RefUpdate) -> bool {
    update.destination.as_deref().is_some_and(|destination| destination.starts_with("refs/tags/"))
}

fn fill(text: &str, rule: &Rule, operation: &Operation, subject: &Subject) -> String {
    if !text.contains('{') {
        return text.to_owned();
    }
    let context = operation.target.cluster.context.as_ref().map(|w| w.display().into_owned());
    let mut refs: Vec<&str> = (operation.target.repository.updates.iter())
        .map(|u| u.destination.as_deref().unwrap_or("an unknown branch"))
        .collect();
    refs.dedup();
    let note = operation.note.as_deref().map(|n| format!(" ({n})"));
    let mut paths = subject.changed(operation, rule);
    let more = paths.split_off(paths.len().min(3)).len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    text.replace("{paths}", &format!("{}{more}", paths.join(", ")))
        .replace("{push}", &push(operation))
        .replace("{impact}", &impact(operation))
        .replace("{removed}", &some_of(&operation.target.repository.removed))
        .replace("{count}", &operation.target.repository.removed.len().to_string())
        .replace("{lasting}", &some_of(&operation.target.repository.lasting))
        .replace("{limit}", &subject.impact_limit.to_string())
        .replace("{subject}", &subject.title)
        .replace("{tool}", operation.called())
        .replace("{verb}", if operation.verb.is_empty() { "…" } else { &operation.verb })
        .replace("{context}", context.as_deref().unwrap_or("its context"))
        .replace("{target}", &target(operation))
        .replace("{refs}", &refs.join(", "))
        .replace("{note}", note.as_deref().unwrap_or_default())
        .replace("{repository}", subject.flux_git_repo.as_deref().unwrap_or("its Flux repository"))
}

/// The first few of a list, and how many more there are.
fn some_of(names: &[String]) -> String {
    let mut room = ROOM;
    let fits = |name: &&String| {
        let before = room;
        room = room.saturating_sub(name.chars().count() + 2);
        before == ROOM || room > 0
    };
    let shown: Vec<&str> = names.iter().take(MOST).take_while(fits).map(String::as_str).collect();
    let more = names.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// The push as a person would type it.
fn push(operation: &Operation) -> String {
    let target = &operation.target.repository;
    let dir = target.dirs.first().and_then(Dir::path).map(|dir| format!(" -C {dir}")).unwrap_or_default();
    let remote = target.remote.as_ref().map(|word| format!(" {}", word.display())).unwrap_or_default();
    let refs: String = target.refspecs.iter().map(|word| format!(" {}", word.display())).collect();
    format!("git{dir} push{remote}{refs}")
}

/// The command that shows a person what a push or a merge does to clusters.
fn impact(operation: &Operation) -> String {
    let tip = operation.target.repository.tips.first().map(String::as_str).unwrap_or_default();
    let range = |tip: &str| format!("rwenv impact --range origin/main..{tip}");
    match PullRequest::from_revision(tip) {
        Some(PullRequest { number: Some(number), .. }) => format!("rwenv impact --pr {number}"),
        Some(PullRequest { number: None, .. }) => "rwenv impact --pr NUMBER".to_owned(),
        None => range(tip.strip_prefix("refs/remotes/").unwrap_or("HEAD")),
    }
}

/// The objects an operation names, for people.
fn target(operation: &Operation) -> String {
    let name = operation.target.names.first();
    let object = match (operation.target.kinds.first(), name) {
        (None, Some(name)) if matches!(operation.tool, "guard" | "http" | "docker") => name.clone(),
        (Some(kind), Some(name)) => format!("{kind}/{name}"),
        (Some(kind), None) => kind.clone(),
        (None, Some(name)) if operation.tool == "helm" => format!("release {name}"),
        (None, Some(name)) if operation.tool == "flux" => {
            format!("{} {name}", operation.verb.rsplit(' ').next().unwrap_or_default())
        }
        (None, _) => "its objects".to_owned(),
    };
    let namespace =
        operation.target.namespace.as_deref().map(|n| format!(" in namespace {n}")).unwrap_or_default();
    format!("{object}{namespace}")
}
