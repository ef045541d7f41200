//! A resource on its way through kustomizations: what it is called now, what it was called before, and what it holds.

use std::borrow::Cow;
use std::sync::Arc;

use super::image::{Image, replace};
use super::scope::is_cluster_scoped;
use crate::manifest::yaml::{At, Node};

/// A name a resource had before (kustomize keeps all of them: references are written with any).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its effective namespace then.
    pub namespace: String,
    /// Its name then.
    pub name: String,
    /// Its kind then.
    pub kind: String,
}

/// A kustomization that brings a resource in, and the one that brings that in.
#[derive(Debug)]
pub struct KustomizationStep {
    /// Folder of the kustomization.
    pub folder: String,
    /// The one above it.
    pub above: Option<Arc<Self>>,
}

impl KustomizationStep {
    /// The folders from the outermost to this one.
    #[must_use]
    pub fn folders(&self) -> Vec<&str> {
        let mut all = self.above.as_ref().map(|above| above.folders()).unwrap_or_default();
        all.push(&self.folder);
        all
    }
}

/// What a generator does where the object is there already (kustomize, `GenerationBehavior`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behavior {
    /// It must not be there.
    #[default]
    Create,
    /// It takes its place.
    Replace,
    /// Its keys are added.
    Merge,
}

/// A resource.
#[derive(Clone, Debug)]
pub struct Resource<'t> {
    /// API group; empty for the core.
    pub group: Cow<'t, str>,
    /// API version without the group.
    pub version: Cow<'t, str>,
    /// Kind.
    pub kind: Cow<'t, str>,
    /// Name as it is now; what stands in the content may be an earlier one.
    pub name: Cow<'t, str>,
    /// Namespace as it is now.
    pub namespace: Option<Cow<'t, str>>,
    /// What it was called before, oldest first.
    pub previous: Vec<Previous>,
    /// What it holds.
    pub content: Cow<'t, Node>,
    /// Where it is defined.
    pub at: At,
    /// Which document of its file it is, from 1.
    pub document: u32,
    /// A kustomization generates it.
    pub generated: bool,
    /// Its name gets a hash of its content.
    pub hashed: bool,
    /// Images that kustomizations put in place of its own, in order.
    pub images: Vec<Arc<Image>>,
    /// Those of them that are in the content already.
    pub placed: Vec<Arc<Image>>,
    /// Labels that kustomizations add, in order.
    pub labels: Vec<Arc<(String, String)>>,
    /// Those of them that its pods get too.
    pub pod_labels: Vec<Arc<(String, String)>>,
    /// Annotations that kustomizations add, in order.
    pub annotations: Vec<Arc<(String, String)>>,
    /// How many pods a kustomization wants of it.
    pub replicas: Option<String>,
    /// The kustomization that brings it in.
    pub step: Option<Arc<KustomizationStep>>,
    pub(super) behavior: Behavior,
    pub(super) deleted: bool,
}

/// What tells resources apart: group, version and kind; effective namespace; name.
pub(super) type Id = (String, String, String);

impl<'t> Resource<'t> {
    /// The resource a document is, if it is one.
    #[must_use]
    pub fn of(node: &'t Node, document: u32) -> Option<Self> {
        let (group, version) = split(node.str(&["apiVersion"]).unwrap_or_default());
        let resource = Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(node.str(&["kind"])?),
            name: Cow::Borrowed(node.str(&["metadata", "name"]).unwrap_or_default()),
            namespace: node.str(&["metadata", "namespace"]).map(Cow::Borrowed),
            ..Self::nameless(Cow::Borrowed(node), document)
        };
        Some(resource)
    }

    /// The resource an owned document is, if it is one.
    #[must_use]
    pub fn owned(node: Node, document: u32) -> Option<Resource<'static>> {
        node.str(&["kind"])?;
        let mut resource = Resource::nameless(Cow::Owned(node), document);
        resource.read_back();
        Some(resource)
    }

    /// What a document holds, not yet called anything.
    fn nameless(content: Cow<'t, Node>, document: u32) -> Self {
        Self {
            group: Cow::Borrowed(""),
            version: Cow::Borrowed(""),
            kind: Cow::Borrowed(""),
            name: Cow::Borrowed(""),
            namespace: None,
            at: content.at,
            content,
            document,
            previous: Vec::new(),
            generated: false,
            hashed: false,
            images: Vec::new(),
            placed: Vec::new(),
            labels: Vec::new(),
            pod_labels: Vec::new(),
            annotations: Vec::new(),
            replicas: None,
            step: None,
            behavior: Behavior::Create,
            deleted: false,
        }
    }

    /// The namespace that counts: none for what is in no namespace, `default` where none is named.
    #[must_use]
    pub fn effective_namespace(&self) -> &str {
        if is_cluster_scoped(&self.group, &self.version, &self.kind) {
            return "_non_namespaceable_";
        }
        self.namespace.as_deref().filter(|ns| !ns.is_empty()).unwrap_or("default")
    }

    /// Its namespace, where it is one of those that are in any.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|ns| !ns.is_empty())
    }

    fn gvk(&self, kind: &str) -> String {
        format!("{}/{}/{kind}", self.group, self.version)
    }

    pub(super) fn id(&self) -> Id {
        (self.gvk(&self.kind), self.effective_namespace().to_owned(), self.name.clone().into_owned())
    }

    /// Its name without the hash of its content.
    #[must_use]
    pub fn name_without_hash(&self) -> &str {
        self.previous.last().filter(|_| self.hashed).map_or(&self.name, |previous| &previous.name)
    }

    /// The name it was defined with.
    #[must_use]
    pub fn first_name(&self) -> &str {
        self.previous.first().map_or(&self.name, |previous| &previous.name)
    }

    /// True where it is, or once was, what an identity says.
    pub(super) fn is_or_was(&self, id: &Id) -> bool {
        let (gvk, namespace, name) = id;
        if self.name == name.as_str()
            && self.effective_namespace() == namespace
            && self.gvk(&self.kind) == *gvk
        {
            return true;
        }
        let same = |old: &&Previous| old.name == *name && old.namespace == *namespace;
        self.previous.iter().filter(same).any(|old| self.gvk(&old.kind) == *gvk)
    }

    pub(super) fn remember(&mut self) {
        let now = Previous {
            namespace: self.effective_namespace().to_owned(),
            name: self.name.clone().into_owned(),
            kind: self.kind.clone().into_owned(),
        };
        self.previous.push(now);
    }

    /// The content as a tree of its own that says what the resource is called now; none where it is too large.
    pub fn materialize(&mut self) -> Option<&mut Node> {
        if matches!(self.content, Cow::Borrowed(_)) {
            self.content = Cow::Owned(self.content.expanded()?);
        }
        let images = std::mem::take(&mut self.images);
        let at = self.at;
        let (name, namespace) = (self.name.clone(), self.namespace.clone());
        self.placed.extend(images.iter().cloned());
        let node = self.content.to_mut();
        for image in &images {
            replace(node, image);
        }
        if node.get("metadata").is_none() {
            node.set("metadata", Node::scalar("", at));
        }
        let metadata = node.get_mut("metadata")?;
        if metadata.str(&["name"]) != Some(&name) {
            let place = metadata.get("name").map_or(at, |n| n.at);
            metadata.set("name", Node::scalar(&name, place));
        }
        if let Some(namespace) = namespace.filter(|ns| metadata.str(&["namespace"]) != Some(ns)) {
            metadata.set("namespace", Node::scalar(&namespace, at));
        }
        Some(node)
    }

    /// Takes over what the content says it is called.
    pub(super) fn read_back(&mut self) {
        let text = |path: &[&str]| self.content.str(path).map(str::to_owned);
        let version = text(&["apiVersion"]).unwrap_or_default();
        let (kind, name, namespace) =
            (text(&["kind"]), text(&["metadata", "name"]), text(&["metadata", "namespace"]));
        let (group, version) = split(&version);
        self.group = Cow::Owned(group.to_owned());
        self.version = Cow::Owned(version.to_owned());
        self.kind = Cow::Owned(kind.unwrap_or_default());
        self.name = Cow::Owned(name.unwrap_or_default());
        self.namespace = namespace.map(Cow::Owned);
    }

    /// A label or annotation, those that kustomizations add counting over its own.
    #[must_use]
    pub fn mark(&self, field: &str, key: &str) -> Option<&str> {
        let added = if field == "labels" { &self.labels } else { &self.annotations };
        let last = added.iter().rev().find(|pair| pair.0 == key).map(|pair| pair.1.as_str());
        last.or_else(|| self.content.str(&["metadata", field, key]))
    }
}

/// `apps/v1` in its parts.
pub(super) fn split(version: &str) -> (&str, &str) {
    version.split_once('/').unwrap_or(("", version))
}
