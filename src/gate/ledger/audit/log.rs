//! Writing the log: `audit/audit.jsonl`, one JSON object per line, each with a number and a hash over itself and the
//! hash before it (SHA-256), so that what is changed or taken out is seen.
//!
//! Writers take turns by a lock on the file, which a kill leaves. One that is killed within its write leaves a piece of
//! a line; the next one begins a line of its own. A full file is renamed to the number of its last record.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest as _, Sha256};

use super::session;
use crate::base::environment::Environment;
use crate::base::files::{self, FileError, make_private_dir};

/// Name of the file that is written to.
pub const CURRENT: &str = "audit.jsonl";
/// Size at which a file is full.
const FULL: u64 = 16 << 20;
/// Full files that are kept.
const KEPT: usize = 32;
/// Longest wait for the lock. Whoever holds it longer is stopped, and must not stop everyone else.
const PATIENCE: Duration = Duration::from_millis(100);
/// What is read of a file's end to find its last record, at first.
const TAIL: u64 = 128;

/// A record's place in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    /// Its number, from 1.
    pub(super) seq: u64,
    /// SHA-256 over the hash before, a line break, and the record up to its own hash.
    pub(super) hash: String,
}

/// Where the log is.
#[must_use]
pub fn folder(environment: &Environment) -> PathBuf {
    environment.config_dir.join("audit")
}

/// The file that is written to.
#[must_use]
pub fn current(environment: &Environment) -> PathBuf {
    folder(environment).join(CURRENT)
}

/// Where the log is while the home directory cannot be written at all.
pub(super) fn spool(environment: &Environment) -> Option<PathBuf> {
    let runtime = environment.runtime_dir.as_ref()?;
    let meta = fs::metadata(runtime).ok()?;
    let own = meta.is_dir() && meta.uid() == nix::unistd::getuid().as_raw() && meta.mode() & 0o077 == 0;
    own.then(|| runtime.join("rwenv/audit"))
}

/// Why a record could not be written now, as far as that can be told without writing one.
///
/// # Errors
/// What the system says of the file or its folder.
pub fn writable(environment: &Environment) -> Result<(), FileError> {
    let path = folder(environment).join(CURRENT);
    let place = path.ancestors().find(|place| place.symlink_metadata().is_ok()).unwrap_or(&path);
    let fits = place == path || place.is_dir();
    let error = match nix::unistd::access(place, nix::unistd::AccessFlags::W_OK) {
        Ok(()) if fits => return Ok(()),
        Ok(()) => io::Error::from(io::ErrorKind::NotADirectory),
        Err(Errno::EROFS) if spool(environment).is_some() => return Ok(()),
        Err(errno) => errno.into(),
    };
    match session::given(&error, environment) {
        Some(_) => Ok(()),
        None => Err(FileError::io(&path, error)),
    }
}

pub(super) fn append(record: &impl serde::Serialize, environment: &Environment) -> Result<(), FileError> {
    let dir = folder(environment);
    let path = dir.join(CURRENT);
    let text = serde_json::to_string(record).map_err(|e| FileError::io(&path, e.into()))?;
    let body = text.strip_suffix('}').unwrap_or(&text);
    match write(&dir, body) {
        Err(e) if let Some(socket) = session::given(&e, environment) => {
            session::hand_over(&socket, text.as_bytes()).map_err(|e| FileError::io(&socket, e))
        }
        Err(e) if e.raw_os_error() == Some(Errno::EROFS as i32) => match spool(environment) {
            Some(spool) => write(&spool, body).map_err(|e| FileError::io(&spool.join(CURRENT), e)),
            None => Err(FileError::io(&path, e)),
        },
        written => written.map_err(|e| FileError::io(&path, e)),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

fn write(dir: &Path, body: &str) -> io::Result<()> {
    let path = dir.join(CURRENT);
    // Renamed or removed between opening and locking: again.
    for _ in 0..8 {
        let file = open(&path).or_else(|e| {
            if e.kind() != io::ErrorKind::NotFound {
                return Err(e);
            }
            make_private_dir(dir).map_err(|e| match e {
                FileError::Io { source, .. } => source,
                other => io::Error::other(other),
            })?;
            open(&path)
        })?;
        let locked = match lock(file)? {
            Ok(locked) => locked,
            Err(mut file) => return file.write_all(format!("\n{body}}}\n").as_bytes()),
        };
        let meta = locked.metadata()?;
        let full = meta.len() >= FULL;
        if meta.nlink() == 0 || (full && !is_at(&meta, &path)) {
            continue;
        }
        if full {
            rotate(dir, &path, &locked)?;
            continue;
        }
        return add(dir, &locked, meta.len(), body);
    }
    Err(io::Error::other("the file was replaced again and again"))
}

/// The lock, or the file without it where somebody does not let go.
fn lock(mut file: File) -> io::Result<Result<Flock<File>, File>> {
    let mut waited = Duration::ZERO;
    loop {
        file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(Ok(locked)),
            Err((file, Errno::EWOULDBLOCK)) if waited >= PATIENCE => return Ok(Err(file)),
            Err((file, Errno::EWOULDBLOCK | Errno::EINTR)) => file,
            Err((_, errno)) => return Err(errno.into()),
        };
        let step = Duration::from_micros(200);
        std::thread::sleep(step);
        waited += step;
    }
}

fn is_at(meta: &fs::Metadata, path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (meta.dev(), meta.ino()))
}

fn add(dir: &Path, file: &File, length: u64, body: &str) -> io::Result<()> {
    let (before, whole) = match last(file, length)? {
        Some((link, whole)) => (link, whole),
        None => (previous(dir)?, length == 0),
    };
    let mut line = String::with_capacity(body.len() + 120);
    if !whole {
        line.push('\n');
    }
    let start = line.len();
    let _ = write!(line, "{body},\"seq\":{}", before.seq + 1);
    let hash = hash(&before.hash, line.get(start..).unwrap_or_default());
    let _ = writeln!(line, ",\"hash\":\"{hash}\"}}");
    // One write call: what stands in the file is a prefix of it.
    let mut file = file;
    file.write_all(line.as_bytes())
}

pub(super) fn hash(before: &str, record: &str) -> String {
    let mut sha = Sha256::new();
    sha.update(before.as_bytes());
    sha.update(b"\n");
    sha.update(record.as_bytes());
    let mut text = String::with_capacity(64);
    for byte in sha.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A record without its hash, and its place; none for what is no record with a place.
pub(super) fn parts(line: &str) -> Option<(&str, Link)> {
    let (record, end) = line.rsplit_once(",\"hash\":\"")?;
    let hash =
        end.strip_suffix("\"}").filter(|h| h.len() == 64 && h.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let seq = record.rsplit_once(",\"seq\":")?.1.parse().ok()?;
    Some((record, Link { seq, hash: hash.to_owned() }))
}

/// The last record of a file that has a place, and whether the file ends with it.
fn last(file: &File, length: u64) -> io::Result<Option<(Link, bool)>> {
    let (mut size, mut from) = (TAIL, length);
    while from > 0 {
        from = length.saturating_sub(size);
        let mut bytes = vec![0; usize::try_from(length - from).unwrap_or_default()];
        file.read_exact_at(&mut bytes, from)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut ends = text.ends_with('\n');
        for line in text.trim_end_matches('\n').rsplit('\n') {
            if let Some((_, link)) = parts(line) {
                return Ok(Some((link, ends)));
            }
            ends = false;
        }
        size *= 16;
    }
    Ok(None)
}

/// The full files, oldest first, each with the number of its last record.
pub(super) fn full(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let number = name.strip_prefix("audit-").and_then(|n| n.strip_suffix(".jsonl"));
        all.extend(number.and_then(|n| n.parse().ok()).map(|n: u64| (n, path)));
    }
    all.sort();
    Ok(all)
}

/// The last record before an empty file.
fn previous(dir: &Path) -> io::Result<Link> {
    let Some((_, path)) = full(dir)?.pop() else { return Ok(Link::default()) };
    let file = File::open(path)?;
    Ok(last(&file, file.metadata()?.len())?.map(|(link, _)| link).unwrap_or_default())
}

fn rotate(dir: &Path, path: &Path, file: &File) -> io::Result<()> {
    let seq = last(file, file.metadata()?.len())?.map(|(link, _)| link.seq).unwrap_or_default();
    file.sync_data()?;
    fs::rename(path, dir.join(format!("audit-{seq:012}.jsonl")))?;
    let all = full(dir)?;
    for (_, old) in all.iter().take(all.len().saturating_sub(KEPT)) {
        fs::remove_file(old)?;
    }
    Ok(())
}

/// Has what was written so far reach the disk, and keeps the last record's place aside, so that an end that is cut off
/// is seen.
///
/// # Errors
/// Where the system says no.
pub fn flush(environment: &Environment) -> Result<(), FileError> {
    let dir = folder(environment);
    let path = dir.join(CURRENT);
    let io = |e| FileError::io(&path, e);
    let file = match File::open(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(io)?,
    };
    file.sync_data().map_err(io)?;
    let Some((link, _)) = last(&file, file.metadata().map_err(io)?.len()).map_err(io)? else { return Ok(()) };
    let anchor = format!("{{\"seq\":{},\"hash\":\"{}\"}}\n", link.seq, link.hash);
    files::replace(&dir.join(ANCHOR), &anchor, 0o600)
}

/// The place of the last record that is known to be on disk.
pub(super) const ANCHOR: &str = "anchor.json";
