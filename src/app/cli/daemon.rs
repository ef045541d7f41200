//! `rwenv daemon`: start and stop it, say how it is, have the system start it.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::out;
use super::shared::Output;
use crate::daemon::{self, DaemonLock, LockError};
use crate::ops::service;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::program;
use rwenv_gate::wire::daemon::{Ask, AskError, Health, PartHealth, Watching, ask};

/// Longest wait for a start, an end, or an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest wait for how it is.
const ANSWER: Duration = Duration::from_secs(1);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(super) struct Daemon {
    #[command(subcommand)]
    command: DaemonCommand,
}

#[derive(Debug, Subcommand)]
enum DaemonCommand {
    /// Start the daemon if it is not running
    Start,
    /// Stop the daemon after it finishes its current work
    Stop,
    /// Restart the daemon
    Restart,
    /// Show the status of the daemon
    #[command(after_help = "Exit status: 0 running, 1 not running or not answering.")]
    Status(Output),
    /// Show the log of the daemon
    Logs {
        /// Keep printing new lines
        #[arg(long, short)]
        follow: bool,
        /// Show the last N lines
        #[arg(long, short = 'n', default_value_t = 50, value_name = "N")]
        last: usize,
    },
    /// Start the daemon at login: install a systemd user unit or a launchd agent
    #[command(
        after_help = "Examples:\n  rwenv daemon install\n  rwenv daemon install --print\n  rwenv daemon install --uninstall"
    )]
    Install {
        /// Print the unit and change nothing
        #[arg(long)]
        print: bool,
        /// Remove the unit
        #[arg(long, conflicts_with = "print")]
        uninstall: bool,
    },
}

pub(super) fn daemon(args: &Daemon, environment: &Environment) -> anyhow::Result<u8> {
    match &args.command {
        DaemonCommand::Start => start(environment)?,
        DaemonCommand::Stop => {
            out::line(if stop(environment)? { "rwenvd has ended" } else { "rwenvd is not running" })
        }
        DaemonCommand::Restart => {
            stop(environment)?;
            start(environment)?;
        }
        DaemonCommand::Status(output) => return status(output, environment),
        DaemonCommand::Logs { follow, last } => logs(*follow, *last, environment)?,
        DaemonCommand::Install { print: true, .. } => {
            out::line(service::text(&rwenvd()?, environment)?.trim_end())
        }
        DaemonCommand::Install { uninstall: true, .. } => {
            let service = service::uninstall(environment)?;
            let what = if service.done { "removed" } else { "not there" };
            out::line(&format!("{} is {what}", service.file.display()));
        }
        DaemonCommand::Install { .. } => installed(&service::install(&rwenvd()?, environment)?),
    }
    Ok(0)
}

fn installed(service: &service::ServiceChange) {
    out::line(&format!("{} is written", service.file.display()));
    if service.done {
        out::line("the system starts rwenvd when you log in, and has started it now");
    } else {
        out::note(
            "the system's service manager does not answer here; rwenv daemon start starts rwenvd without it",
        );
    }
}

fn rwenvd() -> anyhow::Result<PathBuf> {
    program::beside("rwenvd").context("there is no rwenvd beside rwenv; build and place it with ./install.sh")
}

fn health(environment: &Environment) -> Result<Option<Health>, AskError> {
    ask(&environment.config_dir, Ask::Status, ANSWER).map(|reply| reply.health)
}

/// The process that holds the daemon's lock.
fn holder(environment: &Environment) -> anyhow::Result<Option<u32>> {
    match DaemonLock::take(&environment.config_dir) {
        Ok(_) => Ok(None),
        Err(LockError::Running { pid }) => Ok(Some(pid.unwrap_or_default())),
        Err(error) => Err(error.into()),
    }
}

/// Looks again and again until there is something, or it took too long.
fn wait<T>(mut look: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<Option<T>> {
    let mut waited = Duration::ZERO;
    loop {
        let found = look()?;
        if found.is_some() || waited >= PATIENCE {
            return Ok(found);
        }
        std::thread::sleep(LOOK);
        waited += LOOK;
    }
}

fn start(environment: &Environment) -> anyhow::Result<()> {
    if let Ok(Some(health)) = health(environment) {
        out::line(&format!("rwenvd is running already (process {})", health.pid));
        return Ok(());
    }
    if let Some(pid) = holder(environment)? {
        bail!(
            "rwenvd (process {pid}) runs and does not answer; rwenv daemon restart ends it and starts a new one"
        );
    }
    let mut command = Command::new(rwenvd()?);
    command
        .arg("--detached")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn()?;
    let started = wait(|| {
        if let Some(ended) = child.try_wait()?.filter(|status| !status.success()) {
            bail!("rwenvd ended at once ({ended}); rwenv daemon logs shows why");
        }
        Ok(health(environment).ok().flatten())
    })?;
    let started = started.context("rwenvd was started and does not answer; rwenv daemon logs shows why")?;
    out::line(&format!("rwenvd is running (process {})", started.pid));
    Ok(())
}

/// Ends the daemon: by asking, by telling, by force. False where there was none.
fn stop(environment: &Environment) -> anyhow::Result<bool> {
    let Some(pid) = holder(environment)? else { return Ok(false) };
    let pid = i32::try_from(pid).ok().filter(|pid| *pid > 1).map(Pid::from_raw);
    let gone = || Ok(holder(environment)?.is_none().then_some(()));
    if ask(&environment.config_dir, Ask::Stop, ANSWER).is_err()
        && let Some(pid) = pid
    {
        // One that is stopped takes a signal only once it goes on.
        let _ = kill(pid, Signal::SIGTERM).and_then(|()| kill(pid, Signal::SIGCONT));
    }
    if wait(gone)?.is_some() {
        return Ok(true);
    }
    if let Some(pid) = pid {
        kill(pid, Signal::SIGKILL).with_context(|| format!("process {pid}"))?;
    }
    wait(gone)?.context("rwenvd does not end")?;
    Ok(true)
}

fn status(output: &Output, environment: &Environment) -> anyhow::Result<u8> {
    let health = match health(environment) {
        Ok(health) => health.context("the daemon's answer says nothing")?,
        Err(error) if output.json => {
            out::json(&serde_json::json!({ "running": false, "error": error.to_string() }))?;
            return Ok(1);
        }
        Err(error) => bail!(error),
    };
    if output.json {
        out::json(&serde_json::json!({ "running": true, "health": health }))?;
        return Ok(0);
    }
    out::line(&format!("rwenvd {} runs since {} (process {})", health.program, health.started, health.pid));
    out::line(&format!("  configuration  {}", health.config_error.as_deref().unwrap_or("good")));
    let watching = match health.watching {
        Watching::Notified => "the system tells of changes",
        Watching::Polling => "every 2 s: the system has no watches left (fs.inotify.max_user_watches)",
    };
    out::line(&format!("  watching       {watching}"));
    out::line(&format!("  audit log      {}", health.audit_error.as_deref().unwrap_or("on disk")));
    let guard = match (&health.guard.address, &health.guard.error) {
        (Some(address), None) => {
            format!("at {address}, {} requests passed, {} refused", health.guard.passed, health.guard.refused)
        }
        (_, error) => error.clone().unwrap_or_else(|| "not listening".to_owned()),
    };
    out::line(&format!("  API guard      {guard}"));
    for trouble in health.parts.iter().filter_map(PartHealth::trouble) {
        out::line(&format!("  part           {trouble}"));
    }
    for kept in &health.repositories {
        let state = match (&kept.error, kept.running) {
            (_, true) => "syncing now".to_owned(),
            (Some(error), _) => {
                format!("failed {} times, next try in {} s: {error}", kept.failures, kept.next)
            }
            (None, _) => format!("next look in {} s", kept.next),
        };
        out::line(&format!("  {:14} {state}", kept.rwenv));
    }
    Ok(0)
}

/// The newest log file.
fn newest(environment: &Environment) -> Option<PathBuf> {
    let all = fs::read_dir(daemon::logs(environment)).ok()?.flatten().map(|entry| entry.path());
    all.filter(|path| path.extension().is_some_and(|e| e == "log")).max()
}

fn logs(follow: bool, last: usize, environment: &Environment) -> anyhow::Result<()> {
    let Some(mut path) = newest(environment) else {
        bail!("{}: there are no logs yet; rwenv daemon start", daemon::logs(environment).display())
    };
    let mut file = File::open(&path)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(last)).for_each(|line| out::line(line));
    if !follow {
        return Ok(());
    }
    loop {
        std::thread::sleep(LOOK * 4);
        if let Some(newer) = newest(environment).filter(|newer| *newer != path) {
            path = newer;
            file = File::open(&path)?;
        }
        let at = file.stream_position()?;
        let mut more = String::new();
        file.seek(SeekFrom::Start(at))?;
        file.read_to_string(&mut more)?;
        more.lines().for_each(out::line);
    }
}
