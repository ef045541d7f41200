//! Files of variables (`.env`, `.envrc`, `mise.toml`) that a program reads before it starts another: what they set counts for what runs.

use super::plan::Plan;
use super::touch::ProgramCall;
use crate::classify;
use crate::model::{Assigned, Invocation, Word, behind_program, files_named, normalize};

/// Most variables of one file that count.
const MOST: usize = 64;
/// Words of a call in whose folders a file may lie.
const FOLDERS: usize = 4;

impl Plan {
    /// What the files set that a call names, or that its program looks for by itself.
    pub(super) fn set_by_files(&mut self, by: &Invocation) -> Vec<Assigned> {
        let Some(name) = by.program().and_then(Word::basename) else { return Vec::new() };
        let tables = classify::tools();
        let call = ProgramCall { name, words: by.argv.iter().skip(1).collect(), cwd: &by.cwd };
        let mut files = call.named(&tables.programs.env_files);
        for file in tables.programs.env_defaults.iter().filter_map(|entry| behind_program(entry, name)) {
            files.push(Word::literal(file));
            let folders = by.argv.iter().skip(1).take(FOLDERS).filter_map(Word::as_literal);
            let folders = folders.filter(|folder| !folder.starts_with('-'));
            files.extend(folders.map(|folder| Word::literal(format!("{folder}/{file}"))));
        }
        if files.is_empty() { Vec::new() } else { self.set_by(&files, by) }
    }

    /// What files of variables set, as far as they are known; the others are asked for.
    pub(super) fn set_by(&mut self, files: &[Word], by: &Invocation) -> Vec<Assigned> {
        let mut all = Vec::new();
        for path in files.iter().flat_map(|file| files_named(file, &by.cwd)) {
            match self.sourced.iter().find(|(known, _)| *known == path) {
                Some((_, text)) => all.extend(assignments(text, &path)),
                None if self.typed && !path.contains('*') => self.take_values(vec![path]),
                None => {}
            }
        }
        all
    }
}

/// The lines `NAME=value` of a file, also behind `export`; with blanks around the sign, or between the two, as in other formats.
fn assignments(text: &str, path: &str) -> Vec<Assigned> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut all = Vec::new();
    for line in text.lines().map(str::trim) {
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let value =
            ['"', '\''].iter().find_map(|q| value.strip_prefix(*q)?.split(*q).next()).unwrap_or(value);
        all.push(Assigned { name: name.to_owned(), value: meant(value, folder) });
    }
    all.truncate(MOST);
    all
}

/// A value, with the folder of the file where it names that.
fn meant(value: &str, folder: &str) -> Word {
    let here = ["$PWD", "${PWD}", "{{config_root}}", "{{ config_root }}", "$(pwd)"];
    if let Some(rest) = here.iter().find_map(|name| value.strip_prefix(name)) {
        return Word::literal(normalize(&format!("{folder}{rest}")));
    }
    if value.contains('$') || value.contains("{{") { Word::unknown() } else { Word::literal(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_any_format_set_variables() {
        let text = "# K=no\nexport KUBECONFIG=$PWD/k\nA='b c' # d\n[env]\nB = \"{{config_root}}/x\"\nC=$OTHER\nnot a line\nif [ 1 = 2 ]\n";
        let all = assignments(text, "/w/.env");
        let told: Vec<String> =
            all.iter().map(|set| format!("{}={}", set.name, set.value.display())).collect();
        assert_eq!(told, ["KUBECONFIG=/w/k", "A=b c", "B=/w/x", "C=…"]);
    }
}
