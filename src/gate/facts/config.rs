//! `envs.json`, read and checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::base::files::{self, FileError};
use rwenv_core::model::{Database, FromObject, Misspelt, Place, Rwenv, RwenvName, Rwenvs};

use rwenv_core::model::envs::{ConfigFile, RwenvEntry, Slip, Version, slips};

/// What is wrong with the configuration, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The text is not what it should be.
    #[error("{}:{line}:{column}: {problem}; {fix}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        problem: String,
        /// What to do.
        fix: String,
    },
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The configuration, checked.
#[derive(Debug, Default)]
pub struct Config {
    /// The rwenvs.
    pub rwenvs: Rwenvs,
    /// Whether commands run in the dev container; none: not said.
    pub use_dev_container: Option<bool>,
    /// The named URLs of each rwenv, in the order of the rwenvs.
    pub services: Vec<Vec<(String, String)>>,
    /// Where the audit log is sent as OTLP over HTTP.
    pub otlp_endpoint: Option<String>,
    /// The named databases.
    pub databases: Vec<(String, Database)>,
    /// Names outside of rwenvs that mean nothing, and nearly are some that do.
    pub misspelt: Vec<Misspelt>,
}

impl Config {
    /// Every name that means nothing and nearly is one that does, as a sentence that says where it stands.
    #[must_use]
    pub fn slips(&self) -> Vec<String> {
        let say = |misspelt: &Misspelt, of: &str| {
            let Misspelt { name, line, meant } = misspelt;
            format!(
                "{}/envs.json:{line}: \"{}\"{of} is not a known field and has no effect; write \"{meant}\" if you meant that",
                self.rwenvs.config_dir,
                name.escape_debug()
            )
        };
        let of = |rwenv: &Rwenv| format!(" of rwenv '{}'", rwenv.name);
        let own = self.rwenvs.all.iter().flat_map(|rwenv| rwenv.misspelt.iter().map(move |m| (m, of(rwenv))));
        let all = self.misspelt.iter().map(|misspelt| (misspelt, String::new())).chain(own);
        all.map(|(misspelt, of)| say(misspelt, &of)).collect()
    }
}

/// Path of the file.
#[must_use]
pub fn path(config_dir: &Path) -> PathBuf {
    config_dir.join("envs.json")
}

/// The rwenvs as decisions see them. Where the configuration is broken the last good one counts; of rwenvs that are not in
/// it, and without one, every rwenv that can still be made out is read-only.
#[must_use]
pub fn rwenvs(config_dir: &Path) -> Rwenvs {
    let error = match load(config_dir) {
        Ok(config) => return config.rwenvs,
        Err(error) => error,
    };
    let salvaged = salvage(config_dir);
    let kept = last_good(config_dir);
    let good =
        files::read_trusted(&kept).ok().flatten().and_then(|text| parse(&text, &kept, config_dir).ok());
    let (mut rwenvs, what) = match good {
        Some(good) => (good.rwenvs, "and the last good one counts"),
        None => (Rwenvs::default(), "so every rwenv counts as read-only"),
    };
    let known: Vec<RwenvName> = rwenvs.all.iter().map(|rwenv| rwenv.name.clone()).collect();
    rwenvs.all.extend(salvaged.into_iter().filter(|rwenv| !known.contains(&rwenv.name)));
    rwenvs.config_dir = config_dir.display().to_string();
    rwenvs.broken = Some(format!("The configuration is broken, {what}: {error}"));
    rwenvs
}

/// Where the configuration is kept as it was when it last made sense.
#[must_use]
pub fn last_good(config_dir: &Path) -> PathBuf {
    config_dir.join("run").join("last-good.json")
}

fn salvage(config_dir: &Path) -> Vec<Rwenv> {
    let text = files::read(&path(config_dir)).ok().flatten().unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let names = value.get("rwenvs").and_then(Value::as_object).map(|o| o.keys().cloned().collect::<Vec<_>>());
    (names.into_iter().flatten())
        .filter_map(|name| RwenvName::new(&name).ok())
        .map(|name| {
            let entry = value.get("rwenvs").and_then(|o| o.get(name.as_str()));
            let text = |key: &str| entry.and_then(|e| e.get(key)).and_then(Value::as_str).map(str::to_owned);
            let mut rwenv = Rwenv::named(name.clone());
            rwenv.read_only = true;
            rwenv.flux_git_repo = text("fluxGitRepo");
            rwenv.places.push(Place {
                kubeconfig_path: text("kubeconfigPath"),
                kubernetes_context: text("kubernetesContext"),
            });
            rwenv
        })
        .collect()
}

/// Reads and checks the file. A missing file is a configuration without rwenvs.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn load(config_dir: &Path) -> Result<Config, ConfigError> {
    let path = path(config_dir);
    match files::read_trusted(&path)? {
        Some(text) => parse(&text, &path, config_dir),
        None => {
            let rwenvs = Rwenvs { config_dir: config_dir.display().to_string(), ..Rwenvs::default() };
            Ok(Config { rwenvs, ..Config::default() })
        }
    }
}

/// Reads a configuration's text; `path` is what errors call it.
///
/// # Errors
/// What is wrong with it, and where.
pub fn parse(text: &str, path: &Path, config_dir: &Path) -> Result<Config, ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let FromObject(file): FromObject<ConfigFile> =
        serde_json::from_str(text).map_err(|e| invalid(path, &e))?;
    if let Some(version) = file.version.as_ref().filter(|v| !v.is_known()) {
        let shown = match version {
            Version::Text(text) => text.clone(),
            Version::Number(number) => number.to_string(),
        };
        let problem = format!("unknown version '{shown}'");
        return Err(at_name(
            text,
            "version",
            path,
            problem,
            "write \"version\": \"1.0\", or use a newer rwenv".to_owned(),
        ));
    }
    let whole: Value = serde_json::from_str(text).map_err(|e| invalid(path, &e))?;
    let slips = slips(&whole);
    if let Some(slip) = slips.iter().find(|slip| slip.grave) {
        let rwenv = slip.rwenv.as_deref().unwrap_or_default();
        let problem = format!("rwenv '{}' has a field '{}'", rwenv.escape_debug(), slip.name.escape_debug());
        return Err(at_name(text, &slip.name, path, problem, format!("write \"{}\"", slip.meant)));
    }
    let misspelt = |slip: &Slip| {
        let (line, _) = place(text, &slip.name);
        Misspelt { name: slip.name.clone(), line, meant: slip.meant }
    };
    let mut rwenvs = Rwenvs { config_dir: config_dir.display().to_string(), ..Rwenvs::default() };
    let mut services = Vec::new();
    for (name, FromObject(mut entry)) in file.rwenvs.0 {
        let checked = RwenvName::new(&name).map_err(|e| {
            at_name(text, &name, path, e.to_string(), "rename it with rwenv edit or in the file".to_owned())
        })?;
        services.push(std::mem::take(&mut entry.services.0));
        let own = slips.iter().filter(|slip| slip.rwenv.as_ref() == Some(&name)).map(misspelt).collect();
        rwenvs.all.push(Rwenv { misspelt: own, ..rwenv(checked, entry) });
    }
    rwenvs.throwaway = file.throwaway.0;
    rwenvs.unselected = file.unselected;
    let misspelt = slips.iter().filter(|slip| slip.rwenv.is_none()).map(misspelt).collect();
    rwenvs.dev_container = file.dev_container.filter(|_| file.use_dev_container != Some(false));
    let databases =
        file.databases.0.into_iter().map(|(name, FromObject(database))| (name, database)).collect();
    let otlp_endpoint = file.otlp_endpoint.filter(|endpoint| !endpoint.is_empty());
    Ok(Config {
        rwenvs,
        use_dev_container: file.use_dev_container,
        services,
        databases,
        otlp_endpoint,
        misspelt,
    })
}

fn rwenv(name: RwenvName, entry: RwenvEntry) -> Rwenv {
    let flat = Place { kubeconfig_path: entry.kubeconfig_path, kubernetes_context: entry.kubernetes_context };
    let mut places: Vec<Place> =
        [entry.local, entry.container].into_iter().flatten().map(|o| Place::from(o.0)).collect();
    if flat != Place::default() {
        places.insert(0, flat);
    }
    let mut rwenv = Rwenv::named(name);
    rwenv.description = entry.description;
    rwenv.kind = entry.r#type;
    rwenv.places = places;
    rwenv.gcp_project = entry.gcp_project;
    rwenv.read_only = entry.read_only;
    rwenv.git_ops_only = entry.git_ops_only;
    rwenv.flux_git_repo = entry.flux_git_repo.filter(|url| !url.is_empty());
    rwenv.flux_git_repo_type = entry.flux_git_repo_type;
    rwenv.flux_path = entry.flux_path.filter(|folder| !folder.is_empty());
    rwenv.flux_branch = entry.flux_branch;
    if let Some(branches) = entry.protected_branches {
        rwenv.protected_branches = branches;
    }
    rwenv.protect_commits = entry.protect_commits;
    rwenv.direct_push = entry.direct_push;
    rwenv.autonomy = entry.autonomy;
    rwenv.terraform_paths = entry.terraform_paths.into();
    if let Some(patterns) = entry.argocd_apps {
        rwenv.argocd_apps = patterns;
    }
    rwenv.notify = entry.notify.filter(|to| !to.trim().is_empty());
    rwenv.pin = entry.pin;
    rwenv.auto_approve = entry.auto_approve;
    rwenv.exec_reads = entry.exec_reads;
    if let Some(limit) = entry.impact_limit {
        rwenv.impact_limit = usize::try_from(limit).unwrap_or(usize::MAX);
    }
    rwenv.policies = entry.policies;
    rwenv.targets = entry.targets;
    rwenv.custody = entry.custody.0;
    rwenv.sync_interval = entry.sync_interval.map(|period| Duration::from(period).as_secs());
    rwenv
}

fn invalid(path: &Path, error: &serde_json::Error) -> ConfigError {
    let (line, column) = (error.line().max(1), error.column().max(1));
    let text = error.to_string();
    let problem = text.split(" at line ").next().unwrap_or_default().to_owned();
    let fix = if problem.contains("expected a boolean") {
        "write true or false without quotes"
    } else if problem.contains("unknown variant") {
        "write one of the words it names"
    } else if problem.contains("duplicate key") || problem.contains("duplicate field") {
        "remove one of the two"
    } else if problem.starts_with("invalid type") {
        "write it as the kind of value it expects"
    } else {
        "correct the JSON there"
    };
    ConfigError::Invalid { path: path.to_owned(), line, column, problem, fix: fix.to_owned() }
}

/// An error at the place where a name stands in the text as a key.
fn at_name(text: &str, name: &str, path: &Path, problem: String, fix: String) -> ConfigError {
    let (line, column) = place(text, name);
    ConfigError::Invalid { path: path.to_owned(), line, column, problem, fix }
}

/// Line and column of the first key of this name, from 1.
fn place(text: &str, name: &str) -> (usize, usize) {
    let quoted = serde_json::to_string(name).unwrap_or_default();
    let is_key =
        |at: &usize| text.get(at + quoted.len()..).is_some_and(|rest| rest.trim_start().starts_with(':'));
    let at = text.match_indices(&quoted).map(|(at, _)| at).find(is_key).unwrap_or_default();
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
