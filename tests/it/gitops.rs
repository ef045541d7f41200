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
            ("talosctl patch mc -p @talos/node.yaml", "deny"),
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

/// `terraform` does more than bring about what Git has; what else it does is nobody's without a person.
#[test]
fn what_terraform_does_beside_git_is_not_what_git_has() {
    let home = project();
    home.write("go/infra/env/prod.tfvars", "replicas = 3\n");
    home.git("go", &["add", "-A"]);
    home.git("go", &["commit", "-qm", "values"]);
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    home.write("other.tfvars", "replicas = 0\n");
    check(
        &home,
        &[
            ("terraform -chdir=infra apply", "allow"),
            ("cd infra && tofu apply -auto-approve -input=false -lock-timeout=5m", "allow"),
            ("terraform -chdir=infra apply -var-file=env/prod.tfvars", "allow"),
            ("terraform -chdir=infra apply -target=x.y", "ask"),
            ("terraform -chdir=infra plan -target=x.y", "allow"),
            ("terraform -chdir=infra apply -destroy=false", "allow"),
            ("terraform -chdir=infra apply -refresh-only", "allow"),
            ("terraform -chdir=infra plan -destroy -var a=b", "allow"),
            ("terraform -chdir=infra state list", "allow"),
            ("terraform -chdir=infra destroy -auto-approve", "deny"),
            ("tofu -chdir=infra destroy", "deny"),
            ("cd infra && terraform apply -auto-approve -destroy", "deny"),
            ("cd infra && terraform apply --destroy=true", "deny"),
            ("terraform -chdir=infra apply -replace=x.y", "ask"),
            ("terraform -chdir=infra apply -replace x.y -auto-approve", "ask"),
            ("terraform -chdir=infra apply -var replicas=0", "ask"),
            ("terraform -chdir=infra apply -var=replicas=0", "ask"),
            ("TF_VAR_replicas=0 terraform -chdir=infra apply", "ask"),
            ("export TF_WORKSPACE=blue; terraform -chdir=infra apply", "ask"),
            ("terraform -chdir=infra apply -state=/tmp/x.tfstate", "ask"),
            ("terraform -chdir=infra apply -var-file=../../other.tfvars", "deny"),
            ("terraform -chdir=infra apply -var-file=\"$FILE\"", "deny"),
            ("TF_CLI_ARGS_apply=-destroy terraform -chdir=infra apply", "deny"),
            ("TF_CLI_ARGS='-auto-approve -destroy' terraform -chdir=infra apply", "deny"),
            ("TF_CLI_ARGS_apply=\"$X\" terraform -chdir=infra apply", "ask"),
            ("TF_CLI_ARGS_plan=-destroy terraform -chdir=infra apply", "allow"),
            ("TF_DATA_DIR=/tmp/x terraform -chdir=infra apply", "ask"),
            ("export AWS_PROFILE=x; terraform -chdir=infra apply", "ask"),
            (
                "terraform -chdir=infra init -reconfigure -backend-config=bucket=x; terraform -chdir=infra apply",
                "ask",
            ),
            ("terraform -chdir=infra init -migrate-state && terraform -chdir=infra apply", "ask"),
            ("terraform -chdir=infra init -input=false && terraform -chdir=infra apply", "allow"),
            ("cd infra && terragrunt --all destroy", "deny"),
            ("cd infra && terragrunt -a destroy", "deny"),
            ("cd infra && terragrunt --non-interactive destroy", "deny"),
            ("terragrunt --working-dir infra destroy", "deny"),
            ("cd infra && terragrunt --zz destroy", "deny"),
            ("cd infra && terragrunt stack run destroy", "deny"),
            ("cd infra && terragrunt run -- destroy", "deny"),
            ("cd infra && terragrunt destroy-all", "deny"),
            ("cd infra && terragrunt exec -- terraform destroy", "deny"),
            ("cd infra && terragrunt exec -- terraform show", "allow"),
            ("terraform -chdir=infra state rm x.y", "deny"),
            ("tofu -chdir=infra state mv x.y x.z", "deny"),
            ("terraform -chdir=infra state push old.tfstate", "deny"),
            ("terraform -chdir=infra state replace-provider a b", "deny"),
            ("terraform -chdir=infra state rm -dry-run x.y", "allow"),
            ("terraform -chdir=infra import x.y id", "deny"),
            ("terraform -chdir=infra taint x.y", "ask"),
            ("terraform -chdir=infra untaint x.y", "ask"),
            ("terraform -chdir=infra force-unlock -force 1f2e", "ask"),
            ("terraform -chdir=infra workspace delete blue", "deny"),
            ("terraform -chdir=infra workspace select blue", "ask"),
        ],
    );
}

#[test]
fn a_plan_is_applied_where_it_was_made_of_what_git_has() {
    let home = project();
    home.write("go/.gitignore", "/.claude\n*.plan\n");
    home.git("go", &["add", "-A"]);
    home.git("go", &["commit", "-qm", "no plans"]);
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    home.write("go/infra/tf.plan", "a plan");
    home.write("tf.plan", "a plan");
    check(
        &home,
        &[
            ("terraform -chdir=infra apply tf.plan", "allow"),
            ("cd infra && terraform plan -out=tf.plan && terraform apply tf.plan", "allow"),
            ("cd infra && terraform plan -out=/tmp/x.plan && terraform apply /tmp/x.plan", "allow"),
            ("cd infra && terraform plan -destroy -out=tf.plan && terraform apply tf.plan", "deny"),
            ("cd infra && terraform plan -var a=b -out tf.plan && terraform apply tf.plan", "ask"),
            (
                "cd infra && terraform plan -var-file=../../x.tfvars -out tf.plan && terraform apply tf.plan",
                "deny",
            ),
            ("terraform -chdir=infra apply ../../tf.plan", "deny"),
            ("terraform -chdir=infra apply \"$PLAN\"", "deny"),
        ],
    );
    let outside = home.hook("go", "terraform -chdir=infra apply ../../tf.plan");
    assert!(outside.stderr.contains("lies outside the repository"), "{}", outside.stderr);
    // HEAD has moved on since: the plan is of something else.
    home.git("go", &["commit", "-q", "--allow-empty", "-m", "on"]);
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    let old = home.hook("go", "terraform -chdir=infra apply tf.plan");
    assert!(old.decision() == "deny" && old.stderr.contains("plan again"), "{}", old.stderr);
    home.write("go/infra/tf.plan", "a plan");
    check(&home, &[("terraform -chdir=infra apply tf.plan", "allow")]);
    // So have its files: what is there now was made after it.
    home.git("go", &["rm", "-q", "--cached", "infra/main.tf"]);
    home.git("go", &["reset", "-q", "--hard"]);
    check(&home, &[("terraform -chdir=infra apply tf.plan", "deny")]);
}

/// What Git is told to ignore is generated from what it has; a person looks at it.
#[test]
fn a_generated_configuration_asks_where_git_has_what_it_is_made_of() {
    let home = project();
    home.write("go/.gitignore", "/.claude\ngenerated/\n");
    home.write("go/talos/generated/node.yaml", "machine: {}\n");
    home.git("go", &["add", "-A"]);
    home.git("go", &["commit", "-qm", "ignored"]);
    let node = "talosctl -n 10.0.0.2 apply-config --file talos/generated/node.yaml";
    check(&home, &[(node, "deny")]);
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    check(
        &home,
        &[
            (node, "ask"),
            ("talosctl -n 10.0.0.2 apply-config --dry-run -f talos/generated/node.yaml", "allow"),
        ],
    );
    home.write("go/talos/patch.yaml", "machine: {}\n");
    check(&home, &[(node, "deny")]);
}

#[test]
fn machines_are_a_persons_in_a_rwenv_of_autonomy_manual() {
    let home = project();
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    for (autonomy, wanted) in [("standard", "allow"), ("prompted", "ask"), ("manual", "deny")] {
        home.write(
            ".claude/rwenv/envs.json",
            &format!(r#"{{"version":"1.0","rwenvs":{{"go":{{"gitOpsOnly":true,"kubernetesContext":"go-ctx","autonomy":"{autonomy}"}}}}}}"#),
        );
        check(
            &home,
            &[
                ("terraform -chdir=infra apply", wanted),
                ("talosctl -n 10.0.0.2 apply-config -f talos/node.yaml", wanted),
                ("terraform -chdir=infra plan -out=tf.plan", "allow"),
            ],
        );
    }
    let told = home.hook("go", "terraform -chdir=infra apply");
    assert!(told.stderr.contains("have a person run: terraform apply"), "{}", told.stderr);
}

/// The exception is for one file of Applications, where this rwenv keeps them.
#[test]
fn the_exception_for_applications_is_the_rwenvs_own_and_has_no_more_happen() {
    let home = project();
    let app = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: web\n";
    home.write("go/mine/app.yaml", app);
    home.write("go/first/app.yaml", app);
    home.git("go", &["add", "-A"]);
    home.git("go", &["commit", "-qm", "more"]);
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    let file = "-f kubernetes/argocd-apps/web.yaml";
    for more in [
        "--prune --all",
        "--prune -l app=web",
        "--prune --prune-allowlist=core/v1/ConfigMap --all",
        "--force --grace-period=0",
        "--force-conflicts --server-side",
        "--cascade=foreground --force",
        "-R",
        "$FLAGS",
        "\"$FLAG\"",
    ] {
        check(&home, &[(&format!("kubectl apply {more} {file}"), "deny")]);
    }
    check(
        &home,
        &[
            (&format!("kubectl apply {file}"), "allow"),
            (
                &format!("kubectl --context go-ctx -n argocd apply --server-side --field-manager=me {file}"),
                "allow",
            ),
            (&format!("kubectl create {file}"), "allow"),
            ("kubectl apply -f mine/app.yaml", "deny"),
            ("kubectl apply -f first/app.yaml", "deny"),
        ],
    );
    let envs = |go: &str, rw: &str| {
        let text = format!(
            r#"{{"version":"1.0","rwenvs":{{"go":{{"gitOpsOnly":true,"kubernetesContext":"go-ctx"{go}}},"rw":{{"kubernetesContext":"rw-ctx"{rw}}}}}}}"#
        );
        home.write(".claude/rwenv/envs.json", &text);
    };
    envs(r#","argocdApps":["*/first/*"]"#, r#","argocdApps":["*/mine/*"]"#);
    check(
        &home,
        &[
            ("kubectl apply -f first/app.yaml", "allow"),
            ("kubectl apply -f mine/app.yaml", "deny"),
            ("kubectl apply -f kubernetes/argocd-apps/web.yaml", "deny"),
        ],
    );
}

/// Only the branch that is deployed from counts: a pushed branch is a proposal.
#[test]
fn what_waits_for_its_merge_is_not_applied() {
    let home = project();
    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    home.git("go", &["switch", "-qc", "topic"]);
    home.write("go/infra/main.tf", "resource \"x\" \"z\" {}\n");
    home.git("go", &["commit", "-qam", "a proposal"]);
    home.git("go", &["push", "-q", "origin", "topic"]);
    let lines = [
        "terraform -chdir=infra apply",
        "cd infra && terraform plan -out=tf.plan && terraform apply tf.plan",
        "talosctl -n 10.0.0.2 apply-config -f talos/node.yaml",
    ];
    let bootstrap = "kubectl apply -f kubernetes/argocd-apps/web.yaml";
    for line in lines {
        let answer = home.hook("go", line);
        assert_eq!(answer.decision(), "deny", "{line}: {}", answer.stderr);
        let said = answer.stderr.contains("[gitops-only.unmerged]")
            && answer.stderr.contains("on topic, not on main");
        assert!(said, "{line}: {}", answer.stderr);
    }
    check(&home, &[(bootstrap, "deny"), ("terraform -chdir=infra plan", "allow")]);

    // A clone knows the branch it started on; there it is the one that is deployed from.
    home.git("go", &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/topic"]);
    check(&home, &[(lines[0], "allow"), (bootstrap, "allow")]);
    home.git("go", &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
    check(&home, &[(lines[0], "deny")]);

    home.git("go", &["push", "-q", "origin", "HEAD:main"]);
    check(&home, &[(lines[0], "allow"), (bootstrap, "allow")]);
}

/// A remote whose branches have names of their own has none that is known to be deployed from.
#[test]
fn any_branch_counts_where_none_is_known_to_be_deployed_from() {
    let home = project();
    home.git("go", &["push", "-q", "origin", "HEAD:lab"]);
    check(&home, &[("terraform -chdir=infra apply", "allow")]);
}
