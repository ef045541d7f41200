//! Files that were open before: a program inside must not find one by which it reads what is hidden.

use std::fs;

/// First descriptor that is not one of the three that every program has.
const FIRST: i32 = 3;

/// Closes every descriptor but the standard three. Called before anything of this process's own is open.
pub fn close_inherited() {
    let listed = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<i32> = listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number >= FIRST) {
        // The one by which the folder was read is closed already.
        let _ = nix::unistd::close(number);
    }
}
