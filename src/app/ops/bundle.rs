//! A file for a bug report: what is here, without secrets. What is checked for it is in `doctor`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::check::Check;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::redact::redact;
use rwenv_gate::base::{clock, files, process};
use rwenv_gate::facts::config;
use rwenv_gate::ledger::audit;

/// Records and lines of log that are taken along.
const LAST: usize = 200;
/// Longest wait for a program's version.
const PATIENCE: Duration = Duration::from_secs(5);
/// Programs whose versions matter.
const PROGRAMS: [(&str, &[&str]); 6] = [
    ("uname", &["-a"]),
    ("git", &["--version"]),
    ("kubectl", &["version", "--client"]),
    ("flux", &["--version"]),
    ("claude", &["--version"]),
    ("gh", &["--version"]),
];

/// Writes it into the current directory; says where.
///
/// # Errors
/// If the records cannot be read, or the file cannot be written.
pub fn write(checks: &[Check], environment: &Environment) -> anyhow::Result<PathBuf> {
    let versions: serde_json::Map<String, Value> = PROGRAMS
        .iter()
        .map(|(program, arguments)| {
            let said = process::output(Command::new(program).args(*arguments), b"", PATIENCE);
            ((*program).to_owned(), said.map(|said| said.stdout.trim().to_owned()).into())
        })
        .collect();
    let mut records = Vec::new();
    audit::entries(environment, |entry| {
        records.push(entry.line);
        if records.len() > LAST * 2 {
            records.drain(..LAST);
        }
    })?;
    let records = records.split_off(records.len().saturating_sub(LAST));
    let bundle = json!({
        "rwenv": env!("CARGO_PKG_VERSION"),
        "made": clock::rfc3339(clock::now()),
        "checks": checks,
        "versions": versions,
        "envs": files::read(&config::path(&environment.config_dir))?,
        "records": records,
        "log": log(environment),
    });
    let path = environment::current_dir().join("rwenv-bundle.json");
    let bare = without_secrets(bundle, &environment.home.display().to_string());
    files::write(&path, &format!("{}\n", serde_json::to_string_pretty(&bare)?), 0o600)
        .context("the bundle cannot be written here; go to a folder that is yours")?;
    Ok(path)
}

/// The last lines of the daemon's newest log.
fn log(environment: &Environment) -> Vec<String> {
    let all = std::fs::read_dir(crate::daemon::logs(environment)).into_iter().flatten().flatten();
    let newest =
        all.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "log")).max();
    let text = newest.and_then(|path| files::read(&path).ok().flatten()).unwrap_or_default();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.iter().skip(lines.len().saturating_sub(LAST)).cloned().collect()
}

/// Every text without secrets, and without the name of the home directory.
fn without_secrets(value: Value, home: &str) -> Value {
    match value {
        Value::String(text) => Value::String(redact(&text).replace(home, "~")),
        Value::Array(all) => all.into_iter().map(|value| without_secrets(value, home)).collect(),
        Value::Object(all) => all
            .into_iter()
            .map(|(key, value)| (key, without_secrets(value, home)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}
