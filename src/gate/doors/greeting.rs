//! What a session is told when it starts: the rwenv, what is allowed in it, whether it is confined, how old its clone is, what is not healthy. Short, because it is
//! read before anything is asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::clock;
use crate::base::environment::{Environment, under_home};
use crate::facts::{binding, config};
use crate::ledger::audit::{self, Confinement};
use crate::standing;
use crate::wire::daemon::{Ask, FluxRow, ask};
use rwenv_core::decide::text::escape_and_cut;
use rwenv_core::model::{Bound, Rwenv};

/// Longest text, in bytes.
const LONGEST: usize = 1200;
/// Longest wait for the daemon, which has the answer or has not.
const ANSWER: Duration = Duration::from_millis(300);
/// Objects that are told one by one, at most.
const MOST: usize = 5;
/// Longest part of a message that is told, in characters.
const MESSAGE: usize = 120;

/// The text; `problems` are what went wrong while the session was set up.
pub(super) fn told(cwd: &str, problems: &str, environment: &Environment) -> String {
    let rwenvs = config::rwenvs(&environment.config_dir);
    let bound = binding::bindings_for_dir(cwd, environment).into_iter().next();
    let mut out = match &bound {
        Some(Bound::Rwenv(name)) => match rwenvs.get(name) {
            Some(rwenv) => about(rwenv, environment),
            None => format!(
                "rwenv '{name}' is selected here but not configured. Select another: rwenv set <name>.\n"
            ),
        },
        Some(Bound::Invalid(why)) => format!("The selection of a rwenv here is invalid: {why}\n"),
        _ if rwenvs.all.is_empty() => String::new(),
        _ => "No rwenv is selected here, so cluster commands are denied. Select one: rwenv set <name>.\n"
            .to_owned(),
    };
    out.push_str(&confined(environment));
    out.push_str(problems);
    out.push_str(&off(Path::new(cwd), environment));
    if let Some(rwenv) = bound.and_then(|bound| match bound {
        Bound::Rwenv(name) => rwenvs.get(&name),
        _ => None,
    }) {
        let room = LONGEST.saturating_sub(out.len());
        out.push_str(&health(rwenv, room, environment));
    }
    let end = (0..=LONGEST.min(out.len())).rev().find(|at| out.is_char_boundary(*at)).unwrap_or_default();
    out.truncate(end);
    out
}

/// That the session is confined, and by what.
fn confined(environment: &Environment) -> String {
    let Some(confinement) = Confinement::of(environment) else { return String::new() };
    let means = escape_and_cut(&confinement.means, 40);
    let git = if audit::broker_socket(&confinement.folder).exists() {
        " git has no credentials here: push, fetch and clone reach the remotes that the person confirmed, through a broker that judges each push."
    } else {
        ""
    };
    format!(
        "This session is confined (rwenv run, by {means}): the person's credentials for clusters and clouds are hidden. Clusters are reached through the API guard.{git}\n"
    )
}

/// What of the guard is off. A person has to mend it: none of these commands is an agent's.
fn off(cwd: &Path, environment: &Environment) -> String {
    let all = standing::lapses(cwd, environment);
    let Some(first) = all.first() else { return String::new() };
    let more =
        if all.len() > 1 { format!(" (and {} more: rwenv doctor)", all.len() - 1) } else { String::new() };
    format!("rwenv is partly off: {}. Tell the person: {}{more}\n", first.says, first.fix)
}

/// The rwenv: its flags, what passes, and its repository.
fn about(rwenv: &Rwenv, environment: &Environment) -> String {
    let name = &rwenv.name;
    let (flags, allowed) = match (rwenv.read_only, rwenv.git_ops_only) {
        (true, _) => (
            "read-only; its cluster and Flux repository may not be changed",
            "Reads are allowed: get, describe, logs, diff, --dry-run=server, flux get, rwenv flux status. exec, port-forward and secret values need a person's approval.",
        ),
        (false, true) => (
            "GitOps only; its cluster is changed through its Flux repository",
            "Reads, dry runs and reconciling are allowed. Change manifests on a branch and open a pull request. suspend, exec and secret values need a person's approval.",
        ),
        (false, false) => (
            "writable",
            "Secret values need a person's approval. Change the branch Flux follows, and tags, by pull request.",
        ),
    };
    let mut out = format!("rwenv '{name}' is selected here: {flags}.\n{allowed}\n");
    if let Some(clone) = clone(rwenv, environment) {
        out.push_str(&clone);
    }
    out
}

/// Where the clone is, and when it was fetched last.
fn clone(rwenv: &Rwenv, environment: &Environment) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct SyncRecord {
        synced: Option<u64>,
    }
    rwenv.flux_git_repo.as_ref()?;
    let name = rwenv.name.as_str();
    let folder = environment.config_dir.join("flux-repos").join(name);
    let inside = fs::read_dir(folder).ok().into_iter().flatten().flatten().map(|entry| entry.path());
    let clones: Vec<PathBuf> = inside.filter(|path| path.join(".git").exists()).collect();
    let Some(path) = clones.first() else {
        return Some(format!("Its Flux repository is not cloned yet: rwenv repo sync {name}.\n"));
    };
    let record = fs::read_to_string(environment.config_dir.join("mirrors").join(format!("{name}.json"))).ok();
    let record: Option<SyncRecord> = record.and_then(|text| serde_json::from_str(&text).ok());
    let age = match record.and_then(|record| record.synced) {
        Some(synced) => match clock::now().as_secs().saturating_sub(synced) {
            0..120 => "just now".to_owned(),
            seconds @ 120..7200 => format!("{} min ago", seconds / 60),
            seconds @ 7200..172_800 => format!("{} h ago", seconds / 3600),
            seconds => format!("{} days ago: rwenv repo sync {name}", seconds / 86_400),
        },
        None => format!("never: rwenv repo sync {name}"),
    };
    Some(format!("Flux repository: {}, fetched {age}.\n", under_home(path)))
}

/// What of Flux is not ready in the rwenv's cluster, as far as the daemon knows; it watches it from then on.
fn health(rwenv: &Rwenv, room: usize, environment: &Environment) -> String {
    let asked = ask(&environment.config_dir, Ask::Flux { rwenv: rwenv.name.to_string() }, ANSWER);
    let Some(health) = asked.ok().and_then(|reply| reply.flux).filter(|health| health.complete) else {
        return String::new();
    };
    let failing: Vec<&FluxRow> = health.objects.iter().filter(|row| row.fails()).collect();
    if failing.is_empty() {
        return format!("Flux: all {} objects are ready.\n", health.objects.len());
    }
    let mut out = format!("Flux: {} of {} objects are not ready.\n", failing.len(), health.objects.len());
    let mut left = failing.len();
    for row in failing.iter().take(MOST) {
        let said = if row.message.is_empty() { "no status message yet" } else { &row.message };
        let message = escape_and_cut(said, MESSAGE);
        let line = format!("  {} {}/{}: {message}\n", row.kind, row.namespace, row.name);
        // The last line says where the rest is.
        if out.len() + line.len() + 60 > room {
            break;
        }
        out.push_str(&line);
        left -= 1;
    }
    if left > 0 {
        out.push_str(&format!("  and {left} more: rwenv flux status --failing\n"));
    }
    out
}
