//! What a report is: its values, without how they are found.

use std::path::Path;

use serde::Serialize;

use super::machines::ReportedMachine;
use super::refused::RefusedGroup;
use crate::ops::review::{ReviewedGrant, ReviewedUse};

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct ReportWish<'a> {
    /// Only what came at or after this time, RFC 3339 in UTC.
    pub since: &'a str,
    /// Only this rwenv.
    pub rwenv: Option<&'a str>,
    /// The folder with several machines' logs; none: this machine's.
    pub of: Option<&'a Path>,
    /// Ask no cluster and no git host.
    pub offline: bool,
}

/// The figures on top.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportFigures {
    /// Verdicts.
    pub judged: u64,
    /// Denials.
    pub stopped: u64,
    /// Questions to a person.
    pub asked: u64,
    /// Questions that are known to have got a yes.
    pub yes: u64,
    /// Grants that were made.
    pub grants: u64,
    /// Verdicts that a person calls wrong.
    pub wrong: u64,
    /// Machines that there are records of.
    pub machines: u64,
    /// Machines on which a door of the guard is off.
    pub machines_off: u64,
}

/// A verdict that a person calls wrong.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WrongVerdict {
    /// When they said so.
    pub time: String,
    /// The machine.
    pub machine: String,
    /// The number of the record.
    pub record: u64,
    /// Which verdict.
    pub what: String,
    /// Why, in their words.
    pub reason: Option<String>,
    /// Who.
    pub person: String,
}

/// An exception that a person made, and what came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedException {
    /// The machine.
    pub machine: String,
    /// The grant, as the log has it.
    #[serde(flatten)]
    pub grant: ReviewedGrant,
    /// What passed by it.
    pub uses: Vec<ReviewedUse>,
    /// Objects that are not as Git has them, or of which that is not known; a sentence each.
    pub left: Vec<String>,
    /// True where something that was changed by hand is still so.
    pub differs: bool,
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The first moment that counts.
    pub since: String,
    /// When the report was made.
    pub made: String,
    /// The only rwenv that counts.
    pub rwenv: Option<String>,
    /// The figures.
    pub figures: ReportFigures,
    /// What was refused, by rwenv and rule, the most frequent first.
    pub refused: Vec<RefusedGroup>,
    /// What a person calls wrong.
    pub wrong: Vec<WrongVerdict>,
    /// The exceptions.
    pub exceptions: Vec<ReportedException>,
    /// The machines.
    pub machines: Vec<ReportedMachine>,
    /// The environments that are configured here.
    pub environments: Vec<ReportedRwenv>,
    /// What to do this week.
    pub week: Vec<WeekTask>,
}

/// A commit of a Flux repository.
#[derive(Clone, Debug, Serialize)]
pub struct ReportedCommit {
    /// Its short name.
    pub id: String,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Who wrote it.
    pub author: String,
    /// Its first line.
    pub subject: String,
}

/// An environment, as the report has it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedRwenv {
    /// Its name.
    pub name: String,
    /// What may be changed in it.
    pub mode: &'static str,
    /// The level that was measured (C0 to C3), where it was.
    pub level: Option<&'static str>,
    /// What that means.
    pub custody: String,
    /// What protects the branch; none without a Flux repository.
    pub branch: Option<String>,
    /// The commands, or the words, that raise what read-only means.
    pub raise: Vec<String>,
    /// Commits since.
    pub commits: usize,
    /// The newest of them.
    pub changes: Vec<ReportedCommit>,
    /// Why nothing is known of changes.
    pub unknown: Option<String>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeekTask {
    /// Why.
    pub why: String,
    /// The command; none where it is nothing that a command does.
    pub command: Option<String>,
    /// What to do, in words, where no command does it.
    pub by_hand: Option<String>,
}

impl WeekTask {
    /// What to do: the command, or words.
    #[must_use]
    pub fn what(&self) -> &str {
        self.command.as_deref().or(self.by_hand.as_deref()).unwrap_or_default()
    }
}
