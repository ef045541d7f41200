//! `$'…'` and backslashes: text as bash makes it of its quoted forms.

use std::borrow::Cow;

/// Decodes the inside of `$'…'` (bash manual, "ANSI-C Quoting"); bytes that are no UTF-8 are replaced.
pub(super) fn ansi_c(raw: &str) -> String {
    let mut out: Vec<u8> = Vec::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let Some(escape) = chars.next() else {
            out.push(b'\\');
            break;
        };
        match escape {
            'a' => out.push(7),
            'b' => out.push(8),
            'e' | 'E' => out.push(27),
            'f' => out.push(12),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'v' => out.push(11),
            '\\' | '\'' | '"' | '?' => out.extend_from_slice(escape.encode_utf8(&mut [0; 4]).as_bytes()),
            'x' => number(&mut chars, 16, 2, 'x', &mut out),
            'u' => number(&mut chars, 16, 4, 'u', &mut out),
            'U' => number(&mut chars, 16, 8, 'U', &mut out),
            '0'..='7' => octal(escape, &mut chars, &mut out),
            'c' => {
                if let Some(control) = chars.next() {
                    out.push((control.to_ascii_uppercase() as u32 as u8) & 0x1f);
                }
            }
            other => {
                out.push(b'\\');
                out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        // bash ends the string at a NUL.
        if out.last() == Some(&0) {
            out.pop();
            break;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn number(chars: &mut Chars<'_>, radix: u32, most: usize, letter: char, out: &mut Vec<u8>) {
    let unicode = letter != 'x';
    let mut value: u32 = 0;
    let mut digits = 0;
    while digits < most {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix)) else { break };
        value = value.wrapping_mul(radix).wrapping_add(digit);
        digits += 1;
        chars.next();
    }
    if digits == 0 {
        out.push(b'\\');
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    } else if unicode {
        let c = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        out.push(value as u8);
    }
}

fn octal(first: char, chars: &mut Chars<'_>, out: &mut Vec<u8>) {
    let mut value = first.to_digit(8).unwrap_or_default();
    for _ in 0..2 {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
        value = value * 8 + digit;
        chars.next();
    }
    out.push(value as u8);
}

/// Decodes what `echo -e` and `%b` read: as `$'…'`, with octal digits behind `\0`, and `\c` for the end of all output.
pub(super) fn echoed(raw: &str) -> (String, bool) {
    let mut written = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, behind)) = rest.split_once('\\') {
        written.push_str(before);
        written.push('\\');
        match behind.chars().next() {
            Some('c') => {
                written.pop();
                return (ansi_c(&written), true);
            }
            Some('0') => {
                let digits = behind.bytes().skip(1).take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
                let (digits, behind) = behind.split_at(1 + digits);
                written.push_str(if digits.len() > 1 { digits.get(1..).unwrap_or_default() } else { digits });
                rest = behind;
            }
            Some(escape) => {
                written.push(escape);
                rest = behind.get(escape.len_utf8()..).unwrap_or_default();
            }
            None => rest = "",
        }
    }
    written.push_str(rest);
    (ansi_c(&written), false)
}

/// The word behind an operator inside of double quotes, where an apostrophe quotes nothing: escaped for a parser that thinks it does.
/// Those in a substitution are code's own.
pub(super) fn literal_apostrophes(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\'') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len() + 4);
    let (mut depth, mut backquoted, mut quoted, mut escaped) = (0_u32, false, false, false);
    let mut before = ' ';
    for c in raw.chars() {
        let code = depth > 0 || backquoted;
        match c {
            _ if escaped => {}
            '(' if before == '$' || depth > 0 => depth += 1,
            ')' if depth > 0 => depth -= 1,
            '`' => backquoted = !backquoted,
            '"' if !code => quoted = !quoted,
            '\'' if !code && !quoted => out.push('\\'),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        before = c;
        out.push(c);
    }
    Cow::Owned(out)
}

/// A word that bash reads back as exactly this text.
pub(super) fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_every_escape() {
        assert_eq!(ansi_c(r"\x6b\x75\x62\x65ctl"), "kubectl");
        assert_eq!(ansi_c(r"\153ubectl"), "kubectl");
        assert_eq!(ansi_c(r"\u006bube\U00000063tl"), "kubectl");
        assert_eq!(ansi_c(r"a\tb\n\\\'"), "a\tb\n\\'");
        assert_eq!(ansi_c(r"\q\x"), "\\q\\x");
        assert_eq!(ansi_c(r"a\0b"), "a");
        assert_eq!(ansi_c(r"\cA"), "\u{1}");
        assert_eq!(echoed(r"\0153ubectl \x64elete"), ("kubectl delete".to_owned(), false));
        assert_eq!(echoed(r"a\nb\cz"), ("a\nb".to_owned(), true));
    }

    #[test]
    fn apostrophes_in_double_quotes_quote_nothing() {
        assert_eq!(literal_apostrophes("'a'"), r"\'a\'");
        assert_eq!(literal_apostrophes("$(echo 'a')'"), r"$(echo 'a')\'");
        assert_eq!(literal_apostrophes("a"), "a");
    }
}
