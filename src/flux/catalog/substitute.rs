//! Variables that Flux fills in after a build (`postBuild`): `${name}` and the forms of fluxcd/pkg/envsubst v1.4.0. What has no
//! value is left as it is written and told, where Flux would put nothing: a name that is half empty helps nobody.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;

/// Most variables that are open in one another.
const DEEPEST: usize = 50;

/// Values by variable.
pub type Substitutions = BTreeMap<String, String>;

/// Text that Flux would refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a form that Flux substitutes; write `$${{` for a `${{` that is to stay")]
pub struct Bad(String);

/// Fills in what has a value, and tells what has none.
///
/// # Errors
/// Where Flux would refuse the text.
pub fn substitute<'s>(
    text: &'s str,
    values: &Substitutions,
    unresolved: &mut BTreeSet<String>,
) -> Result<Cow<'s, str>, Bad> {
    if !text.contains('$') {
        return Ok(Cow::Borrowed(text));
    }
    let mut scanner = Scanner { text, at: 0, depth: 0, values, unresolved };
    let mut out = String::with_capacity(text.len());
    while let Some(c) = scanner.next() {
        match c {
            '$' if scanner.takes("$") => out.push('$'),
            '$' if scanner.takes("{") => out.push_str(&scanner.expression()?),
            c => out.push(c),
        }
    }
    Ok(Cow::Owned(out))
}

struct Scanner<'s, 'v> {
    text: &'s str,
    at: usize,
    depth: usize,
    values: &'v Substitutions,
    unresolved: &'v mut BTreeSet<String>,
}

impl<'s> Scanner<'s, '_> {
    fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn takes(&mut self, text: &str) -> bool {
        let there = self.rest().starts_with(text);
        self.at += if there { text.len() } else { 0 };
        there
    }

    fn one_of(&mut self, all: &[&'static str]) -> Option<&'static str> {
        all.iter().find(|text| self.takes(text)).copied()
    }

    fn name(&mut self) -> &'s str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn bad(&self, start: usize) -> Bad {
        let all = self.text.get(start..).unwrap_or_default();
        let line = all.lines().next().unwrap_or_default();
        Bad(line.chars().take(40).collect())
    }

    /// What stands behind `${`, up to its end.
    fn expression(&mut self) -> Result<String, Bad> {
        let start = self.at - 2;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.bad(start));
        }
        let length = self.takes("#");
        let name = self.name();
        if name.is_empty() {
            return Err(self.bad(start));
        }
        let operator = if length { "len" } else { self.operator() };
        let arguments = self.arguments(operator, start)?;
        if !self.takes("}") {
            return Err(self.bad(start));
        }
        self.depth -= 1;
        let value = self.values.get(name);
        let default = matches!(operator, "=" | ":=" | ":-" | ":?" | ":+");
        let written = || self.text.get(start..self.at).unwrap_or_default().to_owned();
        match value {
            None if !default || arguments.is_empty() => {
                self.unresolved.insert(name.to_owned());
                Ok(written())
            }
            value => Ok(apply(operator, value.map_or("", String::as_str), &arguments)),
        }
    }

    fn operator(&mut self) -> &'static str {
        let all = [
            ":=", ":-", ":?", ":+", ":", "=", ",,", ",", "^^", "^", "//", "/#", "/%", "/", "##", "#", "%%",
            "%",
        ];
        self.one_of(&all).unwrap_or_default()
    }

    /// The words of an operator, in an expression that begins at `start`.
    fn arguments(&mut self, operator: &str, start: usize) -> Result<Vec<String>, Bad> {
        let mut all = Vec::new();
        match operator {
            "" | "len" | "," | ",," | "^" | "^^" => {}
            ":" => {
                all.push(self.word(&[':', '}'], false)?);
                if self.takes(":") {
                    all.push(self.word(&['}'], false)?);
                }
            }
            "/" | "//" | "/#" | "/%" => {
                all.push(self.word(&['/'], true)?);
                if !self.takes("/") {
                    return Err(self.bad(start));
                }
                if self.peek() != Some('}') {
                    all.push(self.word(&['}'], true)?);
                }
            }
            "#" | "##" | "%" | "%%" => all.push(self.word(&['}'], false)?),
            _ => {
                while self.peek().is_some_and(|c| c != '}') {
                    all.push(self.word(&['}'], false)?);
                }
            }
        }
        Ok(all)
    }

    /// One word: a variable of its own, or text up to one of these characters or a variable.
    fn word(&mut self, ends: &[char], escapes: bool) -> Result<String, Bad> {
        let start = self.at;
        if self.takes("${") {
            return self.expression();
        }
        let mut out = String::new();
        while let Some(c) = self.peek().filter(|c| !ends.contains(c)) {
            if self.rest().starts_with("${") {
                break;
            }
            self.at += c.len_utf8();
            match self.peek() {
                Some(next)
                    if escapes
                        && ((c == '\\' && matches!(next, '/' | '\\')) || (c == '$' && next == '$')) =>
                {
                    self.at += next.len_utf8();
                    out.push(next);
                }
                _ => out.push(c),
            }
        }
        if out.is_empty() { Err(self.bad(start.saturating_sub(2))) } else { Ok(out) }
    }
}

fn apply(operator: &str, value: &str, words: &[String]) -> String {
    let first = words.first().map_or("", String::as_str);
    let second = words.get(1).map_or("", String::as_str);
    let head = |change: fn(char) -> String| {
        let mut all = value.chars();
        all.next().map(change).unwrap_or_default() + all.as_str()
    };
    match operator {
        "len" => value.len().to_string(),
        "," => head(|c| c.to_lowercase().collect()),
        ",," => value.to_lowercase(),
        "^" => head(|c| c.to_uppercase().collect()),
        "^^" => value.to_uppercase(),
        ":" => slice(value, words),
        "/" => value.replacen(first, second, 1),
        "//" => value.replace(first, second),
        "/#" => value.strip_prefix(first).map_or_else(|| value.to_owned(), |rest| format!("{second}{rest}")),
        "/%" => value.strip_suffix(first).map_or_else(|| value.to_owned(), |rest| format!("{rest}{second}")),
        "#" | "##" => trimmed(value, first, operator).to_owned(),
        "%" | "%%" => trimmed(value, first, operator).to_owned(),
        "" => value.to_owned(),
        _ if value.is_empty() => words.concat(),
        _ => value.to_owned(),
    }
}

/// `${v:start:length}` in bytes; what is no number changes nothing.
fn slice(value: &str, words: &[String]) -> String {
    let number = |at: usize| words.get(at).map(|word| word.parse::<i64>());
    let (Some(Ok(start)), length) = (number(0), number(1)) else { return value.to_owned() };
    let all = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let start = if start < 0 { (all + start).max(0) } else { start.min(all) };
    let end = match length {
        None => all,
        Some(Ok(length)) => (start.saturating_add(length)).clamp(start, all),
        Some(Err(_)) => return value.to_owned(),
    };
    let index = |at: i64| usize::try_from(at).unwrap_or_default();
    let bytes = value.as_bytes().get(index(start)..index(end)).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

/// A value without what a pattern matches at its beginning (`#`) or end (`%`), the longest for a doubled operator.
fn trimmed<'v>(value: &'v str, pattern: &str, operator: &str) -> &'v str {
    let (longest, front) = (operator.len() == 2, operator.starts_with('#'));
    let Some(pattern) = regex(pattern) else { return value };
    let cuts = value.char_indices().map(|(at, _)| at).chain([value.len()]);
    let mut best = value;
    for cut in cuts {
        let Some((head, tail)) = value.split_at_checked(cut) else { continue };
        let (part, rest) = if front { (head, tail) } else { (tail, head) };
        let better = if longest {
            rest.len() < best.len()
        } else {
            rest.len() > best.len() || best.len() == value.len()
        };
        if !part.is_empty() && better && pattern.is_match(part) {
            best = rest;
        }
    }
    best
}

/// A shell pattern as an expression; none where it is none (fluxcd/pkg/envsubst, `path.Match`, where `*` matches slashes).
fn regex(pattern: &str) -> Option<Regex> {
    let mut out = String::from("(?s)^");
    let mut all = pattern.chars();
    while let Some(c) = all.next() {
        match c {
            '*' => out.push_str(".*"),
            '?' => out.push_str("[^/]"),
            '[' => {
                out.push('[');
                loop {
                    match all.next()? {
                        ']' => break,
                        '[' => out.push_str("\\["),
                        c => out.push(c),
                    }
                }
                out.push(']');
            }
            '\\' => out.push_str(&regex_lite::escape(&all.next()?.to_string())),
            c => out.push_str(&regex_lite::escape(&c.to_string())),
        }
    }
    out.push('$');
    Regex::new(&out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, values: &[(&str, &str)]) -> Result<String, Bad> {
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        substitute(text, &values, &mut BTreeSet::new()).map(Cow::into_owned)
    }

    #[test]
    fn every_form_does_what_flux_does() {
        let path = ("v", "/infra/prod/eu.west.yaml");
        for (text, expected) in [
            ("a$v${v:7:4}", "a$vprod"),
            ("${v:7}", "prod/eu.west.yaml"),
            ("${v:-4}", "/infra/prod/eu.west.yaml"),
            ("${v: -4}", "/infra/prod/eu.west.yaml"),
            ("${v:0:0}", ""),
            ("${v:30}", ""),
            ("${#v}", "24"),
            ("${v^^}", "/INFRA/PROD/EU.WEST.YAML"),
            ("${x:-A}${x:=B}${x=C}", "ABC"),
            ("${x:-a${v:7:4}b}", "aprodb"),
            ("$${v} $$ ${v:7:4}", "${v} $ prod"),
            ("${v/\\//-}", "-infra/prod/eu.west.yaml"),
            ("${v//a/o}", "/infro/prod/eu.west.yoml"),
            ("${v//./}", "/infra/prod/euwestyaml"),
            ("${v/#\\/infra/x}", "x/prod/eu.west.yaml"),
            ("${v/%yaml/json}", "/infra/prod/eu.west.json"),
            ("${v##*.}", "yaml"),
            ("${v#*.}", "west.yaml"),
            ("${v%.*}", "/infra/prod/eu.west"),
            ("${v%%.*}", "/infra/prod/eu"),
            ("${v#/[a-j]nf??}", "/prod/eu.west.yaml"),
            ("${v#[}", "/infra/prod/eu.west.yaml"),
            ("{{ x }} $(y) $", "{{ x }} $(y) $"),
        ] {
            assert_eq!(filled(text, &[path]).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(filled("${v^} ${w,}", &[("v", "ab"), ("w", "AB")]).as_deref(), Ok("Ab aB"));
        assert_eq!(filled("${v:-d}", &[("v", "")]).as_deref(), Ok("d"));
    }

    #[test]
    fn what_has_no_value_stays_and_is_told() {
        let mut unresolved = BTreeSet::new();
        let text = substitute("${a}-${b^^}-${c:-d}-${e:-}", &Substitutions::new(), &mut unresolved).unwrap();
        assert_eq!(text, "${a}-${b^^}-d-${e:-}");
        assert_eq!(unresolved, ["a", "b", "e"].map(str::to_owned).into());
    }

    #[test]
    fn what_flux_refuses_is_refused() {
        for text in ["${", "${}", "${a-b}", "${a b}", "${a#}", "${a:}", "${a", "${a:-b", "${{ a }}", "${a/b}"]
        {
            assert!(filled(text, &[("a", "x")]).is_err(), "{text}");
        }
        assert!(filled("${${a}}", &[("a", "x")]).is_err());
        let deep = format!("{}x{}", "${a:-".repeat(100_000), "}".repeat(100_000));
        assert!(filled(&deep, &[]).is_err(), "nested deeper than is read");
    }
}
