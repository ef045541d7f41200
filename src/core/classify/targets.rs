//! Files of targets (Makefile, justfile, Taskfile, package.json): what the ones that are asked for come to.

use super::carried::{Carried, Reader, behind};
use crate::model::{Assigned, Invocation, Runner, TargetFormat, Word};

mod read;

use read::RunnerTarget;

/// Most targets that are followed from one call.
const MOST: usize = 64;

/// What running targets of a file comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundTargets {
    /// Texts that a shell runs.
    pub texts: Vec<String>,
    /// Files to go on with, and the targets that are asked of them.
    pub files: Vec<(String, Vec<Word>)>,
}

/// A runner's command line.
struct RunnerLine {
    /// The call, in the directory the runner changes to.
    by: Invocation,
    files: Vec<Word>,
    wanted: Vec<Word>,
    code: Vec<String>,
    /// It runs targets at all.
    runs: bool,
}

/// What a call of a runner runs: code in its options, and the files that are looked into.
pub(super) fn unwrap(by: &Invocation, runner: &'static Runner) -> Vec<Carried> {
    let Some(RunnerLine { by, mut files, wanted, code, runs }) = read_line(by, runner) else {
        return Vec::new();
    };
    let mut out: Vec<Carried> = Vec::new();
    for text in code {
        let found = expand_targets(&text, runner, &wanted);
        out.extend(found.texts.into_iter().map(|text| {
            let by = Invocation { env: own_environment(&by, &wanted), ..by.clone() };
            Carried::Guess(Box::new(Carried::Shell { text, arguments: Vec::new(), by, remote: None }))
        }));
    }
    if !runs {
        return out;
    }
    if files.is_empty() {
        let above = if runner.upward { 4 } else { 0 };
        for up in 0..=above {
            let name = |name: &&str| Word::literal(format!("{}{name}", "../".repeat(up)));
            files.extend(runner.files.iter().map(name));
        }
    }
    let by = Invocation { env: own_environment(&by, &wanted), ..by };
    out.extend(files.into_iter().map(|path| Carried::Script {
        path,
        arguments: wanted.clone(),
        by: by.clone(),
        reader: Reader::Targets(runner),
    }));
    out
}

/// Reads a runner's command line; none where it runs nothing.
fn read_line(by: &Invocation, runner: &Runner) -> Option<RunnerLine> {
    let mut line = RunnerLine {
        by: by.clone(),
        files: Vec::new(),
        wanted: Vec::new(),
        code: Vec::new(),
        runs: runner.verbs.is_empty(),
    };
    let mut at = 1;
    while let Some(word) = by.argv.get(at) {
        let text = word.prefix();
        at += 1;
        if text == "--" && runner.format != TargetFormat::Make {
            break;
        }
        if runner.stop.contains(&text) {
            return None;
        }
        if text.starts_with('-') {
            at += line.option(word, by.argv.get(at), runner);
        } else if !line.runs && runner.verbs.contains(&text) {
            line.runs = true;
        } else if line.runs || runner.itself.contains(&text) {
            line.runs = true;
            line.wanted.push(word.clone());
            if !runner.verbs.is_empty() {
                break;
            }
        } else {
            return None;
        }
    }
    Some(line)
}

impl RunnerLine {
    /// Takes an option; says whether its value was the next word.
    fn option(&mut self, word: &Word, next: Option<&Word>, runner: &Runner) -> usize {
        let text = word.prefix();
        let lists = [runner.chdir, runner.file, runner.code, runner.value];
        let wants = |name: &str| lists.iter().any(|list| list.contains(&name));
        let (name, attached) = match text.split_once('=').filter(|_| text.starts_with("--")) {
            Some((name, rest)) => (name.to_owned(), Some(behind(word, rest))),
            None if text.starts_with("--") || text.len() == 2 => (text.to_owned(), None),
            None => {
                // `-fFILE`, or `-sC DIR`.
                let first = text.get(..2).unwrap_or(text);
                let last = text.chars().next_back().map(|c| format!("-{c}")).unwrap_or_default();
                if !wants(first) && wants(&last) {
                    (last, None)
                } else {
                    (first.to_owned(), Some(behind(word, text.get(2..).unwrap_or_default())))
                }
            }
        };
        let from_next = attached.is_none() && wants(&name);
        if let Some(value) = attached.or_else(|| next.cloned().filter(|_| from_next)) {
            self.takes(&name, &value, runner);
        }
        usize::from(from_next)
    }

    fn takes(&mut self, name: &str, value: &Word, runner: &Runner) {
        if runner.chdir.contains(&name) {
            self.by.cwd = self.by.cwd.iter().map(|dir| dir.enter(value)).collect();
        } else if runner.file.contains(&name) {
            self.files.push(value.clone());
        } else if runner.code.contains(&name) {
            self.code.extend(value.as_literal().map(str::to_owned));
        }
    }
}

/// `NAME=value` among the targets is set for what they run.
fn own_environment(by: &Invocation, wanted: &[Word]) -> Vec<Assigned> {
    let mut env = by.env.clone();
    for word in wanted {
        if let Some((name, value)) = word.prefix().split_once('=') {
            env.push(Assigned { name: name.to_owned(), value: behind(word, value) });
        }
    }
    env
}

/// What the targets that are asked for come to, by the text of a file.
#[must_use]
pub fn expand_targets(text: &str, runner: &Runner, wanted: &[Word]) -> FoundTargets {
    let mut file = read::file(text, runner.format);
    for word in wanted {
        if let Some((name, value)) = word.as_literal().and_then(|text| text.split_once('=')) {
            file.values.retain(|(known, _)| known != name);
            file.values.push((name.to_owned(), value.to_owned()));
        }
    }
    let names = wanted.iter().filter_map(Word::as_literal).filter(|name| !name.contains('='));
    let mut ask: Vec<String> = names.map(str::to_owned).collect();
    let computed = wanted.iter().any(|word| word.as_literal().is_none());
    if ask.is_empty() && !computed && runner.format != TargetFormat::Npm {
        let first = file.targets.iter().find(|t| !t.name.starts_with('.') && !t.name.contains('%'));
        let named = file.targets.iter().find(|t| t.name == "default" && runner.format != TargetFormat::Make);
        ask.extend(named.or(first).map(|target| target.name.clone()));
    }
    let mut out = FoundTargets { texts: std::mem::take(&mut file.always), files: Vec::new() };
    for (path, before) in &file.includes {
        let inner: Vec<Word> = ask
            .iter()
            .map(|name| Word::literal(name.strip_prefix(before.as_str()).unwrap_or(name)))
            .collect();
        out.files.push((path.clone(), inner));
    }
    let mut done: Vec<String> = Vec::new();
    while let Some(name) = ask.pop() {
        if done.contains(&name) || done.len() > MOST {
            continue;
        }
        let hits = file.targets.iter().filter(|target| fits(&target.name, &name));
        let related = |target: &&RunnerTarget| {
            runner.format == TargetFormat::Npm
                && [format!("pre{name}"), format!("post{name}")].contains(&target.name)
        };
        for target in hits.chain(file.targets.iter().filter(related)) {
            out.texts.extend(target.lines.clone());
            ask.extend(target.needs.iter().map(|need| read::filled(need, &file.values, runner.format)));
        }
        done.push(name);
    }
    let exports = exports(&file, runner);
    for text in &mut out.texts {
        *text = format!("{exports}{}", read::filled(text, &file.values, runner.format));
    }
    out
}

/// What a shell needs to know first of variables that a makefile exports.
fn exports(file: &read::TargetsFile, runner: &Runner) -> String {
    let known = file.exported.iter().filter_map(|name| {
        let (_, value) = file.values.iter().rev().find(|(known, _)| known == name)?;
        Some((name, read::filled(value, &file.values, runner.format)))
    });
    let plain = |value: String| if value.contains(['"', '`', '\\']) { "${__}".to_owned() } else { value };
    let known = known.map(|(name, value)| (name, plain(value)));
    known.map(|(name, value)| format!("export {name}=\"{value}\"; ")).collect()
}

/// True where a target is the one that is asked for, or a pattern that makes it.
fn fits(target: &str, name: &str) -> bool {
    match target.split_once('%') {
        Some((before, after)) => {
            name.len() > before.len() && name.starts_with(before) && name.ends_with(after)
        }
        None => target == name,
    }
}
