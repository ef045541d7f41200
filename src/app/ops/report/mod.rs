//! What agents did and did not get in a time, from the audit log: the figures and lists of `rwenv report`. How they are shown does not
//! belong here.

mod environments;
mod machines;
mod refused;
mod shape;
mod source;
mod week;

use super::review::{FoundObject, GrantReview};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::ledger::audit::{AuditEntry, MARKED_WRONG};

pub use machines::{MachineDoor, ReportedMachine};
pub use refused::{NextStep, RefusedGroup, RefusedLine};
pub use shape::{
    Report, ReportFigures, ReportWish, ReportedCommit, ReportedException, ReportedRwenv, WeekTask,
    WrongVerdict,
};

use machines::MachineTally;
use refused::RefusedTally;
use source::{LogSource, sources};

/// What one machine's log adds to the report.
struct LogTally<'a> {
    figures: ReportFigures,
    refused: RefusedTally,
    wrong: Vec<WrongVerdict>,
    machine: MachineTally,
    review: GrantReview,
    environment: Option<&'a Environment>,
}

/// Reads the logs, looks at this machine and its clones, and asks clusters and git hosts where that is wanted.
///
/// # Errors
/// Where a log cannot be read, or a folder has none.
pub fn read(wish: ReportWish<'_>, environment: &Environment) -> Result<Report, String> {
    let mut report = Report {
        since: wish.since.to_owned(),
        made: clock::rfc3339(clock::now()),
        rwenv: wish.rwenv.map(str::to_owned),
        figures: ReportFigures::default(),
        refused: Vec::new(),
        wrong: Vec::new(),
        exceptions: Vec::new(),
        machines: Vec::new(),
        environments: Vec::new(),
        week: Vec::new(),
    };
    let mut refused = RefusedTally::default();
    for source in sources(wish.of, environment)? {
        let tally = tallied(&source, wish, environment)?;
        refused.merge(report.add(tally, &source, wish, environment));
    }
    report.refused = refused.groups();
    report.environments = environments::examine(wish, environment);
    report.figures.machines = report.machines.len() as u64;
    report.figures.machines_off = report.machines.iter().filter(|machine| machine.is_off()).count() as u64;
    report.week = week::tasks(&report);
    Ok(report)
}

fn tallied<'a>(
    source: &LogSource,
    wish: ReportWish<'_>,
    environment: &'a Environment,
) -> Result<LogTally<'a>, String> {
    let mut tally = LogTally {
        figures: ReportFigures::default(),
        refused: RefusedTally::default(),
        wrong: Vec::new(),
        machine: MachineTally::default(),
        review: GrantReview::default(),
        // Of another machine's paths and contexts nothing is known here.
        environment: source.is_here.then_some(environment),
    };
    let taken = source.entries(environment, |entry| {
        tally.machine.take(&entry);
        let wanted = entry.time.as_str() >= wish.since
            && wish.rwenv.is_none_or(|name| entry.rwenvs.is_empty() || entry.concerns(name));
        if wanted {
            tally.take(&entry, &source.machine, wish);
        }
    });
    taken.map_err(|error| error.to_string())?;
    Ok(tally)
}

impl LogTally<'_> {
    fn take(&mut self, entry: &AuditEntry, machine: &str, wish: ReportWish<'_>) {
        if wish.rwenv.is_some_and(|name| !entry.concerns(name)) {
            return;
        }
        if entry.event == MARKED_WRONG {
            self.figures.wrong += 1;
            self.wrong.push(WrongVerdict {
                time: entry.time.clone(),
                machine: machine.to_owned(),
                record: entry.about.unwrap_or_default(),
                what: entry.detail.clone(),
                reason: entry.reason.clone(),
                person: entry.person.clone().unwrap_or_default(),
            });
        }
        self.figures.grants += u64::from(entry.event == "granted");
        if !entry.decision.is_empty() {
            self.figures.judged += 1;
            self.figures.stopped += u64::from(entry.decision == "deny");
        }
        self.refused.take(entry);
        self.review.take(entry, self.environment);
    }
}

impl Report {
    /// Takes in what a machine's log says, but for what was refused.
    fn add(
        &mut self,
        tally: LogTally<'_>,
        source: &LogSource,
        wish: ReportWish<'_>,
        environment: &Environment,
    ) -> RefusedTally {
        let figures = &mut self.figures;
        figures.judged += tally.figures.judged;
        figures.stopped += tally.figures.stopped;
        figures.grants += tally.figures.grants;
        figures.wrong += tally.figures.wrong;
        let (asked, yes) = tally.refused.questions();
        figures.asked += asked;
        figures.yes += yes;
        self.wrong.extend(tally.wrong);
        let here = source.is_here.then_some(environment);
        self.machines.push(tally.machine.reported(&source.machine, here));
        let found = match here {
            Some(environment) if !wish.offline => super::review::look(&tally.review, environment),
            _ => Vec::new(),
        };
        self.exceptions.extend(exceptions(tally.review, &found, &source.machine));
        tally.refused
    }
}

/// The grants, each with what passed by it and what is left of that.
fn exceptions(review: GrantReview, found: &[FoundObject], machine: &str) -> Vec<ReportedException> {
    let GrantReview { grants, uses, objects } = review;
    let of = |grant: super::review::ReviewedGrant| {
        // The same line granted twice has the same name: a use belongs to the last that was made before it.
        let mine = |time: &str, id: &str| id == grant.id && time >= grant.made.as_str();
        let uses: Vec<_> = uses.iter().filter(|one| mine(&one.time, &one.grant)).cloned().collect();
        let touched: Vec<_> = found
            .iter()
            .filter(|one| objects.get(&one.object).is_some_and(|made| *made == grant.made))
            .collect();
        let differs = touched.iter().any(|one| one.differs());
        let left = touched.iter().filter_map(|one| one.says()).collect();
        ReportedException { machine: machine.to_owned(), grant, uses, left, differs }
    };
    grants.into_iter().map(of).collect()
}
