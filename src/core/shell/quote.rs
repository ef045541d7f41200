//! `$'…'` and backslashes: text as bash makes it of its quoted forms.

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
    }
}
