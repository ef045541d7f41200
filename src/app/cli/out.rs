//! Words, tables and JSON on standard output; what goes wrong on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use super::fitted;
use super::format::{self, Format};
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use rwenv_core::model::Decision;
use rwenv_flux::operate::WaitProgress;
use rwenv_gate::base::{clock, environment};
use rwenv_gate::standing::Lapse;

/// True where colours are wanted: a terminal, and neither `NO_COLOR` nor a dumb one (no-color.org).
pub(super) fn colours() -> bool {
    let forced = environment::var("CLICOLOR_FORCE").is_some_and(|v| v != "0");
    environment::var("NO_COLOR").is_none()
        && (forced
            || (std::io::stdout().is_terminal() && environment::var("TERM").is_none_or(|t| t != "dumb")))
}

/// True where progress is shown: a person looks at standard error.
pub(super) fn progresses() -> bool {
    std::io::stderr().is_terminal() && environment::var("TERM").is_none_or(|t| t != "dumb")
}

/// How long a time since 1970 is past, in one unit.
pub(super) fn ago(then: Duration) -> String {
    let seconds = clock::now().saturating_sub(then).as_secs();
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Prints a line. A reader that went away is no error.
pub(super) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The same; says whether somebody still reads.
pub(super) fn try_line(text: &str) -> bool {
    writeln!(std::io::stdout(), "{text}").is_ok()
}

/// Prints a record of the log as it is, or in the format that was asked for.
pub(super) fn record(text: &str) -> anyhow::Result<()> {
    match format::asked() {
        None | Some(Format::Json | Format::Wide) => line(text),
        Some(_) => line(&format!("---\n{}", format::rendered(&serde_json::from_str(text)?)?)),
    }
    Ok(())
}

/// Prints one of many values for programs, as JSON on one line; says whether somebody still reads.
pub(super) fn json_line(value: &impl serde::Serialize) -> bool {
    let text = match format::asked() {
        Some(Format::Yaml) => serde_json::to_value(value)
            .ok()
            .and_then(|value| format::rendered(&value).ok())
            .map(|text| format!("---\n{text}")),
        _ => serde_json::to_string(value).ok(),
    };
    text.is_some_and(|text| try_line(&text))
}

/// Prints a value for programs: as JSON, or in the format that was asked for.
pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = match format::asked() {
        None | Some(Format::Json) => serde_json::to_string_pretty(value)?,
        _ => format::rendered(&serde_json::to_value(value)?)?,
    };
    if !text.is_empty() {
        line(&text);
    }
    Ok(())
}

/// Prints an error with its causes.
pub(super) fn error(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "rwenv: {error:#}");
}

/// Says something beside the result.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says in one line what of the guard is off, with what mends it.
pub(super) fn off(lapses: &[Lapse]) {
    let Some(first) = lapses.first() else { return };
    let more = match lapses.len() - 1 {
        0 => String::new(),
        n => format!(" (and {n} more: rwenv doctor)"),
    };
    let line = format!("warning: {} → {}{more}", first.says, first.fix);
    let coloured = std::io::stderr().is_terminal() && environment::var("NO_COLOR").is_none();
    note(&if coloured { format!("\x1b[31m{line}\x1b[0m") } else { line });
}

/// Says something that nobody should miss: in red, where colours are seen.
pub(super) fn alert(text: &str) {
    let red = progresses() && environment::var("NO_COLOR").is_none();
    note(&if red { format!("\u{1b}[1;31m{text}\u{1b}[0m") } else { text.to_owned() });
}

/// The time of day of a second since 1970, as the clocks here show it now.
pub(super) fn local_time(seconds: u64) -> String {
    // git writes the offset of the place into every signature.
    let offset = git2::Signature::now("rwenv", "rwenv").map_or(0, |now| now.when().offset_minutes());
    let minutes = i64::try_from(seconds / 60).unwrap_or_default() + i64::from(offset);
    let of_day = minutes.rem_euclid(24 * 60);
    format!("{:02}:{:02}", of_day / 60, of_day % 60)
}

/// Shows what goes on: what was done as lines, what is waited for as one that changes, where somebody looks.
pub(super) fn with_progress<T>(what: impl FnOnce(&mut dyn FnMut(WaitProgress)) -> T) -> T {
    let target = if progresses() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    // How long it will take nobody knows: what is waited for, and since when.
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    let result = what(&mut |progress| match progress {
        WaitProgress::Done(text) => bar.suspend(|| note(&text)),
        WaitProgress::Waiting(text) => {
            bar.set_message(text);
            bar.enable_steady_tick(Duration::from_millis(120));
        }
    });
    bar.finish_and_clear();
    result
}

/// A table without headings, as wide as the terminal.
pub(super) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    // Without colours it no longer asks the terminal, whose width still counts.
    if let Some(width) = table.width() {
        table.set_width(width);
    }
    if colours() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

/// A table with these headings, as wide as the terminal; in a pipe as wide as it needs.
pub(super) fn table(headings: &[&str]) -> Table {
    let mut table = plain_table();
    if !std::io::stdout().is_terminal() || format::asked() == Some(Format::Wide) {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    if headings.is_empty() {
        return table;
    }
    table.set_header(headings.iter().map(|h| Cell::new(h).add_attribute(Attribute::Bold)));
    table
}

/// Prints sentences, broken between words where a terminal would break them within one.
pub(super) fn prose(text: &str) {
    let width = if std::io::stdout().is_terminal() { plain_table().width() } else { None };
    match width {
        Some(width) => fitted::wrapped(text, width.into()).iter().for_each(|row| line(row)),
        None => line(text),
    }
}

/// Prints a table without the blanks at the ends of its lines.
pub(super) fn print(table: &Table) {
    for row in fitted::fitted(table).to_string().lines() {
        line(row.trim_end());
    }
}

/// What became of a call, in the decision's colour.
pub(super) fn verdict(decision: Decision) -> Cell {
    coloured(
        decision,
        match decision {
            Decision::Allow => "allowed",
            Decision::Ask => "asked",
            Decision::Deny => "denied",
        },
    )
}

/// A decision, in its colour.
pub(super) fn decision(decision: Decision) -> Cell {
    coloured(decision, decision.as_str())
}

fn coloured(decision: Decision, text: &str) -> Cell {
    let colour = match decision {
        Decision::Allow => Color::DarkGreen,
        Decision::Ask => Color::DarkYellow,
        Decision::Deny => Color::DarkRed,
    };
    Cell::new(text).fg(colour).add_attribute(Attribute::Bold)
}

/// A number and what is counted: "1 file", "2 files".
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
