//! A person's exceptions, each for a short time: for one command line in one directory, or for a rwenv, a namespace or objects of it.
//! They are made at a terminal, never by an agent, and lift every rule but those that guard the guard. That one was made, what it
//! lifted, and how it ended is in the log.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::audit::{self, GrantEvent};
use crate::base::clock;
use crate::base::environment::Environment;
use crate::base::files::{self, FileError};
use rwenv_core::decide::{GrantedArea, JudgedPart, Plan, Planned};
use rwenv_core::model::{Decision, Dir, Invocation, Reason, Stdin, Verdict, Word};

/// Longest time a grant may count, in seconds.
pub const LONGEST: u64 = 60 * 60;
/// Most grants that are looked at.
const MOST: usize = 64;
/// Rules no grant lifts.
const NEVER: &str = "tamper.";

/// One exception.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Grant {
    /// Its name.
    pub id: String,
    /// The command line; of one for an area, what it is for in words.
    pub command: String,
    /// The directory a line counts in; empty for an area.
    pub cwd: String,
    /// Digest of the line and the directory.
    digest: String,
    /// The programs a line runs.
    runs: Vec<GrantedRun>,
    /// What it is for, where that is no line.
    pub area: Option<GrantedArea>,
    /// The rwenvs in whose names it counts.
    pub rwenvs: Vec<String>,
    /// Rules it lifts, as they were when it was made; empty for an area, of which all are lifted.
    pub rules: Vec<String>,
    /// When it was made, in seconds since 1970.
    pub made: u64,
    /// When it ends, in seconds since 1970.
    pub until: u64,
    /// What for, in the person's words.
    pub reason: Option<String>,
    /// The person.
    pub person: String,
}

/// A program run of a granted line. An argument that is not known is none, and stands for any one where the run itself is met.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct GrantedRun {
    dirs: Vec<String>,
    argv: Vec<Option<String>>,
    /// It gets nothing but its arguments: no variables of the line, and nothing on its standard input.
    bare: bool,
}

impl GrantedRun {
    fn of(invocation: &Invocation) -> Self {
        let argv = invocation.argv.iter().map(|word| word.as_literal().map(str::to_owned)).collect();
        Self { dirs: dirs(invocation), argv, bare: is_bare(invocation) }
    }

    /// True for a part of another line that does exactly this: the same words, in another order where that does not matter, in the same
    /// folder, or below it where no path is named.
    fn is(&self, planned: &Planned) -> bool {
        let invocation = &planned.invocation;
        let granted: Option<Vec<&str>> = self.argv.iter().map(Option::as_deref).collect();
        let asked: Option<Vec<&str>> = invocation.argv.iter().map(Word::as_literal).collect();
        let named = !planned.operation.target.files.is_empty();
        let here = |dir: &String| {
            let below = |own: &String| dir == own || (!named && Path::new(dir).starts_with(own));
            self.dirs.iter().any(below)
        };
        let dirs = dirs(invocation);
        self.bare
            && is_bare(invocation)
            && !dirs.is_empty()
            && dirs.iter().all(here)
            && granted.zip(asked).is_some_and(|(granted, asked)| same_words(&granted, &asked))
    }
}

fn dirs(invocation: &Invocation) -> Vec<String> {
    invocation.cwd.iter().filter_map(Dir::path).map(str::to_owned).collect()
}

fn is_bare(invocation: &Invocation) -> bool {
    invocation.env.is_empty() && invocation.stdin == Stdin::Inherited && !invocation.argv.is_empty()
}

/// True for the same words, or for the same but for where flags stand. A flag keeps the word behind it, which may be its value. Of flags
/// that may be one under two names the last one counts, so that their order does.
fn same_words(granted: &[&str], asked: &[&str]) -> bool {
    granted == asked || ordered(granted).is_some_and(|granted| Some(granted) == ordered(asked))
}

/// The words of a call, its flags apart.
#[derive(PartialEq)]
struct OrderedWords<'w> {
    /// Those that are no flags, in order.
    plain: Vec<&'w str>,
    /// The flags, sorted, each with the word behind it.
    flags: Vec<(&'w str, Option<&'w str>)>,
}

fn ordered<'w>(words: &[&'w str]) -> Option<OrderedWords<'w>> {
    let (mut plain, mut flags) = (Vec::new(), Vec::new());
    let mut rest = words.iter().copied().peekable();
    while let Some(word) = rest.next() {
        if word == "--" {
            plain.push(word);
            plain.extend(rest.by_ref());
        } else if word.len() > 1 && word.starts_with('-') {
            let value = rest.next_if(|next| !word.contains('=') && !next.starts_with('-'));
            flags.push((word, value));
        } else {
            plain.push(word);
        }
    }
    let first = |(flag, _): &(&str, Option<&str>)| flag.trim_start_matches('-').chars().next();
    let mut firsts: Vec<_> = flags.iter().map(first).collect();
    firsts.sort_unstable();
    let once = firsts.windows(2).all(|pair| pair.first() != pair.last());
    flags.sort_unstable();
    once.then_some(OrderedWords { plain, flags })
}

impl Grant {
    /// Seconds until it ends.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.until.saturating_sub(clock::now().as_secs())
    }

    /// The time until it ends, as people say it.
    #[must_use]
    pub fn left_in_words(&self) -> String {
        match self.left() {
            seconds @ 0..60 => format!("{seconds} s"),
            seconds => format!("{} min", seconds.div_ceil(60)),
        }
    }

    /// True where it counts in the name of a rwenv.
    #[must_use]
    pub fn is_for(&self, rwenv: &str) -> bool {
        self.rwenvs.iter().any(|name| name == rwenv)
    }

    /// What is said of it beside a verdict that it lifted, and where the rwenv is shown.
    #[must_use]
    pub fn told(&self) -> String {
        let why = self.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("grant {}{why}, {} left: {}", self.id, self.left_in_words(), self.command)
    }

    /// True where it lifts what is said about a part of a line. `exact` says that it is known what the part is for.
    #[must_use]
    pub fn lifts(&self, reason: &Reason, part: &JudgedPart, plan: &Plan, exact: bool) -> bool {
        let planned = part.planned.and_then(|at| plan.planned.get(at));
        let Some((planned, operation)) = planned.zip(part.operation.as_ref()) else { return false };
        if reason.rule.starts_with(NEVER) {
            return false;
        }
        match &self.area {
            Some(area) => area.is_about(reason) && area.covers(operation, planned, exact),
            None => {
                self.rules.contains(&reason.rule)
                    && reason.rwenv.as_ref().is_none_or(|name| self.rwenvs.contains(name))
                    && self.runs.iter().any(|run| run.is(planned))
            }
        }
    }

    /// True where it opens a part of the rwenv that a reason is about.
    #[must_use]
    pub fn is_near(&self, reason: &Reason) -> bool {
        self.area.as_ref().is_some_and(|area| area.is_about(reason))
    }

    fn event(&self, event: &'static str, environment: &Environment) -> Result<(), FileError> {
        let why = self.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let rules =
            if self.rules.is_empty() { String::new() } else { format!(" [{}]", self.rules.join(", ")) };
        let minutes = (self.until - self.made).div_ceil(60);
        let place = if self.cwd.is_empty() { String::new() } else { format!(" in {}", self.cwd) };
        let detail = format!("{} for {minutes} minutes{place}: {}{rules}{why}", self.id, self.command);
        let (rwenvs, reason) = (self.rwenvs.as_slice(), self.reason.as_deref());
        audit::of_grant(
            GrantEvent { event, detail: &detail, grant: &self.id, rwenvs, reason, person: &self.person },
            environment,
        )
    }
}

fn folder(environment: &Environment) -> PathBuf {
    environment.config_dir.join("run/grants")
}

fn path(id: &str, environment: &Environment) -> PathBuf {
    folder(environment).join(format!("{id}.json"))
}

fn digest(line: &str, cwd: &str) -> String {
    let hash = Sha256::digest(format!("{cwd}\0{line}"));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The rules of a verdict that no grant lifts.
#[must_use]
pub fn not_lifted(verdict: &Verdict) -> Option<&str> {
    let reasons = verdict.reasons().iter().filter(|reason| reason.decision > Decision::Allow);
    reasons.map(|reason| reason.rule.as_str()).find(|rule| rule.starts_with(NEVER))
}

/// How long a grant is to count, what for in the person's words, and who they are.
#[derive(Clone, Copy, Debug)]
pub struct GrantTerms<'a> {
    /// Seconds, at most [`LONGEST`].
    pub seconds: u64,
    /// What for.
    pub reason: Option<&'a str>,
    /// The person's name on this machine.
    pub person: &'a str,
}

/// Makes an exception for a line that was planned and judged, in the names of these rwenvs, and puts it on record.
///
/// # Errors
/// Where the system says no; there is no exception then.
pub fn make(
    plan: &Plan,
    verdict: &Verdict,
    rwenvs: Vec<String>,
    terms: GrantTerms<'_>,
    environment: &Environment,
) -> Result<Grant, FileError> {
    let digest = digest(&plan.line, &plan.context.cwd);
    let mut rules: Vec<String> = verdict.reasons().iter().map(|reason| reason.rule.clone()).collect();
    rules.sort();
    rules.dedup();
    let runs = plan.planned.iter().map(|planned| GrantedRun::of(&planned.invocation)).collect();
    let of_line = Grant { rules, runs, cwd: plan.context.cwd.clone(), ..empty(&digest, terms) };
    write(Grant { command: plan.line.clone(), rwenvs, digest, ..of_line }, environment)
}

/// Makes an exception for a rwenv, or a part of it, and puts it on record.
///
/// # Errors
/// Where the system says no; there is no exception then.
pub fn open(area: GrantedArea, terms: GrantTerms<'_>, environment: &Environment) -> Result<Grant, FileError> {
    let title = area.title();
    let (rwenvs, own) = (vec![area.rwenv.clone()], digest(&title, "area"));
    write(Grant { command: title, rwenvs, area: Some(area), ..empty(&own, terms) }, environment)
}

fn empty(digest: &str, terms: GrantTerms<'_>) -> Grant {
    let made = clock::now().as_secs();
    Grant {
        id: digest.chars().take(8).collect(),
        command: String::new(),
        cwd: String::new(),
        digest: String::new(),
        runs: Vec::new(),
        area: None,
        rwenvs: Vec::new(),
        rules: Vec::new(),
        made,
        until: made + terms.seconds.min(LONGEST),
        reason: terms.reason.map(str::to_owned),
        person: terms.person.to_owned(),
    }
}

/// Puts a grant on record, then where doors find it: none counts of which there is no record.
fn write(grant: Grant, environment: &Environment) -> Result<Grant, FileError> {
    files::make_private_dir(&folder(environment))?;
    let path = path(&grant.id, environment);
    let text = serde_json::to_string(&grant).map_err(|e| FileError::io(&path, e.into()))?;
    grant.event("granted", environment)?;
    files::write(&path, &text, 0o600)?;
    Ok(grant)
}

/// The exceptions that count now; those that have ended are taken away, and that they ended is put on record.
#[must_use]
pub fn live(environment: &Environment) -> Vec<Grant> {
    let Ok(entries) = fs::read_dir(folder(environment)) else { return Vec::new() };
    let now = clock::now().as_secs();
    let read =
        |path: &Path| -> Option<Grant> { serde_json::from_str(&files::read_trusted(path).ok()??).ok() };
    let mut all = Vec::new();
    for path in entries.filter_map(|entry| entry.ok().map(|e| e.path())).take(MOST) {
        match read(&path) {
            // One from the future was made by a clock that nobody should believe.
            Some(grant) if grant.made <= now && now < grant.until && grant.until - grant.made <= LONGEST => {
                all.push(grant);
            }
            // Whoever takes it away says so, once.
            ended => {
                let gone = fs::remove_file(path).is_ok();
                let _ = ended.filter(|_| gone).map(|grant| grant.event("ended", environment));
            }
        }
    }
    all.sort_by_key(|grant| grant.until);
    all
}

/// The exception that lifts a verdict on a line.
#[must_use]
pub fn lifts(verdict: &Verdict, line: &str, cwd: &str, environment: &Environment) -> Option<Grant> {
    if verdict.decision() == Decision::Allow || not_lifted(verdict).is_some() {
        return None;
    }
    let wanted = digest(line, cwd);
    live(environment).into_iter().find(|grant| grant.digest == wanted)
}

/// The same for one program run of such a line, as a shim meets it.
#[must_use]
pub fn lifts_run(verdict: &Verdict, argv: &[Word], cwd: &str, environment: &Environment) -> Option<Grant> {
    lifted(verdict, argv, |dir| dir == cwd, environment)
}

fn lifted(
    verdict: &Verdict,
    argv: &[Word],
    here: impl Fn(&str) -> bool,
    environment: &Environment,
) -> Option<Grant> {
    if argv.is_empty() || verdict.decision() == Decision::Allow || not_lifted(verdict).is_some() {
        return None;
    }
    let is = |run: &GrantedRun| {
        run.dirs.iter().any(|dir| here(dir)) && crate::ledger::asked::same(&run.argv, argv)
    };
    live(environment).into_iter().find(|grant| grant.runs.iter().any(is))
}

/// The same for a push as git's own hook meets it: in the root of the repository, wherever in it the line was granted.
#[must_use]
pub fn lifts_push(verdict: &Verdict, argv: &[Word], root: &str, environment: &Environment) -> Option<Grant> {
    let below = |dir: &str| Path::new(dir).starts_with(root);
    lifted(verdict, argv, below, environment)
}

/// Takes exceptions back, and puts that on record; gives those that were.
///
/// # Errors
/// Where one was taken back, and that could not be put on record.
pub fn revoke(id: Option<&str>, environment: &Environment) -> Result<Vec<Grant>, FileError> {
    let chosen = live(environment).into_iter().filter(|grant| id.is_none_or(|id| grant.id == id));
    let gone: Vec<Grant> =
        chosen.filter(|grant| fs::remove_file(path(&grant.id, environment)).is_ok()).collect();
    gone.iter().try_for_each(|grant| grant.event("revoked", environment))?;
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_where_only_flags_have_moved() {
        let same = |granted: &str, asked: &str| {
            let words = |line: &'static str| line.split(' ').collect::<Vec<_>>();
            same_words(&words(granted.to_owned().leak()), &words(asked.to_owned().leak()))
        };
        let line = "kubectl -n shop scale deploy/web --replicas 5";
        for other in
            ["kubectl scale deploy/web --replicas 5 -n shop", "kubectl scale -n shop --replicas 5 deploy/web"]
        {
            assert!(same(line, other), "{other}");
        }
        for other in [
            "kubectl -n shop scale deploy/web --replicas 0",
            "kubectl -n shop scale deploy/api --replicas 5",
            "kubectl -n 5 scale deploy/web --replicas shop",
            "kubectl -n shop scale deploy/web --replicas 5 --now",
            "kubectl -n shop scale deploy/web --replicas 5 --namespace other",
            "kubectl scale -n shop deploy/web --replicas=5",
        ] {
            assert!(!same(line, other), "{other}");
        }
        assert!(!same("k -n a --namespace b x", "k --namespace b -n a x"));
        assert!(!same("k exec p -- rm -f a", "k exec p -- rm a -f"));
    }
}
