//! What earlier parts of a line do to what later ones meet: clones it makes, variables it takes away.

use super::{Plan, Planned};
use crate::model::{Dir, Word};

impl Plan {
    /// False where the line, or a script it runs, may take variables of the session away from a command: then what the session was
    /// given does not say where a bare call goes.
    #[must_use]
    pub fn keeps_environment(&self) -> bool {
        let texts =
            std::iter::once(self.line.as_str()).chain(self.scripts.iter().map(|(text, ..)| text.as_str()));
        let takes = [
            "KUBECONFIG",
            "env",
            "sudo",
            "doas",
            "su",
            "unset",
            "exec",
            "runuser",
            "systemd-run",
            "machinectl",
            "at",
            "crontab",
            "launchctl",
        ];
        texts.into_iter().all(|text| {
            let mut words = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.'));
            !words.any(|word| takes.contains(&word))
        })
    }

    /// A repository that the line itself clones has what it is cloned from as its remote, and belongs to where the line
    /// starts: nothing is selected in it yet.
    pub(super) fn follow_clones(&mut self) {
        let start = Dir::Known(self.context.cwd.clone());
        let mut made: Vec<(Dir, Word)> = Vec::new();
        let mut trees: Vec<(Dir, Vec<Dir>)> = Vec::new();
        for Planned { operation, .. } in &mut self.planned {
            let target = &mut operation.target.repository;
            if let Some((folder, _)) = &target.worktree {
                trees.extend(target.dirs.iter().map(|dir| (dir.enter(folder), target.dirs.clone())));
            }
            // A working tree that is added is one of the same repository.
            let own = |tree: &&(Dir, Vec<Dir>)| target.dirs.contains(&tree.0);
            let of: Vec<Dir> = trees.iter().filter(own).flat_map(|(_, of)| of.clone()).collect();
            target.dirs.extend(of);
            if let Some((url, folder)) = &target.clones {
                made.extend(target.dirs.iter().map(|dir| (dir.enter(folder), url.clone())));
            }
            for (dir, url) in &made {
                let inside = dir.path().is_some_and(|made| {
                    target
                        .dirs
                        .iter()
                        .filter_map(Dir::path)
                        .any(|d| d == made || d.starts_with(&format!("{made}/")))
                });
                if operation.tool == "git" && inside && !target.dirs.contains(&start) {
                    target.config.push(("remote.origin.url".to_owned(), url.clone()));
                    target.dirs.push(start.clone());
                }
            }
        }
    }
}
