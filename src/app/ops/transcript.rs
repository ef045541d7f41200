//! What an agent has run before, from its own transcripts: Claude Code's sessions, Codex' rollouts, or lines of text such as a shell's
//! history.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

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

/// The calls of transcripts, in order. A folder stands for all `*.jsonl` files below it.
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
        } else if entry.extension().is_some_and(|ext| ext == "jsonl") {
            all.push(entry);
        }
    }
    Ok(all)
}

fn of_text(text: &str) -> Vec<PastCall> {
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
    }
    all
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
    }
}
