//! Verdicts in words, for an agent's model and for a person who is asked.

use std::fmt::Write as _;

use crate::model::{Reason, Verdict};

/// Most reasons that are told one by one.
const MOST: usize = 3;

/// The reasons that made the decision: why, the rule, the part of the line, what instead.
#[must_use]
pub fn reasons_text(verdict: &Verdict) -> String {
    let mut told: Vec<&Reason> = Vec::new();
    for reason in verdict.reasons().iter().filter(|r| r.decision == verdict.decision()) {
        if !told.iter().any(|t| (&t.rule, &t.text, &t.part) == (&reason.rule, &reason.text, &reason.part)) {
            told.push(reason);
        }
    }
    let mut out = String::new();
    for reason in told.iter().take(MOST) {
        let _ = writeln!(out, "{} [{}]", escape_and_cut(&reason.text, 600), reason.rule);
        if !reason.part.is_empty() {
            let _ = writeln!(out, "  in: {}", escape_and_cut(&reason.part, 200));
        }
        let _ = writeln!(out, "  instead: {}", escape_and_cut(&reason.instead, 600));
    }
    if told.len() > MOST {
        let _ = writeln!(out, "… and {} more; rwenv check -- '<command>' shows them all.", told.len() - MOST);
    }
    out
}

/// The reasons alone, for a person who decides about them.
#[must_use]
pub fn reasons_for_person(verdict: &Verdict) -> String {
    let mut told: Vec<String> = Vec::new();
    for reason in verdict.reasons().iter().filter(|r| r.decision == verdict.decision()) {
        let line = format!("{} [{}]\n", escape_and_cut(&reason.text, 600), reason.rule);
        if told.len() < MOST && !told.contains(&line) {
            told.push(line);
        }
    }
    told.concat()
}

/// A word as a shell would take it for one.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+~".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Text that may come from anywhere, safe to show: control and invisible characters as escapes, cut to a length.
#[must_use]
pub fn escape_and_cut(text: &str, most: usize) -> String {
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i >= most {
            out.push('…');
            break;
        }
        if c == '\n' {
            out.push_str("\\n");
        } else if c.is_control() || is_invisible(c) {
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters that take no room or turn the reading direction (Unicode's default-ignorable and bidi controls).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
