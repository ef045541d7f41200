//! Configuration of git: what a call brings with it, and what `git config` and `git remote` change.

use super::arguments::Arguments;
use super::carried::{Carried, Reader, code};
use super::git_front::{Front, option};
use crate::model::{Command, Invocation, KeyRule, Tool, Word, glob};

/// The end of every key that is `chosen` in a tool's table.
const CHOSEN: &str = "-resolved";

/// `GIT_DIR`, `GIT_WORK_TREE` and configuration given in the environment.
pub(super) fn from_environment(invocation: &Invocation, front: &mut Front) {
    for name in ["GIT_DIR", "GIT_WORK_TREE"] {
        if let Some(value) = invocation.assigned(name) {
            option(if name == "GIT_DIR" { "--git-dir" } else { "--work-tree" }, Some(value.clone()), front);
        }
    }
    for i in 0..16 {
        let Some(key) = invocation.assigned(&format!("GIT_CONFIG_KEY_{i}")) else { break };
        let value =
            invocation.assigned(&format!("GIT_CONFIG_VALUE_{i}")).cloned().unwrap_or_else(Word::unknown);
        let key = key.as_literal().map_or_else(|| "*".to_owned(), str::to_lowercase);
        front.repository.config.push((key, value));
    }
    if let Some(value) = invocation.assigned("GIT_CONFIG_PARAMETERS") {
        front.repository.config.push(("*".to_owned(), Word::unknown()));
        // `'KEY'='VALUE'`
        let pieces: Vec<&str> = value.as_literal().unwrap_or_default().split('\'').collect();
        let pairs = pieces.chunks(4).filter(|pair| pair.get(2) == Some(&"="));
        let known =
            pairs.filter_map(|pair| Some((pair.get(1)?.to_lowercase(), Word::literal(*pair.get(3)?))));
        front.repository.config.extend(known);
    }
}

fn rule_for(tool: &Tool, key: &str) -> Option<&'static KeyRule> {
    tool.keys.as_slice().iter().find(|rule| rule.keys.iter().any(|pattern| glob(pattern, key)))
}

/// True where configuration or environment of the call moves hooks away or pulls in what may.
pub(super) fn skips_hooks(invocation: &Invocation, tool: &Tool, front: &Front) -> bool {
    let by_env = tool.env.bends.iter().any(|name| {
        // A count alone brings nothing: its keys are looked at one by one.
        *name != "GIT_CONFIG_COUNT" && invocation.assigned(name).is_some()
    });
    let by_config = front
        .repository
        .config
        .iter()
        .any(|(key, _)| key == "*" || rule_for(tool, key).is_some_and(|rule| rule.skips_hooks));
    by_env || by_config
}

/// True where `git config` sets a key that moves hooks, or one that is not known.
pub(super) fn sets_hook_key(tool: &Tool, args: &Arguments) -> bool {
    let verb = args.rest.first().and_then(Word::as_literal);
    let sections = ["--remove-section", "--rename-section"].iter().any(|flag| args.has(flag))
        || matches!(verb, Some("remove-section" | "rename-section"));
    let at = usize::from(
        verb.is_some_and(|v| matches!(v, "set" | "unset" | "rename-section" | "remove-section" | "edit")),
    );
    let Some(key) = args.rest.get(at) else { return false };
    key.as_literal().is_none_or(|k| {
        let key = k.to_lowercase();
        let section = format!("{key}.");
        let holds =
            |rule: &KeyRule| rule.skips_hooks && rule.keys.iter().any(|key| key.starts_with(&section));
        (sections && tool.keys.iter().any(holds)) || rule_for(tool, &key).is_some_and(|rule| rule.skips_hooks)
    })
}

/// True where `git config` changes what holds in every repository.
pub(super) fn is_everywhere(args: &Arguments) -> bool {
    let shared = |word: &Word| {
        let text = word.as_literal().unwrap_or_else(|| word.suffix());
        ["/.gitconfig", "/git/config", "/etc/gitconfig"].iter().any(|end| text.ends_with(end))
            || text.is_empty()
    };
    args.has("--global")
        || args.has("--system")
        || args.value(&["-f", "--file"]).and_then(|given| given.value.as_ref()).is_some_and(shared)
}

/// Values of configuration that git runs.
pub(super) fn carried_config(invocation: &Invocation, tool: &Tool, front: &Front) -> Vec<Carried> {
    let mut out = Vec::new();
    for (key, value) in &front.repository.config {
        out.extend(hooks_in(key, value, invocation));
        let runs = rule_for(tool, key).is_some_and(|rule| rule.code);
        let helper = key.ends_with("helper") && !value.prefix().starts_with(['!', '/']);
        let harmless = matches!(value.as_literal(), Some("" | "true" | "false" | "cat" | "less" | "1" | "0"));
        if runs && !helper && !harmless {
            let text = Word::literal(value.prefix().trim_start_matches('!'));
            let shown = if value.as_literal().is_some() { text } else { value.clone() };
            out.push(code(
                &shown,
                invocation,
                &format!("git runs the value of {key}, which is computed at run time"),
            ));
        }
    }
    out
}

/// What is set to be run later: it is judged when it is set, by what it is. `git config KEY VALUE`, `git clone -c KEY=VALUE`.
pub(super) fn carried_settings(
    invocation: &Invocation,
    tool: &Tool,
    command: &Command,
    args: &Arguments,
) -> Vec<Carried> {
    let mut front = Front::default();
    match command.path.as_slice() {
        ["config"] => {
            let verb = args.rest.first().and_then(Word::as_literal);
            let at = usize::from(verb == Some("set"));
            let pair = args.rest.get(at).and_then(Word::as_literal).zip(args.rest.get(at + 1));
            front.repository.config.extend(pair.map(|(key, value)| (key.to_lowercase(), value.clone())));
        }
        ["clone"] => {
            for given in args.flags.iter().filter(|flag| matches!(flag.name.as_str(), "-c" | "--config")) {
                option("-c", given.value.clone(), &mut front);
            }
        }
        _ => return Vec::new(),
    }
    let mut out = carried_config(invocation, tool, &front);
    for (_, value) in front.repository.config.iter().filter(|(key, _)| key.starts_with("alias.")) {
        let Some(text) = value.as_literal() else { continue };
        let text = text.strip_prefix('!').map_or_else(|| format!("git {text}"), str::to_owned);
        out.push(Carried::Guess(Box::new(code(&Word::literal(text), invocation, "a git alias"))));
    }
    out
}

/// The scripts in a folder of hooks, or of templates for new repositories.
fn hooks_in(key: &str, folder: &Word, invocation: &Invocation) -> Option<Carried> {
    let below = match key {
        "core.hookspath" => "/",
        "init.templatedir" => "/hooks/",
        _ => return None,
    };
    let folder = folder.as_literal().filter(|folder| !folder.is_empty() && *folder != "/dev/null")?;
    let mut path = Word::literal(format!("{folder}{below}"));
    path.push_wild();
    Some(Carried::Script { path, arguments: Vec::new(), by: invocation.clone(), reader: Reader::Shell })
}

/// The URL that a call gives to a remote, or a rule that rewrites URLs.
pub(super) fn sets(command: &Command, args: &Arguments) -> Option<(String, Word)> {
    let at = |i: usize| args.rest.get(i);
    let shown = |i: usize| at(i).map(Word::display);
    match (command.path.as_slice(), shown(0).as_deref()) {
        // Options of `add` may take a word.
        (["remote"], Some("add")) => Some(("remote.*.url".to_owned(), args.rest.last()?.clone())),
        (["remote"], Some("set-url")) => Some(("remote.*.url".to_owned(), at(2)?.clone())),
        (["config"], Some(first)) => {
            let (key, value) = if first == "set" { (at(1)?, at(2)?) } else { (at(0)?, at(1)?) };
            let name = key.display().to_lowercase();
            let rewrites = name.ends_with("insteadof") || name.contains('…');
            if rewrites {
                return Some((name, Word::unknown()));
            }
            let url = name.starts_with("remote.") && (name.ends_with(".url") || name.ends_with(".pushurl"));
            // Where forges' programs keep which repository was chosen (`chosen` in their tables).
            let chooses = name.starts_with("remote.") && name.ends_with(CHOSEN);
            (url || chooses).then(|| (name, value.clone()))
        }
        _ => None,
    }
}
