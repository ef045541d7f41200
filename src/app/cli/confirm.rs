//! `rwenv confirm`: a person says that a rwenv's context leads to the right cluster.

use anyhow::bail;
use clap::Args;

use super::shared::known;
use super::{out, prompt};
use crate::ops::clusters::{Standing, keep, standing, told};
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::noted::NotedContext;
use rwenv_gate::facts::{agent, config};
use rwenv_gate::ledger::audit;

#[derive(Debug, Args)]
pub(super) struct Confirm {
    /// Name of the rwenv [default: all that are not confirmed]
    name: Option<String>,
}

pub(super) fn confirm(args: &Confirm, environment: &Environment) -> anyhow::Result<u8> {
    if let Some(by) = agent::at_work(&agent::ancestors()) {
        bail!("an agent is at work here ({by}); a person confirms a cluster, in a terminal of their own");
    }
    let rwenvs = config::load(&environment.config_dir)?.rwenvs;
    let chosen: Vec<&Rwenv> = match &args.name {
        Some(name) => vec![known(&rwenvs, name)?],
        None => rwenvs.all.iter().collect(),
    };
    if !prompt::is_possible() {
        bail!("clusters are confirmed at a terminal, by a person who reads where they are");
    }
    let mut declined = false;
    for rwenv in chosen {
        declined |= !one(rwenv, args.name.is_some(), environment)?;
    }
    Ok(u8::from(declined))
}

/// Confirms one rwenv; false where the person says no. Where only one is meant, it is told that there is nothing to do.
fn one(rwenv: &Rwenv, alone: bool, environment: &Environment) -> anyhow::Result<bool> {
    let name = &rwenv.name;
    let now = match standing(rwenv, environment)? {
        Standing::Unseen if alone => {
            bail!(
                "no context of rwenv '{name}' is in a kubeconfig here; correct its context or kubeconfig: rwenv edit {name} --context CONTEXT"
            );
        }
        Standing::Unseen => {
            out::note(&format!("rwenv '{name}': no context of it is in a kubeconfig here"));
            return Ok(true);
        }
        Standing::Same(now) => {
            out::line(&format!("rwenv '{name}' is confirmed"));
            show("now", &now);
            return Ok(true);
        }
        Standing::Unnoted(now) => now,
        Standing::Changed(before, now) => {
            out::note(&format!("rwenv '{name}':"));
            show("confirmed", &before);
            now
        }
    };
    show("now", &now);
    if !prompt::yes(&format!("Does rwenv '{name}' mean this cluster?"), false)? {
        out::line(&format!("rwenv '{name}': nothing was changed"));
        return Ok(false);
    }
    let says = now.iter().map(told).collect::<Vec<_>>().join("; ");
    keep(rwenv, now, environment)?;
    audit::happened("cluster", "confirmed", &format!("{name}: {says}"), environment)?;
    out::line(&format!("rwenv '{name}' is confirmed"));
    Ok(true)
}

fn show(when: &str, all: &[NotedContext]) {
    for noted in all {
        out::note(&format!("  {when:<10}{}", told(noted)));
    }
}
