//! `rwenv add`, `edit`, `remove`, `export`, `import` and `local-mode`: what changes `envs.json`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;

use super::envs::{Set, flags, set};
use super::fields::{Changes, ClusterFields, CustodyFields, FluxFields, People, RwenvFields};
use super::shared::{InDir, Output, known};
use super::views::view;
use super::{out, prompt};
use crate::ops::clusters;
use crate::ops::rwenvs::{self, ConfigObject};
use rwenv_core::model::{Place, Rwenv, RwenvName, Rwenvs};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::{config, identity, kubeconfig, services};
use rwenv_gate::ledger::noted;

/// Fields that say which cluster is meant.
const MOVING: [&str; 4] = ["kubernetesContext", "kubeconfigPath", "local", "container"];

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Name of the rwenv
    pub(super) name: Option<String>,
    /// Name no context: cluster changes are denied in it
    #[arg(long, conflicts_with = "context")]
    pub(super) no_context: bool,
    #[command(flatten)]
    pub(super) output: Output,
    // Last: what comes behind them would be under their headings.
    #[command(flatten)]
    pub(super) fields: RwenvFields,
}

#[derive(Debug, Args)]
pub(super) struct EditArgs {
    /// Name of the rwenv
    pub(super) name: String,
    /// Remove a field, by its name in envs.json
    #[arg(long, value_name = "FIELD")]
    pub(super) unset: Vec<String>,
    #[command(flatten)]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) fields: RwenvFields,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// Name of the rwenv
    pub(super) name: String,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Names of the rwenvs [default: all]
    pub(super) names: Vec<String>,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Print JSON (always on)
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// File written by export, or - for standard input
    pub(super) file: PathBuf,
    /// Replace rwenvs that already exist
    #[arg(long)]
    pub(super) replace: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct LocalMode {
    /// on: this machine; off: the dev container; omitted: show the current mode
    #[arg(value_enum)]
    pub(super) switch: Option<Switch>,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

pub(super) fn add(args: &Add, environment: &Environment) -> anyhow::Result<u8> {
    let bare = args.fields.values()?.is_empty() && !args.output.json;
    let asked = bare && prompt::is_possible();
    let (name, fields) = match &args.name {
        given if asked => {
            let (name, fields) = interview(given.as_deref(), environment)?;
            (name, Some(fields))
        }
        Some(name) => (name.clone(), None),
        None => bail!("say a name: rwenv add NAME [--context …] (see rwenv add --help)"),
    };
    let name = RwenvName::new(&name)?;
    let values = fields.as_ref().unwrap_or(&args.fields).values()?;
    if !asked && !args.no_context && !names_context(&values) {
        bail!("{}", say_context(&name, environment));
    }
    rwenvs::add(&environment.config_dir, &name, values)?;
    clusters::note(name.as_str(), environment)?;
    if asked && prompt::yes("Select it for this directory", true)? {
        let at = InDir { output: Output::default(), dir: None };
        return set(&Set { name: Some(name.to_string()), at, yes: false }, environment);
    }
    let done = done(&name, "added", args.output.json, environment);
    let own = proposed(name.as_str(), args.fields.cluster.context.as_deref(), environment);
    if !own.is_empty() && args.fields.cluster.targets.is_empty() {
        let flags: Vec<String> = own.iter().map(|target| format!("--target {target}")).collect();
        out::note(&format!(
            "configured on this machine under its name; if they are its own: rwenv edit {name} {}",
            flags.join(" ")
        ));
    }
    let all = config::load(&environment.config_dir)?.rwenvs;
    all.get(name.as_str()).into_iter().for_each(|added| tell_contexts(added, &all, environment));
    done
}

/// Says what keeps the contexts of a rwenv from being what they seem: there are none, one is not there, or another rwenv has it too.
fn tell_contexts(added: &Rwenv, all: &Rwenvs, environment: &Environment) {
    let name = &added.name;
    if !added.names_context() {
        out::note(&format!(
            "it names no context, so cluster changes are denied in it; add one: rwenv edit {name} --context CONTEXT (kubectl config get-contexts lists them)"
        ));
    }
    for place in &added.places {
        let Some(context) = &place.kubernetes_context else { continue };
        let there = identity::contexts(&kubeconfig::of_place(place.kubeconfig_path.as_deref(), environment));
        if !there.contains(context) {
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            out::note(&format!(
                "context '{context}' is not in its kubeconfig (there: {there}), so cluster changes are denied in it until it is; another: rwenv edit {name} --context CONTEXT"
            ));
        }
        let has = |place: &Place| place.kubernetes_context.as_ref() == Some(context);
        let others = all.all.iter().filter(|other| other.name != *name && other.places.iter().any(has));
        let others: Vec<String> = others.map(|other| format!("'{}'", other.name)).collect();
        if !others.is_empty() {
            out::note(&format!(
                "context '{context}' is that of rwenv {} too: a line that names it is judged by all of them, the strictest counts",
                others.join(", ")
            ));
        }
    }
}

/// True where fields of a rwenv name a context, here or in the dev container.
fn names_context(values: &ConfigObject) -> bool {
    let named = |value: &Value| value.get("kubernetesContext").is_some();
    values.contains_key("kubernetesContext") || values.values().any(named)
}

/// What to say where no context is named: the contexts there are.
fn say_context(name: &RwenvName, environment: &Environment) -> String {
    let there = identity::contexts(&kubeconfig::usual(environment));
    let there = if there.is_empty() { "none here".to_owned() } else { there.join(", ") };
    format!(
        "say which context it is: rwenv add {name} --context CONTEXT (there are: {there}); a rwenv without one is made with --no-context"
    )
}

/// What is configured on this machine and is called as a rwenv or its context is, as flags take it.
fn proposed(name: &str, context: Option<&str>, environment: &Environment) -> Vec<String> {
    let mut words = vec![name];
    words.extend(context.filter(|context| *context != name));
    let found = services::proposed(&words, environment).into_iter();
    found.map(|(kind, value)| format!("{kind}={value}")).collect()
}

/// Asks for what a rwenv has, one thing after another.
fn interview(given: Option<&str>, environment: &Environment) -> anyhow::Result<(String, RwenvFields)> {
    let name = loop {
        let name = given.map_or_else(|| prompt::line("Name", ""), |name| Ok(name.to_owned()))?;
        match RwenvName::new(&name) {
            Ok(name) => break name.to_string(),
            Err(error) if given.is_some() => return Err(error.into()),
            Err(error) => out::note(&error.to_string()),
        }
    };
    let optional = |question: &str, default: &str| -> anyhow::Result<Option<String>> {
        Ok(Some(prompt::line(question, default)?).filter(|a| !a.is_empty()))
    };
    let description = optional("Description", "")?;
    let kubeconfig = optional("Kubeconfig", "~/.kube/config")?;
    let context = context_there(&name, kubeconfig.as_deref(), environment)?;
    let guessed = if context.as_deref().is_some_and(|name| name.starts_with("gke_")) { "gke" } else { "k3s" };
    let kind = optional("Type (k3s, gke, …)", guessed)?;
    let gcp_project =
        if kind.as_deref() == Some("gke") { optional("Google Cloud project", "")? } else { None };
    let mut targets = proposed(&name, context.as_deref(), environment);
    if !targets.is_empty() && !prompt::yes(&format!("Its own are also {}", targets.join(", ")), true)? {
        targets.clear();
    }
    let flux_repo = optional("Flux repository (URL)", "")?;
    let hosted = flux_repo.as_deref().map(|u| if u.contains("github.com") { "github" } else { "gitea" });
    let flux_repo_type = match hosted {
        Some(default) => optional("Where it lives (github, gitea)", default)?,
        None => None,
    };
    let read_only = prompt::yes("Read-only: nothing may be changed", true)?;
    let git_ops_only = !read_only && prompt::yes("GitOps-only: changed through Git alone", true)?;
    let fields = RwenvFields {
        people: People { description, ..People::default() },
        cluster: ClusterFields {
            kind,
            kubeconfig,
            context,
            gcp_project,
            targets,
            ..ClusterFields::default()
        },
        changes: Changes {
            read_only: Some(read_only),
            git_ops_only: git_ops_only.then_some(true),
            ..Changes::default()
        },
        flux: FluxFields { flux_repo, flux_repo_type, ..FluxFields::default() },
        custody: CustodyFields::default(),
    };
    Ok((name, fields))
}

/// Asks for one of the contexts that are there; none where there are none.
fn context_there(
    name: &str,
    kubeconfig: Option<&str>,
    environment: &Environment,
) -> anyhow::Result<Option<String>> {
    let there = identity::contexts(&kubeconfig::of_place(kubeconfig, environment));
    if there.is_empty() {
        out::note("that kubeconfig has no context; cluster changes are denied until one is named");
        return Ok(None);
    }
    let near = |wanted: &str| there.iter().find(|context| *context == wanted).cloned();
    let default = near(name).or_else(|| there.first().filter(|_| there.len() == 1).cloned());
    loop {
        let question = format!("Kubernetes context ({})", there.join(", "));
        let answer = prompt::line(&question, default.as_deref().unwrap_or_default())?;
        match near(&answer) {
            Some(context) => return Ok(Some(context)),
            None => out::note(&format!("the kubeconfig has no context '{}'", answer.escape_debug())),
        }
    }
}

pub(super) fn edit(args: &EditArgs, environment: &Environment) -> anyhow::Result<u8> {
    let values = args.fields.values()?;
    if values.is_empty() && args.unset.is_empty() {
        bail!("say what to change: rwenv edit {} --read-only=true, … (see rwenv edit --help)", args.name);
    }
    let moves = |name: &String| MOVING.contains(&name.as_str());
    let moves = values.keys().any(moves) || args.unset.iter().any(moves);
    let mode = || config::load(&environment.config_dir).ok()?.rwenvs.get(&args.name).map(flags);
    let before = mode();
    rwenvs::change(&environment.config_dir, &args.name, &args.unset, values)?;
    if moves {
        clusters::note(&args.name, environment)?;
    }
    if let Some((before, now)) = before.zip(mode()).filter(|(before, now)| before != now) {
        out::note(&format!("it was {before} and is {now} now"));
    }
    done(&RwenvName::new(&args.name)?, "changed", args.output.json, environment)
}

/// Tells what a rwenv is now.
fn done(name: &RwenvName, what: &str, json: bool, environment: &Environment) -> anyhow::Result<u8> {
    if json {
        let config = config::load(&environment.config_dir)?;
        let at = config.rwenvs.all.iter().position(|r| r.name == *name).unwrap_or_default();
        out::json(&view(&config, at, None))?;
    } else {
        let path = config::path(&environment.config_dir);
        out::line(&format!("rwenv '{name}' {what} in {}; select it with: rwenv set {name}", path.display()));
    }
    Ok(0)
}

pub(super) fn remove(args: &Remove, environment: &Environment) -> anyhow::Result<u8> {
    #[derive(Serialize)]
    struct Removed<'a> {
        removed: &'a str,
    }
    let config = config::load(&environment.config_dir)?;
    known(&config.rwenvs, &args.name)?;
    let question =
        format!("Remove rwenv '{}' from {}?", args.name, config::path(&environment.config_dir).display());
    if !prompt::confirm(&question, args.yes)? {
        bail!("nothing was changed");
    }
    rwenvs::remove(&environment.config_dir, &args.name)?;
    noted::retain(|known| known != args.name, environment)?;
    if args.output.json {
        out::json(&Removed { removed: &args.name })?;
    } else {
        out::line(&format!(
            "rwenv '{}' removed; where it is still selected, cluster commands are refused",
            args.name
        ));
    }
    Ok(0)
}

pub(super) fn export(args: &ExportArgs, environment: &Environment) -> anyhow::Result<u8> {
    config::load(&environment.config_dir)?;
    let path = config::path(&environment.config_dir);
    let text = files::read_trusted(&path)?.unwrap_or_else(|| "{}".to_owned());
    let file: ConfigObject = serde_json::from_str(text.trim_start_matches('\u{feff}'))?;
    let all = file.get("rwenvs").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(missing) = args.names.iter().find(|n| !all.contains_key(n.as_str())) {
        bail!("{}", rwenvs::unknown(missing, all.keys().map(String::as_str)));
    }
    let chosen: ConfigObject =
        all.into_iter().filter(|(n, _)| args.names.is_empty() || args.names.contains(n)).collect();
    let exported = serde_json::json!({ "version": "1.0", "rwenvs": chosen });
    match &args.output {
        None => out::json(&exported)?,
        Some(path) => {
            files::write(path, &format!("{}\n", serde_json::to_string_pretty(&exported)?), 0o600)?;
            out::note(&format!("{} written", path.display()));
        }
    }
    Ok(0)
}

pub(super) fn import(args: &Import, environment: &Environment) -> anyhow::Result<u8> {
    #[derive(Serialize)]
    struct Imported {
        imported: Vec<String>,
    }
    let text = if args.file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text)?;
        text
    } else {
        files::read(&args.file)?.with_context(|| format!("{}: there is no such file", args.file.display()))?
    };
    let shown = args.file.display();
    let given: ConfigObject = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|e| {
        anyhow::anyhow!("{shown}:{}:{}: {e}; write it with rwenv export", e.line(), e.column())
    })?;
    let Some(given) = given.get("rwenvs").and_then(Value::as_object) else {
        bail!("{shown}: there is no \"rwenvs\" in it; write it with rwenv export");
    };
    let names: Vec<String> = given.keys().cloned().collect();
    rwenvs::import(&environment.config_dir, given, args.replace)?;
    if args.output.json {
        out::json(&Imported { imported: names })?;
    } else {
        out::line(&format!("imported: {}", names.join(", ")));
    }
    Ok(0)
}

pub(super) fn local_mode(args: &LocalMode, environment: &Environment) -> anyhow::Result<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct LocalModeView {
        local_mode: bool,
        dev_container: Option<String>,
    }
    if let Some(switch) = args.switch {
        rwenvs::use_dev_container(&environment.config_dir, switch == Switch::Off)?;
    }
    let config = config::load(&environment.config_dir)?;
    let container = config.rwenvs.dev_container;
    let local = container.is_none();
    if args.output.json {
        out::json(&LocalModeView { local_mode: local, dev_container: container })?;
    } else if local {
        out::line("local mode is on: commands run on this machine");
    } else {
        out::line(&format!(
            "local mode is off: commands run in the dev container '{}'",
            container.unwrap_or_default()
        ));
    }
    Ok(0)
}
