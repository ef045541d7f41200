//! Reading the log, and checking that nothing in it was changed.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::caller::{AgentRecord, CiRecord};
use super::log::{ANCHOR, CURRENT, Link, folder, full, hash, parts, spool};
use super::standing::MachineStanding;
use crate::base::environment::Environment;
use crate::base::files::{self, FileError};

/// How much of the end of a file is read for the last time in it, in bytes.
const END: u64 = 64 << 10;

/// A record as it is read: of a verdict, or of an event.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AuditEntry {
    /// Its number, from 1; 0 where it has no place in the chain.
    pub seq: u64,
    /// Its hash, which names it among all records; none where it has no place in the chain.
    pub hash: Option<String>,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// The process that wrote it.
    pub pid: u32,
    /// The enforcement point, or the daemon.
    pub door: String,
    /// The agent's session, where the door knows it.
    pub session: Option<String>,
    /// The agent, as far as the door knows it.
    pub agent: Option<AgentRecord>,
    /// The linked worktree of Git that it works in.
    pub worktree: Option<String>,
    /// The job of a CI system.
    pub ci: Option<CiRecord>,
    /// The ID of a request in the cluster's own audit log.
    #[serde(rename = "auditID")]
    pub audit_id: Option<String>,
    /// The directory the line starts in.
    pub cwd: String,
    /// The command line.
    pub command: String,
    /// The rwenvs it concerned.
    pub rwenvs: Vec<String>,
    /// What it changes beyond this machine.
    pub effects: Vec<String>,
    /// The decision; empty for an event.
    pub decision: String,
    /// What the rules said.
    pub reasons: Vec<ReasonEntry>,
    /// The event.
    pub event: String,
    /// More about the event.
    pub detail: String,
    /// The grant that an event is about.
    pub grant: Option<String>,
    /// What a grant is for, in the person's words.
    pub reason: Option<String>,
    /// Who made a grant, or answered.
    pub person: Option<String>,
    /// The number of the record that this one is about.
    pub about: Option<u64>,
    /// How the guard stood on a machine.
    pub standing: Option<MachineStanding>,
    /// The line as it stands in the log.
    #[serde(skip)]
    pub line: String,
}

/// One rule's answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReasonEntry {
    /// The rule.
    pub rule: String,
    /// In whose name.
    pub rwenv: Option<String>,
    /// The grant that lifted it.
    pub grant: Option<String>,
}

impl AuditEntry {
    fn of(line: &str) -> Option<Self> {
        let entry: Self = serde_json::from_str(line).ok()?;
        Some(Self { line: line.to_owned(), ..entry })
    }

    /// True where a rwenv was concerned.
    #[must_use]
    pub fn concerns(&self, rwenv: &str) -> bool {
        self.rwenvs.iter().any(|name| name == rwenv)
            || self.reasons.iter().any(|said| said.rwenv.as_deref() == Some(rwenv))
    }
}

/// The files of a log, oldest first.
fn log_files(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut all: Vec<PathBuf> = match full(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(|e| FileError::io(dir, e))?.into_iter().map(|(_, path)| path).collect(),
    };
    all.push(dir.join(CURRENT));
    all.retain(|path| path.exists());
    Ok(all)
}

/// Hands every line of a file on, with its number.
fn lines(path: &Path, mut take: impl FnMut(usize, &str)) -> Result<(), FileError> {
    let io = |e| FileError::io(path, e);
    let mut reader = BufReader::new(File::open(path).map_err(io)?);
    let (mut bytes, mut number) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut bytes).map_err(io)? > 0 {
        number += 1;
        take(number, String::from_utf8_lossy(&bytes).trim_end_matches('\n'));
        bytes.clear();
    }
    Ok(())
}

/// Hands every record on, oldest first; those that were written while the home directory could not be come last.
///
/// # Errors
/// Where a file cannot be read.
pub fn entries(environment: &Environment, mut take: impl FnMut(AuditEntry)) -> Result<(), FileError> {
    let folders = [Some(folder(environment)), spool(environment)];
    folders.into_iter().flatten().try_for_each(|dir| entries_in(&dir, &mut take))
}

/// The same for a log that lies in a folder: another machine's, for one.
///
/// # Errors
/// Where a file cannot be read.
pub fn entries_in(dir: &Path, mut take: impl FnMut(AuditEntry)) -> Result<(), FileError> {
    log_files(dir)?.iter().try_for_each(|path| entries_of(path, &mut take))
}

/// The same for one file of a log.
///
/// # Errors
/// Where it cannot be read.
pub fn entries_of(file: &Path, mut take: impl FnMut(AuditEntry)) -> Result<(), FileError> {
    lines(file, |_, line| AuditEntry::of(line).into_iter().for_each(&mut take))
}

/// How far a log was followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Followed {
    inode: u64,
    at: u64,
}

/// Hands on the records that came since the last call; the first call hands on none.
///
/// # Errors
/// Where the file cannot be read.
pub fn follow(
    environment: &Environment,
    from: &mut Option<Followed>,
    mut take: impl FnMut(AuditEntry),
) -> Result<(), FileError> {
    let path = folder(environment).join(CURRENT);
    let io = |e| FileError::io(&path, e);
    let file = match File::open(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(from.get_or_insert_default()).map(|_| ()),
        opened => opened.map_err(io)?,
    };
    let meta = file.metadata().map_err(io)?;
    let Some(from) = from else {
        *from = Some(Followed { inode: meta.ino(), at: meta.len() });
        return Ok(());
    };
    if from.inode != meta.ino() || meta.len() < from.at {
        // What came last before the file became full lies in the file that it became, and later files came after it.
        let inode = from.inode;
        let is_it = |other: &PathBuf| other.metadata().is_ok_and(|meta| meta.ino() == inode);
        let full = log_files(&folder(environment))?.into_iter().filter(|other| *other != path);
        for full in full.skip_while(|other| !is_it(other)) {
            let file = File::open(&full).map_err(|e| FileError::io(&full, e))?;
            read_from(from, file, usize::MAX, &mut take).map_err(|e| FileError::io(&full, e))?;
            from.at = 0;
        }
        *from = Followed { inode: meta.ino(), at: 0 };
    }
    read_from(from, file, usize::MAX, &mut take).map_err(io)
}

/// At most so many records behind a place, which is moved on. Files that became full meanwhile are read to their ends, the oldest first;
/// where the file of the place is no longer kept, what is kept follows.
///
/// # Errors
/// Where a file cannot be read.
pub fn next(
    environment: &Environment,
    from: &mut Followed,
    most: usize,
) -> Result<Vec<AuditEntry>, FileError> {
    let mut new = Vec::new();
    let files = log_files(&folder(environment))?;
    let inode = |path: &PathBuf| path.metadata().map(|meta| meta.ino()).unwrap_or_default();
    let begun = files.iter().position(|path| inode(path) == from.inode);
    for path in files.iter().skip(begun.unwrap_or_default()) {
        let io = |e| FileError::io(path, e);
        let file = File::open(path).map_err(io)?;
        let meta = file.metadata().map_err(io)?;
        if meta.ino() != from.inode || meta.len() < from.at {
            *from = Followed { inode: meta.ino(), at: 0 };
        }
        let left = most - new.len();
        read_from(from, file, left, &mut |entry| new.push(entry)).map_err(io)?;
        if new.len() >= most {
            break;
        }
    }
    Ok(new)
}

/// Hands on at most so many records of a file behind a place, and moves the place on.
fn read_from(
    from: &mut Followed,
    mut file: File,
    mut most: usize,
    take: &mut impl FnMut(AuditEntry),
) -> io::Result<()> {
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(from.at))?;
    let mut reader = BufReader::new(file.take(end.saturating_sub(from.at)));
    let mut line = Vec::new();
    // A line that is being written is taken next time.
    while most > 0 && reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
        from.at += line.len() as u64;
        if let Some(entry) = AuditEntry::of(String::from_utf8_lossy(&line).trim_end()) {
            take(entry);
            most -= 1;
        }
        line.clear();
    }
    Ok(())
}

/// Something in the record that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditFinding {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// What checking the log found.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Records with a place in the chain.
    pub records: u64,
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
    /// The hash of the last: what to write down elsewhere.
    pub hash: String,
    /// Records written without a place, because the log was locked.
    pub unchained: u64,
    /// Pieces of lines that killed writers left.
    pub torn: u64,
    /// What is not as it was written.
    pub findings: Vec<AuditFinding>,
}

/// Checks every record against the one before it, and the end against what the daemon kept aside.
///
/// # Errors
/// Where a file cannot be read.
pub fn verify(environment: &Environment) -> Result<Verified, FileError> {
    verified(&log_files(&folder(environment))?, environment)
}

/// The same for the newest file alone, which is quick however much is kept.
///
/// # Errors
/// Where it cannot be read.
pub fn verify_newest(environment: &Environment) -> Result<Verified, FileError> {
    let all = log_files(&folder(environment))?;
    let mut out = verified(all.last().map_or(&[], std::slice::from_ref), environment)?;
    // What was kept aside may be of an older file.
    let older = anchor(&folder(environment)).is_some_and(|anchor| anchor.seq < out.first || out.records == 0);
    if all.len() > 1 && older {
        out.findings.retain(|finding| finding.line > 0);
    }
    Ok(out)
}

/// The time of the last record, as far as the ends of the logs tell.
#[must_use]
pub fn latest(environment: &Environment) -> Option<String> {
    let folders = [Some(folder(environment)), spool(environment)].into_iter().flatten();
    let newest = folders.filter_map(|dir| log_files(&dir).ok()?.pop());
    newest.filter_map(|path| end(&path)).max()
}

/// The latest time in the end of a file.
fn end(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter_map(AuditEntry::of).map(|entry| entry.time).max()
}

fn verified(files: &[PathBuf], environment: &Environment) -> Result<Verified, FileError> {
    let dir = folder(environment);
    let mut out = Verified::default();
    let anchor = anchor(&dir);
    let mut anchored = anchor.is_none();
    for path in files {
        let path = path.as_path();
        lines(path, |number, line| {
            if let Some(link) = check(&mut out, path, number, line) {
                anchored |= anchor.as_ref() == Some(&link);
            }
        })?;
    }
    if let Some(anchor) = anchor.filter(|_| !anchored) {
        let problem = format!("record {} was on disk and is now missing or replaced", anchor.seq);
        out.findings.push(AuditFinding { file: dir.join(CURRENT), line: 0, problem });
    }
    Ok(out)
}

fn anchor(dir: &Path) -> Option<Link> {
    #[derive(Deserialize)]
    struct Anchor {
        seq: u64,
        hash: String,
    }
    let text = files::read(&dir.join(ANCHOR)).ok().flatten()?;
    let Anchor { seq, hash } = serde_json::from_str(&text).ok()?;
    Some(Link { seq, hash })
}

/// Checks one line; gives its place.
fn check(out: &mut Verified, path: &Path, number: usize, line: &str) -> Option<Link> {
    let mut wrong =
        |problem: String| out.findings.push(AuditFinding { file: path.to_owned(), line: number, problem });
    let Some((record, link)) = parts(line) else {
        match serde_json::from_str::<serde::de::IgnoredAny>(line) {
            _ if line.trim().is_empty() => {}
            Ok(_) => out.unchained += 1,
            Err(_) => out.torn += 1,
        }
        return None;
    };
    let first = out.records == 0;
    if first && link.seq > 1 {
        // The files before it are no longer kept: what its hash builds on is gone with them.
    } else if hash(&out.hash, record) != link.hash {
        wrong(format!(
            "record {} or the one before it was changed, or a record between them is missing",
            link.seq
        ));
    } else if link.seq != out.last + 1 {
        wrong(format!("record {} follows record {}", link.seq, out.last));
    }
    if first {
        out.first = link.seq;
    }
    (out.records, out.last) = (out.records + 1, link.seq);
    out.hash.clone_from(&link.hash);
    Some(link)
}
