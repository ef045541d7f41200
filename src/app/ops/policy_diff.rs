//! What other policies would have decided about the commands that are on record: each line is planned and looked up once, and concluded
//! with the rules before and after. Nothing is run, nobody is asked, nothing is recorded.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

use serde::Serialize;

use rwenv_core::decide;
use rwenv_core::model::{Bound, Decision, Rule, Verdict};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::FileError;
use rwenv_gate::facts::{self, Observed, binding};
use rwenv_gate::ledger::audit;

/// Doors whose records hold no command line: requests to the API, and events.
const WITHOUT_LINE: [&str; 2] = ["guard", "daemon"];

/// A decision, and the first rule that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecidedBy {
    /// The decision.
    pub decision: Decision,
    /// The rule; none where nothing stands against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// A command that would be decided otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecidedOtherwise {
    /// The command line.
    pub command: String,
    /// Where it ran.
    pub cwd: String,
    /// The rwenvs it concerned then.
    pub rwenvs: Vec<String>,
    /// How often it is on record.
    pub times: usize,
    /// What the old policies say.
    pub old: DecidedBy,
    /// What the new policies say.
    pub new: DecidedBy,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PolicyDifference {
    /// Records that were judged again.
    pub replayed: usize,
    /// Different lines among them.
    pub lines: usize,
    /// Records without a command line, which were not.
    pub without_line: usize,
    /// Those that would be decided otherwise, those that are stricter first.
    pub differing: Vec<DecidedOtherwise>,
}

/// A line as it is on record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RecordedLine {
    command: String,
    cwd: String,
    rwenvs: Vec<String>,
}

/// The lines since a time, as the log writes it, and how often each is there.
fn recorded(
    since: &str,
    environment: &Environment,
) -> Result<(BTreeMap<RecordedLine, usize>, usize), FileError> {
    let (mut all, mut without) = (BTreeMap::new(), 0);
    audit::entries(environment, |entry| {
        if entry.decision.is_empty() || entry.time.as_str() < since {
            return;
        }
        if entry.command.is_empty() || WITHOUT_LINE.contains(&entry.door.as_str()) {
            without += 1;
            return;
        }
        let line = RecordedLine { command: entry.command, cwd: entry.cwd, rwenvs: entry.rwenvs };
        *all.entry(line).or_default() += 1;
    })?;
    Ok((all, without))
}

fn decided(verdict: &Verdict) -> DecidedBy {
    DecidedBy { decision: verdict.decision(), rule: verdict.first().map(|reason| reason.rule.clone()) }
}

/// What both policies say of a line. Where its directory selects no rwenv any more, the one that it concerned counts as selected.
fn judged(
    line: &RecordedLine,
    (old, new): (&[Rule], &[Rule]),
    environment: &Environment,
) -> (DecidedBy, DecidedBy) {
    let mut environment = environment.clone();
    let bound = binding::selection(Path::new(&line.cwd), &environment).map(|selection| selection.bound);
    if let (None | Some(Bound::None), [one]) = (bound, line.rwenvs.as_slice()) {
        environment.rwenv = Some(one.clone());
    }
    let context = facts::context(Some(&line.cwd), &environment);
    let Observed { plan, mut facts, rwenvs } =
        facts::observe(decide::plan(&line.command, &context), &environment);
    let mut with = |rules: &[Rule]| {
        facts.rules = rules.into();
        facts.rules_unknown = None;
        decided(&decide::conclude(&plan, &facts, &rwenvs))
    };
    (with(old), with(new))
}

/// Judges the recorded lines since a time by two policies.
///
/// # Errors
/// Where the log cannot be read.
pub fn difference(
    rules: (&[Rule], &[Rule]),
    since: &str,
    environment: &Environment,
) -> Result<PolicyDifference, FileError> {
    let (all, without_line) = recorded(since, environment)?;
    let all: Vec<(RecordedLine, usize)> = all.into_iter().collect();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let size = all.len().div_ceil(workers).max(1);
    let part = |part: &[(RecordedLine, usize)]| {
        let each = part.iter().filter_map(|(line, times)| {
            let (old, new) = judged(line, rules, environment);
            (old != new).then(|| DecidedOtherwise {
                command: line.command.clone(),
                cwd: line.cwd.clone(),
                rwenvs: line.rwenvs.clone(),
                times: *times,
                old,
                new,
            })
        });
        each.collect::<Vec<_>>()
    };
    let mut differing: Vec<DecidedOtherwise> = thread::scope(|scope| {
        let each: Vec<_> = all.chunks(size).map(|lines| scope.spawn(|| part(lines))).collect();
        each.into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let looser = |one: &DecidedOtherwise| one.new.decision <= one.old.decision;
    differing.sort_by(|a, b| {
        looser(a).cmp(&looser(b)).then(b.times.cmp(&a.times)).then(a.command.cmp(&b.command))
    });
    let replayed = all.iter().map(|(_, times)| times).sum();
    Ok(PolicyDifference { replayed, lines: all.len(), without_line, differing })
}
