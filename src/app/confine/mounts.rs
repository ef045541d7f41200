//! The steps by which a confined program's view of the files is made, and the other names that a file has.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// One step. Steps further down in the tree come later, so that each stands in what those before it made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MountStep {
    /// A real file or folder as it is, where a folder above it is hidden.
    Shown,
    /// It may only be read.
    ReadOnly,
    /// An empty folder in its place; what is written there is gone with the session. The mode of it.
    EmptyFolder(u32),
    /// An empty folder that stays so.
    SealedFolder,
    /// An empty file in its place.
    EmptyFile,
    /// Another file in its place, to read.
    InPlace(PathBuf),
}

impl MountStep {
    /// True where nothing of what lies there outside is left.
    #[must_use]
    pub fn conceals(&self) -> bool {
        matches!(self, Self::EmptyFolder(_) | Self::SealedFolder | Self::EmptyFile)
    }
}

/// Orders steps by depth and keeps, of several at one place, the strongest.
#[must_use]
pub(super) fn ordered(mut all: Vec<(PathBuf, MountStep)>) -> Vec<(PathBuf, MountStep)> {
    all.sort_by(|a, b| {
        let depth = |path: &Path| path.components().count();
        (depth(&a.0), &a.0).cmp(&(depth(&b.0), &b.0)).then_with(|| b.1.cmp(&a.1))
    });
    all.dedup_by(|later, kept| later.0 == kept.0);
    all
}

/// A mount of this process's view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeenMount {
    /// Device, as `major:minor`.
    device: String,
    /// The folder of the file system that is mounted.
    root: PathBuf,
    /// Where.
    pub(super) at: PathBuf,
}

/// The mounts, by `/proc/self/mountinfo` (proc(5)).
#[must_use]
pub(super) fn seen() -> Vec<SeenMount> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    text.lines().filter_map(parsed).collect()
}

fn parsed(line: &str) -> Option<SeenMount> {
    let mut words = line.split(' ').skip(2);
    let (device, root, at) = (words.next()?, words.next()?, words.next()?);
    let path = |text: &str| {
        let text = text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n");
        PathBuf::from(text.replace("\\134", "\\"))
    };
    Some(SeenMount { device: device.to_owned(), root: path(root), at: path(at) })
}

/// Where else a path is, by other mounts of the same file system.
#[must_use]
pub(super) fn aliases(path: &Path, mounts: &[SeenMount]) -> Vec<PathBuf> {
    let Some(own) = mounts
        .iter()
        .rev()
        .filter(|mount| path.starts_with(&mount.at))
        .max_by_key(|mount| mount.at.as_os_str().len())
    else {
        return Vec::new();
    };
    let Ok(below) = path.strip_prefix(&own.at) else { return Vec::new() };
    let inner = own.root.join(below);
    let same = |other: &Path| {
        let id = |path: &Path| fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
        id(other).is_some() && id(other) == id(path)
    };
    let others = mounts.iter().filter(|mount| mount.device == own.device).filter_map(|mount| {
        let rest = inner.strip_prefix(&mount.root).ok()?;
        // A mount of the very file has no rest.
        Some(if rest.as_os_str().is_empty() { mount.at.clone() } else { mount.at.join(rest) })
    });
    let mut all: Vec<PathBuf> = others.filter(|other| other != path && same(other)).collect();
    all.sort();
    all.dedup();
    all
}

/// Most files that are looked at for second names.
const MOST: usize = 300_000;
/// Most files below one hidden folder that are looked at.
const MOST_HIDDEN: usize = 5_000;

/// Second names (hard links) of the files in what is hidden, as far as they are below `roots`; and the files of which one was not found.
#[must_use]
pub(super) fn second_names(hidden: &[PathBuf], roots: &[PathBuf]) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let mut wanted: Vec<(u64, u64, u64, PathBuf)> = Vec::new();
    for top in hidden {
        let mut left = MOST_HIDDEN;
        walk(top, &mut left, &mut |path, meta| {
            if meta.is_file() && meta.nlink() > 1 {
                wanted.push((meta.dev(), meta.ino(), meta.nlink(), path.to_owned()));
            }
        });
    }
    if wanted.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let ids: BTreeSet<(u64, u64)> = wanted.iter().map(|(dev, ino, ..)| (*dev, *ino)).collect();
    let mut found: BTreeSet<(u64, u64, PathBuf)> =
        wanted.iter().map(|(dev, ino, _, path)| (*dev, *ino, path.clone())).collect();
    let mut left = MOST;
    for root in roots {
        walk(root, &mut left, &mut |path, meta| {
            if meta.is_file() && meta.nlink() > 1 && ids.contains(&(meta.dev(), meta.ino())) {
                found.insert((meta.dev(), meta.ino(), path.to_owned()));
            }
        });
    }
    let count = |dev, ino| found.iter().filter(|(d, i, _)| (*d, *i) == (dev, ino)).count() as u64;
    let lost = wanted
        .iter()
        .filter(|(dev, ino, links, _)| count(*dev, *ino) < *links)
        .map(|(.., path)| path.clone())
        .collect();
    let own: BTreeSet<&PathBuf> = wanted.iter().map(|(.., path)| path).collect();
    (found.iter().map(|(.., path)| path).filter(|path| !own.contains(path)).cloned().collect(), lost)
}

/// Visits the files below a path; links are not followed, and no other file system is entered.
fn walk(top: &Path, left: &mut usize, visit: &mut impl FnMut(&Path, &fs::Metadata)) {
    let Ok(meta) = fs::symlink_metadata(top) else { return };
    let device = meta.dev();
    let mut open = vec![(top.to_owned(), meta)];
    while let Some((path, meta)) = open.pop() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        visit(&path, &meta);
        if !meta.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            if let Ok(meta) = entry.metadata()
                && meta.dev() == device
            {
                open.push((entry.path(), meta));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_deeper_comes_later_and_the_strongest_stays() {
        let path = PathBuf::from;
        let all = ordered(vec![
            (path("/a/b/c"), MountStep::Shown),
            (path("/a"), MountStep::ReadOnly),
            (path("/a"), MountStep::EmptyFolder(0o700)),
            (path("/a/b"), MountStep::EmptyFile),
        ]);
        let wanted = [
            (path("/a"), MountStep::EmptyFolder(0o700)),
            (path("/a/b"), MountStep::EmptyFile),
            (path("/a/b/c"), MountStep::Shown),
        ];
        assert_eq!(all, wanted);
    }

    #[test]
    fn a_line_of_the_mounts_is_read() {
        let line = r"36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let wanted = SeenMount { device: "98:0".to_owned(), root: "/mnt1".into(), at: "/mnt 2".into() };
        assert_eq!(parsed(line), Some(wanted));
        assert_eq!(parsed("36 35"), None);
    }
}
