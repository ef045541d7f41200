//! `rwenv check --trace`: the way from a line to its verdict, for whoever writes a policy or a table.

use serde::Serialize;

use super::out;
use rwenv_core::decide::{self, Traced};
use rwenv_core::model::{Bound, Facts, Invocation, Operation, Pushed, Word};
use rwenv_gate::facts::Observed;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TraceView {
    programs: Vec<Vec<String>>,
    opaque: Vec<String>,
    facts: Vec<String>,
    operations: Vec<OperationView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OperationView {
    operation: String,
    subject: String,
    matched: Vec<String>,
    /// Rules that did not match, each with the key of `when` that is not met.
    unmet: Vec<(String, &'static str)>,
}

/// Shows what is known of a plan, and what each rule says.
pub(super) fn show(observed: &Observed, json: bool) -> anyhow::Result<()> {
    let Observed { plan, facts, rwenvs } = observed;
    let view = TraceView {
        programs: plan.planned.iter().map(|planned| words(&planned.invocation)).collect(),
        opaque: plan.opaque.iter().map(|opaque| opaque.what.clone()).collect(),
        facts: known(facts),
        operations: decide::trace(plan, facts, rwenvs).into_iter().map(operation).collect(),
    };
    if json {
        return out::json(&view);
    }
    view.programs.iter().for_each(|argv| out::line(&format!("program: {}", argv.join(" "))));
    view.opaque.iter().for_each(|what| out::line(&format!("unknown: {what}")));
    view.facts.iter().for_each(|fact| out::line(&format!("fact:    {fact}")));
    for one in &view.operations {
        out::line(&format!("\n{} in the name of {}", one.operation, one.subject));
        one.matched.iter().for_each(|rule| out::line(&format!("  match   {rule}")));
        one.unmet.iter().for_each(|(rule, key)| out::line(&format!("  no      {rule}: {key}")));
    }
    Ok(())
}

/// What was found out. Configuration of a repository may hold credentials, so that of it only the branch is shown.
fn known(facts: &Facts) -> Vec<String> {
    let pushed = |found: &Pushed| match found {
        Pushed::Yes => "a remote has it".to_owned(),
        Pushed::Aside { on, .. } => format!("a remote has it on {}", on.join(", ")),
        Pushed::No(why) => format!("no remote has it: {why}"),
        Pushed::Generated => "Git ignores it".to_owned(),
    };
    let mut all: Vec<String> = Vec::new();
    for (dir, bound) in &facts.bindings {
        let dir = dir.path().unwrap_or("a directory that is computed");
        all.push(match bound {
            Bound::None => format!("{dir}: no rwenv is selected"),
            Bound::Rwenv(name) => format!("{dir}: rwenv '{name}' is selected"),
            Bound::Invalid(why) => format!("{dir}: {why}"),
        });
    }
    all.extend(facts.current_context.iter().map(|name| format!("current context: {name}")));
    for (path, program) in &facts.programs {
        all.push(format!("{path}: is {}", program.unwrap_or("none of the programs that are judged")));
    }
    for (dir, repository) in &facts.repositories {
        let branch = repository.as_ref().map(|r| r.branch.as_deref().unwrap_or("no branch"));
        all.push(branch.map_or_else(|| format!("{dir}: no repository"), |name| format!("{dir}: on {name}")));
    }
    all.extend(facts.pushed.iter().map(|(path, found)| format!("{path}: {}", pushed(found))));
    all.extend(facts.plans.iter().map(|((file, _), found)| format!("plan {file}: {}", pushed(found))));
    all.extend(facts.rules_unknown.iter().map(|why| format!("a policy cannot be read: {why}")));
    all
}

fn words(invocation: &Invocation) -> Vec<String> {
    invocation.argv.iter().map(|word: &Word| word.display().into_owned()).collect()
}

fn operation(traced: Traced) -> OperationView {
    let Operation { tool, verb, effect, reach, traits, .. } = &traced.operation;
    let (mut matched, mut unmet) = (Vec::new(), Vec::new());
    for (rule, key) in traced.rules {
        match key {
            Some(key) => unmet.push((rule, key)),
            None => matched.push(rule),
        }
    }
    OperationView {
        operation: format!(
            "{tool} {verb} [{} {reach}; {}]",
            effect.as_str(),
            traits.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(" ")
        ),
        subject: traced.subject,
        matched,
        unmet,
    }
}
