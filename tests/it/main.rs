//! Integration tests: the programs as people and agents meet them.

mod corpus;
mod oracle;
mod support;
mod tidy;
