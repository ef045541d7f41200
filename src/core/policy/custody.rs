//! What a confined program does not get, compiled from `policies/programs/custody.toml` at build time.

include!(concat!(env!("OUT_DIR"), "/custody.rs"));
