//! Programs that run other programs: what they run, by their own option grammar.

use super::carried::{Carried, behind, code, from_stdin, joined, sourced, substitute};
use super::container::{image_of, is_apart, is_computed};
use super::parallel;
use super::shells;
use crate::model::{Assigned, Invocation, Opaque, OpaqueKind, Stdin, Tools, Word, Wrapper, WrapperStyle};

/// Most lines of input that `xargs` is followed through one by one.
const MOST_LINES: usize = 32;

/// What a wrapper makes others run.
pub(super) fn unwrap(by: &Invocation, wrapper: &Wrapper, tools: &'static Tools) -> Vec<Carried> {
    match wrapper.style {
        WrapperStyle::Shell => return shells::carried(by, wrapper),
        WrapperStyle::Stdin => {
            let file = by.argv.iter().position(|word| word.as_literal() == Some("-f"));
            return file.map_or_else(|| from_stdin(by), |at| sourced(by, at + 1));
        }
        WrapperStyle::Find => return find(by, tools),
        WrapperStyle::Options => return options(by, wrapper),
        _ => {}
    }
    let mut inner = by.clone();
    let mut out = Vec::new();
    let Some(at) = front(by, wrapper, tools, &mut inner, &mut out) else { return out };
    if wrapper.style == WrapperStyle::Parallel {
        out.extend(parallel::unwrap(by, &inner, at));
        return out;
    }
    let mut rest = by.argv.get(at..).unwrap_or_default().to_vec();
    rest.splice(0..0, entry(by, wrapper, at));
    let place = by.argv.get(at.saturating_sub(1)).map(|w| w.display().into_owned());
    if rest.is_empty() {
        // A remote shell without a command reads its input.
        if wrapper.style == WrapperStyle::RemoteWords {
            out.extend(from_stdin(by).into_iter().map(|c| elsewhere(c, place.clone())));
        }
        return out;
    }
    if wrapper.names_context {
        in_context(&mut rest, &mut inner, by, wrapper, tools);
    }
    inner.argv.clone_from(&rest);
    match wrapper.style {
        WrapperStyle::Words => {
            let typist = Invocation { argv: by.argv.clone(), ..inner.clone() };
            out.push(code(&joined(&rest), &typist, "a command computed at run time"));
            // Several words are run as they are (`screen -dm sh -c CODE`), not by a shell.
            if rest.len() > 1
                && rest.first().and_then(Word::as_literal).is_some_and(|first| !first.contains(' '))
            {
                out.push(Carried::Invocation { invocation: inner, remote: None });
            }
        }
        WrapperStyle::RemoteWords => {
            out.push(elsewhere(code(&joined(&rest), &inner, "a command computed at run time"), place));
        }
        WrapperStyle::Xargs => out.extend(xargs(&inner, by, at, tools)),
        WrapperStyle::RemoteArgv if rest.first().is_some_and(is_computed) && is_apart(by) => {}
        WrapperStyle::RemoteArgv => out.push(Carried::Invocation { invocation: inner, remote: place }),
        _ => match rest.as_slice() {
            // Words with spaces in them are command lines (`hyperfine 'a b' 'c d'`).
            [first, others @ ..] if first.prefix().contains(' ') => {
                let several = others.iter().any(|word| word.prefix().contains(' '));
                let lines = if several { rest } else { vec![joined(&rest)] };
                out.extend(lines.iter().map(|line| code(line, &inner, "a command computed at run time")));
            }
            _ => out.push(Carried::Invocation { invocation: inner, remote: None }),
        },
    }
    out
}

/// `kubie exec CONTEXT NAMESPACE PROGRAM …`: the program's own flags say the same; of one that has none, or starts others, the
/// kubeconfig is computed.
fn in_context(
    rest: &mut Vec<Word>,
    inner: &mut Invocation,
    by: &Invocation,
    wrapper: &Wrapper,
    tools: &'static Tools,
) {
    let verb = by.argv.iter().skip_while(|word| !wrapper.verbs.contains(&word.prefix())).skip(1);
    let mut operands = verb.filter(|word| !word.prefix().starts_with('-')).cloned();
    let (Some(context), Some(namespace)) = (operands.next(), operands.next()) else { return };
    let several = context.prefix().contains(['*', '?', '[']);
    let context = if several { Word::unknown() } else { context };
    let tool = rest.first().and_then(Word::basename).and_then(|name| tools.tool(name));
    let flags = tool.and_then(|tool| Some((tool.roles.context.first()?, tool.roles.namespace.first()?)));
    match flags {
        Some((of_context, of_namespace)) => {
            let pinned = [Word::literal(*of_context), context, Word::literal(*of_namespace), namespace];
            rest.splice(1..1, pinned);
        }
        None => inner.env.push(Assigned { name: "KUBECONFIG".to_owned(), value: Word::unknown() }),
    }
}

/// The program that an option names (`docker run --entrypoint`).
fn entry(by: &Invocation, wrapper: &Wrapper, at: usize) -> Option<Word> {
    let options = by.argv.get(..at).unwrap_or_default();
    options.iter().enumerate().find_map(|(i, word)| {
        let text = word.prefix();
        let attached = text.split_once('=').filter(|(name, _)| wrapper.program.contains(name));
        match attached {
            Some((_, value)) if word.as_literal().is_some() => Some(Word::literal(value)),
            Some(_) => Some(Word::unknown()),
            None => options.get(i + 1).filter(|_| wrapper.program.contains(&text)).cloned(),
        }
    })
}

/// The same, run on another host.
fn elsewhere(carried: Carried, place: Option<String>) -> Carried {
    match carried {
        Carried::Shell { text, arguments, by, .. } => {
            Carried::Shell { text, arguments, by, remote: Some(place.unwrap_or_default()) }
        }
        other => other,
    }
}

/// Passes over options, operands and assignments; says where the program stands. None: this call runs nothing.
fn front(
    by: &Invocation,
    wrapper: &Wrapper,
    tools: &'static Tools,
    inner: &mut Invocation,
    out: &mut Vec<Carried>,
) -> Option<usize> {
    let mut at = 1;
    let mut operands = usize::from(wrapper.skip);
    let mut verb = wrapper.verbs.is_empty();
    while let Some(word) = by.argv.get(at) {
        let text = word.prefix();
        if !verb {
            let hit = wrapper.verbs.contains(&text);
            if hit {
                verb = true;
            } else if wrapper.value.contains(&text) {
                at += 1;
            } else if wrapper.pairs.contains(&text) {
                at += 2;
            } else if !text.starts_with('-') && !wrapper.groups.contains(&text) {
                return None;
            }
            at += 1;
            continue;
        }
        if text == "--" {
            at += 1;
            break;
        }
        if text.len() > 1 && text.starts_with('-') {
            at += option(by, wrapper, at, inner, out);
            continue;
        }
        let assigns = wrapper.assignments.then(|| text.split_once('=')).flatten();
        if let Some((name, start)) = assigns {
            inner.env.push(Assigned { name: name.to_owned(), value: behind(word, start) });
            at += 1;
            continue;
        }
        if operands == 0 {
            break;
        }
        operands -= 1;
        at += 1;
        if let Some(tool) = image_of(by, wrapper, word, tools) {
            // `docker run image args` where the image is one of our tools.
            inner.argv =
                std::iter::once(Word::literal(tool)).chain(by.argv.iter().skip(at).cloned()).collect();
            out.push(Carried::Invocation {
                invocation: inner.clone(),
                remote: Some(word.display().into_owned()),
            });
            return None;
        }
    }
    if !verb {
        return None;
    }
    let package = packaged(by, wrapper, at);
    if package.is_none() && wrapper.versions && !wrapper.packages.is_empty() {
        return None;
    }
    if let Some(program) = package {
        let rest = by.argv.iter().skip(at + 1);
        let rest = rest.enumerate().filter(|(i, word)| *i > 0 || word.as_literal() != Some("--"));
        inner.argv = std::iter::once(program).chain(rest.map(|(_, word)| word.clone())).collect();
        out.push(Carried::Invocation { invocation: inner.clone(), remote: None });
        return None;
    }
    Some(if wrapper.verbs.is_empty() || !matches!(wrapper.style, WrapperStyle::Argv) {
        at
    } else {
        first_known(by, at, tools)
    })
}

/// Between a launcher's verb and the program there may be an operand of its own (`direnv exec DIR …`): the first
/// word that names a program we know is the one.
fn first_known(by: &Invocation, at: usize, tools: &Tools) -> usize {
    (at..by.argv.len())
        .find(|i| {
            let name = by.argv.get(*i).and_then(Word::basename).unwrap_or_default();
            name != "." && (tools.tool(name).is_some() || tools.wrapper(name).is_some())
        })
        .unwrap_or(at)
}

/// The program of the package that a launcher is told to run (`nix run nixpkgs#kubectl`, `npx kubectl@1`, `go run PATH@VERSION`).
fn packaged(by: &Invocation, wrapper: &Wrapper, at: usize) -> Option<Word> {
    let text = by.argv.get(at)?.as_literal()?;
    let known = |package: &str| {
        let pairs = wrapper.packages.iter().filter_map(|entry| entry.split_once(' '));
        pairs.into_iter().find(|(name, _)| *name == package).map(|(_, program)| program)
    };
    if wrapper.versions {
        let package = text.rsplit_once('@').map_or(text, |(package, _)| package);
        let named = (package.len() < text.len() && wrapper.packages.is_empty()).then_some(package);
        return known(package).or(named.filter(|name| !name.is_empty())).map(Word::literal);
    }
    let runs = by.argv.iter().take(at).any(|word| word.as_literal() == Some("run"));
    let name = text.rsplit_once('#')?.1.split('^').next()?.rsplit('.').next()?;
    (runs && !wrapper.packages.is_empty()).then(|| Word::literal(known(name).unwrap_or(name)))
}

/// The short option of a list that `text`, a cluster of them, holds.
fn short<'s>(text: &str, list: &[&'s str]) -> Option<&'s str> {
    if text.starts_with("--") {
        return None;
    }
    list.iter().find(|o| o.len() == 2 && text.contains(o.trim_start_matches('-'))).copied()
}

/// One option; says how many words it takes.
fn option(
    by: &Invocation,
    wrapper: &Wrapper,
    at: usize,
    inner: &mut Invocation,
    out: &mut Vec<Carried>,
) -> usize {
    let Some(word) = by.argv.get(at) else { return 1 };
    let text = word.prefix();
    let (name, attached) = match text.split_once('=') {
        Some((name, value)) if text.starts_with("--") => (name, Some(Word::literal(value))),
        _ => (text, None),
    };
    let takes = |list: &[&str]| list.contains(&name);
    let value = || attached.clone().or_else(|| by.argv.get(at + 1).cloned()).unwrap_or_default();
    let width = if attached.is_some() { 1 } else { 2 };
    if takes(&wrapper.chdir) {
        let to = value();
        inner.cwd = inner.cwd.iter().map(|d| d.enter(&to)).collect();
        return width;
    }
    let code_flag = takes(&wrapper.code)
        || short(text, &wrapper.code).is_some_and(|o| text.ends_with(o.trim_start_matches('-')));
    // What `env -S` splits goes on with the words behind it.
    let whole = |held: &Word, next: usize| {
        let held = code(held, inner, "a command computed at run time");
        match held {
            Carried::Shell { text, by: inner, remote, .. } if wrapper.assignments => Carried::Shell {
                // `\_` is a blank there (env(1), "-S/--split-string syntax").
                text: format!("{} \"$@\"", text.replace("\\_", " ")),
                arguments: by.argv.get(next..).unwrap_or_default().to_vec(),
                by: inner,
                remote,
            },
            other => other,
        }
    };
    if code_flag {
        out.push(whole(&value(), at + width));
        return by.argv.len();
    }
    if let Some(attached) =
        short(text, &wrapper.code).and_then(|o| text.strip_prefix(o)).filter(|v| !v.is_empty())
    {
        out.push(whole(&Word::literal(attached), at + 1));
        return by.argv.len();
    }
    if takes(&wrapper.value) {
        return width;
    }
    if takes(&wrapper.pairs) {
        return 3;
    }
    1
}

/// What a program's options hold that it runs.
fn options(by: &Invocation, wrapper: &Wrapper) -> Vec<Carried> {
    let mut out = Vec::new();
    for (at, word) in by.argv.iter().enumerate().skip(1) {
        let text = word.prefix();
        for option in wrapper.code {
            let (name, start) = option.split_once('=').unwrap_or((option, ""));
            let Some(rest) = text.strip_prefix(name).or_else(|| abbreviated(text, name)) else { continue };
            let held = if name.starts_with("--") { rest.strip_prefix('=') } else { Some(rest) };
            let value = match held.filter(|_| !rest.is_empty()) {
                Some(value) => behind(word, value),
                None if rest.is_empty() => by.argv.get(at + 1).cloned().unwrap_or_default(),
                None => continue,
            };
            let value = match value.prefix().strip_prefix(start).and_then(|v| v.strip_prefix(['=', ' '])) {
                Some(inner) if !start.is_empty() => behind(&value, inner),
                _ if start.is_empty() => value,
                _ => continue,
            };
            // What these run is a program of the system's; one that is named by a path is somebody's own.
            if value.prefix().starts_with(['.', '/', '~']) && !value.prefix().starts_with("/usr/") {
                out.push(Carried::Opaque(Opaque {
                    kind: OpaqueKind::Code,
                    span: by.span,
                    what: format!("{name} runs a custom program"),
                    invocation: None,
                }));
            }
            out.push(Carried::Guess(Box::new(code(&value, by, "a command computed at run time"))));
        }
    }
    out
}

/// What stands behind a long option that is cut short, as getopt_long(3) allows: from three letters on.
fn abbreviated<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (given, rest) = text.split_at(text.find('=').unwrap_or(text.len()));
    (given.len() > "--ab".len() && given.starts_with("--") && name.starts_with(given)).then_some(rest)
}

/// `find … -exec program args ;` and `fd -x program args`.
fn find(by: &Invocation, tools: &Tools) -> Vec<Carried> {
    let mut out = Vec::new();
    for (at, word) in by.argv.iter().enumerate().skip(1) {
        let starts = matches!(
            word.as_literal(),
            Some("-exec" | "-execdir" | "-ok" | "-okdir" | "-x" | "--exec" | "-X" | "--exec-batch")
        );
        if !starts {
            continue;
        }
        let argv: Vec<Word> = (by.argv.iter().skip(at + 1))
            .take_while(|w| !matches!(w.as_literal(), Some(";" | "+")))
            .map(|w| substitute(w, "{}", &Word::unknown()))
            .collect();
        out.extend(found_scripts(&argv, by, tools));
        if !argv.is_empty() {
            out.push(Carried::Invocation { invocation: Invocation { argv, ..by.clone() }, remote: None });
        }
    }
    out
}

/// Files that another program finds, or names, and that are run.
fn found_scripts(argv: &[Word], by: &Invocation, tools: &Tools) -> Option<Carried> {
    let (program, arguments) = argv.split_first()?;
    let shell = program.basename().is_some_and(|name| tools.programs.shells.contains(&name));
    let options = arguments.iter().take_while(|word| word.prefix().starts_with(['-', '+']));
    let operand = arguments.get(options.clone().count());
    if shell && shells::only_checks(argv) {
        return None;
    }
    let script = shell
        && !options.clone().any(|word| word.prefix().contains(['c', 's']))
        && operand.is_some_and(|word| word.as_literal().is_none());
    let runs = shell && runs_what_it_gets(argv);
    (script || runs || (program.as_literal().is_none() && program.basename().is_none())).then(|| {
        let what = "it runs every file that a search finds".to_owned();
        Carried::Opaque(Opaque { kind: OpaqueKind::Perhaps, span: by.span, what, invocation: None })
    })
}

/// True for `sh -c '. {}'` and `sh -c '"$1"' _ {}`: what is found is run, or sourced, by the code of a shell.
fn runs_what_it_gets(argv: &[Word]) -> bool {
    let is_code = |word: &Word| word.prefix().starts_with('-') && word.prefix().contains('c');
    let Some(at) = argv.iter().skip(1).position(is_code) else { return false };
    let (code, given) = (argv.get(at + 2), argv.get(at + 3..).unwrap_or_default());
    let Some(code) = code else { return false };
    let before = code.prefix().trim_matches(['"', ' ']);
    let starts = ["", ".", "source", "sh", "bash", "exec"].contains(&before);
    let names = ["$0", "$1", "$@", "$*"];
    let passes = code.as_literal().is_some_and(|text| {
        let mut words = text.split_whitespace().map(|word| word.trim_matches('"')).peekable();
        words.next_if(|word| [".", "source", "sh", "bash", "exec"].contains(word));
        words.next().is_some_and(|word| names.contains(&word))
    });
    (code.as_literal().is_none() && starts && code.suffix().trim_matches(['"', ' ']).is_empty())
        || (passes && given.iter().any(|word| word.as_literal().is_none()))
}

/// True where options of xargs split its input in another way than at blanks into one call.
fn cuts(options: &[Word]) -> bool {
    options.iter().any(|w| {
        let text = w.prefix();
        w.as_literal().is_none()
            || ["--max", "--delimiter", "--null"].iter().any(|o| text.starts_with(o))
            || (!text.starts_with("--")
                && text.starts_with('-')
                && text.contains(['n', 'L', 'l', 's', 'd', '0', 'i']))
    })
}

/// `xargs`: what it reads is appended, or put in the place of `-I`'s placeholder.
fn xargs(inner: &Invocation, by: &Invocation, at: usize, tools: &Tools) -> Vec<Carried> {
    let options = by.argv.get(1..at).unwrap_or_default();
    let flag = |names: [&str; 2]| {
        options.iter().enumerate().find_map(|(i, w)| {
            let text = w.as_literal()?;
            let attached = names
                .iter()
                .find_map(|n| text.strip_prefix(n))
                .map(|v| v.trim_start_matches('=').to_owned())?;
            let next = options.get(i + 1).and_then(Word::as_literal).map(str::to_owned);
            if attached.is_empty() { next } else { Some(attached) }
        })
    };
    let placeholder = flag(["-I", "--replace"]);
    let text = match &by.stdin {
        Stdin::Text(text) if flag(["-a", "--arg-file"]).is_none() => Some(&**text),
        _ => None,
    };
    let run = |argv: Vec<Word>| Carried::Invocation {
        invocation: Invocation { argv, stdin: Stdin::Unknown, ..inner.clone() },
        remote: None,
    };
    let with = |value: &Word, name: &str| -> Vec<Word> {
        inner.argv.iter().map(|w| substitute(w, name, value)).collect()
    };
    match (placeholder, text) {
        (Some(name), Some(text)) if text.lines().count() <= MOST_LINES => {
            text.lines().map(|line| run(with(&Word::literal(line.trim()), &name))).collect()
        }
        (Some(name), _) => {
            let argv = with(&Word::unknown(), &name);
            found_scripts(&argv, by, tools).into_iter().chain([run(argv)]).collect()
        }
        // Cut into several calls, or quoted, the words may stand anywhere.
        (None, Some(text)) if !cuts(options) && !text.contains(['"', '\'', '\\']) => {
            let words = text.split_whitespace().map(Word::literal);
            vec![run(inner.argv.iter().cloned().chain(words).collect())]
        }
        (None, _) => {
            let one = flag(["-n", "--max-args"]).is_some_and(|most| most == "1");
            let given = if one { Word::unknown() } else { Word::unknown_words() };
            let argv: Vec<Word> = inner.argv.iter().cloned().chain([given]).collect();
            found_scripts(&argv, by, tools).into_iter().chain([run(argv)]).collect()
        }
    }
}
