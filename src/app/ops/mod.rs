//! What is done to this machine when a person asks for it: the hook among agents and among git's hooks, the daemon as a
//! service, a deployment from its wish to its end, and what the doctor finds.
//!
//! Nothing here reads arguments and nothing prints: `cli` does both, and tells what these functions give back.

pub mod agents;
mod branch_rules;
pub mod bundle;
pub mod check;
pub mod claude;
pub mod clusters;
mod codex_shell;
pub mod custody;
pub mod deployment;
pub mod doctor;
pub mod everywhere;
pub mod export;
pub mod forge_rules;
pub mod githooks;
pub mod handout;
pub mod identity;
pub mod install;
pub mod joined;
mod layout;
pub mod leave;
pub mod machine;
pub mod policy_diff;
pub mod process;
pub mod registration;
pub mod report;
pub mod review;
mod rights;
pub mod rwenvs;
mod sandbox;
pub mod service;
pub mod setup;
pub mod standing;
pub mod transcript;
pub mod verify;
pub mod watched;
