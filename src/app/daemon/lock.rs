//! One daemon per user: whoever holds the lock may put its socket in place of what is there.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{Mode, umask};
use tokio::net::UnixListener;

use rwenv_gate::base::files::{self, FileError};
use rwenv_gate::wire::daemon;

/// Why a daemon cannot be the one.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another one is.
    #[error("rwenvd is already running{}", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Running {
        /// Its process, where it has said so.
        pid: Option<u32>,
    },
    /// The system said no.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Held while the daemon runs; a kill leaves it.
#[derive(Debug)]
pub struct DaemonLock {
    _file: Flock<File>,
}

impl DaemonLock {
    /// Takes the lock, and writes this process's number into it.
    ///
    /// # Errors
    /// Where another daemon has it, or the system says no.
    pub fn take(config_dir: &Path) -> Result<Self, LockError> {
        let run = config_dir.join("run");
        files::make_private_dir(&run)?;
        let path = run.join("rwenvd.lock");
        let io = |e| FileError::io(&path, e);
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = match Flock::lock(open.map_err(io)?, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((_, Errno::EWOULDBLOCK)) => return Err(LockError::Running { pid: holder(config_dir) }),
            Err((_, errno)) => return Err(io(errno.into()).into()),
        };
        file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file })
    }

    /// Listens. What a killed daemon left there is replaced; the folder is the user's alone, and so is the socket.
    ///
    /// # Errors
    /// Where the system says no.
    pub fn listen(&self, config_dir: &Path) -> Result<UnixListener, FileError> {
        let path = daemon::socket(config_dir);
        let io = |e| FileError::io(&path, e);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
        let before = umask(Mode::from_bits_truncate(0o177));
        let bound = UnixListener::bind(&path);
        umask(before);
        bound.map_err(io)
    }
}

/// The process that holds the lock, by what it wrote there.
pub(super) fn holder(config_dir: &Path) -> Option<u32> {
    files::read(&config_dir.join("run/rwenvd.lock")).ok().flatten()?.trim().parse().ok()
}
