//! What a person is being asked at the agent's hook: if they say yes, the shim that meets the same call lets it through.
//!
//! The hook does not learn the answer. But what runs afterwards ran because the agent's host got a yes, so a record
//! counts for the same program run in the same directory, for a short time, until the person speaks next.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::clock;
use crate::base::environment::Environment;
use crate::base::files::{self, FileError};
use rwenv_core::decide::Plan;
use rwenv_core::model::{Decision, Dir, Invocation, Verdict, Word};

/// Seconds a record counts.
const COUNTS: u64 = 15 * 60;
/// Seconds for which a yes at the terminal counts for what the run starts.
const JUST: u64 = 120;
/// Most records that are looked at.
const MOST: usize = 256;

/// One program run that a person is asked about. An argument that is not known is none, and stands for any one.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct AskedRun {
    time: u64,
    session: Option<String>,
    cwd: Vec<String>,
    argv: Vec<Option<String>>,
    /// They were asked at their own terminal, and said yes.
    #[serde(default)]
    said: bool,
}

fn folder(environment: &Environment) -> PathBuf {
    environment.config_dir.join("run/asked")
}

/// Records what a person is asked about.
///
/// # Errors
/// Where the system says no.
pub fn record(
    plan: &Plan,
    verdict: &Verdict,
    session: Option<&str>,
    environment: &Environment,
) -> Result<(), FileError> {
    let asked: Vec<_> = verdict.reasons().iter().filter(|r| r.decision == Decision::Ask).collect();
    let runs = plan.planned.iter().filter(|p| asked.iter().any(|r| r.span == p.operation.span));
    let folder = folder(environment);
    for (at, planned) in runs.enumerate() {
        let Some(mut asked) = of(&planned.invocation, session) else { continue };
        // git runs its hooks in the repository, not where it was started (`git -C`).
        let dirs = planned.operation.target.repository.dirs.iter().filter_map(Dir::path);
        asked.cwd.extend(dirs.map(str::to_owned));
        files::make_private_dir(&folder)?;
        let path = folder.join(format!("{}-{}-{at}.json", asked.time, std::process::id()));
        let text = serde_json::to_string(&asked).map_err(|e| FileError::io(&path, e.into()))?;
        files::write(&path, &text, 0o600)?;
    }
    Ok(())
}

fn of(invocation: &Invocation, session: Option<&str>) -> Option<AskedRun> {
    if invocation.argv.iter().any(Word::splits) {
        return None;
    }
    let cwd = invocation.cwd.iter().filter_map(Dir::path).map(str::to_owned).collect();
    let argv = invocation.argv.iter().map(|w| w.as_literal().map(str::to_owned)).collect();
    Some(AskedRun {
        time: clock::now().as_secs(),
        session: session.map(str::to_owned),
        cwd,
        argv,
        said: false,
    })
}

/// True where a person was asked about this very run a short time ago.
#[must_use]
pub fn answered(argv: &[Word], cwd: &str, environment: &Environment) -> bool {
    let now = clock::now().as_secs();
    all(environment).into_iter().any(|(path, asked)| {
        if now.saturating_sub(asked.time) > COUNTS {
            let _ = fs::remove_file(path);
            return false;
        }
        asked.cwd.iter().any(|dir| dir == cwd) && same(&asked.argv, argv)
    })
}

/// Records that the person at this terminal said yes to a run, so that they are not asked again by what it starts.
///
/// # Errors
/// Where the system says no.
pub fn said(argv: &[Word], environment: &Environment) -> Result<(), FileError> {
    let argv = argv.iter().map(|word| word.as_literal().map(str::to_owned)).collect();
    let run = AskedRun { time: clock::now().as_secs(), session: None, cwd: Vec::new(), argv, said: true };
    let folder = folder(environment);
    files::make_private_dir(&folder)?;
    let path = folder.join(format!("{}-{}-said.json", run.time, std::process::id()));
    let text = serde_json::to_string(&run).map_err(|e| FileError::io(&path, e.into()))?;
    files::write(&path, &text, 0o600)
}

/// True where the person at this terminal has just said yes to this run. It counts once.
#[must_use]
pub fn has_said(argv: &[Word], environment: &Environment) -> bool {
    let now = clock::now().as_secs();
    all(environment).into_iter().any(|(path, asked)| {
        let is = asked.said && now.saturating_sub(asked.time) <= JUST && same(&asked.argv, argv);
        is && fs::remove_file(path).is_ok()
    })
}

pub(super) fn same(asked: &[Option<String>], argv: &[Word]) -> bool {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let program = asked.first().cloned().flatten().map(|p| name(&p));
    program == argv.first().and_then(Word::as_literal).map(name)
        && asked.len() == argv.len()
        && asked.iter().zip(argv).skip(1).all(|(a, b)| a.is_none() || a.as_deref() == b.as_literal())
}

/// Forgets what a session's person was asked about: they have spoken since.
pub fn forget(session: &str, environment: &Environment) {
    for (path, asked) in all(environment) {
        if asked.session.as_deref() == Some(session) {
            let _ = fs::remove_file(path);
        }
    }
}

fn all(environment: &Environment) -> Vec<(PathBuf, AskedRun)> {
    let Ok(entries) = fs::read_dir(folder(environment)) else { return Vec::new() };
    let read = |path: &Path| serde_json::from_str(&files::read_trusted(path).ok()??).ok();
    let paths = entries.filter_map(|entry| entry.ok().map(|e| e.path())).take(MOST);
    paths.filter_map(|path| read(&path).map(|asked| (path, asked))).collect()
}
