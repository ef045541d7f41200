//! Texts that stand in for a secret: what is filled in later, kept elsewhere or encrypted, and examples.

use super::secret::{assigned, is_value, names_object, names_secret};

/// What opens and closes a place that is filled in: by Flux, a template, a shell.
const PLACES: [(&str, &str); 3] = [("${", "}"), ("{{", "}}"), ("$(", ")")];
/// Beginnings of names under which a vault, a manager of passwords or a renderer keeps a value.
const KEPT: [&str; 6] = ["vault:", "ref+", "op://", "$__", "secretref", "valueFrom"];
/// Shortest text around a place that is filled in which is taken for a secret.
const SHORTEST: usize = 8;

/// True for a text that, under this name, is a secret only with what is filled in later, or is encrypted.
pub(super) fn is_filled_in(name: &str, text: &str) -> bool {
    let text = text.trim();
    if is_reference(text) {
        return true;
    }
    let around = around(text);
    if around.len() == text.len() {
        return false;
    }
    // A file with one such place in it: its other lines may hold a secret.
    let assigns = |part: &str| {
        assigned(part).is_some_and(|(name, value)| names_secret(name) && is_literal(name, value))
    };
    if text.lines().flat_map(|line| line.split(';')).any(assigns) {
        return false;
    }
    let mixed = |test: fn(char) -> bool| around.chars().any(test);
    let secret = around.len() >= SHORTEST
        && mixed(|c| c.is_ascii_digit())
        && mixed(char::is_alphabetic)
        && !names_object(&around)
        && !around.contains(char::is_whitespace)
        && !around.contains("://");
    !(names_secret(name) && secret)
}

/// A value with nothing in it that is filled in.
fn is_literal(name: &str, value: &str) -> bool {
    around(value).len() == value.len() && is_value(name, value)
}

/// The text without the places that are filled in.
fn around(text: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    loop {
        let open =
            PLACES.iter().filter_map(|place| Some((rest.find(place.0)?, *place))).min_by_key(|(at, _)| *at);
        let closed = open.and_then(|(at, (begin, end))| {
            let (before, inside) = (rest.get(..at)?, rest.get(at + begin.len()..)?);
            let close = inside.find(end)?;
            Some((before, inside.get(close + end.len()..)?))
        });
        let Some((before, behind)) = closed else { return out + rest };
        out.push_str(before);
        rest = behind;
    }
}

/// True for what is nothing but a reference, or is encrypted.
fn is_reference(text: &str) -> bool {
    if text.contains('\n') {
        return false;
    }
    let inside = |begin: &str, end: char| text.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end));
    let name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    KEPT.iter().any(|start| text.starts_with(start))
        || inside("ENC[", ']').is_some_and(|text| text.contains(',') && !text.contains(['[', ']']))
        || inside("<", '>').is_some_and(|text| !text.contains(['<', '>', '"', '=']))
        || (around(text).len() < text.len() && !around(text).contains(char::is_alphanumeric))
        || text.strip_prefix('$').is_some_and(|rest| rest.chars().all(name))
        || inside("%", '%').is_some()
}

/// True for what stands for a secret in documentation and examples.
pub(super) fn is_placeholder(text: &str) -> bool {
    let lower = text.to_lowercase();
    let known = [
        "changeme",
        "change-me",
        "change_me",
        "example",
        "placeholder",
        "your-",
        "your_",
        "dummy",
        "redacted",
        "todo",
        "replace",
        "insert",
        "fixme",
        "notused",
        "not-used",
        "unused",
        "...",
        "****",
    ];
    let same = |c: char| text.chars().filter(|d| *d == c).count() * 2 > text.chars().count();
    let named = text.find('<').zip(text.rfind('>')).is_some_and(|(open, close)| open < close);
    named
        || PLACES.iter().any(|(open, _)| text.contains(open))
        || known.iter().any(|word| lower.contains(word))
        || ['x', 'X', '*', '0'].into_iter().any(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_no_secret_and_what_stands_beside_it_may_be() {
        for text in [
            "${PW}",
            "${PW:-}",
            "pre-${PW}",
            "{{ .Values.pw }}",
            "$(PW)",
            "ENC[AES256_GCM,data:Tr7o,iv:1=,tag:k=,type:str]",
            "vault:secret/x#y",
            "<path:secret/data/x#y>",
            "<set me>",
            "$DB_PASSWORD",
            "%PW%",
            "postgres://app:${PW}@db/app",
            "user=app\npassword=${PW}\nlevel=info\n",
            "{\n  \"password\": \"{{ .pw }}\"\n}\n",
        ] {
            assert!(is_filled_in("password", text), "{text}");
        }
        for text in [
            "hunter2",
            "<config><password>hunter2</password></config>",
            "<a b=\"hunter2\"/>",
            "ENC[hunter2",
            "ENC[hunter2]",
            "hunter2of${NOTHING}",
            "level=${LOG}\nspring.datasource.password=hunter2\n",
            "{\n  \"a\": \"{{ .a }}\",\n  \"password\": \"hunter2\"\n}\n",
            "host=${HOST};password=hunter2",
        ] {
            assert!(!is_filled_in("password", text), "{text}");
        }
    }
}
