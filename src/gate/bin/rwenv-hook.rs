//! The doors that start as a process: the hook that agents start before they run a command, and the shims.
#![no_main]
#![expect(
    unsafe_code,
    reason = "the runtime's own start changes signals and files, which a program put in this one's place would inherit"
)]

use std::ffi::{c_char, c_int};

/// The hook lives for a millisecond and must not outgrow its room.
#[global_allocator]
static ALLOCATOR: rwenv_gate::net::Arena = rwenv_gate::net::Arena::new();

/// Called by the C runtime.
///
/// # Safety
/// `argv` holds `argc` strings that live as long as the process.
#[unsafe(no_mangle)]
unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: that is what the C runtime promises.
    let arguments = unsafe { rwenv_gate::start::arguments(argc, argv) };
    rwenv_gate::doors::main(&arguments)
}
