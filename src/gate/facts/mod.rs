//! The information point: what is known of this machine, its configuration and its repositories, read on demand. What is written
//! belongs to `ledger`.

pub mod agent;
pub mod binding;
mod brought;
mod certificate;
pub mod config;
pub mod content;
pub mod credential;
mod difference;
mod drift;
mod git;
pub mod guarded;
pub mod identity;
pub mod index;
mod kinds;
pub mod kubeconfig;
pub mod noted;
pub mod objects;
mod packs;
mod places;
pub mod policies;
mod pushed;
mod reached;
mod script;
mod sent;
pub mod services;
mod snapshot;
mod terraform;

use crate::base::environment::{self, Environment};
use rwenv_core::decide::Plan;
use rwenv_core::model::{
    Bound, ClusterIdentity, Context, Facts, Pushed, Question, Reach, Rwenv, Rwenvs, SeenContext, glob,
};

/// A plan and all that has to be known to conclude it.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The plan, with every program it runs as what it really is.
    pub plan: Plan,
    /// The answers to its questions.
    pub facts: Facts,
    /// The configured rwenvs, or why they could not be read; empty where the plan asks for none.
    pub rwenvs: Rwenvs,
}

/// Answers what a plan asks, and nothing else: one that asks nothing reads nothing.
#[must_use]
pub fn observe(plan: Plan, environment: &Environment) -> Observed {
    let mut out = Observed { plan, ..Observed::default() };
    identify(&mut out, environment);
    if !out.plan.questions.is_empty() {
        out.rwenvs = config::rwenvs(&environment.config_dir);
    }
    if !out.plan.is_nothing_of_ours() {
        let loaded = policies::load(&out.plan.context.cwd, environment);
        (out.facts.rules, out.facts.rules_unknown) = (loaded.rules, loaded.problem);
    }
    for question in &out.plan.questions {
        match question {
            Question::Binding(dir) => {
                let bound =
                    dir.path().map(|path| binding::bindings_for_dir(path, environment)).unwrap_or_default();
                out.facts.bindings.extend(bound.into_iter().map(|bound| (dir.clone(), bound)));
            }
            Question::CurrentContext => {
                let files = kubeconfig::of_bare_call(environment, out.plan.keeps_environment());
                out.facts.current_context = kubeconfig::current_context(&files);
            }
            Question::Cluster { kubeconfig, context } => {
                cluster((kubeconfig.as_deref(), context.as_deref()), &out.plan, &mut out.facts, environment);
            }
            Question::Target(asked) => {
                out.facts.targets.push((asked.clone(), services::names(asked, environment)));
            }
            Question::Application(path) => {
                let of = |rwenv: &Rwenv| rwenv.argocd_apps.iter().any(|pattern| glob(pattern, path));
                // Most of what is applied lies elsewhere, and costs nothing.
                let is_one = out.rwenvs.all.iter().any(of) && kinds::is_application(path);
                let found = is_one && pushed::pushed(path, environment) == Pushed::Yes;
                out.facts.applications.extend(found.then(|| path.clone()));
            }
            Question::Pushed(path) => {
                out.facts.pushed.push((path.clone(), pushed::pushed(path, environment)));
            }
            Question::Plan { file, dir } => {
                out.facts.plans.push(((file.clone(), dir.clone()), pushed::plan(file, dir, environment)));
            }
            Question::Drift { change, applied } => {
                let touches = drift::touches(change, applied, environment);
                out.facts.drifts.push(((change.clone(), applied.clone()), touches));
            }
            Question::GitRepository(dir) => {
                out.facts.repositories.push((dir.clone(), git::repository(dir, environment)));
            }
            Question::Program(_)
            | Question::Script(_)
            | Question::Defined(_)
            | Question::Leads(_)
            | Question::Brings(_)
            | Question::Reached { .. } => {}
        }
    }
    no_context(&out.plan, &mut out.facts, &out.rwenvs, environment);
    out.facts.reached = reached::answers(&out.plan, &out.facts, &out.rwenvs);
    out
}

/// What programs are, what scripts say and where paths lead, until the plan knows all that it runs.
fn identify(out: &mut Observed, environment: &Environment) {
    let mut places: Option<places::Guarded> = None;
    let mut shell: Option<snapshot::Shell> = None;
    let mut scripts = script::Scripts::default();
    while out.plan.is_waiting() {
        for question in &out.plan.questions {
            match question {
                Question::Program(program) if out.facts.program(program).is_none() => {
                    let found = crate::base::program::identify(program, environment);
                    out.facts.programs.push((program.clone(), found));
                }
                Question::Script(path) if out.facts.script(path).is_none() => {
                    out.facts.scripts.push((path.clone(), scripts.read(path)));
                }
                Question::Defined(name) if out.facts.defined(name).is_none() => {
                    let shell = shell.get_or_insert_with(|| snapshot::Shell::of(environment));
                    out.facts.defined.push((name.clone(), shell.definition(name)));
                }
                Question::Leads(path) if out.facts.lead(path).is_none() => {
                    let known =
                        places.get_or_insert_with(|| places::Guarded::of(&out.plan.context, environment));
                    out.facts.leads.push((path.clone(), known.lead(path)));
                }
                Question::Brings(change) if out.facts.brought(change).is_none() => {
                    let known =
                        places.get_or_insert_with(|| places::Guarded::of(&out.plan.context, environment));
                    out.facts.brought.push((change.clone(), brought::brought(change, known, environment)));
                }
                _ => {}
            }
        }
        out.plan = std::mem::take(&mut out.plan).resume(&out.facts);
    }
}

/// Where a context leads, and what a person has confirmed of the rwenvs' own.
fn cluster(
    (list, context): (Option<&str>, Option<&str>),
    plan: &Plan,
    facts: &mut Facts,
    environment: &Environment,
) {
    let files = match list {
        Some(list) => kubeconfig::listed(list),
        None => kubeconfig::of_bare_call(environment, plan.keeps_environment()),
    };
    if facts.clusters.is_empty() {
        facts.noted = confirmed(environment);
    }
    if list.is_none() {
        facts.kubeconfigs = files.iter().map(|path| path.display().to_string()).collect();
    }
    if let (Some(list), None) = (list, context) {
        let current = kubeconfig::current_context(&files);
        facts.currents.extend(current.map(|current| (list.to_owned(), current)));
    }
    let seen = identity::seen(&files, context, environment);
    facts.clusters.push(((list.map(str::to_owned), context.map(str::to_owned)), seen));
}

/// Of rwenvs that are selected and name no context, or one that is not there, which contexts there are.
fn no_context(plan: &Plan, facts: &mut Facts, rwenvs: &Rwenvs, environment: &Environment) {
    let reaches = |planned: &rwenv_core::decide::Planned| planned.operation.reach == Reach::Cluster;
    if !plan.planned.iter().any(reaches) {
        return;
    }
    let bound = facts.bindings.iter().filter_map(|(_, bound)| match bound {
        Bound::Rwenv(name) => rwenvs.get(name),
        _ => None,
    });
    let changes = plan.changes_something();
    for rwenv in bound {
        if !rwenv.names_context() {
            facts.contexts =
                identity::contexts(&kubeconfig::of_bare_call(environment, plan.keeps_environment()));
            continue;
        }
        let seen = if changes { identity::of_rwenv(rwenv, environment) } else { Vec::new() };
        let gone = seen.into_iter().map(|(context, seen)| match seen {
            SeenContext::Missing(there) if !there.is_empty() => Some((context, there)),
            _ => None,
        });
        let gone: Option<Vec<_>> = gone.collect();
        let first = gone.and_then(|all| all.into_iter().next());
        facts.missing.extend(first.map(|(context, there)| (rwenv.name.to_string(), context, there)));
    }
}

/// The clusters of rwenvs as a person confirmed them. A file that cannot be read notes nothing, and rwenv doctor says so.
fn confirmed(environment: &Environment) -> Vec<(String, ClusterIdentity)> {
    let noted = noted::read(&environment.config_dir).unwrap_or_default().into_iter();
    noted.flat_map(|(name, all)| all.into_iter().map(move |one| (name.clone(), one.cluster))).collect()
}

/// Where what is asked of a rwenv's cluster goes, for a door that speaks to it with the rwenv's own context.
pub fn own_cluster(rwenv: &Rwenv, plan: &Plan, facts: &mut Facts, environment: &Environment) {
    let asked = Question::Cluster { kubeconfig: None, context: None };
    if !plan.questions.contains(&asked) {
        return;
    }
    let all = identity::of_rwenv(rwenv, environment);
    let seen =
        all.into_iter().find(|(_, seen)| matches!(seen, SeenContext::Cluster(_) | SeenContext::Guarded(_)));
    if let Some((context, seen)) = seen {
        facts.noted = confirmed(environment);
        facts.current_context = Some(context);
        facts.clusters.push(((None, None), seen));
    }
}

/// Where a command line starts: the directory the caller names, or this process's own.
#[must_use]
pub fn context(cwd: Option<&str>, environment: &Environment) -> Context {
    let cwd = match cwd {
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(path) => format!("{}/{path}", environment::current_dir().display()),
        None => environment::current_dir().display().to_string(),
    };
    Context {
        cwd: rwenv_core::model::normalize(&cwd),
        home: rwenv_core::model::normalize(&environment.home.display().to_string()),
        config_dir: rwenv_core::model::normalize(&environment.config_dir.display().to_string()),
        ..Context::default()
    }
}
