//! The formats of files of targets, each read as far as it takes to know what runs.

use crate::model::TargetFormat;

/// Something a target's file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RunnerTarget {
    pub(super) name: String,
    pub(super) needs: Vec<String>,
    /// Shell lines; a recipe with a first line of its own is one text.
    pub(super) lines: Vec<String>,
}

/// A file of targets, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TargetsFile {
    pub(super) targets: Vec<RunnerTarget>,
    /// Values that are known.
    pub(super) values: Vec<(String, String)>,
    /// Those of them that recipes get in their environment.
    pub(super) exported: Vec<String>,
    /// Run whatever is asked for.
    pub(super) always: Vec<String>,
    /// Other files that belong to it, with what stands before the names of their targets.
    pub(super) includes: Vec<(String, String)>,
}

/// Takes a file apart.
pub(super) fn file(text: &str, format: TargetFormat) -> TargetsFile {
    match format {
        TargetFormat::Make => make(text),
        TargetFormat::Just => just(text),
        TargetFormat::Task => task(text),
        _ => npm(text),
    }
}

/// A text with the values that are known filled in; what is not known becomes a variable a shell does not know either.
pub(super) fn filled(text: &str, values: &[(String, String)], format: TargetFormat) -> String {
    match format {
        TargetFormat::Make => make_filled(text, values, 0),
        TargetFormat::Just | TargetFormat::Task => braces_filled(text, values),
        _ => text.to_owned(),
    }
}

/// Lines with those that end in a backslash joined to the next.
fn joined(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let (line, more) = match line.strip_suffix('\\') {
            Some(line) => (line, true),
            None => (line, false),
        };
        match out.last_mut().filter(|_| open) {
            Some(last) => {
                last.push(' ');
                last.push_str(line.trim_start());
            }
            None => out.push(line.to_owned()),
        }
        open = more;
    }
    out
}

fn make(text: &str) -> TargetsFile {
    let mut file = TargetsFile::default();
    let mut current: Vec<usize> = Vec::new();
    for line in joined(text) {
        if let Some(recipe) = line.strip_prefix('\t') {
            let recipe = recipe.trim_start_matches(['@', '-', '+', ' ', '\t']);
            for at in &current {
                file.targets.get_mut(*at).into_iter().for_each(|target| target.lines.push(recipe.to_owned()));
            }
            continue;
        }
        let bare = line.split(" #").next().unwrap_or_default().trim();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        shell_calls(bare, &mut file.always);
        let words: Vec<&str> = bare.split_whitespace().collect();
        if let Some(&("include" | "-include" | "sinclude")) = words.first() {
            file.includes.extend(words.iter().skip(1).map(|path| ((*path).to_owned(), String::new())));
        } else if let Some((name, value, runs)) = assignment(bare) {
            if runs {
                file.always.push(value.clone());
            }
            file.exported.extend((words.first() == Some(&"export")).then(|| name.clone()));
            file.values.push((name, value));
        } else if let Some(&"export") = words.first() {
            file.exported.extend(words.iter().skip(1).map(|name| (*name).to_owned()));
        } else if let Some((names, rest)) = bare.split_once(':') {
            let rest = rest.trim_start_matches(':');
            let (needs, recipe) = match rest.split_once(';') {
                Some((needs, recipe)) => (needs, Some(recipe)),
                None => (rest, None),
            };
            let first = file.targets.len();
            for name in names.split_whitespace() {
                file.targets.push(RunnerTarget {
                    name: name.to_owned(),
                    needs: needs.replace('|', " ").split_whitespace().map(str::to_owned).collect(),
                    lines: recipe
                        .map(|text| text.trim_start_matches(['@', '-', '+', ' ']).to_owned())
                        .into_iter()
                        .collect(),
                });
            }
            current = (first..file.targets.len()).collect();
        }
    }
    file
}

/// `NAME = value` in its variants; true where the value is a command whose output counts (`!=`).
fn assignment(line: &str) -> Option<(String, String, bool)> {
    let at = line.find('=')?;
    let (left, right) = line.split_at_checked(at)?;
    let name = left.trim_end_matches([':', '?', '+', '!']).trim();
    let name = name.strip_prefix("export ").or_else(|| name.strip_prefix("override ")).unwrap_or(name).trim();
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    plain
        .then(|| (name.to_owned(), right.get(1..).unwrap_or_default().trim().to_owned(), left.ends_with('!')))
}

/// Commands in `$(shell …)` run when the file is read.
fn shell_calls(line: &str, out: &mut Vec<String>) {
    for (at, _) in line.match_indices("$(shell ") {
        let rest = line.get(at + "$(shell ".len()..).unwrap_or_default();
        out.push(rest.get(..closing(rest)).unwrap_or(rest).to_owned());
    }
}

/// Where the bracket closes that was open before a text.
fn closing(text: &str) -> usize {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn make_filled(text: &str, values: &[(String, String)], depth: usize) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let first = after.chars().next();
        let (name, end) = match first {
            Some('$') => {
                out.push('$');
                rest = after.get(1..).unwrap_or_default();
                continue;
            }
            Some('(') => {
                let inner = after.get(1..).unwrap_or_default();
                let close = closing(inner);
                (inner.get(..close).unwrap_or(inner), close + 2)
            }
            Some('{') => {
                let close = after.find('}').unwrap_or(after.len());
                (after.get(1..close).unwrap_or_default(), close + 1)
            }
            Some(c) => (after.get(..c.len_utf8()).unwrap_or_default(), c.len_utf8()),
            None => ("", 0),
        };
        let value = values.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        match (value, name) {
            (Some(value), _) if depth < 8 => out.push_str(&make_filled(value, values, depth + 1)),
            (None, "MAKE") => out.push_str("make"),
            (None, "SHELL") => out.push_str("sh"),
            _ => out.push_str("${__}"),
        }
        rest = after.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn just(text: &str) -> TargetsFile {
    let mut file = TargetsFile::default();
    // They stand behind: the first recipe is the one that runs where none is named.
    let mut aliases = Vec::new();
    for line in joined(text) {
        let indented = line.starts_with([' ', '\t']);
        let bare = line.trim();
        if bare.is_empty() {
            continue;
        }
        if indented {
            if let Some(target) = file.targets.last_mut() {
                let script = target.lines.first().is_some_and(|first| first.starts_with("#!"));
                match target.lines.first_mut().filter(|_| script) {
                    Some(first) => first.push_str(&format!("\n{bare}")),
                    None => target.lines.push(bare.trim_start_matches(['@', '-']).to_owned()),
                }
            }
            continue;
        }
        if bare.starts_with(['#', '[']) {
            continue;
        }
        if let Some((name, value)) = bare.split_once(":=") {
            let name = name.trim();
            if let Some(alias) = name.strip_prefix("alias ") {
                let needs = vec![value.trim().to_owned()];
                aliases.push(RunnerTarget { name: alias.trim().to_owned(), needs, lines: Vec::new() });
            } else {
                let value = value.trim();
                let name = name.strip_prefix("export ").unwrap_or(name).trim().to_owned();
                if let Some(command) = value.strip_prefix('`').and_then(|v| v.strip_suffix('`')) {
                    file.always.push(command.to_owned());
                } else if let Some(text) = unquoted(value) {
                    file.values.push((name, text));
                }
            }
        } else if let Some(path) = bare.strip_prefix("import ").or_else(|| bare.strip_prefix("import? ")) {
            file.includes.extend(unquoted(path.trim()).map(|path| (path, String::new())));
        } else if let Some((head, needs)) = bare.split_once(':') {
            let name = head.split_whitespace().next().unwrap_or_default().trim_start_matches('@').to_owned();
            let needs = needs.replace("&&", " ").replace(['(', ')'], " ");
            let needs = needs.split_whitespace().map(str::to_owned).collect();
            file.targets.push(RunnerTarget { name, needs, lines: Vec::new() });
        }
    }
    file.targets.extend(aliases);
    file
}

fn unquoted(text: &str) -> Option<String> {
    let inner = ['"', '\''].iter().find_map(|q| text.strip_prefix(*q)?.strip_suffix(*q));
    inner.map(str::to_owned)
}

/// `{{name}}`, `{{.NAME}}`.
fn braces_filled(text: &str, values: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, behind) = after.split_once("}}").unwrap_or((after, ""));
        let name = name.trim().trim_start_matches('.');
        match values.iter().rev().find(|(known, _)| known == name) {
            Some((_, value)) => out.push_str(value),
            None => out.push_str("${__}"),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// A Taskfile by its indentation: YAML as people write it there, read without a parser the hook would have to carry.
fn task(text: &str) -> TargetsFile {
    let mut file = TargetsFile::default();
    let mut section = String::new();
    let mut names: Option<usize> = None;
    let mut key = String::new();
    let mut block: Option<usize> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let bare = line.trim();
        if let Some(open) = block {
            if bare.is_empty() || indent > open {
                let lines = file.targets.last_mut().map(|target| &mut target.lines);
                lines.and_then(|lines| lines.last_mut()).into_iter().for_each(|last| {
                    last.push('\n');
                    last.push_str(bare);
                });
                continue;
            }
            block = None;
        }
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        if indent == 0 {
            bare.trim_end_matches(':').clone_into(&mut section);
            names = None;
            continue;
        }
        let depth = *names.get_or_insert(indent);
        let item = bare.strip_prefix("- ");
        let (name, value) = item.unwrap_or(bare).split_once(':').map_or(("", ""), |(n, v)| (n, v.trim()));
        let name = name.trim_matches(['"', '\'']);
        match section.as_str() {
            "vars" | "env" if indent == depth => file.values.push((name.to_owned(), plain(value))),
            "includes" if indent == depth && !value.is_empty() => {
                file.includes.push((taskfile(&plain(value)), format!("{name}:")));
                name.clone_into(&mut key);
            }
            "includes" if indent == depth => name.clone_into(&mut key),
            "includes" if name == "taskfile" => {
                file.includes.push((taskfile(&plain(value)), format!("{key}:")))
            }
            "tasks" if indent == depth => {
                // Names of tasks may hold colons: the last one that ends the line, or stands before a blank.
                let (name, value) = match bare.strip_suffix(':') {
                    Some(name) => (name, ""),
                    None => bare.split_once(": ").unwrap_or((bare, "")),
                };
                let lines = if value.is_empty() { Vec::new() } else { vec![plain(value)] };
                let name = name.trim_matches(['"', '\'']).to_owned();
                file.targets.push(RunnerTarget { name, needs: Vec::new(), lines });
                key.clear();
            }
            "tasks" => task_line((indent, item, name, value), &mut key, &mut block, &mut file),
            _ => {}
        }
        if name == "sh" && section != "tasks" {
            file.always.push(plain(value));
        }
    }
    file
}

/// A line of one task.
fn task_line(
    (indent, item, name, value): (usize, Option<&str>, &str, &str),
    key: &mut String,
    block: &mut Option<usize>,
    file: &mut TargetsFile,
) {
    let Some(target) = file.targets.last_mut() else { return };
    let runs = |key: &str| matches!(key, "cmds" | "cmd" | "status" | "preconditions" | "sh" | "defer");
    let mut add = |text: &str| {
        let text = plain(text);
        if text.starts_with('|') || text.starts_with('>') {
            *block = Some(indent);
            target.lines.push(String::new());
        } else {
            target.lines.push(text);
        }
    };
    match (item, name) {
        (_, "task") => target.needs.push(plain(value)),
        (_, "cmd" | "sh" | "defer") => add(value),
        (Some(text), _) if key == "deps" => target.needs.push(plain(text)),
        (Some(text), _) if runs(key) => add(text),
        (None, "deps") if value.starts_with('[') => {
            target.needs.extend(value.trim_matches(['[', ']']).split(',').map(plain));
        }
        (None, _) if value.is_empty() => name.clone_into(key),
        (None, _) if runs(name) => add(value),
        _ => {}
    }
}

/// The file an include names: a folder holds one of its own.
fn taskfile(path: &str) -> String {
    if path.ends_with(".yml") || path.ends_with(".yaml") {
        path.to_owned()
    } else {
        format!("{path}/Taskfile.yaml")
    }
}

fn plain(value: &str) -> String {
    let value = value.trim();
    unquoted(value).unwrap_or_else(|| value.to_owned())
}

fn npm(text: &str) -> TargetsFile {
    let mut file = TargetsFile::default();
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    for (name, line) in json.get("scripts").and_then(|scripts| scripts.as_object()).into_iter().flatten() {
        let lines = line.as_str().map(str::to_owned).into_iter().collect();
        file.targets.push(RunnerTarget { name: name.clone(), needs: Vec::new(), lines });
    }
    file
}
