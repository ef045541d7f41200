//! `rwenv grant`: a person's exception for one command line.

use anyhow::bail;
use clap::Args;
use comfy_table::Cell;
use serde::Serialize;

use super::shared::{InDir, directory};
use super::{out, prompt};
use rwenv_core::decide::{self, quoted};
use rwenv_core::model::Decision;
use rwenv_core::model::envs::duration;
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::{self, Observed, agent};
use rwenv_gate::ledger::{audit, grants};

#[derive(Debug, Args)]
pub(super) struct GrantArgs {
    /// How long the grant lasts, at most one hour
    #[arg(long = "for", default_value = "10m", value_name = "TIME")]
    pub(super) time: String,
    /// Reason, recorded with the grant
    #[arg(long)]
    pub(super) reason: Option<String>,
    /// List the current grants
    #[arg(long, conflicts_with_all = ["revoke", "command"])]
    pub(super) list: bool,
    /// Revoke one grant, or all
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "all", conflicts_with = "command")]
    pub(super) revoke: Option<String>,
    #[command(flatten)]
    pub(super) at: InDir,
    /// Command line
    #[arg(trailing_var_arg = true)]
    pub(super) command: Vec<String>,
}

pub(super) fn grant(args: &GrantArgs, environment: &Environment) -> anyhow::Result<u8> {
    if args.list {
        return list(args, environment);
    }
    if let Some(id) = &args.revoke {
        let one = Some(id.as_str()).filter(|id| *id != "all");
        let count = grants::revoke(one, environment);
        if let Some(id) = one.filter(|_| count == 0) {
            bail!("there is no grant '{}'; rwenv grant --list shows them", id.escape_debug());
        }
        audit::happened("grant", "revoked", &format!("{id}: {count}"), environment)?;
        out::line(&format!("{count} revoked"));
        return Ok(0);
    }
    if let Some(by) = agent::at_work(&agent::ancestors()) {
        bail!("an agent is at work here ({by}); exceptions are made by a person, in a terminal of their own");
    }
    if !prompt::is_possible() {
        bail!("exceptions are made at a terminal, by a person who reads what they allow");
    }
    let line = match args.command.as_slice() {
        [] => bail!("name the command: rwenv grant -- kubectl rollout restart deploy/web"),
        [line] => line.clone(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    };
    let seconds =
        duration(&args.time).map(|period| period.as_secs()).filter(|s| (1..=grants::LONGEST).contains(s));
    let Some(seconds) = seconds else {
        bail!("'{}' is not a valid duration for a grant; write 10m, or at most 1h", args.time.escape_debug());
    };
    let dir = directory(args.at.dir.as_deref());
    let context = facts::context(dir.to_str(), environment);
    let Observed { plan, facts, rwenvs } = facts::observe(decide::plan(&line, &context), environment);
    let verdict = decide::conclude(&plan, &facts, &rwenvs);
    let pushes = plan.planned.iter().any(|p| p.operation.tool == "git" && p.operation.verb == "push");
    if verdict.decision() == Decision::Allow {
        if !pushes {
            out::line("No grant needed: no rule denies this command.");
            return Ok(0);
        }
        out::note("No rule denies this command. The grant lets it send what the check of its content finds.");
    }
    if let Some(rule) = grants::not_lifted(&verdict) {
        bail!("[{rule}] cannot be lifted by a grant; run the command yourself, outside the agent");
    }
    for reason in verdict.reasons() {
        out::note(&format!("{} [{}]", reason.text, reason.rule));
    }
    let minutes = seconds.div_ceil(60);
    let question =
        format!("Let agents run exactly this in {} for {minutes} minutes?\n  {line}\n", context.cwd);
    if !prompt::yes(&question, false)? {
        out::line("nothing was granted");
        return Ok(1);
    }
    let grant = grants::make(&plan, &verdict, seconds, args.reason.as_deref(), environment)?;
    audit::happened("grant", "granted", &on_record(&grant, minutes), environment)?;
    out::line(&format!(
        "granted until {} as {}; revoke it with rwenv grant --revoke {}",
        clock::rfc3339(std::time::Duration::from_secs(grant.until)),
        grant.id,
        grant.id
    ));
    Ok(0)
}

/// A grant as it goes on record: its file is gone when it ends.
fn on_record(grant: &grants::Grant, minutes: u64) -> String {
    let grants::Grant { id, command, cwd, rules, reason, .. } = grant;
    let why = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{id} for {minutes} minutes in {cwd}: {command} [{}]{why}", rules.join(", "))
}

#[derive(Serialize)]
struct GrantRow {
    id: String,
    command: String,
    cwd: String,
    until: String,
    rules: Vec<String>,
    reason: Option<String>,
}

fn list(args: &GrantArgs, environment: &Environment) -> anyhow::Result<u8> {
    let view = |grant: grants::Grant| GrantRow {
        until: clock::rfc3339(std::time::Duration::from_secs(grant.until)),
        id: grant.id,
        command: grant.command,
        cwd: grant.cwd,
        rules: grant.rules,
        reason: grant.reason,
    };
    let all: Vec<GrantRow> = grants::live(environment).into_iter().map(view).collect();
    if args.at.output.json {
        out::json(&all)?;
        return Ok(0);
    }
    let mut table = out::table(&["GRANT", "UNTIL", "DIRECTORY", "COMMAND"]);
    for grant in &all {
        table.add_row([&grant.id, &grant.until, &grant.cwd, &grant.command].map(Cell::new));
    }
    out::print(&table);
    Ok(0)
}
