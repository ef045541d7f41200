//! Secrets by where they stand in a document: under names that say so, in whatever stands in it.

use super::held;
use super::reference::decoded;
use super::sink::{SecretSink, Trust};
use super::stand_in::{is_filled_in, names_secret};
use super::text::in_text;
use super::typed::typed;
use crate::manifest::yaml::{Node, Value};

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
/// Keys of a kustomization below which secrets may stand.
const KUSTOMIZED: [&str; 5] =
    ["secretGenerator", "configMapGenerator", "patches", "patchesStrategicMerge", "patchesJson6902"];
/// Deepest that is walked into; the parser allows little more.
const DEEPEST: usize = 300;

/// The secrets of a document: of one object, of a list of them, or of anything else. An item of a typed list has the list's kind.
pub(super) fn in_document(
    document: &Node,
    kind: Option<&str>,
    trust: Trust,
    texts: usize,
    sink: &mut SecretSink<'_>,
) {
    let kind = document.str(&["kind"]).or(kind).unwrap_or_default();
    if let Some(items) = document.get("items").filter(|_| kind.ends_with("List")) {
        let kind = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
        return items.items().iter().for_each(|item| in_document(item, kind, trust, texts, sink));
    }
    let version = document.str(&["apiVersion"]);
    let is_object = version.is_some() && !kind.is_empty();
    if kind == "Secret" && version.is_none_or(|version| !version.contains('/')) {
        return held::in_secret(document, sink);
    }
    if is_object && REFERENCES.contains(&kind) {
        return;
    }
    let kustomized = KUSTOMIZED.iter().any(|key| document.get(key).is_some());
    let trust = if is_object || kustomized { Trust::Values } else { trust };
    SecretWalk { trust, texts, sink }.walk(document, 0);
}

/// A way through a document.
struct SecretWalk<'w, 'p> {
    trust: Trust,
    /// How many texts stand around this one.
    texts: usize,
    sink: &'w mut SecretSink<'p>,
}

impl SecretWalk<'_, '_> {
    fn walk(&mut self, node: &Node, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        match &node.value {
            Value::Map(_) => self.map(node, depth),
            Value::List(items) => self.list(items, depth),
            Value::Anchored(inner) => self.walk(inner, depth),
            Value::Scalar { text, .. } => self.scalar(text, node),
            // What it stands for is looked at where it stands.
            Value::Alias(_) => {}
        }
    }

    fn map(&mut self, node: &Node, depth: usize) {
        if depth > 0 && node.str(&["kind"]) == Some("Secret") {
            return held::in_secret(node, self.sink);
        }
        for (key, value) in [("name", "value"), ("key", "value"), ("name", "default")] {
            if let Some((name, value)) = node.str(&[key]).zip(node.get(value))
                && names_secret(name)
            {
                self.value(name, value);
            }
        }
        for (key, value) in node.entries() {
            let Some(key) = key.text() else { continue };
            match key {
                "metadata" if depth == 0 => {
                    let marks = ["annotations", "labels"].iter().filter_map(|key| value.get(key));
                    marks.for_each(|marks| self.walk(marks, depth + 1));
                }
                "sops" if depth == 0 => {}
                // Digests of what is elsewhere, and which keys of a Secret hold what.
                key if key.starts_with("checksum/") || names_keys(key, value) => {}
                "secretGenerator" if depth == 0 => held::generated(value, self.sink),
                // The login of a registry, and of what is asked by HTTP.
                "auth" if node.get("username").is_some() || self.is_login(value) => self.login(value),
                key if names_secret(key.rsplit('/').next().unwrap_or(key)) => {
                    self.value(key.rsplit('/').next().unwrap_or(key), value);
                    if !matches!(value.resolved().value, Value::Scalar { .. }) {
                        self.walk(value, depth + 1);
                    }
                }
                _ => self.walk(value, depth + 1),
            }
        }
    }

    fn list(&mut self, items: &[Node], depth: usize) {
        let mut before: Option<&str> = None;
        for item in items {
            let text = item.text();
            if let Some(text) = text {
                if let Some((name, value)) = text.trim_start_matches('-').split_once('=') {
                    self.sink.named(name, value.trim_matches(['"', '\'']), item.at, self.trust);
                } else if let Some(option) = before.and_then(|before| before.strip_prefix("--")) {
                    // `--password`, then its value.
                    if !text.starts_with('-') {
                        self.sink.named(option, text, item.at, self.trust);
                    }
                }
            }
            before = text;
            self.walk(item, depth + 1);
        }
    }

    /// The value of a name that says a secret stands here.
    fn value(&mut self, name: &str, value: &Node) {
        let Some(text) = value.text() else { return };
        if text.trim().contains('\n') {
            return in_text(text, value.at, self.texts, self.sink);
        }
        self.sink.named(name, text, value.at, self.trust);
    }

    /// True for base64 of a user and a password.
    fn is_login(&self, value: &Node) -> bool {
        let text = value.text().filter(|text| text.len() >= 8).and_then(decoded);
        text.is_some_and(|text| {
            text.split_once(':').is_some_and(|(user, word)| {
                !user.is_empty() && word.len() >= 3 && !is_filled_in("password", word) && text.is_ascii()
            })
        })
    }

    fn login(&mut self, value: &Node) {
        if self.is_login(value) {
            let text = value.text().unwrap_or_default();
            self.sink.add(
                "secret.hard-coded",
                value.at,
                "the value of 'auth' is a login in base64".to_owned(),
                text,
            );
        }
    }

    fn scalar(&mut self, text: &str, node: &Node) {
        in_text(text, node.at, self.texts, self.sink);
        if let Some(inner) = encoded(text) {
            let path = self.sink.path;
            self.sink.at(node.at, |sink| {
                for hit in typed(&inner, path).into_iter().flatten() {
                    sink.add(hit.rule, node.at, format!("{}, in base64", hit.message), &inner);
                }
                in_text(&inner, node.at, self.texts + 1, sink);
            });
        }
    }
}

/// True where each name stands for the key of a Secret that is there already: `secretKeys`, `existingSecretKeys`.
fn names_keys(key: &str, value: &Node) -> bool {
    let lower = key.to_lowercase().replace(['-', '_'], "");
    lower.ends_with("secretkeys") && matches!(value.resolved().value, Value::Map(_))
}

/// What a text in base64 says, where it is one of some length that says something.
pub(super) fn encoded(text: &str) -> Option<String> {
    let text: String = text.split_whitespace().collect();
    if text.len() < 24 || !text.len().is_multiple_of(4) {
        return None;
    }
    let inner = decoded(&text)?;
    let shown = |c: char| !c.is_control() || c.is_whitespace();
    inner.chars().all(shown).then_some(inner)
}
