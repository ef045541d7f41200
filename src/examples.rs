//! Runner of the examples in the policy files.
