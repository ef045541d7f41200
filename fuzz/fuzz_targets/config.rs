//! The fuzzer's way to [`bodies::config`].

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target takes one of them")]
#[path = "../bodies.rs"]
mod bodies;

fuzz_target!(|input: &str| bodies::config(input));
