//! `rwenv audit`: what was decided, by whom it was asked, and whether the log is as it was written.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde::Serialize;

use super::join::{self, JoinArgs};
use super::out;
use super::replay::{self, ReplayArgs};
use super::shared::Output;
use super::wrong::{self, WrongArgs};
use crate::ops::rwenvs::unknown;
use rwenv_core::model::Decision;
use rwenv_core::model::envs::duration;
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;
use rwenv_gate::ledger::audit::{self, AuditEntry};

/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(300);
/// Longest command that a row of the table shows, in characters.
const WIDEST: usize = 100;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: Option<AuditCommand>,
    #[command(flatten)]
    wanted: Wanted,
    /// Show the last N records
    #[arg(long, short = 'n', default_value_t = 20, value_name = "N")]
    last: usize,
    /// Keep printing new records
    #[arg(long, short)]
    follow: bool,
    /// Show all of one record
    #[arg(long, value_name = "NO", conflicts_with = "follow")]
    record: Option<u64>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Wanted {
    /// Only records since 30m, 2h or 7d ago, or since a time such as 2026-11-20T14:00
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only denials
    #[arg(long)]
    denied: bool,
    /// Only records of this rwenv
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Verify that no record was changed, removed or inserted
    #[command(
        after_help = "Every record has a hash over itself and the record before it. verify prints the last hash: keep it \
                      elsewhere to prove later that nothing before it was changed.\n\nExit status: 0 intact, 1 not intact."
    )]
    Verify(Output),
    /// Judge what an agent ran before, and count how often you would have been asked; nothing is run
    #[command(
        after_help = "Examples:\n  rwenv audit replay ~/.claude/projects\n  rwenv audit replay --rwenv prod ~/.codex/sessions\n  \
                      rwenv audit replay --dir ~/src/flux ~/.bash_history"
    )]
    Replay(ReplayArgs),
    /// Report that a verdict was wrong: it stopped what should pass, or let pass what should not
    #[command(
        after_help = "Only a person at a terminal can report. The mark is a record of its own; rwenv report counts and lists it. The number of a \
                      record is the first column of rwenv audit.\n\nExamples:\n  rwenv audit wrong 4711\n  \
                      rwenv audit wrong 4711 --reason 'the script only reads'"
    )]
    Wrong(WrongArgs),
    /// Join a Kubernetes audit log by audit ID: what came through the API guard, and what did not
    #[command(
        after_help = "FILE is what kube-apiserver writes to --audit-log-path: an event (audit.k8s.io/v1) per line. The guard gives each request an ID of \
                      its own. What the same identity changed under other IDs did not come through the guard.\n\nExamples:\n  \
                      rwenv audit join /var/log/kubernetes/audit.log\n  \
                      kubectl logs -n kube-system audit-sink | rwenv audit join - --env prod\n\n\
                      Exit status: 0 nothing was changed another way, 1 something was, or differs."
    )]
    Join(JoinArgs),
    /// Count decisions by entry point (door), rwenv and rule
    Stats {
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        output: Output,
    },
}

/// What is wanted, ready to be compared.
struct Filter<'a> {
    since: Option<String>,
    wanted: &'a Wanted,
}

impl<'a> Filter<'a> {
    fn of(wanted: &'a Wanted) -> anyhow::Result<Self> {
        Ok(Self { since: wanted.since.as_deref().map(since).transpose()?, wanted })
    }

    fn takes(&self, entry: &AuditEntry) -> bool {
        self.since.as_ref().is_none_or(|since| entry.time.as_str() >= since.as_str())
            && (!self.wanted.denied || entry.decision == Decision::Deny.as_str())
            && self.wanted.env.as_ref().is_none_or(|name| entry.concerns(name))
    }
}

/// The time a word of `--since` means, as the log writes it. Times in UTC compare as text.
pub(super) fn since(word: &str) -> anyhow::Result<String> {
    if let Some(ago) = duration(word) {
        return Ok(clock::rfc3339(clock::now().saturating_sub(ago)));
    }
    let shape = "0000-00-00T00:00:00.000Z";
    let fits = word.len() >= 10
        && word.len() <= shape.len()
        && word.chars().zip(shape.chars()).all(|(c, s)| if s == '0' { c.is_ascii_digit() } else { c == s });
    if !fits {
        bail!("--since '{word}' is not a time; write 30m, 2h, 7d, or a UTC time such as 2026-11-20T14:00");
    }
    Ok(word.to_owned())
}

pub(super) fn audit(args: &Audit, environment: &Environment) -> anyhow::Result<u8> {
    match &args.command {
        None => show(args, environment),
        Some(AuditCommand::Verify(output)) => verify(output, environment),
        Some(AuditCommand::Replay(args)) => replay::run(args, environment),
        Some(AuditCommand::Join(args)) => join::join(args, environment),
        Some(AuditCommand::Wrong(args)) => wrong::mark(args, environment),
        Some(AuditCommand::Stats { wanted, output }) => stats(wanted, output, environment),
    }
}

fn show(args: &Audit, environment: &Environment) -> anyhow::Result<u8> {
    if let Some(number) = args.record {
        let record: serde_json::Value = serde_json::from_str(&wrong::record(number, environment)?.line)?;
        return out::json(&record).map(|()| 0);
    }
    let filter = Filter::of(&args.wanted)?;
    let mut followed = None;
    if args.follow {
        audit::follow(environment, &mut followed, |_| {})?;
    }
    let mut last = VecDeque::new();
    audit::entries(environment, |entry| {
        if filter.takes(&entry) {
            last.push_back(entry);
            if last.len() > args.last {
                last.pop_front();
            }
        }
    })?;
    let known = |name: &&String| config::rwenvs(&environment.config_dir).get(name).is_some();
    if let Some(name) = args.wanted.env.as_ref().filter(|name| last.is_empty() && !known(name)) {
        // A rwenv that was removed may have records.
        let rwenvs = config::rwenvs(&environment.config_dir);
        bail!("{}", unknown(name, rwenvs.all.iter().map(|rwenv| rwenv.name.as_str())));
    }
    if args.output.json {
        for entry in &last {
            out::record(&entry.line)?;
        }
    } else if !last.is_empty() {
        let mut table = out::table(&["NO", "TIME (UTC)", "DECISION", "DOOR", "RWENV", "RULE", "WHAT"]);
        last.iter().for_each(|entry| {
            table.add_row(row(entry));
        });
        out::print(&table);
    } else if !args.follow {
        out::note("no records");
    }
    if !args.follow {
        return Ok(0);
    }
    loop {
        audit::follow(environment, &mut followed, |entry| {
            if filter.takes(&entry) {
                out::line(&if args.output.json { entry.line.clone() } else { plain(&entry) });
            }
        })?;
        std::thread::sleep(LOOK);
    }
}

/// What a record says, column by column.
fn columns(entry: &AuditEntry) -> [String; 7] {
    let first = entry.reasons.first();
    let what = if entry.event.is_empty() { &entry.command } else { &entry.detail };
    let mut what: String = what.replace('\n', "⏎");
    if let Some((at, _)) = what.char_indices().nth(WIDEST) {
        what.truncate(at);
        what.push('…');
    }
    let rule = first.map_or_else(|| entry.event.clone(), |said| said.rule.clone());
    let time = entry.time.get(..19).unwrap_or(&entry.time).to_owned();
    let number = if entry.seq == 0 { String::new() } else { entry.seq.to_string() };
    [number, time, entry.decision.clone(), entry.door.clone(), entry.rwenvs.join(","), rule, what]
}

fn row(entry: &AuditEntry) -> Vec<Cell> {
    let all = [Decision::Allow, Decision::Ask, Decision::Deny];
    let decision = all.into_iter().find(|d| d.as_str() == entry.decision);
    let cell = |(at, text): (usize, String)| match decision {
        Some(decision) if at == 2 => out::decision(decision),
        _ => Cell::new(text),
    };
    columns(entry).into_iter().enumerate().map(cell).collect()
}

fn plain(entry: &AuditEntry) -> String {
    columns(entry).map(|text| if text.is_empty() { "-".to_owned() } else { text }).join("  ")
}

fn verify(output: &Output, environment: &Environment) -> anyhow::Result<u8> {
    let found = audit::verify(environment)?;
    if output.json {
        out::json(&found)?;
    } else {
        for finding in &found.findings {
            out::line(&format!("{}:{}: {}", finding.file.display(), finding.line, finding.problem));
        }
        let state = if found.findings.is_empty() { "intact" } else { "NOT intact" };
        out::line(&format!("{} records, {} to {}: {state}", found.records, found.first, found.last));
        if found.unchained > 0 {
            out::line(&format!(
                "{} records were written while the log was locked and are in no chain",
                found.unchained
            ));
        }
        if found.torn > 0 {
            out::line(&format!("{} half lines of writers that were killed", found.torn));
        }
        out::line(&format!("last hash: {}", if found.hash.is_empty() { "-" } else { &found.hash }));
    }
    Ok(u8::from(!found.findings.is_empty()))
}

fn stats(wanted: &Wanted, output: &Output, environment: &Environment) -> anyhow::Result<u8> {
    #[derive(Default, Serialize)]
    struct Stats {
        records: u64,
        from: Option<String>,
        to: Option<String>,
        decisions: BTreeMap<String, u64>,
        doors: BTreeMap<String, u64>,
        rwenvs: BTreeMap<String, u64>,
        /// How often each rule spoke.
        rules: BTreeMap<String, u64>,
    }
    let filter = Filter::of(wanted)?;
    let mut stats = Stats::default();
    audit::entries(environment, |entry| {
        if !filter.takes(&entry) || entry.decision.is_empty() {
            return;
        }
        stats.records += 1;
        stats.from.get_or_insert_with(|| entry.time.clone());
        let AuditEntry { time, door, decision, rwenvs, reasons, .. } = entry;
        stats.to = Some(time);
        *stats.decisions.entry(decision).or_default() += 1;
        *stats.doors.entry(door).or_default() += 1;
        rwenvs.into_iter().for_each(|name| *stats.rwenvs.entry(name).or_default() += 1);
        reasons.into_iter().for_each(|said| *stats.rules.entry(said.rule).or_default() += 1);
    })?;
    if output.json {
        out::json(&stats)?;
        return Ok(0);
    }
    let period =
        stats.from.zip(stats.to).map(|(from, to)| format!(" from {from} to {to}")).unwrap_or_default();
    out::line(&format!("{} verdicts{period}", stats.records));
    let mut table = out::table(&["", "WHICH", "COUNT"]);
    for (what, counts) in
        [("decision", stats.decisions), ("door", stats.doors), ("rwenv", stats.rwenvs), ("rule", stats.rules)]
    {
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        for (which, count) in counts {
            table.add_row([what.to_owned(), which, count.to_string()]);
        }
    }
    out::print(&table);
    Ok(0)
}
