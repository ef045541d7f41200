//! Where a line and a column are among the bytes of a text.

use rwenv_core::manifest::yaml::At;

/// The byte a place is at.
pub(super) fn offset(text: &str, at: At) -> Option<usize> {
    let mut start = 0;
    for _ in 1..at.line {
        start += text.get(start..)?.find('\n')? + 1;
    }
    // A mark of the byte order is no character of the first line.
    let rest = text.get(start..)?;
    let skipped = if start == 0 && rest.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let column = usize::try_from(at.column).ok()?.checked_sub(1)?;
    let line = rest.get(skipped..)?.lines().next().unwrap_or_default();
    let (inside, _) = line.char_indices().nth(column).unwrap_or((line.len(), ' '));
    Some(start + skipped + inside)
}
