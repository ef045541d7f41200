//! What is aimed at the guard itself: its files, its programs, its daemon, and the agent's settings that call it.

use crate::classify;
use crate::model::{Context, Dir, Effect, Invocation, Operation, Reach, Span, Target, Word, glob, normalize};

/// What operations on the guard are called in policies.
const TOOL: &str = "guard";
/// Files of rwenv's own.
const OWN: &str = "own";
/// Files that say whether the agent asks us.
const AGENT: &str = "agent-settings";
/// Hooks of git's that say whether git does.
const HOOK: &str = "git-hook";
/// Verbs of git that write files of the work tree.
const GIT_WRITES: [&str; 14] = [
    "checkout", "restore", "reset", "clean", "stash", "apply", "am", "switch", "pull", "merge", "rebase",
    "rm", "mv", "revert",
];

/// What an invocation does to the guard, if anything.
pub(super) fn attack(invocation: &Invocation, context: &Context) -> Option<Operation> {
    let tables = classify::tools();
    let name = invocation.program().and_then(Word::basename).unwrap_or_default();
    let words: Vec<&Word> = invocation.argv.iter().skip(1).collect();
    let operation = |what: String, whose: &'static str| {
        Some(Operation { cwd: invocation.cwd.clone(), ..on_guard(what, whose, invocation.span) })
    };
    if tables.killers.contains(&name) && words.iter().any(|w| w.display().contains("rwenv")) && ends(&words) {
        return operation("the daemon".to_owned(), OWN);
    }
    let mut written: Vec<(Word, bool)> = invocation.writes.iter().map(|w| (w.clone(), false)).collect();
    written.extend(changed(name, &words));
    written.extend(outputs(name, &words));
    if written.is_empty() {
        return None;
    }
    // A start-up file is guarded where what is done to it concerns us.
    let about_us = words.iter().any(|w| w.display().contains("rwenv"));
    for (word, whole) in &written {
        for path in places(word, &invocation.cwd) {
            if let Some(whose) = guarded(&path, *whole, context) {
                return operation(path, whose);
            }
            if about_us && tables.startup.iter().any(|pattern| glob(pattern, &path)) {
                return operation(path, OWN);
            }
        }
    }
    None
}

/// A git operation that writes files where the guard's are.
pub(super) fn through_git(operation: &Operation, context: &Context) -> Option<Operation> {
    if operation.tool != "git" || !GIT_WRITES.contains(&operation.verb.as_str()) {
        return None;
    }
    let own = format!("{}/.claude", context.home);
    let inside = |path: &str| {
        path == own
            || path == context.config_dir
            || guarded(&format!("{path}/envs.json"), false, context).is_some()
    };
    let dir = operation.target.repository.dirs.iter().filter_map(Dir::path).find(|path| inside(path))?;
    Some(on_guard(dir.to_owned(), OWN, operation.span))
}

/// A file that a tool of the agent's is about to write.
pub(super) fn on_file(path: &str, context: &Context) -> Option<Operation> {
    let cwd = [Dir::Known(context.cwd.clone())];
    let path = path.strip_prefix("~/").map_or(path.to_owned(), |rest| format!("{}/{rest}", context.home));
    let found = places(&Word::literal(path), &cwd).into_iter().find_map(|place| {
        let whose = guarded(&place, false, context)?;
        Some((place, whose))
    });
    let (place, whose) = found?;
    Some(on_guard(place, whose, Span::default()))
}

fn on_guard(what: String, whose: &'static str, span: Span) -> Operation {
    Operation {
        tool: TOOL,
        verb: "change".to_owned(),
        effect: Effect::Tamper,
        reach: Reach::Local,
        traits: vec![whose],
        target: Target { names: vec![what], ..Target::default() },
        note: None,
        span,
        cwd: Vec::new(),
    }
}

/// True where a killer ends something: `systemctl status` and `kill -0` do not.
fn ends(words: &[&Word]) -> bool {
    let harmless = [
        "status",
        "show",
        "cat",
        "is-active",
        "is-enabled",
        "restart",
        "start",
        "enable",
        "list-units",
        "-0",
        "-l",
    ];
    !words.iter().any(|word| word.as_literal().is_some_and(|text| harmless.contains(&text)))
}

/// The operands that a program changes, and whether it takes whole folders along.
fn changed(name: &str, words: &[&Word]) -> Vec<(Word, bool)> {
    let tables = classify::tools();
    let flag = |letters: &[char]| {
        words.iter().any(|w| {
            let text = w.prefix();
            text.starts_with('-') && !text.starts_with("--") && text.contains(letters)
        })
    };
    let long = |name: &str| words.iter().any(|w| w.prefix().starts_with(name));
    if matches!(name, "find" | "gfind") {
        return searched(words);
    }
    if name == "dd" {
        let of = words.iter().filter_map(|w| w.prefix().strip_prefix("of=").map(Word::literal));
        return of.map(|word| (word, false)).collect();
    }
    let operands: Vec<Word> =
        words.iter().filter(|w| !w.prefix().starts_with('-')).map(|w| (*w).clone()).collect();
    if tables.in_place.contains(&name) {
        let edits = flag(&['i']) || long("--in-place");
        return if edits { operands.into_iter().map(|word| (word, false)).collect() } else { Vec::new() };
    }
    if tables.writers.contains(&name) {
        // The destination alone: the last, or what `-t` names.
        return operands.last().cloned().into_iter().chain(target(words)).map(|word| (word, false)).collect();
    }
    if !tables.changers.contains(&name) {
        return Vec::new();
    }
    let moves = matches!(name, "mv" | "gmv");
    let whole = moves || flag(&['r', 'R']) || long("--recursive");
    // What is moved goes whole; the folder it is moved into stays.
    let last = operands.len().saturating_sub(1);
    operands.into_iter().enumerate().map(|(at, word)| (word, whole && !(moves && at == last))).collect()
}

/// What options say a program writes: files, and files in folders.
fn outputs(name: &str, words: &[&Word]) -> Vec<(Word, bool)> {
    let tables = classify::tools();
    let files = named(name, words, tables.output_files);
    let folders = named(name, words, tables.output_folders).into_iter().flat_map(|folder| {
        let inside = |file: &str| folder.as_literal().map(|path| Word::literal(format!("{path}/{file}")));
        let known = [inside("settings.json"), inside("envs.json")];
        known.into_iter().flatten().chain([folder.clone()]).collect::<Vec<_>>()
    });
    files.into_iter().chain(folders).map(|word| (word, false)).collect()
}

/// The values of options, some of which only one program has.
fn named(name: &str, words: &[&Word], options: &[&str]) -> Vec<Word> {
    let mut all = Vec::new();
    for entry in options {
        let (program, option) = entry.split_once(' ').unwrap_or((name, entry));
        for (at, word) in words.iter().enumerate().filter(|_| program == name) {
            let behind = word.prefix().strip_prefix(option);
            if word.as_literal() == Some(option) {
                all.extend(words.get(at + 1).map(|value| (*value).clone()));
            } else if let Some(value) = behind.filter(|_| !option.starts_with("--")) {
                all.push(Word::literal(value.trim_start_matches('=')));
            } else if let Some(value) = behind.and_then(|rest| rest.strip_prefix('=')) {
                all.push(Word::literal(value));
            }
        }
    }
    all
}

/// The folders in which `find` has files changed.
fn searched(words: &[&Word]) -> Vec<(Word, bool)> {
    let tables = classify::tools();
    let text = |at: usize| words.get(at).and_then(|w| w.as_literal()).unwrap_or_default();
    let changes = |at: usize| match text(at) {
        "-delete" => true,
        "-exec" | "-execdir" | "-ok" | "-okdir" => {
            let program = words.get(at + 1).and_then(|w| w.basename()).unwrap_or_default();
            [tables.changers, tables.writers, tables.in_place].iter().any(|names| names.contains(&program))
        }
        _ => false,
    };
    if !(0..words.len()).any(changes) {
        return Vec::new();
    }
    let folders = words
        .iter()
        .skip_while(|w| w.prefix().starts_with('-'))
        .take_while(|w| !w.prefix().starts_with(['-', '(', '!']));
    folders.map(|word| ((*word).clone(), true)).collect()
}

/// What `-t FOLDER` and `--target-directory=FOLDER` name.
fn target(words: &[&Word]) -> Option<Word> {
    let at = words.iter().position(|w| matches!(w.prefix(), "-t" | "--target-directory"));
    let behind = at.and_then(|at| words.get(at + 1)).map(|w| (*w).clone());
    let attached =
        words.iter().find_map(|w| w.prefix().strip_prefix("--target-directory=").map(Word::literal));
    behind.or(attached)
}

/// The files a word may stand for; of one that is computed, what is certain of it.
fn places(word: &Word, cwd: &[Dir]) -> Vec<String> {
    let known = word.as_literal().unwrap_or_else(|| word.prefix());
    let mut all: Vec<String> = match known {
        "" => Vec::new(),
        text => {
            let word = Word::literal(text);
            cwd.iter().filter_map(|dir| dir.enter(&word).path().map(|path| real(path, dir))).collect()
        }
    };
    if word.as_literal().is_none() && word.suffix().contains('/') {
        all.push(normalize(word.suffix()));
    }
    all
}

/// A path without the detours that `/proc` has: through a process's root, or its directory.
fn real(path: &str, cwd: &Dir) -> String {
    let Some(rest) = path.strip_prefix("/proc/").and_then(|rest| rest.split_once('/')) else {
        return path.to_owned();
    };
    match rest.1.split_once('/').unwrap_or((rest.1, "")) {
        ("root", rest) => normalize(rest),
        ("cwd", rest) => normalize(&format!("{}/{rest}", cwd.path().unwrap_or_default())),
        ("task", rest) => real(&format!("/proc/{rest}"), cwd),
        _ => path.to_owned(),
    }
}

/// Whose a file is, where it is guarded. A folder that holds the guard's files is meant where all in it is changed.
fn guarded(path: &str, whole: bool, context: &Context) -> Option<&'static str> {
    let tables = classify::tools();
    let is = |patterns: &[&str]| patterns.iter().any(|pattern| glob(pattern, path));
    let config = context.config_dir.as_str();
    let below =
        |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let free = ["flux-repos", "catalog"].iter().any(|name| below(&format!("{config}/{name}")));
    if is(tables.unguarded) || (!config.is_empty() && free) {
        return None;
    }
    if is(tables.guarded) || (!config.is_empty() && below(config)) {
        return Some(OWN);
    }
    let above = config.strip_prefix(path).is_some_and(|rest| rest.starts_with('/') || path == "/");
    if whole && !config.is_empty() && above {
        return Some(OWN);
    }
    if is(tables.guarded_agent) {
        return Some(AGENT);
    }
    is(tables.guarded_hooks).then_some(HOOK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_ours_the_agent_s_or_nobody_s() {
        let context = Context { cwd: "/w".into(), home: "/h".into(), config_dir: "/h/.claude/rwenv".into() };
        let guarded = |path: &str, whole| guarded(path, whole, &context);
        assert_eq!(guarded("/h/.claude/rwenv/envs.json", false), Some(OWN));
        assert_eq!(guarded("/w/.claude/settings.json", false), Some(AGENT));
        assert_eq!(guarded("/w/.claude/rwenv", false), Some(OWN));
        assert_eq!(guarded("/w/.git/hooks/pre-push", false), Some(HOOK));
        assert_eq!(guarded("/h/.claude", true), Some(OWN));
        for free in [
            "/h/.claude/rwenv/flux-repos/dev/flux/a.yaml",
            "/h/.claude/commands/x.md",
            "/w/rwenv/README.md",
            "/h/.claude/rwenvx",
        ] {
            assert_eq!(guarded(free, true), None, "{free}");
        }
        assert_eq!(guarded("/h/.claude", false), None);
        let cwd = Dir::Known("/w".to_owned());
        assert_eq!(real("/proc/self/root/h/x", &cwd), "/h/x");
        assert_eq!(real("/proc/12/cwd/x", &cwd), "/w/x");
        assert_eq!(real("/proc/self/task/3/root/x", &cwd), "/x");
        assert_eq!(real("/proc/cpuinfo", &cwd), "/proc/cpuinfo");
    }
}
