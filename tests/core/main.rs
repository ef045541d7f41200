//! Verdicts of the core alone: command lines and operations, judged with frozen facts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod corpus;
mod floor;
mod judges;
mod lines;
