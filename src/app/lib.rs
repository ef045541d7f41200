//! rwenv lets AI agents work on real GitOps environments without being able to hurt them.
//!
//! The API guard, the daemon, and the command line. `ARCHITECTURE.md` shows the crates and their rooms; `tests/it/tidy.rs` holds the
//! code to it.
#![forbid(unsafe_code)]

pub mod credential;
pub mod guard;
pub mod standing;

pub mod daemon;

pub mod confine;

pub mod ops;

pub mod cli;
