//! A cluster is its server: what a context's name leads to is compared with what a person confirmed, with the kubeconfigs that kubectl
//! itself writes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use rwenv::guard::Judge;
use rwenv_core::model::Decision;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;

use crate::daemon::Setting;
use crate::grant::at_terminal;
use crate::support::{Answer, Home, answer, skip};

const ENVS: &str = r#"{
  "version": "1.0",
  "rwenvs": {
    "prod": {"kubernetesContext": "prod", "readOnly": true},
    "dev": {"kubernetesContext": "dev"}
  }
}
"#;

const KUBECONFIG: &str = "apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: dev
  cluster: {server: \"https://dev.example.com:6443\"}
- name: prod
  cluster: {server: \"https://prod.example.com:6443\"}
users:
- name: dev
  user: {token: abc}
- name: prod
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [prod]}}
contexts:
- name: dev
  context: {cluster: dev, user: dev}
- name: prod
  context: {cluster: prod, user: prod}
";

/// Two rwenvs, confirmed as a person adds them.
fn home() -> Home {
    let home = Home::empty();
    home.write(".kube/config", KUBECONFIG);
    for arguments in
        [["add", "prod", "--context", "prod", "--read-only"].as_slice(), &["add", "dev", "--context", "dev"]]
    {
        let added = home.rwenv("", arguments);
        assert_eq!(added.code, 0, "{}", added.stderr);
    }
    for name in ["prod", "dev", "none"] {
        fs::create_dir_all(home.path(name)).unwrap();
    }
    home.write("prod/.claude/rwenv", "prod\n");
    home.write("dev/.claude/rwenv", "dev\n");
    home
}

/// Runs kubectl, which writes the kubeconfig.
fn kubectl(home: &Home, arguments: &[&str]) {
    let said = answer(home.command("kubectl", &home.path("")).args(arguments));
    assert_eq!(said.code, 0, "{arguments:?}: {}", said.stderr);
}

fn told(home: &Home, folder: &str, line: &str) -> (&'static str, String) {
    let answer = home.hook(folder, line);
    (answer.decision(), answer.stdout + &answer.stderr)
}

const DELETE: &str = "kubectl --context dev delete pod p";

#[test]
fn what_a_person_adds_is_noted_without_a_secret() {
    let home = home();
    let noted = home.read(".claude/rwenv/clusters.json");
    assert!(noted.contains("https://dev.example.com:6443") && noted.contains("\"exec\""), "{noted}");
    assert!(!noted.contains("abc\"") && !noted.contains("plugin"), "{noted}");
    let mode = fs::metadata(home.path(".claude/rwenv/clusters.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(home.hook("dev", DELETE).decision(), "allow");
    assert_eq!(home.hook("dev", "kubectl delete pod p").decision(), "allow");
    assert_eq!(home.hook("prod", "kubectl --context prod delete pod p").decision(), "deny");
    for line in [
        "echo '{}' > ~/.claude/rwenv/clusters.json",
        "rm ~/.claude/rwenv/clusters.json",
        "rwenv confirm dev",
        "sed -i s/dev/prod/ ~/.claude/rwenv/clusters.json",
    ] {
        assert_eq!(home.hook("dev", line).decision(), "deny", "{line}");
    }
    assert_eq!(home.rwenv("", &["edit", "dev", "--description", "d"]).code, 0);
    assert_eq!(home.read(".claude/rwenv/clusters.json"), noted, "another field says nothing of the cluster");
    assert_eq!(home.rwenv("", &["remove", "dev", "--yes"]).code, 0);
    assert!(!home.read(".claude/rwenv/clusters.json").contains("dev.example.com"));
}

#[test]
fn a_context_that_leads_to_another_server_is_not_what_was_confirmed() {
    for change in [
        ["config", "set-cluster", "dev", "--server=https://new.example.com"].as_slice(),
        &["config", "set", "clusters.dev.server", "https://new.example.com"],
        &["config", "set-cluster", "dev", "--tls-server-name=other"],
    ] {
        let home = home();
        kubectl(&home, change);
        for folder in ["dev", "prod", "none"] {
            let (decision, text) = told(&home, folder, DELETE);
            assert_eq!(decision, "deny", "{change:?} in {folder}: {text}");
            assert!(text.contains("rwenv.other-cluster") && text.contains("rwenv confirm dev"), "{text}");
        }
        assert_eq!(home.hook("dev", "kubectl delete pod p").decision(), "deny", "{change:?}: bare");
        assert_eq!(
            home.hook("dev", "helm --kube-context dev uninstall web").decision(),
            "deny",
            "{change:?}"
        );
        assert_eq!(
            home.hook("dev", "kubectl --context dev get pods").decision(),
            "allow",
            "{change:?}: reads"
        );
    }
}

#[test]
fn a_context_belongs_to_the_rwenv_whose_server_it_leads_to() {
    for change in [
        vec![["config", "set-context", "dev", "--cluster=prod"].as_slice()],
        vec![&["config", "set-context", "dev", "--cluster=prod", "--user=prod"]],
        vec![&["config", "set-cluster", "dev", "--server=https://prod.example.com:6443/"]],
        vec![&["config", "delete-context", "dev"], &["config", "rename-context", "prod", "dev"]],
    ] {
        let home = home();
        change.iter().for_each(|arguments| kubectl(&home, arguments));
        kubectl(&home, &["config", "use-context", "dev"]);
        for (folder, line) in [("dev", DELETE), ("none", DELETE), ("dev", "kubectl delete pod p")] {
            let (decision, text) = told(&home, folder, line);
            assert_eq!(decision, "deny", "{change:?}: {line}: {text}");
            assert!(text.contains("rwenv 'prod'"), "{change:?}: {line}: {text}");
        }
    }
    // Another name for the same cluster is no other cluster.
    let home = home();
    kubectl(&home, &["config", "rename-context", "dev", "sandbox"]);
    assert_eq!(home.hook("none", "kubectl --context sandbox delete pod p").decision(), "allow");
    assert_eq!(
        home.hook("dev", "kubectl delete pod p").decision(),
        "allow",
        "the current context was renamed"
    );
    kubectl(&home, &["config", "rename-context", "prod", "other"]);
    assert_eq!(home.hook("dev", "kubectl --context other delete pod p").decision(), "deny");
}

/// One address, two clusters: on one machine and behind tunnels the authority tells them apart, behind a proxy the user.
#[test]
fn clusters_behind_one_address_are_told_apart() {
    let home = home();
    let ca =
        |name: &str| home.write(&format!("{name}.crt"), &format!("-----{name}-----\n")).display().to_string();
    let (one, two) = (ca("one"), ca("two"));
    for (cluster, ca) in [("dev", &one), ("prod", &two)] {
        kubectl(
            &home,
            &[
                "config",
                "set-cluster",
                cluster,
                "--server=https://127.0.0.1:6443",
                &format!("--certificate-authority={ca}"),
            ],
        );
    }
    for name in ["dev", "prod"] {
        assert_eq!(home.rwenv("", &["edit", name, "--context", name]).code, 0);
    }
    assert_eq!(home.hook("dev", DELETE).decision(), "allow");
    kubectl(
        &home,
        &["config", "set-cluster", "dev", &format!("--certificate-authority={one}"), "--embed-certs"],
    );
    assert_eq!(home.hook("dev", DELETE).decision(), "allow", "the same authority in the file itself");
    kubectl(
        &home,
        &["config", "set-cluster", "dev", &format!("--certificate-authority={two}"), "--embed-certs"],
    );
    assert_eq!(home.hook("dev", DELETE).decision(), "deny");
    // A new token is the same user, another plugin is not.
    let home = self::home();
    for cluster in ["dev", "prod"] {
        kubectl(&home, &["config", "set-cluster", cluster, "--server=https://proxy.example.com"]);
        assert_eq!(home.rwenv("", &["edit", cluster, "--context", cluster]).code, 0);
    }
    assert_eq!(home.hook("dev", DELETE).decision(), "allow");
    kubectl(&home, &["config", "set-credentials", "dev", "--token=new"]);
    assert_eq!(home.hook("dev", DELETE).decision(), "allow");
    kubectl(&home, &["config", "set-context", "dev", "--user=prod"]);
    assert_eq!(home.hook("dev", DELETE).decision(), "deny", "the proxy takes it to prod");
    kubectl(&home, &["config", "set-credentials", "prod", "--exec-command=./plugin", "--exec-arg=third"]);
    assert_eq!(home.hook("dev", DELETE).decision(), "deny", "nobody knows where the proxy takes it");
}

#[test]
fn files_count_as_kubectl_reads_them() {
    let home = home();
    let other = KUBECONFIG.replace("https://dev.", "https://prod.");
    home.write("other.yaml", &other);
    let with = |line: &str| line.replace("FILE", &home.path("other.yaml").display().to_string());
    for line in [
        "kubectl --kubeconfig FILE --context dev delete pod p",
        "KUBECONFIG=FILE kubectl --context dev delete pod p",
        "KUBECONFIG=FILE kubectl delete pod p",
        "export KUBECONFIG=FILE; kubectl delete pod p",
        "KUBECONFIG=FILE:$HOME/.kube/config kubectl --context dev delete pod p",
        "cd ..; kubectl --kubeconfig other.yaml --context dev delete pod p",
    ] {
        let (decision, text) = told(&home, "dev", &with(line));
        assert_eq!(decision, "deny", "{line}: {text}");
    }
    // A link to another file, as `cp`, an editor or a store of generations leaves it.
    fs::rename(home.path(".kube/config"), home.path("mine.yaml")).unwrap();
    symlink(home.path("other.yaml"), home.path(".kube/config")).unwrap();
    assert_eq!(home.hook("dev", DELETE).decision(), "deny");
    fs::remove_file(home.path(".kube/config")).unwrap();
    symlink(home.path("mine.yaml"), home.path(".kube/config")).unwrap();
    assert_eq!(home.hook("dev", DELETE).decision(), "allow");
}

#[test]
fn what_the_line_does_to_the_kubeconfig_first_counts() {
    let home = home();
    home.write("dev/other.yaml", KUBECONFIG);
    for before in [
        "kubectl config set-cluster dev --server=https://x",
        "kubectl config set clusters.dev.server https://x",
        "kubectl config set-context dev --cluster=prod",
        "kubectl config rename-context prod dev",
        "kubectl config set-credentials dev --exec-command=./x.sh",
        "sed -i s/dev/prod/ ~/.kube/config",
        "cp other.yaml ~/.kube/config",
        "cat other.yaml > ~/.kube/config",
        "mv other.yaml $HOME/.kube/config",
        "ln -sf $PWD/other.yaml ~/.kube/config",
        "cp dir/config ~/.kube/",
        "python3 -c 'open(\"/home/u/x\")'; tee ~/.kube/config < other.yaml",
        "aws eks update-kubeconfig --name other",
        "kind create cluster",
        "kubectl --kubeconfig ~/.kube/config config set-cluster dev --server=https://x",
        "KUBECONFIG=$HOME/.kube/config kind create cluster",
    ] {
        for used in ["kubectl delete pod p", DELETE] {
            let line = format!("{before}; {used}");
            let (decision, text) = told(&home, "dev", &line);
            assert_ne!(decision, "allow", "{line}: {text}");
            let (decision, text) = told(&home, "prod", &line);
            assert_eq!(decision, "deny", "{line}: {text}");
        }
        assert_eq!(
            home.hook("dev", &format!("kubectl --context dev delete pod p; {before}")).decision(),
            home.hook("dev", before).decision(),
            "{before}: behind it nothing is meant"
        );
    }
    for (line, decision) in [
        ("kubectl config set-context --current --namespace=shop && kubectl delete pod p", "allow"),
        ("kubectl config use-context dev && kubectl delete pod p", "allow"),
        ("kubectl config use-context prod && kubectl delete pod p", "deny"),
        ("kubectl config use-context elsewhere && kubectl delete pod p", "deny"),
        ("kubectl config use-context $X && kubectl delete pod p", "ask"),
        ("kubectl config get-contexts; kubectl delete pod p", "allow"),
        ("cp ~/.kube/config /tmp/backup; kubectl delete pod p", "ask"),
        ("kubectl config set-cluster dev --server=https://x; kubectl get pods", "ask"),
        (
            "kubectl config set-cluster dev --server=https://x --kubeconfig own.yaml; kubectl get pods",
            "allow",
        ),
        ("kubectl config unset contexts.dev.cluster", "ask"),
        ("kubectl config rename-context prod dev2", "ask"),
        ("kubectl config set-credentials dev --token=x", "ask"),
        ("kind create cluster --kubeconfig /tmp/k; kubectl delete pod p", "allow"),
        ("git pull; kubectl apply -f x.yaml", "allow"),
        ("sed -i s/a/b/ x.yaml; kubectl apply -f x.yaml", "allow"),
        ("sed -i s/a/b/ \"$F\"; kubectl apply -f \"$F\"", "allow"),
    ] {
        let told = told(&home, "dev", line);
        assert_eq!(told.0, decision, "{line}: {}", told.1);
    }
}

#[test]
fn without_a_note_the_name_counts_as_before() {
    let home = Home::empty();
    home.write(".claude/rwenv/envs.json", ENVS);
    home.write(".kube/config", KUBECONFIG);
    home.write("dev/.claude/rwenv", "dev\n");
    kubectl(&home, &["config", "set-cluster", "dev", "--server=https://new.example.com"]);
    assert_eq!(home.hook("dev", DELETE).decision(), "allow");
    assert_eq!(home.hook("dev", "kubectl --context prod delete pod p").decision(), "deny");
    let doctor = home.rwenv("dev", &["doctor", "--offline", "--json"]).stdout;
    assert!(doctor.contains("rwenv confirm dev") && doctor.contains("nobody has confirmed"), "{doctor}");
    // Whoever is noted owns the server all the same.
    kubectl(&home, &["config", "set-cluster", "dev", "--server=https://prod.example.com:6443"]);
    assert_eq!(home.rwenv("", &["edit", "prod", "--context", "prod"]).code, 0);
    assert_eq!(home.hook("dev", DELETE).decision(), "deny");
    // What an agent adds is nobody's word.
    let mut add = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path(""));
    assert_eq!(answer(add.env("CLAUDECODE", "1").args(["add", "mine", "--context", "dev"])).code, 0);
    assert!(!home.read(".claude/rwenv/clusters.json").contains("mine"));
}

#[test]
fn a_person_confirms_and_nobody_else() {
    let home = home();
    kubectl(&home, &["config", "set-cluster", "dev", "--server=https://new.example.com"]);
    let refused = home.rwenv("dev", &["confirm", "dev"]);
    assert!(refused.code == 1 && refused.stderr.contains("at a terminal"), "{refused:?}");
    let doctor = home.rwenv("dev", &["doctor", "--offline", "--json"]).stdout;
    assert!(doctor.contains("leads elsewhere than confirmed"), "{doctor}");
    let at = |arguments: &str, typed: &str, agent: bool| at_terminal(&home, "dev", arguments, typed, agent);
    let Some(agent) = at("confirm dev", "y\n", true) else {
        skip("there is no script(1) here to make a terminal");
        return;
    };
    assert!(agent.code == 1 && agent.stdout.contains("an agent is at work"), "{agent:?}");
    let no: Answer = at("confirm dev", "n\n", false).unwrap();
    assert_eq!(no.code, 1, "{no:?}");
    assert!(
        no.stdout.contains("https://dev.example.com:6443") && no.stdout.contains("https://new.example.com")
    );
    assert_eq!(home.hook("dev", DELETE).decision(), "deny");
    let yes = at("confirm", "y\n", false).unwrap();
    assert_eq!(yes.code, 0, "{yes:?}");
    assert_eq!(home.hook("dev", DELETE).decision(), "allow");
    assert!(home.read(".claude/rwenv/audit/audit.jsonl").contains("https://new.example.com"));
    let doctor = home.rwenv("dev", &["doctor", "--offline", "--json"]).stdout;
    assert!(doctor.contains("as confirmed"), "{doctor}");
}

#[test]
fn a_rwenv_is_added_with_a_context_or_without_one_on_purpose() {
    let home = home();
    let refused = home.rwenv("", &["add", "new", "--read-only"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("dev, prod") && refused.stderr.contains("--no-context"),
        "{}",
        refused.stderr
    );
    assert_eq!(home.rwenv("", &["add", "new", "--read-only", "--no-context"]).code, 0);
    assert_eq!(home.rwenv("", &["add", "far", "--container-context", "c"]).code, 0);
}

/// The guard speaks to the cluster with the rwenv's own context, and that may lead elsewhere as well.
#[test]
fn the_api_guard_compares_too() {
    let home = home();
    let environment = Environment {
        home: home.path(""),
        config_dir: home.path(".claude/rwenv"),
        ..Environment::at(&home.path(""))
    };
    let rwenvs = config::rwenvs(&environment.config_dir);
    let judge = Judge::new(environment);
    let decided = |method: &str| judge.of_line(method, "/api/v1/namespaces/shop", "dev", &rwenvs).unwrap().0;
    assert_eq!((decided("GET"), decided("DELETE")), (Decision::Allow, Decision::Allow));
    kubectl(&home, &["config", "set-cluster", "dev", "--server=https://new.example.com"]);
    assert_eq!((decided("GET"), decided("DELETE")), (Decision::Allow, Decision::Deny));
}

#[test]
fn the_daemon_takes_back_what_others_write_into_the_guard_s_kubeconfigs() {
    let it = Setting::new();
    it.start();
    let file = ".claude/rwenv/guard/ro.yaml";
    it.until("there is a kubeconfig", || it.home.path(file).exists());
    let made = it.home.read(file);
    let switched = made.replace("https://127.0.0.1:", "https://other.example.com:");
    fs::remove_file(it.home.path(file)).unwrap();
    it.home.write(file, &switched);
    it.until("it is as it was", || {
        let path = it.home.path(file);
        let mode = fs::metadata(&path).map_or(0, |meta| meta.permissions().mode() & 0o777);
        mode == 0o400 && fs::read_to_string(path).is_ok_and(|text| text == made)
    });
}

/// A context that is nowhere is no other cluster: those that are there are named, the nearest first.
#[test]
fn a_context_that_is_not_there_is_refused_with_those_that_are() {
    let home = home();
    let (decision, text) = told(&home, "dev", "kubectl --context deb delete pod p");
    assert!(decision == "deny" && text.contains("rwenv.missing-context"), "{text}");
    assert!(text.contains("The kubeconfig has: dev, prod."), "{text}");
    assert_eq!(home.hook("dev", "kubectl --context deb get pods").decision(), "allow");
    kubectl(&home, &["config", "rename-context", "dev", "sandbox"]);
    kubectl(&home, &["config", "use-context", "prod"]);
    let (decision, text) = told(&home, "dev", "kubectl delete pod p");
    assert!(
        decision == "deny" && text.contains("Context 'dev' of rwenv 'dev' is not in the kubeconfig"),
        "{text}"
    );
    assert!(text.contains("prod, sandbox") && text.contains("rwenv edit dev --context"), "{text}");
    assert_eq!(home.hook("dev", "kubectl get pods").decision(), "allow");
}

/// What a file that is sourced, or a makefile, sets is what its tools get.
#[test]
fn variables_of_sourced_files_and_makefiles_count() {
    let home = home();
    home.write("prod.yaml", &KUBECONFIG.replace("current-context: dev", "current-context: prod"));
    let own = home.path("prod.yaml").display().to_string();
    home.write("dev/prod.env", &format!("KUBECONFIG={own}\n"));
    home.write("dev/dev.env", "LOG=debug\nSERVER=https://dev.example.com\n");
    home.write("dev/outer.sh", "source ./prod.env\n");
    let recipes = "delete:\n\tkubectl delete pod p\nget:\n\tkubectl get pods\n";
    home.write("dev/Makefile", &format!("export KUBECONFIG = {own}\n{recipes}"));
    home.write("dev/m.mk", &format!("include prod.env\nexport\n{recipes}"));
    home.write("dev/justfile", &format!("set dotenv-path := 'prod.env'\n{recipes}"));
    home.write("dev/Taskfile.yml", "dotenv: ['prod.env']\ntasks:\n  delete: kubectl delete pod p\n");
    home.write("dev/sub/.envrc", &format!("export KUBECONFIG={own}\n"));
    home.write("dev/sub/mise.toml", &format!("[env]\nKUBECONFIG = \"{own}\"\n"));
    for (line, wanted) in [
        ("set -a; . ./prod.env; set +a; kubectl delete pod p", "deny"),
        (". ./prod.env && kubectl delete pod p", "deny"),
        ("source prod.env; helm uninstall web", "deny"),
        ("cd .. && . dev/prod.env && kubectl delete pod p", "deny"),
        ("bash -c '. ./prod.env; kubectl delete pod p'", "deny"),
        ("make delete", "deny"),
        ("make -f m.mk delete", "deny"),
        ("just delete", "deny"),
        ("task delete", "deny"),
        ("direnv exec sub kubectl delete pod p", "deny"),
        ("mise exec -C sub -- kubectl delete pod p", "deny"),
        ("dotenv -f prod.env run kubectl delete pod p", "deny"),
        ("uv run --env-file prod.env kubectl delete pod p", "deny"),
        ("while read -r l; do export \"$l\"; done < prod.env; kubectl delete pod p", "ask"),
        ("export $(cat prod.env); kubectl delete pod p", "ask"),
        ("export A=$(date) B=\"$x\"; kubectl delete pod p", "allow"),
        (". ./dev.env; dotenv -f dev.env run kubectl delete pod p; make -f m.mk get", "allow"),
        (". ./missing.env; kubectl delete pod p", "allow"),
        ("kubectl delete pod p; . ./prod.env", "allow"),
    ] {
        let (decision, text) = told(&home, "dev", line);
        assert_eq!(decision, wanted, "{line}: {text}");
    }
}

/// Clusters that come and go belong to nobody, and a person has said that all may change them.
#[test]
fn throw_away_clusters_may_be_changed_on_this_machine() {
    let home = home();
    let own = |server: &str, user: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: kind-a\nclusters:\n- {{name: kind-a, cluster: {{server: \"{server}\"}}}}\n\
             users:\n- {{name: kind-a, user: {{{user}}}}}\ncontexts:\n- {{name: kind-a, context: {{cluster: kind-a, user: kind-a}}}}\n"
        )
    };
    home.write("kind.yaml", &own("https://127.0.0.1:41234", "token: x"));
    home.write("far.yaml", &own("https://prod.example.com:6443", "token: x"));
    home.write("lab.yaml", &own("https://10.5.0.2:6443", "token: x"));
    home.write(
        "plugin.yaml",
        &own("https://127.0.0.1:41234", "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./x}"),
    );
    let kind = format!("KUBECONFIG={}", home.path("kind.yaml").display());
    let lines = [
        (format!("{kind} kubectl apply -f ."), "allow"),
        (format!("export {kind}; kubectl --context kind-a delete ns x; kubectl get pods"), "allow"),
        (format!("helm --kubeconfig {} upgrade -i web ./chart", home.path("kind.yaml").display()), "allow"),
        (format!("KUBECONFIG={} kubectl get pods", home.path("kind.yaml").display()), "allow"),
        (format!("KUBECONFIG={} kubectl delete ns x", home.path("lab.yaml").display()), "allow"),
        (format!("KUBECONFIG={} kubectl apply -f .", home.path("far.yaml").display()), "deny"),
        (format!("KUBECONFIG={} kubectl apply -f .", home.path("plugin.yaml").display()), "deny"),
        ("kubectl apply -f .".to_owned(), "deny"),
    ];
    for (line, wanted) in &lines {
        let (decision, text) = told(&home, "prod", line);
        assert!(decision == "deny" || line.contains("get pods"), "without a pattern: {line}: {text}");
        let _ = wanted;
    }
    let envs = home.read(".claude/rwenv/envs.json");
    let declared = r#"{"throwaway": {"contexts": ["kind-*", "k3d-*", "minikube"], "servers": ["10.5.*"]},"#;
    home.write(".claude/rwenv/envs.json", &envs.replacen('{', declared, 1));
    for (line, wanted) in &lines {
        for folder in ["prod", "none"] {
            let (decision, text) = told(&home, folder, line);
            assert_eq!(decision, *wanted, "{folder}: {line}: {text}");
        }
    }
    // Made in the kubeconfig of all, and named.
    kubectl(&home, &["config", "set-cluster", "k", "--server=https://127.0.0.1:41234"]);
    kubectl(&home, &["config", "set-context", "kind-b", "--cluster=k"]);
    assert_eq!(home.hook("prod", "kubectl --context kind-b apply -f .").decision(), "allow");
    kubectl(&home, &["config", "set-cluster", "k", "--server=https://prod.example.com:6443"]);
    assert_eq!(home.hook("prod", "kubectl --context kind-b apply -f .").decision(), "deny");
}
