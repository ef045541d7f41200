//! git over the network: the user's own program, with their credentials, proxies and rewrites, and with nothing that could
//! wait for ever: no prompt, a floor under the speed, a limit on the time, and the whole process group gone at its end.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::{FluxRepository, RepoError};
use rwenv_gate::base::environment::{Environment, var};
use rwenv_gate::base::program;
use rwenv_gate::base::{clock, process};

/// Bytes per second below which a transfer counts as standing, and for how many seconds it may.
const SLOWEST: (u32, u32) = (1000, 30);
/// Lines of git's that are kept for an error.
const KEPT: usize = 8;

/// How far git says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitProgress {
    /// What it does (`Receiving objects`).
    pub what: String,
    /// How much of it is done, of a hundred.
    pub percent: u8,
}

/// Settings that keep a repository from running anything: no hook, no monitor, no filter of a large-file tool.
const QUIET: [&str; 12] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "submodule.recurse=false",
    "-c",
    "filter.lfs.smudge=",
    "-c",
    "filter.lfs.process=",
    "-c",
    "filter.lfs.required=false",
];

/// The person's own ssh (`core.sshCommand`, also of a configuration that is included by place), asked for when git needs one. If it is an
/// ssh, it asks nobody and gives up in time; another program is started as it is.
const OWN_SSH: &str = "own_ssh() { own=$(git config --get core.sshCommand) || own=ssh; program=${own%% *}; \
    [ \"${program##*/}\" != ssh ] || own=\"$own -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15\"; \
    eval \"$own \\\"\\$@\\\"\"; }; own_ssh";

/// A git command that runs nothing a repository brings.
pub(super) fn git(arguments: &[&str], dir: &Path, environment: &Environment) -> Result<Command, RepoError> {
    let mut command = Command::new(program::find("git", environment).ok_or(RepoError::NoGit)?);
    command.args(QUIET).args(arguments).current_dir(dir);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "true");
    command
        .env("SSH_ASKPASS_REQUIRE", "never")
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        .env("GIT_OPTIONAL_LOCKS", "0");
    if var("GIT_SSH_COMMAND").is_none() && var("GIT_SSH").is_none() {
        command.env("GIT_SSH_COMMAND", OWN_SSH);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// The same for the other side: with a floor under the speed, and for Gitea its own certificate on that host alone.
pub(super) fn git_to(
    flux: &FluxRepository,
    arguments: &[&str],
    dir: &Path,
    environment: &Environment,
) -> Result<Command, RepoError> {
    let mut settings = vec![
        format!("http.lowSpeedLimit={}", SLOWEST.0),
        format!("http.lowSpeedTime={}", SLOWEST.1),
        "protocol.ext.allow=never".to_owned(),
    ];
    settings.extend(flux.own_certificate().map(|host| format!("http.{host}.sslVerify=false")));
    let mut all: Vec<&str> = settings.iter().flat_map(|setting| ["-c", setting.as_str()]).collect();
    all.extend(arguments);
    git(&all, dir, environment)
}

/// True once nothing more is to be waited for.
static CANCELLED: AtomicBool = AtomicBool::new(false);

/// Ends every git that runs, and every one that is started later: this process is about to end.
pub fn cancel() {
    CANCELLED.store(true, Ordering::SeqCst);
    for id in running().iter().filter_map(|id| i32::try_from(*id).ok()) {
        let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
    }
}

/// The gits that run, each the first of its process group.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn running() -> MutexGuard<'static, BTreeSet<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A git that is known to run, for as long as this is there.
struct Running(u32);

impl Running {
    fn new(child: &Child) -> Self {
        running().insert(child.id());
        Self(child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        running().remove(&self.0);
    }
}

/// From here on a signal that ends this process ends every git that runs, and all they started: they are in process groups of
/// their own, which the terminal does not reach.
///
/// # Errors
/// Where the system does not tell of signals.
pub fn end_with_this_process() -> std::io::Result<()> {
    const SIGNALS: [Signal; 3] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        let listen = |signal: Signal| tokio::signal::unix::signal((signal as i32).into());
        SIGNALS.into_iter().map(listen).collect::<std::io::Result<Vec<_>>>()?
    };
    std::thread::spawn(move || {
        let waiting = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
        let (_, which, _) = runtime.block_on(futures_util::future::select_all(waiting));
        cancel();
        std::process::exit(SIGNALS.get(which).map_or(1, |signal| 128 + *signal as i32));
    });
    Ok(())
}

/// Runs a git command to its end, or to the limit; gives what it printed.
pub(super) fn run(
    mut command: Command,
    limit: Duration,
    progress: &mut dyn FnMut(GitProgress),
) -> Result<String, RepoError> {
    let mut child = command.process_group(0).spawn().map_err(|e| RepoError::Git(e.to_string()))?;
    let _running = Running::new(&child);
    let lines = stderr_lines(&mut child);
    let printed = process::gather(child.stdout.take());
    let until = clock::monotonic() + limit;
    let mut kept: Vec<String> = Vec::new();
    loop {
        let left = until.saturating_sub(clock::monotonic());
        match lines.recv_timeout(left.min(Duration::from_millis(200))) {
            Ok(line) => match parsed(&line) {
                Some(step) => progress(step),
                None => {
                    kept.push(line);
                    kept.drain(..kept.len().saturating_sub(KEPT));
                }
            },
            Err(mpsc::RecvTimeoutError::Timeout) if CANCELLED.load(Ordering::SeqCst) => {
                process::kill(&mut child);
                return Err(RepoError::Cancelled);
            }
            Err(mpsc::RecvTimeoutError::Timeout) if left.is_zero() => {
                process::kill(&mut child);
                return Err(RepoError::TooSlow(limit.as_secs()));
            }
            // What it leaves behind (a shared ssh connection) may hold the pipe open for long after.
            Err(mpsc::RecvTimeoutError::Timeout) if matches!(child.try_wait(), Ok(Some(_))) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait().map_err(|e| RepoError::Git(e.to_string()))?;
    let text = printed.recv_timeout(process::AFTERWARDS).unwrap_or_default();
    if status.success() {
        return Ok(text);
    }
    let mut why = complaint(&kept);
    if why.contains("promisor remote") {
        why.push_str(
            "; the remote left large files out and does not send them now: run it again once it answers",
        );
    }
    Err(RepoError::Git(why))
}

/// What git says of an error, without what it says around it.
fn complaint(lines: &[String]) -> String {
    let says = |line: &&String| ["fatal:", "error:", "remote:"].iter().any(|start| line.starts_with(start));
    let said: Vec<&str> = lines.iter().filter(says).map(String::as_str).collect();
    if said.is_empty() { lines.join("; ") } else { said.join("; ") }
}

/// What git says, line by line; its progress ends lines with a carriage return.
fn stderr_lines(child: &mut Child) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    let stderr = child.stderr.take();
    std::thread::spawn(move || {
        let Some(mut stderr) = stderr else { return };
        let (mut bytes, mut line) = ([0; 4096], Vec::new());
        while let Ok(count @ 1..) = stderr.read(&mut bytes) {
            for byte in bytes.iter().take(count) {
                if matches!(byte, b'\r' | b'\n') {
                    let text = String::from_utf8_lossy(&line).trim().to_owned();
                    line.clear();
                    if !text.is_empty() && send.send(text).is_err() {
                        return;
                    }
                } else {
                    line.push(*byte);
                }
            }
        }
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        if !text.is_empty() {
            let _ = send.send(text);
        }
    });
    receive
}

/// `Receiving objects:  42% (420/1000), 1.2 MiB | 3 MiB/s`, said here or by the other side.
fn parsed(line: &str) -> Option<GitProgress> {
    let line = line.strip_prefix("remote: ").unwrap_or(line);
    let (what, rest) = line.split_once(':')?;
    let percent = rest.trim_start().split_once('%')?.0.parse().ok()?;
    Some(GitProgress { what: what.to_owned(), percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_and_errors_are_none() {
        let step = |what: &str, percent| Some(GitProgress { what: what.into(), percent });
        assert_eq!(
            parsed("Receiving objects:  42% (420/1000), 1 MiB | 3 MiB/s"),
            step("Receiving objects", 42)
        );
        assert_eq!(parsed("remote: Counting objects: 100% (3/3), done."), step("Counting objects", 100));
        assert_eq!(parsed("fatal: unable to access 'https://x/': 50% of nothing"), None);
        assert_eq!(parsed("Cloning into bare repository 'x'..."), None);
    }
}
