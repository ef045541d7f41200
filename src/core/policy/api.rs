//! What the API of a cluster has, compiled from `policies/programs/api.toml` at build time.

include!(concat!(env!("OUT_DIR"), "/api.rs"));
