//! An event, as it is told.

use schemars::JsonSchema;
use serde::Serialize;

/// An event of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterEvent {
    /// When it was last seen, RFC 3339.
    pub time: String,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Why, in one word.
    pub reason: String,
    /// Kind of the object it is about.
    pub object_kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What is said.
    pub message: String,
}
