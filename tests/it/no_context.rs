//! A rwenv that names no context has no cluster: at every door changes are refused with what to add, and all else is as it was.

use rwenv::guard::Judge;
use rwenv_core::model::Decision;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;

use crate::support::{Home, answer, which};

const ENVS: &str = r#"{
  "version": "1.0",
  "rwenvs": {
    "bare": {},
    "typo": {"kubernetesContxt": "kind-own"},
    "file": {"kubeconfigPath": "~/.kube/config"},
    "follows": {"gitOpsOnly": true, "fluxGitRepo": "https://git.example.com/flux.git"},
    "own": {"kubernetesContext": "kind-own"}
  }
}
"#;

const FOREIGN: &str = "apiVersion: v1\nkind: Config\ncurrent-context: gke-prod\ncontexts:\n- {name: gke-prod, context: {cluster: c, user: u}}\n- {name: kind-own, context: {cluster: c, user: u}}\n";

fn home() -> Home {
    let home = Home::empty();
    home.write(".claude/rwenv/envs.json", ENVS);
    home.write(".kube/config", FOREIGN);
    for name in ["bare", "typo", "file", "follows", "own"] {
        home.write(&format!("{name}/.claude/rwenv"), &format!("{name}\n"));
    }
    home
}

#[test]
fn the_hook_refuses_changes_and_nothing_else() {
    let home = home();
    for folder in ["bare", "typo", "file", "follows"] {
        for line in [
            "kubectl delete ns shop",
            "kubectl apply -f x.yaml",
            "kubectl scale deploy web --replicas=0",
            "helm -n shop uninstall podinfo",
            "helm upgrade web ./chart",
            "flux suspend ks apps",
            "flux reconcile ks apps",
            "cd /tmp && kubectl delete ns shop",
            "kubectl frobnicate x",
            "KUBECONFIG=$HOME/.kube/config kubectl delete ns shop",
        ] {
            let told = home.hook(folder, line);
            assert_eq!(told.decision(), "deny", "{folder}: {line}: {told:?}");
        }
        let told = home.hook(folder, "kubectl delete ns shop").stderr;
        for says in [
            "names no context",
            &format!("rwenv edit {folder} --context"),
            "kubernetesContext",
            "envs.json",
            "rwenv.no-context",
        ] {
            assert!(told.contains(says), "{folder}: {says}: {told}");
        }
        for line in ["kubectl get pods -A", "kubectl logs web-0", "helm list -A", "flux get all"] {
            let told = home.hook(folder, line);
            assert_eq!(told.decision(), "ask", "{folder}: {line}: {told:?}");
            assert!(told.stdout.contains("The kubeconfig has: gke-prod, kind-own."), "{line}: {told:?}");
        }
        for line in [
            "kubectl --context kind-own get pods",
            "kubectl version --client",
            "kubectl config get-contexts",
            "kubectl --context kind-own delete pod web-0",
            "git status",
            "gh pr list",
            "terraform plan",
            "ls",
        ] {
            let told = home.hook(folder, line);
            assert_eq!(told.decision(), "allow", "{folder}: {line}: {told:?}");
        }
        for line in [
            "kubectl port-forward svc/web 8080:80",
            "kubectl exec web-0 -- cat /etc/hosts",
            "kubectl get secret db -o yaml",
        ] {
            assert_eq!(home.hook(folder, line).decision(), "ask", "{folder}: {line}");
        }
    }
    // What does not go to a cluster is judged as in any rwenv that may be changed.
    for line in ["terraform apply", "git commit -m x", "vault kv list secret", "gh pr create --fill"] {
        assert_eq!(home.hook("bare", line).decision(), home.hook("own", line).decision(), "{line}");
    }
    let typo = home.hook("typo", "kubectl delete ns shop").stderr;
    assert!(typo.contains("\"kubernetesContxt\""), "{typo}");
    assert!(!home.hook("bare", "kubectl delete ns shop").stderr.contains("kubernetesContxt"));
}

/// Of other clients it is not sure where they go: they ask.
#[test]
fn other_clients_ask_before_they_change_anything() {
    let home = home();
    for folder in ["bare", "typo", "file", "follows"] {
        for line in [
            "helmfile apply",
            "k9s",
            "ansible-playbook x.yml",
            "argocd app sync a",
            "talosctl reset",
            "pulumi up",
        ] {
            let told = home.hook(folder, line);
            assert_ne!(told.decision(), "allow", "{folder}: {line}");
            assert!(
                told.stdout.contains("names no context") || told.decision() == "deny",
                "{line}: {told:?}"
            );
            if line != "helmfile apply" {
                assert_eq!(home.hook("own", line).decision(), "allow", "own: {line}");
            }
        }
        // The current context is another cluster's, and helmfile goes where kubectl goes.
        let kubectl = home.hook("own", "kubectl apply -f x.yaml").decision().to_owned();
        assert_eq!(home.hook("own", "helmfile apply").decision(), kubectl);
        for line in
            ["helmfile diff", "argocd app list", "talosctl get members", "aws s3 ls", "ansible --version"]
        {
            assert_eq!(home.hook(folder, line).decision(), "allow", "{folder}: {line}");
        }
    }
}

#[test]
fn shims_and_the_guard_refuse_the_same() {
    let home = home();
    home.write("bin/kubectl", "#!/bin/sh\necho ran\n");
    home.mode("bin/kubectl", 0o755);
    let path = format!("{}:/usr/bin:/bin", home.path("bin").display());
    let mut install = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path(""));
    install.env("PATH", &path).args(["install", "--hook", crate::support::hook()]);
    assert_eq!(answer(&mut install).code, 0);
    let run = |code: &str| {
        let mut bash = home.command(which("bash").to_str().unwrap(), &home.path("bare"));
        let shims = home.path(".claude/rwenv/shims");
        answer(bash.env("PATH", format!("{}:{path}", shims.display())).args(["-c", code]))
    };
    assert!(run("kubectl get pods").stderr.contains("names no context"), "a shim cannot ask");
    assert_eq!(run("kubectl --context kind-own get pods").stdout, "ran\n");
    let told = run("kubectl delete ns shop");
    assert!(told.stdout.is_empty() && told.stderr.contains("rwenv edit bare --context"), "{told:?}");
    let environment =
        Environment { home: home.path(""), config_dir: home.path(".claude/rwenv"), ..Environment::read() };
    let rwenvs = config::rwenvs(&environment.config_dir);
    let judge = Judge::new(environment);
    let decided = |method: &str| judge.of_line(method, "/api/v1/namespaces/shop", "bare", &rwenvs).unwrap().0;
    assert_eq!((decided("GET"), decided("DELETE")), (Decision::Ask, Decision::Deny));
}

#[test]
fn names_that_nearly_are_fields_are_told_and_kept() {
    let home = home();
    assert!(home.rwenv("", &["list"]).stderr.contains("envs.json:5: "), "it says where");
    for arguments in [
        &["list"][..],
        &["cur"],
        &["list", "--json"],
        &["edit", "own", "--description", "x"],
        &["add", "new", "--context", "c"],
    ] {
        let told = home.rwenv("typo", arguments);
        assert_eq!(told.code, 0, "{arguments:?}: {told:?}");
        for says in ["\"kubernetesContxt\" of rwenv 'typo'", "write \"kubernetesContext\""] {
            assert!(told.stderr.contains(says), "{arguments:?}: {}", told.stderr);
        }
    }
    assert!(home.read(".claude/rwenv/envs.json").contains("\"kubernetesContxt\": \"kind-own\""), "kept");
    let doctor = home.rwenv("", &["doctor", "--offline", "--all"]).stdout;
    assert!(doctor.contains("kubernetesContxt") && doctor.contains("it names no context"), "{doctor}");
    assert!(!doctor.contains("nothing on this machine reaches"), "{doctor}");
    // What holds a rwenv shut is not passed over.
    home.write(".claude/rwenv/envs.json", r#"{"rwenvs":{"own":{"kubernetesContext":"kind-own","fluxGitRep":"https://git.example.com/flux.git"}}}"#);
    let told = home.rwenv("", &["list"]);
    assert!(told.code != 0 && told.stderr.contains("'fluxGitRep'; write \"fluxGitRepo\""), "{}", told.stderr);
    home.write(
        ".claude/rwenv/envs.json",
        r#"{"rwenvs":{"own":{"kubernetesContext":"kind-own","team":"x","owner":"me"}}}"#,
    );
    assert_eq!(home.rwenv("", &["list"]).stderr, "", "names of one's own are nobody's business");
}

#[test]
fn what_is_added_without_a_context_says_so() {
    let home = home();
    let told = home.rwenv("", &["add", "later", "--no-context"]);
    assert!(told.code == 0 && told.stderr.contains("rwenv edit later --context CONTEXT"), "{told:?}");
    let told = home.rwenv("", &["add", "whole", "--context", "kind-own"]);
    assert!(told.code == 0 && !told.stderr.contains("names no context"), "{told:?}");
}

#[test]
fn the_container_s_default_kubeconfig_is_the_person_s_own_where_it_is_not_here() {
    let home = home();
    let envs = |path: &str| {
        home.write(
            ".claude/rwenv/envs.json",
            &format!(
                r#"{{"rwenvs":{{"own":{{"kubeconfigPath":"{path}","kubernetesContext":"kind-own"}}}}}}"#
            ),
        );
    };
    let custody = || home.rwenv("", &["doctor", "--offline", "--all"]).stdout.replace('\n', " ");
    envs("/home-of-the-container/.kube/config");
    assert!(custody().contains("~/.kube/config is readable"), "{}", custody());
    // Another file is not guessed at.
    envs("/somewhere/else.yaml");
    assert!(custody().contains("is not in /somewhere/else.yaml"), "{}", custody());
    envs("/home-of-the-container/.kube/config");
    home.write(".kube/config", "apiVersion: v1\nkind: Config\ncontexts: []\n");
    assert!(custody().contains("could not be checked"), "{}", custody());
}
