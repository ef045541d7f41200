//! `rwenv policy diff`: which recorded commands other policies would decide otherwise.

use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use comfy_table::Cell;

use super::shared::{Output, directory};
use super::{audit, layers, out};
use crate::ops::policy_diff::{self, DecidedBy, DecidedOtherwise, PolicyDifference};
use rwenv_core::model::Rule;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::policies;

/// Longest command that a row of the table shows, in characters.
const WIDEST: usize = 80;

#[derive(Debug, Args)]
pub(super) struct PolicyDiff {
    /// Policies before: a folder or file, `now` for those that count here, `none` for the built-in ones alone
    old: String,
    /// Policies after, written the same way
    new: String,
    /// Replay records since this long ago, or since a time
    #[arg(long, default_value = "30d", value_name = "TIME")]
    since: String,
    #[command(flatten)]
    output: Output,
}

pub(super) fn diff(args: &PolicyDiff, environment: &Environment) -> anyhow::Result<u8> {
    let (old, new) = (rules(&args.old, environment)?, rules(&args.new, environment)?);
    let since = audit::since(&args.since)?;
    let found = policy_diff::difference((&old, &new), &since, environment)?;
    if args.output.json {
        out::json(&found)?;
    } else {
        print(&found, &args.since);
    }
    Ok(0)
}

/// The rules beside the built-in ones that a word stands for.
fn rules(word: &str, environment: &Environment) -> anyhow::Result<Vec<Rule>> {
    match word {
        "none" => Ok(Vec::new()),
        "now" => {
            let loaded = policies::load(&directory(None).display().to_string(), environment);
            if let Some(why) = loaded.problem {
                anyhow::bail!("{why}; rwenv policy lint shows where");
            }
            Ok(loaded.rules.to_vec())
        }
        path => layers::rules(&directory(Some(Path::new(path))))
            .with_context(|| format!("the policies of '{path}'")),
    }
}

fn print(found: &PolicyDifference, since: &str) {
    let PolicyDifference { replayed, lines, without_line, differing } = found;
    let calls: usize = differing.iter().map(|one| one.times).sum();
    if !differing.is_empty() {
        let mut table = out::table(&["COUNT", "OLD", "NEW", "RULE", "RWENV", "COMMAND"]);
        for one in differing {
            table.add_row(row(one));
        }
        out::print(&table);
    }
    out::line(&format!(
        "{} judged again, since {since} ({}): {calls} would be decided otherwise",
        out::count(*replayed, "record"),
        out::count(*lines, "different line")
    ));
    if *without_line > 0 {
        out::note(&format!("{without_line} records have no command line (requests to the API) and were not"));
    }
    out::note("judged by the files, the clones and the selections there are now");
}

fn row(one: &DecidedOtherwise) -> Vec<Cell> {
    let mut command = one.command.replace('\n', "⏎");
    if let Some((at, _)) = command.char_indices().nth(WIDEST) {
        command.truncate(at);
        command.push('…');
    }
    let rule = |by: &DecidedBy| by.rule.clone();
    // The rule that makes the difference: of a stricter answer its own, else the one that is gone.
    let stricter = one.new.decision >= one.old.decision;
    let rule = if stricter { rule(&one.new) } else { rule(&one.old) };
    vec![
        Cell::new(one.times),
        out::decision(one.old.decision),
        out::decision(one.new.decision),
        Cell::new(rule.unwrap_or_default()),
        Cell::new(one.rwenvs.join(", ")),
        Cell::new(command),
    ]
}
