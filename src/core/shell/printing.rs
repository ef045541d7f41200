//! What `echo` and `printf` print, what git prints that asks where it is, and how `read` takes a line apart.

use super::quote;
use crate::model::{Asked, Invocation, Stdin, Word};

/// What a command asks about the place it runs in, if that is all it does.
pub(super) fn asks(invocation: &Invocation) -> Option<Asked> {
    let words: Option<Vec<&str>> = invocation.argv.iter().map(Word::as_literal).collect();
    match words?.as_slice() {
        ["git", "rev-parse", "--show-toplevel"] => Some(Asked::TopLevel),
        ["git", "branch", "--show-current"]
        | ["git", "rev-parse", "--abbrev-ref", "HEAD"]
        | ["git", "symbolic-ref", "--short", "HEAD"] => Some(Asked::CurrentBranch),
        _ => None,
    }
}

/// True where a program prints one word, and always prints one: a time, a number, a name of its own making.
pub(super) fn is_one_word(invocation: &Invocation) -> bool {
    let words: Option<Vec<&str>> = invocation.argv.iter().map(Word::as_literal).collect();
    let Some(words) = words else { return false };
    let format = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:+%".contains(c);
        let spaced = ["%c", "%r", "%x", "%X", "%p", "%P", "%Z", "%n", "%t", "%e", "%k", "%l"];
        text.strip_prefix('+').is_some_and(|text| !text.is_empty() && text.chars().all(plain))
            && !spaced.iter().any(|of| text.contains(of))
    };
    match words.as_slice() {
        ["date", format_of] | ["date", "-u" | "--utc", format_of] => format(format_of),
        ["uuidgen" | "nproc" | "whoami" | "mktemp"]
        | ["id", "-u" | "-g" | "-un" | "-nu"]
        | ["mktemp", "-d"] => true,
        _ => false,
    }
}

/// What an invocation prints, where that stands in the line: `echo`, `printf`, `cat` of a here-document.
#[must_use]
pub fn printed(invocation: &Invocation) -> Option<Word> {
    let words = invocation.argv.get(1..).unwrap_or_default();
    match (invocation.program()?.as_literal()?, &invocation.stdin) {
        ("echo", _) => Some(echo(words, false)),
        ("printf", _) => printf(words),
        ("cat" | "tee", Stdin::Text(text)) => Some(Word::literal(&**text)),
        _ => None,
    }
}

/// `echo`'s output, with bash's `-n`, `-e` and `-E`; `escapes` where it reads escapes without being told.
pub(super) fn echo(words: &[Word], escapes: bool) -> Word {
    let mut newline = true;
    let mut escapes = escapes;
    let mut rest = words;
    while let Some((first, tail)) = rest.split_first() {
        match first.as_literal() {
            Some(flag)
                if flag.len() > 1
                    && flag.starts_with('-')
                    && flag.bytes().skip(1).all(|b| b"neE".contains(&b)) =>
            {
                newline &= !flag.contains('n');
                escapes = flag.bytes().rev().find(|b| *b != b'n').map_or(escapes, |last| last == b'e');
                rest = tail;
            }
            _ => break,
        }
    }
    let mut out = Word::default();
    for (i, word) in rest.iter().enumerate() {
        if i > 0 {
            out.push_text(" ");
        }
        match word.as_literal() {
            Some(text) if escapes => {
                let (text, ends) = quote::echoed(text);
                out.push_text(&text);
                if ends {
                    return out;
                }
            }
            _ => out.push_word(word),
        }
    }
    if newline {
        out.push_text("\n");
    }
    out
}

/// `printf`'s output; none where the format asks for more than is modelled.
pub(super) fn printf(words: &[Word]) -> Option<Word> {
    let words = match words.split_first() {
        Some((first, rest)) if first.as_literal() == Some("--") => rest,
        _ => words,
    };
    let (format, mut args) = words.split_first()?;
    let format = quote::ansi_c(format.as_literal()?);
    let mut out = Word::default();
    for _ in 0..64 {
        let before = args.len();
        args = one_pass(&format, args, &mut out)?;
        if args.is_empty() || args.len() == before {
            return Some(out);
        }
    }
    None
}

/// Runs the format once and says which arguments are left.
fn one_pass<'w>(format: &str, mut args: &'w [Word], out: &mut Word) -> Option<&'w [Word]> {
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push_text(c.encode_utf8(&mut [0; 4]));
            continue;
        }
        let conversion = chars.next()?;
        if conversion == '%' {
            out.push_text("%");
            continue;
        }
        let (word, rest) = match args.split_first() {
            Some((first, rest)) => (first.clone(), rest),
            None => (Word::default(), args),
        };
        args = rest;
        match (conversion, word.as_literal()) {
            ('s', _) => out.push_word(&word.joined()),
            ('b', Some(text)) => out.push_text(&quote::echoed(text).0),
            ('q', Some(text)) => out.push_text(&quote::single(text)),
            ('d' | 'i' | 'u', Some(text)) if text.parse::<i64>().is_ok() => out.push_text(text),
            ('d' | 'i' | 'u', _) => out.push_unknown(false),
            ('c', Some(text)) => out.push_text(text.get(..1)?),
            _ => return None,
        }
    }
    Some(args)
}

/// Splits a line as `read` does into at most `most` fields; the last takes the rest.
pub(super) fn fields(line: &str, ifs: &str, most: usize) -> Vec<String> {
    let blank = |c: char| ifs.contains(c) && c.is_ascii_whitespace();
    let mut rest = line.trim_matches(blank);
    let mut out = Vec::new();
    while !rest.is_empty() {
        if out.len() + 1 == most {
            out.push(rest.to_owned());
            break;
        }
        let end = rest.find(|c| ifs.contains(c)).unwrap_or(rest.len());
        let (field, tail) = rest.split_at(end);
        out.push(field.to_owned());
        let tail = tail.trim_start_matches(blank);
        let mut chars = tail.chars();
        rest = match chars.next() {
            Some(c) if ifs.contains(c) => chars.as_str().trim_start_matches(blank),
            _ => tail,
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printf_repeats_its_format() {
        let words: Vec<Word> = ["%s-%s\\n", "a", "b", "c"].map(Word::literal).to_vec();
        assert_eq!(printf(&words).unwrap().as_literal(), Some("a-b\nc-\n"));
        assert_eq!(printf(&[Word::literal("%*d"), Word::literal("1")]), None);
        assert_eq!(
            printf(&[Word::literal("kube%s"), Word::literal("ctl")]).unwrap().as_literal(),
            Some("kubectl")
        );
    }

    #[test]
    fn read_takes_lines_apart() {
        assert_eq!(fields(" a  b c ", " \t\n", usize::MAX), ["a", "b", "c"]);
        assert_eq!(fields("a b c", " ", 2), ["a", "b c"]);
        assert_eq!(fields("a,b", ",", usize::MAX), ["a", "b"]);
    }
}
