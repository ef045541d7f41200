//! One record per verdict that concerns one of our tools, appended to `audit/audit.jsonl`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::files::{FileError, make_private_dir};
use super::redact::redact;
use super::{clock, environment::Environment};
use crate::model::{Reason, Verdict};

/// Longest command line that is kept, in characters; what is cut is counted.
const LONGEST: usize = 4000;

/// What is known of the call a verdict is about.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The enforcement point.
    pub door: &'a str,
    /// The agent's session.
    pub session: Option<&'a str>,
    /// The directory the line starts in.
    pub cwd: &'a str,
    /// The command line.
    pub command: &'a str,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    time: String,
    door: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    cwd: &'a str,
    command: String,
    #[serde(skip_serializing_if = "is_zero")]
    cut: usize,
    decision: &'a str,
    reasons: Vec<Said<'a>>,
}

#[derive(serde::Serialize)]
struct Said<'a> {
    rule: &'a str,
    decision: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rwenv: Option<&'a str>,
    part: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Appends a record. It begins with a line break: what a killed writer left half written stays a line of its own,
/// and readers skip empty lines.
///
/// # Errors
/// Where the record could not be written whole.
pub fn append(call: Call<'_>, verdict: &Verdict, environment: &Environment) -> Result<(), FileError> {
    let length = call.command.chars().count();
    let head: String = call.command.chars().take(LONGEST).collect();
    let said = |reason: &'_ Reason| redact(&reason.part);
    let record = Record {
        time: clock::rfc3339(clock::now()),
        door: call.door,
        session: call.session,
        cwd: call.cwd,
        command: redact(&head),
        cut: length.saturating_sub(LONGEST),
        decision: verdict.decision().as_str(),
        reasons: (verdict.reasons().iter())
            .map(|r| Said {
                rule: &r.rule,
                decision: r.decision.as_str(),
                rwenv: r.rwenv.as_deref(),
                part: said(r),
            })
            .collect(),
    };
    let mut line = vec![b'\n'];
    let dir = environment.config_dir.join("audit");
    let path = dir.join("audit.jsonl");
    serde_json::to_writer(&mut line, &record).map_err(|e| FileError::io(&path, e.into()))?;
    line.push(b'\n');
    write(&dir, &path, &line)
}

fn write(dir: &Path, path: &Path, line: &[u8]) -> Result<(), FileError> {
    let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    let file = open().or_else(|e| {
        if e.kind() != std::io::ErrorKind::NotFound {
            return Err(FileError::io(path, e));
        }
        make_private_dir(dir)?;
        open().map_err(|e| FileError::io(path, e))
    });
    // One write call, so that writers at the same time do not mix.
    file?.write_all(line).map_err(|e| FileError::io(path, e))
}
