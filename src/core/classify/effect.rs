//! From a verb's table row and its arguments to the effect they have together.

use super::argo;
use super::arguments::Arguments;
use super::output;
use crate::model::glob;
use crate::model::{Command, Effect, Mode, Reach, Trait, Word};

/// What a row and the forms that apply come to.
#[derive(Clone, Debug)]
pub(super) struct RowOutcome {
    pub(super) effect: Effect,
    pub(super) reach: Reach,
    pub(super) traits: Vec<Trait>,
}

/// Applies a verb's forms to its arguments. A form that makes the effect greater counts wherever it may apply;
/// one that makes it less only where it certainly does, and never against one that makes it greater.
pub(super) fn apply(command: &Command, args: &Arguments, kinds: &[String], reach: Reach) -> RowOutcome {
    let mut out = RowOutcome {
        effect: command.effect,
        reach: command.reach.unwrap_or(reach),
        traits: command.traits.to_vec(),
    };
    let mut raised = false;
    for mode in command.modes.iter().filter(|m| m.effect > command.effect) {
        if applies(mode, args, kinds, true) {
            raised = true;
            out.effect = out.effect.max(mode.effect);
            out.traits.extend(mode.traits);
        }
    }
    let mut lowered = false;
    for mode in command.modes.iter().filter(|m| m.effect <= command.effect) {
        let unsure = args.uncertain() && mode.effect < command.effect && !args.settled(&mode.flags);
        if raised || unsure || !applies(mode, args, kinds, false) {
            continue;
        }
        if mode.effect < command.effect {
            // Of several forms that lower, the greatest effect counts.
            out.effect = if lowered { out.effect.max(mode.effect) } else { mode.effect };
            lowered = true;
        }
        out.reach = mode.reach.unwrap_or(out.reach);
        out.traits.extend(mode.traits);
    }
    out
}

fn applies(mode: &Mode, args: &Arguments, kinds: &[String], maybe: bool) -> bool {
    let has = |flag: &&str| if maybe { args.may_have(flag) } else { args.has(flag) };
    let matches = |pattern: &&str| {
        args.rest.iter().any(|word| match word.as_literal() {
            Some(text) => glob(pattern, path_of(pattern, text)),
            // However it goes on (`key=$(date)`).
            None => pattern.ends_with('*') && !word.splits() && glob(pattern, word.prefix()),
        })
    };
    let computed = maybe && args.rest.first().is_some_and(|w| w.as_literal().is_none());
    let count = args.rest.len();
    // A form that makes the effect less has to be in force at the end of the line.
    (mode.flags.is_empty() || (mode.flags.iter().any(has) && (maybe || !args.taken_back(&mode.flags))))
        && !mode
            .without
            .iter()
            .any(|f| if maybe { args.has(f) && !args.taken_back(&[f]) } else { args.may_have(f) })
        && (mode.argument.is_empty() || computed || mode.argument.iter().any(matches))
        && !mode.no_argument.iter().any(matches)
        && (mode.last.is_empty() || last_is(args, &mode.last, maybe))
        && (mode.assignments.is_empty() || assignments_are(args, &mode.assignments))
        && (mode.kinds.is_empty()
            || kinds.iter().any(|own| mode.kinds.contains(&own.as_str()) || (maybe && own.contains('…'))))
        && (mode.every_kind.is_empty()
            || (!kinds.is_empty() && kinds.iter().all(|own| mode.every_kind.contains(&own.as_str()))))
        && (mode.patches.is_empty() || patches_only(args, &mode.patches))
        && (!mode.beyond_metadata || output::beyond_metadata(args))
        && (!mode.syncs || patch(args).is_some_and(|patch| argo::only_syncs(&patch).is_ok()))
        && (mode.only.is_empty() || only_has(args, &mode.only))
        && count >= usize::from(mode.least)
        && (mode.most == u8::MAX || count <= usize::from(mode.most))
}

/// What a pattern is held against: one of paths (`*/…`) against the path of a URL, without its query and fragment.
fn path_of<'t>(pattern: &str, text: &'t str) -> &'t str {
    if pattern.starts_with("*/") { text.split(['?', '#']).next().unwrap_or_default() } else { text }
}

/// The last argument matches one of these, or may.
fn last_is(args: &Arguments, patterns: &[&str], maybe: bool) -> bool {
    args.rest.last().is_some_and(|word| match word.as_literal() {
        Some(text) => patterns.iter().any(|pattern| glob(pattern, text)),
        None => maybe,
    })
}

/// Every argument that assigns something assigns one of these.
fn assignments_are(args: &Arguments, patterns: &[&str]) -> bool {
    (args.rest.iter()).all(|word| match word.as_literal() {
        Some(text) => !text.contains('=') || patterns.iter().any(|p| glob(p, text)),
        None => word.prefix().contains('=') && patterns.iter().any(|p| glob(p, word.prefix())),
    })
}

/// No other flags are given, as far as that can be told.
fn only_has(args: &Arguments, flags: &[&str]) -> bool {
    !args.uncertain() && args.flags.iter().all(|given| flags.contains(&given.name.as_str()))
}

/// The JSON given to `--patch`, where that is all that is patched.
fn patch(args: &Arguments) -> Option<serde_json::Value> {
    let text = args.value(&["-p", "--patch"]).and_then(|g| g.value.as_ref()).and_then(Word::as_literal);
    if args.may_have("--patch-file") {
        return None;
    }
    text.and_then(|text| serde_json::from_str(text).ok())
}

/// That JSON sets nothing but these keys: top-level ones, `a.b`, or `a.b=value`.
fn patches_only(args: &Arguments, keys: &[&str]) -> bool {
    let fits = |(key, value): (String, &serde_json::Value)| {
        let mut wanted =
            keys.iter().map(|wanted| wanted.split_once('=').map_or((*wanted, None), |(k, v)| (k, Some(v))));
        wanted.any(|(name, only)| name == key && only.is_none_or(|only| is_json(value, only)))
    };
    let Some(patch) = patch(args) else { return false };
    let set = assigned(&patch);
    !set.is_empty() && set.into_iter().all(fits)
}

fn is_json(value: &serde_json::Value, text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|wanted| *value == wanted)
}

/// What a patch sets: of a merge patch the keys and those one below, of a list of operations (RFC 6902) the paths; what it removes is
/// null. Nothing where it does something else.
fn assigned(patch: &serde_json::Value) -> Vec<(String, &serde_json::Value)> {
    use serde_json::Value;
    match patch {
        Value::Object(keys) => (keys.iter())
            .flat_map(|(key, value)| match value.as_object() {
                Some(inner) if !inner.is_empty() => {
                    inner.iter().map(|(below, value)| (format!("{key}.{below}"), value)).collect()
                }
                _ => vec![(key.clone(), value)],
            })
            .collect(),
        Value::Array(steps) => {
            let one = |step: &'_ Value| -> Option<String> {
                let text = |key: &str| step.get(key).and_then(Value::as_str);
                let known = matches!(text("op")?, "add" | "replace" | "remove");
                known.then_some(text("path")?).map(|path| path.trim_start_matches('/').replace('/', "."))
            };
            let all: Option<Vec<_>> = steps
                .iter()
                .map(|step| Some((one(step)?, step.get("value").unwrap_or(&Value::Null))))
                .collect();
            all.unwrap_or_default()
        }
        _ => Vec::new(),
    }
}
