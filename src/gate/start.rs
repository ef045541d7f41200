//! What the kernel tells a program about its own start.
#![expect(unsafe_code, reason = "the pointers come from the kernel; they are read here and nowhere else")]

use std::ffi::{CStr, CString, c_char, c_int};

/// The arguments, as they are, the name first.
///
/// # Safety
/// `argv` holds `argc` strings.
#[must_use]
pub unsafe fn arguments(argc: c_int, argv: *const *const c_char) -> Vec<CString> {
    let count = usize::try_from(argc).unwrap_or_default();
    // SAFETY: promised by the caller.
    (0..count).map(|i| unsafe { CStr::from_ptr(*argv.add(i)) }.to_owned()).collect()
}

/// The path this program was started by, links and all: no argument or variable can make it another. None where the
/// system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn started_as() -> Option<String> {
    // SAFETY: asks for a number; AT_EXECFN is the address of a string that lives as long as the process.
    let address = unsafe { nix::libc::getauxval(nix::libc::AT_EXECFN) } as *const c_char;
    // SAFETY: as above, and not null.
    (!address.is_null()).then(|| unsafe { CStr::from_ptr(address) }.to_string_lossy().into_owned())
}

/// The path this program was started by.
#[cfg(not(target_os = "linux"))]
pub(super) fn started_as() -> Option<String> {
    // macOS tells the path as it was given, links not followed.
    std::env::current_exe().ok().map(|path| path.display().to_string())
}
