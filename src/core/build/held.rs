//! What every table owes, beside its types: examples, names that occur once, words that go together.

use crate::table::{LintRule, PathClass, Rule, Tool};

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
        "{at}: the id of a rule starts with its policy's name"
    );
    let examples = &rule.examples.0;
    assert!(examples.iter().any(|e| e.matches), "{at}: no example that matches");
    assert!(examples.iter().any(|e| !e.matches), "{at}: no example that does not match");
    let may_be_silent = rule.decision == crate::table::Decision::Allow;
    assert!(may_be_silent || !rule.instead.is_empty(), "{at}: says no without saying what instead");
    let length = rule.reason.chars().count() + rule.instead.chars().count();
    assert!(length <= LONGEST_REASON, "{at}: reason and instead have {length} characters");
    let unknown = rule.when.paths.iter().find(|name| classes.iter().all(|class| class.name != **name));
    assert!(unknown.is_none(), "{at}: no class has the name {unknown:?}");
}

pub(crate) fn tool(at: &str, tool: &Tool) {
    let mut seen = std::collections::BTreeSet::new();
    for command in tool.commands {
        assert!(seen.insert(command.path.as_slice()), "{at}: {:?} is there twice", command.path);
        let shown = command.modes.iter().all(|mode| !mode.examples.is_empty());
        assert!(shown, "{at}: {:?} has a mode without an example", command.path);
    }
    // Lines that set such a key are known by its end.
    assert!(tool.chosen.is_empty() || tool.chosen.ends_with("-resolved"), "{at}: chosen does not end so");
    let endpoint = tool.endpoints.iter().find(|row| row.examples.is_empty());
    assert!(endpoint.is_none(), "{at}: {endpoint:?} has no example");
}
