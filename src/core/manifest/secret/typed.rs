//! Secrets whose form gives them away, anywhere in a text.

use std::sync::OnceLock;

use regex_lite::Regex;

use super::keywords;
use super::reference::decoded;
use super::stand_in::{is_placeholder, words};
use crate::manifest::finding::{Finding, RULES};
use crate::manifest::yaml::At;

/// The rule that finds less than the others and more often.
pub(super) const URL: &str = "secret.url-password";
/// The rule for private keys.
pub(super) const PRIVATE_KEY: &str = "secret.private-key";
/// The rule for access keys of AWS, whose first half is no secret by itself.
const AWS: &str = "secret.aws-key";
/// How a key in PEM begins once it is in base64: `-----BEGIN`.
const ENCODED_PEM: &str = "LS0tLS1CRUdJTi";
/// Fewest letters of a key that make it one.
const SHORTEST_KEY: usize = 16;
/// How many lines around an access key say where its other half is.
const AROUND: usize = 4;

/// The patterns, each compiled when it is first needed.
static PATTERNS: OnceLock<Vec<OnceLock<Option<Regex>>>> = OnceLock::new();

fn pattern(at: usize) -> Option<&'static Regex> {
    let all = PATTERNS.get_or_init(|| RULES.iter().map(|_| OnceLock::new()).collect());
    let compile = || RULES.get(at).and_then(|rule| rule.pattern).and_then(|p| Regex::new(&p).ok());
    all.get(at)?.get_or_init(compile).as_ref()
}

/// True where a text may hold a secret of some form: nearly none does, and then no pattern is tried.
pub(super) fn is_hinted(bytes: &[u8]) -> bool {
    keywords::hinted(bytes) != 0
        || bytes.windows(ENCODED_PEM.len()).any(|window| window == ENCODED_PEM.as_bytes())
}

/// Secrets whose form gives them away.
pub(super) fn typed(text: &str, path: &str) -> Vec<Option<Finding>> {
    let mut found = Vec::new();
    let hinted = keywords::hinted(text.as_bytes());
    for (at, rule) in RULES.iter().enumerate().filter(|(at, _)| keywords::names(hinted, *at)) {
        let Some(pattern) = pattern(at) else { continue };
        for hit in pattern.find_iter(text).filter(|hit| is_meant(&rule.id, text, hit.start(), hit.as_str())) {
            let at = position(text, hit.start());
            found.push(
                Finding::new(&rule.id, path, at, rule.about.to_string()).map(|f| f.about(hit.as_str())),
            );
        }
    }
    for (at, _) in text.match_indices(ENCODED_PEM) {
        let rest = text.get(at..).unwrap_or_default();
        let length = rest.bytes().take_while(|c| c.is_ascii_alphanumeric() || b"+/=".contains(c)).count();
        let encoded = rest.get(..length - length % 4).unwrap_or_default();
        if decoded(encoded).is_some_and(|text| text.contains("PRIVATE KEY-----") && has_key(&text)) {
            let message = "a private key in base64".to_owned();
            let finding = Finding::new(PRIVATE_KEY, path, position(text, at), message);
            found.push(finding.map(|f| f.about(encoded)));
        }
    }
    // A URL may hold a token that is found by its own form.
    let lines: Vec<u32> = found.iter().flatten().filter(|f| f.rule != URL).map(|f| f.line).collect();
    found.retain(|f| f.as_ref().is_none_or(|f| f.rule != URL || !lines.contains(&f.line)));
    found
}

/// True where what has the form of a secret is one, and no example.
fn is_meant(rule: &str, text: &str, at: usize, hit: &str) -> bool {
    match rule {
        PRIVATE_KEY => has_key(text.get(at..).unwrap_or_default()),
        URL => has_password(hit),
        AWS => !is_placeholder(hit) && !other_half_is_elsewhere(text, at),
        _ => !is_placeholder(hit),
    }
}

/// True where a key follows behind the line that says so, and not dots or crosses.
fn has_key(text: &str) -> bool {
    let Some((_, body)) = text.split_once("PRIVATE KEY").and_then(|(_, rest)| rest.split_once("-----"))
    else {
        return false;
    };
    let body = body.split("-----").next().unwrap_or_default().replace("\\n", "\n").replace("\\r", "");
    // Lines with a colon are headers of the old form.
    let lines = body.lines().map(str::trim).filter(|line| !line.contains(':'));
    let key: String = lines.collect::<String>().chars().take(64).collect();
    let letters = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    key.len() >= SHORTEST_KEY && key.chars().all(letters) && !is_placeholder(&key)
}

/// True where what stands for a password in a URL may be one.
fn has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let Some((user, password)) = rest.rsplit_once('@').and_then(|(login, _)| login.split_once(':')) else {
        return false;
    };
    let upper = |text: &str| text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let shown = ["password", "passwd", "pass", "pwd", "secret", "token", "user", "username", "pw"];
    let lower = password.to_lowercase();
    let is_shown = shown.contains(&lower.as_str())
        || words(password).iter().all(|word| shown.contains(&word.as_str()) || word == "my");
    !(is_placeholder(password) || is_shown || upper(password) || (upper(user) && user.contains('_')))
}

/// True where a line beside an access key refers to its secret half.
fn other_half_is_elsewhere(text: &str, at: usize) -> bool {
    let line = text.get(..at).unwrap_or_default().matches('\n').count();
    let lines = text.lines().skip(line.saturating_sub(AROUND)).take(2 * AROUND + 1);
    let refers = |line: &str| {
        let line = line.to_lowercase();
        ["secretref", "secretkeyref", "existingsecret", "secretaccesskeysecret"]
            .iter()
            .any(|w| line.contains(w))
    };
    lines.into_iter().any(refers)
}

fn position(text: &str, byte: usize) -> At {
    let before = text.get(..byte).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    At { file: 0, line: small(before.matches('\n').count() + 1), column: small(line.chars().count() + 1) }
}
