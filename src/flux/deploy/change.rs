//! One value that becomes another, and the edit that makes it so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::edit::{PathStep, WrittenScalar};
use rwenv_core::manifest::yaml::Node;

/// One value that becomes another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueChange {
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

/// An edit that is to be made.
pub(super) struct PlannedEdit {
    pub(super) change: ValueChange,
    pub(super) node: Node,
    pub(super) how: NodeEdit,
    pub(super) value: WrittenScalar,
    /// The variable whose value it is.
    pub(super) variable: Option<String>,
}

/// What an edit does to its node.
#[derive(Clone, Debug)]
pub(super) enum NodeEdit {
    /// The scalar gets another text.
    Replace,
    /// The mapping gets the keys that are missing, one below the other, and the value.
    Add(Vec<PathStep>),
    /// The list gets a parameter of this name.
    Append(String),
}
