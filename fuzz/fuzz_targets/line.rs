//! The fuzzer's way to [`bodies::line`].

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target takes one of them")]
#[path = "../bodies.rs"]
mod bodies;

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
    let _ = std::panic::catch_unwind(|| bodies::line(text));
});
