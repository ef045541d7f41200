//! Taskfiles, read as far as it takes to know what tasks run.

use super::read::{RunnerTarget, TargetsFile, plain};

/// A Taskfile by its indentation: YAML as people write it there, read without a parser the hook would have to carry.
pub(super) fn read(text: &str) -> TargetsFile {
    if text.trim_start().starts_with('{') {
        return json(text);
    }
    let mut file = TargetsFile::default();
    let mut section = String::new();
    let mut names: Option<usize> = None;
    let mut key = String::new();
    let mut block: Option<OpenBlock> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let bare = line.trim();
        if let Some(open) = &block {
            if bare.is_empty() || indent > open.indent {
                let lines = file.targets.last_mut().map(|target| &mut target.lines);
                lines.and_then(|lines| lines.last_mut()).into_iter().for_each(|last| {
                    last.push(if open.folded && !bare.is_empty() { ' ' } else { '\n' });
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
            let (name, value) = bare.split_once(':').unwrap_or((bare, ""));
            name.clone_into(&mut section);
            if name == "dotenv" {
                file.env_files.extend(listed(value));
            }
            for (name, value) in flow_map(value.trim()) {
                variable(&mut file, name, value);
            }
            names = None;
            continue;
        }
        let depth = *names.get_or_insert(indent);
        let item = bare.strip_prefix("- ");
        let (name, value) = item.unwrap_or(bare).split_once(':').map_or(("", ""), |(n, v)| (n, v.trim()));
        let name = name.trim_matches(['"', '\'']);
        match section.as_str() {
            "dotenv" => file.env_files.extend(item.map(plain)),
            "vars" | "env" if indent == depth => variable(&mut file, name, value),
            "includes" if indent == depth && !value.is_empty() => {
                file.includes.extend(taskfile(&plain(value)).map(|path| (path, format!("{name}:"))));
                name.clone_into(&mut key);
            }
            "includes" if indent == depth => name.clone_into(&mut key),
            "includes" if name == "taskfile" => {
                file.includes.extend(taskfile(&plain(value)).map(|path| (path, format!("{key}:"))));
            }
            "tasks" if indent == depth => {
                // Names of tasks may hold colons: the last one that ends the line, or stands before a blank.
                let (name, value) = match bare.strip_suffix(':') {
                    Some(name) => (name, ""),
                    None => bare.split_once(": ").unwrap_or((bare, "")),
                };
                let lines = values(value);
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

/// The texts of a list in one line (`['.env', "b"]`).
fn listed(value: &str) -> Vec<String> {
    let inner = value.trim().trim_start_matches('[').trim_end_matches(']');
    inner.split(',').map(plain).filter(|text| !text.is_empty()).collect()
}

/// A line of one task.
fn task_line(
    (indent, item, name, value): (usize, Option<&str>, &str, &str),
    key: &mut String,
    block: &mut Option<OpenBlock>,
    file: &mut TargetsFile,
) {
    let Some(target) = file.targets.last_mut() else { return };
    let runs = |key: &str| matches!(key, "cmds" | "cmd" | "status" | "preconditions" | "sh" | "defer");
    file.unclear |= value.starts_with('*') || item.is_some_and(|text| text.starts_with('*'));
    let mut add = |text: &str| {
        if text.starts_with(['|', '>']) {
            *block = Some(OpenBlock { indent, folded: text.starts_with('>') });
            target.lines.push(String::new());
        } else {
            target.lines.extend(values(text));
        }
    };
    match (item, name) {
        (_, "task") => target.needs.push(plain(value)),
        (_, "cmd" | "sh" | "defer") => add(value),
        (Some(text), _) if key == "deps" => target.needs.push(plain(text)),
        (Some(text), _) if runs(key) || key.is_empty() => add(text),
        (None, "deps") if value.starts_with('[') => {
            target.needs.extend(value.trim_matches(['[', ']']).split(',').map(plain));
        }
        (None, _) if value.is_empty() => name.clone_into(key),
        (None, _) if runs(name) => add(value),
        _ => {}
    }
}

/// A text of several lines that is being read.
struct OpenBlock {
    indent: usize,
    /// Its lines are one.
    folded: bool,
}

/// The files an include may name: a folder holds one of its own.
fn taskfile(path: &str) -> impl Iterator<Item = String> + use<> {
    let file = path.ends_with(".yml") || path.ends_with(".yaml");
    let names = if file { ["", ""] } else { ["/Taskfile.yml", "/Taskfile.yaml"] };
    let path = path.to_owned();
    names.into_iter().take(if file { 1 } else { 2 }).map(move |name| format!("{path}{name}"))
}

/// A variable: a text, or `{sh: COMMAND}`.
fn variable(file: &mut TargetsFile, name: &str, value: &str) {
    let command =
        flow_map(value).into_iter().find(|(name, _)| *name == "sh").map(|(_, command)| scalar(command));
    match command {
        Some(command) => file.always.push(command),
        None => file.values.push((name.to_owned(), scalar(value))),
    }
}

/// A scalar, or the items of a list in brackets.
fn values(value: &str) -> Vec<String> {
    match value.strip_prefix('[').and_then(|rest| rest.trim_end().strip_suffix(']')) {
        Some(list) => pieces(list).into_iter().map(scalar).filter(|text| !text.is_empty()).collect(),
        None => Some(scalar(value)).filter(|text| !text.is_empty()).into_iter().collect(),
    }
}

/// The pairs of a map in braces.
fn flow_map(value: &str) -> Vec<(&str, &str)> {
    let inner = value.strip_prefix('{').and_then(|rest| rest.trim_end().strip_suffix('}'));
    let pairs = inner.map(pieces).unwrap_or_default().into_iter();
    pairs
        .filter_map(|pair| {
            pair.split_once(':').map(|(name, value)| (name.trim().trim_matches('"'), value.trim()))
        })
        .collect()
}

/// A text at its commas, as far as they stand in no quotes.
fn pieces(text: &str) -> Vec<&str> {
    let (mut out, mut open, mut start) = (Vec::new(), None, 0);
    for (at, c) in text.char_indices() {
        match (open, c) {
            (None, '"' | '\'') => open = Some(c),
            (Some(quote), c) if quote == c => open = None,
            (None, ',') => {
                out.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    out.extend(text.get(start..));
    out
}

/// A value without quotes, and without the comment behind it.
fn scalar(value: &str) -> String {
    let value = value.trim();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let quoted = quote.and_then(|quote| value.get(1..)?.split_once(quote));
    match quoted {
        Some((inner, rest)) if rest.trim().is_empty() || rest.trim().starts_with('#') => inner.to_owned(),
        _ => plain(value.split(" #").next().unwrap_or_default()),
    }
}

/// The same as JSON.
fn json(text: &str) -> TargetsFile {
    let mut file = TargetsFile::default();
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    for (name, task) in json.get("tasks").and_then(|tasks| tasks.as_object()).into_iter().flatten() {
        let list = |key: &str| task.get(key).and_then(|list| list.as_array()).cloned().unwrap_or_default();
        let own = task.as_array().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| {
            value.as_str().or_else(|| value.get("cmd").and_then(|cmd| cmd.as_str())).map(str::to_owned)
        };
        let commands = task.as_str().map(str::to_owned).into_iter();
        let lines = commands.chain(list("cmds").iter().chain(&own).filter_map(text)).collect();
        let needed = list("deps").into_iter().chain(list("cmds"));
        let named =
            |need: serde_json::Value| need.as_str().or_else(|| need.get("task")?.as_str()).map(str::to_owned);
        let needs = needed.filter_map(named).collect();
        file.targets.push(RunnerTarget { name: name.clone(), needs, lines });
    }
    file
}
