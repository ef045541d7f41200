//! The audit log to an OpenTelemetry collector: OTLP over HTTP, in batches. The log itself is the spool: how far it was sent is a place in
//! it, kept on disk after the collector took a batch. What is killed between both sends that batch again; each record has a name
//! (`log.record.uid`) by which the second one is known.

mod counted;
mod message;
mod target;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use tokio::time::Instant;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;

use super::panics::reason;
use super::state::{Shared, lock};
use counted::Counted;
use rwenv_gate::base::clock;
use rwenv_gate::base::files;
use rwenv_gate::ledger::audit::{self, AuditEntry, Followed};
use rwenv_gate::wire::daemon::ExportHealth;
use target::{CollectorTarget, RequestOutcome};

/// Most records of one request.
const BATCH: usize = 512;
/// Rests between attempts while the collector is away: the first, doubled up to the longest.
const FIRST_REST: Duration = Duration::from_millis(500);
/// The longest.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// How often it is looked whether a collector is named.
const LOOK: Duration = Duration::from_secs(30);

pub(super) async fn keep(shared: Arc<Shared>) {
    let mut counted = Counted::begun();
    let mut rest = Duration::ZERO;
    let mut measured = Instant::now();
    let mut look = LOOK;
    shared.exported.notify_one();
    loop {
        let wait = if rest.is_zero() { look } else { rest };
        let _ = tokio::time::timeout(wait, shared.exported.notified()).await;
        let Some(target) = CollectorTarget::of(&shared.environment) else {
            *lock(&shared.export) = None;
            continue;
        };
        if rest.is_zero() {
            tokio::time::sleep(target.gather).await;
        } else {
            // Whatever is written meanwhile, an absent collector is not asked more often.
            tokio::time::sleep(rest).await;
        }
        look = LOOK.min(target.interval);
        begin(&shared, &target);
        let mut ended = send_all(&target, &mut counted, &shared).await;
        if ended.is_ok() && measured.elapsed() >= target.interval {
            measured = Instant::now();
            ended = measure(&target, &counted, &shared).await;
        }
        rest = match &ended {
            Ok(()) => Duration::ZERO,
            Err(_) => (rest * 2).clamp(FIRST_REST, LONGEST_REST),
        };
        told(&shared, ended.err());
    }
}

/// Names the collector in the daemon's state.
fn begin(shared: &Shared, target: &CollectorTarget) {
    let mut health = lock(&shared.export);
    let known = health.get_or_insert_default();
    if known.endpoint != target.shown {
        *known = ExportHealth { endpoint: target.shown.clone(), ..ExportHealth::default() };
    }
}

fn told(shared: &Shared, error: Option<String>) {
    let mut health = lock(&shared.export);
    let known = health.get_or_insert_default();
    match (&known.error, &error) {
        (None, Some(why)) => {
            known.failing_since = Some(clock::rfc3339(clock::now()));
            tracing::warn!(%why, "the collector does not take the audit log; it is sent later");
        }
        (Some(_), None) => {
            known.failing_since = None;
            tracing::info!("the collector takes the audit log again");
        }
        _ => {}
    }
    known.error = error;
}

/// Sends what the log has behind the place, batch by batch.
async fn send_all(
    target: &CollectorTarget,
    counted: &mut Counted,
    shared: &Arc<Shared>,
) -> Result<(), String> {
    let mut most = BATCH;
    loop {
        let from = place_now(shared)?;
        let (environment, mut to) = (shared.environment.clone(), from.clone());
        let read = tokio::task::spawn_blocking(move || {
            let new = audit::next(&environment, &mut to, most).map_err(|error| error.to_string())?;
            Ok((to, new))
        });
        let (to, new): (Followed, Vec<AuditEntry>) = read.await.unwrap_or_else(|error| Err(reason(error)))?;
        if new.is_empty() {
            return if to == from { Ok(()) } else { keep_place(&to, shared) };
        }
        let body = message::logs(&new).encode_to_vec();
        let refused = match target.post("/v1/logs", body).await? {
            RequestOutcome::Taken(answer) => refused(&answer),
            // A collector that cannot read a request will not read it later: what it does not take is found by halves.
            RequestOutcome::Refused(_) if new.len() > 1 => {
                most = new.len() / 2;
                continue;
            }
            RequestOutcome::Refused(why) => {
                tracing::warn!(%why, record = new.first().map(|entry| entry.seq), "the collector refuses a record");
                1
            }
        };
        new.iter().for_each(|entry| counted.take(entry));
        keep_place(&to, shared)?;
        let mut health = lock(&shared.export);
        let known = health.get_or_insert_default();
        known.sent += (new.len() as u64).saturating_sub(refused);
        known.rejected += refused;
        most = BATCH;
    }
}

/// Records that a collector took note of and did not take.
fn refused(answer: &[u8]) -> u64 {
    let partial = ExportLogsServiceResponse::decode(answer).ok().and_then(|answer| answer.partial_success);
    let Some(partial) = partial.filter(|partial| partial.rejected_log_records > 0) else { return 0 };
    tracing::warn!(why = %partial.error_message, records = partial.rejected_log_records, "the collector refuses records");
    u64::try_from(partial.rejected_log_records).unwrap_or_default()
}

/// Sends the metrics as they are now.
async fn measure(target: &CollectorTarget, counted: &Counted, shared: &Arc<Shared>) -> Result<(), String> {
    let off = lock(&shared.off).len();
    let environment = shared.environment.clone();
    let look = tokio::task::spawn_blocking(move || counted::looked(off, &environment));
    let gauges = look.await.map_err(reason)?;
    match target.post("/v1/metrics", counted.message(&gauges).encode_to_vec()).await? {
        RequestOutcome::Taken(_) => Ok(()),
        RequestOutcome::Refused(why) => {
            tracing::warn!(%why, "the collector refuses metrics");
            Ok(())
        }
    }
}

/// Where the place is kept up to which the log was sent.
fn place(shared: &Shared) -> PathBuf {
    shared.environment.config_dir.join("run/exported.json")
}

/// The place up to which the log was sent; the end of the log where it was never sent.
fn place_now(shared: &Shared) -> Result<Followed, String> {
    let kept = files::read(&place(shared)).map_err(|error| error.to_string())?;
    if let Some(kept) = kept.and_then(|text| serde_json::from_str(&text).ok()) {
        return Ok(kept);
    }
    let mut end = None;
    audit::follow(&shared.environment, &mut end, |_| {}).map_err(|error| error.to_string())?;
    let end = end.unwrap_or_default();
    keep_place(&end, shared)?;
    Ok(end)
}

fn keep_place(to: &Followed, shared: &Shared) -> Result<(), String> {
    let text = serde_json::to_string(to).map_err(|error| error.to_string())?;
    files::replace(&place(shared), &text, 0o600).map_err(|error| error.to_string())
}
