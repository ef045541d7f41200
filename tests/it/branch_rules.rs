//! Whether the forge protects the branch that is deployed from, and for whom: asked of servers on this machine that speak GitHub's, GitLab's
//! and Gitea's APIs.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Home, skip};

/// What a forge answers: paths, each with its status and body. Everything else is not found.
pub(crate) type Answers = &'static [(&'static str, u16, &'static str)];

const BRANCH: &str = "/api/v3/repos/acme/flux/branches/main";
const RULES: &str = "/api/v3/repos/acme/flux/rules/branches/main";
const OWN: &str = "/api/v3/repos/acme/flux/branches/main/protection";
const PULLS: &str = r#"[{"type":"pull_request","ruleset_source_type":"Repository","ruleset_source":"acme/flux","ruleset_id":42,
    "parameters":{"required_approving_review_count":1}}, {"type":"non_fast_forward","ruleset_source_type":"Organization","ruleset_source":"acme","ruleset_id":7}]"#;
const SET: &str = "/api/v3/repos/acme/flux/rulesets/42";
const GITLAB: &str = "/api/v4/projects/acme%2Fflux/protected_branches/main";
const PROJECT: &str = "/api/v4/projects/acme%2Fflux";
const GITEA: &str = "/api/v1/repos/acme/flux/branches/main";
const MAINTAINERS: &str = r#"{"name":"main","push_access_levels":[{"id":1,"access_level":40,"access_level_description":"Maintainers"}],
    "merge_access_levels":[{"access_level":30,"access_level_description":"Developers + Maintainers"}],"allow_force_push":false}"#;

/// Answers, and the level and a part of the sentence that comes of them.
const CASES: &[(&str, Answers, &str, &str)] = &[
    (
        "no rules",
        &[(BRANCH, 200, r#"{"name":"main","protected":false}"#), (RULES, 200, "[]")],
        "G0",
        "does not protect 'main'",
    ),
    (
        "a ruleset for everyone",
        &[
            (BRANCH, 200, r#"{"name":"main","protected":true}"#),
            (RULES, 200, PULLS),
            (SET, 200, r#"{"id":42,"enforcement":"active","current_user_can_bypass":"never"}"#),
        ],
        "G1",
        "protects 'main': for you too (pull requests, no rewriting)",
    ),
    (
        "a ruleset that this person passes",
        &[
            (BRANCH, 200, r#"{"name":"main","protected":false}"#),
            (RULES, 200, PULLS),
            (SET, 200, r#"{"id":42,"enforcement":"active","current_user_can_bypass":"always"}"#),
        ],
        "G0",
        "but lets you past its rules (pull requests, no rewriting)",
    ),
    (
        "rules against rewriting alone",
        &[
            (BRANCH, 200, r#"{"name":"main","protected":true}"#),
            (
                RULES,
                200,
                r#"[{"type":"non_fast_forward","ruleset_id":7},{"type":"deletion","ruleset_id":7}]"#,
            ),
        ],
        "G0",
        "but a plain push to it is possible (no rewriting)",
    ),
    (
        "protection that administrators pass",
        &[
            (BRANCH, 200, r#"{"name":"main","protected":true}"#),
            (RULES, 200, "[]"),
            (
                OWN,
                200,
                r#"{"enforce_admins":{"enabled":false},"required_pull_request_reviews":{"required_approving_review_count":1}}"#,
            ),
        ],
        "G0",
        "but not for administrators, and you are one (pull requests)",
    ),
    (
        "protection for all",
        &[
            (BRANCH, 200, r#"{"name":"main","protected":true}"#),
            (RULES, 200, "[]"),
            (OWN, 200, r#"{"enforce_admins":{"enabled":true},"restrictions":{"users":[],"teams":[]}}"#),
        ],
        "G1",
        "for administrators too (those who are listed)",
    ),
    (
        "protection whose details are not for this person",
        &[
            (BRANCH, 200, r#"{"name":"main","protected":true}"#),
            (RULES, 200, "[]"),
            (OWN, 404, r#"{"message":"Not Found","status":"404"}"#),
        ],
        "G1",
        "for whom, only its administrators can read",
    ),
    (
        "GitLab, unprotected",
        &[(GITLAB, 404, r#"{"message":"404 Not found"}"#)],
        "G0",
        "does not protect 'main'",
    ),
    (
        "GitLab, a project that cannot be seen",
        &[(GITLAB, 404, r#"{"message":"404 Project Not Found"}"#)],
        "G0",
        "could not be determined",
    ),
    (
        "GitLab, nobody pushes",
        &[(
            GITLAB,
            200,
            r#"{"name":"main","push_access_levels":[{"access_level":0,"access_level_description":"No one"}]}"#,
        )],
        "G1",
        "nobody may push to it",
    ),
    (
        "GitLab, a developer",
        &[
            (GITLAB, 200, MAINTAINERS),
            (PROJECT, 200, r#"{"permissions":{"project_access":{"access_level":30},"group_access":null}}"#),
        ],
        "G1",
        "only Maintainers may push to it, and you are not one",
    ),
    (
        "GitLab, a maintainer by the group",
        &[
            (GITLAB, 200, MAINTAINERS),
            (PROJECT, 200, r#"{"permissions":{"project_access":null,"group_access":{"access_level":40}}}"#),
        ],
        "G0",
        "but lets you push to it (Maintainers)",
    ),
    (
        "Gitea, for this person",
        &[(GITEA, 200, r#"{"name":"main","protected":true,"user_can_push":false}"#)],
        "G1",
        "you may not push to it",
    ),
    (
        "Gitea, for others",
        &[(GITEA, 200, r#"{"name":"main","protected":true,"user_can_push":true}"#)],
        "G0",
        "but lets you push to it",
    ),
    ("nothing that is a forge", &[], "G0", "could not be determined"),
    ("something else", &[(GITEA, 200, "<html>")], "G0", "could not be determined"),
];

/// Requests that a server was sent: first lines and headers.
pub(crate) type Sent = Arc<Mutex<Vec<String>>>;

/// A server that gives these answers until the process ends; its port, and what it was sent.
pub(crate) fn forge(answers: Answers) -> (u16, Sent) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Sent::default();
    let seen = Arc::clone(&sent);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(stream, answers, &seen);
        }
    });
    (port, sent)
}

fn answer(mut stream: TcpStream, answers: Answers, sent: &Sent) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let found = answers.iter().find(|(at, ..)| *at == path);
    let (status, body) = found.map_or((404, "404 page not found"), |(_, status, body)| (*status, *body));
    sent.lock().unwrap().push(head.join("\n"));
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The check of the branch, where the Flux repository is at this server.
fn check(port: u16, more: &Value, variables: &[(&str, &str)], arguments: &[&str]) -> Value {
    let home = Home::empty();
    let mut rwenv =
        json!({ "fluxGitRepo": format!("http://127.0.0.1:{port}/acme/flux.git"), "fluxBranch": "main" });
    rwenv.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    home.write(".claude/rwenv/envs.json", &json!({ "rwenvs": { "prod": rwenv } }).to_string());
    let mut command = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path(""));
    command.args(["doctor", "--json"]).args(arguments).envs(variables.iter().copied());
    let said = command.output().unwrap();
    let all: Vec<Value> = serde_json::from_slice(&said.stdout).unwrap();
    all.into_iter().find(|one| one["id"] == "branch").unwrap()
}

pub(crate) fn has_curl() -> bool {
    let has = Command::new("curl").arg("--version").output().is_ok_and(|said| said.status.success());
    if !has {
        skip("curl is not here");
    }
    has
}

#[test]
fn the_doctor_says_whether_the_branch_is_protected_and_for_whom() {
    if !has_curl() {
        return;
    }
    for (about, answers, level, says) in CASES {
        let (port, _) = forge(answers);
        let told = check(port, &json!({}), &[], &[]);
        let text = told["says"].as_str().unwrap();
        assert!(told["level"] == *level && text.contains(says), "{about}: {told}");
        assert_ne!(told["state"], "fail", "{about}");
        assert!(!text.contains('\n') && text.len() < 200, "{about}: {text}");
    }
}

#[test]
fn nothing_is_asked_offline_and_a_token_goes_to_its_own_host_alone() {
    if !has_curl() {
        return;
    }
    let (port, sent) = forge(&[]);
    let tokens = [("GH_TOKEN", "hub-t0ken"), ("GITLAB_TOKEN", "lab-t0ken"), ("GITEA_TOKEN", "tea-t0ken")];
    assert!(check(port, &json!({}), &tokens, &["--offline"])["says"].as_str().unwrap().contains("not asked"));
    assert_eq!(sent.lock().unwrap().len(), 0);
    check(port, &json!({}), &tokens, &[]);
    let all = sent.lock().unwrap().join("\n");
    assert!(all.contains("GET /api/v4/") && !all.contains("t0ken"), "{all}");
    // Where it is said that this is a Gitea, its token is for it.
    let (port, sent) = forge(&[]);
    check(port, &json!({ "fluxGitRepoType": "gitea" }), &tokens, &[]);
    let all = sent.lock().unwrap().join("\n");
    assert!(all.contains("Authorization: token tea-t0ken") && !all.contains("hub-"), "{all}");
    let (port, sent) = forge(&[]);
    let host = format!("127.0.0.1:{port}");
    check(port, &json!({}), &[("GITLAB_HOST", &host), ("GITLAB_TOKEN", "lab-t0ken")], &[]);
    let all = sent.lock().unwrap().join("\n");
    assert!(all.contains("PRIVATE-TOKEN: lab-t0ken"), "{all}");
}
