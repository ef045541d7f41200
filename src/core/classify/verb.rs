//! Which row of a tool's table a call is: its verb, found among the flags that may stand before it.

use crate::model::glob;
use crate::model::{Command, Flags, Grammar, Tool, Word};

/// The verb and what stands behind it, without flags that stood before it moved out of sight: they come first.
/// Rows that other programs of the tool have do not count. None: no verb at all. An error: a verb that is in no row, or that is not
/// known.
pub(super) fn find_verb(
    words: &[Word],
    (tool, program): (&'static Tool, &str),
) -> Result<Option<(&'static Command, Vec<Word>)>, String> {
    if let Some(command) = without_verbs(tool) {
        return Ok(Some((command, words.to_vec())));
    }
    let mut found: Option<&'static Command> = None;
    let mut path: Vec<&str> = Vec::new();
    let mut before: Vec<Word> = Vec::new();
    let mut at = 0;
    // Behind the verb that was found, and how many flags stood before it.
    let mut behind = (0, 0);
    while let Some(word) = words.get(at) {
        let Some(text) = word.as_literal() else {
            let operand = found.is_none() && path.is_empty() && is_operand(word, tool);
            if !operand && found.is_none_or(|c| c.group) && !is_known_flag(word, tool) {
                return Err(format!("the verb is computed at run time ('{}')", word.display()));
            }
            if operand || found.is_some() {
                break;
            }
            before.push(word.clone());
            at += 1;
            continue;
        };
        if text == "--" {
            break;
        }
        if text.len() > 1 && text.starts_with('-') {
            if found.is_some_and(|c| !c.group) {
                break;
            }
            before.push(word.clone());
            at += 1;
            if swallows(text, tool) {
                before.extend(words.get(at).cloned());
                at += 1;
            }
            continue;
        }
        at += 1;
        if path.is_empty() && tool.tracks.contains(&text) {
            continue;
        }
        path.push(own(&path, text, tool));
        let has = |row: &&'static Command| row.programs.is_empty() || row.programs.contains(&program);
        if let Some(command) = tool.commands.as_slice().iter().filter(has).find(|c| *c.path == *path) {
            found = Some(command);
            behind = (at, before.len());
        } else if !tool.commands.iter().any(|c| c.path.len() > path.len() && c.path.starts_with(&path)) {
            break;
        }
    }
    if found.is_none_or(|c| c.group)
        && let Some(hit) = by_last_word(words, tool)
    {
        return Ok(Some(hit));
    }
    if found.is_none()
        && let Some(command) = tool.commands.iter().find(|c| c.path.is_empty())
    {
        return Ok(Some((command, words.to_vec())));
    }
    match (found, path.first()) {
        (Some(command), _) => {
            before.truncate(behind.1);
            before.extend(words.get(behind.0..).unwrap_or_default().iter().cloned());
            Ok(Some((command, before)))
        }
        (None, Some(first)) => {
            Err(format!("'{first}' is not a known {} command; it may be a plugin", tool.name))
        }
        (None, None) => Ok(None),
    }
}

/// The word as the rows write it behind these: an alias stands for its row's own last word, so that it also leads to what is below that row.
fn own<'t>(path: &[&str], word: &'t str, tool: &Tool) -> &'t str {
    let mut below = tool.commands.iter().filter(|c| c.path.starts_with(path));
    if below.clone().any(|c| c.path.get(path.len()) == Some(&word)) {
        return word;
    }
    let named = below.find(|c| c.path.len() == path.len() + 1 && c.aliases.contains(&word));
    named.and_then(|c| c.path.last()).copied().unwrap_or(word)
}

/// What a tool does that has no verbs: none of it is computed.
fn without_verbs(tool: &'static Tool) -> Option<&'static Command> {
    match tool.commands.as_slice() {
        [command] if command.path.is_empty() => Some(command),
        _ => None,
    }
}

/// True for a word that no verb begins like, of a tool that works without verbs (`sops -e -i secrets/$SITE.yaml`).
fn is_operand(word: &Word, tool: &Tool) -> bool {
    let start = word.prefix();
    let verbs = || tool.commands.iter().filter_map(|c| c.path.first());
    !start.is_empty()
        && !start.starts_with('-')
        && tool.commands.iter().any(|c| c.path.is_empty())
        && !verbs().any(|verb| verb.starts_with(start))
}

/// True for a listed flag of which only the value is computed (`-chdir=$DIR`): the verb is another word.
fn is_known_flag(word: &Word, tool: &Tool) -> bool {
    let Some((name, _)) = word.prefix().split_once('=') else { return false };
    let name = listed(name, tool);
    let Flags { value, optional, switch } = tool.globals;
    name.starts_with('-') && [value, optional, switch].iter().any(|list| list.contains(&name.as_str()))
}

/// Both readings of a call where a flag that stands in no list comes before the verb: the next word is the verb, or it is the flag's
/// value. None where there is no such flag.
pub(super) fn readings(words: &[Word], tool: &Tool) -> Option<[Vec<Word>; 2]> {
    if tool.commands.iter().all(|command| command.path.is_empty()) {
        return None;
    }
    let mut at = 0;
    loop {
        let text = words
            .get(at)?
            .as_literal()
            .filter(|text| text.len() > 1 && text.starts_with('-') && *text != "--")?;
        let name = listed(text, tool);
        let Flags { value, optional, switch } = tool.globals;
        let clustered =
            tool.grammar != Grammar::Goflag && !text.starts_with("--") && text.chars().count() > 2;
        if value.contains(&name.as_str()) {
            at += 2;
        } else if text.contains('=')
            || clustered
            || [optional, switch].iter().any(|l| l.contains(&name.as_str()))
        {
            at += 1;
        } else {
            let next = words.get(at + 1)?.as_literal()?;
            let (before, behind) = (words.get(..at)?, words.get(at + 1..)?);
            let apart = [before, &[Word::literal(format!("{text}="))], behind].concat();
            let joined = [before, &[Word::literal(format!("{text}={next}"))], behind.get(1..)?].concat();
            return Some([apart, joined]);
        }
    }
}

/// A flag as the tool's lists write it.
fn listed(text: &str, tool: &Tool) -> String {
    if tool.grammar == Grammar::Goflag {
        format!("-{}", text.trim_start_matches('-'))
    } else {
        text.replace('_', "-")
    }
}

/// Before the verb cobra takes the next word for a flag's value, unless the flag is known to need none. Others know their flags.
fn swallows(text: &str, tool: &Tool) -> bool {
    if text.contains('=') {
        return false;
    }
    let name = listed(text, tool);
    let globals = &tool.globals;
    if tool.grammar == Grammar::Goflag {
        return globals.value.contains(&name.as_str());
    }
    if text.starts_with("--") || text.chars().count() == 2 {
        return !globals.switch.contains(&name.as_str()) && !globals.optional.contains(&name.as_str());
    }
    false
}

/// `gcloud`'s many groups end in the same few verbs: `["*", "list"]` is any words and one that reads like the last.
fn by_last_word(words: &[Word], tool: &'static Tool) -> Option<(&'static Command, Vec<Word>)> {
    let globs: Vec<&Command> = tool.commands.iter().filter(|c| c.path.first() == Some(&"*")).collect();
    if globs.is_empty() {
        return None;
    }
    let mut at = 0;
    let mut seen = 0;
    let mut before: Vec<Word> = Vec::new();
    while let Some(text) = words.get(at).and_then(Word::as_literal) {
        at += 1;
        if text.starts_with('-') {
            let end = at + usize::from(swallows(text, tool) && tool.globals.value.contains(&text));
            before.extend(words.get(at - 1..end).unwrap_or_default().iter().cloned());
            at = end;
            continue;
        }
        seen += 1;
        let last = |c: &&&Command| c.path.last().is_some_and(|p| glob(p, text)) || c.aliases.contains(&text);
        if let Some(command) = globs.iter().find(last).filter(|_| seen > 1) {
            before.extend(words.get(at..).unwrap_or_default().iter().cloned());
            return Some((command, before));
        }
    }
    None
}
