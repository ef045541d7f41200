//! What agents wanted and did not get, and what they did next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde::Serialize;

use rwenv_core::model::{Decision, Effect};
use rwenv_gate::base::clock;
use rwenv_gate::judge::RAN_AFTER_YES;
use rwenv_gate::ledger::audit::AuditEntry;

/// After so long, what a session does is no answer to what it was refused.
const NEXT: Duration = Duration::from_secs(15 * 60);
/// Lines of one group that are shown.
const SHOWN: usize = 3;
/// Different lines of one group that are counted one by one.
const COUNTED: usize = 500;
/// Refusals whose next step is waited for, at most.
const OPEN: usize = 1000;

/// What was done after a refusal, as far as the log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextStep {
    /// A person said yes.
    Yes,
    /// It was done under a person's grant.
    Granted,
    /// A commit, a push or a pull request.
    ThroughGit,
    /// Something that only reads.
    Looked,
    /// Another change, which was allowed.
    Other,
    /// Something that was refused as well.
    Again,
    /// Nothing that was judged.
    Stopped,
    /// The door knows no session, so nobody knows.
    Unknown,
}

impl NextStep {
    /// In words.
    #[must_use]
    pub fn as_words(self) -> &'static str {
        match self {
            Self::Yes => "a person said yes",
            Self::Granted => "did it under a grant",
            Self::ThroughGit => "went through Git",
            Self::Looked => "only looked after that",
            Self::Other => "changed something else",
            Self::Again => "tried again and was refused",
            Self::Stopped => "stopped there",
            Self::Unknown => "not known, as that door knows no session",
        }
    }

    fn of(next: &AuditEntry) -> Self {
        let changes = |effects: &[Effect]| {
            next.effects.iter().any(|effect| effects.iter().any(|known| known.as_str() == effect))
        };
        if next.reasons.iter().any(|said| said.grant.is_some()) {
            Self::Granted
        } else if next.decision != Decision::Allow.as_str() {
            Self::Again
        } else if changes(&[Effect::GitWrite, Effect::GitPublish]) || is_proposal(&next.command) {
            Self::ThroughGit
        } else if next.effects.is_empty() {
            Self::Looked
        } else {
            Self::Other
        }
    }
}

/// True for the commands that make the change in Git.
fn is_proposal(command: &str) -> bool {
    let mut words = command.split_whitespace();
    words.next() == Some("rwenv") && matches!(words.next(), Some("propose" | "deploy" | "rollout"))
}

/// A line that was refused, and how often.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedLine {
    /// The line.
    pub command: String,
    /// How often.
    pub times: u64,
    /// The number of the last record of it.
    pub record: u64,
}

/// What one rule refused in the name of one rwenv.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedGroup {
    /// The rwenv; none where it was nobody's.
    pub rwenv: Option<String>,
    /// The rule.
    pub rule: String,
    /// Denials.
    pub denied: u64,
    /// Questions.
    pub asked: u64,
    /// Sessions of agents in which that was.
    pub sessions: u64,
    /// The agents, and the jobs of CI systems, as far as they are known.
    pub callers: BTreeSet<String>,
    /// The lines, the most frequent first.
    pub lines: Vec<RefusedLine>,
    /// What was done next, the most frequent first.
    pub next: Vec<(NextStep, u64)>,
    /// A change that was done instead.
    pub instead: Option<String>,
}

impl RefusedGroup {
    /// How often it refused.
    #[must_use]
    pub fn times(&self) -> u64 {
        self.denied + self.asked
    }
}

#[derive(Debug, Default)]
struct GroupTally {
    denied: u64,
    asked: u64,
    sessions: BTreeSet<String>,
    callers: BTreeSet<String>,
    lines: BTreeMap<String, (u64, u64)>,
    next: BTreeMap<NextStep, u64>,
    instead: Option<String>,
}

type GroupKey = (Option<String>, String);

/// A refusal of which it is not yet known what was done next.
#[derive(Debug)]
struct OpenRefusal {
    key: GroupKey,
    session: Option<String>,
    pid: u32,
    at: Duration,
    is_question: bool,
    is_answered: bool,
}

/// The refusals of a log, record by record.
#[derive(Debug, Default)]
pub(super) struct RefusedTally {
    groups: BTreeMap<GroupKey, GroupTally>,
    open: VecDeque<OpenRefusal>,
    asked: u64,
    yes: u64,
}

impl RefusedTally {
    pub(super) fn take(&mut self, entry: &AuditEntry) {
        let at = clock::of_rfc3339(&entry.time).unwrap_or_default();
        self.close_before(at.saturating_sub(NEXT));
        if !entry.event.is_empty() {
            self.answered(entry);
            return;
        }
        if entry.session.is_some() {
            self.followed_by(entry);
        }
        if entry.decision == Decision::Deny.as_str() || entry.decision == Decision::Ask.as_str() {
            self.refused(entry, at);
        }
    }

    fn refused(&mut self, entry: &AuditEntry, at: Duration) {
        let is_question = entry.decision == Decision::Ask.as_str();
        let Some(said) = entry.reasons.iter().find(|said| said.grant.is_none()) else { return };
        let key = (said.rwenv.clone().or_else(|| entry.rwenvs.first().cloned()), said.rule.clone());
        self.asked += u64::from(is_question);
        let group = self.groups.entry(key.clone()).or_default();
        *(if is_question { &mut group.asked } else { &mut group.denied }) += 1;
        group.sessions.extend(entry.session.clone());
        group.callers.extend(callers(entry));
        if group.lines.len() < COUNTED || group.lines.contains_key(&entry.command) {
            let line = group.lines.entry(entry.command.clone()).or_default();
            *line = (line.0 + 1, entry.seq);
        }
        let (session, pid) = (entry.session.clone(), entry.pid);
        self.open.push_back(OpenRefusal { key, session, pid, at, is_question, is_answered: false });
    }

    /// A person's answer belongs to the last open question of the door that asked; a run after a yes at the agent's own prompt to the last
    /// question of an agent's. That the shim met the same question again counts once.
    fn answered(&mut self, entry: &AuditEntry) {
        let is_yes = entry.event == "answered-yes";
        if entry.event == RAN_AFTER_YES {
            let same = |open: &OpenRefusal| open.is_question && open.pid == entry.pid;
            if let Some(open) = self.closed(same) {
                self.asked = self.asked.saturating_sub(1);
                self.uncount(&open.key, &entry.detail);
            }
            let question = |open: &&mut OpenRefusal| open.is_question && open.session.is_some();
            if let Some(open) = self.open.iter_mut().rev().find(question).filter(|open| !open.is_answered) {
                open.is_answered = true;
                self.yes += 1;
                let key = open.key.clone();
                self.count(&key, NextStep::Yes);
            }
        } else if is_yes || entry.event == "answered-no" {
            let Some(open) = self.closed(|open| open.pid == entry.pid) else { return };
            // A denial at a person's own terminal is put to them as a question.
            self.asked += u64::from(!open.is_question);
            self.yes += u64::from(is_yes);
            self.count(&open.key, if is_yes { NextStep::Yes } else { NextStep::Stopped });
        }
    }

    /// Takes the last open refusal of which this is true.
    fn closed(&mut self, is: impl Fn(&OpenRefusal) -> bool) -> Option<OpenRefusal> {
        let at = self.open.iter().rposition(is)?;
        self.open.remove(at)
    }

    fn uncount(&mut self, key: &GroupKey, command: &str) {
        let Some(group) = self.groups.get_mut(key) else { return };
        group.asked = group.asked.saturating_sub(1);
        if let Some(line) = group.lines.get_mut(command) {
            line.0 = line.0.saturating_sub(1);
        }
        group.lines.retain(|_, line| line.0 > 0);
        if group.asked + group.denied == 0 {
            self.groups.remove(key);
        }
    }

    fn count(&mut self, key: &GroupKey, step: NextStep) {
        if let Some(group) = self.groups.get_mut(key) {
            *group.next.entry(step).or_default() += 1;
        }
    }

    /// What a session does next answers what it was refused last.
    fn followed_by(&mut self, entry: &AuditEntry) {
        let Some(open) = self.closed(|open| open.session == entry.session) else { return };
        if open.is_answered {
            return;
        }
        let step = NextStep::of(entry);
        self.count(&open.key, step);
        if let Some(group) = self.groups.get_mut(&open.key).filter(|_| step == NextStep::Other) {
            group.instead.get_or_insert_with(|| entry.command.clone());
        }
    }

    fn close_before(&mut self, at: Duration) {
        while self.open.front().is_some_and(|open| open.at < at || self.open.len() > OPEN) {
            let Some(open) = self.open.pop_front() else { return };
            if !open.is_answered {
                let step = if open.session.is_some() { NextStep::Stopped } else { NextStep::Unknown };
                self.count(&open.key, step);
            }
        }
    }

    /// Questions, and those that are known to have got a yes.
    pub(super) fn questions(&self) -> (u64, u64) {
        (self.asked, self.yes)
    }

    /// Takes in another machine's.
    pub(super) fn merge(&mut self, mut other: Self) {
        other.close_before(Duration::MAX);
        for (key, theirs) in other.groups {
            let group = self.groups.entry(key).or_default();
            group.denied += theirs.denied;
            group.asked += theirs.asked;
            group.sessions.extend(theirs.sessions);
            group.callers.extend(theirs.callers);
            for (command, (times, record)) in theirs.lines {
                let line = group.lines.entry(command).or_default();
                *line = (line.0 + times, record);
            }
            theirs.next.into_iter().for_each(|(step, times)| *group.next.entry(step).or_default() += times);
            group.instead = group.instead.take().or(theirs.instead);
        }
    }

    /// All of it, the most frequent first.
    pub(super) fn groups(mut self) -> Vec<RefusedGroup> {
        self.close_before(Duration::MAX);
        let mut all: Vec<RefusedGroup> =
            self.groups.into_iter().map(|(key, tally)| group(key, tally)).collect();
        all.sort_by_key(|group| std::cmp::Reverse(group.times()));
        all
    }
}

/// Who a call came from, as people say it.
fn callers(entry: &AuditEntry) -> Vec<String> {
    let agent = entry.agent.as_ref().map(|agent| match &agent.version {
        Some(version) => format!("{} {version}", agent.name),
        None => agent.name.clone(),
    });
    let job = entry.ci.as_ref().map(|ci| match &ci.job {
        Some(job) => format!("{} job {job}", ci.system),
        None => ci.system.clone(),
    });
    agent.into_iter().chain(job).collect()
}

fn group((rwenv, rule): GroupKey, tally: GroupTally) -> RefusedGroup {
    let mut lines: Vec<RefusedLine> = (tally.lines.into_iter())
        .map(|(command, (times, record))| RefusedLine { command, times, record })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.times));
    lines.truncate(SHOWN);
    let mut next: Vec<(NextStep, u64)> = tally.next.into_iter().collect();
    // What is not known tells least.
    next.sort_by_key(|(step, times)| (*step == NextStep::Unknown, std::cmp::Reverse(*times)));
    let sessions = tally.sessions.len() as u64;
    let (denied, asked, instead) = (tally.denied, tally.asked, tally.instead);
    RefusedGroup { rwenv, rule, denied, asked, sessions, callers: tally.callers, lines, next, instead }
}
