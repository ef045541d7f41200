//! What a Git host's rules say beside what the policy says of pushes: read back with the person's own credentials.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::branch_rules::{ForgeApi, OnForge, on_host};
use super::export::forge::{ForgeTarget, ProtectedRefs, ruleset};
use super::verify::Enforced;
use rwenv_core::model::Rwenv;
use rwenv_flux::repos::FluxRepository;
use rwenv_gate::base::environment::Environment;

/// One thing that the policy wants, and whether the host has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForgeRow {
    /// The branch, or `tags`.
    pub name: String,
    /// What is wanted of it.
    pub wanted: String,
    /// What the host says.
    pub host: String,
    /// What that comes to.
    pub enforced: Enforced,
}

/// `owner/name` of the Flux repository of a rwenv.
///
/// # Errors
/// Where it has none on a Git host.
pub fn repository(rwenv: &Rwenv) -> Result<String, String> {
    let url = rwenv.flux_git_repo.as_deref().unwrap_or_default();
    let none = || {
        format!(
            "rwenv '{name}' names no repository on a Git host; add it: rwenv edit {name} --flux-repo URL",
            name = rwenv.name
        )
    };
    on_host(url).map(|(_, repository)| repository).ok_or_else(none)
}

fn row(name: &str, wanted: &str, has: bool, host: impl Into<String>) -> ForgeRow {
    let enforced = if has { Enforced::Same } else { Enforced::Looser };
    ForgeRow { name: name.to_owned(), wanted: wanted.to_owned(), host: host.into(), enforced }
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool) == Some(true)
}

fn has_or(has: bool) -> &'static str {
    if has { "has it" } else { "has it not" }
}

/// Reads the rules of a Git host back.
///
/// # Errors
/// Where the repository is on no host, or the host does not answer.
pub fn read_back(
    target: ForgeTarget,
    rwenv: &Rwenv,
    refs: &ProtectedRefs,
    environment: &Environment,
) -> Result<Vec<ForgeRow>, String> {
    let flux = FluxRepository::of(rwenv, environment).map_err(|error| error.to_string())?;
    let forge = OnForge::of(&flux, environment).ok_or("the URL of its repository names no Git host")?;
    match target {
        ForgeTarget::GithubRuleset => github(&forge, rwenv, refs),
        ForgeTarget::Gitlab => gitlab(&forge, refs),
        ForgeTarget::Gitea => gitea(&forge, refs),
    }
}

fn github(forge: &OnForge<'_>, rwenv: &Rwenv, refs: &ProtectedRefs) -> Result<Vec<ForgeRow>, String> {
    let of = |path: &str| forge.get(ForgeApi::GitHub, &format!("repos/{}/{path}", forge.repository()));
    let wanted = [
        (refs.review, "pull_request"),
        (refs.history, "non_fast_forward"),
        (refs.deletion, "deletion"),
        (!refs.checks.is_empty(), "required_status_checks"),
    ];
    let mut all = Vec::new();
    for branch in &refs.branches {
        let rules = of(&format!("rules/branches/{branch}"))?;
        let rules: Vec<&Value> = rules.as_array().into_iter().flatten().collect();
        for (_, kind) in wanted.iter().filter(|(is, _)| *is) {
            let of_kind: Vec<&&Value> =
                rules.iter().filter(|rule| rule.get("type").and_then(Value::as_str) == Some(kind)).collect();
            let contexts: BTreeSet<&str> = (of_kind.iter())
                .filter_map(|rule| rule.pointer("/parameters/required_status_checks")?.as_array())
                .flatten()
                .filter_map(|check| check.get("context")?.as_str())
                .collect();
            let missing: Vec<&str> = refs
                .checks
                .iter()
                .map(String::as_str)
                .filter(|name| *kind == "required_status_checks" && !contexts.contains(name))
                .collect();
            let has = !of_kind.is_empty() && missing.is_empty();
            let host = if missing.is_empty() {
                has_or(has).to_owned()
            } else {
                format!("lacks {}", missing.join(", "))
            };
            all.push(row(branch, kind, has, host));
        }
    }
    if refs.tags {
        let sets = of("rulesets")?;
        let named = sets.as_array().into_iter().flatten().find(|set| {
            set.get("name").and_then(Value::as_str) == Some(&ruleset(rwenv.name.as_str(), "tags"))
        });
        let id = named.and_then(|set| set.get("id")?.as_u64());
        let set = id.map(|id| of(&format!("rulesets/{id}"))).transpose()?.unwrap_or_default();
        let is = |key: &str, wanted: &str| set.get(key).and_then(Value::as_str) == Some(wanted);
        let kinds: BTreeSet<&str> = set
            .get("rules")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|rule| rule.get("type")?.as_str())
            .collect();
        for kind in ["creation", "update", "deletion"] {
            let has = is("enforcement", "active") && is("target", "tag") && kinds.contains(kind);
            all.push(row("tags", kind, has, has_or(has)));
        }
    }
    Ok(all)
}

/// What is asked for at a path; nothing where the host has no such thing.
fn found(answer: Result<Value, String>) -> Result<Value, String> {
    match answer {
        Err(why) if why.to_lowercase().contains("not found") => Ok(Value::Null),
        other => other,
    }
}

fn gitlab(forge: &OnForge<'_>, refs: &ProtectedRefs) -> Result<Vec<ForgeRow>, String> {
    let project = format!("projects/{}", forge.repository().replace('/', "%2F"));
    let of = |path: &str| found(forge.get(ForgeApi::GitLab, &format!("{project}{path}")));
    let own = of("")?;
    if own.is_null() {
        return Err("the project is not there, or your credentials do not show it".to_owned());
    }
    let mut all = Vec::new();
    for branch in &refs.branches {
        let rule = of(&format!("/protected_branches/{}", branch.replace('/', "%2F")))?;
        let levels = rule.get("push_access_levels").and_then(Value::as_array);
        let nobody = levels.is_some_and(|levels| {
            levels.iter().all(|one| one.get("access_level").and_then(Value::as_u64) == Some(0))
        });
        if refs.review {
            all.push(row(branch, "nobody pushes", nobody, has_or(nobody)));
        }
        let (protected, kept) = (!rule.is_null(), !rule.is_null() && !flag(&rule, "allow_force_push"));
        if refs.history {
            all.push(row(branch, "no force push", kept, has_or(kept)));
        }
        if refs.deletion {
            all.push(row(branch, "no deletion by git", protected, has_or(protected)));
        }
    }
    if refs.tags {
        let tags = of("/protected_tags")?;
        let names = tags.as_array().into_iter().flatten().filter_map(|tag| tag.get("name")?.as_str());
        let has = names.into_iter().any(|name| name == "*");
        all.push(row("tags", "protected", has, has_or(has)));
    }
    if !refs.checks.is_empty() {
        let has = flag(&own, "only_allow_merge_if_pipeline_succeeds");
        all.push(row("merge requests", "pipeline succeeds", has, has_or(has)));
    }
    Ok(all)
}

fn gitea(forge: &OnForge<'_>, refs: &ProtectedRefs) -> Result<Vec<ForgeRow>, String> {
    let of = |path: &str| forge.get(ForgeApi::Gitea, &format!("repos/{}/{path}", forge.repository()));
    let rules = of("branch_protections")?;
    let mut all = Vec::new();
    for branch in &refs.branches {
        let is = |rule: &&Value| {
            ["rule_name", "branch_name"]
                .iter()
                .any(|key| rule.get(*key).and_then(Value::as_str) == Some(branch))
        };
        let rule = rules.as_array().into_iter().flatten().find(is).cloned().unwrap_or_default();
        let there = !rule.is_null();
        if refs.review {
            let has = there && !flag(&rule, "enable_push");
            all.push(row(branch, "nobody pushes", has, has_or(has)));
        }
        if refs.history || refs.deletion {
            let has = there && !flag(&rule, "enable_force_push");
            all.push(row(branch, "no force push, no deletion", has, has_or(has)));
        }
        let contexts: BTreeSet<&str> = rule
            .get("status_check_contexts")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for check in &refs.checks {
            let has = flag(&rule, "enable_status_check") && contexts.contains(check.as_str());
            all.push(row(branch, &format!("check {check}"), has, has_or(has)));
        }
    }
    if refs.tags {
        let tags = of("tag_protections")?;
        let names = tags.as_array().into_iter().flatten().filter_map(|tag| tag.get("name_pattern")?.as_str());
        let has = names.into_iter().any(|name| name == "*");
        all.push(row("tags", "protected", has, has_or(has)));
    }
    Ok(all)
}
