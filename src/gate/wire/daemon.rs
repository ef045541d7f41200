//! How programs speak with `rwenvd`: one frame is four bytes of length, big-endian, and that much JSON. A question, an
//! answer, as often as one likes. Nothing a verdict depends on is ever asked.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr, sockopt};
use nix::sys::time::{TimeVal, TimeValLike as _};
use serde::{Deserialize, Serialize};

/// Version of what is said here.
pub const VERSION: u32 = 1;
/// Largest question, in bytes.
pub const LARGEST_REQUEST: u32 = 64 << 10;
/// Largest answer, in bytes.
pub const LARGEST_REPLY: u32 = 4 << 20;
/// Longest wait for a daemon to take a connection, in milliseconds: one that is stopped never does.
pub const CONNECT: i64 = 200;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask", deny_unknown_fields)]
pub enum Ask {
    /// How it is.
    Status,
    /// Look at the repositories now: one rwenv's, or all.
    Sync {
        /// Whose.
        rwenv: Option<String>,
    },
    /// How the objects of Flux in the cluster of a rwenv are. From then on they are watched.
    Flux {
        /// Whose.
        rwenv: String,
    },
    /// Read the configuration again.
    Reload,
    /// Finish what runs, and end.
    Stop,
}

/// A question as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonRequest {
    /// The version that is spoken.
    pub version: u32,
    /// The question.
    #[serde(flatten)]
    pub ask: Ask,
}

/// The daemon's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonReply {
    /// The version that is spoken.
    pub version: u32,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How it is, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// How Flux is, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flux: Option<FluxHealth>,
}

/// How the objects of Flux are, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FluxHealth {
    /// All of them are known, and changes come in.
    pub complete: bool,
    /// Why not, where something went wrong.
    pub error: Option<String>,
    /// When the last change came in, RFC 3339.
    pub changed: String,
    /// The objects.
    pub objects: Vec<FluxRow>,
}

/// How one object of Flux is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FluxRow {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `True`, `False` or `Unknown`.
    pub ready: String,
    /// It is suspended.
    pub suspended: bool,
    /// The revision it is at.
    pub revision: String,
    /// What its controller says.
    pub message: String,
}

impl FluxRow {
    /// True where it is not as it should be.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.ready != "True" && !self.suspended
    }
}

/// How the daemon is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub program: String,
    /// When it was started, RFC 3339 in UTC.
    pub started: String,
    /// Where its configuration is.
    pub config_dir: PathBuf,
    /// What is wrong with the configuration; the last good one counts meanwhile.
    pub config_error: Option<String>,
    /// How changes are noticed.
    pub watching: Watching,
    /// The repositories it keeps fresh.
    pub repositories: Vec<KeptRepository>,
    /// Why the audit log cannot be brought to the disk.
    pub audit_error: Option<String>,
    /// The API guard.
    #[serde(default)]
    pub guard: GuardHealth,
    /// Its parts.
    #[serde(default)]
    pub parts: Vec<PartHealth>,
    /// What people are told, of each rwenv that wants it.
    #[serde(default)]
    pub notices: Vec<NoticeHealth>,
    /// How sending the log to a collector goes, where one is named.
    #[serde(default)]
    pub export: Option<ExportHealth>,
    /// What of the guard is off, each with what mends it.
    #[serde(default)]
    pub off: Vec<String>,
    /// What came in.
    pub connections: Connections,
}

/// How telling people what was changed in a rwenv went, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticeHealth {
    /// The rwenv.
    pub rwenv: String,
    /// Notices that were sent.
    pub sent: u64,
    /// Notices that could not be sent.
    pub failed: u64,
    /// Why the last one could not; none where it could.
    pub error: Option<String>,
    /// When that was, RFC 3339 in UTC.
    pub when: Option<String>,
}

/// How sending the audit log to a collector goes, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportHealth {
    /// The collector, without what is secret in its address.
    pub endpoint: String,
    /// Records that it took.
    pub sent: u64,
    /// Records that it refused, and that are not sent again.
    pub rejected: u64,
    /// Why the last attempt failed; none where it did not.
    pub error: Option<String>,
    /// Since when attempts fail, RFC 3339 in UTC.
    pub failing_since: Option<String>,
}

impl NoticeHealth {
    /// What went wrong with the last notice, if anything did.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let (why, when) = (self.error.as_deref()?, self.when.as_deref()?);
        let times = if self.failed == 1 { "1 notice".to_owned() } else { format!("{} notices", self.failed) };
        Some(format!("{times} not sent, last at {when}: {why}"))
    }
}

/// How the API guard is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GuardHealth {
    /// Where it listens; none where it does not.
    pub address: Option<String>,
    /// What is wrong.
    pub error: Option<String>,
    /// Requests that were let through since the start.
    pub passed: u64,
    /// Requests that were refused.
    pub refused: u64,
}

/// A part of the daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartHealth {
    /// Its name.
    pub part: String,
    /// How often it failed and was started again.
    pub restarts: u64,
    /// Why, the last time.
    pub last_failure: Option<String>,
    /// When that was, RFC 3339 in UTC.
    pub when: Option<String>,
}

impl PartHealth {
    /// What went wrong with it, where anything did.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let (why, when) = (self.last_failure.as_deref()?, self.when.as_deref()?);
        let times = if self.restarts == 1 { "once".to_owned() } else { format!("{} times", self.restarts) };
        Some(format!("{} failed and was restarted {times}, last at {when}: {why}", self.part))
    }
}

/// How changes of files are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Watching {
    /// The system tells.
    #[default]
    Notified,
    /// The system has no watches left; files are looked at every other second.
    Polling,
}

/// A repository that is kept fresh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptRepository {
    /// The rwenv.
    pub rwenv: String,
    /// It is being synced now.
    pub running: bool,
    /// Failed attempts since the last success.
    pub failures: u32,
    /// What went wrong last.
    pub error: Option<String>,
    /// Seconds until the next attempt.
    pub next: u64,
}

/// Counts of connections since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connections {
    /// Taken.
    pub accepted: u64,
    /// Turned away: another user's, or too many at once.
    pub refused: u64,
    /// Ended because what they said was no question, or took too long.
    pub malformed: u64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error("the daemon is not running; rwenv daemon start starts it")]
    NotRunning,
    /// It does not answer in time.
    #[error("the daemon does not answer; rwenv daemon restart ends it and starts a new one")]
    Hung,
    /// It says something else.
    #[error("the daemon's answer is not understood ({0}); rwenv daemon restart starts one of this version")]
    NotUnderstood(String),
    /// It said no.
    #[error("the daemon says: {0}")]
    Refused(String),
    /// The system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Where the daemon listens.
#[must_use]
pub fn socket(config_dir: &Path) -> PathBuf {
    config_dir.join("run").join("rwenvd.sock")
}

/// Asks the daemon, and waits for its answer no longer than `limit`.
///
/// # Errors
/// Where there is no answer, or it is an error.
pub fn ask(config_dir: &Path, ask: Ask, limit: Duration) -> Result<DaemonReply, AskError> {
    let path = socket(config_dir);
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::NotRunning,
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => AskError::Hung,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            AskError::NotUnderstood("it ended the connection".to_owned())
        }
        _ => AskError::Io { path: path.clone(), source },
    };
    let mut stream = connect(&path).map_err(failed)?;
    stream.set_read_timeout(Some(limit)).map_err(failed)?;
    let request = DaemonRequest { version: VERSION, ask };
    let text = serde_json::to_vec(&request).map_err(|e| AskError::NotUnderstood(e.to_string()))?;
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    stream.write_all(&[&length.to_be_bytes()[..], &text].concat()).map_err(failed)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).map_err(failed)?;
    let length = u32::from_be_bytes(length);
    if length > LARGEST_REPLY {
        return Err(AskError::NotUnderstood(format!("{length} bytes")));
    }
    let mut text = vec![0; usize::try_from(length).unwrap_or_default()];
    stream.read_exact(&mut text).map_err(failed)?;
    let reply: DaemonReply =
        serde_json::from_slice(&text).map_err(|e| AskError::NotUnderstood(e.to_string()))?;
    match reply.error {
        Some(why) => Err(AskError::Refused(why)),
        None if reply.version != VERSION => {
            Err(AskError::NotUnderstood(format!("version {}", reply.version)))
        }
        None => Ok(reply),
    }
}

/// Connects with a limit: an ordinary connect to a daemon that is stopped and whose queue is full waits for ever.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let address = UnixAddr::new(path)?;
    let fd: OwnedFd = socket::socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None)?;
    let limit = TimeVal::milliseconds(CONNECT);
    socket::setsockopt(&fd, sockopt::SendTimeout, &limit)?;
    socket::connect(fd.as_raw_fd(), &address).map_err(|e| match e {
        Errno::EAGAIN => io::Error::from(io::ErrorKind::TimedOut),
        other => other.into(),
    })?;
    Ok(UnixStream::from(fd))
}
