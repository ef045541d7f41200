//! Claude Code's own sandbox, set so that custody holds in it: credentials are not there for its commands, and the API guard is reached. What is put
//! into the settings is noted, so that exactly that is taken out again.
//!
//! The settings are those of code.claude.com/docs/en/sandboxing. A name that Claude Code does not accept makes it leave out the whole file, so only
//! plain names of variables are written.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context as _;
use rwenv_core::policy::CUSTODY;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::registration::{JsonObject, place};
use crate::confine::{Concealment, CustodyWish};
use crate::guard::Identity;
use rwenv_gate::base::environment::{self, Environment, under_home};
use rwenv_gate::base::files;
use rwenv_gate::facts::config;

/// What of ours holds credentials of clusters, from its folder. The guard's own kubeconfigs stay: they open the guard.
const OURS: [&str; 3] = ["kube", "agents", "guard/identity.json"];

/// Something that was put into settings: a value under a key, or an item of a list there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PutIn {
    at: Vec<String>,
    value: Value,
    listed: bool,
}

impl PutIn {
    fn new(at: &str, value: Value, listed: bool) -> Self {
        let at = format!("sandbox.{at}");
        Self { at: at.split('.').map(str::to_owned).collect(), value, listed }
    }

    fn shown(&self) -> String {
        self.at.join(".")
    }
}

/// Settings with the sandbox set, and what to note of it.
#[derive(Debug, Default)]
pub(super) struct Sandboxing {
    put_in: Vec<PutIn>,
    /// What a person has set otherwise: it stays.
    pub(super) kept: Vec<String>,
}

/// Where it is noted.
fn noted_in(environment: &Environment) -> PathBuf {
    environment.config_dir.join("run/sandbox.json")
}

/// True where the sandbox was set.
pub(super) fn is_set(environment: &Environment) -> bool {
    noted_in(environment).exists()
}

/// Takes out of settings what was put in before, and puts in what is wanted now.
///
/// # Errors
/// If the note, `envs.json` or the guard's identity cannot be read, or settings have another shape.
pub(super) fn set(
    settings: &mut JsonObject,
    wanted: bool,
    environment: &Environment,
) -> anyhow::Result<Sandboxing> {
    let text = files::read(&noted_in(environment))?.unwrap_or_else(|| "[]".to_owned());
    let noted: Vec<PutIn> = serde_json::from_str(&text)
        .with_context(|| format!("{}: correct or remove it", noted_in(environment).display()))?;
    noted.iter().for_each(|one| take_out(settings, &one.at, one));
    let mut done = Sandboxing::default();
    if wanted {
        for one in all(environment)? {
            match put_in(settings, &one)? {
                Put::New => done.put_in.push(one),
                Put::There => {}
                Put::Other(other) => done.kept.push(format!(
                    "{} is {other} in your settings, and stays so; rwenv would set {}",
                    one.shown(),
                    one.value
                )),
            }
        }
        let excluded = settings.get("sandbox").and_then(|sandbox| sandbox.get("excludedCommands"));
        let outside = excluded.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        done.kept.extend(outside.filter(|line| line.starts_with("kubectl")).map(|line| {
            format!(
                "sandbox.excludedCommands has {line:?}: take it out, kubectl reaches the guard from inside"
            )
        }));
    }
    Ok(done)
}

/// Notes what was put in, once the settings are written.
///
/// # Errors
/// If the system says no.
pub(super) fn note(done: &Sandboxing, environment: &Environment) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(&done.put_in)? + "\n";
    place(&noted_in(environment), (!done.put_in.is_empty()).then_some(text.as_str())).map(drop)
}

/// Everything that is put in.
fn all(environment: &Environment) -> anyhow::Result<Vec<PutIn>> {
    let config = config::load(&environment.config_dir)?;
    let identity = Identity::of(&config.rwenvs, environment)?;
    anyhow::ensure!(
        identity.port() != 0,
        "the API guard has no port yet: rwenv daemon start, then once more"
    );
    let guard = format!("127.0.0.1:{}", identity.port());
    let mut all = vec![
        PutIn::new("enabled", json!(true), false),
        PutIn::new("failIfUnavailable", json!(true), false),
        PutIn::new("allowUnsandboxedCommands", json!(false), false),
        PutIn::new("network.allowedDomains", json!(guard), true),
    ];
    let hidden = Concealment::gather(None, &config.rwenvs, &CustodyWish::default(), environment).hidden;
    let rows = CUSTODY.hidden.iter().filter(|row| !row.of_git);
    let listed = rows.flat_map(|row| row.paths.iter()).filter(|path| !path.contains('*'));
    let mut paths: BTreeSet<String> = listed.map(|path| (*path).to_owned()).collect();
    paths.extend(OURS.iter().map(|name| under_home(&environment.config_dir.join(name))));
    paths.extend(hidden.iter().map(|hidden| under_home(&hidden.path)));
    let denied =
        |path: &String| PutIn::new("credentials.files", json!({ "path": path, "mode": "deny" }), true);
    all.extend(paths.iter().map(denied));
    let rows = || CUSTODY.removed.iter().filter(|row| !row.of_git);
    let mut names: BTreeSet<String> = rows()
        .flat_map(|row| row.names.iter())
        .filter(|name| !name.contains('*'))
        .map(|name| (*name).to_owned())
        .collect();
    // It takes no patterns: what is set now of such names is written.
    names.extend(environment::names().into_iter().filter(|name| rows().any(|row| row.has(name))));
    names.retain(|name| is_plain(name) && name != "KUBECONFIG");
    let unset =
        |name: &String| PutIn::new("credentials.envVars", json!({ "name": name, "mode": "deny" }), true);
    all.extend(names.iter().map(unset));
    Ok(all)
}

/// A name that a shell could set.
fn is_plain(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// What became of something that was to be put in.
enum Put {
    New,
    There,
    Other(Value),
}

fn put_in(settings: &mut JsonObject, one: &PutIn) -> anyhow::Result<Put> {
    let Some((last, path)) = one.at.split_last() else { return Ok(Put::There) };
    let mut object = settings;
    for key in path {
        let inner = object.entry(key).or_insert_with(|| json!({}));
        object = inner.as_object_mut().with_context(|| format!("\"{key}\" is not an object; correct it"))?;
    }
    if !one.listed {
        return Ok(match object.get(last) {
            Some(there) if *there == one.value => Put::There,
            Some(there) => Put::Other(there.clone()),
            None => {
                object.insert(last.clone(), one.value.clone());
                Put::New
            }
        });
    }
    let list = object.entry(last).or_insert_with(|| json!([]));
    let list =
        list.as_array_mut().with_context(|| format!("\"{}\" is not a list; correct it", one.shown()))?;
    if list.contains(&one.value) {
        return Ok(Put::There);
    }
    list.push(one.value.clone());
    Ok(Put::New)
}

/// Takes one thing out, and what is empty without it.
fn take_out(object: &mut JsonObject, at: &[String], one: &PutIn) {
    let Some((key, rest)) = at.split_first() else { return };
    let Some(value) = object.get_mut(key) else { return };
    let is_empty = match (rest.is_empty(), value) {
        (true, Value::Array(list)) if one.listed => {
            list.retain(|item| *item != one.value);
            list.is_empty()
        }
        (true, value) => !one.listed && *value == one.value,
        (false, Value::Object(inner)) => {
            take_out(inner, rest, one);
            inner.is_empty()
        }
        (false, _) => false,
    };
    if is_empty {
        object.shift_remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> JsonObject {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_was_put_in_is_taken_out_and_nothing_else() {
        let old = object(
            r#"{"sandbox":{"enabled":false,"network":{"allowedDomains":["a.example","127.0.0.1:1"]}},"x":1}"#,
        );
        let mut new = old.clone();
        let wanted = [
            PutIn::new("enabled", json!(true), false),
            PutIn::new("failIfUnavailable", json!(true), false),
            PutIn::new("network.allowedDomains", json!("127.0.0.1:1"), true),
            PutIn::new("network.allowedDomains", json!("127.0.0.1:2"), true),
            PutIn::new("credentials.files", json!({ "path": "~/.kube", "mode": "deny" }), true),
        ];
        let put: Vec<&PutIn> =
            wanted.iter().filter(|one| matches!(put_in(&mut new, one).unwrap(), Put::New)).collect();
        assert_eq!(put.len(), 3, "what was there is the person's");
        assert_eq!(new["sandbox"]["enabled"], json!(false));
        assert_eq!(new["sandbox"]["credentials"]["files"][0]["path"], "~/.kube");
        put.iter().for_each(|one| take_out(&mut new, &one.at, one));
        assert_eq!(new, old);
    }

    #[test]
    fn every_name_that_may_be_written_is_one_that_claude_code_takes() {
        assert!(
            is_plain("AWS_SECRET_ACCESS_KEY") && !is_plain("A-B") && !is_plain("1A") && !is_plain("AWS_*")
        );
    }
}
