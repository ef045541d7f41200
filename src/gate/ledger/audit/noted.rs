//! What is noted beside verdicts: that a person calls one wrong, and how the guard stands on this machine.

use serde::Serialize;

use super::standing::MachineStanding;
use super::{AuditEntry, log, person};
use crate::base::clock;
use crate::base::environment::Environment;
use crate::base::files::FileError;
use crate::base::redact::redact;

/// The event by which a person calls a verdict wrong.
pub const MARKED_WRONG: &str = "marked-wrong";
/// The event that says how the guard stands.
pub const STANDING: &str = "standing";

/// What both records begin with.
#[derive(Serialize)]
struct NotedRecord<'a, T: Serialize> {
    time: String,
    uptime: u64,
    pid: u32,
    door: &'a str,
    event: &'a str,
    detail: String,
    #[serde(flatten)]
    more: T,
}

impl<'a, T: Serialize> NotedRecord<'a, T> {
    fn new(door: &'a str, event: &'a str, detail: &str, more: T) -> Self {
        let (time, uptime, pid) = (clock::rfc3339(clock::now()), clock::uptime(), std::process::id());
        Self { time, uptime, pid, door, event, detail: redact(detail), more }
    }
}

/// The name of this machine.
#[must_use]
pub fn machine() -> String {
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
}

/// Appends that a person calls the verdict of a record wrong.
///
/// # Errors
/// Where the record could not be written whole.
pub fn marked_wrong(
    of: &AuditEntry,
    reason: Option<&str>,
    environment: &Environment,
) -> Result<(), FileError> {
    #[derive(Serialize)]
    struct Mark<'a> {
        about: u64,
        rwenvs: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        person: String,
    }
    let rules: Vec<&str> = of.reasons.iter().map(|said| said.rule.as_str()).collect();
    let detail = format!("record {}: {} [{}] {}", of.seq, of.decision, rules.join(", "), of.command);
    let mark = Mark { about: of.seq, rwenvs: &of.rwenvs, reason: reason.map(redact), person: person() };
    log::append(&NotedRecord::new("audit", MARKED_WRONG, &detail, mark), environment)
}

/// Appends how the guard stands on this machine.
///
/// # Errors
/// Where the record could not be written whole.
pub fn stands(standing: &MachineStanding, environment: &Environment) -> Result<(), FileError> {
    #[derive(Serialize)]
    struct StandingDetail<'a> {
        standing: &'a MachineStanding,
    }
    let detail = match standing.off.as_slice() {
        [] => format!("{}: rwenv {}, every door is on", standing.machine, standing.program),
        off => format!("{}: rwenv {}, off: {}", standing.machine, standing.program, off.join("; ")),
    };
    log::append(&NotedRecord::new("daemon", STANDING, &detail, StandingDetail { standing }), environment)
}
