//! Files that a patch in a line adds: their texts are looked at as those are that a tool writes.

use crate::classify::Write;
use crate::model::{Dir, Invocation};

/// Those among the files that something writes, from the directory it runs in.
pub(super) fn added(files: &[Write], by: &Invocation) -> Vec<(String, String)> {
    let one = |write: &Write| {
        let (path, text) = (write.file.as_literal()?, write.text.clone()?);
        let path = match by.cwd.first() {
            Some(Dir::Known(cwd)) if !path.starts_with(['/', '~']) => format!("{cwd}/{path}"),
            _ => path.to_owned(),
        };
        Some((path, text))
    };
    files.iter().filter_map(one).collect()
}
