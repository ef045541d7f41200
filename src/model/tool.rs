//! Tools as data: what a program's verbs and flags do.

/// Everything known of programs; compiled from `policies/tools/*.toml`.
#[derive(Clone, Copy, Debug)]
pub struct Tools {}
