//! Names that say a secret stands under them, and texts that stand in for one: what is filled in later, and examples.

use super::reference::{PLACES, around, decoded, is_reference};

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

/// True for what stands for a secret in documentation and examples.
pub(super) fn is_placeholder(text: &str) -> bool {
    const KNOWN: [&str; 26] = [
        "changeme",
        "changeit",
        "change-me",
        "change_me",
        "change-this",
        "change me",
        "example",
        "placeholder",
        "sample",
        "your",
        "yours",
        "dummy",
        "redacted",
        "todo",
        "replace",
        "replaceme",
        "replace_me",
        "insert",
        "fixme",
        "notused",
        "not-used",
        "unused",
        "goes-here",
        "not-needed",
        "noauth",
        "no-auth",
    ];
    let same = |c: char| text.chars().filter(|d| *d == c).count() * 2 > text.chars().count();
    let named = text.find('<').zip(text.rfind('>')).is_some_and(|(open, close)| open < close);
    named
        || ["1234567890abcdef", "0123456789abcdef", "abcdefghijklmnop"].iter().any(|run| text.contains(run))
        || text.contains("...")
        || text.contains("****")
        || PLACES.iter().any(|(open, _)| text.contains(open))
        || KNOWN.iter().any(|word| has_word(text, word))
        || ['x', 'X', '*', '0'].into_iter().any(same)
        || is_name(text)
        || is_generic(text)
        || decoded(text).is_some_and(|inner| inner.len() >= 4 && is_generic(inner.trim()))
}

/// True for the name of a variable: `DB_PASSWORD`.
fn is_name(text: &str) -> bool {
    let part = |part: &str| part.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit());
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.contains('_')
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && text.split('_').all(part)
}

/// True for words that say no more than that a secret belongs here: `my-secret-token`, `fake_password`, `change me`.
fn is_generic(text: &str) -> bool {
    const GENERIC: [&str; 33] = [
        "a",
        "access",
        "any",
        "api",
        "change",
        "client",
        "cluster",
        "credential",
        "credentials",
        "default",
        "enter",
        "fake",
        "here",
        "it",
        "key",
        "keystore",
        "me",
        "mock",
        "my",
        "of",
        "pass",
        "password",
        "passwd",
        "pre",
        "put",
        "secret",
        "set",
        "some",
        "super",
        "the",
        "this",
        "token",
        "value",
    ];
    let words = words(text);
    let shouted = text.chars().all(|c| c.is_ascii_uppercase());
    (words.len() > 1 || shouted || text.eq_ignore_ascii_case("changeme"))
        && words.iter().all(|word| GENERIC.contains(&word.as_str()) || word == "changeme")
}

/// True where a word stands in a text by itself, and not as a part of letters that mean nothing: `your-token`, `KEY7EXAMPLE`,
/// `sampleKey`; not `JoLoaeTOdoe5c3`.
fn has_word(text: &str, word: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.match_indices(word).any(|(at, _)| {
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let found = part(at, at + word.len());
        let before = part(0, at).chars().next_back();
        let after = part(at + word.len(), text.len()).chars().next();
        let (first, last) = (found.chars().next(), found.chars().next_back());
        let cased = |c: Option<char>| c.map(|c| c.is_ascii_uppercase());
        let plain = found.chars().filter(char::is_ascii_alphabetic).skip(1);
        let one_case =
            plain.clone().all(|c| c.is_ascii_lowercase()) || plain.clone().all(|c| c.is_ascii_uppercase());
        let begins = before.is_none_or(|c| !c.is_ascii_alphabetic())
            || (cased(before) == Some(false) && cased(first) == Some(true));
        let ends = after.is_none_or(|c| !c.is_ascii_alphabetic())
            || (cased(last) == Some(false) && cased(after) == Some(true));
        one_case && begins && ends
    })
}

/// The words of a name: `dbPassword`, `DB_PASSWORD`, `db-password` → `db`, `password`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = vec![String::new()];
    let mut lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            out.push(String::new());
            lower = false;
            continue;
        }
        if c.is_uppercase() && lower {
            out.push(String::new());
        }
        lower = c.is_lowercase() || c.is_numeric();
        if let Some(last) = out.last_mut() {
            last.extend(c.to_lowercase());
        }
    }
    out.retain(|word| !word.is_empty());
    out
}

/// Words of which the last one of a name says that a secret is its value.
const SECRETS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pass",
    "pw",
    "psk",
    "apikey",
    "token",
    "secret",
    "credentials",
    "credential",
    "authkey",
    "privatekey",
];
/// Ends of words that are several without a sign between them: `dbpassword`, `clientsecret`.
const JOINED: [&str; 9] =
    ["password", "passwd", "passphrase", "secret", "token", "apikey", "secretkey", "accesskey", "pgpass"];

/// True for names whose last words say that a secret is their value, not where one is (`passwordKey`, `secretName`).
pub(super) fn names_secret(name: &str) -> bool {
    let words = words(name);
    // `PASSWORD_2`
    let numbered = words.iter().rposition(|word| !word.chars().all(|c| c.is_ascii_digit()));
    let words: Vec<&str> =
        words.iter().take(numbered.map_or(0, |last| last + 1)).map(String::as_str).collect();
    let before_key = [
        "api",
        "access",
        "secret",
        "private",
        "encryption",
        "signing",
        "account",
        "master",
        "auth",
        "shared",
        "license",
        "webhook",
        "app",
        "jwt",
        "session",
    ];
    match words.as_slice() {
        [.., first, "key"] if before_key.contains(first) => true,
        [.., "connection", "string"] | [.., "access", "key", "id"] => words.last() == Some(&"string"),
        // The product, not what it keeps.
        [.., "1password"] => false,
        [.., last] => {
            let bare = last.trim_end_matches(|c: char| c.is_ascii_digit());
            SECRETS.contains(&bare) || JOINED.iter().any(|end| bare.ends_with(end))
        }
        [] => false,
    }
}

/// True for what reads as the name of an object of Kubernetes, and is no UUID.
fn names_object(text: &str) -> bool {
    let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let uuid = text.len() == 36
        && text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    text.chars().all(label) && text.contains(['-', '.']) && !uuid
}

/// True for a text that is a secret's value where a name says that one stands here.
pub(super) fn is_value(name: &str, text: &str) -> bool {
    let text = text.trim();
    let lower = text.to_lowercase();
    // `existingSecretPassword: web-auth` names the object that holds it.
    let refers = words(name).first().is_some_and(|first| first == "existing");
    let certain = !refers
        && words(name).last().is_some_and(|w| {
            let w = w.trim_end_matches(|c: char| c.is_ascii_digit());
            w.ends_with("password")
                || matches!(w, "passwd" | "passphrase" | "pwd" | "pass" | "pgpass" | "pw" | "psk")
        });
    let plain_word = |c: char| c.is_ascii_lowercase() || c == '-' || c == '.' || c == '_' || c == '/';
    if text.len() < 4
        || is_filled_in(name, text)
        || is_placeholder(text)
        || text.contains(char::is_whitespace)
    {
        return false;
    }
    if matches!(lower.as_str(), "true" | "false" | "none" | "null" | "disabled" | "enabled")
        || ["/", "~/", "./", "../"].iter().any(|start| text.starts_with(start))
    {
        return false;
    }
    if text.ends_with(".pem") || text.ends_with(".key") || text.ends_with(".crt") || text.ends_with(".yaml") {
        return false;
    }
    // A password is no URL and no list of paths; what a name of nothing more says is read from elsewhere.
    let elsewhere =
        text.contains("://") || text.starts_with("./") || text.contains("()") || text.starts_with('$');
    // `secret: web2` names an object; `client_secret: hunter2prod` is one.
    let several = words(name).len() > 1
        && !matches!(words(name).first().map(String::as_str), Some("existing" | "from"));
    let least = if several { 8 } else { 12 };
    // `token: my-app-token-2` names one; `password: hunter2` is one.
    (certain && !elsewhere)
        || (!names_object(text)
            && text.len() >= least
            && !text.chars().all(plain_word)
            && text.chars().any(|c| c.is_ascii_digit())
            && text.chars().any(char::is_alphabetic)
            && !elsewhere)
}

/// The name and the value a line of a configuration assigns: `name=value`, `"name": "value",`, `<name>value</name>`.
pub(super) fn assigned(line: &str) -> Option<(&str, &str)> {
    let line = line.trim().trim_start_matches("export ").trim_start_matches("- ");
    let line = line.strip_prefix('<').map_or(line, |rest| rest.split("</").next().unwrap_or(rest));
    let (name, value) = line.split_once(['=', ':', '>'])?;
    let quotes = |c: char| matches!(c, '"' | '\'' | ',' | ';') || c.is_whitespace();
    let (name, value) = (name.trim_matches(quotes), value.trim_matches(quotes));
    (!name.is_empty() && !name.starts_with(['#', '/']) && !name.contains(char::is_whitespace))
        .then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_and_names_of_where_they_are() {
        for name in [
            "password",
            "DB_PASSWORD",
            "dbPassword",
            "admin-password",
            "apiKey",
            "API_KEY",
            "S3_SECRET_KEY",
            "token",
            "clientSecret",
            "PGPASS",
            "SMTP_PASS",
            "dbpassword",
            "password2",
            "DB_PASSWORD_1",
            "credentials",
            "authKey",
        ] {
            assert!(names_secret(name), "{name}");
        }
        for name in [
            "passwordKey",
            "secretName",
            "tokenPath",
            "existingSecret2Name",
            "PASSWORD_FILE",
            "maxTokens",
            "sshKey",
            "key",
            "automountServiceAccountTokenNot",
            "1password",
        ] {
            assert!(!names_secret(name), "{name}");
        }
    }

    #[test]
    fn values_and_what_stands_for_them() {
        for text in ["hunter2", "S3cret!pass", "correcthorse"] {
            assert!(is_value("password", text), "{text}");
        }
        for text in [
            "",
            "${PW}",
            "{{ .Values.pw }}",
            "CHANGEME",
            "xxxxxxxx",
            "true",
            "/run/secrets/pw",
            "vault:secret/x#y",
            "<set me>",
            "$DB_PASSWORD",
            "a b c d",
        ] {
            assert!(!is_value("password", text), "{text}");
        }
        assert!(is_value("token", "a8f5f167f44f4964e6c998dee827110c"));
        assert!(is_value("clientSecret", "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"));
        assert!(!is_value("existingSecret", "oauth2-proxy-v2-secret"));
        assert!(!is_value("token", "my-service-token"));
        assert!(!is_value("secret", "db-credentials"));
        assert!(!is_value("existingSecretAdminPassword", "harbor-secret"));
    }

    #[test]
    fn words_stand_for_a_secret_only_by_themselves() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_sampleSampleSampleSampleSampleSampleSample",
            "your-api-key-here",
            "YOUR_TOKEN",
            "changeit",
            "todo",
            "insert token",
            "replaceMe",
            "not-needed",
            "noauth",
            "sk_live_1234567890abcdefghijklmnop",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["JoLoaeTOdoe5c3", "xinsertq9", "Qexamplez7", "pretodo12"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }

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
