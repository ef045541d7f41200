//! Any text as the configuration: it is read, or refused with a place.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = rwenv_gate::facts::config::parse(text, Path::new("/envs.json"), Path::new("/")) {
        assert!(!error.to_string().is_empty());
    }
});
