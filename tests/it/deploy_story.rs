//! From a sentence to an applied revision: the agent's hook, the deployment, the merge, and a real API server. Then the same
//! where nothing may be changed.

use crate::apiserver::ApiServer;
use crate::deploy::{CLONE, Shop};
use crate::flux::Controller;

/// What Flux has in the cluster.
const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: flux-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {url: \"https://git.example.com/shop/flux.git\", interval: 1m, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {path: ./clusters/shop, interval: 10m, sourceRef: {kind: GitRepository, name: flux-system}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {path: ./apps, interval: 10m, sourceRef: {kind: GitRepository, name: flux-system}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: shop, namespace: shop}
spec: {interval: 10m, chart: {spec: {chart: ./charts/shop, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}}
";
const RECONCILED: [(&str, &str, &str); 4] = [
    ("gitrepository", "flux-system", "flux-system"),
    ("ks", "flux-system", "flux-system"),
    ("ks", "flux-system", "apps"),
    ("helmrelease", "shop", "shop"),
];

/// A shop whose rwenv leads to a real API server.
struct Story {
    shop: Shop,
    server: ApiServer,
}

impl Story {
    fn new() -> Option<Self> {
        let server = ApiServer::start()?;
        server.flux_kinds();
        server.apply(OBJECTS);
        let shop = Shop::new("");
        shop.home.write(".kube/dev", &server.kubeconfig("dev-ctx"));
        let story = Self { shop, server };
        story.configure("");
        Some(story)
    }

    fn configure(&self, more: &str) {
        let place = r#","kubernetesContext":"dev-ctx","kubeconfigPath":"~/.kube/dev""#;
        self.shop.configure(&format!("{place}{more}"));
    }

    /// The controllers of Flux, which apply what the remote has.
    fn controllers(&self) -> Controller {
        let remote = self.shop.home.path("flux.git");
        let config = self.shop.home.path("controller").display().to_string();
        Controller::at(&self.server, &config, "True", &RECONCILED, move || {
            let git =
                std::process::Command::new("git").args(["rev-parse", "main"]).current_dir(&remote).output();
            format!("main@sha1:{}", String::from_utf8(git.unwrap().stdout).unwrap().trim())
        })
    }

    fn tip(&self) -> String {
        format!("main@sha1:{}", self.shop.remote(&["rev-parse", "main"]).trim())
    }

    /// Merges the branch of the latest deployment, as a person does on the forge.
    fn merge(&self) {
        let branch = self.shop.status()[0]["branch"].as_str().unwrap().to_owned();
        let git = |arguments: &[&str]| self.shop.home.git("work", arguments);
        git(&["fetch", "-q", "origin"]);
        git(&["merge", "-q", "--no-ff", "-m", "Merge", &format!("origin/{branch}")]);
        git(&["push", "-q", "origin", "HEAD:main"]);
    }
}

#[test]
fn a_new_tag_becomes_a_merged_change_and_an_applied_revision() {
    let Some(story) = Story::new() else { return };
    let shop = &story.shop;
    let line = "rwenv deploy papi --image-tag v2.3.0";
    assert_eq!(shop.home.hook("project", line).decision(), "allow", "the agent may");
    let proposed = shop.deploy(&["papi", "--image-tag", "v2.3.0"]);
    assert_eq!(proposed.code, 0, "{}", proposed.stderr);
    story.merge();
    let controllers = story.controllers();
    let applied = shop.deploy(&["--continue"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    let expected = format!("Deploy papi v2.3.0: Deployment shop/papi is applied at {}", story.tip());
    assert_eq!(applied.stdout.trim(), expected);
    for what in ["GitRepository flux-system/flux-system is ready", "Kustomization flux-system/apps is ready"]
    {
        assert!(applied.stderr.contains(what), "{}", applied.stderr);
    }
    assert_eq!(shop.status()[0]["step"], "applied");
    assert!(shop.remote(&["show", "main:apps/backend/kustomization.yaml"]).contains("newTag: v2.3.0"));
    let catalog = shop.run(&["services", "show", "papi", "--json"]);
    assert!(catalog.stdout.contains("v2.3.0"), "the catalog has it: {}", catalog.stdout);
    // Where the branch may be pushed to, all of it is one command; a release is waited for as well.
    story.configure(r#","directPush":true"#);
    let direct = shop.deploy(&["shop", "--image-tag", "v2.0.0"]);
    assert_eq!(direct.code, 0, "{}", direct.stderr);
    assert!(
        direct.stdout.contains(&format!("HelmRelease shop/shop is applied at {}", story.tip())),
        "{}",
        direct.stdout
    );
    assert!(direct.stderr.contains("HelmRelease shop/shop is ready"), "{}", direct.stderr);
    drop(controllers);
}

#[test]
fn what_flux_has_not_applied_is_not_called_applied() {
    let Some(story) = Story::new() else { return };
    let shop = &story.shop;
    let before = story.tip();
    let config = shop.home.path("controller").display().to_string();
    let _stale = Controller::at(&story.server, &config, "True", &RECONCILED, move || before.clone());
    story.configure(r#","directPush":true"#);
    let behind = shop.deploy(&["web", "--image-tag", "v2.0.0"]);
    assert_eq!(behind.code, 1);
    assert!(behind.stderr.contains("which does not contain the change yet"), "{}", behind.stderr);
    assert_eq!(shop.status()[0]["step"], "merged");
}

#[test]
fn in_a_read_only_rwenv_every_write_is_refused_and_nothing_changes_anywhere() {
    let Some(story) = Story::new() else { return };
    let shop = &story.shop;
    assert_eq!(shop.run(&["repo", "sync", "dev"]).code, 0);
    story.configure(r#","readOnly":true"#);
    let refs = shop.remote(&["for-each-ref"]);
    let store = story.server.store();
    let words = "rwenv 'dev' is read-only";
    let seed = "rwenv 'dev' is read-only. Cannot modify Flux repo or trigger reconciliation.";
    let clone = shop.home.path(CLONE).display().to_string();
    for (line, expected) in [
        ("rwenv deploy papi --image-tag v2.3.0".to_owned(), seed),
        ("rwenv rollout papi --tag v2.3.0".to_owned(), seed),
        ("rwenv flux reconcile apps".to_owned(), seed),
        ("flux reconcile kustomization apps --with-source".to_owned(), seed),
        ("flux suspend kustomization apps".to_owned(), seed),
        (format!("cd {clone} && git commit -am 'update papi'"), seed),
        (format!("git -C {clone} push origin HEAD:deploy/papi-1"), seed),
        (
            "kubectl -n shop set image deploy/papi papi=registry.example.com/shop/backend:v2.3.0".to_owned(),
            words,
        ),
        ("helm upgrade shop ./charts/shop --set image.tag=v2.3.0".to_owned(), words),
    ] {
        let answer = shop.home.hook("project", &line);
        assert_eq!(answer.decision(), "deny", "{line}");
        assert!(answer.stderr.contains(expected), "{line}: {}", answer.stderr);
    }
    for arguments in [
        &["deploy", "papi", "--image-tag", "v2.3.0"][..],
        &["flux", "reconcile", "apps"],
        &["flux", "suspend-all", "--yes"],
    ] {
        let refused = shop.run(arguments);
        assert!(refused.code == 2 && refused.stderr.contains(seed), "{arguments:?}: {}", refused.stderr);
    }
    let looks = shop.deploy(&["papi", "--image-tag", "v2.3.0", "--dry-run"]);
    assert!(looks.code == 0 && looks.stdout.contains("+    newTag: v2.3.0"), "{}", looks.stderr);
    assert_eq!(shop.remote(&["for-each-ref"]), refs);
    assert_eq!(story.server.store(), store);
    assert_eq!(shop.home.git(CLONE, &["status", "--porcelain"]), "");
}
