//! Records of a confined session. Inside, the log cannot be written: records go over a socket to the process that started the session, outside,
//! which adds them to the log. It answers once a record is there.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::environment::{Environment, var};
use nix::errno::Errno;

/// The variable that names the socket inside.
pub const SOCKET_VARIABLE: &str = "RWENV_SESSION_SOCKET";
/// Largest record, in bytes.
pub const LARGEST_RECORD: u32 = 64 << 10;
/// Longest wait for the answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The folder in which each session has one of its own.
#[must_use]
pub fn folder(environment: &Environment) -> PathBuf {
    environment.config_dir.join("run/confined")
}

/// A session's socket.
#[must_use]
pub fn socket(session: &Path) -> PathBuf {
    session.join("records.sock")
}

/// The socket at which the git broker answers, where a session has one.
#[must_use]
pub fn broker(session: &Path) -> PathBuf {
    session.join("git.sock")
}

/// The socket of the session that this process is confined in. It counts only where the log cannot be written: a variable alone takes no record
/// away from the log.
pub(super) fn given(error: &io::Error, environment: &Environment) -> Option<PathBuf> {
    let closed = [Errno::EROFS as i32, Errno::EACCES as i32].contains(&error.raw_os_error()?);
    let path = closed.then(|| var("RWENV_SESSION_SOCKET")).flatten().map(PathBuf::from)?;
    (path.parent().and_then(Path::parent) == Some(&folder(environment))).then_some(path)
}

/// Sends a record and waits until it is in the log.
pub(super) fn hand_over(socket: &Path, record: &[u8]) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = u32::try_from(record.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], record].concat())?;
    let mut answer = String::new();
    stream.take(1024).read_to_string(&mut answer)?;
    match answer.trim() {
        "ok" => Ok(()),
        why => Err(io::Error::other(format!("the session's record was not taken: {why}"))),
    }
}
