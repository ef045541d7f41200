//! Hooks under load: 500 calls a second beside the daemon, and while ten thousand hostile connections come in. Every call has
//! to be answered; medians are compared with those of the same calls without a daemon.
//!
//! `cargo bench --bench load [-- SECONDS]`. Says what the daemon costs when nothing happens as well.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock and its arguments itself")]

mod hook;
mod shared;

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use hook::built_hook;
use shared::median;

/// Calls in a second.
const RATE: u32 = 500;
const ENVS: &str = r#"{"version":"1.0","rwenvs":{"ro":{"readOnly":true,"kubernetesContext":"ro"}}}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(60);
    let scratch = TempDir::new()?;
    let home = scratch.path();
    fs::create_dir_all(home.join(".claude/rwenv"))?;
    fs::write(home.join(".claude/rwenv/envs.json"), ENVS)?;
    fs::create_dir_all(home.join("p/.claude"))?;
    fs::write(home.join("p/.claude/rwenv"), "ro\n")?;
    let hook = built_hook()?;
    let daemon = |what: &str| -> Result<(), Box<dyn Error>> {
        let status =
            Command::new(env!("CARGO_BIN_EXE_rwenv")).args(["daemon", what]).env("HOME", home).status()?;
        if status.success() { Ok(()) } else { Err(format!("daemon {what}").into()) }
    };
    let alone = calls(&hook, home, seconds / 4 + 1)?;
    daemon("start")?;
    let with = calls(&hook, home, seconds)?;
    let over = AtomicBool::new(false);
    let hostile = std::thread::scope(|scope| -> Result<_, Box<dyn Error>> {
        let flood = scope.spawn(|| flood(home, &over));
        let hostile = calls(&hook, home, seconds / 4 + 1);
        over.store(true, Ordering::SeqCst);
        println!("{} hostile connections", flood.join().map_err(|_| "the flood")?);
        hostile
    })?;
    idle(home)?;
    daemon("stop")?;
    let verified =
        Command::new(env!("CARGO_BIN_EXE_rwenv")).args(["audit", "verify"]).env("HOME", home).output()?;
    print!("{}", String::from_utf8_lossy(&verified.stdout));
    println!(
        "| {RATE} calls a second | calls | errors | median µs | × without |\n| --- | --- | --- | --- | --- |"
    );
    let base = alone.median;
    for (name, run) in [
        ("without a daemon", alone),
        ("with the daemon", with),
        ("with it, and hostile connections", hostile),
    ] {
        println!(
            "| {name} | {} | {} | {:.0} | {:.2} |",
            run.calls,
            run.errors,
            run.median,
            run.median / base
        );
    }
    Ok(())
}

struct Run {
    calls: usize,
    errors: usize,
    median: f64,
}

/// So many seconds of calls, each at its moment.
fn calls(hook: &Path, home: &Path, seconds: u32) -> Result<Run, Box<dyn Error>> {
    let payload = serde_json::json!({
        "hook_event_name": "PreToolUse", "session_id": "s", "cwd": home.join("p"), "tool_name": "Bash",
        "tool_input": { "command": "kubectl get pods -n shop" },
    });
    let input = home.join("payload");
    fs::write(&input, payload.to_string())?;
    let (start, mut times, mut errors) = (Instant::now(), Vec::new(), 0);
    for n in 0..seconds * RATE {
        let due = start + Duration::from_secs(1) * n / RATE;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let began = Instant::now();
        let mut command = Command::new(hook);
        command.arg("claude").env_clear().env("HOME", home).stdin(Stdio::from(fs::File::open(&input)?));
        let output = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        times.push(began.elapsed());
        errors += usize::from(!output.success());
    }
    Ok(Run { calls: times.len(), errors, median: median(&mut times) })
}

/// Connections that say nothing, garbage or half a frame, until it is over; ten thousand at least.
fn flood(home: &Path, over: &AtomicBool) -> usize {
    let (mut held, mut count) = (std::collections::VecDeque::new(), 0);
    while count < 10_000 || !over.load(Ordering::SeqCst) {
        count += 1;
        let Ok(mut stream) = UnixStream::connect(home.join(".claude/rwenv/run/rwenvd.sock")) else {
            continue;
        };
        let _ = stream.set_nonblocking(true);
        let bytes: &[u8] = if count % 3 == 0 {
            b""
        } else if count % 3 == 1 {
            b"\xff\xff\xff\xff"
        } else {
            b"\0\0\0\x10{"
        };
        let _ = stream.write(bytes);
        held.push_back(stream);
        if held.len() > 100 {
            held.pop_front();
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    count
}

/// What the daemon does and needs while nothing happens.
fn idle(home: &Path) -> Result<(), Box<dyn Error>> {
    std::thread::sleep(Duration::from_secs(5));
    let pid = fs::read_to_string(home.join(".claude/rwenv/run/rwenvd.lock"))?;
    let read = |name: &str| -> Result<u64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", pid.trim()))?;
        let line = status.lines().find(|line| line.starts_with(name)).ok_or("no such line")?;
        Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
    };
    let before = read("voluntary_ctxt_switches")?;
    std::thread::sleep(Duration::from_secs(20));
    let wakeups = read("voluntary_ctxt_switches")? - before;
    println!(
        "the idle daemon: {} kB resident ({} kB at most), {wakeups} wake-ups in 20 s",
        read("VmRSS")?,
        read("VmHWM")?
    );
    Ok(())
}
