//! Invocation → operation: argv read by the tool's own flag grammar, with `policies/tools/*.toml` as the table.

mod argo;
mod arguments;
mod carried;
mod container;
mod effect;
mod forge;
mod git;
mod git_config;
mod git_front;
mod http;
mod language;
mod literals;
mod looks;
mod mcp;
pub mod mentions;
mod modules;
mod other_push;
mod output;
mod parallel;
pub mod patch;
mod pflag;
mod services;
mod shells;
mod sql;
mod targets;
mod unknown;
mod verb;
mod wanted;
mod wrapper;
mod writes;

pub use argo::only_syncs;
pub use carried::{Carried, Classified, Reader, Write};
use carried::{code, sourced};
pub use git_front::before_verb as before_git_verb;
pub use http::in_text;
pub use language::in_code;
pub use looks::is_plain_read;
pub use mcp::{McpCall, classify as mcp};
pub use pflag::only_looks;
pub use sql::query;
pub use targets::expand_targets;
use unknown::{spoken_of, unknown_carrier};
pub use wanted::{is_restart, wanted};

/// The tables, compiled at build time.
#[expect(unreachable_pub, reason = "the build writes all constants alike")]
mod table {
    include!(concat!(env!("OUT_DIR"), "/tools.rs"));
}

use crate::model::{
    Effect, Grammar, Invocation, Opaque, OpaqueKind, Operation, Reach, Stdin, TargetFormat, Tool, Tools,
    Trait, Word, behind_program,
};

/// Everything known of programs.
#[must_use]
pub fn tools() -> &'static Tools {
    &table::TOOLS
}

/// Says what an invocation would do.
#[must_use]
pub fn classify(invocation: &Invocation, tools: &'static Tools) -> Classified {
    let Some(name) = invocation.program().and_then(Word::basename) else { return Classified::default() };
    // zsh: `=kubectl` is the path of kubectl.
    let name = name.strip_prefix('=').unwrap_or(name);
    let mut out = as_program(invocation, name, tools);
    if invocation.env.iter().any(|a| tools.programs.code_variables.contains(&a.name.as_str())) {
        let mut by = invocation.clone();
        by.env.retain(|a| !tools.programs.code_variables.contains(&a.name.as_str()));
        let values =
            invocation.env.iter().filter(|a| tools.programs.code_variables.contains(&a.name.as_str()));
        // `LESSOPEN` begins with marks for where its output goes.
        let bare = |value: &Word| match value.as_literal() {
            Some(text) => Word::literal(text.trim_start_matches(['|', '-', '@'])),
            None => value.clone(),
        };
        let carried = values
            .map(|a| Carried::Guess(Box::new(code(&bare(&a.value), &by, "a command computed at run time"))));
        out.carried.extend(carried);
    }
    if !tools.programs.shells.contains(&name) {
        out.carried.extend(shells::below(invocation));
    }
    out.carried.extend(tagged(invocation, name, tools));
    out
}

/// What a program that makes a release does to its repository: it makes a tag whose name is computed.
fn tagged(invocation: &Invocation, name: &str, tools: &Tools) -> Option<Carried> {
    // `npm view x version` makes none.
    let is_call = |entry: &&&str| {
        let mut words = invocation.argv.iter().skip(1).filter(|word| !word.prefix().starts_with('-'));
        behind_program(entry, name).is_some_and(|behind| {
            behind.split_whitespace().all(|part| words.next().and_then(Word::as_literal) == Some(part))
        })
    };
    if invocation.argv.iter().any(|word| tools.programs.tagless.contains(&word.prefix())) {
        return None;
    }
    tools.programs.taggers.iter().find(is_call)?;
    let argv = vec![Word::literal("git"), Word::literal("tag"), Word::unknown()];
    Some(Carried::Invocation { invocation: Invocation { argv, ..invocation.clone() }, remote: None })
}

/// An invocation of the program of this name.
fn as_program(invocation: &Invocation, name: &str, tools: &'static Tools) -> Classified {
    if let Some((tool, verb)) = dashed(name, tools) {
        let mut call = invocation.clone();
        call.argv.splice(..1, std::iter::once(Word::literal(tool.name.as_str())).chain(verb));
        return as_tool(&call, tool, tools);
    }
    let tool = tools.tool(name);
    let language = tools.language(name);
    let mut wrappers = tools.wrappers(name).peekable();
    let runner = tools.runner(name);
    if tool.is_some() || language.is_some() || runner.is_some() || wrappers.peek().is_some() {
        let mut out = tool.map(|found| as_tool(invocation, found, tools)).unwrap_or_default();
        let wrapped: Vec<Carried> =
            wrappers.flat_map(|found| wrapper::unwrap(invocation, found, tools)).collect();
        out.operations.iter_mut().for_each(|operation| enters(operation, &wrapped, tools));
        // Of its verbs too little is known to say that none runs another program.
        let unread = [TargetFormat::Text, TargetFormat::Named];
        let text = runner.is_none_or(|runner| unread.contains(&runner.format));
        let unread =
            tool.map_or(language.is_none() && text && !tools.is_inert(name), |found| found.unshimmed);
        // Of a verb that is not known it is not known either what it runs.
        let quotes = tool.is_some_and(|found| found.quotes)
            && out.operations.iter().all(|operation| operation.effect != Effect::Unknown);
        if wrapped.is_empty() && unread && !quotes {
            // A word of its verb is none that it runs (`jj git push`).
            let is_verb = |one: &Carried| match one {
                Carried::Invocation { invocation: inner, .. } => {
                    let name = inner.program().and_then(Word::basename).unwrap_or_default();
                    out.operations.iter().any(|operation| operation.verb.split(' ').any(|part| part == name))
                }
                _ => false,
            };
            let mut inner = unknown_carrier(invocation, tools, as_tool);
            inner.retain(|one| !is_verb(one));
            out.carried.extend(inner);
            // Of a tool it is known what its words mean.
            if tool.is_none() {
                out.carried.extend(spoken_of(invocation, tools));
            }
        }
        out.carried.extend(wrapped);
        // A tool's own short names count for verbs that are none of its own.
        let known = tool.is_some() && out.operations.iter().all(|one| one.effect != Effect::Unknown);
        let runner = runner.filter(|found| !known || found.format != TargetFormat::Text);
        out.carried.extend(runner.into_iter().flat_map(|found| targets::unwrap(invocation, found, tools)));
        out.carried.extend(language.into_iter().flat_map(|found| language::unwrap(invocation, found, tools)));
        return out;
    }
    if tools.programs.patchers.contains(&name) {
        return Classified { operations: Vec::new(), carried: patches(invocation) };
    }
    if matches!(name, "source" | ".") {
        let dashes = invocation.argv.get(1).is_some_and(|word| word.as_literal() == Some("--"));
        let carried = sourced(invocation, if dashes { 2 } else { 1 });
        return Classified { operations: Vec::new(), carried };
    }
    if tools.is_inert(name) {
        return Classified::default();
    }
    let mut carried = unknown_carrier(invocation, tools, as_tool);
    carried.extend(spoken_of(invocation, tools));
    Classified { operations: Vec::new(), carried }
}

/// A shell that somebody types into, in a container: what it does nobody can say.
fn enters(operation: &mut Operation, wrapped: &[Carried], tools: &Tools) {
    let shell = wrapped.iter().find_map(|carried| match carried {
        Carried::Invocation { invocation, remote: Some(place) } if is_interactive(invocation, tools) => {
            Some(place)
        }
        _ => None,
    });
    if let Some(place) = shell.filter(|_| operation.traits.contains(&Trait::Enters)) {
        (operation.effect, operation.reach) = (Effect::Exec, Reach::Service);
        operation.traits.push(Trait::InnerShell);
        operation.target.names = vec![place.clone()];
    }
}

/// True for a shell without code, script or input of its own.
fn is_interactive(by: &Invocation, tools: &Tools) -> bool {
    let name = by.program().and_then(Word::basename).unwrap_or_default();
    let plain = |w: &Word| w.as_literal().is_some_and(|t| t.starts_with('-') && !t.contains('c'));
    tools.programs.shells.contains(&name)
        && matches!(by.stdin, Stdin::Inherited | Stdin::Later)
        && by
            .argv
            .iter()
            .skip(1)
            .all(|w| plain(w) || matches!(w.as_literal(), Some("--login" | "--norc" | "--noprofile")))
}

/// `git-push`, `kubectl-neat`: git's verbs and kubectl's plugins are programs of their own. In a plugin's name `-` stands between words,
/// and `_` for the `-` in one.
fn dashed(name: &str, tools: &Tools) -> Option<(&'static Tool, Vec<Word>)> {
    let (tool, verb) = name.split_once('-')?;
    let tool = tools.tool(tool)?;
    let plugins = tool.name == "kubectl";
    if (plugins || tool.grammar == Grammar::Git) && tool.commands.iter().any(|c| c.path == [verb]) {
        return Some((tool, vec![Word::literal(verb)]));
    }
    let words = verb.split('-').map(|word| Word::literal(word.replace('_', "-")));
    plugins.then(|| (tool, words.collect()))
}

/// Reads an invocation as one of a tool, whatever its program word says.
#[must_use]
pub fn as_tool(invocation: &Invocation, tool: &'static Tool, tools: &'static Tools) -> Classified {
    let mut out = match tool.grammar {
        Grammar::Pflag | Grammar::Goflag => pflag::classify(invocation, tool, tools),
        Grammar::Http => http::classify(invocation, tool, tools),
        Grammar::Git => git::classify(invocation, tool),
    };
    let name = invocation.program().and_then(Word::basename).unwrap_or_default();
    if name != &*tool.name && tool.programs.contains(&name) {
        out.operations.iter_mut().for_each(|operation| operation.program = Some(name.to_owned()));
    }
    if tool.to_cluster.contains(&name) {
        out.operations.iter_mut().for_each(|operation| operation.traits.push(Trait::ToCluster));
    }
    let plugins: Vec<Carried> =
        out.operations.iter().flat_map(|operation| plugin_files(operation, invocation, tool)).collect();
    out.carried.extend(plugins);
    for name in tool.env.code {
        if let Some(value) = invocation.assigned(name) {
            out.carried.push(code(
                value,
                invocation,
                &format!("{name} holds a command computed at run time"),
            ));
        }
    }
    out
}

/// The scripts that a verb of a tool runs, or takes up to be run later: plugins.
fn plugin_files(operation: &Operation, by: &Invocation, tool: &Tool) -> Vec<Carried> {
    let mut words = by.argv.iter().skip(1).filter(|word| !word.prefix().starts_with('-'));
    let first = words.next();
    let last = words.next_back().or(first);
    let named = |entry: &&str| {
        let (verb, pattern) = entry.rsplit_once(' ')?;
        let name = match verb {
            "*" if operation.effect == Effect::Unknown => first?.as_literal()?,
            _ if verb == operation.verb => last?.as_literal()?,
            _ => return None,
        };
        Some(Word::literal(pattern.replace("{}", name)))
    };
    let behind = by.argv.iter().skip_while(|word| Some(*word) != first).skip(1);
    let arguments: Vec<Word> = behind.cloned().collect();
    let script = |path: Word| Carried::Script {
        path,
        arguments: arguments.clone(),
        by: by.clone(),
        reader: Reader::Shell,
    };
    tool.plugin_files.iter().filter_map(named).map(script).collect()
}

/// The files that a patch writes which stands in the line, or in a file.
fn patches(by: &Invocation) -> Vec<Carried> {
    let unread = |what: &str| {
        let what = what.to_owned();
        Carried::Opaque(Opaque { kind: OpaqueKind::Code, span: by.span, what, invocation: None })
    };
    if let Some(word) = by.argv.get(1) {
        let mut out: Vec<Carried> = word.as_code().and_then(|text| patch_in(&text, by)).into_iter().collect();
        out.extend(word.as_literal().is_none().then(|| unread("the patch is computed at run time")));
        return out;
    }
    match &by.stdin {
        Stdin::Text(text) => patch_in(text, by).into_iter().collect(),
        Stdin::File(path) => vec![Carried::Script {
            path: path.clone(),
            arguments: Vec::new(),
            by: by.clone(),
            reader: Reader::Patch,
        }],
        Stdin::Unknown => vec![unread("the patch is the output of another program")],
        Stdin::Later => vec![unread("the patch is typed in later")],
        Stdin::Inherited => Vec::new(),
    }
}

/// The files that a patch writes.
#[must_use]
pub fn patch_in(text: &str, by: &Invocation) -> Option<Carried> {
    let files = patch::patched(text)?.into_iter();
    let files = files.map(|file| Write {
        file: Word::literal(file.path),
        whole: false,
        named: false,
        text: file.added,
    });
    Some(Carried::Writes(files.collect(), by.clone()))
}

#[cfg(test)]
mod tests;
