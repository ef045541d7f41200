//! Flux's own controllers: what rwenv asks of them, and what comes of it. No test sets a condition here.

mod deployed;
mod looks;
mod verbs;
pub(crate) mod world;

use std::time::{Duration, Instant};

use serde_json::Value;

use world::{APPLIES, World};

/// What the root applies: two Kustomizations, one after the other.
const APPS: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n\
    spec: {path: ./apps, interval: 1h, prune: true, retryInterval: 2s, sourceRef: {kind: GitRepository, name: flux-system}}\n---\n\
    apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: late, namespace: flux-system}\n\
    spec: {path: ./late, interval: 1h, prune: true, dependsOn: [{name: apps}], sourceRef: {kind: GitRepository, name: flux-system}}\n";

pub(crate) fn config_map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: app}}\ndata: {{value: \"{value}\"}}\n"
    )
}

pub(crate) fn world(controllers: &[&str]) -> Option<World> {
    let (one, two, late) = (config_map("one", "1"), config_map("two", "1"), config_map("late", "1"));
    let files = [
        ("clusters/one/apps.yaml", APPS),
        ("apps/one.yaml", &one),
        ("apps/two.yaml", &two),
        ("late/late.yaml", &late),
    ];
    let world = World::new(controllers, &files)?;
    world.it.until("the last is applied", || world.it.ready("ks/late", "flux-system") == "True");
    Some(world)
}

/// The value that a ConfigMap has in the cluster.
fn value(world: &World, name: &str) -> String {
    world.it.part(&format!("configmap/{name}"), "app", "/data/value").as_str().unwrap_or_default().to_owned()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test measures another program")]
fn a_push_becomes_an_artifact_and_an_applied_revision() {
    let Some(world) = world(&APPLIES) else { return };
    let revision = world.push(&[("apps/one.yaml", &config_map("one", "2"))], "another value");
    let start = Instant::now();
    let done = world.flux("rw", "reconcile apps --with-source --json");
    let took = start.elapsed();
    assert_eq!(done.code, 0, "{}", done.stderr);
    let said: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((said["ready"].as_str(), said["revision"].as_str()), (Some("True"), Some(revision.as_str())));
    assert_eq!(value(&world, "one"), "2", "it is applied when the command ends");
    assert!(took < Duration::from_secs(30), "{took:?}");
    let status = world.flux("rw", "status --json");
    let rows: Vec<Value> = serde_json::from_str(&status.stdout).unwrap();
    let apps = rows.iter().find(|row| row["name"] == "apps").unwrap();
    assert_eq!(
        (apps["kind"].as_str(), apps["revision"].as_str()),
        (Some("Kustomization"), Some(revision.as_str()))
    );
    let tree = world.flux("rw", "tree flux-system").stdout;
    for line in [
        "├── Kustomization/flux-system/apps",
        "│   ├── ConfigMap/app/one",
        "└── Kustomization/flux-system/late",
        "    └── ConfigMap/app/late",
    ] {
        assert!(tree.lines().any(|known| known == line), "{line}:\n{tree}");
    }
    let trace = world.flux("rw", "trace configmap/one -n app");
    assert!(trace.stdout.contains(&world.url) && trace.stdout.contains("./apps"), "{}", trace.stdout);
    let events = world.flux("rw", "events --for ks/apps");
    assert!(events.stdout.contains("ReconciliationSucceeded"), "{}{}", events.stdout, events.stderr);
}

#[test]
fn what_is_suspended_stays_as_it_is_until_it_is_resumed() {
    let Some(world) = world(&APPLIES) else { return };
    assert_eq!(world.flux("rw", "suspend apps").code, 0);
    let revision = world.push(&[("apps/one.yaml", &config_map("one", "2"))], "another value");
    let source = world.flux("rw", "reconcile-source flux-system --json");
    assert!(source.stdout.contains(&revision), "{}{}", source.stdout, source.stderr);
    assert!(world.flux("rw", "reconcile apps").stderr.contains("is suspended; rwenv flux resume"));
    assert_eq!(value(&world, "one"), "1");
    let resumed = world.flux("rw", "resume apps --wait");
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(value(&world, "one"), "2", "it waits for what comes of it");
    assert_eq!(world.flux("rw", "suspend-all --yes").code, 0);
    assert_eq!(world.flux("rw", "resume-all --wait").code, 0);
    assert_eq!(world.it.ready("ks/late", "flux-system"), "True");
}

#[test]
fn what_a_push_takes_away_is_shown_before_and_pruned_after() {
    let Some(world) = world(&APPLIES) else { return };
    assert_eq!(world.home.rwenv("rw", &["repo", "sync"]).code, 0);
    assert_eq!(world.flux("rw", "diff apps").code, 0, "nothing is waiting");
    let more = config_map("three", "1");
    world.push(&[("apps/two.yaml", ""), ("apps/three.yaml", &more)], "two goes, three comes");
    assert_eq!(world.home.rwenv("rw", &["repo", "sync"]).code, 0);
    let told = world.flux("rw", "diff apps");
    assert_eq!(told.code, 1, "{}", told.stderr);
    for line in ["+ ConfigMap app/three", "- ConfigMap app/two"] {
        assert!(told.stdout.contains(line), "{line}: {}", told.stdout);
    }
    assert_eq!((value(&world, "two"), value(&world, "three")), ("1".to_owned(), String::new()));
    assert_eq!(world.flux("rw", "reconcile apps --with-source").code, 0);
    assert_eq!((value(&world, "two"), value(&world, "three")), (String::new(), "1".to_owned()));
    assert_eq!(world.flux("rw", "diff apps").code, 0, "what was shown is what came");
}

#[test]
fn what_fails_is_told_as_the_controller_says_it_and_a_rollback_mends_it() {
    let Some(world) = world(&APPLIES) else { return };
    let good = world.home.git("work", &["rev-parse", "HEAD"]);
    world.push(
        &[("apps/one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, namespace: gone}\n")],
        "broken",
    );
    let failed = world.flux("rw", "reconcile apps --with-source");
    assert_eq!(failed.code, 1);
    assert!(
        failed.stderr.contains("namespaces \"gone\" not found")
            && failed.stderr.contains("ReconciliationFailed"),
        "{}",
        failed.stderr
    );
    let status = world.flux("rw", "status --failing");
    assert!(status.code == 1 && status.stdout.contains("apps"), "{}", status.stdout);
    // What waits for it says for what, and is not called ready.
    let waits = world.flux("rw", "reconcile late --timeout 3s");
    assert!(waits.code == 1 && waits.stderr.contains("dependency"), "{}", waits.stderr);
    world.home.git("work", &["revert", "--no-edit", "HEAD"]);
    world.home.git("work", &["push", "-q", "origin", "HEAD:main"]);
    assert_ne!(world.home.git("work", &["rev-parse", "HEAD"]), good);
    let mended = world.flux("rw", "reconcile apps --with-source");
    assert_eq!(mended.code, 0, "{}", mended.stderr);
    let waited = world.flux("rw", "reconcile late");
    assert_eq!(waited.code, 0, "{}", waited.stderr);
    assert_eq!(world.flux("rw", "status --failing").code, 0);
}

#[test]
fn a_health_check_that_fails_is_a_failure_and_not_a_wait_without_an_end() {
    let Some(world) = world(&APPLIES) else { return };
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: never, namespace: app}\nspec:\n  selector: {matchLabels: {app: never}}\n  template:\n    metadata: {labels: {app: never}}\n    spec: {containers: [{name: w, image: w}]}\n";
    let healthy = APPS.replace("retryInterval: 2s", "retryInterval: 1h, wait: true, timeout: 3s");
    world.push(&[("apps/never.yaml", deployment), ("clusters/one/apps.yaml", &healthy)], "nobody runs it");
    // The root does not wait for what it applies.
    assert_eq!(world.flux("rw", "reconcile flux-system --with-source").code, 0);
    // The controller gives health checks half a minute at least. It waits for the reconciliation that the new spec began.
    let failed = world.flux("rw", "resume apps --wait --timeout 50s");
    assert_eq!(failed.code, 1, "{}", failed.stderr);
    assert!(
        failed.stderr.contains("apps is not ready: health check failed")
            && failed.stderr.contains("app/never"),
        "{}",
        failed.stderr
    );
    assert_eq!(value(&world, "one"), "1", "what was healthy stays");
}
