//! Deployments that are killed, refused by the forge, or meet another one: what is left, and how it goes on.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use crate::deploy::{GH, Shop};
use crate::support::answer;

/// A stand-in for git that kills the one who called it, after its n-th call has done its work.
const DEADLY: &str = r#"#!/bin/sh
n=$(cat "$HOME/calls" 2>/dev/null || echo 0); n=$((n + 1)); echo $n > "$HOME/calls"
/usr/bin/git "$@"; status=$?
[ "$n" = "$(cat "$HOME/deadly" 2>/dev/null)" ] && kill -9 $PPID
exit $status
"#;

/// Kills deployments after every call of git's that they make, one after another; gives the next run each time, until one
/// comes through.
fn killed(more: &str, service: &str, mut next: impl FnMut(usize, &Shop, bool)) {
    let (mut call, mut interrupted) = (0, 0);
    loop {
        call += 1;
        let shop = Shop::new(more);
        shop.script("git", DEADLY);
        shop.home.write("deadly", &call.to_string());
        let killed = shop.deploy(&[service, "--image-tag", "v2.3.0"]);
        fs::remove_file(shop.home.path("bin/git")).unwrap();
        if killed.code != 128 + 9 {
            break;
        }
        let again = shop.deploy(&[service, "--image-tag", "v2.3.0"]);
        let middle = again.stderr.contains("was interrupted");
        assert_eq!(middle, again.stderr.contains("--continue finishes it"), "call {call}: {}", again.stderr);
        interrupted += usize::from(middle);
        next(call, &shop, middle);
        shop.is_tidy();
    }
    assert!(call > 12 && interrupted > 6, "{call} calls, {interrupted} of them in the middle");
}

#[test]
fn a_proposal_that_is_killed_after_any_step_is_gone_on_with_or_undone() {
    killed("", "web", |call, shop, interrupted| {
        let aborts = interrupted && call % 2 == 1;
        if interrupted {
            let (way, words) =
                if aborts { ("--abort", "is undone") } else { ("--continue", "Deploy web v2.3.0: https") };
            let way = shop.deploy(&[way]);
            assert!(way.code == 0 && way.stdout.contains(words), "call {call}: {}", way.stderr);
        }
        let branches = shop.branches();
        assert_eq!(branches.len(), if aborts { 1 } else { 2 }, "call {call}: {branches:?}");
        if !aborts {
            let commits = shop.remote(&["rev-list", "--count", &format!("main..{}", branches[0])]);
            assert_eq!(commits.trim(), "1", "call {call}");
            assert_eq!(shop.home.read("gh.log").matches("pr create").count(), 1, "call {call}");
        }
    });
}

#[test]
fn a_direct_push_that_is_killed_after_any_step_is_gone_on_with_or_undone() {
    killed(r#","directPush":true"#, "web", |call, shop, interrupted| {
        let way = if call % 2 == 1 { "--abort" } else { "--continue" };
        let done = if interrupted { Some(shop.deploy(&[way])) } else { None };
        let undone = done.as_ref().is_some_and(|done| done.stdout.contains("is undone"));
        // What is on the branch already is not undone by going back.
        if let Some(done) = done.filter(|_| way == "--abort" && !undone) {
            assert!(done.stderr.contains("rwenv deploy --revert"), "call {call}: {}", done.stderr);
            shop.deploy(&["--continue"]);
        }
        assert_eq!(shop.branches(), ["main"], "call {call}");
        let commits = shop.remote(&["rev-list", "--count", "main"]);
        assert_eq!(commits.trim(), if undone { "1" } else { "2" }, "call {call}");
        let step = if undone { "aborted" } else { "merged" };
        assert_eq!(shop.status()[0]["step"], step, "call {call}");
    });
}

#[test]
fn a_pull_request_is_opened_once_also_where_the_run_was_killed_behind_it() {
    let shop = Shop::new("");
    shop.script("gh", &format!("{GH}case \"$2\" in create) kill -9 $PPID ;; esac\n"));
    assert_ne!(shop.deploy(&["web", "--image-tag", "v2"]).code, 0);
    shop.script("gh", GH);
    let next = shop.deploy(&["papi", "--image-tag", "v2"]);
    assert!(next.stderr.contains("was interrupted with the change pushed"), "{}", next.stderr);
    assert_eq!(shop.deploy(&["--continue"]).code, 0);
    assert_eq!(shop.home.read("gh.log").matches("pr create").count(), 1);
    assert_eq!(shop.status()[0]["step"], "opened");
}

#[test]
fn a_forge_that_fails_leaves_a_branch_to_go_on_with() {
    let shop = Shop::new("");
    shop.script("gh", "#!/bin/sh\necho 'no such repository' >&2; exit 1\n");
    let failed = shop.deploy(&["web", "--image-tag", "v2"]);
    assert_eq!(failed.code, 1);
    for expected in
        ["stopped with the change pushed", "gh: no such repository", "from deploy/web-", "to main"]
    {
        assert!(failed.stderr.contains(expected), "{}", failed.stderr);
    }
    fs::remove_file(shop.home.path("bin/gh")).unwrap();
    let missing = shop.deploy(&["--continue"]);
    assert!(missing.stderr.contains("gh is not on PATH"), "{}", missing.stderr);
}

#[test]
fn gitea_is_asked_by_its_api() {
    let shop = Shop::new("");
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let seen = std::thread::spawn(move || {
        let mut seen = Vec::new();
        for answer in [
            ("200 OK", "[]"),
            ("403 Forbidden", r#"{"message":"token has no scope"}"#),
            ("200 OK", "[]"),
            ("201 Created", r#"{"html_url":"http://git.example.com/acme/flux/pulls/3","head":{"ref":"x"}}"#),
        ] {
            let (stream, _) = server.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            seen.push((head, String::from_utf8(body).unwrap()));
            let (status, text) = answer;
            let said = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
                text.len()
            );
            reader.get_mut().write_all(said.as_bytes()).unwrap();
        }
        seen
    });
    let url = format!("http://{address}/acme/flux.git");
    let real = shop.home.path("flux.git");
    let config = shop.home.read(".gitconfig");
    shop.home.write(".gitconfig", &format!("{config}[url \"{}\"]\n\tinsteadOf = {url}\n", real.display()));
    let envs = format!(
        r#"{{"version":"1.0","rwenvs":{{"dev":{{"type":"k3s","fluxGitRepo":"{url}","fluxGitRepoType":"gitea"}}}}}}"#
    );
    shop.home.write(".claude/rwenv/envs.json", &envs);
    let deploy = |arguments: &[&str]| {
        let mut command = shop.home.command(env!("CARGO_BIN_EXE_rwenv"), &shop.home.path("project"));
        answer(command.env("GITEA_TOKEN", "t0ken").arg("deploy").args(arguments))
    };
    let missing = shop.deploy(&["web", "--image-tag", "v2"]);
    assert!(missing.code == 1 && missing.stderr.contains("set GITEA_TOKEN"), "{}", missing.stderr);
    let refused = deploy(&["--continue"]);
    assert!(refused.stderr.contains("answered 403: token has no scope"), "{}", refused.stderr);
    let done = deploy(&["--continue"]);
    assert!(done.stdout.contains("http://git.example.com/acme/flux/pulls/3"), "{}", done.stderr);
    let seen = seen.join().unwrap();
    let (head, body) = seen.last().unwrap();
    assert!(head.starts_with("POST /api/v1/repos/acme/flux/pulls HTTP/1.1"), "{head}");
    assert!(head.to_lowercase().contains("authorization: token t0ken"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["base"], &body["title"]), (&"main".into(), &"Deploy web v2".into()));
}

#[test]
fn what_somebody_else_has_done_in_the_meantime_is_not_done_again() {
    let shop = Shop::new(r#","autonomy":"manual""#);
    let mut command = shop.home.command(env!("CARGO_BIN_EXE_rwenv"), &shop.home.path("project"));
    command.env("CLAUDECODE", "1").args(["deploy", "web", "--image-tag", "v2"]);
    assert_eq!(answer(&mut command).code, 2, "an agent prepares it");
    let text = shop.home.read("work/apps/web.yaml").replace("web:v1.0.0", "web:v2");
    shop.home.write("work/apps/web.yaml", &text);
    shop.push("by hand");
    // Prepared changes are kept where git keeps what is checked out: without that they are made anew.
    fs::remove_dir_all(
        shop.home.path(".claude/rwenv/deploys/dev").join(shop.status()[0]["id"].as_str().unwrap()),
    )
    .unwrap();
    let next = shop.deploy(&["--continue"]);
    assert_eq!(shop.status()[0]["step"], "merged", "{}{}", next.stdout, next.stderr);
    assert_eq!(shop.branches(), ["main"]);
    shop.is_tidy();
}
