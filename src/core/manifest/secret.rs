//! Hard-coded secrets: by their own form (`ghp_…`), and by where they stand (`password: …`). Not by entropy: digests and
//! checksums are as random as keys are.

use std::sync::OnceLock;

use regex_lite::Regex;

use super::finding::{Finding, RULES};
use super::keywords;
use super::stand_in::{assigned, is_encoded_reference, is_filled_in, is_placeholder, is_value, names_secret};
use super::tree::File;
use super::yaml::{At, Node, Value, parse_from};

/// Kinds that hold references to secrets, or encrypted ones: what stands in them is meant to be in Git.
const REFERENCES: [&str; 12] = [
    "ExternalSecret",
    "ClusterExternalSecret",
    "SecretStore",
    "ClusterSecretStore",
    "PushSecret",
    "SealedSecret",
    "SecretProviderClass",
    "InfisicalSecret",
    "InfisicalStaticSecret",
    "VaultStaticSecret",
    "VaultDynamicSecret",
    "CustomResourceDefinition",
];
/// Deepest that is walked into; the parser allows little more.
const DEEPEST: usize = 300;

/// Rules whose finding is no secret where a schema only describes what may be written.
const DESCRIBED: [&str; 2] = [URL, "secret.private-key"];

/// All secrets of a file. Of values that are only shown, those whose form gives them away.
pub(super) fn in_file(file: &File, shown: bool) -> Vec<Option<Finding>> {
    let Some(text) = &file.text else { return Vec::new() };
    let mut found = typed(text, &file.path);
    let mut kinds = file.documents.iter().filter_map(|document| document.str(&["kind"])).peekable();
    if kinds.peek().is_some() && kinds.all(|kind| kind == "CustomResourceDefinition") {
        found.retain(|f| f.as_ref().is_none_or(|f| !DESCRIBED.contains(&f.rule)));
    }
    if shown {
        return found;
    }
    let taken: Vec<u32> = found.iter().flatten().map(|f| f.line).collect();
    let mut structured = Vec::new();
    for document in &file.documents {
        in_document(document, None, &file.path, &mut structured);
    }
    // What its form gives away is told once.
    found.extend(structured.into_iter().filter(|f| f.as_ref().is_none_or(|f| !taken.contains(&f.line))));
    found
}

/// Keys of a kustomization below which secrets may stand.
const KUSTOMIZED: [&str; 5] =
    ["secretGenerator", "configMapGenerator", "patches", "patchesStrategicMerge", "patchesJson6902"];

/// The secrets of a document: of one object, of a list of them, or of what kustomize and Helm read. An item of a typed list has
/// the list's kind.
fn in_document(document: &Node, kind: Option<&str>, path: &str, found: &mut Vec<Option<Finding>>) {
    let kind = document.str(&["kind"]).or(kind).unwrap_or_default();
    if let Some(items) = document.get("items").filter(|_| kind.ends_with("List")) {
        let kind = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
        return items.items().iter().for_each(|item| in_document(item, kind, path, found));
    }
    let group = document.str(&["apiVersion"]).and_then(|version| version.split_once('/'));
    let is_object = document.str(&["apiVersion"]).is_some() && !kind.is_empty();
    if kind == "Secret" && group.is_none() {
        found.extend(unencrypted(document, path));
    } else if is_object && REFERENCES.contains(&kind) {
        return;
    }
    let values = path.rsplit('/').next().is_some_and(|name| name.starts_with("values"));
    let read = values && document.get("sops").is_none();
    if kind != "Secret" && (is_object || read || KUSTOMIZED.iter().any(|key| document.get(key).is_some())) {
        walk(document, path, found, 0);
    }
}

/// The patterns, each compiled when it is first needed.
static PATTERNS: OnceLock<Vec<OnceLock<Option<Regex>>>> = OnceLock::new();

fn pattern(at: usize) -> Option<&'static Regex> {
    let all = PATTERNS.get_or_init(|| RULES.iter().map(|_| OnceLock::new()).collect());
    let compile = || RULES.get(at).and_then(|rule| rule.pattern).and_then(|p| Regex::new(&p).ok());
    all.get(at)?.get_or_init(compile).as_ref()
}

/// Secrets whose form gives them away, anywhere in a text.
pub(super) fn typed(text: &str, path: &str) -> Vec<Option<Finding>> {
    let mut found = Vec::new();
    let hinted = keywords::hinted(text.as_bytes());
    for (at, rule) in RULES.iter().enumerate().filter(|(at, _)| keywords::names(hinted, *at)) {
        let Some(pattern) = pattern(at) else { continue };
        for hit in pattern.find_iter(text).filter(|hit| !is_placeholder(hit.as_str())) {
            let at = position(text, hit.start());
            found.push(
                Finding::new(&rule.id, path, at, rule.about.to_string()).map(|f| f.about(hit.as_str())),
            );
        }
    }
    // A URL may hold a token that is found by its own form.
    let lines: Vec<u32> = found.iter().flatten().filter(|f| f.rule != URL).map(|f| f.line).collect();
    found.retain(|f| f.as_ref().is_none_or(|f| f.rule != URL || !lines.contains(&f.line)));
    found
}

/// The rule that finds less than the others and more often.
const URL: &str = "secret.url-password";

fn position(text: &str, byte: usize) -> At {
    let before = text.get(..byte).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    At { file: 0, line: small(before.matches('\n').count() + 1), column: small(line.chars().count() + 1) }
}

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

/// A Secret whose values are neither encrypted nor filled in later: told once, at the first of them.
fn unencrypted(secret: &Node, path: &str) -> Option<Option<Finding>> {
    let values: Vec<Node> =
        ["data", "stringData"].iter().filter_map(|key| secret.get(key)?.expanded()).collect();
    let declares = secret.str(&["metadata", "labels", ARGO_TYPE]).is_some();
    let is_open = |key: &Node, value: &Node| {
        let name = key.text().unwrap_or_default();
        let open = |text: &str| !text.is_empty() && !is_filled_in(name, text) && !is_encoded_reference(text);
        value.text().is_some_and(open) && (!declares || ARGO_CREDENTIALS.contains(&name))
    };
    let mut open = values.iter().flat_map(Node::entries).filter(|(key, value)| is_open(key, value));
    let (key, value) = open.next()?;
    let more = open.count();
    let others = if more > 0 { format!(" and {more} more") } else { String::new() };
    let name = key.text().unwrap_or_default();
    let title =
        secret.str(&["metadata", "name"]).filter(|name| !name.is_empty()).unwrap_or("(without a name)");
    let message = format!("Secret {title} contains the value of '{name}'{others} in plaintext");
    let text = value.text().unwrap_or_default();
    Some(Finding::new("secret.unencrypted", path, key.at, message).map(|f| f.about(text)))
}

/// Secrets that a text holds which is written into another object: a patch, a file of a ConfigMap.
fn in_text(text: &str, at: At, path: &str, found: &mut Vec<Option<Finding>>) {
    if !text.contains("Secret") || !text.contains("kind") || !text.contains('\n') {
        return;
    }
    for document in parse_from(text, At { column: 0, ..at }).documents {
        if document.str(&["kind"]) == Some("Secret") {
            found.extend(unencrypted(&document, path));
        }
    }
}

/// What a generator of kustomize makes a Secret of, written beside it.
fn generated(generator: &Node, path: &str, found: &mut Vec<Option<Finding>>) {
    for item in generator.items().iter().flat_map(|one| one.get("literals")).flat_map(Node::items) {
        let Some((name, value)) = item.text().and_then(|text| text.split_once('=')) else { continue };
        let value = value.trim_matches(['"', '\'']);
        if !value.is_empty() && !is_filled_in(name, value) {
            let message = format!("the value of '{name}' becomes a Secret and is in plaintext");
            let rule = if names_secret(name) { "secret.hard-coded" } else { "secret.unencrypted" };
            found.push(Finding::new(rule, path, item.at, message).map(|f| f.about(value)));
        }
    }
}

/// The secrets of a file that a generator makes a Secret of: every variable of one that holds variables, else what a name says.
pub(super) fn in_source(path: &str, text: &str, variables: bool) -> Option<Finding> {
    let encrypted = ["ENC[", "sops_", "-----BEGIN AGE ENCRYPTED FILE", "age-encryption.org"];
    if encrypted.iter().any(|mark| text.contains(mark)) {
        return None;
    }
    let lines = text.lines().enumerate().filter_map(|(number, line)| Some((number, assigned(line)?)));
    let mut open = lines.filter(|(_, (name, value))| {
        if variables {
            !value.is_empty() && !is_filled_in(name, value)
        } else {
            names_secret(name) && is_value(name, value)
        }
    });
    let (number, (name, value)) = open.next()?;
    let at = At { line: u32::try_from(number + 1).unwrap_or(u32::MAX), ..At::START };
    let message = format!("the value of '{name}' becomes a Secret and is in plaintext");
    Finding::new("secret.unencrypted", path, at, message).map(|f| f.about(value))
}

/// Looks through an object for keys that name secrets and have literal values.
fn walk(node: &Node, path: &str, found: &mut Vec<Option<Finding>>, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    match &node.value {
        Value::Map(entries) => {
            let named = node.str(&["name"]).zip(node.entry("value"));
            if let Some((name, (_, value))) = named
                && names_secret(name)
            {
                literal(name, value, path, found);
            }
            if depth > 0 && node.str(&["kind"]) == Some("Secret") {
                found.extend(unencrypted(node, path));
                return;
            }
            for (key, value) in entries {
                match key.text() {
                    Some("metadata") if depth == 0 => {}
                    Some("secretGenerator") if depth == 0 => generated(value, path, found),
                    Some("literals") => value.items().iter().for_each(|item| assignment(item, path, found)),
                    Some("args" | "command") => {
                        value.items().iter().for_each(|item| option(item, path, found))
                    }
                    Some(name) if names_secret(name) => {
                        literal(name, value, path, found);
                        walk(value, path, found, depth + 1);
                    }
                    _ => walk(value, path, found, depth + 1),
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| walk(item, path, found, depth + 1)),
        Value::Anchored(inner) => walk(inner, path, found, depth + 1),
        Value::Scalar { text, .. } => in_text(text, node.at, path, found),
        // What it stands for is looked at where it stands.
        Value::Alias(_) => {}
    }
}

fn literal(name: &str, value: &Node, path: &str, found: &mut Vec<Option<Finding>>) {
    if value.text().is_some_and(|text| is_value(name, text)) {
        let message = format!("the value of '{name}' is in plaintext");
        let text = value.text().unwrap_or_default();
        found.push(Finding::new("secret.hard-coded", path, value.at, message).map(|f| f.about(text)));
    }
}

/// `password=…` of a generator.
fn assignment(item: &Node, path: &str, found: &mut Vec<Option<Finding>>) {
    if let Some((name, value)) = item.text().and_then(|text| text.split_once('='))
        && names_secret(name)
        && is_value(name, value)
    {
        let message = format!("the value of '{name}' is in plaintext");
        found.push(Finding::new("secret.hard-coded", path, item.at, message).map(|f| f.about(value)));
    }
}

/// `--password=…` of a container.
fn option(item: &Node, path: &str, found: &mut Vec<Option<Finding>>) {
    if let Some((name, value)) =
        item.text().and_then(|text| text.strip_prefix("--")).and_then(|t| t.split_once('='))
        && names_secret(name)
        && is_value(name, value)
    {
        let message = format!("the value of '--{name}' is in plaintext");
        found.push(Finding::new("secret.hard-coded", path, item.at, message).map(|f| f.about(value)));
    }
}
