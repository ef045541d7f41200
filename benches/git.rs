//! What git costs with rwenv's hooks for all repositories, as a ratio to git without: status, commit, a rebase of 100 commits, fetch,
//! and a push of 100,000 objects to a folder, to what ssh would start, and to git's daemon.
//!
//! `cargo bench --bench git [-- ROUNDS]`. With and without take turns. CPU time is user and system, of all that is started on this side.
//! Lines of a known speed are made with `unshare` and `tc`, in a network of their own (`--line` is this program inside it).
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

/// A name, what is done, and what puts everything back before it is done again.
type Step = (&'static str, &'static str, &'static str);
/// Lines that are made, as `tc` and as people say it.
const LINES: [(&str, &str); 2] = [("100mbit", "100 Mbit/s"), ("20mbit", "20 Mbit/s")];
/// Objects of the large push: files, and the folders they are in.
const FILES: usize = 98_900;
const FOLDER: usize = 100;
/// What is measured.
const STEPS: [Step; 7] = [
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
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rounds = words.iter().filter_map(|a| a.parse().ok()).next().unwrap_or(7);
    if let Some(at) = words.iter().position(|word| word == "--line") {
        let name = format!("the same to git's daemon over {}", words.get(at + 1).map_or("", String::as_str));
        let daemon = STEPS.last().ok_or("no step")?;
        return measure(&[(&name, daemon.1, daemon.2)], rounds);
    }
    println!(
        "| {rounds} interleaved rounds, medians | ms without | ms with | ratio | CPU ms without | CPU ms with |\n\
         | --- | --- | --- | --- | --- | --- |"
    );
    measure(&STEPS, rounds)?;
    for (rate, name) in LINES {
        let code = format!(
            "ip link set lo mtu 1500 up && tc qdisc add dev lo root tbf rate {rate} burst 64k latency 50ms && exec \"$@\""
        );
        let mut inside = Command::new("unshare");
        inside.args(["-rn", "sh", "-c", &code, "sh"]).arg(std::env::current_exe()?);
        let done = inside.args(["--line", name, &rounds.to_string()]).status();
        if !done.is_ok_and(|status| status.success()) {
            println!("| git's daemon over {name}: not measured, it needs unshare and tc | | | | | |");
        }
    }
    Ok(())
}

/// One row for each step.
fn measure(steps: &[(&str, &str, &str)], rounds: usize) -> Result<(), Box<dyn Error>> {
    let scratch = TempDir::new()?;
    let sides = ["without", "with"].map(|name| scratch.path().join(name));
    let mut daemons = Vec::new();
    for side in &sides {
        prepare(side)?;
        daemons.push(daemon(side)?);
    }
    sh(&sides[1], &format!("{} hooks install --global 2>/dev/null >&2", env!("CARGO_BIN_EXE_rwenv")))?;
    for (name, code, back) in steps {
        let mut times = [Vec::new(), Vec::new()];
        let mut work = [Vec::new(), Vec::new()];
        for round in 0..=rounds {
            for (side, (times, work)) in sides.iter().zip(times.iter_mut().zip(&mut work)) {
                sh(side, back)?;
                let start = Instant::now();
                let cpu = sh(side, code)?;
                if round > 0 {
                    times.push(start.elapsed());
                    work.push(cpu);
                }
            }
        }
        let [without, with] = times.map(|mut times| median(&mut times));
        let [idle, busy] = work.map(|mut work| median(&mut work));
        println!(
            "| {name} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} |",
            millis(without),
            millis(with),
            millis(with) / millis(without),
            millis(idle),
            millis(busy)
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

/// Runs shell code in the repository, and says how long processors worked for it.
fn sh(home: &Path, code: &str) -> Result<Duration, Box<dyn Error>> {
    let mut command = Command::new("sh");
    command.env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1").current_dir(home.join("r"));
    let output =
        command.args(["-c", &format!("{{ {code}; }} && times")]).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(code.into());
    }
    // What was started stands in the last line: `0m0.52s 0m0.10s`.
    let text = String::from_utf8(output.stdout)?;
    let last = text.lines().last().unwrap_or_default();
    let seconds = last.split_whitespace().filter_map(|time| {
        let (minutes, seconds) = time.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    });
    Ok(Duration::from_secs_f64(seconds.sum()))
}
