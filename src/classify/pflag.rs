//! kubectl, flux, helm: Go's cobra and pflag.

use super::arguments::{Arguments, Lists, Spelling, parse};
use super::effect::{Outcome, apply};
use super::{Carried, Classified, tail, wrapper};
use crate::model::{
    CarryKind, ClusterTarget, Command, Effect, Flags, Invocation, Operation, Reach, Target, Tool, Tools, Word,
};

/// Reads a call as cobra would.
pub(super) fn classify(invocation: &Invocation, tool: &'static Tool, tools: &'static Tools) -> Classified {
    let words = invocation.argv.get(1..).unwrap_or_default();
    let verb = match find_verb(words, tool) {
        Ok(verb) => verb,
        Err(note) => {
            return unknown(invocation, tool, note, &parse(words, Lists(&[tool.globals]), Spelling::Exact));
        }
    };
    let Some((command, rest)) = verb else {
        return Classified { operations: vec![help(invocation, tool)], carried: Vec::new() };
    };
    let lists = [command.flags, tool.globals];
    let args = parse(&rest, Lists(&lists), Spelling::Exact);
    let helped = !args.uncertain && (args.has("--help") || args.has("-h")) && !takes_h(command);
    if helped {
        return Classified { operations: vec![help(invocation, tool)], carried: Vec::new() };
    }
    if command.group && !args.rest.is_empty() {
        let shown = args.rest.first().map(Word::display).unwrap_or_default();
        let note = format!("{} {} has no verb '{shown}'", tool.name, command.path.join(" "));
        return unknown(invocation, tool, note, &args);
    }
    let (kinds, names) = objects(command, &args);
    let Outcome { effect, reach, traits } = apply(command, &args, &kinds, tool.reach);
    let mut target = Target {
        cluster: cluster(invocation, tool, command.traits, &args),
        kinds,
        names,
        ..Target::default()
    };
    target.namespace =
        args.value(tool.namespace).and_then(|g| g.value.as_ref()).map(|w| w.display().into_owned());
    let mut operation = Operation {
        tool: tool.name,
        verb: command.path.join(" "),
        effect,
        reach,
        traits,
        target,
        note: None,
        span: invocation.span,
        cwd: invocation.cwd.clone(),
    };
    copy_direction(&mut operation, &args);
    let bent = tool.env.bends.iter().find(|name| invocation.assigned(name).is_some());
    if let Some(name) = bent.filter(|_| operation.reach != Reach::Local) {
        operation.note = Some(format!("{name} changes what {} does", tool.name));
        operation.effect = Effect::Unknown;
    }
    let carried = carried(invocation, (command, &args), tools, &mut operation);
    Classified { operations: vec![operation], carried }
}

/// `-h` is a flag of the verb's own.
fn takes_h(command: &Command) -> bool {
    command.flags.value.contains(&"-h")
}

/// The verb and what stands behind it, without flags that stood before it moved out of sight: they come first.
/// None: no verb at all. An error: a verb that is in no row, or that is not known.
fn find_verb(words: &[Word], tool: &'static Tool) -> Result<Option<(&'static Command, Vec<Word>)>, String> {
    let mut found: Option<&'static Command> = None;
    let mut path: Vec<&str> = Vec::new();
    let mut before: Vec<Word> = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let Some(text) = word.as_literal() else {
            if found.is_none_or(|c| c.group) && !is_known_flag(word, tool) {
                return Err(format!("the verb is computed ('{}')", word.display()));
            }
            if found.is_some() {
                break;
            }
            before.push(word.clone());
            at += 1;
            continue;
        };
        if text == "--" {
            break;
        }
        if text.len() > 1 && text.starts_with('-') {
            if found.is_some_and(|c| !c.group) {
                break;
            }
            before.push(word.clone());
            at += 1;
            if swallows(text, &tool.globals) {
                before.extend(words.get(at).cloned());
                at += 1;
            }
            continue;
        }
        path.push(text);
        match tool.commands.iter().find(|c| names(c, &path)) {
            Some(command) => found = Some(command),
            None => break,
        }
        at += 1;
    }
    match (found, path.first()) {
        (Some(command), _) => {
            before.extend(words.get(at..).unwrap_or_default().iter().cloned());
            Ok(Some((command, before)))
        }
        (None, Some(first)) => {
            Err(format!("'{first}' is no verb of {} that is known; it may be a plugin", tool.name))
        }
        (None, None) => Ok(None),
    }
}

/// True where this row's path, with its aliases, is exactly these words.
fn names(command: &Command, path: &[&str]) -> bool {
    let Some((last, groups)) = path.split_last() else { return false };
    let Some((own, own_groups)) = command.path.split_last() else { return false };
    groups.len() == own_groups.len()
        && groups.iter().zip(own_groups).all(|(a, b)| a == b || group_alias(b, a))
        && (last == own || command.aliases.contains(last))
}

/// Other names of group words, which the rows of their verbs do not repeat.
fn group_alias(group: &str, word: &str) -> bool {
    matches!(
        (group, word),
        ("dependency", "dep" | "dependencies")
            | ("show", "inspect")
            | ("service", "svc")
            | ("images", "image")
            | ("image", "images")
            | ("sources", "source")
            | ("artifacts", "artifact")
    )
}

fn is_known_flag(word: &Word, tool: &Tool) -> bool {
    let prefix = word.prefix();
    prefix
        .split_once('=')
        .is_some_and(|(name, _)| name.starts_with("--") && tool.globals.value.contains(&name))
        && !word.splits()
}

/// Before the verb cobra takes the next word for a flag's value, unless the flag is known to need none.
fn swallows(text: &str, globals: &Flags) -> bool {
    if text.contains('=') {
        return false;
    }
    let name = text.replace('_', "-");
    if text.starts_with("--") || text.chars().count() == 2 {
        return !globals.switch.contains(&name.as_str()) && !globals.optional.contains(&name.as_str());
    }
    false
}

fn help(invocation: &Invocation, tool: &'static Tool) -> Operation {
    operation(invocation, tool, "help", Effect::Read, Reach::Local)
}

/// What the call does is not known; where it goes is.
fn unknown(invocation: &Invocation, tool: &'static Tool, note: String, args: &Arguments) -> Classified {
    let target = Target { cluster: cluster(invocation, tool, &[], args), ..Target::default() };
    let what = operation(invocation, tool, "", Effect::Unknown, tool.reach);
    Classified { operations: vec![Operation { note: Some(note), target, ..what }], carried: Vec::new() }
}

fn operation(
    invocation: &Invocation,
    tool: &'static Tool,
    verb: &str,
    effect: Effect,
    reach: Reach,
) -> Operation {
    Operation {
        tool: tool.name,
        verb: verb.to_owned(),
        effect,
        reach,
        traits: Vec::new(),
        target: Target::default(),
        note: None,
        span: invocation.span,
        cwd: invocation.cwd.clone(),
    }
}

/// Kinds and names among the arguments: `TYPE NAME…`, `TYPE/NAME…`, `TYPE,TYPE`.
fn objects(command: &Command, args: &Arguments) -> (Vec<String>, Vec<String>) {
    let Some(first) = usize::from(command.kinds).checked_sub(1) else {
        // `helm uninstall RELEASE`, `flux suspend kustomization NAME`
        return (Vec::new(), args.rest.first().map(|w| w.display().into_owned()).into_iter().collect());
    };
    let mut kinds = Vec::new();
    let mut names = Vec::new();
    for (i, word) in args.rest.iter().skip(first).enumerate() {
        let shown = word.display();
        if shown.contains('=') {
            continue;
        }
        if let Some((kind, name)) = shown.split_once('/') {
            kinds.push(kind.to_lowercase());
            names.push(name.to_owned());
        } else if i == 0 {
            kinds.extend(shown.split(',').map(str::to_lowercase));
        } else {
            names.push(shown.into_owned());
        }
    }
    (kinds, names)
}

fn cluster(invocation: &Invocation, tool: &Tool, traits: &[&str], args: &Arguments) -> ClusterTarget {
    let given = |flags: &[&str], env: &[&str]| {
        let flag = args.value(flags).and_then(|g| g.value.clone());
        flag.or_else(|| env.iter().find_map(|name| invocation.assigned(name).cloned()))
    };
    let review = traits.contains(&"self-review");
    let redirect = (args.flags.iter())
        .find(|f| tool.redirect.contains(&f.name.as_str()) && !(review && f.name.starts_with("--as")))
        .map(|f| f.name.clone());
    let by_env = || tool.env.redirect.iter().find(|name| invocation.assigned(name).is_some());
    ClusterTarget {
        context: given(tool.context, tool.env.context),
        kubeconfig: given(tool.kubeconfig, tool.env.kubeconfig),
        redirect: redirect.or_else(|| by_env().map(|n| (*n).to_owned())),
        remote: None,
    }
}

/// `kubectl cp`: out of a pod, or into one.
fn copy_direction(operation: &mut Operation, args: &Arguments) {
    if operation.verb != "cp" {
        return;
    }
    // `NAMESPACE/POD:PATH`, or what may turn out to be that.
    let remote = |w: &Word| w.display().contains(':') || w.as_literal().is_none();
    operation.traits.push(if args.rest.last().is_some_and(remote) { "copy-in" } else { "copy-out" });
}

/// What the call hands on to be run.
fn carried(
    invocation: &Invocation,
    (command, args): (&Command, &Arguments),
    tools: &'static Tools,
    operation: &mut Operation,
) -> Vec<Carried> {
    let mut out = Vec::new();
    for carry in command.carries {
        match carry.kind {
            CarryKind::RemoteArgv => {
                let from = args.dashed.unwrap_or(usize::from(carry.skip));
                let inner = args.rest.get(from..).unwrap_or_default();
                let by = Invocation { argv: inner.to_vec(), ..invocation.clone() };
                inner_of_exec(&by, tools, operation, &mut out);
            }
            _ => {
                for given in args.flags.iter().filter(|f| carry.flags.contains(&f.name.as_str())) {
                    let argv = vec![given.value.clone().unwrap_or_default()];
                    let inner = Invocation { argv, ..tail(invocation, 0) };
                    out.push(Carried::Invocation { invocation: inner, remote: None });
                }
            }
        }
    }
    out
}

/// What runs inside the pod: looks only, is a shell for a person, or something else.
fn inner_of_exec(by: &Invocation, tools: &'static Tools, operation: &mut Operation, out: &mut Vec<Carried>) {
    let name = by.program().and_then(Word::basename).unwrap_or_default();
    let args = by.argv.get(1..).unwrap_or_default();
    let plain = |w: &Word| w.as_literal().is_some_and(|t| t.starts_with('-') && !t.contains('c'));
    if by.argv.is_empty() || (tools.shells.contains(&name) && args.iter().all(plain)) {
        operation.traits.push("inner-shell");
    } else if only_looks(by, tools) {
        operation.traits.push("inner-read");
    } else if tools.shells.contains(&name) {
        operation.traits.push("inner-carried");
        if let Some(wrapper) = tools.wrapper(name) {
            for carried in wrapper::unwrap(by, wrapper, tools) {
                out.push(match carried {
                    Carried::Shell { text, arguments, by, .. } => {
                        Carried::Shell { text, arguments, by, remote: Some("a pod".to_owned()) }
                    }
                    other => other,
                });
            }
        }
    }
}

/// True for a program that does nothing but look.
#[must_use]
pub fn only_looks(by: &Invocation, tools: &Tools) -> bool {
    let name = by.program().and_then(Word::basename).unwrap_or_default();
    let args = by.argv.get(1..).unwrap_or_default();
    let has = |flag: &str| args.iter().any(|w| w.prefix().starts_with(flag));
    let listed = tools.reads.binary_search(&name).is_ok();
    let runs = match name {
        "env" => args.iter().any(|w| !w.prefix().contains('=')),
        "find" => ["-exec", "-ok", "-delete", "-fprint", "-fls"].iter().any(|f| has(f)),
        "date" | "hostname" => {
            has("-s") || has("--set") || args.iter().any(|w| !w.prefix().starts_with(['+', '-']))
        }
        "sort" => has("-o") || has("--output") || has("--compress-program"),
        "nc" => has("-e") || has("-c") || has("-l"),
        "ip" | "ifconfig" | "route" | "arp" | "mount" => args.len() > 1,
        _ => false,
    };
    listed && !runs && by.writes.is_empty()
}
