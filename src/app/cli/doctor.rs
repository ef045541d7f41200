//! `rwenv doctor`: whether the guard stands, one line each, with what to do where it does not.

use clap::Args;
use comfy_table::{Cell, Color};

use super::out;
use super::shared::Output;
use crate::ops::bundle;
use crate::ops::check::{Check, CheckState};
use crate::ops::doctor::{LogPart, examine};
use rwenv_gate::base::environment::Environment;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Do not contact clusters or Git hosts
    #[arg(long)]
    offline: bool,
    /// Show what is fine as well, and check the whole audit log
    #[arg(long)]
    all: bool,
    /// Write a file for a bug report, without secrets
    #[arg(long, conflicts_with = "json")]
    bundle: bool,
    #[command(flatten)]
    output: Output,
}

pub(super) fn doctor(args: &Doctor, environment: &Environment) -> anyhow::Result<u8> {
    let all = examine(args.offline, if args.all { LogPart::Whole } else { LogPart::Newest }, environment);
    if args.bundle {
        let path = bundle::write(&all, environment)?;
        out::line(&path.display().to_string());
        out::note("known secrets are removed; read the file before you send it");
        return Ok(0);
    }
    let worst = all.iter().map(|check| check.state).max().unwrap_or(CheckState::Ok);
    if args.output.json {
        out::json(&all)?;
    } else {
        print(&all, args.all);
    }
    Ok(u8::from(worst == CheckState::Fail))
}

fn print(all: &[Check], fine: bool) {
    let mut table = out::table(&[]);
    for check in all.iter().filter(|check| fine || check.state != CheckState::Ok) {
        let (word, colour) = match check.state {
            CheckState::Ok => ("ok", Color::DarkGreen),
            CheckState::Warn => ("warn", Color::DarkYellow),
            CheckState::Fail => ("FAIL", Color::DarkRed),
        };
        let id = check.rwenv.as_ref().map_or(check.id.to_owned(), |rwenv| format!("{} {rwenv}", check.id));
        let fix = check.fix.as_ref().map(|fix| format!("\n→ {fix}")).unwrap_or_default();
        table.add_row([Cell::new(word).fg(colour), Cell::new(id), Cell::new(format!("{}{fix}", check.says))]);
    }
    if !table.is_empty() {
        out::print(&table);
    }
    let count = |state| all.iter().filter(|check| check.state == state).count();
    let (warn, fail) = (count(CheckState::Warn), count(CheckState::Fail));
    let rest = if fine { "" } else { "; all of them: rwenv doctor --all" };
    out::note(&match (fail, warn) {
        (0, 0) => format!("all is well: {}{rest}", out::count(all.len(), "check")),
        _ => format!("{}: {fail} failed, {warn} with a warning{rest}", out::count(all.len(), "check")),
    });
}
