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
use std::time::{Duration, Instant};

use tempfile::TempDir;

use hook::built_hook;
use shared::median;

/// Calls in a second.
const RATE: u32 = 500;
/// Hostile connections.
const HOSTILE: u32 = 10_000;
/// Turns without and with the daemon.
const TURNS: u32 = 6;
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
    // By turns, so that what the machine does besides hits both alike.
    let (mut alone, mut with) = (Run::default(), Run::default());
    for _ in 0..TURNS {
        alone.add(calls(&hook, home, seconds / TURNS + 1)?);
        daemon("start")?;
        with.add(calls(&hook, home, seconds / TURNS + 1)?);
        daemon("stop")?;
    }
    daemon("start")?;
    let hostile = std::thread::scope(|scope| -> Result<_, Box<dyn Error>> {
        let flood = scope.spawn(|| flood(home, seconds));
        let hostile = calls(&hook, home, seconds);
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
    let base = median(&mut alone.times);
    let rows = [
        ("without a daemon", alone),
        ("with the daemon", with),
        ("with it, and hostile connections", hostile),
    ];
    for (name, mut run) in rows {
        let time = median(&mut run.times);
        println!("| {name} | {} | {} | {time:.0} | {:.2} |", run.times.len(), run.errors, time / base);
    }
    Ok(())
}

#[derive(Default)]
struct Run {
    times: Vec<Duration>,
    errors: usize,
}

impl Run {
    fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.errors += other.errors;
    }
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
    Ok(Run { times, errors })
}

/// Connections that say nothing, garbage or half a frame, evenly over these seconds.
fn flood(home: &Path, seconds: u32) -> u32 {
    let (start, mut held, mut count) = (Instant::now(), std::collections::VecDeque::new(), 0);
    for n in 0..HOSTILE {
        let due = start + Duration::from_secs(seconds.into()) * n / HOSTILE;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let Ok(mut stream) = UnixStream::connect(home.join(".claude/rwenv/run/rwenvd.sock")) else {
            continue;
        };
        count += 1;
        let _ = stream.set_nonblocking(true);
        let bytes: &[u8] = match n % 3 {
            0 => b"",
            1 => b"\xff\xff\xff\xff",
            _ => b"\0\0\0\x10{",
        };
        let _ = stream.write(bytes);
        held.push_back(stream);
        if held.len() > 100 {
            held.pop_front();
        }
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
