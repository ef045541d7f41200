//! `rwenv grant review`: what was done under grants, what of it is still so in the cluster, and the change that brings Git up to it.

use std::collections::BTreeMap;

use anyhow::bail;
use clap::Args;
use comfy_table::Cell;
use schemars::JsonSchema;
use serde::Serialize;

use super::deploy::DeploymentArgs;
use super::{audit, out, permit};
use crate::ops::review::{self, FoundObject, GrantReview, ReviewedGrant, ReviewedUse, TouchedObject};
use rwenv_core::model::WantedObject;
use rwenv_flux::cluster::HandChanges;
use rwenv_flux::deploy::DeploymentWish;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::judge::Permit;

#[derive(Debug, Args)]
pub(super) struct Review {
    /// Only grants since 30m, 2h or 7d ago, or since a time such as 2026-11-20T14:00
    #[arg(long, value_name = "WHEN", default_value = "24h")]
    since: String,
    /// Change the Flux repository so that it has what was changed by hand: a commit and a pull request
    #[arg(long)]
    propose: bool,
    #[command(flatten)]
    how: DeploymentArgs,
}

/// A review, for programs.
#[derive(Serialize, JsonSchema)]
struct ReviewView {
    grants: Vec<ReviewedGrant>,
    uses: Vec<ReviewedUse>,
    objects: Vec<TouchedView>,
}

/// An object that was changed.
#[derive(Serialize, JsonSchema)]
struct TouchedView {
    rwenv: String,
    kind: String,
    namespace: Option<String>,
    name: String,
    /// What is so in the cluster by hand: field and value.
    fields: BTreeMap<String, String>,
    /// Fields that cannot be copied.
    others: Vec<String>,
    /// Why nothing is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub(super) fn review(args: &Review, environment: &Environment) -> anyhow::Result<u8> {
    args.how.cluster.named(environment)?;
    permit::under(environment, |permit| run(args, permit, environment))
}

fn run(args: &Review, permit: Permit, environment: &Environment) -> anyhow::Result<u8> {
    let since = audit::since(&args.since)?;
    let only = if args.how.cluster.is_given() || args.propose {
        Some(args.how.cluster.rwenv(environment)?.name.to_string())
    } else {
        None
    };
    let review = review::read(only.as_deref(), &since, environment)?;
    let found = review::look(&review, environment);
    if !args.propose {
        return show(args, review, found);
    }
    let objects: Vec<WantedObject> = found.iter().filter_map(wanted).collect();
    for one in &found {
        tell(one);
    }
    if objects.is_empty() {
        out::line("nothing that was changed by hand is to be brought into Git");
        return Ok(0);
    }
    let session = args.how.open(permit, environment)?;
    let wish = DeploymentWish { objects, lenient: true, ..DeploymentWish::default() };
    args.how.told(session.begun(&wish)?)
}

/// What an object is to have in Git; none where nothing of it is by hand.
fn wanted(one: &FoundObject) -> Option<WantedObject> {
    let changes = one.found.as_ref().ok().filter(|changes| !changes.fields.is_empty())?;
    let TouchedObject { kind, namespace, name, .. } = one.object.clone();
    Some(WantedObject { kind, name, namespace, fields: changes.fields.clone() })
}

/// What cannot be brought into Git.
fn tell(one: &FoundObject) {
    let title = one.title();
    match &one.found {
        Err(why) => out::note(&format!("{title}: {why}")),
        Ok(changes) => {
            for path in &changes.others {
                out::note(&format!(
                    "{title}: {path} was changed by hand and is not copied; change it yourself"
                ));
            }
        }
    }
}

fn show(args: &Review, review: GrantReview, found: Vec<FoundObject>) -> anyhow::Result<u8> {
    if args.how.dry_run {
        bail!("--dry-run shows what --propose would change; give both");
    }
    if args.how.output.json {
        let objects = found.into_iter().map(view).collect();
        out::json(&ReviewView { grants: review.grants, uses: review.uses, objects })?;
        return Ok(0);
    }
    if review.grants.is_empty() && review.uses.is_empty() {
        out::note(&format!("no grant was made or used since {}", args.since));
        return Ok(0);
    }
    for grant in &review.grants {
        let made = grant.made.get(..16).unwrap_or_default();
        let ended = grant
            .ended
            .as_deref()
            .map_or("it counts now", |ended| ended.get(..ended.len().saturating_sub(8)).unwrap_or(ended));
        out::line(&format!("{} by {} at {made} UTC ({ended}): {}", grant.id, grant.person, grant.what));
    }
    let mut table = out::table(&["TIME (UTC)", "GRANT", "DOOR", "RWENV", "WHAT"]);
    for one in &review.uses {
        let time = one.time.get(..19).unwrap_or(&one.time).to_owned();
        let row =
            [time, one.grant.clone(), one.door.clone(), one.rwenvs.join(","), one.command.replace('\n', "⏎")];
        table.add_row(row.map(Cell::new));
    }
    if !review.uses.is_empty() {
        out::print(&table);
    }
    let mut changed = 0;
    for one in &found {
        let Ok(changes) = &one.found else {
            tell(one);
            continue;
        };
        if changes.fields.is_empty() && changes.others.is_empty() {
            continue;
        }
        changed += 1;
        out::line(&format!("{}, changed with {}:", one.title(), changes.by.join(", ")));
        changes
            .fields
            .iter()
            .for_each(|field| out::line(&format!("    {} = {}", field.title(), field.value)));
        changes.others.iter().for_each(|path| out::line(&format!("    {path} (not copied)")));
    }
    if changed > 0 {
        out::note("Bring Git up to it: rwenv grant review --propose; see it first with --dry-run");
    } else {
        out::note("nothing that was changed by hand is left in the cluster");
    }
    Ok(0)
}

fn view(one: FoundObject) -> TouchedView {
    let TouchedObject { rwenv, kind, namespace, name } = one.object;
    let (changes, problem) = match one.found {
        Ok(changes) => (changes, None),
        Err(why) => (HandChanges::default(), Some(why)),
    };
    let fields = changes.fields.into_iter().map(|field| (field.title(), field.value)).collect();
    TouchedView { rwenv, kind, namespace, name, fields, others: changes.others, problem }
}
