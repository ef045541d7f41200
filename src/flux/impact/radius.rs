//! What a change of a repository would change in clusters, as it is told.

use schemars::JsonSchema;
use serde::Serialize;

/// What is compared with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComparedTrees {
    /// The last commit, and the files as they lie there.
    Worktree,
    /// The last commit, and the index.
    Staged,
    /// What the second commit changes since it left the first.
    Range {
        /// The first.
        from: String,
        /// The second.
        to: String,
    },
}

/// What a change of a repository would change in clusters.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlastRadius {
    /// The commit that is compared with.
    pub before: String,
    /// What is compared: a commit, `index` or `worktree`.
    pub after: String,
    /// Paths that differ.
    pub paths: Vec<String>,
    /// The roots that would apply something else.
    pub roots: Vec<TouchedRoot>,
    /// The roots that would not.
    pub untouched: Vec<RootName>,
    /// Why parts of it cannot be told, each cause once.
    pub causes: Vec<Cause>,
}

/// A root of the repository, and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RootName {
    /// Its folder; `.` for the repository's own root.
    pub folder: String,
    /// The rwenvs whose clusters it is applied to.
    pub rwenvs: Vec<String>,
}

/// What becomes of a root or an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It would be there.
    Added,
    /// It would be another.
    Changed,
    /// It would no longer be there.
    Removed,
}

/// A root that would apply something else.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TouchedRoot {
    /// Which.
    #[serde(flatten)]
    pub root: RootName,
    /// What becomes of the root itself.
    pub change: ChangeKind,
    /// The objects that would be others.
    pub objects: Vec<ChangedObject>,
    /// Volumes that go, or that nothing looks after any more.
    pub claims: Vec<LostClaim>,
    /// Objects that take others along when they go.
    pub cascades: Vec<Cascade>,
    /// A part of it cannot be built, and a file of that part differs: there may be more.
    pub incomplete: bool,
}

/// What cannot be undone by taking the change back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses<'r> {
    /// Namespaces that go, with all that is in them.
    pub namespaces: Vec<&'r ChangedObject>,
    /// Kinds that go, with all objects of them.
    pub crds: Vec<&'r ChangedObject>,
    /// Volumes that go or lose their owner.
    pub claims: Vec<&'r LostClaim>,
}

/// An object that would be another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedObject {
    /// What becomes of it.
    pub change: ChangeKind,
    /// Its API group; empty for the core.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace, where it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What applies it, as `namespace/name`.
    pub applied_by: String,
    /// The file that defines it; where it goes, the one that did.
    pub file: String,
    /// The line.
    pub line: u32,
    /// Its pods are replaced.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restarts: bool,
    /// It goes from the repository and stays in the cluster: what applied it does not prune.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
    /// What applied it, where that goes itself and takes it along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// The fields that would be others; never their values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// What becomes of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimFate {
    /// The claim itself is removed.
    Removed,
    /// What uses it is removed; the claim stays, and nothing looks after it.
    Orphaned,
    /// The release that may have made it is removed; what its chart does then is not known here.
    Uncertain,
}

/// A volume, or what makes volumes, that would be gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LostClaim {
    /// What becomes of it.
    pub fate: ClaimFate,
    /// Kind of the object that is removed.
    pub kind: String,
    /// Its namespace, where it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The claim, or how the claims are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
}

/// An object that takes others along when it goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cascade {
    /// Its kind.
    pub kind: String,
    /// Its namespace, where it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// How many objects of this root go with it.
    pub objects: usize,
    /// Others that are not in the repository may go, too.
    pub more: bool,
}

/// Why a part of a root cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// What is wrong.
    pub message: String,
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The folders of the roots it concerns.
    pub roots: Vec<String>,
}

impl TouchedRoot {
    /// The objects something becomes of.
    pub fn of(&self, change: ChangeKind) -> impl Iterator<Item = &ChangedObject> {
        self.objects.iter().filter(move |object| object.change == change)
    }

    /// The objects that go although what applied them stays.
    pub fn pruned(&self) -> impl Iterator<Item = &ChangedObject> {
        self.of(ChangeKind::Removed).filter(|object| !object.kept && object.with.is_none())
    }

    /// The workloads whose pods are replaced.
    pub fn restarted(&self) -> impl Iterator<Item = &ChangedObject> {
        self.objects.iter().filter(|object| object.restarts)
    }

    /// What cannot be undone by taking the change back.
    #[must_use]
    pub fn losses(&self) -> Losses<'_> {
        let gone = |group: &'static str, kind: &'static str| {
            let fits = move |o: &&ChangedObject| o.group == group && o.kind == kind && !o.kept;
            self.of(ChangeKind::Removed).filter(fits).collect()
        };
        Losses {
            namespaces: gone("", "Namespace"),
            crds: gone("apiextensions.k8s.io", "CustomResourceDefinition"),
            claims: self.claims.iter().collect(),
        }
    }
}

impl BlastRadius {
    /// The roots it touches that are a rwenv's.
    pub fn of_rwenv<'b>(&'b self, rwenv: &'b str) -> impl Iterator<Item = &'b TouchedRoot> {
        self.roots.iter().filter(move |touched| touched.root.rwenvs.iter().any(|name| name == rwenv))
    }
}
