//! Any text as a policy: it is checked, and what was checked can be loaded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rwenv_core::policy::layer;
use rwenv_core::table::PolicyFile;

fuzz_target!(|text: &str| {
    if let Ok(file) = toml::from_str::<PolicyFile>(text)
        && let Ok(checked) = layer::check(&file, "own", "/own.toml", &[])
    {
        let rules = layer::load(std::slice::from_ref(&checked));
        assert_eq!(rules.len(), file.rules.len());
    }
});
