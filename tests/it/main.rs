//! Integration tests: the programs as people and agents meet them.

mod cli;
mod config;
mod corpus;
mod hook;
mod malformed;
mod oracle;
mod support;
mod tidy;
