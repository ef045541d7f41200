//! Integration tests: the programs as people and agents meet them.

mod corpus;
mod support;
mod tidy;
