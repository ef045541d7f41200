//! The daemon as a process: started, asked how it is, ended.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::daemon::{DaemonLock, LockError};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::program;
use rwenv_gate::wire::daemon::{Ask, AskError, Health, ask};

/// Longest wait for a start, an end, or an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest wait for how it is.
const ANSWER: Duration = Duration::from_secs(1);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// The daemon's program, beside this one.
///
/// # Errors
/// None there.
pub fn rwenvd() -> anyhow::Result<PathBuf> {
    program::beside("rwenvd").context("there is no rwenvd beside rwenv; build and place it with ./install.sh")
}

/// How the daemon says it is; none from one that does not tell.
///
/// # Errors
/// No answer.
pub fn health(environment: &Environment) -> Result<Option<Health>, AskError> {
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

/// Starts the daemon and waits for its first answer. With its process, and whether it was running already.
///
/// # Errors
/// A daemon that runs and does not answer, or one that ended at once.
pub fn start(environment: &Environment) -> anyhow::Result<(u32, bool)> {
    if let Ok(Some(health)) = health(environment) {
        return Ok((health.pid, true));
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
    Ok((started.pid, false))
}

/// Ends the daemon: by asking, by telling, by force. False where there was none.
///
/// # Errors
/// A daemon that does not end.
pub fn stop(environment: &Environment) -> anyhow::Result<bool> {
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
