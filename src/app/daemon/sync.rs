//! Fetching in the background: each repository at its interval, some at a time, rarer while it fails.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::panics::caught;
use super::refresh;
use super::state::{Shared, lock};
use rwenv_flux::operate::follow_the_cluster;
use rwenv_flux::repos::{self, CloneWish, FluxRepository, RepoError};
use rwenv_gate::wire::daemon::KeptRepository;

/// Time between two looks where the configuration does not say.
const INTERVAL: Duration = Duration::from_secs(300);
/// Shortest interval that is taken from the configuration.
const SHORTEST: Duration = Duration::from_secs(10);
/// Wait after the first failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// Longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Repositories that are synced at the same time.
const AT_ONCE: usize = 2;
/// The first looks after a start are spread over this time.
const SPREAD: Duration = Duration::from_secs(5);
/// Waiting for ever, in terms of a timer.
const LONG: Duration = Duration::from_secs(86_400);

/// One repository's schedule.
struct Due {
    flux: FluxRepository,
    interval: Duration,
    at: Instant,
    failures: u32,
    error: Option<String>,
    running: bool,
}

impl Due {
    /// Takes another interval, from now on: a shorter one is not put off until the longer one is over.
    fn retimed(&mut self, interval: Duration) {
        if self.interval != interval && self.failures == 0 {
            self.at = self.at.min(Instant::now() + interval);
        }
        self.interval = interval;
    }
}

type SyncOutcome = (String, Result<(), String>);

pub(super) async fn keep(shared: Arc<Shared>) {
    let mut all: BTreeMap<String, Due> = BTreeMap::new();
    let mut running: JoinSet<SyncOutcome> = JoinSet::new();
    loop {
        if shared.is_draining() {
            while running.join_next().await.is_some() {}
            return;
        }
        plan(&mut all, &shared);
        start(&mut all, &mut running, &shared);
        show(&all, &shared);
        let waiting = all.values().filter(|due| !due.running).map(|due| due.at).min();
        let idle = running.len() >= AT_ONCE;
        let next = waiting.filter(|_| !idle).unwrap_or_else(|| Instant::now() + LONG);
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = shared.wanted.wait() => {
                for name in shared.wanted.take() {
                    if let Some(due) = all.get_mut(&name) {
                        due.at = Instant::now();
                    }
                }
            }
            Some(done) = running.join_next() => {
                if let Ok((name, result)) = done {
                    finish(&mut all, &name, result);
                }
            }
        }
    }
}

/// Takes over what the configuration says now.
fn plan(all: &mut BTreeMap<String, Due>, shared: &Shared) {
    let rwenvs = lock(&shared.rwenvs).clone();
    let wanted: BTreeMap<String, (FluxRepository, Duration)> = (rwenvs.all.iter())
        .filter_map(|rwenv| {
            let flux = FluxRepository::of(rwenv, &shared.environment).ok()?;
            let interval = rwenv.sync_interval.map_or(INTERVAL, Duration::from_secs).max(SHORTEST);
            Some((rwenv.name.to_string(), (flux, interval)))
        })
        .collect();
    all.retain(|name, due| due.running || wanted.contains_key(name));
    for (name, (flux, interval)) in wanted {
        match all.get_mut(&name) {
            Some(due) if due.flux == flux => due.retimed(interval),
            Some(due) if due.running => {}
            _ => {
                let at = Instant::now() + SPREAD.mul_f64(chance());
                all.insert(name, Due { flux, interval, at, failures: 0, error: None, running: false });
            }
        }
    }
}

fn start(all: &mut BTreeMap<String, Due>, running: &mut JoinSet<SyncOutcome>, shared: &Arc<Shared>) {
    let now = Instant::now();
    let mut due: Vec<(&String, &mut Due)> =
        all.iter_mut().filter(|(_, due)| !due.running && due.at <= now).collect();
    due.sort_by_key(|(_, due)| due.at);
    for (name, due) in due.into_iter().take(AT_ONCE.saturating_sub(running.len())) {
        due.running = true;
        let (name, flux, shared) = (name.clone(), due.flux.clone(), Arc::clone(shared));
        running.spawn_blocking(move || {
            let result = caught(|| {
                let synced = synced(&flux, &shared);
                let result = synced.map_err(|error| rwenv_gate::base::redact::redact(&error.to_string()));
                result.map(|new| refresh::after(&flux, new, &shared))
            });
            (name, result.unwrap_or_else(Err))
        });
    }
}

/// Syncs one. Where the branch to follow is not there, the cluster is asked which one it follows.
fn synced(flux: &FluxRepository, shared: &Shared) -> Result<bool, RepoError> {
    let sync = || repos::sync(flux, CloneWish::Forward, &shared.environment, &mut |_| {});
    let new = sync()?;
    let rwenv = lock(&shared.rwenvs).get(flux.name.as_str()).cloned();
    match rwenv.map(|rwenv| follow_the_cluster(flux, &rwenv, &shared.environment)) {
        Some(Ok(true)) => sync(),
        Some(Err(error)) => {
            tracing::debug!(rwenv = %flux.name, %error, "the cluster does not say which branch it follows");
            Ok(new)
        }
        _ => Ok(new),
    }
}

fn finish(all: &mut BTreeMap<String, Due>, name: &str, result: Result<(), String>) {
    let Some(due) = all.get_mut(name) else { return };
    due.running = false;
    let wait = match result {
        Ok(()) => {
            if due.failures > 0 {
                tracing::info!(rwenv = name, "the repository can be reached again");
            }
            (due.failures, due.error) = (0, None);
            due.interval
        }
        Err(error) => {
            due.failures = due.failures.saturating_add(1);
            // Said once, not at every attempt.
            if due.error.as_ref() != Some(&error) {
                tracing::warn!(rwenv = name, %error, "the repository cannot be synced");
            }
            due.error = Some(error);
            back_off(due.failures)
        }
    };
    due.at = Instant::now() + wait.mul_f64(0.9 + 0.2 * chance());
}

/// How long to wait after so many failures.
fn back_off(failures: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(LONGEST_WAIT)
}

/// A number from 0 to 1, so that many machines do not ask one server at the same moment.
fn chance() -> f64 {
    let random = RandomState::new().hash_one(0);
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

fn show(all: &BTreeMap<String, Due>, shared: &Shared) {
    let now = Instant::now();
    let kept = |(name, due): (&String, &Due)| {
        let kept = KeptRepository {
            rwenv: name.clone(),
            running: due.running,
            failures: due.failures,
            error: due.error.clone(),
            next: due.at.saturating_duration_since(now).as_secs(),
        };
        (name.clone(), kept)
    };
    *lock(&shared.repositories) = all.iter().map(kept).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_asked_about_ever_more_rarely() {
        let waits: Vec<u64> = (1..9).map(|n| back_off(n).as_secs()).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 600, 600, 600]);
        assert_eq!(back_off(u32::MAX), LONGEST_WAIT);
    }

    #[test]
    fn another_interval_counts_at_once() {
        let environment = rwenv_gate::base::environment::Environment::at(std::path::Path::new("/nowhere"));
        let mut rwenv = rwenv_core::model::Rwenv::named(rwenv_core::model::RwenvName::new("prod").unwrap());
        rwenv.flux_git_repo = Some("/nowhere/flux.git".to_owned());
        let flux = FluxRepository::of(&rwenv, &environment).unwrap();
        let (long, short) = (Duration::from_secs(3600), Duration::from_secs(10));
        let at = Instant::now() + long;
        let mut due = Due { flux, interval: long, at, failures: 0, error: None, running: false };
        due.retimed(long);
        assert_eq!(due.at, at, "nothing has changed");
        due.retimed(short);
        assert!(due.at <= Instant::now() + short && due.interval == short);
        due.retimed(long);
        assert!(due.at <= Instant::now() + short, "the next look is not put off");
    }

    #[test]
    fn chance_stays_in_its_bounds_and_varies() {
        let all: Vec<f64> = (0..1000).map(|_| chance()).collect();
        assert!(all.iter().all(|c| (0.0..=1.0).contains(c)));
        assert!(all.iter().any(|c| *c < 0.3) && all.iter().any(|c| *c > 0.7));
    }
}
