//! Whether the doors are reached: the daemon looks whenever a file changes that says so, puts on record what goes off and what is mended,
//! and shows it on the person's desktop where there is one.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::panics::reason;
use super::record::record;
use super::state::{Shared, lock};
use crate::standing;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::{clock, process, program};
use rwenv_gate::facts::binding;
use rwenv_gate::ledger::audit::{self, MachineStanding};
use rwenv_gate::ledger::pinned;
use rwenv_gate::standing::Lapse;

/// Longest that the desktop is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often how the guard stands is put on record, where nothing changes.
const DAILY: Duration = Duration::from_secs(86_400);

/// The directories whose projects' settings count: those of the last sessions, and those that `env-consumers.json` names.
fn dirs(environment: &Environment) -> Vec<PathBuf> {
    let mut all = pinned::dirs(environment);
    all.extend(binding::consumers(environment));
    all.retain(|dir| dir.is_dir());
    all
}

/// The files and folders on which it depends whether the doors are reached.
pub(super) fn places(environment: &Environment) -> Vec<PathBuf> {
    standing::files(&dirs(environment), environment)
}

pub(super) async fn keep(shared: Arc<Shared>) {
    let mut known: Option<BTreeSet<Lapse>> = None;
    let mut written = clock::monotonic();
    loop {
        let environment = shared.environment.clone();
        let look = move || {
            let mut all: Vec<Lapse> = standing::reached(&environment.home, &environment);
            all.extend(dirs(&environment).iter().flat_map(|dir| standing::reached(dir, &environment)));
            // The daemon tells of these by itself.
            all.retain(|lapse| !matches!(lapse.id, "config" | "audit"));
            all.into_iter().collect::<BTreeSet<_>>()
        };
        match tokio::task::spawn_blocking(look).await.map_err(reason) {
            Ok(now) => {
                told(known.as_ref(), &now, &shared).await;
                let new = known.as_ref() != Some(&now);
                if new || clock::monotonic().saturating_sub(written) >= DAILY {
                    written = clock::monotonic();
                    stands(&shared);
                }
                known = Some(now);
            }
            Err(why) => tracing::warn!(%why, "cannot tell whether the guard stands"),
        }
        let _ = tokio::time::timeout(DAILY, shared.doors.notified()).await;
    }
}

/// Puts on record how this machine stands: what a report of many machines is made of.
fn stands(shared: &Shared) {
    let standing =
        MachineStanding { off: lock(&shared.off).clone(), ..standing::of_machine(&shared.environment) };
    if let Err(error) = audit::stands(&standing, &shared.environment) {
        tracing::warn!(%error, "cannot write the audit log");
    }
}

async fn told(before: Option<&BTreeSet<Lapse>>, now: &BTreeSet<Lapse>, shared: &Arc<Shared>) {
    let none = BTreeSet::new();
    let before = before.unwrap_or(&none);
    *lock(&shared.off) = now.iter().map(|lapse| format!("{} → {}", lapse.says, lapse.fix)).collect();
    for lapse in now.difference(before) {
        tracing::warn!(door = lapse.id, says = %lapse.says, fix = %lapse.fix, "a door of the guard is off");
        record(shared, "guard-off", &format!("{}: {} → {}", lapse.id, lapse.says, lapse.fix));
    }
    for lapse in before.difference(now) {
        tracing::info!(door = lapse.id, says = %lapse.says, "this is mended");
        record(shared, "guard-on", &format!("{}: mended: {}", lapse.id, lapse.says));
    }
    if let Some(lapse) = now.difference(before).next() {
        let (text, environment) = (format!("{}\n{}", lapse.says, lapse.fix), shared.environment.clone());
        let _ = tokio::task::spawn_blocking(move || show(&text, &environment)).await;
    }
}

/// Shows a text on the person's desktop, if there is one that this process reaches.
fn show(text: &str, environment: &Environment) {
    let mut command = if cfg!(target_os = "macos") {
        let script = "on run argv\ndisplay notification (item 1 of argv) with title \"rwenv\"\nend run";
        let mut command = Command::new("/usr/bin/osascript");
        command.args(["-e", script, text]);
        command
    } else {
        let Some(program) = program::find("notify-send", environment) else { return };
        if environment::var("DBUS_SESSION_BUS_ADDRESS").is_none() {
            return;
        }
        let mut command = Command::new(program);
        command.args(["--app-name=rwenv", "--urgency=critical", "rwenv", text]);
        command
    };
    if process::output(&mut command, b"", PATIENCE).is_none_or(|said| !said.success) {
        tracing::debug!("the desktop shows no notification");
    }
}
