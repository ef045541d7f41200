//! What git takes away from a working tree.

use crate::classify;
use crate::model::{Dir, Word};

/// The paths that `git mv` and `git rm` take away, each with all below it. `git restore` and `git checkout --` bring back files that git
/// knows, and leave others. What depends on what git has is asked (`brought`).
pub(super) fn by_git(words: &[&Word], cwd: &[Dir]) -> Vec<(Word, bool)> {
    let argv: Vec<Word> = words.iter().map(|word| (*word).clone()).collect();
    let (at, mut dirs) = classify::before_git_verb(&argv, cwd);
    let Some((verb, words)) = argv.get(at..).and_then(<[Word]>::split_first) else { return Vec::new() };
    // Where the repository is says nothing of where its files are.
    if argv.iter().take(at).any(|word| word.prefix().starts_with("--git-dir")) {
        dirs.extend(cwd.iter().cloned());
    }
    let short = |letters: &[char]| {
        words
            .iter()
            .map(Word::prefix)
            .any(|w| w.starts_with('-') && !w.starts_with("--") && w.contains(letters))
    };
    let long = |name: &str| words.iter().any(|word| word.prefix().starts_with(name));
    let tries = short(&['n']) || long("--dry-run");
    let whole = !matches!(verb.as_literal(), Some("restore" | "checkout"));
    let taken: Vec<Word> = match verb.as_literal() {
        Some("mv") if !tries => operands(words).collect(),
        Some("rm") if !tries && !long("--cached") => operands(words).collect(),
        Some("restore") if !long("--staged") || long("--worktree") => operands(words).collect(),
        // Without `--` it may be a branch.
        Some("checkout") => {
            words.iter().skip_while(|word| word.as_literal() != Some("--")).skip(1).cloned().collect()
        }
        _ => return Vec::new(),
    };
    let folders = dirs.iter().filter_map(Dir::path);
    folders.flat_map(|folder| taken.iter().map(move |word| (inside(word, folder), whole))).collect()
}

fn operands(words: &[Word]) -> impl Iterator<Item = Word> + '_ {
    words.iter().filter(|word| !word.prefix().starts_with('-')).cloned()
}

/// A path as git is given it in a folder; `:/` stands for the top of the working tree.
fn inside(word: &Word, folder: &str) -> Word {
    if word.prefix().starts_with(['/', '~']) {
        return word.clone();
    }
    if let Some(text) = word.as_literal() {
        return Word::literal(format!("{folder}/{}", text.strip_prefix(":/").unwrap_or(text)));
    }
    let mut path = Word::literal(format!("{folder}/"));
    path.push_word(word);
    path
}
