//! The change of a deployment, made in memory: which files get which text.

use std::collections::BTreeMap;

use super::DeployError;
use super::change::{NodeEdit, PlannedEdit, ValueChange};
use super::chart::{checked_version, versioned};
use super::fielded::fielded;
use super::setting::set;
use super::shared::affected;
use super::tagged::retagged;
use super::target::{DeployTarget, DeploymentWish, checked_tag, meant};
use crate::catalog::images::tags;
use crate::catalog::knowledge::{AppliedObject, Knowledge};
use crate::catalog::walk::walk;
use crate::edit::{EditError, add, append, replace};
use crate::repos::WantedRoot;
use rwenv_core::manifest::tree::Tree;
use rwenv_core::manifest::yaml::At;
use rwenv_core::model::WantedObject;
use rwenv_gate::facts::content::Commit;

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

/// A change of a repository, as it would be committed.
pub struct Draft<'c> {
    /// The values that change; none where all is as it should be already.
    pub changes: Vec<ValueChange>,
    /// Other objects that change with it.
    pub affected: Vec<String>,
    /// Why fields that are wanted stay as they are.
    pub skipped: Vec<String>,
    pub(super) target: DeployTarget,
    commit: &'c Commit,
    tree: Tree,
    texts: BTreeMap<String, String>,
}

impl<'c> Draft<'c> {
    /// Makes the change that a wish asks for, of a commit.
    ///
    /// # Errors
    /// Where there is no such service, or what it sets cannot be edited.
    pub fn make(commit: &'c Commit, wish: &DeploymentWish, root: &WantedRoot) -> Result<Self, DeployError> {
        if let Some(tag) = &wish.tag {
            checked_tag(tag)?;
        }
        let read = |path: &str| commit.bytes_of(path);
        let target = DeployTarget::find(walk(&commit.tree, &read), wish, root)?;
        let (tree, texts) = (commit.tree.clone(), BTreeMap::new());
        let mut draft = Self {
            changes: Vec::new(),
            affected: Vec::new(),
            skipped: Vec::new(),
            target,
            commit,
            tree,
            texts,
        };
        if let Some(tag) = &wish.tag {
            draft.with(|known, found| {
                let places = meant(tags(known, found), found.resource.first_name(), wish)?;
                places.iter().map(|place| retagged(known, found, place, tag)).collect()
            })?;
        }
        if let Some(version) = &wish.chart_version {
            checked_version(version)?;
            draft.with(|known, found| Ok(vec![versioned(known, found, version)?]))?;
        }
        for setting in wish.settings()? {
            draft.with(|known, found| Ok(vec![set(known, found, &setting)?]))?;
        }
        for object in &wish.objects {
            draft.given(object, wish.lenient)?;
        }
        draft.affected.sort();
        draft.affected.dedup();
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

    /// Gives an object its fields. Those that cannot be are told, where that is wanted.
    fn given(&mut self, object: &WantedObject, lenient: bool) -> Result<(), DeployError> {
        let of = match self.beside(object) {
            Ok(of) => of,
            Err(error) if lenient => {
                self.skipped.push(error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for field in &object.fields {
            match self.edited(Some(&of), |known, found| fielded(known, found, field)) {
                Err(error) if lenient => {
                    self.skipped.push(format!("{} {}: {}: {error}", object.kind, object.name, field.title()));
                }
                done => done?,
            }
        }
        Ok(())
    }

    /// Another object of the same cluster.
    fn beside(&self, object: &WantedObject) -> Result<DeployTarget, DeployError> {
        let read = |path: &str| self.commit.bytes_of(path);
        self.target.beside(&walk(&self.commit.tree, &read), object)
    }

    fn with(
        &mut self,
        what: impl FnOnce(&Knowledge<'_>, &AppliedObject<'_>) -> Result<Vec<PlannedEdit>, DeployError>,
    ) -> Result<(), DeployError> {
        self.edited(None, what)
    }

    /// Makes edits of the repository as it is with those that were made before: of the target, or of another object.
    fn edited(
        &mut self,
        of: Option<&DeployTarget>,
        what: impl FnOnce(&Knowledge<'_>, &AppliedObject<'_>) -> Result<Vec<PlannedEdit>, DeployError>,
    ) -> Result<(), DeployError> {
        let (mut edits, affected) = {
            let read = |path: &str| {
                let own = self.texts.get(path).map(|text| text.clone().into_bytes());
                own.or_else(|| self.commit.bytes_of(path))
            };
            let known = walk(&self.tree, &read);
            let gone =
                || DeployError::Wish(format!("{} is no longer there after the change", self.target.key));
            let found = of.unwrap_or(&self.target).again(&known).ok_or_else(gone)?;
            let edits = what(&known, found)?;
            let affected = affected(&known, found, &edits);
            (edits, affected)
        };
        self.affected.extend(affected);
        // From the end, so that what is still to be edited stays where it is.
        edits.sort_by_key(|edit| std::cmp::Reverse((edit.change.file.clone(), edit.node.at)));
        for edit in edits {
            self.apply(edit)?;
        }
        Ok(())
    }

    fn apply(&mut self, edit: PlannedEdit) -> Result<(), DeployError> {
        let PlannedEdit { change, node, how, value, variable: _ } = edit;
        let refused =
            |at: At, why: String| DeployError::Place { file: change.file.clone(), line: at.line, why };
        let file = self.tree.files.get(&change.file);
        let Some(text) = file.and_then(|file| file.text.clone()) else {
            return Err(refused(node.at, "is not a string".to_owned()));
        };
        if file.is_some_and(|file| file.documents.iter().any(|document| document.get("sops").is_some())) {
            return Err(refused(
                node.at,
                "is encrypted with SOPS; edit it with sops, and commit that".to_owned(),
            ));
        }
        let after = match &how {
            NodeEdit::Replace => replace(&text, &node, &value),
            NodeEdit::Add(path) => add(&text, &node, path, &value),
            NodeEdit::Append(name) => append(&text, &node, name, &value),
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
