//! The plan by mounts of our own, in namespaces of our own (namespaces(7)). Root needs no namespace of users for that; anyone else makes one in
//! which they stay who they are.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{getgid, getuid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::mounts::{self, MountStep};
use super::plan::ConfinementPlan;

/// Devices that a program needs.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// What of /proc steers the whole machine.
const STEERING: [&str; 5] = ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/acpi"];

/// What went wrong, and where.
type Tried<T> = Result<T, String>;

fn at<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> String {
    move |error| format!("{}: {error}", path.display())
}

/// Leaves the namespaces of the caller. The next program that is started is the first of its own.
pub(super) fn leave() -> Tried<()> {
    let (user, group) = (getuid(), getgid());
    let flags = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC;
    let rights = rustix::thread::capabilities(None).map_err(|error| error.to_string())?;
    if rights.effective.contains(CapabilitySet::SYS_ADMIN) {
        return unshare(flags).map_err(|error| format!("namespaces: {error}"));
    }
    unshare(flags | CloneFlags::CLONE_NEWUSER)
        .map_err(|error| format!("namespaces without privileges: {error}"))?;
    let write = |name: &str, text: String| fs::write(name, text).map_err(at(Path::new(name)));
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("{user} {user} 1\n"))?;
    write("/proc/self/gid_map", format!("{group} {group} 1\n"))
}

/// A place that was there before anything was mounted over it.
struct OpenedPlace {
    file: File,
}

impl OpenedPlace {
    fn open(path: &Path) -> Tried<Self> {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(at(path))?;
        Ok(Self { file })
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    fn is_dir(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| meta.is_dir())
    }
}

/// Makes the view of the files, all but /proc.
pub(super) fn arrange(plan: &ConfinementPlan) -> Tried<()> {
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).map_err(at(Path::new("/")))?;
    // Before any of it is covered.
    let mut sources = Vec::new();
    for planned in &plan.steps {
        let source = match &planned.step {
            MountStep::Shown | MountStep::ReadOnly => Some(planned.path.as_path()),
            MountStep::EmptyFile => Some(plan.empty.as_path()),
            MountStep::InPlace(from) => Some(from.as_path()),
            MountStep::EmptyFolder(_) | MountStep::SealedFolder => None,
        };
        sources.push((planned, source.map(OpenedPlace::open).transpose()?));
    }
    let devices = Devices::open()?;
    devices.place()?;
    read_only(Path::new("/sys"), None)?;
    for (planned, source) in &sources {
        place(&planned.path, &planned.step, source.as_ref())?;
    }
    for planned in plan.steps.iter().filter(|planned| planned.step == MountStep::SealedFolder) {
        again(&planned.path)?;
    }
    std::env::set_current_dir(&plan.cwd).map_err(at(&plan.cwd))
}

fn place(path: &Path, step: &MountStep, source: Option<&OpenedPlace>) -> Tried<()> {
    match (step, source) {
        (MountStep::EmptyFolder(mode), _) => folder(path, *mode),
        (MountStep::SealedFolder, _) => folder(path, 0o700),
        (MountStep::Shown, Some(source)) => bind(source, path),
        (_, Some(source)) => read_only(path, Some(source)),
        (_, None) => Ok(()),
    }
}

/// An empty folder in memory.
fn folder(path: &Path, mode: u32) -> Tried<()> {
    fs::create_dir_all(path).map_err(at(path))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(format!("mode={mode:04o}").as_str()))
        .map_err(at(path))
}

/// Has a source appear at a place, which is made where it is missing.
fn bind(source: &OpenedPlace, path: &Path) -> Tried<()> {
    if fs::symlink_metadata(path).is_err() {
        let made = if source.is_dir() {
            fs::create_dir_all(path)
        } else {
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(path).map(drop))
        };
        made.map_err(at(path))?;
    }
    let none: Option<&str> = None;
    mount(Some(&source.path()), path, none, MsFlags::MS_BIND | MsFlags::MS_REC, none).map_err(at(path))
}

/// The same, to read; without a source what is there already. Mounts below it follow it.
fn read_only(path: &Path, source: Option<&OpenedPlace>) -> Tried<()> {
    match source {
        Some(source) => bind(source, path)?,
        None if path.exists() => bind(&OpenedPlace::open(path)?, path)?,
        None => return Ok(()),
    }
    again(path)?;
    for below in mounts::seen().into_iter().filter(|seen| seen.at != path && seen.at.starts_with(path)) {
        again(&below.at)?;
    }
    Ok(())
}

/// Mounts what is mounted here again, to read. What else holds of it has to be said again: the system does not let go of it.
fn again(path: &Path) -> Tried<()> {
    let held = statvfs(path).map_err(at(path))?.flags();
    let mut flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    for (held_flag, flag) in [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ] {
        flags.set(flag, held.contains(held_flag));
    }
    let none: Option<&str> = None;
    mount(none, path, none, flags, none).map_err(at(path))
}

/// The devices that stay.
struct Devices {
    all: Vec<(&'static str, OpenedPlace)>,
    terminal: Option<OpenedPlace>,
}

impl Devices {
    fn open() -> Tried<Self> {
        let mut all = Vec::new();
        for name in DEVICES {
            all.push((name, OpenedPlace::open(&Path::new("/dev").join(name))?));
        }
        // Programs look for the name of their terminal.
        let terminals = (0..3).filter_map(|fd| fs::read_link(format!("/proc/self/fd/{fd}")).ok());
        let terminal = terminals
            .filter(|path| path.starts_with("/dev/pts"))
            .find_map(|path| OpenedPlace::open(&path).ok());
        Ok(Self { all, terminal })
    }

    /// A /dev with nothing but these, and terminals of its own.
    fn place(&self) -> Tried<()> {
        let dev = Path::new("/dev");
        let made = |path: PathBuf, made: io::Result<()>| made.map_err(at(&path));
        mount(Some("tmpfs"), dev, Some("tmpfs"), MsFlags::MS_NOSUID, Some("mode=0755")).map_err(at(dev))?;
        for (name, source) in &self.all {
            bind(source, &dev.join(name))?;
        }
        for name in ["pts", "shm"] {
            made(dev.join(name), fs::create_dir(dev.join(name)))?;
        }
        made(dev.join("shm"), fs::set_permissions(dev.join("shm"), fs::Permissions::from_mode(0o1777)))?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        let options = Some("newinstance,ptmxmode=0666,mode=0620");
        mount(Some("devpts"), &dev.join("pts"), Some("devpts"), flags, options)
            .map_err(at(&dev.join("pts")))?;
        let links = [
            ("ptmx", "pts/ptmx"),
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ];
        for (name, target) in links {
            made(dev.join(name), symlink(target, dev.join(name)))?;
        }
        self.terminal.as_ref().map_or(Ok(()), |terminal| bind(terminal, &dev.join("console")))
    }
}

/// Keeps, over the start of the next program, the right to mount: that program mounts /proc.
pub(super) fn keep_mounting() -> Tried<()> {
    let failed = |error: rustix::io::Errno| format!("rights: {error}");
    if getuid().is_root() {
        return Ok(());
    }
    let kept = CapabilitySet::SYS_ADMIN | CapabilitySet::SETPCAP;
    let own = rustix::thread::capabilities(None).map_err(failed)?;
    rustix::thread::set_capabilities(None, CapabilitySets { inheritable: kept, ..own }).map_err(failed)?;
    for right in kept.iter() {
        rustix::thread::configure_capability_in_ambient_set(right, true).map_err(failed)?;
    }
    Ok(())
}

/// Mounts the /proc of this process's own namespace, in which it is the first.
pub(super) fn mount_proc() -> Tried<()> {
    let proc = Path::new("/proc");
    let none: Option<&str> = None;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), proc, Some("proc"), flags, none).map_err(at(proc))?;
    if getuid().is_root() {
        // Anyone else may not write there in any case; and a covered /proc would keep sandboxes inside from making their own.
        for path in STEERING.map(Path::new) {
            read_only(path, None)?;
        }
    }
    Ok(())
}
