//! A deployment's story with Flux's own controllers: from a tag to a running revision, and back.

use super::world::{ALL, Controllers};
use crate::deploy::Shop;

/// Where the shop's repository says it is.
const ELSEWHERE: &str = "https://git.example.com/shop/flux.git";
const NAMESPACES: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: argocd}\n";

/// A shop whose cluster fetches the shop's repository.
struct Story {
    shop: Shop,
    it: Controllers,
}

impl Story {
    fn new() -> Option<Self> {
        let it = Controllers::start(&ALL)?;
        it.server.kinds(include_str!("../../cluster/operators.yaml"));
        it.server.apply(NAMESPACES);
        let shop = Shop::new("");
        let url = format!("http://127.0.0.1:{}/flux.git", crate::http::serve(shop.home.path("")));
        let sync = "work/clusters/shop/flux-system/gotk-sync.yaml";
        let text = shop.home.read(sync).replace(ELSEWHERE, &url);
        shop.home.write(sync, &text);
        shop.push("the shop, where it is");
        shop.home.write(".kube/dev", &it.server.kubeconfig("dev-ctx"));
        shop.configure(r#","kubernetesContext":"dev-ctx","kubeconfigPath":"~/.kube/dev""#);
        it.server.apply(&text);
        let story = Self { shop, it };
        story.it.until("the shop is applied", || story.it.ready("ks/apps", "flux-system") == "True");
        Some(story)
    }

    fn image(&self) -> String {
        let image = self.it.part("deployment/papi", "shop", "/spec/template/spec/containers/0/image");
        image.as_str().unwrap_or_default().to_owned()
    }

    /// Merges the branch of the latest deployment, as a person does on the forge; gives the revision.
    fn merge(&self) -> String {
        let branch = self.shop.status()[0]["branch"].as_str().unwrap().to_owned();
        let git = |arguments: &[&str]| self.shop.home.git("work", arguments);
        git(&["fetch", "-q", "origin"]);
        git(&["merge", "-q", "--no-ff", "-m", "Merge", &format!("origin/{branch}")]);
        git(&["push", "-q", "origin", "HEAD:main"]);
        format!("main@sha1:{}", self.shop.remote(&["rev-parse", "main"]).trim())
    }

    fn applied(&self) -> String {
        let revision = self.it.part("ks/apps", "flux-system", "/status/lastAppliedRevision");
        revision.as_str().unwrap_or_default().to_owned()
    }
}

#[test]
fn a_tag_becomes_what_runs_and_a_revert_takes_it_back() {
    let Some(story) = Story::new() else { return };
    let (shop, before) = (&story.shop, story.image());
    let wrong = shop.deploy(&["papi", "--set", "spec.strategy.type=Gradually"]);
    assert_eq!(wrong.code, 1, "{}", wrong.stdout);
    for what in ["the cluster would refuse Deployment shop/papi:", "spec.strategy: Unsupported value"] {
        assert!(wrong.stderr.contains(what), "{}", wrong.stderr);
    }
    assert_eq!(shop.branches(), ["main"], "nothing was sent");
    assert_eq!(shop.deploy(&["papi", "--image-tag", "v2.3.0"]).code, 0);
    let revision = story.merge();
    assert_eq!(story.image(), before, "nothing has fetched it yet");
    let applied = shop.deploy(&["--continue"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert!(
        applied.stdout.contains(&format!("Deployment shop/papi is applied at {revision}")),
        "{}",
        applied.stdout
    );
    assert_eq!(story.applied(), revision);
    assert!(story.image().ends_with(":v2.3.0"), "{}", story.image());
    assert_eq!(shop.status()[0]["step"], "applied");

    let reverted = shop.deploy(&["--revert"]);
    assert_eq!(reverted.code, 0, "{}", reverted.stderr);
    let revision = story.merge();
    let applied = shop.deploy(&["--continue"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert_eq!((story.image(), story.applied()), (before, revision));
}

#[test]
fn what_the_cluster_refuses_is_not_called_applied() {
    let Some(story) = Story::new() else { return };
    let (shop, before) = (&story.shop, story.image());
    // The server takes no negative number. It cannot be reached while the change is made, so that this is found when it is applied.
    let kubeconfig = shop.home.read(".kube/dev");
    shop.home.write(".kube/dev", &kubeconfig.replace("https://127.0.0.1:", "https://127.0.0.9:"));
    let proposed = shop.deploy(&["papi", "--set", "spec.replicas=-1"]);
    shop.home.write(".kube/dev", &kubeconfig);
    assert_eq!(proposed.code, 0, "{}", proposed.stderr);
    story.merge();
    let failed = shop.deploy(&["--continue"]);
    assert_eq!(failed.code, 1, "{}", failed.stdout);
    assert!(failed.stderr.contains("spec.replicas: Invalid value"), "{}", failed.stderr);
    assert_eq!(shop.status()[0]["step"], "merged");
    assert_eq!(story.image(), before);
}
