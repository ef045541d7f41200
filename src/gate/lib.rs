//! Where commands are judged: what the static hook links, and every other door calls.
//!
//! `facts` are read, the `ledger` is written, [`judge`] is the one procedure between them, and `doors` are the enforcement points that
//! start as a process; `standing` says whether they are reached. No runtime, no network beside the daemon's socket, no TOML that is read for a verdict.

pub mod base;
pub mod wire;

pub mod facts;
pub mod ledger;
pub mod setup;

pub mod judge;

pub mod doors;
pub mod net;
pub mod standing;
pub mod start;

pub use judge::Permit;
