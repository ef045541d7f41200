//! The policy as expressions of CEL over a request, as admission sees it: what is allowed, what a dry run may do, and which rule stands
//! against the rest. One text for all engines that read CEL.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{FormRow, JudgedApi, UnknownRow};
use crate::guard::PolicyAnswer;
use rwenv_core::model::Reason;
use rwenv_core::table::PatchForm;

/// A name and the expression behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedExpression {
    /// How others call it.
    pub(super) name: &'static str,
    /// The expression.
    pub(super) expression: String,
}

/// One rule as admission enforces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validation {
    /// Id of the rule.
    pub(super) rule: String,
    /// False where it stands against the request.
    pub(super) expression: String,
    /// What the client is told, as an expression.
    pub(super) message: String,
}

/// What the policy comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expressions {
    /// What the others use.
    pub(super) variables: Vec<NamedExpression>,
    /// The rules.
    pub(super) validations: Vec<Validation>,
}

/// A text of CEL.
#[must_use]
pub(super) fn text(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

fn list<'t>(texts: impl IntoIterator<Item = &'t String>) -> String {
    format!("[{}]", texts.into_iter().map(|one| text(one)).collect::<Vec<_>>().join(", "))
}

/// Whether a request passes, by its key or else by its sort.
struct PassingRules {
    /// Sorts that pass.
    sorts: BTreeSet<String>,
    /// Keys that pass though their sort does not.
    also: BTreeSet<String>,
    /// Keys that do not though their sort does.
    but: BTreeSet<String>,
}

impl PassingRules {
    fn of(keys: &BTreeMap<String, (String, bool)>, sorts: BTreeSet<String>) -> Self {
        let differing = |passes: bool| {
            let differs = |(sort, own): &(String, bool)| *own == passes && sorts.contains(sort) != passes;
            keys.iter().filter(|(_, of)| differs(of)).map(|(key, _)| key.clone()).collect()
        };
        Self { also: differing(true), but: differing(false), sorts }
    }

    fn expression(&self) -> String {
        let mut any = Vec::new();
        if !self.also.is_empty() {
            any.push(format!("variables.key in {}", list(&self.also)));
        }
        if !self.sorts.is_empty() {
            let but = match self.but.is_empty() {
                true => String::new(),
                false => format!(" && !(variables.key in {})", list(&self.but)),
            };
            any.push(format!("(variables.sort in {}{but})", list(&self.sorts)));
        }
        if any.is_empty() { "false".to_owned() } else { any.join("\n|| ") }
    }
}

/// What a request is called in expressions, and of what sort it is.
fn key_of(operation: &str, title: &str) -> (String, String) {
    let part = match title.split('/').nth(2) {
        None => "object",
        Some(part @ ("scale" | "status")) => part,
        Some(_) => "part",
    };
    (format!("{operation} {title}"), format!("{operation} {part}"))
}

/// The requests that change something: each with its sort, and what is said of it. Of verbs that admission does not tell apart (update,
/// patch) the milder counts: the other is RBAC's.
fn answers(api: &JudgedApi) -> BTreeMap<String, (String, PolicyAnswer, PolicyAnswer)> {
    let mut all: BTreeMap<String, (String, PolicyAnswer, PolicyAnswer)> = BTreeMap::new();
    for row in &api.rows {
        let Some(operation) = row.operation() else { continue };
        let (key, sort) = key_of(operation, &row.resource.title());
        let dry = row.dry.clone().unwrap_or_else(|| row.answer.clone());
        let entry = all.entry(key).or_insert_with(|| (sort, row.answer.clone(), dry.clone()));
        if matches!(entry.1, PolicyAnswer::Refused(_)) && !matches!(row.answer, PolicyAnswer::Refused(_)) {
            entry.1 = row.answer.clone();
        }
        // A dry run answers with the whole object: where one of them shows a Secret, none is allowed.
        if dry != PolicyAnswer::Allowed {
            entry.2 = dry;
        }
    }
    all
}

fn passing(
    api: &JudgedApi,
    keys: &BTreeMap<String, (String, PolicyAnswer, PolicyAnswer)>,
    passes: impl Fn((&PolicyAnswer, &PolicyAnswer)) -> bool,
) -> PassingRules {
    let of = |row: &&UnknownRow| passes((&row.answer, &row.dry));
    let sorts = api.unknown.iter().filter(of).map(|row| row.sort.clone()).collect();
    let keys = keys
        .iter()
        .map(|(key, (sort, answer, dry))| (key.clone(), (sort.clone(), passes((answer, dry)))))
        .collect();
    PassingRules::of(&keys, sorts)
}

/// What a patch may change, as an expression.
fn form(row: &FormRow) -> String {
    let form = row.form;
    let keys: Vec<String> = row.allowed.iter().map(|name| format!("UPDATE {name}")).collect();
    let mut all = vec![format!("variables.key in {}", list(&keys)), "variables.sameMetadata".to_owned()];
    all.push(annotations(form));
    all.push(rest(form));
    let holds = form.holds.trim();
    if !holds.is_empty() {
        all.push(holds.to_owned());
    }
    format!("({})", all.join("\n&& "))
}

/// All annotations but those a form sets are as they were, and none of those is gone.
fn annotations(form: &PatchForm) -> String {
    let own: Vec<String> = form.annotations.iter().map(|name| (*name).to_owned()).collect();
    let (new, old) =
        ("object.metadata.?annotations.orValue({})", "oldObject.metadata.?annotations.orValue({})");
    if own.is_empty() {
        return format!("{new} == {old}");
    }
    format!(
        "{new}.all(k, k in {} || (k in {old} && {old}[k] == {new}[k]))\n&& {old}.all(k, k in {new})",
        list(&own)
    )
}

/// Everything beside the metadata is as it was, but for the field that a form may change. What a server keeps of its own stands there.
fn rest(form: &PatchForm) -> String {
    let mut free = vec!["metadata".to_owned()];
    let mut spec = String::new();
    if !form.field.is_empty() {
        let field = text(&form.field);
        free.push("spec".to_owned());
        spec = format!(
            "\n&& object.?spec.orValue({{}}).all(k, k == {field} || (k in oldObject.?spec.orValue({{}}) && oldObject.spec[k] == object.spec[k]))\
             \n&& oldObject.?spec.orValue({{}}).all(k, k == {field} || k in object.?spec.orValue({{}}))"
        );
    }
    free.extend((!form.root.is_empty()).then(|| form.root.to_string()));
    let free = list(&free);
    format!(
        "object.all(k, k in {free} || (k in oldObject && oldObject[k] == object[k]))\n&& oldObject.all(k, k in {free} || k in object){spec}"
    )
}

/// What others use.
fn variables(
    api: &JudgedApi,
    keys: &BTreeMap<String, (String, PolicyAnswer, PolicyAnswer)>,
) -> Vec<NamedExpression> {
    let named = |name, expression: String| NamedExpression { name, expression };
    let refused = |answer: &PolicyAnswer| matches!(answer, PolicyAnswer::Refused(_));
    let real = passing(api, keys, |(answer, _)| !refused(answer));
    let dry = passing(api, keys, |(_, dry)| *dry == PolicyAnswer::Allowed);
    let forms = api.forms.iter().filter(|row| !row.allowed.is_empty()).map(form);
    let allowed: Vec<String> = std::iter::once(real.expression()).chain(forms).collect();
    let same = ["labels", "finalizers", "ownerReferences"].map(|field| {
        let empty = if field == "labels" { "{}" } else { "[]" };
        format!("object.metadata.?{field}.orValue({empty}) == oldObject.metadata.?{field}.orValue({empty})")
    });
    let mut all = vec![
        named("part", "has(request.subResource) ? request.subResource : ''".to_owned()),
        named(
            "key",
            "request.operation + ' ' + (has(request.resource.group) ? request.resource.group : '') + '/' + request.resource.resource + (variables.part == '' ? '' : '/' + variables.part)"
                .to_owned(),
        ),
        named(
            "sort",
            "request.operation + ' ' + (variables.part == '' ? 'object' : variables.part in ['scale', 'status'] ? variables.part : 'part')".to_owned(),
        ),
        named("place", "has(request.namespace) ? request.namespace : ''".to_owned()),
    ];
    if allowed.len() > 1 {
        all.push(named("sameMetadata", same.join("\n&& ")));
    }
    all.push(named("allowed", allowed.join("\n|| ")));
    let is_dry = "has(request.dryRun) && request.dryRun && request.operation != 'CONNECT'";
    all.push(named("dry", format!("{is_dry} && (\n{}\n)", dry.expression())));
    all
}

/// A rule and the requests it is the answer to.
#[derive(Default)]
struct Against {
    instead: String,
    keys: BTreeSet<String>,
    sorts: BTreeSet<String>,
}

fn against(
    api: &JudgedApi,
    keys: &BTreeMap<String, (String, PolicyAnswer, PolicyAnswer)>,
) -> BTreeMap<String, Against> {
    let mut all: BTreeMap<String, Against> = BTreeMap::new();
    let sorts: BTreeMap<&str, Option<&Reason>> =
        api.unknown.iter().map(|row| (row.sort.as_str(), reason(&row.answer))).collect();
    for (sort, reason) in &sorts {
        let Some(reason) = reason else { continue };
        let one = all.entry(reason.rule.clone()).or_default();
        one.instead.clone_from(&reason.instead);
        one.sorts.insert((*sort).to_owned());
    }
    for (key, (sort, answer, _)) in keys {
        let Some(reason) = reason(answer) else { continue };
        let of_sort = sorts.get(sort.as_str()).copied().flatten();
        if of_sort.is_some_and(|other| other.rule == reason.rule) {
            continue;
        }
        let one = all.entry(reason.rule.clone()).or_default();
        one.instead.clone_from(&reason.instead);
        one.keys.insert(key.clone());
    }
    all
}

fn reason(answer: &PolicyAnswer) -> Option<&Reason> {
    match answer {
        PolicyAnswer::Refused(reason) => Some(reason),
        _ => None,
    }
}

/// The expressions of a policy. `title` is how messages begin ("rwenv 'prod' is read-only").
#[must_use]
pub(super) fn expressions(title: &str, api: &JudgedApi, namespaces: &[(String, JudgedApi)]) -> Expressions {
    let keys = answers(api);
    let all = against(api, &keys);
    let named: BTreeSet<String> = all.values().flat_map(|one| one.keys.iter().cloned()).collect();
    let mut validations: Vec<Validation> = (all.iter())
        .map(|(rule, one)| {
            let mut stands = Vec::new();
            if !one.keys.is_empty() {
                stands.push(format!("variables.key in {}", list(&one.keys)));
            }
            if !one.sorts.is_empty() {
                let but = if named.is_empty() {
                    String::new()
                } else {
                    format!(" && !(variables.key in {})", list(&named))
                };
                stands.push(format!("(variables.sort in {}{but})", list(&one.sorts)));
            }
            validation(title, rule, &one.instead, &stands.join(" || "))
        })
        .collect();
    for (pattern, there) in namespaces {
        validations.extend(in_namespace(title, pattern, (api, there)));
    }
    Expressions { variables: variables(api, &keys), validations }
}

fn validation(title: &str, rule: &str, instead: &str, stands: &str) -> Validation {
    Validation {
        rule: rule.to_owned(),
        expression: format!("!({stands})\n|| variables.dry || variables.allowed"),
        message: message(title, rule, instead),
    }
}

fn message(title: &str, rule: &str, instead: &str) -> String {
    format!(
        "{} + variables.key + (variables.place == '' ? '' : ' in namespace ' + variables.place) + {}",
        text(&format!("{title}: the cluster denies agents ")),
        text(&format!(". [{rule}] instead: {instead}"))
    )
}

/// What is refused in some namespaces beside what is refused everywhere.
fn in_namespace(
    title: &str,
    pattern: &str,
    (everywhere, there): (&JudgedApi, &JudgedApi),
) -> Vec<Validation> {
    let (before, keys) = (answers(everywhere), answers(there));
    let mut all: BTreeMap<String, Against> = BTreeMap::new();
    for (key, (_, answer, _)) in &keys {
        let passed = before.get(key).is_some_and(|(_, answer, _)| reason(answer).is_none());
        let Some(reason) = reason(answer).filter(|_| passed) else { continue };
        let one = all.entry(reason.rule.clone()).or_default();
        one.instead.clone_from(&reason.instead);
        one.keys.insert(key.clone());
    }
    for (row, other) in there.unknown.iter().zip(&everywhere.unknown) {
        let Some(reason) = reason(&row.answer).filter(|_| reason(&other.answer).is_none()) else { continue };
        let one = all.entry(reason.rule.clone()).or_default();
        one.instead.clone_from(&reason.instead);
        one.sorts.insert(row.sort.clone());
    }
    let is = format!("variables.place.matches({})", text(&regular(pattern)));
    let each = all.iter().map(|(rule, one)| Validation {
        rule: rule.clone(),
        expression: format!(
            "!({is} && (variables.key in {} || variables.sort in {}))\n|| variables.dry",
            list(&one.keys),
            list(&one.sorts)
        ),
        message: message(title, rule, &one.instead),
    });
    each.collect()
}

/// A pattern with `*` as a regular expression (RE2).
fn regular(pattern: &str) -> String {
    let mut out = String::from("^");
    for c in pattern.chars() {
        match c {
            '*' => out.push_str(".*"),
            c if c.is_ascii_alphanumeric() || c == '-' => out.push(c),
            c => out.push_str(&format!("\\{c}")),
        }
    }
    out.push('$');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_patterns_are_what_they_stand_for() {
        assert_eq!(text("rwenv 'a' \\ b\nc"), "'rwenv \\'a\\' \\\\ b\\nc'");
        assert_eq!(regular("team-*.x"), "^team-.*\\.x$");
    }

    #[test]
    fn a_key_says_its_sort() {
        for (title, sort) in [
            ("apps/deployments", "UPDATE object"),
            ("apps/deployments/scale", "UPDATE scale"),
            ("/pods/eviction", "UPDATE part"),
        ] {
            assert_eq!(key_of("UPDATE", title), (format!("UPDATE {title}"), sort.to_owned()));
        }
    }
}
