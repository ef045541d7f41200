//! The built-in rules, compiled from `policies/rules/*.toml` at build time.

include!(concat!(env!("OUT_DIR"), "/rules.rs"));
