//! What a revision would do to the clusters of rwenvs, as the doors are told.

use std::fmt;

/// A rwenv whose cluster would apply something else.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reached {
    /// The rwenv.
    pub rwenv: String,
    /// The objects that would be gone from its cluster.
    #[serde(default)]
    pub removed: Vec<RemovedObject>,
}

/// The rwenvs that a revision reaches, or why that cannot be told.
pub type Reaching = Result<Vec<Reached>, String>;

/// The pull request that a call merges, as it stands in the place of a revision: `pull/3`, `pull/3@URL` where the call names the
/// repository, and `pull/?` where it does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number, where that is known.
    pub number: Option<u64>,
    /// The repository, as the URL it is cloned from; none for that of the directory.
    pub repository: Option<String>,
}

impl PullRequest {
    /// The pull request that stands in the place of a revision.
    #[must_use]
    pub fn from_revision(revision: &str) -> Option<Self> {
        let named = revision.strip_prefix("pull/")?;
        if named == "?" {
            return Some(Self::default());
        }
        let (number, repository) = match named.split_once('@') {
            Some((number, url)) => (number, Some(url.to_owned())),
            None => (named, None),
        };
        number.parse().ok().map(|number| Self { number: Some(number), repository })
    }
}

impl fmt::Display for PullRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.number, &self.repository) {
            (Some(number), Some(url)) => write!(f, "pull/{number}@{url}"),
            (Some(number), None) => write!(f, "pull/{number}"),
            (None, _) => write!(f, "pull/?"),
        }
    }
}

/// An object that would be gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovedObject {
    /// Its API group; empty for the core.
    #[serde(default)]
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl RemovedObject {
    /// Its kind, as the tables have it: `apps/StatefulSet`, `Namespace`.
    #[must_use]
    pub fn full_kind(&self) -> String {
        if self.group.is_empty() { self.kind.clone() } else { format!("{}/{}", self.group, self.kind) }
    }

    /// As people read it: `StatefulSet shop/db`.
    #[must_use]
    pub fn title(&self) -> String {
        let place = self.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        format!("{} {place}{}", self.kind, self.name)
    }

    /// The object that is written so: `apps/StatefulSet shop/db`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(' ')?;
        let (group, kind) = kind.rsplit_once('/').unwrap_or(("", kind));
        let (namespace, name) = match name.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, name),
        };
        Some(Self { group: group.to_owned(), kind: kind.to_owned(), namespace, name: name.to_owned() })
    }
}
