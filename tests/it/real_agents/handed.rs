//! What `rwenv install` gives an agent to read: it is in the agent's own first request to its model.

use std::fs;

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
