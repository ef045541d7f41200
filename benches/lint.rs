//! What checking a repository of 10,000 YAML files costs, as a ratio to reading and parsing them and to `git grep`; and what the
//! catalog of it costs, as a ratio to parsing alone.
//!
//! `cargo bench --bench lint [-- ROUNDS]`. Each round runs every program once; medians are compared.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock and its arguments itself")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rwenv_core::manifest::yaml;
use rwenv_flux::catalog::Reading;
use rwenv_flux::catalog::document::{Origin, documents};
use rwenv_gate::base::environment::Environment;
use tempfile::TempDir;

/// How many applications there are; each has ten files.
const APPS: usize = 1000;

/// Something that takes time.
type Run<'a> = Box<dyn Fn() -> Result<(), Box<dyn std::error::Error>> + 'a>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(7);
    let scratch = TempDir::new()?;
    let root = scratch.path();
    repository(root)?;
    let git = |arguments: &[&str]| -> Result<(), Box<dyn std::error::Error>> {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(arguments)
            .current_dir(root);
        let status = command.stdout(Stdio::null()).status()?;
        if status.success() { Ok(()) } else { Err(format!("git {arguments:?}").into()) }
    };
    git(&["init", "-q"])?;
    git(&["add", "-A"])?;
    git(&["commit", "-qm", "start"])?;
    let lint = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rwenv"));
        let output = command.arg("lint").env("HOME", root).current_dir(root).output()?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        if told.contains("0 findings in 10002 YAML files") { Ok(()) } else { Err(told.into()) }
    };
    let runs: [(&str, Run<'_>); 3] = [
        ("git grep for a pattern", Box::new(|| git(&["grep", "-cE", "kind: (Deployment|Secret)"]))),
        ("reading and parsing, one thread", Box::new(|| parse(root))),
        ("rwenv lint", Box::new(lint)),
    ];
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); runs.len()];
    for _ in 0..rounds {
        for ((_, run), times) in runs.iter().zip(&mut times) {
            let start = Instant::now();
            run()?;
            times.push(start.elapsed());
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|t| median(t)).collect();
    let peers: f64 = medians.iter().take(2).sum();
    println!("{rounds} rounds, 10,000 files\n\n| run | ms | × git grep and parsing |\n| --- | --- | --- |");
    for ((name, _), time) in runs.iter().zip(&medians) {
        println!("| {name} | {time:.0} | {:.2} |", time / peers);
    }
    knowledge(root, rounds)
}

/// The catalog of the whole repository, and again after one file has changed, against the bare parser.
fn knowledge(root: &Path, rounds: usize) -> Result<(), Box<dyn std::error::Error>> {
    let environment = Environment::read();
    let origin = Origin {
        cluster: "prod".to_owned(),
        flux_repo: "flux".to_owned(),
        path: String::new(),
        commit: None,
        generated_at: String::new(),
    };
    let made = |reading: &Reading| -> Result<usize, serde_json::Error> {
        let made = documents(&reading.knowledge(), &origin);
        let all = [serde_json::to_string_pretty(&made.services)?, serde_json::to_string_pretty(&made.flux)?];
        assert_eq!((made.services.services.len(), made.flux.findings.len()), (APPS * 8, 0));
        Ok(all.iter().map(String::len).sum())
    };
    let (mut bare, mut whole, mut again) = (Vec::new(), Vec::new(), Vec::new());
    let mut size = 0;
    for round in 0..rounds {
        let start = Instant::now();
        parse(root)?;
        bare.push(start.elapsed());
        let start = Instant::now();
        let reading = Reading::of(root, &environment)?;
        size = made(&reading)?;
        whole.push(start.elapsed());
        let changed = root.join("apps/app7/part3.yaml");
        fs::write(
            &changed,
            fs::read_to_string(&changed)?.replace("replicas: ", &format!("replicas: {round}")),
        )?;
        let start = Instant::now();
        let reading = reading.again(&environment)?;
        assert_eq!(reading.folder.read, 1, "files that were read");
        made(&reading)?;
        again.push(start.elapsed());
    }
    let parse = median(&mut bare);
    println!("\n{rounds} rounds, {size} bytes of JSON\n\n| run | ms | × parsing |\n| --- | --- | --- |");
    let rows = [
        ("reading and parsing, one thread", bare),
        ("the catalog, all of it", whole),
        ("the catalog, one file changed", again),
    ];
    for (name, mut times) in rows {
        let time = median(&mut times);
        println!("| {name} | {time:.0} | {:.2} |", time / parse);
    }
    Ok(())
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |t| t.as_secs_f64() * 1e3)
}

/// The parser alone, over the files one after another.
fn parse(root: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml") {
                let parsed = yaml::parse(&fs::read_to_string(path)?);
                assert!(parsed.problems.is_empty());
            }
        }
    }
    Ok(())
}

/// A Flux repository of applications that are alike.
fn repository(root: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let cluster = root.join("clusters/prod/flux-system");
    fs::create_dir_all(&cluster)?;
    let sync = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: flux-system\n  namespace: flux-system\nspec:\n  interval: 10m\n  path: ./clusters/prod\n  prune: true\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n";
    fs::write(cluster.join("gotk-sync.yaml"), sync)?;
    let all: String = (0..APPS).map(|app| format!("  - ../../apps/app{app}/ks.yaml\n")).collect();
    fs::write(
        root.join("clusters/prod/kustomization.yaml"),
        format!("resources:\n  - flux-system/gotk-sync.yaml\n{all}"),
    )?;
    for app in 0..APPS {
        let dir = root.join(format!("apps/app{app}"));
        fs::create_dir_all(&dir)?;
        let names: Vec<String> = (0..8).map(|i| format!("part{i}.yaml")).collect();
        for (i, name) in names.iter().enumerate() {
            let text = format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app{app}-{i}\n  namespace: team{}\n  labels:\n    app: web\nspec:\n  replicas: 2\n  \
                 selector:\n    matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n    spec:\n      containers:\n        - name: web\n          \
                 image: registry.example.com/web:{app}\n          env:\n            - name: DB_PASSWORD\n              valueFrom:\n                secretKeyRef: {{name: db, key: password}}\n            \
                 - name: LOG_LEVEL\n              value: info\n          ports:\n            - containerPort: 8080\n          resources:\n            limits: {{memory: 256Mi}}\n",
                app % 50
            );
            fs::write(dir.join(name), text)?;
        }
        fs::write(
            dir.join("kustomization.yaml"),
            format!("resources:\n{}", names.iter().map(|n| format!("  - {n}\n")).collect::<String>()),
        )?;
        let depends =
            if app > 0 { format!("  dependsOn:\n    - name: app{}\n", app - 1) } else { String::new() };
        fs::write(
            dir.join("ks.yaml"),
            format!(
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: app{app}\n  namespace: flux-system\nspec:\n  interval: 10m\n  path: ./apps/app{app}\n  prune: true\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n{depends}"
            ),
        )?;
    }
    Ok(())
}
