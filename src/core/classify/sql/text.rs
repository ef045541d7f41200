//! The statements of a text of SQL, as one dialect reads it. What stands in quotes is data, what stands in comments is
//! nothing; dialects differ in which is which, and that is how a change could be hidden.

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SqlDialect {
    /// PostgreSQL (Documentation, 4.1 "Lexical Structure").
    Postgres,
    /// MySQL and MariaDB (Reference Manual, 11.1 "Literal Values", 11.7 "Comments").
    MySql,
}

/// Text that may be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ambiguous;

/// The statements of a text: without comments, and with a mark in the place of what stands in quotes.
pub(super) fn statements(text: &str, dialect: SqlDialect) -> Result<Vec<String>, Ambiguous> {
    let mut all = vec![String::new()];
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let skipped = match dialect {
            SqlDialect::Postgres => postgres(rest, before)?,
            SqlDialect::MySql => mysql(rest),
        };
        if let Some(length) = skipped {
            all.last_mut().into_iter().for_each(|last| last.push_str(" ' "));
            rest = rest.get(length..).unwrap_or_default();
            before = ' ';
            continue;
        }
        // A command of the client's own ends with its line.
        let ends =
            c == ';' || (c == '\n' && all.last().is_some_and(|last| last.trim_start().starts_with('\\')));
        // `\G` and `\g` send a statement, as `;` does.
        if dialect == SqlDialect::MySql && (rest.starts_with("\\G") || rest.starts_with("\\g")) {
            all.push(String::new());
            before = ' ';
            rest = rest.get(2..).unwrap_or_default();
            continue;
        }
        if ends {
            all.push(String::new());
        } else {
            all.last_mut().into_iter().for_each(|last| last.push(c));
        }
        before = c;
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    all.retain(|statement| !statement.trim().is_empty());
    Ok(all)
}

fn line(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// The length of the comment or the quoted text at the beginning.
fn postgres(text: &str, before: char) -> Result<Option<usize>, Ambiguous> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    Ok(match text.chars().next() {
        Some('-') if text.starts_with("--") => Some(line(text)),
        Some('/') if text.starts_with("/*") => Some(nested(text)),
        Some('\'') => {
            let escapes = matches!(before, 'e' | 'E');
            // Before `standard_conforming_strings`, and behind an `e` that ends a name, a backslash may escape or not.
            if has_escaped_end(text) && !escapes {
                return Err(Ambiguous);
            }
            Some(quoted(text, '\'', escapes))
        }
        Some('"') => Some(quoted(text, '"', false)),
        Some('$') if !is_name(before) => dollar(text),
        _ => None,
    })
}

fn mysql(text: &str) -> Option<usize> {
    match text.chars().next()? {
        '#' => Some(line(text)),
        '-' if text.starts_with("--")
            && text.get(2..).is_none_or(|t| t.is_empty() || t.starts_with(char::is_whitespace)) =>
        {
            Some(line(text))
        }
        // What stands in `/*! … */` is run.
        '/' if text.starts_with("/*") && !text.starts_with("/*!") && !text.starts_with("/*M!") => {
            Some(text.find("*/").map_or(text.len(), |end| end + 2))
        }
        quote @ ('\'' | '"') => Some(quoted(text, quote, true)),
        '`' => Some(quoted(text, '`', false)),
        _ => None,
    }
}

/// The length of a quoted text; a doubled quote is one of its letters.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return at + quote.len_utf8(),
            }
        }
    }
    text.len()
}

/// True where a text in quotes ends at another place if backslashes escape.
fn has_escaped_end(text: &str) -> bool {
    quoted(text, '\'', false) != quoted(text, '\'', true)
}

/// `$$ … $$` and `$tag$ … $tag$`.
fn dollar(text: &str) -> Option<usize> {
    let tag = text.get(1..)?.find('$')?;
    let name = text.get(1..=tag)?;
    let is_tag = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_alphanumeric() || c == '_' || !c.is_ascii());
    let sign = text.get(..tag + 2).filter(|_| is_tag)?;
    let body = text.get(sign.len()..)?;
    Some(body.find(sign).map_or(text.len(), |end| end + 2 * sign.len()))
}

/// The length of a comment that may hold others.
fn nested(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth.saturating_sub(1), at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}
