//! Policies beside the built-in ones: an organisation's, a person's, a project's. They come from files, so that they are checked
//! before they count. What they decide is added to everything else: a rule says ask or deny, and the strictest counts, so that a
//! later layer can only tighten.

use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Serialize};

use super::schema::{PolicyFile, RuleRow};
use crate::model::{Decision, Effect, FlagName, List, PathClass, Reach, Refs, Repository, Rule, Text, When};

/// A policy that was checked, as it is kept for the hook.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Checked {
    /// The file it is from.
    pub path: String,
    /// Its name.
    pub name: String,
    /// It counts only for rwenvs that name it.
    pub optional: bool,
    /// Classes of files: name and patterns.
    pub classes: Vec<(String, Vec<String>)>,
    /// Its rules, without their examples.
    pub rules: Vec<RuleRow>,
}

/// Something wrong with a policy's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A text in the file that shows where.
    pub near: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

/// Checks a policy; `taken` are ids of rules that stand elsewhere.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(file: &PolicyFile, name: &str, path: &str, taken: &[String]) -> Result<Checked, Vec<Problem>> {
    let mut wrong = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for rule in &file.rule {
        let mut say = |near: &str, what: String, help: &str| {
            wrong.push(Problem { near: near.to_owned(), what, help: help.to_owned() });
        };
        if !rule.id.starts_with(&format!("{name}.")) {
            say(
                &rule.id,
                format!("the id of this rule does not start with its policy's name, '{name}.'"),
                "an id is POLICY.RULE, and the policy is named after its file",
            );
        }
        if seen.contains(&rule.id.as_str()) || taken.contains(&rule.id) {
            say(
                &rule.id,
                "duplicate rule id".to_owned(),
                "give every rule a unique id; a rule of another layer cannot be replaced, only tightened",
            );
        }
        seen.push(&rule.id);
        match rule.decision.as_str() {
            "ask" | "deny" if rule.instead.trim().is_empty() => {
                say(&rule.id, "the rule does not say what to do instead".to_owned(), "add instead = \"…\"");
            }
            "ask" | "deny" => {}
            "allow" => say(
                &rule.decision,
                "a rule cannot allow what another forbids".to_owned(),
                "layers can only tighten: use ask or deny, or relax the rule in the layer that defines it",
            ),
            other => say(other, format!("'{other}' is not a decision"), "use ask or deny"),
        }
        for matches in [true, false] {
            if !rule.example.iter().any(|example| example.matches == matches) {
                let kind = if matches { "matches" } else { "does not match" };
                say(
                    &rule.id,
                    format!("the rule has no example that {kind}"),
                    "add [[rule.example]] with command = \"…\" and matches = true or false",
                );
            }
        }
        for (value, known) in names(rule) {
            say(
                value,
                format!("'{value}' is not one of: {known}"),
                "see existing rules with rwenv policy show read-only",
            );
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let rules = file.rule.iter().map(|rule| RuleRow { example: Vec::new(), ..rule.clone() }).collect();
    let classes = file.class.iter().map(|class| (class.name.clone(), class.patterns.clone())).collect();
    let (path, name) = (path.to_owned(), name.to_owned());
    Ok(Checked { path, name, optional: file.optional, classes, rules })
}

/// The words of a rule that mean nothing, each with what would.
fn names(rule: &RuleRow) -> Vec<(&str, String)> {
    let mut out = Vec::new();
    for flag in rule.when.flags.iter().filter(|flag| word::<FlagName>(flag).is_none()) {
        out.push((
            flag.as_str(),
            "readOnly, gitOpsOnly, writable, manual, prompted, noDirectPush, askExecReads, k3s".to_owned(),
        ));
    }
    for effect in rule.when.effects.iter().filter(|effect| word::<Effect>(effect).is_none()) {
        out.push((effect.as_str(), Effect::ALL.map(Effect::as_str).join(", ")));
    }
    for reach in rule.when.reach.iter().filter(|reach| word::<Reach>(reach).is_none()) {
        out.push((reach.as_str(), "local, repository, service, cluster".to_owned()));
    }
    let tools: Vec<&str> = crate::policy::TOOLS.to_vec();
    for tool in rule.when.tools.iter().filter(|tool| !tools.contains(&tool.as_str())) {
        out.push((tool.as_str(), tools.join(", ")));
    }
    let traits = rule.when.traits.iter().chain(&rule.when.without);
    for name in traits.filter(|name| !crate::policy::TRAITS.contains(&name.as_str())) {
        out.push((name.as_str(), crate::policy::TRAITS.join(", ")));
    }
    let repository = rule.when.repository.as_deref().filter(|value| word::<Repository>(value).is_none());
    out.extend(repository.map(|value| (value, "flux, other".to_owned())));
    let refs = rule.when.refs.as_deref().filter(|value| word::<Refs>(value).is_none());
    out.extend(refs.map(|value| (value, "protected, rewritten, tag".to_owned())));
    out
}

fn word<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    T::deserialize(StrDeserializer::<Error>::new(text)).ok()
}

/// The rules of checked policies, which live as long as whoever holds them.
#[must_use]
pub fn load(policies: &[Checked]) -> Vec<Rule> {
    policies
        .iter()
        .flat_map(|policy| {
            let classes: List<PathClass> = (policy.classes.iter())
                .map(|(name, patterns)| PathClass { name: name.clone().into(), patterns: texts(patterns) })
                .collect::<Vec<_>>()
                .into();
            policy.rules.iter().map(move |row| rule(row, policy, classes.clone()))
        })
        .collect()
}

fn rule(row: &RuleRow, policy: &Checked, classes: List<PathClass>) -> Rule {
    let when = &row.when;
    Rule {
        id: row.id.clone().into(),
        decision: if row.decision == "ask" { Decision::Ask } else { Decision::Deny },
        when: When {
            flags: when.flags.iter().filter_map(|flag| word(flag)).collect::<Vec<_>>().into(),
            effects: when.effects.iter().filter_map(|effect| word(effect)).collect::<Vec<_>>().into(),
            reach: when.reach.iter().filter_map(|reach| word(reach)).collect::<Vec<_>>().into(),
            tools: texts(&when.tools),
            verbs: texts(&when.verbs),
            traits: texts(&when.traits),
            without: texts(&when.without),
            repository: when.repository.as_deref().and_then(word),
            refs: when.refs.as_deref().and_then(word),
            paths: texts(&when.paths),
            namespaces: texts(&when.namespaces),
            rwenvs: texts(&when.rwenvs),
        },
        reason: row.reason.clone().into(),
        instead: row.instead.clone().into(),
        only: policy.optional.then(|| policy.name.clone().into()),
        classes,
        floor: row.floor,
    }
}

fn texts(values: &[String]) -> List<Text> {
    values.iter().map(|value| Text::from(value.clone())).collect::<Vec<_>>().into()
}
