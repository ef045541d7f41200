//! What lies where in the examples' world.

use crate::model::{Brought, Lead, Reached, Reaching, RemovedObject, TreeChange, TreeSource};

/// Files of the guard's in the examples' world.
const GUARDED: [&str; 8] = [
    "/home/me/.claude/settings.json",
    "/home/me/.claude/rwenv/envs.json",
    "/home/me/.codex/hooks.json",
    "/home/me/.config/opencode/plugins/rwenv.js",
    "/home/me/.local/bin/rwenv",
    "/home/me/.local/bin/rwenv-hook",
    "/home/me/project/.claude/rwenv",
    "/home/me/dotfiles/.claude/settings.json",
];

/// Where a path leads there: what the guard has lies in the home directory, but for a file that `dotfiles` would bring.
pub(super) fn lead(path: &str) -> Lead {
    let below = |file: &&str| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    let dotfiles = |file: &&str| file.starts_with("/home/me/dotfiles/");
    Lead {
        exists: GUARDED.iter().any(|file| *file == path || below(file)),
        names: Vec::new(),
        holds: GUARDED
            .iter()
            .filter(|file| below(file) && !dotfiles(file))
            .map(|file| (*file).to_owned())
            .collect(),
        carries: false,
    }
}

/// Which files of the guard's git changes there: of a working tree that is the home directory, perhaps all.
pub(super) fn brought(change: &TreeChange) -> Brought {
    let top = change.work_tree.as_deref().unwrap_or(&change.dir);
    let at_home = top.trim_end_matches('/') == "/home/me";
    let below = |file: &str| {
        change.paths.is_empty() || change.paths.iter().any(|path| file.starts_with(path.as_str()))
    };
    let cleans = change.source == TreeSource::Untracked(true);
    let there = |file: &str| {
        let own = cleans && file.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'));
        (at_home || own) && !file.contains("/dotfiles/")
    };
    let files = GUARDED.iter().filter(|file| there(file) && below(file));
    Brought { certain: Vec::new(), perhaps: files.map(|file| (*file).to_owned()).collect() }
}

/// What a push does there to the cluster of a rwenv.
pub(super) fn reached(rwenv: &str, removes: &[String]) -> Reaching {
    let removed: Option<_> = removes.iter().map(|text| RemovedObject::from_text(text)).collect();
    let removed = removed.ok_or_else(|| "rwenv impact did not answer in time".to_owned())?;
    Ok(vec![Reached { rwenv: rwenv.to_owned(), removed }])
}
