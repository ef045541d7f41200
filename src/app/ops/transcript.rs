//! What an agent has run before, from its own transcripts: Claude Code's sessions, Codex' rollouts, what Gemini CLI, OpenCode and others
//! keep of their tools' calls as JSON, or lines of text such as a shell's history.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

/// Tools of other agents that run a line in a shell.
const SHELLS: [&str; 9] = [
    "run_shell_command",
    "bash",
    "shell",
    "powershell",
    "run_in_terminal",
    "run_terminal_cmd",
    "execute_command",
    "exec_command",
    "developer__shell",
];

/// A call of a tool, in the form of Claude Code's hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastCall {
    /// The directory it ran in; none where the transcript does not say.
    pub cwd: Option<String>,
    /// The tool: `Bash`, `Write`, `mcp__server__tool`, ….
    pub tool: String,
    /// Its input.
    pub input: Value,
}

/// The calls of transcripts, in order. A folder stands for all `*.jsonl` and `*.json` files below it.
///
/// # Errors
/// Where a file cannot be read.
pub fn calls(path: &Path) -> anyhow::Result<Vec<PastCall>> {
    let mut all = Vec::new();
    for file in files(path)? {
        let bytes = fs::read(&file).with_context(|| file.display().to_string())?;
        all.extend(of_text(&String::from_utf8_lossy(&bytes)));
    }
    Ok(all)
}

fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path)
        .with_context(|| path.display().to_string())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    let mut all = Vec::new();
    for entry in entries.into_iter().filter(|entry| !entry.is_symlink()) {
        if entry.is_dir() {
            all.extend(files(&entry)?);
        } else if entry.extension().is_some_and(|ext| ext == "jsonl" || ext == "json") {
            all.push(entry);
        }
    }
    Ok(all)
}

fn of_text(text: &str) -> Vec<PastCall> {
    // A session that is one JSON text.
    if let Ok(whole @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(text) {
        let cwd = whole.get("cwd").or_else(|| whole.get("directory")).and_then(Value::as_str);
        let mut all = of_claude(&whole, cwd);
        all.extend(of_codex(&whole, cwd));
        of_other(&whole, cwd, &mut all);
        return all;
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if !serde_json::from_str::<Value>(first).is_ok_and(|value| value.is_object()) {
        return text.lines().filter_map(of_history).collect();
    }
    let mut cwd = None;
    let mut all = Vec::new();
    for record in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        // Codex names the directory once for what follows, Claude Code in each record.
        let said = record.get("cwd").or_else(|| record.get("payload")?.get("cwd")).and_then(Value::as_str);
        if let Some(said) = said {
            cwd = Some(said.to_owned());
        }
        all.extend(of_claude(&record, cwd.as_deref()));
        all.extend(of_codex(&record, cwd.as_deref()));
        of_other(&record, cwd.as_deref(), &mut all);
    }
    all
}

/// The lines that tools of other agents ran, wherever in a record they stand: the tool's name, and beside it what it was given.
fn of_other(value: &Value, cwd: Option<&str>, all: &mut Vec<PastCall>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| of_other(item, cwd, all)),
        Value::Object(fields) => {
            let text = |name: &&str| fields.get(*name).and_then(Value::as_str);
            let tool = ["toolName", "tool", "name"].iter().find_map(text);
            let given = ["args", "arguments"].iter().find_map(|name| fields.get(*name));
            let given = given.or_else(|| fields.get("state")?.get("input")).filter(|given| given.is_object());
            let line = given.and_then(|given| given.get("command")).and_then(Value::as_str);
            if let (Some(given), Some(line)) =
                (given, line.filter(|_| tool.is_some_and(|t| SHELLS.contains(&t))))
            {
                let own =
                    ["workdir", "directory", "dir_path", "cwd"].iter().find_map(|name| given.get(*name));
                all.push(bash(line, own.and_then(Value::as_str).filter(|dir| dir.starts_with('/')).or(cwd)));
            } else {
                fields.values().for_each(|field| of_other(field, cwd, all));
            }
        }
        _ => {}
    }
}

/// A line of a shell's history; zsh writes the time before it (`: 1700000000:0;ls`), bash on a line of its own (`#1700000000`).
fn of_history(line: &str) -> Option<PastCall> {
    let line = match line.strip_prefix(": ").and_then(|rest| rest.split_once(';')) {
        Some((time, line)) if time.chars().all(|c| c.is_ascii_digit() || c == ':') => line,
        _ => line,
    };
    let line = line.trim();
    (!line.is_empty() && !line.starts_with('#')).then(|| bash(line, None))
}

fn bash(line: &str, cwd: Option<&str>) -> PastCall {
    PastCall { cwd: cwd.map(str::to_owned), tool: "Bash".to_owned(), input: json!({ "command": line }) }
}

fn of_claude(record: &Value, cwd: Option<&str>) -> Vec<PastCall> {
    let content = record.pointer("/message/content").and_then(Value::as_array);
    let uses =
        content.into_iter().flatten().filter(|item| item.get("type").is_some_and(|kind| kind == "tool_use"));
    uses.filter_map(|used| {
        let tool = used.get("name")?.as_str()?.to_owned();
        Some(PastCall { cwd: cwd.map(str::to_owned), tool, input: used.get("input")?.clone() })
    })
    .collect()
}

fn of_codex(record: &Value, cwd: Option<&str>) -> Option<PastCall> {
    let call =
        record.get("payload").filter(|call| call.get("type").is_some_and(|kind| kind == "function_call"))?;
    let arguments: Value = serde_json::from_str(call.get("arguments")?.as_str()?).ok()?;
    let own = arguments.get("workdir").and_then(Value::as_str).or(cwd);
    let command = arguments.get("cmd").or_else(|| arguments.get("command"))?;
    if let Some(line) = command.as_str() {
        return Some(bash(line, own));
    }
    let words: Vec<&str> = command.as_array()?.iter().filter_map(Value::as_str).collect();
    match words.as_slice() {
        // Its shell: what is told is what that runs.
        [_, option, line] if option.starts_with('-') && option.ends_with('c') => Some(bash(line, own)),
        [] => None,
        words => {
            let quoted: Vec<String> = words.iter().map(|word| rwenv_core::decide::quoted(word)).collect();
            Some(bash(&quoted.join(" "), own))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(Option<String>, String)> {
        let line = |call: PastCall| {
            let input = call.input;
            (
                call.cwd,
                input["command"].as_str().map_or_else(|| format!("{} {input}", call.tool), str::to_owned),
            )
        };
        of_text(text).into_iter().map(line).collect()
    }

    #[test]
    fn a_history_is_a_line_a_command() {
        let text = "\n: 1700000000:0;kubectl get pods\n#1700000000\nls; pwd\n: not a time;x\n{ echo; }\n";
        let all = ["kubectl get pods", "ls; pwd", ": not a time;x", "{ echo; }"];
        assert_eq!(lines(text), all.map(|line| (None, line.to_owned())));
    }

    #[test]
    fn agents_say_where_they_ran_it() {
        let claude = r#"{"type":"user","cwd":"/a","message":{"role":"user","content":"hi"}}
{"type":"assistant","cwd":"/b","message":{"content":[{"type":"text","text":"x"},{"type":"tool_use","name":"Bash","input":{"command":"ls"}},{"type":"tool_use","name":"Write","input":{"file_path":"f"}}]}}
half a rec"#;
        let b = || Some("/b".to_owned());
        assert_eq!(lines(claude), [(b(), "ls".to_owned()), (b(), r#"Write {"file_path":"f"}"#.to_owned())]);
        let codex = r#"{"type":"session_meta","payload":{"cwd":"/c"}}
{"type":"response_item","payload":{"type":"function_call","name":"shell","arguments":"{\"command\":[\"bash\",\"-lc\",\"ls | wc\"]}"}}
{"type":"response_item","payload":{"type":"function_call","name":"shell","arguments":"{\"command\":[\"echo\",\"a b\"],\"workdir\":\"/d\"}"}}
{"type":"response_item","payload":{"type":"function_call","name":"exec_command","arguments":"{\"cmd\":\"pwd\"}"}}
{"type":"response_item","payload":{"type":"function_call","name":"view_image","arguments":"{}"}}"#;
        let at = |dir: &str, line: &str| (Some(dir.to_owned()), line.to_owned());
        assert_eq!(lines(codex), [at("/c", "ls | wc"), at("/d", "echo 'a b'"), at("/c", "pwd")]);
        let gemini = r#"{"sessionId": "s", "messages": [
 {"type": "user", "content": "hi"},
 {"type": "gemini", "toolCalls": [
  {"id": "1", "name": "run_shell_command", "args": {"command": "kubectl get pods", "dir_path": "/e"}},
  {"id": "2", "name": "read_file", "args": {"file_path": "x"}}]}]}"#;
        assert_eq!(lines(gemini), [at("/e", "kubectl get pods")]);
        let opencode = "{\n \"type\": \"tool\", \"tool\": \"bash\", \"callID\": \"c\",\n \"state\": {\"status\": \"completed\", \"input\": {\"command\": \"helm list\"}}\n}";
        assert_eq!(lines(opencode), [(None, "helm list".to_owned())]);
    }
}
