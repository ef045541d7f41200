//! What every table owes, beside its types: examples, names that occur once, words that go together.

use crate::table::{
    Command, FILLED_IN, Flags, Grammar, LintRule, PathClass, Roles, Rule, Texts, Tool, is_none_of, nearest,
    never_filled_in,
};

/// Most characters of what is told of a denial: agents and people read all of it.
const LONGEST_REASON: usize = 300;

pub(crate) fn lint(at: &str, rule: &LintRule, is_first: bool) {
    let at = format!("{at}: '{}'", rule.id);
    assert!(is_first, "{at} is there twice");
    assert!(rule.examples.iter().any(|e| !e.matches), "{at} has no example it finds nothing in");
    assert!(rule.pattern.is_none() || !rule.keywords.is_empty(), "{at} has a pattern and no keywords");
}

pub(crate) fn rule(at: &str, policy: &str, rule: &Rule, classes: &[PathClass]) {
    let at = format!("{at}: {}", rule.id);
    assert!(
        rule.id.starts_with(&format!("{policy}.")),
        "{at}: the id of a rule starts with its file's name: write id = \"{policy}.NAME\""
    );
    let examples = &rule.examples.0;
    assert!(
        examples.iter().any(|e| e.matches),
        "{at}: no example that matches: add a [[rule.example]] with matches = true"
    );
    assert!(
        examples.iter().any(|e| !e.matches),
        "{at}: no example that does not match: add a [[rule.example]] with matches = false"
    );
    let may_be_silent = rule.decision == crate::table::Decision::Allow;
    assert!(
        may_be_silent || !rule.instead.is_empty(),
        "{at}: it asks or denies and has no `instead`: say what to do instead"
    );
    let length = rule.reason.chars().count() + rule.instead.chars().count();
    assert!(
        length <= LONGEST_REASON,
        "{at}: reason and instead have {length} characters; {LONGEST_REASON} are allowed"
    );
    let unfilled = [&rule.reason, &rule.instead].into_iter().find_map(|text| never_filled_in(text));
    if let Some(word) = unfilled {
        panic!("{at}: nothing fills in {{{word}}}: {}", is_none_of(word, FILLED_IN.into_iter()));
    }
    let unknown = rule.when.paths.iter().find(|name| classes.iter().all(|class| class.name != **name));
    assert!(unknown.is_none(), "{at}: no class has the name {unknown:?}");
}

/// The tools that a rule names have tables, and its verbs are verbs of theirs.
pub(crate) fn names(rule: &Rule, tools: &[&str], verbs: &[(&str, &[&str])]) {
    let unknown = rule.when.tools.iter().find(|tool| !tools.contains(&&***tool));
    if let Some(tool) = unknown {
        panic!("policies/rules: {}: tools: {}", rule.id, is_none_of(tool, tools.iter().copied()));
    }
    let named = |tool: &str| rule.when.tools.is_empty() || rule.when.tools.iter().any(|one| **one == *tool);
    let known: Vec<&str> =
        verbs.iter().filter(|(tool, _)| named(tool)).flat_map(|(_, own)| own.iter().copied()).collect();
    let has = |verb: &str| known.iter().any(|one| *one == verb || one.starts_with(&format!("{verb} ")));
    let without_table = rule.when.tools.iter().any(|tool| !verbs.iter().any(|(one, _)| *one == &**tool));
    if let Some(verb) = rule.when.verbs.iter().find(|verb| !verb.is_empty() && !without_table && !has(verb)) {
        let near = nearest(verb, known.iter().copied());
        let hint = near.map(|one| format!("; did you mean '{one}'?")).unwrap_or_default();
        panic!("policies/rules: {}: verbs: '{}' is not a verb of the rule's tools{hint}", rule.id, &**verb);
    }
}

pub(crate) fn tool(at: &str, tool: &Tool) {
    let mut seen = std::collections::BTreeSet::new();
    for command in tool.commands {
        assert!(
            seen.insert(command.path.as_slice()),
            "{at}: the verb '{}' has two rows: remove one, or make it a [[command.mode]] of the other",
            command.path.join(" ")
        );
        let shown = command.modes.iter().all(|mode| !mode.examples.is_empty());
        assert!(
            shown,
            "{at}: a mode of '{}' has no example: add examples = [\"…\"] to each [[command.mode]]",
            command.path.join(" ")
        );
    }
    for row in tool.commands {
        for alias in row.aliases {
            if let Some(other) = also_another(tool, row, alias) {
                let verb = row.path.join(" ");
                panic!(
                    "{at}: the alias '{alias}' of '{verb}' leads to the row '{other}' too: remove it from one"
                );
            }
        }
    }
    let two_dashes = flags_of(tool).into_iter().flatten().find(|flag| flag.starts_with("--"));
    if let Some(flag) = two_dashes.filter(|_| tool.grammar == Grammar::Goflag) {
        panic!(
            "{at}: '{flag}' would never match: with grammar 'goflag' a flag is written with one dash, which covers both. \
             Write '-h' and '-help' in place of include = [\"help\"]"
        );
    }
    // Lines that set such a key are known by its end.
    assert!(tool.chosen.is_empty() || tool.chosen.ends_with("-resolved"), "{at}: chosen does not end so");
    let endpoint = tool.endpoints.iter().find(|row| row.examples.is_empty());
    assert!(endpoint.is_none(), "{at}: {endpoint:?} has no example");
}

/// Every list of flags that a table has.
fn flags_of(tool: &Tool) -> Vec<Texts> {
    let Roles {
        context,
        kubeconfig,
        namespace,
        redirect,
        repository,
        file,
        chdir,
        plan,
        host,
        remote,
        branch,
        revision,
    } = tool.roles;
    let by_arity = |Flags { value, optional, switch }: Flags| [value, optional, switch];
    let of_row = |row: &Command| {
        let modes = row.modes.iter().flat_map(|mode| [mode.flags, mode.without]);
        modes.chain(by_arity(row.flags())).collect::<Vec<_>>()
    };
    by_arity(tool.globals)
        .into_iter()
        .chain([context, kubeconfig, namespace, redirect, repository, file, chdir, plan, host])
        .chain([remote, branch, revision])
        .chain(tool.commands.iter().flat_map(of_row))
        .collect()
}

/// The other row that an alias of a row leads to as well, among those that every program of the tool has. Where
/// both have one effect, it does not matter which is meant.
fn also_another(tool: &Tool, row: &Command, alias: &str) -> Option<String> {
    let (_, group) = row.path.split_last()?;
    let alike = |other: &&Command| {
        let counts = other.effect != row.effect && other.programs.is_empty() && row.programs.is_empty();
        let (last, before) = other.path.split_last().unwrap_or((&"", &[]));
        counts && before == group && (*last == alias || other.aliases.contains(&alias))
    };
    tool.commands.iter().find(alike).map(|other| other.path.join(" "))
}
