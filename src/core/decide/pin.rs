//! Pinning by rewriting: commands that leave open which cluster they mean are told, and are sent into the dev container where all
//! commands run. Only what stands plainly in the line is rewritten; what is computed, quoted or aimed somewhere stays as it is.

use super::{Plan, Planned, quoted};
use crate::classify;
use crate::model::{Bound, Effect, Facts, Invocation, Pin, Place, Rwenv, Rwenvs, Span, Word};

/// The line as it should run, where that is another.
#[must_use]
pub fn pinned(plan: &Plan, facts: &Facts, rwenvs: &Rwenvs) -> Option<String> {
    let mut edits: Vec<(usize, String)> = Vec::new();
    for planned in &plan.planned {
        for edit in edits_of(planned, plan, facts, rwenvs)? {
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
    }
    edits.sort();
    // One place, two meanings: it depends on how the line runs.
    let clash = edits.windows(2).any(|two| matches!(two, [a, b] if a.0 == b.0));
    if edits.is_empty() || clash {
        return None;
    }
    let mut line = plan.line.clone();
    for (at, text) in edits.iter().rev() {
        line.insert_str(*at, text);
    }
    Some(line)
}

/// What is to be inserted for one operation. None where the whole line has to stay as it is.
fn edits_of(planned: &Planned, plan: &Plan, facts: &Facts, rwenvs: &Rwenvs) -> Option<Vec<(usize, String)>> {
    let (operation, invocation) = (&planned.operation, &planned.invocation);
    let target = &operation.target.cluster;
    let aimed = target.context.is_some() || target.kubeconfig.is_some() || target.redirect.is_some();
    let flag = match operation.tool {
        "kubectl" | "flux" => "--context",
        "helm" => "--kube-context",
        "gcloud" => "--project",
        _ => return Some(Vec::new()),
    };
    if aimed || target.remote.is_some() {
        return Some(Vec::new());
    }
    let Some(rwenv) = selected(planned, facts, rwenvs) else { return Some(Vec::new()) };
    let container = rwenvs.dev_container.as_deref();
    if rwenv.pin != Pin::Rewrite && container.is_none() {
        return Some(Vec::new());
    }
    let Some(program) = invocation.program().and_then(Word::as_literal) else { return Some(Vec::new()) };
    let Some(at) = place(program, operation.span, &plan.line) else { return Some(Vec::new()) };
    let mut flags = String::new();
    let local = Place::default();
    let place = if container.is_some() { rwenv.places.last() } else { rwenv.places.first() };
    let place = place.unwrap_or(&local);
    if flag == "--project" {
        rwenv.gcp_project.iter().for_each(|project| flags.push_str(&format!(" {flag}={}", quoted(project))));
    } else {
        place.kubernetes_context.iter().for_each(|name| flags.push_str(&format!(" {flag}={}", quoted(name))));
        place
            .kubeconfig_path
            .iter()
            .for_each(|path| flags.push_str(&format!(" --kubeconfig={}", unexpanded(path))));
    }
    let mut edits = Vec::new();
    if !flags.is_empty() {
        edits.push((at + program.len(), flags));
    }
    if let Some(container) = container {
        // What the line sets for the command would stay outside.
        if !invocation.env.is_empty() || program.contains('/') {
            return None;
        }
        edits.push((at, format!("docker exec -i {} ", quoted(container))));
    }
    Some(edits)
}

/// A path as a shell takes it; `~` is left for it to expand.
fn unexpanded(path: &str) -> String {
    match path.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME\"/{}", quoted(rest)),
        None => quoted(path),
    }
}

/// The one rwenv that is selected wherever a command may run.
fn selected<'r>(planned: &Planned, facts: &Facts, rwenvs: &'r Rwenvs) -> Option<&'r Rwenv> {
    let mut found: Option<&str> = None;
    for dir in &planned.operation.cwd {
        for bound in facts.binding(dir) {
            let Bound::Rwenv(name) = bound else { return None };
            if found.is_some_and(|other| other != name) {
                return None;
            }
            found = Some(name);
        }
    }
    rwenvs.get(found?)
}

/// Where a program's word stands in its command, if it stands there once, as it is, and is run by nothing that runs it elsewhere.
fn place(program: &str, span: Span, line: &str) -> Option<usize> {
    let text = span.slice(line);
    let ends = |c: char| c.is_whitespace() || matches!(c, ';' | '|' | '&' | ')' | '(');
    let mut found = None;
    for (at, _) in text.match_indices(program) {
        let before = text.get(..at)?.chars().next_back();
        let after = text.get(at + program.len()..)?.chars().next();
        if before.is_none_or(ends) && after.is_none_or(ends) {
            if found.is_some() {
                return None;
            }
            found = Some(at);
        }
    }
    let at = found?;
    let front = text.get(..at)?;
    // Behind a quote, or handed to a shell as text, an insertion would be a part of something else.
    let plain = !front.contains(['"', '\'', '`', '\\', '$', '<', '>']);
    plain.then_some(span.start + at)
}

/// True where every part of a line is known to change nothing, and all whose environment it concerns want such lines approved.
#[must_use]
pub fn approved(plan: &Plan, facts: &Facts, rwenvs: &Rwenvs) -> bool {
    let tools = classify::tools();
    let reads = plan.planned.iter().all(|planned| planned.operation.effect == Effect::Read);
    let wanted = plan
        .planned
        .iter()
        .all(|planned| selected(planned, facts, rwenvs).is_some_and(|rwenv| rwenv.auto_approve));
    let writes =
        |invocation: &Invocation| invocation.writes.iter().any(|file| file.as_literal() != Some("/dev/null"));
    let reads = reads && !plan.planned.iter().any(|planned| writes(&planned.invocation));
    let others = plan.others.iter().all(|invocation| {
        let name = invocation.program().and_then(Word::basename).unwrap_or_default();
        let bare = Invocation { writes: Vec::new(), ..invocation.clone() };
        !writes(invocation)
            && (tools.programs.filters.contains(&name) || classify::is_plain_read(&bare, tools))
    });
    !plan.planned.is_empty() && plan.opaque.is_empty() && reads && wanted && others
}
