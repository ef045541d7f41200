//! Any bytes as an agent's event: each adapter answers.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for agent in ["claude", "codex", "gemini", "cursor", "copilot", "opencode"] {
        let _ = rwenv_gate::doors::understood(agent, bytes);
    }
});
