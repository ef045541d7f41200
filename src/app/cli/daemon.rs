//! `rwenv daemon`: start and stop it, say how it is, have the system start it.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::out;
use super::shared::Output;
use crate::daemon;
use crate::ops::{process, service};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::wire::daemon::{PartHealth, Watching};

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
            out::line(if process::stop(environment)? { "rwenvd has ended" } else { "rwenvd is not running" })
        }
        DaemonCommand::Restart => {
            process::stop(environment)?;
            start(environment)?;
        }
        DaemonCommand::Status(output) => return status(output, environment),
        DaemonCommand::Logs { follow, last } => logs(*follow, *last, environment)?,
        DaemonCommand::Install { print: true, .. } => {
            out::line(service::text(&process::rwenvd()?, environment)?.trim_end())
        }
        DaemonCommand::Install { uninstall: true, .. } => {
            let service = service::uninstall(environment)?;
            let what = if service.done { "removed" } else { "not there" };
            out::line(&format!("{} is {what}", service.file.display()));
        }
        DaemonCommand::Install { .. } => installed(&service::install(&process::rwenvd()?, environment)?),
    }
    Ok(0)
}

fn start(environment: &Environment) -> anyhow::Result<()> {
    let (pid, already) = process::start(environment)?;
    out::line(&format!("rwenvd is running{} (process {pid})", if already { " already" } else { "" }));
    Ok(())
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

fn status(output: &Output, environment: &Environment) -> anyhow::Result<u8> {
    let health = match process::health(environment) {
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
    for off in &health.off {
        out::line(&format!("  off            {off}"));
    }
    for notices in &health.notices {
        let state = notices.trouble().unwrap_or_else(|| format!("{} sent", notices.sent));
        out::line(&format!("  notices        {}: {state}", notices.rwenv));
    }
    if let Some(export) = &health.export {
        let refused = match export.rejected {
            0 => String::new(),
            refused => format!(", {refused} refused"),
        };
        let state = match (&export.error, &export.failing_since) {
            (Some(why), Some(since)) => {
                format!("fails since {since}: {why}; nothing is lost, it is sent later")
            }
            _ => format!(
                "{} sent{refused}",
                out::count(usize::try_from(export.sent).unwrap_or_default(), "record")
            ),
        };
        out::line(&format!("  telemetry      {}: {state}", export.endpoint));
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
