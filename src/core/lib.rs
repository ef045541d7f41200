//! What a command line would do, and what a policy says about it.
//!
//! Text goes in, verdicts come out. Nothing here touches the outside: no files, network, processes, clock or environment. What must
//! be known of them is asked as a [`model::Question`] and handed in as [`model::Facts`]; whoever calls answers.
#![forbid(unsafe_code)]

extern crate alloc;
// Constants that the build writes down name their types as other crates do.
extern crate self as rwenv_core;

pub mod table;

pub mod model;

pub mod classify;
pub mod manifest;
pub mod policy;
pub mod shell;

pub mod decide;
pub mod examples;
#[cfg(test)]
mod schema;
