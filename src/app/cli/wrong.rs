//! `rwenv audit wrong`: a person says that a verdict was wrong.

use anyhow::{Context as _, bail};
use clap::Args;

use super::{out, prompt};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::agent;
use rwenv_gate::ledger::audit::{self, AuditEntry, MARKED_WRONG};

#[derive(Debug, Args)]
pub(super) struct WrongArgs {
    /// Number of the record
    #[arg(value_name = "NO")]
    number: u64,
    /// Why it was wrong, recorded with the mark
    #[arg(long)]
    reason: Option<String>,
}

pub(super) fn mark(args: &WrongArgs, environment: &Environment) -> anyhow::Result<u8> {
    let entry = record(args.number, environment)?;
    if entry.decision.is_empty() {
        bail!("record {} is not a verdict but the event '{}'", args.number, entry.event);
    }
    if let Some(by) = agent::at_work(&agent::ancestors()) {
        bail!(
            "an agent is at work here ({by}); whether a verdict was wrong is said by a person, in a terminal of their own"
        );
    }
    if !prompt::is_possible() {
        bail!("whether a verdict was wrong is said at a terminal, by a person");
    }
    let mut before = None;
    audit::entries(environment, |one| {
        if one.event == MARKED_WRONG && one.about == Some(args.number) {
            before = one.person.or(Some(String::new()));
        }
    })?;
    if let Some(person) = before {
        out::line(&format!("record {} was already reported, by {person}", args.number));
        return Ok(0);
    }
    audit::marked_wrong(&entry, args.reason.as_deref(), environment)?;
    let rules: Vec<&str> = entry.reasons.iter().map(|said| said.rule.as_str()).collect();
    out::line(&format!("reported: record {}, {} [{}]", args.number, entry.decision, rules.join(", ")));
    out::note("rwenv report lists it. It changes no policy: see the rule with rwenv policy show RULE");
    Ok(0)
}

/// The record with a number.
pub(super) fn record(number: u64, environment: &Environment) -> anyhow::Result<AuditEntry> {
    let mut found = None;
    audit::entries(environment, |entry| {
        if entry.seq == number && number > 0 {
            found = Some(entry);
        }
    })?;
    found.with_context(|| format!("there is no record {number}; rwenv audit shows the numbers"))
}
