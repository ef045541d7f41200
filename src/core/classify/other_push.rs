//! Pushes by programs that are not git.

use crate::model::{COMPUTED, Dir, RepositoryTarget, Tool, Word};

/// Where a push by other means goes, as far as its flags say; `more` than the branches that are named.
pub(super) fn aim(
    target: &mut RepositoryTarget,
    cwd: &[Dir],
    given: impl Fn(&[&str]) -> Vec<Word>,
    (tool, more): (&Tool, bool),
) {
    target.dirs = cwd.to_vec();
    target.remote = given(&tool.roles.remote).pop();
    if !more {
        target.refspecs = given(&tool.roles.branch);
        let made = |_| Word::literal(format!("push-{COMPUTED}"));
        target.refspecs.extend(given(&tool.roles.revision).into_iter().map(made));
    }
}
