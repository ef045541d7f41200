//! What a push would change, asked of a real API server.

use serde_json::{Value, json};

use crate::api_guard::Guarded;

const APPS: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: app}\nspec:\n  replicas: 5\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n        - {name: w, image: \"w:${tag}\"}\n";
const MORE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new, namespace: app}\ndata: {greeting: \"${greeting:=hello}\", url: \"https://u:${password}@h\"}\n---\n\
    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg, namespace: app}\ndata: {a: b, url: \"https://u:${password}@h\"}\n---\n\
    apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: app}\nstringData: {password: hunter3}\n---\n\
    apiVersion: example.com/v1\nkind: Strange\nmetadata: {name: s, namespace: app}\n---\n\
    apiVersion: v1\nkind: Namespace\nmetadata: {name: app}\n---\n\
    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: early, namespace: not-yet}\n";
const SEALED: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: sealed, namespace: app}\ndata: {a: ENC}\nsops: {mac: x}\n";

/// A cluster whose Kustomization fills in, prunes, and labels; and the repository it comes from, with a branch and a pull request.
pub(crate) fn setting() -> Option<Guarded> {
    let it = Guarded::new()?;
    it.server.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: old, namespace: app}\nspec: {ports: [{port: 80}]}\n---\n\
         apiVersion: v1\nkind: Secret\nmetadata: {name: vars, namespace: flux-system}\nstringData: {password: hunter2, tag: \"1\"}\n---\n\
         apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n\
         spec: {path: ./apps, interval: 10m, prune: true, sourceRef: {kind: GitRepository, name: flux-system}, commonMetadata: {annotations: {team: a}}, \
         postBuild: {substitute: {tag: \"2\"}, substituteFrom: [{kind: Secret, name: vars}, {kind: ConfigMap, name: none, optional: true}]}}\n",
    );
    let inventory = json!({ "status": { "inventory": { "entries": [{ "id": "app_web_apps_Deployment", "v": "v1" }, { "id": "app_old__Service", "v": "v1" }] } } });
    it.server.kubectl(
        &[
            "patch",
            "ks",
            "apps",
            "-n",
            "flux-system",
            "--subresource=status",
            "--type=merge",
            "-p",
            &inventory.to_string(),
        ],
        "",
    );
    let home = &it.setting.home;
    for (name, text) in [("web.yaml", APPS), ("deep/more.yaml", MORE), ("sealed.yaml", SEALED)] {
        home.write(&format!("work/apps/{name}"), text);
    }
    home.git("work", &["init", "-q", "."]);
    home.git("work", &["add", "."]);
    home.git("work", &["commit", "-qm", "one"]);
    home.git("work", &["checkout", "-qb", "deploy"]);
    home.write("work/apps/web.yaml", &APPS.replace("replicas: 5", "replicas: 7"));
    home.git("work", &["commit", "-qam", "two"]);
    home.git("work", &["update-ref", "refs/pull/17/head", "HEAD"]);
    home.git("work", &["checkout", "-q", "main"]);
    home.git("", &["clone", "-q", "--mirror", "work", "remote.git"]);
    let envs = home.read(".claude/rwenv/envs.json");
    let url = home.path("remote.git").display().to_string();
    home.write(".claude/rwenv/envs.json", &envs.replace("https://git.example.com/ro/flux.git", &url));
    Some(it)
}

#[test]
fn what_a_push_would_change_is_shown_and_nothing_is_changed() {
    let Some(it) = setting() else { return };
    let home = &it.setting.home;
    let synced = home.rwenv("ro", &["repo", "sync"]);
    assert_eq!(synced.code, 0, "{}", synced.stderr);
    let before = it.server.store();
    let run = |more: &[&str]| home.rwenv("ro", &[&["flux", "diff", "apps", "--json"], more].concat());
    let told = run(&[]);
    assert_eq!(told.code, 2, "some of it cannot be told: {}", told.stderr);
    let all: Value = serde_json::from_str(&told.stdout).unwrap();
    let of = |name: &str| {
        let mut all = all["differences"].as_array().unwrap().iter();
        all.find(|difference| difference["name"] == name).cloned().unwrap_or_default()
    };
    let fields = |value: &Value| -> Vec<String> {
        let all = value["fields"].as_array().unwrap().iter();
        all.map(|field| format!("{} {} {}", field["path"].as_str().unwrap(), field["before"], field["after"]))
            .collect()
    };
    let web = fields(&of("web"));
    assert!(
        web.contains(&"spec.replicas 1 5".to_owned())
            && web.contains(&"spec.template.spec.containers[name=w].image \"w\" \"w:2\"".to_owned()),
        "{web:?}"
    );
    assert!(web.contains(&"metadata.annotations.team null \"a\"".to_owned()), "{web:?}");
    assert_eq!(
        (of("new")["fate"].as_str(), of("early")["fate"].as_str()),
        (Some("created"), Some("created"))
    );
    assert_eq!((of("old")["fate"].as_str(), of("old")["kind"].as_str()), (Some("pruned"), Some("Service")));
    assert!(of("s")["why"].as_str().unwrap().contains("no example.com/v1 Strange"));
    assert!(of("sealed")["why"].as_str().unwrap().contains("encrypted"));
    assert!(
        fields(&of("db")).contains(&"data.password \"***\" \"***\"".to_owned()),
        "{:?}",
        fields(&of("db"))
    );
    assert!(fields(&of("cfg")).contains(&"data.url null \"***\"".to_owned()), "{:?}", fields(&of("cfg")));
    for secret in ["hunter2", "hunter3", "aHVudGVy"] {
        assert!(!told.stdout.contains(secret), "{}", told.stdout);
    }
    for more in [&["--ref", "origin/deploy"][..], &["--pr", "17"]] {
        let told = run(more);
        assert!(told.stdout.contains("\"after\": 7"), "{more:?} {}{}", told.stdout, told.stderr);
    }
    home.write("elsewhere/apps/web.yaml", &APPS.replace("replicas: 5", "replicas: 9"));
    let dir = home.path("elsewhere").display().to_string();
    let told = home.rwenv("ro", &["flux", "diff", "ks/apps", "--dir", &dir]);
    assert!(
        told.code == 1
            && told.stdout.contains("~ Deployment app/web\n")
            && told.stdout.contains("    spec.replicas: 1 -> 9"),
        "{}{}",
        told.stdout,
        told.stderr
    );
    assert!(told.stdout.contains("- Service app/old"), "{}", told.stdout);
    assert_eq!(it.server.store(), before, "nothing has changed");
    let left: Vec<_> = std::fs::read_dir(home.path(".claude/rwenv/run"))
        .unwrap()
        .flatten()
        .map(|e| e.file_name().into_string().unwrap())
        .collect();
    assert!(!left.iter().any(|name| name.starts_with("render") || name.starts_with("export")), "{left:?}");
    assert_eq!(
        home.git(".claude/rwenv/flux-repos/ro/remote", &["status", "--porcelain"]),
        "",
        "the clone is as it was"
    );
}

#[test]
fn a_change_is_shown_with_what_the_cluster_says_to_it() {
    let Some(it) = setting() else { return };
    let home = &it.setting.home;
    home.git("", &["clone", "-q", "remote.git", "fleet"]);
    home.write(
        "fleet/clusters/ro/apps.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n\
         spec: {path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n",
    );
    home.git("fleet", &["add", "-A"]);
    home.git("fleet", &["commit", "-qm", "the root"]);
    let before = it.server.store();
    let live = |more: &[&str]| -> Value {
        let told = home.rwenv("fleet", &[&["impact", "--live", "--json"], more].concat());
        assert_eq!(told.code, 0, "{}", told.stderr);
        let all: Value = serde_json::from_str(&told.stdout).unwrap();
        all["live"].clone()
    };
    assert_eq!(live(&[]), json!([]), "nothing is touched");
    home.write("fleet/apps/web.yaml", &APPS.replace("replicas: 5", "replicas: 9"));
    let of_web = |live: &Value| {
        let all = live[0]["kustomizations"]["flux-system/apps"]["differences"].as_array().cloned();
        let web = all.into_iter().flatten().find(|one| one["name"] == "web").unwrap_or_default();
        web["fields"].to_string()
    };
    let told = live(&[]);
    assert!(told[0]["rwenv"] == "ro" && of_web(&told).contains("\"after\":9"), "{told}");
    home.git("fleet", &["commit", "-qam", "more"]);
    let told = live(&["--range", "HEAD~1..HEAD"]);
    assert!(of_web(&told).contains("\"after\":9"), "{told}");
    let text = home.rwenv("fleet", &["impact", "--live", "--range", "HEAD~1..HEAD"]);
    let says = |words: &str| text.stdout.contains(words);
    assert!(says("the cluster of rwenv ro:\n") && says("~ Deployment app/web\n"), "{}", text.stdout);
    assert_eq!(it.server.store(), before, "nothing has changed");
}

#[test]
fn what_cannot_be_rendered_says_why() {
    let Some(it) = setting() else { return };
    let home = &it.setting.home;
    let dir = |name: &str| home.path(name).display().to_string();
    let run = |name: &str| home.rwenv("ro", &["flux", "diff", "apps", "--dir", &dir(name)]);
    std::fs::create_dir_all(home.path("empty")).unwrap();
    let none = run("empty");
    assert!(none.code == 1 && none.stderr.contains("there is no folder ./apps in"), "{}", none.stderr);
    home.write("broken/apps/kustomization.yaml", "resources: [nothing.yaml]\n");
    let broken = run("broken");
    assert!(broken.code == 1 && broken.stderr.contains("nothing.yaml"), "{}", broken.stderr);
    home.write(
        "form/apps/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: app}\ndata: {a: \"${a!b}\"}\n",
    );
    let form = run("form");
    assert!(form.code == 1 && form.stderr.contains("is not a form that Flux substitutes"), "{}", form.stderr);
    let kind = home.rwenv("ro", &["flux", "diff", "git/flux-system"]);
    assert!(
        kind.code == 1 && kind.stderr.contains("name a Kustomization or a HelmRelease"),
        "{}",
        kind.stderr
    );
    let revision = home.rwenv("ro", &["flux", "diff", "apps", "--ref", "nothing"]);
    assert!(revision.code == 1 && revision.stderr.contains("the commit nothing"), "{}", revision.stderr);
    it.server.kubectl(&["delete", "secret", "vars", "-n", "flux-system"], "");
    let vars = run("form");
    assert!(vars.code == 1 && vars.stderr.contains("Secret flux-system/vars"), "{}", vars.stderr);
}
