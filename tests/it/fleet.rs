//! One repository, several clusters: each rwenv means its own root of it.

use serde_json::{Value, json};

use crate::deploy::GH;
use crate::knowledge::unpack_into;
use crate::support::{Answer, Home, answer};

/// A HOME with rwenvs for three clusters of one repository, and their clones.
fn fleet() -> Home {
    let home = Home::empty();
    home.write(".gitconfig", "[user]\n\tname = t\n\temail = t@example.com\n[init]\n\tdefaultBranch = main\n");
    home.write("bin/gh", GH);
    home.mode("bin/gh", 0o755);
    std::fs::create_dir_all(home.path("work")).unwrap();
    unpack_into("fleet", &home.path("work"));
    home.git("", &["init", "-q", "--bare", "fleet.git"]);
    home.git("work", &["init", "-q"]);
    home.git("work", &["add", "-A"]);
    home.git("work", &["commit", "-q", "-m", "the fleet"]);
    let url = home.path("fleet.git").display().to_string();
    home.git("work", &["push", "-q", &url, "HEAD:main"]);
    let rwenv = |more: Value| {
        let mut all = json!({ "fluxGitRepo": url, "kubernetesContext": "c" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let all = json!({ "version": "1.0", "rwenvs": {
        "dev": rwenv(json!({ "kubernetesContext": "dev" })),
        "test": rwenv(json!({ "fluxPath": "./clusters/staging/" })),
        "live": rwenv(json!({ "fluxPath": "clusters/prod", "readOnly": true })),
    } });
    home.write(".claude/rwenv/envs.json", &all.to_string());
    for name in ["dev", "test", "live"] {
        home.write(&format!("{name}/.claude/rwenv"), &format!("{name}\n"));
        assert_eq!(run(&home, &["repo", "sync", name]).code, 0);
        let made = run(&home, &["services", "regenerate", name, "--offline"]);
        assert_eq!(made.code, 0, "{}", made.stderr);
    }
    home
}

fn run(home: &Home, args: &[&str]) -> Answer {
    run_in(home, "work", args)
}

fn run_in(home: &Home, folder: &str, args: &[&str]) -> Answer {
    let mut command = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path(folder));
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", home.path("bin").display());
    answer(command.env("PATH", path).args(args))
}

/// Where the index of a rwenv says that an object is defined.
fn defined(home: &Home, rwenv: &str, object: &str) -> String {
    let index = home.read(&format!(".claude/rwenv/catalog/{rwenv}/definitions.index"));
    let line = index.lines().find_map(|line| line.strip_prefix(&format!("{object}\t")));
    assert!(line.is_some(), "{rwenv} has no {object}:\n{index}");
    line.unwrap_or_default().replace('\t', " | ")
}

#[test]
fn a_definition_is_the_file_that_this_cluster_gets_the_object_from() {
    let home = fleet();
    let web = "apps/base/web/deployment.yaml:1";
    for (rwenv, object, place) in [
        // A patch of this cluster's; else its own kustomization; else what applies the shared folder.
        ("live", "Deployment\tweb\tshop", format!("apps/prod/replicas.yaml:6 | {web} | dev, staging")),
        ("dev", "Deployment\tweb\tshop", format!("apps/dev/kustomization.yaml:1 | {web} | prod, staging")),
        (
            "test",
            "Service\tweb\tshop",
            "apps/staging/kustomization.yaml:1 | apps/base/web/service.yaml:1 | dev, prod".to_owned(),
        ),
        (
            "live",
            "ResourceQuota\tquota\tshop",
            "clusters/prod/apps.yaml:14 | policies/quota.yaml:1 | dev, staging".to_owned(),
        ),
        ("live", "Kustomization\tapps\tflux-system", "clusters/prod/apps.yaml:1".to_owned()),
        ("dev", "image-of\tDeployment/web\tshop", "apps/dev/kustomization.yaml:8".to_owned()),
    ] {
        assert_eq!(defined(&home, rwenv, object), place, "{rwenv}: {object}");
    }
}

#[test]
fn a_denial_names_this_cluster_s_file_and_what_others_share() {
    let home = fleet();
    let denied = home.hook("live", "kubectl --context c -n shop scale deploy web --replicas 3");
    assert_eq!(denied.decision(), "deny");
    let reason = denied.stdout + &denied.stderr;
    for said in ["apps/prod/replicas.yaml:6", "deployment.yaml:1", "dev, staging"] {
        assert!(reason.contains(said), "{said}: {reason}");
    }
    assert!(!reason.contains("apps/dev/"), "{reason}");
}

#[test]
fn lists_and_deployments_mean_the_own_cluster() {
    let home = fleet();
    let list = |more: &[&str]| {
        let all = run(&home, &[&["services", "list", "--rwenv", "live", "--json"], more].concat());
        let value: Value = serde_json::from_str(&all.stdout).unwrap();
        value["services"].as_object().unwrap().len()
    };
    assert_eq!((list(&[]), list(&["--all-clusters"])), (1, 3));
    let found = run(&home, &["where", "deploy/web", "--rwenv", "test"]);
    assert!(!found.stdout.contains("cluster "), "{}", found.stdout);
    let plan = run_in(&home, "test", &["deploy", "web", "--image-tag", "v1.5.0", "--dry-run"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert!(plan.stdout.contains("apps/staging/kustomization.yaml"), "{}", plan.stdout);
    assert!(!plan.stdout.contains("apps/prod/"), "{}", plan.stdout);
}

#[test]
fn a_flux_path_that_is_no_root_is_told_with_those_there_are() {
    let home = fleet();
    let text = home.read(".claude/rwenv/envs.json").replace("clusters/prod", "cluster/prod");
    home.write(".claude/rwenv/envs.json", &text);
    let roots = "its roots are: clusters/dev, clusters/prod, clusters/staging";
    let list = run(&home, &["services", "list", "--rwenv", "live"]);
    assert_eq!(list.code, 1);
    assert!(list.stderr.contains("\"cluster/prod\"") && list.stderr.contains(roots), "{}", list.stderr);
    let made = run(&home, &["services", "regenerate", "live", "--offline", "--json"]);
    assert!(made.stdout.contains(roots), "{}", made.stdout);
}

/// A clone in which `dev` is selected, on a branch that changes these files. The hook of pre-push is asked as git would.
fn pushed(home: &Home, changes: &[(&str, &str, &str)], to: &str) -> (String, String) {
    let url = home.path("fleet.git").display().to_string();
    let _ = std::fs::remove_dir_all(home.path("dev/clone"));
    home.git("dev", &["clone", "-q", &url, "clone"]);
    home.git("dev/clone", &["checkout", "-q", "-b", "change"]);
    for (file, from, into) in changes {
        let path = format!("dev/clone/{file}");
        let text = home.read(&path);
        assert!(text.contains(from), "{file}: {from}");
        home.write(&path, &text.replacen(from, into, 1));
    }
    home.git("dev/clone", &["commit", "-q", "-am", "a change"]);
    let judged = home.hook("dev/clone", &format!("git push origin HEAD:{to}"));
    assert_eq!(run_in(home, "dev/clone", &["hooks", "install"]).code, 0);
    let mut push = home.command("git", &home.path("dev/clone"));
    let door = answer(push.args(["push", "-f", "origin", &format!("HEAD:{to}")]));
    let hook = judged.stdout + &judged.stderr;
    let denied = if hook.contains("flux-repository") { "denied" } else { "allowed" };
    let sent = if door.code == 0 { "sent" } else { "refused" };
    (format!("{denied}, {sent}"), hook + &door.stderr)
}

#[test]
fn a_push_is_judged_by_the_clusters_it_reaches() {
    let home = fleet();
    for (changes, wanted) in [
        (vec![("apps/dev/kustomization.yaml", "v1.4.0", "v1.5.0")], "allowed, sent"),
        (vec![("apps/staging/kustomization.yaml", "v1.3.0", "v1.4.0")], "allowed, sent"),
        (vec![("apps/prod/kustomization.yaml", "v1.2.0", "v1.3.0")], "denied, refused"),
        (vec![("apps/prod/replicas.yaml", "6", "2")], "denied, refused"),
        (vec![("apps/base/web/service.yaml", "port: 80", "port: 81")], "denied, refused"),
        (vec![("policies/quota.yaml", "\"20\"", "\"30\"")], "denied, refused"),
        // prod has its own number of replicas.
        (vec![("apps/base/web/deployment.yaml", "replicas: 1", "replicas: 2")], "allowed, sent"),
        (vec![("clusters/dev/apps.yaml", "prune: true", "prune: false")], "allowed, sent"),
    ] {
        let (found, said) = pushed(&home, &changes, "change");
        assert_eq!(found, wanted, "{changes:?}: {said}");
        let names = said.contains("rwenv 'live' (whose cluster this change may reach) is read-only");
        assert_eq!(names, wanted.starts_with("denied"), "{said}");
    }
}

#[test]
fn work_in_a_shared_repository_is_the_selected_rwenv_s() {
    let home = fleet();
    let url = home.path("fleet.git").display().to_string();
    for folder in ["dev", "live"] {
        home.git(folder, &["clone", "-q", &url, "clone"]);
    }
    for (line, folder, wanted) in [
        ("git checkout -b next", "dev/clone", "allow"),
        ("git commit --allow-empty -m x", "dev/clone", "allow"),
        ("git commit --allow-empty -m x", "live/clone", "deny"),
        ("git push origin :old", "dev/clone", "allow"),
        // What is removed or rewritten is every follower's; what configuration sends is not the current branch.
        ("git push origin :main", "dev/clone", "deny"),
        ("git push -f origin HEAD~0:production", "dev/clone", "deny"),
        ("git -c remote.origin.push=refs/heads/*:refs/heads/* push", "dev/clone", "deny"),
    ] {
        // On `main` a commit is refused for another reason.
        home.git(folder, &["checkout", "-q", "-B", "work"]);
        let found = home.hook(folder, line);
        assert_eq!(found.decision(), wanted, "{folder}: {line}: {}{}", found.stdout, found.stderr);
    }
}
