//! Which server, account, project or host a call names, by the `[[target]]` rows of its tool.

use super::arguments::Arguments;
use crate::model::{Invocation, ServiceRow, ServiceTarget, Tool, Word};

/// What the call names of each kind that its tool knows; `verb` are the words of its row.
pub(super) fn of_call(
    invocation: &Invocation,
    tool: &Tool,
    verb: &[&str],
    args: &Arguments,
) -> Vec<ServiceTarget> {
    let program = invocation.program().and_then(Word::basename).unwrap_or_default();
    let rows = tool.targets.iter().filter(|row| row.programs.is_empty() || row.programs.contains(&program));
    rows.map(|row| of_row(row, invocation, verb, args)).collect()
}

fn of_row(row: &ServiceRow, invocation: &Invocation, verb: &[&str], args: &Arguments) -> ServiceTarget {
    let given = |flags: &[&str]| -> Vec<Word> {
        let all = args.flags.iter().filter(|f| flags.contains(&f.name.as_str()));
        all.filter_map(|f| f.value.clone()).collect()
    };
    let assigned = |names: &[&str]| names.iter().find_map(|name| invocation.assigned(name).cloned());
    let last = |mut words: Vec<Word>| words.pop();
    let urls = given(&row.urls);
    let arguments = if row.url_arguments { args.rest.as_slice() } else { &[] };
    let mut names: Vec<Word> = last(given(&row.flags)).into_iter().collect();
    names.extend(urls.iter().chain(arguments).filter_map(address));
    let chosen = row.chooses.iter().find_map(|entry| chosen(entry, verb, &args.rest));
    let chooses = chosen.is_some();
    if let Some(word) = chosen {
        // `az account set -s NAME`: what is chosen stands behind a flag.
        let by_flag = || args.flags.iter().rev().find_map(|flag| flag.value.clone());
        names = word.or_else(by_flag).into_iter().collect();
    } else if names.is_empty() {
        names.extend(assigned(&row.variables).filter(|word| word.as_literal() != Some("")));
    }
    let mut hints = given(&row.hints);
    hints.extend(row.hint_variables.iter().filter_map(|name| invocation.assigned(name).cloned()));
    hints.extend(args.rest.first().filter(|_| row.path_argument).cloned());
    ServiceTarget {
        kind: row.kind,
        names,
        parts: given(&row.parts).iter().flat_map(each).collect(),
        hints,
        folder: row.folder,
        variables: row.variables,
        config: row.config,
        file: last(given(&row.config_flags)).or_else(|| assigned(&row.config_variables)),
        file_variables: row.config_variables,
        alone: row.alone,
        chooses,
    }
}

/// What a call has later ones use: the word behind those of an entry, where it has one.
fn chosen(entry: &str, verb: &[&str], rest: &[Word]) -> Option<Option<Word>> {
    let literal = rest.iter().map(|word| word.as_literal().unwrap_or_default());
    let mut said = verb.iter().copied().chain(literal);
    let wanted = entry.split(' ');
    let behind = wanted.clone().count();
    for word in wanted {
        if said.next() != Some(word) {
            return None;
        }
    }
    Some(behind.checked_sub(verb.len()).and_then(|at| rest.get(at)).cloned())
}

/// The items of a list with commas.
fn each(word: &Word) -> Vec<Word> {
    match word.as_literal() {
        Some(list) => list.split(',').filter(|item| !item.is_empty()).map(Word::literal).collect(),
        None => vec![word.clone()],
    }
}

/// The address in a URL, or in a text of `name=value` pairs; none where a word is neither.
fn address(word: &Word) -> Option<Word> {
    let start = word.prefix();
    if start.contains("://") {
        return Some(word.clone());
    }
    let pair = start.split_whitespace().find_map(|pair| pair.strip_prefix("host="))?;
    Some(if word.as_literal().is_some() { Word::literal(pair) } else { Word::unknown() })
}
