//! Two environments side by side, by their repositories.

use serde_json::{Value, json};

use crate::support::Home;

const SYNC: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n\
    spec: {path: ./clusters/NAME, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n---\n\
    apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {url: \"https://git.example.com/shop/flux.git\", ref: {branch: main}}\n";
const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: NAME}\nspec:\n  replicas: REPLICAS\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: \"registry.example.com/web:v0\"}]}\n";
const SHOP: &str = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: shop, namespace: NAME}\nspec:\n  chart: {spec: {chart: shop, version: VERSION, sourceRef: {kind: HelmRepository, name: charts}}}\n  values: {greeting: hello, cache: {size: SIZE}}\n";

/// A HOME with two rwenvs of one repository, which has a root for each.
fn home() -> Home {
    let home = Home::empty();
    home.git("", &["init", "-q", "made"]);
    for (name, tag, replicas, version, size) in
        [("staging", "v2", "1", "1.1.0", "1"), ("prod", "v1", "1", "1.0.0", "8")]
    {
        let fill = |text: &str| {
            text.replace("NAME", name)
                .replace("REPLICAS", replicas)
                .replace("VERSION", version)
                .replace("SIZE", size)
        };
        home.write(&format!("made/clusters/{name}/flux-system/gotk-sync.yaml"), &fill(SYNC));
        home.write(&format!("made/clusters/{name}/web/web.yaml"), &fill(WEB));
        home.write(&format!("made/clusters/{name}/web/shop.yaml"), &fill(SHOP));
        home.write(
            &format!("made/clusters/{name}/web/same.yaml"),
            &fill(WEB).replace("name: web", "name: same"),
        );
        let more = if name == "staging" { "  - more.yaml\n" } else { "" };
        home.write(
            &format!("made/clusters/{name}/web/kustomization.yaml"),
            &format!("resources:\n  - web.yaml\n  - shop.yaml\n  - same.yaml\n{more}images: [{{name: registry.example.com/web, newTag: {tag}}}]\n"),
        );
    }
    home.write("made/clusters/staging/web/more.yaml", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: night, namespace: staging}\nspec: {schedule: \"@daily\", jobTemplate: {spec: {template: {spec: {containers: [{name: n, image: \"n:1\"}]}}}}}\n");
    home.git("made", &["add", "-A"]);
    home.git("made", &["commit", "-qm", "two roots"]);
    let url = home.path("made").display().to_string();
    let rwenv = |name: &str| {
        format!(r#""{name}":{{"type":"k3s","fluxGitRepo":"{url}","fluxPath":"clusters/{name}"}}"#)
    };
    home.write(
        ".claude/rwenv/envs.json",
        &format!(r#"{{"version":"1.0","rwenvs":{{{},{}}}}}"#, rwenv("staging"), rwenv("prod")),
    );
    assert_eq!(home.rwenv("", &["repo", "sync", "--all"]).code, 0);
    home
}

#[test]
fn versions_values_and_missing_services_are_told() {
    let home = home();
    let told = home.rwenv("", &["compare", "staging", "prod", "--json"]);
    assert_eq!(told.code, 1, "{}", told.stderr);
    let all: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&all["onlyFirst"], &all["onlySecond"]), (&json!(["CronJob night"]), &json!([])));
    let row = |service: &str, what: &str, first: &str, second: &str| json!({ "service": service, "what": what, "first": first, "second": second });
    let image = |service: &str, name: &str| {
        row(service, &format!("image {name}"), "registry.example.com/web:v2", "registry.example.com/web:v1")
    };
    assert_eq!(
        all["differences"],
        json!([
            image("Deployment same", "same"),
            image("Deployment web", "web"),
            row("HelmRelease shop", "values.cache.size", "1", "8"),
            row("HelmRelease shop", "version", "1.1.0", "1.0.0"),
        ])
    );
    let table = home.rwenv("", &["compare", "staging", "prod", "--no-values"]);
    assert!(table.stdout.contains("missing") && !table.stdout.contains("cache.size"), "{}", table.stdout);
    let one = home.rwenv("", &["compare", "staging", "prod", "--service", "shop"]);
    assert!(one.stdout.contains("1.1.0") && !one.stdout.contains("CronJob"), "{}", one.stdout);
    let same = home.rwenv("", &["compare", "prod", "prod"]);
    assert!(same.code == 0 && same.stderr.contains("3 services alike"), "{}{}", same.stdout, same.stderr);
    let none = home.rwenv("", &["compare", "prod", "prdo"]);
    assert!(none.code == 1 && none.stderr.contains("Did you mean prod?"), "{}", none.stderr);
}
