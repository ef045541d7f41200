//! GitOps-only rwenvs: each kind of line in each state of a repository, and each way to a trunk by autonomy.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::push::World;
use crate::support::Home;

#[derive(Deserialize)]
struct Matrix {
    line: Vec<Row>,
    trunk: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    command: String,
    answers: BTreeMap<String, String>,
}

fn matrix() -> Matrix {
    toml::from_str(include_str!("../fixtures/gitops.toml")).unwrap()
}

/// What is answered otherwise than a column says.
fn wrong(rows: &[Row], column: &str, answer: impl Fn(&str) -> crate::support::Answer) -> Vec<String> {
    let wrong = rows.iter().filter_map(|row| {
        let answer = answer(&row.command);
        let wanted = &row.answers[column];
        let told =
            || format!("{column}: {}: {}, not {wanted}\n{}", row.command, answer.decision(), answer.stderr);
        (answer.decision() != wanted).then(told)
    });
    wrong.collect()
}

/// The repository, with a change of all that is applied.
fn project() -> Home {
    let home = Home::new();
    home.git("", &["init", "-q", "--bare", "remote.git"]);
    home.git("go", &["init", "-q"]);
    home.write("go/.gitignore", "/.claude\n*.plan\n*.tfstate\n.terraform/\ngenerated/\n");
    let write = |size: u32| {
        home.write("go/infra/main.tf", &format!("locals {{ size = {size} }}\n"));
        home.write("go/talos/node.yaml", &format!("machine: {{}} # {size}\n"));
        let app = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: web";
        home.write("go/kubernetes/argocd-apps/web.yaml", &format!("{app}-{size}\n"));
    };
    write(1);
    home.git("go", &["add", "-A"]);
    home.git("go", &["commit", "-qm", "one"]);
    home.git("go", &["remote", "add", "origin", "../remote.git"]);
    home.git("go", &["push", "-q", "-u", "origin", "main"]);
    write(2);
    home
}

/// What `terraform apply` leaves here: a generated file, and a state that knows it.
fn applied(home: &Home, state_of: &str) {
    let text = "machine:\n  type: worker\n";
    home.write("go/infra/generated/node.yaml", text);
    home.write("go/infra/tf.plan", "a plan");
    let digest: String = Sha256::digest(state_of).iter().map(|byte| format!("{byte:02x}")).collect();
    let state = serde_json::json!({ "version": 4, "resources": [{
        "mode": "managed", "type": "local_sensitive_file", "name": "node",
        "instances": [{ "attributes": { "filename": "./generated/node.yaml", "content_sha256": digest } }],
    }] });
    home.write("go/infra/terraform.tfstate", &state.to_string());
}

/// Brings a repository with a change into a state.
type Reach<'a> = &'a dyn Fn(&Home);

/// What Terraform generates.
const MADE: &str = "machine:\n  type: worker\n";

#[test]
fn each_line_in_each_state_of_the_repository() {
    let matrix = matrix();
    let commit = |home: &Home| drop(home.git("go", &["commit", "-qam", "two"]));
    let foreign = |home: &Home| {
        home.git("", &["clone", "-q", "remote.git", "other"]);
        home.git("other", &["commit", "-q", "--allow-empty", "-m", "theirs"]);
        home.git("other", &["push", "-q", "origin", "HEAD:main"]);
        home.git("go", &["fetch", "-q"]);
    };
    let states: [(&str, Reach<'_>); 5] = [
        ("uncommitted", &|_| {}),
        ("committed", &|home| commit(home)),
        ("branch", &|home| {
            home.git("go", &["switch", "-qc", "topic"]);
            commit(home);
            home.git("go", &["push", "-q", "origin", "topic"]);
        }),
        ("followed", &|home| {
            commit(home);
            home.git("go", &["push", "-q", "origin", "HEAD:main"]);
        }),
        ("diverged", &|home| {
            commit(home);
            foreign(home);
        }),
    ];
    let mut all = Vec::new();
    for (state, reach) in states {
        let home = project();
        reach(&home);
        applied(&home, MADE);
        all.extend(wrong(&matrix.line, state, |line| home.hook("go", line)));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_trunk_is_pushed_to_as_autonomy_says() {
    let matrix = matrix();
    let mut all = Vec::new();
    for autonomy in ["manual", "prompted", "standard"] {
        let world = World::new(&format!(r#","gitOpsOnly":true,"directPush":true,"autonomy":"{autonomy}""#));
        world.home.git("flux", &["branch", "-q", "-u", "origin/main"]);
        world.home.git("flux", &["tag", "v1"]);
        world.home.git("flux", &["push", "-q", "--no-verify", "origin", "HEAD:refs/pull/1/head"]);
        assert_eq!(world.home.rwenv("", &["repo", "sync", "env"]).code, 0);
        all.extend(wrong(&matrix.trunk, autonomy, |line| world.home.hook("flux", line)));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_generated_file_is_applied_as_terraform_made_it_of_what_git_has() {
    let home = project();
    home.git("go", &["commit", "-qam", "two"]);
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    let apply = "talosctl -n 10.0.0.2 apply-config --file infra/generated/node.yaml";
    let told = |line: &str| home.hook("go", line);
    applied(&home, MADE);
    assert_eq!(told(apply).decision(), "allow");
    for first in ["echo x > infra/generated/node.yaml", "echo '{}' > infra/terraform.tfstate"] {
        assert_eq!(told(&format!("{first}; {apply}")).decision(), "deny", "{first}");
    }
    // The file was changed since.
    home.write("go/infra/generated/node.yaml", "machine: {}\n");
    let changed = told(apply);
    let says = "node.yaml is not what the last terraform apply made; run terraform -chdir=";
    assert!(changed.decision() == "deny" && changed.stderr.contains(says), "{}", changed.stderr);
    // Git has moved on since.
    applied(&home, MADE);
    // Times of files are coarser than this test is fast.
    std::thread::sleep(std::time::Duration::from_millis(50));
    home.write("go/infra/main.tf", "locals { size = 3 }\n");
    home.git("go", &["commit", "-qam", "three"]);
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    let old = told(apply);
    let says = "the state of terraform is older than main.tf; run terraform -chdir=";
    assert!(old.decision() == "deny" && old.stderr.contains(says), "{}", old.stderr);
    applied(&home, MADE);
    assert_eq!(told(apply).decision(), "allow");
    // A state that is kept elsewhere says nothing here.
    std::fs::remove_file(home.path("go/infra/terraform.tfstate")).unwrap();
    assert_eq!(told(apply).decision(), "ask");
    // In another workspace there is another state.
    applied(&home, MADE);
    home.write("go/infra/.terraform/environment", "blue");
    assert_eq!(told(apply).decision(), "ask");
}
