//! What every document says in the same way: about itself, and about each of its entries.

use std::ops::Deref;

use schemars::JsonSchema;
use serde::Serialize;

/// Where what is known comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The cluster, as the rwenv names its context.
    pub cluster: String,
    /// URL of the repository, without credentials.
    pub flux_repo: String,
    /// Folder of the clone.
    pub path: String,
    /// The commit that was read, where it is one.
    pub commit: Option<String>,
    /// When, RFC 3339.
    pub generated_at: String,
}

/// What every file says about itself.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Name of the repository.
    pub generated_from: String,
    /// When, RFC 3339.
    pub generated_at: String,
    /// Folder of the clone.
    pub flux_repo_path: String,
    /// The commit that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl Origin {
    pub(super) fn metadata(&self) -> Metadata {
        let name = self.flux_repo.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
        let folder = self.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let name = if name.is_empty() { folder } else { name };
        Metadata {
            generated_from: name.strip_suffix(".git").unwrap_or(name).to_owned(),
            generated_at: self.generated_at.clone(),
            flux_repo_path: self.path.clone(),
            commit: self.commit.clone(),
        }
    }
}

/// An entry of a document's map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Entry<T> {
    /// What is said of it.
    #[serde(flatten)]
    pub what: T,
    /// What it is called, and where it is defined.
    #[serde(flatten)]
    pub place: EntryPlace,
}

impl<T> Deref for Entry<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.what
    }
}

/// What an entry is called, and where it is defined, as every document says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EntryPlace {
    /// Its name, where the key is not: with the hash of its content, or where another one has the name too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The cluster, where the repository has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The file, from the root of the repository.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// File, line and cluster.
pub(super) type PlaceParts<'p> = (&'p str, u32, Option<&'p String>);

impl EntryPlace {
    pub(super) fn place(&self) -> PlaceParts<'_> {
        (&self.file, self.line, self.cluster.as_ref())
    }
}
