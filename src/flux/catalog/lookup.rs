//! Finding things by what people call them.

use schemars::JsonSchema;
use serde::Serialize;

use super::document::{Entry, Service};
use super::knowledge::Knowledge;
use super::uses::secrets_made;
use rwenv_core::decide::kind_named;
use rwenv_core::manifest::tree::Skipped;
use std::collections::BTreeMap;

/// How alike two names have to be for one to be proposed (Jaro–Winkler, 0 to 1).
const ALIKE: f64 = 0.75;
/// Most names that are proposed.
const MOST: usize = 3;

/// Something that is defined somewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The cluster, where the repository has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// Which document of the file it is, from 1.
    pub document: u32,
    /// A kustomization generates it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub generated: bool,
    /// The Flux Kustomizations that bring it in, as `namespace/name`, the root first.
    pub chain: Vec<String>,
    /// The folders of the kustomizations it comes through, the outermost first.
    pub folders: Vec<String>,
}

/// The kind a word of the command line means: `deploy`, `deployments`, `deployments.apps`, `HelmRelease`.
#[must_use]
pub fn kind_of(word: &str, known: &Knowledge<'_>) -> Option<String> {
    if let Some(kind) = kind_named(word) {
        return Some(kind.to_owned());
    }
    let plain = word.split('.').next().unwrap_or(word).to_ascii_lowercase();
    let fits = |kind: &str| {
        let kind = kind.to_ascii_lowercase();
        kind == plain || plain.strip_suffix('s') == Some(&kind) || plain.strip_suffix("es") == Some(&kind)
    };
    known.objects.iter().map(|found| &*found.resource.kind).find(|kind| fits(kind)).map(str::to_owned)
}

/// Where objects of a kind are defined, of one name or all, in one namespace or all.
#[must_use]
pub fn find(known: &Knowledge<'_>, kind: &str, name: Option<&str>, namespace: Option<&str>) -> Vec<Hit> {
    let several = known.clusters.len() > 1;
    let cluster =
        |number: usize| known.clusters.get(number).filter(|_| several).map(|cluster| cluster.name.clone());
    let mut hits: Vec<Hit> = Vec::new();
    for found in known.objects.iter().filter(|found| found.resource.kind == kind) {
        let resource = &found.resource;
        let called = name.is_none_or(|name| resource.name == name || resource.first_name() == name);
        if !called || namespace.is_some_and(|wanted| resource.namespace() != Some(wanted)) {
            continue;
        }
        let (file, line) = known.place(resource.at);
        hits.push(Hit {
            kind: kind.to_owned(),
            name: resource.name.to_string(),
            namespace: resource.namespace().map(str::to_owned),
            cluster: cluster(known.cluster_of(found)),
            file,
            line,
            document: resource.document,
            generated: resource.generated,
            chain: known.chain(found),
            folders: resource
                .step
                .as_ref()
                .map(|step| step.folders().into_iter().map(str::to_owned).collect())
                .unwrap_or_default(),
        });
    }
    // What nothing applies is defined all the same.
    for orphan in known.orphans.iter().filter(|orphan| orphan.kind == kind) {
        let wanted = name.is_none_or(|name| orphan.name == name)
            && namespace.is_none_or(|ns| orphan.namespace.as_deref() == Some(ns));
        if wanted {
            let (file, line) = known.place(orphan.at);
            let (kind, name, namespace) =
                (orphan.kind.clone(), orphan.name.clone(), orphan.namespace.clone());
            let (chain, folders) = (Vec::new(), Vec::new());
            hits.push(Hit {
                kind,
                name,
                namespace,
                cluster: None,
                file,
                line,
                document: 1,
                generated: false,
                chain,
                folders,
            });
        }
    }
    hits.sort();
    hits.dedup();
    hits
}

/// The objects that have a Secret of this name made, as [`find`] tells of them.
#[must_use]
pub fn makers(known: &Knowledge<'_>, secret: &str, namespace: Option<&str>) -> Vec<Hit> {
    let makers =
        known.objects.iter().filter(|found| secrets_made(known, found).iter().any(|made| made == secret));
    let fitting =
        makers.filter(|found| namespace.is_none_or(|wanted| found.resource.namespace() == Some(wanted)));
    let mut hits: Vec<Hit> = fitting
        .flat_map(|found| {
            find(known, &found.resource.kind, Some(&found.resource.name), found.resource.namespace())
        })
        .collect();
    hits.sort();
    hits.dedup();
    hits
}

/// The templates of charts of the repository that may make an object: of its kind, with its name or in a chart of that name.
#[must_use]
pub fn templates(known: &Knowledge<'_>, kind: &str, name: &str) -> Vec<Hit> {
    let files = known.tree.files.values().filter(|file| file.skipped == Some(Skipped::HelmTemplate));
    let hits = files.filter_map(|file| {
        let text = file.text.as_deref()?;
        let value = |line: &str, key: &str| {
            let rest = line.trim_start().trim_start_matches("- ").strip_prefix(key)?.strip_prefix(':')?;
            Some(rest.trim().trim_matches(['"', '\'']).to_owned())
        };
        let line = text.lines().position(|line| value(line, "kind").as_deref() == Some(kind))?;
        let (chart, _) = file.path.split_once("/templates/").unwrap_or_default();
        let named = text.lines().any(|line| value(line, "name").as_deref() == Some(name));
        let computed = text.lines().any(|line| value(line, "name").is_some_and(|name| name.contains("{{")));
        (named || (computed && chart.rsplit('/').next() == Some(name))).then(|| Hit {
            kind: kind.to_owned(),
            name: name.to_owned(),
            namespace: None,
            cluster: None,
            file: file.path.clone(),
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            document: 1,
            generated: false,
            chain: Vec::new(),
            folders: Vec::new(),
        })
    });
    hits.collect()
}

/// Names of objects of a kind that are nearly the one that was asked for.
#[must_use]
pub fn near_objects(known: &Knowledge<'_>, kind: &str, name: &str) -> Vec<String> {
    let all = known.objects.iter().filter(|found| found.resource.kind == kind);
    near(name, all.map(|found| found.resource.first_name()))
}

/// Names that are nearly the one that was asked for, the nearest first.
#[must_use]
pub fn near<'n>(name: &str, all: impl Iterator<Item = &'n str>) -> Vec<String> {
    let lower = name.to_lowercase();
    let score = |other: &str| {
        // Names of objects are in small letters; who asks need not be.
        let name = if name == other { name } else { lower.as_str() };
        let whole = other.contains(name) || name.contains(other);
        // A letter too many, too few, or two that changed places: one in four letters.
        let slips = strsim::osa_distance(name, other);
        let slipped = slips > 0 && slips * 4 <= name.chars().count().max(other.chars().count()) + 1;
        let alike = strsim::jaro_winkler(name, other) + if whole { 0.2 } else { 0.0 };
        if slipped { alike.max(ALIKE) + 0.3 } else { alike }
    };
    let mut scored: Vec<(f64, &str)> =
        all.map(|other| (score(other), other)).filter(|(score, _)| *score >= ALIKE).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(MOST).map(|(_, name)| name.to_owned()).collect()
}

/// Proposes names, as the sentence behind one that says what is not there.
#[must_use]
pub fn proposal(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!(" Did you mean {}?", near.join(", ")) }
}

/// What is said where no service has a name.
#[must_use]
pub fn unknown_service(name: &str, near: &[String]) -> String {
    format!("Service '{name}' not found in services catalog.{}", proposal(near))
}

/// The services of a name: under that key, or under keys that say more.
#[must_use]
pub fn services<'s>(
    all: &'s BTreeMap<String, Entry<Service>>,
    name: &str,
) -> Vec<(&'s String, &'s Entry<Service>)> {
    if let Some(only) = all.get_key_value(name) {
        return vec![only];
    }
    all.iter().filter(|(_, service)| service.place.name.as_deref() == Some(name)).collect()
}
