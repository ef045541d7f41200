//! The change of a deployment, made in memory: which files get which text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DeployError;
use super::target::{Setting, Target, Wish, affected, checked_tag, meant};
use crate::catalog::images::{Tag, TagKind, tags};
use crate::catalog::knowledge::{Found, Knowledge};
use crate::catalog::kustomize::image::Reference;
use crate::catalog::values::values_from;
use crate::catalog::walk::walk;
use crate::host::content::Commit;
use crate::manifest::edit::{EditError, Reached, Step, Written, add, reach, replace};
use crate::manifest::tree::Tree;
use crate::manifest::yaml::{At, Node, Value};

/// One value that becomes another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// What it is: a path.
    pub what: String,
    /// What stood there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What is to stand there.
    pub new: String,
    /// The ImagePolicy that writes this place too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// A file before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEdit {
    /// Its path.
    pub path: String,
    /// Its text now.
    pub before: String,
    /// Its text then.
    pub after: String,
}

/// An edit that is to be made.
struct Edit {
    change: Change,
    node: Node,
    /// Keys that are missing below the node; none where it is a scalar that gets another text.
    missing: Option<Vec<Step>>,
    value: Written,
}

/// A change of a repository, as it would be committed.
pub struct Draft<'c> {
    /// The values that change; none where all is as it should be already.
    pub changes: Vec<Change>,
    /// Other objects that change with it.
    pub affected: Vec<String>,
    pub(super) target: Target,
    commit: &'c Commit,
    tree: Tree,
    texts: BTreeMap<String, String>,
}

impl<'c> Draft<'c> {
    /// Makes the change that a wish asks for, of a commit.
    ///
    /// # Errors
    /// Where there is no such service, or what it sets cannot be edited.
    pub fn make(commit: &'c Commit, wish: &Wish) -> Result<Self, DeployError> {
        if let Some(tag) = &wish.tag {
            checked_tag(tag)?;
        }
        let read = |path: &str| commit.bytes_of(path);
        let target = Target::find(&walk(&commit.tree, &read), wish)?;
        let (tree, texts) = (commit.tree.clone(), BTreeMap::new());
        let mut draft = Self { changes: Vec::new(), affected: Vec::new(), target, commit, tree, texts };
        if let Some(tag) = &wish.tag {
            draft.with(|known, target, found| {
                let places = meant(tags(known, found), found.resource.first_name(), wish)?;
                let edits = places
                    .iter()
                    .map(|place| retagged(known, found, place, tag))
                    .collect::<Result<_, _>>()?;
                Ok((edits, affected(known, target, &places)))
            })?;
        }
        for setting in wish.settings()? {
            draft.with(|known, _, found| Ok((vec![set(known, found, &setting)?], Vec::new())))?;
        }
        Ok(draft)
    }

    /// The service's key in the catalog.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.target.key
    }

    /// The files that change.
    #[must_use]
    pub fn files(&self) -> Vec<FileEdit> {
        let before = |path: &str| self.commit.tree.files.get(path).and_then(|file| file.text.clone());
        let edit = |(path, after): (&String, &String)| FileEdit {
            path: path.clone(),
            before: before(path).unwrap_or_default(),
            after: after.clone(),
        };
        self.texts.iter().map(edit).filter(|edit| edit.before != edit.after).collect()
    }

    /// Makes edits of the repository as it is with those that were made before.
    fn with(
        &mut self,
        what: impl FnOnce(&Knowledge<'_>, &Target, &Found<'_>) -> Result<(Vec<Edit>, Vec<String>), DeployError>,
    ) -> Result<(), DeployError> {
        let (mut edits, affected) = {
            let read = |path: &str| {
                let own = self.texts.get(path).map(|text| text.clone().into_bytes());
                own.or_else(|| self.commit.bytes_of(path))
            };
            let known = walk(&self.tree, &read);
            let gone =
                || DeployError::Wish(format!("{} is no longer there after the change", self.target.key));
            let found = self.target.again(&known).ok_or_else(gone)?;
            what(&known, &self.target, found)?
        };
        self.affected.extend(affected);
        // From the end, so that what is still to be edited stays where it is.
        edits.sort_by_key(|edit| std::cmp::Reverse((edit.change.file.clone(), edit.node.at)));
        for edit in edits {
            self.apply(edit)?;
        }
        Ok(())
    }

    fn apply(&mut self, edit: Edit) -> Result<(), DeployError> {
        let Edit { change, node, missing, value } = edit;
        let refused =
            |at: At, why: String| DeployError::Place { file: change.file.clone(), line: at.line, why };
        let file = self.tree.files.get(&change.file);
        let Some(text) = file.and_then(|file| file.text.clone()) else {
            return Err(refused(node.at, "is no text".to_owned()));
        };
        if file.is_some_and(|file| file.documents.iter().any(|document| document.get("sops").is_some())) {
            return Err(refused(
                node.at,
                "is encrypted with SOPS; edit it with sops, and commit that".to_owned(),
            ));
        }
        let after = match &missing {
            None => replace(&text, &node, &value),
            Some(path) => add(&text, &node, path, &value),
        };
        let after = after.map_err(|EditError { at, why }| refused(at, why))?;
        if after == text {
            return Ok(());
        }
        self.texts.insert(change.file.clone(), after.clone());
        let paths: Vec<String> = self.tree.below("").map(str::to_owned).collect();
        let tree = std::mem::take(&mut self.tree);
        self.tree = tree.renewed(paths, &[(change.file.clone(), after.into_bytes())]).0;
        self.changes.push(change);
        Ok(())
    }
}

fn place(known: &Knowledge<'_>, node: &Node, why: impl Into<String>) -> DeployError {
    let (file, line) = known.place(node.at);
    DeployError::Place { file, line, why: why.into() }
}

/// The edit that gives a place another tag.
fn retagged(known: &Knowledge<'_>, found: &Found<'_>, tag: &Tag, new: &str) -> Result<Edit, DeployError> {
    let mut node = written(known, tag);
    let mut old = node.text().unwrap_or_default().to_owned();
    let mut text = renewed(tag, &old, new).map_err(|why| place(known, &node, why))?;
    // What is a variable is set where the variable is.
    if let Some(name) =
        variable(if old.starts_with("${") { &old } else { tag.tag.as_deref().unwrap_or_default() })
    {
        let whole = old.starts_with("${") && tag.tag.as_deref() != Some(old.as_str());
        let Some(place_of) = assigned(known, found, name) else {
            return Err(place(
                known,
                &node,
                format!("is the variable {name}, which nothing in this repository sets"),
            ));
        };
        node = place_of;
        old = node.text().unwrap_or_default().to_owned();
        text = if whole {
            renewed(tag, &old, new).map_err(|why| place(known, &node, why))?
        } else {
            new.to_owned()
        };
    }
    let (file, line) = known.place(node.at);
    let change = Change {
        file,
        line,
        what: tag.yq.clone(),
        old: Some(old),
        new: text.clone(),
        policy: tag.policy.clone(),
    };
    Ok(Edit { change, node, missing: None, value: Written { text, is_text: true } })
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
                Err(format!("sets the tag of {}, and a digest is no tag", tag.image))
            }
            _ => Ok(new.to_owned()),
        };
    }
    let name = Reference::of(old).name;
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
fn variable(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
    inner.get(..end).filter(|name| !name.is_empty())
}

/// Where a variable of the Kustomization that applies an object has its value (kustomize-controller: what stands in
/// `substitute` counts over `substituteFrom`, and there the last one).
fn assigned(known: &Knowledge<'_>, found: &Found<'_>, name: &str) -> Option<Node> {
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

/// The edit that sets a value: where it is written, or in the values that count most.
fn set(known: &Knowledge<'_>, found: &Found<'_>, setting: &Setting) -> Result<Edit, DeployError> {
    let content = &found.resource.content;
    let release = &*found.resource.kind == "HelmRelease";
    let mut bases: Vec<Node> = Vec::new();
    if release {
        bases.extend(content.path(&["spec", "values"]).filter(|values| !values.is_null()).cloned());
        bases.extend(values_from(known, found).into_iter().map(|from| from.node));
    } else {
        bases.push(content.clone().into_owned());
    }
    for base in &bases {
        if let Reached::Value(node) = reach(base, &setting.steps) {
            return Ok(edit(known, setting, node, None));
        }
    }
    if let Some(base) = bases.first() {
        return Ok(match reach(base, &setting.steps) {
            Reached::Upto(node, number) => {
                edit(known, setting, node, Some(setting.steps.get(number..).unwrap_or_default().to_vec()))
            }
            Reached::Value(node) => edit(known, setting, node, None),
        });
    }
    let Some(spec) = content.get("spec") else {
        return Err(DeployError::Wish(format!("{} has no spec", found.resource.name)));
    };
    let path = std::iter::once(Step::Key("values".to_owned())).chain(setting.steps.iter().cloned());
    Ok(edit(known, setting, spec, Some(path.collect())))
}

fn edit(known: &Knowledge<'_>, setting: &Setting, node: &Node, missing: Option<Vec<Step>>) -> Edit {
    let (file, line) = known.place(node.at);
    let old = if missing.is_none() { node.text().map(str::to_owned) } else { None };
    let new = setting.value.text.clone();
    let change = Change { file, line, what: setting.path.clone(), old, new, policy: None };
    Edit { change, node: node.clone(), missing, value: setting.value.clone() }
}
