//! Values a HelmRelease takes from ConfigMaps of the repository (`valuesFrom`), with the places they are written at.

use super::knowledge::{Found, Knowledge};
use crate::manifest::tree::{File, folder_of, join};
use crate::manifest::yaml::{At, Node, parse_from, start_of};

/// The key values are under where a reference names none (helm-controller, `ValuesReference`).
const KEY: &str = "values.yaml";

/// Values of one reference.
#[derive(Clone, Debug)]
pub struct Values {
    /// The values; every node stands where its file has it.
    pub node: Node,
    /// What stands before a path of them for yq.
    pub yq: String,
    /// They are a whole file.
    pub is_file: bool,
}

/// The values of ConfigMaps, those that count over others first.
#[must_use]
pub fn values_from(known: &Knowledge<'_>, found: &Found<'_>) -> Vec<Values> {
    let items = found.resource.content.path(&["spec", "valuesFrom"]).map(Node::items).unwrap_or_default();
    items.iter().rev().filter_map(|item| referenced(known, found, item)).collect()
}

fn referenced(known: &Knowledge<'_>, found: &Found<'_>, item: &Node) -> Option<Values> {
    // A single value put at a path is no place others can be read from.
    if item.str(&["kind"]) != Some("ConfigMap") || item.get("targetPath").is_some() {
        return None;
    }
    let namespace = found.resource.namespace().unwrap_or_default();
    let map = known.resolve(known.cluster_of(found), "ConfigMap", namespace, item.str(&["name"])?)?;
    let map = known.objects.get(map)?;
    let key = item.str(&["valuesKey"]).unwrap_or(KEY);
    let value = map.resource.content.path(&["data", key])?;
    let text = value.text()?;
    let file = known.tree.files.get(known.tree.file_of(value.at))?;
    if let Some(whole) = source_of(known, file, value.at).filter(|whole| whole.text.as_deref() == Some(text))
    {
        let node = whole.documents.first()?.clone();
        return Some(Values { node, yq: String::new(), is_file: true });
    }
    let node = parse_from(text, block(file, value.at, text)?).documents.into_iter().next()?;
    Some(Values { node, yq: format!(".data[\"{key}\"] | from_yaml | "), is_file: false })
}

/// The file that an entry of a generator's `files` names.
fn source_of<'k>(known: &'k Knowledge<'_>, kustomization: &File, at: At) -> Option<&'k File> {
    let entry = kustomization
        .documents
        .iter()
        .filter_map(|document| document.get("configMapGenerator"))
        .flat_map(Node::items)
        .filter_map(|generator| generator.get("files"))
        .flat_map(Node::items)
        .find(|entry| entry.at == at)?
        .text()?;
    let path = entry.split_once('=').map_or(entry, |(_, path)| path);
    known.tree.files.get(&join(folder_of(&kustomization.path), path)?)
}

/// Where the text of a literal block (`|`) begins; none for a text that is written otherwise.
fn block(file: &File, at: At, text: &str) -> Option<At> {
    let start = start_of(text, at);
    let depth = usize::try_from(start.column).ok()?;
    let mut source = file.text.as_deref()?.lines().skip(usize::try_from(start.line).ok()?);
    let same = |line: &str| source.next().is_some_and(|own| own.get(depth..).unwrap_or_default() == line);
    text.lines().all(same).then_some(start)
}
