//! `configmaps.json`: what is configured where, who uses it, and where variables come from.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::super::knowledge::{AppliedObject, Applier};
use super::entry::{Entry, EntryPlace, Metadata};
use super::view::{View, keyed};
use rwenv_core::manifest::yaml::Node;

/// Longest value that is shown, in bytes.
const LONGEST: usize = 1024;
/// What uses a ConfigMap that every Kustomization takes its variables from.
const EVERYONE: &str = "all kustomizations via postBuild.substituteFrom";

/// `configmaps.json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMaps {
    /// The ConfigMaps by name.
    pub config_maps: BTreeMap<String, Entry<ConfigMap>>,
    /// Where variables come from; none where nothing is substituted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable_substitution: Option<Substitution>,
    /// What the file says about itself.
    pub metadata: Metadata,
}

/// A ConfigMap.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMap {
    /// Its namespace.
    pub namespace: String,
    /// `kustomization` for a generator, `manifest` for a file of its own.
    pub generated_by: &'static str,
    /// The file that defines it.
    pub source_file: String,
    /// What it is, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Values as written, by key; long ones and what looks like a secret only as a remark.
    pub keys: BTreeMap<String, String>,
    /// What uses it.
    pub used_by: Vec<String>,
}

/// How variables get their values.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Substitution {
    /// The mechanism.
    pub mechanism: &'static str,
    /// The ConfigMap most Kustomizations take variables from.
    #[serde(rename = "sourceConfigMap")]
    pub source: String,
    /// Its namespace.
    pub namespace: String,
    /// How a variable is written.
    pub syntax: &'static str,
    /// The variables, as they are written, with their values or where those come from.
    pub common_variables: BTreeMap<String, String>,
}

pub(super) fn maps(view: &View<'_, '_>, metadata: Metadata) -> ConfigMaps {
    let known = view.known;
    let entries = known.of_kind("", "ConfigMap").map(|(_, found)| view.defines(found, entry(view, found)));
    let config_maps = keyed(entries.collect());
    ConfigMaps { variable_substitution: substitution(view), config_maps, metadata }
}

fn entry(view: &View<'_, '_>, found: &AppliedObject<'_>) -> ConfigMap {
    let resource = &found.resource;
    let content = &resource.content;
    let place = view.place_of(found);
    let mut used_by: Vec<String> =
        view.uses.users_of_object(view.known, found, "ConfigMap").into_iter().collect();
    used_by.extend(kustomizations(view, found));
    let mut keys = BTreeMap::new();
    for (key, value) in content.get("data").map(Node::entries).unwrap_or_default() {
        let Some(key) = key.text() else { continue };
        keys.insert(key.to_owned(), shown(key, value.text().unwrap_or_default(), &place));
    }
    for (key, value) in content.get("binaryData").map(Node::entries).unwrap_or_default() {
        let size = value.text().unwrap_or_default().len() / 4 * 3;
        keys.extend(key.text().map(|key| (key.to_owned(), format!("(binary, about {size} bytes)"))));
    }
    ConfigMap {
        namespace: view.namespace(found),
        generated_by: if resource.generated { "kustomization" } else { "manifest" },
        source_file: place.file,
        description: content
            .str(&["metadata", "annotations", "kubernetes.io/description"])
            .map(str::to_owned),
        keys,
        used_by,
    }
}

/// A value for people: not what is long, and not what may be a secret.
fn shown(key: &str, value: &str, place: &EntryPlace) -> String {
    let line = format!("{key}: {value}");
    if !rwenv_core::manifest::secrets_in(&line, &place.file).is_empty() {
        return format!("(looks like a secret; see {}:{})", place.file, place.line);
    }
    if value.len() > LONGEST {
        let lines = value.lines().count();
        return format!("({} bytes, {lines} lines; see {}:{})", value.len(), place.file, place.line);
    }
    // `https://user:password@host`
    if value.contains("://") && value.contains('@') {
        rwenv_gate::base::redact::redact(value)
    } else {
        value.to_owned()
    }
}

/// The Kustomizations that take variables from a ConfigMap.
fn kustomizations(view: &View<'_, '_>, found: &AppliedObject<'_>) -> Vec<String> {
    let known = view.known;
    let cluster = known.cluster_of(found);
    let namespace = view.namespace(found);
    let takes = |spec: &Node| {
        let from = spec.path(&["postBuild", "substituteFrom"]).map(Node::items).unwrap_or_default();
        from.iter().any(|item| {
            item.str(&["kind"]) == Some("ConfigMap")
                && item.str(&["name"]) == Some(found.resource.first_name())
        })
    };
    let flux = known.units.iter().filter(|unit| unit.applier == Applier::Flux && unit.cluster == cluster);
    let all: Vec<_> = flux.clone().filter(|unit| !unit.spec.entries().is_empty()).collect();
    let users: BTreeSet<&str> = flux
        .filter(|unit| unit.namespace == namespace && takes(&unit.spec))
        .map(|unit| unit.name.as_str())
        .collect();
    if users.len() > 1 && users.len() == all.len() {
        return vec![EVERYONE.to_owned()];
    }
    users.into_iter().map(|name| format!("kustomization {name} via postBuild.substituteFrom")).collect()
}

fn substitution(view: &View<'_, '_>) -> Option<Substitution> {
    let known = view.known;
    let mut count: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut inline: BTreeSet<&str> = BTreeSet::new();
    for unit in known.units.iter().filter(|unit| unit.applier == Applier::Flux) {
        for item in unit.spec.path(&["postBuild", "substituteFrom"]).map(Node::items).unwrap_or_default() {
            let name = item.str(&["name"]).filter(|_| item.str(&["kind"]) == Some("ConfigMap"));
            if let Some(name) = name {
                *count.entry((unit.namespace.as_str(), name)).or_default() += 1;
            }
        }
        let own = unit.spec.path(&["postBuild", "substitute"]).map(Node::entries).unwrap_or_default();
        inline.extend(own.iter().filter_map(|(key, _)| key.text()));
    }
    let ((namespace, source), _) = count
        .iter()
        .max_by_key(|(key, n)| (**n, std::cmp::Reverse(**key)))
        .map(|(key, n)| (*key, *n))
        .unwrap_or_default();
    if source.is_empty() && inline.is_empty() {
        return None;
    }
    // Clusters may have values of their own.
    let mut common: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, found) in known.of_kind("", "ConfigMap") {
        if found.resource.first_name() == source
            && found.resource.namespace().unwrap_or_default() == namespace
        {
            let place = view.place_of(found);
            for (key, value) in found.resource.content.get("data").map(Node::entries).unwrap_or_default() {
                let key = key.text().unwrap_or_default();
                let value = shown(key, value.text().unwrap_or_default(), &place);
                let values: &mut Vec<String> = common.entry(format!("${{{key}}}")).or_default();
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
    }
    for key in inline {
        common
            .entry(format!("${{{key}}}"))
            .or_insert_with(|| vec!["set by Kustomizations in postBuild.substitute".to_owned()]);
    }
    for unit in &known.units {
        for name in &unit.unresolved {
            common
                .entry(format!("${{{name}}}"))
                .or_insert_with(|| vec!["not in this repository: a Secret or the cluster has it".to_owned()]);
        }
    }
    Some(Substitution {
        mechanism: if source.is_empty() {
            "Flux postBuild.substitute"
        } else {
            "Flux postBuild.substituteFrom"
        },
        source: source.to_owned(),
        namespace: namespace.to_owned(),
        syntax: "${variable_name}",
        common_variables: common.into_iter().map(|(name, values)| (name, values.join(" | "))).collect(),
    })
}
