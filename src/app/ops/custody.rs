//! What read-only really means on this machine, measured: who holds the credentials of a rwenv's cluster, and what they may do. Whether
//! the git host protects the branch Flux follows is in `branch_rules`, what the machine itself has in `machine`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::branch_rules;
use super::check::Check;
use super::identity;
use super::rights::beyond_rights;
use crate::confine::{TriedPlace, TriedSession};
use rwenv_core::model::Rwenv;
use rwenv_flux::cluster::Cluster;
use rwenv_flux::repos::FluxRepository;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::program;
use rwenv_gate::base::{files, process};
use rwenv_gate::facts::agent;
use rwenv_gate::facts::{config, guarded, kubeconfig};

/// Longest wait for a cluster or a git host.
const PATIENCE: Duration = Duration::from_secs(10);
/// Places that are named, at most.
const SHOWN: usize = 5;

pub(super) fn examine(offline: bool, environment: &Environment) -> Vec<Check> {
    let Ok(config) = config::load(&environment.config_dir) else { return Vec::new() };
    let mut all = Vec::new();
    let session = TriedSession::here(environment);
    for rwenv in &config.rwenvs.all {
        all.push(custody(rwenv, &session, offline, environment).about(rwenv.name.as_str()));
        let credential = identity::examine(rwenv, offline, environment);
        all.extend(credential.map(|check| check.about(rwenv.name.as_str())));
        let through = through_guard(rwenv, offline, environment);
        all.extend(through.map(|check| check.about(rwenv.name.as_str())));
        if let Ok(flux) = FluxRepository::of(rwenv, environment) {
            all.push(branch_rules::examine(&flux, offline, environment).about(rwenv.name.as_str()));
        }
    }
    all
}

/// Whether a rwenv's cluster answers through the API guard, as its sessions ask it.
fn through_guard(rwenv: &Rwenv, offline: bool, environment: &Environment) -> Option<Check> {
    let path = guarded::kubeconfig(rwenv.name.as_str(), environment);
    let asks = !offline && guarded::is_guarded(rwenv) && rwenv.names_context() && path.exists();
    let kubectl = program::find("kubectl", environment).filter(|_| asks)?;
    let mut command = Command::new(kubectl);
    command.arg("--kubeconfig").arg(&path).args(["get", "--raw", "/version", "--request-timeout=5s"]);
    let said = process::output(&mut command, b"", PATIENCE)?;
    if said.success {
        return Some(Check::ok("guard", "its cluster answers through the API guard"));
    }
    let why = rwenv_gate::base::redact::redact(said.stderr.lines().last().unwrap_or_default());
    Some(Check::warn(
        "guard",
        format!("its cluster does not answer through the API guard: {why}"),
        "see that kubectl reaches it with your own kubeconfig, then rwenv daemon restart from that shell",
    ))
}

/// The kubeconfigs in which a rwenv's context may be, each with the context.
fn kubeconfigs(rwenv: &Rwenv, environment: &Environment) -> Vec<(PathBuf, String)> {
    let each = rwenv.places.iter().filter_map(|place| {
        let context = place.kubernetes_context.clone()?;
        let files = kubeconfig::of_place(place.kubeconfig_path.as_deref(), environment);
        Some(files.into_iter().map(move |file| (file, context.clone())))
    });
    let mut all: Vec<(PathBuf, String)> = each.flatten().collect();
    all.dedup();
    all
}

/// What is said where nothing can be looked at: that nothing reaches the cluster would be more than is known.
fn not_seen(rwenv: &Rwenv, looked: &[(PathBuf, String)]) -> Check {
    let name = &rwenv.name;
    let Some((_, context)) = looked.first() else {
        return Check::ok(
            "custody",
            format!(
                "it names no context: access to its cluster cannot be checked, and cluster changes are denied in it (add one: rwenv edit {name} --context CONTEXT)"
            ),
        );
    };
    let mut files: Vec<String> = looked.iter().map(|(file, _)| environment::under_home(file)).collect();
    files.dedup();
    Check::warn(
        "custody",
        format!(
            "context '{context}' is not in {}: access to its cluster could not be checked",
            files.join(", ")
        ),
        format!("name the kubeconfig that has it: rwenv edit {name} --kubeconfig FILE"),
    )
}

/// What is found in a session of `rwenv run`: that nothing opens which was hidden. None where a rwenv's kubeconfig can be read after all.
fn confined(session: &TriedSession, looked: &[(PathBuf, String)]) -> Option<Check> {
    let means = &session.confinement.means;
    let level = |check: Check, level| Some(Check { level: Some(level), ..check });
    let names = |places: Vec<&TriedPlace>| {
        let each = |place: &&TriedPlace| {
            format!("{} ({})", environment::under_home(&place.path), place.came.as_str())
        };
        places.iter().take(SHOWN).map(each).collect::<Vec<_>>().join(", ")
    };
    let open: Vec<&TriedPlace> = session.open().collect();
    if !open.is_empty() {
        let says = format!(
            "C0: rwenv run ({means}) was to hide {} of {} places that can be read: {}",
            open.len(),
            session.places.len(),
            names(open)
        );
        return level(
            Check::fail("custody", says, "end this session; start it by other means: rwenv run --means"),
            "C0",
        );
    }
    let readable =
        |(file, context): &&(PathBuf, String)| Cluster::is_in(file, context) && !session.has_guards(file);
    if looked.iter().any(|place| readable(&place)) {
        return None;
    }
    // Kubeconfigs are what opens a cluster: they are named first.
    let (first, rest): (Vec<_>, Vec<_>) = session.places.iter().partition(|place| {
        looked.iter().any(|(file, _)| place.path == *file || file.starts_with(&place.path))
    });
    let tried = match session.places.len() {
        0 => "no file with credentials was there to hide".to_owned(),
        count => format!("{count} places were tried, and none opens: {}", names([first, rest].concat())),
    };
    let says = format!("C1: rwenv run ({means}) hides its credentials; {tried}");
    level(Check::ok("custody", says), "C1")
}

/// The same, where this process is in such a session at all.
fn inside(
    rwenv: &Rwenv,
    session: &Result<Option<TriedSession>, String>,
    looked: &[(PathBuf, String)],
) -> Option<Check> {
    match session {
        Ok(session) => confined(session.as_ref().filter(|_| rwenv.names_context())?, looked),
        Err(why) => {
            let says = format!("this session is confined, and what is hidden from it is not known ({why})");
            Some(Check::warn("custody", says, "start the session anew: rwenv run"))
        }
    }
}

fn custody(
    rwenv: &Rwenv,
    session: &Result<Option<TriedSession>, String>,
    offline: bool,
    environment: &Environment,
) -> Check {
    let level = |check: Check, level| Check { level: Some(level), ..check };
    let looked = kubeconfigs(rwenv, environment);
    if let Some(check) = inside(rwenv, session, &looked) {
        return check;
    }
    // What cannot be read may have it.
    let has = |(file, context): &&(PathBuf, String)| {
        file.exists() && (File::open(file).is_err() || Cluster::is_in(file, context))
    };
    let there: Vec<_> = looked.iter().filter(has).collect();
    if there.is_empty() {
        return not_seen(rwenv, &looked);
    }
    let readable: Vec<_> = there.iter().filter(|(file, _)| File::open(file).is_ok()).collect();
    let Some((file, context)) = readable.first() else {
        return level(
            Check::ok(
                "custody",
                "C2: another user holds its credentials, and the policy applies to their use",
            ),
            "C2",
        );
    };
    let shown = environment::under_home(file);
    let rights =
        if offline { Err("not asked".to_owned()) } else { beyond_rights(file, context, environment) };
    if rights == Ok(None) {
        return level(
            Check::ok(
                "custody",
                format!("C3: the identity in {shown} may only read: the cluster itself denies changes"),
            ),
            "C3",
        );
    }
    if readable.iter().all(|(file, _)| is_hidden(file, environment)) {
        return level(
            Check::ok(
                "custody",
                format!("C1: the agent's sandbox hides {shown}; read-only holds as far as the sandbox does"),
            ),
            "C1",
        );
    }
    let may = match rights {
        Ok(may) => format!(" and may {}", may.unwrap_or_default()),
        Err(why) => format!("; its rights could not be determined ({why})"),
    };
    let says =
        format!("C0: {shown} is readable{may}: hook, shims and pre-push are a guardrail, not a guarantee");
    if rwenv.read_only {
        level(
            Check::warn(
                "custody",
                says,
                format!(
                    "give agents an identity that only reads (rwenv identity create --env {}), and hide the file from them (rwenv run, or sandbox.filesystem.denyRead)",
                    rwenv.name
                ),
            ),
            "C0",
        )
    } else {
        level(Check::ok("custody", says), "C0")
    }
}

/// True where the agent's sandbox is on and keeps it from reading a file.
fn is_hidden(file: &Path, environment: &Environment) -> bool {
    let text = files::read(&agent::claude_settings(environment)).ok().flatten().unwrap_or_default();
    let settings: Value = serde_json::from_str(&text).unwrap_or_default();
    let sandbox = settings.get("sandbox");
    let on = sandbox.and_then(|s| s.get("enabled")).and_then(Value::as_bool) == Some(true);
    let hidden =
        sandbox.and_then(|s| s.get("filesystem")).and_then(|f| f.get("denyRead")).and_then(Value::as_array);
    let mut hidden = hidden.into_iter().flatten().filter_map(Value::as_str);
    on && hidden.any(|path| file.starts_with(kubeconfig::full(path, environment)))
}
