//! Secrets in texts that stand in other texts: configuration in a ConfigMap, values in a block of text, files of variables.

use super::sink::{SecretSink, Trust};
use super::stand_in::assigned;
use crate::manifest::yaml::{At, Value, parse_from, start_of};

/// Deepest that texts stand in texts.
const DEEPEST: usize = 4;

/// Looks through a text that stands in a file: `at` is the place of its first line that is not blank.
pub(super) fn in_text(text: &str, at: At, depth: usize, sink: &mut SecretSink<'_>) {
    if depth > DEEPEST || text.len() < 8 {
        return;
    }
    let several = text.trim().contains('\n');
    if several || text.trim_start().starts_with('{') {
        let parsed = parse_from(text, At { column: 0, ..start_of(text, at) });
        let structured = |value: &Value| matches!(value, Value::Map(_) | Value::List(_));
        let all = !parsed.documents.is_empty()
            && parsed.documents.iter().all(|document| structured(&document.resolved().value));
        if parsed.problems.is_empty() && all {
            for document in &parsed.documents {
                (sink.document)(document, Trust::Values, depth + 1, sink);
            }
            return;
        }
    }
    if several || text.contains([';', '=']) {
        lines(text, At { line: start_of(text, at).line, ..at }, sink);
    }
}

/// Looks through lines that assign; `before` is the place of the line before the first.
pub(super) fn lines(text: &str, before: At, sink: &mut SecretSink<'_>) {
    let trust = if is_configuration(text) { Trust::Values } else { Trust::Texts };
    for (number, line) in text.lines().enumerate() {
        let line_at = u32::try_from(number + 1).unwrap_or(u32::MAX).saturating_add(before.line);
        let at = At { file: before.file, line: line_at, column: before.column.max(1) };
        let trimmed = line.trim();
        let bare = trimmed.trim_start_matches(['#', '/', ';', '-']).trim_start();
        let trust = if is_comment(trimmed) { Trust::Texts } else { trust };
        let parts = bare.split([';', '&', '?', ' ', ',']).filter(|part| part.contains('=') && *part != bare);
        let found = sink.found.len();
        for (part, trust) in std::iter::once((bare, trust)).chain(parts.map(|part| (part, Trust::Texts))) {
            if let Some((name, value)) = assigned(part)
                && sink.found.len() == found
            {
                sink.named(name, value, at, trust);
            }
        }
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with(['#', ';']) || line.starts_with("//")
}

/// True where nearly every line assigns a value, opens a section or is a comment.
fn is_configuration(text: &str) -> bool {
    let all = text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_comment(line));
    let (mut count, mut fitting) = (0, 0);
    for line in all {
        count += 1;
        let section = line.starts_with('[') && line.ends_with(']');
        fitting += usize::from(section || matches!(line, "{" | "}") || assigned(line).is_some());
    }
    fitting * 10 >= count * 9
}
