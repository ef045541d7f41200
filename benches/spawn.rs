//! What a whole hook process costs, as a ratio to a static musl hello and to `/bin/true` in the same run.
//!
//! `cargo bench --bench spawn [-- ROUNDS]`. Every round starts each program once, so that what the machine does
//! besides hits all of them alike; medians are compared. `std::process` starts programs by posix_spawn(3) here.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock and its arguments itself")]

mod hook;
mod shared;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use hook::built_hook;
use shared::median;

const TARGET: &str = "x86_64-unknown-linux-musl";
/// How many of the programs are short: the two that are compared with, shims, and lines such as agents mostly run.
const SHORT: usize = 8;
const HELLO: &str = "fn main() { println!(\"hello\"); }";

/// A program with its input, and the times it took.
struct Runner {
    name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
    stdin: PathBuf,
    status: i32,
    times: Vec<Duration>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(500);
    let scratch = TempDir::new()?;
    let mut runners = runners(scratch.path())?;
    // Long runs would leave the short ones behind them a cold machine: they have rounds of their own.
    let (short, long) = runners.split_at_mut(SHORT);
    for group in [short, long] {
        for _ in 0..rounds {
            for runner in group.iter_mut() {
                let time = once(runner, scratch.path())?;
                runner.times.push(time);
            }
        }
    }
    let medians: Vec<f64> = runners.iter_mut().map(|r| median(&mut r.times)).collect();
    let [hello, truth, ..] = medians.as_slice() else { return Err("two programs to compare with".into()) };
    println!("{rounds} interleaved rounds, medians of whole processes\n");
    println!("| process | µs | × static musl hello | × /bin/true |");
    println!("| --- | --- | --- | --- |");
    for (runner, time) in runners.iter().zip(&medians) {
        println!("| {} | {time:.0} | {:.2} | {:.2} |", runner.name, time / hello, time / truth);
    }
    Ok(())
}

fn once(runner: &Runner, home: &Path) -> Result<Duration, Box<dyn std::error::Error>> {
    let mut command = Command::new(&runner.program);
    command
        .args(runner.arguments)
        .env_clear()
        .env("HOME", home)
        .env("PATH", format!("{}:/usr/bin:/bin", home.join("bin").display()))
        .current_dir(home.join("project"));
    command.stdin(Stdio::from(File::open(&runner.stdin)?)).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.spawn()?.wait()?;
    let time = start.elapsed();
    assert_eq!(status.code(), Some(runner.status), "{}", runner.name);
    Ok(time)
}

fn runners(scratch: &Path) -> Result<Vec<Runner>, Box<dyn std::error::Error>> {
    let hello = hello(scratch)?;
    let hook = scratch.join("rwenv-hook");
    // A copy, as install.sh places it.
    fs::copy(built_hook()?, &hook)?;
    let project = scratch.join("project");
    fs::create_dir_all(project.join(".claude"))?;
    fs::create_dir_all(scratch.join(".claude/rwenv"))?;
    fs::write(project.join(".claude/rwenv"), "prod\n")?;
    fs::write(
        scratch.join(".claude/rwenv/envs.json"),
        r#"{"version":"1.0","rwenvs":{"prod":{"type":"k3s","readOnly":true,"kubernetesContext":"prod","fluxGitRepo":"https://git.example.com/o/flux.git"},
            "dev":{"type":"k3s","gitOpsOnly":true,"kubernetesContext":"dev","fluxGitRepo":"https://git.example.com/o/flux-dev.git"}}}"#,
    )?;
    let shim = shim(scratch, &hook, &hello)?;
    let mut runners = vec![
        Runner {
            name: "static musl hello",
            program: hello.clone(),
            arguments: &[],
            stdin: "/dev/null".into(),
            status: 0,
            times: vec![],
        },
        Runner {
            name: "/bin/true",
            program: "/bin/true".into(),
            arguments: &[],
            stdin: "/dev/null".into(),
            status: 0,
            times: vec![],
        },
    ];
    runners.extend(lines(scratch, &hook)?);
    for (name, arguments) in [
        ("shim, a read, and the hello it becomes", ["get", "pods"].as_slice()),
        ("shim, nothing to judge, and the hello", &["--help"]),
    ] {
        runners.push(Runner {
            name,
            program: shim.clone(),
            arguments,
            stdin: "/dev/null".into(),
            status: 0,
            times: vec![],
        });
    }
    for (name, command, status) in commands() {
        let payload = serde_json::json!({
            "session_id": "5b0c3f2a-0b7a-4f0e-9a55-3c8c3a2d7a11", "transcript_path": scratch.join("t.jsonl"), "cwd": project,
            "permission_mode": "default", "hook_event_name": "PreToolUse", "tool_name": "Bash",
            "tool_input": {"command": command, "description": "Run a command", "timeout": 120_000}, "tool_use_id": "toolu_01A09q90qw90lq917835lq9"
        });
        let stdin = scratch.join(format!("{}.json", name.replace([' ', '/'], "-")));
        fs::write(&stdin, payload.to_string())?;
        runners.push(Runner {
            name,
            program: hook.clone(),
            arguments: &["claude"],
            stdin,
            status,
            times: vec![],
        });
    }
    Ok(runners)
}

/// What is always in sight. The hook is registered, so that nothing is off: all of it is looked at.
fn lines(scratch: &Path, hook: &Path) -> Result<Vec<Runner>, Box<dyn std::error::Error>> {
    let settings = include_str!("../hooks/claude.json").replace("@RWENV_HOOK@", &hook.display().to_string());
    fs::write(scratch.join(".claude/settings.json"), settings)?;
    let all = [("segment of a prompt", ["prompt", "bash"].as_slice()), ("status line", &["statusline"])];
    let runner = |(name, arguments)| Runner {
        name,
        program: hook.to_owned(),
        arguments,
        stdin: "/dev/null".into(),
        status: 0,
        times: vec![],
    };
    Ok(all.into_iter().map(runner).collect())
}

/// A shim for kubectl, with the hello in kubectl's place behind it.
fn shim(scratch: &Path, hook: &Path, hello: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let shims = scratch.join(".claude/rwenv/shims");
    fs::create_dir_all(&shims)?;
    fs::create_dir_all(scratch.join("bin"))?;
    fs::copy(hello, scratch.join("bin/kubectl"))?;
    let shim = shims.join("kubectl");
    std::os::unix::fs::symlink(hook, &shim)?;
    Ok(shim)
}

fn commands() -> Vec<(&'static str, String, i32)> {
    let compound = "set -euo pipefail; cd overlays/staging && NS=web; for app in api frontend worker; do kubectl -n \"$NS\" get deploy \
                    \"$app\" -o wide | tee -a /tmp/before.txt; done; if kubectl -n \"$NS\" get pods | grep -q CrashLoopBackOff; then \
                    kubectl -n \"$NS\" describe pods -l app=api | tail -40; kubectl -n \"$NS\" logs deploy/api --tail=100 || true; fi; \
                    kubectl -n \"$NS\" rollout restart deploy/api && kubectl -n \"$NS\" rollout status deploy/api --timeout=120s";
    let body =
        "A line of a commit message that says what was done and why: kubectl delete is only text here.\n"
            .repeat(215);
    let heredoc = format!("git commit -F - <<'EOF'\n{body}EOF\n");
    let text = |size: usize| {
        let line =
            "echo \"step $i: $(date -u +%FT%TZ) rendered\" >> build.log && test -s build.log || exit 1\n";
        format!("{}kubectl get pods -A\n", line.repeat(size / line.len()))
    };
    vec![
        ("ls", "ls -la src".to_owned(), 0),
        ("git status", "git status".to_owned(), 0),
        ("kubectl get", "kubectl get pods -n app".to_owned(), 0),
        ("denied compound of 400 bytes", compound.to_owned(), 2),
        ("20 KB heredoc", heredoc, 0),
        ("32 KB of shell text", text(32 << 10), 0),
        ("64 KB of shell text", text(64 << 10), 0),
        ("128 KB of shell text", text((128 << 10) - 200), 0),
    ]
}

fn hello(scratch: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let source = scratch.join("hello.rs");
    let program = scratch.join("hello");
    fs::write(&source, HELLO)?;
    let status = Command::new("rustc")
        .args([
            "--edition=2024",
            "-O",
            "-C",
            "panic=abort",
            "-C",
            "relocation-model=static",
            "-C",
            "strip=symbols",
            "--target",
            TARGET,
            "-o",
        ])
        .args([&program, &source])
        .status()?;
    status.success().then_some(program).ok_or_else(|| format!("rustup target add {TARGET}").into())
}
