//! GitOps-only rwenvs: machines and first Applications come from what is committed and pushed, asked of real git.

use crate::support::Home;

/// A project of the GitOps-only rwenv in a repository with a remote.
fn project() -> Home {
    let home = Home::new();
    home.git("", &["init", "-q", "--bare", "remote.git"]);
    home.git("go", &["init", "-q"]);
    home.write("go/.gitignore", "/.claude\nsecret/\n");
    home.write("go/infra/main.tf", "resource \"x\" \"y\" {}\n");
    home.write("go/talos/node.yaml", "machine: {}\n");
    let app = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: web\n";
    home.write("go/kubernetes/argocd-apps/web.yaml", app);
    home.write(
        "go/kubernetes/argocd-apps/more.yaml",
        &format!("{app}---\nkind: Deployment\nmetadata:\n  name: x\n"),
    );
    home.write("go/kubernetes/web.yaml", app);
    home.git("go", &["add", "-A"]);
    home.git("go", &["commit", "-qm", "all of it"]);
    home.git("go", &["remote", "add", "origin", "../remote.git"]);
    home
}

fn check(home: &Home, cases: &[(&str, &str)]) {
    for (line, wanted) in cases {
        let answer = home.hook("go", line);
        assert_eq!(answer.decision(), *wanted, "{line}: {}{}", answer.stderr, answer.stdout);
    }
}

#[test]
fn what_makes_machines_is_applied_from_what_is_pushed() {
    let home = project();
    let apply = "terraform -chdir=infra apply tf.plan";
    let node = "talosctl -n 10.0.0.2 apply-config -f talos/node.yaml";
    check(&home, &[(apply, "deny"), (node, "deny")]);
    let unpushed = home.hook("go", apply);
    assert!(
        unpushed.stderr.contains("its last commit is on no remote")
            && unpushed.stderr.contains("[gitops-only.unpushed]"),
        "{}",
        unpushed.stderr
    );
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    check(
        &home,
        &[
            (apply, "allow"),
            (node, "allow"),
            ("cd infra && terraform apply", "allow"),
            ("terraform -chdir=infra plan", "allow"),
        ],
    );
    home.write("go/infra/main.tf", "resource \"x\" \"z\" {}\n");
    home.write("secret/node.yaml", "machine: {}\n");
    check(
        &home,
        &[
            (apply, "deny"),
            (node, "allow"),
            ("talosctl patch mc -p @talos/node.yaml", "allow"),
            ("talosctl patch mc -p '{\"machine\": {}}'", "deny"),
            ("talosctl apply-config -f ../secret/node.yaml", "deny"),
            ("talosctl apply-config -f \"$FILE\"", "deny"),
            ("talosctl -n 10.0.0.2 reboot", "ask"),
        ],
    );
    let changed = home.hook("go", apply);
    assert!(changed.stderr.contains("changes that are in no commit"), "{}", changed.stderr);
    home.write("go/infra/new.tf", "");
    home.git("go", &["checkout", "-q", "infra/main.tf"]);
    check(&home, &[(apply, "deny")]);
}

#[test]
fn an_application_is_made_known_once_by_hand_and_nothing_else_is() {
    let home = project();
    let bootstrap = "kubectl apply -f kubernetes/argocd-apps/web.yaml";
    check(&home, &[(bootstrap, "deny")]);
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    check(
        &home,
        &[
            (bootstrap, "allow"),
            ("kubectl apply -f kubernetes/argocd-apps/more.yaml", "deny"),
            ("kubectl apply -f kubernetes/argocd-apps/web.yaml -f kubernetes/web.yaml", "deny"),
            ("kubectl apply -f kubernetes/web.yaml", "deny"),
            ("kubectl delete -f kubernetes/argocd-apps/web.yaml", "deny"),
            ("kubectl apply -f kubernetes/argocd-apps/missing.yaml", "deny"),
        ],
    );
    home.write("go/kubernetes/argocd-apps/web.yaml", "kind: Application\nmetadata:\n  name: other\n");
    check(&home, &[(bootstrap, "deny")]);
}

/// A repository may bring a monitor, filters and hooks; asking what is committed runs none of them.
#[test]
fn asking_runs_nothing_a_repository_brings() {
    let home = project();
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    let trap = home.write("trap", "#!/bin/sh\ntouch \"$HOME/ran\"\nexit 1\n");
    home.mode("trap", 0o755);
    home.git("go", &["config", "core.fsmonitor", trap.to_str().unwrap()]);
    for hook in ["post-index-change", "pre-commit", "post-checkout"] {
        home.write(&format!("go/.git/hooks/{hook}"), "#!/bin/sh\ntouch \"$HOME/ran\"\n");
        home.mode(&format!("go/.git/hooks/{hook}"), 0o755);
    }
    let _ = std::fs::remove_file(home.path("ran"));
    check(&home, &[("terraform -chdir=infra apply", "allow")]);
    assert!(!home.path("ran").exists());
}
