//! The policy as a Git host enforces it: what protects the branches that are deployed from, and tags, as requests that the host's API
//! takes.

use serde_json::{Value, json};

use crate::guard::{Judge, PolicyAnswer};
use rwenv_core::decide::Sending;
use rwenv_core::model::{RefUpdate, Rwenv};
use rwenv_core::policy::Subject;
use rwenv_gate::base::environment::Environment;

/// A Git host's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForgeTarget {
    /// Rulesets of GitHub (REST, 2022-11-28).
    GithubRuleset,
    /// Protected branches and tags of GitLab (API v4).
    Gitlab,
    /// Branch and tag protection of Gitea and Forgejo (API v1).
    Gitea,
}

/// A request to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgeChange {
    /// What it protects, as the name of a file.
    pub name: String,
    /// Method of HTTP.
    pub method: &'static str,
    /// Path below the API's root.
    pub path: String,
    /// Body.
    pub body: Value,
}

/// What agents may not do to refs of the Flux repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the answers to some questions")]
pub struct ProtectedRefs {
    /// The branches that are protected.
    pub branches: Vec<String>,
    /// What is pushed straight to them is refused.
    pub review: bool,
    /// Their history may not be rewritten.
    pub history: bool,
    /// They may not be deleted.
    pub deletion: bool,
    /// Tags may not be made, moved or deleted.
    pub tags: bool,
    /// No branch at all may be pushed.
    pub everything: bool,
    /// Checks that a change has to pass.
    pub checks: Vec<String>,
}

/// What the policy of a rwenv says of pushes to its Flux repository.
///
/// # Errors
/// Where a policy cannot be read.
pub fn protected(
    rwenv: &Rwenv,
    checks: &[String],
    environment: &Environment,
) -> Result<ProtectedRefs, String> {
    let judge = Judge::new(environment.clone());
    let refuses = |destination: &str, force: bool, delete: bool| {
        let update = RefUpdate { destination: Some(destination.to_owned()), force, delete };
        let sending = Sending { update, refspec: format!("HEAD:{destination}"), changed: Vec::new() };
        let answer = judge.push_policy(&sending, rwenv).map_err(|refusal| refusal.why)?;
        Ok::<bool, String>(answer != PolicyAnswer::Allowed)
    };
    let branches = Subject::of(rwenv).protected;
    let first = branches.first().cloned().unwrap_or_default();
    Ok(ProtectedRefs {
        review: refuses(&first, false, false)?,
        history: refuses(&first, true, false)?,
        deletion: refuses(&first, false, true)?,
        tags: refuses("refs/tags/v1", false, false)?,
        everything: refuses("rwenv-export", false, false)?,
        checks: checks.to_vec(),
        branches,
    })
}

/// The requests that protect a repository (`owner/name`).
#[must_use]
pub fn requests(
    target: ForgeTarget,
    rwenv: &str,
    repository: &str,
    refs: &ProtectedRefs,
) -> Vec<ForgeChange> {
    match target {
        ForgeTarget::GithubRuleset => github(rwenv, repository, refs),
        ForgeTarget::Gitlab => gitlab(repository, refs),
        ForgeTarget::Gitea => gitea(repository, refs),
    }
}

/// Name of a ruleset.
#[must_use]
pub fn ruleset(rwenv: &str, of: &str) -> String {
    format!("rwenv {rwenv}: {of}")
}

fn github(rwenv: &str, repository: &str, refs: &ProtectedRefs) -> Vec<ForgeChange> {
    let rule = |kind: &str| json!({ "type": kind });
    let mut rules = Vec::new();
    rules.extend(refs.deletion.then(|| rule("deletion")));
    rules.extend(refs.history.then(|| rule("non_fast_forward")));
    rules.extend(refs.review.then(|| {
        json!({ "type": "pull_request", "parameters": {
            "required_approving_review_count": 1, "dismiss_stale_reviews_on_push": true,
            "require_code_owner_review": false, "require_last_push_approval": true,
            "required_review_thread_resolution": false,
        } })
    }));
    let contexts: Vec<Value> = refs.checks.iter().map(|name| json!({ "context": name })).collect();
    rules.extend((!contexts.is_empty()).then(|| {
        json!({ "type": "required_status_checks", "parameters": {
            "strict_required_status_checks_policy": false, "required_status_checks": contexts,
        } })
    }));
    let set = |of: &str, target: &str, include: Vec<String>, rules: Vec<Value>| ForgeChange {
        name: of.to_owned(),
        method: "POST",
        path: format!("repos/{repository}/rulesets"),
        body: json!({
            "name": ruleset(rwenv, of), "target": target, "enforcement": "active", "bypass_actors": [],
            "conditions": { "ref_name": { "include": include, "exclude": [] } }, "rules": rules,
        }),
    };
    let heads = refs.branches.iter().map(|branch| format!("refs/heads/{branch}")).collect();
    let mut all = Vec::new();
    if !rules.is_empty() {
        all.push(set("branches", "branch", heads, rules));
    }
    if refs.tags {
        let rules = ["creation", "update", "deletion"].map(rule).to_vec();
        all.push(set("tags", "tag", vec!["~ALL".to_owned()], rules));
    }
    all
}

/// GitLab's access levels: nobody, and maintainers.
const NOBODY: u64 = 0;
const MAINTAINERS: u64 = 40;

fn gitlab(repository: &str, refs: &ProtectedRefs) -> Vec<ForgeChange> {
    let project = format!("projects/{}", repository.replace('/', "%2F"));
    let change = |name: String, method, path: String, body| ForgeChange { name, method, path, body };
    let push = if refs.review { NOBODY } else { MAINTAINERS };
    let branches = refs.branches.iter().map(|branch| {
        let body = json!({
            "name": branch, "push_access_level": push, "merge_access_level": MAINTAINERS, "allow_force_push": !refs.history,
        });
        change(format!("branch-{}", branch.replace('/', "-")), "POST", format!("{project}/protected_branches"), body)
    });
    let mut all: Vec<ForgeChange> = branches.collect();
    if refs.tags {
        let body = json!({ "name": "*", "create_access_level": MAINTAINERS });
        all.push(change("tags".to_owned(), "POST", format!("{project}/protected_tags"), body));
    }
    if !refs.checks.is_empty() {
        let body = json!({ "only_allow_merge_if_pipeline_succeeds": true });
        all.push(change("checks".to_owned(), "PUT", project, body));
    }
    all
}

fn gitea(repository: &str, refs: &ProtectedRefs) -> Vec<ForgeChange> {
    let change = |name: String, path: &str, body| ForgeChange {
        name,
        method: "POST",
        path: format!("repos/{repository}/{path}"),
        body,
    };
    let branches = refs.branches.iter().map(|branch| {
        let body = json!({
            "rule_name": branch, "enable_push": !refs.review, "enable_force_push": !refs.history,
            "required_approvals": u8::from(refs.review), "dismiss_stale_approvals": true, "block_on_rejected_reviews": true,
            "enable_status_check": !refs.checks.is_empty(), "status_check_contexts": refs.checks,
        });
        change(format!("branch-{}", branch.replace('/', "-")), "branch_protections", body)
    });
    let mut all: Vec<ForgeChange> = branches.collect();
    if refs.tags {
        let body = json!({ "name_pattern": "*", "whitelist_teams": [], "whitelist_usernames": [] });
        all.push(change("tags".to_owned(), "tag_protections", body));
    }
    all
}

/// What a host cannot be told, in sentences.
#[must_use]
pub fn unsaid(target: ForgeTarget, refs: &ProtectedRefs) -> Vec<String> {
    let mut all = vec![
        "A Git host knows accounts, not agents: what is denied here is denied to everybody who is not let past it.".to_owned(),
    ];
    if refs.everything {
        all.push("The policy denies agents every push to this repository. A host's rules are for some refs: give agents a token or key that may only read.".to_owned());
    }
    if target == ForgeTarget::Gitlab && !refs.checks.is_empty() {
        all.push("GitLab requires the pipeline as a whole, not single checks.".to_owned());
    }
    if target != ForgeTarget::GithubRuleset && refs.tags {
        all.push("Maintainers and owners are let past the protection of tags.".to_owned());
    }
    all.push("Content (secrets, YAML that does not parse) is looked at by rwenv pre-receive on the server, or by a required check that runs rwenv lint.".to_owned());
    all
}
