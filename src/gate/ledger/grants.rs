//! A person's exceptions: one command line, in one directory, for a short time. They are made at a terminal, never by an agent, and
//! lift every rule but those that guard the guard.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::base::clock;
use crate::base::environment::Environment;
use crate::base::files::{self, FileError};
use rwenv_core::decide::Plan;
use rwenv_core::model::{Decision, Dir, Invocation, Verdict, Word};

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
    /// The command line, for people.
    pub command: String,
    /// The directory it counts in.
    pub cwd: String,
    /// Digest of the line and the directory.
    digest: String,
    /// The programs the line runs, as a shim meets them; an argument that is not known stands for any.
    runs: Vec<(Vec<String>, Vec<Option<String>>)>,
    /// Rules it lifts, as they were when it was made.
    pub rules: Vec<String>,
    /// When it was made, in seconds since 1970.
    pub made: u64,
    /// When it ends, in seconds since 1970.
    pub until: u64,
    /// What for, in the person's words.
    pub reason: Option<String>,
}

fn folder(environment: &Environment) -> PathBuf {
    environment.config_dir.join("run/grants")
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

/// Makes an exception for a line that was planned and judged.
///
/// # Errors
/// Where the system says no.
pub fn make(
    plan: &Plan,
    verdict: &Verdict,
    seconds: u64,
    reason: Option<&str>,
    environment: &Environment,
) -> Result<Grant, FileError> {
    let made = clock::now().as_secs();
    let digest = digest(&plan.line, &plan.context.cwd);
    let run = |invocation: &Invocation| {
        let cwd = invocation.cwd.iter().filter_map(Dir::path).map(str::to_owned).collect();
        let argv = invocation.argv.iter().map(|word| word.as_literal().map(str::to_owned)).collect();
        (cwd, argv)
    };
    let mut rules: Vec<String> = verdict.reasons().iter().map(|reason| reason.rule.clone()).collect();
    rules.sort();
    rules.dedup();
    let grant = Grant {
        id: digest.chars().take(8).collect(),
        command: plan.line.clone(),
        cwd: plan.context.cwd.clone(),
        runs: plan.planned.iter().map(|planned| run(&planned.invocation)).collect(),
        digest,
        rules,
        made,
        until: made + seconds.min(LONGEST),
        reason: reason.map(str::to_owned),
    };
    let folder = folder(environment);
    files::make_private_dir(&folder)?;
    let path = folder.join(format!("{}.json", grant.id));
    let text = serde_json::to_string(&grant).map_err(|e| FileError::io(&path, e.into()))?;
    files::write(&path, &text, 0o600)?;
    Ok(grant)
}

/// The exceptions that count now; those that have ended are taken away.
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
            _ => {
                let _ = fs::remove_file(path);
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
    let is = |(dirs, asked): &(Vec<String>, Vec<Option<String>>)| {
        dirs.iter().any(|dir| here(dir)) && crate::ledger::asked::same(asked, argv)
    };
    live(environment).into_iter().find(|grant| grant.runs.iter().any(is))
}

/// The same for a push as git's own hook meets it: in the root of the repository, wherever in it the line was granted.
#[must_use]
pub fn lifts_push(verdict: &Verdict, argv: &[Word], root: &str, environment: &Environment) -> bool {
    let below = |dir: &str| Path::new(dir).starts_with(root);
    lifted(verdict, argv, below, environment).is_some()
}

/// Takes exceptions back; says how many.
#[must_use]
pub fn revoke(id: Option<&str>, environment: &Environment) -> usize {
    let chosen = live(environment).into_iter().filter(|grant| id.is_none_or(|id| grant.id == id));
    chosen
        .filter(|grant| fs::remove_file(folder(environment).join(format!("{}.json", grant.id))).is_ok())
        .count()
}
