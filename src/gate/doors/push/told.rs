//! What is told of a push that is not sent: short enough for the dialogs of editors.

use rwenv_core::decide::text::escape_and_cut;
use rwenv_core::manifest::Finding;
use rwenv_core::model::Verdict;

/// Most lines of a refusal, warnings and all.
const LINES: usize = 12;
/// Most reasons that are told one by one, and most ways out: what is told stays within twelve lines.
const MOST: (usize, usize) = (7, 3);

/// A refusal, and behind it as many warnings as there is room for: programs that show one line show its first.
pub(super) fn with_warnings(refusal: String, warnings: &[String]) -> String {
    let room = LINES.saturating_sub(refusal.lines().count());
    let shown = if warnings.len() > room { room.saturating_sub(1) } else { warnings.len() };
    let mut text = refusal + &warnings.iter().take(shown).map(String::as_str).collect::<String>();
    if shown < warnings.len() && room > 0 {
        text.push_str(&format!(
            "rwenv:   and {} warnings; rwenv lint shows them all\n",
            warnings.len() - shown
        ));
    }
    text
}

/// Why a push is not sent, or not taken: the first line says it all, since that is what editors show.
pub(super) fn refused(verdict: &Verdict, done: &str) -> String {
    let reasons: Vec<_> = verdict.reasons().iter().filter(|r| r.decision == verdict.decision()).collect();
    let mut text = format!("rwenv: this push is not {done}: ");
    let mut instead: Vec<&str> = Vec::new();
    for (number, reason) in reasons.iter().enumerate() {
        if number < MOST.0 {
            let start = if number == 0 { "" } else { "rwenv:   and: " };
            text.push_str(&format!("{start}{} [{}]\n", escape_and_cut(&reason.text, 600), reason.rule));
        }
        if !instead.contains(&reason.instead.as_str()) {
            instead.push(&reason.instead);
        }
    }
    if reasons.len() > MOST.0 {
        text.push_str(&format!("rwenv:   and {} more; rwenv lint shows them all\n", reasons.len() - MOST.0));
    }
    for line in instead.into_iter().take(MOST.1) {
        text.push_str(&format!("rwenv:   instead: {}\n", escape_and_cut(line, 600)));
    }
    text
}

pub(super) fn line_of(finding: &Finding) -> String {
    format!("{}:{}:{}: {} [{}]", finding.path, finding.line, finding.column, finding.message, finding.rule)
}
