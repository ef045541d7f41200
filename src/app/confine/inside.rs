//! The side of a session that is inside: it sets up what only a process there can, starts the program, waits for everything that is left behind
//! in its namespace, and hands on signals.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::plan::ConfinementPlan;
use super::{closed, landlock, namespaces, wait};

/// Exit statuses of a program that cannot be started, as shells have them.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;
/// Exit status where nothing was started.
const FAILED: u8 = 125;

/// How a session's inner side is started.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    mode: String,
    plan: PathBuf,
    control: i32,
    program: Vec<OsString>,
}

/// Runs it: `MODE PLAN CONTROL PROGRAM…`. Says what went wrong.
///
/// # Errors
/// Where the program could not be confined; it was not started then.
pub fn main(arguments: &[OsString]) -> Result<u8, String> {
    let text = |at: usize| arguments.get(at).and_then(|word| word.to_str()).unwrap_or_default().to_owned();
    if text(0) == "try" {
        return namespaces::leave().map(|()| 0);
    }
    let control = text(2).parse().map_err(|_| "this is started by rwenv run".to_owned())?;
    let program = arguments.get(3..).unwrap_or_default().to_vec();
    let inner = Inner { mode: text(0), plan: PathBuf::from(text(1)), control, program };
    match inner.mode.as_str() {
        "namespaces" => enter(&inner),
        "first" => {
            namespaces::mount_proc()?;
            first(&inner, None)
        }
        "bubblewrap" => first(&inner, None),
        "landlock" => first(&inner, Some(read(&inner.plan)?)),
        other => Err(format!("'{other}' is not a way to confine a program")),
    }
}

fn read(path: &Path) -> Result<ConfinementPlan, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Makes namespaces and mounts, and starts the first process of the new namespace.
fn enter(inner: &Inner) -> Result<u8, String> {
    let plan = read(&inner.plan)?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    namespaces::leave()?;
    namespaces::arrange(&plan)?;
    namespaces::keep_mounting()?;
    let mut command = Command::new(own);
    command.args(["confined", "first"]).arg(&inner.plan).arg(inner.control.to_string()).args(&inner.program);
    let mut child = command.spawn().map_err(|error| format!("the first process of the session: {error}"))?;
    // It alone hears when the session is to end.
    let _ = nix::unistd::close(inner.control);
    let status = child.wait().map_err(|error| error.to_string())?;
    Ok(wait::status(status))
}

/// Closes what is left, starts the program, and waits.
fn first(inner: &Inner, plan: Option<ConfinementPlan>) -> Result<u8, String> {
    let control = File::open(format!("/proc/self/fd/{}", inner.control))
        .map_err(|error| format!("the session's pipe: {error}"))?;
    let _ = nix::unistd::close(inner.control);
    closed::close_rights()?;
    landlock::restrict(plan.as_ref())?;
    closed::close_calls()?;
    let Some((program, arguments)) = inner.program.split_first() else { return Ok(FAILED) };
    // Before signals are blocked: a program starts with what its parent has blocked.
    let child = match Command::new(program).args(arguments).spawn() {
        Ok(child) => child,
        Err(error) => {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("rwenv: {}: {error}\n", program.display()).as_bytes(),
            );
            return Ok(if missing { NOT_FOUND } else { NOT_RUN });
        }
    };
    stay(&child, control).map_err(|error| format!("waiting for the program: {error}"))
}

/// Waits until the program ends; whatever else ends is taken note of, and signals that come from outside are handed on.
fn stay(child: &Child, mut control: File) -> Result<u8, Errno> {
    let program = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
    let mut heard = SigSet::empty();
    heard.add(Signal::SIGCHLD);
    wait::SIGNALS.iter().for_each(|signal| heard.add(*signal));
    heard.thread_block()?;
    let ended = SignalFd::with_flags(&heard, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    loop {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == program => {
                    return Ok(u8::try_from(code).unwrap_or(u8::MAX));
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == program => {
                    return Ok(wait::status(std::process::ExitStatus::from_raw(signal as i32)));
                }
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => break,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
        let mut both =
            [PollFd::new(ended.as_fd(), PollFlags::POLLIN), PollFd::new(control.as_fd(), PollFlags::POLLIN)];
        match poll(&mut both, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
        let told =
            both.iter().map(|one| one.revents().is_some_and(|events| !events.is_empty())).collect::<Vec<_>>();
        if told.first() == Some(&true) {
            while let Ok(Some(_)) = ended.read_signal() {}
        }
        if told.get(1) == Some(&true) {
            let mut byte = [0];
            match control.read(&mut byte) {
                // Nobody is left outside: the session ends, and all that is in it.
                Ok(0) | Err(_) => {
                    let _ = kill(program, Signal::SIGKILL);
                    return Ok(FAILED);
                }
                Ok(_) => {
                    let signal = Signal::try_from(i32::from(byte[0]));
                    let _ = signal.map(|signal| kill(program, signal));
                }
            }
        }
    }
}
