//! What the screen shows, and where in it somebody is.

use std::collections::VecDeque;

use crate::ops::watched::WatchedMoment;
use rwenv_core::model::Decision;
use rwenv_gate::ledger::audit::AuditEntry;

/// Records that are kept.
const KEPT: usize = 500;

/// A list of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShownList {
    /// The environments.
    Environments,
    /// Verdicts, questions and what happened to the guard.
    Verdicts,
    /// Grants that count.
    Grants,
}

/// The lists, in the order of the screen.
pub(super) const LISTS: [ShownList; 3] = [ShownList::Environments, ShownList::Verdicts, ShownList::Grants];

/// The screen.
#[derive(Debug)]
pub(super) struct Screen {
    /// Only this rwenv.
    pub(super) rwenv: Option<String>,
    /// Colours are wanted.
    pub(super) colours: bool,
    /// What was looked at last.
    pub(super) moment: Option<WatchedMoment>,
    /// The newest records, the newest first.
    records: VecDeque<AuditEntry>,
    /// Only what was stopped or asked.
    pub(super) only_stopped: bool,
    /// The list in which somebody is.
    pub(super) list: ShownList,
    /// The row of each list.
    rows: [usize; 3],
    /// More is shown of the row.
    pub(super) details: bool,
}

impl Screen {
    pub(super) fn new(rwenv: Option<String>, colours: bool) -> Self {
        Self {
            rwenv,
            colours,
            moment: None,
            records: VecDeque::new(),
            only_stopped: false,
            list: ShownList::Verdicts,
            rows: [0; 3],
            details: false,
        }
    }

    /// Takes a record in.
    pub(super) fn take(&mut self, entry: AuditEntry) {
        if self.rwenv.as_ref().is_some_and(|name| !entry.concerns(name)) {
            return;
        }
        let shown = !self.only_stopped || is_stopped(&entry);
        self.records.push_front(entry);
        self.records.truncate(KEPT);
        // Whoever reads a record goes on reading it.
        if shown && (self.rows[1] > 0 || self.details) {
            self.rows[1] += 1;
        }
        self.go(0);
    }

    /// The records that are shown, the newest first.
    pub(super) fn records(&self) -> Vec<&AuditEntry> {
        self.records.iter().filter(|entry| !self.only_stopped || is_stopped(entry)).collect()
    }

    /// The row of a list.
    pub(super) fn row(&self, list: ShownList) -> usize {
        let row = self.rows.get(at(list)).copied().unwrap_or_default();
        row.min(self.length(list).saturating_sub(1))
    }

    fn length(&self, list: ShownList) -> usize {
        let moment = self.moment.as_ref();
        match list {
            ShownList::Environments => moment.map_or(0, |moment| moment.rwenvs.len()),
            ShownList::Verdicts => self.records().len(),
            ShownList::Grants => moment.map_or(0, |moment| moment.grants.len()),
        }
    }

    pub(super) fn has_selected(&self) -> bool {
        self.length(self.list) > 0
    }

    pub(super) fn show(&mut self, list: ShownList) {
        (self.list, self.details) = (list, false);
    }

    /// Goes to the next list, or the one before.
    pub(super) fn turn(&mut self, on: bool) {
        let step = if on { 1 } else { LISTS.len() - 1 };
        let next = LISTS.iter().cycle().nth(at(self.list) + step).copied();
        self.show(next.unwrap_or(self.list));
    }

    /// Goes up or down within the list.
    pub(super) fn go(&mut self, by: isize) {
        let last = self.length(self.list).saturating_sub(1);
        if let Some(row) = self.rows.get_mut(at(self.list)) {
            *row = row.saturating_add_signed(by).min(last);
        }
    }

    pub(super) fn toggle_stopped(&mut self) {
        self.only_stopped = !self.only_stopped;
        self.rows[1] = 0;
    }
}

fn at(list: ShownList) -> usize {
    LISTS.iter().position(|known| *known == list).unwrap_or_default()
}

/// True for what was denied or asked.
fn is_stopped(entry: &AuditEntry) -> bool {
    [Decision::Deny, Decision::Ask].iter().any(|decision| decision.as_str() == entry.decision)
}
