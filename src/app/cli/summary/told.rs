//! How the values of a report are written, whatever shows it.

use crate::ops::report::{RefusedGroup, Report, ReportFigures, ReportedMachine};
use crate::ops::review::ReviewedGrant;

/// The six figures: what is counted, the count, and what makes it clear.
pub(super) fn figures(figures: &ReportFigures) -> [(&'static str, u64, String); 6] {
    let ReportFigures { judged, stopped, asked, yes, grants, wrong, machines, machines_off } = *figures;
    let share = |part: u64, of: u64| if of == 0 { 0.0 } else { part as f64 * 100.0 / of as f64 };
    let of_stopped = match stopped {
        0 => "of none".to_owned(),
        _ => format!("of {stopped} stopped"),
    };
    [
        ("judged", judged, "commands and requests".to_owned()),
        ("stopped", stopped, format!("{:.1} % of all", share(stopped, judged))),
        ("asked", asked, format!("{yes} got a yes")),
        ("grants", grants, "exceptions by a person".to_owned()),
        ("false stops reported", wrong, of_stopped),
        ("machines with the guard down", machines_off, format!("of {machines}")),
    ]
}

/// The time a report begins and ends, to the minute.
pub(super) fn period(report: &Report) -> (String, String) {
    (minute(&report.since), minute(&report.made))
}

/// How old a machine's policies are.
pub(super) fn policies(machine: &ReportedMachine) -> String {
    match &machine.policies {
        Some(time) => format!("newest policy of {}", minute(time)),
        None => "no policies of its own".to_owned(),
    }
}

/// Who was refused.
pub(super) fn callers(group: &RefusedGroup) -> String {
    group.callers.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// How a grant ended.
pub(super) fn ended(grant: &ReviewedGrant) -> String {
    match grant.ended.as_deref().map(|ended| ended.split_once(' ').unwrap_or((ended, ""))) {
        Some((how, time)) => format!("{how} {}", minute(time)),
        None => "it counts now".to_owned(),
    }
}

/// A time of the log to the minute.
pub(super) fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

/// A text of the log as it may be shown: on one line, with nothing in it that moves a cursor or turns the direction of reading.
pub(in crate::cli) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        match c {
            '\n' => out.push('⏎'),
            '\t' => out.push(' '),
            _ if c.is_control() || turns => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

/// A long text, cut.
pub(super) fn short(text: &str, most: usize) -> String {
    let text = shown(text);
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_or_turns_the_text_is_written_out() {
        assert_eq!(shown("a\nb\tc"), "a⏎b c");
        assert_eq!(shown("\u{1b}[2J\u{202e}x\u{9b}"), "\\u{1b}[2J\\u{202e}x\\u{9b}");
        assert_eq!(short("äöü", 2), "äö…");
    }
}
