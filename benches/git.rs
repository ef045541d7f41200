//! What git costs with rwenv's hooks for all repositories, as a ratio to git without: status, commit, a rebase of 100 commits, fetch,
//! and a push of 100,000 objects to a folder, to what ssh would start, and to git's daemon.
//!
//! `cargo bench --bench git [-- ROUNDS]`. With and without take turns. A line of a known speed is made outside, in a network of its
//! own: `unshare -n sh -c 'ip link set lo mtu 1500 up; tc qdisc add dev lo root tbf rate 100mbit burst 64k latency 50ms; …'`.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock and its arguments itself")]

mod shared;

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use shared::median;

/// Objects of the large push: files, and the folders they are in.
const FILES: usize = 98_900;
const FOLDER: usize = 100;
/// What is done, and what puts everything back before it is done again.
const STEPS: [(&str, &str, &str); 7] = [
    ("git status", "git status", "true"),
    ("git commit", "git commit -q --allow-empty -m x", "git reset -q --hard start"),
    ("git rebase of 100 commits", "git rebase -q --force-rebase onto", "git switch -q -C work many"),
    ("git fetch", "git fetch -q origin", "true"),
    (
        "git push of 100,000 objects to a folder",
        "git push -q origin large:refs/heads/large",
        "git push -q --no-verify origin :refs/heads/large || true",
    ),
    (
        "the same to what ssh would start",
        "git push -q ssh large:refs/heads/large",
        "git push -q --no-verify ssh :refs/heads/large || true",
    ),
    (
        "the same to git's daemon",
        "git push -q daemon large:refs/heads/large",
        "git push -q --no-verify daemon :refs/heads/large || true",
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(7);
    let scratch = TempDir::new()?;
    let sides = ["without", "with"].map(|name| scratch.path().join(name));
    let mut daemons = Vec::new();
    for side in &sides {
        prepare(side)?;
        daemons.push(daemon(side)?);
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
    for mut daemon in daemons {
        daemon.kill()?;
        daemon.wait()?;
    }
    Ok(())
}

/// A daemon of git's that takes pushes, and remotes of the repository for it and for what ssh would start.
fn daemon(home: &Path) -> Result<Child, Box<dyn Error>> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let ssh = home.join("ssh");
    fs::write(&ssh, "#!/bin/sh\nwhile [ \"$1\" != host ]; do shift; done\nshift\nexec sh -c \"$*\"\n")?;
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755))?;
    sh(
        home,
        &format!(
            "git config --global core.sshCommand {} && git remote add ssh ssh://host{}/remote.git && git remote add daemon git://127.0.0.1:{port}/remote.git",
            ssh.display(),
            home.display()
        ),
    )?;
    // The program itself, so that it can be ended.
    let programs = String::from_utf8(git(home).arg("--exec-path").output()?.stdout)?;
    let mut command = Command::new(Path::new(programs.trim()).join("git-daemon"));
    command.env("HOME", home).args(["--export-all", "--enable=receive-pack", "--listen=127.0.0.1"]);
    command.arg(format!("--port={port}")).arg(format!("--base-path={}", home.display())).arg(home);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(child);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err("git daemon does not listen".into())
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
