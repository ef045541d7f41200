//! What read-only means in each environment, and what changed in it, from Git.

use std::time::Duration;

use super::shape::{ReportWish, ReportedCommit, ReportedRwenv};
use crate::ops::check::{Check, CheckState};
use crate::ops::custody;
use rwenv_core::model::Rwenv;
use rwenv_flux::repos::{self, ClonedCommit, FluxRepository};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;

/// Commits of one environment that are shown.
const SHOWN: usize = 12;

pub(super) fn examine(wish: ReportWish<'_>, environment: &Environment) -> Vec<ReportedRwenv> {
    let Ok(config) = config::load(&environment.config_dir) else { return Vec::new() };
    let checks = custody::examine(wish.offline, environment);
    let wanted = config.rwenvs.all.iter();
    let wanted = wanted.filter(|rwenv| wish.rwenv.is_none_or(|name| name == rwenv.name.as_str()));
    wanted.map(|rwenv| of(rwenv, &checks, wish, environment)).collect()
}

fn of(rwenv: &Rwenv, checks: &[Check], wish: ReportWish<'_>, environment: &Environment) -> ReportedRwenv {
    let name = rwenv.name.to_string();
    let own = |id: &str| {
        checks.iter().find(|check| check.id == id && check.rwenv.as_deref() == Some(name.as_str()))
    };
    let (custody, branch) = (own("custody"), own("branch"));
    let mut raise = Vec::new();
    if rwenv.read_only && custody.is_some_and(|check| check.level == Some("C0")) {
        raise.push(format!("rwenv run --env {name} -- claude"));
    }
    raise.extend(
        branch
            .filter(|check| check.state != CheckState::Ok && !wish.offline)
            .and_then(|check| check.fix.clone()),
    );
    let (commits, changes, unknown) = changes(rwenv, wish.since, environment);
    ReportedRwenv {
        mode: match (rwenv.read_only, rwenv.git_ops_only) {
            (true, _) => "read-only",
            (false, true) => "gitops-only",
            (false, false) => "writable",
        },
        level: custody.and_then(|check| check.level),
        custody: custody.map(|check| check.says.clone()).unwrap_or_default(),
        branch: branch.map(|check| check.says.clone()),
        raise,
        commits,
        changes,
        unknown,
        name,
    }
}

fn changes(
    rwenv: &Rwenv,
    since: &str,
    environment: &Environment,
) -> (usize, Vec<ReportedCommit>, Option<String>) {
    let Ok(flux) = FluxRepository::of(rwenv, environment) else {
        return (0, Vec::new(), Some("it names no Flux repository".to_owned()));
    };
    let since = clock::of_rfc3339(&full(since)).unwrap_or_default().as_secs();
    let Some(commits) = repos::commits_since(&flux, since) else {
        return (0, Vec::new(), Some(format!("no clone yet: rwenv repo sync {}", rwenv.name)));
    };
    let reported = |commit: &ClonedCommit| ReportedCommit {
        id: commit.id.chars().take(8).collect(),
        time: clock::rfc3339(Duration::from_secs(commit.time)),
        author: commit.author.clone(),
        subject: commit.subject.clone(),
    };
    (commits.len(), commits.iter().take(SHOWN).map(reported).collect(), None)
}

/// A time of `--since`, which may be cut short, as a whole one.
fn full(time: &str) -> String {
    let rest = "0000-01-01T00:00:00.000Z".get(time.len()..).unwrap_or_default();
    format!("{time}{rest}")
}
