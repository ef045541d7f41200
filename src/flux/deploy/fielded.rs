//! The edits that give fields of an object their values: the image of a container where its tag is set, an entry of an environment in
//! its list, any other field in the manifest.

use super::DeployError;
use super::change::{NodeEdit, PlannedEdit, ValueChange};
use super::setting::{manifest, shown};
use super::tagged::{place, retagged};
use super::target::Setting;
use crate::catalog::images::{TagKind, tags};
use crate::catalog::knowledge::{AppliedObject, Knowledge};
use crate::edit::{PathStep, ReachedNode, WrittenScalar, reach};
use rwenv_core::manifest::kustomize::image::ImageReference;
use rwenv_core::manifest::yaml::Node;
use rwenv_core::model::{FieldStep, WantedField};

/// Where the containers of a workload are; `kubectl set` looks into both.
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

/// The edits that one field needs.
pub(super) fn fielded(
    known: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    field: &WantedField,
) -> Result<Vec<PlannedEdit>, DeployError> {
    let content = &*found.resource.content;
    let mut edits = Vec::new();
    for reached in resolved(content, &field.path) {
        match reached {
            Ok(steps) => edits.extend(valued(known, found, field, steps)?),
            Err(missing) => edits.push(appended(known, found, field, missing)?),
        }
    }
    if edits.is_empty() {
        return Err(DeployError::Wish(format!("{} has no {}", found.resource.name, field.title())));
    }
    Ok(edits)
}

/// A list that has no item of a name; what of the path lies behind the name.
struct MissingItem<'p> {
    list: Vec<PathStep>,
    name: &'p str,
    rest: &'p [FieldStep],
}

/// The paths by number that a path by names means, in an object as it is.
fn resolved<'p>(content: &Node, path: &'p [FieldStep]) -> Vec<Result<Vec<PathStep>, MissingItem<'p>>> {
    let mut all: Vec<Result<Vec<PathStep>, MissingItem<'p>>> = vec![Ok(Vec::new())];
    for (at, step) in path.iter().enumerate() {
        let mut next = Vec::new();
        for one in all {
            let Ok(steps) = one else {
                next.push(one);
                continue;
            };
            let with = |more: PathStep| Ok(steps.iter().cloned().chain([more]).collect());
            match step {
                FieldStep::Key(key) => next.push(with(PathStep::Key(key.clone()))),
                FieldStep::Item(number) => next.push(with(PathStep::Item(*number))),
                FieldStep::Every => {
                    next.extend((0..items(content, &steps).len()).map(|number| with(PathStep::Item(number))));
                }
                FieldStep::Named(name) => match item(content, &steps, name) {
                    Some(found) => next.push(Ok(found)),
                    None => {
                        let rest = path.get(at + 1..).unwrap_or_default();
                        next.push(Err(MissingItem { list: steps, name, rest }));
                    }
                },
            }
        }
        all = next;
    }
    all
}

fn items<'n>(content: &'n Node, steps: &[PathStep]) -> &'n [Node] {
    match reach(content, steps) {
        ReachedNode::Value(list) => list.items(),
        ReachedNode::Upto(..) => &[],
    }
}

/// The item of a name in a list; a container also among those that begin before.
fn item(content: &Node, list: &[PathStep], name: &str) -> Option<Vec<PathStep>> {
    let mut lists = vec![list.to_vec()];
    if let Some((PathStep::Key(last), before)) = list.split_last()
        && CONTAINERS.contains(&last.as_str())
    {
        lists.extend(CONTAINERS.iter().filter(|other| *other != last).map(|other| {
            before.iter().cloned().chain([PathStep::Key((*other).to_owned())]).collect::<Vec<PathStep>>()
        }));
    }
    lists.into_iter().find_map(|list| {
        let number = items(content, &list).iter().position(|item| item.str(&["name"]) == Some(name))?;
        Some(list.into_iter().chain([PathStep::Item(number)]).collect())
    })
}

fn setting(field: &WantedField, steps: Vec<PathStep>) -> Setting {
    let value = WrittenScalar { text: field.value.clone(), is_text: field.is_text };
    Setting { path: shown(&steps), steps, value, may_be_new: true }
}

/// The edit of a field whose place is known.
fn valued(
    known: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    field: &WantedField,
    steps: Vec<PathStep>,
) -> Result<Vec<PlannedEdit>, DeployError> {
    if field.value.chars().any(char::is_control) {
        return Err(DeployError::Wish(format!(
            "the value of {} has several lines or control characters, which rwenv does not write",
            field.title()
        )));
    }
    let is_image = matches!(
        steps.as_slice(),
        [.., PathStep::Key(list), PathStep::Item(_), PathStep::Key(last)] if CONTAINERS.contains(&list.as_str()) && last == "image"
    );
    if is_image && let Some(edits) = imaged(known, found, field, &steps)? {
        return Ok(edits);
    }
    Ok(vec![manifest(known, found, &setting(field, steps))?])
}

/// The edits of the places that set a container's image, where it keeps its name; none where the manifest alone sets it.
fn imaged(
    known: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    field: &WantedField,
    steps: &[PathStep],
) -> Result<Option<Vec<PlannedEdit>>, DeployError> {
    let ReachedNode::Value(container) =
        reach(&found.resource.content, steps.get(..steps.len() - 1).unwrap_or_default())
    else {
        return Ok(None);
    };
    let name = container.str(&["name"]);
    let mut places = tags(known, found);
    places.retain(|tag| tag.container.as_deref() == name);
    places.sort_by_key(|tag| tag.at);
    places.dedup_by_key(|tag| tag.at);
    let new = ImageReference::of(&field.value);
    let Some(first) = places.first() else { return Ok(None) };
    let version = match (new.tag, new.digest) {
        (Some(tag), Some(digest)) => format!("{tag}@{digest}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => String::new(),
    };
    if !version.is_empty() && places.iter().all(|tag| tag.image == new.name) {
        let edits = places.iter().map(|tag| retagged(known, found, tag, &version));
        return Ok(Some(edits.collect::<Result<_, _>>()?));
    }
    if places.iter().all(|tag| tag.kind == TagKind::Manifest) {
        return Ok(None);
    }
    let why =
        format!("sets another image for this container ({}); change the image there by hand", first.image);
    Err(place(known, &Node::scalar("", first.at), why))
}

/// The edit that adds an entry of an environment to the list that has none of this name.
fn appended(
    known: &Knowledge<'_>,
    found: &AppliedObject<'_>,
    field: &WantedField,
    missing: MissingItem<'_>,
) -> Result<PlannedEdit, DeployError> {
    let MissingItem { list, name, rest } = missing;
    let is_env = matches!(list.last(), Some(PathStep::Key(key)) if key == "env")
        && matches!(rest, [FieldStep::Key(key)] if key == "value");
    let node = match reach(&found.resource.content, &list) {
        ReachedNode::Value(node) if is_env && !node.items().is_empty() => node,
        ReachedNode::Value(node) | ReachedNode::Upto(node, _) => {
            let why = format!("has no {} with the name {name}; add it by hand", shown(&list));
            return Err(place(known, node, why));
        }
    };
    let (file, line) = known.place(node.at);
    let change =
        ValueChange { file, line, what: field.title(), old: None, new: field.value.clone(), policy: None };
    let value = WrittenScalar { text: field.value.clone(), is_text: true };
    let how = NodeEdit::Append(name.to_owned());
    Ok(PlannedEdit { change, node: node.clone(), how, value, variable: None })
}
