//! Whose server, account, project or host a call is for: what its words, its variables and the tool's own configuration name, and the
//! `targets` of rwenvs.

use super::judged::JudgedName;
use super::planned::Planned;
use crate::model::{
    AskedTarget, Context, Dir, Effect, Facts, Operation, Question, Reach, Rwenv, Rwenvs, ServiceTarget,
    TargetKind, Texts, Word, glob, host, is_loopback,
};
use crate::policy::Subject;

/// What tools are told that they use where nothing else is chosen.
const USUAL: &str = "default";

/// What the commands of a line choose for later calls of their tools: when, which tool, what kind, and what.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices(Vec<(usize, &'static str, TargetKind, Word)>);

impl Choices {
    /// Takes the operations of the next command into account; `order` is how many the line has run by then.
    pub(super) fn see(&mut self, operations: &[Operation], order: usize) {
        for operation in operations {
            for target in operation.target.services.iter().filter(|target| target.chooses) {
                let word = target.names.last().cloned().unwrap_or_else(Word::unknown);
                self.0.push((order, operation.tool, target.kind, word));
            }
        }
    }

    /// Notes in an operation what the line chose for it before.
    pub(super) fn follow(&self, planned: &Planned, operation: &mut Operation) {
        let tool = operation.tool;
        for target in operation.target.services.iter_mut().filter(|t| t.names.is_empty() && !t.chooses) {
            let mut before = self
                .0
                .iter()
                .rev()
                .filter(|(at, of, kind, _)| *at < planned.order && *of == tool && *kind == target.kind);
            target.names.extend(before.next().map(|(.., word)| word.clone()));
        }
    }

    /// What is asked about an operation's targets; nothing where it only looks.
    pub(super) fn questions(&self, operation: &Operation) -> Vec<Question> {
        if !is_judged(operation) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for target in operation.target.services.iter().filter(|target| !target.chooses) {
            let chosen =
                self.0.iter().filter(|(_, of, kind, _)| *of == operation.tool && *kind == target.kind);
            let names = target.names.iter().chain(chosen.map(|(.., word)| word)).filter_map(Word::as_literal);
            all.extend(names.filter(|_| target.config).map(|name| asked(target, Some(name), operation)));
            if target.names.is_empty() && (target.config || !target.variables.is_empty()) {
                all.push(asked(target, None, operation));
            }
        }
        all.into_iter().map(Question::Target).collect()
    }
}

/// True where it matters whose target an operation is for.
fn is_judged(operation: &Operation) -> bool {
    let here = operation.reach == Reach::Local && operation.effect != Effect::LocalWrite;
    operation.effect > Effect::Read && !here && operation.reach != Reach::Repository
}

fn asked(target: &ServiceTarget, name: Option<&str>, operation: &Operation) -> AskedTarget {
    AskedTarget {
        kind: target.kind,
        name: name.map(str::to_owned),
        variables: if name.is_none() { target.variables } else { Texts::new(&[]) },
        config: target.config,
        file: target.file.as_ref().and_then(Word::as_literal).map(str::to_owned),
        file_variables: target.file_variables,
        dir: operation.cwd.first().and_then(Dir::path).map(str::to_owned),
    }
}

/// What a target is called.
#[derive(Default)]
struct Called {
    /// Names and addresses.
    names: Vec<String>,
    /// Words that may be a rwenv's name.
    hints: Vec<String>,
    /// Some of it is computed at run time.
    computed: bool,
}

fn called(target: &ServiceTarget, operation: &Operation, facts: &Facts) -> Called {
    let mut out = Called::default();
    let words = || target.names.iter().chain(&target.parts);
    let computed = |word: &&Word| word.as_literal().is_none();
    out.computed = words().chain(&target.file).any(|word| computed(&word));
    for name in words().filter_map(Word::as_literal) {
        out.names.push(name.to_owned());
        out.names.extend_from_slice(facts.target(&asked(target, Some(name), operation)));
    }
    if target.names.is_empty() {
        out.names.extend_from_slice(facts.target(&asked(target, None, operation)));
    }
    for path in target.hints.iter().filter_map(Word::as_literal) {
        out.hints.push(path.to_owned());
        out.hints.extend(path.split('/').filter(|part| *part != path).map(str::to_owned));
        out.hints.extend(stem(path));
    }
    if let Some(path) = target.file.as_ref().and_then(Word::as_literal) {
        let folder = path.rsplit('/').nth(1).map(str::to_owned);
        out.hints.extend(stem(path).into_iter().chain(folder));
    }
    out
}

/// The name of a file without what says which kind it is.
fn stem(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    name.split('.').next().filter(|stem| !stem.is_empty()).map(str::to_owned)
}

/// The name of the folder an operation runs in, where the line has moved there.
fn folder(operation: &Operation, start: &Context) -> Option<String> {
    let dir = operation.cwd.first().and_then(Dir::path)?;
    let moved = dir != start.cwd && dir != start.home;
    dir.rsplit('/').next().filter(|_| moved).map(str::to_owned)
}

/// The judges of an operation, by those of the place it runs in and whose its targets are.
pub(super) fn judges(
    selected: Vec<JudgedName>,
    operation: &Operation,
    (facts, rwenvs): (&Facts, &Rwenvs),
    start: &Context,
) -> Vec<JudgedName> {
    let mut all = selected;
    if !is_judged(operation) || operation.target.services.is_empty() {
        return all;
    }
    let own: Vec<String> = all.iter().filter_map(subject_name).collect();
    let mut alone = Vec::new();
    for target in operation.target.services.iter().filter(|target| !target.chooses) {
        let mut called = called(target, operation, facts);
        called.hints.extend(folder(operation, start).filter(|_| target.folder));
        let found = of_target(target, &called, &own, rwenvs);
        if target.alone && !target.names.is_empty() && found.declared {
            alone.extend(found.judges.clone());
        }
        if let Some(kind) = found.nobody.filter(|_| operation.effect > Effect::ReadSecret) {
            all.push(JudgedName::Subject(Subject::foreign(&kind), None));
        }
        all.extend(found.judges.into_iter().filter(|judge| !all.contains(judge)).collect::<Vec<_>>());
    }
    if alone.is_empty() { all } else { alone }
}

fn subject_name(judge: &JudgedName) -> Option<String> {
    match judge {
        JudgedName::Subject(subject, _) => Some(subject.name.clone()),
        _ => None,
    }
}

/// Whose one target is.
#[derive(Default)]
struct Found {
    /// The rwenvs it belongs to, without those that judge anyway.
    judges: Vec<JudgedName>,
    /// All its names are in `targets` of rwenvs that do not judge anyway.
    declared: bool,
    /// It is nobody's, where others of its kind are somebody's; how it is called.
    nobody: Option<String>,
}

fn of_target(target: &ServiceTarget, called: &Called, own: &[String], rwenvs: &Rwenvs) -> Found {
    let mut found = Found::default();
    let kind = target.kind;
    if called.names.iter().any(|name| is_here(name)) {
        return found;
    }
    let is_own = |rwenv: &&Rwenv| own.iter().any(|name| *name == rwenv.name.as_str());
    let mut known = 0_usize;
    let mut foreign = 0_usize;
    let hints = called.hints.iter().map(|hint| (hint, true));
    for (name, hint) in called.names.iter().map(|name| (name, false)).chain(hints) {
        let declared: Vec<&Rwenv> = rwenvs.all.iter().filter(|rwenv| has(rwenv, kind, name)).collect();
        let owners = if declared.is_empty() { named_so(name, hint, rwenvs) } else { declared.clone() };
        known += usize::from(!owners.is_empty());
        if owners.is_empty() || owners.iter().any(is_own) {
            continue;
        }
        foreign += usize::from(!declared.is_empty());
        let judge = |rwenv: &Rwenv| {
            let mut subject = Subject::of(rwenv);
            subject.title = format!("{} (whose {kind} '{name}' is)", subject.title);
            JudgedName::Subject(subject, None)
        };
        let fresh = |rwenv: &&&Rwenv| {
            let name = rwenv.name.as_str();
            !found.judges.iter().filter_map(subject_name).any(|known| known == name)
        };
        let more: Vec<JudgedName> = owners.iter().filter(fresh).map(|rwenv| judge(rwenv)).collect();
        found.judges.extend(more);
    }
    found.declared = foreign > 0 && foreign == known;
    let restricted = |rwenv: &Rwenv| {
        (rwenv.read_only || rwenv.git_ops_only) && !is_own(&rwenv) && rwenv.targets.contains_key(&kind)
    };
    if called.computed && rwenvs.all.iter().any(restricted) {
        let what = format!("the {kind} target is computed at run time");
        found.judges.push(JudgedName::Elsewhere(unsure(own, rwenvs), what));
    }
    let of_kind = || rwenvs.all.iter().any(|rwenv| rwenv.targets.contains_key(&kind));
    let name = called.names.iter().find(|name| *name != USUAL);
    found.nobody = name.filter(|_| known == 0 && !called.computed && !own.is_empty() && of_kind()).map(|name| {
        format!("{kind} '{name}' (of no rwenv; a person gives it to one: rwenv edit NAME --target {kind}={name})")
    });
    found
}

/// A target that may be anybody's, seen from what is selected.
fn unsure(own: &[String], rwenvs: &Rwenvs) -> Subject {
    let read_only = own.iter().filter_map(|name| rwenvs.get(name)).any(|rwenv| rwenv.read_only);
    Subject { read_only, ..Subject::foreign("a target that may be another rwenv's") }
}

/// True for what is on this machine: nobody else's, and no concern of a rwenv's.
fn is_here(name: &str) -> bool {
    let socket = ["/", "unix:", "npipe:"].iter().any(|start| name.starts_with(start));
    socket || is_loopback(host(name))
}

/// True where the `targets` of a rwenv name this.
fn has(rwenv: &Rwenv, kind: TargetKind, name: &str) -> bool {
    let patterns = rwenv.targets.get(&kind).into_iter().flatten().map(String::as_str);
    let project = rwenv.gcp_project.as_deref().filter(|_| kind == TargetKind::Gcp);
    patterns.chain(project).any(|pattern| fits(pattern, name))
}

/// True where a pattern is a name or, of an address, its host, with its port where the pattern has one.
fn fits(pattern: &str, name: &str) -> bool {
    let bare = |text: &str| {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        rest.trim_end_matches('/').to_ascii_lowercase()
    };
    let (pattern, whole) = (bare(pattern), bare(name));
    let authority = whole.split(['/', '?']).next().unwrap_or_default();
    [whole.as_str(), authority, host(&whole)].iter().any(|text| glob(&pattern, text))
}

/// The rwenvs whose own name or context this is, or a label of a host before its domain.
fn named_so<'r>(name: &str, hint: bool, rwenvs: &'r Rwenvs) -> Vec<&'r Rwenv> {
    let labels: Vec<&str> = if hint { Vec::new() } else { host(name).split('.').collect() };
    let before = labels.len().saturating_sub(2).max(1);
    let is = |text: &str, rwenv: &Rwenv| {
        !text.is_empty() && (rwenv.name.as_str() == text || rwenv.has_context(text))
    };
    let called = |rwenv: &Rwenv| is(name, rwenv) || labels.iter().take(before).any(|label| is(label, rwenv));
    rwenvs.all.iter().filter(|rwenv| called(rwenv)).collect()
}

/// A change of containers that are not on this machine is one of a service.
pub(super) fn elsewhere(operation: &mut Operation, facts: &Facts, rwenvs: &Rwenvs) {
    let far = |target: &ServiceTarget| {
        if target.kind != TargetKind::Docker || target.chooses {
            return false;
        }
        let Called { names, computed, .. } = called(target, operation, facts);
        let named = || computed || names.iter().any(|name| name != USUAL);
        let declared = |rwenv: &Rwenv| rwenv.targets.contains_key(&target.kind);
        let somebody_s = || names.iter().any(|name| !named_so(name, false, rwenvs).is_empty());
        !names.iter().any(|name| is_here(name))
            && named()
            && (rwenvs.all.iter().any(declared) || somebody_s())
    };
    if operation.reach == Reach::Local
        && operation.effect == Effect::LocalWrite
        && operation.target.services.iter().any(far)
    {
        (operation.effect, operation.reach) = (Effect::CloudWrite, Reach::Service);
    }
}
