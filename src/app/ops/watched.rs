//! Everything that a live screen shows, as it is at one moment: environments, clones, what is not ready, grants, what is off.

use std::time::Duration;

use rwenv_core::model::Rwenv;
use rwenv_flux::repos::{self, CloneState, FluxRepository};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::facts::config;
use rwenv_gate::ledger::grants::{self, Grant};
use rwenv_gate::standing::Lapse;
use rwenv_gate::wire::daemon::{Ask, FluxHealth, FluxRow, ask};

/// Longest that the daemon is waited for, for one environment.
const ANSWER: Duration = Duration::from_secs(2);

/// An environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchedRwenv {
    /// Its name.
    pub name: String,
    /// What may be changed in it.
    pub mode: String,
    /// How its clone is; empty where it names no repository.
    pub clone: String,
    /// Seconds since that was synced.
    pub age: Option<u64>,
    /// Objects of Flux that are not ready; none where that is not known.
    pub unready: Option<Vec<FluxRow>>,
    /// Objects of Flux that are known.
    pub objects: usize,
    /// Why that is not known.
    pub unknown: Option<String>,
}

/// One moment.
#[derive(Clone, Debug, Default)]
pub struct WatchedMoment {
    /// The environments.
    pub rwenvs: Vec<WatchedRwenv>,
    /// The grants that count.
    pub grants: Vec<Grant>,
    /// What of the guard is off.
    pub off: Vec<Lapse>,
}

/// Looks at everything; of one rwenv where one is named.
#[must_use]
pub fn look(rwenv: Option<&str>, environment: &Environment) -> WatchedMoment {
    let known = config::rwenvs(&environment.config_dir);
    let wanted = known.all.iter().filter(|one| rwenv.is_none_or(|name| name == one.name.as_str()));
    WatchedMoment {
        rwenvs: wanted.map(|one| watched(one, environment)).collect(),
        grants: grants::live(environment)
            .into_iter()
            .filter(|grant| rwenv.is_none_or(|name| grant.is_for(name)))
            .collect(),
        off: crate::standing::lapses(&environment::current_dir(), environment),
    }
}

fn watched(rwenv: &Rwenv, environment: &Environment) -> WatchedRwenv {
    let mode = match (rwenv.read_only, rwenv.git_ops_only) {
        (true, _) => "read-only",
        (false, true) => "gitops-only",
        (false, false) => "writable",
    };
    let mut out =
        WatchedRwenv { name: rwenv.name.to_string(), mode: mode.to_owned(), ..WatchedRwenv::default() };
    if let Ok(flux) = FluxRepository::of(rwenv, environment) {
        (out.clone, out.age) = clone(&flux);
    }
    match flux(rwenv, environment) {
        Err(why) => out.unknown = Some(why),
        Ok(health) => {
            out.objects = health.objects.len();
            out.unready = Some(health.objects.into_iter().filter(FluxRow::fails).collect());
        }
    }
    out
}

fn clone(flux: &FluxRepository) -> (String, Option<u64>) {
    let status = match repos::status(flux) {
        Ok(status) => status,
        Err(error) => return (error.to_string(), None),
    };
    let age = status.synced.map(|then| clock::now().as_secs().saturating_sub(then));
    let says = match status.state {
        _ if status.error.is_some() => "sync fails".to_owned(),
        CloneState::Absent => "not cloned".to_owned(),
        CloneState::Empty | CloneState::UpToDate => "up to date".to_owned(),
        CloneState::Behind => format!("{} behind", status.behind),
        CloneState::Ahead => format!("{} ahead", status.ahead),
        CloneState::Diverged => "diverged".to_owned(),
        CloneState::Rewritten => "rewritten upstream".to_owned(),
        CloneState::BranchGone { branch } => format!("{branch} is gone"),
        CloneState::DefaultBranchRenamed { to, .. } => format!("follows {to} now"),
        CloneState::Dirty { files } => format!("{files} files changed"),
        CloneState::Detached => "on no branch".to_owned(),
        CloneState::NoBranch { .. } => "its branch is not there".to_owned(),
        CloneState::Busy { what } => format!("busy: {what}"),
    };
    (says, age)
}

/// How Flux is in its cluster, as the daemon has it.
fn flux(rwenv: &Rwenv, environment: &Environment) -> Result<FluxHealth, String> {
    if !rwenv.names_context() {
        return Err("it names no context".to_owned());
    }
    let asked = ask(&environment.config_dir, Ask::Flux { rwenv: rwenv.name.to_string() }, ANSWER);
    let health = asked.map_err(|error| error.to_string())?.flux.unwrap_or_default();
    match (&health.error, health.complete) {
        (Some(why), _) => Err(why.clone()),
        (None, false) => Err("the daemon is still reading".to_owned()),
        (None, true) => Ok(health),
    }
}
