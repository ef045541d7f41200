//! Configuration and selection: files people already have, what a rewrite keeps, which rwenv a directory has.

use serde_json::{Value, json};

use crate::support::{ENVS, Home};

/// A file as people have it: both shapes, fields of others, an order of its own.
const OLD: &str = r#"{
  "version": "1.0",
  "devContainer": "tools",
  "useDevContainer": true,
  "currentEnvByDirectory": { "/x": "prod" },
  "databases": {
    "core": { "namespace": "db", "secretName": "core-pg", "pgbouncerHost": "pgb.db.svc", "database": "core", "username": "core", "description": "main" }
  },
  "rwenvs": {
    "zeta": {
      "type": "gke",
      "kubeconfigPath": "/root/.kube/gke.config",
      "kubernetesContext": "gke_p_r_c",
      "gcpProject": null,
      "readOnly": true,
      "fluxGitRepo": "https://github.com/o/flux",
      "fluxGitRepoType": "github",
      "services": { "papi": "https://papi.example.com", "app": "https://app.example.com" },
      "team": { "slack": "ops", "pager": [1, 2.50, "x"] }
    },
    "alpha": {
      "description": "the newer shape",
      "container": { "kubeconfigPath": "/root/.kube/config", "kubernetesContext": "k3s-in" },
      "local": null,
      "syncInterval": "5m",
      "argocdApps": ["a"],
      "terraformPaths": { "tf": "manual" },
      "x-note": null
    }
  },
  "plugins": []
}
"#;

fn json(home: &Home) -> Value {
    serde_json::from_str(&home.read(".claude/rwenv/envs.json")).unwrap()
}

#[test]
fn files_people_have_load_unchanged() {
    let home = Home::empty();
    home.write(".claude/rwenv/envs.json", OLD);
    let listed = home.rwenv("", &["list", "--json"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed[0]["name"], "zeta");
    assert_eq!(listed[0]["readOnly"], true);
    assert_eq!(listed[0]["places"][0]["kubernetesContext"], "gke_p_r_c");
    assert_eq!(listed[0]["services"][1]["url"], "https://app.example.com");
    assert_eq!(listed[1]["places"][0]["kubernetesContext"], "k3s-in");
    assert_eq!(listed[1]["readOnly"], false);
    assert_eq!(listed[1]["protectedBranches"], json!(["main", "master", "production"]));
    for version in ["1", "1.0", "1.1"] {
        home.write(".claude/rwenv/envs.json", &format!("{{\"version\": {version}, \"rwenvs\": {{}}}}"));
        assert_eq!(home.rwenv("", &["list"]).code, 0, "{version}");
    }
    home.write(".claude/rwenv/envs.json", &format!("\u{feff}{}", OLD.replace('\n', "\r\n")));
    assert_eq!(home.rwenv("", &["list"]).code, 0, "a mark of byte order and CRLF");
}

#[test]
fn a_rewrite_keeps_what_is_not_ours_and_its_order() {
    let home = Home::empty();
    home.write(".claude/rwenv/envs.json", OLD);
    let before = json(&home);
    let changed = home.rwenv("", &["edit", "zeta", "--description", "the real one", "--read-only=false"]);
    assert_eq!(changed.code, 0, "{}", changed.stderr);
    let after = json(&home);
    let mut expected = before.clone();
    expected["rwenvs"]["zeta"]["description"] = "the real one".into();
    expected["rwenvs"]["zeta"]["readOnly"] = false.into();
    assert_eq!(after, expected);
    let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&after), keys(&before));
    assert_eq!(keys(&after["rwenvs"]), ["zeta", "alpha"]);
    assert_eq!(home.rwenv("", &["edit", "alpha", "--context", "new"]).code, 0);
    assert_eq!(
        json(&home)["rwenvs"]["alpha"]["container"]["kubernetesContext"],
        "new",
        "where this entry keeps it"
    );
    assert_eq!(json(&home)["rwenvs"]["alpha"].get("kubernetesContext"), None);
}

#[test]
fn a_refused_change_changes_nothing() {
    let home = Home::new();
    for arguments in [
        vec!["add", "ro", "--context", "x"],
        vec!["add", "a/b"],
        vec!["add", "..", "--read-only"],
        vec!["add"],
        vec!["add", "new", "--read-only"],
        vec!["edit", "nope", "--read-only"],
        vec!["edit", "ro"],
        vec!["edit", "ro", "--unset", "nothing"],
        vec!["edit", "ro", "--service", "x"],
        vec!["remove", "nope", "--yes"],
        vec!["remove", "ro"],
        vec!["import", "missing.json"],
        vec!["local-mode", "off"],
        vec!["set", "nope"],
        vec!["export", "nope"],
    ] {
        let answer = home.rwenv("ro", &arguments);
        assert_eq!(answer.code, 1, "{arguments:?}");
        assert!(
            answer.stderr.starts_with("rwenv: ") && answer.stdout.is_empty(),
            "{arguments:?}: {answer:?}"
        );
        assert_eq!(home.read(".claude/rwenv/envs.json"), ENVS, "{arguments:?}");
    }
    for arguments in [
        vec!["frob"],
        vec!["set", "a", "b"],
        vec!["check"],
        vec!["edit", "ro", "--read-only=maybe"],
        vec!["add", "x", "--flux-repo-type", "cvs"],
    ] {
        assert_eq!(home.rwenv("ro", &arguments).code, 64, "{arguments:?}");
    }
}

#[test]
fn the_file_is_replaced_whole_for_its_owner_alone() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let home = Home::empty();
    assert_eq!(home.rwenv("", &["add", "one", "--read-only", "--no-context"]).code, 0);
    let path = home.path(".claude/rwenv/envs.json");
    let first = std::fs::metadata(&path).unwrap();
    assert_eq!(first.permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(home.path(".claude/rwenv")).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(home.rwenv("", &["add", "two", "--context", "c"]).code, 0);
    assert_ne!(std::fs::metadata(&path).unwrap().ino(), first.ino(), "a new file in the old one's place");
    let left: Vec<_> =
        std::fs::read_dir(home.path(".claude/rwenv")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|n| n.to_string_lossy().ends_with(".new")), "{left:?}");
    // A link into someone's dotfiles stays one.
    std::fs::create_dir(home.path("dotfiles")).unwrap();
    std::fs::rename(&path, home.path("dotfiles/envs.json")).unwrap();
    std::os::unix::fs::symlink(home.path("dotfiles/envs.json"), &path).unwrap();
    assert_eq!(home.rwenv("", &["add", "three", "--no-context"]).code, 0);
    assert!(std::fs::symlink_metadata(&path).unwrap().is_symlink());
    assert!(home.read("dotfiles/envs.json").contains("three"));
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let home = Home::empty();
    std::thread::scope(|scope| {
        for i in 0..12 {
            let home = &home;
            scope.spawn(move || {
                assert_eq!(home.rwenv("", &["add", &format!("env-{i}"), "--no-context"]).code, 0)
            });
        }
    });
    assert_eq!(json(&home)["rwenvs"].as_object().unwrap().len(), 12);
}

/// The rwenv a folder has, as `cur` says it.
fn current(home: &Home, folder: &str) -> String {
    let answer = home.rwenv(folder, &["cur", "--json"]);
    let value: Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
    value["name"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn the_nearest_selection_counts() {
    let home = Home::new();
    home.write("ro/sub/deep/x", "");
    assert_eq!(current(&home, "ro/sub/deep"), "ro");
    home.write("ro/sub/.claude/rwenv", "  rw \n");
    assert_eq!(current(&home, "ro/sub/deep"), "rw");
    assert_eq!(current(&home, "none"), "none", "the folder ~/.claude/rwenv is no selection");
    let key = |folder: &str| home.path(folder).display().to_string();
    let consumers = json!({ key("none"): "go", key("no"): "ro", key("none/deeper"): "rw" });
    home.write(".claude/rwenv/env-consumers.json", &consumers.to_string());
    home.write("none/deeper/still/x", "");
    home.write("none-other/x", "");
    assert_eq!(current(&home, "none"), "go");
    assert_eq!(current(&home, "none/deeper/still"), "rw");
    assert_eq!(current(&home, "none-other"), "none", "a prefix of the name is no folder above");
    assert_eq!(current(&home, "ro"), "ro", "a file goes before the list");
    let mut with = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path("ro"));
    let answer = crate::support::answer(with.env("RWENV", "go").args(["cur", "--json"]));
    assert!(answer.stdout.contains("\"name\": \"go\"") && answer.stdout.contains("$RWENV"), "{answer:?}");
}

#[test]
fn links_and_worktrees_have_the_selection_of_what_they_are() {
    let home = Home::new();
    std::os::unix::fs::symlink(home.path("ro"), home.path("rw/link")).unwrap();
    assert_eq!(
        home.hook("rw/link", "kubectl delete pod web-0").decision(),
        "deny",
        "a link into a read-only project"
    );
    home.git("ro", &["init", "-q"]);
    home.git("ro", &["commit", "-q", "--allow-empty", "-m", "x"]);
    home.git("ro", &["worktree", "add", "-q", "../tree", "-b", "x"]);
    assert_eq!(current(&home, "tree"), "ro");
    home.write("tree/.claude/rwenv", "go\n");
    assert_eq!(current(&home, "tree"), "go");
}

#[test]
fn a_directory_that_is_not_there_yet_has_its_parents_selection() {
    let home = Home::new();
    assert_eq!(home.hook("ro/not/yet", "kubectl delete pod web-0").decision(), "deny");
    assert_eq!(
        home.hook("none", "mkdir -p ../ro/new && cd ../ro/new && kubectl delete pod web-0").decision(),
        "deny"
    );
}

#[test]
fn a_bare_change_is_judged_where_the_kubeconfig_points_as_well() {
    let home = Home::new();
    let kubeconfig =
        |context: &str| home.write(".kube/config", &format!("apiVersion: v1\ncurrent-context: {context}\n"));
    kubeconfig("rw-ctx");
    assert_eq!(home.hook("rw", "kubectl delete pod web-0").decision(), "allow");
    kubeconfig("ro-ctx");
    let answer = home.hook("rw", "kubectl delete pod web-0");
    assert!(answer.stderr.contains("rwenv 'ro' is read-only"), "{answer:?}");
    assert_eq!(home.hook("rw", "kubectl get pods").decision(), "allow");
    assert_eq!(home.hook("rw", "kubectl --context rw-ctx delete pod web-0").decision(), "allow");
    kubeconfig("somewhere-else");
    let answer = home.hook("rw", "kubectl delete pod web-0");
    assert!(answer.stderr.contains("'somewhere-else' (your kubeconfig's current one)"), "{answer:?}");
}

const PAGE: &str = include_str!("../../docs/configuration.md");

/// The names of the fields at a place of the schema that is made from the types.
fn known(pointer: &str) -> Vec<String> {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../schemas/envs.schema.json")).unwrap();
    let own = schema.pointer(&format!("{pointer}/properties")).unwrap();
    let mut known: Vec<String> = own.as_object().unwrap().keys().cloned().collect();
    known.sort_unstable();
    known
}

/// A rwenv in the schema.
const RWENV: &str = "/properties/rwenvs/additionalProperties";

/// The rows of the page's table under a heading.
fn rows(heading: &str) -> impl Iterator<Item = &'static str> {
    let section = PAGE.split_once(heading).unwrap().1.split("\n## ").next().unwrap();
    section.lines().filter(|line| line.starts_with("| `"))
}

/// Every key the program knows has a row on the page, under its heading, and no other has.
#[test]
fn the_page_has_every_key() {
    for (list, heading) in [
        (String::new(), "## Top level"),
        (RWENV.to_owned(), "## A rwenv"),
        (format!("{RWENV}/properties/local"), "## A place"),
        ("/properties/databases/additionalProperties".to_owned(), "## A database"),
    ] {
        let mut told: Vec<&str> = rows(heading).filter_map(|row| row.split('`').nth(1)).collect();
        told.sort_unstable();
        assert_eq!(told, known(&list), "{heading}");
    }
}

/// A value for every flag that `add` and `edit` have in common.
const EVERY_FLAG: [&str; 37] = [
    "--description=d",
    "--service=shop=https://shop.example.com",
    "--type=gke",
    "--kubeconfig=~/.kube/config",
    "--context=c",
    "--local-kubeconfig=~/.kube/lab",
    "--local-context=lab",
    "--container-kubeconfig=/root/.kube/config",
    "--container-context=lab-inside",
    "--gcp-project=p",
    "--target=argocd=argocd.example.com",
    "--pin=rewrite",
    "--read-only",
    "--gitops-only",
    "--autonomy=prompted",
    "--notify=https://hooks.example.com/rwenv",
    "--auto-approve",
    "--exec-reads=allow",
    "--impact-limit=25",
    "--policy=payments",
    "--policy=nights",
    "--terraform-path=tf/lab=standard",
    "--terraform-path=tf/prod",
    "--argocd-app=*apps/*",
    "--flux-repo=https://github.com/o/flux",
    "--flux-repo-type=github",
    "--flux-path=clusters/prod",
    "--flux-branch=main",
    "--protected-branch=main",
    "--protected-branch=release",
    "--protect-commits",
    "--direct-push",
    "--sync-interval=90",
    "--custody-allow=~/.aws",
    "--custody-hide=/srv/keys",
    "--custody-git=broker",
    "--custody-remote=git@github.com:acme/app.git",
];

#[test]
fn every_key_of_a_rwenv_has_a_flag_that_the_page_names() {
    let home = Home::empty();
    let added = home.rwenv("", &[&["add", "all"], &EVERY_FLAG[..]].concat());
    assert_eq!(added.code, 0, "{}", added.stderr);
    let file = json(&home);
    let all = &file["rwenvs"]["all"];
    let mut keys: Vec<&str> = all.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, known(RWENV), "each key by its flag");
    assert_eq!(all["terraformPaths"], json!({ "tf/lab": "standard", "tf/prod": "manual" }));
    assert_eq!(all["policies"], json!(["payments", "nights"]));
    assert_eq!(all["syncInterval"], 90);
    assert_eq!(all["local"], json!({ "kubeconfigPath": "~/.kube/lab", "kubernetesContext": "lab" }));
    let name = |flag: &str| flag.split('=').next().unwrap().to_owned();
    for command in ["add", "edit"] {
        let line = rwenv::cli::command();
        let options = line.find_subcommand(command).unwrap().get_opts();
        let long: Vec<String> = options.filter_map(|o| Some(format!("--{}", o.get_long()?))).collect();
        for flag in long
            .iter()
            .filter(|flag| !matches!(flag.as_str(), "--unset" | "--json" | "--output" | "--no-context"))
        {
            assert!(
                EVERY_FLAG.iter().any(|known| name(known) == *flag),
                "{command} {flag} is not tried here"
            );
        }
        for flag in EVERY_FLAG.map(name) {
            assert!(long.contains(&flag), "{command} has no {flag}");
            let column = |row: &str| row.rsplit('|').nth(1).unwrap().contains(&format!("`{flag}"));
            assert!(rows("## A rwenv").any(column), "the page names no key for {flag}");
        }
    }
    for row in rows("## A rwenv") {
        assert!(row.rsplit('|').nth(1).unwrap().contains("`--"), "the page names no flag: {row}");
    }
}

#[test]
fn lists_and_places_are_changed_as_wholes_and_one_by_one() {
    let home = Home::empty();
    assert_eq!(home.rwenv("", &["add", "lab", "--local-context", "a", "--terraform-path", "tf"]).code, 0);
    assert_eq!(json(&home)["rwenvs"]["lab"]["terraformPaths"], json!(["tf"]));
    let edit = ["edit", "lab", "--local-kubeconfig", "k", "--argocd-app", "", "--sync-interval", "1h"];
    assert_eq!(home.rwenv("", &edit).code, 0);
    let lab = &json(&home)["rwenvs"]["lab"];
    assert_eq!(lab["local"], json!({ "kubernetesContext": "a", "kubeconfigPath": "k" }));
    assert_eq!(lab["argocdApps"], json!([]));
    assert_eq!(lab["syncInterval"], "1h");
    for (list, path) in [("allow", "~/.aws"), ("hide", "/srv/a"), ("hide", "/srv/b"), ("allow", "")] {
        let answer = home.rwenv("", &["edit", "lab", &format!("--custody-{list}"), path]);
        assert_eq!(answer.code, 0, "{answer:?}");
    }
    assert_eq!(json(&home)["rwenvs"]["lab"]["custody"], json!({ "allow": [], "hide": ["/srv/b"] }));
    for wrong in [["--sync-interval", "soon"], ["--terraform-path", "tf=never"]] {
        let answer = home.rwenv("", &["edit", "lab", wrong[0], wrong[1]]);
        assert_eq!(answer.code, 1, "{wrong:?}: {answer:?}");
    }
}

/// Every flag of `add` and `edit` that takes a value is known to the table by which agents' calls are read.
#[test]
fn the_table_of_tools_knows_the_flags() {
    let table = include_str!("../../policies/tools/rwenv.toml");
    for command in ["add", "edit"] {
        let line = rwenv::cli::command();
        let row = table.split_once(&format!("path = \"{command}\"")).unwrap().1.split("[[").next().unwrap();
        for option in line.find_subcommand(command).unwrap().get_opts() {
            let takes = option.get_action().takes_values() && !option.is_require_equals_set();
            let flag = format!("\"--{}\"", option.get_long().unwrap());
            let everywhere = table.split("[[command]]").next().unwrap().contains(&flag);
            assert!(!takes || everywhere || row.contains(&flag), "{command}: {flag}");
        }
    }
}

/// Every variable of the environment that the program reads has a row on the page.
#[test]
fn the_page_has_every_variable() {
    let (mut open, mut names) = (vec![crate::support::root().join("src")], Vec::new());
    while let Some(dir) = open.pop() {
        for path in std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()) {
            // What build scripts read is cargo's.
            if path.ends_with("build") {
                continue;
            }
            if path.is_dir() {
                // What the build reads, cargo sets.
                open.extend((!path.ends_with("build")).then_some(path));
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let read = text.split("var(\"").skip(1).filter_map(|rest| rest.split('"').next());
            names.extend(read.filter(|name| !name.is_empty()).map(str::to_owned));
        }
    }
    assert!(names.contains(&"RWENV".to_owned()));
    let section = PAGE.split_once("## Environment variables").unwrap().1.split("\n## ").next().unwrap();
    let missing: Vec<_> = names.iter().filter(|name| !section.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
