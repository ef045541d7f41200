//! `rwenv list`, `cur` and `set`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::Args;
use comfy_table::Table;
use serde::Serialize;

use super::shared::{InDir, Output, directory};
use super::views::{CurrentView, RwenvView, view};
use super::{grant, out, prompt};
use crate::ops::rwenvs;
use rwenv_core::model::{Bound, Rwenv, RwenvName, TargetKind};
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::files;
use rwenv_gate::facts::binding::{self, Selection};
use rwenv_gate::facts::config;

#[derive(Debug, Args)]
pub(super) struct Set {
    /// Name of the rwenv; prompts for it on a terminal when omitted
    pub(super) name: Option<String>,
    #[command(flatten)]
    pub(super) at: InDir,
    /// Replace another selection without asking
    #[arg(long, short)]
    pub(super) yes: bool,
}

fn selected_name(selection: Option<&Selection>) -> Option<&str> {
    match &selection?.bound {
        Bound::Rwenv(name) => Some(name),
        _ => None,
    }
}

/// What may be changed, in a word or two.
pub(super) fn flags(rwenv: &Rwenv) -> String {
    let flags = [
        (rwenv.read_only, "read-only"),
        (rwenv.git_ops_only, "gitops-only"),
        (rwenv.direct_push, "direct-push"),
    ];
    let on: Vec<&str> = flags.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
    if on.is_empty() { "writable".to_owned() } else { on.join(", ") }
}

fn context(rwenv: &Rwenv) -> String {
    let mut all: Vec<&str> = rwenv.places.iter().filter_map(|p| p.kubernetes_context.as_deref()).collect();
    all.dedup();
    all.join(", ")
}

/// All rwenvs.
pub(super) fn listed(environment: &Environment) -> anyhow::Result<Vec<RwenvView>> {
    let config = config::load(&environment.config_dir)?;
    let selection = binding::selection(&environment::current_dir(), environment);
    let current = selected_name(selection.as_ref());
    Ok((0..config.rwenvs.all.len()).filter_map(|at| view(&config, at, current)).collect())
}

/// The rwenv of a directory.
pub(super) fn current(args: &InDir, environment: &Environment) -> anyhow::Result<CurrentView> {
    let config = config::load(&environment.config_dir)?;
    let selection = binding::selection(&directory(args.dir.as_deref()), environment);
    if let Some(Selection { bound: Bound::Invalid(why), .. }) = &selection {
        bail!("{why}; select one that exists: rwenv set <name>");
    }
    let name = selected_name(selection.as_ref());
    let at = name.and_then(|name| config.rwenvs.all.iter().position(|r| r.name.as_str() == name));
    Ok(CurrentView {
        name: name.map(str::to_owned),
        source: selection.as_ref().map(source),
        rwenv: at.and_then(|at| view(&config, at, name)),
    })
}

/// What selects a rwenv.
fn source(selection: &Selection) -> String {
    selection.source.as_ref().map_or("$RWENV".to_owned(), |path| path.display().to_string())
}

pub(super) fn list(args: &Output, environment: &Environment) -> anyhow::Result<u8> {
    if args.json {
        out::json(&listed(environment)?)?;
        return Ok(0);
    }
    let config = config::load(&environment.config_dir)?;
    let selection = binding::selection(&environment::current_dir(), environment);
    let current = selected_name(selection.as_ref());
    if config.rwenvs.all.is_empty() {
        out::note("There is no rwenv yet. Add one: rwenv add");
        return Ok(0);
    }
    let mut table = out::table(&["", "NAME", "TYPE", "CONTEXT", "MODE", "FLUX REPOSITORY", "DESCRIPTION"]);
    for rwenv in &config.rwenvs.all {
        let mark = if current == Some(rwenv.name.as_str()) { "*" } else { "" };
        table.add_row([
            mark.to_owned(),
            rwenv.name.to_string(),
            rwenv.kind.clone().unwrap_or_default(),
            context(rwenv),
            flags(rwenv),
            rwenv.flux_git_repo.clone().unwrap_or_default(),
            rwenv.description.clone().unwrap_or_default(),
        ]);
    }
    out::print(&table);
    grant::banner(None, environment);
    Ok(0)
}

pub(super) fn cur(args: &InDir, environment: &Environment) -> anyhow::Result<u8> {
    if args.output.json {
        let current = current(args, environment)?;
        out::json(&current)?;
        return Ok(u8::from(current.rwenv.is_none()));
    }
    let config = config::load(&environment.config_dir)?;
    let dir = directory(args.dir.as_deref());
    let selection = binding::selection(&dir, environment);
    if let Some(Selection { bound: Bound::Invalid(why), .. }) = &selection {
        bail!("{why}; select one that exists: rwenv set <name>");
    }
    let name = selected_name(selection.as_ref());
    let at = name.and_then(|n| config.rwenvs.all.iter().position(|r| r.name.as_str() == n));
    let source = selection.as_ref().map(source);
    let rwenv = at.and_then(|at| config.rwenvs.all.get(at));
    match (name, rwenv) {
        (None, _) => bail!("no rwenv is selected for {}; select one: rwenv set <name>", dir.display()),
        (Some(name), None) => bail!(
            "rwenv '{name}' is selected by {} but not configured; add it (rwenv add {name}) or select another (rwenv set <name>)",
            source.unwrap_or_default()
        ),
        (Some(_), Some(rwenv)) => {
            let services = at.and_then(|at| config.services.get(at));
            out::print(&sheet(
                &[rwenv],
                config.use_dev_container,
                source.as_deref(),
                services.map_or(&[], Vec::as_slice),
            ));
            grant::banner(Some(rwenv.name.as_str()), environment);
            Ok(0)
        }
    }
}

/// One or two rwenvs, a field per line.
fn sheet(
    all: &[&Rwenv],
    container: Option<bool>,
    source: Option<&str>,
    services: &[(String, String)],
) -> Table {
    let mut table = out::table(&[]);
    let mut row = |label: &str, value: &dyn Fn(&Rwenv) -> String| {
        let values: Vec<String> = all.iter().map(|r| value(r)).collect();
        if values.iter().any(|v| !v.is_empty()) {
            table.add_row(std::iter::once(label.to_owned()).chain(values));
        }
    };
    row("rwenv", &|r| r.name.to_string());
    row("description", &|r| r.description.clone().unwrap_or_default());
    row("type", &|r| r.kind.clone().unwrap_or_default());
    row("mode", &|r| flags(r));
    row("context", &|r| context(r));
    row("kubeconfig", &|r| {
        r.places.iter().filter_map(|p| p.kubeconfig_path.clone()).collect::<Vec<_>>().join(", ")
    });
    row("runs in", &|_| if container == Some(true) { "the dev container".to_owned() } else { String::new() });
    row("gcp project", &|r| r.gcp_project.clone().unwrap_or_default());
    row("flux repository", &|r| r.flux_git_repo.clone().unwrap_or_default());
    row("flux path", &|r| r.flux_path.clone().unwrap_or_default());
    row("flux branch", &|r| r.flux_branch.clone().unwrap_or_default());
    row("protected", &|r| r.protected_branches.join(", "));
    for kind in TargetKind::ALL {
        row(&format!("{kind} targets"), &|r| {
            r.targets.get(kind).map(|all| all.join(", ")).unwrap_or_default()
        });
    }
    for (name, url) in services {
        row(&format!("service {name}"), &|_| url.clone());
    }
    if let Some(source) = source {
        row("selected by", &|_| source.to_owned());
    }
    table
}

pub(super) fn set(args: &Set, environment: &Environment) -> anyhow::Result<u8> {
    #[derive(Serialize)]
    struct SetView<'a> {
        name: &'a str,
        file: &'a Path,
        previous: Option<&'a str>,
    }
    let config = config::load(&environment.config_dir)?;
    let names: Vec<&str> = config.rwenvs.all.iter().map(|r| r.name.as_str()).collect();
    let name = match &args.name {
        Some(name) => name.clone(),
        None if prompt::is_possible() => prompt::line(&format!("Which rwenv ({})", names.join(", ")), "")?,
        None => bail!("say which rwenv; there are: {}", names.join(", ")),
    };
    let Some(wanted) = config.rwenvs.get(&name) else {
        bail!("{}", rwenvs::unknown(&name, names.iter().copied()));
    };
    let dir = directory(args.at.dir.as_deref());
    if !dir.is_dir() {
        bail!("{} is not a directory", dir.display());
    }
    let selection = binding::selection(&dir, &Environment { rwenv: None, ..environment.clone() });
    let previous = selected_name(selection.as_ref()).filter(|p| *p != name);
    if let Some(before) = previous.and_then(|p| config.rwenvs.get(p)) {
        for row in sheet(&[before, wanted], None, None, &[]).to_string().lines() {
            out::note(row.trim_end());
        }
        if !prompt::confirm(&format!("Switch from '{}' to '{name}'?", before.name), args.yes)? {
            bail!("nothing was changed");
        }
    }
    let file = binding::select(&dir, &RwenvName::new(&name)?, environment)?;
    if file.ends_with(".claude/rwenv") {
        ignore(&dir)?;
    }
    if args.at.output.json {
        out::json(&SetView { name: &name, file: &file, previous })?;
    } else {
        out::line(&format!("rwenv '{name}' ({}) is selected for {}", flags(wanted), dir.display()));
    }
    if environment.rwenv.as_deref().is_some_and(|r| r != name) {
        out::note("$RWENV is set and overrides every file; unset it for the selection to apply.");
    }
    Ok(0)
}

/// Has git leave `.claude/rwenv` alone: by `info/exclude`, which is in no commit, so that what was clean stays clean.
fn ignore(dir: &Path) -> anyhow::Result<()> {
    let Ok(repository) = git2::Repository::discover(dir) else { return Ok(()) };
    let Some(root) = repository.workdir().and_then(|root| fs::canonicalize(root).ok()) else { return Ok(()) };
    let dir = fs::canonicalize(dir)?;
    let file = dir.strip_prefix(&root).unwrap_or(Path::new("")).join(".claude/rwenv");
    if repository.is_path_ignored(&file).unwrap_or(false) {
        return Ok(());
    }
    // Worktrees have it in common.
    let path = repository.commondir().join("info/exclude");
    let text = if path.exists() {
        fs::read_to_string(&path).with_context(|| path.display().to_string())?
    } else {
        String::new()
    };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    files::write(&path, &format!("{text}{gap}/{}\n", file.display()), 0o644)?;
    Ok(())
}
