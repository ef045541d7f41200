//! kubectl, flux, helm and most others: Go's cobra and pflag, or its flag package.

use super::arguments::{Arguments, Lists, Spelling, parse};
use super::carried::{Carried, Classified, tail};
use super::effect::{RowOutcome, apply};
use super::verb::{find_verb, readings};
use super::{forge, http, looks, other_push, services, sql, wrapper};
use crate::model::glob;
use crate::model::{
    CarryKind, ClusterTarget, Command, Effect, Grammar, Invocation, MergedRequest, Operation, Reach,
    RepositoryTarget, Target, Tool, Tools, Trait, Word, WrapperStyle,
};

/// Reads a call as cobra would. Where there are two readings, both count.
pub(super) fn classify(invocation: &Invocation, tool: &'static Tool, tools: &'static Tools) -> Classified {
    let words = invocation.argv.get(1..).unwrap_or_default();
    let Some(both) = readings(words, tool) else { return read(invocation, tool, tools) };
    let [apart, mut joined] = both.map(|words| {
        let program = invocation.argv.iter().take(1).cloned();
        let call = Invocation { argv: program.chain(words).collect(), ..invocation.clone() };
        classify(&call, tool, tools)
    });
    let worst = apart.operations.iter().map(|o| o.effect).max();
    if joined.operations.iter().all(|o| o.verb == "help") {
        return apart;
    }
    if worst.is_some_and(|effect| effect > Effect::Read && effect != Effect::Unknown) {
        joined.operations.extend(apart.operations);
        joined.carried.extend(apart.carried);
    }
    joined
}

fn read(invocation: &Invocation, tool: &'static Tool, tools: &'static Tools) -> Classified {
    let words = invocation.argv.get(1..).unwrap_or_default();
    let spelling = if tool.grammar == Grammar::Goflag { Spelling::Go } else { Spelling::Exact };
    let program = invocation.program().and_then(Word::basename).unwrap_or_default();
    let verb = match find_verb(words, (tool, program)) {
        Ok(verb) => verb,
        Err(note) => {
            let args = parse(words, Lists(&[tool.globals]), spelling);
            let mut out = unknown(invocation, tool, note, &args);
            // All verbs are listed, so that a word which is none of them is the name of a plugin.
            let plugin = (tool.plugins && is_new(&args, tool)).then_some(Trait::Plugin);
            out.operations.iter_mut().for_each(|operation| operation.traits.extend(plugin));
            out.operations.extend(might_show(invocation, tool, tools));
            return out;
        }
    };
    let Some((command, mut rest)) = verb else {
        return Classified { operations: vec![help(invocation, tool)], carried: Vec::new() };
    };
    let beside = beside(invocation, tool, command);
    rest.splice(0..0, beside.words);
    let lists = [command.flags(), tool.globals];
    let args = parse(&rest, Lists(&lists), spelling);
    let helps = |h: &&str| args.settled(&[h]) && (args.surely_has(h) || (tool.exhaustive && args.has(h)));
    let helped = ["--help", "-help", "-h"].iter().any(helps) && !takes_h(command, tool);
    if helped {
        return Classified { operations: vec![help(invocation, tool)], carried: Vec::new() };
    }
    if command.group && !args.rest.is_empty() {
        let shown = args.rest.first().map(Word::display).unwrap_or_default();
        let note = format!("{} {} has no verb '{shown}'", tool.name, command.path.join(" "));
        let mut out = unknown(invocation, tool, note, &args);
        out.operations.iter_mut().for_each(|operation| operation.traits.extend(command.traits));
        return out;
    }
    let (kinds, names) = objects(command, &args);
    let RowOutcome { effect, reach, traits } = apply(command, &args, &kinds, tool.reach);
    let mut target = Target {
        cluster: cluster(invocation, tool, Some(command), &args),
        kinds,
        names,
        ..Target::default()
    };
    target.namespace =
        args.value(&tool.roles.namespace).and_then(|g| g.value.as_ref()).map(|w| w.display().into_owned());
    target.services = services::of_call(invocation, tool, &command.path, &args);
    let verb = command.path.join(" ");
    let own = Operation::new(invocation, &tool.name, &verb, effect, reach);
    let mut operation = Operation { traits, target, ..own };
    copy_direction(&mut operation, &args);
    aim(&mut operation, invocation, tool, command, &args);
    send(&mut operation, invocation, tools, tool, (command, &args));
    if !command.sql.is_empty() && !operation.traits.contains(&Trait::DryRun) {
        // What a form makes of it counts beside its SQL (a table that the result is written to).
        let by_form = Some(operation.effect).filter(|effect| *effect != command.effect);
        sql::judge(&mut operation, invocation, command, &args);
        operation.effect = operation.effect.max(by_form.unwrap_or(Effect::Read));
    }
    from_environment(&mut operation, invocation, tool, beside.computed);
    let carried = carried(invocation, (command, &args), tools, &mut operation);
    Classified { operations: vec![operation], carried }
}

/// What variables of the call make of it; `computed` where arguments stand in one that is not known.
fn from_environment(operation: &mut Operation, invocation: &Invocation, tool: &'static Tool, computed: bool) {
    let set = |patterns: &[&str]| {
        let names = invocation.env.iter().map(|assigned| assigned.name.as_str());
        names.into_iter().find(|name| patterns.iter().any(|pattern| glob(pattern, name))).map(str::to_owned)
    };
    operation.traits.extend(set(&tool.env.inputs).map(|_| Trait::Inputs));
    if computed && operation.effect >= Effect::Provision {
        operation.traits.push(Trait::Inputs);
    }
    let bent = computed && operation.effect < Effect::Provision;
    let bends = set(&tool.env.bends).or_else(|| bent.then(|| tool.env.arguments.to_string()));
    if let Some(name) = bends.filter(|_| operation.reach != Reach::Local) {
        operation.note = Some(format!("{name} changes what {} does", tool.name));
        operation.effect = Effect::Unknown;
    }
    if let Some(name) = unguarded(invocation, tool) {
        operation.note = Some(format!("{name} is set"));
        operation.effect = Effect::Tamper;
    }
}

/// Arguments that stand in variables.
#[derive(Default)]
struct VariableWords {
    words: Vec<Word>,
    /// There are some that are not known.
    computed: bool,
}

/// What the variables add to a call: the one for all verbs, and the verb's own (`TF_CLI_ARGS`, `TF_CLI_ARGS_state_rm`).
fn beside(invocation: &Invocation, tool: &Tool, command: &Command) -> VariableWords {
    let mut out = VariableWords::default();
    let all = tool.env.arguments;
    if all.is_empty() {
        return out;
    }
    for name in [all.to_string(), format!("{all}_{}", command.path.join("_"))] {
        let Some(value) = invocation.assigned(&name) else { continue };
        match value.as_literal().filter(|text| !text.contains(['\'', '"', '\\'])) {
            Some(text) => out.words.extend(text.split_whitespace().map(Word::literal)),
            None => out.computed = true,
        }
    }
    out
}

/// A variable of the call that has the tool start without what asks the guard.
fn unguarded(invocation: &Invocation, tool: &'static Tool) -> Option<&'static str> {
    let program = invocation.program().and_then(Word::basename);
    let on = |name: &str| {
        invocation.assigned(name).is_some_and(|value| !matches!(value.as_literal(), Some("" | "0" | "false")))
    };
    tool.env.unguards.iter().find_map(|entry| match entry.split_once(' ') {
        Some((only, name)) => (Some(only) == program && on(name)).then_some(name),
        None => on(entry).then_some(*entry),
    })
}

/// `-h` is a flag of the verb's own.
fn takes_h(command: &Command, tool: &Tool) -> bool {
    command.value.contains(&"-h") || tool.globals.value.contains(&"-h")
}

fn help(invocation: &Invocation, tool: &'static Tool) -> Operation {
    Operation::new(invocation, &tool.name, "help", Effect::Read, Reach::Local)
}

/// Secret values that a call may print whose verb is computed: it may be the one that looks at kinds of objects, or none at all.
fn might_show(invocation: &Invocation, tool: &'static Tool, tools: &'static Tools) -> Option<Operation> {
    if let Some(bare) = tool.commands.iter().find(|c| c.path.is_empty() && c.effect == Effect::ReadSecret) {
        let words = invocation.argv.get(1..).unwrap_or_default();
        let args = parse(words, Lists(&[bare.flags(), tool.globals]), Spelling::Exact);
        let RowOutcome { effect, reach, traits } = apply(bare, &args, &[], tool.reach);
        let own = Operation::new(invocation, &tool.name, "", effect, reach);
        return (effect == Effect::ReadSecret).then_some(Operation { traits, ..own });
    }
    let shows = tool
        .commands
        .iter()
        .find(|c| c.kinds > 0 && c.modes.iter().any(|m| m.effect == Effect::ReadSecret))?;
    let at = invocation.argv.iter().position(|word| word.as_literal().is_none())?;
    let mut call = invocation.clone();
    call.argv.splice(at..=at, shows.path.iter().map(|word| Word::literal(*word)));
    // Another word that is computed is left as it is: one is enough to ask.
    let found = classify(&call, tool, tools).operations;
    found.into_iter().find(|o| o.effect == Effect::ReadSecret)
}

/// What the call does is not known; where it goes is.
fn unknown(invocation: &Invocation, tool: &'static Tool, note: String, args: &Arguments) -> Classified {
    let target = Target {
        cluster: cluster(invocation, tool, None, args),
        services: services::of_call(invocation, tool, &[], args),
        ..Target::default()
    };
    let mut what = Operation::new(invocation, &tool.name, "", Effect::Unknown, tool.reach);
    // Not a word of it is known.
    if matches!(args.rest.as_slice(), [only] if only.splits() && only.prefix().is_empty()) {
        what.traits.push(Trait::Computed);
    }
    Classified { operations: vec![Operation { note: Some(note), target, ..what }], carried: Vec::new() }
}

/// True where the first word is known and begins no verb of the tool's, and no later one is, or may be, a verb that changes something.
fn is_new(args: &Arguments, tool: &Tool) -> bool {
    let verbs = |word: &Word| {
        let is = |c: &&Command| c.path.first().is_some_and(|verb| word.as_literal() == Some(verb));
        tool.commands.iter().filter(is).map(|c| c.effect).max()
    };
    let [first, rest @ ..] = args.rest.as_slice() else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let named = first.as_literal().is_some_and(|text| !text.is_empty() && text.chars().all(plain));
    let harmless =
        |word: &Word| word.as_literal().is_some() && verbs(word).is_none_or(|effect| effect <= Effect::Read);
    named && verbs(first).is_none() && rest.iter().all(harmless)
}

/// Kinds and names among the arguments: `TYPE NAME…`, `TYPE/NAME…`, `TYPE,TYPE`; of what runs in a pod, `POD` or `TYPE/NAME`.
fn objects(command: &Command, args: &Arguments) -> (Vec<String>, Vec<String>) {
    let Some(first) = usize::from(command.kinds).checked_sub(1) else {
        // `helm uninstall RELEASE`, `flux suspend kustomization NAME`
        return (Vec::new(), args.rest.first().map(|w| w.display().into_owned()).into_iter().collect());
    };
    if matches!(command.effect, Effect::Exec | Effect::Tunnel) {
        let Some(word) = args.rest.get(first) else { return (Vec::new(), Vec::new()) };
        let shown = word.display();
        let (kind, name) = shown.split_once('/').unwrap_or(("pods", &shown));
        return (vec![kind.to_lowercase()], vec![name.to_owned()]);
    }
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

fn cluster(
    invocation: &Invocation,
    tool: &Tool,
    command: Option<&Command>,
    args: &Arguments,
) -> ClusterTarget {
    let given = |flags: &[&str], env: &[&str]| {
        let flag = args.value(flags).and_then(|g| g.value.clone());
        flag.or_else(|| env.iter().find_map(|name| invocation.assigned(name).cloned()))
    };
    let review = command.is_some_and(|c| c.traits.contains(&Trait::SelfReview));
    // A verb may have a flag of that name for something else (`create clusterrolebinding --user`).
    let own = |name: &str| command.is_some_and(|c| c.value.contains(&name));
    let redirect = (args.flags.iter())
        .find(|f| {
            tool.roles.redirect.contains(&f.name.as_str())
                && !own(&f.name)
                && !(review && f.name.starts_with("--as"))
        })
        .map(|f| f.name.clone());
    let by_env = || tool.env.redirect.iter().find(|name| invocation.assigned(name).is_some());
    ClusterTarget {
        context: given(&tool.roles.context, &tool.env.context),
        kubeconfig: given(&tool.roles.kubeconfig, &tool.env.kubeconfig),
        redirect: redirect.or_else(|| by_env().map(|n| (*n).to_owned())),
        remote: None,
        changed: None,
    }
}

/// What these flags, or else these variables, name.
fn named_by(args: &Arguments, invocation: &Invocation, flags: &[&str], variables: &[&str]) -> Option<Word> {
    let flag = args.value(flags).and_then(|g| g.value.clone());
    flag.or_else(|| variables.iter().find_map(|name| invocation.assigned(name).cloned()))
}

/// The repository a forge's command line names, or the one it runs in.
fn repository(invocation: &Invocation, tool: &Tool, command: &Command, args: &Arguments) -> RepositoryTarget {
    let first = args.rest.first().filter(|_| command.names_repository).cloned();
    let named = first.or_else(|| named_by(args, invocation, &tool.roles.repository, &tool.env.context));
    let slug = named.or_else(|| args.rest.iter().find_map(in_url).map(Word::literal));
    let host = named_by(args, invocation, &tool.roles.host, &tool.env.host);
    let host = host.as_ref().map_or(Some(tool.host.as_str()), Word::as_literal);
    let remote = slug.map(|slug| match (slug.as_literal(), host) {
        (Some(text), _) if text.contains("://") || text.matches('/').count() > 1 => {
            let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
            Word::literal(format!("https://{bare}"))
        }
        (Some(text), Some(host)) => Word::literal(format!("https://{host}/{text}.git")),
        (Some(_), None) => Word::unknown(),
        (None, _) => slug,
    });
    RepositoryTarget {
        dirs: invocation.cwd.clone(),
        remote: remote.filter(|word| !word.parts().is_empty()),
        ..RepositoryTarget::default()
    }
}

/// The repository that a page of a forge is about (`https://HOST/OWNER/NAME/pull/3`), with its host before it.
fn in_url(word: &Word) -> Option<String> {
    let shown = word.display();
    let (_, rest) = shown.split_once("://")?;
    // GitLab's groups may be several deep: its pages stand behind `/-/`.
    if let Some((repository, _)) = rest.split_once("/-/") {
        return Some(repository.to_owned());
    }
    let mut parts = rest.split('/');
    Some(format!("{}/{}/{}", parts.next()?, parts.next()?, parts.next()?))
}

/// Has a request to a forge do what it says.
fn send(
    operation: &mut Operation,
    invocation: &Invocation,
    tools: &Tools,
    tool: &Tool,
    (command, args): (&Command, &Arguments),
) {
    let Some(url) = args.rest.first().filter(|_| !command.sends.is_empty()) else { return };
    let host = named_by(args, invocation, &tool.roles.host, &tool.env.host);
    let host = host.as_ref().map_or(tool.host.as_str(), |word| word.as_literal().unwrap_or("…"));
    let data = forge::data(args, &command.sends);
    let method =
        match args.value(&["-X", "--method"]).map(|given| given.value.as_ref().and_then(Word::as_literal)) {
            Some(given) => given.map(str::to_ascii_uppercase),
            None => Some(if data.is_empty() { "GET" } else { "POST" }.to_owned()),
        };
    let request = forge::ProgramRequest { url, host: Some(host), method: method.as_deref(), data };
    let changes = forge::judge(&request, tools, operation).is_some();
    operation.effect = if changes { Effect::GitPublish } else { operation.effect };
}

/// What a call is aimed at beside a cluster's objects: files, a directory, a repository, containers.
fn aim(
    operation: &mut Operation,
    invocation: &Invocation,
    tool: &'static Tool,
    command: &Command,
    args: &Arguments,
) {
    let given = |flags: &[&str]| {
        let all = args.flags.iter().filter(|f| flags.contains(&f.name.as_str()));
        all.filter_map(|f| f.value.clone()).collect::<Vec<Word>>()
    };
    operation.target.files = given(&tool.roles.file);
    operation.target.plan = if operation.traits.contains(&Trait::PlanFile) {
        args.rest.first().cloned()
    } else {
        given(&tool.roles.plan).pop()
    };
    for dir in given(&tool.roles.chdir) {
        operation.cwd = operation.cwd.iter().map(|cwd| cwd.enter(&dir)).collect();
    }
    // What happens to a container happens to each that is named.
    if command.traits.contains(&Trait::EndsContainer) {
        operation.target.names = args.rest.iter().map(|w| w.display().into_owned()).collect();
    }
    if operation.reach == Reach::Repository && command.sends.is_empty() {
        operation.target.repository = repository(invocation, tool, command, args);
        if operation.traits.contains(&Trait::OtherPush) {
            // With what adds branches that are not named, none is sure.
            let more =
                ["--all", "--tracked", "--deleted", "--revisions", "-r"].iter().any(|flag| args.has(flag));
            other_push::aim(&mut operation.target.repository, &operation.cwd, given, (tool, more));
        }
        operation.traits.extend(operation.target.repository.remote.is_some().then_some(Trait::Named));
        let merged = args.rest.first().cloned().map_or(MergedRequest::Here, MergedRequest::Named);
        operation.target.repository.merges =
            Some(merged).filter(|_| operation.traits.contains(&Trait::Merge));
        let chosen = operation.target.repository.remote.clone().filter(|_| command.chooses_repository);
        let key = || format!("remote.*.{}", tool.chosen);
        operation.target.repository.sets.extend(chosen.map(|word| (key(), word)));
    }
}

/// `kubectl cp`: out of a pod, or into one.
fn copy_direction(operation: &mut Operation, args: &Arguments) {
    if operation.verb != "cp" {
        return;
    }
    // `NAMESPACE/POD:PATH`, or what may turn out to be that.
    let remote = |w: &Word| w.display().contains(':') || w.as_literal().is_none();
    operation.traits.push(if args.rest.last().is_some_and(remote) { Trait::CopyIn } else { Trait::CopyOut });
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
            CarryKind::Argv if carry.flags.is_empty() => {
                let from = args.dashed.unwrap_or(usize::from(carry.skip));
                let argv = args.rest.get(from..).unwrap_or_default().to_vec();
                let inner = Invocation { argv, ..invocation.clone() };
                out.extend(
                    (!inner.argv.is_empty())
                        .then_some(Carried::Invocation { invocation: inner, remote: None }),
                );
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
    let itself = tools.tool(name).filter(|tool| tool.reach == Reach::Service);
    if let Some(tool) = itself {
        let inner = client(by, tool, tools);
        let gets = tool.grammar != Grammar::Http || http::only_gets(by, tool);
        let read = gets && inner.operations.iter().all(|o| o.effect <= Effect::Read);
        operation.traits.extend(read.then_some(Trait::InnerRead));
        out.push(Carried::Invocation { invocation: by.clone(), remote: Some("a pod".to_owned()) });
    } else if by.argv.is_empty() || (tools.programs.shells.contains(&name) && args.iter().all(plain)) {
        operation.traits.push(Trait::InnerShell);
    } else if only_looks(by, tools) {
        operation.traits.push(Trait::InnerRead);
    } else if tools.programs.shells.contains(&name) {
        operation.traits.push(Trait::InnerCarried);
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
pub fn only_looks(by: &Invocation, tools: &'static Tools) -> bool {
    let name = by.program().and_then(Word::basename).unwrap_or_default();
    if !by.writes.is_empty() {
        return false;
    }
    if let Some(tool) = tools.tool(name).filter(|tool| tool.reach == Reach::Service) {
        let inner = client(by, tool, tools);
        let asks = tool.grammar != Grammar::Http || http::only_gets(by, tool);
        return asks && inner.carried.is_empty() && inner.operations.iter().all(|o| o.effect <= Effect::Read);
    }
    if let Some(wrapper) = tools.wrapper(name).filter(|wrapper| wrapper.style == WrapperStyle::Argv)
        && let [Carried::Invocation { invocation, remote: None }] =
            wrapper::unwrap(by, wrapper, tools).as_slice()
    {
        return invocation.argv.len() < by.argv.len() && only_looks(invocation, tools);
    }
    looks::is_listed(by, tools)
}

/// What a client of some service does.
fn client(by: &Invocation, tool: &'static Tool, tools: &'static Tools) -> Classified {
    match tool.grammar {
        Grammar::Http => http::classify(by, tool, tools),
        _ => classify(by, tool, tools),
    }
}
