//! Reading what only the user may have written, and writing so that a kill at any moment leaves the old or the new.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Others could have written it.
    #[error("{}: {why}; {fix}", path.display())]
    NotTrusted {
        /// The file or its folder.
        path: PathBuf,
        /// What is wrong.
        why: String,
        /// The command that puts it right.
        fix: String,
    },
    /// It is no text file of a sensible size.
    #[error("{}: {why}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl FileError {
    /// An error of the system about a path.
    #[must_use]
    pub fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// Most links that are followed to where a file is to be.
const MOST_LINKS: usize = 16;
/// Longest file that is read.
const LARGEST: u64 = 4 << 20;

/// Reads a regular file of at most 4 MiB, whoever wrote it. None where there is no such file.
///
/// # Errors
/// Where it is there and cannot be read as text.
pub fn read(path: &Path) -> Result<Option<String>, FileError> {
    let Some(mut file) = open(path)? else { return Ok(None) };
    let meta = file.metadata().map_err(|e| FileError::io(path, e))?;
    text(path, &mut file, &meta)
}

/// Reads a file that steers decisions. As ssh's StrictModes has it, neither it nor its folder may be writable by
/// others: the user's or root's, and no write bit for anyone else (the group of the user's own name is the user).
///
/// # Errors
/// Where it cannot be trusted, or cannot be read as text.
pub fn read_trusted(path: &Path) -> Result<Option<String>, FileError> {
    let Some((mut file, real)) = open_real(path)? else { return Ok(None) };
    let meta = file.metadata().map_err(|e| FileError::io(path, e))?;
    if !meta.is_file() {
        return Err(unfit(path, "is not a regular file"));
    }
    trust(path, &meta)?;
    if let Some(folder) = real.parent() {
        trust(folder, &fs::metadata(folder).map_err(|e| FileError::io(folder, e))?)?;
    }
    text(path, &mut file, &meta)
}

fn unfit(path: &Path, why: &str) -> FileError {
    FileError::Unfit { path: path.to_owned(), why: why.to_owned() }
}

fn open(path: &Path) -> Result<Option<File>, FileError> {
    there(path, open_with(path, OFlag::empty()))
}

fn there(path: &Path, opened: io::Result<File>) -> Result<Option<File>, FileError> {
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(FileError::io(path, e)),
    }
}

fn open_with(path: &Path, more: OFlag) -> io::Result<File> {
    // A FIFO would hang an ordinary open.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | more;
    OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)
}

/// The file and where it really lies: mostly where it is named, which opening tells without a question of its own.
fn open_real(path: &Path) -> Result<Option<(File, PathBuf)>, FileError> {
    match open_with(path, OFlag::O_NOFOLLOW) {
        Err(e) if e.raw_os_error() == Some(Errno::ELOOP as i32) => {
            let Some(file) = open(path)? else { return Ok(None) };
            let real = fs::canonicalize(path).map_err(|e| FileError::io(path, e))?;
            Ok(Some((file, real)))
        }
        opened => Ok(there(path, opened)?.map(|file| (file, path.to_owned()))),
    }
}

fn text(path: &Path, file: &mut File, meta: &fs::Metadata) -> Result<Option<String>, FileError> {
    if !meta.is_file() {
        return Err(unfit(path, "is not a regular file"));
    }
    if meta.len() > LARGEST {
        return Err(unfit(path, "is larger than 4 MiB"));
    }
    let size = usize::try_from(meta.len()).unwrap_or_default();
    let mut bytes = vec![0; size + 1];
    let read = file.read(&mut bytes).map_err(|e| FileError::io(path, e))?;
    bytes.truncate(read);
    // One read is enough, but for a file that is being written, or of which the system says no size (/proc).
    if read != size || size == 0 {
        file.take(LARGEST).read_to_end(&mut bytes).map_err(|e| FileError::io(path, e))?;
    }
    String::from_utf8(bytes).map(Some).map_err(|_| unfit(path, "is not UTF-8 text"))
}

/// The user and group of this process, asked once.
fn user() -> (u32, u32) {
    static USER: OnceLock<(u32, u32)> = OnceLock::new();
    *USER.get_or_init(|| (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw()))
}

fn trust(path: &Path, meta: &fs::Metadata) -> Result<(), FileError> {
    let (me, group) = user();
    let not = |why: String, fix: &str| FileError::NotTrusted {
        path: path.to_owned(),
        why,
        fix: format!("{fix} {}", path.display()),
    };
    if meta.uid() != me && meta.uid() != 0 {
        return Err(not(format!("belongs to user {}, not to you or root", meta.uid()), "chown $(id -u)"));
    }
    let own_group = meta.gid() == me && group == me;
    let others = if own_group { 0o002 } else { 0o022 };
    // A sticky folder such as /tmp lets nobody replace another's file.
    let sticky = meta.is_dir() && meta.mode() & 0o1000 != 0;
    if meta.mode() & others != 0 && !sticky {
        return Err(not("is writable by others".to_owned(), "chmod go-w"));
    }
    Ok(())
}

/// Makes a folder, and the ones above it, for the user alone (0700); one that is there stays as it is.
///
/// # Errors
/// Where the system says no.
pub fn make_private_dir(path: &Path) -> Result<(), FileError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| FileError::io(path, e))
}

/// Writes a file whole: a sibling first, to the disk, then in its place. A link is followed, so that it stays one;
/// a file that is there keeps its mode, a new one gets `mode`.
///
/// # Errors
/// Where the system says no; the file is as it was then.
pub fn write(path: &Path, contents: &str, mode: u32) -> Result<(), FileError> {
    let path = placed(path, contents, mode, File::sync_all)?;
    // The new name has to reach the disk as well; not every file system lets a folder be synced.
    let _ = path.parent().and_then(|folder| File::open(folder).ok()).map(|folder| folder.sync_all());
    Ok(())
}

/// The same without waiting for the disk: after a power failure the file may be as it was before, or empty.
///
/// # Errors
/// Where the system says no; the file is as it was then.
pub fn replace(path: &Path, contents: &str, mode: u32) -> Result<(), FileError> {
    placed(path, contents, mode, |_| Ok(())).map(drop)
}

fn placed(
    path: &Path,
    contents: &str,
    mode: u32,
    finish: impl FnOnce(&File) -> io::Result<()>,
) -> Result<PathBuf, FileError> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| led(path));
    let folder = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mode = fs::metadata(&path).map_or(mode, |meta| meta.mode() & 0o7777);
    let sibling = folder.join(format!(".{name}.{}.new", std::process::id()));
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&sibling)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(contents.as_bytes())?;
        finish(&file)?;
        fs::rename(&sibling, &path)
    };
    if let Err(e) = write() {
        let _ = fs::remove_file(&sibling);
        return Err(FileError::io(&path, e));
    }
    Ok(path)
}

/// Where a path leads by links, of which the last file need not be there yet.
fn led(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    path
}

/// A lock that is held until it is dropped, and that a killed process leaves.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

/// Waits for the lock on a folder's state.
///
/// # Errors
/// Where the system says no.
pub fn lock(dir: &Path) -> Result<Lock, FileError> {
    lock_of(dir, "config")
}

/// Waits for one of the locks of the configuration directory.
///
/// # Errors
/// Where the system says no.
pub fn lock_of(dir: &Path, name: &str) -> Result<Lock, FileError> {
    let (path, file) = lock_file(dir, name)?;
    let locked = Flock::lock(file, FlockArg::LockExclusive);
    Ok(Lock { _file: locked.map_err(|(_, e)| FileError::io(&path, e.into()))? })
}

/// The same without waiting: none where another process has it.
///
/// # Errors
/// Where the system says no.
pub fn try_lock(dir: &Path, name: &str) -> Result<Option<Lock>, FileError> {
    let (path, file) = lock_file(dir, name)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(file) => Ok(Some(Lock { _file: file })),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, e)) => Err(FileError::io(&path, e.into())),
    }
}

fn lock_file(dir: &Path, name: &str) -> Result<(PathBuf, File), FileError> {
    let run = dir.join("run");
    make_private_dir(&run)?;
    let path = run.join(format!("{name}.lock"));
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(|e| FileError::io(&path, e))?;
    Ok((path, file))
}
