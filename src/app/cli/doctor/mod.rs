//! `rwenv doctor`: whether the guard stands, one line each, with what to do where it does not.

mod bundle;
mod custody;
mod machine;

use clap::Args;
use comfy_table::{Cell, Color};
use serde::Serialize;

use super::args::Output;
use super::out;
use rwenv_gate::base::environment::Environment;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Do not contact clusters or Git hosts
    #[arg(long)]
    offline: bool,
    /// Write a file for a bug report, without secrets
    #[arg(long, conflicts_with = "json")]
    bundle: bool,
    #[command(flatten)]
    output: Output,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Warn,
    /// The guard does not stand here.
    Fail,
}

/// One line of the doctor's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    /// What is looked at, the same in every run.
    id: &'static str,
    /// The rwenv it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    rwenv: Option<String>,
    state: State,
    /// What was found.
    says: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    /// What read-only means here (C0 to C3), where that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
}

impl Check {
    fn ok(id: &'static str, says: impl Into<String>) -> Self {
        Self { id, rwenv: None, state: State::Ok, says: says.into(), fix: None, level: None }
    }

    fn warn(id: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Warn, fix: Some(fix.into()), ..Self::ok(id, says) }
    }

    fn fail(id: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Fail, fix: Some(fix.into()), ..Self::ok(id, says) }
    }

    fn about(self, rwenv: &str) -> Self {
        Self { rwenv: Some(rwenv.to_owned()), ..self }
    }
}

/// Everything that is looked at.
fn examine(offline: bool, environment: &Environment) -> Vec<Check> {
    let mut all = machine::examine(environment);
    all.extend(custody::examine(offline, environment));
    all
}

pub(super) fn doctor(args: &Doctor, environment: &Environment) -> anyhow::Result<u8> {
    let all = examine(args.offline, environment);
    if args.bundle {
        let path = bundle::write(&all, environment)?;
        out::line(&path.display().to_string());
        out::note("known secrets are removed; read the file before you send it");
        return Ok(0);
    }
    let worst = all.iter().map(|check| check.state).max().unwrap_or(State::Ok);
    if args.output.json {
        out::json(&all)?;
    } else {
        print(&all);
    }
    Ok(u8::from(worst == State::Fail))
}

fn print(all: &[Check]) {
    let mut table = out::table(&[]);
    for check in all {
        let (word, colour) = match check.state {
            State::Ok => ("ok", Color::Green),
            State::Warn => ("warn", Color::Yellow),
            State::Fail => ("FAIL", Color::Red),
        };
        let id = check.rwenv.as_ref().map_or(check.id.to_owned(), |rwenv| format!("{} {rwenv}", check.id));
        let fix = check.fix.as_ref().map(|fix| format!("\n→ {fix}")).unwrap_or_default();
        table.add_row([Cell::new(word).fg(colour), Cell::new(id), Cell::new(format!("{}{fix}", check.says))]);
    }
    out::print(&table);
    let count = |state| all.iter().filter(|check| check.state == state).count();
    let (warn, fail) = (count(State::Warn), count(State::Fail));
    out::note(&format!("{} checks: {fail} failed, {warn} with a warning", all.len()));
}
