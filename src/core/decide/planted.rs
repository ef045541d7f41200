//! What is put where others run it later: hooks of git, start files of shells, what direnv loads. It is judged when it is written, by what it
//! holds.

use super::place::is_planted;
use super::plan::{DEEPEST, Plan};
use super::script::shell_run;
use super::written::{WrittenContent, WrittenScript};
use crate::classify::{self, Carried, mentions};
use crate::model::{Asked, Context, Effect, Invocation, Operation, Word, glob};

impl Plan {
    /// What an invocation writes to such places.
    pub(super) fn planted(&mut self, written: &[WrittenScript], by: &Invocation, depth: usize) {
        for one in written.iter().filter(|one| is_planted(one.path())) {
            match &one.content {
                WrittenContent::Text(text) => self.plants(one.path(), text, by, depth),
                WrittenContent::Of(from) if depth < DEEPEST => {
                    let word = Word::literal(one.path());
                    self.run((&word, from.clone()), shell_run(word.clone()), by, depth + 1);
                }
                _ => {}
            }
        }
    }

    /// A text that is put to such a place.
    pub(super) fn plants(&mut self, path: &str, text: &str, by: &Invocation, depth: usize) {
        if path.ends_with(".json") {
            for line in mentions::in_values(text, classify::tools()) {
                self.carried(Carried::Perhaps(line, by.clone()), None, depth);
            }
            return;
        }
        let tools = classify::tools();
        if tools.programs.planted_settings.iter().any(|pattern| glob(pattern, path)) {
            // `shell COMMAND`, `ProxyCommand COMMAND`.
            let behind = text.lines().filter_map(|line| Some(line.trim().split_once(' ')?.1));
            let text: String = text.lines().chain(behind).flat_map(|line| [line, "\n"]).collect();
            for line in mentions::in_file(&text, tools) {
                self.carried(Carried::Perhaps(line, by.clone()), None, depth);
            }
            return;
        }
        let by = Invocation { argv: vec![Word::literal(path)], ..by.clone() };
        self.text(text, shell_run(Word::literal(path)), &by, depth);
    }

    /// The hooks that an operation of git's starts. They run unseen, so what lies in the repository is read as a script is: what it
    /// surely does counts.
    pub(super) fn hooks_of(&mut self, operation: &Operation, by: &Invocation, depth: usize) {
        if operation.tool != "git" || operation.effect <= Effect::Read || depth >= DEEPEST {
            return;
        }
        let tables = classify::tools();
        let commands = tables.tool("git").map(|tool| tool.commands.as_slice()).unwrap_or_default();
        let Some(command) = commands.iter().find(|command| command.path.join(" ") == operation.verb) else {
            return;
        };
        let dirs = &operation.target.repository.dirs;
        let cwd = if dirs.is_empty() { by.cwd.clone() } else { dirs.clone() };
        let quiet = std::mem::replace(&mut self.quiet, true);
        for hook in command.hooks {
            for folder in tables.programs.hook_folders {
                let mut word = Word::asked(Asked::TopLevel);
                word.push_text(&format!("/{folder}/{hook}"));
                let by = Invocation { argv: vec![word.clone()], cwd: cwd.clone(), ..by.clone() };
                self.run(
                    (&word, crate::model::files_named(&word, &cwd)),
                    shell_run(word.clone()),
                    &by,
                    depth + 1,
                );
            }
        }
        self.quiet = quiet;
    }

    /// The same, written by a tool of the agent's.
    pub(super) fn plants_file(&mut self, path: &str, text: &str, context: &Context) {
        let path =
            path.strip_prefix('~').map_or_else(|| path.to_owned(), |rest| format!("{}{rest}", context.home));
        let full = if path.starts_with('/') { path } else { format!("{}/{path}", context.cwd) };
        if is_planted(&full) {
            let dir = crate::model::Dir::Known(context.cwd.clone());
            let by = Invocation { cwd: vec![dir], ..Invocation::default() };
            self.plants(&full, text, &by, 1);
        }
    }
}
