//! How the guard stands on a machine, as a record has it.

use serde::{Deserialize, Serialize};

/// How the guard stands on a machine, as its daemon sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MachineStanding {
    /// The machine's name.
    pub machine: String,
    /// The build of rwenv.
    pub program: String,
    /// Files of the person's and the organisation's policies.
    pub policy_files: usize,
    /// When the newest of them was written, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<String>,
    /// What is off, each with what mends it.
    pub off: Vec<String>,
}
