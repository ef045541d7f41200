//! Whether this process is confined, and by what: measured, as a variable alone says nothing.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use super::{log, session};
use crate::base::environment::{Environment, var};
use crate::base::files;

/// The session that this process is confined in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// Its folder, which may only be read inside.
    pub folder: PathBuf,
    /// By what it is confined, such as `bubblewrap`.
    pub means: String,
}

impl Confinement {
    /// The file in a session's folder that says by what it is confined.
    #[must_use]
    pub fn file(session: &Path) -> PathBuf {
        session.join("means")
    }

    /// The session of this process: its socket is answered, and the log cannot be written.
    #[must_use]
    pub fn of(environment: &Environment) -> Option<Self> {
        let socket = var("RWENV_SESSION_SOCKET").map(PathBuf::from)?;
        let folder = socket.parent()?.to_owned();
        let ours =
            folder.parent() == Some(&session::folder(environment)) && session::socket(&folder) == socket;
        if !ours || !is_log_closed(environment) || UnixStream::connect(&socket).is_err() {
            return None;
        }
        let means = files::read(&Self::file(&folder)).ok()??;
        Some(Self { folder, means: means.trim().to_owned() })
    }
}

/// True where the system refuses to have the log written.
fn is_log_closed(environment: &Environment) -> bool {
    let closed = |code: Errno| matches!(code, Errno::EROFS | Errno::EACCES);
    match OpenOptions::new().append(true).open(log::current(environment)) {
        Ok(_) => false,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = log::folder(environment);
            fs::metadata(&folder).map_or_else(
                |error| error.kind() == io::ErrorKind::PermissionDenied,
                |_| access(&folder, AccessFlags::W_OK).is_err_and(closed),
            )
        }
        Err(error) => error.raw_os_error().is_some_and(|code| closed(Errno::from_raw(code))),
    }
}
