//! `integrations/check.sh` by plain shell, with servers on this machine that keep comments as GitHub, GitLab and Gitea do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::push::World;
use crate::support::{Answer, answer, find, root, skip};

/// Comments of a server, and the requests it was sent.
#[derive(Default)]
struct Kept {
    comments: Vec<Value>,
    requests: Vec<String>,
    tokens: Vec<String>,
}

fn serve(stream: TcpStream, kept: &Mutex<Kept>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| head.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let length = header("Content-Length:").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = head.first()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split('?').next()?;
    let mut kept = kept.lock().unwrap();
    kept.requests.push(format!("{method} {path}"));
    kept.tokens.extend(
        ["Authorization:", "PRIVATE-TOKEN:"].iter().filter_map(|name| header(name)).map(str::to_owned),
    );
    let told = match method {
        "GET" => {
            let page: usize = target.rsplit("&page=").next()?.parse().ok()?;
            json!(kept.comments.chunks(50).nth(page - 1).unwrap_or_default())
        }
        "POST" => {
            let mut one: Value = serde_json::from_slice(&body).ok()?;
            one["id"] = json!(kept.comments.len() + 1);
            kept.comments.push(one.clone());
            one
        }
        _ => {
            let id: usize = path.rsplit('/').next()?.parse().ok()?;
            let one: Value = serde_json::from_slice(&body).ok()?;
            kept.comments[id - 1]["body"] = one["body"].clone();
            one
        }
    };
    let text = told.to_string();
    let mut stream = stream;
    write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}", text.len())
        .ok()
}

fn server() -> (u16, Arc<Mutex<Kept>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let kept = Arc::new(Mutex::new(Kept::default()));
    let seen = Arc::clone(&kept);
    std::thread::spawn(move || {
        listener.incoming().flatten().for_each(|stream| {
            let _ = serve(stream, &seen);
        })
    });
    (port, kept)
}

fn check(world: &World, forge: &str, port: u16, repository: &str) -> Answer {
    let home = &world.home;
    let script = root().join("integrations/check.sh");
    let mut command = home.command("bash", &home.path("flux"));
    let programs = Path::new(env!("CARGO_BIN_EXE_rwenv")).parent().unwrap().display().to_string();
    let api = match forge {
        "github" => "",
        "gitlab" => "/api/v4",
        _ => "/api/v1",
    };
    command.env("PATH", format!("{programs}:/usr/local/bin:/usr/bin:/bin"));
    command.env("RWENV_BASE", "HEAD~1").env("RWENV_FORGE", forge).env("RWENV_TOKEN", "s3cret-t0ken");
    command
        .env("RWENV_API", format!("http://127.0.0.1:{port}{api}"))
        .env("RWENV_REPOSITORY", repository)
        .env("RWENV_PULL", "7");
    answer(command.arg(script))
}

fn changed(world: &World, replicas: u8) {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web, namespace: app}}\ndata: {{replicas: \"{replicas}\"}}\n"
    );
    world.home.write("flux/apps/web.yaml", &text);
    world.commit("flux", "change");
}

#[test]
fn one_comment_is_kept_and_changed_and_findings_are_sarif() {
    if ["jq", "curl"].iter().any(|program| find(program).is_none()) {
        skip("jq or curl is not here");
        return;
    }
    for (forge, repository, made, changes) in [
        (
            "github",
            "acme/flux",
            "POST /repos/acme/flux/issues/7/comments",
            "PATCH /repos/acme/flux/issues/comments/61",
        ),
        (
            "gitlab",
            "42",
            "POST /api/v4/projects/42/merge_requests/7/notes",
            "PUT /api/v4/projects/42/merge_requests/7/notes/61",
        ),
        (
            "gitea",
            "acme/flux",
            "POST /api/v1/repos/acme/flux/issues/7/comments",
            "PATCH /api/v1/repos/acme/flux/issues/comments/61",
        ),
    ] {
        let world = World::new("");
        let (port, kept) = server();
        // Sixty comments of people's, so that ours is on the second page.
        kept.lock().unwrap().comments =
            (1..=60).map(|id| json!({ "id": id, "body": format!("nice {id}") })).collect();
        changed(&world, 2);
        let first = check(&world, forge, port, repository);
        assert_eq!(first.code, 0, "{forge}: {}", first.stderr);
        assert!(
            kept.lock().unwrap().requests.contains(&made.to_owned()),
            "{forge}: {:?}",
            kept.lock().unwrap().requests
        );
        let text = kept.lock().unwrap().comments[60]["body"].as_str().unwrap().to_owned();
        assert!(text.starts_with("<!-- rwenv:") && text.lines().count() > 1, "{text}");
        // Nothing new: nothing is written.
        kept.lock().unwrap().requests.clear();
        assert_eq!(check(&world, forge, port, repository).code, 0);
        assert!(kept.lock().unwrap().requests.iter().all(|one| one.starts_with("GET")), "{forge}");
        // A credential comes in.
        world.home.write("flux/apps/db.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: app}\nstringData: {password: kB7pQ2xT9vLm4}\n");
        world.commit("flux", "a secret");
        kept.lock().unwrap().comments[60]["body"] = json!(format!("{text}\nolder"));
        let found = check(&world, forge, port, repository);
        assert_eq!(found.code, 1, "{forge}: {}", found.stderr);
        let kept = kept.lock().unwrap();
        assert!(kept.requests.contains(&changes.to_owned()), "{forge}: {:?}", kept.requests);
        assert_eq!(kept.comments.len(), 61, "one comment");
        assert!(kept.tokens.iter().all(|token| token.ends_with("s3cret-t0ken")) && !kept.tokens.is_empty());
        let sarif: Value = serde_json::from_str(&world.home.read("flux/rwenv-check/rwenv.sarif")).unwrap();
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        assert!(
            sarif["version"] == "2.1.0"
                && results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
                    == "apps/db.yaml",
            "{sarif}"
        );
        assert!(
            !found.stderr.contains("kB7pQ2xT9vLm4") && !found.stderr.contains("s3cret"),
            "{}",
            found.stderr
        );
    }
}

#[test]
fn the_templates_run_the_script_and_a_wrong_host_is_said() {
    for file in ["github/action.yml", "gitlab/rwenv.gitlab-ci.yml", "gitea/rwenv.yaml"] {
        let text = std::fs::read_to_string(root().join("integrations").join(file)).unwrap();
        let read = rwenv_core::manifest::yaml::parse(&text);
        assert_eq!(read.documents.len(), 1, "{file}");
        assert!(text.contains("check.sh") && text.contains("RWENV_BASE"), "{file}");
    }
    let world = World::new("");
    changed(&world, 3);
    let told = check(&world, "sourcehut", 1, "x");
    assert!(told.code == 2 && told.stderr.contains("write github, gitlab, gitea or none"), "{}", told.stderr);
    assert_eq!(check(&world, "none", 1, "x").code, 0);
    // Nobody listens there.
    let told = check(&world, "gitea", 1, "x/y");
    assert!(told.code == 2 && told.stderr.contains("the comments cannot be read"), "{}", told.stderr);
}
