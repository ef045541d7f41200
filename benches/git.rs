//! What git costs with rwenv's hooks for all repositories, as a ratio to git without: status, commit, a rebase of 100 commits, fetch,
//! and a push of 100,000 objects.
//!
//! `cargo bench --bench git [-- ROUNDS]`. With and without take turns.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock and its arguments itself")]

mod shared;

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use shared::median;

/// Objects of the large push: files, and the folders they are in.
const FILES: usize = 98_900;
const FOLDER: usize = 100;
/// What is done, and what puts everything back before it is done again.
const STEPS: [(&str, &str, &str); 5] = [
    ("git status", "git status", "true"),
    ("git commit", "git commit -q --allow-empty -m x", "git reset -q --hard start"),
    ("git rebase of 100 commits", "git rebase -q --force-rebase onto", "git switch -q -C work many"),
    ("git fetch", "git fetch -q origin", "true"),
    (
        "git push of 100,000 objects",
        "git push -q origin large:refs/heads/large",
        "git push -q --no-verify origin :refs/heads/large || true",
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(7);
    let scratch = TempDir::new()?;
    let sides = ["without", "with"].map(|name| scratch.path().join(name));
    for side in &sides {
        prepare(side)?;
    }
    sh(&sides[1], &format!("{} hooks install --global 2>/dev/null >&2", env!("CARGO_BIN_EXE_rwenv")))?;
    println!(
        "| {rounds} interleaved rounds, medians | ms without | ms with | ratio |\n| --- | --- | --- | --- |"
    );
    for (name, code, back) in STEPS {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..=rounds {
            for (side, times) in sides.iter().zip(&mut times) {
                sh(side, back)?;
                let start = Instant::now();
                sh(side, code)?;
                if round > 0 {
                    times.push(start.elapsed());
                }
            }
        }
        let [without, with] = times.map(|mut times| median(&mut times));
        println!(
            "| {name} | {:.0} | {:.0} | {:.2} |",
            millis(without),
            millis(with),
            millis(with) / millis(without)
        );
    }
    Ok(())
}

fn millis(time: f64) -> f64 {
    time / 1000.0
}

/// A HOME with a repository, its remote, 100 commits to rebase and a branch of many objects; the repository selects a rwenv.
fn prepare(home: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(home.join(".claude/rwenv"))?;
    fs::write(
        home.join(".claude/rwenv/envs.json"),
        r#"{"version":"1.0","rwenvs":{"env":{"kubernetesContext":"c"}}}"#,
    )?;
    fs::write(
        home.join(".gitconfig"),
        "[user]\n\tname = t\n\temail = t@example.com\n[init]\n\tdefaultBranch = main\n",
    )?;
    fs::create_dir_all(home.join("r"))?;
    sh(
        home,
        "git init -q --bare ../remote.git && git init -q && mkdir .claude && echo env > .claude/rwenv && echo .claude > .git/info/exclude && \
         for n in $(seq 300); do echo $n > f$n; done && git add -A && git commit -qm start && git tag start && git remote add origin ../remote.git && \
         git push -q --no-verify origin main && git switch -q -c onto && git commit -q --allow-empty -m onto && git switch -q -c many start && \
         for n in $(seq 100); do echo $n > g$n; git add g$n; git commit -qm $n; done && git switch -q main",
    )?;
    let mut import =
        String::from("commit refs/heads/large\ncommitter t <t@example.com> 1700000000 +0000\ndata 1\nx\n");
    for file in 0..FILES {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{file}\ndata:\n  number: \"{file}\"\n"
        );
        write!(import, "M 644 inline f/{}/{file}.txt\ndata {}\n{text}\n", file / FOLDER, text.len())?;
    }
    let mut command = git(home);
    let mut child = command.args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(import.as_bytes())?;
    if child.wait()?.success() { Ok(()) } else { Err("fast-import".into()) }
}

fn git(home: &Path) -> Command {
    let mut command = Command::new("git");
    command.env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1").current_dir(home.join("r"));
    command
}

fn sh(home: &Path, code: &str) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new("sh");
    command.env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1").current_dir(home.join("r"));
    let status = command.args(["-c", code]).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(code.into()) }
}
