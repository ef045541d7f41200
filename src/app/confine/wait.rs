//! Waiting for a program that is confined: its signals, and how it ended.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use nix::sys::signal::{SigSet, Signal};

/// Signals that are handed on. A stop is not: the whole group of a terminal gets it, this process with the program.
pub(super) const SIGNALS: [Signal; 6] =
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2];

/// The exit status as shells have it.
pub(super) fn status(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// The signals that are handed on, as a set.
pub(super) fn set() -> SigSet {
    SIGNALS.into_iter().collect()
}

/// Hands on the signals that come, from a thread of its own; they have to be blocked. What a terminal sends, it sends to the program too.
pub(super) fn hand_on(mut to: File) {
    std::thread::spawn(move || {
        let by_terminal = |signal: Signal| {
            matches!(signal, Signal::SIGINT | Signal::SIGQUIT)
                && std::io::IsTerminal::is_terminal(&std::io::stdin())
        };
        while let Ok(signal) = set().wait() {
            let number = [u8::try_from(signal as i32).unwrap_or_default()];
            if !by_terminal(signal) && to.write_all(&number).is_err() {
                return;
            }
        }
    });
}
