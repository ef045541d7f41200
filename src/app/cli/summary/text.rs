//! The report in short for a terminal, and whole as Markdown.

use std::fmt::Write as _;

use comfy_table::{Attribute, Cell, Color};

use super::super::out;
use super::told::{callers, ended, figures, minute, period, policies, short, shown};
use crate::ops::check::CheckState;
use crate::ops::report::{RefusedGroup, Report, ReportedException, ReportedMachine, ReportedRwenv};

/// Groups and tasks that the terminal shows.
const FEW: usize = 6;
/// Longest line of a log that the terminal shows, in characters.
const WIDE: usize = 90;

/// The figures, what was refused most, and what to do.
pub(super) fn brief(report: &Report) {
    let (since, made) = period(report);
    let only = report.rwenv.as_ref().map(|name| format!(", rwenv {name}")).unwrap_or_default();
    out::line(&format!("{since} to {made} UTC{only}"));
    let mut table = out::table(&[]);
    for (what, count, more) in figures(&report.figures) {
        table.add_row([
            Cell::new(count).add_attribute(Attribute::Bold).set_alignment(comfy_table::CellAlignment::Right),
            Cell::new(what),
            Cell::new(more).fg(Color::DarkGrey),
        ]);
    }
    out::print(&table);
    if !report.refused.is_empty() {
        let mut table = out::table(&["TIMES", "RWENV", "RULE", "NEXT", "MOST OFTEN"]);
        for group in report.refused.iter().take(FEW) {
            let next = group.next.first().map(|(step, _)| step.as_words()).unwrap_or_default();
            let line = group.lines.first().map(|line| short(&line.command, WIDE)).unwrap_or_default();
            let name = group.rwenv.clone().unwrap_or_else(|| "-".to_owned());
            table.add_row([group.times().to_string(), name, group.rule.clone(), next.to_owned(), line]);
        }
        out::line("");
        out::print(&table);
    }
    out::line("");
    for (at, task) in report.week.iter().take(FEW).enumerate() {
        out::prose(&format!("{}. {} → {}", at + 1, shown(&task.why), shown(task.what())));
    }
    if report.week.is_empty() {
        out::line("nothing to do this week");
    }
    out::note("All of it: rwenv report --html FILE, or --md");
}

/// All of it.
pub(super) fn markdown(report: &Report) -> String {
    let mut out = String::new();
    let (since, made) = period(report);
    let only = report.rwenv.as_ref().map(|name| format!(", rwenv {}", plain(name))).unwrap_or_default();
    let _ = writeln!(out, "# Agents and environments\n\n{since} to {made} UTC{only}\n");
    let _ = writeln!(out, "| | | |\n| ---: | --- | --- |");
    for (what, count, more) in figures(&report.figures) {
        let _ = writeln!(out, "| **{count}** | {what} | {more} |");
    }
    let _ = writeln!(out, "\n## Do this week\n");
    for task in &report.week {
        let _ = writeln!(out, "1. {}: {}", plain(&task.why), code(task.what()));
    }
    empty(&mut out, report.week.is_empty(), "Nothing.");
    let _ = writeln!(out, "\n## What agents wanted and did not get\n");
    report.refused.iter().for_each(|group| refused(&mut out, group));
    empty(&mut out, report.refused.is_empty(), "Nothing was refused.");
    let _ = writeln!(out, "\n## Exceptions\n");
    report.exceptions.iter().for_each(|exception| exceptional(&mut out, exception));
    empty(&mut out, report.exceptions.is_empty(), "No grant was made.");
    let _ = writeln!(out, "\n## Is the guard on\n");
    report.machines.iter().for_each(|machine| machines(&mut out, machine));
    let _ = writeln!(out, "\n## Environments\n");
    report.environments.iter().for_each(|rwenv| environments(&mut out, rwenv));
    empty(&mut out, report.environments.is_empty(), "None is configured here.");
    out
}

fn empty(out: &mut String, is_empty: bool, text: &str) {
    if is_empty {
        let _ = writeln!(out, "{text}");
    }
}

fn refused(out: &mut String, group: &RefusedGroup) {
    let name = group.rwenv.as_deref().unwrap_or("no rwenv");
    let (denied, asked) = (group.denied, group.asked);
    let by =
        if group.callers.is_empty() { String::new() } else { format!(", by {}", plain(&callers(group))) };
    let _ = writeln!(out, "- **{}**, {}: {denied} denied, {asked} asked{by}", plain(name), code(&group.rule));
    for line in &group.lines {
        let _ = writeln!(out, "  - {} × {}", line.times, code(&line.command));
    }
    let next: Vec<String> =
        group.next.iter().map(|(step, times)| format!("{times} × {}", step.as_words())).collect();
    if !next.is_empty() {
        let _ = writeln!(out, "  - then: {}", next.join(", "));
    }
    if let Some(instead) = &group.instead {
        let _ = writeln!(out, "  - instead: {}", code(instead));
    }
}

fn exceptional(out: &mut String, exception: &ReportedException) {
    let grant = &exception.grant;
    let _ = writeln!(
        out,
        "- {} by {} on {}, {} ({}): {}",
        code(&grant.id),
        plain(&grant.person),
        plain(&exception.machine),
        minute(&grant.made),
        plain(&ended(grant)),
        plain(&grant.what)
    );
    for used in &exception.uses {
        let _ = writeln!(out, "  - {} {}", minute(&used.time), code(&used.command));
    }
    for left in &exception.left {
        let _ = writeln!(out, "  - {}", plain(left));
    }
}

fn machines(out: &mut String, machine: &ReportedMachine) {
    let program = machine.program.as_deref().unwrap_or("unknown");
    let _ = writeln!(out, "- **{}**: build {}, {}", plain(&machine.name), plain(program), policies(machine));
    for door in machine.doors.iter().filter(|door| door.state != CheckState::Ok) {
        let fix = door.fix.as_ref().map(|fix| format!(" → {}", code(fix))).unwrap_or_default();
        let _ = writeln!(out, "  - {}: {}{fix}", plain(&door.name), plain(&door.says));
    }
}

fn environments(out: &mut String, rwenv: &ReportedRwenv) {
    let _ = writeln!(out, "- **{}**, {}: {}", plain(&rwenv.name), rwenv.mode, plain(&rwenv.custody));
    if let Some(branch) = &rwenv.branch {
        let _ = writeln!(out, "  - {}", plain(branch));
    }
    for raise in &rwenv.raise {
        let _ = writeln!(out, "  - raise it: {}", code(raise));
    }
    match &rwenv.unknown {
        Some(why) => {
            let _ = writeln!(out, "  - changes: {}", plain(why));
        }
        None => {
            let _ = writeln!(out, "  - {}", out::count(rwenv.commits, "commit"));
        }
    }
    for commit in &rwenv.changes {
        let _ = writeln!(
            out,
            "    - {} {} {}: {}",
            minute(&commit.time),
            code(&commit.id),
            plain(&commit.author),
            plain(&commit.subject)
        );
    }
}

/// A text in which nothing is Markdown or HTML.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in shown(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

/// A text as code: between more backticks than it has in a row.
fn code(text: &str) -> String {
    let text = shown(text);
    let most = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(most + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_log_is_markdown() {
        assert_eq!(plain("<b>*x*</b> [a](b) #1"), "&lt;b&gt;\\*x\\*&lt;/b&gt; \\[a\\](b) \\#1");
        assert_eq!(code("a `b` ``c``"), "``` a `b` ``c`` ```");
        assert_eq!(code("kubectl get pods"), "`kubectl get pods`");
    }
}
