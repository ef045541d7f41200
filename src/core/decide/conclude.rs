//! From a plan and the answers to its questions to the verdict.

use super::judged::JudgedName;
use super::program::mentions_tools;
use super::resolve::{resolved, seen_by};
use super::subject::{of_cluster, of_repository, of_service, selected};
use super::{Plan, ids, services};
use crate::model::{
    Context, Decision, Dir, Effect, Facts, Opaque, OpaqueKind, Operation, Reach, Reason, Rwenv, Rwenvs, Span,
    Unselected, Verdict,
};
use crate::policy::{self, RULES, Subject};

/// Longest excerpt of the command line in a reason, in characters.
const EXCERPT: usize = 160;

/// One part of a command line and what is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedPart {
    /// Where it stands in the line.
    pub span: Span,
    /// The part of the line, cut where it is long.
    pub text: String,
    /// What it would do; none where that is not known.
    pub operation: Option<Operation>,
    /// Which of the plan's operations it comes from.
    pub planned: Option<usize>,
    /// What the rules say; empty where nothing is said against it.
    pub reasons: Vec<Reason>,
}

/// Decides.
pub fn conclude(plan: &Plan, facts: &Facts, rwenvs: &Rwenvs) -> Verdict {
    Verdict::from_reasons(explain(plan, facts, rwenvs).into_iter().flat_map(|part| part.reasons).collect())
}

/// Decides part by part: every operation, then everything that stayed unknown. The verdict is the maximum.
#[must_use]
pub fn explain(plan: &Plan, facts: &Facts, rwenvs: &Rwenvs) -> Vec<JudgedPart> {
    let mut parts = Vec::new();
    for (at, planned) in plan.planned.iter().enumerate() {
        for operation in resolved(plan, at, planned, facts, rwenvs) {
            let reasons = judge(&operation, facts, rwenvs, &plan.context);
            parts.push(JudgedPart {
                span: operation.span,
                text: String::new(),
                operation: Some(operation),
                planned: Some(at),
                reasons,
            });
        }
    }
    for opaque in &plan.opaque {
        let reasons = unknown(opaque, plan, facts, rwenvs).into_iter().collect();
        parts.push(JudgedPart {
            span: opaque.span,
            text: String::new(),
            operation: None,
            planned: None,
            reasons,
        });
    }
    for part in &mut parts {
        part.text = excerpt(part.span, &plan.line);
        for reason in &mut part.reasons {
            if let Some(why) = &rwenvs.broken {
                reason.text = format!("{} {why}", reason.text);
            }
            reason.part.clone_from(&part.text);
        }
    }
    parts
}

/// In whose names an operation is judged; in nobody's where it is harmless wherever it runs.
pub(super) fn judges(
    operation: &Operation,
    facts: &Facts,
    rwenvs: &Rwenvs,
    start: &Context,
) -> Vec<JudgedName> {
    match operation.reach {
        Reach::Local if matches!(operation.effect, Effect::Read | Effect::LocalWrite) => Vec::new(),
        Reach::Local => {
            let dirs =
                if operation.cwd.is_empty() { &operation.target.repository.dirs } else { &operation.cwd };
            let mut judges = selected(dirs, facts, rwenvs);
            judges.retain(|j| matches!(j, JudgedName::Subject(..)));
            // The guard is guarded wherever one is.
            if judges.is_empty() && (operation.effect == Effect::Tamper || operation.tool == "rwenv") {
                judges.push(JudgedName::Subject(Subject::nobody(), None));
            }
            judges
        }
        Reach::Service => {
            services::judges(of_service(operation, facts, rwenvs, start), operation, (facts, rwenvs), start)
        }
        Reach::Cluster => of_cluster(operation, facts, rwenvs, start),
        Reach::Repository if operation.effect <= Effect::Read => Vec::new(),
        Reach::Repository => of_repository(operation, facts, rwenvs),
    }
}

fn judge(operation: &Operation, facts: &Facts, rwenvs: &Rwenvs, start: &Context) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for judge in judges(operation, facts, rwenvs, start) {
        match judge {
            JudgedName::Subject(subject, on) => {
                let operation = &seen_by(operation, &subject, facts);
                reasons.extend(policy::evaluate(operation, on, &subject, RULES));
                reasons.extend(policy::evaluate(operation, on, &subject, &facts.rules));
                reasons.extend(rules_unknown(operation, facts, &subject));
            }
            // As by a context in no rwenv: looking is free, into a file here too, and secret values ask.
            JudgedName::NoneSelected
                if operation.effect <= Effect::LocalWrite && rwenvs.unselected == Unselected::Read =>
            {
                let nobody = Subject::foreign("this directory, where no rwenv is selected");
                reasons.extend(policy::evaluate(operation, None, &nobody, RULES));
            }
            JudgedName::NoneSelected => reasons.push(none_selected(operation.span, rwenvs)),
            JudgedName::Invalid(why) => {
                let text = format!("{}.", why.trim_end_matches('.'));
                let instead = format!("Select an existing rwenv: rwenv set <name>. {}", list(rwenvs));
                let reason = Reason::new(Decision::Deny, ids::INVALID, text, instead);
                reasons.push(reason.about(operation.span, None));
            }
            JudgedName::Elsewhere(subject, why) => reasons.push(foreign(operation, &subject, &why)),
            JudgedName::OtherCluster(rwenv, why) => reasons.push(other_cluster(operation, &rwenv, &why)),
            JudgedName::NoContext(rwenv) => {
                reasons.push(no_context(operation, &rwenv, facts, rwenvs));
            }
            JudgedName::MissingContext(rwenv, context, there) => {
                reasons.push(missing_context(operation, rwenv.as_ref(), &context, &there));
            }
        }
    }
    reasons
}

/// A policy of the user's that cannot be read does not count, and what it might have said something about says so.
fn rules_unknown(operation: &Operation, facts: &Facts, subject: &Subject) -> Option<Reason> {
    let why = facts.rules_unknown.as_ref().filter(|_| operation.effect > Effect::ReadSecret)?;
    let text = format!("A policy cannot be read, and does not count: {why}.");
    let instead = "A person fixes it; rwenv policy lint shows where.";
    let reason = Reason::new(Decision::Allow, ids::POLICY, text, instead);
    Some(reason.about(operation.span, Some(&subject.name)))
}

fn none_selected(span: Span, rwenvs: &Rwenvs) -> Reason {
    let instead = if rwenvs.all.is_empty() {
        "Add one first: rwenv add <name>, then select it with rwenv set <name>.".to_owned()
    } else {
        format!("Select one for this directory: rwenv set <name>. {}", list(rwenvs))
    };
    let text = "No rwenv configured for this directory. Use /rwenv-set to select an environment.".to_owned();
    Reason::new(Decision::Deny, ids::NONE_SELECTED, text, instead).about(span, None)
}

fn no_context(operation: &Operation, rwenv: &Rwenv, facts: &Facts, rwenvs: &Rwenvs) -> Reason {
    let (tool, verb) = (operation.called(), &operation.verb);
    let (name, file) = (&rwenv.name, format!("{}/envs.json", rwenvs.config_dir));
    let meant = rwenv.misspelt.iter().find(|found| found.meant == "kubernetesContext");
    let meant = meant.map_or_else(String::new, |found| format!(" {file} says \"{}\" there.", found.name));
    // Of other clients it is not sure that they go to a cluster.
    let sure = operation.reach == Reach::Cluster && operation.effect != Effect::Read;
    let decision = if sure { Decision::Deny } else { Decision::Ask };
    let would = if operation.effect == Effect::Read { "would look at" } else { "would change" };
    let there = if facts.contexts.is_empty() {
        String::new()
    } else {
        format!(" The kubeconfig has: {}.", facts.contexts.join(", "))
    };
    let text = format!(
        "rwenv '{name}' names no context, so rwenv cannot determine which cluster {tool} {verb} {would}.{meant}"
    );
    let instead = format!(
        "Ask a person to add it: rwenv edit {name} --context CONTEXT (\"kubernetesContext\" in {file}).{there} For another cluster, name the context of its rwenv: --context CONTEXT."
    );
    Reason::new(decision, ids::NO_CONTEXT, text, instead).about(operation.span, Some(name.as_str()))
}

/// The context is not in the kubeconfig; those that are, the nearest first.
fn missing_context(operation: &Operation, rwenv: Option<&Rwenv>, context: &str, there: &[String]) -> Reason {
    let mut there: Vec<&str> = there.iter().map(String::as_str).collect();
    there.sort_by_key(|name| strsim::osa_distance(name, context));
    let (tool, verb) = (operation.called(), &operation.verb);
    let whose = rwenv.map(|rwenv| format!(" of rwenv '{}'", rwenv.name)).unwrap_or_default();
    let text = format!(
        "Context '{context}'{whose} is not in the kubeconfig, so {tool} {verb} may change another cluster."
    );
    let near = format!("The kubeconfig has: {}.", there.join(", "));
    let instead = match rwenv {
        Some(Rwenv { name, .. }) => {
            format!(
                "{near} Ask a person to correct it: rwenv edit {name} --context CONTEXT. Reads are allowed."
            )
        }
        None => format!("{near} Name one of them that belongs to a rwenv (rwenv list)."),
    };
    let reason = Reason::new(Decision::Deny, ids::MISSING_CONTEXT, text, instead);
    reason.about(operation.span, rwenv.map(|rwenv| rwenv.name.as_str()))
}

fn other_cluster(operation: &Operation, rwenv: &Rwenv, why: &str) -> Reason {
    let name = &rwenv.name;
    let text = format!("{why}, so {} {} may change another cluster.", operation.tool, operation.verb);
    let instead = format!(
        "Ask a person to look: if rwenv '{name}' means that cluster now, they run rwenv confirm {name}. Reads are allowed."
    );
    let reason = Reason::new(Decision::Deny, ids::OTHER_CLUSTER, text, instead);
    reason.about(operation.span, Some(name.as_str()))
}

/// The rwenvs there are, in one line.
fn list(rwenvs: &Rwenvs) -> String {
    let all: Vec<String> = (rwenvs.all.iter())
        .map(|r| {
            let flags = [(r.read_only, "read-only"), (r.git_ops_only, "gitops-only")];
            let flags: Vec<&str> = flags.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
            if flags.is_empty() { r.name.to_string() } else { format!("{} ({})", r.name, flags.join(", ")) }
        })
        .collect();
    if all.is_empty() { String::new() } else { format!("Configured: {}.", all.join(", ")) }
}

fn foreign(operation: &Operation, subject: &Subject, why: &str) -> Reason {
    let decision = if subject.read_only { Decision::Deny } else { Decision::Ask };
    let text = format!("{} {} reaches {}: {why}.", operation.tool, operation.verb, subject.name);
    let instead = "Name the context of a configured rwenv, or ask a person to add this cluster: rwenv add NAME --kubeconfig FILE --context CONTEXT.";
    Reason::new(decision, ids::FOREIGN, text, instead).about(operation.span, Some(&subject.name))
}

/// What is not known never helps: denied where a read-only rwenv can be reached, asked elsewhere, and left alone
/// where nothing of ours is in reach.
fn unknown(opaque: &Opaque, plan: &Plan, facts: &Facts, rwenvs: &Rwenvs) -> Option<Reason> {
    let start = vec![Dir::Known(plan.context.cwd.clone())];
    let dirs = opaque.invocation.as_ref().map_or(&start, |i| &i.cwd);
    let mut judges = selected(dirs, facts, rwenvs);
    judges.extend(selected(&start, facts, rwenvs));
    let read_only = judges.iter().find_map(|j| match j {
        JudgedName::Subject(s, _) if s.read_only => Some(s.name.clone()),
        JudgedName::Invalid(_) => Some("(unreadable selection)".to_owned()),
        _ => None,
    });
    let writable = judges.iter().find_map(|j| match j {
        JudgedName::Subject(s, _) => Some(s.name.clone()),
        _ => None,
    });
    let mentions = mentions_tools(&plan.line);
    let decision = match (&read_only, &writable, opaque.kind) {
        (Some(_), _, OpaqueKind::Syntax) if !mentions && !builds_code(&plan.line) => Decision::Ask,
        (Some(_), _, OpaqueKind::Code | OpaqueKind::Perhaps) => Decision::Ask,
        // Where changes are free a guess is nobody's business.
        (None, _, OpaqueKind::Perhaps) if !judges.iter().any(is_gitops_only) => return None,
        (Some(_), _, _) | (None, Some(_), OpaqueKind::Limit) => Decision::Deny,
        (None, Some(_), OpaqueKind::Syntax) if !mentions => return None,
        (None, Some(_), _) => Decision::Ask,
        (None, None, OpaqueKind::Limit) => Decision::Ask,
        (None, None, _) => return None,
    };
    let name = read_only.or(writable);
    let place = name.as_deref().map(|n| format!(" in rwenv '{n}'")).unwrap_or_default();
    let (rule, text, instead) = match opaque.kind {
        OpaqueKind::Syntax => (
            ids::SYNTAX,
            format!("This command line cannot be judged{place}: {}.", opaque.what),
            "Write it in plain bash, one command after another, and check the syntax with bash -n.",
        ),
        OpaqueKind::Limit => (
            ids::LIMIT,
            format!("This command line cannot be judged{place}: {}.", opaque.what),
            "Split it into several shorter commands.",
        ),
        OpaqueKind::Program | OpaqueKind::Code | OpaqueKind::Fed | OpaqueKind::Perhaps => (
            ids::OPAQUE,
            format!("rwenv cannot determine what this would run{place}: {}.", opaque.what),
            "Write out the program and its verb so that rwenv can check them before they run.",
        ),
    };
    Some(Reason::new(decision, rule, text, instead).about(opaque.span, name.as_deref()))
}

fn is_gitops_only(judge: &JudgedName) -> bool {
    matches!(judge, JudgedName::Subject(subject, _) if subject.git_ops_only)
}

/// True where the text has what it takes to make a command out of something else.
fn builds_code(line: &str) -> bool {
    ["eval", "source", "base64", "xxd", "| sh", "|sh", "bash", "$'", "printf", "${!", "declare"]
        .iter()
        .any(|w| line.contains(w))
}

fn excerpt(span: Span, line: &str) -> String {
    let text = span.slice(line).trim();
    let short: String = text.chars().take(EXCERPT).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
