//! The edit that gives an image another tag: in its place, or where the variable is set that stands there.

use super::DeployError;
use super::change::{NodeEdit, PlannedEdit, ValueChange};
use crate::catalog::images::{Tag, TagKind};
use crate::catalog::knowledge::{AppliedObject, Knowledge};
use crate::edit::WrittenScalar;
use rwenv_core::manifest::kustomize::image::ImageReference;
use rwenv_core::manifest::yaml::{At, Node, Value};

pub(super) fn place(known: &Knowledge<'_>, node: &Node, why: impl Into<String>) -> DeployError {
    let (file, line) = known.place(node.at);
    DeployError::Place { file, line, why: why.into() }
}

/// The scalar that a tag is changed in.
pub(super) struct Spot {
    pub(super) node: Node,
    /// The variable whose value it is.
    variable: Option<String>,
    /// It holds the image's name as well.
    is_whole: bool,
}

/// Where a tag is to be changed: what is a variable is set where the variable is.
pub(super) fn spot(known: &Knowledge<'_>, found: &AppliedObject<'_>, tag: &Tag) -> Result<Spot, DeployError> {
    let node = written(known, tag);
    let text = node.text().unwrap_or_default();
    let is_variable = text.starts_with("${");
    let is_whole = tag.tag.as_deref() != Some(text);
    let name = variable(if is_variable { text } else { tag.tag.as_deref().unwrap_or_default() });
    let Some(name) = name.map(str::to_owned) else { return Ok(Spot { node, variable: None, is_whole }) };
    match assigned(known, found, &name) {
        Some(node) => Ok(Spot { node, variable: Some(name), is_whole: is_variable && is_whole }),
        None => {
            let why = format!("is the variable {name}, which nothing in this repository sets");
            Err(place(known, &node, why))
        }
    }
}

/// The edit that gives a place another tag.
pub(super) fn retagged(
    known: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    tag: &Tag,
    new: &str,
) -> Result<PlannedEdit, DeployError> {
    let Spot { node, variable, is_whole } = spot(known, found, tag)?;
    let old = node.text().unwrap_or_default().to_owned();
    let text = match &variable {
        Some(_) if !is_whole => new.to_owned(),
        _ => renewed(tag, &old, new).map_err(|why| place(known, &node, why))?,
    };
    let (file, line) = known.place(node.at);
    let (what, policy) = (tag.yq.clone(), tag.policy.clone());
    let change = ValueChange { file, line, what, old: Some(old), new: text.clone(), policy };
    let value = WrittenScalar { text, is_text: true };
    Ok(PlannedEdit { change, node, how: NodeEdit::Replace, value, variable })
}

/// What is to stand in the place of a tag, or of an image with its tag.
fn renewed(tag: &Tag, old: &str, new: &str) -> Result<String, String> {
    let digest = new.starts_with("sha256:");
    if tag.tag.as_deref() == Some(old) {
        let pinned = old.starts_with("sha256:");
        return match tag.kind {
            _ if pinned && !digest => Err(format!(
                "pins {} by its digest; give --image-tag sha256:…, or write a newTag there in place of the digest",
                tag.image
            )),
            TagKind::KustomizeImages | TagKind::FluxImages if !pinned && new.contains("sha256:") => {
                Err(format!("sets the tag of {}, and a digest is not a tag", tag.image))
            }
            _ => Ok(new.to_owned()),
        };
    }
    let name = ImageReference::of(old).name;
    Ok(format!("{name}{}{new}", if digest { '@' } else { ':' }))
}

/// The scalar a tag is in.
fn written(known: &Knowledge<'_>, tag: &Tag) -> Node {
    let file = known.tree.files.get(known.tree.file_of(tag.at));
    let own = file.and_then(|file| file.documents.iter().find_map(|document| scalar_at(document, tag.at)));
    // In a text that is YAML itself the value is not a node of the file.
    let text = match (&tag.tag, tag.yq.ends_with(".tag")) {
        (Some(tag), true) => tag.clone(),
        (Some(version), false) => format!("{}:{version}", tag.image),
        (None, _) => tag.image.clone(),
    };
    own.cloned().unwrap_or_else(|| Node::scalar(&text, tag.at))
}

fn scalar_at(node: &Node, at: At) -> Option<&Node> {
    match &node.value {
        Value::Scalar { .. } => (node.at == at).then_some(node),
        Value::Anchored(inner) => scalar_at(inner, at),
        // What stands there is written where its anchor is.
        Value::Alias(inner) => Some(inner.resolved()).filter(|inner| node.at == at && inner.text().is_some()),
        Value::List(items) => items.iter().find_map(|item| scalar_at(item, at)),
        Value::Map(entries) => entries.iter().find_map(|(_, value)| scalar_at(value, at)),
    }
}

/// The variable that a text is, and nothing else: `${name}`, `${name:=default}`.
pub(super) fn variable(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
    inner.get(..end).filter(|name| !name.is_empty())
}

/// Where a variable of the Kustomization that applies an object has its value (kustomize-controller: what stands in
/// `substitute` counts over `substituteFrom`, and there the last one).
pub(super) fn assigned(known: &Knowledge<'_>, found: &AppliedObject<'_>, name: &str) -> Option<Node> {
    let unit = known.units.get(found.unit)?;
    if let Some(own) = unit.spec.path(&["postBuild", "substitute", name]) {
        return Some(own.clone());
    }
    let from = unit.spec.path(&["postBuild", "substituteFrom"]).map(Node::items).unwrap_or_default();
    from.iter().rev().filter(|item| item.str(&["kind"]) == Some("ConfigMap")).find_map(|item| {
        let map = known.resolve(unit.cluster, "ConfigMap", &unit.namespace, item.str(&["name"])?)?;
        known.objects.get(map)?.resource.content.path(&["data", name]).cloned()
    })
}

/// The refusal to change an ApplicationSet for the sake of one Application.
pub(super) fn set_is_shared(known: &Knowledge<'_>, found: &AppliedObject<'_>) -> DeployError {
    let (file, line) = known.place(found.resource.at);
    let why = format!(
        "an ApplicationSet makes the Application {}, and others; edit what its generator reads, or the set",
        found.resource.name
    );
    DeployError::Place { file, line, why }
}
