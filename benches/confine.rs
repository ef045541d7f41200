//! What `rwenv run` adds to the start of a program, by each means that works here: `rwenv run -- true` beside `true` in the same run.
//!
//! `cargo bench --bench confine [-- ROUNDS]`. Every round starts each once; medians are compared.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock and its arguments itself")]

mod shared;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use shared::median;

const MEANS: [&str; 3] = ["bubblewrap", "namespaces", "landlock"];
/// A home with what people have: some credentials, one read-only rwenv, a project.
const FILES: [(&str, &str); 8] = [
    (
        ".claude/rwenv/envs.json",
        "{\"version\": \"1.0\", \"rwenvs\": {\"ro\": {\"type\": \"k3s\", \"readOnly\": true, \"kubernetesContext\": \"ro\"}}}",
    ),
    ("project/.claude/rwenv", "ro\n"),
    ("project/.git/HEAD", "ref: refs/heads/main\n"),
    (
        ".kube/config",
        "apiVersion: v1\nkind: Config\ncontexts: [{name: ro, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\nusers: [{name: u, user: {token: x}}]\n",
    ),
    (".aws/credentials", "x\n"),
    (".docker/config.json", "{}\n"),
    (".bashrc", "\n"),
    (".ssh/config", "\n"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds: usize = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(200);
    let home = TempDir::new()?;
    for (name, text) in FILES {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().ok_or("a file has a folder")?)?;
        std::fs::write(path, text)?;
    }
    let mut all: Vec<(&str, Vec<Duration>)> = vec![("true", Vec::new())];
    // The first call of each also says whether it works here, and makes what later ones find.
    for means in MEANS {
        match once(means, home.path()) {
            Ok(_) => all.push((means, Vec::new())),
            Err(why) => println!("{means} does not work here: {why}"),
        }
    }
    for _ in 0..rounds {
        for (means, times) in &mut all {
            times.push(once(means, home.path())?);
        }
    }
    let medians: Vec<f64> = all.iter_mut().map(|(_, times)| median(times)).collect();
    let truth = *medians.first().ok_or("nothing was measured")?;
    println!("{rounds} interleaved rounds, medians of whole processes\n");
    println!("| process | ms | more than true, ms | × true |");
    println!("| --- | --- | --- | --- |");
    for ((means, _), time) in all.iter().zip(&medians) {
        let name =
            if *means == "true" { "true".to_owned() } else { format!("rwenv run --means {means} -- true") };
        println!("| {name} | {:.1} | {:.1} | {:.1} |", time / 1e3, (time - truth) / 1e3, time / truth);
    }
    Ok(())
}

/// One start, as the first word says.
fn once(means: &str, home: &Path) -> Result<Duration, Box<dyn std::error::Error>> {
    let mut command =
        Command::new(if means == "true" { "/usr/bin/true" } else { env!("CARGO_BIN_EXE_rwenv") });
    if means != "true" {
        command.args(["run", "--means", means, "--", "/usr/bin/true"]);
    }
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home.join("project"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.spawn()?.wait()?;
    let time = start.elapsed();
    if status.success() { Ok(time) } else { Err(format!("{means}: {status}").into()) }
}
