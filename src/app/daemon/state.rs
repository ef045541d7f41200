//! What the daemon's parts share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::board::Watches;
use super::port::Guarding;
use rwenv_core::model::Rwenvs;
use rwenv_flux::catalog::Reading;
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::wire::daemon::{
    Connections, ExportHealth, Health, KeptRepository, NoticeHealth, PartHealth, Watching,
};

/// What changed on disk, told apart by what has to be done about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Area {
    /// `envs.json` and what selects a rwenv.
    Config,
    /// The kubeconfigs that lead through the API guard.
    Guard,
    /// What says whether the doors are reached.
    Doors,
    /// The user's policies.
    Policies,
    /// The audit log.
    Audit,
    /// The clone of a rwenv.
    Clone(String),
    /// A folder that is watched came or went.
    Folders,
    /// Very much happens.
    Storm,
}

/// A set that one part fills and another waits for.
#[derive(Debug)]
pub(super) struct PendingSet<T> {
    set: Mutex<BTreeSet<T>>,
    some: Notify,
}

impl<T> Default for PendingSet<T> {
    fn default() -> Self {
        Self { set: Mutex::default(), some: Notify::new() }
    }
}

impl<T: Ord> PendingSet<T> {
    pub(super) fn add(&self, item: T) {
        lock(&self.set).insert(item);
        self.some.notify_one();
    }

    /// Waits until there is something.
    pub(super) async fn wait(&self) {
        self.some.notified().await;
    }

    pub(super) fn take(&self) -> BTreeSet<T> {
        std::mem::take(&mut *lock(&self.set))
    }
}

/// Counters of the server.
#[derive(Debug, Default)]
pub(super) struct ServerCounters {
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) malformed: AtomicU64,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) environment: Environment,
    started: String,
    /// The last good configuration.
    pub(super) rwenvs: Mutex<Rwenvs>,
    pub(super) config_error: Mutex<Option<String>>,
    pub(super) audit_error: Mutex<Option<String>>,
    pub(super) watching: Mutex<Watching>,
    pub(super) repositories: Mutex<BTreeMap<String, KeptRepository>>,
    pub(super) guarding: Mutex<Guarding>,
    pub(super) watches: Mutex<Watches>,
    /// Clones as they were read last, so that of the next commit only what is new is read.
    pub(super) readings: Mutex<BTreeMap<String, Reading>>,
    pub(super) counters: ServerCounters,
    /// The parts, and how often each has failed.
    pub(super) parts: Mutex<Vec<PartHealth>>,
    /// What changed on disk.
    pub(super) changed: PendingSet<Area>,
    /// Whose repositories are to be looked at now.
    pub(super) wanted: PendingSet<String>,
    /// The audit log has something new.
    pub(super) written: Notify,
    /// The same, for who tells people of it.
    pub(super) told: Notify,
    /// The same, for who sends it to a collector.
    pub(super) exported: Notify,
    /// How that goes.
    pub(super) export: Mutex<Option<ExportHealth>>,
    /// Something changed that says whether the doors are reached.
    pub(super) doors: Notify,
    /// What of the guard is off, each with what mends it.
    pub(super) off: Mutex<Vec<String>>,
    /// How telling them went.
    pub(super) notices: Mutex<BTreeMap<String, NoticeHealth>>,
    /// Somebody asked the daemon to stop.
    pub(super) stop: Notify,
    draining: AtomicBool,
}

/// What a mutex holds; one whose holder panicked holds something all the same.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(environment: Environment) -> Self {
        Self {
            environment,
            started: clock::rfc3339(clock::now()),
            rwenvs: Mutex::default(),
            config_error: Mutex::default(),
            audit_error: Mutex::default(),
            watching: Mutex::default(),
            repositories: Mutex::default(),
            guarding: Mutex::default(),
            watches: Mutex::default(),
            readings: Mutex::default(),
            counters: ServerCounters::default(),
            parts: Mutex::default(),
            changed: PendingSet::default(),
            wanted: PendingSet::default(),
            written: Notify::new(),
            told: Notify::new(),
            exported: Notify::new(),
            export: Mutex::default(),
            doors: Notify::new(),
            off: Mutex::default(),
            notices: Mutex::default(),
            stop: Notify::new(),
            draining: AtomicBool::new(false),
        }
    }

    /// Begin nothing new.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.wanted.some.notify_one();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// How telling went, of each rwenv that wants to be told.
    fn notices(&self) -> Vec<NoticeHealth> {
        let known = lock(&self.notices).clone();
        let rwenvs = lock(&self.rwenvs);
        let wanted = rwenvs.all.iter().filter(|rwenv| rwenv.notify.is_some()).map(|r| r.name.to_string());
        let of = |rwenv: String| {
            known.get(&rwenv).cloned().unwrap_or_else(|| NoticeHealth { rwenv, ..NoticeHealth::default() })
        };
        wanted.map(of).collect()
    }

    pub(super) fn health(&self) -> Health {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Health {
            pid: std::process::id(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started.clone(),
            config_dir: self.environment.config_dir.clone(),
            config_error: lock(&self.config_error).clone(),
            watching: *lock(&self.watching),
            repositories: lock(&self.repositories).values().cloned().collect(),
            audit_error: lock(&self.audit_error).clone(),
            guard: lock(&self.guarding).health(),
            parts: lock(&self.parts).clone(),
            notices: self.notices(),
            export: lock(&self.export).clone(),
            off: lock(&self.off).clone(),
            connections: Connections {
                accepted: count(&self.counters.accepted),
                refused: count(&self.counters.refused),
                malformed: count(&self.counters.malformed),
            },
        }
    }
}
