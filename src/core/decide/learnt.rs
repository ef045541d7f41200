//! What a typed line takes from elsewhere: files that it sources, and what the agent's shell defines.

use super::plan::Plan;
use super::written::WrittenContent;
use crate::classify;
use crate::model::{Facts, Invocation, Script, Word};
use crate::shell::{self, Analysis};

/// Most texts from elsewhere that count for one line.
const MOST: usize = 16;

impl Plan {
    /// True where a value says what runs: a program, or the verb of a tool.
    pub(super) fn runs_values(analysis: &Analysis) -> bool {
        let tools = classify::tools();
        let computed = |invocation: &Invocation| {
            let mut words = invocation.argv.iter().skip(1).filter(|word| !word.prefix().starts_with('-'));
            let verb = words.next().is_some_and(|word| word.as_literal().is_none());
            let name = invocation.program().and_then(Word::basename);
            name.is_some_and(|name| verb && tools.tool(name).is_some())
        };
        !analysis.opaque.is_empty() || analysis.invocations.iter().any(computed)
    }

    /// Values of files: of those that the line writes itself, what it writes counts, if that is known.
    pub(super) fn take_values(&mut self, values: Vec<String>) {
        for path in values {
            let said =
                self.written.iter().rev().find_map(|written| written.says(std::slice::from_ref(&path)));
            match said {
                None => self.values.push(path),
                Some(WrittenContent::Text(text)) => self.made_sources.push((path, text)),
                Some(_) => {}
            }
        }
    }

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
        let mut values = std::mem::take(&mut self.values);
        // A program that reads a file and a line that runs what it prints may ask for the same one.
        values.sort();
        values.dedup();
        for path in values {
            match facts.script(&path) {
                None => self.values.push(path),
                Some(Script::Text(text))
                    if self.sourced.iter().chain(&more).all(|(known, _)| *known != path) =>
                {
                    more.push((path, text.clone()));
                }
                Some(_) => {}
            }
        }
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
