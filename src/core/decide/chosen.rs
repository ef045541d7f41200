//! Which repository a forge's command line means where its call names none: the one that was chosen for it there (`gh repo set-default`).

use crate::classify;
use crate::model::{GitRepository, Operation, host};

/// The repositories that were chosen for the tool of an operation, as the URLs they are cloned from: by the line, or in git's configuration.
/// None where nothing is chosen: then it may be that of any remote.
pub(super) fn repositories(operation: &Operation, repository: Option<&GitRepository>) -> Option<Vec<String>> {
    let key = classify::tools().tool(operation.tool)?.chosen;
    let target = &operation.target.repository;
    if key.is_empty() || target.remote.is_some() {
        return None;
    }
    let stored = repository.map_or(&[][..], |repository| &repository.config);
    let by_line = target.config.iter().rev().find(|(name, _)| remote_of(name, &key).is_some());
    if let Some((name, word)) = by_line {
        return word.as_literal().map(|value| meant(remote_of(name, &key), value, stored));
    }
    let all = stored.iter().filter_map(|(name, value)| Some((remote_of(name, &key)?, value)));
    let all: Vec<String> = all.flat_map(|(remote, value)| meant(Some(remote), value, stored)).collect();
    (!all.is_empty()).then_some(all)
}

/// The remote that a choice is kept with.
fn remote_of<'k>(name: &'k str, key: &str) -> Option<&'k str> {
    let rest = name.get(.."remote.".len()).filter(|start| start.eq_ignore_ascii_case("remote."));
    let rest = rest.and_then(|start| name.get(start.len()..))?;
    let (remote, last) = rest.rsplit_once('.')?;
    last.eq_ignore_ascii_case(key).then_some(remote)
}

/// What a choice stands for: `base` is the remote itself, everything else names a repository of its forge (gh, `context.BaseRepo`).
fn meant(remote: Option<&str>, value: &str, stored: &[(String, String)]) -> Vec<String> {
    let is_url = |name: &str| ["url", "pushurl"].iter().any(|last| remote_of(name, last) == remote);
    let urls = stored.iter().filter(|(name, _)| is_url(name)).map(|(_, url)| url.clone());
    if value.contains("://") {
        return vec![value.to_owned()];
    }
    match value.contains('/') {
        false => urls.collect(),
        true => urls.map(|url| format!("https://{}/{value}.git", host(&url))).collect(),
    }
}
