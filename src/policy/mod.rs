//! Operation → reasons: the rules that match, with their texts filled in.

use crate::model::Rule;

/// The rules in force.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policies {
    /// All rules of all policies.
    pub rules: &'static [Rule],
}
