//! The text of a script, read as far as it can be judged: regular files of a sensible size.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;

use nix::fcntl::OFlag;

use crate::classify;
use crate::model::Script;

/// Largest script that is read, in bytes.
const LARGEST: u64 = 256 << 10;

/// Reads a script.
#[must_use]
pub(super) fn read(path: &str) -> Script {
    // A pipe would hang an ordinary open.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits()).open(path) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Script::Absent;
        }
        Err(e) => return Script::Unreadable(e.to_string()),
    };
    match file.metadata() {
        Ok(meta) if meta.is_dir() => return Script::Absent,
        Ok(meta) if !meta.is_file() => return Script::Unreadable("it is no regular file".to_owned()),
        Err(e) => return Script::Unreadable(e.to_string()),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    if let Err(e) = file.take(LARGEST + 1).read_to_end(&mut bytes) {
        return Script::Unreadable(e.to_string());
    }
    // Shells take a file with such a byte in its first lines for a program.
    if bytes.iter().take(512).any(|byte| *byte == 0) {
        return Script::Absent;
    }
    if bytes.len() as u64 > LARGEST {
        return Script::Unreadable(format!("it is larger than {} KiB", LARGEST >> 10));
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Script::Text { shell: is_for_a_shell(&text), text }
}

/// True for a script that a shell runs: its first line says so, or says nothing.
fn is_for_a_shell(text: &str) -> bool {
    let Some(line) = text.strip_prefix("#!").and_then(|rest| rest.lines().next()) else { return true };
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or_default());
    let first = words.next().unwrap_or_default();
    let interpreter = if first == "env" {
        words.find(|word| !word.starts_with('-') && !word.contains('='))
    } else {
        Some(first)
    };
    interpreter.is_some_and(|name| classify::tools().shells.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_who_runs_it() {
        for text in
            ["#!/bin/sh\n", "#! /usr/bin/env bash\n", "#!/usr/bin/env -S bash -e\n", "kubectl get pods", ""]
        {
            assert!(is_for_a_shell(text), "{text}");
        }
        for text in ["#!/usr/bin/env python3\n", "#!/usr/bin/perl -w\n", "#!/usr/bin/env -S node --x\n", "#!"]
        {
            assert!(!is_for_a_shell(text), "{text}");
        }
    }
}
