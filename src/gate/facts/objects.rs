//! Commits, trees and files of a repository, read from its objects by git's own plumbing, which runs nothing a repository
//! brings: no hook, filter, textconv or attribute. Replacement refs are passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::base::clock;
use crate::base::environment::{Environment, var};
use crate::base::process;
use crate::base::program;

/// Largest file that is read whole, in bytes; YAML that is larger is a finding, others are data.
pub(super) const LARGEST: usize = 8 << 20;
/// Most bytes that are read in all.
const MOST_BYTES: usize = 1 << 30;

/// Why objects could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// git said no.
    #[error("git {command}: {message}")]
    Git {
        /// Its arguments.
        command: String,
        /// What it said.
        message: String,
    },
    /// More than is looked at before someone loses patience.
    #[error("{0}")]
    TooLarge(String),
    /// There is no git.
    #[error("git is not on PATH")]
    NoGit,
}

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Most objects.
    pub objects: usize,
    /// When to give up, as time since 1970.
    pub until: Duration,
}

impl Budget {
    /// So many objects, and so much time from now on.
    #[must_use]
    pub fn of(objects: usize, time: Duration) -> Self {
        Self { objects, until: clock::monotonic() + time }
    }

    /// No limit a person would notice.
    #[must_use]
    pub fn ample() -> Self {
        Self::of(10_000_000, Duration::from_secs(3600))
    }

    /// Nothing as long as so many objects are within it.
    ///
    /// # Errors
    /// Where they are not.
    pub(super) fn check(&self, done: usize) -> Result<(), ObjectsError> {
        if done > self.objects {
            return Err(ObjectsError::TooLarge(format!("more than {} objects", self.objects)));
        }
        if clock::monotonic() > self.until {
            return Err(ObjectsError::TooLarge(format!("not read in time ({done} objects so far)")));
        }
        Ok(())
    }
}

/// A repository whose objects are read.
#[derive(Clone, Debug)]
pub struct ObjectRepository {
    dir: PathBuf,
    git: PathBuf,
    home: PathBuf,
    path: String,
    /// The programs of git that reach remotes by the broker, where a session of `rwenv run` has them.
    broker: Option<PathBuf>,
    /// Where objects wait that are not accepted yet.
    waiting: Option<PathBuf>,
    pub(super) budget: Budget,
}

/// What stands in ssh's place among them.
pub const BROKER_SSH: &str = "rwenv-ssh";
/// The folder in which each session of `rwenv run` has its own: nothing but such a session finds programs of git there.
const SESSIONS: &str = "run/confined";

/// The files of one commit, or of the index.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Object name by path.
    pub files: BTreeMap<String, String>,
    /// The paths that are symbolic links.
    pub links: BTreeSet<String>,
}

impl ObjectRepository {
    /// The repository around a directory.
    ///
    /// # Errors
    /// Where there is no git.
    pub fn at(dir: &Path, environment: &Environment, budget: Budget) -> Result<Self, ObjectsError> {
        let git = program::find("git", environment).ok_or(ObjectsError::NoGit)?;
        let (home, path) = (environment.home.clone(), environment.path.clone());
        let broker = var("GIT_EXEC_PATH").map(PathBuf::from);
        let broker = broker.filter(|dir| dir.starts_with(environment.config_dir.join(SESSIONS)));
        Ok(Self { dir: dir.to_owned(), git, home, path, broker, waiting: None, budget })
    }

    /// The same with objects that wait in a folder of their own, beside those of the repository, which is bare.
    #[must_use]
    pub fn with_waiting(mut self, objects: &Path) -> Self {
        self.waiting = Some(objects.to_owned());
        self
    }

    /// The same with another budget.
    #[must_use]
    pub fn within(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.git);
        // A program that git would ask which files have changed: a repository's configuration may name one.
        command.args(["--no-replace-objects", "-c", "core.fsmonitor=false"]);
        command.args(arguments).current_dir(&self.dir).env_clear();
        command.env("HOME", &self.home).env("PATH", &self.path).env("LC_ALL", "C");
        command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0");
        // Where the caller's repository lies, and where objects wait that are not accepted yet (pre-receive).
        for name in [
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            "GIT_QUARANTINE_PATH",
            "GIT_CONFIG_GLOBAL",
            "GIT_CONFIG_SYSTEM",
            "GIT_CONFIG_NOSYSTEM",
            "XDG_CONFIG_HOME",
            "SSH_AUTH_SOCK",
        ] {
            if let Some(value) = var(name) {
                command.env(name, value);
            }
        }
        if let Some(programs) = &self.broker {
            command.env("GIT_EXEC_PATH", programs).env("GIT_SSH_COMMAND", programs.join(BROKER_SSH));
        }
        if let Some(waiting) = &self.waiting {
            command
                .env("GIT_DIR", &self.dir)
                .env("GIT_OBJECT_DIRECTORY", waiting)
                .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.dir.join("objects"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What a git command prints.
    ///
    /// # Errors
    /// Where it fails.
    pub fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, ObjectsError> {
        let output = self.command(arguments).output().map_err(|e| failed(arguments, &e.to_string()))?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(failed(arguments, &String::from_utf8_lossy(&output.stderr)))
        }
    }

    /// The same as text, without the line break at its end.
    ///
    /// # Errors
    /// Where it fails.
    pub fn text(&self, arguments: &[&str]) -> Result<String, ObjectsError> {
        Ok(String::from_utf8_lossy(&self.run(arguments)?).trim_end().to_owned())
    }

    /// What `git ls-remote` says of a URL: an object name and a ref per line. Nobody is asked for a password; none where
    /// it does not answer in time.
    #[must_use]
    pub fn remote_refs(&self, url: &str, patience: Duration) -> Option<String> {
        let mut command = Command::new(&self.git);
        // git has rewritten this URL (insteadOf, pushInsteadOf) and would do so again: a name that nobody knows stands for it.
        let name = format!("rwenv-{}-{}:", std::process::id(), clock::monotonic().as_nanos());
        command.args(["ls-remote", "--refs", "--quiet", "--", &name]).current_dir(&self.dir);
        let count = var("GIT_CONFIG_COUNT").and_then(|count| count.parse::<u32>().ok()).unwrap_or_default();
        command
            .env("GIT_CONFIG_COUNT", (count + 1).to_string())
            .env(format!("GIT_CONFIG_KEY_{count}"), format!("url.{url}.insteadOf"))
            .env(format!("GIT_CONFIG_VALUE_{count}"), &name)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "true")
            .env("SSH_ASKPASS_REQUIRE", "never");
        if let Some(ssh) = self.quiet_ssh() {
            command.env("GIT_SSH_COMMAND", ssh);
        }
        process::output(&mut command, b"", patience).filter(|said| said.success).map(|said| said.stdout)
    }

    /// The ssh that git is told to use, told not to ask a person; none where it is another program, which is used as it is.
    #[must_use]
    pub fn quiet_ssh(&self) -> Option<String> {
        if self.broker.is_some() || var("GIT_SSH_COMMAND").is_some() || var("GIT_SSH").is_some() {
            return None;
        }
        let configured = self.text(&["config", "--get", "core.sshCommand"]).unwrap_or_default();
        let own = if configured.is_empty() { "ssh" } else { configured.as_str() };
        let program = own.split_whitespace().next().and_then(|word| word.rsplit('/').next());
        (program == Some("ssh")).then(|| format!("{own} -oBatchMode=yes"))
    }

    /// Those of these objects that are here.
    ///
    /// # Errors
    /// Where git fails.
    pub fn present(&self, names: &[&str]) -> Result<Vec<String>, ObjectsError> {
        let arguments = ["cat-file", "--batch-check"];
        let mut child = self.spawn(&arguments)?;
        let input = names.iter().flat_map(|name| [name.as_bytes(), b"\n"].concat()).collect();
        let stdout = feed(&mut child, input);
        let lines = stdout.into_iter().flat_map(|out| BufReader::new(out).lines()).map_while(Result::ok);
        let found = lines.filter(|line| !line.ends_with(" missing"));
        let found = found.filter_map(|line| line.split(' ').next().map(str::to_owned)).collect();
        finish(child, &arguments)?;
        Ok(found)
    }

    /// What a name leads to in the end: `commit`, `tree` or `blob`.
    ///
    /// # Errors
    /// Where there is no such object.
    pub fn kind(&self, name: &str) -> Result<String, ObjectsError> {
        self.text(&["cat-file", "-t", &format!("{name}^{{}}")])
    }

    /// The files of a commit.
    ///
    /// # Errors
    /// Where there is no such commit.
    pub fn commit(&self, commit: &str) -> Result<Listing, ObjectsError> {
        let text = self.run(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
        Ok(listing(&text, 2))
    }

    /// The files of the index: what a commit would hold now.
    ///
    /// # Errors
    /// Where there is no index.
    pub fn staged(&self) -> Result<Listing, ObjectsError> {
        let text = self.run(&["ls-files", "--stage", "-z", "--full-name", ":/"])?;
        Ok(listing(&text, 1))
    }

    /// Reads the contents of objects, one after another.
    ///
    /// # Errors
    /// Where git fails, or there is too much of it.
    pub fn read(&self, objects: &[(String, String)]) -> Result<Vec<(String, Vec<u8>)>, ObjectsError> {
        let names: Vec<&str> = objects.iter().map(|(_, name)| name.as_str()).collect();
        let mut out = Vec::with_capacity(objects.len());
        let mut paths = objects.iter().map(|(path, _)| path);
        self.batch(&names, |_, _, bytes| {
            if let Some(path) = paths.next() {
                out.push((path.clone(), bytes.unwrap_or_default().to_vec()));
            }
        })?;
        Ok(out)
    }

    /// The newest of these commits' history that the tip comes from: the tip itself where it is known; none where they
    /// share nothing.
    ///
    /// # Errors
    /// Where git fails.
    pub fn base(&self, tip: &str, known: &[String]) -> Result<Option<String>, ObjectsError> {
        let arguments = ["rev-list", "--boundary", "--topo-order", "--stdin"];
        let text = self.with_input(&arguments, &[tip.to_owned()], known)?;
        let mut lines = text.lines().peekable();
        if lines.peek().is_none() {
            return Ok(Some(tip.to_owned()));
        }
        Ok(lines.find_map(|line| line.strip_prefix('-')).map(str::to_owned))
    }

    /// What a git command prints that reads commits, and those to leave out, from its input.
    fn with_input(
        &self,
        arguments: &[&str],
        tips: &[String],
        known: &[String],
    ) -> Result<String, ObjectsError> {
        let mut child = self.spawn(arguments)?;
        let mut text = String::new();
        if let Some(mut stdout) = feed(&mut child, revisions(tips, known)) {
            stdout.read_to_string(&mut text).map_err(|e| failed(arguments, &e.to_string()))?;
        }
        finish(child, arguments)?;
        Ok(text)
    }

    /// Starts a git command that is written to and read from.
    pub(super) fn spawn(&self, arguments: &[&str]) -> Result<Child, ObjectsError> {
        self.command(arguments).stdin(Stdio::piped()).spawn().map_err(|e| failed(arguments, &e.to_string()))
    }

    /// Hands over each object's place in the list, kind and content; none of one that is too large.
    pub(super) fn batch(
        &self,
        names: &[&str],
        mut take: impl FnMut(usize, &str, Option<&[u8]>),
    ) -> Result<(), ObjectsError> {
        let arguments = ["cat-file", "--batch", "--buffer"];
        let mut child = self.spawn(&arguments)?;
        let input = names.iter().flat_map(|name| [name.as_bytes(), b"\n"].concat()).collect();
        let Some(stdout) = feed(&mut child, input) else { return Err(failed(&arguments, "no output")) };
        let mut reader = BufReader::with_capacity(1 << 18, stdout);
        let (mut line, mut bytes, mut total) = (String::new(), Vec::new(), 0);
        for (done, _) in names.iter().enumerate() {
            line.clear();
            reader.read_line(&mut line).map_err(|e| failed(&arguments, &e.to_string()))?;
            let mut words = line.split_whitespace();
            let (Some(name), Some(kind)) = (words.next(), words.next()) else {
                return Err(failed(&arguments, "ended before its work was done"));
            };
            let Some(size) = words.next().and_then(|size| size.parse::<usize>().ok()) else {
                return Err(failed(&arguments, &format!("{name} is {kind}")));
            };
            total += size;
            if size > LARGEST {
                std::io::copy(&mut (&mut reader).take(size as u64 + 1), &mut std::io::sink())
                    .map_err(|e| failed(&arguments, &e.to_string()))?;
                take(done, kind, None);
            } else {
                bytes.resize(size + 1, 0);
                reader.read_exact(&mut bytes).map_err(|e| failed(&arguments, &e.to_string()))?;
                take(done, kind, bytes.get(..size));
            }
            within(total).inspect_err(|_| drop(child.kill()))?;
            if done % 256 == 0 {
                self.budget.check(done).inspect_err(|_| drop(child.kill()))?;
            }
        }
        finish(child, &arguments)
    }
}

/// Commits as `--stdin` takes them, those to leave out behind `^`.
pub(super) fn revisions(tips: &[String], known: &[String]) -> Vec<u8> {
    let known = known.iter().map(|known| format!("^{known}\n"));
    tips.iter().map(|tip| format!("{tip}\n")).chain(known).collect::<String>().into_bytes()
}

/// Nothing as long as so many bytes are not too many.
pub(super) fn within(total: usize) -> Result<(), ObjectsError> {
    if total > MOST_BYTES {
        return Err(ObjectsError::TooLarge(format!("more than {} MiB of content", MOST_BYTES >> 20)));
    }
    Ok(())
}

pub(super) fn failed(arguments: &[&str], message: &str) -> ObjectsError {
    ObjectsError::Git { command: arguments.join(" "), message: message.trim().to_owned() }
}

/// Writes a child's input beside, so that neither waits for the other.
pub(super) fn feed(child: &mut Child, input: Vec<u8>) -> Option<ChildStdout> {
    let stdin = child.stdin.take();
    std::thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(&input)));
    child.stdout.take()
}

pub(super) fn finish(mut child: Child, arguments: &[&str]) -> Result<(), ObjectsError> {
    let mut message = String::new();
    let stderr = child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut message));
    let status = child.wait().map_err(|e| failed(arguments, &e.to_string()))?;
    if status.success() && !matches!(stderr, Some(Err(_))) {
        Ok(())
    } else {
        Err(failed(arguments, &message))
    }
}

/// Entries of `ls-tree` or `ls-files --stage`: mode, kind or name, …, a tab, the path. Submodules are left out.
fn listing(text: &[u8], column: usize) -> Listing {
    let mut all = Listing::default();
    for entry in text.split(|b| *b == 0).filter(|entry| !entry.is_empty()) {
        let entry = String::from_utf8_lossy(entry);
        let Some((head, path)) = entry.split_once('\t') else { continue };
        let Some(name) = head.split(' ').nth(column).filter(|_| !head.starts_with("160000")) else {
            continue;
        };
        if head.starts_with("120000") {
            all.links.insert(path.to_owned());
        }
        all.files.insert(path.to_owned(), name.to_owned());
    }
    all
}
