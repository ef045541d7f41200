//! The git broker: a session of `rwenv run` reaches git's remotes through the process that started it, which has the person's credentials. git inside
//! stays git: it speaks its own protocol over a socket, through what stands in the place of ssh and of its helper for HTTP. Outside, no file of the
//! session's is opened for it.
//!
//! `call` (what is asked) → `remote` (which are confirmed) → `reading`, or `receive` with its `mirror`.

mod call;
mod client;
mod desk;
mod mirror;
mod packet;
mod reading;
mod receive;
mod remote;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rwenv_gate::base::files::{self, FileError};
use rwenv_gate::base::program;
use rwenv_gate::facts::objects::BROKER_SSH;
use rwenv_gate::ledger::audit;

use call::{BrokerCall, Frame};
pub use client::main as client;
pub use desk::{BrokerDesk, folder};
use mirror::{Mirror, quoted};
use reading::{ToSession, send};

/// git's helpers for remotes over HTTP: what stands in their place asks the broker first.
const HELPERS: [&str; 2] = ["git-remote-http", "git-remote-https"];
/// Longest wait for a call.
const PATIENCE: Duration = Duration::from_secs(5);
/// Exit status of git's where something cannot be done.
const FAILED: u8 = 128;

impl BrokerDesk {
    /// Puts what git inside starts into the session's folder; gives the variables that lead git there.
    ///
    /// # Errors
    /// Where there is no git, or the system says no.
    pub fn furnish(&self, session: &Path) -> anyhow::Result<BTreeMap<String, String>> {
        let git =
            program::find("git", &self.environment).ok_or_else(|| anyhow::anyhow!("git is not on PATH"))?;
        let said = Command::new(git).arg("--exec-path").env_remove("GIT_EXEC_PATH").output()?;
        let real = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim_end());
        let folder = session.join("git-core");
        files::make_private_dir(&folder)?;
        let own = |name: &str| HELPERS.contains(&name);
        for entry in fs::read_dir(&real)?.flatten() {
            let name = entry.file_name();
            if !own(&name.to_string_lossy()) {
                symlink(entry.path(), folder.join(name))?;
            }
        }
        let rwenv = std::env::current_exe()?;
        let start = |words: &str| {
            let (rwenv, socket) =
                (rwenv.display().to_string(), audit::broker_socket(session).display().to_string());
            format!("#!/bin/sh\nexec {} confined {words} \"$@\"\n", quoted(&rwenv))
                .replace("SOCKET", &quoted(&socket))
        };
        write(&folder.join(BROKER_SSH), &start(&format!("{} SOCKET", client::SSH)))?;
        for name in HELPERS {
            let helper = quoted(&real.join(name).display().to_string());
            write(&folder.join(name), &start(&format!("{} SOCKET {helper}", client::HELPER)))?;
        }
        let ssh = quoted(&folder.join(BROKER_SSH).display().to_string());
        let set = [
            ("GIT_EXEC_PATH", folder.display().to_string()),
            ("GIT_SSH_COMMAND", ssh),
            ("GIT_SSH_VARIANT", "ssh".to_owned()),
        ];
        Ok(set.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Answers one call.
    pub(super) fn answer(&self, mut stream: UnixStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let call = call::read_call(&mut stream)?;
        stream.set_read_timeout(None)?;
        let to: ToSession = Arc::new(Mutex::new(stream.try_clone()?));
        let code = match self.served(&call, stream, &to) {
            Ok(code) => code,
            Err(why) => {
                send(&to, &Frame::Told(format!("rwenv: the git broker: {why}\n").into_bytes()))?;
                FAILED
            }
        };
        send(&to, &Frame::Ended(code))
    }

    fn served(&self, call: &BrokerCall, stream: UnixStream, to: &ToSession) -> io::Result<u8> {
        let meant = remote::meant(&self.remotes, &call.url);
        if call.service == call::IS_REACHED {
            return Ok(u8::from(meant.is_none()));
        }
        let Some(url) = meant else {
            return Err(io::Error::other(format!(
                "{} is not a remote that a person confirmed for this session, so their credentials are not used for it\n  \
                 instead: a person names it, outside: rwenv edit NAME --custody-remote URL, or rwenv run --git broker --remote URL -- PROGRAM",
                call.url.escape_debug()
            )));
        };
        match call.service.as_str() {
            call::UPLOAD_PACK => {
                let protocol = call.protocol.as_str();
                let known = ["version=0", "version=1", "version=2"].contains(&protocol);
                reading::serve(
                    (stream, to),
                    (url, if known { protocol } else { "" }),
                    (&Mirror::of(url, &self.environment)?.path, &self.environment),
                )
            }
            call::RECEIVE_PACK => receive::serve((stream, to), url, self),
            other => Err(io::Error::other(format!("'{}' is not brokered", other.escape_debug()))),
        }
    }
}

/// Writes a program.
fn write(path: &Path, text: &str) -> Result<(), FileError> {
    files::replace(path, text, 0o500)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o500)).map_err(|error| FileError::io(path, error))
}
