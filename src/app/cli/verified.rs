//! `rwenv policy verify`: what a cluster enforces beside what the policy says.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use comfy_table::Cell;

use super::exported::{TargetName, Whom};
use super::shared::Output;
use super::{exported_forge, out};
use crate::ops::export::ExportTarget;
use crate::ops::identity;
use crate::ops::verify::{self, AdmissionStanding, Enforced, VerifiedPolicy};
use rwenv_core::model::Rwenv;
use rwenv_flux::cluster::Cluster;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::credential;

#[derive(Debug, Args)]
pub(super) struct PolicyVerify {
    /// Show every request, not only those on which they differ
    #[arg(long)]
    all: bool,
    /// Kubeconfig with the credentials to verify [default: the agents' own]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Ask the cluster for kinds that no table names
    #[arg(long)]
    discover: bool,
    /// Read the rules of the Git host back, with your gh, glab or token
    #[arg(long, value_enum, value_name = "HOST")]
    forge: Option<TargetName>,
    /// A check that the Git host has to require; may be repeated
    #[arg(long = "check", value_name = "NAME", requires = "forge")]
    checks: Vec<String>,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    output: Output,
}

pub(super) fn verify(args: &PolicyVerify, environment: &Environment) -> anyhow::Result<u8> {
    let (rwenv, mut agents) = args.whom.of(environment)?;
    if let Some(name) = args.forge {
        let Some(target) = name.forge() else {
            bail!("--forge takes github-ruleset, gitlab or gitea; without it the cluster is asked");
        };
        let how = (args.output.json, args.all);
        return exported_forge::verify(target, (&rwenv, &args.checks), how, environment);
    }
    if !args.whom.names_account()
        && let Some(kept) = credential::kept(rwenv.name.as_str(), environment)
    {
        agents.account = (kept.namespace, kept.account);
    }
    let (_, context) = Cluster::place(&rwenv, environment)?;
    let file = file(args, &rwenv, environment)?;
    let targets = vec![ExportTarget::Rbac, ExportTarget::ValidatingAdmissionPolicy];
    let wish = args.whom.wish((&rwenv, agents), (targets, false, args.discover), environment)?;
    let verified = verify::verified(&rwenv, (&file, &context), &wish, environment)
        .map_err(anyhow::Error::msg)
        .with_context(|| {
            format!("the cluster of rwenv '{}' cannot be compared with its policy", rwenv.name)
        })?;
    if args.output.json {
        out::json(&verified)?;
    } else {
        tell(&verified, args.all);
    }
    Ok(u8::from(verified.count(Enforced::Looser) > 0))
}

/// The kubeconfig that is meant.
fn file(args: &PolicyVerify, rwenv: &Rwenv, environment: &Environment) -> anyhow::Result<PathBuf> {
    if let Some(file) = &args.kubeconfig {
        return Ok(file.clone());
    }
    if credential::session(rwenv.name.as_str(), environment).is_none() {
        bail!(
            "rwenv '{name}' has no credential for agents that is good now; rwenv identity kubeconfig {name} fetches one, or name another: --kubeconfig FILE",
            name = rwenv.name
        );
    }
    Ok(identity::kubeconfig(rwenv, environment))
}

fn word(enforced: Enforced) -> &'static str {
    match enforced {
        Enforced::Looser => "LOOSER",
        Enforced::Stricter => "stricter",
        Enforced::Admission => "admission",
        Enforced::Same => "same",
    }
}

fn tell(verified: &VerifiedPolicy, all: bool) {
    let shown = |enforced: Enforced| all || enforced != Enforced::Same;
    let mut rows: Vec<_> = verified.rows.iter().filter(|row| shown(row.enforced)).collect();
    rows.sort_by_key(|row| row.enforced);
    if !rows.is_empty() {
        let mut table = out::table(&["RESOURCE", "VERBS", "POLICY", "CLUSTER", "ENFORCED"]);
        for row in rows {
            let verbs = row.verbs.join(",");
            let cells = [&row.name, &verbs, &row.policy, &row.cluster].map(Cell::new);
            table.add_row(cells.into_iter().chain([Cell::new(word(row.enforced))]));
        }
        out::print(&table);
    }
    out::line(&format!(
        "{} as the policy says, {} stricter, {} held by admission, {} looser",
        verified.count(Enforced::Same),
        verified.count(Enforced::Stricter),
        verified.count(Enforced::Admission),
        verified.count(Enforced::Looser)
    ));
    out::line(&match &verified.admission {
        AdmissionStanding::AsExported => "admission: as exported".to_owned(),
        AdmissionStanding::Differs(at) => {
            format!("admission: differs from what is exported ({at}); export and apply it again")
        }
        AdmissionStanding::Missing => {
            "admission: not in the cluster (rwenv policy export --to rbac,validating-admission-policy)"
                .to_owned()
        }
        AdmissionStanding::Unknown(why) => format!("admission: not known ({why})"),
    });
}
