//! The text of a script, read as far as it can be judged: regular files of a sensible size.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;

use nix::fcntl::OFlag;

use rwenv_core::model::{Script, glob};

/// Largest script that is read, in bytes.
const LARGEST: u64 = 256 << 10;

/// Most files of one pattern that are read.
const MOST: usize = 32;

/// Reads scripts. Git's hooks are looked for at many places, most of which are not there: a folder is asked for once.
#[derive(Default)]
pub(super) struct Scripts {
    /// Folders, and whether they are there.
    folders: Vec<(String, bool)>,
}

impl Scripts {
    /// Reads a script; of a pattern, all shell scripts whose names fit, one after the other.
    pub(super) fn read(&mut self, path: &str) -> Script {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let known = self.folders.iter().find(|(name, _)| name == folder).map(|(_, there)| *there);
        if known == Some(false) {
            return Script::Absent;
        }
        let found = read(path);
        if known.is_none() && found == Script::Absent && !folder.is_empty() {
            self.folders.push((folder.to_owned(), fs::metadata(folder).is_ok()));
        }
        found
    }
}

fn read(path: &str) -> Script {
    match path.rsplit_once('/').filter(|(_, name)| name.contains('*')) {
        Some((folder, name)) => fitting(folder, name),
        None => one(path),
    }
}

fn fitting(folder: &str, pattern: &str) -> Script {
    let entries = fs::read_dir(if folder.is_empty() { "/" } else { folder });
    let names = entries.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.') && glob(pattern, name)).collect();
    names.sort();
    let mut all = String::new();
    for name in names.iter().take(MOST) {
        if let Script::Text(text) = one(&format!("{folder}/{name}")) {
            let shell = text
                .strip_prefix("#!")
                .is_none_or(|rest| rest.lines().next().is_some_and(|line| line.contains("sh")));
            // One that ends does not end the others; what it defines stays.
            all.push_str(&if shell {
                format!("if [[ $RANDOM ]]; then\n{text}\nfi\n")
            } else {
                String::new()
            });
        }
    }
    if all.is_empty() { Script::Absent } else { Script::Text(all) }
}

fn one(path: &str) -> Script {
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
        Ok(meta) if !meta.is_file() => return Script::Unreadable("it is not a regular file".to_owned()),
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
    Script::Text(String::from_utf8_lossy(&bytes).into_owned())
}
