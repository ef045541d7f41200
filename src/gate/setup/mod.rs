//! What is put in place so that a door is reached: git hooks and shims.

pub mod agents;
pub mod githooks;
pub mod shims;
