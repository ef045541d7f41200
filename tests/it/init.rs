//! `rwenv init` on a machine with kubeconfigs and an agent: a real API server, one that is gone, and what is left alone.

use crate::apiserver::ApiServer;
use crate::grant::at_terminal;
use crate::support::{Answer, Home, answer, hook};

/// A HOME whose kubeconfig has these contexts, each of this server.
fn machine(server: &ApiServer, contexts: &[&str]) -> Home {
    let home = Home::empty();
    let config = server.kubeconfig("only");
    let named: Vec<String> = contexts
        .iter()
        .map(|name| {
            let cluster = if *name == "gone" { "gone" } else { "c" };
            format!("{{name: {name}, context: {{cluster: {cluster}, user: u}}}}")
        })
        .collect();
    let at = config.find("contexts: ").unwrap();
    let config = config[..at]
        .replace("clusters: [", "clusters: [{name: gone, cluster: {server: \"https://127.0.0.1:9\"}}, ")
        .replace("current-context: only", &format!("current-context: {}", contexts[0]));
    home.write(".kube/config", &format!("{config}contexts: [{}]\n", named.join(", ")));
    home.write("bin/claude", "#!/bin/sh\n");
    home.mode("bin/claude", 0o755);
    home
}

fn init(home: &Home, arguments: &[&str]) -> Answer {
    let mut command = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path(""));
    command.env("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
    answer(command.args([&["init", "--hook", hook()], arguments].concat()))
}

const FLUX: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n---\n\
    apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\n\
    spec: {interval: 1m, url: \"https://github.com/acme/flux\", ref: {branch: main}}\n---\n\
    apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n\
    spec: {interval: 1m, path: ./clusters/shop, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n";

#[test]
fn a_machine_is_set_up_and_a_denial_and_a_read_show_that_it_holds() {
    let Some(server) = ApiServer::start() else { return };
    server.flux_kinds();
    server.apply(FLUX);
    let home = machine(&server, &["shop-prod", "kind-dev", "gone"]);
    let before = server.store();
    let refused = init(&home, &[]);
    assert!(refused.code == 1 && refused.stderr.contains("--yes takes everything"), "{}", refused.stderr);
    let done = init(&home, &["--yes"]);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    for said in [
        "looks like production",
        "a throw-away cluster of this machine",
        "https://github.com/acme/flux, clusters/shop",
        "not reached: ",
        "kubectl --context shop-prod delete namespace default",
        "[read-only.cluster-write]",
        "Reads go on: ",
    ] {
        assert!(done.stdout.contains(said), "{said}: {}{}", done.stdout, done.stderr);
    }
    assert_eq!(server.store(), before, "it only reads");
    let envs: serde_json::Value = serde_json::from_str(&home.read(".claude/rwenv/envs.json")).unwrap();
    let of = |name: &str, key: &str| envs["rwenvs"][name][key].clone();
    assert!(of("shop-prod", "readOnly") == true && of("shop-prod", "fluxPath") == "clusters/shop", "{envs}");
    assert_eq!(of("shop-prod", "fluxGitRepo"), "https://github.com/acme/flux");
    assert!(
        of("kind-dev", "readOnly").is_null() && of("kind-dev", "kubernetesContext") == "kind-dev",
        "{envs}"
    );
    assert_eq!(of("gone", "readOnly"), true);
    assert!(home.read(".claude/settings.json").contains("rwenv-hook"));
    // It is what the hook says, and a second run finds nothing to do.
    assert_eq!(home.hook("", "kubectl --context shop-prod delete ns default").decision(), "deny");
    assert_eq!(home.hook("", "kubectl --context kind-dev delete ns default").decision(), "allow");
    let again = init(&home, &["--yes", "--no-install"]);
    assert!(again.code == 0 && again.stderr.contains("has a rwenv already"), "{}", again.stderr);
    let other = machine(&server, &["a", "b"]);
    let one = init(&other, &["--yes", "--context", "b", "--no-install", "--json"]);
    let view: serde_json::Value = serde_json::from_str(&one.stdout).unwrap();
    assert!(view["added"][0]["name"] == "b" && view["added"].as_array().unwrap().len() == 1, "{view}");
    assert!(
        view["denied"].as_str().unwrap().contains("--context b") && view["agents"] == serde_json::json!([]),
        "{view}"
    );
    assert!(init(&other, &["--yes", "--context", "nope"]).stderr.contains("there is no context 'nope'"));
    assert_eq!(home.hook("", "rwenv init --yes").decision(), "deny", "a person begins");
}

#[test]
fn at_a_terminal_each_step_is_asked() {
    let Some(server) = ApiServer::start() else { return };
    let home = machine(&server, &["a", "b"]);
    // Not the first; the second under another name, and no mode that is none.
    let typed = "n\ny\nshop\nnothing\ngitops-only\n";
    let Some(done) = at_terminal(&home, "", "init --no-install", typed, false) else { return };
    assert_eq!(done.code, 0, "{}", done.stdout);
    let envs: serde_json::Value = serde_json::from_str(&home.read(".claude/rwenv/envs.json")).unwrap();
    let all: Vec<&String> = envs["rwenvs"].as_object().unwrap().keys().collect();
    assert!(all == ["shop"] && envs["rwenvs"]["shop"]["gitOpsOnly"] == true, "{envs}");
    assert!(done.stdout.contains("[gitops-only.direct-write]"), "{}", done.stdout);
    // add offers what is there, and takes nothing else.
    let typed = "dev\n\n\nnope\na\n\n\n\n\n\nn\n";
    let added = at_terminal(&home, "", "add", typed, false).unwrap();
    assert!(
        added.stdout.contains("Kubernetes context (a, b)") && added.stdout.contains("no context 'nope'"),
        "{}",
        added.stdout
    );
    assert!(
        home.read(".claude/rwenv/envs.json").contains("\"kubernetesContext\": \"a\""),
        "{}",
        added.stdout
    );
}
