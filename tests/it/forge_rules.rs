//! The policy for Git hosts: the requests that protect branches and tags, and what servers on this machine that speak GitHub's, GitLab's and
//! Gitea's APIs say when they are asked again.

use serde_json::{Value, json};

use crate::branch_rules::{Answers, forge, has_curl};
use crate::support::{Answer, Home};

/// A HOME whose rwenv follows a repository on this port.
fn home(port: u16, more: &Value) -> Home {
    let home = Home::empty();
    let mut rwenv = json!({ "fluxGitRepo": format!("http://127.0.0.1:{port}/acme/flux.git"), "fluxBranch": "main", "protectedBranches": [] });
    rwenv.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    home.write(".claude/rwenv/envs.json", &json!({ "rwenvs": { "prod": rwenv } }).to_string());
    home
}

fn exported(to: &str, more: &Value) -> (Vec<Value>, String) {
    let home = home(1, more);
    let told = home.rwenv("", &["policy", "export", "--env", "prod", "--to", to, "--check", "lint"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    (serde_json::from_str(&told.stdout).unwrap(), told.stderr)
}

fn kinds(request: &Value) -> Vec<&str> {
    request["body"]["rules"].as_array().unwrap().iter().map(|rule| rule["type"].as_str().unwrap()).collect()
}

#[test]
fn the_requests_say_what_the_policy_says() {
    let (github, said) = exported("github-ruleset", &json!({}));
    assert!(said.contains("knows accounts, not agents") && !said.contains("every push"), "{said}");
    assert_eq!(github.len(), 2);
    assert_eq!(github[0]["path"], "repos/acme/flux/rulesets");
    assert_eq!(kinds(&github[0]), ["deletion", "non_fast_forward", "pull_request", "required_status_checks"]);
    assert_eq!(github[0]["body"]["conditions"]["ref_name"]["include"], json!(["refs/heads/main"]));
    assert_eq!(
        (github[1]["body"]["target"].as_str(), kinds(&github[1])),
        (Some("tag"), vec!["creation", "update", "deletion"])
    );
    // Who may push may not rewrite.
    let (direct, _) = exported("github-ruleset", &json!({ "directPush": true }));
    assert_eq!(direct.len(), 1, "tags too are pushed there");
    assert_eq!(kinds(&direct[0]), ["deletion", "non_fast_forward", "required_status_checks"]);
    let (_, said) = exported("gitlab", &json!({ "readOnly": true }));
    assert!(said.contains("every push"), "{said}");
    let (gitlab, _) = exported("gitlab", &json!({ "protectedBranches": ["release/1"] }));
    let paths: Vec<&str> = gitlab.iter().map(|one| one["path"].as_str().unwrap()).collect();
    let project = "projects/acme%2Fflux";
    assert_eq!(
        paths,
        [
            format!("{project}/protected_branches"),
            format!("{project}/protected_branches"),
            format!("{project}/protected_tags"),
            project.to_owned()
        ]
    );
    assert_eq!(gitlab[0]["body"]["push_access_level"], 0);
    let (gitea, _) = exported("gitea", &json!({}));
    assert_eq!(gitea[0]["path"], "repos/acme/flux/branch_protections");
    assert_eq!(
        (&gitea[0]["body"]["enable_push"], &gitea[0]["body"]["status_check_contexts"]),
        (&json!(false), &json!(["lint"]))
    );

    let home = home(1, &json!({}));
    let files = home
        .rwenv("", &["policy", "export", "--env", "prod", "--to", "github-ruleset,rbac", "--output", "out"]);
    assert!(
        files.code == 0
            && files
                .stderr
                .contains("gh api --method POST repos/acme/flux/rulesets --input out/github-branches.json"),
        "{}",
        files.stderr
    );
    assert!(
        home.read("out/github-tags.json").contains("\"~ALL\"")
            && home.read("out/rbac.yaml").contains("ClusterRole")
    );
    let mixed = home.rwenv("", &["policy", "export", "--env", "prod", "--to", "github-ruleset,rbac"]);
    assert!(mixed.code == 1 && mixed.stderr.contains("--output DIR"), "{}", mixed.stderr);
}

fn verify(host: &str, answers: Answers) -> Answer {
    let (port, _) = forge(answers);
    home(port, &json!({}))
        .rwenv("", &["policy", "verify", "--env", "prod", "--forge", host, "--check", "lint", "--all"])
}

const RULES: &str = "/api/v3/repos/acme/flux/rules/branches/main";
const SETS: &str = "/api/v3/repos/acme/flux/rulesets";
const SET: &str = "/api/v3/repos/acme/flux/rulesets/7";
const ALL: &str = r#"[{"type":"pull_request"},{"type":"non_fast_forward"},{"type":"deletion"},
    {"type":"required_status_checks","parameters":{"required_status_checks":[{"context":"lint"},{"context":"test"}]}}]"#;
const TAGS: &str = r#"{"id":7,"target":"tag","enforcement":"active","rules":[{"type":"creation"},{"type":"update"},{"type":"deletion"}]}"#;
const GITLAB: &str = "/api/v4/projects/acme%2Fflux";
const GITEA: &str = "/api/v1/repos/acme/flux/branch_protections";

/// Hosts that have all of it.
const RIGHT: &[(&str, Answers)] = &[
    (
        "github-ruleset",
        &[(RULES, 200, ALL), (SETS, 200, r#"[{"id":7,"name":"rwenv prod: tags"}]"#), (SET, 200, TAGS)],
    ),
    (
        "gitlab",
        &[
            (GITLAB, 200, r#"{"id":1,"only_allow_merge_if_pipeline_succeeds":true}"#),
            (
                "/api/v4/projects/acme%2Fflux/protected_branches/main",
                200,
                r#"{"name":"main","allow_force_push":false,"push_access_levels":[{"access_level":0}]}"#,
            ),
            ("/api/v4/projects/acme%2Fflux/protected_tags", 200, r#"[{"name":"*"}]"#),
        ],
    ),
    (
        "gitea",
        &[
            (
                GITEA,
                200,
                r#"[{"rule_name":"main","enable_push":false,"enable_status_check":true,"status_check_contexts":["lint"]}]"#,
            ),
            ("/api/v1/repos/acme/flux/tag_protections", 200, r#"[{"name_pattern":"*"}]"#),
        ],
    ),
];

/// Hosts that lack something, and what is said of that.
const WRONG: &[(&str, Answers, &str)] = &[
    (
        "github-ruleset",
        &[(RULES, 200, r#"[{"type":"pull_request"},{"type":"deletion"}]"#), (SETS, 200, "[]")],
        "non_fast_forward",
    ),
    (
        "github-ruleset",
        &[
            (
                RULES,
                200,
                r#"[{"type":"required_status_checks","parameters":{"required_status_checks":[{"context":"test"}]}}]"#,
            ),
            (SETS, 200, "[]"),
        ],
        "lacks lint",
    ),
    (
        "gitlab",
        &[
            (GITLAB, 200, r#"{"id":1}"#),
            ("/api/v4/projects/acme%2Fflux/protected_branches/main", 404, r#"{"message":"404 Not found"}"#),
            ("/api/v4/projects/acme%2Fflux/protected_tags", 200, "[]"),
        ],
        "nobody pushes",
    ),
    (
        "gitea",
        &[
            (GITEA, 200, r#"[{"rule_name":"main","enable_push":true}]"#),
            ("/api/v1/repos/acme/flux/tag_protections", 200, "[]"),
        ],
        "no force push",
    ),
];

#[test]
fn what_the_host_has_is_read_back_and_what_it_lacks_is_named() {
    if !has_curl() {
        return;
    }
    for (host, answers) in RIGHT {
        let told = verify(host, answers);
        assert!(
            told.code == 0 && told.stdout.contains("0 missing"),
            "{host}: {}{}",
            told.stdout,
            told.stderr
        );
    }
    for (host, answers, says) in WRONG {
        let told = verify(host, answers);
        assert!(told.code == 1 && told.stdout.contains(says), "{host}: {}{}", told.stdout, told.stderr);
        assert!(told.stdout.contains("has it not") || told.stdout.contains("lacks"), "{}", told.stdout);
    }
    // What cannot be read is no rule.
    for host in ["github-ruleset", "gitlab", "gitea"] {
        let told = verify(host, &[]);
        assert!(told.code == 1 && !told.stderr.is_empty(), "{host}: {}", told.stdout);
    }
}
