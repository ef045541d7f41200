//! Findings that somebody accepts, by a mark in the file: `# rwenv: allow RULE reason`, on the line that is found or in the comments
//! above it. A mark without a reason counts for nothing.

use std::borrow::Cow;

use super::finding::Finding;

/// How a mark begins, behind the sign of a comment.
const MARK: &str = "rwenv: allow ";

/// A finding that counts no more, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct AcceptedFinding {
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why it is accepted, in the words of who did it.
    pub reason: String,
    /// Who accepted it; none where a mark in the file does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The last day on which it is accepted, `2026-12-31`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Parts the findings that marks accept from the others.
pub(super) fn by_marks<'t>(
    findings: Vec<Finding>,
    text_of: impl Fn(&str) -> Option<Cow<'t, str>>,
) -> (Vec<Finding>, Vec<AcceptedFinding>) {
    let (mut open, mut accepted) = (Vec::new(), Vec::new());
    for finding in findings {
        let text = text_of(&finding.path);
        match text.and_then(|text| reason(&text, finding.line, finding.rule).map(str::to_owned)) {
            Some(reason) => {
                accepted.push(AcceptedFinding { finding, reason, by: None, until: None });
            }
            None => open.push(finding),
        }
    }
    (open, accepted)
}

/// The reason of a mark for this rule at a line, from 1.
fn reason<'t>(text: &'t str, line: u32, rule: &str) -> Option<&'t str> {
    if !text.contains(MARK) {
        return None;
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut at = usize::try_from(line).ok()?.checked_sub(1)?;
    let own = marked(lines.get(at)?, rule);
    if own.is_some() {
        return own;
    }
    // A comment cannot stand within a block of text: the line that opens the block stands for its first.
    if let Some(before) = at.checked_sub(1)
        && lines.get(before).is_some_and(|line| opens_block(line))
    {
        at = before;
        let own = marked(lines.get(at)?, rule);
        if own.is_some() {
            return own;
        }
    }
    let above = lines.get(..at)?.iter().rev().take_while(|line| line.trim_start().starts_with('#'));
    above.filter_map(|line| marked(line, rule)).next()
}

/// The reason that a line's mark gives for this rule.
fn marked<'t>(line: &'t str, rule: &str) -> Option<&'t str> {
    let comment = line.split_once('#')?.1;
    let (_, mark) = comment.split_once(MARK)?;
    let (named, reason) = mark.trim_start().split_once(' ')?;
    let reason = reason.trim();
    (named == rule && !reason.is_empty()).then_some(reason)
}

fn opens_block(line: &str) -> bool {
    let value = line.split_once(" #").map_or(line, |(value, _)| value).trim_end();
    let value = value.trim_end_matches(['-', '+']);
    value.ends_with(['|', '>'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_counts_for_its_rule_at_its_place_with_a_reason() {
        let rule = "secret.hard-coded";
        let at = |text: &str, line: u32| reason(text, line, rule).map(str::to_owned);
        let mark = "# rwenv: allow secret.hard-coded a public demo";
        for (text, line) in [
            (format!("a: 1\npassword: hunter2 {mark}\n"), 2),
            (format!("{mark}\npassword: hunter2\n"), 1),
            (format!("{mark}\npassword: hunter2\n"), 2),
            (format!("a:\n  # more\n  {mark}\n  # and more\n  password: hunter2\n"), 5),
            (format!("{mark}\nkey: |\n  hunter2\n"), 3),
            (format!("key: |- {mark}\n  hunter2\n"), 2),
        ] {
            assert_eq!(at(&text, line).as_deref(), Some("a public demo"), "{text}");
        }
        for (text, line) in [
            (format!("a: b {mark}\npassword: hunter2\n"), 2),
            (format!("{mark}\n\npassword: hunter2\n"), 3),
            ("password: hunter2 # rwenv: allow secret.hard-coded\n".to_owned(), 1),
            ("password: hunter2 # rwenv: allow secret.hard-coded  \n".to_owned(), 1),
            ("password: hunter2 # rwenv: allow secret.unencrypted a demo\n".to_owned(), 1),
            ("password: hunter2 # rwenv: allow secret a demo\n".to_owned(), 1),
            ("password: rwenv: allow secret.hard-coded a demo\n".to_owned(), 1),
            (format!("password: hunter2\n{mark}\n"), 1),
        ] {
            assert_eq!(at(&text, line), None, "{text}");
        }
    }
}
