//! What a typed line takes from elsewhere: files that it sources, and what the agent's shell defines.

use super::plan::Plan;
use crate::classify;
use crate::model::{Facts, Script, Word};
use crate::shell;

/// Most texts from elsewhere that count for one line.
const MOST: usize = 16;

impl Plan {
    /// Names that the line runs and none of our tables knows.
    pub(super) fn unknown_names(&self) -> Vec<String> {
        let tools = classify::tools();
        let known = |name: &str| {
            tools.is_inert(name)
                || tools.canonical_name(name).is_some()
                || tools.language(name).is_some()
                || tools.runner(name).is_some()
        };
        let names = self.others.iter().filter_map(|other| other.program()?.as_literal());
        let names = names.filter(|name| !name.contains('/') && !name.is_empty() && !known(name));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names.truncate(MOST);
        names
    }

    /// All texts that count, where the line makes some that it sources.
    pub(super) fn made_and_sourced(&mut self) -> Option<Vec<(String, String)>> {
        let mut more = std::mem::take(&mut self.made_sources);
        more.retain(|(path, _)| self.sourced.iter().all(|(known, _)| known != path));
        if more.is_empty() || self.sourced.len() >= MOST {
            return None;
        }
        Some(self.sourced.iter().cloned().chain(more).collect())
    }

    /// All texts that count, where there are some that were not known when the line was planned.
    pub(super) fn learnt(&mut self, facts: &Facts) -> Option<Vec<(String, String)>> {
        let mut more = self.newly_sourced(facts);
        for name in std::mem::take(&mut self.names) {
            match facts.defined(&name) {
                None => self.names.push(name),
                Some(text) => {
                    let key = format!("{}{name}", shell::DEFINED);
                    let new = self.sourced.iter().all(|(known, _)| *known != key);
                    more.extend(text.filter(|_| new).map(|text| (key, text.to_owned())));
                }
            }
        }
        if more.is_empty() || self.sourced.len() >= MOST {
            return None;
        }
        let mut all = std::mem::take(&mut self.sourced);
        all.extend(more);
        Some(all)
    }

    /// The texts of files that the line sources which were not known when it was planned.
    fn newly_sourced(&self, facts: &Facts) -> Vec<(String, String)> {
        let scripts = self.pending.iter().filter(|pending| self.typed && pending.script.is_some());
        let sources = scripts.filter(|pending| {
            matches!(pending.invocation.program().and_then(Word::basename), Some("source" | "."))
        });
        let places = sources.flat_map(|pending| &pending.places);
        let known = |path: &&String| self.sourced.iter().all(|(known, _)| known != *path);
        let text = |path: &String| match facts.script(path) {
            Some(Script::Text(text)) => Some((path.clone(), text.clone())),
            _ => None,
        };
        places.filter(known).filter_map(text).collect()
    }
}
