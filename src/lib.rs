//! rwenv lets AI agents work on real GitOps environments without being able to hurt them.
//!
//! The modules stand in layers; a module imports only from rows above its own. `ARCHITECTURE.md`
//! has the table and the reasons, `tests/it/tidy.rs` holds the code to it.

pub mod model;

pub mod classify;
pub mod manifest;
pub mod policy;
pub mod shell;

pub mod decide;
#[cfg(feature = "full")]
pub mod examples;

pub mod host;
pub mod wire;

pub mod enforce;

#[cfg(feature = "full")]
pub mod cluster;
#[cfg(feature = "full")]
pub mod repos;

#[cfg(feature = "full")]
pub mod catalog;
#[cfg(feature = "full")]
pub mod database;
#[cfg(feature = "full")]
pub mod flux;
#[cfg(feature = "full")]
pub mod guard;

#[cfg(feature = "full")]
pub mod context;
#[cfg(feature = "full")]
pub mod deploy;

#[cfg(feature = "full")]
pub mod daemon;

#[cfg(feature = "full")]
pub mod cli;
