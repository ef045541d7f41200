//! Files of targets (Makefile, justfile, Taskfile, package.json): what the ones that are asked for come to.

use super::carried::{Carried, Reader, behind};
use super::mentions;
use crate::model::{Assigned, Invocation, Opaque, OpaqueKind, Runner, Stdin, TargetFormat, Tools, Word};

mod compose;
mod make;
mod read;
mod task;

use read::{RunnerTarget, TargetsFile};

/// Most targets that are followed from one call.
const MOST: usize = 64;
/// Words that name no target.
const GENERIC: [&str; 14] = [
    "run",
    "exec",
    "x",
    "start",
    "up",
    "task",
    "tasks",
    "call",
    "run-script",
    "run-many",
    "-",
    "repro",
    "make",
    "target",
];

/// What running targets of a file comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundTargets {
    /// Texts that a shell runs.
    pub texts: Vec<String>,
    /// Files to go on with, and the targets that are asked of them.
    pub files: Vec<(String, Vec<Word>)>,
    /// Command lines of which it is not known whether they are run.
    pub perhaps: Vec<String>,
    /// Files whose variables they get.
    pub env_files: Vec<String>,
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
pub(super) fn unwrap(by: &Invocation, runner: &'static Runner, tools: &Tools) -> Vec<Carried> {
    let Some(RunnerLine { by, mut files, wanted, code, runs }) = read_line(by, runner) else {
        return Vec::new();
    };
    let mut out: Vec<Carried> = Vec::new();
    for text in code {
        let found = expand_targets(&text, runner, &wanted, tools);
        out.extend(found.texts.into_iter().map(|text| {
            let by = Invocation { env: own_environment(&by, &wanted), ..by.clone() };
            Carried::Guess(Box::new(Carried::Shell { text, arguments: Vec::new(), by, remote: None }))
        }));
    }
    if !runs {
        return out;
    }
    out.extend(wanted.iter().filter_map(|target| by_name(&by, runner, target, tools)));
    if runner.format == TargetFormat::Named {
        return out;
    }
    if files.is_empty() {
        let above = if runner.upward { 4 } else { 0 };
        for up in 0..=above {
            let name = |name: &&str| Word::literal(format!("{}{name}", "../".repeat(up)));
            files.extend(runner.files.iter().map(name));
        }
    }
    if runner.operands {
        files.extend(wanted.iter().filter(|word| word.display().contains('.')).cloned());
    }
    let mut wanted = wanted;
    if runner.format == TargetFormat::Make {
        // What the environment says counts where the file leaves it open.
        let set = by
            .env
            .iter()
            .filter_map(|set| set.value.as_literal().map(|value| format!("{}?={value}", set.name)));
        wanted.extend(set.map(Word::literal));
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

/// What a target may do by what it is called: one of our tools (`@kubectl//:kubectl`), or something that is deployed.
fn by_name(by: &Invocation, runner: &Runner, target: &Word, tools: &Tools) -> Option<Carried> {
    let name = target.as_literal()?;
    if runner.format == TargetFormat::Named
        && let Some(tool) = name.rsplit([':', '/', '+']).next().filter(|part| tools.tool(part).is_some())
    {
        let behind = by.argv.iter().skip_while(|word| word.as_literal() != Some("--")).skip(1);
        let argv = std::iter::once(Word::literal(tool)).chain(behind.cloned()).collect();
        return Some(Carried::Invocation { invocation: Invocation { argv, ..by.clone() }, remote: None });
    }
    let mut parts = name.split(|c: char| !c.is_alphanumeric());
    let says = parts.any(|part| runner.changes.contains(&part.to_lowercase().as_str()));
    let program = by.program().and_then(Word::basename).unwrap_or_default();
    says.then(|| {
        Carried::Opaque(Opaque {
            kind: OpaqueKind::Perhaps,
            span: by.span,
            what: format!("{program} may change a cluster or a service by its target '{name}'"),
            invocation: None,
        })
    })
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
    // `yarn` alone installs.
    let bare = !runner.bare.is_empty() && by.argv.iter().skip(1).all(|word| word.prefix().starts_with('-'));
    let verb = bare.then(|| Word::literal(runner.bare.as_str()));
    let mut at = 1;
    while let Some(word) = by.argv.get(at).or(verb.as_ref().filter(|_| at == by.argv.len())) {
        let text = word.prefix();
        at += 1;
        if text == "--" && runner.format != TargetFormat::Make {
            break;
        }
        if runner.stop.contains(&text) {
            return None;
        }
        if runner.prints.contains(&text) {
            line.wanted.push(Word::literal("MAKEFLAGS=n"));
            continue;
        }
        let scripts = |event: &str| event.split(' ').next() == Some(text);
        if let Some(event) = runner.events.iter().find(|event| scripts(event)).filter(|_| !line.runs) {
            line.runs = true;
            line.wanted.extend(event.split(' ').skip(1).map(Word::literal));
            break;
        }
        if runner.sets.contains(&text) {
            let pair = by
                .argv
                .get(at)
                .and_then(Word::as_literal)
                .zip(by.argv.get(at + 1).and_then(Word::as_literal));
            line.wanted.extend(pair.map(|(name, value)| Word::literal(format!("{name}={value}"))));
            at += 2;
            continue;
        }
        if runner.global.contains(&text) {
            line.files.extend(runner.global_files.iter().map(|file| Word::literal(*file)));
            continue;
        }
        if text.starts_with('-') {
            at += line.option(word, by.argv.get(at), runner);
        } else if !line.runs && runner.verbs.contains(&text) {
            line.runs = true;
        } else if line.runs || runner.itself.iter().any(|own| *own == text || *own == "*") {
            line.runs = true;
            line.wanted.push(word.clone());
            if !runner.verbs.is_empty() {
                line.wanted.extend(by.argv.iter().skip(at).cloned());
                line.behind(by.argv.get(at..).unwrap_or_default(), runner);
                break;
            }
        } else {
            return None;
        }
    }
    Some(line)
}

impl RunnerLine {
    /// Takes the options that count behind a target.
    fn behind(&mut self, words: &[Word], runner: &Runner) {
        for (at, word) in words.iter().enumerate().take_while(|(_, word)| word.prefix() != "--") {
            let name = word.prefix().split('=').next().unwrap_or_default();
            if runner.behind.contains(&name) {
                self.option(word, words.get(at + 1), runner);
            }
        }
    }

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
            match &self.by.stdin {
                Stdin::Text(text) if matches!(value.as_literal(), Some("-" | "/dev/stdin")) => {
                    self.code.push(text.to_string());
                }
                _ => self.files.push(value.clone()),
            }
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
pub fn expand_targets(text: &str, runner: &Runner, wanted: &[Word], tools: &Tools) -> FoundTargets {
    if runner.format == TargetFormat::Text {
        let names = if runner.whole { Vec::new() } else { asked_names(wanted) };
        let base = text.lines().filter(|line| runner.base.contains(&line.trim()) && !names.is_empty());
        let base: String = base.map(|line| mentions::begun_by(text, line)).collect();
        let part = format!("{}{base}", mentions::sections(text, &names));
        return FoundTargets { perhaps: mentions::in_file(&part, tools), ..FoundTargets::default() };
    }
    if runner.format == TargetFormat::Compose {
        return FoundTargets { texts: compose::expand(text, wanted), ..FoundTargets::default() };
    }
    // `-n` and its kin are letters of make's own variable.
    let mut flags = wanted.iter().filter_map(|word| word.prefix().strip_prefix("MAKEFLAGS="));
    let prints = flags.next_back().is_some_and(|flags| flags.starts_with('n'));
    let mut file = taken_apart(text, runner.format, prints);
    for word in wanted {
        if let Some((name, value)) = word.as_literal().and_then(|text| text.split_once('=')) {
            set(&mut file, name, value);
        }
    }
    let (wanted, arguments) = match wanted.split_first() {
        Some((first, rest)) if runner.format == TargetFormat::Npm && !is_event(runner, wanted) => {
            (std::slice::from_ref(first), rest)
        }
        _ => (wanted, [].as_slice()),
    };
    let names = wanted.iter().filter_map(Word::as_literal).filter(|name| !name.contains('='));
    let mut ask: Vec<String> = names.map(str::to_owned).collect();
    let computed = wanted.iter().any(|word| word.as_literal().is_none());
    if ask.is_empty() && !computed && runner.format != TargetFormat::Npm {
        let first = file.targets.iter().find(|t| !t.name.starts_with('.') && !t.name.contains('%'));
        let named = file.targets.iter().find(|t| t.name == "default" && runner.format != TargetFormat::Make);
        let goal = file.values.iter().rev().find(|(name, _)| name == ".DEFAULT_GOAL");
        let first = goal.map(|(_, goal)| goal.clone()).or(named.or(first).map(|target| target.name.clone()));
        ask.extend(first);
    }
    let mut out = FoundTargets {
        texts: std::mem::take(&mut file.always),
        env_files: std::mem::take(&mut file.env_files),
        ..FoundTargets::default()
    };
    if computed || file.unclear {
        out.perhaps = mentions::in_file(text, tools);
    }
    let done = follow(&file, (ask, arguments), runner, &mut out);
    // A workspace runs its own scripts where the top has none of this name.
    let at_top = |name: &String| file.targets.iter().any(|target| target.name == *name);
    if runner.format == TargetFormat::Npm && done.iter().any(at_top) {
        file.includes.clear();
    }
    for (path, before) in &file.includes {
        let inner: Vec<Word> = done
            .iter()
            .map(|name| Word::literal(name.strip_prefix(before.as_str()).unwrap_or(name)))
            .collect();
        let path = filled(path, &file.values, runner.format);
        out.files.extend(path.split_whitespace().map(|path| (path.to_owned(), inner.clone())));
    }
    let exports = exports(&file, runner);
    let mut shells = Vec::new();
    for text in &mut out.texts {
        // What a function of make's runs while it fills in a recipe.
        if runner.format == TargetFormat::Make {
            make::shell_calls(text, &mut shells);
        }
        *text = format!("{exports}{}", filled(text, &file.values, runner.format));
    }
    out.texts.extend(shells);
    out
}

/// Sets a variable from outside of a file; `NAME?` only where the file leaves it open.
fn set(file: &mut TargetsFile, name: &str, value: &str) {
    let open = name.strip_suffix('?');
    let known = |name: &str| file.values.iter().any(|(known, _)| known == name);
    if open.is_some_and(|name| known(name) && !file.open.iter().any(|open| open == name)) {
        return;
    }
    let name = open.unwrap_or(name);
    file.values.retain(|(known, _)| known != name);
    file.values.push((name.to_owned(), value.to_owned()));
}

/// True for the scripts of one event.
fn is_event(runner: &Runner, wanted: &[Word]) -> bool {
    let same = |event: &&str| event.split(' ').skip(1).eq(wanted.iter().map(|word| word.prefix()));
    runner.events.iter().any(same)
}

/// The names under which a file of any format may know what is asked for.
fn asked_names(wanted: &[Word]) -> Vec<&str> {
    let literal = wanted.iter().filter_map(Word::as_literal);
    let last = literal.filter_map(|text| text.rsplit([':', '/', '#', '+']).find(|piece| !piece.is_empty()));
    last.filter(|name| !GENERIC.contains(name) && !name.starts_with('-') && !name.contains('=')).collect()
}

/// Collects what targets, and those they need, come to; says which they were.
fn follow(
    file: &TargetsFile,
    (mut ask, arguments): (Vec<String>, &[Word]),
    runner: &Runner,
    out: &mut FoundTargets,
) -> Vec<String> {
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
        for target in hits {
            out.texts.extend(target.lines.iter().map(|line| with_arguments(line, arguments)));
            ask.extend(target.needs.iter().map(|need| filled(need, &file.values, runner.format)));
        }
        out.texts.extend(file.targets.iter().filter(related).flat_map(|target| target.lines.clone()));
        done.push(name);
    }
    done
}

/// A package's script with what stands behind its name.
fn with_arguments(line: &str, arguments: &[Word]) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=' | ':' | ',');
    let words = arguments.iter().map(|word| word.display()).filter(|word| *word != "--");
    let words =
        words.map(|word| if word.chars().all(plain) { word.into_owned() } else { "${__}".to_owned() });
    std::iter::once(line.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// What a shell needs to know first of variables that a makefile exports.
fn exports(file: &TargetsFile, runner: &Runner) -> String {
    let known = file.exported.iter().filter_map(|name| {
        let (_, value) = file.values.iter().rev().find(|(known, _)| known == name)?;
        Some((name, filled(value, &file.values, runner.format)))
    });
    let plain = |value: String| if value.contains(['"', '`', '\\']) { "${__}".to_owned() } else { value };
    let known = known.map(|(name, value)| (name, plain(value)));
    known.map(|(name, value)| format!("export {name}=\"{value}\"; ")).collect()
}

/// True where a target is the one that is asked for, or a pattern that makes it.
fn fits(target: &str, name: &str) -> bool {
    if target == name {
        return true;
    }
    // `.in.out:` makes every `*.out`.
    let suffix = target.strip_prefix('.').and_then(|rest| rest.split_once('.'));
    if let Some((_, to)) = suffix.filter(|(from, to)| !from.contains('/') && !to.is_empty()) {
        return name.ends_with(&format!(".{to}"));
    }
    target.split_once(['%', '*']).is_some_and(|(before, after)| {
        name.len() > before.len() && name.starts_with(before) && name.ends_with(after)
    })
}

/// A file of targets, taken apart.
fn taken_apart(text: &str, format: TargetFormat, prints: bool) -> TargetsFile {
    match format {
        TargetFormat::Make => make::read(text, prints),
        TargetFormat::Just => read::just(text),
        TargetFormat::Task => task::read(text),
        TargetFormat::Npm | TargetFormat::Text | TargetFormat::Compose | TargetFormat::Named => {
            read::npm(text)
        }
    }
}

/// A text with the values that are known filled in; what is not known becomes a variable a shell does not know either.
fn filled(text: &str, values: &[(String, String)], format: TargetFormat) -> String {
    match format {
        TargetFormat::Make => make::filled(text, values, 0),
        TargetFormat::Just | TargetFormat::Task => read::braces_filled(text, values),
        TargetFormat::Npm | TargetFormat::Text | TargetFormat::Compose | TargetFormat::Named => {
            text.to_owned()
        }
    }
}
