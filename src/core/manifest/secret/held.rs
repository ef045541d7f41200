//! What a Secret holds: it is judged by its values. Who someone is and where something is are no secrets.

use super::reference::{decoded, is_encoded_reference};
use super::sink::{LookThrough, SecretSink};
use super::stand_in::{assigned, is_filled_in, is_placeholder, names_secret, words};
use super::text::{in_text, lines};
use super::typed::typed;
use crate::manifest::yaml::{At, Node};

/// The label by which a Secret declares a repository or a cluster to Argo CD.
const ARGO_TYPE: &str = "argocd.argoproj.io/secret-type";
/// The keys of such a Secret that hold credentials; the others say where something is.
const ARGO_CREDENTIALS: [&str; 8] = [
    "password",
    "sshPrivateKey",
    "bearerToken",
    "githubAppPrivateKey",
    "tlsClientCertKey",
    "gcpServiceAccountKey",
    "keyData",
    "config",
];
/// Last words of names whose values say who or where, and open nothing.
const HARMLESS: [&str; 85] = [
    "account",
    "addr",
    "address",
    "addresses",
    "algorithm",
    "aud",
    "audience",
    "avatars",
    "bucket",
    "ca",
    "cert",
    "certificate",
    "channel",
    "cidr",
    "cipher",
    "class",
    "cluster",
    "code",
    "config",
    "context",
    "country",
    "crt",
    "database",
    "db",
    "dbname",
    "dir",
    "domain",
    "domains",
    "driver",
    "duration",
    "email",
    "enabled",
    "endpoint",
    "endpoints",
    "engine",
    "env",
    "environment",
    "file",
    "folder",
    "format",
    "from",
    "group",
    "handle",
    "host",
    "hostname",
    "hosts",
    "id",
    "index",
    "instance",
    "interval",
    "issuer",
    "level",
    "locale",
    "location",
    "login",
    "mail",
    "mode",
    "name",
    "namespace",
    "org",
    "organization",
    "owner",
    "path",
    "port",
    "project",
    "protocol",
    "provider",
    "realm",
    "region",
    "remote",
    "repo",
    "repository",
    "role",
    "scheme",
    "scope",
    "server",
    "servers",
    "tenant",
    "timeout",
    "ttl",
    "type",
    "url",
    "user",
    "username",
    "version",
];
/// Shortest text of letters and digits that looks made by a machine.
const RANDOM: usize = 16;

/// What a value of a Secret comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// A credential.
    Secret,
    /// It may be one.
    Unclear,
    /// None.
    Harmless,
}

/// Judges one value by its name and by what it is.
pub(super) fn judge(name: &str, value: &str, document: LookThrough) -> Held {
    let text = value.trim();
    if text.is_empty() || is_filled_in(name, text) || is_encoded_reference(text) {
        return Held::Harmless;
    }
    if typed(text, "").iter().any(Option::is_some) {
        return Held::Secret;
    }
    if text.contains('\n') || text.starts_with('{') {
        return inside(text, document);
    }
    if is_placeholder(text) || is_nothing(text) {
        return Held::Harmless;
    }
    // A public key, and the id that stands beside a secret key.
    let is_public = ["ssh-", "ecdsa-sha2-", "sk-ssh-"].iter().any(|kind| text.starts_with(kind));
    let is_id = words(name).join("").ends_with("accesskey")
        && text.len() <= 24
        && text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    if is_public || is_id {
        return Held::Harmless;
    }
    let is_path = text.starts_with('/') && text.matches('/').count() > 1 && !text.contains(['+', '=']);
    if (names_secret(name) || names_credential(name)) && !is_path {
        return Held::Secret;
    }
    if is_harmless(name, text) {
        return Held::Harmless;
    }
    if is_random(text) { Held::Secret } else { Held::Unclear }
}

/// What a text of several lines holds.
fn inside(text: &str, document: LookThrough) -> Held {
    let mut sink = SecretSink::new("", document);
    in_text(text, At::START, 1, &mut sink);
    if !sink.found.is_empty() {
        return Held::Secret;
    }
    // Configuration says what it is by its words; what has none may be a key.
    let assigns = |line: &str| assigned(line).is_some_and(|(_, value)| value.contains(char::is_alphanumeric));
    let bare = |line: &str| {
        !assigns(line)
            && line.len() >= 16
            && line.chars().all(|c| c.is_ascii_alphanumeric() || "+/=_-".contains(c))
    };
    let public = text.starts_with("ssh-") || text.starts_with("-----BEGIN");
    let is_bare = text.lines().map(str::trim).filter(|line| !line.is_empty()).all(bare);
    if is_bare && !public { Held::Unclear } else { Held::Harmless }
}

/// True for `true`, a number and the like.
fn is_nothing(text: &str) -> bool {
    let lower = text.to_lowercase();
    matches!(lower.as_str(), "true" | "false" | "none" | "null" | "disabled" | "enabled" | "yes" | "no")
}

/// Names that, in a Secret, say that a credential is their value.
fn names_credential(name: &str) -> bool {
    let words = words(name);
    let last = words.iter().rfind(|word| !word.chars().all(|c| c.is_ascii_digit()));
    last.is_some_and(|word| {
        matches!(word.as_str(), "key" | "auth" | "pin" | "salt" | "cookie" | "seed" | "bearer" | "htpasswd")
    })
}

/// True for a value that says who or where: by its name, or by what it is.
fn is_harmless(name: &str, text: &str) -> bool {
    let words = words(name);
    let by_name = words.last().is_some_and(|word| HARMLESS.contains(&word.as_str()));
    let lower = |c: char| c.is_ascii_lowercase() || c == '-' || c == '_';
    let host = |one: &str| {
        let (host, port) = one.trim().rsplit_once(':').unwrap_or((one.trim(), "1"));
        let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        host.contains('.') && host.chars().all(part) && port.chars().all(|c| c.is_ascii_digit())
    };
    let email = text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !text.contains([':', ' ', '/'])
    });
    by_name
        || text.len() < 6
        || text.contains("://")
        || text.starts_with('/')
        || text.split(',').all(host)
        || email
        || text.chars().all(|c| c.is_ascii_digit() || ".-:/".contains(c))
        || (text.len() <= 24 && text.chars().all(lower))
}

/// True for what looks made by a machine: many letters and digits, without words.
fn is_random(text: &str) -> bool {
    let has = |test: fn(char) -> bool| text.chars().any(test);
    text.len() >= RANDOM
        && has(|c| c.is_ascii_digit())
        && has(char::is_alphabetic)
        && !text.contains(char::is_whitespace)
        && entropy(text) >= 3.0
}

/// Bits a letter, after Shannon.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|byte| counts.iter_mut().skip(usize::from(byte)).take(1).for_each(|n| *n += 1));
    let all = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    counts.iter().filter(|n| **n > 0).map(|n| f64::from(*n) / all).map(|p| -p * p.log2()).sum()
}

/// A Secret whose values are neither encrypted nor filled in later: told once, at the first of them.
pub(super) fn in_secret(secret: &Node, sink: &mut SecretSink<'_>) {
    let declares = secret.str(&["metadata", "labels", ARGO_TYPE]).is_some();
    let (mut held, mut unclear) = (Vec::new(), Vec::new());
    for (field, is_encoded) in [("data", true), ("stringData", false)] {
        let Some(values) = secret.get(field).and_then(Node::expanded) else { continue };
        for (key, value) in values.entries() {
            let (Some(name), Some(text)) = (key.text(), value.text()) else { continue };
            if declares && !ARGO_CREDENTIALS.contains(&name) {
                continue;
            }
            let joined: String = text.split_whitespace().collect();
            // Bytes that are no text may be a key.
            let inner = if is_encoded { decoded(&joined) } else { None };
            match judge(name, inner.as_deref().unwrap_or(text), sink.document) {
                Held::Secret => held.push((name.to_owned(), text.to_owned(), key.at)),
                Held::Unclear => unclear.push((name.to_owned(), text.to_owned(), key.at)),
                Held::Harmless => {}
            }
        }
    }
    let title =
        secret.str(&["metadata", "name"]).filter(|name| !name.is_empty()).unwrap_or("(without a name)");
    let (rule, all, what) = match (held.is_empty(), unclear.is_empty()) {
        (false, _) => ("secret.unencrypted", held, "contains"),
        (true, false) => ("secret.unclear", unclear, "may be secret: it contains"),
        (true, true) => return,
    };
    let Some((name, text, at)) = all.first() else { return };
    let others = if all.len() > 1 { format!(" and {} more", all.len() - 1) } else { String::new() };
    sink.add(rule, *at, format!("Secret {title} {what} the value of '{name}'{others} in plaintext"), text);
}

/// What a generator of kustomize makes a Secret of, written beside it.
pub(super) fn generated(generator: &Node, sink: &mut SecretSink<'_>) {
    for item in generator.items().iter().flat_map(|one| one.get("literals")).flat_map(Node::items) {
        let Some((name, value)) = item.text().and_then(|text| text.split_once('=')) else { continue };
        let value = value.trim_matches(['"', '\'']);
        let message = format!("the value of '{name}' becomes a Secret and is in plaintext");
        match judge(name, value, sink.document) {
            Held::Secret if names_secret(name) => sink.add("secret.hard-coded", item.at, message, value),
            Held::Secret => sink.add("secret.unencrypted", item.at, message, value),
            Held::Unclear => sink.add("secret.unclear", item.at, message, value),
            Held::Harmless => {}
        }
    }
}

/// The secrets of a file that a generator makes a Secret of: every variable of one that holds variables, else what it says.
pub(super) fn in_source(
    path: &str,
    text: &str,
    variables: bool,
    document: LookThrough,
) -> Option<crate::manifest::Finding> {
    let encrypted = ["ENC[", "sops_", "-----BEGIN AGE ENCRYPTED FILE", "age-encryption.org"];
    if encrypted.iter().any(|mark| text.contains(mark)) {
        return None;
    }
    let mut sink = SecretSink::new(path, document);
    if !variables {
        let before = At { line: 0, ..At::START };
        lines(text, before, &mut sink);
        let message = |f: crate::manifest::Finding| {
            let message = f.message.replace("is in plaintext", "becomes a Secret and is in plaintext");
            let new = crate::manifest::Finding::new(
                "secret.unencrypted",
                path,
                At { line: f.line, ..At::START },
                message,
            );
            new.map(|new| new.about(text))
        };
        return sink.found.into_iter().flatten().next().and_then(message);
    }
    for (number, line) in text.lines().enumerate() {
        let Some((name, value)) = assigned(line) else { continue };
        let at = At { line: u32::try_from(number + 1).unwrap_or(u32::MAX), ..At::START };
        let message = format!("the value of '{name}' becomes a Secret and is in plaintext");
        match judge(name, value, sink.document) {
            Held::Secret => sink.add("secret.unencrypted", at, message, value),
            Held::Unclear => sink.add("secret.unclear", at, message, value),
            Held::Harmless => {}
        }
    }
    let mut all: Vec<_> = sink.found.into_iter().flatten().collect();
    all.sort_by_key(|finding| (finding.rule != "secret.unencrypted", finding.line));
    all.into_iter().next()
}
