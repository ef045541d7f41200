//! A bad night on a real API server: denied, opened by a person, changed by hand, reviewed, and brought into Git.

use std::fs;

use crate::apiserver::ApiServer;
use crate::deploy::Shop;
use crate::grant::at_terminal;
use crate::support::{Answer, answer, hook, skip, which};

/// The shop as it runs in a cluster, with shims before the tools.
struct Night {
    server: ApiServer,
    shop: Shop,
}

impl Night {
    fn new() -> Option<Self> {
        let server = ApiServer::start()?;
        server.flux_kinds();
        let shop =
            Shop::new(r#","gitOpsOnly":true,"kubernetesContext":"dev","kubeconfigPath":"~/.kube/dev""#);
        shop.home.write(".kube/dev", &server.kubeconfig("dev"));
        server.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
        let night = Self { server, shop };
        night.applied("work");
        let mut install = night.shop.home.command(env!("CARGO_BIN_EXE_rwenv"), &night.shop.home.path(""));
        let kubectl = which("kubectl");
        install.env("PATH", format!("{}:/usr/bin:/bin", kubectl.parent().unwrap().display()));
        assert_eq!(answer(install.args(["install", "--hook", hook()])).code, 0);
        for arguments in [["repo", "sync"].as_slice(), &["services", "regenerate", "--offline"]] {
            assert_eq!(night.shop.run(arguments).code, 0);
        }
        Some(night)
    }

    /// Applies a checkout as Flux' controller does.
    fn applied(&self, folder: &str) {
        let apps = self.shop.home.path(&format!("{folder}/apps")).display().to_string();
        let done = self
            .server
            .kubectl(&["apply", "--server-side", "--field-manager=kustomize-controller", "-k", &apps], "");
        assert!(done.contains("papi serverside-applied"), "{done}");
    }

    /// A line of an agent's, whose kubectl is the shim.
    fn agent(&self, line: &str) -> Answer {
        let home = &self.shop.home;
        let mut command = home.command("bash", &home.path("project"));
        let kubectl = which("kubectl");
        let path = format!(
            "{}:{}:/usr/bin:/bin",
            home.path(".claude/rwenv/shims").display(),
            kubectl.parent().unwrap().display()
        );
        command.env("PATH", path).env("KUBECONFIG", home.path(".kube/dev")).env("CLAUDECODE", "1");
        answer(command.args(["-c", line]))
    }
}

const MORE: &str = "kubectl -n shop scale deploy/papi --replicas 5";

/// A person opens the namespace, the agent changes things in it, and the person closes it again; false where there is no terminal.
fn changed_by_hand(night: &Night) -> bool {
    let (shop, home) = (&night.shop, &night.shop.home);
    let more = MORE;
    let denied = night.agent(more);
    assert_eq!(denied.code, 77, "{}{}", denied.stdout, denied.stderr);
    assert!(
        denied.stderr.contains("rwenv propose --cluster dev -- kubectl -n shop scale"),
        "{}",
        denied.stderr
    );
    let grant = "grant --env dev -n shop --for 30m --reason 'INC-9 shop is slow'";
    let Some(made) = at_terminal(home, "project", grant, "y\n", false) else {
        skip("there is no script(1) here to make a terminal");
        return false;
    };
    assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
    for line in [
        more,
        "kubectl -n shop set image deploy/web web=registry.example.com/shop/web:v9",
        "kubectl -n shop annotate deploy/worker example.com/looked=yes",
        "kubectl -n shop set env deploy/mart LOG=debug",
    ] {
        let done = night.agent(line);
        assert_eq!(done.code, 0, "{line}: {}", done.stderr);
        assert!(
            done.stderr.contains("rwenv: allowed by grant") && done.stderr.contains("INC-9"),
            "{}",
            done.stderr
        );
    }
    assert_eq!(night.agent("kubectl -n default create configmap c --from-literal=a=b").code, 77);
    assert!(shop.run(&["grant", "--revoke"]).stdout.contains("1 revoked"));
    assert_eq!(night.agent(more).code, 77);
    true
}

/// Git is what the cluster is: applied again, it changes nothing.
fn is_in_git(night: &Night) {
    let (shop, home) = (&night.shop, &night.shop.home);
    let branch = shop.branches().into_iter().find(|name| name.starts_with("deploy/")).unwrap();
    fs::create_dir_all(home.path("merged")).unwrap();
    let archive = home.path("merged.tar").display().to_string();
    shop.remote(&["archive", "--output", &archive, &branch]);
    home.git("merged", &["init", "-q"]);
    assert_eq!(answer(home.command("tar", &home.path("merged")).args(["-xf", &archive])).code, 0);
    let form = "jsonpath={range .items[*]}{.metadata.name}={.metadata.generation} {end}";
    let generations = || night.server.kubectl(&["get", "deploy", "-n", "shop", "-o", form], "");
    let before = generations();
    let apps = home.path("merged/apps").display().to_string();
    let applied = night.server.kubectl_says(&[
        "apply",
        "--server-side",
        "--field-manager=kustomize-controller",
        "-k",
        &apps,
    ]);
    assert!(!applied.contains("conflict"), "{applied}");
    let after = generations();
    assert!(before.contains("papi=2") && before == after, "{before}\n{after}");
}

#[test]
fn what_was_changed_by_hand_under_a_grant_is_brought_into_git() {
    let Some(night) = Night::new() else { return };
    if !changed_by_hand(&night) {
        return;
    }
    let (shop, more) = (&night.shop, MORE);
    // The day after.
    let review = shop.run(&["grant", "review"]);
    assert_eq!(review.code, 0, "{}", review.stderr);
    for said in [
        "INC-9 shop is slow",
        "revoked 20",
        more,
        "Deployment shop/papi of rwenv 'dev', changed with kubectl:",
        "spec.replicas = 5",
        "spec.template.spec.containers[web].image = registry.example.com/shop/web:v9",
        "metadata.annotations[example.com/looked] = yes",
    ] {
        assert!(review.stdout.contains(said), "{said}: {}{}", review.stdout, review.stderr);
    }
    let dry = shop.run(&["grant", "review", "--propose", "--dry-run"]);
    assert!(
        dry.stdout.contains("+  replicas: 5")
            && dry.stdout.contains("+          image: \"registry.example.com/shop/web:v9\""),
        "{}{}",
        dry.stdout,
        dry.stderr
    );
    assert_eq!(shop.branches(), ["main"]);
    let proposed = shop.run(&["grant", "review", "--propose"]);
    assert_eq!(proposed.code, 0, "{}{}", proposed.stdout, proposed.stderr);
    assert!(proposed.stdout.contains("https://github.com/acme/flux/pull/7"), "{}", proposed.stdout);
    // What has no place in Git yet is told.
    assert!(
        proposed.stderr.contains("Deployment mart: spec.template.spec.containers[mart].env[LOG].value"),
        "{}",
        proposed.stderr
    );
    is_in_git(&night);
}
