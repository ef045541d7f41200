//! What `rwenv install` gives an agent to read: it is in the agent's own first request to its model.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::support::root;

/// Names of the plugin's pages in a folder, each with the beginning of what it says of itself.
fn pages(folder: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(root().join("plugin").join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let file = if path.is_dir() { path.join("SKILL.md") } else { path.clone() };
        let text = fs::read_to_string(file).unwrap();
        let says = text.lines().find_map(|line| line.strip_prefix("description: '")).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        all.push((name, says.split(['"', ':']).next().unwrap().trim().to_owned()));
    }
    all
}

/// The pages that a model does not read of: name, and what each says of itself.
pub(crate) fn missing(request: &str) -> Vec<String> {
    let all = ["skills", "agents"].into_iter().flat_map(pages);
    let lacks = |(name, says): &(String, String)| !request.contains(name) || !request.contains(says);
    all.filter(lacks).map(|(name, _)| name).collect()
}

/// What each agent calls its tools that write files, and that one that runs a line: the page of `db-ops` allows the last alone.
const TOOLS: [(&str, &[&str], &str); 4] = [
    ("claude", &["Write", "Edit", "NotebookEdit"], "Bash"),
    ("gemini", &["write_file", "replace"], "run_shell_command"),
    ("opencode", &["write", "edit", "apply_patch"], "bash"),
    ("copilot", &["create", "edit", "apply_patch"], "bash"),
];

/// The tools that an agent which may only look is offered, and should not be; that for lines by its name, where it lacks that.
pub(crate) fn beyond_its_page(agent: &str, request: &str) -> Vec<&'static str> {
    let Some((_, writes, runs)) = TOOLS.iter().find(|(own, ..)| *own == agent) else { return Vec::new() };
    let request: Value = serde_json::from_str(request).unwrap();
    let mut names = BTreeSet::new();
    named(&request["tools"], &mut names);
    let mut all: Vec<&str> = writes.iter().filter(|name| names.contains(**name)).copied().collect();
    all.extend((!names.contains(*runs)).then_some(*runs));
    all
}

/// Names anywhere in what a request offers.
fn named(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| named(item, names)),
        Value::Object(fields) => {
            names.extend(fields.get("name").and_then(Value::as_str).map(str::to_owned));
            let inner = ["function", "functionDeclarations"].iter().filter_map(|key| fields.get(*key));
            inner.for_each(|inner| named(inner, names));
        }
        _ => {}
    }
}
