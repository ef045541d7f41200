//! Policies beside the built-in ones: an organisation's, a person's, a project's. They come from files, so that they are checked
//! before they count. What they decide is added to everything else: a rule says ask or deny, and the strictest counts, so that a
//! later layer can only tighten.

use serde::{Deserialize, Serialize};

use crate::model::{Decision, PathClass, Rule, RuleList};
use crate::table::{FILLED_IN, PolicyFile, RuleExamples, is_none_of, nearest, never_filled_in};

/// A policy that was checked, as it is kept for the hook.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Checked {
    /// The file it is from.
    pub path: String,
    /// Its name.
    pub name: String,
    /// It counts only for rwenvs that name it.
    pub optional: bool,
    /// Classes of files.
    pub classes: Vec<PathClass>,
    /// Its rules, without their examples.
    pub rules: Vec<Rule>,
}

/// Something wrong with a policy's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// A text in the file that shows where.
    pub near: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

/// Checks a policy; `taken` are ids of rules that stand elsewhere. Its words were checked when it was read.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(
    file: &PolicyFile,
    name: &str,
    path: &str,
    taken: &[String],
) -> Result<Checked, Vec<PolicyProblem>> {
    let mut wrong = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for rule in &file.rules {
        let mut say = |near: &str, what: String, help: &str| {
            wrong.push(PolicyProblem { near: near.to_owned(), what, help: help.to_owned() });
        };
        if !rule.id.starts_with(&format!("{name}.")) {
            say(
                &rule.id,
                format!("the id of this rule does not start with its policy's name, '{name}.'"),
                "an id is POLICY.RULE, and the policy is named after its file",
            );
        }
        if seen.contains(&&*rule.id) || taken.iter().any(|id| *id == rule.id) {
            say(
                &rule.id,
                "duplicate rule id".to_owned(),
                "give every rule a unique id; a rule of another layer cannot be replaced, only tightened",
            );
        }
        seen.push(&rule.id);
        match rule.decision {
            Decision::Ask | Decision::Deny if rule.instead.trim().is_empty() => {
                say(&rule.id, "the rule does not say what to do instead".to_owned(), "add instead = \"…\"");
            }
            Decision::Ask | Decision::Deny => {}
            Decision::Allow => say(
                rule.decision.as_str(),
                "a rule cannot allow what another forbids".to_owned(),
                "layers can only tighten: use ask or deny, or relax the rule in the layer that defines it",
            ),
        }
        if let Some(word) = [&rule.reason, &rule.instead].into_iter().find_map(|text| never_filled_in(text)) {
            say(
                &format!("{{{word}}}"),
                is_none_of(word, FILLED_IN.into_iter()),
                "write a word in braces only where rwenv fills it in",
            );
        }
        for matches in [true, false] {
            if !rule.examples.0.iter().any(|example| example.matches == matches) {
                let kind = if matches { "matches" } else { "does not match" };
                say(
                    &rule.id,
                    format!("the rule has no example that {kind}"),
                    "add [[rule.example]] with command = \"…\" and matches = true or false",
                );
            }
        }
        let tools = super::TOOLS;
        for tool in rule.when.tools.iter().filter(|tool| !tools.contains(&&***tool)) {
            say(
                tool,
                is_none_of(tool, tools.iter().copied()),
                "see existing rules with rwenv policy show read-only",
            );
        }
    }
    wrong.extend(file.rules.iter().flat_map(misspelt_verbs));
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let bare = |rule: &Rule| Rule { examples: RuleExamples::nothing(), ..rule.clone() };
    let (path, name) = (path.to_owned(), name.to_owned());
    let rules = file.rules.iter().map(bare).collect();
    Ok(Checked { path, name, optional: file.optional, classes: file.classes.clone(), rules })
}

/// Verbs that the rule's tools do not have, and nearly one of which they have. Others may be a plugin's.
fn misspelt_verbs(rule: &Rule) -> Vec<PolicyProblem> {
    let named = |tool: &str| rule.when.tools.is_empty() || rule.when.tools.iter().any(|one| **one == *tool);
    let tables = super::VERBS.iter().filter(|(tool, _)| named(tool));
    let known: Vec<&str> = tables.flat_map(|(_, verbs)| verbs.iter().copied()).collect();
    let has = |verb: &str| {
        let group = format!("{verb} ");
        known.iter().any(|one| *one == verb || one.starts_with(&group))
    };
    let problem = |verb: &str| {
        let near = nearest(verb, known.iter().copied())?;
        Some(PolicyProblem {
            near: verb.to_owned(),
            what: format!("'{verb}' is not a verb of this rule's tools; did you mean '{near}'?"),
            help: "correct it; the verb of a plugin may be any that is near none of the tool's own"
                .to_owned(),
        })
    };
    let verbs = rule.when.verbs.iter().map(|verb| &**verb).filter(|verb| !verb.is_empty() && !has(verb));
    verbs.filter_map(problem).collect()
}

/// The rules of checked policies, which live as long as whoever holds them.
#[must_use]
pub fn load(policies: &[Checked]) -> Vec<Rule> {
    policies
        .iter()
        .flat_map(|policy| {
            let classes: RuleList<PathClass> = policy.classes.clone().into();
            policy.rules.iter().map(move |rule| Rule {
                only: policy.optional.then(|| policy.name.clone().into()),
                classes: classes.clone(),
                ..rule.clone()
            })
        })
        .collect()
}
