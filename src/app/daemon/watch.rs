//! Noticing what changes on disk: by the system's notifications, put together over a moment, and by looking where the
//! system has none to give.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::time::{Instant, sleep, timeout};

use super::state::{Area, Shared, lock};
use super::{config, guarding, reached, refresh};
use rwenv_flux::repos::FluxRepository;
use rwenv_gate::facts::{self, guarded};
use rwenv_gate::ledger::audit;
use rwenv_gate::wire::daemon::Watching;

/// How long changes are gathered before anything is done about them.
const GATHER: Duration = Duration::from_millis(200);
/// Time between two looks where the system does not notify.
const POLL: Duration = Duration::from_secs(2);
/// The same where it does: for what it cannot see, such as a file behind a link.
const GLANCE: Duration = Duration::from_secs(60);

/// The same while so much happens that being told of all of it costs others their processor.
const BUSY_POLL: Duration = Duration::from_millis(500);
/// How long that lasts before it is tried again.
const BUSY: Duration = Duration::from_secs(5);
/// Events after which is looked how fast they came.
const MANY: u64 = 50;
/// The time in which so many are too many.
const FAST: Duration = Duration::from_secs(1);

/// A file's identity and age.
type WatchStamp = Option<(u64, u64, u64, i64, i64)>;

fn stamp(path: &Path) -> WatchStamp {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
}

pub(super) async fn watch(shared: Arc<Shared>) {
    let mut watcher = Watcher::new(&shared);
    watcher.arm(&shared);
    let mut seen = stamps(&shared);
    // All of it is looked at once: what changed while nobody watched was told to nobody.
    folders(&shared).into_values().chain([Area::Config]).for_each(|area| shared.changed.add(area));
    loop {
        let period = watcher.period(&shared);
        if timeout(period, shared.changed.wait()).await.is_ok() {
            sleep(GATHER).await;
        }
        let mut areas = shared.changed.take();
        let now = stamps(&shared);
        areas.extend(
            now.iter()
                .filter(|(path, (stamp, _))| seen.get(*path).map(|s| &s.0) != Some(stamp))
                .map(|(_, s)| s.1.clone()),
        );
        seen = now;
        areas.extend(amiss(&shared));
        watcher.calm(areas.contains(&Area::Storm));
        for area in areas {
            act(area, &shared).await;
        }
        watcher.arm(&shared);
    }
}

/// What did not work the last time. It may work now though nothing changed: a moment without file descriptors, a full disk.
fn amiss(shared: &Shared) -> Vec<Area> {
    let config = lock(&shared.config_error).is_some().then_some(Area::Config);
    let audit = lock(&shared.audit_error).is_some().then_some(Area::Audit);
    config.into_iter().chain(audit).collect()
}

async fn act(area: Area, shared: &Arc<Shared>) {
    match area {
        Area::Config | Area::Policies => config::reload(shared),
        Area::Guard => guarding::refresh(shared),
        Area::Doors => shared.doors.notify_one(),
        Area::Audit => {
            shared.written.notify_one();
            shared.told.notify_one();
            shared.exported.notify_one();
        }
        Area::Clone(name) => {
            let flux = flux(shared).into_iter().find(|flux| flux.name.as_str() == name);
            let Some(flux) = flux else { return };
            if flux.clone_dir().join(".git").exists() {
                let shared = Arc::clone(shared);
                let _ = tokio::task::spawn_blocking(move || refresh::after(&flux, false, &shared)).await;
            } else {
                shared.wanted.add(name);
            }
        }
        // The rest is done in arming, as with a storm.
        Area::Folders => shared.doors.notify_one(),
        Area::Storm => {}
    }
}

/// The repositories of the configuration in force.
fn flux(shared: &Shared) -> Vec<FluxRepository> {
    let rwenvs = lock(&shared.rwenvs);
    rwenvs.all.iter().filter_map(|rwenv| FluxRepository::of(rwenv, &shared.environment).ok()).collect()
}

/// The files that steer decisions, and the log.
fn stamps(shared: &Shared) -> BTreeMap<PathBuf, (WatchStamp, Area)> {
    let dir = &shared.environment.config_dir;
    let mut all = BTreeMap::new();
    let mut add = |path: PathBuf, area| {
        all.insert(path.clone(), (stamp(&path), area));
    };
    add(facts::config::path(dir), Area::Config);
    let policies = dir.join("policies");
    for entry in std::fs::read_dir(&policies).into_iter().flatten().flatten() {
        add(entry.path(), Area::Policies);
    }
    add(policies, Area::Policies);
    // What another program writes into the guard's kubeconfigs is taken back.
    for entry in std::fs::read_dir(guarded::folder(&shared.environment)).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            add(path, Area::Guard);
        }
    }
    add(audit::current(&shared.environment), Area::Audit);
    for path in reached::places(&shared.environment) {
        all.entry(path.clone()).or_insert_with(|| (stamp(&path), Area::Doors));
    }
    all
}

/// The watched folders, each with what a change in it means, and the configuration's file.
fn folders(shared: &Shared) -> BTreeMap<PathBuf, Area> {
    let dir = &shared.environment.config_dir;
    let mut all = BTreeMap::from([
        (dir.clone(), Area::Folders),
        (dir.join("policies"), Area::Policies),
        (guarded::folder(&shared.environment), Area::Folders),
        (audit::folder(&shared.environment), Area::Audit),
    ]);
    // A configuration behind a link changes where it really is.
    let real = std::fs::canonicalize(facts::config::path(dir)).ok();
    if let Some(folder) = real.as_deref().and_then(Path::parent).filter(|folder| *folder != dir) {
        all.insert(folder.to_owned(), Area::Folders);
    }
    all.extend(real.map(|file| (file, Area::Config)));
    for flux in flux(shared) {
        all.insert(flux.clone_dir().join(".git"), Area::Clone(flux.name.to_string()));
    }
    // What says whether the doors are reached: a folder whose every change counts, or a file in one that is looked into for it.
    for path in reached::places(&shared.environment) {
        if let Some(folder) =
            path.ancestors().skip(1).find(|folder| folder.is_dir()).filter(|_| !path.is_dir())
        {
            all.entry(folder.to_owned()).or_insert(Area::Folders);
        }
        all.entry(path).or_insert(Area::Doors);
    }
    all.retain(|path, area| matches!(area, Area::Config | Area::Doors) || path.is_dir());
    all
}

/// What an event means; nothing where only reading was done, or to a file that steers nothing.
fn meaning(event: &Event, folders: &BTreeMap<PathBuf, Area>) -> Vec<Area> {
    if matches!(event.kind, EventKind::Access(_)) {
        return Vec::new();
    }
    let area = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        if let Some(file @ (Area::Config | Area::Doors)) = folders.get(path) {
            return Some(file.clone());
        }
        match folders.get(path.parent()?).or_else(|| folders.get(path))? {
            Area::Folders if name == "envs.json" => Some(Area::Config),
            Area::Folders if matches!(name, "policies" | "audit" | "flux-repos") => Some(Area::Folders),
            // A folder above a file that is looked for: it came, or went.
            Area::Folders if folders.keys().any(|place| place.starts_with(path)) => Some(Area::Folders),
            Area::Audit if name == audit::CURRENT => Some(Area::Audit),
            Area::Clone(rwenv) if !name.ends_with(".lock") => Some(Area::Clone(rwenv.clone())),
            Area::Policies => Some(Area::Policies),
            Area::Doors => Some(Area::Doors),
            _ => None,
        }
    };
    event.paths.iter().filter_map(area).collect()
}

/// The system's notifications, as far as it gives any.
struct Watcher {
    system: Option<RecommendedWatcher>,
    armed: BTreeMap<PathBuf, (u64, u64)>,
    known: Arc<std::sync::Mutex<BTreeMap<PathBuf, Area>>>,
    complete: bool,
    /// Events since `since`.
    events: Arc<AtomicU64>,
    since: Instant,
    /// Not to be told of anything before then.
    rests: Option<Instant>,
}

impl Watcher {
    fn new(shared: &Arc<Shared>) -> Self {
        let known: Arc<std::sync::Mutex<BTreeMap<PathBuf, Area>>> = Arc::default();
        let events: Arc<AtomicU64> = Arc::default();
        let (told, to, count) = (Arc::clone(&known), Arc::clone(shared), Arc::clone(&events));
        let system = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if count.fetch_add(1, Ordering::Relaxed) == MANY {
                to.changed.add(Area::Storm);
            }
            let folders = lock(&told);
            let areas = match &event {
                // Events were lost: everything may have changed.
                Ok(event) if event.need_rescan() => folders.values().cloned().chain([Area::Config]).collect(),
                Ok(event) => meaning(event, &folders),
                Err(_) => vec![Area::Config, Area::Folders],
            };
            areas.into_iter().for_each(|area| to.changed.add(area));
        });
        if let Err(error) = &system {
            tracing::warn!(%error, "the system does not report file changes; polling instead");
        }
        let since = Instant::now();
        Self {
            system: system.ok(),
            armed: BTreeMap::new(),
            known,
            complete: false,
            events,
            since,
            rests: None,
        }
    }

    /// Stops being told for a while where many events came fast: the system tells of every file that is opened, and hooks
    /// open some at every call.
    fn calm(&mut self, many: bool) {
        if self.rests.is_some_and(|until| Instant::now() >= until) {
            self.rests = None;
        }
        if many && self.since.elapsed() < FAST + GATHER {
            for folder in std::mem::take(&mut self.armed).into_keys() {
                let _ = self.system.as_mut().map(|system| system.unwatch(&folder));
            }
            self.rests = Some(Instant::now() + BUSY);
        }
        if many || self.since.elapsed() > FAST {
            self.events.store(0, Ordering::Relaxed);
            self.since = Instant::now();
        }
    }

    /// Time after which files are looked at, whatever is told.
    fn period(&self, shared: &Shared) -> Duration {
        let watching = if self.complete { Watching::Notified } else { Watching::Polling };
        let mut known = lock(&shared.watching);
        if *known != watching {
            tracing::info!(?watching, "switched the way changes are detected");
        }
        *known = watching;
        match (self.rests, self.complete && amiss(shared).is_empty()) {
            (Some(_), _) => BUSY_POLL,
            (None, false) => POLL,
            (None, true) => GLANCE,
        }
    }

    /// Watches every folder that is there, again where another took its place.
    fn arm(&mut self, shared: &Shared) {
        let folders = folders(shared);
        (*lock(&self.known)).clone_from(&folders);
        let Some(system) = self.system.as_mut().filter(|_| self.rests.is_none()) else { return };
        self.armed.retain(|folder, _| {
            let keep = folders.contains_key(folder);
            if !keep {
                let _ = system.unwatch(folder);
            }
            keep
        });
        self.complete = true;
        let watched = folders.into_iter().filter(|(path, area)| match area {
            Area::Config => false,
            Area::Doors => path.is_dir(),
            _ => true,
        });
        for (folder, area) in watched {
            let Ok(meta) = std::fs::metadata(&folder) else { continue };
            let identity = (meta.dev(), meta.ino());
            if self.armed.get(&folder) == Some(&identity) {
                continue;
            }
            let again = self.armed.remove(&folder).is_some();
            if again {
                let _ = system.unwatch(&folder);
            }
            match system.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.armed.insert(folder, identity);
                    // What came before the watch was there is not told.
                    shared.changed.add(if area == Area::Folders { Area::Config } else { area });
                }
                Err(error) => {
                    let gone = matches!(error.kind, ErrorKind::PathNotFound);
                    self.complete &= gone;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind, ModifyKind};

    use super::*;

    #[test]
    fn events_mean_what_has_to_be_done() {
        let folders = BTreeMap::from([
            (PathBuf::from("/c"), Area::Folders),
            (PathBuf::from("/d/real.json"), Area::Config),
            (PathBuf::from("/d"), Area::Folders),
            (PathBuf::from("/c/policies"), Area::Policies),
            (PathBuf::from("/c/audit"), Area::Audit),
            (PathBuf::from("/r/.git"), Area::Clone("dev".to_owned())),
        ]);
        let event = |kind, path: &str| meaning(&Event::new(kind).add_path(PathBuf::from(path)), &folders);
        let modify = EventKind::Modify(ModifyKind::Any);
        assert_eq!(event(modify, "/c/envs.json"), [Area::Config]);
        assert_eq!(event(modify, "/d/real.json"), [Area::Config]);
        assert_eq!(event(EventKind::Create(CreateKind::Folder), "/c/policies"), [Area::Folders]);
        assert_eq!(event(modify, "/c/policies/own.toml"), [Area::Policies]);
        assert_eq!(event(modify, "/c/audit/audit.jsonl"), [Area::Audit]);
        assert_eq!(event(modify, "/r/.git/HEAD"), [Area::Clone("dev".to_owned())]);
        for (kind, path) in [
            (EventKind::Access(AccessKind::Any), "/c/envs.json"),
            (modify, "/c/audit/anchor.json"),
            (modify, "/c/.envs.json.12.new"),
            (modify, "/d/other.json"),
            (modify, "/r/.git/index.lock"),
            (modify, "/elsewhere/envs.json"),
        ] {
            assert_eq!(event(kind, path), [], "{path}");
        }
    }
}
