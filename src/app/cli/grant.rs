//! `rwenv grant`: a person's exception, for one command line or for a part of a rwenv.

use anyhow::bail;
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde::Serialize;

use super::review::{self, Review};
use super::shared::{InDir, directory};
use super::{out, prompt};
use crate::ops::rwenvs;
use rwenv_core::decide::{self, GrantedArea, GrantedObject, quoted};
use rwenv_core::model::envs::duration;
use rwenv_core::model::{Autonomy, Decision};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::{self, Observed, agent, config};
use rwenv_gate::ledger::audit;
use rwenv_gate::ledger::grants::{self, Grant, GrantTerms};

const AREA: &str = "Instead of a command";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct GrantArgs {
    #[command(subcommand)]
    pub(super) verb: Option<GrantCommand>,
    /// How long the grant lasts, at most one hour
    #[arg(long = "for", default_value = "10m", value_name = "TIME")]
    pub(super) time: String,
    /// Reason, recorded with the grant
    #[arg(long)]
    pub(super) reason: Option<String>,
    /// Open this rwenv: its cluster and its Flux repository
    #[arg(long, value_name = "NAME", requires = "reason", conflicts_with = "command", help_heading = AREA)]
    pub(super) env: Option<String>,
    /// Open only this namespace of the cluster
    #[arg(long, short, requires = "env", help_heading = AREA)]
    pub(super) namespace: Option<String>,
    /// Open only this object and its pods, such as deploy/web, or every object of a kind; may be repeated
    #[arg(long = "kind", value_name = "KIND[/NAME]", requires = "env", help_heading = AREA)]
    pub(super) kinds: Vec<String>,
    /// List the current grants
    #[arg(long, conflicts_with_all = ["revoke", "command", "env"])]
    pub(super) list: bool,
    /// Revoke one grant, or all
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "all", conflicts_with_all = ["command", "env"])]
    pub(super) revoke: Option<String>,
    #[command(flatten)]
    pub(super) at: InDir,
    /// Command line
    #[arg(trailing_var_arg = true)]
    pub(super) command: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum GrantCommand {
    /// Show what was done under grants and what of it is still so; propose the change that brings Git up to it
    #[command(
        after_help = "Reads the audit log, and asks the cluster which fields were changed by hand since the grant.\n\nExamples:\n  \
                      rwenv grant review\n  rwenv grant review --since 7d --json\n  rwenv grant review --propose --dry-run\n  \
                      rwenv grant review --cluster prod --propose"
    )]
    Review(Box<Review>),
}

pub(super) fn grant(args: &GrantArgs, environment: &Environment) -> anyhow::Result<u8> {
    if let Some(GrantCommand::Review(args)) = &args.verb {
        return review::review(args, environment);
    }
    if args.list {
        return list(args, environment);
    }
    if let Some(id) = &args.revoke {
        return revoke(id, environment);
    }
    if let Some(by) = agent::at_work(&agent::ancestors()) {
        bail!("an agent is at work here ({by}); exceptions are made by a person, in a terminal of their own");
    }
    if !prompt::is_possible() {
        bail!("exceptions are made at a terminal, by a person who reads what they allow");
    }
    let seconds =
        duration(&args.time).map(|period| period.as_secs()).filter(|s| (1..=grants::LONGEST).contains(s));
    let Some(seconds) = seconds else {
        bail!("'{}' is not a valid duration for a grant; write 10m, or at most 1h", args.time.escape_debug());
    };
    let person = audit::person();
    let terms = GrantTerms { seconds, reason: args.reason.as_deref(), person: &person };
    match &args.env {
        Some(name) => open(args, name, terms, environment),
        None => of_line(args, terms, environment),
    }
}

fn revoke(id: &str, environment: &Environment) -> anyhow::Result<u8> {
    let one = Some(id).filter(|id| *id != "all");
    let gone = grants::revoke(one, environment)?;
    if let Some(id) = one.filter(|_| gone.is_empty()) {
        bail!("there is no grant '{}'; rwenv grant --list shows them", id.escape_debug());
    }
    out::line(&format!("{} revoked", gone.len()));
    Ok(0)
}

/// A grant for a rwenv, or a part of it.
fn open(
    args: &GrantArgs,
    name: &str,
    terms: GrantTerms<'_>,
    environment: &Environment,
) -> anyhow::Result<u8> {
    let config = config::load(&environment.config_dir)?;
    let names = config.rwenvs.all.iter().map(|rwenv| rwenv.name.as_str());
    let Some(rwenv) = config.rwenvs.get(name) else { bail!("{}", rwenvs::unknown(name, names)) };
    if !(rwenv.read_only || rwenv.git_ops_only || rwenv.autonomy != Autonomy::default()) {
        out::note(&format!("rwenv '{name}' is writable: most changes need no grant."));
    }
    let mut objects = Vec::new();
    for text in &args.kinds {
        match GrantedObject::of(text) {
            Some(object) => objects.push(object),
            None => bail!("'{}' names no object; write KIND/NAME, such as deploy/web", text.escape_debug()),
        }
    }
    let area = GrantedArea { rwenv: name.to_owned(), namespace: args.namespace.clone(), objects };
    let minutes = terms.seconds.div_ceil(60);
    let more = if area.is_whole() { ", and its Flux repository" } else { "" };
    let question = format!("Let agents change {}{more}, for {minutes} minutes?", area.title());
    if !prompt::yes(&question, false)? {
        out::line("nothing was granted");
        return Ok(1);
    }
    tell(&grants::open(area, terms, environment)?);
    out::note(
        "Secret values, other clusters and rwenv's own files stay closed. Afterwards: rwenv grant review",
    );
    Ok(0)
}

/// A grant for one command line.
fn of_line(args: &GrantArgs, terms: GrantTerms<'_>, environment: &Environment) -> anyhow::Result<u8> {
    let line = match args.command.as_slice() {
        [] => bail!(
            "name the command: rwenv grant -- kubectl rollout restart deploy/web. Or open a part of a rwenv: rwenv grant --env NAME -n NAMESPACE --reason WHY"
        ),
        [line] => line.clone(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    };
    let dir = directory(args.at.dir.as_deref());
    let context = facts::context(dir.to_str(), environment);
    let observed = facts::observe(decide::plan(&line, &context), environment);
    let Observed { plan, facts, rwenvs } = &observed;
    let verdict = decide::conclude(plan, facts, rwenvs);
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
    let minutes = terms.seconds.div_ceil(60);
    let question =
        format!("Let agents run exactly this in {} for {minutes} minutes?\n  {line}\n", context.cwd);
    if !prompt::yes(&question, false)? {
        out::line("nothing was granted");
        return Ok(1);
    }
    let concerned = decide::concerned(plan, facts, rwenvs);
    tell(&grants::make(plan, &verdict, concerned, terms, environment)?);
    Ok(0)
}

fn tell(grant: &Grant) {
    let until = out::local_time(grant.until);
    out::line(&format!(
        "granted until {until} as {}; revoke it with rwenv grant --revoke {}",
        grant.id, grant.id
    ));
}

/// Says which grants count now: in a rwenv, or at all.
pub(super) fn banner(rwenv: Option<&str>, environment: &Environment) {
    let live = grants::live(environment);
    for grant in live.iter().filter(|grant| rwenv.is_none_or(|name| grant.is_for(name))) {
        out::alert(&format!(
            "OPEN until {} by {}. Close it: rwenv grant --revoke {}",
            out::local_time(grant.until),
            grant.told(),
            grant.id
        ));
    }
}

/// A grant as `--json` gives it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GrantRow {
    id: String,
    command: String,
    cwd: String,
    rwenvs: Vec<String>,
    /// What it is for, where that is no line.
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<GrantedArea>,
    until: String,
    seconds_left: u64,
    rules: Vec<String>,
    reason: Option<String>,
    person: String,
}

fn list(args: &GrantArgs, environment: &Environment) -> anyhow::Result<u8> {
    let live = grants::live(environment);
    if args.at.output.json {
        let view = |grant: Grant| GrantRow {
            until: clock::rfc3339(std::time::Duration::from_secs(grant.until)),
            seconds_left: grant.left(),
            id: grant.id,
            command: grant.command,
            cwd: grant.cwd,
            rwenvs: grant.rwenvs,
            area: grant.area,
            rules: grant.rules,
            reason: grant.reason,
            person: grant.person,
        };
        out::json(&live.into_iter().map(view).collect::<Vec<_>>())?;
        return Ok(0);
    }
    if live.is_empty() {
        out::note("no grant counts now");
        return Ok(0);
    }
    let mut table = out::table(&["GRANT", "UNTIL", "LEFT", "RWENV", "FOR", "DIRECTORY", "REASON"]);
    for grant in live {
        let (until, left) = (out::local_time(grant.until), grant.left_in_words());
        let Grant { id, command, cwd, rwenvs, reason, .. } = grant;
        let row = [id, until, left, rwenvs.join(","), command, cwd, reason.unwrap_or_default()];
        table.add_row(row.map(Cell::new));
    }
    out::print(&table);
    Ok(0)
}
