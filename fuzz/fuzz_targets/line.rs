//! Any text as a command line: lexer, parser, analysis, classification and decision come to an end.

#![no_main]

use libfuzzer_sys::fuzz_target;

fn only_ours() {
    // The parser underneath panics on some inputs; the hook's net makes denials of that. A panic of our own is a finding.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|location| location.file().to_owned()).unwrap_or_default();
        // Cargo hands rustc whole paths of what lies outside of the fuzz workspace, wherever the checkout is.
        let checkout = env!("CARGO_MANIFEST_DIR").trim_end_matches("fuzz");
        if place.starts_with(checkout) || place.starts_with("src/") {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}

fuzz_target!(init: only_ours(), |text: &str| {
    if text.len() > 4096 {
        return;
    }
    let _ = std::panic::catch_unwind(|| {
        for rwenv in ["read-only", "writable"] {
            let _ = rwenv_core::examples::judged(text, rwenv);
        }
    });
});
