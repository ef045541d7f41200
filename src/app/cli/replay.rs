//! `rwenv audit replay`: what would have been decided about what an agent ran before, without running any of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::out;
use super::shared::{InDir, directory};
use crate::ops::transcript;
use rwenv_core::model::Decision;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::doors::replay;

/// Longest command that a row of the table shows, in characters.
const WIDEST: usize = 80;

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    at: InDir,
    /// Judge as if this rwenv were selected
    #[arg(long, value_name = "NAME")]
    rwenv: Option<String>,
    /// Transcripts of Claude Code or Codex, folders of them, or files with a command per line, such as a shell's history
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// How often one rule would have spoken.
#[derive(Debug, Serialize)]
struct RuleCount {
    rule: String,
    decision: Decision,
    count: usize,
    /// The first call it spoke about.
    example: String,
}

#[derive(Debug, Default, Serialize)]
struct Replayed {
    /// Calls that were judged.
    calls: usize,
    asked: usize,
    denied: usize,
    /// Calls that the hook would have refused because it does not understand them.
    unread: usize,
    rules: Vec<RuleCount>,
}

pub(super) fn run(args: &ReplayArgs, environment: &Environment) -> anyhow::Result<u8> {
    let mut environment = environment.clone();
    if let Some(name) = &args.rwenv {
        environment.rwenv = Some(name.clone());
    }
    let here = directory(args.at.dir.as_deref()).display().to_string();
    let mut seen = Replayed::default();
    let mut rules: BTreeMap<(Decision, String), (usize, String)> = BTreeMap::new();
    for file in &args.files {
        for call in transcript::calls(&directory(Some(file)))? {
            let cwd = if args.at.dir.is_some() { &here } else { call.cwd.as_ref().unwrap_or(&here) };
            let past = match replay::weigh(&call.tool, &call.input, cwd, &environment) {
                Ok(Some(past)) => past,
                Ok(None) => continue,
                Err(_) => {
                    seen.calls += 1;
                    seen.unread += 1;
                    continue;
                }
            };
            seen.calls += 1;
            match past.verdict.decision() {
                Decision::Allow => continue,
                Decision::Ask => seen.asked += 1,
                Decision::Deny => seen.denied += 1,
            }
            if let Some(first) = past.verdict.reasons().first() {
                let counted = rules.entry((first.decision, first.rule.clone()));
                counted.or_insert_with(|| (0, past.command.clone())).0 += 1;
            }
        }
    }
    let count = |((decision, rule), (count, example))| RuleCount { rule, decision, count, example };
    seen.rules = rules.into_iter().map(count).collect();
    seen.rules.sort_by(|a, b| b.decision.cmp(&a.decision).then(b.count.cmp(&a.count)));
    if args.at.output.json {
        out::json(&seen)?;
    } else {
        print(&seen);
    }
    Ok(0)
}

fn print(seen: &Replayed) {
    let times = |n: usize| if n == 1 { "once".to_owned() } else { format!("{n} times") };
    let Replayed { calls, asked, denied, unread, rules } = seen;
    out::line(&format!("{calls} calls: you would have been asked {}, {denied} denied", times(*asked)));
    if *unread > 0 {
        out::line(&format!("{unread} calls are not understood and would have been denied"));
    }
    if rules.is_empty() {
        return;
    }
    let mut table = out::table(&["COUNT", "DECISION", "RULE", "FIRST"]);
    for rule in rules {
        let mut example = rule.example.replace('\n', "⏎");
        if let Some((at, _)) = example.char_indices().nth(WIDEST) {
            example.truncate(at);
            example.push('…');
        }
        table.add_row([
            comfy_table::Cell::new(rule.count),
            out::decision(rule.decision),
            comfy_table::Cell::new(&rule.rule),
            comfy_table::Cell::new(example),
        ]);
    }
    out::print(&table);
    out::note("judged by the files, the clones and the selection there are now");
}
