//! The formats of files of targets, each read as far as it takes to know what runs.

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
    /// Files whose variables recipes get.
    pub(super) env_files: Vec<String>,
    /// Variables that the environment may set.
    pub(super) open: Vec<String>,
    /// What is run may stand in a place that is not followed.
    pub(super) unclear: bool,
}

/// Lines with those that end in a backslash joined to the next.
pub(super) fn joined(text: &str) -> Vec<String> {
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

pub(super) fn just(text: &str) -> TargetsFile {
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
            if let Some(setting) = name.strip_prefix("set dotenv-") {
                file.env_files.extend(dotenv(setting, value));
            } else if let Some(alias) = name.strip_prefix("alias ") {
                let needs = vec![value.trim().to_owned()];
                aliases.push(RunnerTarget { name: alias.trim().to_owned(), needs, lines: Vec::new() });
            } else {
                let value = value.trim();
                let name = name.strip_prefix("export ").unwrap_or(name).trim().to_owned();
                if let Some(command) = value.strip_prefix('`').and_then(|v| v.strip_suffix('`')) {
                    file.always.push(command.to_owned());
                } else if let Some(text) = expression(value, &file.values) {
                    file.values.push((name, text));
                }
            }
        } else if let Some(setting) = bare.strip_prefix("set dotenv-") {
            file.env_files.extend(dotenv(setting, "true"));
        } else if let Some(path) = bare.strip_prefix("import ").or_else(|| bare.strip_prefix("import? ")) {
            file.includes.extend(unquoted(path.trim()).map(|path| (path, String::new())));
        } else if let Some((head, needs)) = bare.split_once(':') {
            let name = head.split_whitespace().next().unwrap_or_default().trim_start_matches('@').to_owned();
            // Defaults of parameters may be commands.
            file.always.extend(head.split('`').skip(1).step_by(2).map(str::to_owned));
            let needs = needs.replace("&&", " ").replace(['(', ')'], " ");
            let needs = needs.split_whitespace().map(str::to_owned).collect();
            file.targets.push(RunnerTarget { name, needs, lines: Vec::new() });
        }
    }
    file.targets.extend(aliases);
    file
}

/// The file of variables that a setting of just's names.
fn dotenv(setting: &str, value: &str) -> Option<String> {
    match setting.trim() {
        "load" | "required" => (value.trim() != "false").then(|| ".env".to_owned()),
        "filename" | "path" => unquoted(value.trim()),
        _ => None,
    }
}

/// Names by which just and task know the home directory.
const HOMES: [&str; 8] = [
    "HOME",
    "home_directory()",
    "home_dir()",
    "env('HOME')",
    "env(\"HOME\")",
    "env_var('HOME')",
    "env_var(\"HOME\")",
    "env \"HOME\"",
];
/// Functions by which just names the folder it runs in.
const HERE: [&str; 4] =
    ["justfile_directory()", "invocation_directory()", "justfile_dir()", "invocation_dir()"];

/// What an expression of just comes to, where its pieces are literals, known names or commands; of alternatives the first.
fn expression(text: &str, values: &[(String, String)]) -> Option<String> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("if ") {
        let then = rest.split_once('{')?.1.split('}').next()?;
        return expression(then, values);
    }
    if let Some(command) = text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        return Some(format!("$({command})"));
    }
    if let Some(text) = unquoted(text).filter(|inner| !inner.contains(['"', '\''])) {
        return Some(text);
    }
    if let Some((_, value)) = values.iter().rev().find(|(known, _)| known == text) {
        return Some(value.clone());
    }
    if HOMES.contains(&text) {
        return Some("${HOME}".to_owned());
    }
    if HERE.contains(&text) {
        return Some(".".to_owned());
    }
    let (first, rest) = text.split_once('+').or_else(|| text.split_once('/'))?;
    let between = if text.contains('+') { "" } else { "/" };
    Some(format!("{}{between}{}", expression(first, values)?, expression(rest, values)?))
}

pub(super) fn unquoted(text: &str) -> Option<String> {
    let inner = ['"', '\''].iter().find_map(|q| text.strip_prefix(*q)?.strip_suffix(*q));
    inner.map(str::to_owned)
}

/// `{{name}}`, `{{.NAME}}`.
pub(super) fn braces_filled(text: &str, values: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, behind) = after.split_once("}}").unwrap_or((after, ""));
        let name = name.trim().trim_start_matches('.');
        match values.iter().rev().find(|(known, _)| known == name) {
            Some((_, value)) => out.push_str(value),
            None => out.push_str(&expression(name, values).unwrap_or_else(|| "${__}".to_owned())),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

pub(super) fn plain(value: &str) -> String {
    let value = value.trim();
    unquoted(value).unwrap_or_else(|| value.to_owned())
}

pub(super) fn npm(text: &str) -> TargetsFile {
    let mut file = TargetsFile::default();
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    for (name, line) in json.get("scripts").and_then(|scripts| scripts.as_object()).into_iter().flatten() {
        let lines = line.as_str().map(str::to_owned).into_iter().collect();
        file.targets.push(RunnerTarget { name: name.clone(), needs: Vec::new(), lines });
    }
    let workspaces = json.get("workspaces").map(|all| all.get("packages").unwrap_or(all));
    let folders =
        workspaces.and_then(|all| all.as_array()).into_iter().flatten().filter_map(|one| one.as_str());
    file.includes.extend(folders.map(|folder| (format!("{folder}/package.json"), String::new())));
    file
}
