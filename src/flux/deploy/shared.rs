//! Who else a change is for: other objects whose image or values stand at the place that is changed.

use super::change::{NodeEdit, PlannedEdit};
use super::tagged::{assigned, spot};
use crate::catalog::images::tags;
use crate::catalog::knowledge::{AppliedObject, Knowledge};
use crate::catalog::values::values_of;
use crate::edit::{ReachedNode, reach};
use rwenv_core::manifest::yaml::{At, Node, Value};

/// The others, as `Kind namespace/name`, with the cluster where there are several.
pub(super) fn affected(known: &Knowledge<'_>, own: &AppliedObject<'_>, edits: &[PlannedEdit]) -> Vec<String> {
    let others = known.objects.iter().filter(|found| !std::ptr::eq(*found, own));
    let same = others.filter(|found| edits.iter().any(|edit| is_for(known, found, edit)));
    let several = known.clusters.len() > 1;
    let mut all: Vec<String> = same
        .map(|found| {
            let resource = &found.resource;
            let cluster = known.clusters.get(known.cluster_of(found)).filter(|_| several);
            let cluster = cluster.map(|cluster| format!(" ({})", cluster.name)).unwrap_or_default();
            format!("{} {}/{}{cluster}", resource.kind, resource.namespace().unwrap_or("-"), resource.name)
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// True where an edit changes an object.
fn is_for(known: &Knowledge<'_>, found: &AppliedObject<'_>, edit: &PlannedEdit) -> bool {
    let (content, at) = (&*found.resource.content, edit.node.at);
    if let Some(name) = &edit.variable {
        let same = || assigned(known, found, name).is_some_and(|node| node.at == at);
        if mentions(content, &format!("${{{name}")) && same() {
            return true;
        }
    }
    // What holds values for others is changed for those.
    let own = (!matches!(&*found.resource.kind, "ConfigMap" | "Kustomization")).then_some(content);
    let values = values_of(known, found);
    let mut places = own.into_iter().chain(values.iter().map(|layer| &layer.node));
    places.any(|node| stands(node, at, &edit.how))
        || tags(known, found)
            .iter()
            .any(|tag| tag.at == at || spot(known, found, tag).is_ok_and(|spot| spot.node.at == at))
}

/// True where a node has what an edit changes. What an overlay sets itself is not changed by what is added below it.
fn stands(node: &Node, at: At, how: &NodeEdit) -> bool {
    let here = node.at == at
        && match how {
            NodeEdit::Replace => matches!(node.value, Value::Scalar { .. }),
            NodeEdit::Add(path) => {
                matches!(node.value, Value::Map(_)) && matches!(reach(node, path), ReachedNode::Upto(..))
            }
            NodeEdit::Append(_) => matches!(node.value, Value::List(_)),
        };
    here || match &node.value {
        Value::Scalar { .. } => false,
        Value::Anchored(inner) | Value::Alias(inner) => stands(inner, at, how),
        Value::List(items) => items.iter().any(|item| stands(item, at, how)),
        Value::Map(entries) => entries.iter().any(|(_, value)| stands(value, at, how)),
    }
}

/// True where some text of a node has these words in it.
fn mentions(node: &Node, words: &str) -> bool {
    match &node.value {
        Value::Scalar { text, .. } => text.contains(words),
        Value::Anchored(inner) | Value::Alias(inner) => mentions(inner, words),
        Value::List(items) => items.iter().any(|item| mentions(item, words)),
        Value::Map(entries) => entries.iter().any(|(_, value)| mentions(value, words)),
    }
}
