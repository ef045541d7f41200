//! What the commands have in common: arguments that several take, and how they are read. It imports no command.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;

use super::format::Format;
use crate::ops::rwenvs::unknown;
use rwenv_core::model::envs::duration;
use rwenv_core::model::{Bound, Rwenv, Rwenvs};
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::facts::{binding, config};

#[derive(Debug, Default, Args)]
pub(super) struct Output {
    /// Print JSON
    #[arg(
        long,
        default_value_ifs([("printed", "json", "true"), ("printed", "yaml", "true"), ("printed", "name", "true")])
    )]
    pub(super) json: bool,
    /// Print in this format
    #[arg(long = "output", short = 'o', value_enum, value_name = "FORMAT")]
    pub(super) printed: Option<Format>,
}

#[derive(Debug, Args)]
pub(super) struct InDir {
    #[command(flatten)]
    pub(super) output: Output,
    /// Directory [default: the current one]
    #[arg(long)]
    pub(super) dir: Option<PathBuf>,
}

/// Which cluster.
#[derive(Clone, Debug, Args)]
pub(super) struct ClusterArgs {
    /// Use the cluster of this rwenv [default: the selected rwenv]
    #[arg(long, value_name = "RWENV")]
    cluster: Option<String>,
}

impl ClusterArgs {
    /// The cluster of a rwenv.
    pub(super) fn of(rwenv: &str) -> Self {
        Self { cluster: Some(rwenv.to_owned()) }
    }

    /// That the rwenv that is named is there; where none is, the selected is looked for later.
    pub(super) fn named(&self, environment: &Environment) -> anyhow::Result<()> {
        let Some(name) = &self.cluster else { return Ok(()) };
        known(&config::rwenvs(&environment.config_dir), name).map(drop)
    }

    /// True where the arguments name one.
    pub(super) fn is_given(&self) -> bool {
        self.cluster.is_some()
    }

    /// The rwenv that is meant.
    pub(super) fn rwenv(&self, environment: &Environment) -> anyhow::Result<Rwenv> {
        named_or_selected(self.cluster.as_deref(), environment)
    }
}

/// The rwenv of a name; without one the selected.
pub(super) fn named_or_selected(name: Option<&str>, environment: &Environment) -> anyhow::Result<Rwenv> {
    let rwenvs = config::load(&environment.config_dir)?.rwenvs;
    let name = match name {
        Some(name) => name.to_owned(),
        None => {
            selected(environment).context("No rwenv configured. Use /rwenv-set to select an environment.")?
        }
    };
    Ok(known(&rwenvs, &name)?.clone())
}

/// The name of the rwenv that is selected here.
pub(super) fn selected(environment: &Environment) -> anyhow::Result<String> {
    let dir = directory(None);
    match binding::selection(&dir, environment).map(|selection| selection.bound) {
        Some(Bound::Rwenv(name)) => Ok(name),
        Some(Bound::Invalid(why)) => bail!("{why}; select one that exists: rwenv set <name>"),
        _ => bail!("no rwenv is selected for {}; name one, or select one: rwenv set <name>", dir.display()),
    }
}

/// The rwenv of a name.
pub(super) fn known<'r>(rwenvs: &'r Rwenvs, name: &str) -> anyhow::Result<&'r Rwenv> {
    let names = rwenvs.all.iter().map(|rwenv| rwenv.name.as_str());
    rwenvs.get(name).with_context(|| unknown(name, names))
}

/// The directory that is meant.
pub(super) fn directory(dir: Option<&Path>) -> PathBuf {
    let here = environment::current_dir();
    dir.map_or(here.clone(), |d| here.join(d))
}

/// A length of time.
pub(super) fn period(text: &str) -> anyhow::Result<Duration> {
    duration(text).with_context(|| format!("'{text}' is not a duration; write it like 30s, 5m or 1h"))
}
