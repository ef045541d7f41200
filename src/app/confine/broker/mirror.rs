//! What the broker has of a remote that a session pushes to: a bare repository of its own, which nothing but the remote and the person's git fills.
//! What a session sends waits beside it, in a folder of its own, until it is judged; then it is gone.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::desk;
use rwenv_gate::base::environment::{Environment, var};
use rwenv_gate::base::process::{self, ProcessOutput};
use rwenv_gate::base::{files, program};
use rwenv_gate::facts::objects::{Budget, ObjectRepository};
use rwenv_gate::judge::Permit;

/// Longest time that git takes with a remote.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// Largest pack that a session sends, in bytes.
const LARGEST: u64 = 2 << 30;
/// Settings of the git that runs outside: of no hook, and of nothing that goes on by itself.
const OWN: [&str; 7] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "push.followTags=false",
    "push.gpgSign=false",
];
/// Folders of refs that forges keep for themselves (pull requests, changes, pipelines), and replacements: nobody pushes on what they hold.
const FORGES: [&str; 9] = [
    "pull",
    "pull-requests",
    "merge-requests",
    "changes",
    "keep-around",
    "pipelines",
    "environments",
    "cache-automerge",
    "replace",
];
/// Variables of the person's that would lead to another repository.
const LEADING: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_COMMON_DIR",
    "GIT_EXEC_PATH",
];

/// One ref that a session wants changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WantedUpdate {
    /// What it is at; zeros where it is not there.
    pub(super) old: String,
    /// What it is to be at; zeros where it is to go.
    pub(super) new: String,
    /// Its whole name.
    pub(super) name: String,
}

impl WantedUpdate {
    /// True where the ref is to go.
    pub(super) fn deletes(&self) -> bool {
        is_zero(&self.new)
    }
}

/// True for the name of no object.
pub(super) fn is_zero(name: &str) -> bool {
    name.bytes().all(|byte| byte == b'0')
}

/// The person's git, in a mirror of ours, with their credentials and with nobody to ask.
pub(super) fn git(dir: &Path, environment: &Environment) -> io::Result<Command> {
    let missing = || io::Error::other("git is not on PATH");
    let mut command = Command::new(program::find("git", environment).ok_or_else(missing)?);
    command.args(OWN.iter().flat_map(|setting| ["-c", setting])).current_dir(dir);
    for name in LEADING {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0");
    command.env("GIT_NO_REPLACE_OBJECTS", "1");
    // No repository around it is looked for: a session could have made one in the home.
    command.env("GIT_DIR", dir);
    if var("GIT_SSH_COMMAND").is_none() && var("GIT_SSH").is_none() {
        command.env("GIT_SSH_COMMAND", ssh(dir, environment));
    }
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// The ssh that the person's git uses, as a line of shell; told not to ask where it is ssh itself.
pub(super) fn ssh(dir: &Path, environment: &Environment) -> String {
    let own = || var("GIT_SSH_COMMAND").or_else(|| var("GIT_SSH").map(|path| quoted(&path)));
    let repository = ObjectRepository::at(dir, environment, Budget::ample()).ok();
    // As above: its configuration is the person's and ours, and of nothing around.
    let repository = repository.map(|repository| repository.with_waiting(&dir.join("objects")));
    let quiet = || repository.as_ref().and_then(ObjectRepository::quiet_ssh);
    let configured =
        || repository.as_ref().and_then(|r| r.text(&["config", "--get", "core.sshCommand"]).ok());
    own().or_else(quiet).or_else(configured).unwrap_or_else(|| "ssh".to_owned())
}

/// A word as a shell reads it.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The mirror of one remote.
#[derive(Clone, Debug)]
pub(super) struct Mirror {
    /// Where it is.
    pub(super) path: PathBuf,
    url: String,
    environment: Environment,
}

impl Mirror {
    /// The mirror of a remote, made where it is not there.
    pub(super) fn of(url: &str, environment: &Environment) -> io::Result<Self> {
        let digest = Sha256::digest(url);
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let path = desk::folder(environment).join(format!("{name}.git"));
        files::make_private_dir(&path).map_err(io::Error::other)?;
        let mirror = Self { path, url: url.to_owned(), environment: environment.clone() };
        // Of two sessions that begin at once, one makes it.
        let _lock = files::lock_of(&environment.config_dir, "broker").map_err(io::Error::other)?;
        if !mirror.path.join("HEAD").exists() {
            mirror.ran(&["init", "--quiet", "--bare", "--template="])?;
            mirror.ran(&["config", "remote.broker.url", url])?;
        }
        Ok(mirror)
    }

    /// Where the remote is pushed to, as the person's configuration rewrites it.
    pub(super) fn pushed_to(&self) -> io::Result<String> {
        Ok(self.ran(&["remote", "get-url", "--push", "broker"])?.trim_end().to_owned())
    }

    /// Takes over what the remote has now.
    pub(super) fn refresh(&self) -> io::Result<()> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let _lock = files::lock_of(&self.environment.config_dir, &format!("broker-{name}"))
            .map_err(io::Error::other)?;
        self.clear();
        let fetch =
            ["fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules", "--update-head-ok"];
        let without = FORGES.map(|folder| format!("^refs/{folder}/*"));
        let refs =
            [self.url.as_str(), "+refs/*:refs/*"].into_iter().chain(without.iter().map(String::as_str));
        let all: Vec<&str> = fetch.into_iter().chain(refs).collect();
        self.ran(&all).map(drop)
    }

    /// The refs of the remote, as they were when it was asked: object and name.
    pub(super) fn refs(&self) -> io::Result<Vec<(String, String)>> {
        let text = self.ran(&["for-each-ref", "--format=%(objectname) %(refname)"])?;
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.map(|(object, name)| (object.to_owned(), name.to_owned())).collect())
    }

    /// Removes what sessions that are gone have left.
    fn clear(&self) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = name.strip_prefix("waiting-").and_then(|rest| rest.split('-').next()?.parse().ok());
            let gone = |pid: i32| nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_err();
            if pid.is_some_and(gone) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn ran(&self, arguments: &[&str]) -> io::Result<String> {
        let mut command = git(&self.path, &self.environment)?;
        command.args(arguments);
        let said = process::output(&mut command, b"", PATIENCE);
        let said = said.ok_or_else(|| io::Error::other("git did not answer in time"))?;
        if said.success { Ok(said.stdout) } else { Err(io::Error::other(said.stderr.trim().to_owned())) }
    }
}

/// What a session sent, beside the mirror. Gone when it is dropped.
#[derive(Debug)]
pub(super) struct Quarantine<'m> {
    mirror: &'m Mirror,
    folder: PathBuf,
}

impl<'m> Quarantine<'m> {
    /// Takes in a pack: checked object by object, completed by what the mirror has, and of a bounded size.
    pub(super) fn take(mirror: &'m Mirror, pack: Option<UnixStream>) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let folder = mirror.path.join(format!("waiting-{}-{number}", std::process::id()));
        files::make_private_dir(&folder.join("pack")).map_err(io::Error::other)?;
        let waiting = Self { mirror, folder };
        let Some(pack) = pack else { return Ok(waiting) };
        let mut command = git(&mirror.path, &mirror.environment)?;
        command.args(["index-pack", "--stdin", "--fix-thin", "--strict"]);
        command.arg(format!("--max-input-size={LARGEST}"));
        waiting.seen_by(&mut command);
        // The connection itself: git alone knows where a pack ends, and the session waits for the answer.
        let ended = command.stdin(Stdio::from(OwnedFd::from(pack))).output()?;
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            return Err(io::Error::other(
                said.trim().lines().next_back().unwrap_or("git refuses the pack").to_owned(),
            ));
        }
        Ok(waiting)
    }

    fn seen_by(&self, command: &mut Command) {
        command
            .env("GIT_OBJECT_DIRECTORY", &self.folder)
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.mirror.path.join("objects"));
    }

    /// The mirror with what waits, to read.
    pub(super) fn repository(&self) -> io::Result<ObjectRepository> {
        let repository = ObjectRepository::at(&self.mirror.path, &self.mirror.environment, Budget::ample());
        Ok(repository.map_err(io::Error::other)?.with_waiting(&self.folder))
    }

    /// Pushes it as the person. Each ref changes only if it is where the session saw it.
    pub(super) fn push(
        &self,
        updates: &[WantedUpdate],
        (atomic, options): (bool, &[String]),
        _: Permit,
    ) -> io::Result<ProcessOutput> {
        let mut command = git(&self.mirror.path, &self.mirror.environment)?;
        command.args(["push", "--porcelain", "--no-verify", "--no-recurse-submodules", "--no-signed"]);
        command.args(atomic.then_some("--atomic"));
        command.args(options.iter().map(|option| format!("--push-option={option}")));
        for update in updates {
            let old = if is_zero(&update.old) { "" } else { &update.old };
            command.arg(format!("--force-with-lease={}:{old}", update.name));
        }
        command.arg("--").arg(&self.mirror.url);
        for update in updates {
            let new = if update.deletes() { "" } else { &update.new };
            command.arg(format!("{new}:{}", update.name));
        }
        self.seen_by(&mut command);
        let said = process::output(&mut command, b"", PATIENCE);
        said.ok_or_else(|| io::Error::other("the remote did not answer in time"))
    }
}

impl Drop for Quarantine<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
