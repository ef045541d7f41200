//! Integration tests: the programs as people and agents meet them.

mod support;
