//! Files of a cached clone that are written past git. A clone follows its remote only while nothing in it is changed, and where a rwenv is
//! read-only, its repository is.

use super::place::{below, from_home, places};
use super::touch::{Touch, Touching};
use crate::classify::Write;
use crate::model::{Context, Dir, Effect, Invocation, Operation, Reach, Word};

/// What an invocation writes below the clones. What git itself does there is judged by its verb.
pub(super) fn edited(touching: &Touching<'_>, context: &Context) -> Option<Operation> {
    let by = touching.by;
    if by.program().and_then(Word::basename) == Some("git") {
        return written_to(by.writes.iter(), by, context);
    }
    let place = |touch: &'_ Touch| match touch {
        Touch::Writes { word, .. } => Some(word.clone()),
        // Something in the folder.
        Touch::Brings { into: folder, .. }
        | Touch::Unpacks { into: folder, .. }
        | Touch::Searched { folder, .. } => {
            let mut inside = folder.clone();
            inside.push_text("/x");
            Some(inside)
        }
        Touch::Exposes { .. } => None,
    };
    let all: Vec<Word> = touching.all.iter().filter_map(place).collect();
    written_to(all.iter(), by, context)
}

/// What code, or a patch, writes there.
pub(super) fn written(files: &[Write], by: &Invocation, context: &Context) -> Option<Operation> {
    let sure = files.iter().filter(|write| !write.named);
    let all: Vec<Word> = sure.map(|write| from_home(&write.file, context)).collect();
    written_to(all.iter(), by, context)
}

/// A file that a tool of the agent's writes there.
pub(super) fn on_file(path: &str, context: &Context) -> Option<Operation> {
    let by = Invocation { cwd: vec![Dir::Known(context.cwd.clone())], ..Invocation::default() };
    let word = from_home(&Word::literal(path), context);
    let word = if word.is_wild() { Word::literal(path) } else { word };
    written_to([word].iter(), &by, context)
}

fn written_to<'w>(
    words: impl Iterator<Item = &'w Word>,
    by: &Invocation,
    context: &Context,
) -> Option<Operation> {
    if context.config_dir.is_empty() {
        return None;
    }
    let clones = format!("{}/flux-repos", context.config_dir);
    let mut paths = words.flat_map(|word| places(word, &by.cwd));
    let clone = paths.find_map(|path| {
        // The rwenv's name, the repository's, and what is in it.
        let mut parts = below(&path, &clones)?.splitn(3, '/');
        let (rwenv, repository, rest) = (parts.next()?, parts.next()?, parts.next()?);
        (rest != ".git" && !rest.starts_with(".git/")).then(|| format!("{clones}/{rwenv}/{repository}"))
    })?;
    let mut operation = Operation::new(by, "git", "edit", Effect::GitWrite, Reach::Repository);
    operation.target.repository.dirs = vec![Dir::Known(clone)];
    Some(operation)
}
