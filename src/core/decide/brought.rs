//! What git does to the files of a working tree, as far as the words say: the guard's may be among them.

use super::place::below;
use crate::classify;
use crate::model::{Dir, Invocation, TreeChange, TreeSource, Word, normalize};

/// The commit that is checked out.
const HEAD: &str = "HEAD";
/// Options whose value is the next word, by verb.
const VALUES: [(&str, &[&str]); 9] = [
    ("checkout", &["-b", "-B", "--conflict"]),
    ("switch", &["-c", "-C", "--create", "--force-create", "--conflict"]),
    ("restore", &["-s", "--source", "--conflict"]),
    ("stash", &["-m", "--message"]),
    ("clean", &["-e", "--exclude"]),
    ("merge", &["-m", "-F", "-s", "-X", "--strategy", "--strategy-option", "--into-name"]),
    ("rebase", &["-s", "-X", "-x", "--exec", "--strategy", "--strategy-option", "--whitespace", "-C"]),
    ("cherry-pick", &["-m", "--mainline", "-s", "-X", "--strategy", "--strategy-option"]),
    ("revert", &["-m", "--mainline", "--strategy", "-X", "--strategy-option"]),
];

/// The words behind a verb of git.
struct Behind<'w> {
    words: &'w [Word],
    /// Those that are neither options nor their values, before `--`.
    operands: Vec<&'w Word>,
    /// Those behind `--`.
    paths: Option<&'w [Word]>,
}

impl<'w> Behind<'w> {
    fn of(verb: &str, words: &'w [Word]) -> Self {
        let end = words.iter().position(|word| word.as_literal() == Some("--"));
        let before = words.get(..end.unwrap_or(words.len())).unwrap_or_default();
        let values = VALUES.iter().find(|(name, _)| *name == verb).map_or(&[][..], |(_, values)| values);
        let is_value = |at: usize| {
            at.checked_sub(1)
                .and_then(|at| before.get(at))
                .is_some_and(|word| values.contains(&word.prefix()))
        };
        let operand = |(at, word): &(usize, &Word)| {
            !is_value(*at) && (!word.prefix().starts_with('-') || word.as_literal() == Some("-"))
        };
        let operands = before.iter().enumerate().filter(operand).map(|(_, word)| word).collect();
        Self { words, operands, paths: end.and_then(|at| words.get(at + 1..)) }
    }

    /// An option is given: by its name, by a beginning of it that git takes for it, or by its letter.
    fn has(&self, name: &str, letter: char) -> bool {
        self.words.iter().map(Word::prefix).any(|text| match text.strip_prefix("--") {
            Some("") => false,
            Some(long) => long.len() > 2 && name.starts_with(long.split('=').next().unwrap_or(long)),
            None => text.starts_with('-') && text.contains(letter),
        })
    }

    /// The value of an option.
    fn value(&self, long: &str, short: &str) -> Option<&Word> {
        let at = self.words.iter().position(|word| word.prefix() == short || word.prefix() == long)?;
        self.words.get(at + 1)
    }
}

/// A revision as a word names it.
fn revision(word: &Word) -> Option<String> {
    let text = word.as_literal().filter(|text| *text == "-" || !text.starts_with('-'))?;
    Some(if text == "-" { "@{-1}" } else { text }.to_owned())
}

/// What becomes of files by a revision that a word names: anything, where it is computed.
fn by(word: Option<&Word>, source: fn(String) -> TreeSource) -> TreeSource {
    word.and_then(revision).map_or(TreeSource::Anything, source)
}

/// What a call of git does to the files of its working tree; several where it is not sure where it runs.
pub(super) fn by_git(by: &Invocation) -> Vec<TreeChange> {
    if by.program().and_then(Word::basename) != Some("git") {
        return Vec::new();
    }
    let argv = by.argv.get(1..).unwrap_or_default();
    let (at, dirs) = classify::before_git_verb(argv, &by.cwd);
    let Some((verb, words)) = argv.get(at..).and_then(<[Word]>::split_first) else { return Vec::new() };
    let Some(verb) = verb.as_literal() else { return Vec::new() };
    let front = argv.get(..at).unwrap_or_default();
    let said = |option: &str, variable: &str| {
        let attached = |word: &Word| word.prefix().strip_prefix(option)?.strip_prefix('=').map(Word::literal);
        let next = |at: usize| front.get(at).filter(|word| word.as_literal() == Some(option)).is_some();
        let behind = (0..front.len()).rev().find(|at| next(*at)).and_then(|at| front.get(at + 1).cloned());
        front.iter().rev().find_map(attached).or(behind).or_else(|| by.assigned(variable).cloned())
    };
    let (git_dir, work_tree) = (said("--git-dir", "GIT_DIR"), said("--work-tree", "GIT_WORK_TREE"));
    let changes = sources(verb, &Behind::of(verb, words));
    let mut all = Vec::new();
    for cwd in &by.cwd {
        // Without a folder of git's own, `-C` and the working tree say where it works.
        let own = dirs.iter().zip(&by.cwd).find(|(_, from)| *from == cwd).map(|(dir, _)| dir);
        let base = if git_dir.is_some() || work_tree.is_some() { Some(cwd) } else { own };
        let Some(dir) = base.and_then(Dir::path) else { continue };
        let place =
            |word: &Option<Word>| word.as_ref().and_then(|word| cwd.enter(word).path().map(str::to_owned));
        for (source, paths) in &changes {
            let top = work_tree.as_ref().map_or(Some(dir.to_owned()), |_| place(&work_tree));
            // Outside of the working tree, paths are meant from its top.
            let within = |words: &[Word]| {
                let from = |top: &String| {
                    let outside = dir != top && below(dir, top).is_none();
                    inside(words, if outside { top } else { dir }, top)
                };
                top.as_ref().map_or_else(Vec::new, from)
            };
            let source = match source {
                TreeSource::Named(revision, path) => {
                    let path = within(&[Word::literal(path)]).pop().unwrap_or_else(|| "/".to_owned());
                    TreeSource::Named(revision.clone(), path)
                }
                source => source.clone(),
            };
            let paths = within(paths);
            let (git_dir, work_tree) = (place(&git_dir), place(&work_tree));
            all.push(TreeChange { dir: dir.to_owned(), git_dir, work_tree, source, paths });
        }
    }
    all
}

/// Paths as git is given them in a folder; none, which is all there is, where one of them is not sure.
fn inside(words: &[Word], dir: &str, top: &str) -> Vec<String> {
    let one = |word: &Word| {
        let text = word.as_literal()?;
        let path = match text.strip_prefix(":/") {
            // The top may lie above.
            Some("") => return None,
            Some(rest) => format!("{top}/{rest}"),
            None if text.starts_with(':') => return None,
            None if text.starts_with('/') => text.to_owned(),
            None => format!("{dir}/{text}"),
        };
        // What a pattern matches lies below the folder before it.
        let sure = path.find(['*', '?', '[']).map_or(path.as_str(), |at| {
            let head = path.get(..at).unwrap_or_default();
            head.rsplit_once('/').map_or("", |(folder, _)| folder)
        });
        Some(normalize(sure))
    };
    words.iter().map(one).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// What becomes of which files by a verb.
fn sources(verb: &str, given: &Behind<'_>) -> Vec<(TreeSource, Vec<Word>)> {
    let Behind { operands, .. } = given;
    let first = operands.first().copied();
    let all = |source: TreeSource| vec![(source, Vec::new())];
    let named = |words: &[&Word]| words.iter().map(|word| (*word).clone()).collect::<Vec<Word>>();
    match verb {
        "checkout" => checked_out(given),
        "switch" if given.has("discard-changes", 'f') || given.has("force", 'f') => match first {
            Some(word) => all(by(Some(word), TreeSource::Revision)),
            None => all(TreeSource::Revision(HEAD.to_owned())),
        },
        "switch" if first.is_some() => all(by(first, TreeSource::Moved)),
        "restore" if given.has("staged", 'S') && !given.has("worktree", 'W') => Vec::new(),
        "restore" => restored(given),
        "reset" if given.has("hard", '\0') || given.has("merge", '\0') => {
            all(first
                .map_or(TreeSource::Revision(HEAD.to_owned()), |word| by(Some(word), TreeSource::Revision)))
        }
        "reset" if given.has("keep", '\0') && first.is_some() => all(by(first, TreeSource::Moved)),
        "read-tree" if given.has("reset", '\0') || given.has("update", 'u') => {
            all(by(operands.last().copied(), TreeSource::Revision))
        }
        "checkout-index" => vec![(TreeSource::Index, named(operands))],
        "stash" => stashed(given),
        "clean" if !given.has("dry-run", 'n') => cleaned(given),
        "merge" | "rebase" if given.has("abort", '\0') => all(TreeSource::Revision(HEAD.to_owned())),
        "merge" | "rebase" if ["continue", "quit", "skip"].iter().any(|name| given.has(name, '\0')) => {
            Vec::new()
        }
        "merge" | "rebase" if operands.is_empty() => all(TreeSource::Merged("@{upstream}".to_owned())),
        "merge" | "rebase" => {
            operands.iter().map(|word| (by(Some(word), TreeSource::Merged), Vec::new())).collect()
        }
        "cherry-pick" | "revert" => {
            let one = |word: &&Word| match word.as_literal() {
                Some(text) if !text.contains("..") => by(Some(word), TreeSource::Commit),
                _ => TreeSource::Anything,
            };
            operands.iter().map(|word| (one(word), Vec::new())).collect()
        }
        "pull" if !given.has("dry-run", '\0') => all(TreeSource::Anything),
        "am" => all(TreeSource::Anything),
        "sparse-checkout" if first.is_some_and(|word| word.as_literal() != Some("list")) => {
            all(TreeSource::Anything)
        }
        "apply" => {
            let looks = ["check", "stat", "numstat", "summary", "cached"];
            if looks.iter().any(|name| given.has(name, '\0')) {
                Vec::new()
            } else {
                all(TreeSource::Anything)
            }
        }
        _ => Vec::new(),
    }
}

/// All that is given as a path: `--` is not needed.
fn all_paths(given: &Behind<'_>) -> Vec<Word> {
    let operands = given.operands.iter().map(|word| (*word).clone());
    operands.chain(given.paths.unwrap_or_default().iter().cloned()).collect()
}

fn restored(given: &Behind<'_>) -> Vec<(TreeSource, Vec<Word>)> {
    let attached = |word: &Word| word.prefix().strip_prefix("--source=").map(Word::literal);
    let from = given.words.iter().find_map(attached);
    let from = from.as_ref().or_else(|| given.value("--source", "-s"));
    let source = from.map_or(TreeSource::Index, |word| by(Some(word), TreeSource::Revision));
    vec![(source, all_paths(given))]
}

/// What `git clean` takes, unless it is told to spare the agent's folder.
fn cleaned(given: &Behind<'_>) -> Vec<(TreeSource, Vec<Word>)> {
    let paths = all_paths(given);
    let spared = given.words.iter().any(|word| word.display().contains(".claude"));
    let ignored = given.has("\0", 'x') || given.has("\0", 'X');
    if spared && paths.is_empty() { Vec::new() } else { vec![(TreeSource::Untracked(ignored), paths)] }
}

fn checked_out(given: &Behind<'_>) -> Vec<(TreeSource, Vec<Word>)> {
    let all = |source: TreeSource| vec![(source, Vec::new())];
    let first = given.operands.first().copied();
    let branch = given.has("\0", 'b') || given.has("\0", 'B') || given.has("orphan", '\0');
    match (first, given.paths) {
        (None, Some(paths)) if !paths.is_empty() => vec![(TreeSource::Index, paths.to_vec())],
        (Some(word), Some(paths)) if !paths.is_empty() => {
            vec![(by(Some(word), TreeSource::Revision), paths.to_vec())]
        }
        (Some(word), _) if given.has("force", 'f') => all(by(Some(word), TreeSource::Revision)),
        (None, _) if given.has("force", 'f') => all(TreeSource::Revision(HEAD.to_owned())),
        (None, _) => Vec::new(),
        (Some(word), _) if branch => all(by(Some(word), TreeSource::Moved)),
        // Without `--` a word may be a revision, or a path.
        (Some(word), _) => {
            let rest: Vec<Word> = given.operands.iter().skip(1).map(|word| (*word).clone()).collect();
            match revision(word) {
                Some(text) => vec![(TreeSource::Named(text.clone(), text), rest)],
                None => vec![(TreeSource::Anything, rest)],
            }
        }
    }
}

fn stashed(given: &Behind<'_>) -> Vec<(TreeSource, Vec<Word>)> {
    let verb = given.operands.first().map(|word| word.as_literal());
    let behind = || given.operands.iter().skip(1).map(|word| (*word).clone());
    match verb {
        None | Some(Some("push" | "save")) => {
            let mut paths: Vec<Word> =
                if verb == Some(Some("push")) { behind().collect() } else { Vec::new() };
            paths.extend_from_slice(given.paths.unwrap_or_default());
            let mut all = vec![(TreeSource::Revision(HEAD.to_owned()), paths.clone())];
            let ignored = given.has("all", 'a');
            if ignored || given.has("include-untracked", 'u') {
                all.push((TreeSource::Untracked(ignored), paths));
            }
            all
        }
        Some(Some("pop" | "apply" | "branch")) => {
            let skip = usize::from(verb == Some(Some("branch")));
            let entry = behind().nth(skip).map(|word| match word.as_literal() {
                Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Word::literal(format!("stash@{{{text}}}"))
                }
                _ => word,
            });
            let entry = entry.unwrap_or_else(|| Word::literal("stash@{0}"));
            vec![(by(Some(&entry), TreeSource::Commit), Vec::new())]
        }
        Some(Some(_)) => Vec::new(),
        Some(None) => vec![(TreeSource::Anything, Vec::new())],
    }
}
