//! Our hook as git's configuration names it (`hook.rwenv.command`, git 2.54 and newer): it stands beside every other hook, and no
//! file of hooks is written.

use std::fs;
use std::path::Path;

use super::{FileError, PRE_PUSH, shell_word};

/// Its section of git's configuration.
pub const SECTION: &str = "hook.rwenv";
/// First version of git that starts it.
const SINCE: (u32, u32) = (2, 54);

/// True for a file of git's configuration that has our section, however it is written there.
#[must_use]
pub fn is_named_in(file: &Path) -> bool {
    let Some((section, name)) = SECTION.split_once('.') else { return false };
    let head = format!("[{section} \"{name}\"]");
    fs::read_to_string(file).is_ok_and(|text| text.lines().any(|line| line.trim_start().starts_with(&head)))
}

/// True for what `git version` prints of a git that starts hooks which are configured.
#[must_use]
pub fn is_known_to(version: &str) -> bool {
    let mut numbers = version.trim().trim_start_matches("git version ").split('.').map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= SINCE)
}

/// The settings by which git starts rwenv before a push. Without rwenv nothing is judged, so that nothing is pushed.
///
/// # Errors
/// Where the program's path is no text.
pub fn settings(rwenv: &Path) -> Result<[(String, String); 2], FileError> {
    let rwenv = shell_word(rwenv)?;
    // git puts the hook's arguments behind it.
    let command = format!(
        "rwenv_hook() {{ rwenv={rwenv}; why='is gone'; code=127; [ ! -x \"$rwenv\" ] || {{ \"$rwenv\" git-hook {PRE_PUSH} \"$@\"; code=$?; \
         why=\"ended with $code\"; }}; [ $code -lt 126 ] || {{ echo \"rwenv: $rwenv $why, so nothing is pushed; instead: install rwenv again, \
         or: git config --remove-section {SECTION}\" >&2; code=1; }}; exit $code; }}; rwenv_hook"
    );
    Ok([(format!("{SECTION}.event"), PRE_PUSH.to_owned()), (format!("{SECTION}.command"), command)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for version in [
            "git version 2.54.0",
            "git version 2.55.0-1",
            "git version 3.0.1",
            "git version 2.54.1 (Apple Git-1)",
        ] {
            assert!(is_known_to(version), "{version}");
        }
        for version in ["git version 2.39.5", "git version 2.9.0", "git version 1.99.0", "", "git"] {
            assert!(!is_known_to(version), "{version}");
        }
    }
}
