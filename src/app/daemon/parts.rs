//! The daemon's parts. None of them ends by itself: one that panics, or ends all the same, is started again after a rest, and that is
//! counted and told.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::panics::reason;
use super::record::record;
use super::state::{Shared, lock};
use rwenv_gate::base::clock;
use rwenv_gate::base::redact::redact;
use rwenv_gate::wire::daemon::PartHealth;

/// Rest before the first new start; it doubles.
const FIRST_REST: Duration = Duration::from_millis(100);
/// Longest rest.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// After this time without a failure the rests begin anew.
const STEADY: Duration = Duration::from_secs(60);

/// Nothing, or why a part could not go on.
type PartEnd = Result<(), String>;
/// A part at work.
type PartRun = Pin<Box<dyn Future<Output = PartEnd> + Send>>;

struct DaemonPart {
    name: &'static str,
    /// The runtime it runs in.
    on: Handle,
    start: Box<dyn Fn() -> PartRun + Send>,
    task: AbortHandle,
    rest: Duration,
    /// When it was started last, or is to be.
    begins: Instant,
}

/// All parts of the daemon.
pub(super) struct DaemonParts {
    shared: Arc<Shared>,
    all: Vec<DaemonPart>,
    tasks: JoinSet<PartEnd>,
}

impl DaemonParts {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), all: Vec::new(), tasks: JoinSet::new() }
    }

    /// Starts a part that never says why it ends.
    pub(super) fn add<F>(&mut self, name: &'static str, start: impl Fn(Arc<Shared>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let start = move |shared| {
            let run = start(shared);
            async move {
                run.await;
                Ok(())
            }
        };
        self.add_on(&Handle::current(), name, start);
    }

    /// Starts a part in a runtime of its own.
    pub(super) fn add_on<F>(
        &mut self,
        on: &Handle,
        name: &'static str,
        start: impl Fn(Arc<Shared>) -> F + Send + 'static,
    ) where
        F: Future<Output = PartEnd> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let start: Box<dyn Fn() -> PartRun + Send> = Box::new(move || Box::pin(start(Arc::clone(&shared))));
        let task = self.tasks.spawn_on(first(name, start(), &self.shared), on);
        let part =
            DaemonPart { name, on: on.clone(), start, task, rest: Duration::ZERO, begins: Instant::now() };
        self.all.push(part);
        lock(&self.shared.parts).push(PartHealth { part: name.to_owned(), ..PartHealth::default() });
    }

    /// Starts again what ends, for ever.
    pub(super) async fn tend(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            let (id, why) = match ended {
                Ok((id, ended)) => (id, ended.err().unwrap_or_else(|| "it ended by itself".to_owned())),
                Err(error) => (error.id(), reason(error)),
            };
            let Some(part) = self.all.iter_mut().find(|part| part.task.id() == id) else { continue };
            let now = Instant::now();
            part.rest = rest(part.rest, now.saturating_duration_since(part.begins));
            part.begins = now + part.rest;
            told(&self.shared, part, &why);
            let (run, begins) = ((part.start)(), part.begins);
            let rested = async move {
                sleep_until(begins).await;
                run.await
            };
            part.task = self.tasks.spawn_on(rested, &part.on);
        }
        std::future::pending().await
    }

    /// Ends all but one, which ends itself; where that one rests, it need not begin again.
    pub(super) fn end(&self, but: &str) {
        let now = Instant::now();
        self.all
            .iter()
            .filter(|part| part.name != but || part.begins > now)
            .for_each(|part| part.task.abort());
    }

    /// Waits until all have ended.
    pub(super) async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// How long to rest after a run of so long, where the rest before it was this long.
fn rest(before: Duration, ran: Duration) -> Duration {
    if ran >= STEADY { FIRST_REST } else { (before * 2).clamp(FIRST_REST, LONGEST_REST) }
}

fn told(shared: &Shared, part: &DaemonPart, why: &str) {
    let why = redact(why);
    tracing::error!(part = part.name, error = %why, rest = ?part.rest, "a part of the daemon has failed; it starts again");
    let mut all = lock(&shared.parts);
    let Some(known) = all.iter_mut().find(|known| known.part == part.name) else { return };
    known.restarts += 1;
    known.when = Some(clock::rfc3339(clock::now()));
    let new = known.last_failure.as_ref() != Some(&why);
    known.last_failure = Some(why.clone());
    drop(all);
    // Once, however often it fails in the same way.
    if new {
        record(shared, "part-failed", &format!("{}: {why}", part.name));
    }
}

/// The first run of a part; in a build for tests the one that `RWENV_TEST_PANIC` names panics soon, and leaves its locks poisoned.
#[cfg(debug_assertions)]
fn first(name: &str, run: PartRun, shared: &Arc<Shared>) -> PartRun {
    if rwenv_gate::base::environment::var("RWENV_TEST_PANIC").is_none_or(|doomed| doomed != name) {
        return run;
    }
    let shared = Arc::clone(shared);
    #[expect(clippy::panic, reason = "it is what the test asks for")]
    let fail = async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _held = (lock(&shared.rwenvs), lock(&shared.guarding), lock(&shared.repositories));
        panic!("as the test wants it")
    };
    Box::pin(async move {
        tokio::select! {
            ended = run => ended,
            ended = fail => ended,
        }
    })
}

#[cfg(not(debug_assertions))]
fn first(_: &str, run: PartRun, _: &Arc<Shared>) -> PartRun {
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_up_to_a_bound_and_begin_anew_after_a_steady_run() {
        let mut rests = vec![Duration::ZERO];
        for _ in 0..11 {
            rests.push(rest(*rests.last().unwrap(), Duration::from_millis(5)));
        }
        let millis: Vec<u128> = rests.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
        assert_eq!(rest(LONGEST_REST, STEADY), FIRST_REST);
    }
}
