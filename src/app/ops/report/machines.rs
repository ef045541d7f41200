//! Whether the guard is on, machine by machine: of this one by the doctor's checks, of the others by what their daemons wrote.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::ops::check::{Check, CheckState};
use crate::ops::machine;
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::ledger::audit::{AuditEntry, MachineStanding};

/// A daemon that wrote nothing for so long is taken for one that does not run: it writes once a day.
const SILENT: Duration = Duration::from_secs(2 * 86_400);
/// The doctor's checks that a lead wants to see, and what they are called in the report.
const DOORS: [(&str, &str); 9] = [
    ("hook", "hook"),
    ("plugin", "plugin"),
    ("agent", "other agents"),
    ("shims", "shims"),
    ("git-hooks", "git hooks"),
    ("daemon", "daemon"),
    ("policies", "policies"),
    ("config", "configuration"),
    ("audit", "audit log"),
];

/// One door of the guard on a machine.
#[derive(Clone, Debug, Serialize)]
pub struct MachineDoor {
    /// What it is.
    pub name: String,
    /// How it stands.
    pub state: CheckState,
    /// What was found.
    pub says: String,
    /// What to do.
    pub fix: Option<String>,
}

/// A machine, as the report has it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedMachine {
    /// Its name.
    pub name: String,
    /// It is the one that the report is made on.
    pub here: bool,
    /// The build of rwenv, where it is known.
    pub program: Option<String>,
    /// When its last record was written.
    pub last: Option<String>,
    /// When its newest policy was written, where it has any.
    pub policies: Option<String>,
    /// Its doors; of another machine those that are off, or what is not known.
    pub doors: Vec<MachineDoor>,
}

impl ReportedMachine {
    /// True where a door is off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.doors.iter().any(|door| door.state == CheckState::Fail)
    }
}

/// What a machine's records say of it.
#[derive(Debug, Default)]
pub(super) struct MachineTally {
    last: Option<String>,
    program: Option<String>,
    standing: Option<(String, MachineStanding)>,
    off: BTreeSet<String>,
    stopped: Option<String>,
}

impl MachineTally {
    pub(super) fn take(&mut self, entry: &AuditEntry) {
        if self.last.as_deref().is_none_or(|last| last < entry.time.as_str()) {
            self.last = Some(entry.time.clone());
        }
        match entry.event.as_str() {
            "" => {}
            "daemon-started" => {
                (self.program, self.stopped) = (Some(entry.detail.clone()), None);
                // It looks at the doors anew.
                self.off.clear();
            }
            "daemon-stopped" => self.stopped = Some(entry.time.clone()),
            "guard-off" => drop(self.off.insert(entry.detail.clone())),
            "guard-on" => {
                let mended = entry.detail.replacen(": mended: ", ": ", 1);
                self.off.retain(|off| off.split(" → ").next() != Some(mended.as_str()));
            }
            _ => {
                if let Some(standing) = &entry.standing {
                    self.off.clear();
                    self.program = Some(standing.program.clone());
                    self.standing = Some((entry.time.clone(), standing.clone()));
                }
            }
        }
    }

    pub(super) fn reported(self, name: &str, here: Option<&Environment>) -> ReportedMachine {
        let policies = self.standing.as_ref().and_then(|(_, standing)| standing.policies.clone());
        let mut machine = ReportedMachine {
            name: name.to_owned(),
            here: here.is_some(),
            program: self.program.clone(),
            last: self.last.clone(),
            policies,
            doors: Vec::new(),
        };
        match here {
            Some(environment) => {
                let standing = crate::standing::of_machine(environment);
                machine.program = Some(standing.program);
                machine.policies = standing.policies;
                machine.doors = own(&machine::examine(false, environment));
            }
            None => machine.doors = self.told(),
        }
        machine
    }

    /// The doors of another machine, as far as its records tell.
    fn told(self) -> Vec<MachineDoor> {
        let off = |text: &str| {
            let (says, fix) = text.split_once(" → ").unwrap_or((text, ""));
            let fix = Some(fix.to_owned()).filter(|fix| !fix.is_empty());
            MachineDoor { name: "guard".to_owned(), state: CheckState::Fail, says: says.to_owned(), fix }
        };
        let standing = self.standing.as_ref().map(|(_, standing)| standing.off.clone()).unwrap_or_default();
        let texts: BTreeSet<String> = standing.into_iter().chain(self.off).collect();
        let mut all: Vec<MachineDoor> = texts.iter().map(|text| off(text)).collect();
        let last = self.last.as_deref().unwrap_or("never");
        let unknown = |says: String| MachineDoor {
            name: "daemon".to_owned(),
            state: CheckState::Warn,
            says,
            fix: Some("rwenv daemon start".to_owned()),
        };
        let age = self.last.as_deref().and_then(clock::of_rfc3339);
        let age = age.map(|then| clock::now().saturating_sub(then));
        if let Some(when) = &self.stopped {
            all.push(unknown(format!("its daemon stopped at {when}: how the guard stands is not known")));
        } else if self.program.is_none() {
            all.push(unknown(format!(
                "no daemon ran there: how the guard stands is not known; last record {last}"
            )));
        } else if age.is_none_or(|age| age > SILENT) {
            all.push(unknown(format!("nothing was written since {last}: how the guard stands is not known")));
        }
        if all.is_empty() {
            all.push(MachineDoor {
                name: "guard".to_owned(),
                state: CheckState::Ok,
                says: "every door is on".to_owned(),
                fix: None,
            });
        }
        all
    }
}

/// The doctor's checks as doors: the worst of each.
fn own(checks: &[Check]) -> Vec<MachineDoor> {
    let worst = |(id, name): &(&str, &str)| {
        let check = checks.iter().filter(|check| check.id == *id).max_by_key(|check| check.state)?;
        Some(MachineDoor {
            name: (*name).to_owned(),
            state: check.state,
            says: check.says.clone(),
            fix: check.fix.clone(),
        })
    };
    DOORS.iter().filter_map(worst).collect()
}
