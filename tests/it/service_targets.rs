//! Servers, accounts, projects and hosts belong to rwenvs: a line that leads to another's is judged by its rules, with the files that
//! the tools themselves keep.

use std::fs;

use crate::support::{Answer, Home, answer};

const KUBECONFIG: &str = "apiVersion: v1
kind: Config
current-context: dev
clusters:
- {name: dev, cluster: {server: \"https://dev.example.com:6443\"}}
- {name: prod, cluster: {server: \"https://prod.example.com:6443\"}}
users:
- {name: u, user: {token: abc}}
contexts:
- {name: dev, context: {cluster: dev, user: u}}
- {name: prod, context: {cluster: prod, user: u}}
";

const TARGETS: [&str; 9] =
    ["argocd", "talos", "vault", "terraform", "gcp", "aws", "azure", "docker", "database"];

/// A read-only rwenv and one that may be changed, each with these targets.
fn home(of_prod: &[&str], of_dev: &[&str]) -> Home {
    let home = Home::empty();
    home.write(".kube/config", KUBECONFIG);
    for (name, targets, flags) in [("prod", of_prod, &["--read-only"][..]), ("dev", of_dev, &[])] {
        let mut arguments = vec!["add", name, "--context", name];
        arguments.extend(flags);
        arguments.extend(targets.iter().flat_map(|target| ["--target", target]));
        let added = home.rwenv("", &arguments);
        assert_eq!(added.code, 0, "{}", added.stderr);
        home.write(&format!("{name}/.claude/rwenv"), &format!("{name}\n"));
    }
    fs::create_dir_all(home.path("none")).unwrap();
    home
}

fn check(home: &Home, folder: &str, cases: &[(&str, &str)]) {
    for (line, wanted) in cases {
        let told = home.hook(folder, line);
        assert_eq!(told.decision(), *wanted, "{folder}: {line}: {}{}", told.stdout, told.stderr);
    }
}

fn declared() -> Home {
    home(
        &[
            "argocd=argocd.acme.example",
            "talos=10.1.0.*",
            "talos=main",
            "vault=https://vault.acme.example:8200",
            "vault=secret/live/*",
            "terraform=live",
            "terraform=acme-state/live",
            "gcp=acme-live",
            "aws=live",
            "aws=111111111111",
            "azure=acme-live",
            "docker=ssh://root@node.acme.example",
            "database=*.db.acme.example",
        ],
        &[
            "argocd=argocd.lab.example",
            "talos=10.2.0.*",
            "vault=vault.lab.example",
            "aws=lab",
            "database=db.lab.example",
            "docker=lab",
        ],
    )
}

#[test]
fn a_line_that_leads_to_another_rwenv_s_target_is_judged_by_its_rules() {
    let home = declared();
    check(
        &home,
        "dev",
        &[
            ("argocd --server argocd.acme.example app delete web -y", "deny"),
            ("argocd app delete web --server=https://argocd.acme.example:443", "deny"),
            ("ARGOCD_SERVER=argocd.acme.example argocd app delete web", "deny"),
            ("export ARGOCD_SERVER=argocd.acme.example; argocd app delete web", "deny"),
            ("argocd login argocd.acme.example --sso && argocd app delete web", "deny"),
            ("talosctl -n 10.1.0.7 reset", "deny"),
            ("talosctl --nodes 10.2.0.1,10.1.0.7 reboot", "deny"),
            ("talosctl -e 10.1.0.2 reset", "deny"),
            ("talosctl --context main reset", "deny"),
            ("VAULT_ADDR=https://vault.acme.example:8200 vault kv put secret/x a=b", "deny"),
            ("export VAULT_ADDR=https://vault.acme.example:8200/; vault delete secret/x", "deny"),
            ("vault kv put secret/live/x a=b", "deny"),
            ("terraform workspace select live && terraform apply -auto-approve", "deny"),
            ("TF_WORKSPACE=live terraform destroy", "deny"),
            ("AWS_PROFILE=live terraform apply -auto-approve", "deny"),
            ("gcloud --project acme-live compute instances delete vm", "deny"),
            ("docker -H ssh://root@node.acme.example rm -f web", "deny"),
            ("DOCKER_HOST=ssh://root@node.acme.example docker compose up -d", "deny"),
            ("psql -h orders.db.acme.example -c 'create table t ()'", "deny"),
            ("PGHOST=orders.db.acme.example psql -c 'create table t ()'", "deny"),
            ("psql postgres://app@orders.db.acme.example/orders -c 'create table t ()'", "deny"),
            // Its own, what only looks, and this machine.
            ("argocd --server argocd.lab.example app delete web -y", "allow"),
            ("talosctl -n 10.2.0.1 reset", "allow"),
            ("VAULT_ADDR=https://vault.lab.example vault kv put secret/x a=b", "allow"),
            ("argocd --server argocd.acme.example app list", "allow"),
            ("talosctl -n 10.1.0.7 dmesg", "allow"),
            ("docker -H ssh://root@node.acme.example ps", "allow"),
            ("docker rm -f web; docker compose up -d", "allow"),
            ("DOCKER_HOST=unix:///run/user/1000/docker.sock docker rm -f web", "allow"),
            ("vault kv put secret/x a=b", "allow"),
            ("argocd app delete web -y", "allow"),
        ],
    );
    let told = home.hook("dev", "talosctl -n 10.1.0.7 reset").stderr;
    assert!(told.contains("rwenv 'prod' (whose talos '10.1.0.7' is)"), "{told}");
    check(&home, "none", &[("talosctl -n 10.1.0.7 reset", "deny"), ("talosctl -n 10.9.9.9 reset", "deny")]);
    // Whoever owns the whole of a target judges alone, as with contexts.
    check(
        &home,
        "prod",
        &[
            ("argocd --server argocd.lab.example app delete web", "allow"),
            ("VAULT_ADDR=https://vault.lab.example vault kv put secret/x a=b", "allow"),
        ],
    );
    check(
        &home,
        "prod",
        &[("talosctl -n 10.2.0.1 reset", "deny"), ("AWS_PROFILE=lab terraform apply", "deny")],
    );
}

#[test]
fn what_nobody_owns_is_read_only_where_others_of_its_kind_are_owned() {
    let home = declared();
    check(
        &home,
        "dev",
        &[
            ("argocd --server other.example app delete web", "deny"),
            ("talosctl -n 192.168.7.7 reset", "deny"),
            ("VAULT_ADDR=https://other.example vault kv put secret/x a=b", "deny"),
            ("VAULT_ADDR=http://127.0.0.1:8200 vault kv put secret/x a=b", "allow"),
            ("VAULT_ADDR=https://other.example vault kv list secret", "allow"),
            ("psql -h localhost -c 'select 1'", "allow"),
            ("talosctl -n $NODE reset", "ask"),
            ("terraform workspace select feature && terraform apply", "deny"),
            ("terraform workspace select default; terraform plan", "allow"),
        ],
    );
    let told = home.hook("dev", "talosctl -n 192.168.7.7 reset").stderr;
    assert!(told.contains("rwenv edit NAME --target talos=192.168.7.7"), "{told}");
}

#[test]
fn without_targets_only_the_names_of_other_rwenvs_count() {
    let home = home(&[], &[]);
    check(
        &home,
        "dev",
        &[
            ("argocd --kube-context prod app delete web -y", "deny"),
            ("argocd context prod; argocd app delete web -y", "deny"),
            ("argocd --server prod.example.com app delete web -y", "deny"),
            ("ARGOCD_SERVER=prod.example.com argocd app delete web -y", "deny"),
            ("talosctl --context prod reset", "deny"),
            ("talosctl config context prod; talosctl reset", "deny"),
            ("TALOSCONFIG=prod.tc talosctl reset", "deny"),
            ("VAULT_ADDR=https://prod vault kv put secret/x a=b", "deny"),
            ("vault kv put secret/prod/x a=b", "deny"),
            ("terraform workspace select prod && terraform apply -auto-approve", "deny"),
            ("AWS_PROFILE=prod terraform apply -auto-approve", "deny"),
            ("docker --context prod rm -f web", "deny"),
            ("VAULT_ADDR=https://vault.prod.acme.example vault kv put secret/x a=b", "deny"),
            ("VAULT_NAMESPACE=prod vault kv put secret/x a=b", "deny"),
            ("terraform -chdir=envs/prod apply", "deny"),
            ("cd envs/prod && terraform apply", "deny"),
            ("terraform apply -var-file=envs/prod.tfvars", "deny"),
            ("terraform -chdir=envs/dev apply", "allow"),
            ("cd prod && terraform validate", "allow"),
            ("az account set -s prod; az vm delete -n vm", "ask"),
            ("pulumi up --stack acme/prod", "ask"),
            ("k9s --kube-context prod", "ask"),
            // As before.
            ("argocd --server other.example app delete web", "allow"),
            ("talosctl -n 10.1.0.7 reset", "allow"),
            ("talosctl --context dev reset", "allow"),
            ("VAULT_ADDR=https://vault.example.com vault kv put secret/x a=b", "allow"),
            ("vault kv put secret/dev/x a=b", "allow"),
            ("docker --context other rm -f web", "allow"),
            ("docker --context prod ps", "allow"),
            ("talosctl -n $NODE reset", "allow"),
            ("argocd context prod; argocd app list", "allow"),
        ],
    );
}

#[test]
fn the_files_of_the_tools_say_which_is_in_use() {
    let home = declared();
    home.write(
        ".config/argocd/config",
        "contexts:\n- {name: a, server: argocd.acme.example, user: a}\n- {name: b, server: argocd.lab.example, user: b}\ncurrent-context: a\n",
    );
    check(
        &home,
        "dev",
        &[
            ("argocd app delete web", "deny"),
            ("argocd app delete web --argocd-context b", "allow"),
            ("argocd context b; argocd app delete web", "allow"),
            ("argocd app list", "allow"),
        ],
    );
    home.write(".talos/config", "context: x\ncontexts:\n  x: {endpoints: [10.1.0.2], nodes: [10.1.0.7]}\n  y: {endpoints: [10.2.0.2]}\n");
    home.write("dev/other.tc", "context: z\ncontexts:\n  z: {endpoints: [10.2.0.2]}\n");
    check(
        &home,
        "dev",
        &[
            ("talosctl -n 10.2.0.1 reset", "deny"),
            ("talosctl --context y reset", "allow"),
            ("talosctl config context y; talosctl reset", "allow"),
            ("talosctl --talosconfig other.tc reset", "allow"),
            ("TALOSCONFIG=other.tc talosctl reset", "allow"),
        ],
    );
    home.write("dev/infra/.terraform/environment", "live");
    home.write(
        "dev/state/.terraform/terraform.tfstate",
        r#"{"backend": {"type": "gcs", "config": {"bucket": "acme-state", "prefix": "live"}}}"#,
    );
    home.write(".config/gcloud/active_config", "work");
    home.write(".config/gcloud/configurations/config_work", "[core]\nproject = acme-live\n");
    home.write(
        ".aws/config",
        "[profile ops]\nrole_arn = arn:aws:iam::111111111111:role/ops\n[profile lab]\nregion = x\n",
    );
    home.write(
        ".azure/azureProfile.json",
        "\u{feff}{\"subscriptions\": [{\"id\": \"1\", \"name\": \"acme-live\", \"isDefault\": true}]}",
    );
    home.write(".docker/config.json", r#"{"currentContext": "box"}"#);
    home.write(
        ".docker/contexts/meta/1/meta.json",
        r#"{"Name": "box", "Endpoints": {"docker": {"Host": "ssh://root@node.acme.example"}}}"#,
    );
    check(
        &home,
        "dev",
        &[
            ("terraform -chdir=infra apply", "deny"),
            ("cd state && terraform apply", "deny"),
            ("aws --profile ops ec2 terminate-instances --instance-ids i", "ask"),
            ("az vm delete -n vm", "ask"),
            ("docker rm -f web", "deny"),
            ("docker --context default rm -f web", "allow"),
            ("docker ps", "allow"),
        ],
    );
    let told = home.hook("dev", "gcloud compute instances delete vm");
    assert!(told.stderr.contains("rwenv 'prod' (whose gcp"), "{told:?}");
    // A variable that the agent's own environment has.
    let mut hook = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path("dev"));
    hook.env("VAULT_ADDR", "https://vault.acme.example:8200");
    let judged: Answer = answer(hook.args(["check", "--", "vault kv put secret/x a=b"]));
    assert!(judged.code > 1, "{judged:?}");
}

#[test]
fn targets_are_written_shown_and_proposed() {
    let home = home(&["argocd=a.example", "argocd=b.example", "vault=v.example"], &[]);
    let envs: serde_json::Value = serde_json::from_str(&home.read(".claude/rwenv/envs.json")).unwrap();
    assert_eq!(
        envs["rwenvs"]["prod"]["targets"],
        serde_json::json!({"argocd": ["a.example", "b.example"], "vault": ["v.example"]})
    );
    assert!(home.rwenv("prod", &["cur"]).stdout.contains("a.example, b.example"));
    assert!(home.rwenv("prod", &["list", "--json"]).stdout.contains("\"v.example\""));
    let wrong = home.rwenv("", &["edit", "prod", "--target", "argo=x"]);
    assert!(wrong.code != 0 && wrong.stderr.contains("did you mean 'argocd'?"), "{wrong:?}");
    for kind in TARGETS {
        let set = home.rwenv("", &["edit", "prod", "--target", &format!("{kind}=x")]);
        assert_eq!(set.code, 0, "{}", set.stderr);
    }
    assert_eq!(home.rwenv("", &["edit", "prod", "--target", ""]).code, 0);
    assert!(!home.read(".claude/rwenv/envs.json").contains("\"argocd\""));
    home.write(
        ".claude/rwenv/envs.json",
        r#"{"rwenvs": {"prod": {"kubernetesContext": "prod", "targets": {"argo": ["x"]}}}}"#,
    );
    assert!(home.rwenv("", &["list"]).stderr.contains("'argo' is not one of"));
    let home = self::home(&[], &[]);
    home.write(
        ".config/argocd/config",
        "contexts:\n- {name: stage, server: cd.example.com}\n- {name: other, server: o.example}\n",
    );
    home.write(".talos/config", "context: x\ncontexts:\n  stage: {endpoints: [10.3.0.2]}\n");
    let added = home.rwenv("", &["add", "stage", "--context", "stage"]);
    for target in ["--target argocd=cd.example.com", "--target talos=stage", "--target talos=10.3.0.2"] {
        assert!(added.stderr.contains(target), "{target}: {}", added.stderr);
    }
    assert!(!added.stderr.contains("o.example"), "{}", added.stderr);
}

/// One answer for all that write into the kubeconfig that others use.
#[test]
fn makers_of_kubeconfigs_are_judged_alike() {
    let home = home(&[], &[]);
    for line in [
        "gcloud container clusters get-credentials web",
        "aws eks update-kubeconfig --name web",
        "az aks get-credentials -g shop -n web",
        "k3d cluster create dev",
        "doctl kubernetes cluster kubeconfig save web",
        "kind create cluster",
        "kind export kubeconfig",
        "minikube start",
        "tsh kube login prod",
        "oc login https://api.example.com",
    ] {
        let told = home.hook("prod", line);
        assert_eq!(told.decision(), "ask", "{line}: {told:?}");
        assert!(told.stdout.contains("read-only.kubeconfig"), "{line}: {told:?}");
        let own = format!("KUBECONFIG=$PWD/own.yaml {line}");
        assert_eq!(home.hook("prod", &own).decision(), "allow", "{own}");
    }
    check(
        &home,
        "prod",
        &[
            ("kind create cluster --kubeconfig own.yaml", "allow"),
            ("aws eks update-kubeconfig --name web --kubeconfig=own.yaml", "allow"),
            ("az aks get-credentials -n web --file own.yaml", "allow"),
            ("kind create cluster --kubeconfig ~/.kube/config", "ask"),
            ("KUBECONFIG=$HOME/.kube/config kind create cluster", "ask"),
            ("kind get clusters; minikube status", "allow"),
        ],
    );
}

#[test]
fn kubie_runs_programs_in_the_context_it_names() {
    let home = home(&[], &[]);
    check(
        &home,
        "dev",
        &[
            ("kubie exec prod shop kubectl get pods", "allow"),
            ("kubie exec prod shop kubectl delete pod p", "deny"),
            ("kubie exec dev shop kubectl delete pod p", "allow"),
            ("kubie exec prod shop helm uninstall web", "deny"),
            ("kubie exec prod shop ls", "allow"),
        ],
    );
    check(
        &home,
        "prod",
        &[
            ("kubie exec prod shop kubectl get pods", "allow"),
            ("kubie exec dev shop kubectl delete pod p", "allow"),
            ("kubie exec prod shop kubectl delete pod p", "deny"),
            ("kubie ctx dev", "deny"),
        ],
    );
}
