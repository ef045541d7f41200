//! git: options before the verb in their exact forms, each verb's own with abbreviations, and the configuration a
//! call brings with it.

use super::arguments::{Arguments, Lists, Spelling, parse};
use super::carried::{Carried, Classified, code, tail};
use super::effect::{RowOutcome, apply};
use super::git_config::{
    carried_config, carried_settings, from_environment, is_everywhere, sets, sets_hook_key, skips_hooks,
};
use super::git_front::{Front, options};
use crate::model::{
    CarryKind, Command, Effect, HeadMove, Invocation, Operation, Reach, RepositoryTarget, Target, Tool,
    Trait, Word,
};

/// Deepest chain of aliases that is followed.
const DEEPEST_ALIAS: usize = 8;

/// Reads a call as git would.
pub(super) fn classify(invocation: &Invocation, tool: &'static Tool) -> Classified {
    let mut front = Front::default();
    front.repository.dirs.clone_from(&invocation.cwd);
    from_environment(invocation, &mut front);
    let words = invocation.argv.get(1..).unwrap_or_default();
    let at = options(words, &mut front);
    with_verb(invocation, tool, front, words.get(at..).unwrap_or_default(), 0)
}

fn with_verb(
    invocation: &Invocation,
    tool: &'static Tool,
    mut front: Front,
    words: &[Word],
    depth: usize,
) -> Classified {
    let mut out = Classified { operations: Vec::new(), carried: carried_config(invocation, tool, &front) };
    let Some(first) = words.first() else {
        let mut operation = operation(invocation, tool, front, "", Effect::Read);
        operation.reach = Reach::Local;
        out.operations.push(operation);
        return out;
    };
    let verb = first.as_literal().map(str::to_owned);
    let row = row(invocation, tool, words);
    let (Some(verb), true) = (verb, front.doubt.is_none()) else {
        // If it is a push, this is where to.
        front.repository.remote = words.get(1).cloned();
        if first.as_literal().is_none() {
            out.operations.extend(at_worst(invocation, tool, &front, words, depth));
        } else if depth < DEEPEST_ALIAS {
            let front = Front { doubt: None, ..front.clone() };
            out.operations.extend(with_verb(invocation, tool, front, words, depth + 1).operations);
        }
        let note = front
            .doubt
            .take()
            .unwrap_or_else(|| format!("the verb is computed at run time ('{}')", first.display()));
        let mut operation = operation(invocation, tool, front, "", Effect::Unknown);
        operation.note = Some(note);
        out.operations.push(operation);
        return out;
    };
    let Some(command) = row else {
        let found = alias(invocation, tool, front, (&verb, words), depth);
        out.operations.extend(found.operations);
        out.carried.extend(found.carried);
        return out;
    };
    known(invocation, tool, front, (command, words.get(command.path.len()..).unwrap_or_default()), &mut out);
    out
}

/// The row of a verb: that of the most words, of those that the program has.
fn row(invocation: &Invocation, tool: &'static Tool, words: &[Word]) -> Option<&'static Command> {
    let program = invocation.program().and_then(Word::as_literal).unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or(program);
    let has = |row: &&Command| row.programs.is_empty() || row.programs.contains(&program);
    let begins = |row: &&Command| {
        let own = row.path.iter().zip(words.iter().map(Word::as_literal));
        !row.path.is_empty() && row.path.len() <= words.len() && { own }.all(|(a, b)| Some(*a) == b)
    };
    tool.commands.into_iter().filter(has).filter(begins).max_by_key(|row| row.path.len())
}

/// What a verb that is computed would do if it published or committed.
fn at_worst(
    invocation: &Invocation,
    tool: &'static Tool,
    front: &Front,
    words: &[Word],
    depth: usize,
) -> Vec<Operation> {
    let read_as = |verb: &str| {
        let rest = words.get(1..).unwrap_or_default().iter().cloned();
        let words: Vec<Word> = std::iter::once(Word::literal(verb)).chain(rest).collect();
        let front = Front { doubt: None, ..front.clone() };
        with_verb(invocation, tool, front, &words, depth + 1).operations
    };
    ["push", "commit"].into_iter().flat_map(read_as).collect()
}

/// A verb that has a row.
fn known(
    invocation: &Invocation,
    tool: &'static Tool,
    mut front: Front,
    (command, words): (&'static Command, &[Word]),
    out: &mut Classified,
) {
    let lists = [command.flags()];
    let args = parse(words, Lists(&lists), Spelling::Abbreviated);
    if command.path == ["push"] {
        push_target(&args, &mut front.repository);
    }
    if command.path == ["clone"] {
        front.repository.clones = clones(&args);
    }
    if command.path == ["worktree"] && args.rest.first().is_some_and(|word| word.as_literal() == Some("add"))
    {
        front.repository.worktree = worktree(&args);
    }
    if command.path == ["tag"] {
        front.repository.tag = args.rest.first().cloned();
    }
    front.repository.head = moves_head(command, &args);
    front.repository.sets = sets(command, &args).into_iter().collect();
    let skips = skips_hooks(invocation, tool, &front);
    let informs =
        front.informs || (!args.uncertain() && (args.has("--help") || (args.has("-h") && words.len() == 1)));
    let RowOutcome { mut effect, reach, mut traits } = apply(command, &args, &[], tool.reach);
    if informs {
        effect = Effect::Read;
    }
    if skips && effect == Effect::GitPublish {
        traits.extend([Trait::SkipHooks, Trait::MovesHooks]);
    }
    let verb = command.path.join(" ");
    let config_of_hooks = verb == "config" && effect > Effect::Read && sets_hook_key(tool, &args);
    if config_of_hooks {
        traits.push(Trait::SkipHooks);
        traits.extend(is_everywhere(&args).then_some(Trait::MovesHooks));
    }
    carries(invocation, command, &args, out);
    out.carried.extend(carried_settings(invocation, tool, command, &args));
    let mut operation = operation(invocation, tool, front, &verb, effect);
    operation.reach = reach;
    operation.traits = traits;
    out.operations.push(operation);
}

/// An alias that the call itself brings is followed; another is not known here.
fn alias(
    invocation: &Invocation,
    tool: &'static Tool,
    mut front: Front,
    (verb, words): (&str, &[Word]),
    depth: usize,
) -> Classified {
    let mut out = Classified::default();
    let key = format!("alias.{}", verb.to_lowercase());
    let given = front.repository.config.iter().rev().find(|(k, _)| *k == key).map(|(_, v)| v.clone());
    match given.as_ref().map(Word::as_literal) {
        Some(Some(text)) if text.starts_with('!') => {
            let rest: Vec<String> = words.iter().skip(1).map(|w| w.display().into_owned()).collect();
            let text = format!("{} {}", text.trim_start_matches('!'), rest.join(" "));
            out.carried.push(code(&Word::literal(text), invocation, "a git alias"));
        }
        Some(Some(text)) if depth < DEEPEST_ALIAS => {
            let mut argv: Vec<Word> = split(text).into_iter().map(Word::literal).collect();
            argv.extend(words.iter().skip(1).cloned());
            let at = options(&argv, &mut front);
            let rest = argv.get(at..).unwrap_or_default();
            out.operations.extend(with_verb(invocation, tool, front, rest, depth + 1).operations);
        }
        _ => {
            let mut operation = operation(invocation, tool, front, verb, Effect::Unknown);
            operation.note =
                Some(format!("'{verb}' is not a known git command; it may be an alias or a program"));
            operation.traits.push(Trait::Alias);
            operation.target.repository.refspecs = words.iter().skip(1).cloned().collect();
            out.operations.push(operation);
        }
    }
    out
}

/// Words of an alias: white space and quotes as git splits them.
fn split(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut open = false;
    for c in text.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                open = true;
            }
            (None, c) if c.is_whitespace() => {
                if open || !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (None, c) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        out.push(word);
    }
    out
}

/// Where a call leaves HEAD, if it may move it.
fn moves_head(command: &Command, args: &Arguments) -> Option<HeadMove> {
    let created = args.value(&["-b", "-B", "-c", "-C", "--create", "--force-create", "--orphan"]);
    let at = |i: usize| args.rest.get(i).cloned();
    let last = |least: usize| args.rest.last().filter(|_| args.rest.len() >= least).cloned();
    let (to, surely) = match command.path.as_slice() {
        ["checkout" | "switch"] if created.is_some() => (created.and_then(|g| g.value.clone()), true),
        ["switch"] => (at(0), true),
        ["checkout"] if args.rest.len() == 1 && args.dashed.is_none() => (at(0), false),
        ["branch"] if ["-m", "-M", "--move"].iter().any(|f| args.has(f)) => (last(1), false),
        ["symbolic-ref" | "rebase"] => (last(2), false),
        ["stash"] if at(0).is_some_and(|w| w.as_literal() == Some("branch")) => (at(1), false),
        _ => return None,
    };
    to.map(|to| HeadMove { to, surely })
}

/// What is cloned to where; without a folder, into one that has the repository's name.
fn clones(args: &Arguments) -> Option<(Word, Word)> {
    let url = args.rest.first()?.clone();
    let folder = match args.rest.get(1) {
        Some(folder) => folder.clone(),
        None => Word::literal(
            url.as_literal()?.trim_end_matches('/').rsplit(['/', ':']).next()?.trim_end_matches(".git"),
        ),
    };
    Some((url, folder))
}

/// The folder of `git worktree add`, and the branch that is checked out in it: without one, the folder's name is the branch's.
fn worktree(args: &Arguments) -> Option<(Word, Option<Word>)> {
    let mut rest = args.rest.iter().skip(1);
    let folder = rest.next()?.clone();
    let made = args.value(&["-b", "-B"]).map(|given| given.value.clone());
    let named = rest.next().cloned().or_else(|| folder.basename().map(Word::literal));
    let branch = made.unwrap_or(named).filter(|_| !args.has("--detach") && !args.has("-d"));
    Some((folder, branch))
}

fn push_target(args: &Arguments, target: &mut RepositoryTarget) {
    let mut rest = args.rest.iter().cloned();
    let by_option = args.value(&["--repo"]).and_then(|g| g.value.clone());
    // Versions of git differ in which of the two the first argument is then; it counts as both.
    let first = rest.next();
    target.refspecs.extend(first.clone().filter(|_| by_option.is_some()));
    target.remote = first.or(by_option);
    target.refspecs.extend(rest);
    let forms: [(&[&str], &'static str); 10] = [
        (&["--all", "--branches"], "--all"),
        (&["--mirror"], "--mirror"),
        (&["--tags"], "--tags"),
        (&["--delete", "-d"], "--delete"),
        (&["--force", "-f"], "--force"),
        (&["--force-with-lease"], "--force"),
        (&["--no-follow-tags"], "--no-follow-tags"),
        (&["--prune"], "--prune"),
        (&["--follow-tags"], "--follow-tags"),
        (&["--no-verify"], "--no-verify"),
    ];
    for (flags, name) in forms {
        if flags.iter().any(|f| args.has(f)) && !args.taken_back(flags) {
            target.push_flags.push(name);
        }
    }
    if args.uncertain() {
        target.refspecs.push(Word::unknown());
    }
}

fn carries(invocation: &Invocation, command: &Command, args: &Arguments, out: &mut Classified) {
    for carry in command.carries {
        for given in args.flags.iter().filter(|f| carry.flags.contains(&f.name.as_str())) {
            if let Some(value) = &given.value {
                out.carried.push(code(value, invocation, "git runs a command computed at run time"));
            }
        }
        let from = usize::from(carry.skip);
        let runs =
            args.rest.first().is_some_and(|w| w.as_literal().is_none_or(|v| matches!(v, "foreach" | "run")));
        if !carry.flags.is_empty() || !runs || args.rest.len() <= from {
            continue;
        }
        let rest = args.rest.get(from..).unwrap_or_default();
        match carry.kind {
            CarryKind::Argv => out.carried.push(Carried::Invocation {
                invocation: Invocation { argv: rest.to_vec(), ..tail(invocation, 0) },
                remote: None,
            }),
            _ => {
                let mut words = rest.iter().filter(|w| !w.prefix().starts_with("--"));
                let mut text = words.next().cloned().unwrap_or_default();
                for word in words {
                    text.push_text(" ");
                    text.push_word(word);
                }
                out.carried.push(code(&text, invocation, "git runs a command computed at run time"));
            }
        }
    }
    // `ext::` is a remote helper that runs what stands behind it.
    for word in args.rest.iter().filter_map(Word::as_literal) {
        if let Some(command) = word.strip_prefix("ext::") {
            out.carried.push(code(&Word::literal(command), invocation, "an ext:: remote"));
        }
    }
}

fn operation(
    invocation: &Invocation,
    tool: &'static Tool,
    front: Front,
    verb: &str,
    effect: Effect,
) -> Operation {
    let target = Target { repository: front.repository, ..Target::default() };
    Operation { target, ..Operation::new(invocation, &tool.name, verb, effect, tool.reach) }
}
