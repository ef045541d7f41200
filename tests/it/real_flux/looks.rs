//! What is shown of a cluster in which Flux's own controllers work, beside what the flux program shows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::verbs::full;
use super::world::{APPLIES, World};
use super::{APPS, config_map, world};
use crate::flux_programs::{flux_command_line, flux_program};

fn json(text: &str) -> Value {
    let read = serde_json::from_str(text);
    assert!(read.is_ok(), "{text}");
    read.unwrap()
}

/// Names and readiness, by the flux program's own table.
fn listed(text: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let mut ready = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        if cells[0] == "NAME" {
            ready = cells.iter().position(|cell| *cell == "READY");
        } else {
            let name = cells[0].rsplit('/').next().unwrap().to_owned();
            out.insert(name, ready.map_or("", |at| cells[at]).to_owned());
        }
    }
    out
}

#[test]
fn every_listing_has_what_the_flux_program_lists() {
    let (Some(program), Some(world)) = (flux_command_line(), full()) else { return };
    for (theirs, ours) in [
        ("get kustomizations", "get ks -n flux-system"),
        ("get ks apps", "get ks apps -n flux-system"),
        ("get ks apps", "get ks/apps"),
        ("get helmreleases -n app", "get hr -n app"),
        ("get hr web -n app", "get hr/web"),
        ("get sources git", "get sources git"),
        ("get source git flux-system", "get source git flux-system"),
        ("get sources chart", "get sources chart"),
        ("get sources helm", "get source helm"),
        ("get sources oci", "get oci"),
        ("get sources bucket", "get buckets"),
        ("get alerts", "get alerts"),
        ("get alert-providers", "get providers"),
        ("get receivers", "get receiver"),
    ] {
        let (real, own) = (world.real(&program, theirs), world.flux("rw", &format!("{ours} --json")));
        assert_eq!(own.code, 0, "{ours}: {}", own.stderr);
        let rows = json(&own.stdout);
        let rows = rows.as_array().unwrap().iter();
        let own: BTreeMap<String, String> = rows
            .map(|row| (row["name"].as_str().unwrap().to_owned(), row["ready"].as_str().unwrap().to_owned()))
            .collect();
        let listed = listed(&real.stdout);
        assert_eq!(
            own.keys().collect::<Vec<_>>(),
            listed.keys().collect::<Vec<_>>(),
            "{theirs}: {}",
            real.stdout
        );
        for (name, ready) in listed.into_iter().filter(|(_, ready)| !ready.is_empty()) {
            assert_eq!(own[&name], ready, "{theirs}: {}", real.stdout);
        }
    }
    let none = world.flux("rw", "get ks/nothing");
    assert!(none.code == 1 && none.stderr.contains("there is no Kustomization 'nothing'"), "{}", none.stderr);
    let all = json(&world.flux("rw", "get all --json").stdout);
    let kinds: BTreeSet<&str> =
        all.as_array().unwrap().iter().filter_map(|row| row["kind"].as_str()).collect();
    assert!(
        ["Alert", "GitRepository", "HelmChart", "HelmRelease", "Kustomization", "Provider"]
            .iter()
            .all(|kind| kinds.contains(kind)),
        "{kinds:?}"
    );
    let alerts = json(&world.flux("rw", "status --type notification --json").stdout);
    assert_eq!(alerts.as_array().unwrap().len(), 2, "{alerts}");
    same_trees(&world, &program);
    same_manifests(&world, &program);
    same_values(&world, &program);
}

fn same_trees(world: &World, program: &std::path::Path) {
    for (theirs, ours) in
        [("tree kustomization apps", "tree apps"), ("tree ks flux-system", "tree ks/flux-system")]
    {
        let (real, own) = (world.real(program, theirs), world.flux("rw", ours));
        let lines = |text: &str| -> BTreeSet<String> {
            let lines =
                text.lines().map(|line| line.trim_start_matches(['│', '├', '└', '─', ' ']).to_owned());
            lines.filter(|line| !line.is_empty()).collect()
        };
        assert_eq!(lines(&own.stdout), lines(&real.stdout), "{theirs}");
    }
    let release = world.flux("rw", "tree hr/web");
    assert_eq!(release.stdout, "HelmRelease/app/web\n└── ConfigMap/app/web\n", "{}", release.stderr);
    let waits = world.flux("rw", "tree waits --dependencies");
    assert_eq!(
        waits.stdout,
        "Kustomization/flux-system/waits waits for\n└── Kustomization/flux-system/broken\nKustomization/flux-system/waits is waited for by nothing\n"
    );
    let needed = json(&world.flux("rw", "tree ks/apps --dependencies --json").stdout);
    assert_eq!(needed["neededBy"]["applied"][0]["name"], "late", "{needed}");
    let (real, own) =
        (world.real(program, "trace configmap one -n app"), world.flux("rw", "trace configmap/one -n app"));
    for line in ["Path:", "URL:"] {
        let of = |text: &str| {
            let line = text.lines().find(|known| known.starts_with(line)).unwrap_or_default();
            line.split_whitespace().nth(1).unwrap_or_default().to_owned()
        };
        assert_eq!(of(&own.stdout), of(&real.stdout), "{line} {}", real.stdout);
    }
}

fn same_manifests(world: &World, program: &std::path::Path) {
    for (theirs, ours) in [
        ("export kustomization apps", "export ks/apps"),
        ("export source git flux-system", "export git/flux-system"),
        ("export helmrelease web -n app", "export hr/web"),
        ("export alert all", "export alert/all"),
        ("export alert-provider chat", "export provider/chat"),
    ] {
        let (real, own) = (world.real(program, theirs), world.flux("rw", ours));
        assert_eq!((real.code, own.code), (0, 0), "{theirs} {}{}", real.stderr, own.stderr);
        let fields = |text: &str| -> BTreeSet<String> {
            let of =
                |line: &&str| line.starts_with("  ") && !line.starts_with("   ") && !line.starts_with("  -");
            let names = text.lines().filter(of).filter_map(|line| line.split(':').next());
            names.filter(|name| *name != "  annotations").map(str::to_owned).collect()
        };
        // The flux program leaves out what is false.
        assert!(fields(&own.stdout).is_superset(&fields(&real.stdout)), "{}\n{}", own.stdout, real.stdout);
        let again = world.it.server.kubectl(
            &["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"],
            &own.stdout,
        );
        assert!(!again.is_empty(), "the server takes it back: {}", own.stdout);
    }
    let all = world.flux("rw", "export ks --all -n flux-system");
    assert_eq!(all.stdout.matches("---\n").count(), 5, "{}", all.stdout);
}

fn same_values(world: &World, program: &std::path::Path) {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: more, namespace: app}\nstringData: {values.yaml: \"greeting: bye\\ntoken: hunter2\\n\", port: \"8080\"}\n";
    world.it.server.apply(secret);
    let from = r#"{"spec":{"valuesFrom":[{"kind":"Secret","name":"more"},{"kind":"Secret","name":"more","valuesKey":"port","targetPath":"port"}]}}"#;
    world.it.server.kubectl(&["patch", "helmrelease", "web", "-n", "app", "--type", "merge", "-p", from], "");
    let real = world.real(program, "debug hr web -n app --show-values");
    let own = world.flux("rw", "debug hr/web --json");
    assert_eq!((real.code, own.code), (0, 0), "{}{}", real.stderr, own.stderr);
    let all = json(&own.stdout);
    let of = |name: &str| {
        let mut all = all.as_array().unwrap().iter();
        let one = all.find(|one| one["name"] == name).cloned().unwrap_or_default();
        (
            one["value"].as_str().unwrap_or_default().to_owned(),
            one["from"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(of("greeting"), ("hello".to_owned(), "spec.values".to_owned()));
    assert_eq!(of("token"), ("***".to_owned(), "Secret app/more".to_owned()));
    assert_eq!(of("port").0, "***");
    assert!(real.stdout.contains("hunter2") && !own.stdout.contains("hunter2"), "{}", own.stdout);
    assert!(real.stdout.contains("greeting: hello"), "the same value counts: {}", real.stdout);
    let table = world.flux("ro", "debug hr/web");
    assert!(table.code == 0 && !table.stdout.contains("hunter2"), "{}", table.stdout);
}

#[test]
fn what_goes_with_what_is_shown_before_and_is_what_goes() {
    let Some(world) = world(&APPLIES) else { return };
    // The second Kustomization goes; one of its objects is kept, the other goes with it.
    let kept = config_map("kept", "1")
        .replace("metadata: {", "metadata: {annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}, ");
    world.push(&[("late/kept.yaml", &kept)], "one is kept");
    assert_eq!(world.flux("rw", "reconcile late --with-source").code, 0);
    let apps =
        APPS.split("---\n").next().unwrap().replace("prune: true", "prune: true, targetNamespace: app");
    world.push(&[("clusters/one/apps.yaml", &apps), ("apps/one.yaml", &config_map("one", "9"))], "it goes");
    assert_eq!(world.home.rwenv("rw", &["repo", "sync"]).code, 0);
    let told = world.flux("rw", "diff flux-system --recursive");
    assert_eq!(told.code, 1, "{}", told.stderr);
    for line in [
        "Kustomization flux-system/flux-system:",
        "- Kustomization flux-system/late",
        "- ConfigMap app/late (with Kustomization flux-system/late)",
        "Kustomization flux-system/apps:",
        "~ ConfigMap app/one",
        "    data.value: 1 -> 9",
    ] {
        assert!(told.stdout.lines().any(|known| known == line), "{line}: {}{}", told.stdout, told.stderr);
    }
    assert!(!told.stdout.contains("app/kept"), "{}", told.stdout);
    let one = world.flux("rw", "diff flux-system --json");
    let with: Vec<Value> =
        json(&one.stdout)["differences"].as_array().unwrap().iter().map(|one| one["with"].clone()).collect();
    assert!(with.contains(&Value::from("Kustomization flux-system/late")), "{with:?}");
    assert_eq!(world.flux("rw", "reconcile flux-system --with-source").code, 0);
    world.it.until("it goes", || world.it.part("configmap/late", "app", "/metadata/name").is_null());
    assert_eq!(super::value(&world, "kept"), "1", "what was not shown has stayed");
}

#[test]
fn a_change_of_a_release_shows_what_its_chart_makes_of_it() {
    let (Some(helm), Some(world)) = (flux_program("helm"), full()) else { return };
    let release = world.flux("rw", "export hr/web").stdout;
    let changed = release.replace("greeting: hello", "greeting: good evening\n    name: other");
    assert_ne!(changed, release, "it has the values of the release");
    world.push(&[("apps/web.yaml", &release)], "the release is in the repository");
    assert_eq!(world.flux("rw", "reconcile apps --with-source").code, 0);
    world.push(&[("apps/web.yaml", &changed)], "other values");
    assert_eq!(world.home.rwenv("rw", &["repo", "sync"]).code, 0);
    let run = |path: &str| {
        let mut command = world.home.command(env!("CARGO_BIN_EXE_rwenv"), &world.home.path("rw"));
        crate::support::answer(command.env("PATH", path).args(["flux", "diff", "hr/web"]))
    };
    let without = run("/usr/local/bin:/usr/bin:/bin");
    assert_eq!(without.code, 2, "{}{}", without.stdout, without.stderr);
    assert!(without.stdout.contains("spec.values.greeting: hello -> good evening"), "{}", without.stdout);
    assert!(without.stdout.contains("there is no helm on PATH"), "{}", without.stdout);
    let told = run(&format!("{}:/usr/local/bin:/usr/bin:/bin", helm.parent().unwrap().display()));
    assert_eq!(told.code, 1, "{}{}", told.stdout, told.stderr);
    for line in ["+ ConfigMap app/other", "- ConfigMap app/web", "~ HelmRelease app/web"] {
        assert!(told.stdout.lines().any(|known| known == line), "{line}: {}{}", told.stdout, told.stderr);
    }
    assert_eq!(world.flux("rw", "reconcile apps --with-source").code, 0);
    world.it.until("it is as it was shown", || {
        super::value(&world, "web").is_empty() && {
            world.it.part("configmap/other", "app", "/data/greeting").as_str() == Some("good evening")
        }
    });
}
