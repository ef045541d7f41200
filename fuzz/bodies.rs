//! What each fuzz target does with an input. The fuzzer and a test of the gate (`tests/it/fuzz.rs`) both run it.

use std::path::Path;

use rwenv_core::policy::layer;
use rwenv_core::table::PolicyFile;

/// Longest command line that is tried.
const LONGEST: usize = 4096;

/// Any text as a command line: lexer, parser, analysis, classification and decision come to an end.
pub fn line(text: &str) {
    if text.len() <= LONGEST {
        for rwenv in ["read-only", "writable"] {
            let _ = rwenv_core::examples::judged(text, rwenv);
        }
    }
}

/// Any bytes as an agent's event: each adapter answers.
pub fn payload(bytes: &[u8]) {
    for agent in ["claude", "codex", "gemini", "cursor", "copilot", "opencode"] {
        let _ = rwenv_gate::doors::understood(agent, bytes);
    }
}

/// Any text as the configuration: it is read, or refused with a place.
pub fn config(text: &str) {
    if let Err(error) = rwenv_gate::facts::config::parse(text, Path::new("/envs.json"), Path::new("/")) {
        assert!(!error.to_string().is_empty());
    }
}

/// Any text as a policy: it is checked, and what was checked can be loaded.
pub fn policy(text: &str) {
    if let Ok(file) = toml::from_str::<PolicyFile>(text)
        && let Ok(checked) = layer::check(&file, "own", "/own.toml", &[])
    {
        let rules = layer::load(std::slice::from_ref(&checked));
        assert_eq!(rules.len(), file.rules.len());
    }
}
