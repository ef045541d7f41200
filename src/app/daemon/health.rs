//! How Flux is in the clusters of the rwenvs somebody works with: one watch of each kind, so that a question is answered at once. A
//! rwenv is watched from the first question on, and until nobody has asked for half a day.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::api::{Api, DynamicObject, ListParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use tokio::task::JoinSet;

use super::board::{Board, BoardKey, Watched};
use super::panics::reason;
use super::state::{Shared, lock};
use rwenv_core::model::Rwenv;
use rwenv_flux::cluster::PAGE;
use rwenv_flux::operate::{Flux, FluxError, KINDS, Kind, LiveObject};
use rwenv_gate::base::{clock, files};
use rwenv_gate::wire::daemon::{FluxHealth, FluxRow};

/// Seconds after the last question for which a rwenv is watched.
const KEPT: u64 = 12 * 3600;
/// Wait after the first failure to connect; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// Longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Time between two looks whether a server answers again.
const PROBE: Duration = Duration::from_secs(2);
fn path(shared: &Shared) -> PathBuf {
    shared.environment.config_dir.join("run/watched.json")
}

/// How Flux is in the cluster of a rwenv; from now on it is watched.
pub(super) fn of(name: &str, shared: &Arc<Shared>) -> Option<FluxHealth> {
    let rwenv = lock(&shared.rwenvs).get(name).cloned()?;
    let mut watches = lock(&shared.watches);
    let now = clock::now().as_secs();
    let runs = |watched: &Watched| watched.places == rwenv.places && !watched.task.is_finished();
    let current = watches.0.get(name).is_some_and(runs);
    if !current {
        let board = Arc::new(Mutex::new(Board::default()));
        let task = tokio::spawn(keep(rwenv.clone(), Arc::clone(&board), Arc::clone(shared)));
        let watched = Watched { places: rwenv.places, asked: 0, board, task };
        if let Some(old) = watches.0.insert(name.to_owned(), watched) {
            old.task.abort();
        }
    }
    let watched = watches.0.get_mut(name)?;
    // Written once in a while, so that the next run goes on with it.
    let write = now.saturating_sub(watched.asked) > 600;
    watched.asked = now;
    let health = lock(&watched.board).health();
    if write {
        let all: BTreeMap<&String, u64> =
            watches.0.iter().map(|(name, watched)| (name, watched.asked)).collect();
        if let Ok(text) = serde_json::to_string(&all) {
            let _ = files::write(&path(shared), &text, 0o600);
        }
    }
    Some(health)
}

/// Goes on with what the last run watched, and ends what nobody asks for any more.
pub(super) async fn tend(shared: Arc<Shared>) {
    let text = files::read_trusted(&path(&shared)).ok().flatten().unwrap_or_default();
    let before: BTreeMap<String, u64> = serde_json::from_str(&text).unwrap_or_default();
    let recent = |asked: u64| clock::now().as_secs().saturating_sub(asked) < KEPT;
    for (name, asked) in before.into_iter().filter(|(_, asked)| recent(*asked)) {
        of(&name, &shared);
        if let Some(watched) = lock(&shared.watches).0.get_mut(&name) {
            watched.asked = asked;
        }
    }
    loop {
        tokio::time::sleep(Duration::from_secs(600)).await;
        let rwenvs = lock(&shared.rwenvs).clone();
        lock(&shared.watches).0.retain(|name, watched| {
            let same = rwenvs.get(name).is_some_and(|rwenv| rwenv.places == watched.places);
            let keeps = same && recent(watched.asked);
            if !keeps {
                watched.task.abort();
            }
            keeps
        });
    }
}

/// Watches the cluster of a rwenv for ever.
async fn keep(rwenv: Rwenv, board: Arc<Mutex<Board>>, shared: Arc<Shared>) {
    let mut wait = FIRST_WAIT;
    loop {
        let failed = match begin(&rwenv, &board, &shared).await {
            Ok(mut watches) => {
                wait = FIRST_WAIT;
                // A watch ends by itself only where its task fails; the others begin again with it.
                match watches.join_next().await {
                    Some(Err(error)) => reason(error),
                    _ => "the watches have ended".to_owned(),
                }
            }
            Err(error) => error.to_string(),
        };
        if lock(&board).error.as_ref() != Some(&failed) {
            tracing::warn!(rwenv = %rwenv.name, error = %failed, "cannot watch the status of Flux");
        }
        lock(&board).error = Some(failed);
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Begins a watch of every kind the cluster has.
async fn begin(rwenv: &Rwenv, board: &Arc<Mutex<Board>>, shared: &Shared) -> Result<JoinSet<()>, FluxError> {
    let flux = Flux::open(rwenv, &shared.environment).await?;
    let mut found = Vec::new();
    for kind in &KINDS {
        let Some(resource) = flux.resource(kind) else { continue };
        let api: Api<DynamicObject> = Api::all_with(flux.cluster().client(), &resource);
        let probe = async {
            match api.list(&ListParams::default().limit(1)).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
                other => other.map(|_| true),
            }
        };
        if flux.cluster().answer(&format!("list {}", kind.plural), probe).await? {
            found.push((kind, api));
        }
    }
    let kinds = found.iter().map(|(kind, _)| kind.name).collect();
    *lock(board) = Board { kinds, connected: true, ..Board::default() };
    let mut watches = JoinSet::new();
    for (kind, api) in found {
        watches.spawn(watch(kind, api, Arc::clone(board), rwenv.name.to_string()));
    }
    Ok(watches)
}

/// Watches one kind: lists it page by page, then takes over what changes from where the list ended. After a failure the watch goes on
/// by itself from where it was; a short question says when the server answers again.
async fn watch(kind: &'static Kind, api: Api<DynamicObject>, board: Arc<Mutex<Board>>, rwenv: String) {
    let config = watcher::Config::default().page_size(PAGE);
    let mut events = Box::pin(watcher::watcher(api.clone(), config).default_backoff());
    let mut listed: BTreeMap<BoardKey, FluxRow> = BTreeMap::new();
    let mut failed = false;
    loop {
        tokio::select! {
            event = events.next() => {
                let Some(event) = event else { return };
                failed = event.is_err();
                take(kind, event, &mut listed, &mut lock(&board), &rwenv);
            }
            () = tokio::time::sleep(PROBE), if failed => {
                if api.list(&ListParams::default().limit(1)).await.is_ok() {
                    failed = false;
                    lock(&board).error = None;
                }
            }
        }
    }
}

/// Takes over one event.
fn take(
    kind: &'static Kind,
    event: Result<Event<DynamicObject>, watcher::Error>,
    listed: &mut BTreeMap<BoardKey, FluxRow>,
    board: &mut Board,
    rwenv: &str,
) {
    let row = |object: DynamicObject| {
        let object = LiveObject::of(kind, object);
        ((kind.name, object.namespace.clone(), object.name.clone()), object.row())
    };
    board.changed = clock::rfc3339(clock::now());
    match event {
        Ok(Event::Init) => listed.clear(),
        Ok(Event::InitApply(object)) => listed.extend([row(object)]),
        Ok(Event::InitDone) => {
            board.rows.retain(|(of, _, _), _| *of != kind.name);
            board.rows.append(listed);
            board.known.insert(kind.name);
            board.error = None;
        }
        Ok(Event::Apply(object)) => {
            let (key, row) = row(object);
            let before = board.rows.get(&key).is_some_and(FluxRow::fails);
            if row.ready == "False" && row.fails() && !before {
                tracing::info!(rwenv, kind = kind.name, namespace = %row.namespace, name = %row.name, why = %row.message, "not ready");
            }
            board.rows.insert(key, row);
        }
        Ok(Event::Delete(object)) => drop(board.rows.remove(&row(object).0)),
        Err(error) => board.error = Some(format!("{} cannot be watched: {error}", kind.plural)),
    }
}
