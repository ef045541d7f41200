//! Patches as `apply_patch` takes them: which files they write. One reader, whether a tool of the agent's or a command line brings one.

/// A file that a patch writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patched {
    /// Its path, as the patch names it.
    pub path: String,
    /// The whole text, where the patch adds the file.
    pub added: Option<String>,
}

/// The files a patch writes; none where a text is no patch, or names no file.
#[must_use]
pub fn patched(patch: &str) -> Option<Vec<Patched>> {
    let mut files: Vec<Patched> = Vec::new();
    // Between the lines of an update a space begins what stays as it is.
    let mut updates = false;
    for line in patch.lines() {
        let trimmed = if updates && line.starts_with(' ') { line } else { line.trim_start() };
        if let Some((mark, path)) =
            MARKS.iter().find_map(|mark| trimmed.strip_prefix(mark).map(|path| (*mark, path)))
        {
            updates = mark == UPDATE || mark == MOVE;
            let added = (mark == ADD).then(String::new);
            files.push(Patched { path: path.trim().to_owned(), added });
        } else if let Some(rest) = line.strip_prefix('+')
            && let Some(text) = files.last_mut().and_then(|file| file.added.as_mut())
        {
            text.push_str(rest);
            text.push('\n');
        }
    }
    (!files.is_empty()).then_some(files)
}

const ADD: &str = "*** Add File: ";
const UPDATE: &str = "*** Update File: ";
const DELETE: &str = "*** Delete File: ";
const MOVE: &str = "*** Move to: ";
const MARKS: [&str; 4] = [ADD, UPDATE, DELETE, MOVE];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_those_of_the_headers_alone() {
        let patch = "*** Begin Patch\n*** Add File: a.md\n+# A\n+*** Update File: no\n  *** Update File: b.md\n@@\n *** Delete File: no\n-x\n\
                     +y\n*** Move to: c.md\n*** Delete File: d.md\n*** End Patch\n";
        let found = patched(patch).unwrap();
        let paths: Vec<&str> = found.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a.md", "b.md", "c.md", "d.md"]);
        assert_eq!(found[0].added.as_deref(), Some("# A\n*** Update File: no\n"));
        assert_eq!(found[1].added, None);
        for none in ["", "*** Begin Patch\n*** End Patch", "--- a/x\n+++ b/x\n@@\n", "say *** Add File: x"] {
            assert_eq!(patched(none), None, "{none}");
        }
    }
}
