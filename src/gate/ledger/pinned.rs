//! The kubeconfig of a session: one context, the rwenv's, so that a bare command cannot hit what somebody last switched to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::base::environment::Environment;
use crate::base::program;
use crate::base::{files, process};
use crate::facts::{identity, kubeconfig};
use rwenv_core::model::Rwenv;

/// Longest time kubectl may take to print a part of a kubeconfig.
const KUBECTL: Duration = Duration::from_secs(2);
/// Most sessions that are looked at.
const MOST: usize = 32;

/// What is known of a session: which kubeconfig its commands see.
#[derive(Debug, serde::Deserialize, serde::Serialize)]
struct SessionPin {
    kubeconfig: Option<String>,
    /// Where it began.
    #[serde(default)]
    cwd: Option<String>,
}

/// The file of a rwenv's own kubeconfig.
#[must_use]
pub fn path(rwenv: &str, environment: &Environment) -> PathBuf {
    environment.config_dir.join("kube").join(format!("{rwenv}.yaml"))
}

/// Makes a rwenv's kubeconfig out of the person's: anew each time, because times say little of what a file holds behind links, and
/// because other programs write into whatever `$KUBECONFIG` names. None where the rwenv names no context.
///
/// # Errors
/// Why it cannot be made.
pub fn make(rwenv: &Rwenv, environment: &Environment) -> Result<Option<PathBuf>, String> {
    let Some(place) = rwenv.places.first() else { return Ok(None) };
    let Some(context) = &place.kubernetes_context else { return Ok(None) };
    let own = path(rwenv.name.as_str(), environment);
    let sources = kubeconfig::of_place(place.kubeconfig_path.as_deref(), environment);
    let text =
        |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(":");
    let looked = text(&sources);
    let sources: Vec<PathBuf> = sources.into_iter().filter(|path| path.exists()).collect();
    if sources.is_empty() {
        return Err(format!("Kubeconfig not found at {looked}."));
    }
    let source = text(&sources);
    let kubectl =
        program::find("kubectl", environment).ok_or("there is no kubectl on PATH to read it with")?;
    let mut command = Command::new(kubectl);
    command
        .args(["config", "view", "--minify", "--flatten", "--raw", "--context", context])
        .env("KUBECONFIG", &source)
        .env("HOME", &environment.home)
        .env("PATH", &environment.path);
    let said = process::output(&mut command, b"", KUBECTL).ok_or("kubectl did not answer")?;
    if !said.success || said.stdout.trim().is_empty() {
        return Err(format!("Context '{context}' not found in kubeconfig {source}."));
    }
    let made = with_absolute_command(said.stdout, &sources, context);
    keep(&own, &made).map_err(|error| error.to_string())?;
    Ok(Some(own))
}

/// kubectl looks for a plugin with a path beside the kubeconfig: from another folder it has to be named whole.
fn with_absolute_command(text: String, sources: &[PathBuf], context: &str) -> String {
    let Some((written, whole)) = identity::plugin(sources, context) else { return text };
    let before = format!("command: {written}\n");
    text.replacen(&before, &format!("command: {}\n", serde_json::Value::from(whole)), 1)
}

/// Writes the file where it is another than it was; nobody writes into it, but for a provider of kubectl's own that keeps its tokens
/// there.
fn keep(own: &Path, text: &str) -> Result<(), files::FileError> {
    let mode = if text.contains("auth-provider:") { 0o600 } else { 0o400 };
    if files::read(own).ok().flatten().as_deref() != Some(text) {
        files::make_private_dir(own.parent().unwrap_or(own))?;
        files::write(own, text, mode)?;
    }
    fs::set_permissions(own, fs::Permissions::from_mode(mode))
        .map_err(|error| files::FileError::io(own, error))
}

fn record(session: &str, environment: &Environment) -> Option<PathBuf> {
    let plain = !session.is_empty()
        && session.len() <= 128
        && session.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    plain.then(|| sessions(environment).join(format!("{session}.json")))
}

/// The folder of what is known of sessions.
#[must_use]
pub fn sessions(environment: &Environment) -> PathBuf {
    environment.config_dir.join("run/sessions")
}

/// The directories in which sessions began lately, the latest first.
#[must_use]
pub fn dirs(environment: &Environment) -> Vec<PathBuf> {
    let entries = fs::read_dir(sessions(environment)).into_iter().flatten().flatten();
    let mut all: Vec<_> = entries
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json"))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    let mut dirs = Vec::new();
    for (_, path) in all.into_iter().take(MOST) {
        let Some(text) = files::read_trusted(&path).ok().flatten() else { continue };
        let pin: Option<SessionPin> = serde_json::from_str(&text).ok();
        let dir = pin.and_then(|pin| pin.cwd).map(PathBuf::from);
        dirs.extend(dir.filter(|dir| dir.is_absolute() && !dirs.contains(dir)));
    }
    dirs
}

/// The file of shell code that gives a session's commands what they were given, where the agent has none of its own for that.
#[must_use]
pub fn shell_file(session: &str, environment: &Environment) -> Option<PathBuf> {
    let file = record(session, environment)?.with_extension("sh");
    files::make_private_dir(file.parent()?).ok()?;
    Some(file)
}

/// Remembers what a session's commands see from now on, and where it works.
pub fn remember(session: &str, cwd: &str, kubeconfig: Option<&Path>, environment: &Environment) {
    let Some(path) = record(session, environment) else { return };
    let kubeconfig = kubeconfig.map(|path| path.display().to_string());
    let Ok(text) = serde_json::to_string(&SessionPin { kubeconfig, cwd: Some(cwd.to_owned()) }) else {
        return;
    };
    // Where it cannot be kept, calls are judged by the person's own kubeconfig too, which is stricter.
    let _ = files::make_private_dir(path.parent().unwrap_or(&path))
        .and_then(|()| files::write(&path, &text, 0o600));
}

/// The environment as a session's commands see it.
#[must_use]
pub fn of_session(session: Option<&str>, environment: &Environment) -> Environment {
    let known = session.and_then(|session| record(session, environment)).and_then(|path| {
        let text = files::read_trusted(&path).ok()??;
        serde_json::from_str::<SessionPin>(&text).ok()
    });
    match known {
        Some(SessionPin { kubeconfig: Some(path), .. }) => {
            Environment { session_kubeconfig: Some(path), ..environment.clone() }
        }
        _ => environment.clone(),
    }
}
