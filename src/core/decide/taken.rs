//! What git takes away from a working tree.

use crate::classify;
use crate::model::{Dir, Word};

/// The paths that `git mv`, `git rm` and `git clean` take away, and the folders whose ignored files, as the selection of a rwenv
/// is, go with `git clean -x` and `git stash --all`: each with all below it. `git restore` and `git checkout --` bring back files that
/// git knows, and leave others.
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
    let taken = match verb.as_literal() {
        Some("mv") if !tries => operands(words).collect(),
        Some("rm") if !tries && !long("--cached") => operands(words).collect(),
        Some("restore") if !long("--staged") || long("--worktree") => operands(words).collect(),
        // Without `--` it may be a branch.
        Some("checkout") => {
            words.iter().skip_while(|word| word.as_literal() != Some("--")).skip(1).cloned().collect()
        }
        Some("clean") if !tries => cleaned(words, short(&['x', 'X'])),
        Some("stash") if short(&['a']) || long("--all") => vec![Word::literal(".")],
        _ => return Vec::new(),
    };
    let folders = dirs.iter().filter_map(Dir::path);
    folders.flat_map(|folder| taken.iter().map(move |word| (inside(word, folder), whole))).collect()
}

fn operands(words: &[Word]) -> impl Iterator<Item = Word> + '_ {
    words.iter().filter(|word| !word.prefix().starts_with('-')).cloned()
}

/// What `git clean` is told to take, and without a path all that is ignored, unless it is told to spare the agent's folder.
fn cleaned(words: &[Word], ignored: bool) -> Vec<Word> {
    let excludes = |at: usize| words.get(at).is_some_and(|word| matches!(word.prefix(), "-e" | "--exclude"));
    let spared = words.iter().enumerate().filter(|(at, word)| {
        at.checked_sub(1).is_some_and(excludes) || word.prefix().starts_with("--exclude=")
    });
    let spared: Vec<&Word> = spared.map(|(_, word)| word).collect();
    if spared.iter().any(|word| word.display().contains(".claude")) {
        return Vec::new();
    }
    let mut taken: Vec<Word> = operands(words).filter(|word| !spared.contains(&word)).collect();
    if taken.is_empty() && ignored {
        taken.push(Word::literal("."));
    }
    taken
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
