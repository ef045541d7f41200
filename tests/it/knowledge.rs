//! What there is in a repository, held against what kubectl renders of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rwenv_core::manifest::kustomize::{Build, Builder};
use rwenv_core::manifest::tree::{Tree, folder_of};
use rwenv_core::manifest::yaml;
use rwenv_flux::catalog::Reading;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::content;
use tempfile::TempDir;

/// The layouts that are tried.
pub(crate) const LAYOUTS: [(&str, &str); 6] = [
    ("monorepo", include_str!("../fixtures/flux/monorepo.txt")),
    ("overlays", include_str!("../fixtures/flux/overlays.txt")),
    ("helm", include_str!("../fixtures/flux/helm.txt")),
    ("argo", include_str!("../fixtures/flux/argo.txt")),
    ("deploy", include_str!("../fixtures/flux/deploy.txt")),
    ("fleet", include_str!("../fixtures/flux/fleet.txt")),
];

/// Kind, namespace and name of everything.
type Names = BTreeSet<(String, String, String)>;

/// Writes the files of a layout: `-- path --` and what is in it.
pub(crate) fn unpack(name: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    unpack_into(name, dir.path());
    dir
}

/// Writes a layout's files into a folder.
pub(crate) fn unpack_into(name: &str, dir: &Path) {
    let (_, text) = LAYOUTS.iter().find(|(known, _)| *known == name).unwrap();
    let mut file: Option<(PathBuf, String)> = None;
    let done = |file: Option<(PathBuf, String)>| {
        let Some((path, text)) = file else { return };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for line in text.lines() {
        match line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --")) {
            Some(path) => done(file.replace((dir.join(path), String::new()))),
            None => {
                if let Some((_, text)) = &mut file {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    done(file);
}

fn kubectl() -> bool {
    let there =
        Command::new("kubectl").args(["version", "--client"]).output().is_ok_and(|o| o.status.success());
    if !there {
        crate::support::skip("there is no kubectl to hold it against");
    }
    there
}

/// What `kubectl kustomize` renders of a folder, or why it gives up.
fn rendered(root: &Path, folder: &str) -> Result<Names, String> {
    let folder = if folder.is_empty() { "." } else { folder };
    let mut command = Command::new("kubectl");
    command.args(["kustomize", "--load-restrictor", "LoadRestrictionsNone", folder]).current_dir(root);
    let output = command.output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let parsed = yaml::parse(&text);
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    let text = |node: &yaml::Node, path: &[&str]| node.str(path).unwrap_or_default().to_owned();
    let names = parsed.documents.iter();
    Ok(names
        .map(|d| (text(d, &["kind"]), text(d, &["metadata", "namespace"]), text(d, &["metadata", "name"])))
        .collect())
}

fn names(build: &Build<'_>) -> Names {
    let name = |r: &rwenv_core::manifest::kustomize::resource::Resource<'_>| {
        (r.kind.to_string(), r.namespace().unwrap_or_default().to_owned(), r.name.to_string())
    };
    build.resources.iter().map(name).collect()
}

fn problems(tree: &Tree, build: &Build<'_>) -> Vec<String> {
    let told = |p: &rwenv_core::manifest::kustomize::BuildProblem| {
        format!("{}:{}: {}", tree.file_of(p.at), p.at.line, p.message)
    };
    build.problems.iter().map(told).collect()
}

/// Writes the kustomization Flux would make for a folder that has none, by another road than the program's: file by file.
fn write_kustomization(root: &Path, folder: &str) {
    let mut resources = Vec::new();
    let mut open = vec![root.join(folder)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let shown = path.strip_prefix(root.join(folder)).unwrap().display().to_string();
            if path.is_dir() && path.join("kustomization.yaml").exists() {
                resources.push(shown);
            } else if path.is_dir() {
                open.push(path);
            } else if shown.ends_with(".yaml") {
                resources.push(shown);
            }
        }
    }
    let list: String = resources.iter().map(|path| format!("  - {path}\n")).collect();
    fs::write(root.join(folder).join("kustomization.yaml"), format!("resources:\n{list}")).unwrap();
}

/// Every folder that something applies, and every kustomization, as we see it and as kubectl does; how many there were.
fn compared(root: &Path) -> usize {
    let environment = Environment::read();
    let reading = Reading::of(root, &environment).unwrap();
    let tree = &reading.folder.tree;
    let known = reading.knowledge();
    let read = |path: &str| content::bytes_of(root, path);
    let kustomizations = tree.files.values().filter(|file| file.path.ends_with("kustomization.yaml"));
    let whole =
        kustomizations.filter(|f| f.documents.first().is_some_and(|d| d.str(&["kind"]) != Some("Component")));
    let mut folders: BTreeSet<String> = whole.map(|file| folder_of(&file.path).to_owned()).collect();
    folders.extend(known.units.iter().filter_map(|unit| unit.folder.clone()));
    for folder in &folders {
        let mut builder = Builder::new(tree, &read);
        if builder.has_kustomization(folder) {
            let build = builder.kustomize(folder);
            assert_eq!(problems(tree, &build), Vec::<String>::new(), "{folder}");
            assert_eq!(rendered(root, folder).as_ref(), Ok(&names(&build)), "{folder}");
        } else {
            let nothing = yaml::parse("{}").documents.remove(0);
            let build = builder.flux(folder, &nothing);
            assert_eq!(problems(tree, &build), Vec::<String>::new(), "{folder}");
            let copy = TempDir::new().unwrap();
            let status =
                Command::new("cp").arg("-R").arg(format!("{}/.", root.display())).arg(copy.path()).status();
            assert!(status.unwrap().success());
            write_kustomization(copy.path(), folder);
            assert_eq!(rendered(copy.path(), folder).as_ref(), Ok(&names(&build)), "{folder}");
        }
    }
    folders.len()
}

#[test]
fn every_folder_that_is_applied_is_what_kubectl_renders() {
    if !kubectl() {
        return;
    }
    let demo = crate::support::root().join("demo/flux");
    assert!(compared(&demo) >= 6);
    for (name, least) in [("monorepo", 5), ("overlays", 8), ("helm", 7), ("argo", 4)] {
        let dir = unpack(name);
        let count = compared(dir.path());
        assert!(count >= least, "{name}: {count} folders");
    }
}

/// A made-up kustomization: what it is built on, and what it does to it.
#[derive(Clone, Debug)]
struct Made {
    base: Option<usize>,
    component: Option<usize>,
    objects: Vec<(usize, usize)>,
    options: [bool; 7],
    generator: Option<(usize, bool)>,
}

fn made() -> impl Strategy<Value = Vec<Made>> {
    let one = (
        proptest::option::weighted(0.7, 0..6_usize),
        proptest::option::weighted(0.3, 0..6_usize),
        proptest::collection::vec((0..6_usize, 0..4_usize), 0..4),
        proptest::array::uniform7(proptest::bool::weighted(0.3)),
        proptest::option::weighted(0.4, (0..3_usize, any::<bool>())),
    );
    let one = one.prop_map(|(base, component, objects, options, generator)| Made {
        base,
        component,
        objects,
        options,
        generator,
    });
    proptest::collection::vec(one, 1..6)
}

const KINDS: [(&str, &str); 6] = [
    ("apps/v1", "Deployment"),
    ("v1", "ConfigMap"),
    ("v1", "Namespace"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("example.com/v1", "Widget"),
    ("v1", "ServiceAccount"),
];

/// Writes a made-up repository: folder `k0`, and those built on it behind it.
fn write(root: &Path, all: &[Made]) {
    for (number, one) in all.iter().enumerate() {
        let folder = root.join(format!("k{number}"));
        fs::create_dir_all(&folder).unwrap();
        let component = number % 3 == 2;
        let kind = if component { "Component" } else { "Kustomization" };
        let version = if component { "v1alpha1" } else { "v1beta1" };
        let mut text = format!("apiVersion: kustomize.config.k8s.io/{version}\nkind: {kind}\n");
        let mut resources = String::new();
        for (at, (kind, name)) in one.objects.iter().enumerate() {
            let (version, kind) = KINDS[*kind];
            let spec = "spec: {template: {spec: {containers: [{name: a, image: nginx}]}}}";
            let object =
                format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: o{name}}}\n{spec}\n");
            fs::write(folder.join(format!("o{at}.yaml")), object).unwrap();
            resources.push_str(&format!("  - o{at}.yaml\n"));
        }
        let before = |at: usize| at % number.max(1);
        if let Some(base) = one.base.filter(|_| number > 0).map(before) {
            resources.push_str(&format!("  - ../k{base}\n"));
        }
        if !resources.is_empty() {
            text.push_str(&format!("resources:\n{resources}"));
        }
        if let Some(base) = one.component.filter(|_| number > 0).map(before) {
            text.push_str(&format!("components:\n  - ../k{base}\n"));
        }
        let fields = [
            format!("namespace: ns{number}\n"),
            format!("namePrefix: p{number}-\n"),
            format!("nameSuffix: -s{number}\n"),
            "labels: [{pairs: {team: a}}]\n".to_owned(),
            "patches: [{target: {kind: Widget}, patch: '[{\"op\": \"replace\", \"path\": \"/metadata/name\", \"value\": \"w\"}]'}]\n".to_owned(),
            "patches: [{target: {kind: ConfigMap, name: o.*}, patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: b}}'}]\n".to_owned(),
            "images: [{name: nginx, newTag: '1'}]\n".to_owned(),
        ];
        for (at, field) in fields.iter().enumerate() {
            let once = at != 5 || !one.options[4];
            text.push_str(if one.options[at] && once { field } else { "" });
        }
        if let Some((name, merge)) = one.generator {
            let behavior = if merge { ", behavior: merge" } else { "" };
            text.push_str(&format!(
                "configMapGenerator: [{{name: g{name}, literals: [a={number}]{behavior}}}]\n"
            ));
        }
        fs::write(folder.join("kustomization.yaml"), text).unwrap();
    }
}

#[test]
fn made_up_kustomizations_are_what_kubectl_renders() {
    if !kubectl() {
        return;
    }
    let mut runner = TestRunner::new(Config { cases: 120, failure_persistence: None, ..Config::default() });
    let run = runner.run(&made(), |all| {
        let dir = TempDir::new().unwrap();
        write(dir.path(), &all);
        let tree = content::tree_of(dir.path(), &Environment::read()).unwrap();
        let read = |path: &str| content::bytes_of(dir.path(), path);
        let top = format!("k{}", all.len() - 1);
        let build = Builder::new(&tree, &read).kustomize(&top);
        match rendered(dir.path(), &top) {
            Ok(theirs) => {
                prop_assert_eq!(theirs, names(&build));
                prop_assert_eq!(problems(&tree, &build), Vec::<String>::new());
            }
            Err(why) => prop_assert!(!build.problems.is_empty(), "kubectl gives up and we do not: {}", why),
        }
        Ok(())
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}
