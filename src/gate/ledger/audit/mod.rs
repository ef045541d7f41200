//! The audit log: one record per verdict that concerns one of our tools, and one per event of the daemon's.

mod caller;
mod confinement;
mod log;
mod noted;
mod read;
mod session;
mod standing;

pub use caller::{AgentRecord, Caller, CiRecord};
pub use confinement::Confinement;
pub use log::{CURRENT, current, flush, folder, writable};
pub use noted::{MARKED_WRONG, STANDING, machine, marked_wrong, stands};
pub use read::{
    AuditEntry, AuditFinding, Followed, Verified, entries, entries_in, entries_of, follow, latest, next,
    verify, verify_newest,
};
pub use session::{
    LARGEST_RECORD, SOCKET_VARIABLE, broker as broker_socket, folder as session_folder,
    socket as session_socket,
};

pub use standing::MachineStanding;

use crate::base::clock;
use crate::base::environment::Environment;
use crate::base::files::FileError;
use crate::base::redact::redact;
use rwenv_core::model::{Effect, Reason, Verdict};

/// Longest command line that is kept, in characters; what is cut is counted.
const LONGEST: usize = 4000;

/// Keys of a record that are the log's own.
const OWN: [&str; 3] = ["seq", "hash", "confined"];

/// What is known of the call a verdict is about.
#[derive(Clone, Copy, Debug)]
pub struct AuditedCall<'a> {
    /// The enforcement point.
    pub door: &'a str,
    /// Who it comes from.
    pub caller: Caller<'a>,
    /// The directory the line starts in.
    pub cwd: &'a str,
    /// The command line.
    pub command: &'a str,
    /// The rwenvs it concerns.
    pub rwenvs: &'a [String],
    /// What it changes beyond this machine.
    pub effects: &'a [Effect],
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    time: String,
    uptime: u64,
    pid: u32,
    door: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<AgentRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worktree: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ci: Option<CiRecord>,
    #[serde(rename = "auditID", skip_serializing_if = "Option::is_none")]
    audit_id: Option<&'a str>,
    cwd: &'a str,
    command: String,
    #[serde(skip_serializing_if = "is_zero")]
    cut: usize,
    rwenvs: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    effects: Vec<&'a str>,
    decision: &'a str,
    reasons: Vec<ReasonRecord<'a>>,
}

#[derive(serde::Serialize)]
struct ReasonRecord<'a> {
    rule: &'a str,
    decision: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rwenv: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<&'a str>,
    part: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Appends the record of a verdict. Once this returns, a kill of whatever process loses it no more.
///
/// # Errors
/// Where the record could not be written whole.
pub fn append(call: AuditedCall<'_>, verdict: &Verdict, environment: &Environment) -> Result<(), FileError> {
    let length = call.command.chars().count();
    let head: String = call.command.chars().take(LONGEST).collect();
    let said = |reason: &'_ Reason| redact(&reason.part);
    let record = Record {
        time: clock::rfc3339(clock::now()),
        uptime: clock::uptime(),
        pid: std::process::id(),
        door: call.door,
        session: call.caller.session,
        agent: call.caller.agent(call.door),
        worktree: caller::worktree(call.cwd),
        ci: call.caller.ci(),
        audit_id: call.caller.audit_id,
        cwd: call.cwd,
        command: redact(&head),
        cut: length.saturating_sub(LONGEST),
        rwenvs: call.rwenvs.iter().map(String::as_str).filter(|name| !name.is_empty()).collect(),
        effects: call.effects.iter().map(|effect| effect.as_str()).collect(),
        decision: verdict.decision().as_str(),
        reasons: (verdict.reasons().iter())
            .map(|r| ReasonRecord {
                rule: &r.rule,
                decision: r.decision.as_str(),
                rwenv: r.rwenv.as_deref(),
                grant: r.granted.as_deref(),
                part: said(r),
            })
            .collect(),
    };
    log::append(&record, environment)
}

/// The rule by which nothing is changed that cannot be put on record.
pub const UNWRITABLE: &str = "audit.unwritable";

/// What is said where a change cannot be put on record.
#[must_use]
pub fn unrecorded(why: &str) -> String {
    format!(
        "rwenv: the audit record of this change cannot be written ({why}), so the change does not run [audit.unwritable]\n  \
         instead: free some disk space or correct the permissions. Reads still run."
    )
}

#[derive(serde::Serialize)]
struct Happened<'a> {
    time: String,
    uptime: u64,
    pid: u32,
    door: &'a str,
    event: &'a str,
    detail: String,
}

/// Appends the record of something that happened to the guard itself: it started, its configuration changed.
///
/// # Errors
/// Where the record could not be written whole.
pub fn happened(door: &str, event: &str, detail: &str, environment: &Environment) -> Result<(), FileError> {
    let (time, uptime) = (clock::rfc3339(clock::now()), clock::uptime());
    let detail = redact(detail);
    log::append(&Happened { time, uptime, pid: std::process::id(), door, event, detail }, environment)
}

/// What happened to a person's grant.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct GrantEvent<'a> {
    /// `granted`, `ended` or `revoked`.
    pub event: &'a str,
    /// All of it, in one line.
    pub detail: &'a str,
    /// The grant's name.
    pub grant: &'a str,
    /// The rwenvs it counts in.
    pub rwenvs: &'a [String],
    /// What for, in the person's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Who made it.
    pub person: &'a str,
}

/// Appends the record of a grant that was made, or is over.
///
/// # Errors
/// Where the record could not be written whole.
pub fn of_grant(event: GrantEvent<'_>, environment: &Environment) -> Result<(), FileError> {
    #[derive(serde::Serialize)]
    struct GrantRecord<'a> {
        time: String,
        uptime: u64,
        pid: u32,
        door: &'a str,
        #[serde(flatten)]
        event: GrantEvent<'a>,
    }
    let (detail, reason) = (redact(event.detail), event.reason.map(redact));
    let event = GrantEvent { detail: &detail, reason: reason.as_deref(), ..event };
    let (time, uptime, pid) = (clock::rfc3339(clock::now()), clock::uptime(), std::process::id());
    log::append(&GrantRecord { time, uptime, pid, door: "grant", event }, environment)
}

/// What a person answered where they were asked.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Answer<'a> {
    /// The enforcement point.
    pub door: &'a str,
    /// `answered-yes` or `answered-no`.
    pub event: &'a str,
    /// What they were asked about.
    pub detail: &'a str,
    /// The rwenvs it concerns.
    pub rwenvs: &'a [String],
}

/// Appends the record of a person's answer.
///
/// # Errors
/// Where the record could not be written whole.
pub fn answered(answer: Answer<'_>, environment: &Environment) -> Result<(), FileError> {
    #[derive(serde::Serialize)]
    struct AnswerRecord<'a> {
        time: String,
        uptime: u64,
        pid: u32,
        person: String,
        #[serde(flatten)]
        answer: Answer<'a>,
    }
    let detail = redact(answer.detail);
    let answer = Answer { detail: &detail, ..answer };
    let (time, uptime, pid) = (clock::rfc3339(clock::now()), clock::uptime(), std::process::id());
    log::append(&AnswerRecord { time, uptime, pid, person: person(), answer }, environment)
}

/// The name of whoever runs this, as the system has it.
#[must_use]
pub fn person() -> String {
    let uid = nix::unistd::getuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

/// Adds a record that came from inside of a session to the log, marked with the session.
///
/// # Errors
/// What is no record, or cannot be written.
pub fn take_over(record: &[u8], session: &str, environment: &Environment) -> Result<(), String> {
    let mut record: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(record).map_err(|error| format!("this is not a record: {error}"))?;
    let text = |key: &str| record.get(key).is_some_and(serde_json::Value::is_string);
    if !text("time") || !text("door") || OWN.iter().any(|key| record.contains_key(*key)) {
        return Err("this is not a record".to_owned());
    }
    record.insert("confined".to_owned(), session.into());
    log::append(&record, environment).map_err(|error| error.to_string())
}
