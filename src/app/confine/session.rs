//! What a session has outside: a folder in `run/confined`, and in it the socket at which programs inside hand over their audit records. Whoever
//! reads there only adds to the log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

use super::broker::BrokerDesk;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::{self, FileError};
use rwenv_gate::ledger::audit;

/// Connections at once.
const MOST: usize = 32;
/// Longest wait for what a connection sends.
const PATIENCE: Duration = Duration::from_secs(2);

/// The folder of one session, gone with it.
#[derive(Debug)]
pub struct SessionFolder {
    /// Where it is.
    pub path: PathBuf,
    _lock: Flock<File>,
}

impl SessionFolder {
    /// Makes it, and removes those of sessions that are gone.
    ///
    /// # Errors
    /// Where the system says no.
    pub fn make(environment: &Environment) -> Result<Self, FileError> {
        let all = audit::session_folder(environment);
        files::make_private_dir(&all)?;
        // A folder that another session has made and not yet locked is not one of a session that is gone.
        let _one = files::lock_of(&environment.config_dir, "sessions")?;
        for entry in fs::read_dir(&all).into_iter().flatten().flatten() {
            let path = entry.path();
            if lock(&path).is_ok_and(|held| held.is_some()) {
                let _ = fs::remove_dir_all(path);
            }
        }
        let path = all.join(std::process::id().to_string());
        files::make_private_dir(&path)?;
        let io = |error| FileError::io(&path, error);
        let held = lock(&path).map_err(io)?;
        let held = held.ok_or_else(|| io(io::Error::other("another session has this folder")))?;
        let empty = path.join("empty");
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o400).open(&empty).map_err(io)?;
        Ok(Self { path, _lock: held })
    }

    /// The empty file that stands where files are hidden.
    #[must_use]
    pub fn empty(&self) -> PathBuf {
        self.path.join("empty")
    }

    /// Listens for records, on threads of its own.
    ///
    /// # Errors
    /// Where the system says no.
    pub fn listen(&self, environment: &Environment) -> Result<(), FileError> {
        let (environment, name) =
            (environment.clone(), self.path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        answer_each(&audit::session_socket(&self.path), MOST, move |stream| take(stream, &name, &environment))
    }

    /// Listens for what git inside asks of the broker, on threads of its own.
    ///
    /// # Errors
    /// Where the system says no.
    pub fn broker(&self, desk: BrokerDesk) -> Result<(), FileError> {
        answer_each(&audit::broker_socket(&self.path), MOST, move |stream| desk.answer(stream))
    }
}

impl Drop for SessionFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The lock of a session's folder; none where a process holds it.
fn lock(folder: &Path) -> io::Result<Option<Flock<File>>> {
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"))?;
    Ok(Flock::lock(file, FlockArg::LockExclusiveNonblock).ok())
}

/// Answers who connects to a socket, each on a thread of its own, so many at once.
fn answer_each(
    path: &Path,
    most: usize,
    answer: impl Fn(UnixStream) -> io::Result<()> + Send + Sync + 'static,
) -> Result<(), FileError> {
    let listener = UnixListener::bind(path).map_err(|error| FileError::io(path, error))?;
    std::thread::spawn(move || {
        let (open, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(answer));
        for stream in listener.incoming().flatten() {
            if open.fetch_add(1, Ordering::SeqCst) >= most || !is_ours(&stream) {
                open.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            let (open, answer) = (Arc::clone(&open), Arc::clone(&answer));
            std::thread::spawn(move || {
                let answered = answer(stream);
                open.fetch_sub(1, Ordering::SeqCst);
                answered
            });
        }
    });
    Ok(())
}

/// True where the same user asks.
fn is_ours(stream: &UnixStream) -> bool {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
        getsockopt(stream, PeerCredentials).is_ok_and(|peer| peer.uid() == nix::unistd::getuid().as_raw())
    }
    #[cfg(not(target_os = "linux"))]
    {
        // The folder is the user's alone.
        stream.peer_addr().is_ok()
    }
}

/// Takes one record, puts it into the chain, and says that it is there.
fn take(mut stream: UnixStream, session: &str, environment: &Environment) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > audit::LARGEST_RECORD {
        return stream.write_all(b"the record is too long\n");
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    stream.read_exact(&mut bytes)?;
    let answer = match audit::take_over(&bytes, session, environment) {
        Ok(()) => "ok\n".to_owned(),
        Err(why) => format!("{why}\n"),
    };
    stream.write_all(answer.as_bytes())
}
