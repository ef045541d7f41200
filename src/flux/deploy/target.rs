//! What a deployment is to change: from the words of a person to a service's place in the repository.

use crate::catalog::document::{Entry, Origin, Service, documents};
use crate::catalog::images::Tag;
use crate::catalog::knowledge::{AppliedObject, Applier, Knowledge};
use crate::catalog::lookup;
use crate::catalog::part::ImagePart;
use crate::catalog::selected::root_of;
use crate::edit::{PathStep, WrittenScalar, steps};
use crate::repos::WantedRoot;
use rwenv_core::manifest::kustomize::image::ImageReference;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::DeployError;
use rwenv_core::model::WantedObject;
use rwenv_gate::facts::index;

/// What a person wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentWish {
    /// The service: its name, or its key in the catalog.
    pub service: String,
    /// The namespace it runs in, where the name is not enough.
    pub namespace: Option<String>,
    /// The image whose tag is meant, where it has several.
    pub image: Option<String>,
    /// The new tag, or digest.
    pub tag: Option<String>,
    /// The new version of its chart.
    pub chart_version: Option<String>,
    /// Values to set: `key=value`, as YAML reads them.
    pub set: Vec<String>,
    /// Values to set that are texts, whatever they look like.
    pub set_string: Vec<String>,
    /// Values to set may be new ones. Without this, a name that is not there is taken for a slip.
    pub create: bool,
    /// Objects that are to have fields, in the place of a service.
    pub objects: Vec<WantedObject>,
    /// Fields of these objects that cannot be changed are left out, and told.
    pub lenient: bool,
}

impl DeploymentWish {
    /// What is to be set.
    ///
    /// # Errors
    /// Where one is not `key=value`.
    pub fn settings(&self) -> Result<Vec<Setting>, DeployError> {
        let typed = self.set.iter().map(|text| (text, false));
        let all = typed.chain(self.set_string.iter().map(|text| (text, true)));
        all.map(|(text, is_text)| {
            setting(text, is_text)
                .map(|one| Setting { may_be_new: self.create, ..one })
                .map_err(DeployError::Wish)
        })
        .collect()
    }
}

/// An object of the cluster, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectName {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A value to set.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its path, as written.
    pub path: String,
    /// The same, step by step.
    pub steps: Vec<PathStep>,
    /// The value.
    pub value: WrittenScalar,
    /// It may be a value that is not there.
    pub may_be_new: bool,
}

fn setting(text: &str, is_text: bool) -> Result<Setting, String> {
    let (path, value) = text.split_once('=').ok_or_else(|| format!("'{text}' is not key=value"))?;
    if text.chars().any(char::is_control) {
        let shown: String = path.escape_debug().take(60).collect();
        return Err(format!(
            "'{shown}' or its value has several lines or control characters, which rwenv does not write"
        ));
    }
    Ok(Setting {
        path: path.to_owned(),
        steps: steps(path)?,
        value: WrittenScalar { text: value.to_owned(), is_text },
        may_be_new: false,
    })
}

/// Checks a tag (distribution/reference: `[\w][\w.-]{0,127}`), a digest, or both.
pub(super) fn checked_tag(tag: &str) -> Result<(), DeployError> {
    let (name, digest) = tag.split_once('@').map_or((tag, None), |(name, digest)| (name, Some(digest)));
    let (name, digest) = if tag.starts_with("sha256:") { ("", Some(tag)) } else { (name, digest) };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named =
        name.starts_with(word) && name.len() <= 128 && name.chars().all(|c| word(c) || ".-".contains(c));
    let hex = |digest: &str| {
        digest
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if digest.is_none_or(hex) && (named || (name.is_empty() && digest.is_some())) {
        return Ok(());
    }
    let shown: String = tag.escape_debug().take(80).collect();
    Err(DeployError::Wish(format!(
        "'{shown}' is not an image tag; write it like v2.3.0, sha256:… or v2.3.0@sha256:…"
    )))
}

/// A service, by what finds it again after the repository was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeployTarget {
    /// Its key in the catalog.
    pub(super) key: String,
    /// The group its image belongs to, or its key.
    pub(super) group: String,
    /// The object that defines it.
    pub(super) object: ObjectName,
    /// What applies it, the root first, with the objects' namespaces.
    pub(super) chain: Vec<(String, String)>,
    /// Flux applies it.
    pub(super) by_flux: bool,
    cluster: usize,
}

impl DeployTarget {
    /// Finds a service: in the root that is wanted, where that can be told.
    pub(super) fn find(
        known: Knowledge<'_>,
        wish: &DeploymentWish,
        root: &WantedRoot,
    ) -> Result<Self, DeployError> {
        let root = root_of(&known, root).map_err(|error| DeployError::Wish(error.to_string()))?;
        let several = known.clusters.len() > 1;
        let known = known.narrowed(root);
        let mut target = if wish.objects.is_empty() {
            Self::named(&known, wish)?
        } else {
            let mut all = wish.objects.iter().map(|object| Self::of_object(&known, object));
            let first = all.next().unwrap_or_else(|| Self::named(&known, wish));
            // Where others may be left out, so may the first.
            first.or_else(|error| all.find_map(Result::ok).filter(|_| wish.lenient).ok_or(error))?
        };
        // Of one root alone it has another number.
        target.cluster = root.filter(|_| several).unwrap_or(target.cluster);
        Ok(target)
    }

    /// The same of an object, in the cluster of this one.
    pub(super) fn beside(&self, known: &Knowledge<'_>, object: &WantedObject) -> Result<Self, DeployError> {
        let is =
            |found: &&AppliedObject<'_>| is_named(found, object) && known.cluster_of(found) == self.cluster;
        let found = known.objects.iter().find(is).ok_or_else(|| unknown(known, object))?;
        Ok(Self::at(known, found, found.resource.name.to_string(), found.resource.name.to_string()))
    }

    fn of_object(known: &Knowledge<'_>, object: &WantedObject) -> Result<Self, DeployError> {
        let hits: Vec<&AppliedObject<'_>> =
            known.objects.iter().filter(|found| is_named(found, object)).collect();
        match hits.as_slice() {
            [] => Err(unknown(known, object)),
            [found] => Ok(Self::at(known, found, object.name.clone(), object.name.clone())),
            all => {
                let place = |found: &&AppliedObject<'_>| {
                    let cluster = known.clusters.get(known.cluster_of(found));
                    let cluster = cluster.map(|cluster| cluster.name.clone()).unwrap_or_default();
                    format!("{}/{} {cluster}", found.resource.namespace().unwrap_or("-"), found.resource.name)
                };
                let name = format!("{} {}", object.kind, object.name);
                Err(DeployError::Several { name, all: all.iter().map(place).collect() })
            }
        }
    }

    fn named(known: &Knowledge<'_>, wish: &DeploymentWish) -> Result<Self, DeployError> {
        let services = documents(known, &Origin::default()).services.services;
        let mut hits = lookup::services(&services, &wish.service);
        hits.retain(|(_, service)| wish.namespace.as_ref().is_none_or(|wanted| service.namespace == *wanted));
        let (key, service) = match hits.as_slice() {
            [] => {
                let near = lookup::near(&wish.service, services.keys().map(String::as_str));
                return Err(DeployError::Unknown { name: wish.service.clone(), near });
            }
            [one] => *one,
            all => {
                let all = all.iter().map(|(key, service)| format!("{key} (namespace {})", service.namespace));
                return Err(DeployError::Several { name: wish.service.clone(), all: all.collect() });
            }
        };
        let found = known.objects.iter().find(|found| defines(known, found, service));
        let found =
            found.ok_or_else(|| DeployError::Unknown { name: wish.service.clone(), near: Vec::new() })?;
        Ok(Self::of(known, found, key, service))
    }

    fn of(known: &Knowledge<'_>, found: &AppliedObject<'_>, key: &str, service: &Service) -> Self {
        let group = service.image_group.clone().unwrap_or_else(|| key.to_owned());
        let mut target = Self::at(known, found, key.to_owned(), group);
        if found.resource.namespace().is_none() {
            target.object.namespace.clone_from(&service.namespace);
        }
        target
    }

    fn at(known: &Knowledge<'_>, found: &AppliedObject<'_>, key: String, group: String) -> Self {
        let mut chain = Vec::new();
        let mut next = known.units.get(found.unit);
        let by_flux = next.is_some_and(|unit| unit.applier == Applier::Flux);
        while let Some(unit) = next {
            if unit.applier == Applier::Flux {
                chain.push((unit.namespace.clone(), unit.name.clone()));
            }
            next = unit.above.and_then(|above| known.units.get(above));
        }
        chain.reverse();
        Self {
            key,
            group,
            object: ObjectName {
                kind: found.resource.kind.to_string(),
                namespace: found.resource.namespace().unwrap_or_default().to_owned(),
                name: found.resource.name.to_string(),
            },
            chain,
            by_flux,
            cluster: known.cluster_of(found),
        }
    }

    /// The object, in a repository that has changed since.
    pub(super) fn again<'k, 't>(&self, known: &'k Knowledge<'t>) -> Option<&'k AppliedObject<'t>> {
        known.objects.iter().find(|found| {
            let resource = &found.resource;
            resource.kind == self.object.kind
                && resource.name == self.object.name
                && resource.namespace().unwrap_or(&self.object.namespace) == self.object.namespace
                && known.cluster_of(found) == self.cluster
        })
    }
}

fn is_named(found: &AppliedObject<'_>, object: &WantedObject) -> bool {
    let resource = &found.resource;
    let here = || {
        resource.namespace().is_none_or(|own| object.namespace.as_deref().is_none_or(|wanted| own == wanted))
    };
    resource.kind == object.kind && resource.name == object.name && here()
}

/// Why an object cannot be changed here: a release makes it, or nothing of the repository does.
fn unknown(known: &Knowledge<'_>, object: &WantedObject) -> DeployError {
    let WantedObject { kind, name, .. } = object;
    let release = index::releases(kind, name).find(|release| {
        known
            .objects
            .iter()
            .any(|found| found.resource.kind == "HelmRelease" && found.resource.name == *release)
    });
    DeployError::Wish(match release {
        Some(release) => format!(
            "{kind} {name} comes from HelmRelease {release}: set a value of its chart instead, with rwenv deploy {release} --set KEY=VALUE"
        ),
        None => format!(
            "no file of the Flux repository defines {kind} {name}; rwenv where {kind}/{name} looks for it"
        ),
    })
}

fn defines(known: &Knowledge<'_>, found: &AppliedObject<'_>, service: &Entry<Service>) -> bool {
    let resource = &found.resource;
    let name = service.deployment.as_ref().or(service.helm_release.as_ref()).or(service.application.as_ref());
    let cluster = known.clusters.get(known.cluster_of(found)).map(|cluster| &cluster.name);
    resource.kind == service.kind
        && name.is_some_and(|name| resource.name == *name)
        && service.place.cluster.as_ref().is_none_or(|wanted| cluster == Some(wanted))
        && known.chain(found) == service.chain
}

/// The places of the tag that is meant.
pub(super) fn meant(all: Vec<Tag>, name: &str, wish: &DeploymentWish) -> Result<Vec<Tag>, DeployError> {
    if all.is_empty() {
        return Err(DeployError::Wish(format!(
            "{name} sets no image tag in this repository; its chart has one: say --chart-version for another chart, or --set image.tag=… --create, or where its values have it"
        )));
    }
    let mut places = match &wish.image {
        Some(wanted) => wished(&all, wanted),
        None => own(&all),
    };
    let several = places.iter().any(|one| places.first().map(identity) != Some(identity(one)));
    if places.is_empty() || several {
        let named: BTreeSet<&str> = all.iter().map(identity).collect();
        let named: Vec<&str> = named.into_iter().collect();
        let why = match named.as_slice() {
            [_] if wish.image.is_none() => "sets no tag of an image of its own in this repository, but of",
            _ => "runs several images:",
        };
        return Err(DeployError::Wish(format!("{name} {why} {}; say which: --image NAME", named.join(", "))));
    }
    places.sort_by_key(|tag| tag.at);
    places.dedup_by_key(|tag| tag.at);
    Ok(places)
}

/// What tells an image apart: its name, or, where a chart knows that, its place.
fn identity(tag: &Tag) -> &str {
    if tag.image.is_empty() { &tag.path } else { &tag.image }
}

/// The service's own image, wherever it is set. An init container of the same image moves with it, unless its version differs.
fn own(all: &[Tag]) -> Vec<Tag> {
    let Some(nearest) = all.iter().map(|tag| tag.part).min().filter(|part| *part <= ImagePart::General)
    else {
        return Vec::new();
    };
    let near: Vec<&Tag> = all.iter().filter(|tag| tag.part == nearest).collect();
    let is_own = |tag: &&Tag| {
        near.iter().any(|own| identity(own) == identity(tag))
            && (tag.part != ImagePart::Beside || near.iter().any(|own| own.tag == tag.tag))
    };
    all.iter().filter(is_own).cloned().collect()
}

/// The image of a name: the whole of it, its place (`etcd.image`), its container's, or the last part of its own.
fn wished(all: &[Tag], wanted: &str) -> Vec<Tag> {
    let place = wanted.trim_start_matches('.');
    let place = ["spec.values.", "spec.template.spec.", "values."]
        .iter()
        .find_map(|s| place.strip_prefix(s))
        .unwrap_or(place);
    let place = place.strip_suffix(".tag").unwrap_or(place);
    let ways: [&dyn Fn(&Tag) -> bool; 4] = [
        &|tag| tag.image == wanted,
        &|tag| tag.path == place,
        &|tag| tag.container.as_deref() == Some(wanted),
        &|tag| ImageReference::of(&tag.image).base() == wanted,
    ];
    let mut found = ways.iter().map(|way| all.iter().filter(|tag| way(tag)).cloned().collect::<Vec<_>>());
    found.find(|places| !places.is_empty()).unwrap_or_default()
}
