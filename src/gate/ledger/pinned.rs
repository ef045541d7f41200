//! The kubeconfig of a session: one context, the rwenv's, so that a bare command cannot hit what somebody last switched to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::base::environment::Environment;
use crate::base::program;
use crate::base::{files, process};
use crate::facts::kubeconfig;
use rwenv_core::model::Rwenv;

/// Longest time kubectl may take to print a part of a kubeconfig.
const KUBECTL: Duration = Duration::from_secs(2);

/// What is known of a session: which kubeconfig its commands see.
#[derive(Debug, serde::Deserialize, serde::Serialize)]
struct SessionPin {
    kubeconfig: Option<String>,
}

/// The file of a rwenv's own kubeconfig.
#[must_use]
pub fn path(rwenv: &str, environment: &Environment) -> PathBuf {
    environment.config_dir.join("kube").join(format!("{rwenv}.yaml"))
}

/// Makes a rwenv's kubeconfig out of the person's, where that has changed. None where the rwenv names no context.
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
    let made = fs::metadata(&own).and_then(|meta| meta.modified()).ok();
    let newest =
        sources.iter().filter_map(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok()).max();
    let config = fs::metadata(environment.config_dir.join("envs.json")).and_then(|meta| meta.modified()).ok();
    if made.is_some_and(|made| newest.is_some_and(|source| source < made) && config.is_none_or(|c| c < made))
    {
        return Ok(Some(own));
    }
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
    let write = || {
        files::make_private_dir(own.parent().unwrap_or(&own))?;
        files::write(&own, &said.stdout, 0o600)
    };
    write().map_err(|error| error.to_string())?;
    Ok(Some(own))
}

fn record(session: &str, environment: &Environment) -> Option<PathBuf> {
    let plain = !session.is_empty()
        && session.len() <= 128
        && session.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    plain.then(|| environment.config_dir.join("run/sessions").join(format!("{session}.json")))
}

/// Remembers what a session's commands see from now on.
pub fn remember(session: &str, kubeconfig: Option<&Path>, environment: &Environment) {
    let Some(path) = record(session, environment) else { return };
    let kubeconfig = kubeconfig.map(|path| path.display().to_string());
    let Ok(text) = serde_json::to_string(&SessionPin { kubeconfig }) else { return };
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
        Some(SessionPin { kubeconfig: Some(path) }) => {
            Environment { session_kubeconfig: Some(path), ..environment.clone() }
        }
        _ => environment.clone(),
    }
}
