//! `configMapGenerator` and `secretGenerator`: the objects they make, and the hashes their names get.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::render::go_string;
use super::resource::{Behavior, Resource};
use crate::manifest::yaml::{At, Node, Value};

/// Longest line of base64 in a generated object.
const LINE: usize = 70;

/// How the message about a file that is not there ends.
pub(super) const GONE: &str = "does not exist or cannot be read";

/// What a failure may be due to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureCause {
    /// What is written there.
    Sure,
    /// Something is not among what was gathered.
    Absent,
    /// What an object holds.
    Content,
}

/// What went wrong, and where.
#[derive(Debug)]
pub(super) struct BuildFailure {
    pub(super) at: At,
    pub(super) message: String,
    pub(super) cause: FailureCause,
}

impl From<(At, String)> for BuildFailure {
    fn from((at, message): (At, String)) -> Self {
        Self { at, message, cause: FailureCause::Sure }
    }
}

impl BuildFailure {
    /// Something is not among what was gathered.
    pub(super) fn absent(at: At, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), cause: FailureCause::Absent }
    }

    /// An object does not hold what it should.
    pub(super) fn content((at, message): (At, String)) -> Self {
        Self { at, message, cause: FailureCause::Content }
    }
}

/// A value of a data map: the bytes, and where the entry stands.
type Pairs = Vec<(String, Vec<u8>, At)>;

/// Makes the object of a generator's entry. `read` gives a file's bytes by the path as written.
pub(super) fn generate(
    kind: &'static str,
    entry: &Node,
    options: Option<&Node>,
    read: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Resource<'static>, BuildFailure> {
    let name = entry.str(&["name"]).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| (entry.at, format!("a generator of a {kind} has no name")))?;
    let pairs = pairs(entry, read)?;
    let mut data = BTreeMap::new();
    let mut binary = BTreeMap::new();
    for (key, bytes, at) in pairs {
        if data.contains_key(&key) || binary.contains_key(&key) {
            return Err((at, format!("{kind} {name} repeats the key '{key}'")).into());
        }
        match String::from_utf8(bytes) {
            Ok(text) if kind == "ConfigMap" => data.insert(key, (text, at)),
            Err(bytes) if kind == "ConfigMap" => binary.insert(key, (encoded(bytes.as_bytes()), at)),
            either => {
                let bytes = either.map_or_else(|e| e.into_bytes(), String::into_bytes);
                data.insert(key, (encoded(&bytes), at))
            }
        };
    }
    let mut content = Node { at: entry.at, value: Value::Map(Vec::new()) };
    content.set("apiVersion", Node::scalar("v1", entry.at));
    content.set("kind", Node::scalar(kind, entry.at));
    let mut metadata = Node { at: entry.at, value: Value::Map(Vec::new()) };
    metadata.set("name", Node::scalar(name, entry.get("name").map_or(entry.at, |n| n.at)));
    if let Some(namespace) = entry.str(&["namespace"]) {
        metadata.set("namespace", Node::scalar(namespace, entry.at));
    }
    content.set("metadata", metadata);
    if kind == "Secret" {
        content.set("type", Node::scalar(entry.str(&["type"]).unwrap_or("Opaque"), entry.at));
    }
    for (field, map) in [("data", data), ("binaryData", binary)] {
        if !map.is_empty() {
            let entries =
                map.into_iter().map(|(key, (text, at))| (Node::scalar(&key, at), Node::scalar(&text, at)));
            content.set(field, Node { at: entry.at, value: Value::Map(entries.collect()) });
        }
    }
    finish(content, entry, options)
}

fn finish(content: Node, entry: &Node, options: Option<&Node>) -> Result<Resource<'static>, BuildFailure> {
    let at = entry.at;
    let own = entry.str(&["options", "disableNameSuffixHash"]) == Some("true");
    let all = options.and_then(|o| o.str(&["disableNameSuffixHash"])) == Some("true");
    let mut made = Resource::owned(content, 1).ok_or_else(|| (at, "a generator makes nothing".to_owned()))?;
    made.generated = true;
    made.hashed = !own && !all;
    // What all generators are told counts over what this one is (kustomize, `MergeGlobalOptionsIntoLocal`).
    for node in entry.get("options").into_iter().chain(options) {
        let pairs = |field: &str| {
            let entries = node.get(field).map(Node::entries).unwrap_or_default().iter();
            let texts =
                entries.filter_map(|(key, value)| Some((key.text()?.to_owned(), value.text()?.to_owned())));
            texts.map(Arc::new).collect::<Vec<_>>()
        };
        made.labels.extend(pairs("labels"));
        made.annotations.extend(pairs("annotations"));
    }
    made.behavior = match entry.str(&["behavior"]) {
        Some("merge") => Behavior::Merge,
        Some("replace") => Behavior::Replace,
        _ => Behavior::Create,
    };
    Ok(made)
}

/// The keys and values of an entry: from files of variables, from literals, from files.
fn pairs(entry: &Node, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Pairs, BuildFailure> {
    let mut all = Pairs::new();
    let load =
        |path: &str, at: At| read(path).ok_or_else(|| BuildFailure::from((at, format!("'{path}' {GONE}"))));
    let envs = entry.get("envs").map(Node::items).unwrap_or_default();
    for item in envs.iter().chain(entry.get("env")) {
        let Some(path) = item.text() else { continue };
        let bytes = load(path, item.at)?;
        let text = String::from_utf8(bytes).map_err(|_| (item.at, format!("'{path}' is not a text file")))?;
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim_start();
            if !line.is_empty() && !line.starts_with('#') {
                let (key, value) = line.split_once('=').unwrap_or((line, ""));
                all.push((key.to_owned(), value.as_bytes().to_vec(), item.at));
            }
        }
    }
    for item in entry.get("literals").map(Node::items).unwrap_or_default() {
        let Some(text) = item.text() else { continue };
        let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
        let (key, value) = pair.ok_or_else(|| (item.at, "a literal is not key=value".to_owned()))?;
        all.push((key.to_owned(), unquoted(value).as_bytes().to_vec(), item.at));
    }
    for item in entry.get("files").map(Node::items).unwrap_or_default() {
        let Some(text) = item.text() else { continue };
        let (key, path) = match text.split_once('=') {
            Some((key, path)) if !key.is_empty() && !path.is_empty() && !path.contains('=') => (key, path),
            Some(_) => return Err((item.at, format!("'{text}' is neither a path nor key=path")).into()),
            None => (text.rsplit('/').next().unwrap_or(text), text),
        };
        all.push((key.to_owned(), load(path, item.at)?, item.at));
    }
    Ok(all)
}

/// A literal without the quotes around it.
fn unquoted(text: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(text)
}

/// What a generator does to an object of the same name that is there already.
pub(super) fn absorb(old: &mut Resource<'_>, new: Resource<'static>) -> Result<(), String> {
    match new.behavior {
        Behavior::Create => {
            return Err(format!(
                "{} {} is there already; say behavior: merge or replace",
                new.kind, new.name
            ));
        }
        Behavior::Replace => {
            let mut content = new.content.into_owned();
            labels(&mut content, &old.content);
            old.content = Cow::Owned(content);
        }
        Behavior::Merge => {
            let at = new.at;
            let Some(content) = old.materialize() else { return Err("it is too large".to_owned()) };
            for field in ["data", "binaryData"] {
                for (key, value) in new.content.get(field).map(Node::entries).unwrap_or_default() {
                    if content.get(field).is_none() {
                        content.set(field, Node { at, value: Value::Map(Vec::new()) });
                    }
                    if let (Some(map), Some(key)) = (content.get_mut(field), key.text()) {
                        map.set(key, value.clone());
                    }
                }
            }
            if let Some(kind) = new.content.get("type") {
                content.set("type", kind.clone());
            }
        }
    }
    // Without the new one's wish for a hash there is none, and the old one's counts where it had one.
    old.hashed &= new.hashed;
    old.generated = true;
    Ok(())
}

fn labels(content: &mut Node, old: &Node) {
    if let (Some(metadata), Some(from)) = (content.get_mut("metadata"), old.path(&["metadata", "labels"])) {
        metadata.set("labels", from.clone());
    }
}

/// The hash that kustomize puts behind a name (kustomize, `api/internal/hasher`).
pub(super) fn hash(resource: &Resource<'_>) -> String {
    let data = |field: &str| {
        let entries = resource.content.get(field).map(Node::entries).unwrap_or_default();
        let sorted: BTreeMap<&str, &str> =
            entries.iter().filter_map(|(k, v)| Some((k.text()?, v.text().unwrap_or_default()))).collect();
        let pairs: Vec<String> =
            sorted.iter().map(|(key, value)| format!("{}:{}", go_string(key), go_string(value))).collect();
        (!pairs.is_empty()).then(|| format!("{{{}}}", pairs.join(",")))
    };
    let or_empty = |text: Option<String>| text.unwrap_or_else(|| "\"\"".to_owned());
    // kustomize looks for a field of the name `metadata/name`, which there never is: names don't count.
    let name = "\"\"";
    let text = if resource.kind == "Secret" {
        let kind = go_string(resource.content.str(&["type"]).unwrap_or_default());
        let strings = data("stringData").map(|map| format!(",\"stringData\":{map}")).unwrap_or_default();
        format!(
            "{{\"data\":{},\"kind\":\"Secret\",\"name\":{name}{strings},\"type\":{kind}}}",
            or_empty(data("data"))
        )
    } else {
        let binary = data("binaryData").map(|map| format!("\"binaryData\":{map},")).unwrap_or_default();
        format!("{{{binary}\"data\":{},\"kind\":\"ConfigMap\",\"name\":{name}}}", or_empty(data("data")))
    };
    let hex = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let letter = |c| match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        c => c,
    };
    hex.chars().take(10).map(letter).collect()
}

/// Base64 in lines of 70, as kustomize writes it (kyaml, `encodeBase64`): hashes are taken of the line ends too.
fn encoded(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    if text.len() < LINE {
        return text;
    }
    text.as_bytes().chunks(LINE).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}
