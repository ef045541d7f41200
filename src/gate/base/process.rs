//! Other programs, run with a limit on their time.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::base::clock;

/// How long the output of a program that has ended is waited for: what it leaves behind may hold the pipe open.
pub const AFTERWARDS: Duration = Duration::from_secs(2);

/// What a program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessOutput {
    /// It ended with status 0.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a program with this on its standard input; none where it cannot be started, or takes longer than it may: then it
/// and all it started are gone.
#[must_use]
pub fn output(command: &mut Command, stdin: &[u8], patience: Duration) -> Option<ProcessOutput> {
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let (stdout, stderr) = (gather(child.stdout.take()), gather(child.stderr.take()));
    if let Some(mut pipe) = child.stdin.take() {
        let bytes = stdin.to_vec();
        std::thread::spawn(move || pipe.write_all(&bytes));
    }
    let until = clock::monotonic() + patience;
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if clock::monotonic() > until => {
                kill(&mut child);
                return None;
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let text = |pipe: mpsc::Receiver<String>| pipe.recv_timeout(AFTERWARDS).unwrap_or_default();
    Some(ProcessOutput { success: status.success(), stdout: text(stdout), stderr: text(stderr) })
}

/// What a program prints; `name` is what it is called where it fails.
///
/// # Errors
/// Where it cannot be started, takes longer than it may, or fails: the last line it says of it.
pub fn printed(
    name: &str,
    command: &mut Command,
    stdin: &[u8],
    patience: Duration,
) -> Result<String, String> {
    let said = output(command, stdin, patience).ok_or_else(|| format!("{name} did not answer in time"))?;
    let why = || said.stderr.trim().lines().next_back().unwrap_or("it says nothing").to_owned();
    if said.success { Ok(said.stdout) } else { Err(format!("{name}: {}", why())) }
}

/// All that comes out of a pipe, once that has ended.
pub fn gather(pipe: Option<impl std::io::Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receive
}

/// Ends a program that leads its own process group, and that group.
pub fn kill(child: &mut Child) {
    if let Ok(id) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_takes_too_long_is_gone_with_all_it_started() {
        let mut slow = Command::new("sh");
        slow.args(["-c", "sleep 98.7654 & sleep 98.7654"]);
        assert_eq!(output(&mut slow, b"", Duration::from_millis(100)), None);
        let left = Command::new("pgrep").args(["-f", "sleep 98.7654"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&left.stdout), "");
        let mut cat = Command::new("cat");
        let said = output(&mut cat, b"x", Duration::from_secs(10)).unwrap();
        assert_eq!((said.success, said.stdout.as_str()), (true, "x"));
    }
}
