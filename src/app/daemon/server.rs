//! The socket: who may ask, how much, and how long.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::state::{Shared, lock};
use super::{config, health};
use rwenv_gate::wire::daemon::{Ask, DaemonReply, DaemonRequest, LARGEST_REQUEST, VERSION};

/// Connections at the same time.
const AT_ONCE: usize = 64;
/// Of these, one process's.
const OF_ONE: usize = 8;
/// Longest time between two questions, for a question, and for taking the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long accepting rests where the system has no file descriptors left.
const REST: Duration = Duration::from_millis(200);
/// How long that is not told again.
const SILENCE: Duration = Duration::from_secs(60);

/// Connections by process.
type Peers = Arc<Mutex<HashMap<i32, usize>>>;

pub(super) async fn serve(listener: Arc<UnixListener>, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let peers = Peers::default();
    let own = nix::unistd::getuid().as_raw();
    let mut told: Option<Instant> = None;
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                if told.is_none_or(|told| told.elapsed() > SILENCE) {
                    tracing::warn!(%error, "cannot accept connections");
                    told = Some(Instant::now());
                }
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let peer = stream.peer_cred().ok().filter(|peer| peer.uid() == own);
        let place =
            peer.and_then(|peer| ConnectionSlot::take(&places, &peers, peer.pid().unwrap_or_default()));
        let Some(place) = place else {
            shared.counters.refused.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        shared.counters.accepted.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            if talk(stream, &shared).await.is_none() {
                shared.counters.malformed.fetch_add(1, Ordering::Relaxed);
            }
            drop(place);
        });
    }
}

/// A place among the connections, given back when it is dropped.
struct ConnectionSlot {
    _permit: OwnedSemaphorePermit,
    peers: Peers,
    pid: i32,
}

impl ConnectionSlot {
    fn take(places: &Arc<Semaphore>, peers: &Peers, pid: i32) -> Option<Self> {
        let permit = Arc::clone(places).try_acquire_owned().ok()?;
        let mut all = lock(peers);
        let count = all.entry(pid).or_default();
        if *count >= OF_ONE {
            return None;
        }
        *count += 1;
        drop(all);
        Some(Self { _permit: permit, peers: Arc::clone(peers), pid })
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut all = lock(&self.peers);
        if let Some(count) = all.get_mut(&self.pid) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.pid);
            }
        }
    }
}

/// Answers until the other side is done; none where what it says is no question, or it takes too long.
async fn talk(mut stream: UnixStream, shared: &Arc<Shared>) -> Option<()> {
    loop {
        let Some(text) = timeout(PATIENCE, frame(&mut stream)).await.ok()?? else { return Some(()) };
        let reply = answer(&text, shared);
        let text = serde_json::to_vec(&reply).ok()?;
        let length = u32::try_from(text.len()).ok()?.to_be_bytes();
        let whole = [&length[..], &text].concat();
        timeout(PATIENCE, stream.write_all(&whole)).await.ok()?.ok()?;
        if reply.error.is_some() {
            return None;
        }
    }
}

/// One question's bytes; an inner none where the other side ended between two.
async fn frame(stream: &mut UnixStream) -> Option<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if stream.read(length.get_mut(..1)?).await.ok()? == 0 {
        return Some(None);
    }
    stream.read_exact(length.get_mut(1..)?).await.ok()?;
    let length = u32::from_be_bytes(length);
    if length > LARGEST_REQUEST {
        return None;
    }
    let mut text = vec![0; usize::try_from(length).ok()?];
    stream.read_exact(&mut text).await.ok()?;
    Some(Some(text))
}

fn answer(text: &[u8], shared: &Arc<Shared>) -> DaemonReply {
    #[derive(serde::Deserialize)]
    struct Spoken {
        version: u32,
    }
    let reply = DaemonReply { version: VERSION, ..DaemonReply::default() };
    let refuse = |why: String| DaemonReply { error: Some(why), ..reply.clone() };
    match serde_json::from_slice::<Spoken>(text) {
        Ok(Spoken { version: VERSION }) => {}
        Ok(Spoken { version }) => {
            return refuse(format!("protocol version {version} is not supported, only {VERSION}"));
        }
        Err(error) => return refuse(format!("invalid request: {error}")),
    }
    let request: DaemonRequest = match serde_json::from_slice(text) {
        Ok(request) => request,
        Err(error) => return refuse(format!("invalid request: {error}")),
    };
    match request.ask {
        Ask::Status => return DaemonReply { health: Some(shared.health()), ..reply },
        Ask::Sync { rwenv: None } => {
            let names: Vec<String> = lock(&shared.repositories).keys().cloned().collect();
            names.into_iter().for_each(|name| shared.wanted.add(name));
        }
        Ask::Sync { rwenv: Some(name) } => {
            if !lock(&shared.repositories).contains_key(&name) {
                return refuse(format!("rwenv '{}' has no repository", name.escape_debug()));
            }
            shared.wanted.add(name);
        }
        Ask::Flux { rwenv } => match health::of(&rwenv, shared) {
            Some(flux) => return DaemonReply { flux: Some(flux), ..reply },
            None => return refuse(format!("there is no rwenv '{}'", rwenv.escape_debug())),
        },
        Ask::Reload => config::reload(shared),
        Ask::Stop => shared.stop.notify_one(),
    }
    reply
}
